// The audit at a terminal: its key, an export, and whether an export is what was written.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/audit/verify.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"

namespace vtq::ctl {
namespace {

namespace fs = std::filesystem;

constexpr int kWrong = 1, kUnreadable = 2;
constexpr const char* kIndexFile = "audit.json";

std::string text_of_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error(file.string() + " cannot be read.");
  return text.str();
}

/// Whole, or not at all.
class FileWhole {
 public:
  explicit FileWhole(fs::path file) : file_(std::move(file)), part_(file_.string() + ".part"), out_(part_, std::ios::binary | std::ios::trunc) {}
  void add(std::string_view text) { out_.write(text.data(), static_cast<std::streamsize>(text.size())); }
  void finish() {
    out_.close();
    if (!out_) throw std::runtime_error(part_.string() + " cannot be written; is the disk full?");
    fs::rename(part_, file_);
  }

 private:
  fs::path file_, part_;
  std::ofstream out_;
};

fs::path lines_file(const fs::path& directory, std::uint32_t partition) { return directory / (std::to_string(partition) + ".jsonl"); }
fs::path checkpoint_file(const fs::path& directory, std::uint32_t partition) { return directory / (std::to_string(partition) + ".checkpoint"); }

/// As many as the checkpoint speaks of: what came since is in the next export.
std::uint64_t export_partition(HttpClient& client, const fs::path& directory, std::uint32_t partition) {
  const std::string named = "?partition=" + std::to_string(partition);
  const std::string note = expect_ok(client.get("/v1/audit/checkpoint" + named, "text/plain"));
  auto checkpoint = read_checkpoint(note);
  if (!checkpoint) throw std::runtime_error("resultsd answered with no checkpoint for partition " + std::to_string(partition) + ".");
  FileWhole lines(lines_file(directory, partition)), signed_note(checkpoint_file(directory, partition));
  std::uint64_t next = 0;
  while (next < checkpoint->size) {
    const std::uint64_t most = std::min<std::uint64_t>(checkpoint->size - next, 1000);
    const std::string page =
        expect_ok(client.get("/v1/audit" + named + "&from=" + std::to_string(next) + "&limit=" + std::to_string(most), "application/x-ndjson"));
    const auto got = static_cast<std::uint64_t>(std::count(page.begin(), page.end(), '\n'));
    if (got == 0) throw std::runtime_error("Record " + std::to_string(next) + " of partition " + std::to_string(partition) + " is not there.");
    lines.add(page);
    next += got;
  }
  signed_note.add(note);
  lines.finish();
  signed_note.finish();
  return next;
}

NoteVerifier verifier_of(const std::string& key) {
  std::error_code none;
  auto read = NoteVerifier::read(fs::is_regular_file(key, none) ? text_of_file(key) : key);
  if (!read) throw std::runtime_error(key + " is no public key; `resultsctl audit keygen` prints it: NAME+0123abcd+BASE64.");
  return std::move(*read);
}

/// By the partition that each is of. One that the key did not sign has none, and is looked at with the first.
std::map<std::uint32_t, std::vector<std::string>> by_partition(const std::vector<fs::path>& files, const NoteVerifier& key) {
  std::map<std::uint32_t, std::vector<std::string>> found;
  for (const fs::path& file : files) {
    std::string note = text_of_file(file);
    auto says = read_checkpoint(note);
    std::uint32_t partition = 0;
    if (says && says->origin.starts_with(key.name() + "/"))
      partition = static_cast<std::uint32_t>(std::strtoul(says->origin.c_str() + key.name().size() + 1, nullptr, 10));
    found[partition].push_back(std::move(note));
  }
  return found;
}

}  // namespace

int audit_keygen(const std::filesystem::path& file, const std::string& name) {
  NoteKey key = NoteKey::make(name);
  key.write(file);
  // The public key alone goes to standard output.
  std::cout << key.public_text() << "\n";
  std::cerr << "Made " << file.string()
            << ". Set audit.key_file to it on every instance, readable by its user alone. The line above is its public key: keep it where whoever\n"
               "checks the audit has it, and not where the audit is.\n";
  return 0;
}

int audit_export(HttpClient& client, const std::filesystem::path& directory) {
  auto first = nlohmann::json::parse(expect_ok(client.get("/v1/audit?partition=0&limit=1")));
  const auto partitions = first.value("partitions", std::uint32_t{0});
  fs::create_directories(directory);
  std::uint64_t records = 0;
  for (std::uint32_t partition = 0; partition < partitions; ++partition) records += export_partition(client, directory, partition);
  FileWhole index(directory / kIndexFile);
  index.add(nlohmann::json{{"partitions", partitions}, {"records", records}}.dump() + "\n");
  index.finish();
  std::cout << grouped(static_cast<std::int64_t>(records)) << " records of " << partitions << " partitions are in " << directory.string()
            << ", with a signed checkpoint of each.\nNext: resultsctl audit verify " << directory.string() << " --public-key KEY\n";
  return 0;
}

int audit_verify(const AuditVerifyWords& words) {
  std::uint32_t partitions = words.partitions;
  std::optional<NoteVerifier> key;
  std::map<std::uint32_t, std::vector<std::string>> more;
  try {
    key = verifier_of(words.key);
    more = by_partition(words.checkpoints, *key);
    auto index = nlohmann::json::parse(text_of_file(words.directory / kIndexFile), nullptr, false);
    if (partitions == 0 && index.is_object()) partitions = index.value("partitions", std::uint32_t{0});
    if (partitions == 0) throw std::runtime_error((words.directory / kIndexFile).string() + " does not say how many partitions there are.");
  } catch (const std::exception& error) {
    std::cerr << "resultsctl: " << error.what() << "\n";
    return kUnreadable;
  }
  std::uint64_t records = 0, beyond = 0;
  int code = 0;
  // The index of an export is signed by nobody: a checkpoint says of itself which partition there was.
  if (!more.empty() && more.rbegin()->first >= partitions) {
    std::cout << "Partition " << more.rbegin()->first
              << ", record 0: It is missing, and all after it: there is a checkpoint of it, and the export has " << partitions
              << " partitions. [audit-truncated]\n";
    code = kWrong;
  }
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    std::ifstream lines(lines_file(words.directory, partition), std::ios::binary);
    std::vector<std::string> checkpoints = more[partition];
    try {
      if (!lines) throw std::runtime_error(lines_file(words.directory, partition).string() + " cannot be read: a partition is missing.");
      checkpoints.push_back(text_of_file(checkpoint_file(words.directory, partition)));
    } catch (const std::exception& error) {
      std::cerr << "resultsctl: " << error.what() << "\n";
      return kUnreadable;
    }
    AuditVerified found = verify_audit(lines, partition, checkpoints, *key);
    records += found.records;
    if (!found.fault) {
      beyond += found.records - found.signed_records;
      continue;
    }
    std::cout << "Partition " << partition << ", record " << found.fault->number << ": " << found.fault->why << " [" << found.fault->rule << "]\n";
    code = kWrong;
  }
  if (code != 0) return code;
  std::cout << grouped(static_cast<std::int64_t>(records)) << " records of " << partitions
            << " partitions are what was written, in order and without a gap, as " << key->name() << " signed.\n";
  if (beyond > 0)
    std::cout << grouped(static_cast<std::int64_t>(beyond))
              << " of them came after the last checkpoint: they are chained, and signed by nobody yet.\n";
  return 0;
}

}  // namespace vtq::ctl
