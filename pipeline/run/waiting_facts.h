// The facts of a partition that wait for what they name: put aside, tried again when that comes, rejected when their time is over. Where they wait,
// and for what, Waiting at their centre knows; here is what becomes of them. A centre with facts that wait wakes when the first of them is over.
#pragma once

#include "pipeline/run/centres.h"
#include "pipeline/run/policy.h"
#include "pipeline/run/round.h"
#include "pipeline/run/wakes.h"

namespace vtq {

class WaitingFacts {
 public:
  WaitingFacts(std::uint32_t partition, const Policy& policy, Outputs& outputs, Changes& changes, Agenda& agenda, Wakes& wakes)
      : partition_(partition), policy_(policy), outputs_(outputs), changes_(changes), agenda_(agenda), wakes_(wakes) {}

  /// A centre that came into memory, with what waits there.
  void loaded(Centre& centre);

  /// Lets an event wait for `wait_ms`, for what `why` names. It is a duplicate where it waits already, and rejected where too many do.
  Verdict put(Centre& centre, const Inbound& inbound, Rejection why, TimeMs wait_ms, std::int64_t token, TimeMs now, const Round& round);

  // Of a fact that was taken out of its centre's Waiting to be tried again: one of these. Afterwards `count`.
  /// It still waits, for what `why` names.
  void put_back(Centre& centre, WaitingFact&& fact, Rejection&& why);
  void applied(Centre& centre, const WaitingRecord& record, Verdict&& verdict, Round& round);
  /// Rejected, for what its `why` says.
  void rejected(Centre& centre, WaitingRecord&& record, TimeMs now, Round& round);

  /// Counts what waits at the centre, where that is another number than before.
  void count(Centre& centre);

  /// Rejects those whose time is over.
  void expire(const Centres& centres, TimeMs now, Round& round);

 private:
  void put(Centre& centre, WaitingFact&& fact);
  void expire(Centre& centre, TimeMs now, Round& round);

  const std::uint32_t partition_;
  const Policy& policy_;
  Outputs& outputs_;
  Changes& changes_;
  Agenda& agenda_;
  Wakes& wakes_;
  TimeMs first_expiry_ms_ = kNever;  // none that waits in memory is over before
};

}  // namespace vtq
