// An entry's status in JSON is what Protobuf's own printer writes of it, whatever is set.
#include "daemon/reads/status_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace vtq {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string printed(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &text, options).ok());
  return text;
}

std::string any_text(std::mt19937_64& random) {
  static const std::vector<std::string> texts = {"", "RN5217", "L&R \"claims\" <late>", "caf\xc3\xa9 \\ tab\t line\n", "\x01\x7f", "\xe2\x80\xa8"};
  return texts[random() % texts.size()];
}

/// Sets every field with so many chances in four, by its kind: a field that is added later is set too.
void fill(Message& message, std::mt19937_64& random, unsigned chances) {
  const auto* reflection = message.GetReflection();
  const auto* descriptor = message.GetDescriptor();
  if (descriptor->full_name() == "google.protobuf.Timestamp") {
    static const std::vector<int> nanos = {0, 5'000'000, 123'000'000};
    reflection->SetInt64(&message, descriptor->FindFieldByName("seconds"), 1'600'000'000 + static_cast<std::int64_t>(random() % 100'000'000));
    reflection->SetInt32(&message, descriptor->FindFieldByName("nanos"), nanos[random() % nanos.size()]);
    return;
  }
  for (int at = 0; at < descriptor->field_count(); ++at) {
    const FieldDescriptor* field = descriptor->field(at);
    if (random() % 4 >= chances) continue;
    for (std::uint64_t times = field->is_repeated() ? 1 + random() % 3 : 1; times > 0; --times) {
      bool many = field->is_repeated();
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING:
          many ? reflection->AddString(&message, field, any_text(random)) : reflection->SetString(&message, field, any_text(random));
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          reflection->SetBool(&message, field, true);
          break;
        case FieldDescriptor::CPPTYPE_ENUM: {
          const auto* values = field->enum_type();
          bool known = random() % 8 != 0;
          reflection->SetEnumValue(&message, field,
                                   known ? values->value(static_cast<int>(random() % static_cast<unsigned>(values->value_count())))->number() : 99);
          break;
        }
        case FieldDescriptor::CPPTYPE_MESSAGE:
          fill(many ? *reflection->AddMessage(&message, field) : *reflection->MutableMessage(&message, field), random, chances);
          break;
        default:
          ADD_FAILURE() << field->full_name() << " is of a kind that this test does not set";
      }
    }
  }
}

TEST(StatusJson, is_what_protobuf_prints) {
  std::mt19937_64 random(1);
  for (unsigned chances : {0u, 1u, 2u, 3u, 4u})
    for (int time = 0; time < 200; ++time) {
      v1::EntryStatus status;
      fill(status, random, chances);
      auto mine = nlohmann::json::parse(status_json(status), nullptr, false);
      ASSERT_FALSE(mine.is_discarded()) << status_json(status);
      ASSERT_EQ(mine, nlohmann::json::parse(printed(status)));
    }
}

TEST(StatusJson, leaves_out_times_that_are_not_set) {
  auto json = nlohmann::json::parse(status_json({}));
  EXPECT_FALSE(json.contains("issuedAt"));
  EXPECT_EQ(json["stage"], "STAGE_UNSPECIFIED");
  EXPECT_EQ(json["obstacles"], nlohmann::json::array());
  EXPECT_EQ(json["late"], false);
}

}  // namespace
}  // namespace vtq
