// Words about releases, for tests.
#pragma once

#include "pipeline/release/checks.h"
#include "tests/support/season.h"

namespace vtq::test {

struct WaveWords {
  std::string name;
  std::vector<std::string> centres;
  std::string first;
};

inline v1::Event planned(TimeMs at, const std::vector<WaveWords>& waves = {}, const std::string& first = "2023-08-09T09:00",
                         const std::string& centre = "*") {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_release_planned();
  fact->set_centre(centre);
  fact->set_awarding_organisation("RN5001");
  fact->set_series("2023-08");
  fact->set_level(v1::LEVEL_3);
  fact->set_first_issue_at(first);
  fact->set_every_hours(24);
  for (const WaveWords& words : waves) {
    auto* wave = fact->add_waves();
    wave->set_name(words.name);
    wave->set_first_issue_at(words.first);
    for (const std::string& one : words.centres) wave->add_centres(one);
  }
  return event;
}

inline v1::Event approved(TimeMs at, const std::string& digest, const std::string& person, bool by_approver = true, bool withdrawn = false) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_release_approved();
  fact->set_centre("*");
  fact->set_awarding_organisation("RN5001");
  fact->set_series("2023-08");
  fact->set_level(v1::LEVEL_3);
  fact->set_approver("for the record");
  fact->set_plan(digest);
  fact->set_said_by(person);
  fact->set_by_approver(by_approver);
  fact->set_withdrawn(withdrawn);
  return event;
}

inline v1::Event overridden(TimeMs at, const std::string& digest, v1::ReleaseCheck check, const std::string& centre = "*", bool withdrawn = false) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_release_overridden();
  fact->set_centre(centre);
  fact->set_awarding_organisation("RN5001");
  fact->set_series("2023-08");
  fact->set_level(v1::LEVEL_3);
  fact->set_plan(digest);
  fact->set_check(check);
  fact->set_reason("looked at");
  fact->set_said_by("key a");
  fact->set_withdrawn(withdrawn);
  return event;
}

inline v1::Event release_policy(TimeMs at, std::uint32_t approvals) {
  v1::Event event = event_at(at);
  event.mutable_release_policy_defined()->set_awarding_organisation("RN5001");
  event.mutable_release_policy_defined()->set_approvals(approvals);
  return event;
}

inline v1::Event halt_word(TimeMs at, bool halted, const std::string& organisation = "RN5001", const std::string& qualification = "",
                           const std::string& centre = "*") {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_issuing_halted();
  fact->set_centre(centre);
  fact->set_awarding_organisation(organisation);
  fact->set_series("2023-08");
  fact->set_halted(halted);
  fact->set_qualification(qualification);
  return event;
}

/// An entry of which everything is there in May.
inline std::vector<v1::Event> with_result(const Ref& ref, const std::string& grade = "Pass") {
  TimeMs at = local("2023-05-20T09:00");
  std::vector<v1::Event> events = {registered(ref, at), achieved(ref, at + 1, {"A", "B", "C"}), claimed(ref, at + 2), determined(ref, at + 3, grade)};
  return events;
}

}  // namespace vtq::test
