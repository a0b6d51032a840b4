// A season in a test: a pipeline on fakes, short ways to make events, and what came out. Time moves only when the test says so.
#pragma once

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <map>

#include "pipeline/run/pipeline.h"
#include "tests/support/fake_store.h"

namespace vtq::test {

inline TimeMs local(std::string_view text) {
  auto at = parse_local_time(text);
  EXPECT_TRUE(at.has_value()) << text;
  return at.value_or(0);
}

/// A name for an entry in tests: "12345 603/1234/5 2023-08 L1".
struct Ref {
  std::string centre = "12345";
  std::string qualification = "601/0001/5";
  std::string series = "2023-08";
  std::string learner = "L1";
};

inline void set_ref(v1::EntryRef* out, const Ref& ref) {
  out->set_centre(ref.centre);
  out->set_qualification(ref.qualification);
  out->set_series(ref.series);
  out->set_learner(ref.learner);
}

inline v1::Event event_at(TimeMs at, std::string id = {}) {
  static std::uint64_t serial = 0;
  v1::Event event;
  event.set_id(id.empty() ? "e" + std::to_string(++serial) : std::move(id));
  event.set_source("test");
  event.mutable_occurred_at()->set_seconds(at / 1000);
  event.mutable_occurred_at()->set_nanos(static_cast<int>(at % 1000) * 1'000'000);
  return event;
}

/// An event from its JSON mapping; fails the test when it is not one.
inline v1::Event event_from(const std::string& json) {
  v1::Event event;
  auto status = google::protobuf::util::JsonStringToMessage(json, &event);
  EXPECT_TRUE(status.ok()) << status.message() << " in " << json;
  return event;
}

inline v1::Event registered(const Ref& ref, TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_registered()->mutable_entry(), ref);
  return event;
}

inline v1::Event answered(const Ref& ref, TimeMs at, v1::CheckpointAnswered::Answer answer = v1::CheckpointAnswered::NEEDED) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_checkpoint_answered()->mutable_entry(), ref);
  event.mutable_checkpoint_answered()->set_answer(answer);
  return event;
}

inline v1::Event achieved(const Ref& ref, TimeMs at, std::initializer_list<std::string> units) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_outcome_recorded()->mutable_entry(), ref);
  for (const std::string& unit : units) {
    auto* outcome = event.mutable_outcome_recorded()->add_outcomes();
    outcome->set_unit(unit);
    outcome->set_standing(v1::Outcome::ACHIEVED);
  }
  return event;
}

inline v1::Event claimed(const Ref& ref, TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_claim_submitted()->mutable_entry(), ref);
  return event;
}

inline v1::Event determined(const Ref& ref, TimeMs at, const std::string& grade = "Pass", const std::string& scale = "pass") {
  v1::Event event = event_at(at);
  set_ref(event.mutable_result_determined()->mutable_entry(), ref);
  event.mutable_result_determined()->mutable_grade()->set_scale(scale);
  event.mutable_result_determined()->mutable_grade()->set_value(grade);
  return event;
}

inline v1::Event amended(const Ref& ref, TimeMs at, const std::string& grade) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_result_amended()->mutable_entry(), ref);
  event.mutable_result_amended()->mutable_grade()->set_scale("pass");
  event.mutable_result_amended()->mutable_grade()->set_value(grade);
  return event;
}

inline v1::Event revoked(const Ref& ref, TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_result_revoked()->mutable_entry(), ref);
  return event;
}

inline v1::Event withdrawn(const Ref& ref, TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_withdrawn()->mutable_entry(), ref);
  return event;
}

inline v1::Event hold_placed(const std::string& hold, const Ref& ref, TimeMs at, v1::HoldPlaced::Cause cause = v1::HoldPlaced::MALPRACTICE) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_hold_placed();
  fact->set_hold(hold);
  fact->set_centre(ref.centre);
  fact->set_awarding_organisation("RN5001");
  fact->set_learner(ref.learner);
  fact->set_cause(cause);
  return event;
}

inline v1::Event hold_lifted(const std::string& hold, const Ref& ref, TimeMs at) {
  v1::Event event = event_at(at);
  event.mutable_hold_lifted()->set_hold(hold);
  event.mutable_hold_lifted()->set_centre(ref.centre);
  event.mutable_hold_lifted()->set_awarding_organisation("RN5001");
  return event;
}

inline v1::Event sample(const Ref& ref, TimeMs at, v1::SampleDecided::Status status, const std::string& responded = {}) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_sample_decided();
  fact->set_centre(ref.centre);
  fact->set_qualification(ref.qualification);
  fact->set_series(ref.series);
  fact->set_status(status);
  fact->set_due_on("2023-06-30");
  fact->set_responded_on(responded);
  return event;
}

/// Reference data of the tests: AO RN5001, centres 12345 and 54321, a Level 3 qualification 601/0001/5 (mandatory units A and B, 10 of 20
/// optional credits from C and D), a Level 2 one 601/0002/7 without units, one awarded without claim 601/0003/9; summer 2023.
std::vector<v1::Event> reference_data();

/// A pipeline over fakes.
class Season {
 public:
  explicit Season(TimeSource source = TimeSource::wall, const Policy& policy = {}, std::uint32_t partitions = 2);
  Season(const Season&) = delete;
  Season& operator=(const Season&) = delete;

  /// A daemon that runs: time moves on to `now` from wake to wake, then one window. Every event must pass the form check. Returns what
  /// became of each.
  std::vector<Verdict> play(std::vector<v1::Event> events, TimeMs now);
  /// A daemon that was down: the next window after the last one is at `now`.
  std::vector<Verdict> comes_back(std::vector<v1::Event> events, TimeMs now);
  /// A daemon whose clock is doubted.
  std::vector<Verdict> play_frozen(std::vector<v1::Event> events, TimeMs now);
  /// The same as `play` without events.
  void time_passes(TimeMs now) { play({}, now); }

  const Entry* entry(const Ref& ref);
  Status status(const Ref& ref);
  /// The status with its words.
  v1::EntryStatus described(const Ref& ref);

  FakeStore store;
  KeptOutputs outputs;
  Policy policy;
  TimeSource source;
  std::unique_ptr<Pipeline> pipeline;

 private:
  std::vector<Verdict> process(std::vector<v1::Event> events, TimeMs now, bool frozen);
};

/// The season of most tests: reference data in, at 2022-09-01.
struct StartedSeason : Season {
  explicit StartedSeason(const Policy& with = {}) : Season(TimeSource::wall, with) { play(reference_data(), local("2022-09-01T09:00")); }
};

}  // namespace vtq::test
