#include "pipeline/audit/record.h"

#include <algorithm>

namespace vtq {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// As long as anything that is copied from a fact may be.
constexpr std::size_t kTextMost = 500;

std::string cut(std::string_view text) {
  std::size_t most = std::min(text.size(), kTextMost);
  // Between characters.
  while (most < text.size() && most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most));
}

/// The fact's own field of that name, where it is a text; else nothing.
std::string field_of(const Message& fact, const char* name) {
  const FieldDescriptor* field = fact.GetDescriptor()->FindFieldByName(name);
  bool text = field && !field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  return text ? cut(fact.GetReflection()->GetString(fact, field)) : std::string();
}

std::string level_of(const Message& fact) {
  const FieldDescriptor* field = fact.GetDescriptor()->FindFieldByName("level");
  bool level = field && !field->is_repeated() && field->enum_type() == v1::Level_descriptor();
  return level ? fact.GetReflection()->GetEnum(fact, field)->name() : std::string();
}

/// The centre, and the numbers by which it is found for somebody's organisation; else nothing.
std::string numbers_of(const v1::Event& event) {
  if (!event.has_centre_defined()) return {};
  const auto& fact = event.centre_defined();
  return "centre " + fact.centre() + ", " + (fact.urn().empty() ? "no URN" : "URN " + fact.urn()) + ", " +
         (fact.ukprn().empty() ? "no UKPRN" : "UKPRN " + fact.ukprn());
}

/// The check that is overridden, or no longer is; else nothing.
std::string check_of(const v1::Event& event) {
  if (!event.has_release_overridden()) return {};
  const auto& fact = event.release_overridden();
  return v1::ReleaseCheck_Name(fact.check()) + (fact.withdrawn() ? " no longer" : "");
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

/// Members of one object, in the order in which they are given.
class Members {
 public:
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    append_escaped(text_, value);
  }
  void number(std::string_view name, std::uint64_t value) {
    begin(name);
    text_ += std::to_string(value);
  }
  void raw(std::string_view name, std::string_view json) {
    begin(name);
    text_ += json;
  }
  std::string object() && { return text_.empty() ? "{}" : std::move(text_) + "}"; }

 private:
  void begin(std::string_view name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += name;
    text_ += "\":";
  }
  std::string text_;
};

std::string actor_json(const v1::AuditActor& by) {
  Members members;
  members.text("name", by.name());
  members.text("person", by.person());
  members.text("key", by.key());
  std::string roles;
  for (const std::string& role : by.roles()) {
    roles += roles.empty() ? "[" : ",";
    append_escaped(roles, role);
  }
  if (!roles.empty()) members.raw("roles", roles + "]");
  members.text("from", by.from());
  return std::move(members).object();
}

}  // namespace

AuditEntry audit_entry(const v1::Event& event, const FactKind& kind, const Address& address, std::string_view by, std::string_view outcome,
                       TimeMs time_ms) {
  AuditEntry entry{.noted = {}, .event = {}, .source = event.source(), .at_ms = address.at_ms, .time_ms = time_ms, .recorded_ms = 0, .instance = {}};
  if (event.has_audit_noted()) {
    entry.noted = event.audit_noted();
    entry.event = event.id();
    return entry;
  }
  v1::AuditNoted& noted = entry.noted;
  noted.set_act(std::string(kind.act(event)));
  noted.set_outcome(std::string(outcome));
  // Its name is what a caller of HTTP has; whoever writes to a topic names its source, and nobody has looked whether it may.
  if (by.empty() || !noted.mutable_by()->ParseFromArray(by.data(), static_cast<int>(by.size()))) {
    noted.clear_by();
    noted.mutable_by()->set_name("publisher " + cut(event.source()));
  }
  const bool of_entry = address.subject == Subject::entry;
  const auto& named = of_entry ? address.entry.qualification : address.qualification.value_or(QualificationId{});
  if (!address.everywhere) noted.set_centre(text_of(address.centre));
  if (address.everywhere && address.subject == Subject::centre) noted.set_centre("*");
  if (of_entry || address.qualification) noted.set_qualification(text_of(named));
  if (of_entry) noted.set_series(text_of(address.entry.series));
  if (address.awarding_organisation) noted.set_awarding_organisation(text_of(*address.awarding_organisation));
  const auto* fact_field = v1::Event::descriptor()->FindFieldByNumber(event.fact_case());
  const Message& fact = event.GetReflection()->GetMessage(event, fact_field);
  if (!of_entry && noted.series().empty()) noted.set_series(field_of(fact, "series"));
  if (noted.awarding_organisation().empty()) noted.set_awarding_organisation(field_of(fact, "awarding_organisation"));
  noted.set_level(level_of(fact));
  if (of_entry) return entry;
  entry.event = cut(event.id());
  noted.set_batch(field_of(fact, "batch"));
  noted.set_key(field_of(fact, "key"));
  auto add = [&](const std::string& said) {
    if (!said.empty()) noted.set_detail(noted.detail() + (noted.detail().empty() ? "" : "; ") + said);
  };
  for (const char* name : {"approver", "first_issue_at", "name"}) add(field_of(fact, name));
  // What was approved, and what a check was overridden for.
  add(check_of(event));
  add(numbers_of(event));
  if (std::string plan = field_of(fact, "plan"); !plan.empty()) add("plan " + plan);
  if (event.has_person_signed_out() && !event.person_signed_out().reason().empty()) add("person " + cut(event.person_signed_out().person()));
  // Who else is said to have said it, where no caller was known.
  if (by.empty())
    if (std::string said = field_of(fact, "said_by"); !said.empty()) add("said by " + said);
  // A hold may be of one learner.
  if (!fact.GetDescriptor()->FindFieldByName("learner")) {
    noted.set_reason(field_of(fact, "reason"));
  } else {
    entry.event.clear();
  }
  return entry;
}

std::string audit_line(const AuditEntry& entry, std::uint32_t partition, std::uint64_t number, const Hash256& previous) {
  const v1::AuditNoted& noted = entry.noted;
  Members members;
  members.number("partition", partition);
  members.number("number", number);
  members.text("previous", hex_of(previous));
  members.text("act", noted.act());
  members.text("outcome", noted.outcome());
  members.raw("by", actor_json(noted.by()));
  members.text("centre", noted.centre());
  members.text("awardingOrganisation", noted.awarding_organisation());
  members.text("qualification", noted.qualification());
  members.text("series", noted.series());
  members.text("level", noted.level());
  members.text("batch", noted.batch());
  members.text("key", noted.key());
  members.text("route", noted.route());
  members.text("reason", noted.reason());
  members.text("detail", noted.detail());
  if (noted.count() > 0) members.number("count", noted.count());
  members.text("at", utc_text(entry.at_ms));
  members.text("time", utc_text(entry.time_ms));
  members.text("recordedAt", utc_text(entry.recorded_ms));
  members.text("instance", entry.instance);
  members.text("source", entry.source);
  members.text("event", entry.event);
  return std::move(members).object();
}

}  // namespace vtq
