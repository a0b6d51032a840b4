// Where the releases of an awarding organisation and series stand: plans with their waves, who approved them, what was overridden and what is halted;
// and the dry run, what would go to whom and what is missing. No grades: shares of grades that a plan expects are counted, not shown.
//
// `centre`: of that centre alone, by its own plan where it has one.
#include <nlohmann/json.hpp>

#include "daemon/reads/reads.h"
#include "pipeline/release/checks.h"

namespace vtq {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(TimeMs at) { return at == 0 || at == kNever ? Json() : Json(utc_text(at)); }

/// What every instance knows of one level's release.
struct Known {
  v1::Level level{};
  ReleaseWords words;
  std::uint32_t needed = 0;
  ReleaseTerms terms;
  TimeMs first_ms = 0, deadline_ms = kNever;
  TimeMs last_ms = kNever;  ///< the last cut, at which all go, whatever is planned
  std::vector<Reference::GatesSaid> gates;
};

struct Gathered {
  std::vector<Known> known;
  std::vector<HaltInForce> halts;
};

/// By a wave, or by one centre of it.
struct Sums {
  std::int64_t ready = 0, issued = 0, ended = 0, registered = 0, eligible = 0, claimed = 0, assured = 0;

  void add(const ReleasePart::Row& row) {
    auto of = [&](v1::Stage stage) { return row.stages[static_cast<std::size_t>(stage)]; };
    ready += of(v1::READY);
    issued += of(v1::ISSUED) + of(v1::ACKNOWLEDGED) + of(v1::RELEASED);
    ended += of(v1::WITHDRAWN) + of(v1::DEFERRED) + of(v1::NOT_CERTIFICATED);
    registered += of(v1::REGISTERED);
    eligible += of(v1::ELIGIBLE);
    claimed += of(v1::CLAIMED);
    assured += of(v1::ASSURED);
  }
  std::int64_t missing() const { return registered + eligible + claimed + assured; }
  bool stopped_by_missing(const ReleaseTerms& terms) const {
    ReleaseCounts counts{.expected = static_cast<std::uint32_t>(ready + issued + missing()), .missing = static_cast<std::uint32_t>(missing())};
    return stopping(counts, {.missing_percent_max = terms.missing_percent_max}, nullptr) == v1::RELEASE_MISSING;
  }
  void put(Json& json) const {
    json["results"] = ready;
    json["issued"] = issued;
    json["missing"] = Json{{"evidence", registered}, {"claim", eligible}, {"assurance", claimed}, {"result", assured}};
    json["noneDue"] = ended;
  }
};

Json list_of(const std::vector<std::string>& items) { return items.empty() ? Json::array() : Json(items); }

Json overrides_json(const Known& known) {
  Json listed = Json::array();
  const std::string digest = known.words.plan ? known.words.plan->digest : "";
  for (const CheckOverride& one : known.words.overrides)
    if (!one.withdrawn && one.digest == digest)
      listed.push_back({{"check", v1::ReleaseCheck_Name(one.check)}, {"reason", one.reason}, {"saidBy", one.person}});
  return listed;
}

Json gates_json(const Known& known) {
  Json listed = Json::array();
  for (const Reference::GatesSaid& one : known.gates)
    listed.push_back({{"plan", one.digest},
                      {"centreRelease", time_or_null(one.centre_ms)},
                      {"learnerRelease", time_or_null(one.learner_ms)},
                      {"confirmed", one.confirmed},
                      {"approvedBy", list_of(approvers_of(known.words.approvals, one.digest).people)}});
  return listed;
}

Json policy_json(const Known& known) {
  Json json{{"approvals", known.needed}};
  auto limit = [&](const char* name, const std::optional<std::uint32_t>& value) { json[name] = value ? Json(*value) : Json(); };
  limit("missingPercentMax", known.terms.missing_percent_max);
  limit("gradeShiftPercentMax", known.terms.grade_shift_percent_max);
  json["gradeResultsMin"] = known.terms.grade_results_min;
  limit("correctionsMax", known.terms.corrections_max);
  return json;
}

Json waves_json(const Known& known, const ReleasePart& part, bool by_centre) {
  // Where there is no plan, all go together.
  static const PlannedRelease kNone{.waves = {{"all", {}, {}}}, .shares = {}, .digest = {}, .said_by = {}};
  const PlannedRelease& plan = known.words.plan ? *known.words.plan : kNone;
  Json listed = Json::array();
  for (const ReleaseWave& wave : plan.waves) {
    Sums sums;
    std::int64_t centres = 0, stopped = 0;
    Json each = Json::array();
    for (const auto& [key, row] : part.rows) {
      if (key.first != known.level || &plan.wave_of(key.second) != &wave) continue;
      Sums own;
      own.add(row);
      sums.add(row);
      ++centres;
      const bool stops = own.stopped_by_missing(known.terms) && !known.words.overridden(v1::RELEASE_MISSING, plan.digest);
      stopped += stops;
      if (!by_centre) continue;
      Json one{{"centre", text_of(key.second)}};
      own.put(one);
      one["stoppedBy"] = stops ? Json(v1::ReleaseCheck_Name(v1::RELEASE_MISSING)) : Json();
      each.push_back(std::move(one));
    }
    Json one{{"name", wave.name},
             {"goesAt", time_or_null(known.words.plan ? std::min(wave.when.first_ms, known.last_ms) : known.first_ms)},
             {"centres", centres}};
    one["centresStopped"] = stopped;
    sums.put(one);
    if (by_centre) one["byCentre"] = std::move(each);
    listed.push_back(std::move(one));
  }
  return listed;
}

Json release_json(const Known& known, const ReleasePart& part, bool by_centre) {
  const std::string digest = known.words.plan ? known.words.plan->digest : "";
  const Approvers approvers = approvers_of(known.words.approvals, digest);
  const Approval approval{&known.words, known.needed};
  Json json{{"level", v1::Level_Name(known.level)},
            {"plan", digest},
            {"saidBy", known.words.plan ? known.words.plan->said_by : ""},
            {"approved", approval.given()},
            {"approvedBy", list_of(approvers.people)},
            {"approversAmongThem", approvers.with_the_role},
            {"policy", policy_json(known)},
            {"gradeShares", known.words.plan ? known.words.plan->shares.size() : 0},
            {"overrides", overrides_json(known)},
            {"gates", gates_json(known)},
            {"issueDeadline", time_or_null(known.deadline_ms)}};
  json["waves"] = waves_json(known, part, by_centre);
  return json;
}

Gathered known_of(const Reference& reference, AwardingOrganisationId ao, SeriesId series, const ReleasePolicy& policy) {
  Gathered found;
  const ReleaseTerms* terms = reference.release_terms(ao);
  for (v1::Level level : {v1::LEVEL_3, v1::LEVEL_2, v1::LEVEL_1_2, v1::LEVEL_OTHER}) {
    const CohortKey cohort{ao, level, series};
    const Calendar* calendar = reference.calendar(cohort);
    const ReleaseWords* words = reference.release(cohort);
    if (!calendar && !words) continue;
    Known one{.level = level};
    if (words) one.words = *words;
    one.needed = approvals_needed(terms, policy.approvals_least);
    if (terms) one.terms = *terms;
    if (calendar && calendar->issue_deadline != kNever) {
      one.deadline_ms = calendar->issue_deadline;
      one.last_ms = calendar->issue_deadline - policy.final_margin_ms;
      one.first_ms = calendar->issue_deadline - policy.final_margin_ms - policy.lead_ms;
    }
    one.gates = reference.gates_said(cohort);
    found.known.push_back(std::move(one));
  }
  for (const HaltInForce& halt : reference.halts())
    if (halt.series == series && (halt.awarding_organisation == ao || halt.awarding_organisation == AwardingOrganisationId{}))
      found.halts.push_back(halt);
  return found;
}

}  // namespace

HttpReply Reads::releases(const HttpRequest& request) { return releases(request, false); }
HttpReply Reads::releases_dry_run(const HttpRequest& request) { return releases(request, true); }

HttpReply Reads::releases(const HttpRequest& request, bool by_centre) {
  Query query(request, {"centre"});
  const std::optional<CentreId> named = query.cell_filter().centre;
  if (query.wrong()) return reply_with(*query.wrong());
  auto ao = parse_awarding_organisation(request.parameters[0]);
  if (!ao)
    return not_found("Give the Ofqual recognition number, as RN5353.", "awarding_organisation", "awarding-organisation-form", request.parameters[0]);
  auto series = parse_series(request.parameters[1]);
  if (!series) return not_found("A series is the month of its results day, YYYY-MM: 2023-08.", "series", "series-form", request.parameters[1]);
  Gathered found;
  auto gather = [&] {
    ReadModel::Visit visit = begin_visit();
    const ReleasePolicy policy{.lead_ms = static_cast<TimeMs>(settings_.release_lead_hours * static_cast<double>(kHourMs)),
                               .final_margin_ms = static_cast<TimeMs>(settings_.release_final_margin_minutes * 60'000),
                               .approvals_least = static_cast<std::uint32_t>(settings_.release_approvals_default)};
    auto looked = look(visit, [ao = *ao, series = *series, policy, named](Pipeline& pipeline) {
      std::pair<Gathered, ReleasePart> one;
      one.first = known_of(pipeline.reference(), ao, series, policy);
      one.second.time_ms = pipeline.time();
      // Loads its records.
      if (const Centre* own = named ? partition_of(pipeline, *named).centre(*named) : nullptr)
        for (Known& known : one.first.known)
          if (const ReleaseWords* words = own->facts.release({ao, known.level, series}); words && words->plan) known.words = *words;
      for (const Partition* partition : pipeline.owned())
        partition->each_centre([&](const Centre& centre) {
          if (named && centre.id != *named) return;
          for (const auto& [cell, entries] : centre.summary.cells.all())
            if (cell.awarding_organisation == ao && cell.series == series)
              one.second.rows[{cell.level, centre.id}].stages[static_cast<std::size_t>(cell.stage)] += entries;
        });
      return one;
    });
    // Every instance has all reference data.
    found = std::move(looked.first);
    return std::move(looked.second);
  };
  return over_all<ReleasePart>(request, gather, [&](const ReleasePart& part) {
    if (found.known.empty())
      return not_found("No calendar and no plan is known of this awarding organisation and series; correct the names, or send them.", "series",
                       "release-known", request.parameters[0] + " " + request.parameters[1]);
    Json body{{"awardingOrganisation", text_of(*ao)},
              {"series", text_of(*series)},
              {"time", time_or_null(part.time_ms)},
              {"timeSource", settings_.time_source}};
    body["halts"] = Json::array();
    for (const HaltInForce& halt : found.halts)
      body["halts"].push_back(
          {{"awardingOrganisation", halt.awarding_organisation == AwardingOrganisationId{} ? "*" : text_of(halt.awarding_organisation)},
           {"qualification", halt.qualification == QualificationId{} ? "" : text_of(halt.qualification)},
           {"since", utc_text(halt.since_ms)}});
    body["releases"] = Json::array();
    for (const Known& known : found.known) body["releases"].push_back(release_json(known, part, by_centre));
    return HttpReply{200, "application/json", body.dump() + "\n"};
  });
}

}  // namespace vtq
