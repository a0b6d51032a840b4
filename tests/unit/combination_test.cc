// Rules of combination, one by one: met, just not met, beyond; and what is said where they are not met.
#include "pipeline/rules/combination.h"
#include "tests/support/course.h"

namespace vtq::test {
namespace {

bool attained(const Course& course, const Record& record) { return attain(record.facts, course.made()).eligible(); }

/// Mandatory U1; group OPT of U5 (level 2), U6, U7 and U8, ten credits each.
Course with_group() {
  Course course;
  course.unit("U1");
  course.option("U5", 10, 2);
  for (const char* code : {"U6", "U7", "U8"}) course.option(code);
  course.group("OPT", {"U5", "U6", "U7", "U8"});
  return course;
}
v1::UnitGroup& group_of(Course& course) { return *course.fact.mutable_groups(0); }

// ---- mandatory units ----

TEST(MandatoryUnits, that_are_missing_are_named_in_their_order) {
  Course course;
  for (const char* code : {"U3", "U1", "U2"}) course.unit(code);
  Record record = Record().unit("U1");
  EXPECT_EQ(missing_lines(course, record), "unit-mandatory|U3|Unit U3 is not yet achieved.\nunit-mandatory|U2|Unit U2 is not yet achieved.\n");
  EXPECT_EQ(attain(record.facts, course.made()).outstanding_units, 2);
}

// ---- groups ----

struct GroupCase {
  const char* name;
  void (*limit)(v1::UnitGroup&);
  std::vector<const char*> units;
  bool kept;
  const char* missing = "";
};
std::ostream& operator<<(std::ostream& out, const GroupCase& one) { return out << one.name; }
class Group : public testing::TestWithParam<GroupCase> {};
TEST_P(Group, is_held_to_its_limits) {
  Course course = with_group();
  GetParam().limit(group_of(course));
  Record record = Record().unit("U1").units(GetParam().units);
  EXPECT_EQ(attained(course, record), GetParam().kept);
  EXPECT_EQ(missing_lines(course, record), GetParam().missing);
}
void two_units(v1::UnitGroup& group) { group.set_units_min(2); }
void at_most_two(v1::UnitGroup& group) { group.set_units_max(2); }
void twenty_credits(v1::UnitGroup& group) { group.set_credit_min(20); }
void exactly_twenty_credits(v1::UnitGroup& group) {
  group.set_credit_min(20);
  group.set_credit_max(20);
}
void one_at_level_3(v1::UnitGroup& group) {
  group.set_level(3);
  group.set_units_at_level_min(1);
}
void all_at_level_3(v1::UnitGroup& group) {
  group.set_units_min(2);
  group.set_units_max(2);
  group.set_level(3);
  group.set_units_at_level_min(2);
}
INSTANTIATE_TEST_SUITE_P(
    Combination, Group,
    testing::Values(
        GroupCase{"no_unit_of_two", two_units, {}, false, "group-units-min|OPT|Group OPT: 0 of at least 2 units; choose from U5, U6, U7, U8.\n"},
        GroupCase{"one_unit_of_two", two_units, {"U6"}, false, "group-units-min|OPT|Group OPT: 1 of at least 2 units; choose from U5, U7, U8.\n"},
        GroupCase{"two_units_of_two", two_units, {"U6", "U7"}, true}, GroupCase{"three_units_of_two", two_units, {"U5", "U6", "U7"}, true},
        GroupCase{"two_of_at_most_two", at_most_two, {"U6", "U7"}, true},
        GroupCase{"three_of_at_most_two_do_no_harm", at_most_two, {"U5", "U6", "U7"}, true},
        GroupCase{"ten_credits_of_twenty",
                  twenty_credits,
                  {"U6"},
                  false,
                  "group-credit-min|OPT|Group OPT: 10 of at least 20 credits; choose from U5, U7, U8.\n"},
        GroupCase{"twenty_credits_of_twenty", twenty_credits, {"U6", "U8"}, true},
        GroupCase{"thirty_credits_where_twenty_are_the_most", exactly_twenty_credits, {"U5", "U6", "U8"}, true},
        GroupCase{"none_at_level",
                  one_at_level_3,
                  {"U5"},
                  false,
                  "group-level-min|OPT|Group OPT: 0 of at least 1 unit at level 3 or above; choose from U6, U7, U8.\n"},
        GroupCase{"one_at_level", one_at_level_3, {"U5", "U6"}, true},
        GroupCase{"one_at_level_of_two",
                  all_at_level_3,
                  {"U5", "U6"},
                  false,
                  "group-level-min|OPT|Group OPT: 1 of at least 2 units at level 3 or above; choose from U7, U8.\n"},
        GroupCase{"two_at_level_beside_one_below", all_at_level_3, {"U5", "U6", "U7"}, true}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(GroupUnits, count_towards_the_outstanding) {
  Course course = with_group();
  two_units(group_of(course));
  EXPECT_EQ(attain(Record().facts, course.made()).outstanding_units, 3);
  EXPECT_EQ(attain(Record().unit("U1").unit("U6").facts, course.made()).outstanding_units, 1);
}
TEST(GroupUnits, at_the_level_asked_for_count_towards_the_outstanding_only_while_they_are_short) {
  Course course = with_group();
  one_at_level_3(group_of(course));
  EXPECT_EQ(attain(Record().unit("U5").facts, course.made()).outstanding_units, 2);
  EXPECT_EQ(attain(Record().unit("U6").facts, course.made()).outstanding_units, 1);
}
TEST(GroupUnits, beyond_the_maximum_give_no_credit) {
  Course course = with_group();
  at_most_two(group_of(course));
  course.fact.set_credit_required(40);
  Record record = Record().units({"U1", "U5", "U6", "U7", "U8"});
  EXPECT_FALSE(attained(course, record));
  EXPECT_EQ(missing_lines(course, record), "credit-required||30 of 40 credits.\n");
}
TEST(GroupUnits, are_chosen_so_that_the_credit_suffices) {
  Course course;
  course.option("S", 5);
  course.option("L", 20);
  course.group("OPT", {"S", "L"}).set_units_max(1);
  course.fact.set_credit_required(20);
  EXPECT_TRUE(attained(course, Record().units({"S", "L"})));
}
TEST(GroupUnits, mandatory_ones_are_never_left_out) {
  Course course;
  course.unit("S", true, 5);
  course.option("L", 20);
  course.group("OPT", {"S", "L"}).set_units_max(1);
  course.fact.set_credit_required(20);
  Record record = Record().units({"S", "L"});
  EXPECT_FALSE(attained(course, record));
  EXPECT_EQ(missing_lines(course, record), "credit-required||5 of 20 credits.\n");
}
TEST(GroupUnits, that_cannot_keep_two_limits_at_once_are_said_to_be_so) {
  Course course;
  course.option("LOW", 20, 2);
  course.option("HIGH", 5, 4);
  course.group("OPT", {"LOW", "HIGH"}).set_units_max(1);
  course.fact.set_credit_required(20);
  course.fact.set_credit_level(4);
  course.fact.set_credit_at_level_required(5);
  EXPECT_EQ(missing_lines(course, Record().units({"LOW", "HIGH"})),
            "combination||Each limit can be kept, but no choice of the achieved units keeps all of them at once; achieve a further unit.\n");
}

// ---- credit ----

struct CreditCase {
  std::uint32_t credit;
  bool kept;
  const char* missing = "";
};
class Credit : public testing::TestWithParam<CreditCase> {};
TEST_P(Credit, is_counted_over_all_units) {
  Course course;
  course.unit("U1", true, 40);
  course.option("U2", GetParam().credit);
  course.fact.set_credit_required(60);
  Record record = Record().units({"U1", "U2"});
  EXPECT_EQ(attained(course, record), GetParam().kept);
  EXPECT_EQ(missing_lines(course, record), GetParam().missing);
}
INSTANTIATE_TEST_SUITE_P(Combination, Credit,
                         testing::Values(CreditCase{7, false, "credit-required||47 of 60 credits.\n"},
                                         CreditCase{19, false, "credit-required||59 of 60 credits.\n"}, CreditCase{20, true}, CreditCase{21, true}));

TEST(CreditAtLevel, counts_units_of_the_level_and_above) {
  Course course;
  course.unit("U1", true, 40, 3);
  course.option("U2", 20, 4);
  course.option("U3", 20, 5);
  course.fact.set_credit_level(4);
  course.fact.set_credit_at_level_required(40);
  EXPECT_EQ(missing_lines(course, Record().units({"U1", "U2"})), "credit-at-level||20 of 40 credits at level 4 or above.\n");
  EXPECT_TRUE(attained(course, Record().units({"U1", "U2", "U3"})));
}
TEST(OptionalCredit, counts_what_is_not_mandatory) {
  Course course;
  course.unit("U1", true, 40);
  course.option("U2", 5);
  course.option("U3", 10);
  course.fact.set_optional_credit_required(10);
  Record record = Record().units({"U1", "U2"});
  EXPECT_EQ(missing_lines(course, record), "optional-credit||5 of 10 credits of optional units.\n");
  EXPECT_EQ(attain(record.facts, course.made()).optional_credit_missing, 5u);
  EXPECT_TRUE(attained(course, record.unit("U3")));
}

// ---- barred combinations ----

Course with_barred() {
  Course course = with_group();
  two_units(group_of(course));
  course.bar({"U6", "U7"});
  return course;
}
TEST(BarredUnits, one_of_them_counts) { EXPECT_TRUE(attained(with_barred(), Record().units({"U1", "U5", "U6"}))); }
TEST(BarredUnits, both_do_no_harm) { EXPECT_TRUE(attained(with_barred(), Record().units({"U1", "U5", "U6", "U7"}))); }
TEST(BarredUnits, both_count_once) {
  Record record = Record().units({"U1", "U6", "U7"});
  EXPECT_FALSE(attained(with_barred(), record));
  EXPECT_EQ(missing_lines(with_barred(), record),
            "group-units-min|OPT|Group OPT: 1 of at least 2 units; choose from U5, U8.\n"
            "barred-combination|U6 and U7|Units U6 and U7 bar each other: only one of them counts.\n");
}
TEST(BarredUnits, a_mandatory_one_stays) {
  Course course = with_barred();
  course.bar({"U1", "U8"});
  Record record = Record().units({"U1", "U6", "U8"});
  EXPECT_FALSE(attained(course, record));
  EXPECT_TRUE(attained(course, record.unit("U5")));
}
TEST(BarredUnits, both_mandatory_can_never_be_attained) {
  Course course;
  course.unit("U1");
  course.unit("U2");
  course.bar({"U1", "U2"});
  EXPECT_EQ(missing_lines(course, Record().units({"U1", "U2"})),
            "barred-combination|U1 and U2|Units U1 and U2 are mandatory and bar each other; send the qualification anew.\n");
}
TEST(BarredUnits, that_leave_no_choice_but_to_break_another_limit_are_named) {
  Course course;
  course.option("LOW", 20, 2);
  course.option("HIGH", 5, 4);
  course.bar({"LOW", "HIGH"});
  course.fact.set_credit_required(20);
  course.fact.set_credit_level(4);
  course.fact.set_credit_at_level_required(5);
  EXPECT_EQ(missing_lines(course, Record().units({"LOW", "HIGH"})),
            "barred-combination|LOW and HIGH|Units LOW and HIGH bar each other: only one of them counts, and with none of them are all "
            "other rules kept; achieve a further unit.\n");
}

// ---- pathways ----

/// Core C; pathway SAIL: unit S and group RIG (R1, R2; one of them); pathway MOTOR: unit M. Any optional unit: X.
Course with_pathways() {
  Course course;
  course.unit("C");
  for (const char* code : {"S", "M", "R1", "R2", "X"}) course.option(code);
  course.group("RIG", {"R1", "R2"}).set_units_min(1);
  course.pathway("SAIL", {"S"}, {"RIG"});
  course.pathway("MOTOR", {"M"});
  return course;
}
TEST(Pathways, each_has_its_own_units) {
  EXPECT_TRUE(attained(with_pathways(), Record().on("MOTOR").units({"C", "M"})));
  EXPECT_EQ(missing_lines(with_pathways(), Record().on("MOTOR").units({"C", "S"})), "unit-mandatory|M|Unit M is not yet achieved.\n");
}
TEST(Pathways, a_group_applies_where_it_is_named) {
  EXPECT_EQ(missing_lines(with_pathways(), Record().on("SAIL").units({"C", "S"})),
            "group-units-min|RIG|Group RIG: 0 of at least 1 unit; choose from R1, R2.\n");
  EXPECT_TRUE(attained(with_pathways(), Record().on("SAIL").units({"C", "S", "R2"})));
}
TEST(Pathways, what_only_others_name_does_not_count) {
  Course course = with_pathways();
  course.fact.set_credit_required(30);
  EXPECT_EQ(missing_lines(course, Record().on("MOTOR").units({"C", "M", "S", "R1"})), "credit-required||20 of 30 credits.\n");
  EXPECT_TRUE(attained(course, Record().on("MOTOR").units({"C", "M", "X"})));
}
TEST(Pathways, none_registered_is_an_obstacle) {
  Record record = Record().units({"C", "M", "S", "R1"});
  Attainment attainment = attain(record.facts, with_pathways().made());
  EXPECT_FALSE(attainment.eligible());
  EXPECT_TRUE(attainment.pathway_missing);
  EXPECT_EQ(missing_lines(with_pathways(), record), "pathway||No pathway is registered; register the learner again with one of SAIL, MOTOR.\n");
  Obstacle obstacle = result_of(record, with_pathways());
  EXPECT_EQ(obstacle.rule, Rule::pathway);
  EXPECT_EQ(obstacle.step, v1::CORRECT_REGISTRATION);
  EXPECT_EQ(obstacle.owner, v1::CENTRE);
}
TEST(Pathways, unknown_is_an_obstacle_named_before_missing_units) {
  EXPECT_EQ(missing_lines(with_pathways(), Record().on("STEAM")),
            "pathway||The qualification has no pathway STEAM; register the learner again with one of SAIL, MOTOR.\n"
            "unit-mandatory|C|Unit C is not yet achieved.\n");
}
TEST(Pathways, are_not_asked_for_where_there_are_none) { EXPECT_TRUE(attained(with_group(), Record().on("SAIL").unit("U1"))); }

// ---- sizes of one family ----

TEST(Sizes, the_same_units_attain_the_certificate_but_not_the_diploma) {
  for (auto [credit, kept] : {std::pair{30u, true}, {40u, false}}) {
    Course course;
    for (const char* code : {"U1", "U2", "U3", "U4"}) course.option(code);
    course.fact.set_credit_required(credit);
    EXPECT_EQ(attained(course, Record().units({"U1", "U2", "U3"})), kept);
  }
}

// ---- how much is tried ----

/// A group of units with distinct credits, as hard as it is to choose among, and a maximum of half of what they add up to.
Course with_distinct_credits(std::uint32_t count) {
  Course course;
  course.unit("U0");
  std::vector<std::string> codes;
  std::uint32_t sum = 0;
  for (std::uint32_t at = 1; at <= count; ++at) {
    codes.push_back("V" + std::to_string(at));
    std::uint32_t credit = 11 + at * at % 89;
    course.option(codes.back().c_str(), credit);
    sum += credit;
  }
  v1::UnitGroup& group = *course.fact.add_groups();
  group.set_code("OPT");
  for (const std::string& code : codes) group.add_units(code);
  group.set_credit_max(sum / 2);
  return course;
}

TEST(ChoiceOfUnits, of_more_choices_than_are_tried_is_given_up_in_its_steps_and_says_so) {
  Qualification made = with_distinct_credits(120).made();
  UnitSet all;
  for (std::size_t at = 0; at < made.units.size(); ++at) all.set(at);
  std::vector<std::uint32_t> points(made.units.size());
  for (std::size_t at = 0; at < points.size(); ++at) points[at] = static_cast<std::uint32_t>(at * 7919 % 997);
  std::uint64_t steps = 1000;
  EXPECT_EQ(best_choice(made.ways.front(), made.units, all, points, &steps), std::nullopt);
  EXPECT_EQ(steps, 0u);
  steps = 100'000'000;
  EXPECT_TRUE(best_choice(made.ways.front(), made.units, all, points, &steps));
  EXPECT_GT(steps, 0u);
}

TEST(ChoiceOfUnits, that_was_given_up_attains_nothing_and_is_named) {
  Course course = with_distinct_credits(120);
  course.points("P", 7).boundary("P", 1);
  Record record;
  record.unit("U0", "P");
  for (int at = 1; at <= 120; ++at) record.unit("V" + std::to_string(at), "P");
  Qualification made = course.made();
  Attainment attainment = attain(record.facts, made);
  EXPECT_TRUE(attainment.too_many_choices);
  EXPECT_FALSE(attainment.achieved);
  EXPECT_FALSE(attainment.complete);
  EXPECT_EQ(missing(record.facts, made).at(0).rule(), "combination-choices");
}

TEST(ChoiceOfUnits, that_ends_before_its_steps_do_is_the_same_whatever_they_are) {
  Qualification made = with_distinct_credits(12).made();
  UnitSet all;
  for (std::size_t at = 0; at < made.units.size(); ++at) all.set(at);
  std::vector<std::uint32_t> points(made.units.size(), 3);
  std::uint64_t many = 100'000'000;
  auto best = best_choice(made.ways.front(), made.units, all, points, &many);
  ASSERT_TRUE(best);
  EXPECT_EQ(best_choice(made.ways.front(), made.units, all, points), best);
}

}  // namespace
}  // namespace vtq::test
