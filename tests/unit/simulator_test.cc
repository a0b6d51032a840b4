// The season simulator: figures, identifiers, determinism, and that its truth is what its fates say.
#include "daemon/simulator/simulator.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/simulator/dates.h"
#include "daemon/simulator/fates.h"
#include "daemon/simulator/identifiers.h"
#include "vtq/v1/event.pb.h"

namespace vtq::simulator {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

// Value of a string field of a truth line; empty when it is null or absent.
std::string text_of(const std::string& line, const std::string& name) {
  const auto at = line.find('"' + name + "\":\"");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 4;
  return line.substr(from, line.find('"', from) - from);
}

class Simulator : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("vtq-simulator-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Options options(const std::string& scenario, double scale = 1, std::uint64_t seed = 1) const {
    Options options;
    options.scenario = scenario;
    options.scale = scale;
    options.seed = seed;
    options.events = folder_ / "events.pb";
    options.truth = folder_ / "truth.jsonl";
    return options;
  }

  std::vector<v1::Event> events(const fs::path& path) const {
    std::ifstream in(path, std::ios::binary);
    google::protobuf::io::IstreamInputStream stream(&in);
    std::vector<v1::Event> all;
    bool clean_end = false;
    // Parsing adds to what a message holds: each needs one of its own.
    for (v1::Event event; google::protobuf::util::ParseDelimitedFromZeroCopyStream(&event, &stream, &clean_end); event.Clear()) {
      all.push_back(event);
    }
    EXPECT_TRUE(clean_end);
    return all;
  }

  std::set<std::string> fates_of_the_truth() const {
    std::set<std::string> fates;
    for (const auto& line : lines(folder_ / "truth.jsonl")) fates.insert(text_of(line, "fate"));
    return fates;
  }

  // Entries by results day and how they end.
  std::map<std::string, std::size_t> ends_of_the_truth() const {
    std::map<std::string, std::size_t> ends;
    for (const auto& line : lines(folder_ / "truth.jsonl")) {
      const bool late = line.find("\"late\":true") != std::string::npos;
      const std::string group = text_of(line, "level") == "LEVEL_3" ? "Level 3" : "others";
      ++ends[group + (late ? " late " : " ") + text_of(line, "reason")];
    }
    return ends;
  }

  fs::path folder_;
};

Millis occurred(const v1::Event& event) { return event.occurred_at().seconds() * 1000 + event.occurred_at().nanos() / 1'000'000; }

bool valid_uln(const std::string& uln) {
  if (uln.size() != 10 || uln[0] == '0') return false;
  int sum = 0;
  for (int i = 0; i < 10; ++i) sum += (10 - i) * (uln[static_cast<std::size_t>(i)] - '0');
  return sum % 11 == 10;
}

bool valid_uci(const std::string& uci) {
  if (uci.size() != 13) return false;
  int sum = 0;
  for (std::size_t i = 0; i < 12; ++i) sum += (16 - static_cast<int>(i)) * (uci[i] >= 'A' ? uci[i] - 'A' + 1 : uci[i] - '0');
  return std::string{"ABCDEFGHKLMRTVWXY"}[static_cast<std::size_t>(sum % 17)] == uci[12];
}

bool valid_qan(const std::string& qan) {
  static const std::regex form("[0-9]{3}/[0-9]{4}/[0-9X]");
  if (!std::regex_match(qan, form)) return false;
  const std::string digits = qan.substr(0, 3) + qan.substr(4, 4);
  int sum = 0;
  for (std::size_t i = 0; i < 7; ++i) sum += (8 - static_cast<int>(i)) * (digits[i] - '0');
  return "0123456789X"[sum % 11] == qan[9];
}

TEST(SimulatorIdentifiers, published_examples_come_out) {
  EXPECT_TRUE(valid_uln("9276308686"));
  EXPECT_FALSE(valid_uln("9999999999"));
  EXPECT_EQ(candidate_identifier("68199", '0', 1, 2058).substr(0, 12), "681990012058");
  EXPECT_EQ(candidate_identifier("68199", '0', 1, 2058), "681990012058G");
  EXPECT_EQ(qualification_number(6035830), "603/5830/0");
  EXPECT_EQ(qualification_number(6037066), "603/7066/X");
}

TEST(SimulatorIdentifiers, learner_numbers_are_valid_and_never_repeat) {
  LearnerNumbers numbers(1);
  std::set<std::string> seen;
  for (int i = 0; i < 20'000; ++i) {
    const auto number = numbers.next();
    ASSERT_TRUE(valid_uln(number)) << number;
    ASSERT_TRUE(seen.insert(number).second) << number;
  }
}

TEST(SimulatorDates, london_is_an_hour_ahead_in_summer) {
  EXPECT_EQ(rfc3339(london(day_of(2023, 8, 14), 17)), "2023-08-14T16:00:00Z");
  EXPECT_EQ(rfc3339(london(day_of(2023, 1, 14), 17)), "2023-01-14T17:00:00Z");
  EXPECT_EQ(rfc3339(london(day_of(2023, 3, 26), 3)), "2023-03-26T02:00:00Z");
  EXPECT_EQ(rfc3339(london(day_of(2022, 10, 30), 3)), "2022-10-30T03:00:00Z");
}

TEST(SimulatorDates, rfc_3339_is_read_with_fractions_and_offsets) {
  EXPECT_EQ(parse_rfc3339("2023-08-14T16:00:00.5Z"), london(day_of(2023, 8, 14), 17) + 500);
  EXPECT_EQ(parse_rfc3339("2023-08-14T17:00:00+01:00"), london(day_of(2023, 8, 14), 17));
  for (const char* wrong : {"", "2023-08-14", "2023-02-30T00:00:00Z", "2023-08-14T25:00:00Z", "2023-08-14T16:00:00"}) {
    EXPECT_EQ(parse_rfc3339(wrong), std::nullopt) << wrong;
  }
}

TEST(SimulatorFates, table_is_in_the_order_of_the_fates) {
  for (std::size_t i = 0; i < kFates; ++i) EXPECT_EQ(index_of(fate_rules()[i].fate), i) << fate_rules()[i].name;
}

TEST_F(Simulator, same_seed_gives_the_same_bytes_and_another_seed_does_not) {
  simulate(options("small", 1, 7));
  const auto events = contents(folder_ / "events.pb"), truth = contents(folder_ / "truth.jsonl");
  simulate(options("small", 1, 7));
  EXPECT_EQ(contents(folder_ / "events.pb"), events);
  EXPECT_EQ(contents(folder_ / "truth.jsonl"), truth);
  simulate(options("small", 1, 8));
  EXPECT_NE(contents(folder_ / "events.pb"), events);
}

TEST_F(Simulator, json_lines_and_protobuf_hold_the_same_events) {
  auto small = options("small", 0.2);
  simulate(small);
  const auto binary = events(small.events);
  small.events = folder_ / "events.jsonl";
  simulate(small);
  const auto json = lines(small.events);
  ASSERT_EQ(json.size(), binary.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    v1::Event event;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json[i], &event).ok()) << json[i];
    ASSERT_EQ(event.SerializeAsString(), binary[i].SerializeAsString());
  }
}

TEST_F(Simulator, every_identifier_is_valid) {
  simulate(options("small"));
  std::set<std::string> ulns, centres;
  std::map<std::string, std::string> learner_ulns;
  std::size_t unknown = 0;
  for (const auto& event : events(folder_ / "events.pb")) {
    EXPECT_FALSE(event.id().empty());
    if (event.has_centre_defined()) {
      centres.insert(event.centre_defined().centre());
      EXPECT_TRUE(std::regex_match(event.centre_defined().centre(), std::regex("[0-9]{5}")));
      EXPECT_TRUE(std::regex_match(event.centre_defined().urn(), std::regex("([0-9]{6})?")));
      EXPECT_TRUE(std::regex_match(event.centre_defined().ukprn(), std::regex("1[0-9]{7}")));
    } else if (event.has_qualification_defined()) {
      const auto& q = event.qualification_defined();
      EXPECT_TRUE(valid_qan(q.qualification())) << q.qualification();
      EXPECT_GE(q.units_size(), 5);
      EXPECT_LE(q.units_size(), 14);
    } else if (event.has_awarding_organisation_defined()) {
      EXPECT_TRUE(std::regex_match(event.awarding_organisation_defined().awarding_organisation(), std::regex("RN[0-9]{1,6}")));
    } else if (event.has_registered()) {
      const auto& registered = event.registered();
      EXPECT_TRUE(centres.contains(registered.entry().centre()));
      EXPECT_TRUE(std::regex_match(registered.entry().learner(), std::regex("[A-Z]{1,2}[0-9]{6,8}")));
      EXPECT_FALSE(registered.has_details());
      if (registered.uln().empty() || registered.uln() == "9999999999") {
        ++unknown;
      } else {
        EXPECT_TRUE(valid_uln(registered.uln()));
      }
      if (!registered.uci().empty()) {
        EXPECT_TRUE(valid_uci(registered.uci())) << registered.uci();
        EXPECT_EQ(registered.uci().substr(0, 5), registered.entry().centre());
      }
    }
  }
  EXPECT_GT(unknown, 10u);
}

TEST_F(Simulator, qualification_numbers_of_the_full_catalogue_are_valid_and_invented_and_differ) {
  auto season = options("2023", 0.02);
  const auto summary = simulate(season);
  std::set<std::string> numbers;
  for (const auto& event : events(season.events)) {
    if (!event.has_qualification_defined()) continue;
    EXPECT_TRUE(numbers.insert(event.qualification_defined().qualification()).second);
    // No number is of the register, which has none from 690 to 699.
    const std::string& number = event.qualification_defined().qualification();
    EXPECT_TRUE(number.starts_with("69") && valid_qan(number)) << number;
  }
  EXPECT_EQ(numbers.size(), summary.qualifications);
}

TEST_F(Simulator, no_awarding_organisation_that_exists_is_named) {
  auto season = options("2023", 0.02);
  simulate(season);
  std::size_t organisations = 0;
  for (const auto& event : events(season.events)) {
    if (event.has_awarding_organisation_defined()) {
      ++organisations;
      EXPECT_TRUE(event.awarding_organisation_defined().awarding_organisation().starts_with("RN99"));
    }
    if (!event.has_qualification_defined()) continue;
    for (const char* name : {"Pearson", "BTEC", "OCR", "Cambridge", "City & Guilds", "NCFE", "AQA", "WJEC", "VTCT", "Highfield", "Ascentis"})
      EXPECT_EQ(event.qualification_defined().title().find(name), std::string::npos) << event.qualification_defined().title();
  }
  EXPECT_EQ(organisations, 30u);
}

TEST_F(Simulator, events_are_few_enough_and_in_order_once_order_matters) {
  simulate(options("small"));
  const auto all = events(folder_ / "events.pb");
  Millis latest = 0, first_cut = 0;
  std::set<std::string> seen;
  std::size_t late_arrivals = 0, duplicates = 0;
  for (const auto& event : all) {
    if (event.has_release_planned()) {
      const auto& plan = event.release_planned();
      const Day day = day_of(2023, 8, static_cast<unsigned>(std::stoi(plan.first_issue_at().substr(8, 2))));
      first_cut = first_cut == 0 ? london(day, 6) : std::min(first_cut, london(day, 6));
    }
    const bool again = !seen.insert(event.id()).second;
    duplicates += again;
    if (again) continue;
    if (occurred(event) < latest) {
      ++late_arrivals;
      ASSERT_LT(latest, first_cut - 3 * kHour) << event.DebugString();
    }
    latest = std::max(latest, occurred(event));
  }
  EXPECT_GT(late_arrivals, 10u);
  EXPECT_GT(duplicates, 10u);
  ASSERT_TRUE(all.back().has_time_reached());
  EXPECT_EQ(all.back().time_reached().centre(), "*");
  EXPECT_EQ(occurred(all.back()), london(day_of(2023, 9, 30), 13));
}

TEST_F(Simulator, small_has_its_figures_and_every_fate) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto summary = simulate(options("small", 1, seed));
    EXPECT_EQ(summary.entries, 2'000u);
    EXPECT_EQ(summary.centres, 12u);
    EXPECT_EQ(summary.awarding_organisations, 4u);
    EXPECT_EQ(summary.qualifications, 20u);
    EXPECT_GT(summary.events, 8 * summary.entries);
    EXPECT_LT(summary.events, 12 * summary.entries);
    auto fates = fates_of_the_truth();
    // Where all of the few cohorts were under scrutiny, its fates took the place of these.
    if (fates.contains("cohort_monitoring_late")) fates.insert("cohort_sample_decided_late");
    if (fates.contains("cohort_action_overdue")) fates.insert("cohort_sample_response_late");
    for (const auto& rule : fate_rules()) EXPECT_TRUE(fates.contains(std::string{rule.name})) << rule.name << ", seed " << seed;
  }
}

TEST_F(Simulator, a_plain_season_has_none_of_the_rules_and_the_same_ends) {
  for (const char* scenario : {"small", "2022", "2023"}) {
    auto season = options(scenario, std::string{scenario} == "small" ? 1 : 0.02);
    const auto with = simulate(season);
    auto ends = ends_of_the_truth();
    season.plain = true;
    const auto without = simulate(season);
    EXPECT_EQ(with.entries, without.entries);
    // Fates that find no entry to befall are left out; with more rules these are others.
    const double most = 0.002 * static_cast<double>(with.entries);
    for (const auto& [end, entries] : ends_of_the_truth())
      EXPECT_NEAR(static_cast<double>(ends[end]), static_cast<double>(entries), most) << scenario << " " << end;
    EXPECT_NEAR(static_cast<double>(with.late), static_cast<double>(without.late), most) << scenario;
    for (const auto& rule : fate_rules()) {
      if (index_of(rule.fate) < index_of(Fate::pathway_corrected)) continue;
      EXPECT_FALSE(fates_of_the_truth().contains(std::string{rule.name})) << rule.name;
    }
    for (const auto& event : events(season.events)) {
      ASSERT_FALSE(event.has_mitigation_defined() || event.has_scrutiny_strategy_defined() || event.has_approval_submitted());
      if (!event.has_qualification_defined()) continue;
      ASSERT_FALSE(event.qualification_defined().has_grading());
      ASSERT_EQ(event.qualification_defined().groups_size(), 0);
    }
  }
}

// The unit grades of what was achieved, by entry and unit, and the first result that was sent.
TEST_F(Simulator, points_and_tables_lead_to_the_grade_of_the_truth) {
  simulate(options("small"));
  std::map<std::string, v1::QualificationDefined> graded;
  std::map<std::string, std::map<std::string, std::string>> units;
  std::map<std::string, std::set<std::string>> sent;
  for (const auto& event : events(folder_ / "events.pb")) {
    if (event.has_qualification_defined() && event.qualification_defined().has_grading())
      graded[event.qualification_defined().qualification()] = event.qualification_defined();
    const auto name = [](const v1::EntryRef& entry) { return entry.centre() + entry.qualification() + entry.learner(); };
    if (event.has_prior_learning_recognised())
      units[name(event.prior_learning_recognised().entry())][event.prior_learning_recognised().unit()] = event.prior_learning_recognised().grade();
    if (event.has_result_determined()) sent[name(event.result_determined().entry())].insert(event.result_determined().grade().value());
    if (event.has_result_amended()) sent[name(event.result_amended().entry())].insert(event.result_amended().grade().value());
    for (const auto& outcome : event.outcome_recorded().outcomes()) {
      auto& held = units[name(event.outcome_recorded().entry())][outcome.unit()];
      if (outcome.standing() == v1::Outcome::ACHIEVED || held.empty()) held = outcome.grade();
    }
  }
  std::size_t by_points = 0, by_table = 0;
  for (const auto& line : lines(folder_ / "truth.jsonl")) {
    const auto qualification = graded.find(text_of(line, "qualification"));
    const std::string grade = text_of(line, "grade"), fate = text_of(line, "fate");
    if (qualification == graded.end() || grade.empty()) continue;
    const auto& grading = qualification->second.grading();
    const auto& held = units[text_of(line, "centre") + qualification->first + text_of(line, "learner")];
    std::string computed;
    if (grading.boundaries_size() > 0) {
      std::uint32_t sum = 0;
      for (const auto& [unit, unit_grade] : held) {
        for (const auto& points : grading.points()) sum += points.grade() == unit_grade ? points.points() : 0;
      }
      for (int i = grading.boundaries_size() - 1; i >= 0; --i) {
        if (sum >= grading.boundaries(i).points()) computed = grading.boundaries(i).grade();
      }
      ++by_points;
    } else if (grading.combinations_size() > 0) {
      computed = grading.partial_grade();
      for (const auto& row : grading.combinations()) {
        if (row.unit_grades(0) == held.at("CORE") && row.unit_grades(1) == held.at("SPECIALISM")) computed = row.grade();
      }
      ++by_table;
    } else {
      continue;
    }
    // The awarding organisation decided otherwise for some.
    const bool decided = fate == "disagreement_resolved" && computed != grade;
    EXPECT_TRUE(computed == grade || decided) << line;
    const auto& results = sent[text_of(line, "centre") + qualification->first + text_of(line, "learner")];
    const bool nobody_sends = qualification->second.determination() == v1::DETERMINATION_COMPUTED;
    EXPECT_EQ(results.contains(grade), !nobody_sends) << line;
  }
  EXPECT_GT(by_points, 50u);
  EXPECT_GT(by_table, 20u);
}

TEST_F(Simulator, each_mitigation_stands_on_the_results_that_it_made) {
  simulate(options("small"));
  std::map<std::string, std::size_t> by_basis, by_mitigation;
  for (const auto& line : lines(folder_ / "truth.jsonl")) {
    ++by_basis[text_of(line, "basis")];
    ++by_mitigation[text_of(line, "mitigation")];
    EXPECT_EQ(text_of(line, "basis") == "CALCULATED_UNITS", text_of(line, "fate") == "calculated_result") << line;
    if (text_of(line, "basis") == "ADAPTED_ASSESSMENT") {
      EXPECT_EQ(text_of(line, "mitigation"), "ADAPTED") << line;
    }
  }
  for (const char* basis : {"ORDINARY", "CALCULATED_UNITS", "ADAPTED_ASSESSMENT"}) EXPECT_GT(by_basis[basis], 0u) << basis;
  for (const char* kind : {"KIND_UNSPECIFIED", "CALCULATED", "ADAPTED", "DELAYED", "NONE_EXPECTED"}) EXPECT_GT(by_mitigation[kind], 0u) << kind;
}

TEST_F(Simulator, truth_has_each_registered_entry_once_and_agrees_with_its_fate) {
  const auto summary = simulate(options("small"));
  const auto truth = lines(folder_ / "truth.jsonl");
  std::map<std::string, const FateRule*> rules;
  for (const auto& rule : fate_rules()) rules[std::string{rule.name}] = &rule;
  std::set<std::string> entries, registered;
  std::size_t late = 0;
  for (const auto& line : truth) {
    EXPECT_TRUE(entries.insert(text_of(line, "centre") + text_of(line, "qualification") + text_of(line, "learner")).second);
    const FateRule& rule = *rules.at(text_of(line, "fate"));
    EXPECT_EQ(text_of(line, "stage"), v1::Stage_Name(rule.stage));
    EXPECT_EQ(text_of(line, "reason"), v1::Reason_Name(rule.reason));
    EXPECT_EQ(line.find("\"late\":true") != std::string::npos, is_late(rule.kind));
    EXPECT_EQ(text_of(line, "issued_at").empty(), rule.stage != v1::RELEASED);
    late += is_late(rule.kind);
  }
  for (const auto& event : events(folder_ / "events.pb")) {
    if (!event.has_registered()) continue;
    const auto& entry = event.registered().entry();
    registered.insert(entry.centre() + entry.qualification() + entry.learner());
  }
  EXPECT_EQ(entries, registered);
  EXPECT_EQ(late, summary.late);
}

TEST_F(Simulator, centres_have_a_long_tail) {
  simulate(options("2023", 0.1));
  std::map<std::string, std::size_t> sizes;
  for (const auto& line : lines(folder_ / "truth.jsonl")) ++sizes[text_of(line, "centre")];
  std::vector<std::size_t> sorted;
  for (const auto& [centre, size] : sizes) sorted.push_back(size);
  std::sort(sorted.begin(), sorted.end());
  const auto median = sorted[sorted.size() / 2];
  EXPECT_EQ(sorted.size(), 250u);
  EXPECT_GT(median, 90u);
  EXPECT_LT(median, 240u);
  EXPECT_GT(sorted.back(), 8 * median);
  EXPECT_LT(sorted.back(), 4'500u);
}

TEST_F(Simulator, the_summer_of_2022_has_no_checkpoint_and_ends_with_its_late_results) {
  const auto summary = simulate(options("2022", 0.1));
  EXPECT_NEAR(static_cast<double>(summary.late_level_3), 1'234.6, 15);
  EXPECT_NEAR(static_cast<double>(summary.late_level_1_2), 857.3, 15);
  EXPECT_NEAR(static_cast<double>(summary.centres_with_late), 155, 10);
  for (const auto& event : events(folder_ / "events.pb")) {
    ASSERT_FALSE(event.has_checkpoint_answered() || event.has_centre_declared());
    ASSERT_EQ(event.calendar_defined().checkpoint_opens(), "");
  }
}

TEST_F(Simulator, the_summer_of_2023_is_almost_all_on_time) {
  const auto summary = simulate(options("2023", 0.1));
  EXPECT_NEAR(static_cast<double>(summary.on_time_level_3), 37'800, 150);
  EXPECT_NEAR(static_cast<double>(summary.on_time_level_1_2), 40'000, 150);
  EXPECT_GT(summary.late, 20u);
  EXPECT_LT(summary.late, 90u);
  EXPECT_LE(summary.centres_incomplete, 8u);
}

TEST_F(Simulator, until_cuts_the_season_short) {
  auto cut = options("small");
  cut.until = "2023-08-14T12:00:00+01:00";
  simulate(cut);
  const auto all = events(cut.events);
  const Millis until = london(day_of(2023, 8, 14), 12);
  EXPECT_TRUE(all.back().has_time_reached());
  EXPECT_EQ(occurred(all.back()), until);
  for (const auto& event : all) EXPECT_LE(occurred(event), until);
}

TEST_F(Simulator, wrong_options_are_refused_in_words) {
  auto wrong = options("2021");
  EXPECT_THROW(simulate(wrong), std::runtime_error);
  wrong = options("small", 0);
  EXPECT_THROW(simulate(wrong), std::runtime_error);
  wrong = options("small");
  wrong.events = folder_ / "events.csv";
  EXPECT_THROW(simulate(wrong), std::runtime_error);
  wrong = options("small");
  wrong.until = "tomorrow";
  EXPECT_THROW(simulate(wrong), std::runtime_error);
  wrong = options("small");
  wrong.events = folder_ / "missing" / "events.pb";
  EXPECT_THROW(simulate(wrong), std::runtime_error);
}

TEST_F(Simulator, progress_ends_at_its_total) {
  auto watched = options("small");
  std::uint64_t last = 0, total = 0;
  watched.progress = [&](std::uint64_t done, std::uint64_t of) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, of);
    last = done;
    total = of;
  };
  simulate(watched);
  EXPECT_GT(total, 0u);
  EXPECT_EQ(last, total);
}

}  // namespace
}  // namespace vtq::simulator
