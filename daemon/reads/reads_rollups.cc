#include <algorithm>
#include <map>

#include "daemon/reads/reads.h"
#include "daemon/reads/rollup_json.h"
#include "daemon/reads/rollup_rows.h"

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

std::vector<const Dimension*> dimensions_of(Query& query) {
  const auto& all = rollup_dimensions();
  std::vector<const Dimension*> found;
  std::string text = query.text("by");
  std::string_view rest = text;
  while (!rest.empty()) {
    auto end = rest.find(',');
    std::string_view name = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    auto at = std::find_if(all.begin(), all.end(), [&](const Dimension& one) { return one.name == name; });
    if (at == all.end()) {
      query.fail("by", name, "Give dimensions out of awarding_organisation, level, qualification, series, centre, stage, need, band, reason, late.");
      return {};
    }
    if (std::find(found.begin(), found.end(), &*at) != found.end()) {
      query.fail("by", name, "The dimension stands twice; name each once.");
      return {};
    }
    found.push_back(&*at);
  }
  if (found.empty()) query.fail("by", text, "Give at least one dimension: by=stage.");
  return found;
}

std::string qualification_json(const Qualification& q, const Counts& counts) {
  auto flag = [](bool value) { return value ? "true" : "false"; };
  std::string body = "{\"qualification\":\"" + text_of(q.id) + "\",\"title\":" + json_string(q.title) + ",\"awardingOrganisation\":\"" +
                     text_of(q.awarding_organisation) + "\",\"level\":\"" + v1::Level_Name(q.level) +
                     "\",\"guidedLearningHours\":" + std::to_string(q.guided_learning_hours) + ",\"ucasPoints\":" + std::to_string(q.ucas_points) +
                     ",\"performanceTable\":" + flag(q.performance_table) + ",\"inCheckpointScope\":" + flag(q.in_checkpoint_scope()) +
                     ",\"awardedWithoutClaim\":" + flag(q.awarded_without_claim) + ",\"gradingScale\":" + json_string(q.grading_scale) +
                     ",\"unitGradingScale\":" + json_string(q.unit_grading_scale) +
                     ",\"optionalCreditRequired\":" + std::to_string(q.optional_credit_required) + ",\"units\":[";
  for (const UnitRule& unit : q.units) {
    if (&unit != q.units.data()) body += ',';
    body += "{\"code\":" + json_string(unit.code) + ",\"mandatory\":" + flag(unit.mandatory) + ",\"credit\":" + std::to_string(unit.credit) + "}";
  }
  return body + "]," + counts.json() + "}\n";
}

OverviewPart::Halt shown_halt(std::string centre, const HaltInForce& halt) {
  bool all = halt.awarding_organisation == AwardingOrganisationId{}, all_qualifications = halt.qualification == QualificationId{};
  return {std::move(centre), all ? "*" : text_of(halt.awarding_organisation), text_of(halt.series), halt.since_ms,
          all_qualifications ? "" : text_of(halt.qualification)};
}

OverviewPart overview_of(const Pipeline& pipeline) {
  OverviewPart overview;
  overview.time_ms = pipeline.time();
  std::vector<CohortKey> cohorts;
  for (const auto& [cell, entries] : pipeline.totals()) {
    overview.counts.add(cell, entries);
    OverviewPart::Organisation& one = overview.organisations[cell.awarding_organisation];
    one.entries += entries;
    if (cell.band == v1::WATCH) one.watch += entries;
    if (cell.band == v1::AT_RISK) one.at_risk += entries;
    if (cell.late) one.late += entries;
    if (cell.stage >= v1::ISSUED && cell.stage <= v1::RELEASED) one.issued += entries;
    if (is_withheld(cell)) overview.withheld += static_cast<std::uint64_t>(entries);
    CohortKey cohort{cell.awarding_organisation, cell.level, cell.series};
    if (std::find(cohorts.begin(), cohorts.end(), cohort) == cohorts.end()) cohorts.push_back(cohort);
  }
  for (auto& [id, one] : overview.organisations)
    if (const AwardingOrganisation* known = pipeline.reference().awarding_organisation(id)) one.name = known->name;
  for (const CohortKey& cohort : cohorts)
    if (const Calendar* calendar = pipeline.reference().calendar(cohort)) {
      auto add = [&](std::string name, TimeMs at) {
        overview.deadlines.push_back({at, text_of(cohort.awarding_organisation), cohort.level, std::move(name), text_of(cohort.series)});
      };
      for (const CheckpointWindow& window : calendar->windows)
        if (&window != &calendar->windows.back()) add(window.name.empty() ? "checkpoint_closes" : "checkpoint_closes " + window.name, window.closes);
      for (const DeclarationDue& one : calendar->declarations) add("declaration " + one.name, one.at);
      for (auto [name, at] : deadlines_of(*calendar))
        if (at != kNever)
          overview.deadlines.push_back({at, text_of(cohort.awarding_organisation), cohort.level, std::string(name), text_of(cohort.series)});
    }
  for (const Partition* partition : pipeline.owned()) {
    overview.waiting += partition->waiting();
    partition->each_centre([&](const Centre& centre) {
      overview.centres += !centre.summary.cells.all().empty();
      for (const HaltInForce& halt : centre.summary.halts) overview.halts.push_back(shown_halt(text_of(centre.id), halt));
    });
  }
  for (const HaltInForce& halt : pipeline.reference().halts()) overview.halts.push_back(shown_halt("*", halt));
  std::sort(overview.halts.begin(), overview.halts.end());
  return overview;
}

std::string overview_json(const OverviewPart& overview, std::string_view time_source) {
  std::string body = "{\"time\":" + (overview.time_ms == 0 ? "null" : "\"" + utc_text(overview.time_ms) + "\"") +
                     ",\"timeSource\":" + json_string(time_source) + "," + overview.counts.json() +
                     ",\"centres\":" + std::to_string(overview.centres) + ",\"batches\":" + std::to_string(overview.batches) +
                     ",\"rejected\":" + std::to_string(overview.rejected) + ",\"waitingFacts\":" + std::to_string(overview.waiting) +
                     ",\"resultsWithheld\":" + std::to_string(overview.withheld) + ",\"halts\":[";
  bool first = true;
  for (const OverviewPart::Halt& one : overview.halts)
    body += std::string(std::exchange(first, false) ? "" : ",") + "{\"centre\":\"" + one.centre + "\",\"awardingOrganisation\":\"" +
            one.organisation + "\",\"qualification\":\"" + one.qualification + "\",\"series\":\"" + one.series + "\",\"since\":\"" +
            utc_text(one.since_ms) + "\"}";
  body += "],\"awardingOrganisations\":[";
  first = true;
  for (const auto& [id, one] : overview.organisations)
    body += std::string(std::exchange(first, false) ? "" : ",") + "{\"awardingOrganisation\":\"" + text_of(id) +
            "\",\"name\":" + json_string(one.name) + ",\"entries\":" + std::to_string(one.entries) + ",\"watch\":" + std::to_string(one.watch) +
            ",\"atRisk\":" + std::to_string(one.at_risk) + ",\"late\":" + std::to_string(one.late) + ",\"issued\":" + std::to_string(one.issued) +
            "}";
  body += "],\"nextDeadlines\":[";
  first = true;
  for (const OverviewPart::Deadline& one : overview.next_deadlines(20))
    body += std::string(std::exchange(first, false) ? "" : ",") + "{\"awardingOrganisation\":\"" + one.organisation + "\",\"level\":\"" +
            v1::Level_Name(one.level) + "\",\"series\":\"" + one.series + "\",\"deadline\":\"" + one.name + "\",\"at\":\"" + utc_text(one.at_ms) +
            "\",\"secondsLeft\":" + std::to_string((one.at_ms - overview.time_ms) / 1000) + "}";
  return body + "]}\n";
}

std::string left_json(const std::vector<std::uint32_t>& partitions, const std::vector<Forward::Silent>& instances) {
  std::string body = "{\"partitions\":[" + partitions_text(partitions) + "],\"instances\":[";
  for (const Forward::Silent& one : instances)
    body += std::string(&one == instances.data() ? "" : ",") + "{\"url\":" + json_string(one.url) + ",\"why\":" + json_string(one.why) + "}";
  return body + "]}";
}

}  // namespace

HttpReply Reads::overview(const HttpRequest& request) {
  Query query(request, {"partial"});
  bool partial = query.flag("partial").value_or(false);
  if (query.wrong()) return reply_with(*query.wrong());
  auto gather = [&] {
    ReadModel::Visit visit = begin_visit();
    OverviewPart overview = look(visit, [](Pipeline& pipeline) { return overview_of(pipeline); });
    overview.batches = engine_.store().batch_count();
    overview.rejected = engine_.store().rejected_count();
    return overview;
  };
  Left left;
  auto render = [&](const OverviewPart& overview) {
    std::string body = overview_json(overview, settings_.time_source);
    if (partial) body.replace(body.rfind('}'), 1, ",\"missing\":" + left_json(left.partitions, left.instances) + "}");
    return HttpReply{200, "application/json", std::move(body)};
  };
  return over_all<OverviewPart>(request, gather, render, partial ? &left : nullptr);
}

HttpReply Reads::rollups(const HttpRequest& request) {
  Query query(request, {"cell", "by"});
  CellFilter filter = query.cell_filter();
  std::vector<const Dimension*> dimensions = dimensions_of(query);
  if (query.wrong()) return reply_with(*query.wrong());
  bool by_centre = std::any_of(dimensions.begin(), dimensions.end(), [](const Dimension* one) { return one->name == "centre"; });
  auto gather = [&] {
    ReadModel::Visit visit = begin_visit();
    return look(visit, [filter, dimensions, by_centre](Pipeline& pipeline) {
      RollupPart counted;
      each_cell(pipeline, filter, by_centre, [&](CentreId centre, const Cell& cell, std::int64_t entries) {
        RollupKey key, whole{centre, cell};
        for (const Dimension* one : dimensions) one->put(key, one->value(whole));
        counted.rows[key] += entries;
      });
      return counted;
    });
  };
  return over_all<RollupPart>(request, gather, [&](const RollupPart& part) {
    return HttpReply{200, "application/json", rollup_json(part.rows, dimensions)};
  });
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
  ReadModel::Visit visit = begin_visit();
  Found found = look(visit, [id = *id](Pipeline& pipeline) {
    Found one;
    if (const v1::CentreDefined* defined = pipeline.reference().centre(id)) one.defined = *defined;
    partition_of(pipeline, id).each_centre([&](const Centre& centre) {
      if (centre.id != id) return;
      one.any = true;
      one.waiting = centre.summary.waiting;
      for (const BatchSequence& sequence : centre.summary.sequences) one.batches += sequence.number;
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
    return not_found("Give the qualification number as 8 characters without slashes.", "qualification", "qualification-form", request.parameters[0]);
  std::optional<Qualification> qualification;
  auto gather = [&] {
    ReadModel::Visit visit = begin_visit();
    auto found = look(visit, [id = *id](Pipeline& pipeline) {
      std::pair<std::optional<Qualification>, CountsPart> one;
      if (const Qualification* known = pipeline.reference().qualification(id)) one.first = *known;
      for (const auto& [cell, entries] : pipeline.totals())
        if (cell.qualification == id) one.second.counts.add(cell, entries);
      return one;
    });
    // Every instance has all reference data.
    qualification = std::move(found.first);
    return std::move(found.second);
  };
  return over_all<CountsPart>(request, gather, [&](const CountsPart& part) {
    if (qualification) return HttpReply{200, "application/json", qualification_json(*qualification, part.counts)};
    return not_found("No such qualification is known; send its QualificationDefined, or correct the number.", "qualification", "qualification-known",
                     request.parameters[0]);
  });
}

}  // namespace vtq
