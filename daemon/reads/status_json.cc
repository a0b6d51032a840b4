#include "daemon/reads/status_json.h"

#include <google/protobuf/util/time_util.h>

#include "daemon/http/http_message.h"

namespace vtq {
namespace {

using google::protobuf::Timestamp;

/// Fields of an object in their order.
class Fields {
 public:
  void put(std::string_view name, std::string_view json) {
    text_ += text_.size() > 1 ? ",\"" : "\"";
    text_ += name;
    text_ += "\":";
    text_ += json;
  }
  void text(std::string_view name, const std::string& value) { put(name, json_string(value)); }
  void flag(std::string_view name, bool value) { put(name, value ? "true" : "false"); }
  void time(std::string_view name, bool set, const Timestamp& at) {
    if (set) put(name, "\"" + google::protobuf::util::TimeUtil::ToString(at) + "\"");
  }
  /// A value without a name is one of a later version, and stays a number.
  template <class Value>
  void word(std::string_view name, const std::string& (*name_of)(Value), Value value) {
    const std::string& word = name_of(value);
    put(name, word.empty() ? std::to_string(static_cast<int>(value)) : "\"" + word + "\"");
  }
  template <class Items, class Json>
  void list(std::string_view name, const Items& items, Json json) {
    std::string all = "[";
    for (const auto& item : items) {
      if (all.size() > 1) all += ',';
      all += json(item);
    }
    put(name, all + "]");
  }
  std::string end() && { return std::move(text_ += '}'); }

 private:
  std::string text_ = "{";
};

std::string entry_json(const v1::EntryRef& entry) {
  Fields fields;
  fields.text("centre", entry.centre());
  fields.text("qualification", entry.qualification());
  fields.text("series", entry.series());
  fields.text("learner", entry.learner());
  return std::move(fields).end();
}

std::string obstacle_json(const v1::Obstacle& obstacle) {
  Fields fields;
  fields.text("rule", obstacle.rule());
  fields.text("subject", obstacle.subject());
  fields.text("text", obstacle.text());
  return std::move(fields).end();
}

}  // namespace

std::string status_json(const v1::EntryStatus& status) {
  Fields fields;
  if (status.has_entry()) fields.put("entry", entry_json(status.entry()));
  fields.text("awardingOrganisation", status.awarding_organisation());
  fields.word("level", v1::Level_Name, status.level());
  fields.word("stage", v1::Stage_Name, status.stage());
  fields.word("need", v1::Need_Name, status.need());
  fields.flag("treatedAsCritical", status.treated_as_critical());
  fields.word("reason", v1::Reason_Name, status.reason());
  fields.word("band", v1::Band_Name, status.band());
  fields.text("why", status.why());
  fields.word("nextStep", v1::Step_Name, status.next_step());
  fields.word("nextOwner", v1::Owner_Name, status.next_owner());
  fields.time("nextDueAt", status.has_next_due_at(), status.next_due_at());
  fields.time("issueDeadline", status.has_issue_deadline(), status.issue_deadline());
  fields.time("asOf", status.has_as_of(), status.as_of());
  fields.text("batch", status.batch());
  fields.time("issuedAt", status.has_issued_at(), status.issued_at());
  fields.flag("late", status.late());
  fields.list("outstandingUnits", status.outstanding_units(), [](const std::string& unit) { return json_string(unit); });
  fields.list("obstacles", status.obstacles(), obstacle_json);
  fields.word("mitigation", v1::MitigationDefined::Kind_Name, status.mitigation());
  fields.time("expectedAt", status.has_expected_at(), status.expected_at());
  fields.word("basis", v1::Basis_Name, status.basis());
  fields.time("batchIssuedAt", status.has_batch_issued_at(), status.batch_issued_at());
  return std::move(fields).end();
}

}  // namespace vtq
