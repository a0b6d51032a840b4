// What can be read of a centre's assessment: its scrutiny, and its monthly activity report. No personal data: of a sample the
// registration numbers, as everywhere.
#include <cstdio>
#include <optional>

#include "daemon/reads/reads.h"
#include "pipeline/rules/scrutiny.h"

namespace vtq {
namespace {

std::string day_or_null(Day day) { return day == 0 ? "null" : "\"" + utc_text(day_begins(day) + 12 * kHourMs).substr(0, 10) + "\""; }
std::string time_or_null(TimeMs at) { return at == 0 ? "null" : "\"" + utc_text(at) + "\""; }
const char* truth(bool value) { return value ? "true" : "false"; }

std::string requirement_json(const Requirement& one, const Qualification& qualification) {
  return "{\"rule\":" + json_string(rule_name(one.rule)) + ",\"subject\":" + json_string(one.subject) + ",\"since\":" + time_or_null(one.since_ms) +
         ",\"holdsClaims\":" + truth(one.holds != Requirement::Holds::nothing) + ",\"step\":\"" + v1::Step_Name(one.step) + "\",\"owner\":\"" +
         v1::Owner_Name(one.owner) + "\",\"dueAt\":" + time_or_null(one.due_ms) + ",\"text\":" + json_string(requirement_text(one, qualification)) +
         "}";
}

std::string planned_json(const PlannedVisit& one, const Qualification& qualification) {
  std::string body = "{\"monitoring\":" + json_string(one.monitoring) + ",\"plannedOn\":" + day_or_null(one.on) +
                     ",\"assurer\":" + json_string(one.assurer) + ",\"inConflict\":" + truth(one.in_conflict) +
                     ",\"text\":" + json_string(planned_text(one, qualification)) + ",\"sample\":[";
  for (const Sampled& learner : one.sample)
    body += std::string(&learner == one.sample.data() ? "" : ",") + "{\"learner\":" + json_string(learner.learner) +
            ",\"series\":" + json_string(learner.series) + ",\"reason\":" + json_string(learner.reason) + "}";
  return body + "]}";
}

std::string scrutiny_json(const Scrutiny& scrutiny, const Qualification& qualification) {
  bool approval_missing = false;
  for (const Requirement& one : scrutiny.requirements) approval_missing |= one.rule == Rule::centre_approval;
  std::string body = "{\"qualification\":\"" + text_of(qualification.id) + "\",\"title\":" + json_string(qualification.title) +
                     ",\"awardingOrganisation\":\"" + text_of(qualification.awarding_organisation) +
                     "\",\"approvalInOrder\":" + truth(!approval_missing) + ",\"directClaims\":" + truth(scrutiny.direct_claims) +
                     ",\"directClaimsWhy\":" + json_string(scrutiny.direct_claims_why) + ",\"lastMonitoringOn\":" + day_or_null(scrutiny.last_visit) +
                     ",\"nextMonitoring\":" + json_string(rule_name(scrutiny.next_monitoring)) +
                     ",\"nextMonitoringDueOn\":" + day_or_null(scrutiny.next_monitoring_due) + ",\"requirements\":[";
  for (const Requirement& one : scrutiny.requirements)
    body += (&one == scrutiny.requirements.data() ? "" : ",") + requirement_json(one, qualification);
  body += "],\"planned\":[";
  for (const PlannedVisit& one : scrutiny.planned) body += (&one == scrutiny.planned.data() ? "" : ",") + planned_json(one, qualification);
  return body + "]}";
}

std::string month_json(const ActivityMonth& one) {
  char average[32];
  std::snprintf(average, sizeof average, "%.1f", one.three_months_before);
  return "{\"count\":" + std::to_string(one.count) + ",\"threeMonthsBefore\":" + average +
         ",\"trend\":" + json_string(trend_text(static_cast<double>(one.count), one.three_months_before)) +
         ",\"sameMonthLastYear\":" + std::to_string(one.same_month_last_year) +
         ",\"yearOnYear\":" + json_string(trend_text(static_cast<double>(one.count), static_cast<double>(one.same_month_last_year))) + "}";
}

HttpReply unknown_centre(const std::string& number) {
  return not_found("No such centre is known; send its CentreDefined, or correct the number.", "centre", "centre-known", number);
}

}  // namespace

HttpReply Reads::scrutiny(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_centre(request.parameters[0]);
  if (!id) return not_found("A national centre number has exactly 5 digits.", "centre", "centre-form", request.parameters[0]);
  ReadModel::Visit visit = begin_visit();
  std::optional<std::string> body = look(visit, [id = *id](Pipeline& pipeline) -> std::optional<std::string> {
    Partition& partition = partition_of(pipeline, id);
    const Centre* centre = partition.centre(id);
    if (!centre && !pipeline.reference().has_centre(id)) return std::nullopt;
    std::string list;
    if (centre && centre->scrutiny)
      for (const auto& [qualification, scrutiny] : centre->scrutiny->by_qualification)
        list += (list.empty() ? "" : ",") + scrutiny_json(scrutiny, *pipeline.reference().qualification(qualification));
    return "{\"centre\":\"" + text_of(id) + "\",\"asOf\":" + time_or_null(partition.time()) + ",\"qualifications\":[" + list + "]}\n";
  });
  if (!body) return unknown_centre(request.parameters[0]);
  return {200, "application/json", std::move(*body)};
}

HttpReply Reads::activity(const HttpRequest& request) {
  auto id = parse_centre(request.parameters[0]);
  if (!id) return not_found("A national centre number has exactly 5 digits.", "centre", "centre-form", request.parameters[0]);
  Query query(request, {"month"});
  std::string month = query.text("month");
  auto first = parse_date(month + "-01");
  if (month.size() != 7 || !first) query.fail("month", month, "Give a month, YYYY-MM.");
  if (query.wrong()) return reply_with(*query.wrong());
  struct Found {
    std::vector<ActivityLine> lines;
    std::map<QualificationId, std::string> titles;
  };
  ReadModel::Visit visit = begin_visit();
  auto found = look(visit, [id = *id, which = month_of(*first)](Pipeline& pipeline) -> std::optional<Found> {
    const Centre* centre = partition_of(pipeline, id).centre(id);
    if (!centre && !pipeline.reference().has_centre(id)) return std::nullopt;
    Found one;
    std::map<QualificationId, Activity> activities;
    if (centre)
      for (const Entry& entry : centre->entries) activities[entry.key.qualification].add(entry);
    for (auto& [qualification, activity] : activities) {
      activity.sort();
      one.titles[qualification] = pipeline.reference().qualification(qualification)->title;
    }
    one.lines = activity_report(activities, which);
    return one;
  });
  if (!found) return unknown_centre(request.parameters[0]);
  if (request.accept.find("text/csv") != std::string::npos)
    return {200, "text/csv; charset=utf-8",
            activity_csv(text_of(*id), month, found->lines, [&](QualificationId qualification) { return found->titles[qualification]; })};
  std::string body = "{\"centre\":\"" + text_of(*id) + "\",\"month\":\"" + month + "\",\"qualifications\":[";
  for (const ActivityLine& line : found->lines)
    body += (&line == found->lines.data() ? "{\"qualification\":\"" : ",{\"qualification\":\"") + text_of(line.qualification) +
            "\",\"title\":" + json_string(found->titles[line.qualification]) + ",\"registrations\":" + month_json(line.registrations) +
            ",\"claims\":" + month_json(line.claims) + ",\"certifications\":" + month_json(line.certifications) +
            ",\"withdrawals\":" + month_json(line.withdrawals) + "}";
  return {200, "application/json", body + "]}\n"};
}

}  // namespace vtq
