// What can be read over HTTP: entries, centres, qualifications, roll-ups, batches, rejected records, backups. Every handler runs on a
// thread of a ReadPool or on one of `forward`, and may block: on the store, and on looks at the read model, of which there is one at a time and
// which are kept short (one centre each).
//
// With several instances on Kafka, what is of all centres is added up from every instance's part. Each part names the partitions it is
// of, and an answer is given only when these are all, each once: what the directory of instances says decides whom to ask, never what is
// answered. On one centre the handlers answer as if it were here: whoever calls them sees to that.
//
// Grades leave through the gate of pipeline/release/gate.h only, asked with the server's wall clock, in event-time mode with logical time too; while
// the clock is doubted none do. Entries never carry a grade at all.
#pragma once

#include <chrono>
#include <stdexcept>
#include <tuple>

#include "daemon/engine/engine.h"
#include "daemon/http/http_message.h"
#include "daemon/process/settings.h"
#include "daemon/reads/answer_parts.h"
#include "daemon/reads/forward.h"
#include "daemon/reads/query.h"
#include "daemon/reads/read_pool.h"

namespace vtq {

/// A look did not get its turn in time.
struct EngineStalled : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Reads {
 public:
  /// `forward`: to the other instances, on Kafka; null: there are none.
  Reads(Engine& engine, const Clock& clock, const Settings& settings, Forward* forward)
      : engine_(engine), clock_(clock), settings_(settings), forward_(forward) {}

  HttpReply entry(const HttpRequest& request);
  HttpReply entries(const HttpRequest& request);
  HttpReply centre(const HttpRequest& request);
  /// What is asked of the centre's assessment, in words; and what it did in a month, as JSON or CSV.
  HttpReply scrutiny(const HttpRequest& request);
  HttpReply activity(const HttpRequest& request);
  HttpReply qualification(const HttpRequest& request);
  HttpReply qualification_approval(const HttpRequest& request);
  HttpReply rollups(const HttpRequest& request);
  HttpReply overview(const HttpRequest& request);
  /// Where the releases of an awarding organisation and series stand; and what would go to whom.
  HttpReply releases(const HttpRequest& request);
  HttpReply releases_dry_run(const HttpRequest& request);
  HttpReply batches(const HttpRequest& request);
  HttpReply batch(const HttpRequest& request);
  HttpReply learner_result(const HttpRequest& request);
  /// The batch as a file of age, at any time; and what opens it, when all of it may be seen.
  HttpReply sealed_batch(const HttpRequest& request);
  HttpReply batch_key(const HttpRequest& request);
  HttpReply export_batches(const HttpRequest& request);
  HttpReply rejected_records(const HttpRequest& request);
  HttpReply rejected_record(const HttpRequest& request);
  HttpReply backups(const HttpRequest& request);
  /// Takes as long as the store is large: on a thread of its own.
  HttpReply make_backup(const HttpRequest& request);

 private:
  static constexpr std::chrono::milliseconds kLookForClient{100};

  /// In event time the logical time is 0 until whoever looks puts in that of the partition.
  GateTime gate_time() const {
    const ClockState clock = clock_.state();
    return {
        .wall_ms = clock.now_ms, .logical_ms = settings_.time_source == "event" ? std::optional<TimeMs>(0) : std::nullopt, .trusted = clock.trusted};
  }
  BatchView view(const v1::ResultBatch& batch, Role role);
  /// The same of several in one look, from `from` on: of as many as have some thousand results, and at least of one. Those of a centre whose
  /// records cannot be read stay shut.
  std::vector<BatchView> views(ReadModel::Visit& visit, const std::shared_ptr<const std::vector<v1::ResultBatch>>& batches, std::size_t from,
                               Role role);
  bool may_be_seen(const v1::Rejected& record);

  /// For a request: what it is answered with was committed before it arrived, or after.
  ReadModel::Visit begin_visit() { return {engine_.read_model(), ReadBounds::current().arrived}; }
  /// For what was just read from the store: what is said of it is not older.
  ReadModel::Visit begin_visit_now() { return {engine_.read_model(), std::chrono::steady_clock::now()}; }

  /// Runs `look` on what was committed.
  template <class Look>
  auto look(ReadModel::Visit& visit, Look look) {
    const ReadBounds bounds = ReadBounds::current();
    for (;;) {
      if (auto model = visit.look(std::min(bounds.until, std::chrono::steady_clock::now() + kLookForClient))) return look(model->pipeline());
      if (bounds.gone && *bounds.gone) throw ClientGone();
      if (std::chrono::steady_clock::now() >= bounds.until) throw EngineStalled("Reads that came before took too long; ask again.");
    }
  }

  HttpReply releases(const HttpRequest& request, bool by_centre);

  template <class Write>
  HttpReply batch_page(const HttpRequest& request, bool lines, Write write);

  /// What an answer is without, where it may be of a part only.
  struct Left {
    std::vector<std::uint32_t> partitions;
    std::vector<Forward::Silent> instances;
  };

  /// What `render` makes of this instance's part and, unless the request was passed on or is of one centre, those of the others. `left`: filled
  /// with what is missing where others do not answer; null: then there is no answer. Throws PartitionMoving.
  template <class Part, class Gather, class Render>
  HttpReply over_all(const HttpRequest& request, Gather gather, Render render, Left* left = nullptr) {
    if (!forward_) return render(gather());
    const TakenPartitions taken = engine_.store().taken();
    Part part = gather();
    bool asks = !request.forwarded && !request.query_value("centre");
    std::vector<std::vector<std::uint32_t>> of{taken.partitions};
    if (asks) {
      std::vector<Forward::Part> others;
      if (left)
        std::tie(others, left->instances) = forward_->parts_of_who_answers(request);
      else
        others = forward_->parts_of_others(request);
      for (Forward::Part& other : others) {
        auto decoded = Part::decode(other.body);
        if (!decoded) throw PartitionMoving("An instance of another version answered.");
        part.add(std::move(*decoded));
        of.push_back(std::move(other.partitions));
      }
    }
    if (engine_.store().taken() != taken) throw PartitionMoving("Partitions came or went while this was being answered.");
    if (asks && left) left->partitions = in_none(of, engine_.store().partitions());
    bool all = !left || left->partitions.empty();
    if (asks && all && !each_once(of, engine_.store().partitions())) throw PartitionMoving("Some partitions are between two instances.");
    if (request.forwarded && request.accept == kPartType)
      return {200, std::string(kPartType), part.encode(), {{std::string(kPartitionsHeader), partitions_text(taken.partitions)}}};
    return render(std::move(part));
  }

  Engine& engine_;
  const Clock& clock_;
  const Settings& settings_;
  Forward* forward_;
};

/// The partition of a centre, in a look. Throws PartitionMoving when it is not here any more.
Partition& partition_of(Pipeline& pipeline, CentreId centre);

/// Protobuf's JSON mapping, every field written, so that readers need no defaults.
std::string json_of(const google::protobuf::Message& message);

TimeMs time_of(const google::protobuf::Timestamp& at);

/// `</v1/entries?limit=100&after=...>; rel="next"`: the request again, going on after `after`.
std::pair<std::string, std::string> link_to_next(const HttpRequest& request, std::string_view name, std::string_view after);

struct PageShape {
  std::string_view member;     ///< of the items, in JSON
  std::string_view name;       ///< of the query parameter that says where the page before ended
  bool lines = false;          ///< JSON Lines
  std::string_view more = "";  ///< further members of the JSON object, with a comma before each
};
/// With a link when there may be more. A page whose items pass ReadBounds::reply_bytes_max ends with the item that did.
HttpReply page_reply(const HttpRequest& request, const PagePart& page, const PageShape& shape);

bool wants_lines(const HttpRequest& request);
constexpr std::string_view kJsonLines = "application/x-ndjson";

HttpReply not_found(std::string detail, std::string field = {}, std::string rule = {}, std::string value = {});
HttpReply no_such_batch(const std::string& name);
/// Why a batch is not shown yet.
HttpReply closed(Role role, const std::string& batch, const BatchView& view, const GateTime& time);

}  // namespace vtq
