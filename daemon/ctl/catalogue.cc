#include "pipeline/intake/catalogue.h"

#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>

#include <fstream>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/event_file.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/register.h"
#include "daemon/intake/event_bodies.h"
#include "pipeline/intake/check.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::json;

/// The register has about 55,000 rows in 60 MB.
constexpr std::uintmax_t kFileBytesMax = 1u << 30;

std::string whole_file(const std::filesystem::path& path) {
  std::error_code error;
  auto bytes = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in) throw std::runtime_error(path.string() + ": the file cannot be read; check its name and permissions.");
  if (bytes > kFileBytesMax) throw std::runtime_error(path.string() + ": the file has more than 1 GiB; split it.");
  std::string text(bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(bytes));
  if (!in) throw std::runtime_error(path.string() + ": the file cannot be read to its end; copy it anew.");
  return text;
}

std::string number(std::size_t count, const char* one) { return grouped(static_cast<std::int64_t>(count)) + " " + one + (count == 1 ? "" : "s"); }

/// Reads files of events, checks each one's form, then all together.
class CatalogueCheck {
 public:
  void read(const std::filesystem::path& path) {
    if (path.extension() == ".json") return read_batch(path);
    EventFile file(path);
    std::string record;
    while (file.next(record)) take(path, file.line(), file.json() ? read_json_event(record) : read_protobuf_event(record));
  }

  int report(bool json) {
    for (CatalogueFinding& finding : catalogue_.findings()) add(finding.place, finding.warning, finding.qualification, std::move(finding.why));
    std::stable_sort(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) { return a.place < b.place; });
    auto problems = static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(), [](const Line& line) { return !line.warning; }));
    json ? print_json(problems) : print_text(problems);
    return problems > 0 ? 1 : 0;
  }

 private:
  struct Place {
    std::string file;
    std::size_t line;
  };
  struct Line {
    std::size_t place;
    bool warning;
    std::string qualification;
    Rejection why;
  };

  /// One event, or a list of them, over several lines: places are numbers of events.
  void read_batch(const std::filesystem::path& path) {
    std::string text = whole_file(path);
    constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
    ReadBody body = read_body(text, BodyFormat::json, {.events_max = kAny, .errors_max = kAny, .memory_bytes_max = kAny});
    if (body.unreadable) {
      add(places_.size(), false, "", *body.unreadable);
      places_.push_back({path.string(), 1});
    }
    std::size_t at = 0;
    for (const ReadEvent& event : body.events) take(path, ++at, event);
  }

  void take(const std::filesystem::path& path, std::size_t line, const ReadEvent& read) {
    std::size_t place = places_.size();
    places_.push_back({path.string(), line});
    ++events_;
    if (read.submitted.unreadable && !read.only_checked) return add(place, false, "", *read.submitted.unreadable);
    v1::Event event;
    if (!event.ParseFromString(read.submitted.event)) std::abort();  // it was serialised a moment ago
    if (auto form = check(event); !form) {
      catalogue_.add_broken(event);
      return add(place, false, event.qualification_defined().qualification(), form.error());
    }
    if (!catalogue_.add(event, place)) ++others_;
  }

  void add(std::size_t place, bool warning, std::string qualification, Rejection why) {
    lines_.push_back({place, warning, std::move(qualification), std::move(why)});
  }

  void print_text(std::size_t problems) const {
    for (const Line& line : lines_) {
      const Place& place = places_[line.place];
      std::cout << place.file << ":" << place.line << ": " << (line.warning ? "warning" : "problem") << ": "
                << (line.qualification.empty() ? "" : line.qualification + " ") << (line.why.field.empty() ? "event" : line.why.field) << " ["
                << line.why.rule << "]" << (line.why.value.empty() ? "" : " " + line.why.value) << ": " << line.why.message << "\n";
    }
    std::cout << number(events_ - others_, "reference fact") << ": " << number(problems, "problem") << ", "
              << number(lines_.size() - problems, "warning") << ".";
    if (others_ > 0) std::cout << " " << number(others_, "other fact") << " checked for form only.";
    std::cout << "\n";
  }

  void print_json(std::size_t problems) const {
    Json list = Json::array();
    for (const Line& line : lines_)
      list.push_back({{"file", places_[line.place].file},
                      {"line", places_[line.place].line},
                      {"severity", line.warning ? "warning" : "problem"},
                      {"qualification", line.qualification},
                      {"field", line.why.field},
                      {"rule", line.why.rule},
                      {"value", line.why.value},
                      {"message", line.why.message}});
    Json all = {{"referenceFacts", events_ - others_},
                {"otherFacts", others_},
                {"problems", problems},
                {"warnings", lines_.size() - problems},
                {"findings", list}};
    std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  }

  Catalogue catalogue_;
  std::vector<Place> places_;
  std::vector<Line> lines_;
  std::size_t events_ = 0, others_ = 0;
};

/// The day on which the file was last written: the register is downloaded as it stands that day.
Day written_on(const std::filesystem::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) throw std::runtime_error(path.string() + ": the file cannot be read; check its name and permissions.");
  return local_day(static_cast<TimeMs>(found.st_mtime) * 1000);
}

void write_events(const std::filesystem::path& out, const std::vector<v1::Event>& events) {
  std::ofstream file(out, std::ios::binary | std::ios::trunc);
  for (const v1::Event& event : events) {
    std::string line;
    if (!google::protobuf::util::MessageToJsonString(event, &line).ok()) throw std::runtime_error("the event " + event.id() + " is no JSON.");
    file << line << "\n";
  }
  file.close();
  if (!file) throw std::runtime_error(out.string() + ": the file cannot be written; check its folder, permissions and free space.");
}

void print_skipped(const std::string& file, const ReadRegister& found) {
  for (const SkippedRow& row : found.skipped)
    std::cout << file << ":" << row.line << ": skipped: " << (row.why.field.empty() ? "row" : row.why.field) << " [" << row.why.rule << "]"
              << (row.why.value.empty() ? "" : " " + row.why.value) << ": " << row.why.message << "\n";
}

}  // namespace

int catalogue_check(const std::vector<std::filesystem::path>& files, bool json) {
  CatalogueCheck checking;
  try {
    for (const auto& file : files) checking.read(file);
  } catch (const std::runtime_error& error) {
    std::cerr << "resultsctl: " << error.what() << "\n";
    return 2;
  }
  return checking.report(json);
}

int catalogue_import(const CatalogueImport& words) {
  std::string file = words.from.string();
  ReadRegister found;
  try {
    std::optional<Day> day = words.as_of.empty() ? written_on(words.from) : parse_date(words.as_of);
    if (!day) throw std::runtime_error("--as-of " + words.as_of + " is no date; give YYYY-MM-DD, as 2024-09-01.");
    DateOrder dates = words.dates == "day-first" ? DateOrder::day_first : words.dates == "month-first" ? DateOrder::month_first : DateOrder::unknown;
    found = read_register(whole_file(words.from), day_begins(*day), dates);
    write_events(words.out, found.events);
  } catch (const std::runtime_error& error) {
    std::string what = error.what();
    std::cerr << "resultsctl: " << (what.starts_with(file) || what.starts_with("--") ? "" : file + ": ") << what << "\n";
    return 2;
  }
  print_skipped(file, found);
  std::cout << number(found.rows, "row") << ": " << number(found.qualifications, "qualification") << " of "
            << number(found.awarding_organisations, "awarding organisation") << ", " << number(found.scales, "grading scale") << ", "
            << number(found.skipped.size(), "row") << " skipped.\n";
  auto name_all = [](const char* what, const std::vector<std::string>& names, const char* then) {
    if (names.empty()) return;
    std::cout << what;
    for (std::size_t at = 0; at < names.size(); ++at) std::cout << (at == 0 ? ": " : "; ") << names[at];
    std::cout << ". " << then << "\n";
  };
  name_all("Columns ignored", found.unknown_columns, "The register is not known to have them.");
  name_all("Grading scales to define", found.scales_to_define, "Send a GradingScaleDefined for each, highest grade first.");
  std::cout << "The register has no units, rules of combination, UCAS points or performance tables; what you define later takes the place "
               "of this.\n"
            << "Next: resultsctl catalogue check " << words.out.string() << "\n";
  return found.skipped.empty() ? 0 : 1;
}

}  // namespace vtq::ctl
