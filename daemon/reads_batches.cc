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

struct Asked {
  std::optional<CentreId> centre;
  std::optional<BatchId> after;
  std::size_t limit = 0;
};

Asked asked_of(Query& query, std::int64_t most) {
  Asked asked;
  asked.centre = query.cell_filter().centre;
  asked.limit = static_cast<std::size_t>(query.number("limit", 1, most, 100));
  if (std::string text = query.text("after"); !text.empty()) {
    asked.after = parse_batch_id(text);
    if (!asked.after) query.fail("after", text, "Give the name of the last batch of the page before.");
  }
  return asked;
}

/// Numbers that no batch has, and why: a centre that counts its batches must not look for them.
std::string gaps_json(const std::vector<NumberGap>& gaps) {
  std::string text;
  for (const NumberGap& gap : gaps) {
    BatchId to = gap.from;
    to.number = gap.to;
    std::string numbers = gap.to == gap.from.number ? "number " + std::to_string(gap.to) : "numbers " + std::to_string(gap.from.number) + " to " + std::to_string(gap.to);
    text += std::string(text.empty() ? "" : ",") + "{\"from\":\"" + text_of(gap.from) + "\",\"to\":\"" + text_of(to) + "\",\"since\":\"" + utc_text(gap.at_ms) +
            "\",\"why\":" + json_string(numbers + " may have been issued before a backup was restored, or a loss accepted, on " + local_text(gap.at_ms) +
                                         "; they are not used again. Keep such a batch if you hold one, and ask the awarding organisation.") + "}";
  }
  return "[" + text + "]";
}

bool batch_before(const std::string& a, const std::string& b) { return parse_batch_id(a) < parse_batch_id(b); }

}  // namespace

std::vector<Reads::Opens> Reads::gates(const std::vector<v1::ResultBatch>& batches, Gate gate) {
  struct Gated {
    CentreId centre;
    CohortKey cohort;
    TimeMs issued_with;
  };
  std::vector<Gated> asked;
  for (const v1::ResultBatch& batch : batches) {
    const auto& at = gate == Gate::centre ? batch.centre_release_at() : batch.learner_release_at();
    asked.push_back({*parse_centre(batch.centre()),
                     {*parse_awarding_organisation(batch.awarding_organisation()), batch.level(), *parse_series(batch.series())},
                     time_of(at)});
  }
  bool event_time = settings_.time_source == "event";
  return look([asked = std::move(asked), gate, event_time, now = clock_.now()](Pipeline& pipeline, Store&) {
    std::vector<Opens> found;
    for (const Gated& one : asked) {
      TimeMs at = one.issued_with;
      if (const Calendar* calendar = pipeline.reference().calendar(one.cohort))
        at = std::max(at, gate == Gate::centre ? calendar->centre_release : calendar->learner_release);
      bool reached = now >= at && (!event_time || partition_of(pipeline, one.centre).time() >= at);
      found.push_back({std::min(at, kLatestEventMs), reached});
    }
    return found;
  });
}

template <class Write>
HttpReply Reads::batch_page(const HttpRequest& request, bool lines, Write write) {
  Query query(request, {"centre", "limit", "after"});
  Asked asked = asked_of(query, 1000);
  if (query.wrong()) return reply_with(*query.wrong());
  auto gather = [&] {
    PagePart page{.items = {}, .limit = asked.limit, .before = batch_before};
    auto found = engine_.store().batches(asked.centre, asked.after, asked.limit);
    auto opens = gates(found, Gate::centre);
    for (std::size_t at = 0; at < found.size(); ++at) page.items.push_back({found[at].batch(), write(found[at], opens[at])});
    return page;
  };
  // On Kafka nothing is restored from a backup, so there are none.
  std::string more = lines || asked.after ? "" : ",\"gaps\":" + gaps_json(engine_.store().number_gaps(asked.centre));
  return over_all<PagePart>(request, gather, [&](const PagePart& page) {
    return page_reply(request, page, {.member = "batches", .name = "after", .lines = lines, .more = more});
  });
}

HttpReply Reads::batches(const HttpRequest& request) {
  return batch_page(request, wants_lines(request),
                    [](const v1::ResultBatch& batch, const Opens& opens) { return metadata(batch, opens.at_ms, opens.open); });
}

HttpReply Reads::export_batches(const HttpRequest& request) {
  return batch_page(request, true, [](const v1::ResultBatch& batch, const Opens& opens) {
    return opens.open ? json_of(batch) : metadata(batch, opens.at_ms, false);
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
