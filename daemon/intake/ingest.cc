#include "daemon/intake/ingest.h"

#include <algorithm>

namespace vtq {
namespace {

/// Above this many events only the ones worth a look are listed in the reply, unless all are asked for.
constexpr std::size_t kListedMax = 100;
/// And of those, so many: the others are counted as omitted.
constexpr std::size_t kWorthALookMax = 1000;

/// A body of more takes milliseconds to read.
constexpr std::size_t kLargeBodyBytes = 64u << 10;

constexpr std::string_view kOutcomes[] = {"accepted", "superseded", "duplicate", "waiting", "rejected", "setAside", "published"};

std::size_t outcome_of(const Answer& answer) { return answer.published ? std::size(kOutcomes) - 1 : static_cast<std::size_t>(answer.verdict.kind); }

std::string why_json(const Rejection& why) {
  return "\"field\":" + json_string(why.field) + ",\"rule\":" + json_string(why.rule) + ",\"value\":" + json_string(why.value) +
         ",\"message\":" + json_string(why.message);
}

std::string event_json(std::size_t index, const std::string& id, std::size_t line, const Answer& answer) {
  const Verdict& verdict = answer.verdict;
  std::string text = "{\"index\":" + std::to_string(index) + ",\"line\":" + std::to_string(line) + ",\"id\":" + json_string(id) + ",\"outcome\":\"" +
                     std::string(kOutcomes[outcome_of(answer)]) + "\"";
  if (verdict.why) text += "," + why_json(*verdict.why);
  if (verdict.kind == Verdict::Kind::rejected) text += ",\"rejectedId\":" + json_string(verdict.rejected_id);
  if (verdict.kind == Verdict::Kind::waiting) text += ",\"until\":\"" + utc_text(verdict.until_ms) + "\"";
  if (!answer.warnings.empty()) {
    text += ",\"warnings\":[";
    for (const Rejection& warning : answer.warnings) text += (&warning == answer.warnings.data() ? "{" : ",{") + why_json(warning) + "}";
    text += "]";
  }
  return text + "}";
}

struct Named {
  std::string id;
  std::size_t line;
};

/// `bytes_max`: of the list; events that do not fit into it are counted as omitted.
std::string answers_json(const std::vector<Answer>& answers, const std::vector<Named>& names, bool all, std::size_t bytes_max) {
  std::size_t counts[std::size(kOutcomes)] = {};
  std::size_t in_list = 0, omitted = 0;
  std::string listed;
  for (std::size_t at = 0; at < answers.size(); ++at) {
    ++counts[outcome_of(answers[at])];
    // Events that wait, are rejected or set aside say why, and so do calendars that open nothing earlier.
    bool plain = !answers[at].verdict.why && answers[at].warnings.empty();
    if (plain && !all && answers.size() > kListedMax) continue;
    if ((!all && in_list == kWorthALookMax) || listed.size() >= bytes_max) {
      ++omitted;
      continue;
    }
    ++in_list;
    if (!listed.empty()) listed += ',';
    listed += event_json(at, names[at].id, names[at].line, answers[at]);
  }
  std::string text = "{";
  bool published = counts[std::size(kOutcomes) - 1] > 0;
  for (std::size_t kind = 0; kind < std::size(kOutcomes) - (published ? 0 : 1); ++kind)
    if (kind != static_cast<std::size_t>(Verdict::Kind::set_aside) || counts[kind] > 0)
      text += "\"" + std::string(kOutcomes[kind]) + "\":" + std::to_string(counts[kind]) + ",";
  text += "\"events\":[";
  text += listed;
  return text + "],\"omitted\":" + std::to_string(omitted) + "}\n";
}

/// The members that a refused body's problem has besides the usual ones.
std::string errors_json(const std::vector<BodyError>& errors) {
  if (errors.empty()) return "";
  std::string text = "\"errors\":[";
  for (const BodyError& error : errors)
    text += std::string(&error == errors.data() ? "" : ",") + "{\"line\":" + std::to_string(error.line) + ",\"id\":" + json_string(error.id) + "," +
            why_json(error.why) + "}";
  return text + "]";
}

HttpReply unprocessable(const Rejection& why, const std::string& members) {
  return reply_with({422, "Rejected", why.message, why.field, why.rule, why.value, members});
}

Problem not_marked(const std::string& id) {
  return {503,  "On the move",      "The event was taken, but its record moved to another instance before it was marked; replay it again.",
          "id", "partition-moving", id};
}

/// Of one event; what `check` says against it is said later.
std::optional<Rejection> why_not_its_to_say(std::string& bytes, const MayAssert& may) {
  v1::Event event;
  if (!event.ParseFromString(bytes)) return std::nullopt;
  if (may.fill && may.fill(event)) event.SerializeToString(&bytes);
  Result<Address> address = check(event);
  return address && may.refusal ? may.refusal(event, *kind_of_fact(event), address.value()) : std::nullopt;
}

/// Whether it is somebody's own word, which nobody else sends again for them, and nobody vouches for afterwards.
bool is_own_word(const std::string& bytes) {
  v1::Event event;
  return event.ParseFromString(bytes) && (said_by_of(event) || must_be_vouched_for(event));
}

/// Whether nobody could hold it against its sender's rights when it came: it did not open then.
bool is_sealed(const ReadEvent& read) {
  v1::Event event;
  return !read.submitted.unreadable && event.ParseFromString(read.submitted.event) && event.has_sealed();
}

Problem set_aside(const Rejection& why) { return {503, "Set aside", why.message, why.field, why.rule, why.value}; }

HttpReply busy_or(const Problem& problem) {
  HttpReply reply = reply_with(problem);
  if (problem.status == 503) reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

HttpReply unsupported(const std::string& content_type) {
  return reply_with({415, "Unknown format",
                     "Send application/json, application/x-ndjson, application/x-protobuf or application/x-protobuf-delimited.", "Content-Type",
                     "content-type", content_type});
}

}  // namespace

Ingest::Ingest(Engine& engine, const Clock& clock, const IngestOptions& options)
    : engine_(engine),
      clock_(clock),
      options_(options),
      worker_("ingest",
              [this] {
                retry();
                give_up_overdue();
              }),
      large_("ingest-large") {}

void Ingest::take_events(HttpRequest&& request, Respond&& respond) {
  bool large = request.body.size() > kLargeBodyBytes;
  (large ? large_ : worker_).post([this, large, request = std::move(request), respond = std::move(respond)]() mutable {
    answer_within_memory(respond, [&] {
      try {
        read_and_offer(request, respond, large);
      } catch (const StoreDamage& error) {
        respond(busy_or({503, "Damaged", error.what(), "", "store-damaged"}));
      } catch (const StoreError& error) {
        respond(reply_with({500, "Store error", error.what(), "", "store"}));
      }
    });
  });
}

void Ingest::replay(HttpRequest&& request, Respond&& respond) {
  worker_.post([this, request = std::move(request), respond = std::move(respond)]() mutable {
    answer_within_memory(respond, [&] {
      try {
        read_and_replay(request, respond);
      } catch (const StoreError& error) {
        respond(reply_with({500, "Store error", error.what(), "", "store"}));
      }
    });
  });
}

void Ingest::read_and_offer(HttpRequest& request, const Respond& respond, bool large) {
  auto format = body_format(request.content_type);
  if (!format) return respond(unsupported(request.content_type));
  const std::string* detail = request.query_value("detail");
  if (request.query.size() > (detail ? 1u : 0u) || (detail && *detail != "all"))
    return respond(reply_with({400, "Wrong query parameter", "Only detail=all is known here.", "detail", "query-parameter", detail ? *detail : ""}));
  ReadBody body = read_body(request.body, *format, options_.body, options_.may_of ? options_.may_of(request.caller) : MayAssert{});
  if (body.unreadable) {
    const Rejection& why = *body.unreadable;
    const char* title = body.status == 400              ? "Unreadable body"
                        : body.status == 403            ? "Not yours to say"
                        : body.status == 413            ? "Too many events"
                        : why.rule == "body-errors-max" ? "Too many errors"
                                                        : "Rejected";
    return respond(reply_with({body.status, title, why.message, why.field, why.rule, why.value, errors_json(body.errors)}));
  }
  if (body.events.empty()) return respond({200, "application/json", answers_json({}, {}, true, 0)});
  request.body = {};

  const auto by = options_.by_of ? options_.by_of(request) : nullptr;
  std::vector<Submitted> events;
  std::vector<Named> names;
  events.reserve(body.events.size());
  names.reserve(body.events.size());
  for (ReadEvent& read : body.events) {
    events.push_back(std::move(read.submitted));
    events.back().by = by;
    names.push_back({std::move(read.id), read.line});
  }
  Answered answered = [this, respond, names = std::make_shared<std::vector<Named>>(std::move(names)), all = detail != nullptr, single = body.single,
                       large](std::vector<Answer>&& answers, std::optional<Problem>&& problem) {
    if (problem) return respond(busy_or(*problem));
    const Verdict& first = answers.front().verdict;
    if (single && first.kind == Verdict::Kind::rejected)
      return respond(unprocessable(*first.why, "\"id\":" + json_string(names->front().id) + ",\"rejectedId\":" + json_string(first.rejected_id)));
    auto aside = std::find_if(answers.begin(), answers.end(), [](const Answer& answer) { return answer.verdict.kind == Verdict::Kind::set_aside; });
    if (single && aside != answers.end()) return respond(busy_or(set_aside(*aside->verdict.why)));
    HttpReply reply;
    // The others are taken; sent again with the rest they count once.
    if (aside != answers.end()) reply = {503, "application/json", "", {{"Retry-After", "60"}}};
    if (answers.size() <= kListedMax) {
      reply.body = answers_json(answers, *names, all, options_.reply_bytes_max);
      return respond(std::move(reply));
    }
    // The engine's thread has events to see to: a long answer is written on another.
    (large ? large_ : worker_)
        .post([this, respond, names, all, reply, answers = std::make_shared<std::vector<Answer>>(std::move(answers))]() mutable {
          answer_within_memory(respond, [&] {
            reply.body = answers_json(*answers, *names, all, options_.reply_bytes_max);
            respond(std::move(reply));
          });
        });
  };
  if (!large) return offer(std::move(events), std::move(answered));
  worker_.post([this, respond, events = std::move(events), answered = std::move(answered)]() mutable {
    answer_within_memory(respond, [&] { offer(std::move(events), std::move(answered)); });
  });
}

void Ingest::read_and_replay(HttpRequest& request, const Respond& respond) {
  std::string id = request.parameters[0];
  if (!request.query.empty())
    return respond(reply_with(
        {400, "Wrong query parameter", "There are none here.", request.query.front().first, "query-parameter", request.query.front().second}));
  std::optional<v1::Rejected> record;
  try {
    record = engine_.store().rejected_record(id);
  } catch (const StoreDamage& error) {
    return respond(busy_or({503, "Damaged", error.what(), "", "store-damaged"}));
  } catch (const StoreError& error) {
    return respond(reply_with({500, "Store error", error.what(), "", "store"}));
  }
  if (!record) return respond(reply_with({404, "Not found", "There is no such rejected record.", "id", "rejected-known", id}));
  if (record->has_replayed_at())
    return respond(reply_with(
        {409, "Replayed already", "This record was replayed already; send further changes as events of their own.", "id", "rejected-open", id}));
  if (request.body.empty() && record->has_whole())
    return respond(reply_with({409, "Not kept whole",
                               "Of this record only the beginning was kept, for it had " + std::to_string(record->whole().bytes()) +
                                   " bytes; send what is to stand in its place: resultsctl rejected replay " + id + " --with FILE.",
                               "id", "rejected-whole", id}));
  ReadEvent read;
  if (request.body.empty()) {
    read = record->json() ? read_json_event(record->original()) : read_protobuf_event(record->original());
  } else {
    auto format = body_format(request.content_type);
    if (!format || (*format != BodyFormat::json && *format != BodyFormat::protobuf)) return respond(unsupported(request.content_type));
    read = *format == BodyFormat::json ? read_json_event(request.body) : read_protobuf_event(request.body);
  }
  const bool was_sealed = is_sealed(read);
  open_sealed(read, options_.body.seal);
  // What cannot be read is not rejected anew: the record stands already.
  if (read.submitted.unreadable) return respond(unprocessable(*read.submitted.unreadable, "\"id\":" + json_string(id)));
  if (request.body.empty() && options_.may_of && is_own_word(read.submitted.event))
    return respond(reply_with({403, "Not yours to say", "This is its sender's own word, as an approval or a halt: let them send it again.", "saidBy",
                               "said-by-caller", ""}));
  // The record was its sender's to say; what is put in its place must be this one's.
  if ((!request.body.empty() || was_sealed) && options_.may_of)
    if (auto why = why_not_its_to_say(read.submitted.event, options_.may_of(request.caller)))
      return respond(reply_with({403, "Not yours to say", why->message, why->field, why->rule, why->value}));

  std::vector<Submitted> events;
  events.push_back(std::move(read.submitted));
  if (options_.by_of) events.back().by = options_.by_of(request);
  offer(std::move(events), [this, id, respond](std::vector<Answer>&& answers, std::optional<Problem>&& problem) {
    if (problem) return respond(busy_or(*problem));
    const Verdict& verdict = answers.front().verdict;
    if (verdict.kind == Verdict::Kind::rejected)
      return respond(unprocessable(*verdict.why, "\"id\":" + json_string(id) + ",\"rejectedId\":" + json_string(verdict.rejected_id)));
    if (verdict.kind == Verdict::Kind::set_aside) return respond(busy_or(set_aside(*verdict.why)));
    // A fact that waits is taken: should its time run out, it is rejected under a new id.
    std::string outcome = event_json(0, id, 1, answers.front());
    engine_.post([id, at = clock_.now(), respond, outcome, &engine = engine_](Pipeline&, Store& store) {
      try {
        if (!store.mark_replayed(id, at)) return respond(busy_or(not_marked(id)));
      } catch (const StoreDamage& damaged) {
        return respond(busy_or({503, "Damaged", damaged.what(), "id", "store-damaged", id}));
      }
      // The next look runs after the mark's commit, or after it came to nothing.
      engine.post([id, respond, outcome](Pipeline&, Store& marked) {
        std::optional<v1::Rejected> after;
        try {
          after = marked.rejected_record(id);
        } catch (const StoreDamage& damaged) {
          return respond(busy_or({503, "Damaged", damaged.what(), "id", "store-damaged", id}));
        }
        if (!after || !after->has_replayed_at()) return respond(busy_or(not_marked(id)));
        respond({200, "application/json", outcome + "\n"});
      });
    });
  });
}

void Ingest::offer(std::vector<Submitted>&& events, Answered answered) {
  Held held{std::move(events), std::make_shared<Answered>(std::move(answered)),
            std::chrono::steady_clock::now() + std::chrono::seconds(options_.wait_seconds_max)};
  if (held_.empty() && submit(held)) return;
  held_.push_back(std::move(held));
  wake_when_room();
}

bool Ingest::submit(Held& held) {
  if (EngineState state = engine_.state(); state != EngineState::running && state != EngineState::starting) {
    (*held.answered)({}, Problem{503, "Not running", "resultsd is stopping or has failed; send these events again later.", "", "engine-running"});
    return true;
  }
  return engine_.submit(std::move(held.events), [answered = held.answered](std::vector<Answer>&& answers) {
    std::optional<Problem> problem;
    if (answers.empty())
      problem =
          Problem{503, "Not committed",
                  "These events were not committed: the store failed, or on Kafka neither the brokers nor a partition could be had. Send them again.",
                  "", "engine-running"};
    (*answered)(std::move(answers), std::move(problem));
  });
}

void Ingest::retry() {
  while (!held_.empty() && submit(held_.front())) held_.pop_front();
  if (!held_.empty()) wake_when_room();
}

void Ingest::wake_when_room() {
  // Below half of its limit the engine wakes at once; what does not fit even then waits for the next tick.
  if (waking_ || engine_.queued_bytes() <= options_.body.memory_bytes_max / 2) return;
  waking_ = true;
  engine_.when_room([this] {
    worker_.post([this] {
      waking_ = false;
      retry();
    });
  });
}

void Ingest::give_up_overdue() {
  auto now = std::chrono::steady_clock::now();
  while (!held_.empty() && held_.front().until <= now) {
    (*held_.front().answered)({}, Problem{503, "Busy", "The queue of events stayed full; send them again.", "", "queue-bytes-max"});
    held_.pop_front();
  }
}

}  // namespace vtq
