#include "pipeline/rules/activity.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vtq {
namespace {

ActivityMonth month_of_days(const std::vector<Day>& days, int month) {
  auto in_month = [&](int which) { return count_in(days, month_begins(which), month_begins(which + 1)); };
  return {.count = in_month(month),
          .three_months_before = static_cast<double>(count_in(days, month_begins(month - 3), month_begins(month))) / 3.0,
          .same_month_last_year = in_month(month - 12)};
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string one_decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

}  // namespace

void Activity::add(const Entry& entry) {
  const EntryFacts& facts = entry.facts;
  if (facts.first_registered_ms != 0) registrations.push_back(local_day(facts.first_registered_ms));
  if (facts.has_claim()) claims.push_back(local_day(facts.claim.at_ms));
  if (entry.issued.any()) certifications.push_back(local_day(entry.issued.first_at_ms));
  if (facts.has_left()) withdrawals.push_back(local_day(std::max(facts.withdrawn.at_ms, facts.transferred.at_ms)));
}

void Activity::sort() {
  for (auto* days : {&registrations, &claims, &certifications, &withdrawals}) std::sort(days->begin(), days->end());
}

std::size_t count_in(const std::vector<Day>& days, Day from, Day to) {
  auto begin = std::lower_bound(days.begin(), days.end(), from);
  return static_cast<std::size_t>(std::lower_bound(begin, days.end(), std::max(from, to)) - begin);
}

std::vector<ActivityLine> activity_report(const std::map<QualificationId, Activity>& by_qualification, int month) {
  std::vector<ActivityLine> lines;
  for (const auto& [qualification, activity] : by_qualification)
    lines.push_back({.qualification = qualification,
                     .registrations = month_of_days(activity.registrations, month),
                     .claims = month_of_days(activity.claims, month),
                     .certifications = month_of_days(activity.certifications, month),
                     .withdrawals = month_of_days(activity.withdrawals, month)});
  return lines;
}

std::string trend_text(double now, double before) {
  if (before == 0) return now == 0 ? "-" : "new";
  long percent = std::lround(100.0 * (now - before) / before);
  return (percent > 0 ? "+" : "") + std::to_string(percent) + " %";
}

std::string activity_csv(const std::string& centre, const std::string& month, const std::vector<ActivityLine>& lines,
                         const std::function<std::string(QualificationId)>& title) {
  std::string csv = "Centre,Month,Qualification,Title";
  for (const char* name : {"Registrations", "Claims", "Certifications", "Withdrawals"})
    for (const char* of : {"", "3MonthAverage", "SameMonthLastYear"}) csv += "," + std::string(name) + of;
  csv += "\n";
  for (const ActivityLine& line : lines) {
    csv += centre + "," + month + "," + text_of(line.qualification) + "," + quoted(title(line.qualification));
    for (const ActivityMonth* one : {&line.registrations, &line.claims, &line.certifications, &line.withdrawals})
      csv += "," + std::to_string(one->count) + "," + one_decimal(one->three_months_before) + "," + std::to_string(one->same_month_last_year);
    csv += "\n";
  }
  return csv;
}

}  // namespace vtq
