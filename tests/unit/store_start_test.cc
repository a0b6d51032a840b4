// The first start of a store, cut short: the directory is neither spoilt nor mistaken for something else's.
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "storage/head.h"
#include "storage/store.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

StoreOptions with_partitions(std::uint32_t partitions) {
  return {.partitions = partitions, .block_cache_bytes = 1 << 20, .write_buffer_bytes = 1 << 20, .sync = false};
}

/// A RocksDB as a process leaves it that dies before it has marked the new store as its own; with `record`, as another program's.
void make_unmarked(const std::filesystem::path& directory, bool record) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory.string(), &opened).ok());
  std::unique_ptr<rocksdb::DB> database(opened);
  if (record) {
    ASSERT_TRUE(database->Put(rocksdb::WriteOptions{}, "another program's", "record").ok());
  }
  ASSERT_TRUE(database->Close().ok());
}

TEST(StoreStart, a_first_start_that_was_killed_is_made_good_by_the_next) {
  TempDirectory directory;
  // The head comes first.
  HeadFile(directory / "data").write({.store = std::string(16, 's'), .epoch = 1, .commit = 0, .at_ms = 0, .rejected = 0}, true);
  make_unmarked(directory / "data", false);
  Store::open(directory / "data", with_partitions(2))->put_time(0, 1);
  // Marked now: the number of partitions is fixed.
  EXPECT_THROW(Store::open(directory / "data", with_partitions(4)), StoreError);
  EXPECT_EQ(Store::open(directory / "data", with_partitions(2))->partitions(), 2u);
}

TEST(StoreStart, what_another_program_stored_is_refused) {
  TempDirectory directory;
  make_unmarked(directory / "data", true);
  EXPECT_THROW(Store::open(directory / "data", with_partitions(2)), StoreError);
}

}  // namespace
}  // namespace vtq::test
