// What was acknowledged and is gone is noticed at the start; numbers that may have left the house are not given again; an empty store is
// made only when asked for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "storage/database.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

namespace fs = std::filesystem;

constexpr AwardingOrganisationId kAo{5001};
constexpr SeriesId kSeries{2023 * 12 + 7};

StoreOptions options() { return {.partitions = 2, .block_cache_bytes = 1 << 20, .write_buffer_bytes = 1 << 20, .sync = true}; }

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const StoreError& error) {
    return error.what();
  }
  return "nothing was refused";
}
bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void overwrite(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }

class StoreLoss : public testing::Test {
 protected:
  fs::path data() const { return directory / "data"; }
  static v1::ResultBatch batch(std::uint32_t number) {
    v1::ResultBatch made;
    made.set_batch(text_of(BatchId{*parse_centre("12345"), kAo, kSeries, number}));
    made.set_centre("12345");
    made.set_number(number);
    return made;
  }
  static void issue(Store& store, std::uint32_t number) {
    CentreSummary summary;
    summary.sequences.push_back({kAo, kSeries, number});
    std::uint32_t partition = murmur2_partition("12345", 2);
    store.put_summary(partition, *parse_centre("12345"), summary);
    store.result_batch(partition, *parse_centre("12345"), batch(number));
    store.commit(1000 * number);
  }
  static std::uint32_t last_number(Store& store) {
    std::uint32_t number = 0;
    store.each_summary(murmur2_partition("12345", 2), [&](CentreId, CentreSummary&& summary) {
      for (const BatchSequence& sequence : summary.sequences) number = std::max(number, sequence.number);
    });
    return number;
  }
  /// A store as kill -9 leaves it after `commits` commits: a copy, so that nothing is flushed. The files beside it are copied too.
  void killed_after(int commits) {
    auto store = Store::open(directory / "alive", options());
    for (int commit = 1; commit <= commits; ++commit) {
      store->put_time(0, commit);
      store->append_input(Topic::claims, 0, "12345", std::string(500, static_cast<char>('a' + commit % 20)));
      store->commit(commit * 1000);
    }
    fs::copy(directory / "alive", data(), fs::copy_options::recursive);
    for (const char* suffix : {".head", ".issued"})
      fs::copy_file(directory / ("alive" + std::string(suffix)), directory / ("data" + std::string(suffix)));
  }
  std::vector<fs::path> logs() const {
    std::vector<fs::path> found;
    for (const auto& file : fs::directory_iterator(data()))
      if (file.path().extension() == ".log") found.push_back(file.path());
    return found;
  }
  fs::path largest_log() const {
    auto all = logs();
    return *std::max_element(all.begin(), all.end(), [](const fs::path& a, const fs::path& b) { return fs::file_size(a) < fs::file_size(b); });
  }
  std::string opening(StoreOptions how = options()) {
    return refusal([&] { Store::open(data(), how); });
  }

  TempDirectory directory;
};

// ---- the write-ahead log ----

TEST_F(StoreLoss, a_killed_store_opens_with_all_that_was_committed) {
  killed_after(50);
  EXPECT_EQ(Store::open(data(), options())->time(0), 50);
}

TEST_F(StoreLoss, a_record_cut_short_that_was_never_acknowledged_is_no_loss) {
  killed_after(50);
  std::string log = bytes_of(largest_log());
  // The beginning of a record, as a write leaves it that a power cut ends.
  overwrite(largest_log(), log + log.substr(0, 30));
  EXPECT_EQ(Store::open(data(), options())->time(0), 50);
}

TEST_F(StoreLoss, a_byte_flipped_in_the_write_ahead_log_is_refused) {
  for (double share : {0.01, 0.25, 0.5, 0.75, 0.99}) {
    fs::remove_all(data());
    fs::remove(directory / "data.head");
    fs::remove(directory / "data.issued");
    fs::remove_all(directory / "alive");
    fs::remove(directory / "alive.head");
    fs::remove(directory / "alive.issued");
    killed_after(50);
    std::string log = bytes_of(largest_log());
    log[static_cast<std::size_t>(static_cast<double>(log.size()) * share)] ^= 0x10;
    overwrite(largest_log(), log);
    std::string text = opening();
    EXPECT_TRUE(says(text, "accept-loss")) << share << ": " << text;
  }
}

TEST_F(StoreLoss, an_emptied_or_removed_write_ahead_log_is_refused_with_what_is_lost) {
  killed_after(50);
  for (const fs::path& log : logs()) overwrite(log, "");
  std::string text = opening();
  EXPECT_TRUE(says(text, "commit 50 of 1970-01-01T00:00:50.000Z was acknowledged")) << text;
  for (const fs::path& log : logs()) fs::remove(log);
  text = opening();
  EXPECT_TRUE(says(text, "commit 50 ")) << text;
}

TEST_F(StoreLoss, a_write_ahead_log_without_its_end_is_refused) {
  killed_after(50);
  fs::resize_file(largest_log(), fs::file_size(largest_log()) - 1);
  std::string text = opening();
  EXPECT_TRUE(says(text, "1 commits")) << text;
}

// ---- going on ----

TEST_F(StoreLoss, a_loss_that_was_accepted_is_not_refused_again_and_commits_go_on_above_it) {
  killed_after(50);
  for (const fs::path& log : logs()) overwrite(log, "");
  std::string text = Store::accept_loss(data(), 0, 99'000);
  EXPECT_TRUE(says(text, "Lost: 50 commits, up to commit 50")) << text;
  {
    auto store = Store::open(data(), options());
    store->put_time(0, 7);
    store->commit(100'000);
  }
  EXPECT_EQ(Store::open(data(), options())->time(0), 7);
}

TEST_F(StoreLoss, no_commit_after_an_accepted_loss_has_the_number_of_one_that_was_lost) {
  killed_after(50);
  for (const fs::path& log : logs()) overwrite(log, "");
  Store::accept_loss(data(), 0, 99'000);
  auto store = Store::open(data(), options());
  store->put_time(0, 7);
  store->commit(100'000);
  EXPECT_EQ(store->backup(directory / "backups", {}, 101'000).commit, 51u);
}

TEST_F(StoreLoss, a_store_that_lost_nothing_has_no_loss_to_accept) {
  killed_after(5);
  std::string text = Store::accept_loss(data(), 0, 99'000);
  EXPECT_TRUE(says(text, "Nothing is missing")) << text;
  EXPECT_EQ(Store::open(data(), options())->time(0), 5);
}

TEST_F(StoreLoss, what_comes_before_the_damage_is_kept_when_a_loss_is_accepted) {
  killed_after(50);
  std::string log = bytes_of(largest_log());
  log[log.size() / 2] ^= 1;
  overwrite(largest_log(), log);
  Store::accept_loss(data(), 0, 99'000);
  TimeMs kept = Store::open(data(), options())->time(0);
  EXPECT_GT(kept, 10);
  EXPECT_LT(kept, 50);
}

// ---- the head file ----

TEST_F(StoreLoss, an_older_copy_of_the_directory_is_refused) {
  {
    auto store = Store::open(data(), options());
    store->put_time(0, 1);
    store->commit(1000);
  }
  fs::copy(data(), directory / "copy", fs::copy_options::recursive);
  {
    auto store = Store::open(data(), options());
    store->put_time(0, 2);
    store->commit(2000);
  }
  fs::remove_all(data());
  fs::rename(directory / "copy", data());
  std::string text = opening();
  EXPECT_TRUE(says(text, "1 commits")) << text;
}

TEST_F(StoreLoss, the_store_of_another_is_refused) {
  Store::open(data(), options());
  Store::open(directory / "other", options());
  fs::remove_all(data());
  fs::rename(directory / "other", data());
  std::string text = opening();
  EXPECT_TRUE(says(text, "is not the store that was here")) << text;
}

TEST_F(StoreLoss, a_missing_or_damaged_head_file_is_named) {
  killed_after(3);
  overwrite(directory / "data.head", std::string(1024, 'x'));
  EXPECT_TRUE(says(opening(), "data.head cannot be read")) << opening();
  fs::remove(directory / "data.head");
  EXPECT_TRUE(says(opening(), "data.head is missing")) << opening();
}

TEST_F(StoreLoss, one_damaged_slot_of_the_head_file_leaves_the_other) {
  killed_after(3);
  std::string head = bytes_of(directory / "data.head");
  for (std::size_t slot : {0u, 512u}) {
    std::string damaged = head;
    damaged[slot + 20] ^= 1;
    overwrite(directory / "data.head", damaged);
    EXPECT_EQ(opening(), "nothing was refused");
  }
}

// ---- an empty store ----

TEST_F(StoreLoss, a_store_is_made_where_there_is_no_directory_and_none_was_before) {
  {
    auto store = Store::open(data(), options());
    store->put_time(0, 1);
    store->commit(1000);
  }
  fs::remove_all(data());
  std::string text = opening();
  EXPECT_TRUE(says(text, "does not exist, but a store was there")) << text;
}

TEST_F(StoreLoss, an_empty_directory_is_made_a_store_only_when_asked_for) {
  fs::create_directories(data());
  std::string text = opening();
  EXPECT_TRUE(says(text, "--init")) << text;
  StoreOptions asked = options();
  asked.making = Making::asked;
  EXPECT_EQ(opening(asked), "nothing was refused");
}

TEST_F(StoreLoss, an_emptied_directory_is_refused_even_when_a_new_store_is_asked_for) {
  Store::open(data(), options())->commit(1);
  {
    auto store = Store::open(data(), options());
    store->put_time(0, 1);
    store->commit(1000);
  }
  for (const auto& file : fs::directory_iterator(data())) fs::remove_all(file);
  StoreOptions asked = options();
  asked.making = Making::asked;
  std::string text = opening(asked);
  EXPECT_TRUE(says(text, "is empty, but a store was there and had come to commit 1 ")) << text;
}

TEST_F(StoreLoss, a_store_without_its_current_file_is_not_taken_for_a_new_one) {
  killed_after(3);
  fs::remove(data() / "CURRENT");
  std::string text = opening();
  EXPECT_TRUE(says(text, "no CURRENT")) << text;
}

TEST_F(StoreLoss, a_store_of_another_schema_is_refused_by_name_with_what_to_do) {
  Store::open(data(), options());
  {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : {"default", "state", "log", "batches", "rejected"}) families.push_back({name, rocksdb::ColumnFamilyOptions{}});
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::DBOptions{}, data().string(), families, &handles, &opened).ok());
    std::unique_ptr<rocksdb::DB> database(opened);
    ASSERT_TRUE(database->Put(rocksdb::WriteOptions{}, handles[1], slice(keys::kFormat), slice(keys::u64(kSchema - 1) + keys::u64(2))).ok());
    for (auto* handle : handles) database->DestroyColumnFamilyHandle(handle);
    ASSERT_TRUE(database->Close().ok());
  }
  std::string text = opening();
  EXPECT_TRUE(says(text, "has schema " + std::to_string(kSchema - 1) + ", this version reads schema " + std::to_string(kSchema))) << text;
  EXPECT_TRUE(says(text, "Use the version that made it")) << text;
}

TEST_F(StoreLoss, where_none_may_be_made_none_is) {
  StoreOptions never = options();
  never.making = Making::never;
  EXPECT_TRUE(says(opening(never), "--init")) << opening(never);
}

TEST_F(StoreLoss, backups_speak_for_a_store_that_is_missing) {
  Store::open(directory / "elsewhere", options())->backup(directory / "backups", {}, 1);
  StoreOptions with_backups = options();
  with_backups.backups = directory / "backups";
  EXPECT_TRUE(says(opening(with_backups), "holds backups of one")) << opening(with_backups);
}

TEST_F(StoreLoss, a_store_on_kafka_is_made_anew_since_the_changelog_has_it_all) {
  StoreOptions kafka = options();
  kafka.log_identity = "cluster";
  fs::create_directories(data());
  EXPECT_EQ(opening(kafka), "nothing was refused");
}

TEST_F(StoreLoss, a_damaged_store_on_kafka_is_built_anew_and_says_so) {
  StoreOptions kafka = options();
  kafka.log_identity = "cluster";
  std::vector<std::string> told;
  kafka.note = [&](const StoreNote& note) { told.push_back(note.text); };
  {
    auto store = Store::open(data(), kafka);
    store->put_time(0, 5);
    store->put_reference("slot", {}, "event");
    store->commit(1);
  }
  for (const auto& file : fs::directory_iterator(data()))
    if (file.path().extension() == ".sst") fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_EQ(Store::open(data(), kafka)->time(0), 0);
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [](const std::string& text) { return says(text, "built anew from the changelog"); }));
}

TEST_F(StoreLoss, what_rocksdb_says_is_told_without_keys) {
  EXPECT_EQ(without_keys("Corruption: block checksum mismatch: stored = 3735928559, computed = 12, type = 1  in /d/000012.sst offset 7 size 9"),
            "Corruption: block checksum mismatch: stored = 3735928559, computed = 12, type = 1  in /d/000012.sst offset 7 size 9");
  EXPECT_EQ(without_keys("Corrupted Key: '65000000009E6F01' seq:7\n 4230303436353036 B\x01"), "Corrupted Key: (left out) seq:7  (left out) B?");
}

// ---- a directory that goes away ----

TEST_F(StoreLoss, nothing_is_committed_into_a_directory_that_was_removed_moved_or_emptied) {
  for (const char* how : {"removed", "moved", "replaced", "emptied"}) {
    fs::path at = directory / how;
    auto store = Store::open(at, options());
    store->put_time(0, 1);
    store->commit(1000);
    if (how == std::string("moved") || how == std::string("replaced")) fs::rename(at, directory / "away");
    if (how == std::string("replaced")) fs::copy(directory / "away", at, fs::copy_options::recursive);
    if (how == std::string("removed")) fs::remove_all(at);
    if (how == std::string("emptied"))
      for (const auto& file : fs::directory_iterator(at)) fs::remove_all(file);
    store->put_time(0, 2);
    std::string text = refusal([&] { store->commit(2000); });
    EXPECT_TRUE(says(text, "was removed, moved or emptied")) << how << ": " << text;
    fs::remove_all(directory / "away");
  }
}

// ---- backup and restore ----

TEST_F(StoreLoss, a_number_issued_after_the_backup_is_not_given_again_after_its_restore) {
  {
    auto store = Store::open(data(), options());
    issue(*store, 1);
    store->backup(directory / "backups", {}, 5000);
    issue(*store, 2);
    issue(*store, 3);
  }
  fs::remove_all(data());
  std::string text = Store::restore({.from = directory / "backups", .to = data(), .now = 9000});
  EXPECT_TRUE(says(text, "2 commits up to 1970-01-01T00:00:03.000Z")) << text;
  auto store = Store::open(data(), options());
  EXPECT_EQ(last_number(*store), 3u);
  EXPECT_EQ(store->batch_count(), 1u);
  auto gaps = store->number_gaps(std::nullopt);
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].from.number, 2u);
  EXPECT_EQ(gaps[0].to, 3u);
  EXPECT_EQ(gaps[0].at_ms, 9000);
  EXPECT_EQ(store->number_gaps(*parse_centre("54321")).size(), 0u);
}

TEST_F(StoreLoss, after_a_loss_that_was_accepted_a_number_is_not_given_again_either) {
  auto alive = Store::open(directory / "alive", options());
  fs::copy(directory / "alive", data(), fs::copy_options::recursive);
  issue(*alive, 1);
  fs::copy_file(directory / "alive.head", directory / "data.head");
  fs::copy_file(directory / "alive.issued", directory / "data.issued");
  Store::accept_loss(data(), 0, 9000);
  EXPECT_EQ(last_number(*Store::open(data(), options())), 1u);
}

TEST_F(StoreLoss, a_rejected_records_number_is_not_given_again_after_a_restore) {
  auto reject = [](Store& store) {
    std::string id = store.rejected(0, v1::Rejected{});
    store.commit(1000);
    return id;
  };
  {
    auto store = Store::open(data(), options());
    store->backup(directory / "backups", {}, 5000);
    EXPECT_EQ(reject(*store), "1");
  }
  fs::remove_all(data());
  Store::restore({.from = directory / "backups", .to = data(), .now = 9000});
  EXPECT_EQ(reject(*Store::open(data(), options())), "2");
}

TEST_F(StoreLoss, a_restore_that_does_not_know_what_was_issued_asks_for_a_number) {
  {
    auto store = Store::open(directory / "lost", options());
    issue(*store, 1);
    store->backup(directory / "backups", {}, 5000);
  }
  std::string text = refusal([&] { Store::restore({.from = directory / "backups", .to = data(), .now = 9000}); });
  EXPECT_TRUE(says(text, "--batch-numbers-from")) << text;
  Store::restore({.from = directory / "backups", .to = data(), .batch_numbers_from = 1001, .now = 9000});
  auto store = Store::open(data(), options());
  EXPECT_EQ(last_number(*store), 1000u);
  EXPECT_EQ(store->batch_numbers_from(), 1001u);
}

TEST_F(StoreLoss, a_restore_cut_short_leaves_nothing_that_starts) {
  Store::open(directory / "lost", options())->backup(directory / "backups", {}, 5000);
  fs::create_directories(Store::unfinished_restore(data()));
  std::string text = opening();
  EXPECT_TRUE(says(text, "was not finished")) << text;
  Store::restore({.from = directory / "backups", .to = data(), .batch_numbers_from = 1, .now = 9000});
  EXPECT_FALSE(fs::exists(Store::unfinished_restore(data())));
  EXPECT_EQ(opening(), "nothing was refused");
}

TEST_F(StoreLoss, the_newest_backup_is_not_replaced_by_an_older_one_in_silence) {
  auto store = Store::open(data(), options());
  store->backup(directory / "backups", {}, 5000);
  store->put_time(0, 5);
  store->commit(1);
  store->backup(directory / "backups", {}, 6000);
  auto restoring = [&](std::uint32_t id) {
    return refusal([&] { Store::restore({.from = directory / "backups", .to = directory / "new", .id = id, .batch_numbers_from = 1, .now = 9000}); });
  };
  std::string list = bytes_of(directory / "backups" / "meta" / "2");
  overwrite(directory / "backups" / "meta" / "2", list.substr(0, list.size() / 2));
  EXPECT_TRUE(says(restoring(0), "backup 2 is damaged")) << restoring(0);
  fs::remove(directory / "backups" / "meta" / "2");
  EXPECT_TRUE(says(restoring(0), "backup 2 is damaged: it is missing")) << restoring(0);
  EXPECT_EQ(Store::backups(directory / "backups").back().damage, "it is missing");
  EXPECT_EQ(restoring(1), "nothing was refused");
}

TEST_F(StoreLoss, old_backups_go_by_number_and_by_age_and_the_new_one_stays) {
  auto store = Store::open(data(), options());
  for (TimeMs at : {1000, 2000, 3000, 4000}) {
    store->put_time(0, at);
    store->commit(at);
    store->backup(directory / "backups", {.count_max = 3}, at);
  }
  EXPECT_EQ(Store::backups(directory / "backups").size(), 3u);
  store->backup(directory / "backups", {.age_ms_max = 2500}, 6000);
  std::vector<TimeMs> made;
  for (const BackupInfo& one : Store::backups(directory / "backups")) made.push_back(one.made_ms);
  EXPECT_EQ(made, (std::vector<TimeMs>{4000, 6000}));
  store->backup(directory / "backups", {.age_ms_max = 1}, 60'000);
  EXPECT_EQ(Store::backups(directory / "backups").size(), 1u);
}

TEST_F(StoreLoss, a_damaged_store_is_not_backed_up) {
  {
    auto store = Store::open(data(), options());
    for (int commit = 1; commit < 50; ++commit) {
      store->append_input(Topic::claims, 0, "12345", std::string(500, static_cast<char>('a' + commit % 20)));
      store->put_reference("slot " + std::to_string(commit), {}, std::string(300, 'r'));
      store->commit(commit);
    }
  }
  auto store = Store::open(data(), options());
  EXPECT_TRUE(store->verify().empty());
  for (const auto& file : fs::directory_iterator(data()))
    if (file.path().extension() == ".sst" && fs::file_size(file) > 5000) {
      std::string bytes = bytes_of(file);
      bytes[100] ^= 1;
      // In place: the store has the file open.
      int opened = ::open(file.path().c_str(), O_WRONLY);
      EXPECT_EQ(::pwrite(opened, bytes.data(), 200, 0), 200);
      ::close(opened);
    }
  ASSERT_FALSE(store->verify().empty());
  std::string text = refusal([&] { store->backup(directory / "backups", {}, 1); });
  EXPECT_TRUE(says(text, "the store is damaged")) << text;
  EXPECT_TRUE(Store::backups(directory / "backups").empty());
}

TEST_F(StoreLoss, damage_met_while_files_are_merged_is_told_and_commits_go_on) {
  // Sixteen files of state, after which they are merged; each of several blocks, of which only the first is read when it is opened.
  std::mt19937 random(1);
  for (int file = 0; file < 17; ++file) {
    auto store = Store::open(data(), options());
    for (int slot = 0; slot < 60; ++slot) {
      std::string value(1000, '\0');
      for (char& byte : value) byte = static_cast<char>(random() & 0xff);
      store->put_reference("slot " + std::to_string(file) + " " + std::to_string(slot), {}, value);
    }
    store->commit(file + 1);
    // Damaged while there are too few files to be merged.
    if (file != 8) continue;
    store = nullptr;
    fs::path damaged;
    for (const auto& one : fs::directory_iterator(data()))
      if (one.path().extension() == ".sst" && fs::file_size(one) > 40'000) damaged = one.path();
    ASSERT_FALSE(damaged.empty());
    std::string bytes = bytes_of(damaged);
    bytes[bytes.size() / 2] ^= 1;
    overwrite(damaged, bytes);
  }
  auto store = Store::open(data(), options());
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!store->damage().any() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  ASSERT_TRUE(store->damage().any());
  EXPECT_TRUE(says(store->damage().findings.front(), "merging files failed")) << store->damage().findings.front();
  for (TimeMs at : {100, 101, 102}) {
    store->put_time(0, at);
    store->commit(at);
  }
  EXPECT_EQ(store->time(0), 102);
}

// ---- who may read it ----

TEST_F(StoreLoss, a_directory_that_others_can_read_is_told) {
  StoreOptions how = options();
  std::vector<std::string> told;
  how.note = [&](const StoreNote& note) { told.push_back(note.text); };
  fs::permissions(directory / "", fs::perms::owner_all);
  Store::open(data(), how);
  fs::permissions(data(), fs::perms::owner_all | fs::perms::group_read);
  told.clear();
  Store::open(data(), how);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(says(told[0], "can be read by others")) << told[0];
  fs::permissions(data(), fs::perms::owner_all);
  told.clear();
  Store::open(data(), how);
  EXPECT_TRUE(told.empty()) << told.front();
}

// ---- the embedded log ----

TEST_F(StoreLoss, the_embedded_log_keeps_to_its_limit_and_its_offsets_go_on) {
  StoreOptions how = options();
  how.log_bytes_max = 1 << 20;
  how.wal_bytes_max = 1 << 20;
  auto store = Store::open(data(), how);
  std::string value(2000, '\0');
  for (std::size_t commit = 0; commit < 4000; ++commit) {
    for (char& byte : value) byte = static_cast<char>((commit * 2654435761u + static_cast<std::size_t>(&byte - value.data()) * 40503u) >> 7);
    store->append_input(Topic::claims, 0, "12345", value);
    store->commit(static_cast<TimeMs>(commit));
  }
  EXPECT_EQ(store->end_offset(Topic::claims, 0), 4000u);
  EXPECT_LT(store->sizes().log_bytes, 5u << 20);
  auto first = store->read_log(Topic::claims, 0, 0, 1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_GT(first[0].offset, 0u);
  EXPECT_EQ(store->read_log(Topic::claims, 0, 3999, 10).size(), 1u);
}

// ---- what a store's numbers outlive ----

TEST_F(StoreLoss, a_store_that_is_gone_with_its_head_is_missed_since_it_issued_batches) {
  issue(*Store::open(data(), options()), 7);
  fs::remove_all(data());
  fs::remove(directory / "data.head");
  std::string text = refusal([&] { Store::open(data(), options()); });
  EXPECT_TRUE(says(text, "does not exist, but a store was there")) << text;
  EXPECT_TRUE(says(text, "data.issued names the batches")) << text;
}
TEST_F(StoreLoss, a_new_store_in_its_place_goes_on_above_the_numbers_it_issued_and_names_the_gap) {
  issue(*Store::open(data(), options()), 7);
  fs::remove_all(data());
  fs::remove(directory / "data.head");
  StoreOptions asked = options();
  asked.making = Making::asked;
  auto store = Store::open(data(), asked);
  EXPECT_EQ(last_number(*store), 7u);
  auto gaps = store->number_gaps(std::nullopt);
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].from.number, 1u);
  EXPECT_EQ(gaps[0].to, 7u);
  store = nullptr;
  EXPECT_EQ(last_number(*Store::open(data(), options())), 7u);
}
TEST_F(StoreLoss, a_young_store_without_write_ahead_log_and_head_is_no_new_one) {
  killed_after(20);
  for (const fs::path& log : logs()) fs::remove(log);
  fs::remove(directory / "data.head");
  for (int again = 0; again < 2; ++again) {
    std::string text = refusal([&] { Store::open(data(), options()); });
    EXPECT_NE(text, "nothing was refused");
    EXPECT_TRUE(says(text, "restore the newest backup")) << text;
  }
}
TEST_F(StoreLoss, a_directory_where_a_file_beside_the_store_belongs_is_named) {
  for (const char* file : {"data.head", "data.issued"}) {
    issue(*Store::open(data(), options()), 7);
    fs::remove(directory / file);
    fs::create_directory(directory / file);
    std::string text = refusal([&] { Store::open(data(), options()); });
    EXPECT_TRUE(says(text, std::string(file) + " is a directory")) << text;
    fs::remove_all(directory / file);
    fs::remove_all(data());
    fs::remove(directory / "data.head");
    fs::remove(directory / "data.issued");
  }
}
TEST_F(StoreLoss, a_file_in_place_of_the_directory_is_named) {
  overwrite(data(), "root:x:0:0");
  std::string text = refusal([&] { Store::open(data(), options()); });
  EXPECT_TRUE(says(text, "is no directory; set data.directory to a folder")) << text;
}

}  // namespace
}  // namespace vtq::test
