// The public register of regulated qualifications (Ofqual's CSV export, or the columns of its API) as reference facts. Pure.
//
// The register knows neither units nor rules of combination, UCAS points or performance tables: facts made of it are a beginning, and
// what the awarding organisation itself sends later takes their place.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/table_dates.h"
#include "pipeline/base/result.h"
#include "pipeline/base/uk_time.h"
#include "vtq/v1/event.pb.h"

namespace vtq::ctl {

/// A row that was left out, and why. `field` is the column as the file names it.
struct SkippedRow {
  std::size_t line = 0;
  Rejection why;
};

struct ReadRegister {
  /// Awarding organisations, grading scales whose grades are known words, then qualifications in the order of the rows. Each has passed
  /// `check`. Ids follow from number and content: the same register on the same day gives the same events.
  std::vector<v1::Event> events;
  std::vector<SkippedRow> skipped;
  /// Columns that the register is not known to have. They are ignored.
  std::vector<std::string> unknown_columns;
  /// Scales that qualifications name and whose order of grades is not known here: their GradingScaleDefined is to be sent.
  std::vector<std::string> scales_to_define;
  std::size_t rows = 0, awarding_organisations = 0, scales = 0, qualifications = 0;
};

/// `csv`: bytes as a spreadsheet saves them (table_text.h). `as_of`: when the facts came to hold. `dates`: the order of day and month; unknown:
/// that of the file, found from all of its dates. Throws std::runtime_error, in words, when the first row does not name the columns it must,
/// and when dates are in two orders, or nobody can tell in which.
ReadRegister read_register(std::string_view csv, TimeMs as_of, DateOrder dates = DateOrder::unknown);

}  // namespace vtq::ctl
