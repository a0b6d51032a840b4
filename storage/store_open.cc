// Opening a store: what is refused, what is made, and what is held against the head file.
#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <random>

#include "storage/database.h"
#include "storage/file_checksum.h"

namespace vtq {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStoreIdBytes = 16;

/// RocksDB's own warnings and errors, passed on. In place of its log file: on a full disk writing to that fails too, and with its assertions
/// on, as in Debian's build, RocksDB aborts the process over it before the failed commit is reported.
class NotingLog final : public rocksdb::Logger {
 public:
  explicit NotingLog(std::function<void(const StoreNote&)> note) : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), note_(std::move(note)) {}
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}  // no level: information
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (!note_ || level < rocksdb::InfoLogLevel::WARN_LEVEL || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    char text[1024];
    std::vsnprintf(text, sizeof text, format, arguments);
    note_({level >= rocksdb::InfoLogLevel::ERROR_LEVEL, "RocksDB: " + without_keys(text)});
  }

 private:
  std::function<void(const StoreNote&)> note_;
};

/// Hears of damage that RocksDB meets while it merges files. By itself it would then take no more writes at all.
class DamageListener final : public rocksdb::EventListener {
 public:
  DamageListener(std::function<void(const std::string&)> found, std::atomic<bool>& merging_failed)
      : found_(std::move(found)), merging_failed_(merging_failed) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    if (reason != rocksdb::BackgroundErrorReason::kCompaction || !(status->IsCorruption() || status->IsPathNotFound())) return;
    found_("merging files failed: " + without_keys(status->ToString()));
    merging_failed_ = true;
    *status = rocksdb::Status::OK();
  }

 private:
  std::function<void(const std::string&)> found_;
  std::atomic<bool>& merging_failed_;
};

/// Looks at each record of the write-ahead log as it is read back: between the first and the last none is missing. RocksDB does not look.
class GaplessLog final : public rocksdb::WalFilter {
 public:
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*, bool*) override {
    // Sequence number and count of changes, as every batch begins with.
    const std::string& bytes = batch.Data();
    std::uint64_t sequence = 0;
    std::uint32_t count = 0;
    if (bytes.size() < sizeof sequence + sizeof count) return WalProcessingOption::kCorruptedRecord;
    std::memcpy(&sequence, bytes.data(), sizeof sequence);
    std::memcpy(&count, bytes.data() + sizeof sequence, sizeof count);
    if (next_ && sequence != *next_) return WalProcessingOption::kCorruptedRecord;
    next_ = sequence + count;
    return WalProcessingOption::kContinueProcessing;
  }
  const char* Name() const override { return "resultsd.GaplessLog"; }

 private:
  std::optional<std::uint64_t> next_;
};

rocksdb::DBOptions database_options(const StoreOptions& options, bool make, bool salvage) {
  rocksdb::DBOptions made;
  made.create_if_missing = make;
  made.create_missing_column_families = true;
  made.max_background_jobs = 2;
  made.max_total_wal_size = options.wal_bytes_max;
  made.allow_concurrent_memtable_write = false;  // one writer; allows inserting near the last key
  made.enable_write_thread_adaptive_yield = false;
  made.bytes_per_sync = 1 << 20;
  made.info_log = std::make_shared<NotingLog>(options.note);
  // A record cut short at the very end was never acknowledged; anything else wrong in the write-ahead log is damage, and refused.
  made.wal_recovery_mode = salvage ? rocksdb::WALRecoveryMode::kPointInTimeRecovery : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  made.track_and_verify_wals_in_manifest = !salvage;
  made.verify_sst_unique_id_in_manifest = true;
  made.file_checksum_gen_factory = file_checksums();
  made.max_open_files = -1;
  made.skip_stats_update_on_db_open = true;
  made.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes * 3);
  // On Kafka nothing goes to a write-ahead log: what was not flushed before a crash is read again from the changelog. All column families
  // are then flushed as one, or a position could outlive what it speaks of.
  made.atomic_flush = options.sink != nullptr;
  return made;
}

rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions made;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 << 10;
  table.format_version = 5;
  made.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  made.compression = rocksdb::kLZ4Compression;
  made.write_buffer_size = options.write_buffer_bytes;
  return made;
}

rocksdb::ColumnFamilyOptions state_options(const StoreOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions made = family_options(options, cache);
  // A centre's entries lie together and often change together.
  made.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(7));
  made.compression = rocksdb::kNoCompression;
  made.bottommost_compression = rocksdb::kLZ4Compression;
  made.compaction_style = rocksdb::kCompactionStyleUniversal;
  made.compaction_options_universal.max_size_amplification_percent = 200;
  made.compaction_options_universal.min_merge_width = 4;
  made.compaction_options_universal.compression_size_percent = -1;
  made.level0_file_num_compaction_trigger = 16;
  made.level0_slowdown_writes_trigger = 40;
  made.level0_stop_writes_trigger = 60;
  return made;
}

rocksdb::ColumnFamilyOptions log_options(const StoreOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions made = family_options(options, cache);
  // Chunks are written once and never merged: the oldest files go when they are too old, or too much.
  made.compaction_style = rocksdb::kCompactionStyleFIFO;
  made.compaction_options_fifo.max_table_files_size = options.log_bytes_max;
  made.ttl = options.log_seconds_max;
  return made;
}

std::string random_id() {
  std::random_device device;
  std::string id;
  while (id.size() < kStoreIdBytes) id += static_cast<char>(device() & 0xff);
  return id;
}

/// What keeps a directory from counting as empty.
bool holds_files(const fs::path& directory) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(directory, error))
    if (file.path().filename() != "lost+found") return true;
  return false;
}

std::string reached_text(const Reached& reached) { return "commit " + std::to_string(reached.commit) + " of " + utc_text(reached.at_ms); }

/// What an operator can do about a store that is not as far as it was.
std::string ways_on(const fs::path& directory) {
  return " Put the right directory back; or move it away and restore the newest backup: `resultsctl restore --from BACKUPS --to " +
         directory.string() + "`; or go on with what is there: `resultsctl store accept-loss " + directory.string() + "`.";
}

/// Whether the store is to be made; throws StoreError when it is neither there nor to be made.
bool to_be_made(const fs::path& directory, const StoreOptions& options, const HeadFile::Found& head) {
  const std::string name = directory.string();
  std::error_code error;
  bool is_there = fs::exists(directory, error), holds_something = is_there && holds_files(directory),
       current = fs::exists(directory / "CURRENT", error);
  if (current) return false;
  if (is_there && !fs::is_directory(directory, error)) throw StoreError("Store: " + name + " is no directory; set data.directory to a folder.");
  bool half_made = head.reached && head.reached->commit == 0;
  if (fs::exists(Store::unfinished_restore(directory), error))
    throw StoreError("Store: restoring into " + name + " was not finished. Run `resultsctl restore` again, or remove " +
                     Store::unfinished_restore(directory).string() + ".");
  if (half_made) return true;
  if (holds_something)
    throw StoreDamage("Store: " + name + " holds files but no CURRENT: part of a store is gone, or it is something else's." + ways_on(directory));
  if (head.is_there)
    throw StoreError("Store: " + name + (is_there ? " is empty" : " does not exist") + ", but a store was there" +
                     (head.reached ? " and had come to " + reached_text(*head.reached) : std::string()) +
                     ". Is a disk not mounted? Put it back, or restore the newest backup: `resultsctl restore --from BACKUPS --to " + name +
                     "`. To begin with nothing, remove " + HeadFile::beside(directory).string() + " and start with --init.");
  if (options.making == Making::asked) return true;
  if (IssuedFile::read(directory).is_there)
    throw StoreError("Store: " + name + (is_there ? " is empty" : " does not exist") +
                     ", but a store was there: " + IssuedFile::beside(directory).string() +
                     " names the batches that it issued. Is a disk not mounted? Put it back, or restore the newest backup: `resultsctl restore "
                     "--from BACKUPS --to " +
                     name + "`. To begin with nothing, start once with --init: numbers of batches go on above those.");
  if (!options.backups.empty() && !Store::backups(options.backups).empty())
    throw StoreError("Store: there is none in " + name + ", but " + options.backups.string() +
                     " holds backups of one. Is a disk not mounted? Restore the newest: "
                     "`resultsctl restore --from " +
                     options.backups.string() + " --to " + name + "`; or begin with nothing: `resultsd --init`.");
  if (is_there) throw StoreError("Store: " + name + " is empty. Is a disk not mounted? To make a new store there, start once with --init.");
  if (options.making == Making::never)
    throw StoreError("Store: " + name + " does not exist, and data.create is \"never\". To make a new store there, start once with --init.");
  return true;
}

}  // namespace

/// What may be a key is in quotation marks or is a run of hexadecimal digits.
std::string without_keys(std::string_view message) {
  std::string text;
  for (std::size_t at = 0; at < message.size();) {
    char c = message[at];
    std::size_t end = at + 1;
    if (c == '\'' || c == '"') {
      std::size_t close = message.find(c, at + 1);
      end = close == message.npos ? message.size() : close + 1;
      text += "(left out)";
    } else if (std::isxdigit(static_cast<unsigned char>(c))) {
      while (end < message.size() && std::isxdigit(static_cast<unsigned char>(message[end]))) ++end;
      // Checksums and sizes are shorter; names of sessions are no hexadecimal numbers.
      text += end - at > 12 ? std::string("(left out)") : std::string(message.substr(at, end - at));
    } else {
      text += c == '\n' ? ' ' : std::isprint(static_cast<unsigned char>(c)) ? c : '?';
    }
    at = end;
  }
  return text;
}

void Store::Database::note(bool error, std::string text) const {
  if (options.note) options.note({error, std::move(text)});
}

void Store::Database::open(bool make, bool salvage) {
  auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, family_options(options, cache)},
                                                           {"state", state_options(options, cache)},
                                                           {"log", log_options(options, cache)},
                                                           {"batches", family_options(options, cache)},
                                                           {"rejected", family_options(options, cache)}};
  rocksdb::DBOptions how = database_options(options, make, salvage);
  how.listeners.push_back(std::make_shared<DamageListener>([this](const std::string& what) { found_damage(what); }, merging_failed));
  wal_filter = salvage ? nullptr : std::make_unique<GaplessLog>();
  how.wal_filter = wal_filter.get();
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(how, directory.string(), families, &handles, &opened);
  if (keeps_log() && status.IsCorruption())
    throw StoreDamage("Store: " + directory.string() + " is damaged: " + without_keys(status.ToString()) + "." + ways_on(directory));
  require(status, "opening " + directory.string());
  db.reset(opened);
  state = handles[1];
  log = handles[2];
  batches = handles[3];
  rejected = handles[4];
  directory_file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  check_format();
  read_counters();
  if (keeps_log()) read_reached();
}

void Store::Database::read_reached() {
  auto found = get(state, keys::kCommit);
  if (found && found->size() != 16)
    throw StoreDamage("Store: the number of the last commit in " + directory.string() +
                      " cannot be read; restore the newest backup with `resultsctl restore`.");
  reached = {.store = mark.store(),
             .epoch = mark.epoch(),
             .commit = found ? keys::last_u64(found->substr(0, 8)) : 0,
             .at_ms = found ? static_cast<TimeMs>(keys::last_u64(*found)) : 0,
             .rejected = counters[0].rejected_last};
  committed_reached = reached;
}

/// Also true of a store whose first start was killed before it was marked.
bool Store::Database::holds_nothing() const {
  return std::all_of(handles.begin(), handles.end(), [&](rocksdb::ColumnFamilyHandle* family) {
    std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(rocksdb::ReadOptions{}, family));
    at->SeekToFirst();
    readable(at->status(), "looking for records");
    return !at->Valid();
  });
}

void Store::Database::check_format() {
  std::string wanted = keys::u64(kSchema) + keys::u64(options.partitions);
  auto found = get(state, keys::kFormat);
  if (!found && options.partitions > 0 && holds_nothing()) {
    rocksdb::WriteOptions write;
    write.sync = true;
    rocksdb::WriteBatch format;
    format.Put(state, slice(keys::kFormat), slice(wanted));
    format.Put(state, slice(keys::kMark), slice(mark.SerializeAsString()));
    if (!options.log_identity.empty()) format.Put(state, slice(keys::kLogIdentity), slice(options.log_identity));
    if (!options.time_source.empty()) format.Put(state, slice(keys::kTimeSource), slice(options.time_source));
    require(db->Write(write, &format), "marking the new store");
    // What store it is stands in a file, not only in a write-ahead log that may be lost.
    require(db->Flush(rocksdb::FlushOptions{}, state), "marking the new store");
    return;
  }
  if (!found || found->size() != wanted.size())
    throw StoreError("Store: " + directory.string() + " holds a RocksDB that is not a resultsd store; set data.directory to another place.");
  if (found->substr(0, 8) != wanted.substr(0, 8))
    throw StoreError("Store: " + directory.string() + " has schema " + std::to_string(keys::last_u64(found->substr(0, 8))) +
                     ", this version reads schema " + std::to_string(kSchema) +
                     ". Use the version that made it, or move it away and publish its season again.");
  if (options.partitions == 0) options.partitions = static_cast<std::uint32_t>(keys::last_u64(*found));
  wanted = keys::u64(kSchema) + keys::u64(options.partitions);
  auto identity = get(state, keys::kLogIdentity);
  if (identity.value_or("") != options.log_identity)
    throw StoreError("Store: " + directory.string() + " belongs to " + (identity ? "Kafka " + *identity : std::string("the embedded log")) +
                     ", not to " + (options.log_identity.empty() ? std::string("the embedded log") : "Kafka " + options.log_identity) +
                     "; set data.directory to another place, or kafka.bootstrap_servers, kafka.group and kafka.topic_prefix to what they were.");
  // What is in it is dated by one of them; under the other everything would come due at once, or nothing ever.
  auto source = get(state, keys::kTimeSource);
  if (source && !options.time_source.empty() && *source != options.time_source)
    throw StoreError("Store: " + directory.string() + " was made with time.source = \"" + *source + "\", not \"" + options.time_source +
                     "\"; set time.source to that, it cannot change, or set data.directory to another place.");
  if (found->substr(8) != wanted.substr(8))
    throw StoreError("Store: " + directory.string() + " was made with partitions = " + std::to_string(keys::last_u64(*found)) +
                     "; set `partitions` to that, it cannot change.");
  telling_names = get(state, keys::kTellingNames).has_value();
  auto marked = get(state, keys::kMark);
  if (!marked || !mark.ParseFromString(*marked) || mark.store().size() != kStoreIdBytes)
    throw StoreDamage("Store: " + directory.string() + " does not say which store it is; restore the newest backup with `resultsctl restore`.");
}

void Store::Database::check_directory() const {
  struct stat here {
  }, there{};
  bool same =
      ::fstat(directory_file, &here) == 0 && ::stat(directory.c_str(), &there) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev;
  if (!same || ::faccessat(directory_file, "CURRENT", F_OK, 0) != 0)
    throw StoreError("Store: " + directory.string() +
                     " was removed, moved or emptied while resultsd was using it. Nothing was committed since. Put it back, or restore "
                     "the newest backup with `resultsctl restore`.");
}

void Store::Database::hold_against_head(const HeadFile::Found& found) {
  const std::string name = directory.string(), file = HeadFile::beside(directory).string();
  const std::optional<Reached>& known = found.reached;
  // What came from a backup has no head yet; a store that was made here had one before it was marked.
  if (mark.awaits_head() && !(known || mark.breaches().empty())) return;
  if (mark.awaits_head() && known && (known->store != reached.store || known->epoch < reached.epoch)) return;
  if (!known)
    throw StoreError("Store: " + file + (found.is_there ? " cannot be read" : " is missing") + ", which says how far the store had come; " + name +
                     " ends with " + reached_text(reached) + ", and whether that is all nobody can tell." + ways_on(directory));
  if (known->store != reached.store)
    throw StoreError("Store: " + name + " is not the store that was here: that one had come to " + reached_text(*known) + "." + ways_on(directory));
  if (known->epoch != reached.epoch)
    throw StoreError("Store: " + name + " is a copy from " + (known->epoch > reached.epoch ? "before" : "after") +
                     " a backup was restored or a loss accepted here; it ends with " + reached_text(reached) +
                     ", the store that was here had come to " + reached_text(*known) + "." + ways_on(directory));
  if (known->commit > reached.commit)
    throw StoreError("Store: " + name + " ends with " + reached_text(reached) + ", but " + reached_text(*known) +
                     " was acknowledged: " + std::to_string(known->commit - reached.commit) +
                     " commits with their events are gone. Part of the write-ahead log is missing or damaged, or the directory is an older copy." +
                     ways_on(directory));
}

void Store::Database::follow_with_head() {
  head = std::make_unique<HeadFile>(directory);
  head->write(reached, true);
  if (!mark.awaits_head()) return;
  // The mark goes last: a start that is cut short before it is done again.
  go_on_above_what_was_issued();
  mark.set_awaits_head(false);
  rocksdb::WriteOptions write;
  write.sync = true;
  require(db->Put(write, state, slice(keys::kMark), slice(mark.SerializeAsString())), "marking the store");
}

/// A new store where another one was: the numbers that one gave are known to the centres.
void Store::Database::go_on_above_what_was_issued() {
  IssuedFile::Found before = IssuedFile::read(directory);
  if (before.highest.empty()) return;
  rocksdb::WriteOptions write;
  write.sync = true;
  rocksdb::WriteBatch batch;
  skip_numbers(batch, before.highest, 0,
               std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  require(db->Write(write, &batch), "going on above the numbers of batches issued before");
}

/// The names of batches issued are on record: what is missing there is put in from the store.
void Store::Database::check_issued() {
  IssuedFile::Found found = IssuedFile::read(directory);
  if (found.is_there && found.damaged_lines == 0) {
    issued = std::make_unique<IssuedFile>(directory);
    return;
  }
  std::map<BatchRun, std::uint32_t> highest = found.highest;
  try {
    scan(batches, "", [&](std::string_view held, std::string_view) {
      BatchId id = keys::batch_id(held);
      std::uint32_t& number = highest[{id.centre, id.awarding_organisation, id.series}];
      number = std::max(number, id.number);
    });
  } catch (const StoreDamage&) {
    // Kept as found; the numbers that are in use stand in the centres' summaries as well.
  }
  if (found.damaged_lines > 0)
    note(false, IssuedFile::beside(directory).string() + " had " + std::to_string(found.damaged_lines) +
                    " lines that cannot be read; it was written anew from the batches of the store, which holds all of them.");
  IssuedFile::rewrite(directory, highest);
  issued = std::make_unique<IssuedFile>(directory);
}

/// On Kafka: what is damaged is thrown away, since the changelog has it all.
std::unique_ptr<Store::Database> Store::open_copy(const fs::path& directory, const StoreOptions& options,
                                                  const std::function<std::unique_ptr<Database>(bool make)>& open_as) {
  auto anew = [&](const std::string& why) {
    if (options.as_it_is) throw StoreError(directory.string() + " is damaged: " + why + ".");
    if (options.note) options.note({false, directory.string() + " is damaged and is built anew from the changelog: " + why});
    for (const auto& file : fs::directory_iterator(directory)) fs::remove_all(file.path());
    return open_as(true);
  };
  std::error_code error;
  if (fs::exists(directory / kRebuildFile, error)) return anew("it was found so while it was in use");
  try {
    return open_as(!fs::exists(directory / "CURRENT", error));
  } catch (const StoreDamage& damaged) {
    return anew(damaged.what());
  }
}

std::unique_ptr<Store> Store::open(const fs::path& directory, const StoreOptions& options) {
  const bool keeps_log = options.log_identity.empty() && !options.sink;
  HeadFile::Found head = keeps_log ? HeadFile::read(directory) : HeadFile::Found{};
  bool make = keeps_log && to_be_made(directory, options, head);
  std::string id = head.reached ? head.reached->store : random_id();
  // First the head: should the making be cut short, the next start knows that nothing was in it.
  if (make && !head.reached) HeadFile::make(directory, id);
  if (make || !keeps_log) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error)
      throw StoreError("Store: cannot make " + directory.string() + ": " + error.message() + ". Set data.directory to a place that can be written.");
  }
  auto open_as = [&](bool anew) {
    auto opened = std::make_unique<Database>();
    opened->options = options;
    opened->directory = directory;
    // For a store that holds nothing yet.
    opened->mark.set_store(id);
    opened->mark.set_epoch(1);
    opened->mark.set_awaits_head(true);
    if (options.seal) opened->mark.set_seal_key(options.seal->first());
    opened->open(anew, false);
    return opened;
  };
  std::unique_ptr<Database> database = keeps_log ? open_as(make) : open_copy(directory, options, open_as);
  database->check_seal();
  if (keeps_log) {
    database->hold_against_head(make ? HeadFile::read(directory) : head);
    database->follow_with_head();
    database->check_issued();
  }
  database->seal_all();
  if (struct stat mode{}; ::stat(directory.c_str(), &mode) == 0 && (mode.st_mode & 077) != 0)
    database->note(
        false, directory.string() + " can be read by others than its owner; it holds learners' results: chmod -R go= " + directory.string() + ".");
  return std::unique_ptr<Store>(new Store(std::move(database)));
}

fs::path Store::unfinished_restore(const fs::path& directory) {
  fs::path path = HeadFile::beside(directory);
  return path.replace_extension(".restoring");
}

std::uint32_t Store::batch_numbers_from() const {
  std::uint32_t from = 1;
  for (const v1::StoreBreach& breach : database_->mark.breaches()) from = std::max(from, breach.batch_numbers_from());
  return from;
}

}  // namespace vtq
