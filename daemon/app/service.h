// resultsd put together: engine, workers, metrics and HTTP server, from settings.
//
//   constructed (ready) -> stop_taking -> drained -> destroyed
//
// The README's chapter "Threads" lists them all. Public members are for the thread that made it.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/access/access.h"
#include "daemon/access/learner_mask.h"
#include "daemon/audit/audit.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/trusted_clock.h"
#include "daemon/engine/verifier.h"
#include "daemon/http/http_server.h"
#include "daemon/http/tls.h"
#include "daemon/intake/ingest.h"
#include "daemon/kafka/engine.h"
#include "daemon/metrics/metrics.h"
#include "daemon/process/settings.h"
#include "daemon/reads/forward.h"
#include "daemon/reads/read_pool.h"
#include "daemon/reads/reads.h"
#include "daemon/sign_in/sign_in.h"

namespace vtq {

std::string_view version();
/// The commit that was built, with `+` where files were changed since; `unknown` outside of a checkout.
std::string_view commit();
/// `resultsd 0.1.0 (commit 0123456789ab)`.
std::string version_text(std::string_view program);
/// proto/http/openapi.json, as built in.
std::string_view openapi_text();

/// Where a route's handler runs.
enum class Place { http, people, exports, backup };

/// What of all that the instances have a request is about.
struct Concern {
  enum class Of { this_instance, partition, all } of = Of::this_instance;
  std::uint32_t partition = 0;
};

struct Route {
  std::string method;
  std::string pattern;  ///< `/v1/entries/{centre}/...`
  std::function<void(HttpRequest&&, Respond&&)> take;
  RouteRights rights = {};
};

class Service {
 public:
  /// Opens the store and listens. Throws TlsFault, StoreError, kafka::KafkaError and ListenError; kafka::StoppedWaiting when `asked_to_stop` says so
  /// while it waits for Kafka.
  explicit Service(const Settings& settings, const std::function<bool()>& asked_to_stop = {});
  ~Service();

  unsigned short port() const { return server_->port(); }
  /// Of the listener for health alone; nothing: there is none.
  std::optional<unsigned short> health_port() const { return health_ ? std::optional(health_->port()) : std::nullopt; }
  /// To be called now and then: reads the certificate again where its files changed, or `at_once`, and says so in the log.
  void refresh(bool at_once);
  /// Why it cannot go on; empty: it can.
  std::string failure() const;
  /// Whether the engine makes progress: what /livez says.
  bool alive() { return live().status == 200; }
  /// /readyz says no, no more connections; finishes what is in flight, as long as that takes within the limit; commits. `for_good`: on Kafka
  /// this instance's partitions go to the others at once, instead of being kept for its return.
  void stop(bool for_good = false);

 private:
  /// What can be asked of a listener.
  enum class Open { all, health };
  void listen();
  void dispatch(HttpRequest&& request, Respond&& respond, Open open);
  using Handler = std::function<HttpReply(const HttpRequest&)>;
  using ConcernOf = std::function<Concern(const HttpRequest&)>;
  void add(std::string method, std::string pattern, Place place, Handler handler, ConcernOf concern = {});
  /// A request on Kafka that may be about partitions of other instances. About one that is here, or passed on to here: in the pool of `place`. About
  /// one that is elsewhere: `forward` passes it on. About all, with other instances there: on `forward`, which gathers this one's part and asks for
  /// theirs. `answer`: answers, or returns nothing where another thread will.
  using Answer = std::function<std::optional<HttpReply>(const HttpRequest&, const Respond&)>;
  void answer_anywhere(HttpRequest&& request, Respond&& respond, Place place, const Concern& concern, Answer answer);
  std::optional<HttpReply> attempt(const HttpRequest& request, const Respond& respond, const Concern& concern, const Answer& answer);
  Concern of_centre(std::optional<CentreId> centre) const;
  void add_routes();
  /// `of`: of all that the instances have, or of the centre named.
  void add_release_routes(const ConcernOf& of);
  /// Keeps who learners are from callers without the role learner-details: service_mask.cc.
  void mask_learners(Route& route);
  HttpReply live();
  HttpReply ready();
  std::string metrics_text();
  void answer_metrics();
  /// What keeps a request from its route: an unknown host, another origin, a form, an encoding. Nothing: it may go on.
  std::optional<Problem> refusal(const HttpRequest& request) const;
  /// Why this caller may not have this route; nothing: it may, and is named in the request.
  std::optional<HttpReply> closed_to(HttpRequest& request, const Route& route);
  /// The same before its body is read, by who calls alone.
  std::optional<Problem> closed_before_body(const HttpRequest& request);
  bool knows_keys_for(const HttpRequest& request) const;
  void note_refusal(const std::string& route, const Problem& problem, const Caller* caller, const std::string& peer);
  // Of the audit: service_audit.cc.
  void give_seals(EngineOptions& options) const;
  std::unique_ptr<Audit> make_audit();
  void note_start();
  void add_audit_routes();
  HttpReply audit_page(const HttpRequest& request);
  HttpReply audit_checkpoint(const HttpRequest& request);
  /// Who sends it, for its events; null where callers need not say who they are.
  std::shared_ptr<const std::string> said_by(const HttpRequest& request) const;
  /// Has the route take the request, and an act on record first: one that changes something before it begins, one that shows results before they go
  /// out.
  void take_on_record(const Route& route, HttpRequest&& request, Respond&& respond);
  MayAssert may_assert(const std::shared_ptr<const Caller>& caller);
  HttpReply keys(const HttpRequest& request);
  HttpReply make_access_key(const HttpRequest& request);
  HttpReply revoke_access_key(const HttpRequest& request);
  void make_sign_in();
  void add_sign_in_routes();
  void add_step(std::string pattern, SignInStep (SignIn::*step)(const HttpRequest&));
  HttpReply noted(const HttpRequest& request, SignInStep&& step);
  HttpReply sign_out(const HttpRequest& request);
  /// Of somebody else, by operations: service_people.cc.
  HttpReply sign_out_person(const HttpRequest& request);
  /// Puts a word about a key or a person among the facts, and waits until it is known here. A problem: it was not taken.
  std::optional<Problem> say_of_key(v1::Event&& event, const HttpRequest& request, const std::function<bool(const AccessFacts&)>& known);
  ReadPool& pool(Place place, const HttpRequest& request);
  HttpReply seal_key(const HttpRequest& request);
  HttpReply instances(const HttpRequest& request);
  HttpReply clock(const HttpRequest& request);
  HttpReply confirm_clock(const HttpRequest& request);

  Settings settings_;
  std::optional<AccessSecret> access_secret_;      ///< read before anything else is begun
  std::optional<LearnerHandles> learner_handles_;  ///< nothing: nobody has to say who asks
  std::optional<NoteKey> audit_key_;               ///< likewise
  std::shared_ptr<const Seal> seal_;               ///< null: nothing is sealed
  std::atomic<std::int64_t> refused_second_{-1}, refused_unlogged_{0};
  std::atomic<std::size_t> unrecorded_bytes_{0};  ///< of replies that wait until they are on record
  TrustedClock clock_;
  std::vector<Route> routes_;
  std::unique_ptr<Metrics> metrics_;
  std::string openapi_;
  std::atomic<bool> stopping_{false}, ended_{false};
  std::vector<std::string> host_names_;
  std::shared_ptr<TlsCertificate> tls_;  // null: none
  std::chrono::steady_clock::time_point tls_looked_at_{};
  // Scrapes that came while one was being answered are answered together by the next.
  std::mutex metrics_mutex_;
  std::vector<Respond> metrics_asked_;
  // On the metrics thread.
  EntryGauges last_gauges_;
  std::chrono::steady_clock::time_point last_gauges_at_ = std::chrono::steady_clock::now();
  std::shared_ptr<std::future<EntryGauges>> gauges_asked_;
  // From here on, in the order in which they may go: what answers dies before who asked.
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpServer> health_;  // null: health is asked of the other alone
  std::unique_ptr<Engine> engine_;
  kafka::KafkaEngine* kafka_ = nullptr;  // the engine, when it is that one
  const Owners* owners_ = nullptr;       // the same, where instances share the partitions
  std::unique_ptr<Access> access_;       // null: callers need not say who they are
  std::unique_ptr<SignIn> sign_in_;      // null: nobody signs in, and there are no tokens
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<Forward> forward_;  // on Kafka
  std::unique_ptr<Reads> reads_;
  std::unique_ptr<ReadPool> people_;
  std::unique_ptr<ReadPool> exports_;
  std::unique_ptr<ReadPool> signing_in_;  // null as sign_in_
  std::unique_ptr<Worker> metrics_thread_;
  std::unique_ptr<Worker> backup_;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<Ingest> ingest_;
};

}  // namespace vtq
