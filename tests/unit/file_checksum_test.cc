#include "storage/file_checksum.h"

#include <gtest/gtest.h>

#include <random>

namespace vtq::test {
namespace {

std::string checksum(rocksdb::FileChecksumGenerator& generator, const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) generator.Update(piece.data(), piece.size());
  generator.Finalize();
  return generator.GetChecksum();
}

std::unique_ptr<rocksdb::FileChecksumGenerator> generator_of(const std::string& name) {
  rocksdb::FileChecksumGenContext context;
  context.requested_checksum_func_name = name;
  return file_checksums()->CreateFileChecksumGenerator(context);
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

TEST(FileChecksums, are_those_that_xxhash_documents) { EXPECT_EQ(hex(checksum(*generator_of(""), {""})), "99aa06d3014798d86001c324468d497f"); }
TEST(FileChecksums, do_not_hang_on_how_a_file_was_written) {
  std::mt19937_64 random(3);
  for (int times = 0; times < 200; ++times) {
    std::string whole;
    std::vector<std::string> pieces;
    for (int piece = 0; piece < 5; ++piece) whole += pieces.emplace_back(std::string(random() % 700, static_cast<char>(random())));
    ASSERT_EQ(checksum(*generator_of(""), {whole}), checksum(*generator_of(""), pieces));
    if (whole.empty()) continue;
    std::string flipped = whole;
    flipped[random() % flipped.size()] ^= static_cast<char>(1 << random() % 8);
    ASSERT_NE(checksum(*generator_of(""), {whole}), checksum(*generator_of(""), {flipped}));
  }
}
TEST(FileChecksums, of_files_of_before_are_the_ones_they_were_written_with) {
  auto before = rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator({});
  auto now = generator_of(before->Name());
  ASSERT_TRUE(now);
  EXPECT_STREQ(now->Name(), before->Name());
  EXPECT_EQ(checksum(*now, {"a file"}), checksum(*before, {"a file"}));
  EXPECT_STRNE(generator_of("")->Name(), before->Name());
  EXPECT_STREQ(generator_of(generator_of("")->Name())->Name(), generator_of("")->Name());
}
TEST(FileChecksums, that_nobody_knows_are_not_made) { EXPECT_FALSE(generator_of("Adler")); }

}  // namespace
}  // namespace vtq::test
