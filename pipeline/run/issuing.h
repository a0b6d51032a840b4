// Results that are due are cut into batches, first results and corrections; what centres say of batches, and of issuing, is noted. Batches are
// numbered without gaps within centre, awarding organisation and series: the centre's summary has the last number.
#pragma once

#include "pipeline/release/gate.h"
#include "pipeline/run/statuses.h"
#include "pipeline/run/surroundings.h"

namespace vtq {

class Issuing {
 public:
  Issuing(std::uint32_t partition, const Policy& policy, const Surroundings& surroundings, Outputs& outputs, Durations& durations, Changes& changes,
          Agenda& agenda, Statuses& statuses)
      : partition_(partition),
        policy_(policy),
        surroundings_(surroundings),
        outputs_(outputs),
        durations_(durations),
        changes_(changes),
        agenda_(agenda),
        statuses_(statuses) {}

  /// Issues what was found to be due at `now`, and publishes the statuses of the entries.
  void issue(const std::vector<CentreEntry>& due, TimeMs now);
  /// The centre has the batch: its entries say so.
  void acknowledge(Centre& centre, const std::string& batch, TimeMs at);
  /// The centre's own halts that are in force go by the words that its facts have of this one.
  void note_halt(Centre& centre, const Address& address);

 private:
  BatchId next_number(Centre& centre, AwardingOrganisationId awarding_organisation, SeriesId series);
  void cut_batch(Centre& centre, const std::vector<Entry*>& entries, const Gates& gates, bool correction, TimeMs now);
  void put_result(v1::Result& result, const Centre& centre, Entry& entry, const BatchId& id, const Gates& gates, TimeMs now);

  const std::uint32_t partition_;
  const Policy& policy_;
  const Surroundings& surroundings_;
  Outputs& outputs_;
  Durations& durations_;
  Changes& changes_;
  Agenda& agenda_;
  Statuses& statuses_;
};

}  // namespace vtq
