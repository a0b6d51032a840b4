// One entry with everything that decides its status, put together fact by fact, to derive at any moment without a pipeline.
#pragma once

#include "pipeline/facts/merge.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/status/derive.h"
#include "pipeline/status/words.h"
#include "tests/support/season.h"

namespace vtq::test {

/// Reference data of `reference_data()`, and the entry `ref`. Facts may be given in any order.
class Situation {
 public:
  explicit Situation(Ref of = {}) : ref(std::move(of)) {
    for (const v1::Event& event : reference_data()) knows(event);
    entry.key = {*parse_qualification(ref.qualification), *parse_series(ref.series), ref.learner};
  }

  /// Merges a reference fact.
  Situation& knows(const v1::Event& event) {
    std::string bytes = event.SerializeAsString();
    Result<Address> address = check(event);
    EXPECT_TRUE(address.has_value()) << address.error().field << " " << address.error().rule;
    if (address) reference.merge(event, address.value(), bytes, stamp_of(event));
    return *this;
  }

  /// Merges a fact about the entry or its centre.
  Situation& with(const v1::Event& event) {
    std::string bytes = event.SerializeAsString();
    Stamp stamp = stamp_of(event);
    Result<Address> address = check(event);
    EXPECT_TRUE(address.has_value()) << address.error().field << " " << address.error().rule;
    CentreChange change;
    if (address.value().subject == Subject::entry)
      merge(entry.facts, event, stamp);
    else
      merge(centre, event, address.value(), bytes, stamp, change);
    return *this;
  }

  Situation& registered_at(const std::string& at) { return with(registered(ref, local(at))); }
  Situation& answered_at(const std::string& at, v1::CheckpointAnswered::Answer answer = v1::CheckpointAnswered::NEEDED) {
    return with(answered(ref, local(at), answer));
  }
  Situation& achieved_at(const std::string& at, std::initializer_list<std::string> units) { return with(achieved(ref, local(at), units)); }
  Situation& claimed_at(const std::string& at) { return with(claimed(ref, local(at))); }
  Situation& determined_at(const std::string& at) { return with(determined(ref, local(at))); }

  /// Registered, answered and complete in good time; claimed and determined where asked.
  Situation& complete() {
    registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00");
    return achieved_at("2023-06-01T09:00", {"A", "B", "C"});
  }
  Situation& complete_and_claimed() { return complete().claimed_at("2023-06-10T09:00"); }
  Situation& ready() { return complete_and_claimed().determined_at("2023-06-20T09:00"); }

  Circumstances around() const {
    const Qualification& qualification = *reference.qualification(entry.key.qualification);
    CohortKey cohort{qualification.awarding_organisation, qualification.level, entry.key.series};
    const ReleaseWords* words = centre.release(cohort);
    if (!words || !words->plan) words = reference.release(cohort);
    const ReleasePlan* plan = words && words->plan ? &words->plan->wave_of(*parse_centre(ref.centre)).when : nullptr;
    Circumstances found{.qualification = qualification,
                        .awarding_organisation = *reference.awarding_organisation(qualification.awarding_organisation),
                        .calendar = without_calendar ? nullptr : reference.calendar(cohort),
                        .plan = plan,
                        .halted = halted,
                        .centre = centre,
                        .durations = durations,
                        .release = release,
                        .approval = {words, release.approvals_least}};
    mitigate(found, reference, *parse_centre(ref.centre), entry);
    return found;
  }

  Derived at(TimeMs now) const { return derive(entry, around(), now); }
  Derived at(const std::string& now) const { return at(local(now)); }
  Status status_at(const std::string& now) const { return at(now).status; }

  Ref ref;
  Reference reference;
  CentreFacts centre;
  Entry entry;
  Durations durations{DurationPolicy{}};
  ReleasePolicy release;
  bool halted = false;
  bool without_calendar = false;
};

}  // namespace vtq::test
