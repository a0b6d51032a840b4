// Dates of a table: one file has one order of day and month, found from all of its dates or given. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace vtq::ctl {

enum class DateOrder { unknown, day_first, month_first };

/// Learns the order of day and month from the dates of a file: a number over 12 can only be a day.
class DateOrderFinder {
 public:
  /// A cell that should be a date. Others, and dates as YYYY-MM-DD, say nothing.
  void look_at(std::string_view cell, std::size_t line);
  /// `given`: what the order is to be, where somebody says so; else the one that all dates allow. Unknown when there is none to tell, and no
  /// need to. Throws std::runtime_error, in words, when dates are in both orders, or could be in either.
  DateOrder order(DateOrder given) const;

 private:
  struct Seen {
    std::string text;
    std::size_t line = 0;
  };
  Seen day_first_, month_first_, either_;  // the first of each; line 0: none
};

/// `2018-09-01`, `01/09/2018` and `1/9/2018`, a time of day and an offset behind it passed over, as `YYYY-MM-DD`: the day that is written.
/// Empty stays empty. Nothing when it is no date that exists.
std::optional<std::string> date_of(const std::string& text, DateOrder order);

}  // namespace vtq::ctl
