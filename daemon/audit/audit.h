// What is noted besides facts: that results were seen, that somebody was refused, that an instance began. Each is an AuditNoted, offered to the
// engine like any event, so that its record is chained and committed as those of facts are.
//
//   note      it will be on record; nobody waits for that. What cannot be offered at once is kept, up to a limit, and offered again; what is beyond
//             the limit is counted, and the count is noted.
//   record    tells when it is on record: with the embedded log in the store, on Kafka in its topic, from which the partition's instance writes it
//             down. Or that it is not, within the time that there is.
//   refused   the same of one who was refused: the first at once, those that follow within a minute as one with their count.
//
// Any thread; nothing here waits, but for `stop`. Its own is `audit`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/audit/signed_note.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/worker.h"

namespace vtq {

struct AuditOptions {
  bool notes = false;                                      ///< callers say who they are; else nothing is noted here
  std::chrono::milliseconds patience{10'000};              ///< of `record`
  std::function<std::string(std::string_view)> seal = {};  ///< with the access secret
  std::size_t waiting_max = 4'096;                         ///< notes that are not on record yet
  /// Of refusals that are counted apart, by who, where and why; the others are counted together. Half of them at most are of callers who are nobody.
  std::size_t kinds_refused_max = 200;
  std::chrono::milliseconds refusals_every{60'000};
  std::function<void(std::uint64_t)> dropped = [](std::uint64_t) {};  ///< so many were not kept
  std::optional<NoteKey> key = {};                                    ///< that checkpoints are signed with
  std::chrono::milliseconds checkpoint_every{3'600'000};
  /// A checkpoint was signed, of a partition that this instance has and whose audit has grown since the last one.
  std::function<void(std::uint32_t partition, const std::string& note)> checkpoint = [](std::uint32_t, const std::string&) {};
};

class Audit {
 public:
  /// Engine and clock outlive it.
  Audit(Engine& engine, const Clock& clock, std::uint32_t partitions, AuditOptions options);
  ~Audit();

  bool notes() const { return options_.notes; }
  const std::optional<NoteKey>& key() const { return options_.key; }

  void note(v1::AuditNoted&& what);
  /// `then` is called once, on any thread, with whether it is on record. Where nothing is noted: at once, with yes.
  void record(v1::AuditNoted&& what, std::function<void(bool)> then);
  /// `rule`: by which; `status`: 401, 403.
  void refused(const v1::AuditActor& by, const std::string& route, unsigned status, const std::string& rule);
  /// Notes the refusals that were counted since the last minute. Waits for a second at most; to be called while the engine still takes what is
  /// offered.
  void finish();
  /// Tells all who wait that it is not on record. Idempotent.
  void stop();

 private:
  using Steady = std::chrono::steady_clock;
  struct Waiting {
    std::string event;  // serialised; empty: it is offered
    std::function<void(bool)> then;
    Steady::time_point until;
  };
  struct Refusals {
    v1::AuditNoted note;
    std::uint64_t more = 0;
    bool of_nobody = false;
  };

  std::string sealed(v1::AuditNoted&& what) const;
  void keep(v1::AuditNoted&& what, std::function<void(bool)> then);
  void offer(std::uint64_t id, std::string event);
  void answered(std::uint64_t id, const std::string& event, const std::vector<Answer>& answers);
  void tick();
  void offer_again();
  void give_up_overdue();
  void note_refusals(bool at_the_end = false);
  void sign_checkpoints();

  Engine& engine_;
  const Clock& clock_;
  const std::uint32_t partitions_;
  const AuditOptions options_;
  std::mutex mutex_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t last_id_ = 0;
  std::uint64_t dropped_ = 0;  // and not noted yet
  std::map<std::string, Refusals> refusals_;
  bool stopped_ = false;
  // Its thread only.
  Steady::time_point refusals_noted_ = Steady::now(), checkpoints_signed_ = Steady::now();
  std::vector<std::uint64_t> signed_sizes_;
  Worker worker_;  // last: stops before what it uses dies
};

}  // namespace vtq
