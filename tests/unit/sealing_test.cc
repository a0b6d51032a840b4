// Sealing by itself: keys from a file, values in their places, batches, events, and files that stock age makes and reads.
#include "storage/sealing/seal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "storage/sealing/age.h"
#include "storage/sealing/bech32.h"
#include "storage/sealing/sealed_event.h"
#include "storage/sealing/sealed_output.h"
#include "tests/support/examples.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

const std::string kFirst = "3f9a01c2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const std::string kSecond = "00000001://////////////////////////////////////////8=";

std::string bytes_from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  return bytes;
}

std::string bytes_from_base64(std::string_view text) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t held = 0;
  int bits = 0;
  for (char c : text) {
    auto letter = kLetters.find(c);
    if (letter == kLetters.npos) break;
    held = held << 6 | static_cast<std::uint32_t>(letter);
    if ((bits += 6) >= 8) bytes += static_cast<char>(held >> (bits -= 8) & 0xff);
  }
  return bytes;
}

std::string why_not(const std::string& text) {
  try {
    Seal seal(text);
  } catch (const SealError& error) {
    return error.what();
  }
  return "";
}

// ---- keys ----

TEST(SealKeys, the_first_line_seals_and_all_open) {
  Seal seal("# comment\n\n" + kFirst + "\r\n" + kSecond + "\n");
  EXPECT_EQ(text_of_seal_key(seal.first()), "3f9a01c2");
  EXPECT_TRUE(seal.has(1));
  EXPECT_FALSE(seal.has(2));
}

TEST(SealKeys, what_is_no_key_is_refused_with_its_line) {
  for (const std::string& wrong : {std::string("3f9a01c2"), std::string("3f9a01c2:AAEC"), kFirst + "AAAA", "3F9A01C2" + kFirst.substr(8),
                                   "00000000" + kFirst.substr(8), "3f9a01c" + kFirst.substr(8), "3f9a01c2;" + kFirst.substr(9)})
    EXPECT_NE(why_not("# comment\n" + wrong).find("line 2"), std::string::npos) << wrong << ": " << why_not("# comment\n" + wrong);
  EXPECT_NE(why_not("# nothing\n").find("no key in it"), std::string::npos);
  EXPECT_NE(why_not(kFirst + "\n" + kFirst).find("stands twice"), std::string::npos);
}

TEST(SealKeys, no_message_shows_a_key) {
  std::string said = why_not(kFirst + "\n" + kFirst) + why_not(kFirst + "AAAA");
  EXPECT_EQ(said.find("AAECAwQF"), std::string::npos) << said;
}

TEST(SealKeys, a_file_is_made_once_and_read_by_its_owner_alone) {
  TempDirectory directory;
  Seal::make(directory / "seal.key");
  auto made = Seal::read(directory / "seal.key");
  EXPECT_NE(made->first(), 0u);
  EXPECT_THROW(Seal::make(directory / "seal.key"), SealError);
  ::chmod((directory / "seal.key").c_str(), 0640);
  EXPECT_THROW(Seal::read(directory / "seal.key"), SealError);
  EXPECT_THROW(Seal::read(directory / "none"), SealError);
}

TEST(SealKeys, a_new_line_is_another_key_each_time) {
  std::string one = Seal::new_line(), other = Seal::new_line();
  EXPECT_NE(one, other);
  Seal seal(one + "\n" + other);
  EXPECT_EQ(text_of_seal_key(seal.first()), one.substr(0, 8));
}

// ---- values ----

class SealedValue : public testing::Test {
 protected:
  Opening open(const Seal& by, std::string_view value, std::string_view place = "se1", SealedAs as = SealedAs::record) {
    return by.open(as, place, value, plain);
  }

  Seal seal{kFirst};
  std::string sealed, plain = "untouched";
  SealedValue() { seal.close(SealedAs::record, "se1", "grade A", sealed); }
};

TEST_F(SealedValue, opens_in_its_place) {
  EXPECT_TRUE(Seal::is_sealed(sealed));
  EXPECT_EQ(sealed.size(), Seal::kRecordStep + Seal::kOverhead);
  EXPECT_EQ(sealed.find("grade"), std::string::npos);
  EXPECT_EQ(open(seal, sealed), Opening::opened);
  EXPECT_EQ(plain, "grade A");
}

TEST_F(SealedValue, has_a_size_that_does_not_tell_its_own) {
  for (std::size_t size : {0u, 1u, 62u, 63u, 64u, 65u, 127u, 128u}) {
    std::string text(size, '\0'), other;
    seal.close(SealedAs::record, "se1", text, other);
    EXPECT_EQ(other.size(), Seal::kOverhead + (size < 64 ? 64 : size < 128 ? 128 : 192)) << size;
    ASSERT_EQ(open(seal, other), Opening::opened);
    EXPECT_EQ(plain, text);
    text.assign(size, '\x80');
    seal.close(SealedAs::record, "se1", text, other);
    ASSERT_EQ(open(seal, other), Opening::opened);
    EXPECT_EQ(plain, text);
  }
}

TEST_F(SealedValue, is_another_each_time) {
  std::string again;
  seal.close(SealedAs::record, "se1", "grade A", again);
  EXPECT_NE(again, sealed);
}

TEST_F(SealedValue, of_nothing_is_sealed_too) {
  seal.close(SealedAs::record, "se1", "", sealed);
  EXPECT_EQ(open(seal, sealed), Opening::opened);
  EXPECT_EQ(plain, "");
}

TEST_F(SealedValue, with_any_bit_changed_does_not_open) {
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    EXPECT_NE(open(seal, changed), Opening::opened) << at;
  }
  EXPECT_EQ(plain, "untouched");
}

TEST_F(SealedValue, cut_short_does_not_open) {
  for (std::size_t size = 0; size < sealed.size(); ++size) EXPECT_EQ(open(seal, sealed.substr(0, size)), Opening::damaged) << size;
}

TEST_F(SealedValue, in_another_place_does_not_open) {
  EXPECT_EQ(open(seal, sealed, "se2"), Opening::damaged);
  EXPECT_EQ(open(seal, sealed, ""), Opening::damaged);
}

TEST_F(SealedValue, as_something_else_does_not_open) {
  EXPECT_EQ(open(seal, sealed, "se1", SealedAs::log), Opening::damaged);
  EXPECT_EQ(open(seal, sealed, "se1", SealedAs::event), Opening::damaged);
}

TEST_F(SealedValue, of_an_unknown_key_names_it) {
  EXPECT_EQ(open(Seal(kSecond), sealed), Opening::unknown_key);
  EXPECT_EQ(text_of_seal_key(*Seal::key_of(sealed)), "3f9a01c2");
}

TEST_F(SealedValue, of_an_older_key_opens_behind_a_new_one) {
  EXPECT_EQ(open(Seal(kSecond + "\n" + kFirst), sealed), Opening::opened);
  // The same id with another key is no such key.
  EXPECT_EQ(open(Seal("3f9a01c2" + kSecond.substr(8)), sealed), Opening::damaged);
}

TEST(SealedValues, no_message_begins_as_one) {
  for (const char* first : {"\x08", "\x0a", "\x12", "", "{"}) EXPECT_FALSE(Seal::is_sealed(first));
}

TEST(SealedNames, are_those_of_each_key_and_tell_nothing) {
  Seal one(kFirst), both(kSecond + "\n" + kFirst);
  ASSERT_EQ(both.names_of("what waits").size(), 2u);
  EXPECT_EQ(both.names_of("what waits")[1], one.names_of("what waits")[0]);
  EXPECT_EQ(one.names_of("what waits")[0].size(), 16u);
  EXPECT_NE(one.names_of("what waits")[0], one.names_of("what waits ")[0]);
}

// ---- batches ----

class SealedBatch : public testing::Test {
 protected:
  Seal seal{kFirst};
  BatchKey key = seal.batch_key_for("b1", "rows");
  std::string sealed, plain;
  SealedBatch() { seal.close_batch("b1", "rows", key, sealed); }
};

TEST_F(SealedBatch, opens_by_the_key_that_is_wrapped_in_it) {
  BatchKey found;
  ASSERT_EQ(seal.open_batch("b1", sealed, plain), Opening::opened);
  EXPECT_EQ(plain, "rows");
  ASSERT_EQ(seal.batch_key_of("b1", sealed, found), Opening::opened);
  EXPECT_EQ(found, key);
}

TEST_F(SealedBatch, has_a_key_of_its_own) {
  EXPECT_NE(seal.batch_key_for("b2", "rows"), key);
  EXPECT_NE(seal.batch_key_for("b1", "row"), key);
  EXPECT_NE(Seal(kSecond).batch_key_for("b1", "rows"), key);
  EXPECT_EQ(seal.batch_key_for("b1", "rows"), key);
}

TEST_F(SealedBatch, neither_opens_elsewhere_nor_changed) {
  EXPECT_EQ(seal.open_batch("b2", sealed, plain), Opening::damaged);
  for (std::size_t at = 5; at < sealed.size(); at += 7) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_EQ(seal.open_batch("b1", changed, plain), Opening::damaged) << at;
  }
}

TEST_F(SealedBatch, keeps_its_key_under_a_new_master_key) {
  Seal rotated(kSecond + "\n" + kFirst), after(kSecond);
  std::string wrapped;
  ASSERT_EQ(rotated.wrap_anew("b1", sealed, wrapped), Opening::opened);
  BatchKey found;
  ASSERT_EQ(after.batch_key_of("b1", wrapped, found), Opening::opened);
  EXPECT_EQ(found, key);
  ASSERT_EQ(after.open_batch("b1", wrapped, plain), Opening::opened);
  EXPECT_EQ(plain, "rows");
}

// ---- bech32, age ----

TEST(Bech32, writes_what_bip_173_says) {
  EXPECT_EQ(bech32("a", ""), "a12uel5l");
  EXPECT_EQ(bech32("abcdef", bytes_from_hex("00443214c74254b635cf84653a56d7c675be77df")), "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw");
  EXPECT_EQ(bech32("split", bytes_from_hex("c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d")),
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w");
}

age::Identity known_identity() {
  std::array<unsigned char, 32> secret;
  secret.fill(0x42);
  return age::identity_of_secret(secret);
}

TEST(Age, names_keys_as_age_keygen_does) {
  EXPECT_EQ(age::text_of_secret(known_identity()), "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX");
  EXPECT_EQ(age::text_of_recipient(known_identity()), "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
}

/// Made by age 1.1.1 for the identity above.
const std::string kStock = bytes_from_base64(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBKSjZpNkJqSXN1VmtuL3lCYlFBZW5Cc20zZW9mRkpIbFZLaFhmcmxNUzNFCkk1WWdaclFxOUMvZmdSMG1paVlKVi9DR2kwSlJMTW56"
    "dmRibCtRL2VvTDAKLS0tIDc1S2h0akN1eVBseUNoQWZjYktsUW8xdlF5bUdoVkxYSlhYdUl4eWhuSUEKUX5VBaedQlZwjqYqWrT7zVZebdLV2jJE/BUjhe74PPwzgBA6Xro=");

TEST(Age, opens_a_file_of_stock_age) { EXPECT_EQ(age::decrypt(kStock, known_identity()), "a test"); }

TEST(Age, a_file_with_any_byte_changed_does_not_open) {
  for (std::size_t at = 0; at < kStock.size(); ++at) {
    std::string changed = kStock;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(age::decrypt(changed, known_identity())) << at;
  }
  for (std::size_t size = 0; size < kStock.size(); ++size) EXPECT_FALSE(age::decrypt(kStock.substr(0, size), known_identity())) << size;
}

TEST(Age, opens_what_it_made_at_every_edge_of_a_chunk) {
  BatchKey key;
  key.bytes.fill(7);
  for (std::size_t size : {0u, 1u, 65'535u, 65'536u, 65'537u, 131'072u, 200'000u}) {
    std::string plain(size, 'x');
    std::string file = age::encrypt(plain, key);
    EXPECT_EQ(age::decrypt(file, age::identity_of(key)), plain) << size;
    std::size_t chunks = size == 0 ? 1 : (size + 65'535) / 65'536;
    EXPECT_EQ(file.size(), age::encrypt("", key).size() - 16 + size + 16 * chunks) << size;
    // Without its last chunk it is not taken for a whole file.
    if (chunks == 1) continue;
    const std::size_t last = size - (chunks - 1) * 65'536 + 16;
    EXPECT_FALSE(age::decrypt(file.substr(0, file.size() - last), age::identity_of(key))) << size;
  }
}

TEST(Age, the_same_text_makes_the_same_file_and_another_shares_nothing_with_it) {
  BatchKey key, other;
  key.bytes.fill(7);
  other.bytes.fill(8);
  EXPECT_EQ(age::encrypt("one", key), age::encrypt("one", key));
  std::string one = age::encrypt("one", key), two = age::encrypt("two", key);
  EXPECT_NE(one.substr(22, 60), two.substr(22, 60));
  EXPECT_FALSE(age::decrypt(one, age::identity_of(other)));
  EXPECT_EQ(age::decrypt(two, age::identity_of(key)), "two");
}

TEST(Age, a_header_is_as_the_format_has_it) {
  BatchKey key;
  std::string file = age::encrypt("text", key);
  EXPECT_EQ(file.substr(0, 32), "age-encryption.org/v1\n-> X25519 ");
  auto mac = file.find("\n--- ");
  ASSERT_NE(mac, std::string::npos);
  EXPECT_EQ(file[mac + 5 + 43], '\n');
}

// ---- events ----

class SealedEvents : public testing::Test {
 protected:
  Seal seal{kFirst};
  v1::Event event = example("result_determined");

  v1::Event parsed(const std::string& bytes) {
    v1::Event made;
    EXPECT_TRUE(made.ParseFromString(bytes));
    return made;
  }
  std::string rule(v1::Event one, const Seal* by) {
    auto why = open_event(by, one);
    return why ? why->rule : "";
  }
};

TEST_F(SealedEvents, open_as_what_they_were) {
  v1::Event sealed = parsed(seal_event(seal, event));
  EXPECT_EQ(sealed.fact_case(), v1::Event::FACT_NOT_SET);
  EXPECT_EQ(sealed.id(), event.id());
  EXPECT_EQ(open_event(&seal, sealed), std::nullopt);
  EXPECT_EQ(sealed.SerializeAsString(), event.SerializeAsString());
}

TEST_F(SealedEvents, to_the_public_key_open_as_what_they_were) {
  auto to = parse_seal_recipient(seal.public_key_text() + "\n");
  ASSERT_TRUE(to);
  v1::Event sealed = seal_event(*to, event);
  EXPECT_EQ(rule(sealed, &seal), "");
  EXPECT_EQ(open_event(&seal, sealed), std::nullopt);
  EXPECT_EQ(sealed.SerializeAsString(), event.SerializeAsString());
}

TEST_F(SealedEvents, twice_sealed_are_the_same_event) {
  v1::Event one = parsed(seal_event(seal, event)), other = parsed(seal_event(seal, event));
  EXPECT_NE(one.sealed(), other.sealed());
  ASSERT_EQ(open_event(&seal, one), std::nullopt);
  ASSERT_EQ(open_event(&seal, other), std::nullopt);
  EXPECT_EQ(one.SerializeAsString(), other.SerializeAsString());
}

TEST_F(SealedEvents, that_do_not_open_say_why) {
  v1::Event sealed = parsed(seal_event(seal, event));
  Seal other(kSecond);
  EXPECT_EQ(rule(sealed, nullptr), "sealed-key-known");
  EXPECT_EQ(rule(sealed, &other), "sealed-key-known");
  v1::Event both = event;
  both.set_sealed(sealed.sealed());
  EXPECT_EQ(rule(both, &seal), "sealed-alone");
  v1::Event changed = sealed;
  changed.mutable_sealed()->back() ^= 1;
  EXPECT_EQ(rule(changed, &seal), "sealed-opens");
  changed.set_sealed("");
  EXPECT_EQ(rule(changed, &seal), "sealed-opens");
  changed.set_sealed("text");
  EXPECT_EQ(rule(changed, &seal), "sealed-opens");
}

TEST_F(SealedEvents, in_the_envelope_of_another_event_are_refused) {
  v1::Event sealed = parsed(seal_event(seal, event));
  for (auto change : {+[](v1::Event& one) { one.set_id("other"); }, +[](v1::Event& one) { one.set_source("other"); },
                      +[](v1::Event& one) { one.mutable_occurred_at()->set_nanos(1); }, +[](v1::Event& one) { one.set_sequence(99); }}) {
    v1::Event moved = sealed;
    change(moved);
    EXPECT_EQ(rule(moved, &seal), "sealed-agrees");
  }
  v1::Event bare;
  bare.set_sealed(sealed.sealed());
  EXPECT_EQ(rule(bare, &seal), "");
}

TEST_F(SealedEvents, sealed_within_are_refused) {
  v1::Event within;
  within.set_sealed(parsed(seal_event(seal, event)).sealed());
  EXPECT_EQ(rule(parsed(seal_event(seal, within)), &seal), "sealed-opens");
}

// ---- outputs ----

TEST(SealedOutputs, a_batch_on_its_topic_shows_no_result_and_opens_with_its_identity) {
  v1::ResultBatch batch;
  batch.set_batch("12345.RN5353.2023-08.0001");
  v1::Result& result = *batch.add_results();
  result.mutable_grade()->set_value("Zqtop");
  result.mutable_supersedes()->mutable_grade()->set_value("Zqlow");
  BatchKey key;
  v1::ResultBatch sealed = sealed_for_topic(batch, key);
  EXPECT_EQ(sealed.batch(), batch.batch());
  EXPECT_EQ(sealed.results_size(), 0);
  EXPECT_EQ(sealed.SerializeAsString().find("Zq"), std::string::npos);
  auto opened = age::decrypt(sealed.sealed(), age::identity_of(key));
  ASSERT_TRUE(opened);
  v1::ResultBatch read;
  ASSERT_LT((*opened)[0], 0x7f);  // a length of one byte
  ASSERT_TRUE(read.ParseFromString(opened->substr(1, static_cast<std::size_t>((*opened)[0]))));
  EXPECT_EQ(read.results(0).grade().value(), "Zqtop");
  EXPECT_EQ(opened->find("Zqlow"), std::string::npos);
}

TEST(SealedOutputs, the_size_of_a_batch_on_its_topic_does_not_tell_its_grades) {
  std::size_t sizes[2];
  for (int at = 0; at < 2; ++at) {
    v1::ResultBatch batch;
    batch.set_batch("12345.RN5353.2023-08.0001");
    for (int row = 0; row < 3; ++row) batch.add_results()->mutable_grade()->set_value(at == 0 ? "P" : "Distinction*");
    sizes[at] = sealed_for_topic(batch, BatchKey{}).sealed().size();
  }
  EXPECT_EQ(sizes[0], sizes[1]);
}

TEST(SealedOutputs, a_rejected_record_opens_under_its_own_id) {
  Seal seal(kFirst);
  v1::Rejected rejected;
  rejected.set_id("7-1");
  rejected.set_original("decoded Zqtop");
  rejected.mutable_origin()->set_value("as it came Zqtop");
  v1::Rejected sealed = sealed_for_topic(seal, rejected);
  EXPECT_EQ(sealed.SerializeAsString().find("Zq"), std::string::npos);
  EXPECT_EQ(text_of_seal_key(sealed.sealed_with()), "3f9a01c2");
  std::string value;
  EXPECT_EQ(open_rejected(seal, "7-1", sealed.original(), value), Opening::opened);
  EXPECT_EQ(value, "as it came Zqtop");
  EXPECT_EQ(open_rejected(seal, "8-1", sealed.original(), value), Opening::damaged);
}

}  // namespace
}  // namespace vtq::test
