// What a centre does, by month, from its entries.
#include "pipeline/rules/activity.h"

#include <gtest/gtest.h>

#include "tests/support/situation.h"

namespace vtq::test {
namespace {

Day day(const char* text) { return *parse_date(text); }

TEST(Activity, comes_from_the_facts_that_hold) {
  Situation at;
  at.ready();
  Activity activity;
  activity.add(at.entry);
  EXPECT_EQ(activity.registrations, std::vector<Day>{day("2022-10-01")});
  EXPECT_EQ(activity.claims, std::vector<Day>{day("2023-06-10")});
  EXPECT_TRUE(activity.certifications.empty());
  EXPECT_TRUE(activity.withdrawals.empty());

  at.with(registered(at.ref, local("2022-12-01T09:00")));
  at.with(withdrawn(at.ref, local("2023-06-25T23:30")));
  v1::Event taken_back = event_at(local("2023-06-25T09:00"));
  set_ref(taken_back.mutable_claim_withdrawn()->mutable_entry(), at.ref);
  at.with(taken_back);
  at.entry.issued.batch_number = 1;
  at.entry.issued.first_at_ms = local("2023-08-10T06:00");
  activity = {};
  activity.add(at.entry);
  EXPECT_EQ(activity.registrations, std::vector<Day>{day("2022-10-01")}) << "a correction is no new registration";
  EXPECT_TRUE(activity.claims.empty());
  EXPECT_EQ(activity.certifications, std::vector<Day>{day("2023-08-10")});
  EXPECT_EQ(activity.withdrawals, std::vector<Day>{day("2023-06-25")}) << "days are local";

  at.with(registered(at.ref, local("2023-07-01T09:00")));
  activity = {};
  activity.add(at.entry);
  EXPECT_TRUE(activity.withdrawals.empty()) << "registered again since";
}

TEST(Activity, of_a_month_stands_beside_the_three_months_before_and_the_year_before) {
  Activity activity;
  for (const char* text :
       {"2022-09-01", "2022-09-30", "2023-05-31", "2023-06-01", "2023-08-31", "2023-09-01", "2023-09-15", "2023-09-30", "2023-10-01"})
    activity.registrations.push_back(day(text));
  auto qualification = *parse_qualification("601/0001/5");
  auto lines = activity_report({{qualification, activity}}, month_of(day("2023-09-15")));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].registrations.count, 3u);
  EXPECT_DOUBLE_EQ(lines[0].registrations.three_months_before, 2.0 / 3);
  EXPECT_EQ(lines[0].registrations.same_month_last_year, 2u);
  EXPECT_EQ(lines[0].claims.count, 0u);

  EXPECT_EQ(activity_csv("12345", "2023-09", lines, [](QualificationId) { return "Diploma in \"Testing\", full"; }),
            "Centre,Month,Qualification,Title,Registrations,Registrations3MonthAverage,RegistrationsSameMonthLastYear,"
            "Claims,Claims3MonthAverage,ClaimsSameMonthLastYear,Certifications,Certifications3MonthAverage,"
            "CertificationsSameMonthLastYear,Withdrawals,Withdrawals3MonthAverage,WithdrawalsSameMonthLastYear\n"
            "12345,2023-09,601/0001/5,\"Diploma in \"\"Testing\"\", full\",3,0.7,2,0,0.0,0,0,0.0,0,0,0.0,0\n");
}

TEST(Activity, trends_are_said_in_per_cent) {
  EXPECT_EQ(trend_text(5, 4), "+25 %");
  EXPECT_EQ(trend_text(3, 4), "-25 %");
  EXPECT_EQ(trend_text(4, 4), "0 %");
  EXPECT_EQ(trend_text(4, 0), "new");
  EXPECT_EQ(trend_text(0, 0), "-");
}

TEST(Activity, months_and_calendar_months_are_counted_in_local_dates) {
  struct Case {
    const char* from;
    int months;
    const char* to;
  };
  for (auto [from, months, to] : {Case{"2023-08-31", 6, "2024-02-29"}, Case{"2022-08-31", 6, "2023-02-28"}, Case{"2023-01-15", 12, "2024-01-15"},
                                  Case{"2024-02-29", 12, "2025-02-28"}, Case{"2023-01-31", -1, "2022-12-31"}})
    EXPECT_EQ(add_months(day(from), months), day(to)) << from << " and " << months;
  EXPECT_EQ(month_begins(month_of(day("2023-12-31"))), day("2023-12-01"));
  EXPECT_EQ(month_begins(month_of(day("2023-12-31")) + 1), day("2024-01-01"));
  EXPECT_EQ(date_text(day("2024-02-29")), "29 Feb 2024");
}

}  // namespace
}  // namespace vtq::test
