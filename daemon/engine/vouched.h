// What is taken only of whom resultsd knows: approvals, overrides, policies, keys. Over HTTP it has asked them; on Kafka, to which others can write,
// the header with who said it bears the seal that says so. Pure; any thread.
#pragma once

#include <optional>

#include "daemon/engine/engine.h"
#include "pipeline/facts/kind.h"

namespace vtq {

/// Why the event is not taken, for nobody vouches for who said it. `check` has passed it. `said`: it is known who said it. `header`: it bears a
/// header with who did, which is no good.
inline std::optional<Rejection> not_vouched_for(const EngineOptions& options, const v1::Event& event, bool said, bool header = false) {
  if (!options.vouched || said || !must_be_vouched_for(event)) return std::nullopt;
  return Rejection{
      fact_name(event), "vouched-for", event.source(),
      header ? "The header vtq-by is of another event, or sealed with a secret that is not in this instance's access.secret_file. Say it to "
               "resultsd over HTTP, and give all instances the same secrets."
             : "With access.secret_file set, resultsd takes this from those alone of whom it knows who they are: say it over HTTP, with "
               "resultsctl or POST /v1/events."};
}

}  // namespace vtq
