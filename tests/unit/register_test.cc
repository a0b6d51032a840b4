// The public register of qualifications as reference facts: columns, texts, broken rows, and the CSV that carries them.
#include "daemon/ctl/register.h"

#include <google/protobuf/util/json_util.h>

#include <map>
#include <set>

#include "daemon/ctl/csv.h"
#include "pipeline/intake/catalogue.h"
#include "pipeline/intake/check.h"
#include "tests/support/examples.h"

namespace vtq::ctl {
namespace {

using test::test_file;

constexpr TimeMs kAsOf = 1'725'148'800'000;  // 2024-09-01T00:00Z

// ---- comma-separated values ----

std::vector<CsvRow> rows_of(std::string_view text) {
  CsvReader reader(text);
  std::vector<CsvRow> rows;
  for (CsvRow row; reader.next(row);) rows.push_back(row);
  return rows;
}

using Fields = std::vector<std::string>;

struct CsvCase {
  std::string name, text;
  std::vector<Fields> rows;
};

class Csv : public testing::TestWithParam<CsvCase> {};

TEST_P(Csv, is_read_as_it_is_meant) {
  auto rows = rows_of(GetParam().text);
  ASSERT_EQ(rows.size(), GetParam().rows.size());
  for (std::size_t at = 0; at < rows.size(); ++at) {
    EXPECT_EQ(rows[at].broken, nullptr);
    EXPECT_EQ(rows[at].fields, GetParam().rows[at]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Csv,
    testing::Values(CsvCase{"nothing", "", {}}, CsvCase{"plain", "a,b\nc,d\n", {{"a", "b"}, {"c", "d"}}},
                    CsvCase{"no_last_line_end", "a,b\nc,d", {{"a", "b"}, {"c", "d"}}}, CsvCase{"crlf", "a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
                    CsvCase{"byte_order_mark", "\xef\xbb\xbf\"a\",b\n", {{"a", "b"}}}, CsvCase{"empty_fields", ",\n,,\n", {{"", ""}, {"", "", ""}}},
                    CsvCase{"empty_lines", "\r\na\n\n\nb\n", {{"a"}, {"b"}}}, CsvCase{"commas_in_quotes", "\"a,b\",c\n", {{"a,b", "c"}}},
                    CsvCase{"line_ends_in_quotes", "\"a\r\nb\",c\nd,e\n", {{"a\r\nb", "c"}, {"d", "e"}}},
                    CsvCase{"doubled_quotes", "\"say \"\"so\"\"\",\"\"\n", {{"say \"so\"", ""}}},
                    CsvCase{"a_quote_inside_plain_text", "6\" plank,b\n", {{"6\" plank", "b"}}}),
    [](const auto& instance) { return instance.param.name; });

TEST(CsvReader, a_row_knows_the_line_where_it_begins) {
  auto rows = rows_of("a\n\"b\nb\nb\"\nc\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].line, 2u);
  EXPECT_EQ(rows[2].line, 5u);
}

TEST(CsvReader, a_quote_left_open_costs_its_own_line_only) {
  auto rows = rows_of("a,b\n\"c,d\ne,f\n\"g\"h,i\nj,k\n");
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_STREQ(rows[1].broken, "something follows the quote that ends a field; double the quotes inside the field");
  EXPECT_EQ(rows[1].line, 2u);
  EXPECT_EQ(rows[2].fields, (Fields{"e", "f"}));
  EXPECT_NE(rows[3].broken, nullptr);
  EXPECT_EQ(rows[4].fields, (Fields{"j", "k"}));
  EXPECT_EQ(rows[4].line, 5u);
  auto open = rows_of("a,\"b\nc\n");
  ASSERT_EQ(open.size(), 2u);
  EXPECT_STREQ(open[0].broken, "a quote opens a field and none ends it");
  EXPECT_EQ(open[1].fields, Fields{"c"});
}

TEST(CsvReader, a_row_has_a_limit) {
  std::string text = "\"" + std::string(CsvReader::kRowBytesMax + 1, 'x') + "\"\nnext\n";
  auto rows = rows_of(text);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_NE(rows[0].broken, nullptr);
  EXPECT_EQ(rows[1].fields, Fields{"next"});
  EXPECT_EQ(rows_of("\"" + std::string(CsvReader::kRowBytesMax - 2, 'x') + "\"\n")[0].broken, nullptr);
}

// ---- the register ----

const char* const kHeader =
    "Qualification Number,Qualification Title,Owner Organisation Recognition Number,Owner Organisation Name,Qualification Level,"
    "Guided Learning Hours,Total Qualification Time,Operational Start Date,Operational End Date,Certification End Date,"
    "Overall Grading Type,Grading Scale\n";

struct RowOf {
  std::string number = "603/4101/4", title = "Diploma in Boats", owner = "RN5901", owner_name = "Northgate", level = "Level 3", hours = "360",
              time = "600", opens = "2020-09-01", closes = "2025-08-31", until = "2027-08-31", type = "Graded", scale = "Pass/Merit/Distinction";

  std::string text() const {
    std::string line;
    for (const std::string& field : {number, title, owner, owner_name, level, hours, time, opens, closes, until, type, scale})
      line += (line.empty() ? "\"" : ",\"") + field + "\"";
    return line + "\r\n";
  }
};

ReadRegister read(const std::string& rows, TimeMs as_of = kAsOf) { return read_register(kHeader + rows, as_of); }

v1::QualificationDefined only_qualification(const RowOf& row) {
  ReadRegister found = read(row.text());
  EXPECT_EQ(found.qualifications, 1u) << (found.skipped.empty() ? "" : found.skipped[0].why.message);
  return found.events.empty() ? v1::QualificationDefined() : found.events.back().qualification_defined();
}

TEST(Register, a_row_becomes_the_facts_that_it_holds) {
  ReadRegister found = read(RowOf{}.text());
  ASSERT_EQ(found.events.size(), 3u);
  EXPECT_EQ(found.events[0].awarding_organisation_defined().ShortDebugString(), "awarding_organisation: \"RN5901\" name: \"Northgate\"");
  EXPECT_EQ(found.events[1].grading_scale_defined().ShortDebugString(),
            "name: \"Pass/Merit/Distinction\" grades { value: \"Distinction\" achieved: true } grades { value: \"Merit\" achieved: true } "
            "grades { value: \"Pass\" achieved: true }");
  EXPECT_EQ(found.events[2].qualification_defined().ShortDebugString(),
            "qualification: \"603/4101/4\" title: \"Diploma in Boats\" awarding_organisation: \"RN5901\" level: LEVEL_3 "
            "guided_learning_hours: 360 grading_scale: \"Pass/Merit/Distinction\" certification: CERTIFICATION_BY_CLAIM "
            "first_registration_on: \"2020-09-01\" last_registration_on: \"2025-08-31\" last_certification_on: \"2027-08-31\" "
            "framework_level: 3 total_qualification_time: 600");
  for (const v1::Event& event : found.events) {
    EXPECT_EQ(event.source(), "register");
    EXPECT_EQ(event.occurred_at().seconds() * 1000, kAsOf);
    EXPECT_TRUE(check(event).has_value());
  }
}

TEST(Register, levels_are_told_by_their_text) {
  struct {
    const char* text;
    v1::Level level;
    std::uint32_t framework;
  } cases[] = {{"Level 3", v1::LEVEL_3, 3},           {"level 2", v1::LEVEL_2, 2},          {"Level 1/2", v1::LEVEL_1_2, 0},
               {"Level 1/Level 2", v1::LEVEL_1_2, 0}, {"Level 1", v1::LEVEL_OTHER, 1},      {"Level 8", v1::LEVEL_OTHER, 8},
               {"Entry Level", v1::LEVEL_OTHER, 0},   {"Entry Level 3", v1::LEVEL_OTHER, 0}};
  for (const auto& one : cases) {
    auto made = only_qualification({.level = one.text});
    EXPECT_EQ(made.level(), one.level) << one.text;
    EXPECT_EQ(made.framework_level(), one.framework) << one.text;
  }
}

TEST(Register, dates_come_in_either_form_and_may_be_missing) {
  auto made = only_qualification({.opens = "13/09/2020", .closes = "2025-08-31T00:00:00", .until = ""});
  EXPECT_EQ(made.first_registration_on(), "2020-09-13");
  EXPECT_EQ(made.last_registration_on(), "2025-08-31");
  EXPECT_EQ(made.last_certification_on(), "");
  EXPECT_EQ(only_qualification({.until = "NULL"}).last_certification_on(), "");
}

// ---- one order of day and month for a file ----

struct DateForm {
  std::string name, written, day;
};
class MonthFirst : public testing::TestWithParam<DateForm> {};
TEST_P(MonthFirst, dates_are_read_in_the_order_that_another_row_settles) {
  ReadRegister found = read(RowOf{.opens = GetParam().written}.text() + RowOf{.number = "603/4102/6", .opens = "03/31/2021"}.text());
  ASSERT_EQ(found.qualifications, 2u) << found.skipped[0].why.message;
  EXPECT_EQ(found.events[found.events.size() - 2].qualification_defined().first_registration_on(), GetParam().day);
  EXPECT_EQ(found.events.back().qualification_defined().first_registration_on(), "2021-03-31");
}
INSTANTIATE_TEST_SUITE_P(Forms, MonthFirst,
                         testing::Values(DateForm{"plain", "05/01/2018", "2018-05-01"}, DateForm{"single_digits", "5/1/2018", "2018-05-01"},
                                         DateForm{"with_a_time", "05/01/2018 00:00:00", "2018-05-01"},
                                         DateForm{"with_am_and_offset", "5/1/2018 12:00:00 AM +00:00", "2018-05-01"},
                                         DateForm{"iso", "2018-05-01", "2018-05-01"}, DateForm{"iso_with_z", "2021-03-31T00:00:00Z", "2021-03-31"},
                                         DateForm{"iso_with_offset", "2022-03-31T00:00:00+01:00", "2022-03-31"},
                                         DateForm{"the_same_either_way", "05/05/2018", "2018-05-05"}),
                         [](const auto& given) { return given.param.name; });

std::string refusal(const std::string& csv, DateOrder dates = DateOrder::unknown) {
  try {
    read_register(csv, kAsOf, dates);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Register, dates_in_two_orders_are_refused_with_one_of_each) {
  EXPECT_EQ(refusal(kHeader + RowOf{.opens = "31/03/2021"}.text() + RowOf{.number = "603/4102/6", .opens = "03/31/2021"}.text()),
            "dates are written in two orders, day first (31/03/2021 in line 2) and month first (03/31/2021 in line 3); write all of them as "
            "YYYY-MM-DD.");
}
TEST(Register, dates_that_could_be_in_either_order_are_refused_until_it_is_said) {
  std::string csv = kHeader + RowOf{.opens = "01/09/2020"}.text();
  EXPECT_EQ(refusal(csv),
            "nothing tells whether dates are written day first or month first (01/09/2020 in line 2); say it with --dates "
            "day-first or --dates month-first.");
  EXPECT_EQ(read_register(csv, kAsOf, DateOrder::day_first).events.back().qualification_defined().first_registration_on(), "2020-09-01");
  EXPECT_EQ(read_register(csv, kAsOf, DateOrder::month_first).events.back().qualification_defined().first_registration_on(), "2020-01-09");
}
TEST(Register, a_date_against_the_order_that_was_said_is_skipped) {
  ReadRegister found = read_register(kHeader + RowOf{.opens = "31/03/2021"}.text(), kAsOf, DateOrder::month_first);
  ASSERT_EQ(found.skipped.size(), 1u);
  EXPECT_EQ(found.skipped[0].why.message, "Give a date that exists as YYYY-MM-DD or MM/DD/YYYY, or leave it empty.");
}
TEST(Register, twelve_is_a_month_and_thirteen_is_a_day) {
  EXPECT_NE(refusal(kHeader + RowOf{.opens = "12/11/2020"}.text()), "");
  EXPECT_EQ(only_qualification({.opens = "13/12/2020"}).first_registration_on(), "2020-12-13");
  EXPECT_EQ(only_qualification({.opens = "12/13/2020"}).first_registration_on(), "2020-12-13");
}

// ---- files as spreadsheets save them ----

std::string utf16(std::string_view ascii, bool little, bool mark = true) {
  std::string out = !mark ? "" : little ? "\xff\xfe" : "\xfe\xff";
  for (char c : ascii) out += little ? std::string{c, '\0'} : std::string{'\0', c};
  return out;
}

TEST(Register, the_same_table_gives_the_same_facts_however_it_is_saved) {
  std::string csv = kHeader + RowOf{.title = "Boats; large, and small"}.text();
  ReadRegister plain = read_register(csv, kAsOf);
  auto with = [&](char delimiter) {
    std::string out;
    bool quoted = false;
    for (char c : csv) {
      quoted ^= c == '"';
      out += c == ',' && !quoted ? delimiter : c;
    }
    return out;
  };
  for (const std::string& saved : {with(';'), with('\t'), "sep=;\r\n" + with(';'), "\xef\xbb\xbf" + csv, utf16(csv, true), utf16(csv, false),
                                   utf16(with('\t'), true), utf16(csv, true, false), utf16(csv, false, false)}) {
    ReadRegister found = read_register(saved, kAsOf);
    ASSERT_EQ(found.events.size(), plain.events.size()) << saved;
    for (std::size_t at = 0; at < plain.events.size(); ++at) EXPECT_EQ(found.events[at].SerializeAsString(), plain.events[at].SerializeAsString());
  }
}
TEST(Register, utf_16_that_breaks_off_is_named) {
  std::string cut = utf16(kHeader, true);
  cut.pop_back();
  EXPECT_NE(refusal(cut).find("looks like UTF-16 little-endian and breaks off"), std::string::npos);
  EXPECT_NE(refusal("\xfe\xff\xdc\x00" + utf16(kHeader, false, false)).find("UTF-16 big-endian"), std::string::npos);
}
TEST(Register, a_file_that_is_no_register_is_refused_with_how_it_was_read) {
  EXPECT_NE(refusal("a;b;c\n1;2;3\n").find("(read as UTF-8, separated by semicolons)"), std::string::npos);
}
TEST(Register, characters_that_nobody_sees_do_not_matter) {
  RowOf clean{.title = "Boats and more"};
  for (const char* number : {"603/4101/4\xc2\xa0",
                             "\xe2\x80\x8b"
                             "603/4101/4",
                             "\xef\xbb\xbf"
                             "603/4101/4",
                             "603\xe2\x80\x93"
                             "4101\xe2\x80\x93"
                             "4",
                             "603-4101-4",
                             "6034101\xc2\xad"
                             "4"}) {
    ReadRegister found = read(RowOf{.number = number,
                                    .title = "Boats\xc2\xa0"
                                             "and\xe2\x80\x87 more"}
                                  .text());
    ASSERT_EQ(found.qualifications, 1u) << number << found.skipped[0].why.message;
    EXPECT_EQ(found.events.back().SerializeAsString(), read(clean.text()).events.back().SerializeAsString()) << number;
  }
  EXPECT_EQ(only_qualification({.number = "500/2597/x"}).qualification(), "500/2597/X");
}
TEST(Register, scales_that_differ_in_spaces_only_are_one) {
  ReadRegister found = read(RowOf{.scale = "Pass / Merit / Distinction"}.text() + RowOf{.number = "603/4102/6"}.text());
  EXPECT_EQ(found.scales, 1u);
}

struct RegisterFile {
  std::string name;
  std::size_t qualifications, skipped;
  std::string opens;  ///< of the last
};
class RegisterFiles : public testing::TestWithParam<RegisterFile> {};
TEST_P(RegisterFiles, are_taken_as_they_are_meant) {
  ReadRegister found = read_register(test_file("cases/register_" + GetParam().name + ".csv"), kAsOf);
  EXPECT_EQ(found.qualifications, GetParam().qualifications);
  EXPECT_EQ(found.skipped.size(), GetParam().skipped);
  EXPECT_EQ(found.events.back().qualification_defined().first_registration_on(), GetParam().opens);
}
INSTANTIATE_TEST_SUITE_P(Cases, RegisterFiles,
                         testing::Values(RegisterFile{"month_first", 4, 0, "2018-05-01"}, RegisterFile{"ambiguous_dates", 2, 0, "2018-05-01"},
                                         RegisterFile{"semicolon", 1, 0, "2018-09-01"}, RegisterFile{"utf16_tabs", 1, 0, "2018-09-01"},
                                         RegisterFile{"dirty_cells", 8, 1, "2018-09-01"}),
                         [](const auto& given) { return given.param.name; });

TEST(Register, grading_scales_are_named_as_they_are_written_and_defined_where_every_grade_is_known) {
  auto scale = [](const std::string& text) {
    ReadRegister found = read(RowOf{.scale = text}.text());
    return found.scales == 1 ? found.events[1].grading_scale_defined() : v1::GradingScaleDefined();
  };
  auto grades = [&](const std::string& text) {
    std::string list;
    v1::GradingScaleDefined found = scale(text);
    for (const auto& grade : found.grades()) list += grade.value() + (grade.achieved() ? "+ " : "- ");
    return list;
  };
  EXPECT_EQ(grades("Pass/Fail"), "Pass+ Fail- ");
  EXPECT_EQ(grades("P/M/D/D*"), "D*+ D+ M+ P+ ");
  EXPECT_EQ(grades("A*/A/B/C/D/E"), "A*+ A+ B+ C+ D+ E+ ");
  EXPECT_EQ(grades("U,1,2,3"), "3+ 2+ 1+ U- ");
  EXPECT_EQ(grades("Level 1 Pass/Level 1 Merit/Level 1 Distinction/Level 2 Pass/Level 2 Merit/Level 2 Distinction/Level 2 Distinction*"),
            "Level 2 Distinction*+ Level 2 Distinction+ Level 2 Merit+ Level 2 Pass+ Level 1 Distinction+ Level 1 Merit+ Level 1 Pass+ ");
  EXPECT_EQ(grades("Gold/Silver"), "");
  ReadRegister unknown = read(RowOf{.scale = "Gold/Silver"}.text());
  EXPECT_EQ(unknown.scales_to_define, std::vector<std::string>{"Gold/Silver"});
  EXPECT_EQ(only_qualification({.type = "Pass", .scale = ""}).grading_scale(), "Pass");
  EXPECT_EQ(only_qualification({.type = "", .scale = ""}).grading_scale(), "not given in the register");
  std::string long_name = only_qualification({.scale = std::string(80, 'x')}).grading_scale();
  EXPECT_EQ(long_name.size(), 64u);
  EXPECT_NE(long_name, only_qualification({.scale = std::string(81, 'x')}).grading_scale());
}

TEST(Register, maximum_hours_stand_in_where_there_are_no_others) {
  std::string csv =
      "qualificationNumber,title,organisationRecognitionNumber,organisationName,level,glh,maximumGlh,tqt,gradingScale\n"
      "60341014,Diploma in Boats,RN5901,Northgate,Level 3,,420,,Pass\n";
  ReadRegister found = read_register(csv, kAsOf);
  ASSERT_EQ(found.qualifications, 1u);
  EXPECT_EQ(found.events.back().qualification_defined().guided_learning_hours(), 420u);
  EXPECT_EQ(found.events.back().qualification_defined().qualification(), "603/4101/4");
}

TEST(Register, columns_are_known_under_the_names_of_export_and_interface_alike) {
  std::string row = RowOf{}.text();
  ReadRegister plain = read(row);
  std::string snake =
      "qualification_number,qualification_title,owner_organisation_recognition_number,owner_organisation_name,"
      "qualification_level,guided_learning_hours,total_qualification_time,operational_start_date,operational_end_date,"
      "certification_end_date,overall_grading_type,grading_scale\n";
  std::string camel =
      "qualificationNumber,title,organisationRecognitionNumber,organisationName,level,glh,tqt,operationalStartDate,"
      "operationalEndDate,certificationEndDate,gradingType,gradingScale\n";
  for (const std::string& header : {snake, camel}) {
    ReadRegister found = read_register(header + row, kAsOf);
    ASSERT_EQ(found.events.size(), plain.events.size()) << header;
    EXPECT_TRUE(found.unknown_columns.empty()) << found.unknown_columns[0];
    for (std::size_t at = 0; at < plain.events.size(); ++at) EXPECT_EQ(found.events[at].SerializeAsString(), plain.events[at].SerializeAsString());
  }
}

struct BadRow {
  std::string name;
  RowOf row;
  std::string column, rule, value, says;
};

class BadRows : public testing::TestWithParam<BadRow> {};

TEST_P(BadRows, are_named_and_skipped_and_the_rest_goes_on) {
  ReadRegister found = read(RowOf{.number = "603/4102/6"}.text() + GetParam().row.text() + RowOf{.number = "603/5203/6"}.text());
  EXPECT_EQ(found.rows, 3u);
  EXPECT_EQ(found.qualifications, 2u);
  ASSERT_EQ(found.skipped.size(), 1u);
  EXPECT_EQ(found.skipped[0].line, 3u);
  EXPECT_EQ(found.skipped[0].why.field, GetParam().column);
  EXPECT_EQ(found.skipped[0].why.rule, GetParam().rule);
  EXPECT_EQ(found.skipped[0].why.value, GetParam().value);
  EXPECT_NE(found.skipped[0].why.message.find(GetParam().says), std::string::npos) << found.skipped[0].why.message;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadRows,
    testing::Values(
        BadRow{"number", {.number = "603/41O1/4"}, "Qualification Number", "qualification-form", "603/41O1/4", "A qualification number is"},
        BadRow{"number_twice", {.number = "60341026"}, "Qualification Number", "qualification-once", "603/4102/6", "line 2 already"},
        BadRow{"no_title", {.title = ""}, "Qualification Title", "text-length", "", "Give 1 to 300 characters."},
        BadRow{"owner", {.owner = "5901"}, "Owner Organisation Recognition Number", "awarding-organisation-form", "5901", "RN and 1 to 6"},
        BadRow{"level", {.level = "Level 9"}, "Qualification Level", "level-text", "Level 9", "Level 1 to Level 8, Level 1/2 or Entry"},
        BadRow{"hours", {.hours = "many"}, "Guided Learning Hours", "whole-number", "many", "Give a whole number"},
        BadRow{"too_many_hours", {.hours = "10001"}, "Guided Learning Hours", "hours-range", "10001", "Hours run from 0"},
        BadRow{"too_much_time", {.time = "20001"}, "Total Qualification Time", "number-range", "20001", "Give 0 to 20000."},
        BadRow{"date", {.opens = "31/02/2020"}, "Operational Start Date", "date", "31/02/2020", "Give a date that exists"},
        BadRow{"bytes", {.title = "Caf\xe9"}, "Qualification Title", "utf-8", "", "save the file as \"CSV UTF-8\""},
        BadRow{"a_column_more", {.title = "a\",\"b"}, "", "columns-count", "13", "The file has 12 columns"}),
    [](const auto& instance) { return instance.param.name; });

TEST(Register, the_limits_themselves_are_taken) {
  EXPECT_EQ(only_qualification({.hours = "10000", .time = "20000"}).total_qualification_time(), 20'000u);
  EXPECT_EQ(only_qualification({.title = std::string(300, 'x')}).title().size(), 300u);
  EXPECT_EQ(only_qualification({.hours = "120.0"}).guided_learning_hours(), 120u);
}

TEST(Register, a_file_without_its_columns_is_none) {
  auto says = [](const std::string& csv) {
    try {
      read_register(csv, kAsOf);
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(says("").find("no row of column names"), std::string::npos);
  EXPECT_NE(says("Qualification Number,Qualification Title\n").find("no column Owner Organisation Recognition Number"), std::string::npos);
}

TEST(Register, importing_again_gives_the_same_events_and_a_change_another_id) {
  std::string row = RowOf{}.text();
  ReadRegister once = read(row), again = read(row), later = read(row, kAsOf + kDayMs), changed = read(RowOf{.hours = "361"}.text());
  for (std::size_t at = 0; at < once.events.size(); ++at) {
    EXPECT_EQ(once.events[at].SerializeAsString(), again.events[at].SerializeAsString());
    EXPECT_EQ(once.events[at].id(), later.events[at].id());
  }
  EXPECT_EQ(once.events[0].id(), changed.events[0].id());
  EXPECT_NE(once.events[2].id(), changed.events[2].id());
}

// ---- files ----

TEST(Register, the_sample_is_read_as_its_rows_say) {
  ReadRegister found = read_register(test_file("register_sample.csv"), kAsOf);
  EXPECT_EQ(found.rows, 38u);
  EXPECT_EQ(found.qualifications, 31u);
  EXPECT_EQ(found.unknown_columns, (std::vector<std::string>{"Reviewed By", "Colour"}));
  std::map<std::string, std::size_t> rules;
  for (const SkippedRow& row : found.skipped) ++rules[row.why.rule];
  EXPECT_EQ(rules, (std::map<std::string, std::size_t>{{"awarding-organisation-form", 1},
                                                       {"columns-count", 1},
                                                       {"csv-form", 1},
                                                       {"date", 1},
                                                       {"level-text", 1},
                                                       {"qualification-form", 1},
                                                       {"qualification-once", 1}}));
}

/// All public numbers and titles, in rows of the register's own form.
TEST(Register, all_public_numbers_and_titles_pass) {
  std::string csv = kHeader;
  std::string list = test_file("../../daemon/simulator/data/qualifications.csv");
  CsvReader rows(list);
  CsvRow row;
  ASSERT_TRUE(rows.next(row));  // names of columns
  std::set<std::string> numbers;
  std::size_t given = 0;
  while (rows.next(row)) {
    ASSERT_EQ(row.fields.size(), 2u) << row.line;
    const std::string& title = row.fields[1];
    std::string level = "Entry Level";
    for (const char* text : {"Level 1/Level 2", "Level 3", "Level 2", "Level 1"})
      if (level == "Entry Level" && title.find(text) != title.npos) level = text;
    csv += RowOf{.number = row.fields[0], .title = title, .level = level}.text();
    numbers.insert(row.fields[0]);
    ++given;
  }
  ASSERT_EQ(given, 650u);
  ReadRegister found = read_register(csv, kAsOf);
  EXPECT_EQ(found.rows, given);
  EXPECT_EQ(found.qualifications, numbers.size());
  for (const SkippedRow& skipped : found.skipped) EXPECT_EQ(skipped.why.rule, "qualification-once") << skipped.line;
  Catalogue catalogue;
  for (std::size_t at = 0; at < found.events.size(); ++at) {
    std::string json;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(found.events[at], &json).ok());
    EXPECT_TRUE(catalogue.add(found.events[at], at)) << json;
  }
  std::size_t unusual = 0;
  for (const CatalogueFinding& finding : catalogue.findings()) {
    EXPECT_TRUE(finding.warning) << finding.qualification << " " << finding.why.message;
    EXPECT_EQ(finding.why.rule, "qualification-check-digit");
    ++unusual;
  }
  EXPECT_LT(unusual, given / 50);  // a handful of real numbers
}

// ---- the published tables of T Levels, as a catalogue ----

v1::Event defined(const std::string& id, const std::string& json) {
  return test::event_from(R"({"id": ")" + id + R"(", "source": "test", "occurredAt": "2024-06-01T09:00:00Z", )" + json + "}");
}

std::map<std::string, v1::Event> published_t_levels() {
  std::map<std::string, v1::Event> facts;
  std::string list = test_file("../../daemon/simulator/data/tlevel_overall_grades.csv");
  CsvReader rows(list);
  CsvRow row;
  EXPECT_TRUE(rows.next(row));  // names of columns
  while (rows.next(row)) {
    auto [at, fresh] = facts.try_emplace(row.fields.at(0));
    if (fresh)
      at->second = defined(row.fields[0], R"("qualificationDefined": {"qualification": ")" + row.fields[0] + R"(", "title": "T Level",
        "awardingOrganisation": "RN5901", "level": "LEVEL_3", "gradingScale": "Overall", "certification": "CERTIFICATION_AUTOMATIC",
        "units": [{"code": "CORE", "mandatory": true, "gradingScale": "Core"},
          {"code": "SPECIALISM", "mandatory": true, "gradingScale": "Specialism"}, {"code": "PLACEMENT", "mandatory": true}],
        "grading": {"components": ["CORE", "SPECIALISM"], "partialGrade": "Partial achievement", "unclassifiedGrade": "Unclassified"}})");
    auto* made = at->second.mutable_qualification_defined()->mutable_grading()->add_combinations();
    made->add_unit_grades(row.fields.at(1));
    made->add_unit_grades(row.fields.at(2));
    made->set_grade(row.fields.at(3));
  }
  facts["ao"] = defined("ao", R"("awardingOrganisationDefined": {"awardingOrganisation": "RN5901", "name": "Northgate"})");
  auto scale = [&](const std::string& name, const std::string& achieved, const std::string& others) {
    v1::Event event = defined(name, R"("gradingScaleDefined": {"name": ")" + name + R"("})");
    for (bool counts : {true, false}) {
      CsvReader one(counts ? achieved : others);
      for (CsvRow grades; one.next(grades);)
        for (const std::string& grade : grades.fields) {
          auto* to = event.mutable_grading_scale_defined()->add_grades();
          to->set_value(grade);
          to->set_achieved(counts);
        }
    }
    facts[name] = event;
  };
  scale("Overall", "Distinction*,Distinction,Merit,Pass", "Partial achievement,Unclassified");
  scale("Core", "A*,A,B,C,D,E", "Unclassified");
  scale("Specialism", "Distinction,Merit,Pass", "Unclassified");
  return facts;
}

/// Problems only: the check digits of three of the numbers are unusual.
std::vector<CatalogueFinding> problems_of(const std::map<std::string, v1::Event>& facts) {
  Catalogue catalogue;
  std::size_t place = 0;
  for (const auto& [name, event] : facts) EXPECT_TRUE(catalogue.add(event, place++)) << name;
  auto found = catalogue.findings();
  std::erase_if(found, [](const CatalogueFinding& one) { return one.warning; });
  return found;
}

TEST(PublishedTables, have_no_gaps_and_a_row_taken_out_is_missed) {
  auto facts = published_t_levels();
  EXPECT_EQ(facts.size(), 25u + 4);
  for (const CatalogueFinding& one : problems_of(facts)) ADD_FAILURE() << one.qualification << " " << one.why.message;
  std::size_t taken_out = 0;
  for (auto& [name, event] : facts) {
    if (!event.has_qualification_defined()) continue;
    v1::Event whole = event;
    auto* rows = event.mutable_qualification_defined()->mutable_grading()->mutable_combinations();
    auto missing = rows->Get(static_cast<int>(taken_out) % rows->size());
    rows->DeleteSubrange(static_cast<int>(taken_out++) % rows->size(), 1);
    auto found = problems_of(facts);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].qualification, name);
    EXPECT_EQ(found[0].why.rule, "combination-for-grades");
    EXPECT_EQ(found[0].why.value, missing.unit_grades(0) + " with " + missing.unit_grades(1));
    event = whole;
  }
  EXPECT_EQ(taken_out, 25u);
}

}  // namespace
}  // namespace vtq::ctl
