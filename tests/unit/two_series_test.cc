// A second series and a second awarding organisation beside the first, at one centre and with the same dates: what is said of one of them
// leaves the others as they are.
#include "tests/support/season.h"

namespace vtq::test {
namespace {

constexpr const char* kOtherSeries = "2023-11";
constexpr const char* kOther = "RN5002";
constexpr const char* kOtherQualification = "601/0004/0";

/// What the reference data of the tests have for RN5001 and 2023-08, for another awarding organisation or series too.
std::vector<v1::Event> both() {
  std::vector<v1::Event> all = reference_data();
  std::vector<v1::Event> more;
  for (const v1::Event& event : all) {
    v1::Event other = event;
    if (event.has_awarding_organisation_defined()) {
      other.mutable_awarding_organisation_defined()->set_awarding_organisation(kOther);
      other.mutable_awarding_organisation_defined()->set_name("Other Awards");
      more.push_back(other);
    } else if (event.has_qualification_defined() && event.qualification_defined().qualification() == "601/0001/5") {
      other.mutable_qualification_defined()->set_qualification(kOtherQualification);
      other.mutable_qualification_defined()->set_awarding_organisation(kOther);
      more.push_back(other);
    } else if (event.has_calendar_defined()) {
      other.mutable_calendar_defined()->set_series(kOtherSeries);
      more.push_back(other);
      other.mutable_calendar_defined()->set_series("2023-08");
      other.mutable_calendar_defined()->set_awarding_organisation(kOther);
      more.push_back(other);
    } else if (event.has_release_planned()) {
      other.mutable_release_planned()->set_series(kOtherSeries);
      more.push_back(other);
      other.mutable_release_planned()->set_series("2023-08");
      other.mutable_release_planned()->set_awarding_organisation(kOther);
      more.push_back(other);
    }
  }
  for (std::size_t at = 0; at < more.size(); ++at) more[at].set_id("other-" + std::to_string(at));
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

class TwoSeries : public testing::Test {
 protected:
  TwoSeries() {
    season.play(both(), local("2022-09-01T09:00"));
    for (const Ref& ref : {summer, autumn, other})
      season.play({registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")),
                   achieved(ref, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed(ref, local("2023-06-10T09:00")),
                   determined(ref, local("2023-06-20T09:00"))},
                  local("2023-06-20T09:00"));
  }

  /// The batches of an entry's centre, awarding organisation and series.
  std::vector<v1::ResultBatch> batches_with(const Ref& ref) {
    std::vector<v1::ResultBatch> found;
    for (const v1::ResultBatch& batch : season.outputs.batches)
      for (const v1::Result& result : batch.results())
        if (result.entry().series() == ref.series && parse_qualification(result.entry().qualification()) == parse_qualification(ref.qualification))
          found.push_back(batch);
    return found;
  }
  bool issued(const Ref& ref) { return !batches_with(ref).empty(); }

  v1::Event halted(const std::string& centre, const std::string& organisation, const std::string& series) {
    v1::Event event = event_at(local("2023-07-01T09:00"));
    auto* fact = event.mutable_issuing_halted();
    fact->set_centre(centre);
    fact->set_awarding_organisation(organisation);
    fact->set_series(series);
    fact->set_halted(true);
    return event;
  }
  v1::Event planned(const std::string& centre, const std::string& organisation, const std::string& series, const std::string& first) {
    v1::Event event = event_at(local("2023-07-01T09:00"));
    auto* fact = event.mutable_release_planned();
    fact->set_centre(centre);
    fact->set_awarding_organisation(organisation);
    fact->set_series(series);
    fact->set_level(v1::LEVEL_3);
    fact->set_first_issue_at(first);
    fact->set_every_hours(24);
    return event;
  }

  const Ref summer{};
  const Ref autumn{.series = kOtherSeries};
  const Ref other{.qualification = kOtherQualification};
  Season season;
};

TEST_F(TwoSeries, batches_are_numbered_from_one_in_each_series_and_awarding_organisation) {
  season.time_passes(local("2023-08-10T06:00"));
  std::vector<std::string> names;
  for (const Ref& ref : {summer, autumn, other}) {
    ASSERT_EQ(batches_with(ref).size(), 1u);
    names.push_back(batches_with(ref).front().batch());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"12345.RN5001.2023-08.0001", "12345.RN5001.2023-11.0001", "12345.RN5002.2023-08.0001"}));
}

TEST_F(TwoSeries, an_acknowledgement_is_of_its_own_series_and_awarding_organisation) {
  season.time_passes(local("2023-08-10T06:00"));
  for (const Ref& acknowledged : {summer, autumn, other}) {
    v1::Event event = event_at(local("2023-08-10T09:00"));
    event.mutable_batch_acknowledged()->set_centre("12345");
    event.mutable_batch_acknowledged()->set_batch(batches_with(acknowledged).front().batch());
    std::map<std::string, v1::Stage> before;
    for (const Ref& ref : {summer, autumn, other}) before[ref.series + ref.qualification] = season.status(ref).stage;
    season.play({event}, local("2023-08-10T09:00"));
    for (const Ref& ref : {summer, autumn, other}) {
      bool its_own = ref.series == acknowledged.series && ref.qualification == acknowledged.qualification;
      EXPECT_EQ(season.status(ref).stage, its_own ? v1::ACKNOWLEDGED : before[ref.series + ref.qualification])
          << ref.series << " " << ref.qualification;
    }
  }
}

class WordFor : public TwoSeries, public testing::WithParamInterface<const char*> {};

TEST_P(WordFor, a_halt_stops_its_own_series_and_awarding_organisation_only) {
  season.play({halted(GetParam(), "RN5001", "2023-08")}, local("2023-07-01T09:00"));
  season.time_passes(local("2023-08-10T06:00"));
  EXPECT_FALSE(issued(summer));
  EXPECT_TRUE(issued(autumn));
  EXPECT_TRUE(issued(other));
}

TEST_P(WordFor, a_plan_moves_its_own_series_and_awarding_organisation_only) {
  season.play({planned(GetParam(), "RN5001", kOtherSeries, "2023-08-12T06:00")}, local("2023-07-01T09:00"));
  season.time_passes(local("2023-08-10T06:00"));
  EXPECT_TRUE(issued(summer));
  EXPECT_FALSE(issued(autumn));
  EXPECT_TRUE(issued(other));
  season.time_passes(local("2023-08-12T06:00"));
  EXPECT_TRUE(issued(autumn));
}

TEST_P(WordFor, halts_of_two_series_and_of_two_awarding_organisations_stand_side_by_side) {
  season.play({halted(GetParam(), "RN5001", "2023-08")}, local("2023-07-01T09:00"));
  season.play({halted(GetParam(), "RN5001", kOtherSeries)}, local("2023-07-01T09:00"));
  season.play({halted(GetParam(), kOther, "2023-08")}, local("2023-07-01T09:00"));
  season.time_passes(local("2023-08-10T06:00"));
  for (const Ref& ref : {summer, autumn, other}) EXPECT_FALSE(issued(ref)) << ref.series << " " << ref.qualification;
}

INSTANTIATE_TEST_SUITE_P(AllAndOne, WordFor, testing::Values("*", "12345"),
                         [](const auto& instance) { return std::string(instance.param == std::string("*") ? "all_centres" : "one_centre"); });

}  // namespace
}  // namespace vtq::test
