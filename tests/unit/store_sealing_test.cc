// A store with a seal key: nothing that carries a grade lies in its files, it opens with its keys only, and one of before is sealed as it is opened.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "storage/keys.h"
#include "storage/store.h"
#include "tests/support/season.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

const std::string kFirst = "3f9a01c2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const std::string kSecond = "00000001://////////////////////////////////////////8=";
constexpr CentreId kCentre{12345};
const BatchId kBatch{kCentre, AwardingOrganisationId{5001}, SeriesId{2023 * 12 + 7}, 1};
const std::string kGrade = "Zqtop";

std::shared_ptr<const Seal> keys_of(const std::string& text) { return std::make_shared<const Seal>(text); }

class SealedStore : public testing::Test {
 protected:
  void open(const std::string& keys, CommitSink* sink = nullptr) {
    store = nullptr;
    StoreOptions options{.partitions = 2, .block_cache_bytes = 1 << 20, .write_buffer_bytes = 1 << 20, .sync = false, .sink = sink};
    if (sink) options.log_identity = "test";
    if (!keys.empty()) options.seal = keys_of(keys);
    options.note = [this](const StoreNote& note) { notes += note.text + "\n"; };
    store = Store::open(directory / "data", options);
  }
  std::string why_not(const std::string& keys) {
    try {
      open(keys);
    } catch (const StoreError& error) {
      return error.what();
    }
    return "";
  }

  v1::ResultBatch batch() {
    v1::ResultBatch made;
    made.set_batch(text_of(kBatch));
    made.set_centre("12345");
    made.set_number(1);
    made.add_results()->mutable_grade()->set_value(kGrade);
    return made;
  }
  WaitingRecord waiting() {
    WaitingRecord fact;
    fact.event = kGrade;
    fact.key = {{1000, 0}, 0x5a71746f705a7174, 0x6f705a71746f705a};  // as if the hash itself told
    fact.until_ms = 5000;
    return fact;
  }

  /// One of everything that carries a grade.
  void write() {
    Entry entry;
    entry.key = {QualificationId{6034101}, SeriesId{2023 * 12 + 7}, "L1"};
    entry.facts.result_grade = Word(kGrade);
    entry.facts.result.at_ms = 1000;
    store->put_entry(0, kCentre, entry);
    store->put_slot(0, kCentre, "slot", {.at_ms = 1000}, kGrade);
    store->put_waiting(0, kCentre, waiting());
    store->result_batch(0, kCentre, batch());
    v1::Rejected rejected;
    rejected.set_original(kGrade);
    store->rejected(0, std::move(rejected));
    store->append_input(Topic::claims, 0, "12345", kGrade);
  }
  void commit() { store->commit(1000); }

  /// All of it is there.
  void expect_read(bool log = true) {
    int entries = 0, slots = 0, facts = 0;
    store->each_entry(0, kCentre, [&](Entry&& entry) { entries += entry.facts.result_grade.view() == kGrade; });
    store->each_slot(0, kCentre, [&](std::string_view slot, const Stamp&, std::string_view event) { slots += slot == "slot" && event == kGrade; });
    store->each_waiting(0, kCentre, [&](WaitingRecord&& fact) { facts += fact.event == kGrade && fact.key == waiting().key; });
    EXPECT_EQ(entries, 1);
    EXPECT_EQ(slots, 1);
    EXPECT_EQ(facts, 1);
    auto read = store->batch(kBatch);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->results(0).grade().value(), kGrade);
    EXPECT_EQ(store->batches(std::nullopt, std::nullopt, 10).size(), 1u);
    ASSERT_EQ(store->rejected_records("", 10, false).size(), 1u);
    EXPECT_EQ(store->rejected_records("", 10, false)[0].original(), kGrade);
    if (!log) return;
    ASSERT_EQ(store->read_log(Topic::claims, 0, 0, 10).size(), 1u);
    EXPECT_EQ(store->read_log(Topic::claims, 0, 0, 10)[0].value, kGrade);
  }

  /// How often a text stands in the files, flushed and not.
  int in_files(const std::string& text, const std::string& where = "data") {
    int found = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(directory / where)) {
      if (!file.is_regular_file()) continue;
      std::ifstream in(file.path(), std::ios::binary);
      std::string bytes((std::istreambuf_iterator<char>(in)), {});
      for (auto at = bytes.find(text); at != bytes.npos; at = bytes.find(text, at + 1)) ++found;
    }
    return found;
  }

  TempDirectory directory;
  std::unique_ptr<Store> store;
  std::string notes;
};

TEST_F(SealedStore, has_no_grade_in_its_files_nor_in_a_backup) {
  open(kFirst);
  write();
  commit();
  expect_read();
  store->backup(directory / "backups", {}, 1000);
  EXPECT_EQ(in_files(kGrade), 0);
  store = nullptr;
  EXPECT_EQ(in_files(kGrade), 0);
  EXPECT_EQ(in_files(kGrade, "backups"), 0);
  open(kFirst);
  expect_read();
}

TEST_F(SealedStore, without_a_key_it_is_as_before) {
  open("");
  write();
  commit();
  expect_read();
  EXPECT_FALSE(store->batch_key(kBatch));
  store = nullptr;
  EXPECT_GT(in_files(kGrade), 0);
}

TEST_F(SealedStore, opens_with_its_key_only_and_names_it) {
  open(kFirst);
  write();
  commit();
  EXPECT_NE(why_not("").find("key 3f9a01c2"), std::string::npos) << why_not("");
  EXPECT_NE(why_not(kSecond).find("key 3f9a01c2"), std::string::npos) << why_not(kSecond);
  EXPECT_EQ(why_not(kFirst), "");
}

TEST_F(SealedStore, of_before_is_sealed_as_it_is_opened) {
  open("");
  write();
  commit();
  open(kFirst);
  EXPECT_NE(notes.find("records"), std::string::npos) << notes;
  EXPECT_EQ(in_files(kGrade), 0) << notes;
  expect_read(false);
  EXPECT_TRUE(store->read_log(Topic::claims, 0, 0, 10).empty());
  notes.clear();
  open(kFirst);
  EXPECT_EQ(notes.find("records"), notes.npos) << notes;
  expect_read(false);
  store->append_input(Topic::claims, 0, "12345", kGrade);
  store->commit(2000);
  EXPECT_EQ(store->read_log(Topic::claims, 0, 0, 10).at(0).value, kGrade);
  EXPECT_NE(why_not(""), "");
}

TEST_F(SealedStore, is_sealed_anew_with_a_new_first_key_and_its_batches_keep_theirs) {
  open(kFirst);
  write();
  commit();
  auto key = store->batch_key(kBatch);
  ASSERT_TRUE(key);
  open(kSecond + "\n" + kFirst);
  expect_read();
  EXPECT_EQ(store->batch_key(kBatch), key);
  // Of the store nothing needs the old key any more; the embedded log does.
  open(kSecond);
  expect_read(false);
  EXPECT_EQ(store->batch_key(kBatch), key);
  EXPECT_THROW(store->read_log(Topic::claims, 0, 0, 10), StoreError);
  EXPECT_NE(why_not(kFirst).find("key 00000001"), std::string::npos);
}

TEST_F(SealedStore, lets_go_of_a_fact_that_waited_under_any_key) {
  for (const std::string& before : {std::string(), kFirst}) {
    SCOPED_TRACE(before);
    std::filesystem::remove_all(directory / "data");
    std::filesystem::remove(directory / "data.head");
    std::filesystem::remove(directory / "data.issued");
    store = nullptr;
    open(before);
    store->put_waiting(0, kCentre, waiting());
    commit();
    open(kSecond + "\n" + kFirst);
    store->put_waiting(0, kCentre, waiting());  // the same fact once more
    store->commit(2000);
    int facts = 0;
    store->each_waiting(0, kCentre, [&](WaitingRecord&&) { ++facts; });
    EXPECT_EQ(facts, 1);
    store->erase_waiting(0, kCentre, waiting().key);
    store->commit(3000);
    store->each_waiting(0, kCentre, [&](WaitingRecord&&) { ADD_FAILURE() << "it still waits"; });
    store = nullptr;
  }
}

TEST_F(SealedStore, names_what_waits_so_that_the_name_tells_nothing) {
  open(kFirst);
  store->put_waiting(0, kCentre, waiting());
  commit();
  store = nullptr;
  EXPECT_EQ(in_files(keys::u64(waiting().key.content_high)), 0);
}

/// Keeps what goes to topics and changelog.
class Kept final : public CommitSink {
 public:
  void output(Topic topic, std::uint32_t, CentreId, const google::protobuf::MessageLite& message) override {
    outputs.emplace_back(topic, message.SerializeAsString());
  }
  void rejected(std::uint32_t, const v1::Rejected& record) override { rejections.push_back(record); }
  void audit(std::uint32_t, std::string_view key, std::string_view line) override { changes.emplace_back(key, std::string(line)); }
  void change(std::uint32_t, std::string_view key, std::optional<std::string_view> value) override {
    changes.emplace_back(key, value ? std::optional(std::string(*value)) : std::nullopt);
  }
  void clear() { *this = {}; }
  bool holds(const std::string& text) const {
    for (const auto& [topic, bytes] : outputs)
      if (bytes.find(text) != bytes.npos) return true;
    for (const auto& [key, value] : changes)
      if ((key + value.value_or("")).find(text) != key.npos) return true;
    for (const v1::Rejected& one : rejections)
      if (one.SerializeAsString().find(text) != text.npos) return true;
    return false;
  }

  std::vector<std::pair<Topic, std::string>> outputs;
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;
  std::vector<v1::Rejected> rejections;
};

class SealedCopy : public SealedStore {
 protected:
  /// One that waits no longer.
  WaitingRecord applied() {
    WaitingRecord fact = waiting();
    fact.key.moment.at_ms += 1;
    return fact;
  }
  int waits() {
    int facts = 0;
    store->each_waiting(0, kCentre, [&](WaitingRecord&& fact) { facts += fact.key == waiting().key; });
    return facts;
  }
  /// Another instance's store, from the changelog.
  void restore(const std::string& keys, SealKeyId by = 0) {
    store = nullptr;
    std::filesystem::remove_all(directory / "data");
    open(keys, &kept_by_other);
    v1::PositionRecord position;
    position.mutable_commit()->set_seal_key(by);
    std::vector<Change> changes;
    for (const auto& [name, value] : kept.changes) changes.push_back({name, value});
    store->apply_changelog(0, changes, position);
    store->take(0);
    store->take(1);
  }
  void write_with(const std::string& keys) {
    open(keys, &kept);
    store->take(0);
    store->take(1);
    store->put_slot(0, kCentre, "slot", {.at_ms = 1000}, kGrade);
    store->put_waiting(0, kCentre, waiting());
    store->put_waiting(0, kCentre, applied());
    store->erase_waiting(0, kCentre, applied().key);
    store->result_batch(0, kCentre, batch());
    v1::Rejected rejected;
    rejected.set_original(kGrade);
    store->rejected(0, std::move(rejected));
    store->write(*store->cut(), {}, 0);
    key = store->batch_key(kBatch);
    store = nullptr;
  }

  Kept kept, kept_by_other;
  std::optional<BatchKey> key;
};

TEST_F(SealedCopy, what_goes_to_topics_and_changelog_has_no_grade) {
  write_with(kFirst);
  EXPECT_FALSE(kept.holds(kGrade));
  EXPECT_EQ(kept.outputs.size(), 1u);
  EXPECT_EQ(kept.rejections.size(), 1u);
}

TEST_F(SealedCopy, is_restored_by_whoever_has_the_key) {
  write_with(kFirst);
  restore(kSecond + "\n" + kFirst, 0x3f9a01c2);
  EXPECT_EQ(store->batch(kBatch)->results(0).grade().value(), kGrade);
  EXPECT_EQ(store->batch_key(kBatch), key);
  EXPECT_EQ(store->rejected_record("1-0")->original(), kGrade);
  // It is this instance's own from here on.
  store = nullptr;
  EXPECT_EQ(in_files(kGrade), 0);
}

TEST_F(SealedCopy, is_refused_without_the_key) {
  write_with(kFirst);
  EXPECT_THROW(restore(""), StoreError);
  EXPECT_THROW(restore(kSecond), StoreError);
  kept.changes.clear();
  // Also where the changelog has nothing to seal yet.
  EXPECT_THROW(restore("", 0x3f9a01c2), StoreError);
  EXPECT_NO_THROW(restore(kFirst, 0x3f9a01c2));
}

TEST_F(SealedCopy, of_a_changelog_of_before_is_sealed_alike_by_all) {
  write_with("");
  EXPECT_TRUE(kept.holds(kGrade));
  restore(kFirst);
  auto found = store->batch_key(kBatch);
  ASSERT_TRUE(found);
  store = nullptr;
  EXPECT_EQ(in_files(kGrade), 0);
  restore(kFirst);
  EXPECT_EQ(store->batch_key(kBatch), found);
}

TEST_F(SealedCopy, of_a_changelog_of_before_forgets_what_waited_under_each_of_its_names) {
  write_with("");
  for (const char* keys : {kFirst.c_str(), kSecond.c_str()}) {
    kept_by_other.clear();
    restore(keys);
    ASSERT_EQ(waits(), 1);
    store->erase_waiting(0, kCentre, waiting().key);
    store->write(*store->cut(), {}, 0);
    EXPECT_EQ(waits(), 0);
    // For a third instance too.
    Kept before = kept;
    kept.changes.insert(kept.changes.end(), kept_by_other.changes.begin(), kept_by_other.changes.end());
    restore(keys);
    EXPECT_EQ(waits(), 0);
    kept = before;
  }
}

TEST_F(SealedCopy, a_value_in_the_place_of_another_does_not_open) {
  write_with(kFirst);
  for (auto& [name, value] : kept.changes)
    if (name[0] == 's' && name[1] == 'f') name.back() = 'X';
  restore(kFirst, 0x3f9a01c2);
  EXPECT_THROW(store->each_slot(0, kCentre, [](std::string_view, const Stamp&, std::string_view) {}), StoreError);
}

}  // namespace
}  // namespace vtq::test
