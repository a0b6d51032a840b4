// What can be read of the approval of qualifications. Every instance has all reference data: any of them answers.
#include "daemon/reads/reads.h"

namespace vtq {
namespace {

std::string day_or_null(Day day) { return day == 0 ? "null" : "\"" + utc_text(day * kDayMs).substr(0, 10) + "\""; }
/// The last day before `end`, where that is a limit.
std::string last_day_or_null(TimeMs end) { return end == kNever ? "null" : day_or_null(local_day(end - 1)); }
const char* truth(bool value) { return value ? "true" : "false"; }

std::string list_json(const std::vector<std::string>& items) {
  std::string body = "[";
  for (const std::string& item : items) body += (&item == items.data() ? "" : ",") + json_string(item);
  return body + "]";
}

std::string state_json(const ApprovalState& one, const std::vector<ApprovalCoverage>& coverage, Day today) {
  std::string body = "{\"body\":\"" + v1::ApprovalBody_Name(one.body) + "\",\"needed\":" + truth(one.needed) +
                     ",\"stage\":" + json_string(stage_name(one.stage_on(today))) + ",\"text\":" + json_string(one.words()) +
                     ",\"category\":" + json_string(one.category) + ",\"area\":" + json_string(one.area) +
                     ",\"occupationalStandard\":" + json_string(one.occupational_standard) +
                     ",\"missingDocuments\":" + list_json(one.missing_documents) + ",\"unmappedDuties\":" + list_json(one.unmapped_duties) +
                     ",\"proposalLacking\":" + truth(one.proposal_lacking) + ",\"approvalCounts\":" + truth(!one.approval_uncounted) +
                     ",\"funding\":" + list_json(one.funding) + ",\"approvedFrom\":" + day_or_null(one.approved_from) +
                     ",\"approvedUntil\":" + day_or_null(one.approved_until) + ",\"lastRegistrationOn\":" + day_or_null(one.last_registration) +
                     ",\"lastCertificationOn\":" + day_or_null(one.last_certification) + ",\"withdrawnFrom\":" + day_or_null(one.withdrawn_from) +
                     ",\"withdrawalReason\":" + json_string(one.withdrawal_reason) + ",\"coverage\":[";
  for (const ApprovalCoverage& covered : coverage)
    body += std::string(&covered == coverage.data() ? "" : ",") + "{\"statement\":" + json_string(covered.statement) +
            ",\"coveredBy\":" + list_json(covered.places) + "}";
  return body + "]}";
}

std::string approval_json(const Qualification& qualification, const ApprovalFacts& facts, Day today) {
  static const ApprovalTerms kOpen;
  const ApprovalTerms& terms = qualification.approval ? *qualification.approval : kOpen;
  // Of a learner registered today.
  ApprovalLimits limits = terms.limits(day_begins(today));
  std::string body =
      "{\"qualification\":\"" + text_of(qualification.id) + "\",\"title\":" + json_string(qualification.title) + ",\"asOf\":" + day_or_null(today) +
      ",\"registrationFrom\":" + (limits.registration_from ? day_or_null(local_day(limits.registration_from)) : "null") +
      ",\"lastRegistrationOn\":" + last_day_or_null(std::min(limits.registration_until, limits.approval_ends)) +
      ",\"lastCertificationOn\":" + last_day_or_null(limits.certification_until) + ",\"approved\":" + truth(limits.approved) + ",\"approvals\":[";
  std::vector<ApprovalState> states = facts.states(qualification.id);
  for (const ApprovalState& one : states)
    body += (&one == states.data() ? "" : ",") + state_json(one, facts.coverage(qualification.id, one.body), today);
  return body + "]}\n";
}

}  // namespace

HttpReply Reads::qualification_approval(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_qualification(request.parameters[0]);
  if (!id)
    return not_found("Give the qualification number as 8 characters without slashes.", "qualification", "qualification-form", request.parameters[0]);
  // Logical time where there is any: in event-time mode the clock is not what the entries are held to.
  ReadModel::Visit visit = begin_visit();
  std::string body = look(visit, [id = *id, now = clock_.state().now_ms](Pipeline& pipeline) -> std::string {
    const Qualification* known = pipeline.reference().qualification(id);
    if (!known) return {};
    return approval_json(*known, pipeline.reference().approvals(), local_day(pipeline.time() ? pipeline.time() : now));
  });
  if (body.empty())
    return not_found("No such qualification is known; send its QualificationDefined, or correct the number.", "qualification", "qualification-known",
                     request.parameters[0]);
  return {200, "application/json", std::move(body)};
}

}  // namespace vtq
