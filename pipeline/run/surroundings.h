// What decides about entries besides their own facts: reference data, estimates and policy, put together with an entry's centre for the rules. Reads
// only.
#pragma once

#include "pipeline/rules/circumstances.h"
#include "pipeline/run/centre_state.h"
#include "pipeline/run/policy.h"

namespace vtq {

class Surroundings {
 public:
  Surroundings(const Reference& reference, const Durations& durations, const Policy& policy)
      : reference_(reference), durations_(durations), policy_(policy) {}

  const Reference& reference() const { return reference_; }
  /// Of an entry that is registered: its qualification is known.
  Circumstances circumstances(const Centre& centre, const Entry& entry) const;
  /// The release of a cohort at a centre: by its own plan, or else by that for all.
  Approval approval(const Centre& centre, const CohortKey& cohort) const;

 private:
  const Reference& reference_;
  const Durations& durations_;
  const Policy& policy_;
};

}  // namespace vtq
