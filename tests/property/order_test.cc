// Order does not matter: however the events between two advances of time are permuted and repeated, state, statuses, issued results and
// rejections end the same. The same file is built against a merge with a planted fault, and must fail there.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>

#include "tests/support/season.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

using Random = std::mt19937_64;

std::uint64_t pick(Random& random, std::uint64_t below) { return random() % below; }

const std::vector<Ref>& refs() {
  static const std::vector<Ref> all = {{},
                                       {.learner = "L2"},
                                       {.qualification = "601/0002/7", .learner = "L1"},
                                       {.qualification = "601/0003/9", .learner = "L4"},
                                       {.series = "2023-11", .learner = "L1"},
                                       {.centre = "54321", .learner = "L1"},
                                       {.centre = "54321", .qualification = "601/0002/7", .learner = "L9"}};
  return all;
}

/// As publishers with coarse clocks say it: sources, sequences and ids that meet, and times that differ by nanoseconds.
v1::Event varied(Random& random, v1::Event event) {
  if (pick(random, 3) == 0) event.set_source(pick(random, 2) ? "mis" : "portal");
  if (pick(random, 4) == 0) event.set_sequence(pick(random, 3));
  if (pick(random, 3) == 0) event.set_id("row-" + std::to_string(8 + pick(random, 4)));
  if (pick(random, 3) == 0) event.mutable_occurred_at()->set_nanos(event.occurred_at().nanos() + static_cast<int>(pick(random, 3)));
  return event;
}

v1::Event by_either(Random& random, v1::Event event) {
  const char* ao = pick(random, 3) ? "RN5001" : "RN5002";
  if (event.has_hold_placed()) event.mutable_hold_placed()->set_awarding_organisation(ao);
  if (event.has_hold_lifted()) event.mutable_hold_lifted()->set_awarding_organisation(ao);
  return event;
}

v1::Event acknowledged(Random& random, const Ref& ref, TimeMs at) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_batch_acknowledged();
  fact->set_centre(ref.centre);
  fact->set_batch(ref.centre + ".RN5001.2023-08.000" + std::to_string(1 + pick(random, 3)));
  fact->set_acknowledged_by("office");
  return event;
}

/// Any fact, some of them wrong: unknown units, grades, centres and qualifications.
v1::Event any_event(Random& random, TimeMs from, TimeMs to) {
  Ref ref = refs()[pick(random, refs().size())];
  // Few distinct times, so that ties happen.
  TimeMs at = from + static_cast<TimeMs>(pick(random, 5)) * ((to - from) / 5) + 1;
  switch (pick(random, 24)) {
    case 0:
    case 1:
    case 2:
      return registered(ref, at);
    case 3:
      return answered(ref, at, static_cast<v1::CheckpointAnswered::Answer>(1 + pick(random, 4)));
    case 4:
    case 5:
      return achieved(ref, at, {"A", "B"});
    case 6:
      return achieved(ref, at, {pick(random, 8) == 0 ? "Z" : "C"});
    case 7: {
      v1::Event event = achieved(ref, at, {"A"});
      event.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade(pick(random, 2) ? "N" : "M");
      return event;
    }
    case 8:
    case 9:
      return claimed(ref, at);
    case 10: {
      v1::Event event = event_at(at);
      set_ref(event.mutable_claim_withdrawn()->mutable_entry(), ref);
      return event;
    }
    case 11:
    case 12:
      return determined(ref, at, pick(random, 10) == 0 ? "Nonsense" : "Merit");
    case 13:
      return amended(ref, at, pick(random, 2) ? "Pass" : "Distinction");
    case 14:
      return pick(random, 3) ? withdrawn(ref, at) : revoked(ref, at);
    case 15:
      return by_either(random, hold_placed("H" + std::to_string(pick(random, 2)), ref, at));
    case 16:
      return by_either(random, hold_lifted("H" + std::to_string(pick(random, 2)), ref, at));
    case 21:
    case 22:
      return acknowledged(random, ref, at);
    case 17:
      return sample(ref, at, static_cast<v1::SampleDecided::Status>(1 + pick(random, 5)));
    case 18: {
      v1::Event event = event_at(at);
      set_ref(event.mutable_registration_changed()->mutable_entry(), ref);
      event.mutable_registration_changed()->set_change(static_cast<v1::RegistrationChanged::Change>(1 + pick(random, 3)));
      return event;
    }
    case 19: {
      v1::Event event = event_at(at);
      set_ref(event.mutable_special_consideration()->mutable_entry(), ref);
      event.mutable_special_consideration()->set_status(static_cast<v1::SpecialConsideration::Status>(1 + pick(random, 3)));
      return event;
    }
    case 20: {
      v1::Event event = event_at(at);
      auto* fact = event.mutable_issuing_halted();
      fact->set_centre(pick(random, 2) ? "*" : ref.centre);
      fact->set_awarding_organisation("RN5001");
      fact->set_series("2023-08");
      fact->set_halted(pick(random, 3) == 0);
      return event;
    }
    default:
      ref.qualification = pick(random, 2) ? "601/0009/8" : ref.qualification;
      ref.centre = pick(random, 2) ? "99999" : ref.centre;
      return registered(ref, at);
  }
}

struct Window {
  TimeMs now;
  std::vector<v1::Event> events;
};

constexpr const char* kTimes[] = {"2022-10-01T09:00", "2023-05-10T09:00", "2023-06-20T09:00", "2023-08-09T09:00",
                                  "2023-08-11T09:00", "2023-08-15T09:00", "2023-08-18T09:00", "2023-09-10T09:00"};

std::vector<Window> any_season(Random& random) {
  std::vector<Window> season;
  TimeMs before = local("2022-09-02T09:00");
  for (const char* text : kTimes) {
    TimeMs now = local(text);
    Window window{now, {}};
    for (std::uint64_t left = pick(random, 16); left > 0; --left) window.events.push_back(varied(random, any_event(random, before, now)));
    // Reference data may change, too.
    if (pick(random, 10) == 0) {
      std::vector<v1::Event> reference = reference_data();
      v1::Event changed = reference[5 + pick(random, reference.size() - 5)];
      changed.set_id("again-" + std::to_string(pick(random, 1000)));
      changed.mutable_occurred_at()->set_seconds(before / 1000);
      if (changed.has_calendar_defined()) changed.mutable_calendar_defined()->set_issue_deadline("2023-08-12T12:00");
      window.events.push_back(changed);
    }
    season.push_back(std::move(window));
    before = now;
  }
  return season;
}

// ---- scrutiny, approval, mitigations, learning outcomes ----

const Ref& any_of(Random& random, const std::vector<Ref>& among) { return among[pick(random, among.size())]; }

const std::vector<Ref>& systems_refs() {
  static const std::vector<Ref> all = {{.qualification = "601/0021/1", .learner = "L1"},
                                       {.qualification = "601/0021/1", .learner = "L2"},
                                       {.centre = "54321", .qualification = "601/0021/1", .learner = "L2"},
                                       {.qualification = "601/0022/1", .learner = "L1"},
                                       {.qualification = "601/0022/1", .learner = "L5"},
                                       {.qualification = "601/0022/1", .learner = "L6"},
                                       {.centre = "54321", .qualification = "601/0022/1", .learner = "L6"},
                                       {.qualification = "601/0023/1", .learner = "L3"},
                                       {.qualification = "601/0024/1", .learner = "L7"},
                                       {.centre = "54321", .qualification = "601/0024/1", .learner = "L8"}};
  return all;
}

/// The narrower or the wider scope of a fact.
Ref any_scope(Random& random, Ref ref) {
  if (pick(random, 3) == 0) ref.qualification.clear();
  return ref;
}

std::string any_grade(Random& random, const std::string& unit) {
  static const std::vector<std::string> kUnit = {"D", "M", "P", "P", "N", "U"};
  static const std::vector<std::string> kCore = {"A", "E", "Unclassified"};
  return unit == "CORE" ? kCore[pick(random, kCore.size())] : kUnit[pick(random, kUnit.size())];
}

const std::vector<std::string>& units_of(const Ref& ref) {
  static const std::map<std::string, std::vector<std::string>> all = {
      {"601/0021/1", {"U1", "U2", "U3", "U4", "U5", "U6"}}, {"601/0022/1", {"A", "B"}}, {"601/0023/1", {"CORE", "SPEC"}}, {"601/0024/1", {"A"}}};
  return all.at(ref.qualification);
}

v1::Event any_outcome(Random& random, const Ref& ref, const std::string& unit, TimeMs at) {
  bool outcomes = (unit == "U1" || unit == "U2") && pick(random, 4) != 0;
  std::string learning_outcome = !outcomes ? "" : unit == "U1" && pick(random, 2) ? "LO2" : "LO1";
  std::string grade = outcomes || ref.qualification == "601/0024/1" ? "" : any_grade(random, unit);
  v1::Event made = outcome(ref, at, unit, learning_outcome, grade, pick(random, 5) ? v1::Outcome::ACHIEVED : v1::Outcome::NOT_YET_ACHIEVED);
  if (pick(random, 3) == 0) return made;
  return assessed_by(std::move(made), "A-" + std::to_string(pick(random, 3)), static_cast<v1::AssessmentMethod>(pick(random, 8)));
}

/// An entry registered, assessed in all of its units, claimed and determined within the window.
void add_whole_entry(Random& random, const Ref& ref, const std::function<TimeMs()>& any_time, std::vector<v1::Event>& out) {
  out.push_back(registered_on(ref, any_time(), ref.qualification == "601/0021/1" ? "P2" : "", pick(random, 2) ? "2022-A" : ""));
  for (const std::string& unit : units_of(ref)) {
    std::string grade = unit == "CORE" ? "A" : ref.qualification == "601/0024/1" ? "" : "P";
    out.push_back(assessed_by(outcome(ref, any_time(), unit, "", grade), "A-1", v1::PORTFOLIO));
  }
  out.push_back(claimed(ref, any_time()));
  if (ref.qualification != "601/0023/1") out.push_back(determined(ref, any_time(), "Pass"));
}

/// Many learners registered, or claimed, within days.
void add_many(Random& random, TimeMs at, std::vector<v1::Event>& out) {
  bool claims = pick(random, 2);
  for (int learner = 10; learner < 22; ++learner) {
    Ref ref{.qualification = "601/0022/1", .learner = "L" + std::to_string(learner)};
    out.push_back(claims ? claimed(ref, at) : registered(ref, at + static_cast<TimeMs>(pick(random, 3)) * kDayMs));
  }
}

v1::Event any_fact_of_entry(Random& random, const Ref& ref, TimeMs at) {
  static const std::vector<std::string> kPathways = {"P1", "P2", "", "P9"};
  const std::vector<std::string>& units = units_of(ref);
  const std::string& unit = units[pick(random, units.size())];
  switch (pick(random, 8)) {
    case 0:
      return registered_on(ref, at, ref.qualification == "601/0021/1" ? kPathways[pick(random, 4)] : "", "2022-" + std::to_string(pick(random, 3)));
    case 1: {
      v1::Event moved =
          moved_from(ref, at, pick(random, 2) ? "601/0021/1" : "601/0022/1", static_cast<v1::RegistrationChanged::Change>(1 + pick(random, 3)));
      if (pick(random, 3) == 0) moved.mutable_registration_changed()->clear_from_qualification();
      return moved;
    }
    case 2:
      return prior_learning(ref, at, unit, pick(random, 2) && ref.qualification != "601/0024/1" ? any_grade(random, unit) : "");
    case 3:
      return claimed(ref, at);
    case 4: {
      static const std::vector<std::string> kGrades = {"Pass", "Merit", "Distinction"};
      const std::string& grade = kGrades[pick(random, 3)];
      if (ref.qualification == "601/0023/1") return determined(ref, at, pick(random, 2) ? "Pass" : "Distinction", "t-level");
      return pick(random, 4) ? determined(ref, at, grade) : pick(random, 2) ? amended(ref, at, grade) : revoked(ref, at);
    }
    default:
      return any_outcome(random, ref, unit, at);
  }
}

v1::Event any_fact_of_scrutiny(Random& random, TimeMs at) {
  const Ref ref = any_scope(random, {.centre = pick(random, 3) ? "12345" : "54321", .qualification = "601/0022/1", .learner = {}});
  const Ref one = {.centre = ref.centre, .qualification = "601/0022/1", .learner = "L" + std::to_string(5 + pick(random, 2))};
  const std::string some = std::to_string(pick(random, 2));
  static const std::vector<std::string> kDays = {"2022-09-20", "2023-02-01", "2023-05-20", "2023-06-30", "2023-08-10"};
  const std::string& day = kDays[pick(random, kDays.size())];
  switch (pick(random, 12)) {
    case 0:
      return centre_approved(ref, at, static_cast<v1::CentreApproved::Status>(pick(random, 3) ? 1 : 1 + pick(random, 3)));
    case 1:
      return staff_approved(one, at, "A-" + std::to_string(pick(random, 3)), pick(random, 4) != 0);
    case 2:
      return monitored(ref, at, "V" + some, static_cast<std::uint32_t>(pick(random, 5)), pick(random, 2) ? day : "");
    case 3:
      return with_finding(monitored(ref, at, "V" + some, 3), "F" + some, static_cast<v1::Finding::Severity>(1 + pick(random, 3)));
    case 4: {
      v1::Event planned = monitoring_planned(one, at, "V" + some, day, pick(random, 3));
      planned.mutable_monitoring_planned()->set_cancelled(pick(random, 5) == 0);
      return planned;
    }
    case 5:
      return conflict(ref, at, pick(random, 3) ? "EQA-1" : "EQA-2", pick(random, 2));
    case 6:
      return sanction(ref, at, "S" + some, static_cast<v1::SanctionDecided::Kind>(1 + pick(random, 4)), pick(random, 2));
    case 7:
      return direct_claims(one, at, pick(random, 2));
    case 8:
      return action_plan(pick(random, 2) ? one : ref, at, "ACT" + some, day, pick(random, 2));
    case 9:
      return hold_placed("M" + some, {.centre = ref.centre, .learner = {}}, at);
    case 10:
      return hold_lifted("M" + some, ref, at);
    default: {
      v1::Event decided = sample(one, at, static_cast<v1::SampleDecided::Status>(1 + pick(random, 5)));
      if (pick(random, 2)) decided.mutable_sample_decided()->set_learner(one.learner);
      return decided;
    }
  }
}

v1::Event any_fact_of_mitigation(Random& random, TimeMs at) {
  Ref ref = {.centre = pick(random, 3) ? "12345" : "54321", .qualification = "601/0021/1", .learner = {}};
  if (pick(random, 3) == 0) ref.learner = pick(random, 2) ? "L1" : "L2";
  switch (pick(random, 6)) {
    case 0:
    case 1: {
      if (ref.learner.empty() && pick(random, 2)) ref.centre.clear();
      if (pick(random, 5) == 0) ref.qualification = "601/0022/1";
      v1::Event defined = mitigation(ref, at, static_cast<v1::MitigationDefined::Kind>(1 + pick(random, 5)));
      defined.mutable_mitigation_defined()->set_out_of_scope(pick(random, 8) == 0);
      return defined;
    }
    case 2:
      return opted_out(ref, at, pick(random, 2));
    case 3:
      return pick(random, 3) ? applied(ref, at, {"U3", "U2", "U6"}, pick(random, 3) ? "2023-04-01" : "2023-07-15", {"plan", "marks"})
                             : applied(ref, at, {"U2"}, "2023-05-01", {"plan"});
    default:
      return reviewed(ref, at, static_cast<v1::MitigationReviewed::Stage>(1 + pick(random, 2)),
                      static_cast<v1::MitigationReviewed::Conclusion>(pick(random, 3) ? 1 : 1 + pick(random, 3)));
  }
}

v1::Event any_fact_of_reference(Random& random, TimeMs at) {
  static const std::vector<std::string> kDays = {"2022-09-15", "2023-04-01", "2023-08-12"};
  const std::string& day = kDays[pick(random, 3)];
  switch (pick(random, 6)) {
    case 0:
      return proposed("601/0024/1", at, static_cast<v1::ApprovalProposed::ProposalOutcome>(pick(random, 3)));
    case 1:
      return pick(random, 3) ? submitted("601/0024/1", at, {"specification", "mapping"}) : submitted("601/0024/1", at, {"mapping"});
    case 2: {
      v1::Event decided = approval_decided("601/0024/1", at, day);
      decided.mutable_approval_decided()->set_approved(pick(random, 4) != 0);
      return decided;
    }
    case 3:
      return approval_withdrawn("601/0024/1", at, day, pick(random, 2) ? "2023-08-10" : "2023-10-31");
    default: {
      std::vector<v1::Event> reference = systems_reference_data();
      v1::Event changed = reference[2 + pick(random, reference.size() - 2)];
      changed.set_id("again-" + std::to_string(pick(random, 1000)));
      changed.mutable_occurred_at()->set_seconds(at / 1000);
      if (changed.has_qualification_defined()) {
        auto* fact = changed.mutable_qualification_defined();
        if (pick(random, 2)) fact->set_content_changed_on(day);
        if (pick(random, 2)) fact->set_professional_standard_changed_on(day);
        if (pick(random, 2)) fact->set_determination(static_cast<v1::Determination>(1 + pick(random, 2)));
        if (pick(random, 4) == 0) fact->clear_pathways();
      }
      if (changed.has_scrutiny_strategy_defined() && pick(random, 2)) changed.mutable_scrutiny_strategy_defined()->set_sampling_before_claims(false);
      return changed;
    }
  }
}

std::vector<Window> any_season_of_systems(Random& random) {
  std::vector<Window> season;
  TimeMs before = local("2022-09-02T09:00");
  for (const char* text : kTimes) {
    TimeMs now = local(text);
    Window window{now, {}};
    auto any_time = [&] { return before + static_cast<TimeMs>(pick(random, 5)) * ((now - before) / 5) + 1; };
    for (std::uint64_t left = pick(random, 20); left > 0; --left) {
      const Ref& ref = any_of(random, systems_refs());
      switch (pick(random, 9)) {
        case 8:
          if (pick(random, 3) == 0) add_many(random, any_time(), window.events);
          break;
        case 0:
          add_whole_entry(random, ref, any_time, window.events);
          break;
        case 1:
        case 2:
          window.events.push_back(varied(random, any_fact_of_scrutiny(random, any_time())));
          break;
        case 3:
          window.events.push_back(varied(random, any_fact_of_mitigation(random, any_time())));
          break;
        case 4:
          window.events.push_back(varied(random, any_fact_of_reference(random, any_time())));
          break;
        case 5:
          window.events.push_back(varied(random, any_event(random, before, now)));
          break;
        default:
          window.events.push_back(varied(random, any_fact_of_entry(random, ref, any_time())));
      }
    }
    season.push_back(std::move(window));
    before = now;
  }
  return season;
}

std::vector<Window> shuffled(std::vector<Window> season, Random& random) {
  for (Window& window : season) {
    std::size_t distinct = window.events.size();
    for (std::size_t at = 0; at < distinct; ++at)
      if (pick(random, 3) == 0) window.events.push_back(window.events[at]);
    std::shuffle(window.events.begin(), window.events.end(), random);
  }
  return season;
}

/// Everything that must not depend on order.
struct Ending {
  std::map<std::string, std::string> state;
  std::multiset<std::string> statuses;
  std::multiset<std::string> batches;
  std::multiset<std::string> notifications;
  std::multiset<std::string> rejections;
};

/// Keys at which two states differ, readable.
std::string differing(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b) {
  std::string names;
  for (const auto* one : {&a, &b})
    for (const auto& [key, value] : *one) {
      auto in_a = a.find(key);
      auto in_b = b.find(key);
      if (in_a == a.end() || in_b == b.end() || in_a->second != in_b->second) names += testing::PrintToString(key) + " ";
    }
  return names;
}

/// What one has and the other has not, readable.
std::string differing(const std::multiset<std::string>& a, const std::multiset<std::string>& b) {
  std::string lines;
  for (const std::string& text : a)
    if (a.count(text) != b.count(text)) lines += "\n- " + text;
  for (const std::string& text : b)
    if (a.count(text) != b.count(text)) lines += "\n+ " + text;
  return lines;
}

template <class Messages>
auto texts(const Messages& messages) {
  std::multiset<std::string> all;
  for (const auto& message : messages) all.insert(message.ShortDebugString());
  return all;
}

/// With the reference data of all rules.
struct SystemsSeason : StartedSeason {
  SystemsSeason() { play(systems_reference_data(), local("2022-09-01T10:00")); }
};

template <class Started>
Ending ending_of(const std::vector<Window>& windows) {
  Started season;
  for (const Window& window : windows) season.play(window.events, window.now);
  return {season.store.records(), texts(season.outputs.statuses), texts(season.outputs.batches), texts(season.outputs.notifications),
          texts(season.outputs.rejections)};
}

struct Counts {
  int issued = 0;
  int rejected = 0;
  std::set<std::string> rules;  ///< that statuses and notifications name

  void add(const Ending& ending) {
    issued += static_cast<int>(ending.batches.size());
    rejected += static_cast<int>(ending.rejections.size());
    static const std::string kField = "rule: \"";
    for (const auto* texts : {&ending.statuses, &ending.notifications})
      for (const std::string& text : *texts)
        for (std::size_t at = text.find(kField); at != std::string::npos; at = text.find(kField, at + 1)) {
          std::size_t from = at + kField.size();
          rules.insert(text.substr(from, text.find('"', from) - from));
        }
  }
};

template <class Started>
Counts hold_in_any_order(std::vector<Window> (*any)(Random&), int cases) {
  Counts counts;
  for (int seed = 1; seed <= cases; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    std::vector<Window> season = any(random);
    Ending plain = ending_of<Started>(season);
    Ending other = ending_of<Started>(shuffled(season, random));
    EXPECT_EQ(differing(plain.state, other.state), "") << "seed " << seed;
    EXPECT_EQ(differing(plain.statuses, other.statuses), "") << "seed " << seed;
    EXPECT_EQ(differing(plain.batches, other.batches), "") << "seed " << seed;
    EXPECT_EQ(differing(plain.notifications, other.notifications), "") << "seed " << seed;
    EXPECT_EQ(differing(plain.rejections, other.rejections), "") << "seed " << seed;
    counts.add(plain);
    if (testing::Test::HasFailure()) break;
  }
  return counts;
}

template <class Started>
void hold_over_restarts(std::vector<Window> (*any)(Random&), int cases) {
  for (int seed = 1; seed <= cases; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    std::vector<Window> windows = any(random);
    Ending plain = ending_of<Started>(windows);
    Started season;
    for (const Window& window : windows) {
      season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
      season.pipeline->restore();
      season.play(window.events, window.now);
    }
    ASSERT_EQ(differing(plain.state, season.store.records()), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.statuses, texts(season.outputs.statuses)), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.batches, texts(season.outputs.batches)), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.notifications, texts(season.outputs.notifications)), "") << "seed " << seed;
  }
}

constexpr int kCases = 2500;
constexpr int kSystemsCases = 1500;

// The property means little if the generated seasons issue and reject nothing.
TEST(Order, any_permutation_and_duplication_within_a_window_ends_the_same) {
  Counts counts = hold_in_any_order<StartedSeason>(any_season, kCases);
  EXPECT_GT(counts.issued, kCases / 4);
  EXPECT_GT(counts.rejected, kCases / 4);
}

TEST(Order, any_permutation_of_what_scrutiny_approval_and_mitigations_rest_on_ends_the_same) {
  Counts counts = hold_in_any_order<SystemsSeason>(any_season_of_systems, kSystemsCases);
  EXPECT_GT(counts.issued, kSystemsCases / 4);
  EXPECT_GT(counts.rejected, kSystemsCases / 4);
  for (const char* rule : {"action-overdue",
                           "action-required",
                           "barred-combination",
                           "centre-approval",
                           "certification-suspended",
                           "claim-spike",
                           "component",
                           "content-change",
                           "critical-finding",
                           "first-monitoring",
                           "first-registration",
                           "group-level-min",
                           "group-units-min",
                           "last-certification",
                           "last-registration",
                           "learning-outcome",
                           "malpractice-suspected",
                           "mitigation",
                           "mitigation-application",
                           "mitigation-evidence",
                           "mitigation-review",
                           "pathway",
                           "professional-standard-change",
                           "qualification-approval",
                           "registration-rise",
                           "registration-spike",
                           "registration-suspended",
                           "result-agrees",
                           "sampling",
                           "second-monitoring",
                           "size-change",
                           "staff-approval",
                           "unit-mandatory",
                           "yearly-monitoring"})
    EXPECT_TRUE(counts.rules.contains(rule)) << "no season came upon the rule " << rule;
}

TEST(Order, a_restart_between_windows_changes_nothing) { hold_over_restarts<StartedSeason>(any_season, 200); }

TEST(Order, a_restart_between_windows_changes_nothing_of_scrutiny_approval_and_mitigations) {
  hold_over_restarts<SystemsSeason>(any_season_of_systems, 200);
}

}  // namespace
}  // namespace vtq::test
