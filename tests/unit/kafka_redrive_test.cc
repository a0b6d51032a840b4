// Which rejected records are redriven, and where they go.
#include <gtest/gtest.h>

#include "daemon/engine/engine_parts.h"
#include "daemon/kafka/redrive.h"
#include "storage/sealing/sealed_output.h"
#include "tests/support/examples.h"

namespace vtq::kafka {
namespace {

constexpr TimeMs kRejectedAt = 1'691'497'800'000;

/// A record as it stands among the rejected ones, with its memory.
struct Rejection {
  v1::Rejected rejected;
  OwnedHeaders headers;

  explicit Rejection(const std::string& topic, OwnedHeaders own = {}) {
    rejected.set_id("2-9");
    rejected.set_rule("centre-known");
    rejected.set_field("registered.entry.centre");
    rejected.set_original(test::example("registered").SerializeAsString());
    rejected.mutable_rejected_at()->set_seconds(kRejectedAt / 1000);
    if (!topic.empty()) {
      RecordView record{topic, 1, 5, 0, true, "68199", rejected.original(), {}};
      for (const auto& [name, value] : own) record.headers.emplace_back(name, value);
      keep_origin(record, rejected);
    }
    headers = rejected_headers(rejected);
  }

  RecordView view() const {
    RecordView made{"vtq.rejected", 1, 0, 0, rejected.origin().has_key(), rejected.origin().key(), rejected_value(rejected), {}};
    for (const auto& [name, value] : headers) made.headers.emplace_back(name, value);
    return made;
  }
};

Settings settings() {
  Settings made;
  made.kafka_topic_prefix = "vtq.";
  return made;
}

TEST(KafkaRedrive, the_headers_of_a_rejected_record_say_what_it_was) {
  Rejection written("vtq.registrations", {{"traceparent", "00-1"}, {"vtq.id", "its own"}, {"__streams.errors.exception", "its own"}});
  auto letter = read_dead_letter(written.view());
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->id, "2-9");
  EXPECT_EQ(letter->rule, "centre-known");
  EXPECT_EQ(letter->field, "registered.entry.centre");
  EXPECT_EQ(letter->topic, "vtq.registrations");
  EXPECT_EQ(letter->rejected_at_ms, kRejectedAt);
  EXPECT_EQ(letter->own_headers, 3u);
}

TEST(KafkaRedrive, a_sealed_value_is_opened_with_its_key_alone) {
  Seal seal("3f9a01c2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), other("00000001://////////////////////////////////////////8=");
  Rejection written("vtq.registrations");
  const std::string as_it_came = written.rejected.original();
  written.rejected = sealed_for_topic(seal, written.rejected);
  written.headers = rejected_headers(written.rejected);
  auto letter = read_dead_letter(written.view());
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->sealed, "3f9a01c2");
  std::string value, why;
  RecordView record = written.view();
  EXPECT_FALSE(open_letter(*letter, record, nullptr, value, why));
  EXPECT_NE(why.find("3f9a01c2"), why.npos);
  EXPECT_FALSE(open_letter(*letter, record, &other, value, why));
  ASSERT_TRUE(open_letter(*letter, record, &seal, value, why));
  EXPECT_EQ(record.value, as_it_came);
  letter->id = "3-9";
  record = written.view();
  EXPECT_FALSE(open_letter(*letter, record, &seal, value, why));
}

TEST(KafkaRedrive, a_record_without_those_headers_is_no_rejected_one) {
  RecordView record;
  EXPECT_FALSE(read_dead_letter(record));
  record.headers = {{"vtq.id", "1"}};
  EXPECT_FALSE(read_dead_letter(record));
  record.headers = {{"__streams.errors.exception", "x"}};
  EXPECT_FALSE(read_dead_letter(record));
}

TEST(KafkaRedrive, every_part_of_the_filter_must_match) {
  Rejection written("vtq.registrations");
  RecordView record = written.view();
  DeadLetter letter = *read_dead_letter(record);
  auto with = [&](auto change) {
    RedriveFilter filter{"centre-known", "registered.entry.centre", "vtq.registrations", "68199", {"2-9", "other"}, kRejectedAt, kRejectedAt + 1};
    change(filter);
    return matches(filter, letter, record);
  };
  EXPECT_TRUE(matches({}, letter, record));
  EXPECT_TRUE(with([](RedriveFilter&) {}));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.rule = "uln-form"; }));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.field = "registered"; }));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.topic = "vtq.claims"; }));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.key = "68198"; }));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.ids = {"other"}; }));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.since_ms = kRejectedAt + 1; }));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.until_ms = kRejectedAt; }));
  record.has_key = false;
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.key = "68199"; }));
  EXPECT_FALSE(with([](RedriveFilter& filter) { filter.key = ""; }));
}

std::optional<RedriveTarget> target(const Rejection& written, std::string& why, const Settings& given = settings()) {
  RecordView record = written.view();
  return target_of(*read_dead_letter(record), record, given, why);
}

TEST(KafkaRedrive, a_record_goes_to_the_input_topic_that_it_came_from) {
  std::string why;
  auto found = target(Rejection("vtq.registrations"), why);
  ASSERT_TRUE(found) << why;
  EXPECT_EQ(found->topic, "vtq.registrations");
  EXPECT_EQ(found->key, "68199");
  EXPECT_FALSE(target(Rejection("vtq.rejected"), why));
  EXPECT_FALSE(target(Rejection("other.registrations"), why));
  EXPECT_NE(why.find("other.registrations"), std::string::npos);
}

TEST(KafkaRedrive, a_record_of_which_only_the_beginning_was_kept_stays_and_says_where_the_whole_is) {
  Rejection written("vtq.registrations", {{"note", std::string(kRecordBytesMax, 'x')}});
  std::string why;
  EXPECT_FALSE(target_of(*read_dead_letter(written.view()), written.view(), settings(), why));
  EXPECT_NE(why.find("offset 5 of partition 1 of vtq.registrations"), std::string::npos) << why;
}

TEST(KafkaRedrive, a_record_that_brokers_may_refuse_stays_and_one_just_below_goes) {
  std::string why;
  Rejection below("vtq.registrations", {{"note", std::string(kMovedBytesMax - 2000, 'x')}});
  EXPECT_TRUE(target_of(*read_dead_letter(below.view()), below.view(), settings(), why)) << why;
  Rejection above("vtq.registrations", {{"note", std::string(kMovedBytesMax, 'x')}});
  EXPECT_FALSE(target_of(*read_dead_letter(above.view()), above.view(), settings(), why));
  EXPECT_NE(why.find("offset 5 of partition 1"), std::string::npos) << why;
}

TEST(KafkaRedrive, what_came_over_http_goes_where_a_publisher_would_send_it) {
  std::string why;
  auto found = target(Rejection(""), why);
  ASSERT_TRUE(found) << why;
  EXPECT_EQ(found->topic, "vtq.registrations");
  EXPECT_EQ(found->key, "68199");
  Rejection reference("");
  reference.rejected.set_original(test::example("calendar_defined").SerializeAsString());
  found = target(reference, why);
  ASSERT_TRUE(found) << why;
  EXPECT_EQ(found->topic, "vtq.reference");
  EXPECT_EQ(found->key, slot_of(test::example("calendar_defined")));
  Rejection halted("");
  v1::Event everywhere = test::example("issuing_halted");
  everywhere.mutable_issuing_halted()->set_centre("*");
  halted.rejected.set_original(everywhere.SerializeAsString());
  found = target(halted, why);
  ASSERT_TRUE(found) << why;
  EXPECT_EQ(found->topic, "vtq.reference");
  Rejection time("");
  time.rejected.set_original(test::example("time_reached").SerializeAsString());
  EXPECT_FALSE(target(time, why));
  EXPECT_NE(why.find("moves time"), std::string::npos);
  Rejection wrong("");
  wrong.rejected.set_original("nonsense");
  EXPECT_FALSE(target(wrong, why));
  Settings registry = settings();
  registry.kafka_registry_topics = "claims, registrations";
  EXPECT_FALSE(target(Rejection(""), why, registry));
  EXPECT_NE(why.find("schema registry"), std::string::npos);
}

RedriveCandidate candidate(const std::string& id, TimeMs rejected_at) {
  RedriveCandidate made;
  made.letter.id = id;
  made.letter.rejected_at_ms = rejected_at;
  return made;
}

TEST(KafkaRedrive, of_any_number_the_oldest_go_of_each_id_one) {
  for (int number : {1, 2, 3, 17, 600}) {
    RedrivePlan plan;
    // The newest first, each twice; short ids stand within their records, long ones elsewhere.
    for (int at = number - 1; at >= 0; --at)
      for (TimeMs again : {1, 0}) plan.chosen.push_back(candidate((at % 2 ? "r-" : "a-longer-name-than-most-") + std::to_string(at), 2 * at + again));
    choose(plan, 0);
    ASSERT_EQ(plan.chosen.size(), static_cast<std::size_t>(number));
    EXPECT_EQ(plan.repeated, number);
    for (int at = 0; at < number; ++at) EXPECT_EQ(plan.chosen[static_cast<std::size_t>(at)].letter.rejected_at_ms, 2 * at);
  }
}

TEST(KafkaRedrive, a_limit_keeps_the_oldest) {
  RedrivePlan plan;
  for (int at = 9; at >= 0; --at) plan.chosen.push_back(candidate("r-" + std::to_string(at % 5), at));
  choose(plan, 3);
  ASSERT_EQ(plan.chosen.size(), 3u);
  for (TimeMs at : {0, 1, 2}) EXPECT_EQ(plan.chosen[static_cast<std::size_t>(at)].letter.rejected_at_ms, at);
  EXPECT_EQ(plan.repeated + plan.beyond_limit, 7);
}

}  // namespace
}  // namespace vtq::kafka
