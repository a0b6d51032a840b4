#include <algorithm>
#include <limits>

#include "daemon/reads/reads.h"

namespace vtq {
namespace {

std::string level_name(const v1::ResultBatch& batch) { return v1::Level_Name(batch.level()); }

std::string time_json(const google::protobuf::Timestamp& at) { return "\"" + utc_text(time_of(at)) + "\""; }

/// Everything about a batch but its results.
std::string metadata(const v1::ResultBatch& batch, const BatchView& view) {
  int late = 0;
  for (const v1::Result& result : batch.results()) late += result.late();
  return "{\"batch\":\"" + batch.batch() + "\",\"centre\":\"" + batch.centre() + "\",\"awardingOrganisation\":\"" + batch.awarding_organisation() +
         "\",\"series\":\"" + batch.series() + "\",\"level\":\"" + level_name(batch) + "\",\"number\":" + std::to_string(batch.number()) +
         ",\"kind\":\"" + v1::ResultBatch::Kind_Name(batch.kind()) + "\",\"issuedAt\":" + time_json(batch.issued_at()) +
         ",\"centreReleaseAt\":" + time_json(batch.centre_release_at()) + ",\"learnerReleaseAt\":" + time_json(batch.learner_release_at()) +
         ",\"resultCount\":" + std::to_string(batch.results_size()) + ",\"lateCount\":" + std::to_string(late) +
         ",\"withheldCount\":" + std::to_string(view.withheld) + ",\"halted\":" + (view.halted ? "true" : "false") +
         (view.open ? "" : ",\"embargoedUntil\":\"" + utc_text(view.opens_ms) + "\"") + "}";
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
    std::string numbers = gap.to == gap.from.number ? "number " + std::to_string(gap.to)
                                                    : "numbers " + std::to_string(gap.from.number) + " to " + std::to_string(gap.to);
    text += std::string(text.empty() ? "" : ",") + "{\"from\":\"" + text_of(gap.from) + "\",\"to\":\"" + text_of(to) + "\",\"since\":\"" +
            utc_text(gap.at_ms) + "\",\"why\":" +
            json_string(numbers + " may have been issued before a backup was restored, or a loss accepted, on " + local_text(gap.at_ms) +
                        "; they are not used again. Keep such a batch if you hold one, and ask the awarding organisation.") +
            "}";
  }
  return "[" + text + "]";
}

bool batch_before(const std::string& a, const std::string& b) { return parse_batch_id(a) < parse_batch_id(b); }

}  // namespace

HttpReply closed(Role role, const std::string& batch, const BatchView& view, const GateTime& time) {
  std::string who = role == Role::centre ? "The centre" : "The learner";
  std::string rule = role == Role::centre ? "centre-release" : "learner-release";
  std::string detail = who + " may see these results from " + local_text(view.opens_ms) + " (Europe/London) on. Ask again then.";
  if (!time.trusted) {
    rule = "clock-trusted";
    detail = "The clock is not trusted, so that nothing opens; an operator confirms it with resultsctl clock confirm.";
  }
  return reply_with({403, "Under embargo", detail, "batch", rule, batch, "\"opensAt\":\"" + utc_text(view.opens_ms) + "\""});
}

HttpReply no_such_batch(const std::string& name) {
  return not_found("There is no such batch; a batch is named centre.awarding-organisation.series.number.", "batch", "batch-known", name);
}

namespace {

BatchView view_of(Pipeline& pipeline, const v1::ResultBatch& batch, Role role, GateTime time) {
  CentreId id = *parse_centre(batch.centre());
  Partition& partition = partition_of(pipeline, id);
  if (time.logical_ms) time.logical_ms = partition.time();
  const Centre* centre = partition.centre(id);
  static const Centre kNone{};
  return partition.view(centre ? *centre : kNone, batch, role, time);
}

}  // namespace

BatchView Reads::view(const v1::ResultBatch& batch, Role role) {
  ReadModel::Visit visit = begin_visit_now();
  return look(visit, [batch, role, time = gate_time()](Pipeline& pipeline) { return view_of(pipeline, batch, role, time); });
}

std::vector<BatchView> Reads::views(ReadModel::Visit& visit, const std::shared_ptr<const std::vector<v1::ResultBatch>>& batches, std::size_t from,
                                    Role role) {
  constexpr int kResultsInOneLook = 2'000;
  visit.ask_again();
  return look(visit, [batches, from, role, time = gate_time()](Pipeline& pipeline) {
    std::vector<BatchView> found;
    for (int results = 0; from + found.size() < batches->size() && results < kResultsInOneLook;) {
      const v1::ResultBatch& batch = (*batches)[from + found.size()];
      results += batch.results_size();
      // A centre whose records cannot be read keeps its batches shut, and leaves the list to the others.
      BatchView shut{.opens_ms = time_of(batch.centre_release_at()), .withheld = static_cast<std::uint32_t>(batch.results_size())};
      try {
        found.push_back(view_of(pipeline, batch, role, time));
      } catch (const CentreSetAside&) {
        found.push_back(std::move(shut));
      }
    }
    return found;
  });
}

constexpr std::size_t kBatchesAtOnce = 16;

template <class Write>
HttpReply Reads::batch_page(const HttpRequest& request, bool lines, Write write) {
  Query query(request, {"centre", "limit", "after"});
  Asked asked = asked_of(query, 1000);
  if (query.wrong()) return reply_with(*query.wrong());
  auto gather = [&] {
    ReadModel::Visit visit = begin_visit();
    PagePart page{.items = {}, .limit = asked.limit, .before = batch_before};
    // In portions, so that a page holds no more than it shows: a batch may have thousands of results.
    const std::size_t bytes_max = forward_ ? std::numeric_limits<std::size_t>::max() : ReadBounds::current().reply_bytes_max;
    std::size_t bytes = 0;
    auto after = asked.after;
    for (bool more = true; more && page.items.size() < page.limit;) {
      std::size_t most = std::min(kBatchesAtOnce, asked.limit - page.items.size());
      auto found = std::make_shared<const std::vector<v1::ResultBatch>>(engine_.store().batches(asked.centre, after, most));
      if (found->empty()) break;
      for (std::size_t at = 0; at < found->size();) {
        for (const BatchView& may : views(visit, found, at, Role::centre)) {
          page.items.push_back({(*found)[at].batch(), write((*found)[at], may)});
          bytes += page.items.back().text.size();
          ++at;
        }
      }
      more = found->size() == most;
      if (more) after = parse_batch_id(found->back().batch());
      if (bytes >= bytes_max) page.limit = page.items.size();
    }
    return page;
  };
  // On Kafka nothing is restored from a backup, so there are none.
  std::string more = lines || asked.after ? "" : ",\"gaps\":" + gaps_json(engine_.store().number_gaps(asked.centre));
  return over_all<PagePart>(request, gather, [&](const PagePart& page) {
    return page_reply(request, page, {.member = "batches", .name = "after", .lines = lines, .more = more});
  });
}

HttpReply Reads::batches(const HttpRequest& request) { return batch_page(request, wants_lines(request), metadata); }

HttpReply Reads::export_batches(const HttpRequest& request) {
  return batch_page(request, true, [](const v1::ResultBatch& batch, const BatchView& view) {
    return view.open ? json_of(shown(batch, view)) : metadata(batch, view);
  });
}

HttpReply Reads::batch(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_batch_id(request.parameters[0]);
  auto batch = id ? engine_.store().batch(*id) : std::nullopt;
  if (!batch) return no_such_batch(request.parameters[0]);
  BatchView may = view(*batch, Role::centre);
  if (!may.open) return closed(Role::centre, batch->batch(), may, gate_time());
  return {200, "application/json", json_of(shown(*batch, may)) + "\n"};
}

HttpReply Reads::learner_result(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto id = parse_batch_id(request.parameters[0]);
  auto batch = id ? engine_.store().batch(*id) : std::nullopt;
  if (!batch) return no_such_batch(request.parameters[0]);
  // Before its gate opens, not even whether the learner is in the batch is told.
  BatchView may = view(*batch, Role::learner);
  if (!may.open) return closed(Role::learner, batch->batch(), may, gate_time());
  auto qualification = parse_qualification(request.parameters[1]);
  v1::ResultBatch out = shown(*batch, may);
  for (int at = 0; at < out.results_size(); ++at) {
    const v1::Result& result = out.results(at);
    if (result.entry().learner() != request.parameters[2] || parse_qualification(result.entry().qualification()) != qualification) continue;
    std::string successor = result.superseded_by().empty() ? "null" : "\"" + result.superseded_by() + "\"";
    if (!result.withheld().empty())
      return reply_with({403, "Withheld", result.withheld_text(), "learner", result.withheld(), "", "\"supersededBy\":" + successor});
    return {200, "application/json",
            "{\"batch\":\"" + batch->batch() + "\",\"issuedAt\":" + time_json(batch->issued_at()) + ",\"supersededBy\":" + successor +
                ",\"result\":" + json_of(result) + "}\n"};
  }
  return not_found("The batch has no result for this qualification and learner.", "learner", "result-in-batch");
}

}  // namespace vtq
