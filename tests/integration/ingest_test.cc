// How events are held back when the engine's queue is full.
#include "daemon/intake/ingest.h"
#include "daemon/engine/embedded_engine.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/temp_directory.h"

namespace vtq {
namespace {

class RealClock final : public Clock {
 public:
  TimeMs now() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
};

std::string body_of_one(int number, std::size_t name_bytes) {
  return R"({"id":")" + std::to_string(number) +
         R"(","source":"test","occurredAt":"2023-01-01T00:00:00Z","centreDefined":{"centre":"90001","name":")" + std::string(name_bytes, 'x') +
         "\"}}";
}
std::size_t memory_of_one(std::size_t name_bytes) {
  return memory_of(read_body(body_of_one(0, name_bytes), BodyFormat::json).events.at(0).submitted);
}

constexpr std::size_t kNameBytes = 150;
/// Holds one event as `post` makes it and a small one, not two such.
std::size_t queue_bytes() {
  static const std::size_t bytes = memory_of_one(kNameBytes) + memory_of_one(1);
  return bytes;
}
constexpr auto kPatience = std::chrono::seconds(20);

/// An engine whose thread stands still until it is let go, with an Ingest before it.
class HeldBack : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.directory = directory_ / "store";
    options.store.sync = false;
    options.queue_bytes_max = queue_bytes();
    engine_ = std::make_unique<EmbeddedEngine>(options, clock_, nullptr);
    ingest_ = std::make_unique<Ingest>(*engine_, clock_, IngestOptions{.body = {.memory_bytes_max = queue_bytes()}, .wait_seconds_max = 1});
    engine_->post([held = let_go_.get_future().share()](Pipeline&, Store&) { held.wait(); });
  }

  void TearDown() override {
    go_on();
    engine_->drain();
    ingest_->stop();
  }

  void go_on() {
    if (!std::exchange(going_, true)) let_go_.set_value();
  }

  /// The reply, once it is there.
  static HttpReply reply_of(std::future<HttpReply>& reply) {
    if (reply.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("no reply came in time");
    return reply.get();
  }

  /// A body with one event, its centre's name so long.
  std::future<HttpReply> post(int number, std::size_t name_bytes = kNameBytes) {
    HttpRequest request;
    request.content_type = "application/json";
    request.body = body_of_one(number, name_bytes);
    auto promise = std::make_shared<std::promise<HttpReply>>();
    ingest_->take_events(std::move(request), [this, number, promise](HttpReply&& reply) {
      {
        std::lock_guard lock(mutex_);
        answered_.push_back(number);
      }
      promise->set_value(std::move(reply));
    });
    return promise->get_future();
  }

  test::TempDirectory directory_;
  RealClock clock_;
  std::promise<void> let_go_;
  bool going_ = false;
  std::mutex mutex_;
  std::vector<int> answered_;  ///< in the order of their replies
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Ingest> ingest_;
};

TEST_F(HeldBack, requests_wait_for_room_and_are_then_answered_in_order) {
  std::vector<std::future<HttpReply>> replies;
  for (int number = 0; number < 5; ++number) replies.push_back(post(number));
  EXPECT_EQ(replies.back().wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_LE(engine_->queued_bytes(), queue_bytes());
  go_on();
  for (auto& reply : replies) EXPECT_EQ(reply_of(reply).status, 200u);
  std::lock_guard lock(mutex_);
  EXPECT_EQ(answered_, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(HeldBack, a_small_request_does_not_overtake_a_larger_one_that_waits_for_room) {
  auto first = post(0);
  auto large = post(1);
  auto small = post(2, 1);
  EXPECT_EQ(small.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  go_on();
  for (auto* reply : {&first, &large, &small}) EXPECT_EQ(reply_of(*reply).status, 200u);
  std::lock_guard lock(mutex_);
  EXPECT_EQ(answered_, (std::vector<int>{0, 1, 2}));
}

TEST_F(HeldBack, a_request_that_waited_too_long_is_told_to_come_again) {
  auto taken = post(0);
  auto waiting = post(1);
  HttpReply reply = reply_of(waiting);
  EXPECT_EQ(reply.status, 503u);
  EXPECT_NE(reply.body.find("queue-bytes-max"), std::string::npos);
  ASSERT_FALSE(reply.headers.empty());
  EXPECT_EQ(reply.headers.front().first, "Retry-After");
  go_on();
  EXPECT_EQ(reply_of(taken).status, 200u);
}

TEST_F(HeldBack, a_stopping_engine_takes_nothing_more) {
  go_on();
  engine_->drain();
  auto refused = post(0);
  EXPECT_EQ(reply_of(refused).status, 503u);
}

// ---- what one body may take ----

std::string lines(std::size_t count, const std::string& line) {
  std::string text;
  for (std::size_t at = 0; at < count; ++at) text += line + "\n";
  return text;
}

std::string centre_event(const std::string& id) {
  return R"({"id":")" + id + R"(","source":"test","occurredAt":"2023-01-01T00:00:00Z","centreDefined":{"centre":"90001","name":"School"}})";
}

TEST(Body, with_as_many_events_as_it_may_have_is_read_and_with_one_more_is_not) {
  BodyLimits limits{.events_max = 5};
  EXPECT_EQ(read_body(lines(5, centre_event("a")), BodyFormat::json_lines, limits).events.size(), 5u);
  ReadBody refused = read_body(lines(6, centre_event("a")), BodyFormat::json_lines, limits);
  ASSERT_TRUE(refused.unreadable);
  EXPECT_EQ(refused.unreadable->rule, "body-events-max");
  EXPECT_EQ(refused.status, 413u);
  EXPECT_TRUE(refused.events.empty());
}

TEST(Body, with_as_many_errors_as_it_may_have_is_read_and_with_one_more_is_refused_with_the_first_of_them) {
  BodyLimits limits{.errors_max = 3};
  std::string good = centre_event("a") + "\n";
  ReadBody read = read_body(good + lines(3, "{}"), BodyFormat::json_lines, limits);
  EXPECT_FALSE(read.unreadable);
  EXPECT_EQ(read.events.size(), 4u);
  EXPECT_EQ(read.events[1].submitted.unreadable->rule, "event-id");
  ReadBody refused = read_body(good + lines(4, "{}"), BodyFormat::json_lines, limits);
  ASSERT_TRUE(refused.unreadable);
  EXPECT_EQ(refused.unreadable->rule, "body-errors-max");
  EXPECT_EQ(refused.status, 422u);
  ASSERT_EQ(refused.errors.size(), 4u);
  EXPECT_EQ(refused.errors.front().line, 2u);
}

TEST(Body, of_zero_bytes_as_delimited_protobuf_is_given_up_at_the_limit_of_errors_in_every_format) {
  ReadBody zeros = read_body(std::string(1 << 20, '\0'), BodyFormat::protobuf_delimited);
  ASSERT_TRUE(zeros.unreadable);
  EXPECT_EQ(zeros.unreadable->rule, "body-errors-max");
  ReadBody empty = read_body(lines(100'000, "{}"), BodyFormat::json_lines);
  ASSERT_TRUE(empty.unreadable);
  EXPECT_EQ(empty.unreadable->rule, "body-errors-max");
  std::string array = "[{}";
  for (int at = 0; at < 100'000; ++at) array += ",{}";
  EXPECT_EQ(read_body(array + "]", BodyFormat::json).unreadable->rule, "body-errors-max");
}

TEST(Body, that_takes_more_memory_than_its_bytes_is_charged_what_it_takes) {
  // An empty unit: two bytes on the wire, and an object of its own when parsed.
  v1::Event event;
  event.set_id("a");
  event.set_source("test");
  event.mutable_occurred_at()->set_seconds(1'700'000'000);
  for (int at = 0; at < 200; ++at) event.mutable_outcome_recorded()->add_outcomes();
  std::string bytes = event.SerializeAsString();
  ReadBody read = read_body(bytes, BodyFormat::protobuf);
  EXPECT_LT(bytes.size(), 600u);
  ASSERT_EQ(read.events.size(), 1u);
  std::string body;
  for (int at = 0; at < 100; ++at) {
    std::string line = centre_event(std::to_string(at)) + "\n";
    body += line;
  }
  std::size_t counted = 0;
  for (const ReadEvent& one : read_body(body, BodyFormat::json_lines).events) {
    EXPECT_GT(one.submitted.parsed_bytes, 0u);
    counted += memory_of(one.submitted);
  }
  EXPECT_GT(counted, body.size());
  EXPECT_FALSE(read_body(body, BodyFormat::json_lines, {.memory_bytes_max = counted}).unreadable);
  ReadBody refused = read_body(body, BodyFormat::json_lines, {.memory_bytes_max = counted - 1});
  ASSERT_TRUE(refused.unreadable);
  EXPECT_EQ(refused.unreadable->rule, "queue-bytes-max");
  EXPECT_EQ(refused.status, 413u);
}

TEST(Body, with_a_byte_order_mark_is_read_and_as_UTF_16_is_named) {
  std::string marked = "\xEF\xBB\xBF" + centre_event("a");
  EXPECT_FALSE(read_body(marked, BodyFormat::json).events.at(0).submitted.unreadable);
  EXPECT_FALSE(read_body(marked + "\n", BodyFormat::json_lines).events.at(0).submitted.unreadable);
  EXPECT_FALSE(read_json_event(marked).submitted.unreadable);
  for (std::string text : {std::string("\xFF\xFE{\0", 4), std::string("\xFE\xFF\0{", 4), std::string("{\0}\0", 4), std::string("\0{\0}", 4)}) {
    for (BodyFormat format : {BodyFormat::json, BodyFormat::json_lines}) {
      ReadBody read = read_body(text, format);
      ASSERT_TRUE(read.unreadable);
      EXPECT_EQ(read.unreadable->rule, "utf-8");
    }
  }
}

// ---- what is said of a value that does not fit ----

struct Misfit {
  const char* name;
  const char* fact;
  const char* field;
  const char* value;
  const char* advice;
};
std::ostream& operator<<(std::ostream& out, const Misfit& one) { return out << one.name; }
class MisfitTest : public testing::TestWithParam<Misfit> {};
TEST_P(MisfitTest, is_answered_with_what_to_give_instead) {
  ReadEvent read = read_json_event(R"({"id":"a","source":"t",)" + std::string(GetParam().fact) + "}");
  ASSERT_TRUE(read.submitted.unreadable);
  const Rejection& why = *read.submitted.unreadable;
  EXPECT_EQ(why.field, GetParam().field);
  EXPECT_EQ(why.rule, "json-form");
  EXPECT_EQ(why.value, GetParam().value);
  EXPECT_NE(why.message.find(GetParam().advice), std::string::npos) << why.message;
  for (const char* inner : {"TYPE_", "type.googleapis", "proto field", "Proto field"})
    EXPECT_EQ(why.message.find(inner), std::string::npos) << why.message;
}
INSTANTIATE_TEST_SUITE_P(
    Json, MisfitTest,
    testing::Values(
        Misfit{"an_answer", R"("checkpointAnswered":{"answer":"YES"})", "checkpointAnswered.answer", "YES",
               "one of NEEDED, NOT_NEEDED, DEFERRED, NOT_ELIGIBLE"},
        Misfit{"a_level", R"("qualificationDefined":{"level":"THREE"})", "qualificationDefined.level", "THREE", "LEVEL_3, LEVEL_2, LEVEL_1_2"},
        Misfit{"a_time_without_offset", R"("occurredAt":"2024-01-01")", "occurredAt", "2024-01-01", "2024-08-10T09:30:00Z"},
        Misfit{"a_time_as_a_number", R"("occurredAt":5)", "occurredAt", "5", "2024-08-10T09:30:00Z"},
        Misfit{"a_number_below_its_range", R"("qualificationDefined":{"guidedLearningHours":-3})", "qualificationDefined.guidedLearningHours", "-3",
               "a whole number from 0"},
        Misfit{"a_number_in_words", R"("qualificationDefined":{"guidedLearningHours":"ten"})", "qualificationDefined.guidedLearningHours", "ten",
               "a whole number from 0"},
        Misfit{"a_fraction", R"("qualificationDefined":{"guidedLearningHours":3.5})", "qualificationDefined.guidedLearningHours", "3.5",
               "a whole number from 0"},
        Misfit{"a_perhaps_of_a_unit", R"("qualificationDefined":{"units":[{"code":"a"},{"mandatory":"perhaps"}]})",
               "qualificationDefined.units[1].mandatory", "perhaps", "true or false"},
        Misfit{"a_number_for_text", R"("centreDefined":{"centre":90001})", "centreDefined.centre", "90001", "text in double quotes"},
        Misfit{"text_for_an_object", R"("registered":{"entry":"x"})", "registered.entry", "x", "an object, {...}"},
        Misfit{"text_for_a_list", R"("qualificationDefined":{"units":"x"})", "qualificationDefined.units", "x", "a list, [...]"},
        Misfit{"a_list_for_an_object", R"("registered":[])", "registered", "[...]", "an object, {...}"},
        Misfit{"an_object_for_a_level", R"("qualificationDefined":{"level":{}})", "qualificationDefined.level", "{...}", "one of LEVEL_3"},
        Misfit{"two_facts", R"("registered":{},"withdrawn":{})", "withdrawn", "withdrawn", "one fact"}),
    [](const auto& instance) { return instance.param.name; });

TEST(JsonKey, that_stands_twice_in_one_object_is_refused_however_it_is_spelt) {
  auto rule_of = [](const std::string& text) {
    ReadEvent read = read_json_event(text);
    return read.submitted.unreadable ? read.submitted.unreadable->rule + " " + read.submitted.unreadable->field : std::string();
  };
  EXPECT_EQ(rule_of(R"({"id":"a","id":"b"})"), "json-key-twice id");
  EXPECT_EQ(rule_of(R"({"occurredAt":"2024-01-01T00:00:00Z","occurred_at":"2024-01-01T00:00:00Z"})"), "json-key-twice occurredAt");
  EXPECT_EQ(rule_of(R"({"id":"a","\u0069d":"b"})"), "json-key-twice id");
  EXPECT_EQ(rule_of(R"({"registered":{"entry":{"centre":"1","series":"x","centre":"2"}}})"), "json-key-twice centre");
  EXPECT_EQ(rule_of(R"({"qualificationDefined":{"units":[{"code":"a"},{"code":"b","code":"c"}]}})"), "json-key-twice code");
}

TEST(JsonKey, may_stand_in_several_objects_and_in_texts) {
  for (const char* text : {R"({"qualificationDefined":{"units":[{"code":"a"},{"code":"b"}]}})", R"({"id":"{\"id\":1,\"id\":2}","source":"id"})",
                           R"({"registered":{"entry":{"centre":"1"}},"id":"entry"})"}) {
    ReadEvent read = read_json_event(text);
    EXPECT_FALSE(read.submitted.unreadable) << read.submitted.unreadable->message;
  }
}

}  // namespace
}  // namespace vtq
