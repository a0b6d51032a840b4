#include "pipeline/kinds/hidden_grades.h"

#include <algorithm>
#include <array>
#include <string>

namespace vtq {
namespace {

/// Parts of the names of fields that hold a grade, a mark, or free text; and of one where grades are written by mistake.
constexpr std::array<std::string_view, 5> kTelling = {"grade", "mark", "reason", "text", "standing"};

std::size_t telling_at(std::string_view text) {
  auto same = [](char a, char b) { return (a | 0x20) == b; };
  std::size_t first = text.npos;
  for (std::string_view name : kTelling) {
    auto at = std::search(text.begin(), text.end(), name.begin(), name.end(), same);
    if (at != text.end()) first = std::min(first, static_cast<std::size_t>(at - text.begin()));
  }
  return first;
}

bool hide(google::protobuf::Message& message) {
  using Field = google::protobuf::FieldDescriptor;
  bool hidden = false;
  const auto* reflection = message.GetReflection();
  bool is_grade = message.GetDescriptor() == v1::Grade::descriptor();
  std::vector<const Field*> set;
  reflection->ListFields(message, &set);
  for (const Field* field : set) {
    if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      if (!field->is_repeated()) {
        hidden |= hide(*reflection->MutableMessage(&message, field));
      } else {
        for (int at = 0; at < reflection->FieldSize(message, field); ++at) hidden |= hide(*reflection->MutableRepeatedMessage(&message, field, at));
      }
      continue;
    }
    if (!is_grade && telling_at(field->name()) == std::string_view::npos) continue;
    // Whoever mixed up the members of a grade has the grade where its scale belongs.
    bool text = field->cpp_type() == Field::CPPTYPE_STRING && !field->is_repeated();
    if (!text && field->name() != "mark") continue;
    hidden = true;
    if (text)
      reflection->SetString(&message, field, std::string(kNotShown));
    else
      reflection->ClearField(&message, field);
  }
  return hidden;
}

}  // namespace

bool may_name_a_grade(std::string_view field) {
  bool reference = field.find("Defined.") != field.npos;
  return !reference && telling_at(field) != field.npos;
}

bool hide_grades(v1::Event& event) {
  // Reference data have the numbers from there on.
  bool reference = event.fact_case() >= v1::Event::kAwardingOrganisationDefined;
  return !reference && hide(event);
}

std::string_view before_grades(std::string_view text) { return text.substr(0, telling_at(text)); }

}  // namespace vtq
