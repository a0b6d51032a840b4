// A qualification and a learner's record for tests of attainment and grading, without events.
#pragma once

#include <gtest/gtest.h>

#include "pipeline/rules/grading.h"

namespace vtq::test {

/// Highest grade first; those after `|` do not count as achieved.
inline GradingScale scale_of(const std::string& name, std::initializer_list<const char*> grades) {
  v1::GradingScaleDefined fact;
  fact.set_name(name);
  bool achieved = true;
  for (std::string grade : grades) {
    if (grade == "|") {
      achieved = false;
      continue;
    }
    auto* made = fact.add_grades();
    made->set_value(grade);
    made->set_achieved(achieved);
  }
  return make_scale(fact);
}

/// A qualification under construction. Overall grades D*, D, M, P and U; unit grades D, M, P, and N (near pass) and U, not achieved.
class Course {
 public:
  Course() {
    fact.set_qualification("601/0001/5");
    fact.set_awarding_organisation("RN5001");
    fact.set_grading_scale("overall");
    fact.set_unit_grading_scale("unit");
    scales["overall"] = scale_of("overall", {"D*", "D", "M", "P", "|", "U"});
    scales["unit"] = scale_of("unit", {"D", "M", "P", "|", "N", "U"});
  }

  v1::Unit& unit(const std::string& code, bool mandatory = true, std::uint32_t credit = 10, std::uint32_t level = 3) {
    auto* made = fact.add_units();
    made->set_code(code);
    made->set_mandatory(mandatory);
    made->set_credit(credit);
    made->set_level(level);
    return *made;
  }
  v1::Unit& option(const std::string& code, std::uint32_t credit = 10, std::uint32_t level = 3) { return unit(code, false, credit, level); }
  v1::UnitGroup& group(const std::string& code, std::initializer_list<const char*> units) {
    auto* made = fact.add_groups();
    made->set_code(code);
    for (const char* one : units) made->add_units(one);
    return *made;
  }
  Course& bar(std::initializer_list<const char*> units) {
    auto* made = fact.add_barred();
    for (const char* one : units) made->add_units(one);
    return *this;
  }
  v1::Pathway& pathway(const std::string& code, std::initializer_list<const char*> units, std::initializer_list<const char*> groups = {}) {
    auto* made = fact.add_pathways();
    made->set_code(code);
    for (const char* one : units) made->add_units(one);
    for (const char* one : groups) made->add_groups(one);
    return *made;
  }
  Course& points(const std::string& grade, std::uint32_t points, std::uint32_t credit = 0) {
    auto* made = fact.mutable_grading()->add_points();
    made->set_grade(grade);
    made->set_points(points);
    made->set_credit(credit);
    return *this;
  }
  Course& boundary(const std::string& grade, std::uint32_t points) {
    auto* made = fact.mutable_grading()->add_boundaries();
    made->set_grade(grade);
    made->set_points(points);
    return *this;
  }
  v1::Hurdle& hurdle(const std::string& from, std::initializer_list<const char*> units, const std::string& unit_grade, std::uint32_t least = 0) {
    auto* made = fact.mutable_grading()->add_hurdles();
    made->set_from_grade(from);
    for (const char* one : units) made->add_units(one);
    made->set_unit_grade(unit_grade);
    made->set_units_min(least);
    return *made;
  }
  v1::GradeCap& cap(const std::string& grade, std::initializer_list<const char*> units, const std::string& unit_grade, std::uint32_t most = 0) {
    auto* made = fact.mutable_grading()->add_caps();
    made->set_grade(grade);
    for (const char* one : units) made->add_units(one);
    made->set_unit_grade(unit_grade);
    made->set_units_max(most);
    return *made;
  }
  /// Points to the scales held here.
  Qualification made() const { return make_qualification(fact, scales); }

  v1::QualificationDefined fact;
  Scales scales;
};

/// What is recorded of a learner. Each entry comes one millisecond after the one before, from 1,000 on.
class Record {
 public:
  Record() { facts.registered = {500, 0}; }

  Record& unit(const std::string& code, const std::string& grade = {}, UnitFact::Standing standing = UnitFact::Standing::achieved) {
    return put(code, 0, grade, standing);
  }
  Record& not_yet(const std::string& code, const std::string& grade = {}) { return put(code, 0, grade, UnitFact::Standing::not_yet_achieved); }
  Record& outcome(const std::string& code, const std::string& outcome, bool achieved = true) {
    return put(code, short_hash(outcome), {}, achieved ? UnitFact::Standing::achieved : UnitFact::Standing::not_yet_achieved);
  }
  Record& recognised(const std::string& code, const std::string& grade = {}) {
    return put(code, kPriorLearning, grade, UnitFact::Standing::recognised);
  }
  Record& units(const std::vector<const char*>& codes, const std::string& grade = {}) {
    for (const char* code : codes) unit(code, grade);
    return *this;
  }
  Record& on(const std::string& pathway) {
    auto particulars = std::make_shared<Particulars>();
    particulars->pathway = pathway;
    facts.particulars = std::move(particulars);
    return *this;
  }
  Record& result(const std::string& grade, ResultKind kind = ResultKind::determined) {
    facts.result = {++last_, 1};
    facts.result_kind = kind;
    facts.result_scale = Word("overall");
    facts.result_grade = Word(grade);
    return *this;
  }

  EntryFacts facts;

 private:
  Record& put(const std::string& code, std::uint32_t outcome, const std::string& grade, UnitFact::Standing standing) {
    UnitFact made{.unit = short_hash(code),
                  .learning_outcome = outcome,
                  .stamp = {++last_, 1},
                  .grade = grade.empty() ? 0 : short_hash(grade),
                  .standing = standing};
    auto same = [&](const UnitFact& held) { return held.unit == made.unit && held.learning_outcome == outcome; };
    std::erase_if(facts.units, same);
    auto before = [](const UnitFact& a, const UnitFact& b) { return a.unit != b.unit ? a.unit < b.unit : a.learning_outcome < b.learning_outcome; };
    facts.units.insert(std::upper_bound(facts.units.begin(), facts.units.end(), made, before), made);
    return *this;
  }

  TimeMs last_ = 1'000;
};

/// What stands between the record and its result.
inline Obstacle result_of(const Record& record, const Course& course) {
  Qualification qualification = course.made();
  return result_obstacle(record.facts, qualification, attain(record.facts, qualification));
}

/// What is missing, one line for each: `rule subject: text`.
inline std::string missing_lines(const Course& course, const Record& record) {
  std::string lines;
  for (const v1::Obstacle& one : missing(record.facts, course.made())) lines += one.rule() + "|" + one.subject() + "|" + one.text() + "\n";
  return lines;
}

}  // namespace vtq::test
