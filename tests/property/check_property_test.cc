// Whatever arrives, the checks answer: random mutations of every fact never crash `check`, `fits` or the pipeline, and every refusal
// names its field, rule and value.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <random>

#include "tests/support/examples.h"

namespace vtq::test {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Random = std::mt19937_64;

std::string any_text(Random& random) {
  static const std::vector<std::string> kTexts = {"",
                                                  "*",
                                                  "-",
                                                  "12345",
                                                  "99999",
                                                  "601/0001/5",
                                                  "6010001X",
                                                  "2023-08",
                                                  "2023-13",
                                                  "9999999999",
                                                  "9276308686",
                                                  "A",
                                                  "Z",
                                                  "RN5001",
                                                  "RN9",
                                                  "2023-08-17",
                                                  "2023-02-30",
                                                  "2023-03-26T01:30",
                                                  "2023-08-17T25:00",
                                                  "pass",
                                                  "Pass",
                                                  "unit",
                                                  "12345.RN5001.2023-08.0001",
                                                  "12345.RN5001.2023-08.99999999",
                                                  "\xc3\xa9",
                                                  std::string("\0", 1),
                                                  std::string(20, 'L'),
                                                  std::string(65, 'x'),
                                                  std::string(5000, '/')};
  if (random() % 4) return kTexts[random() % kTexts.size()];
  std::string text(random() % 40, ' ');
  for (char& c : text) c = static_cast<char>(1 + random() % 127);
  return text;
}

void mutate(Message& message, Random& random);

void mutate_field(Message& message, const FieldDescriptor* field, Random& random) {
  const auto* reflection = message.GetReflection();
  if (random() % 6 == 0) return reflection->ClearField(&message, field);
  if (field->is_repeated()) {
    int size = reflection->FieldSize(message, field);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (size == 0 || random() % 3 == 0)
        mutate(*reflection->AddMessage(&message, field), random);
      else
        mutate(*reflection->MutableRepeatedMessage(&message, field, static_cast<int>(random() % static_cast<std::uint64_t>(size))), random);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection->AddString(&message, field, any_text(random));
    }
    return;
  }
  auto any_number = [&] { return random() % 3 ? random() % 100 : random(); };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->SetString(&message, field, any_text(random));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection->SetUInt32(&message, field, static_cast<std::uint32_t>(any_number()));
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->SetInt32(&message, field, static_cast<std::int32_t>(any_number()));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection->SetInt64(&message, field, static_cast<std::int64_t>(any_number()));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->SetBool(&message, field, random() % 2);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection->SetEnumValue(&message, field, static_cast<int>(random() % 8));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return mutate(*reflection->MutableMessage(&message, field), random);
    default:
      return;
  }
}

void mutate(Message& message, Random& random) {
  int fields = message.GetDescriptor()->field_count();
  if (fields == 0) return;
  for (std::uint64_t times = 1 + random() % 2; times > 0; --times)
    mutate_field(message, message.GetDescriptor()->field(static_cast<int>(random() % static_cast<std::uint64_t>(fields))), random);
}

/// An example, made to name what the tests' reference data know, then changed a little; now and then its envelope too.
v1::Event any_event(Random& random) {
  static const std::vector<std::string> kFacts = all_facts();
  static const std::vector<v1::Event> kExamples = [] {
    std::vector<v1::Event> all;
    for (const std::string& fact : kFacts) {
      v1::Event event = example(fact);
      Message& message = fact_of(event);
      const auto* entry = message.GetDescriptor()->FindFieldByName("entry");
      if (entry) set_ref(static_cast<v1::EntryRef*>(message.GetReflection()->MutableMessage(&message, entry)), {.series = "2024-08"});
      const auto* centre = message.GetDescriptor()->FindFieldByName("centre");
      if (centre && fact != "time_reached" && fact != "batch_acknowledged") message.GetReflection()->SetString(&message, centre, "12345");
      all.push_back(event);
    }
    return all;
  }();
  v1::Event event = kExamples[random() % kExamples.size()];
  event.set_id("e" + std::to_string(random() % 100'000));
  if (random() % 10 == 0) {
    if (random() % 2)
      event.mutable_occurred_at()->set_seconds(static_cast<std::int64_t>(random()));
    else
      event.mutable_occurred_at()->set_nanos(static_cast<std::int32_t>(random()));
  }
  if (random() % 20 == 0) event.set_id(any_text(random));
  for (std::uint64_t times = random() % 3; times > 0; --times) mutate(fact_of(event), random);
  return event;
}

void expect_named(const Rejection& why, std::uint64_t round) {
  EXPECT_FALSE(why.field.empty()) << "round " << round;
  EXPECT_FALSE(why.rule.empty()) << "round " << round;
  EXPECT_FALSE(why.message.empty()) << "round " << round;
  EXPECT_LE(why.value.size(), 203u) << "round " << round;
}

TEST(Checks, answer_whatever_arrives) {
  Random random(1);
  StartedSeason season;
  int passed = 0, failed = 0, unfit = 0;
  for (std::uint64_t round = 0; round < 60'000; ++round) {
    v1::Event event = any_event(random);
    warnings(event);
    Result<Address> address = check(event);
    if (!address) {
      ++failed;
      expect_named(address.error(), round);
      continue;
    }
    ++passed;
    if (address.value().everywhere) continue;
    if (auto why = fits(event, address.value(), season.pipeline->reference())) {
      ++unfit;
      expect_named(*why, round);
    }
  }
  // The property means little if all go one way.
  EXPECT_GT(passed, 10'000);
  EXPECT_GT(failed, 10'000);
  EXPECT_GT(unfit, 1'000);
}

TEST(Checks, let_nothing_through_that_stops_the_pipeline) {
  Random random(2);
  for (int round = 0; round < 60; ++round) {
    StartedSeason season;
    TimeMs now = local("2024-06-11T09:00");
    for (int window = 0; window < 12; ++window, now += 9 * kDayMs) {
      std::vector<v1::Event> events;
      while (events.size() < 40) {
        v1::Event event = any_event(random);
        if (check(event, now).has_value()) events.push_back(std::move(event));
      }
      std::vector<Verdict> verdicts = season.play(events, now);
      for (const Verdict& verdict : verdicts) ASSERT_TRUE(verdict.kind != Verdict::Kind::rejected || verdict.why.has_value());
    }
  }
}

TEST(Checks, are_not_upset_by_bytes_that_are_no_event) {
  google::protobuf::LogSilencer quiet;
  Random random(3);
  std::string valid = example("outcome_recorded").SerializeAsString();
  int parsed = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes = valid;
    for (std::uint64_t times = 1 + random() % 4; times > 0; --times) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 3 == 0) bytes.resize(random() % bytes.size());
    v1::Event event;
    if (!event.ParseFromString(bytes)) continue;
    ++parsed;
    if (Result<Address> address = check(event); !address) expect_named(address.error(), static_cast<std::uint64_t>(round));
  }
  EXPECT_GT(parsed, 1'000);
}

}  // namespace
}  // namespace vtq::test
