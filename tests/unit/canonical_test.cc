// Bytes that are as a message is written again, and bytes that are not.
#include "pipeline/base/canonical.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>

#include "pipeline/facts/reference.h"
#include "tests/support/examples.h"

namespace vtq::test {
namespace {

bool canonical(std::string_view bytes) { return is_canonical(*v1::Event::descriptor(), bytes); }

std::string tagged(std::uint32_t number, const std::string& value) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.WriteTag(number << 3 | 2);
  coded.WriteVarint32(static_cast<std::uint32_t>(value.size()));
  coded.WriteString(value);
  return out;
}

TEST(Canonical, is_every_example_as_it_is_serialised) {
  std::size_t looked_at = 0;
  for (const std::string& name : all_facts()) {
    const v1::Event event = example(name);
    EXPECT_TRUE(canonical(event.SerializeAsString())) << name;
    ++looked_at;
  }
  EXPECT_GT(looked_at, 20u);
  EXPECT_TRUE(canonical(""));
}

TEST(Canonical, is_no_message_with_a_field_that_this_version_does_not_know) {
  for (const std::string& name : all_facts()) {
    const v1::Event event = example(name);
    EXPECT_FALSE(canonical(event.SerializeAsString() + tagged(900, "new"))) << name;
    EXPECT_FALSE(canonical(event.SerializeAsString() + tagged(2000, "new"))) << name;
  }
  // Within a message that it holds.
  v1::Event event = example("registered");
  event.mutable_registered()->mutable_entry()->GetReflection()->MutableUnknownFields(event.mutable_registered()->mutable_entry())->AddVarint(77, 1);
  EXPECT_FALSE(canonical(event.SerializeAsString()));
}

TEST(Canonical, is_no_other_way_to_write_the_same) {
  v1::Event event = example("registered");
  v1::Event first, rest = event;
  first.set_id(event.id());
  rest.clear_id();
  std::string turned = rest.SerializeAsString() + first.SerializeAsString();
  v1::Event read;
  ASSERT_TRUE(read.ParseFromString(turned));
  ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(read, event));
  EXPECT_FALSE(canonical(turned)) << "its fields are in another order";
  EXPECT_FALSE(canonical(first.SerializeAsString() + event.SerializeAsString())) << "a field stands twice";
  v1::Event withdrawn = example("withdrawn");
  EXPECT_FALSE(canonical(event.SerializeAsString() + withdrawn.SerializeAsString())) << "two facts, of which the last holds";
}

TEST(Canonical, is_no_number_that_is_written_at_length_or_cut_when_it_is_read) {
  const auto& timestamp = *google::protobuf::Timestamp::descriptor();
  auto of_timestamp = [&](std::string_view bytes) { return is_canonical(timestamp, bytes); };
  using namespace std::string_literals;
  EXPECT_TRUE(of_timestamp("\x08\x01"s));
  EXPECT_FALSE(of_timestamp("\x08\x81\x00"s)) << "1 in two bytes";
  EXPECT_FALSE(of_timestamp("\x08\x00"s)) << "0 is not written";
  EXPECT_FALSE(of_timestamp("\x88\x00\x01"s)) << "the field's number in two bytes";
  EXPECT_TRUE(of_timestamp("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s)) << "-1";
  EXPECT_FALSE(of_timestamp("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03"s)) << "more than 64 bits";
  EXPECT_TRUE(of_timestamp("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s)) << "-1 nanoseconds";
  EXPECT_FALSE(of_timestamp("\x10\xff\xff\xff\xff\x0f"s)) << "-1 nanoseconds, not extended";
  EXPECT_FALSE(of_timestamp("\x0d\x01\x00\x00\x00"s)) << "of another type";
  EXPECT_FALSE(of_timestamp("\x08"s)) << "cut";
}

/// Bytes changed at random: what is taken for canonical is what is written again.
TEST(Canonical, says_true_only_of_what_is_written_again) {
  google::protobuf::LogSilencer quiet;  // of texts that are no UTF-8
  std::mt19937_64 random(31);
  std::size_t taken = 0, refused = 0;
  for (const std::string& name : all_facts()) {
    const v1::Event event = example(name);
    const std::string bytes = event.SerializeAsString();
    for (int times = 0; times < 2000; ++times) {
      std::string changed = bytes;
      switch (random() % 4) {
        case 0:
          changed[random() % changed.size()] = static_cast<char>(random());
          break;
        case 1:
          changed.erase(random() % changed.size(), 1 + random() % 4);
          break;
        case 2:
          changed.insert(random() % changed.size(), 1 + random() % 3, static_cast<char>(random()));
          break;
        default:
          changed[random() % changed.size()] ^= static_cast<char>(1 << random() % 8);
      }
      v1::Event read;
      if (!read.ParseFromString(changed)) continue;
      if (!canonical(changed)) {
        ++refused;
        continue;
      }
      ++taken;
      ASSERT_EQ(content_of(read), changed) << name;
    }
  }
  EXPECT_GT(taken, 10'000u);
  EXPECT_GT(refused, 1'000u);
}

TEST(Canonical, a_stamp_is_the_same_however_an_event_was_encoded) {
  for (const std::string& name : all_facts()) {
    const v1::Event event = example(name);
    EXPECT_EQ(stamp_of(event, event.SerializeAsString()), stamp_of(event)) << name;
    v1::Event source, rest = event;
    source.set_source(event.source());
    rest.clear_source();
    EXPECT_EQ(stamp_of(event, rest.SerializeAsString() + source.SerializeAsString()), stamp_of(event)) << name;
    EXPECT_EQ(stamp_of(event, event.SerializeAsString() + tagged(900, "new")), stamp_of(event)) << name;
  }
}

}  // namespace
}  // namespace vtq::test
