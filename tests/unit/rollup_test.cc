// Roll-ups: what is kept incrementally equals a recount, whatever happened.
#include "pipeline/status/rollup.h"

#include <random>

#include "tests/support/season.h"

namespace vtq::test {
namespace {

TEST(CentreCells, that_come_back_to_nothing_are_gone) {
  CentreCells cells;
  Cell cell{.level = v1::LEVEL_3, .stage = v1::READY};
  cells.add(cell, 1);
  cells.add(cell, -1);
  EXPECT_TRUE(cells.all().empty());
}
TEST(CentreCells, stay_sorted) {
  CentreCells cells;
  for (v1::Stage stage : {v1::READY, v1::REGISTERED, v1::ISSUED, v1::CLAIMED}) cells.add({.stage = stage}, 1);
  EXPECT_TRUE(std::is_sorted(cells.all().begin(), cells.all().end()));
}
TEST(Cell, differs_in_every_part_of_the_status) {
  Status status{.stage = v1::READY, .need = v1::UNCONFIRMED, .reason = v1::L6, .band = v1::WATCH};
  Cell cell = cell_of(status, {}, {}, v1::LEVEL_3, {});
  for (auto change : std::initializer_list<void (*)(Status&)>{[](Status& s) { s.stage = v1::ISSUED; }, [](Status& s) { s.need = v1::NOT_NEEDED; },
                                                              [](Status& s) { s.reason = v1::L5; }, [](Status& s) { s.band = v1::LATE; },
                                                              [](Status& s) { s.late = true; }}) {
    Status changed = status;
    change(changed);
    EXPECT_NE(cell_of(changed, {}, {}, v1::LEVEL_3, {}), cell);
  }
}

Totals recount(Season& season) {
  Totals totals;
  for (std::uint32_t index = 0; index < season.pipeline->partitions(); ++index) {
    Partition& partition = season.pipeline->partition(index);
    std::vector<CentreId> ids;
    partition.each_centre([&](const Centre& centre) { ids.push_back(centre.id); });
    for (CentreId id : ids)
      for (const Entry& entry : partition.centre(id)->entries) {
        const Qualification& qualification = *season.pipeline->reference().qualification(entry.key.qualification);
        ++totals[cell_of(entry.status, entry.key.qualification, qualification.awarding_organisation, qualification.level, entry.key.series)];
      }
  }
  return totals;
}

Totals sum_of_centres(Season& season) {
  Totals totals;
  for (std::uint32_t index = 0; index < season.pipeline->partitions(); ++index)
    season.pipeline->partition(index).each_centre([&](const Centre& centre) {
      for (const auto& [cell, entries] : centre.summary.cells.all()) totals[cell] += entries;
    });
  return totals;
}

/// One of what changes a status most.
v1::Event any_event(std::mt19937_64& random, TimeMs at) {
  Ref ref{.centre = random() % 2 ? "12345" : "54321", .learner = "L" + std::to_string(random() % 8)};
  if (random() % 3 == 0) ref.qualification = random() % 2 ? "601/0002/7" : "601/0003/9";
  switch (random() % 9) {
    case 0:
      return registered(ref, at);
    case 1:
      return answered(ref, at, static_cast<v1::CheckpointAnswered::Answer>(1 + random() % 4));
    case 2:
      return ref.qualification == "601/0001/5" ? achieved(ref, at, {"A", "B", "C"}) : registered(ref, at);
    case 3:
      return claimed(ref, at);
    case 4:
      return determined(ref, at, random() % 2 ? "Pass" : "Merit");
    case 5:
      return random() % 4 ? amended(ref, at, "Distinction") : revoked(ref, at);
    case 6:
      return hold_placed("H1", ref, at);
    case 7:
      return hold_lifted("H1", ref, at);
    default:
      return random() % 3 ? registered(ref, at) : withdrawn(ref, at);
  }
}

TEST(Rollup, kept_incrementally_equals_a_recount) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 100; ++round) {
    StartedSeason season;
    TimeMs now = local("2022-10-01T09:00");
    while (now < local("2023-09-01T09:00")) {
      std::vector<v1::Event> events;
      for (std::uint64_t left = random() % 12; left > 0; --left) events.push_back(any_event(random, now));
      season.play(events, now);
      now += static_cast<TimeMs>(random() % (40 * kDayMs));
    }
    ASSERT_EQ(season.pipeline->totals(), recount(season)) << "round " << round;
    ASSERT_EQ(season.pipeline->totals(), sum_of_centres(season)) << "round " << round;
  }
}

TEST(Rollup, after_a_restart_is_the_same) {
  std::mt19937_64 random(2);
  StartedSeason season;
  TimeMs now = local("2022-10-01T09:00");
  for (int window = 0; window < 30; ++window, now += 11 * kDayMs) {
    std::vector<v1::Event> events;
    for (int left = 0; left < 10; ++left) events.push_back(any_event(random, now));
    season.play(events, now);
  }
  Totals before = season.pipeline->totals();
  Pipeline restarted(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  restarted.restore();
  EXPECT_EQ(restarted.totals(), before);
}

class MovedQualification : public testing::Test {
 protected:
  void move(const std::function<void(v1::QualificationDefined&)>& change) {
    TimeMs now = local("2023-01-10T09:00");
    season.play({registered({}, now), registered({.learner = "L2"}, now)}, now);
    std::vector<v1::Event> reference = reference_data();
    v1::Event other = reference[0];
    other.set_id("another-awarding-organisation");
    other.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5002");
    v1::Event moved = reference[5];
    moved.set_id("moved");
    moved.mutable_occurred_at()->set_seconds(now / 1000);
    change(*moved.mutable_qualification_defined());
    season.play({other, moved}, now + kDayMs);
  }
  StartedSeason season;
};

TEST_F(MovedQualification, to_another_level_moves_its_counts) {
  move([](auto& fact) { fact.set_level(v1::LEVEL_2); });
  EXPECT_EQ(season.pipeline->totals(), recount(season));
  EXPECT_EQ(season.pipeline->totals(), sum_of_centres(season));
}
TEST_F(MovedQualification, to_another_awarding_organisation_moves_its_counts) {
  move([](auto& fact) { fact.set_awarding_organisation("RN5002"); });
  EXPECT_EQ(season.pipeline->totals(), recount(season));
  EXPECT_EQ(season.pipeline->totals(), sum_of_centres(season));
}

}  // namespace
}  // namespace vtq::test
