// What a centre does with one qualification: registrations, claims, certifications, withdrawals by day, worked out from its entries,
// never added up along the way; and the monthly centre activity report made of them (registrations and certifications, Qualifi CASS
// strategy). Counts only, no personal data. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pipeline/facts/entry.h"

namespace vtq {

/// Local days, ascending, one for each.
struct Activity {
  std::vector<Day> registrations;   ///< first registered
  std::vector<Day> claims;          ///< claims that stand, at the latest word
  std::vector<Day> certifications;  ///< first issued
  std::vector<Day> withdrawals;     ///< withdrawn or transferred, and not registered again since

  void add(const Entry& entry);
  /// Puts the days in order, once all entries are in.
  void sort();
};

/// How many lie in `from` to `to` (not included).
std::size_t count_in(const std::vector<Day>& days, Day from, Day to);

struct ActivityMonth {
  std::size_t count = 0;
  double three_months_before = 0;  ///< average a month
  std::size_t same_month_last_year = 0;
};

struct ActivityLine {
  QualificationId qualification{};
  ActivityMonth registrations, claims, certifications, withdrawals;
};

/// One line for each qualification with any entry, in the order of their numbers. `month`: year * 12 + month - 1.
std::vector<ActivityLine> activity_report(const std::map<QualificationId, Activity>& by_qualification, int month);

/// `+25 %`, `-40 %`, `0 %`; `new` where there was nothing before, `-` where there is nothing at all.
std::string trend_text(double now, double before);

/// CSV of a report, with a header row: one line for each qualification; counts, then what they are compared with.
std::string activity_csv(const std::string& centre, const std::string& month, const std::vector<ActivityLine>& lines,
                         const std::function<std::string(QualificationId)>& title);

}  // namespace vtq
