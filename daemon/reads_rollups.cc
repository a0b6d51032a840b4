#include <algorithm>
#include <map>

#include "daemon/reads.h"
#include "daemon/rollup_json.h"

namespace vtq {
namespace {

/// Every centre's cells, or the totals when no centre plays a part.
template <class Take>
void each_cell(const Pipeline& pipeline, const CellFilter& filter, bool by_centre, Take take) {
  if (!by_centre && !filter.centre) {
    for (const auto& [cell, entries] : pipeline.totals())
      if (filter.takes(cell)) take(CentreId{}, cell, entries);
    return;
  }
  for (const Partition* partition : pipeline.owned()) {
    partition->each_centre([&](const Centre& centre) {
      if (filter.centre && *filter.centre != centre.id) return;
      for (const auto& [cell, entries] : centre.summary.cells.all())
        if (filter.takes(cell)) take(centre.id, cell, entries);
    });
  }
}

struct Dimension {
  std::string_view name;       ///< in the query
  std::string_view json_name;  ///< in the reply
  std::string (*value)(CentreId, const Cell&);
};

constexpr Dimension kDimensions[] = {
    {"awarding_organisation", "awardingOrganisation", [](CentreId, const Cell& c) { return text_of(c.awarding_organisation); }},
    {"level", "level", [](CentreId, const Cell& c) { return v1::Level_Name(c.level); }},
    {"qualification", "qualification", [](CentreId, const Cell& c) { return text_of(c.qualification); }},
    {"series", "series", [](CentreId, const Cell& c) { return text_of(c.series); }},
    {"centre", "centre", [](CentreId id, const Cell&) { return text_of(id); }},
    {"stage", "stage", [](CentreId, const Cell& c) { return v1::Stage_Name(c.stage); }},
    {"need", "need", [](CentreId, const Cell& c) { return v1::Need_Name(c.need); }},
    {"band", "band", [](CentreId, const Cell& c) { return v1::Band_Name(c.band); }},
    {"reason", "reason", [](CentreId, const Cell& c) { return v1::Reason_Name(c.reason); }},
    {"late", "late", [](CentreId, const Cell& c) { return std::string(c.late ? "true" : "false"); }},
};

std::vector<const Dimension*> dimensions_of(Query& query) {
  std::vector<const Dimension*> found;
  std::string text = query.text("by");
  std::string_view rest = text;
  while (!rest.empty()) {
    auto end = rest.find(',');
    std::string_view name = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    auto at = std::find_if(std::begin(kDimensions), std::end(kDimensions), [&](const Dimension& one) { return one.name == name; });
    if (at == std::end(kDimensions)) {
      query.fail("by", name, "Give dimensions out of awarding_organisation, level, qualification, series, centre, stage, need, band, reason, late.");
      return {};
    }
    found.push_back(at);
  }
  if (found.empty()) query.fail("by", text, "Give at least one dimension: by=stage.");
  return found;
}

struct OrganisationCounts {
  std::string id;
  std::string name;
  std::int64_t entries = 0, watch = 0, at_risk = 0, late = 0, issued = 0;
};

struct DeadlineAt {
  std::string organisation, series;
  std::string_view deadline;
  v1::Level level{};
  TimeMs at_ms = 0;
};

struct Overview {
  TimeMs time_ms = 0;
  Counts counts;
  std::size_t waiting = 0, centres = 0;
  std::vector<OrganisationCounts> organisations;
  std::vector<DeadlineAt> deadlines;
};

void add_deadlines(Overview& overview, const Reference& reference, const CohortKey& cohort) {
  const Calendar* calendar = reference.calendar(cohort);
  if (!calendar) return;
  for (auto [name, at] : deadlines_of(*calendar))
    if (at > overview.time_ms && at != kNever)
      overview.deadlines.push_back({text_of(cohort.awarding_organisation), text_of(cohort.series), name, cohort.level, at});
}

Overview overview_of(const Pipeline& pipeline) {
  Overview overview;
  overview.time_ms = pipeline.time();
  std::map<AwardingOrganisationId, OrganisationCounts> organisations;
  std::vector<CohortKey> cohorts;
  for (const auto& [cell, entries] : pipeline.totals()) {
    overview.counts.add(cell, entries);
    OrganisationCounts& one = organisations[cell.awarding_organisation];
    one.entries += entries;
    if (cell.band == v1::WATCH) one.watch += entries;
    if (cell.band == v1::AT_RISK) one.at_risk += entries;
    if (cell.late) one.late += entries;
    if (cell.stage >= v1::ISSUED && cell.stage <= v1::RELEASED) one.issued += entries;
    CohortKey cohort{cell.awarding_organisation, cell.level, cell.series};
    if (std::find(cohorts.begin(), cohorts.end(), cohort) == cohorts.end()) cohorts.push_back(cohort);
  }
  for (auto& [id, one] : organisations) {
    const AwardingOrganisation* known = pipeline.reference().awarding_organisation(id);
    one.id = text_of(id);
    one.name = known ? known->name : "";
    overview.organisations.push_back(one);
  }
  for (const CohortKey& cohort : cohorts) add_deadlines(overview, pipeline.reference(), cohort);
  std::sort(overview.deadlines.begin(), overview.deadlines.end(), [](const DeadlineAt& a, const DeadlineAt& b) {
    return std::tie(a.at_ms, a.organisation, a.level, a.deadline) < std::tie(b.at_ms, b.organisation, b.level, b.deadline);
  });
  for (const Partition* partition : pipeline.owned()) {
    overview.waiting += partition->parked();
    partition->each_centre([&](const Centre& centre) { overview.centres += !centre.summary.cells.all().empty(); });
  }
  return overview;
}

}  // namespace

HttpReply Reads::overview(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  Overview overview = look([](Pipeline& pipeline, Store&) { return overview_of(pipeline); });
  std::string body = "{\"time\":" + (overview.time_ms == 0 ? "null" : "\"" + utc_text(overview.time_ms) + "\"") +
                     ",\"timeSource\":" + json_string(settings_.time_source) + "," + overview.counts.json() +
                     ",\"centres\":" + std::to_string(overview.centres) +
                     ",\"batches\":" + std::to_string(engine_.store().batch_count()) +
                     ",\"rejected\":" + std::to_string(engine_.store().rejected_count()) +
                     ",\"waitingFacts\":" + std::to_string(overview.waiting) + ",\"awardingOrganisations\":[";
  for (const auto& one : overview.organisations) {
    if (&one != overview.organisations.data()) body += ',';
    body += "{\"awardingOrganisation\":\"" + one.id + "\",\"name\":" + json_string(one.name) +
            ",\"entries\":" + std::to_string(one.entries) + ",\"watch\":" + std::to_string(one.watch) +
            ",\"atRisk\":" + std::to_string(one.at_risk) + ",\"late\":" + std::to_string(one.late) +
            ",\"issued\":" + std::to_string(one.issued) + "}";
  }
  body += "],\"nextDeadlines\":[";
  std::size_t shown = std::min<std::size_t>(overview.deadlines.size(), 20);
  for (std::size_t at = 0; at < shown; ++at) {
    const DeadlineAt& one = overview.deadlines[at];
    if (at > 0) body += ',';
    body += "{\"awardingOrganisation\":\"" + one.organisation + "\",\"level\":\"" + v1::Level_Name(one.level) + "\",\"series\":\"" +
            one.series + "\",\"deadline\":\"" + std::string(one.deadline) + "\",\"at\":\"" + utc_text(one.at_ms) +
            "\",\"secondsLeft\":" + std::to_string((one.at_ms - overview.time_ms) / 1000) + "}";
  }
  return {200, "application/json", body + "]}\n"};
}

HttpReply Reads::rollups(const HttpRequest& request) {
  Query query(request, {"cell", "by"});
  CellFilter filter = query.cell_filter();
  std::vector<const Dimension*> dimensions = dimensions_of(query);
  if (query.wrong()) return reply_with(*query.wrong());
  bool by_centre = std::any_of(dimensions.begin(), dimensions.end(), [](const Dimension* one) { return one->name == "centre"; });
  using Rows = std::map<std::vector<std::string>, std::int64_t>;
  Rows rows = look([filter, dimensions, by_centre](Pipeline& pipeline, Store&) {
    Rows counted;
    std::vector<std::string> values(dimensions.size());
    each_cell(pipeline, filter, by_centre, [&](CentreId centre, const Cell& cell, std::int64_t entries) {
      for (std::size_t at = 0; at < dimensions.size(); ++at) values[at] = dimensions[at]->value(centre, cell);
      counted[values] += entries;
    });
    return counted;
  });
  std::string body = "{\"by\":[";
  for (std::size_t at = 0; at < dimensions.size(); ++at) body += (at ? ",\"" : "\"") + std::string(dimensions[at]->json_name) + "\"";
  body += "],\"rows\":[";
  std::int64_t sum = 0;
  bool first = true;
  for (const auto& [values, entries] : rows) {
    body += std::exchange(first, false) ? "{" : ",{";
    for (std::size_t at = 0; at < dimensions.size(); ++at)
      body += "\"" + std::string(dimensions[at]->json_name) + "\":" + json_string(values[at]) + ",";
    body += "\"entries\":" + std::to_string(entries) + "}";
    sum += entries;
  }
  return {200, "application/json", body + "],\"entries\":" + std::to_string(sum) + "}\n"};
}

HttpReply Reads::centre(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_centre(request.parameters[0]);
  if (!id) return not_found("A national centre number has exactly 5 digits.", "centre", "centre-form", request.parameters[0]);
  struct Found {
    std::optional<v1::CentreDefined> defined;
    Counts counts;
    std::uint32_t waiting = 0, batches = 0;
    bool any = false;
  };
  Found found = look([id = *id](Pipeline& pipeline, Store&) {
    Found one;
    if (const v1::CentreDefined* defined = pipeline.reference().centre(id)) one.defined = *defined;
    pipeline.partition(pipeline.partition_of(id)).each_centre([&](const Centre& centre) {
      if (centre.id != id) return;
      one.any = true;
      one.waiting = centre.summary.parked;
      for (const Sequence& sequence : centre.summary.sequences) one.batches += sequence.number;
      for (const auto& [cell, entries] : centre.summary.cells.all()) one.counts.add(cell, entries);
    });
    return one;
  });
  if (!found.defined && !found.any)
    return not_found("No such centre is known; send its CentreDefined, or correct the number.", "centre", "centre-known", request.parameters[0]);
  std::string body = "{\"centre\":\"" + text_of(*id) + "\",\"name\":" + json_string(found.defined ? found.defined->name() : "") +
                     ",\"definition\":" + (found.defined ? json_of(*found.defined) : "null") + "," + found.counts.json() +
                     ",\"batches\":" + std::to_string(found.batches) + ",\"waitingFacts\":" + std::to_string(found.waiting) + "}\n";
  return {200, "application/json", std::move(body)};
}

HttpReply Reads::qualification(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_qualification(request.parameters[0]);
  if (!id)
    return not_found("Give the qualification number as 8 characters without slashes.", "qualification", "qualification-form",
                     request.parameters[0]);
  struct Found {
    std::optional<Qualification> qualification;
    Counts counts;
  };
  Found found = look([id = *id](Pipeline& pipeline, Store&) {
    Found one;
    if (const Qualification* known = pipeline.reference().qualification(id)) one.qualification = *known;
    for (const auto& [cell, entries] : pipeline.totals())
      if (cell.qualification == id) one.counts.add(cell, entries);
    return one;
  });
  if (!found.qualification)
    return not_found("No such qualification is known; send its QualificationDefined, or correct the number.", "qualification",
                     "qualification-known", request.parameters[0]);
  const Qualification& q = *found.qualification;
  auto flag = [](bool value) { return value ? "true" : "false"; };
  std::string body = "{\"qualification\":\"" + text_of(q.id) + "\",\"title\":" + json_string(q.title) +
                     ",\"awardingOrganisation\":\"" + text_of(q.awarding_organisation) + "\",\"level\":\"" + v1::Level_Name(q.level) +
                     "\",\"guidedLearningHours\":" + std::to_string(q.guided_learning_hours) +
                     ",\"ucasPoints\":" + std::to_string(q.ucas_points) + ",\"performanceTable\":" + flag(q.performance_table) +
                     ",\"inCheckpointScope\":" + flag(q.in_checkpoint_scope()) +
                     ",\"awardedWithoutClaim\":" + flag(q.awarded_without_claim) +
                     ",\"gradingScale\":" + json_string(q.grading_scale) +
                     ",\"unitGradingScale\":" + json_string(q.unit_grading_scale) +
                     ",\"optionalCreditRequired\":" + std::to_string(q.optional_credit_required) + ",\"units\":[";
  for (const UnitRule& unit : q.units) {
    if (&unit != q.units.data()) body += ',';
    body += "{\"code\":" + json_string(unit.code) + ",\"mandatory\":" + flag(unit.mandatory) + ",\"credit\":" + std::to_string(unit.credit) + "}";
  }
  return {200, "application/json", body + "]," + found.counts.json() + "}\n"};
}

}  // namespace vtq
