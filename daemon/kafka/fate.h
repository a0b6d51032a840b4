// What is to become of a record of an input topic: it is applied, rejected, moved to where it belongs, or nothing, as of what is from the future or
// answered for elsewhere. Decided from the record alone, before the pipeline sees it: its form, its headers, the event's form and time, and whether
// it stands where its centre's events belong.
//
// Knows nothing of other records, of offsets and commits. Pipeline's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/kafka/given.h"
#include "daemon/kafka/inputs.h"
#include "daemon/kafka/record.h"

namespace vtq::kafka {

/// One record of a cycle, and what is to become of it.
struct Item {
  enum class Fate { apply, reject, route, pass } fate = Fate::pass;
  InputRecord input;  // of a reference record: topic reference, partition 0
  bool mine = true;   // of reference data: this instance answers for it
  Topic route_to{};   // of `route`
  std::uint32_t route_partition = 0;
  std::string route_key;
  std::optional<Rejection> why;  // of `reject`
  std::vector<Rejection> warnings;
  std::size_t inbound = 0;               // of `apply`: its place among the inbounds
  std::string held;                      // the event's bytes where they are not the record's; of `route`, where the right topic has another form
  bool rewritten = false;                // of `route`: `held` is what goes there
  const v1::Event* unvouched = nullptr;  // refused, for nobody vouches for who said it
  std::optional<TimeMs> ahead_ms;        // when it occurred; of another's reference data that are wrong in being from the future only
};

class Fates {
 public:
  explicit Fates(const Given& given);

  /// Decides what is to become of the item, whose record and `mine` are there. Reads the event into `event`; `inbound` is made when it is to be
  /// applied, and lives as long as item and event.
  void decide(Item& item, const Pipeline& pipeline, v1::Event& event, Inbound& inbound);

 private:
  /// Finds the event; or what is wrong with its form.
  std::optional<Rejection> read(Item& item, v1::Event& event, Inbound& inbound);
  std::string_view said_by(std::string_view event) const;
  bool has_header(std::string_view wanted) const;
  /// Applies it where it stands, or has it moved.
  void place(Item& item, const Pipeline& pipeline, const Inbound& inbound);

  const Given given_;
  std::set<Topic> registry_topics_;
  RecordView view_;
};

}  // namespace vtq::kafka
