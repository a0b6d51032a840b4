// What can only be seen of all reference facts together. Each rule: the case that just passes, the one that just fails, what is said.
#include "pipeline/intake/catalogue.h"

#include <algorithm>
#include <functional>
#include <random>
#include <set>

#include "pipeline/intake/check.h"
#include "tests/support/season.h"

namespace vtq::test {
namespace {

/// A catalogue without a fault, by short names.
using Facts = std::map<std::string, v1::Event>;

v1::Event fact(const std::string& id, const std::string& json) {
  return event_from(R"({"id": ")" + id + R"(", "source": "test", "occurredAt": "2024-06-01T09:00:00Z", )" + json + "}");
}

Facts sound() {
  Facts facts;
  auto put = [&](const std::string& name, const std::string& json) { facts[name] = fact(name, json); };
  put("ao", R"("awardingOrganisationDefined": {"awardingOrganisation": "RN5901", "name": "Northgate"})");
  put("overall", R"("gradingScaleDefined": {"name": "Overall", "grades": [{"value": "Distinction", "achieved": true},
    {"value": "Merit", "achieved": true}, {"value": "Pass", "achieved": true}, {"value": "Partial"}, {"value": "Unclassified"}]})");
  put("unit", R"("gradingScaleDefined": {"name": "Unit", "grades": [{"value": "D", "achieved": true}, {"value": "M", "achieved": true},
    {"value": "P", "achieved": true}, {"value": "N"}, {"value": "U"}]})");
  put("core", R"("gradingScaleDefined": {"name": "Core", "grades": [{"value": "A", "achieved": true}, {"value": "B", "achieved": true},
    {"value": "U"}]})");
  put("diploma", R"("qualificationDefined": {"qualification": "603/4101/4", "title": "Diploma in Boats", "awardingOrganisation": "RN5901",
    "level": "LEVEL_3", "gradingScale": "Overall", "unitGradingScale": "Unit", "certification": "CERTIFICATION_BY_CLAIM",
    "family": "boats", "size": "SIZE_DIPLOMA", "approvalNeeded": ["IFATE"],
    "firstRegistrationOn": "2020-09-01", "lastRegistrationOn": "2025-08-31", "lastCertificationOn": "2027-08-31",
    "units": [{"code": "U1", "mandatory": true, "credit": 10, "level": 3, "learningOutcomes": ["LO1", "LO2"]},
      {"code": "U2", "mandatory": true, "credit": 10, "level": 3}, {"code": "U3", "credit": 10, "level": 3},
      {"code": "U4", "credit": 10, "level": 3}, {"code": "U5", "credit": 20, "level": 2}],
    "groups": [{"code": "OPT", "units": ["U3", "U4", "U5"], "unitsMin": 1, "unitsMax": 2}],
    "creditRequired": 40, "creditAtLevelRequired": 30, "creditLevel": 3,
    "grading": {"points": [{"grade": "D", "points": 12}, {"grade": "M", "points": 9}, {"grade": "P", "points": 6},
        {"grade": "D", "credit": 20, "points": 24}, {"grade": "M", "credit": 20, "points": 18}, {"grade": "P", "credit": 20, "points": 12}],
      "boundaries": [{"grade": "Distinction", "points": 56}, {"grade": "Merit", "points": 42}, {"grade": "Pass", "points": 24}],
      "hurdles": [{"fromGrade": "Merit", "unitGrade": "P", "unitsMin": 2}],
      "caps": [{"grade": "Pass", "units": ["U2"], "unitGrade": "N"}]}})");
  put("certificate", R"("qualificationDefined": {"qualification": "603/5203/6", "title": "Certificate in Boats",
    "awardingOrganisation": "RN5901", "level": "LEVEL_3", "gradingScale": "Overall", "certification": "CERTIFICATION_BY_CLAIM",
    "family": "boats", "size": "SIZE_CERTIFICATE", "creditRequired": 20, "grading": {"passGrade": "Pass"},
    "units": [{"code": "U1", "mandatory": true, "credit": 10}, {"code": "U2", "mandatory": true, "credit": 10}]})");
  put("technical",
      R"("qualificationDefined": {"qualification": "603/4102/6", "title": "T Level in Harbours", "awardingOrganisation": "RN5901",
    "level": "LEVEL_3", "gradingScale": "Overall", "unitGradingScale": "Unit", "certification": "CERTIFICATION_AUTOMATIC", "tLevel": true,
    "units": [{"code": "CORE", "mandatory": true, "gradingScale": "Core"}, {"code": "SPECIALISM", "mandatory": true}],
    "grading": {"components": ["CORE", "SPECIALISM"], "partialGrade": "Partial", "unclassifiedGrade": "Unclassified", "combinations": [
      {"unitGrades": ["A", "D"], "grade": "Distinction"}, {"unitGrades": ["A", "M"], "grade": "Distinction"},
      {"unitGrades": ["A", "P"], "grade": "Merit"}, {"unitGrades": ["B", "D"], "grade": "Merit"},
      {"unitGrades": ["B", "M"], "grade": "Merit"}, {"unitGrades": ["B", "P"], "grade": "Pass"}]}})");
  put("calendar", R"("calendarDefined": {"awardingOrganisation": "RN5901", "level": "LEVEL_3", "series": "2024-08",
    "checkpointOpens": "2024-03-04T09:00", "checkpointCloses": "2024-04-26T17:00", "lateEntryAfter": "2024-05-31T17:00",
    "claimDeadline": "2024-07-12T17:00", "issueDeadline": "2024-08-12T17:00", "centreRelease": "2024-08-14T00:01",
    "learnerRelease": "2024-08-15T08:00"})");
  put("mitigation", R"("mitigationDefined": {"qualification": "603/4101/4", "series": "2024-08", "kind": "DELAYED",
    "expectedOn": "2024-10-01", "disruptionFrom": "2024-03-20", "disruptionTo": "2024-07-31"})");
  put("strategy", R"("scrutinyStrategyDefined": {"awardingOrganisation": "RN5901", "qualification": "603/4101/4"})");
  put("category", R"("approvalCategoryDefined": {"body": "IFATE", "category": "additional-specialist"})");
  put("proposed", R"("approvalProposed": {"qualification": "603/4101/4", "body": "IFATE", "category": "additional-specialist"})");
  put("submitted", R"("approvalSubmitted": {"qualification": "603/4101/4", "body": "IFATE", "category": "additional-specialist",
    "mappings": [{"statement": "K1", "unit": "U1", "learningOutcome": "LO2"}, {"statement": "S1", "unit": "U2"}]})");
  put("decided", R"("approvalDecided": {"qualification": "603/4101/4", "body": "IFATE", "approved": true, "approvedFrom": "2020-09-01",
    "approvedUntil": "2026-08-31", "lastRegistrationOn": "2025-08-31", "lastCertificationOn": "2027-08-31"})");
  put("withdrawn", R"("approvalWithdrawn": {"qualification": "603/4101/4", "body": "IFATE", "withdrawnFrom": "2025-01-01",
    "lastCertificationOn": "2027-08-31"})");
  return facts;
}

std::vector<CatalogueFinding> findings_of(const Facts& facts) {
  Catalogue catalogue;
  std::size_t place = 0;
  for (const auto& [name, event] : facts) {
    auto form = check(event);
    EXPECT_TRUE(form.has_value()) << name << ": " << form.error().rule << " " << form.error().field << " " << form.error().message;
    EXPECT_TRUE(catalogue.add(event, place++)) << name;
  }
  return catalogue.findings();
}

std::string text_of(const std::vector<CatalogueFinding>& findings) {
  std::string text;
  for (const auto& one : findings)
    text += one.qualification + " " + one.why.field + " [" + one.why.rule + "] " + one.why.value + ": " + one.why.message + "\n";
  return text;
}

v1::QualificationDefined& diploma(Facts& facts) { return *facts.at("diploma").mutable_qualification_defined(); }
v1::QualificationDefined& technical(Facts& facts) { return *facts.at("technical").mutable_qualification_defined(); }
v1::QualificationDefined& certificate(Facts& facts) { return *facts.at("certificate").mutable_qualification_defined(); }
v1::UnitGroup& options(Facts& facts) { return *diploma(facts).mutable_groups(0); }
v1::Grading& grading(Facts& facts) { return *diploma(facts).mutable_grading(); }
v1::CalendarDefined& calendar(Facts& facts) { return *facts.at("calendar").mutable_calendar_defined(); }
v1::MitigationDefined& mitigation(Facts& facts) { return *facts.at("mitigation").mutable_mitigation_defined(); }
v1::ApprovalDecided& decided(Facts& facts) { return *facts.at("decided").mutable_approval_decided(); }
v1::ApprovalWithdrawn& withdrawn(Facts& facts) { return *facts.at("withdrawn").mutable_approval_withdrawn(); }

void ungraded(Facts& facts) { diploma(facts).clear_grading(); }
void bar(Facts& facts, std::initializer_list<const char*> units) {
  auto* barred = diploma(facts).add_barred();
  for (const char* unit : units) barred->add_units(unit);
}

using Change = std::function<void(Facts&)>;

struct Case {
  std::string name;
  Change passes, fails;
  std::string qualification, field, rule, value, says;
  bool warning = false;
};

const std::string kDiploma = "603/4101/4", kTechnical = "603/4102/6", kCertificate = "603/5203/6";
const std::string kDefined = "qualificationDefined.";
const Change kAsItIs = [](Facts&) {};

std::vector<Case> combination_cases() {
  auto units_min = [](std::uint32_t count) {
    return [count](Facts& facts) {
      options(facts).set_units_min(count);
      options(facts).set_units_max(count);
    };
  };
  auto at_level = [](std::uint32_t count) {
    return [count](Facts& facts) {
      options(facts).set_units_max(0);
      options(facts).set_level(3);
      options(facts).set_units_at_level_min(count);
    };
  };
  auto credit_max = [](std::uint32_t most) {
    return [most](Facts& facts) {
      ungraded(facts);
      diploma(facts).set_credit_required(30);
      options(facts).set_units_min(2);
      options(facts).set_credit_max(most);
    };
  };
  auto mandatory = [](int count) {
    return [count](Facts& facts) {
      ungraded(facts);
      for (int at = 2; at < 2 + count; ++at) diploma(facts).mutable_units(at)->set_mandatory(true);
    };
  };
  auto mandatory_credit = [](std::uint32_t most) {
    return [most](Facts& facts) {
      ungraded(facts);
      diploma(facts).set_credit_required(30);
      diploma(facts).mutable_units(2)->set_mandatory(true);
      diploma(facts).mutable_units(3)->set_mandatory(true);
      options(facts).set_credit_max(most);
    };
  };
  auto on_pathway = [](const char* unit) {
    return [unit](Facts& facts) {
      ungraded(facts);
      auto* pathway = diploma(facts).add_pathways();
      pathway->set_code("SAIL");
      pathway->add_units(unit);
      bar(facts, {"U1", "U3"});
    };
  };
  return {
      {"group_minimum", units_min(3), units_min(4), kDiploma, kDefined + "groups[0].unitsMin", "group-units-reachable", "4",
       "This can never be met: Group OPT has 3 units; lower the minimum or add units."},
      {"group_credit", [](Facts& facts) { options(facts).set_credit_min(30); }, [](Facts& facts) { options(facts).set_credit_min(31); }, kDiploma,
       kDefined + "groups[0].creditMin", "group-credit-reachable", "31", "Group OPT gives at most 30 credit"},
      {"group_level", at_level(2), at_level(3), kDiploma, kDefined + "groups[0].unitsAtLevelMin", "group-level-reachable", "3",
       "Of group OPT at most 2 units can count at level 3 or above"},
      {"group_units_fit_its_credit", credit_max(20), credit_max(19), kDiploma, kDefined + "groups[0].creditMax", "group-units-fit-credit", "19",
       "The 2 smallest units of group OPT have 20 credit together"},
      {"mandatory_in_group", mandatory(2), mandatory(3), kDiploma, kDefined + "groups[0].unitsMax", "mandatory-in-capped-group", "2",
       "Group OPT cannot hold U3, U4 and U5, which are mandatory; raise the maximum"},
      {"mandatory_credit_in_group", mandatory_credit(20), mandatory_credit(19), kDiploma, kDefined + "groups[0].creditMax",
       "mandatory-in-capped-group", "19", "Group OPT cannot hold U3 and U4, which are mandatory and worth 20 credit"},
      {"mandatory_barred",
       [](Facts& facts) {
         bar(facts, {"U1", "U3"});
       },
       [](Facts& facts) {
         bar(facts, {"U1", "U2"});
       },
       kDiploma, kDefined + "barred[0].units", "mandatory-barred", "U1 and U2", "These units are mandatory and barred from counting together"},
      {"mandatory_barred_on_a_pathway", on_pathway("U4"), on_pathway("U3"), kDiploma, kDefined + "barred[0].units", "mandatory-barred", "U1 and U3",
       "These units are mandatory on pathway SAIL and barred"},
      {"credit", [](Facts& facts) { diploma(facts).set_credit_required(50); }, [](Facts& facts) { diploma(facts).set_credit_required(51); }, kDiploma,
       kDefined + "creditRequired", "credit-reachable", "51", "At most 50 credit can count"},
      {"credit_at_level",
       [](Facts& facts) {
         ungraded(facts);
         diploma(facts).set_credit_at_level_required(40);
       },
       [](Facts& facts) {
         ungraded(facts);
         diploma(facts).set_credit_at_level_required(41);
       },
       kDiploma, kDefined + "creditAtLevelRequired", "credit-at-level-reachable", "41", "At most 40 credit at level 3 or above can count"},
      {"optional_credit", [](Facts& facts) { diploma(facts).set_optional_credit_required(30); },
       [](Facts& facts) { diploma(facts).set_optional_credit_required(31); }, kDiploma, kDefined + "optionalCreditRequired",
       "optional-credit-reachable", "31", "At most 30 credit of optional units can count"},
      {"rules_that_exclude_each_other",
       [](Facts& facts) {
         options(facts).set_units_min(2);
         bar(facts, {"U3", "U4"});
       },
       [](Facts& facts) {
         options(facts).set_units_min(2);
         bar(facts, {"U3", "U4", "U5"});
       },
       kDiploma, kDefined + "units", "never-attained", kDiploma, "With every unit achieved the rules of combination are still not met"},
  };
}

std::vector<Case> grade_cases() {
  auto top_boundary = [](std::uint32_t points) { return [points](Facts& facts) { grading(facts).mutable_boundaries(0)->set_points(points); }; };
  auto last_boundary = [](std::uint32_t points, std::uint32_t credit_required = 40) {
    return [points, credit_required](Facts& facts) {
      grading(facts).mutable_boundaries(2)->set_points(points);
      diploma(facts).set_credit_required(credit_required);
    };
  };
  auto hurdle_units = [](std::uint32_t count) { return [count](Facts& facts) { grading(facts).mutable_hurdles(0)->set_units_min(count); }; };
  auto set = [](auto change) { return Change(change); };
  std::string grade_of = "The scale Overall has no such grade; it has Distinction, Merit, Pass, Partial and Unclassified.";
  return {
      {"scale", kAsItIs, set([](Facts& facts) { certificate(facts).set_grading_scale("Overal"); }), kCertificate, kDefined + "gradingScale",
       "scale-known", "Overal", "Define the grading scale with GradingScaleDefined"},
      {"unit_scale", kAsItIs, set([](Facts& facts) { facts.erase("core"); }), kTechnical, kDefined + "units[0].gradingScale", "scale-known", "Core",
       "Define the grading scale"},
      {"scale_without_pass", kAsItIs, set([](Facts& facts) {
         auto* made = &(facts["zero"] = fact("zero", R"("gradingScaleDefined": {"name": "Zero", "grades": [{"value": "U"}]})"));
         EXPECT_TRUE(made->has_grading_scale_defined());
       }),
       "", "gradingScaleDefined.grades", "scale-achieves", "Zero", "No grade of the scale counts as achieved"},
      {"pass_grade", set([](Facts& facts) { certificate(facts).mutable_grading()->set_pass_grade("Merit"); }),
       set([](Facts& facts) { certificate(facts).mutable_grading()->set_pass_grade("P"); }), kCertificate, kDefined + "grading.passGrade",
       "grade-of-scale", "P", grade_of},
      {"hurdle_grade", kAsItIs, set([](Facts& facts) { grading(facts).mutable_hurdles(0)->set_from_grade("Credit"); }), kDiploma,
       kDefined + "grading.hurdles[0].fromGrade", "grade-of-scale", "Credit", grade_of},
      {"cap_unit_grade", set([](Facts& facts) { grading(facts).mutable_caps(0)->set_unit_grade("U"); }),
       set([](Facts& facts) { grading(facts).mutable_caps(0)->set_unit_grade("R"); }), kDiploma, kDefined + "grading.caps[0].unitGrade",
       "grade-of-scale", "R", "The scale Unit has no such grade"},
      {"points_grade", kAsItIs, set([](Facts& facts) {
         auto* row = grading(facts).add_points();
         row->set_grade("R");
         row->set_points(3);
       }),
       kDiploma, kDefined + "grading.points[6].grade", "grade-of-scale", "R", "No unit is graded on a scale that has this grade"},
      {"minimum_grade", set([](Facts& facts) { diploma(facts).mutable_units(0)->set_minimum_grade("M"); }), set([](Facts& facts) {
         ungraded(facts);
         diploma(facts).mutable_units(0)->set_minimum_grade("R");
       }),
       kDiploma, kDefined + "units[0].minimumGrade", "grade-of-scale", "R", "The scale Unit has no such grade"},
      {"boundary_for_each_grade", kAsItIs, set([](Facts& facts) { grading(facts).mutable_boundaries()->DeleteSubrange(1, 1); }), kDiploma,
       kDefined + "grading.boundaries", "boundary-for-grade", "Merit", "no points lead to it"},
      {"points_for_each_grade", kAsItIs, set([](Facts& facts) { grading(facts).mutable_points()->DeleteSubrange(1, 1); }), kDiploma,
       kDefined + "grading.points", "points-for-grade", "M", "Unit U1 of 10 credit can be achieved with this grade, which is worth no points"},
      {"points_for_a_near_pass_that_counts", kAsItIs, set([](Facts& facts) { diploma(facts).mutable_units(0)->set_minimum_grade("N"); }), kDiploma,
       kDefined + "grading.points", "points-for-grade", "N", "Unit U1 of 10 credit"},
      {"highest_boundary", top_boundary(60), top_boundary(61), kDiploma, kDefined + "grading.boundaries[0].points", "boundary-reachable", "61",
       "Nobody can be given Distinction: the highest unit grades come to 60 points at most"},
      {"lowest_boundary", last_boundary(30, 50), last_boundary(31, 50), kDiploma, kDefined + "grading.boundaries[2].points", "lowest-boundary", "31",
       "Who achieves every unit with its lowest pass has 30 points and is given no grade; lower the boundary of Pass."},
      {"lowest_boundary_for_few", last_boundary(24), last_boundary(25), kDiploma, kDefined + "grading.boundaries[2].points",
       "lowest-boundary-for-few", "25", "Who achieves only U1, U2, U3 and U4, with the lowest pass, keeps the rules of combination", true},
      {"hurdle_units", hurdle_units(2), hurdle_units(3), kDiploma, kDefined + "grading.hurdles[0].unitsMin", "hurdle-reachable", "3",
       "This can never be met: the hurdle is over 2 units"},
      {"hurdle_on_a_pathway", set([](Facts& facts) {
         diploma(facts).add_pathways()->set_code("SAIL");
         diploma(facts).mutable_pathways(0)->add_units("U3");
         grading(facts).mutable_hurdles(0)->set_units_min(3);
         grading(facts).mutable_boundaries(0)->set_points(36);
         grading(facts).mutable_boundaries(1)->set_points(30);
       }),
       set([](Facts& facts) {
         diploma(facts).add_pathways()->set_code("SAIL");
         diploma(facts).mutable_pathways(0)->add_units("U3");
         grading(facts).mutable_hurdles(0)->set_units_min(4);
         grading(facts).mutable_boundaries(0)->set_points(36);
         grading(facts).mutable_boundaries(1)->set_points(30);
       }),
       kDiploma, kDefined + "grading.hurdles[0].unitsMin", "hurdle-reachable", "4", "the hurdle is over 3 units on pathway SAIL"},
      {"hurdle_on_a_unit_without_grades", kAsItIs, set([](Facts& facts) {
         auto* hurdle = certificate(facts).mutable_grading()->add_hurdles();
         hurdle->add_units("U1");
         hurdle->set_unit_grade("P");
       }),
       kCertificate, kDefined + "grading", "highest-grade", "Pass",
       "Who has every unit with its highest grade is given no grade; correct the hurdles and caps. No result: the hurdle on all of U1 is not met"},
      {"cap_that_always_applies", set([](Facts& facts) {
         grading(facts).mutable_caps(0)->set_grade("Merit");
         grading(facts).mutable_caps(0)->set_unit_grade("M");
       }),
       set([](Facts& facts) {
         grading(facts).mutable_caps(0)->set_grade("Merit");
         grading(facts).mutable_caps(0)->set_unit_grade("D");
       }),
       kDiploma, kDefined + "grading", "highest-grade", "Distinction",
       "is given Merit; correct the hurdles and caps. The result is kept down: the cap on any unit"},
      {"below_the_lowest_boundary_is_a_grade", set([](Facts& facts) {
         grading(facts).mutable_boundaries(2)->set_points(25);
         grading(facts).set_unclassified_grade("Unclassified");
       }),
       set([](Facts& facts) {
         grading(facts).mutable_boundaries(2)->set_points(31);
         grading(facts).set_unclassified_grade("Unclassified");
       }),
       kDiploma, kDefined + "grading.boundaries[2].points", "lowest-boundary", "31", "has 30 points and is given Unclassified;"},
      {"table_row", kAsItIs, set([](Facts& facts) { technical(facts).mutable_grading()->mutable_combinations()->RemoveLast(); }), kTechnical,
       kDefined + "grading.combinations", "combination-for-grades", "B with P", "no row says what follows"},
      {"table_grade", kAsItIs, set([](Facts& facts) { technical(facts).mutable_grading()->mutable_combinations(0)->set_grade("Distinction*"); }),
       kTechnical, kDefined + "grading.combinations[0].grade", "grade-of-scale", "Distinction*", grade_of},
      {"table_component_grade", kAsItIs, set([](Facts& facts) {
         auto* row = technical(facts).mutable_grading()->add_combinations();
         row->add_unit_grades("C");
         row->add_unit_grades("P");
         row->set_grade("Pass");
       }),
       kTechnical, kDefined + "grading.combinations[6].unitGrades[0]", "grade-of-scale", "C", "The scale Core has no such grade"},
      {"partial_grade", kAsItIs, set([](Facts& facts) { technical(facts).mutable_grading()->clear_partial_grade(); }), kTechnical,
       kDefined + "grading.partialGrade", "partial-grade-given", "", "some components are achieved and others are not"},
      {"unclassified_grade", kAsItIs, set([](Facts& facts) { technical(facts).mutable_grading()->clear_unclassified_grade(); }), kTechnical,
       kDefined + "grading.unclassifiedGrade", "unclassified-grade-given", "", "when no component is achieved"},
  };
}

std::vector<Case> date_cases() {
  auto set = [](auto change) { return Change(change); };
  return {
      {"last_registration", set([](Facts& facts) { diploma(facts).set_last_registration_on("2020-09-01"); }),
       set([](Facts& facts) { diploma(facts).set_last_registration_on("2020-08-31"); }), kDiploma, kDefined + "lastRegistrationOn", "dates-in-order",
       "2020-08-31", "The last registration comes before the first (2020-09-01)."},
      {"last_certification", set([](Facts& facts) { diploma(facts).set_last_certification_on("2025-08-31"); }),
       set([](Facts& facts) { diploma(facts).set_last_certification_on("2025-08-30"); }), kDiploma, kDefined + "lastCertificationOn",
       "dates-in-order", "2025-08-30", "The last certification comes before the last registration (2025-08-31)."},
      {"approval", set([](Facts& facts) { decided(facts).set_approved_until("2020-09-01"); }),
       set([](Facts& facts) { decided(facts).set_approved_until("2020-08-31"); }), kDiploma, "approvalDecided.approvedUntil", "dates-in-order",
       "2020-08-31", "The approval ends before it begins (2020-09-01)."},
      {"registration_under_approval", kAsItIs, set([](Facts& facts) { decided(facts).set_last_registration_on("2020-08-31"); }), kDiploma,
       "approvalDecided.lastRegistrationOn", "dates-in-order", "2020-08-31", "The last registration comes before the approval"},
      {"certification_under_approval", set([](Facts& facts) { decided(facts).set_last_certification_on("2025-08-31"); }),
       set([](Facts& facts) { decided(facts).set_last_certification_on("2025-08-30"); }), kDiploma, "approvalDecided.lastCertificationOn",
       "dates-in-order", "2025-08-30", "The last certification comes before the last registration"},
      {"withdrawal", set([](Facts& facts) { withdrawn(facts).set_withdrawn_from("2020-09-01"); }),
       set([](Facts& facts) { withdrawn(facts).set_withdrawn_from("2020-08-31"); }), kDiploma, "approvalWithdrawn.withdrawnFrom", "dates-in-order",
       "2020-08-31", "Approval is withdrawn before it was given (2020-09-01)."},
      {"certification_after_withdrawal", set([](Facts& facts) { withdrawn(facts).set_last_certification_on("2025-01-01"); }),
       set([](Facts& facts) { withdrawn(facts).set_last_certification_on("2024-12-31"); }), kDiploma, "approvalWithdrawn.lastCertificationOn",
       "dates-in-order", "2024-12-31", "The last certification comes before the withdrawal (2025-01-01)."},
      {"issue_after_claims", set([](Facts& facts) { calendar(facts).set_claim_deadline("2024-08-12T17:00"); }),
       set([](Facts& facts) { calendar(facts).set_claim_deadline("2024-08-12T17:01"); }), "", "calendarDefined.issueDeadline", "dates-in-order",
       "2024-08-12T17:00", "Results are to be issued before claims close (2024-08-12T17:01)."},
      {"results_day_in_its_series", set([](Facts& facts) { calendar(facts).set_learner_release("2024-08-31T08:00"); }),
       set([](Facts& facts) { calendar(facts).set_learner_release("2024-09-01T08:00"); }), "", "calendarDefined.learnerRelease",
       "results-day-in-series", "2024-09-01T08:00", "correct the date or the series 2024-08."},
      {"delay", set([](Facts& facts) { mitigation(facts).set_expected_on("2024-03-20"); }),
       set([](Facts& facts) { mitigation(facts).set_expected_on("2024-03-19"); }), kDiploma, "mitigationDefined.expectedOn", "dates-in-order",
       "2024-03-19", "The new date comes before the disruption (2024-03-20)."},
  };
}

std::vector<Case> name_cases() {
  auto set = [](auto change) { return Change(change); };
  return {
      {"awarding_organisation", kAsItIs, set([](Facts& facts) { certificate(facts).set_awarding_organisation("RN5902"); }), kCertificate,
       kDefined + "awardingOrganisation", "awarding-organisation-known", "RN5902", "Define it with AwardingOrganisationDefined"},
      {"awarding_organisation_of_a_calendar", kAsItIs, set([](Facts& facts) { calendar(facts).set_awarding_organisation("RN5902"); }), "",
       "calendarDefined.awardingOrganisation", "awarding-organisation-known", "RN5902", "Define it"},
      {"qualification_of_a_mitigation", set([](Facts& facts) { mitigation(facts).set_qualification("60341014"); }),
       set([](Facts& facts) { mitigation(facts).set_qualification("603/5204/8"); }), "603/5204/8", "mitigationDefined.qualification",
       "qualification-known", "603/5204/8", "Define it with QualificationDefined"},
      {"qualification_of_a_strategy", kAsItIs,
       set([](Facts& facts) { facts.at("strategy").mutable_scrutiny_strategy_defined()->set_qualification("603/5204/8"); }), "603/5204/8",
       "scrutinyStrategyDefined.qualification", "qualification-known", "603/5204/8", "Define it"},
      {"strategy_of_the_owner", kAsItIs, set([](Facts& facts) {
         facts["other"] = fact("other", R"("awardingOrganisationDefined": {"awardingOrganisation": "RN5902", "name": "Weald"})");
         facts.at("strategy").mutable_scrutiny_strategy_defined()->set_awarding_organisation("RN5902");
       }),
       kDiploma, "scrutinyStrategyDefined.awardingOrganisation", "awarding-organisation-of-qualification", "RN5902",
       "The qualification is of RN5901, so that this strategy applies to nobody"},
      {"qualification_of_a_withdrawal", kAsItIs, set([](Facts& facts) { withdrawn(facts).set_qualification("603/5204/8"); }), "603/5204/8",
       "approvalWithdrawn.qualification", "qualification-known", "603/5204/8", "Define it"},
      {"category", kAsItIs, set([](Facts& facts) { facts.at("proposed").mutable_approval_proposed()->set_category("specialist"); }), kDiploma,
       "approvalProposed.category", "approval-category-known", "specialist", "Define the category of IFATE with ApprovalCategoryDefined"},
      {"unit_of_a_mapping", kAsItIs,
       set([](Facts& facts) { facts.at("submitted").mutable_approval_submitted()->mutable_mappings(1)->set_unit("U9"); }), kDiploma,
       "approvalSubmitted.mappings[1].unit", "unit-of-qualification", "U9", "The qualification has no such unit"},
      {"outcome_of_a_mapping", kAsItIs,
       set([](Facts& facts) { facts.at("submitted").mutable_approval_submitted()->mutable_mappings(0)->set_learning_outcome("LO3"); }), kDiploma,
       "approvalSubmitted.mappings[0].learningOutcome", "outcome-of-unit", "LO3", "Unit U1 has no such learning outcome"},
      {"centre_of_a_mitigation", set([](Facts& facts) { mitigation(facts).set_centre("12345"); }), set([](Facts& facts) {
         facts["centre"] = fact("centre", R"("centreDefined": {"centre": "54321", "name": "Quay School"})");
         mitigation(facts).set_centre("12345");
       }),
       kDiploma, "mitigationDefined.centre", "centre-known", "12345", "Define it with CentreDefined"},
      {"sizes", set([](Facts& facts) { certificate(facts).set_size(v1::SIZE_DIPLOMA); }),
       set([](Facts& facts) { certificate(facts).set_size(v1::SIZE_EXTENDED_DIPLOMA); }), kCertificate, kDefined + "size", "family-sizes-grow",
       "SIZE_EXTENDED_DIPLOMA", "It asks for 20 credit and 603/4101/4, which is smaller, for 40"},
      {"size_given", kAsItIs, set([](Facts& facts) { certificate(facts).clear_size(); }), kCertificate, kDefined + "size", "family-size-given",
       "boats", "Say which size of its family it is"},
      {"size_given_by_the_one_that_asks_for_more", kAsItIs, set([](Facts& facts) { diploma(facts).clear_size(); }), kDiploma, kDefined + "size",
       "family-size-given", "boats", "Say which size of its family it is"},
      {"check_digit", kAsItIs, set([](Facts& facts) { certificate(facts).set_qualification("603/5203/7"); }), "603/5203/7",
       kDefined + "qualification", "qualification-check-digit", "603/5203/7", "The check digit does not fit", true},
      {"decision", kAsItIs, set([](Facts& facts) { facts.erase("decided"); }), kDiploma, kDefined + "approvalNeeded[0]", "approval-decided", "IFATE",
       "until one is, registrations and results are held", true},
  };
}

class Rules : public testing::TestWithParam<Case> {};

TEST_P(Rules, just_kept_nothing_is_found) {
  Facts facts = sound();
  GetParam().passes(facts);
  EXPECT_EQ(text_of(findings_of(facts)), "");
}

TEST_P(Rules, just_broken_that_and_nothing_else_is_found) {
  Facts facts = sound();
  GetParam().fails(facts);
  auto found = findings_of(facts);
  ASSERT_EQ(found.size(), 1u) << text_of(found);
  EXPECT_EQ(found[0].qualification, GetParam().qualification);
  EXPECT_EQ(found[0].why.field, GetParam().field);
  EXPECT_EQ(found[0].why.rule, GetParam().rule);
  EXPECT_EQ(found[0].why.value, GetParam().value);
  EXPECT_NE(found[0].why.message.find(GetParam().says), std::string::npos) << found[0].why.message;
  EXPECT_EQ(found[0].warning, GetParam().warning);
}

std::string case_name(const testing::TestParamInfo<Case>& instance) { return instance.param.name; }
INSTANTIATE_TEST_SUITE_P(Combination, Rules, testing::ValuesIn(combination_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Grades, Rules, testing::ValuesIn(grade_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Dates, Rules, testing::ValuesIn(date_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Names, Rules, testing::ValuesIn(name_cases()), case_name);

TEST(Catalogue, what_is_no_reference_data_is_left_out) {
  Catalogue catalogue;
  EXPECT_FALSE(catalogue.add(registered({}, local("2024-01-10T09:00")), 0));
  EXPECT_TRUE(catalogue.findings().empty());
}

TEST(Catalogue, the_latest_fact_holds_whatever_the_order) {
  v1::Event before = sound().at("certificate"), after = before;
  before.mutable_qualification_defined()->set_grading_scale("Gone");
  after.mutable_occurred_at()->set_seconds(before.occurred_at().seconds() + 1);
  for (bool reversed : {false, true}) {
    Facts facts = sound();
    facts.erase("certificate");
    facts[reversed ? "certificate-2" : "certificate-1"] = before;
    facts[reversed ? "certificate-1" : "certificate-2"] = after;
    EXPECT_EQ(text_of(findings_of(facts)), "");
  }
}

TEST(Catalogue, what_a_broken_fact_defines_is_not_missed) {
  Facts facts = sound();
  Catalogue catalogue;
  std::size_t place = 0;
  for (const char* name : {"ao", "overall", "diploma", "category"}) {
    catalogue.add_broken(facts.at(name));
    facts.erase(name);
  }
  for (const auto& [name, event] : facts) EXPECT_TRUE(catalogue.add(event, place++)) << name;
  EXPECT_EQ(text_of(catalogue.findings()), "");
}

TEST(Catalogue, a_scale_that_is_missing_is_all_that_is_said_of_its_grades) {
  Facts facts = sound();
  facts.erase("unit");
  auto found = findings_of(facts);
  ASSERT_EQ(found.size(), 2u) << text_of(found);
  for (const CatalogueFinding& one : found) EXPECT_EQ(one.why.field + " " + one.why.value, kDefined + "unitGradingScale Unit");
  Catalogue catalogue;
  std::size_t place = 0;
  catalogue.add_broken(sound().at("unit"));
  for (const auto& [name, event] : facts) EXPECT_TRUE(catalogue.add(event, place++)) << name;
  EXPECT_EQ(text_of(catalogue.findings()), "");
}

TEST(Catalogue, findings_stand_in_the_order_of_the_facts) {
  Facts facts = sound();
  calendar(facts).set_awarding_organisation("RN5902");
  withdrawn(facts).set_qualification("603/5204/8");
  certificate(facts).set_awarding_organisation("RN5902");
  auto found = findings_of(facts);
  ASSERT_EQ(found.size(), 3u) << text_of(found);
  EXPECT_LT(found[0].place, found[1].place);
  EXPECT_LT(found[1].place, found[2].place);
}

TEST(Catalogue, of_calendars_and_mitigations_too_only_the_latest_is_looked_at) {
  Facts facts = sound();
  for (const char* name : {"calendar", "mitigation"}) {
    v1::Event wrong = facts.at(name);
    if (wrong.has_calendar_defined())
      wrong.mutable_calendar_defined()->set_issue_deadline(wrong.calendar_defined().checkpoint_opens());
    else
      wrong.mutable_mitigation_defined()->set_expected_on("2024-03-01");
    wrong.set_id(wrong.id() + "-before");
    wrong.mutable_occurred_at()->set_seconds(wrong.occurred_at().seconds() - 60);
    facts[std::string(name) + " before"] = wrong;
  }
  EXPECT_EQ(text_of(findings_of(facts)), "");
  for (const char* name : {"calendar before", "mitigation before"})
    facts.at(name).mutable_occurred_at()->set_seconds(facts.at(name).occurred_at().seconds() + 120);
  EXPECT_EQ(findings_of(facts).size(), 3u) << text_of(findings_of(facts));
}

TEST(Catalogue, many_of_one_kind_are_summed_up) {
  Facts facts = sound();
  auto& submitted = *facts.at("submitted").mutable_approval_submitted();
  for (std::size_t at = 0; at < Catalogue::kFindingsPerRuleMax + 3; ++at) {
    auto* mapping = submitted.add_mappings();
    mapping->set_statement("K" + std::to_string(at));
    mapping->set_unit("GONE" + std::to_string(at));
  }
  auto found = findings_of(facts);
  ASSERT_EQ(found.size(), Catalogue::kFindingsPerRuleMax) << text_of(found);
  EXPECT_TRUE(found.back().why.message.ends_with("And 3 more like it.")) << found.back().why.message;
}

// ---- whatever the rules of combination: a qualification that nobody can attain is found, and no other ----

class Drawn {
 public:
  explicit Drawn(std::uint32_t seed) : random_(seed), plain_(sound().at("certificate").qualification_defined()) {}

  v1::QualificationDefined qualification() {
    v1::QualificationDefined made = plain_;
    made.clear_units();
    made.clear_family();
    made.clear_size();
    int units = between(3, 8);
    for (int at = 0; at < units; ++at) {
      auto* unit = made.add_units();
      unit->set_code("U" + std::to_string(at));
      unit->set_credit(static_cast<std::uint32_t>(between(1, 4) * 5));
      unit->set_level(static_cast<std::uint32_t>(between(2, 4)));
      unit->set_mandatory(chance(20));
    }
    groups(made);
    for (int at = between(0, 2); at > 0; --at) {
      int from = between(0, units - 2);
      auto* barred = made.add_barred();
      for (int unit = from; unit < std::min(units, from + between(2, 3)); ++unit) barred->add_units(made.units(unit).code());
    }
    for (int at = 0; at < (chance(30) ? 2 : 0); ++at) {
      auto* pathway = made.add_pathways();
      pathway->set_code("P" + std::to_string(at));
      pathway->add_units(made.units(between(0, units - 1)).code());
      if (at < made.groups_size() && chance(60)) pathway->add_groups(made.groups(at).code());
    }
    made.set_credit_required(static_cast<std::uint32_t>(chance(50) ? between(1, 12) * 5 : 0));
    made.set_credit_at_level_required(static_cast<std::uint32_t>(chance(30) ? between(1, 6) * 5 : 0));
    made.set_credit_level(3);
    made.set_optional_credit_required(static_cast<std::uint32_t>(chance(30) ? between(1, 6) * 5 : 0));
    return made;
  }

 private:
  int between(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }
  bool chance(int percent) { return between(1, 100) <= percent; }

  void groups(v1::QualificationDefined& made) {
    int next = 0;
    for (int at = between(0, 2); at > 0 && next < made.units_size(); --at) {
      auto* group = made.add_groups();
      group->set_code("G" + std::to_string(at));
      for (int end = std::min(made.units_size(), next + between(1, 4)); next < end; ++next) group->add_units(made.units(next).code());
      group->set_units_min(static_cast<std::uint32_t>(between(0, 2)));
      if (chance(50)) group->set_units_max(group->units_min() + static_cast<std::uint32_t>(between(group->units_min() == 0, 1)));
      group->set_credit_min(static_cast<std::uint32_t>(chance(40) ? between(0, 4) * 5 : 0));
      if (chance(30)) group->set_credit_max(std::max(5u, group->credit_min()) + static_cast<std::uint32_t>(between(0, 2) * 5));
      group->set_level(3);
      std::uint32_t most = group->units_max() > 0 ? group->units_max() : 2;
      group->set_units_at_level_min(chance(30) ? std::min(most, static_cast<std::uint32_t>(between(0, 2))) : 0);
    }
  }

  std::mt19937 random_;
  v1::QualificationDefined plain_;
};

using Codes = std::set<std::string>;

Codes codes(const google::protobuf::RepeatedPtrField<std::string>& list) { return {list.begin(), list.end()}; }

Codes both(const Codes& a, const Codes& b) {
  Codes common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(common, common.end()));
  return common;
}

/// Tries every choice of units on one way through the qualification: its pathway at `at`, or -1.
bool can_be_attained(const v1::QualificationDefined& made, int at) {
  Codes mandatory, others_only, here;
  std::vector<const v1::UnitGroup*> groups;
  std::map<std::string, const v1::Unit*> units;
  for (const auto& unit : made.units()) {
    units[unit.code()] = &unit;
    if (unit.mandatory()) mandatory.insert(unit.code());
  }
  if (at >= 0) mandatory.merge(codes(made.pathways(at).units()));
  for (const auto& group : made.groups()) {
    bool named = false, mine = false;
    for (int pathway = 0; pathway < made.pathways_size(); ++pathway)
      if (codes(made.pathways(pathway).groups()).contains(group.code())) {
        named = true;
        mine = mine || pathway == at;
      }
    if (!named || mine) {
      groups.push_back(&group);
      here.merge(codes(group.units()));
    } else {
      others_only.merge(codes(group.units()));
    }
  }
  for (int pathway = 0; pathway < made.pathways_size(); ++pathway)
    if (pathway != at) others_only.merge(codes(made.pathways(pathway).units()));

  auto credit = [&](const Codes& chosen, std::uint32_t level) {
    std::uint32_t sum = 0;
    for (const auto& code : chosen) sum += units.at(code)->level() >= level ? units.at(code)->credit() : 0;
    return sum;
  };
  auto kept = [&](const Codes& chosen) {
    if (both(chosen, mandatory) != mandatory) return false;
    for (const auto* group : groups) {
      Codes in = both(chosen, codes(group->units()));
      auto at_level = std::count_if(in.begin(), in.end(), [&](const auto& code) { return units.at(code)->level() >= group->level(); });
      if (in.size() < group->units_min() || (group->units_max() > 0 && in.size() > group->units_max())) return false;
      if (credit(in, 0) < group->credit_min() || (group->credit_max() > 0 && credit(in, 0) > group->credit_max())) return false;
      if (at_level < static_cast<long>(group->units_at_level_min())) return false;
    }
    for (const auto& barred : made.barred())
      if (both(chosen, codes(barred.units())).size() > 1) return false;
    return credit(chosen, 0) >= made.credit_required() && credit(chosen, made.credit_level()) >= made.credit_at_level_required() &&
           credit(chosen, 0) - credit(mandatory, 0) >= made.optional_credit_required();
  };
  for (unsigned choice = 0; choice < 1u << made.units_size(); ++choice) {
    Codes chosen;
    for (int unit = 0; unit < made.units_size(); ++unit) {
      const std::string& code = made.units(unit).code();
      bool counts = !others_only.contains(code) || here.contains(code) || mandatory.contains(code);
      if ((choice >> unit & 1) && counts) chosen.insert(code);
    }
    if (kept(chosen)) return true;
  }
  return false;
}

TEST(Catalogue, rules_that_nobody_can_keep_are_found_and_no_others) {
  Drawn drawn(20240604);
  Facts facts = sound();
  facts.erase("diploma");
  for (const char* name : {"mitigation", "strategy", "proposed", "submitted", "decided", "withdrawn"}) facts.erase(name);
  std::map<std::string, int> found_by_rule;
  int impossible = 0;
  constexpr int kDrawn = 4000;
  for (int round = 0; round < kDrawn; ++round) {
    v1::QualificationDefined made = drawn.qualification();
    *facts.at("certificate").mutable_qualification_defined() = made;
    bool expected = true;
    for (int at = made.pathways_size() > 0 ? 0 : -1; at < made.pathways_size(); ++at) expected = expected && can_be_attained(made, at);
    auto found = findings_of(facts);
    ASSERT_EQ(found.empty(), expected) << "round " << round << "\n" << text_of(found) << made.DebugString();
    for (const auto& one : found) ++found_by_rule[one.why.rule];
    impossible += !expected;
  }
  // Both kinds came up often, and each rule was the one that was named.
  EXPECT_GT(impossible, kDrawn / 10);
  EXPECT_LT(impossible, kDrawn * 9 / 10);
  for (const char* rule :
       {"group-units-reachable", "group-credit-reachable", "group-level-reachable", "group-units-fit-credit", "mandatory-in-capped-group",
        "mandatory-barred", "credit-reachable", "credit-at-level-reachable", "optional-credit-reachable", "never-attained"})
    EXPECT_GT(found_by_rule[rule], 0) << rule;
}

}  // namespace
}  // namespace vtq::test
