// Takes events from HTTP into the engine. Bodies are read on threads of their own: small ones on `ingest`, so that they wait for no large one,
// those on `ingest-large`. When the engine's queue is full events are held, in order, until there is room or their time is up, and their
// connections are not read meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <new>

#include "daemon/engine/engine.h"
#include "daemon/engine/worker.h"
#include "daemon/http/http_message.h"
#include "daemon/intake/event_bodies.h"

namespace vtq {

struct IngestOptions {
  BodyLimits body;                          ///< its memory: no more than the engine's queue may hold
  std::size_t reply_bytes_max = 16u << 20;  ///< of the list of events in a reply; what does not fit is counted
  unsigned wait_seconds_max = 30;           ///< for room in the queue
  /// What a caller may assert; null: everything.
  std::function<MayAssert(const std::shared_ptr<const Caller>&)> may_of = {};
  /// Who sends a request, as a serialised AuditActor. Null: its events say only their source.
  std::function<std::shared_ptr<const std::string>(const HttpRequest&)> by_of = {};
};

class Ingest {
 public:
  Ingest(Engine& engine, const Clock& clock, const IngestOptions& options);

  /// POST /v1/events. Any thread.
  void take_events(HttpRequest&& request, Respond&& respond);
  /// POST /v1/rejected/{id}/replay. Any thread.
  void replay(HttpRequest&& request, Respond&& respond);
  /// Drops what is held. To be called once the engine answers no more.
  void stop() {
    large_.stop();
    worker_.stop();
  }

 private:
  /// Answers once: with one answer per event, or with the problem that kept them from being taken.
  using Answered = std::function<void(std::vector<Answer>&&, std::optional<Problem>&&)>;
  struct Held {
    std::vector<Submitted> events;
    std::shared_ptr<Answered> answered;
    std::chrono::steady_clock::time_point until;
  };

  void read_and_offer(HttpRequest& request, const Respond& respond, bool large);
  void read_and_replay(HttpRequest& request, const Respond& respond);
  /// A failed allocation while answering ends the request.
  template <class AnswerIt>
  static void answer_within_memory(const Respond& respond, AnswerIt answer_it) {
    try {
      answer_it();
    } catch (const std::bad_alloc&) {
      respond(reply_without_memory());
    }
  }
  void offer(std::vector<Submitted>&& events, Answered answered);
  bool submit(Held& held);
  void retry();
  void wake_when_room();
  void give_up_overdue();

  Engine& engine_;
  const Clock& clock_;
  IngestOptions options_;
  // On the worker's thread only.
  std::deque<Held> held_;
  bool waking_ = false;
  // Last: they stop before what they use dies.
  Worker worker_;
  Worker large_;  ///< reads large bodies, and writes the long answers to them
};

}  // namespace vtq
