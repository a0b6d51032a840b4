#include "pipeline/facts/approval_facts.h"

#include <algorithm>

#include "pipeline/base/phrases.h"

namespace vtq {
namespace {

Day day_of(const std::string& text) { return parse_date(text).value_or(0); }

std::vector<std::string> strings(const google::protobuf::RepeatedPtrField<std::string>& items) { return {items.begin(), items.end()}; }

bool has(const google::protobuf::RepeatedPtrField<std::string>& items, const std::string& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

std::string dates_text(Day from, Day until) { return "from " + date_text(from) + (until ? " to " + date_text(until) : ""); }

/// The earlier of two days of which 0 is none.
Day earlier(Day a, Day b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

std::vector<std::string> missing_documents(const v1::ApprovalSubmitted& submitted, const v1::ApprovalCategoryDefined& category) {
  std::vector<std::string> missing;
  for (const std::string& document : category.required_documents())
    if (!has(submitted.documents(), document)) missing.push_back(document);
  return missing;
}

std::vector<std::string> unmapped_duties(const v1::ApprovalSubmitted& submitted) {
  std::vector<std::string> unmapped;
  for (const std::string& duty : submitted.duties()) {
    bool mapped = std::any_of(submitted.mappings().begin(), submitted.mappings().end(),
                              [&](const v1::ContentMapping& mapping) { return mapping.statement() == duty; });
    if (!mapped) unmapped.push_back(duty);
  }
  return unmapped;
}

/// Whether a proposal must be accepted before a submission: at some framework levels, outside the body's pre-defined areas.
bool proposal_first(const v1::ApprovalCategoryDefined& category, std::uint32_t framework_level, const std::string& area) {
  bool at_level =
      std::find(category.proposal_levels().begin(), category.proposal_levels().end(), framework_level) != category.proposal_levels().end();
  return at_level && !has(category.predefined_areas(), area);
}

}  // namespace

std::string_view stage_name(ApprovalStage stage) {
  switch (stage) {
    case ApprovalStage::none:
      return "none";
    case ApprovalStage::proposal_needed:
      return "proposal-needed";
    case ApprovalStage::proposal_pending:
      return "proposal-pending";
    case ApprovalStage::proposal_refused:
      return "proposal-refused";
    case ApprovalStage::proposal_accepted:
      return "proposal-accepted";
    case ApprovalStage::submission_invalid:
      return "submission-invalid";
    case ApprovalStage::submitted:
      return "submitted";
    case ApprovalStage::refused:
      return "refused";
    case ApprovalStage::approved_later:
      return "approved-later";
    case ApprovalStage::approved:
      return "approved";
    case ApprovalStage::ended:
      return "ended";
    case ApprovalStage::withdrawn:
      return "withdrawn";
  }
  return "";
}

std::string_view body_name(v1::ApprovalBody body) { return body == v1::IFATE ? "IfATE" : body == v1::OFQUAL ? "Ofqual" : "the body"; }

TimeMs ApprovalPeriod::ends() const { return withdrawn_from ? std::min(day_ends(until), day_begins(withdrawn_from)) : day_ends(until); }

bool ApprovalPeriod::covers(TimeMs registered) const { return registered >= begins() && registered < std::min(ends(), day_ends(last_registration)); }

const ApprovalPeriod* ApprovalState::period_of(TimeMs registered) const {
  const ApprovalPeriod *covers = nullptr, *began = nullptr;
  for (const ApprovalPeriod& one : periods) {
    if (one.begins() <= registered) began = &one;
    if (one.covers(registered) && (!covers || day_ends(one.last_certification) >= day_ends(covers->last_certification))) covers = &one;
  }
  return covers ? covers : began ? began : periods.empty() ? nullptr : &periods.front();
}

ApprovalLimits ApprovalTerms::limits(TimeMs registered) const {
  ApprovalLimits out{.registration_from = first_registration ? day_begins(first_registration) : 0,
                     .registration_until = day_ends(last_registration),
                     .certification_until = day_ends(last_certification)};
  for (const ApprovalState& one : bodies) {
    const ApprovalPeriod* period = one.period_of(registered);
    if (!period) {
      out.approved = false;
      continue;
    }
    out.approval_ends = std::min(out.approval_ends, period->ends());
    out.registration_from = std::max(out.registration_from, period->begins());
    out.registration_until = std::min(out.registration_until, day_ends(period->last_registration));
    out.certification_until = std::min(out.certification_until, day_ends(period->last_certification));
  }
  return out;
}

const std::pair<Stamp, v1::ApprovalDecided>* ApprovalFacts::Records::latest() const {
  const std::pair<Stamp, v1::ApprovalDecided>* found = nullptr;
  for (const auto& [from, one] : decided)
    if (!found || !one.first.before(found->first)) found = &one;
  return found;
}

ApprovalStage ApprovalState::stage_on(Day day) const {
  if (stage != ApprovalStage::approved) return stage;
  if (withdrawn_from != 0 && (day >= withdrawn_from || withdrawn_from <= approved_from)) return ApprovalStage::withdrawn;
  if (approved_until != 0 && day > approved_until) return ApprovalStage::ended;
  return day < approved_from ? ApprovalStage::approved_later : ApprovalStage::approved;
}

std::string ApprovalState::words() const {
  std::string name(body_name(body)), text;
  switch (stage) {
    case ApprovalStage::none:
      text = "nothing was submitted to " + name;
      break;
    case ApprovalStage::proposal_needed:
      text = "nothing was submitted to " + name + ", and outside its pre-defined areas a proposal must be accepted first";
      break;
    case ApprovalStage::proposal_pending:
      text = "the proposal to " + name + " is not decided yet";
      break;
    case ApprovalStage::proposal_refused:
      text = name + " refused the proposal";
      break;
    case ApprovalStage::proposal_accepted:
      text = name + " accepted the proposal, and the submission has not come";
      break;
    case ApprovalStage::submission_invalid: {
      std::vector<std::string> flaws;
      if (!missing_documents.empty()) flaws.push_back(named_text("document", missing_documents, true) + " missing");
      if (unmapped_duties.size() == 1) flaws.push_back("duty " + unmapped_duties[0] + " is not mapped to any content");
      if (unmapped_duties.size() > 1) flaws.push_back("duties " + list_text(unmapped_duties) + " are not mapped to any content");
      if (proposal_lacking)
        flaws.push_back("no proposal for the area " + (area.empty() ? std::string("not given") : area) +
                        ", which is not pre-defined, was "
                        "accepted");
      text = "the submission to " + name + " is invalid: ";
      for (std::size_t at = 0; at < flaws.size(); ++at) text += (at ? ", and " : "") + flaws[at];
      break;
    }
    case ApprovalStage::submitted:
      text = "the submission to " + name + " is not decided yet";
      break;
    case ApprovalStage::refused:
      text = name + " refused approval";
      break;
    default:
      text = name + " approves it " + dates_text(approved_from, approved_until);
      if (withdrawn_from) text += "; approval is withdrawn from " + date_text(withdrawn_from);
      break;
  }
  if (approval_uncounted) text += "; the approval that was decided does not count until this is mended";
  for (const ApprovalPeriod& one : periods) {
    if (stage == ApprovalStage::approved && one.from == approved_from) continue;
    Day until = earlier(one.until, one.withdrawn_from ? one.withdrawn_from - 1 : 0);
    text += "; its approval " + dates_text(one.from, until) + " stands for learners registered in that time";
  }
  return text;
}

std::vector<QualificationId> ApprovalFacts::take(const v1::Event& event, std::optional<QualificationId> about, const Stamp& stamp) {
  std::vector<QualificationId> concerned;
  auto of = [&](const auto& fact) -> Records& {
    concerned.push_back(*about);
    return records_[{concerned.back(), fact.body()}];
  };
  switch (event.fact_case()) {
    case v1::Event::kApprovalCategoryDefined: {
      const auto& fact = event.approval_category_defined();
      categories_[{fact.body(), fact.category()}] = fact;
      for (const auto& [id, needs] : needs_)
        if (std::find(needs.bodies.begin(), needs.bodies.end(), fact.body()) != needs.bodies.end()) concerned.push_back(id);
      break;
    }
    case v1::Event::kApprovalProposed: {
      Records& records = of(event.approval_proposed());
      records.proposed = event.approval_proposed();
      records.proposed_at = stamp;
      break;
    }
    case v1::Event::kApprovalSubmitted:
      of(event.approval_submitted()).submitted[stamp.moment()] = event.approval_submitted();
      break;
    case v1::Event::kApprovalDecided: {
      const auto& fact = event.approval_decided();
      of(fact).decided[day_of(fact.approved_from())] = {stamp, fact};
      break;
    }
    case v1::Event::kApprovalWithdrawn: {
      Records& records = of(event.approval_withdrawn());
      records.withdrawn = event.approval_withdrawn();
      records.withdrawn_at = stamp;
      break;
    }
    default:
      break;
  }
  for (QualificationId id : concerned) work_out(id);
  return concerned;
}

void ApprovalFacts::define(QualificationId id, const v1::QualificationDefined& fact) {
  Needs needs{.bodies = {},
              .framework_level = fact.framework_level(),
              .first_registration = day_of(fact.first_registration_on()),
              .last_registration = day_of(fact.last_registration_on()),
              .last_certification = day_of(fact.last_certification_on())};
  for (int at = 0; at < fact.approval_needed_size(); ++at) {
    auto body = fact.approval_needed(at);
    if (std::find(needs.bodies.begin(), needs.bodies.end(), body) == needs.bodies.end()) needs.bodies.push_back(body);
  }
  needs_[id] = std::move(needs);
  work_out(id);
}

ApprovalState ApprovalFacts::state(QualificationId id, v1::ApprovalBody body) const {
  ApprovalState out{.body = body};
  std::uint32_t framework_level = 0;
  if (auto needs = needs_.find(id); needs != needs_.end()) {
    const auto& bodies = needs->second.bodies;
    out.needed = std::find(bodies.begin(), bodies.end(), body) != bodies.end();
    framework_level = needs->second.framework_level;
  }
  auto at = records_.find({id, body});
  if (at == records_.end()) {
    // Nothing says which category or area it will be.
    for (const auto& [key, category] : categories_)
      if (key.first == body && proposal_first(category, framework_level, {})) out.stage = ApprovalStage::proposal_needed;
    return out;
  }
  const Records& records = at->second;
  const v1::ApprovalProposed* proposed = records.proposed ? &*records.proposed : nullptr;
  const v1::ApprovalSubmitted* submitted = records.submitted.empty() ? nullptr : &records.submitted.rbegin()->second;
  if (proposed) {
    out.category = proposed->category();
    out.area = proposed->area();
    out.occupational_standard = proposed->occupational_standard();
  }
  if (submitted) {
    out.category = submitted->category();
    if (!submitted->area().empty()) out.area = submitted->area();
    if (!submitted->occupational_standard().empty()) out.occupational_standard = submitted->occupational_standard();
    out.funding = strings(submitted->funding());
  }

  // A category that is not known yet asks for nothing.
  static const v1::ApprovalCategoryDefined kNothing;
  auto category_at = categories_.find({body, out.category});
  const v1::ApprovalCategoryDefined& category = category_at == categories_.end() ? kNothing : category_at->second;
  bool first = (proposed || submitted) && proposal_first(category, framework_level, out.area);
  bool same_area = proposed && (!submitted || submitted->area().empty() || submitted->area() == proposed->area());
  bool accepted = same_area && proposed->outcome() == v1::ApprovalProposed::PROPOSAL_ACCEPTED;
  out.proposal_lacking = first && !accepted;
  if (submitted) {
    out.missing_documents = missing_documents(*submitted, category);
    out.unmapped_duties = unmapped_duties(*submitted);
  }

  const auto* latest = records.latest();
  bool approved = latest && latest->second.approved();
  if (submitted && (out.proposal_lacking || !out.missing_documents.empty() || !out.unmapped_duties.empty())) {
    out.stage = ApprovalStage::submission_invalid;
  } else if (!submitted && out.proposal_lacking) {
    out.stage = proposed->outcome() == v1::ApprovalProposed::PROPOSAL_REFUSED ? ApprovalStage::proposal_refused : ApprovalStage::proposal_pending;
  } else if (latest) {
    out.stage = approved ? ApprovalStage::approved : ApprovalStage::refused;
  } else if (submitted) {
    out.stage = ApprovalStage::submitted;
  } else if (proposed) {
    out.stage = accepted                                                        ? ApprovalStage::proposal_accepted
                : proposed->outcome() == v1::ApprovalProposed::PROPOSAL_REFUSED ? ApprovalStage::proposal_refused
                                                                                : ApprovalStage::proposal_pending;
  }
  auto sound = [&](const auto& submission) {
    return missing_documents(submission.second, category).empty() && unmapped_duties(submission.second).empty();
  };
  auto counts = [&](const Stamp& decided_at) {
    auto after = records.submitted.upper_bound(decided_at.moment());
    bool proposed_before = !proposed || !decided_at.before(records.proposed_at);
    if (out.proposal_lacking && proposed_before && (!submitted || after != records.submitted.begin())) return false;
    if (after == records.submitted.begin() || sound(*std::prev(after))) return true;
    return std::any_of(after, records.submitted.end(), sound);
  };
  for (const auto& [from, one] : records.decided) {
    const auto& [decided_at, decided] = one;
    if (!decided.approved() || !counts(decided_at)) continue;
    bool withdrawn = records.withdrawn_after(decided_at);
    if (withdrawn && day_of(records.withdrawn->withdrawn_from()) <= from) continue;
    ApprovalPeriod period{.from = from,
                          .until = day_of(decided.approved_until()),
                          .last_registration = day_of(decided.last_registration_on()),
                          .last_certification = day_of(decided.last_certification_on())};
    if (withdrawn) {
      period.withdrawn_from = day_of(records.withdrawn->withdrawn_from());
      period.last_certification = earlier(period.last_certification, day_of(records.withdrawn->last_certification_on()));
    }
    out.periods.push_back(period);
  }
  out.approval_uncounted = approved && !counts(latest->first);
  if (!approved) return out;

  const v1::ApprovalDecided& decided = latest->second;
  out.approved_from = day_of(decided.approved_from());
  out.approved_until = day_of(decided.approved_until());
  out.last_registration = day_of(decided.last_registration_on());
  out.last_certification = day_of(decided.last_certification_on());
  if (!decided.funding().empty()) out.funding = strings(decided.funding());
  if (records.withdrawn_after(latest->first)) {
    out.withdrawn_from = day_of(records.withdrawn->withdrawn_from());
    out.withdrawal_reason = records.withdrawn->reason();
    out.last_certification = earlier(out.last_certification, day_of(records.withdrawn->last_certification_on()));
  }
  return out;
}

void ApprovalFacts::work_out(QualificationId id) {
  auto at = needs_.find(id);
  if (at == needs_.end()) return;
  const Needs& needs = at->second;
  if (needs.bodies.empty() && needs.first_registration == 0 && needs.last_registration == 0 && needs.last_certification == 0) {
    terms_.erase(id);
    return;
  }
  auto made = std::make_unique<ApprovalTerms>();
  made->first_registration = needs.first_registration;
  made->last_registration = needs.last_registration;
  made->last_certification = needs.last_certification;
  for (v1::ApprovalBody body : needs.bodies) made->bodies.push_back(state(id, body));
  terms_[id] = std::move(made);
}

const ApprovalTerms* ApprovalFacts::terms(QualificationId id) const {
  auto at = terms_.find(id);
  return at == terms_.end() ? nullptr : at->second.get();
}

std::vector<ApprovalState> ApprovalFacts::states(QualificationId id) const {
  std::vector<ApprovalState> found;
  for (v1::ApprovalBody body : {v1::IFATE, v1::OFQUAL}) {
    ApprovalState one = state(id, body);
    if (one.needed || records_.contains({id, body})) found.push_back(std::move(one));
  }
  return found;
}

std::vector<ApprovalCoverage> ApprovalFacts::coverage(QualificationId id, v1::ApprovalBody body) const {
  std::vector<ApprovalCoverage> found;
  auto at = records_.find({id, body});
  if (at == records_.end() || at->second.submitted.empty()) return found;
  auto line_of = [&](const std::string& statement) -> ApprovalCoverage& {
    for (ApprovalCoverage& held : found)
      if (held.statement == statement) return held;
    return found.emplace_back(ApprovalCoverage{statement, {}});
  };
  const v1::ApprovalSubmitted& submitted = at->second.submitted.rbegin()->second;
  for (const std::string& duty : submitted.duties()) line_of(duty);
  for (const v1::ContentMapping& mapping : submitted.mappings()) {
    std::string place = mapping.unit() + (mapping.learning_outcome().empty() ? "" : " " + mapping.learning_outcome());
    line_of(mapping.statement()).places.push_back(std::move(place));
  }
  return found;
}

}  // namespace vtq
