#include "daemon/reads.h"

namespace vtq {
namespace {

std::string level_name(const v1::ResultBatch& batch) { return v1::Level_Name(batch.level()); }

std::string time_json(const google::protobuf::Timestamp& at) { return "\"" + utc_text(time_of(at)) + "\""; }

/// Everything about a batch but its results.
std::string metadata(const v1::ResultBatch& batch, TimeMs centre_opens, bool open) {
  int late = 0;
  for (const v1::Result& result : batch.results()) late += result.late();
  return "{\"batch\":\"" + batch.batch() + "\",\"centre\":\"" + batch.centre() + "\",\"awardingOrganisation\":\"" +
         batch.awarding_organisation() + "\",\"series\":\"" + batch.series() + "\",\"level\":\"" + level_name(batch) +
         "\",\"number\":" + std::to_string(batch.number()) + ",\"kind\":\"" + v1::ResultBatch::Kind_Name(batch.kind()) +
         "\",\"issuedAt\":" + time_json(batch.issued_at()) + ",\"centreReleaseAt\":" + time_json(batch.centre_release_at()) +
         ",\"learnerReleaseAt\":" + time_json(batch.learner_release_at()) +
         ",\"resultCount\":" + std::to_string(batch.results_size()) + ",\"lateCount\":" + std::to_string(late) +
         (open ? "" : ",\"embargoedUntil\":\"" + utc_text(centre_opens) + "\"") + "}";
}

HttpReply closed(std::string_view rule, const std::string& batch, TimeMs opens) {
  std::string who = rule == "centre-release" ? "The centre" : "The learner";
  return reply_with({403, "Under embargo",
                     who + " may see these results from " + local_text(opens) + " (Europe/London) on. Ask again then.", "batch",
                     std::string(rule), batch, "\"opensAt\":\"" + utc_text(opens) + "\""});
}

struct Page {
  std::optional<CentreId> centre;
  std::optional<BatchId> after;
  std::size_t limit = 0;
};

Page page_of(Query& query, std::int64_t most) {
  Page page;
  page.centre = query.cell_filter().centre;
  page.limit = static_cast<std::size_t>(query.number("limit", 1, most, 100));
  if (std::string text = query.text("after"); !text.empty()) {
    page.after = parse_batch_id(text);
    if (!page.after) query.fail("after", text, "Give the name of the last batch of the page before.");
  }
  return page;
}

/// The page as JSON or JSON Lines; with a link when there may be more.
template <class Write>
HttpReply page_reply(const HttpRequest& request, bool lines, const std::vector<v1::ResultBatch>& batches, std::size_t limit, Write write) {
  std::string next = batches.size() == limit ? batches.back().batch() : "";
  std::string body = lines ? "" : "{\"batches\":[";
  for (std::size_t at = 0; at < batches.size(); ++at) {
    if (!lines && at > 0) body += ',';
    body += write(at);
    if (lines) body += '\n';
  }
  if (!lines) body += "],\"next\":" + (next.empty() ? "null" : json_string(next)) + "}\n";
  HttpReply reply{200, std::string(lines ? kJsonLines : "application/json"), std::move(body)};
  if (!next.empty()) reply.headers.push_back(link_to_next(request, "after", next));
  return reply;
}

}  // namespace

std::vector<Reads::Opens> Reads::gates(const std::vector<v1::ResultBatch>& batches, Gate gate) {
  struct Asked {
    CentreId centre;
    CohortKey cohort;
    TimeMs issued_with;
  };
  std::vector<Asked> asked;
  for (const v1::ResultBatch& batch : batches) {
    const auto& at = gate == Gate::centre ? batch.centre_release_at() : batch.learner_release_at();
    asked.push_back({*parse_centre(batch.centre()),
                     {*parse_awarding_organisation(batch.awarding_organisation()), batch.level(), *parse_series(batch.series())},
                     time_of(at)});
  }
  bool event_time = settings_.time_source == "event";
  return look([asked = std::move(asked), gate, event_time, now = clock_.now()](Pipeline& pipeline, Store&) {
    std::vector<Opens> found;
    for (const Asked& one : asked) {
      TimeMs at = one.issued_with;
      if (const Calendar* calendar = pipeline.reference().calendar(one.cohort))
        at = std::max(at, gate == Gate::centre ? calendar->centre_release : calendar->learner_release);
      bool reached = now >= at && (!event_time || pipeline.partition(pipeline.partition_of(one.centre)).time() >= at);
      found.push_back({std::min(at, kLatestEventMs), reached});
    }
    return found;
  });
}

HttpReply Reads::batches(const HttpRequest& request) {
  Query query(request, {"centre", "limit", "after"});
  Page page = page_of(query, 1000);
  if (query.wrong()) return reply_with(*query.wrong());
  auto found = engine_.store().batches(page.centre, page.after, page.limit);
  auto opens = gates(found, Gate::centre);
  return page_reply(request, wants_lines(request), found, page.limit,
                    [&](std::size_t at) { return metadata(found[at], opens[at].at_ms, opens[at].open); });
}

HttpReply Reads::export_batches(const HttpRequest& request) {
  Query query(request, {"centre", "limit", "after"});
  Page page = page_of(query, 1000);
  if (query.wrong()) return reply_with(*query.wrong());
  auto found = engine_.store().batches(page.centre, page.after, page.limit);
  auto opens = gates(found, Gate::centre);
  return page_reply(request, true, found, page.limit, [&](std::size_t at) {
    return opens[at].open ? json_of(found[at]) : metadata(found[at], opens[at].at_ms, false);
  });
}

HttpReply Reads::batch(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_batch_id(request.parameters[0]);
  auto batch = id ? engine_.store().batch(*id) : std::nullopt;
  if (!batch) return not_found("There is no such batch; a batch is named centre.awarding-organisation.series.number.", "batch", "batch-known", request.parameters[0]);
  Opens opens = gates({*batch}, Gate::centre).front();
  if (!opens.open) return closed("centre-release", batch->batch(), opens.at_ms);
  return {200, "application/json", json_of(*batch) + "\n"};
}

HttpReply Reads::learner_result(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_batch_id(request.parameters[0]);
  auto batch = id ? engine_.store().batch(*id) : std::nullopt;
  if (!batch) return not_found("There is no such batch; a batch is named centre.awarding-organisation.series.number.", "batch", "batch-known", request.parameters[0]);
  // Before its gate opens, not even whether the learner is in the batch is told.
  Opens opens = gates({*batch}, Gate::learner).front();
  if (!opens.open) return closed("learner-release", batch->batch(), opens.at_ms);
  auto qualification = parse_qualification(request.parameters[1]);
  for (const v1::Result& result : batch->results()) {
    if (result.entry().learner() != request.parameters[2] || parse_qualification(result.entry().qualification()) != qualification) continue;
    return {200, "application/json",
            "{\"batch\":\"" + batch->batch() + "\",\"issuedAt\":" + time_json(batch->issued_at()) + ",\"result\":" + json_of(result) + "}\n"};
  }
  return not_found("The batch has no result for this qualification and learner.", "learner", "result-in-batch");
}

}  // namespace vtq
