#include "daemon/ctl/register.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "daemon/ctl/csv.h"
#include "daemon/ctl/table_text.h"
#include "pipeline/intake/check.h"

namespace vtq::ctl {
namespace {

enum Column {
  kNumber,
  kTitle,
  kOwner,
  kOwnerName,
  kLevel,
  kHours,
  kHoursMost,
  kTime,
  kOpens,
  kCloses,
  kCertifiesUntil,
  kGradingType,
  kScale,
  kColumns
};

struct ColumnNames {
  Column column;
  std::string_view field;  ///< of the fact, where the form check finds fault with the column
  bool required;
  std::vector<std::string_view> names;  ///< the export's first; letters and digits only, in lower case
};

const std::vector<ColumnNames>& columns_used() {
  static const std::vector<ColumnNames> columns = {
      {kNumber, "qualification", true, {"qualificationnumber"}},
      {kTitle, "title", true, {"qualificationtitle", "title"}},
      {kOwner, "awardingOrganisation", true, {"ownerorganisationrecognitionnumber", "organisationrecognitionnumber", "ownerorgrecognitionnumber"}},
      {kOwnerName, "name", false, {"ownerorganisationname", "organisationname", "ownerorgname"}},
      {kLevel, "level", true, {"qualificationlevel", "level"}},
      {kHours, "guidedLearningHours", false, {"guidedlearninghours", "glh"}},
      {kHoursMost, "guidedLearningHours", false, {"maximumguidedlearninghours", "maximumglh"}},
      {kTime, "totalQualificationTime", false, {"totalqualificationtime", "tqt"}},
      {kOpens, "firstRegistrationOn", false, {"operationalstartdate"}},
      {kCloses, "lastRegistrationOn", false, {"operationalenddate"}},
      {kCertifiesUntil, "lastCertificationOn", false, {"certificationenddate"}},
      {kGradingType, "gradingScale", false, {"overallgradingtype", "gradingtype"}},
      {kScale, "gradingScale", false, {"gradingscale"}},
  };
  return columns;
}

/// What else the register has, and is of no use here.
bool is_known_and_unused(std::string_view name) {
  static const std::set<std::string_view> names = {"ownerorganisationacronym",
                                                   "organisationacronym",
                                                   "ownerorgacronym",
                                                   "qualificationsublevel",
                                                   "sublevel",
                                                   "eqflevel",
                                                   "qualificationtype",
                                                   "type",
                                                   "totalcredits",
                                                   "qualificationssa",
                                                   "ssa",
                                                   "ssacode",
                                                   "qualificationstatus",
                                                   "status",
                                                   "regulationstartdate",
                                                   "minimumguidedlearninghours",
                                                   "minimumglh",
                                                   "offeredinengland",
                                                   "offeredinnorthernireland",
                                                   "offeredinternationally",
                                                   "assessmentmethods",
                                                   "nidiscountcode",
                                                   "gcesizeequivalence",
                                                   "gcsesizeequivalence",
                                                   "entitlementframeworkdesignation",
                                                   "entitlementframeworkdesign",
                                                   "specialisms",
                                                   "specialism",
                                                   "pathways",
                                                   "approvedfordelfundedprogramme",
                                                   "linktospecification",
                                                   "currentlyandorwillconsiderofferinginternationally",
                                                   "apprenticeshipstandardreferencenumber",
                                                   "apprenticeshipstandardtitle",
                                                   "qualificationnumbernoobliques",
                                                   "reviewdate",
                                                   "embargodate",
                                                   "regulatedbynorthernireland",
                                                   "lastupdateddate",
                                                   "uilastupdateddate",
                                                   "insertedat",
                                                   "id",
                                                   "version"};
  return names.contains(name);
}

/// `Owner Organisation Name`, `owner_organisation_name` and `ownerOrganisationName` are one.
std::string plain_name(std::string_view text) {
  std::string name;
  for (char c : text)
    if (std::isalnum(static_cast<unsigned char>(c))) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

/// A cell as it is meant; `NULL` is empty.
std::string cell(std::string_view text) {
  std::string tidied = tidy(text);
  return tidied == "NULL" ? "" : tidied;
}

std::string hex(std::uint64_t number) {
  std::string text(16, '0');
  for (std::size_t at = 16; at-- > 0; number >>= 4) text[at] = "0123456789abcdef"[number & 15];
  return text;
}

/// Bytes that form UTF-8 characters, none of them over-long or a surrogate.
bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    auto first = static_cast<unsigned char>(text[at]);
    auto second = static_cast<unsigned char>(at + 1 < text.size() ? text[at + 1] : '\0');
    std::size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t next = 1; next < length; ++next)
      if ((static_cast<unsigned char>(text[at + next]) & 0xc0) != 0x80) return false;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) || (first == 0xf0 && second < 0x90)) return false;
    if (first == 0xf4 && second >= 0x90) return false;
    at += length;
  }
  return true;
}

struct LevelText {
  v1::Level level;
  std::uint32_t framework_level;
};

/// `Level 3`, `Level 1/2` (`Level 1/Level 2`), `Entry Level` (`Entry Level 3`): as the register's list of levels has them.
std::optional<LevelText> level_of(std::string_view text) {
  std::string name = plain_name(text);
  if (name == "level12" || name == "level1level2") return LevelText{v1::LEVEL_1_2, 0};
  if (name.starts_with("entry")) return LevelText{v1::LEVEL_OTHER, 0};
  if (name.size() != 6 || !name.starts_with("level") || name[5] < '1' || name[5] > '8') return std::nullopt;
  auto level = static_cast<std::uint32_t>(name[5] - '0');
  return LevelText{level == 3 ? v1::LEVEL_3 : level == 2 ? v1::LEVEL_2 : v1::LEVEL_OTHER, level};
}

/// Whole numbers, `120.0` too; empty is 0.
std::optional<std::uint32_t> count_of(std::string text) {
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  if (text.empty()) return 0;
  std::uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// Grades in order, highest first; behind the bar those that do not count as achieved.
constexpr std::string_view kGradeFamilies[] = {
    "Distinction*/Distinction/Merit/Pass|Near Pass/Referred/Refer/Fail/Unclassified/Ungraded/U/X",
    "D*/D/M/P|N/R/F/U/X",
    "A*/A/B/C/D/E|N/U/X",
    "9/8/7/6/5/4/3/2/1|U/X",
    "D*D*/D*D/DD/DM/MM/MP/PP|U/X",
    "D*D*D*/D*D*D/D*DD/DDD/DDM/DMM/MMM/MMP/MPP/PPP|U/X",
    "L2D*/L2D/L2M/L2P/L1D/L1M/L1P|U/X",
    "Level 2 Distinction*/Level 2 Distinction/Level 2 Merit/Level 2 Pass/Level 1 Distinction/Level 1 Merit/Level 1 Pass|Unclassified/U/X",
};

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto end = std::min(text.find_first_of(separators), text.size());
    if (std::string part = tidy(text.substr(0, end)); !part.empty()) parts.push_back(part);
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return parts;
}

/// The scale that a text such as `Pass/Merit/Distinction` writes out, whatever its order; nothing when a grade is no word of one family.
std::optional<v1::GradingScaleDefined> scale_written_out(const std::string& name, const std::string& text) {
  std::vector<std::string> written = split(text, "/,");
  for (std::string_view family : kGradeFamilies) {
    auto bar = family.find('|');
    v1::GradingScaleDefined scale;
    scale.set_name(name);
    for (bool achieved : {true, false})
      for (const std::string& grade : split(achieved ? family.substr(0, bar) : family.substr(bar + 1), "/"))
        if (std::find(written.begin(), written.end(), grade) != written.end()) {
          scale.add_grades()->set_value(grade);
          scale.mutable_grades(scale.grades_size() - 1)->set_achieved(achieved);
        }
    if (scale.grades_size() == static_cast<int>(written.size()) && scale.grades_size() > 0 && scale.grades(0).achieved()) return scale;
  }
  return std::nullopt;
}

/// The text itself, which tells scales apart, without spaces around strokes; a long one shortened, and still told apart.
std::string scale_name(std::string text) {
  if (text.empty()) return "not given in the register";
  for (std::string_view spaced : {" /", "/ "})
    for (std::size_t at; (at = text.find(spaced)) != text.npos;) text.replace(at, 2, "/");
  return text.size() <= 64 ? text : text.substr(0, 47) + " " + hex(long_hash(text));
}

class Reader {
 public:
  Reader(const TableText& table, TimeMs as_of, DateOrder dates) : table_(table), as_of_(as_of), date_order_(dates) {}

  ReadRegister run() {
    CsvReader rows(table_.text, table_.delimiter);
    CsvRow row;
    if (!rows.next(row) || row.broken) throw std::runtime_error("there is no row of column names; download the register's CSV file again.");
    header(row.fields);
    date_order_ = date_order();
    while (rows.next(row)) {
      ++found_.rows;
      line_ = row.line;
      if (row.broken)
        skip("", "csv-form", "", std::string(row.broken) + ".");
      else if (row.fields.size() != width_)
        skip("", "columns-count", std::to_string(row.fields.size()),
             "The file has " + std::to_string(width_) + " columns; quote fields that hold the delimiter.");
      else if (auto wrong = std::find_if_not(row.fields.begin(), row.fields.end(), is_utf8); wrong != row.fields.end())
        skip(names_[static_cast<std::size_t>(wrong - row.fields.begin())], "utf-8", "",
             "Some bytes are no UTF-8, perhaps of Windows-1252; save the file as \"CSV UTF-8\".");
      else
        qualification(row.fields);
    }
    collect();
    return std::move(found_);
  }

 private:
  void header(const std::vector<std::string>& names) {
    width_ = names.size();
    for (const std::string& name : names) names_.push_back(tidy(name));
    places_.fill(names.size());
    for (std::size_t at = 0; at < names.size(); ++at) {
      std::string name = plain_name(names[at]);
      bool used = false;
      for (const ColumnNames& column : columns_used())
        if (std::find(column.names.begin(), column.names.end(), name) != column.names.end()) {
          used = true;
          if (places_[column.column] == names.size()) places_[column.column] = at;
          headings_[column.column] = tidy(names[at]);
        }
      if (!used && !is_known_and_unused(name)) found_.unknown_columns.push_back(tidy(names[at]));
    }
    for (const ColumnNames& column : columns_used())
      if (column.required && places_[column.column] == names.size())
        throw std::runtime_error("this is not the register of regulated qualifications: no column " + heading_expected(column.column) + " (read as " +
                                 table_.form() + "); give the register's CSV file with its row of column names.");
  }

  /// The order of day and month that all dates of the file are in, those of columns without use too.
  DateOrder date_order() const {
    DateOrderFinder finder;
    CsvReader rows(table_.text, table_.delimiter);
    CsvRow row;
    rows.next(row);
    while (rows.next(row))
      for (std::size_t at = 0; at < std::min(row.fields.size(), names_.size()); ++at)
        if (plain_name(names_[at]).find("date") != std::string::npos) finder.look_at(tidy(row.fields[at]), row.line);
    return finder.order(date_order_);
  }

  static std::string heading_expected(Column column) {
    switch (column) {
      case kNumber:
        return "Qualification Number";
      case kTitle:
        return "Qualification Title";
      case kOwner:
        return "Owner Organisation Recognition Number";
      default:
        return "Qualification Level";
    }
  }

  void skip(std::string column, std::string rule, std::string_view value, std::string message) {
    found_.skipped.push_back({line_, {std::move(column), std::move(rule), cut_value(value), std::move(message)}});
  }
  void skip(Column column, std::string rule, std::string_view value, std::string message) {
    skip(headings_[column], std::move(rule), value, std::move(message));
  }

  std::string text(const std::vector<std::string>& fields, Column column) const {
    return places_[column] < fields.size() ? cell(fields[places_[column]]) : std::string();
  }

  void qualification(const std::vector<std::string>& fields) {
    v1::QualificationDefined fact;
    std::string number = tidy_number(text(fields, kNumber));
    if (number.ends_with('x')) number.back() = 'X';
    auto id = parse_qualification(number);
    fact.set_qualification(id ? text_of(*id) : text(fields, kNumber));
    fact.set_title(text(fields, kTitle));
    fact.set_awarding_organisation(text(fields, kOwner));
    fact.set_certification(v1::CERTIFICATION_BY_CLAIM);
    std::string grades = text(fields, kScale).empty() ? text(fields, kGradingType) : text(fields, kScale);
    fact.set_grading_scale(scale_name(grades));
    auto level = level_of(text(fields, kLevel));
    if (!level) return skip(kLevel, "level-text", text(fields, kLevel), "Give Level 1 to Level 8, Level 1/2 or Entry Level.");
    fact.set_level(level->level);
    fact.set_framework_level(level->framework_level);
    if (!numbers(fields, fact) || !dates(fields, fact)) return;

    v1::Event event = event_of(fact.qualification(), fact.SerializeAsString());
    *event.mutable_qualification_defined() = fact;
    if (auto form = check(event); !form) return skip_by_form(form.error());
    v1::AwardingOrganisationDefined owner;
    owner.set_awarding_organisation(fact.awarding_organisation());
    owner.set_name(text(fields, kOwnerName).empty() ? fact.awarding_organisation() : text(fields, kOwnerName));
    if (owner.name().size() > 200) return skip(kOwnerName, "text-length", owner.name(), "Give 1 to 200 characters.");
    if (auto [at, fresh] = seen_.try_emplace(fact.qualification(), line_); !fresh)
      return skip(kNumber, "qualification-once", fact.qualification(),
                  "The number stands in line " + std::to_string(at->second) + " already; that row is taken, leave one of them out.");
    owners_.try_emplace(owner.awarding_organisation(), owner);
    scales_.try_emplace(fact.grading_scale(), grades);
    qualifications_.push_back(std::move(event));
  }

  bool numbers(const std::vector<std::string>& fields, v1::QualificationDefined& fact) {
    for (Column column : {kHours, kHoursMost, kTime}) {
      auto count = count_of(text(fields, column));
      if (!count) {
        skip(column, "whole-number", text(fields, column), "Give a whole number, or leave it empty.");
        return false;
      }
      if (column == kTime)
        fact.set_total_qualification_time(*count);
      else if (fact.guided_learning_hours() == 0)
        fact.set_guided_learning_hours(*count);
    }
    return true;
  }

  bool dates(const std::vector<std::string>& fields, v1::QualificationDefined& fact) {
    for (Column column : {kOpens, kCloses, kCertifiesUntil}) {
      auto date = date_of(text(fields, column), date_order_);
      if (!date) {
        skip(column, "date", text(fields, column),
             std::string("Give a date that exists as YYYY-MM-DD or ") + (date_order_ == DateOrder::month_first ? "MM/DD/YYYY" : "DD/MM/YYYY") +
                 ", or leave it empty.");
        return false;
      }
      if (column == kOpens) fact.set_first_registration_on(*date);
      if (column == kCloses) fact.set_last_registration_on(*date);
      if (column == kCertifiesUntil) fact.set_last_certification_on(*date);
    }
    return true;
  }

  void skip_by_form(const Rejection& why) {
    std::string heading = why.field;
    for (const ColumnNames& column : columns_used())
      if (why.field.ends_with("." + std::string(column.field)) && !headings_[column.column].empty()) heading = headings_[column.column];
    skip(heading, why.rule, why.value, why.message);
  }

  v1::Event event_of(const std::string& about, const std::string& bytes) const {
    v1::Event event;
    event.set_id("register-" + plain_name(about).substr(0, 20) + "-" + hex(long_hash(bytes)));
    event.set_source("register");
    event.mutable_occurred_at()->set_seconds(as_of_ / 1000);
    return event;
  }

  void collect() {
    for (const auto& [number, owner] : owners_) {
      v1::Event& event = found_.events.emplace_back(event_of(number, owner.SerializeAsString()));
      *event.mutable_awarding_organisation_defined() = owner;
    }
    for (const auto& [name, text] : scales_) {
      auto scale = scale_written_out(name, text);
      if (!scale) {
        found_.scales_to_define.push_back(name);
        continue;
      }
      v1::Event& event = found_.events.emplace_back(event_of("scale", scale->SerializeAsString()));
      *event.mutable_grading_scale_defined() = *scale;
      ++found_.scales;
    }
    found_.awarding_organisations = owners_.size();
    found_.qualifications = qualifications_.size();
    std::move(qualifications_.begin(), qualifications_.end(), std::back_inserter(found_.events));
  }

  const TableText& table_;
  TimeMs as_of_;
  DateOrder date_order_;
  std::size_t width_ = 0, line_ = 0;
  std::array<std::size_t, kColumns> places_{};
  std::array<std::string, kColumns> headings_;
  std::vector<std::string> names_;  // of all columns, as the file has them
  std::map<std::string, v1::AwardingOrganisationDefined> owners_;
  std::map<std::string, std::size_t> seen_;    // qualification -> line
  std::map<std::string, std::string> scales_;  // name -> text
  std::vector<v1::Event> qualifications_;
  ReadRegister found_;
};

}  // namespace

ReadRegister read_register(std::string_view csv, TimeMs as_of, DateOrder dates) {
  TableText table = table_text(csv);
  return Reader(table, as_of, dates).run();
}

}  // namespace vtq::ctl
