#include <algorithm>
#include <limits>

#include "daemon/reads/reads.h"
#include "daemon/reads/status_json.h"
#include "pipeline/status/words.h"

namespace vtq {
namespace {

/// Where a page ended: the last entry's centre and key.
struct Cursor {
  CentreId centre{};
  EntryKey key;
};

/// Opaque to clients: hexadecimal of centre, qualification, series and learner.
std::string text_of_cursor(CentreId centre, const EntryKey& key) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string plain = text_of(centre) + text_of(key.qualification) + text_of(key.series) + key.learner, out;
  for (char c : plain) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[c & 15];
  }
  return out;
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  std::string encoded;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) (encoded += '%') += text.substr(at, 2);
  auto plain = percent_decode(encoded);
  constexpr std::size_t kFixed = 5 + 10 + 7;
  if (!plain || text.size() % 2 != 0 || plain->size() <= kFixed) return std::nullopt;
  std::string_view rest = *plain;
  auto centre = parse_centre(rest.substr(0, 5));
  auto qualification = parse_qualification(rest.substr(5, 10));
  auto series = parse_series(rest.substr(15, 7));
  if (!centre || !qualification || !series || !learner_is_well_formed(rest.substr(kFixed))) return std::nullopt;
  return Cursor{*centre, {*qualification, *series, std::string(rest.substr(kFixed))}};
}

/// Centres with an entry that the filter takes, ascending, from `from` on.
std::vector<CentreId> centres_with(const Pipeline& pipeline, const CellFilter& filter, CentreId from) {
  std::vector<CentreId> ids;
  for (const Partition* partition : pipeline.owned()) {
    partition->each_centre([&](const Centre& centre) {
      if (centre.id < from || (filter.centre && *filter.centre != centre.id)) return;
      const auto& cells = centre.summary.cells.all();
      if (std::any_of(cells.begin(), cells.end(), [&](const auto& cell) { return filter.takes(cell.first); })) ids.push_back(centre.id);
    });
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

// The pipeline goes on with its events after so many.
constexpr std::size_t kEntriesInOneLook = 100;
constexpr std::ptrdiff_t kEntriesPassedInOneLook = 5'000;

/// Of the time that a read may take: to write the page, and for one more look.
constexpr std::chrono::seconds kLeftForTheRest{3};

struct Found {
  struct Item {
    EntryKey key;
    v1::EntryStatus status;
  };
  std::vector<Item> items;
  std::optional<EntryKey> go_on_after;  ///< nothing: there are no more
};

/// At most `count` entries of one centre that the filter takes, in order of their keys, after `after`; fewer where many are not taken.
Found entries_of(Pipeline& pipeline, const CellFilter& filter, CentreId id, const std::optional<EntryKey>& after, std::size_t count) {
  Found found;
  Partition& partition = partition_of(pipeline, id);
  const Centre* centre = partition.centre(id);
  if (!centre) return found;
  const std::vector<const Entry*>& all = centre->by_key();
  auto at = all.begin();
  if (after) at = std::upper_bound(all.begin(), all.end(), *after, [](const EntryKey& key, const Entry* entry) { return key < entry->key; });
  const auto end = all.end() - at > kEntriesPassedInOneLook ? at + kEntriesPassedInOneLook : all.end();
  for (; at != end && found.items.size() < count; ++at) {
    const Entry& entry = **at;
    if (entry.status.stage == v1::STAGE_UNSPECIFIED) continue;
    const Qualification* qualification = pipeline.reference().qualification(entry.key.qualification);
    if (filter.takes(cell_of(entry.status, entry.key.qualification, qualification->awarding_organisation, qualification->level, entry.key.series)))
      found.items.push_back({entry.key, partition.describe(*centre, entry, true)});
  }
  if (at != all.end()) found.go_on_after = (*(at - 1))->key;
  return found;
}

std::string time_or_null(TimeMs at) { return at == 0 ? "null" : "\"" + utc_text(at) + "\""; }

/// What was said about an entry, without any grade.
std::string facts_json(const EntryFacts& facts) {
  std::string answer = facts.answered.set() ? "\"" + v1::CheckpointAnswered::Answer_Name(facts.answer) + "\"" : "null";
  return "{\"registeredAt\":" + time_or_null(facts.registered.at_ms) + ",\"checkpointAnswer\":" + answer +
         ",\"answeredAt\":" + time_or_null(facts.answered.at_ms) + ",\"claimed\":" + (facts.has_claim() ? "true" : "false") +
         ",\"claimedAt\":" + time_or_null(facts.has_claim() ? facts.claim.at_ms : 0) +
         ",\"resultDetermined\":" + (facts.has_result() ? "true" : "false") + ",\"withdrawn\":" + (facts.withdrawn.set() ? "true" : "false") +
         ",\"transferred\":" + (facts.transferred.set() ? "true" : "false") + ",\"unitsRecorded\":" + std::to_string(facts.units.size()) + "}";
}

}  // namespace

HttpReply Reads::entry(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto centre = parse_centre(request.parameters[0]);
  auto qualification = parse_qualification(request.parameters[1]);
  auto series = parse_series(request.parameters[2]);
  const std::string& learner = request.parameters[3];
  if (!centre) return not_found("A national centre number has exactly 5 digits.", "centre", "centre-form", request.parameters[0]);
  if (!qualification)
    return not_found("Give the qualification number as 8 characters without slashes.", "qualification", "qualification-form", request.parameters[1]);
  if (!series) return not_found("A series is the month of its results day, YYYY-MM.", "series", "series-form", request.parameters[2]);
  EntryKey key{*qualification, *series, learner};
  ReadModel::Visit visit = begin_visit();
  std::string body = look(visit, [id = *centre, key](Pipeline& pipeline) -> std::string {
    Partition& partition = partition_of(pipeline, id);
    const Centre* held = partition.centre(id);
    const Entry* entry = held ? held->find(key) : nullptr;
    if (!entry || entry->status.stage == v1::STAGE_UNSPECIFIED) return {};
    std::string step(step_words(entry->status.step));
    return "{\"status\":" + status_json(partition.describe(*held, *entry, true)) + ",\"facts\":" + facts_json(entry->facts) +
           ",\"nextStep\":" + json_string(step) + ",\"reasonText\":" + json_string(reason_words(entry->status.reason)) + "}\n";
  });
  if (body.empty())
    return not_found("No such entry is registered. Check centre, qualification, series and the learner's registration number.", "entry",
                     "entry-registered");
  return {200, "application/json", std::move(body)};
}

HttpReply Reads::entries(const HttpRequest& request) {
  Query query(request, {"cell", "limit", "after"});
  CellFilter filter = query.cell_filter();
  auto limit = static_cast<std::size_t>(query.number("limit", 1, 10'000, 100));
  std::optional<Cursor> after;
  if (std::string text = query.text("after"); !text.empty()) {
    after = parse_cursor(text);
    if (!after) query.fail("after", text, "Give the cursor of the page before, as it came.");
  }
  if (query.wrong()) return reply_with(*query.wrong());

  auto gather = [&] {
    // A cursor sorts as the list does: its fields have fixed widths up to the learner.
    ReadModel::Visit visit = begin_visit();
    PagePart page{.items = {}, .limit = limit, .before = [](const std::string& a, const std::string& b) { return a < b; }};
    CentreId from = after ? after->centre : CentreId{};
    auto centres = look(visit, [filter, from](Pipeline& pipeline) { return centres_with(pipeline, filter, from); });
    const std::size_t bytes_max = forward_ ? std::numeric_limits<std::size_t>::max() : ReadBounds::current().reply_bytes_max;
    const auto until = ReadBounds::current().until - kLeftForTheRest;
    std::size_t bytes = 0;
    for (CentreId id : centres) {
      std::optional<EntryKey> after_key;
      if (after && after->centre == id) after_key = after->key;
      // A large centre in portions: the pipeline goes on with its events in between.
      for (bool more = true; more && page.items.size() < page.limit;) {
        std::size_t most = std::min(kEntriesInOneLook, limit - page.items.size());
        Found found = look(visit, [filter, id, after_key, most](Pipeline& pipeline) { return entries_of(pipeline, filter, id, after_key, most); });
        for (const Found::Item& item : found.items) {
          page.items.push_back({text_of_cursor(id, item.key), status_json(item.status)});
          bytes += page.items.back().text.size();
        }
        more = found.go_on_after.has_value();
        after_key = std::move(found.go_on_after);
        // A page that would not be done in time ends, and its link leads to the next.
        bool in_time = forward_ || page.items.empty() || std::chrono::steady_clock::now() < until;
        if (bytes >= bytes_max || !in_time) page.limit = page.items.size();
      }
      if (page.items.size() == page.limit) break;
    }
    return page;
  };
  return over_all<PagePart>(request, gather, [&](const PagePart& page) {
    return page_reply(request, page, {.member = "entries", .name = "after", .lines = wants_lines(request)});
  });
}

}  // namespace vtq
