#include "daemon/app/service.h"

#include <signal.h>

#include <google/protobuf/util/time_util.h>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "daemon/access/said_by.h"
#include "daemon/audit/acts_of_routes.h"
#include "daemon/engine/embedded_engine.h"
#include "daemon/http/http_framing.h"
#include "daemon/process/listening.h"
#include "daemon/process/log.h"

namespace vtq {
namespace {

using Steady = std::chrono::steady_clock;

EngineOptions engine_options(const Settings& s, std::shared_ptr<const Seal> seal) {
  auto days = [](double value) { return static_cast<TimeMs>(value * static_cast<double>(kDayMs)); };
  auto hours = [](double value) { return static_cast<TimeMs>(value * static_cast<double>(kHourMs)); };
  EngineOptions options;
  options.directory = s.data_directory;
  options.store = {.partitions = static_cast<std::uint32_t>(s.partitions),
                   .block_cache_bytes = static_cast<std::size_t>(s.store_block_cache_bytes),
                   .write_buffer_bytes = static_cast<std::size_t>(s.store_write_buffer_bytes),
                   .wal_bytes_max = static_cast<std::size_t>(s.store_wal_bytes_max),
                   .sync = s.data_sync,
                   .making = s.init                     ? Making::asked
                             : s.data_create == "never" ? Making::never
                                                        : Making::if_absent,
                   .backups = s.backups(),
                   .log_bytes_max = static_cast<std::uint64_t>(s.store_log_bytes_max),
                   .log_seconds_max = static_cast<std::uint64_t>(s.store_log_days_max) * 86'400,
                   .seal = std::move(seal),
                   .note = [](const StoreNote& note) {
                     log::write(note.error ? log::Level::error : log::Level::warning, "store", {{"what", note.text}});
                   }};
  options.time_source = s.time_source == "event" ? TimeSource::event : TimeSource::wall;
  options.queue_bytes_max = static_cast<std::size_t>(s.engine_queue_bytes_max);
  options.threads = static_cast<std::size_t>(s.engine_threads);
  options.batch_events_max = static_cast<std::size_t>(s.engine_batch_events_max);
  options.entries_in_memory_max = static_cast<std::size_t>(s.engine_entries_in_memory_max);
  Policy& policy = options.policy;
  policy.event_step_max_ms = days(s.time_event_step_days_max);
  policy.registration_wait_ms = days(s.wait_registration_days);
  policy.reference_wait_ms = hours(s.wait_reference_minutes / 60);
  policy.waiting_per_centre_max = static_cast<std::uint32_t>(s.wait_facts_per_centre_max);
  policy.batch_results_max = static_cast<std::uint32_t>(s.release_batch_results_max);
  policy.release = {.lead_ms = hours(s.release_lead_hours),
                    .every_ms = hours(s.release_every_hours),
                    .final_margin_ms = hours(s.release_final_margin_minutes / 60),
                    .approvals_least = static_cast<std::uint32_t>(s.release_approvals_default)};
  policy.durations.configured = {{{days(s.risk_evidence_usual_days), days(s.risk_evidence_slow_days)},
                                  {days(s.risk_claim_usual_days), days(s.risk_claim_slow_days)},
                                  {days(s.risk_assurance_usual_days), days(s.risk_assurance_slow_days)},
                                  {days(s.risk_result_usual_days), days(s.risk_result_slow_days)}}};
  policy.durations.samples_min = static_cast<std::uint32_t>(s.risk_samples_min);
  return options;
}

/// What a listener for health alone answers, and any other also under load. By target or path.
bool is_health(std::string_view target) { return target == "/livez" || target == "/readyz" || target == "/metrics"; }

HttpOptions http_options(const Settings& s) {
  return {.address = s.http_address,
          .port = static_cast<unsigned short>(s.http_port),
          .trusted_proxy = s.http_trusted_proxy,
          .body_bytes_max = static_cast<std::size_t>(s.http_body_bytes_max),
          .bodies_bytes_max = static_cast<std::size_t>(s.http_bodies_bytes_max),
          .replies_bytes_max = static_cast<std::size_t>(s.http_replies_bytes_max),
          .connections_max = static_cast<std::size_t>(s.http_connections_max),
          .idle_seconds_max = static_cast<unsigned>(s.http_idle_seconds_max),
          .head_seconds_max = static_cast<unsigned>(s.http_head_seconds_max),
          .wait_seconds_max = static_cast<unsigned>(s.http_wait_seconds_max),
          .bytes_per_second_min = static_cast<std::size_t>(s.http_bytes_per_second_min),
          .reserved = is_health};
}

std::shared_ptr<TlsCertificate> tls_of(const Settings& s) {
  try {
    if (!s.http_ca_file.empty()) trust_of(s.http_ca_file);
  } catch (const std::invalid_argument& wrong) {
    throw TlsFault("http.ca_file", "certificate-form", s.http_ca_file, std::string("http.ca_file: ") + wrong.what());
  }
  if (!s.has_tls()) return nullptr;
  return std::make_shared<TlsCertificate>(TlsFiles{.certificate = s.http_tls_certificate_file, .key = s.http_tls_key_file});
}

/// An address as it stands in a URL: IPv6 in brackets.
std::string in_url(const std::string& address) { return address.find(':') == address.npos ? address : "[" + address + "]"; }

/// Names under which this server is reached: those of the settings, the addresses it listens on, and the one it tells other instances.
std::vector<std::string> host_names(const Settings& s) {
  std::vector<std::string> names;
  auto add = [&](std::string_view name) {
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (!name.empty()) names.emplace_back(name);
  };
  std::string_view rest = s.http_host_names;
  while (!rest.empty()) {
    auto comma = rest.find(',');
    add(rest.substr(0, comma));
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
  }
  for (const std::string& address : {s.http_address, s.http_health_address}) add(in_url(address));
  std::string_view url = s.kafka_advertise;
  if (auto scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('/'));
  if (auto colon = url.rfind(':'); colon != url.npos && url.find(']', colon) == url.npos) url = url.substr(0, colon);
  add(url);
  return names;
}

/// Connections to the listener for health: probes and scrapes.
constexpr std::size_t kHealthConnectionsMax = 32;
/// They have no bodies.
constexpr std::size_t kHealthBodyBytesMax = 64u << 10;
/// How often the files of the certificate are looked at.
constexpr std::chrono::seconds kTlsLookEvery{2};
constexpr unsigned kPeopleThreads = 2;
constexpr unsigned kExportThreads = 1;
/// A page of so many is an export, whoever asks.
constexpr std::int64_t kExportLimit = 1000;
/// How long a scrape waits for gauges from the pipeline, while it has events to see to and while it has none; after that it has those of
/// the last time.
constexpr std::chrono::milliseconds kGaugesWaitBusy{40}, kGaugesWaitIdle{1'000};

IngestOptions ingest_options(const Settings& s) {
  return {.body = {.events_max = static_cast<std::size_t>(s.http_body_events_max),
                   .errors_max = static_cast<std::size_t>(s.http_body_errors_max),
                   .memory_bytes_max = static_cast<std::size_t>(s.engine_queue_bytes_max)},
          .reply_bytes_max = static_cast<std::size_t>(s.http_reply_bytes_max),
          .wait_seconds_max = static_cast<unsigned>(s.http_wait_seconds_max)};
}

/// Crash tests, of resultsd_crashing: with RESULTSD_CRASH_AT=before_write:N or after_write:N in the environment the process kills itself, as by kill
/// -9, at the Nth passing of that point of a commit. Anything else in the variable is ignored.
void crash_when_asked(Engine& engine) {
  const char* asked = std::getenv("RESULTSD_CRASH_AT");
  if (!asked || !crash_points_heeded()) return;
  std::string text = asked;
  auto colon = text.find(':');
  if (colon == text.npos) return;
  std::string name = text.substr(0, colon);
  if (name != "before_write" && name != "after_write") return;
  CommitPoint at = name == "before_write" ? CommitPoint::before_write : CommitPoint::after_write;
  std::uint64_t count = std::strtoull(text.c_str() + colon + 1, nullptr, 10);
  engine
      .ask([at, count](Pipeline&, Store& store) {
        store.on_commit_point([at, left = count](CommitPoint point) mutable {
          if (point == at && left > 0 && --left == 0) ::raise(SIGKILL);
        });
      })
      .get();
}

std::string clock_json(const ClockState& clock) {
  nlohmann::ordered_json body{{"trusted", clock.trusted},
                              {"clock", utc_text(clock.wall_ms)},
                              {"expected", utc_text(clock.expected_ms)},
                              {"secondsAhead", (clock.wall_ms - clock.expected_ms) / 1000},
                              {"why", clock_words(clock)}};
  return body.dump();
}

std::string address_of(const Settings& s, unsigned short port) {
  return (s.has_tls() ? "https://" : "http://") + in_url(s.http_address) + ":" + std::to_string(port);
}

/// What this instance is about on Kafka, and what of its input is still to be done.
nlohmann::ordered_json kafka_json(const kafka::KafkaState& state, const kafka::TopicNames& names) {
  nlohmann::ordered_json json{{"joined", state.joined}, {"owned", state.owned}, {"restoring", state.restoring}, {"standby", state.following}};
  json["lag"] = json["openTransactions"] = nlohmann::ordered_json::array();
  for (const kafka::StreamLag& one : state.lags) {
    auto listed = [&](std::int64_t records, TimeMs since_ms) -> nlohmann::ordered_json {
      return {{"topic", names.of(one.topic)}, {"partition", one.partition}, {"records", records}, {"since", utc_text(since_ms)}};
    };
    if (one.records > 0) json["lag"].push_back(listed(one.records, one.behind_since_ms));
    if (one.held_records > 0) json["openTransactions"].push_back(listed(one.held_records, one.held_since_ms));
  }
  return json;
}

/// The decoded parameters, if the path fits the pattern.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parameters;
  while (!pattern.empty()) {
    if (path.empty() || path[0] != '/') return std::nullopt;
    std::string_view want = pattern.substr(1, pattern.find('/', 1) - 1);
    std::string_view have = path.substr(1, path.find('/', 1) - 1);
    pattern.remove_prefix(want.size() + 1);
    path.remove_prefix(have.size() + 1);
    if (!want.starts_with('{')) {
      if (want != have) return std::nullopt;
      continue;
    }
    auto decoded = percent_decode(have);
    if (!decoded || decoded->empty()) return std::nullopt;
    parameters.push_back(std::move(*decoded));
  }
  return path.empty() ? std::optional(std::move(parameters)) : std::nullopt;
}

/// The API's description with the routes that the server really has, `x-routes`.
std::string openapi_with(const std::vector<Route>& routes) {
  auto document = nlohmann::ordered_json::parse(openapi_text());
  auto names = nlohmann::ordered_json::array();
  auto rights = nlohmann::ordered_json::object();
  for (const Route& route : routes) {
    names.push_back(route.method + " " + route.pattern);
    rights[route.method + " " + route.pattern] = text_of(route.rights);
  }
  document["x-routes"] = std::move(names);
  document["x-rights"] = std::move(rights);
  return document.dump(2) + "\n";
}

/// For the record: whoever is refused may name methods that nobody has.
std::string method_of(const HttpRequest& request) {
  for (std::string_view known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
    if (request.method == known) return request.method;
  return "another method";
}

/// All that the answer to a read depends on, besides what was committed. Whatever else comes to decide about answers, such as who asks, has to be
/// in it; what is masked is masked of each client's own copy, after that.
std::string name_of(const HttpRequest& request) { return request.target + '\n' + request.accept + '\n' + (request.forwarded ? "1" : "0"); }

}  // namespace

std::string_view version() { return VTQ_VERSION; }

std::string version_text(std::string_view program) {
  return std::string(program) + " " + std::string(version()) + " (commit " + std::string(commit()) + ")";
}

Service::Service(const Settings& settings, const std::function<bool()>& asked_to_stop)
    : settings_(settings),
      access_secret_(!settings.access_secret_file.empty() ? std::optional(AccessSecret::read(settings.access_secret_file))
                     : settings.sign_in_demonstration     ? std::optional(AccessSecret::passing())
                                                          : std::nullopt),
      learner_handles_(access_secret_ ? std::optional(LearnerHandles(*access_secret_)) : std::nullopt),
      audit_key_(settings.audit_key_file.empty() ? std::nullopt : std::optional(NoteKey::read(settings.audit_key_file))),
      seal_(settings.seal_key_file.empty() ? nullptr : Seal::read(settings.seal_key_file)),
      clock_({.jump_max_ms = settings.clock_jump_seconds_max * 1000, .away_max_ms = settings.clock_away_days_max * kDayMs}),
      host_names_(host_names(settings)),
      tls_(tls_of(settings)) {
  add_routes();
  openapi_ = openapi_with(routes_);
  std::vector<std::string> patterns;
  for (const Route& route : routes_) patterns.push_back(route.method + " " + route.pattern);
  metrics_ = std::make_unique<Metrics>(version(), patterns, settings_.on_kafka());
  EngineOptions options = engine_options(settings_, seal_);
  give_seals(options);
  if (settings_.on_kafka()) {
    auto made = std::make_unique<kafka::KafkaEngine>(std::move(options), settings_, clock_, metrics_.get(), metrics_.get(), asked_to_stop);
    owners_ = kafka_ = made.get();
    engine_ = std::move(made);
  } else {
    engine_ = std::make_unique<EmbeddedEngine>(options, clock_, metrics_.get());
  }
  crash_when_asked(*engine_);
  if (access_secret_) access_ = std::make_unique<Access>(*access_secret_, engine_->store(), clock_);
  make_sign_in();
  audit_ = make_audit();
  Forward::Sign sign;
  if (access_) sign = [this](const HttpCall& call, const std::string& host) { return access_->sign(call.caller.get(), call, host); };
  if (owners_) forward_ = std::make_unique<Forward>(*owners_, settings_, std::move(sign));
  reads_ = std::make_unique<Reads>(*engine_, clock_, settings_, forward_.get());
  auto reads = [&](std::string name, unsigned threads) {
    return std::make_unique<ReadPool>(
        ReadPool::Options{.name = std::move(name),
                          .threads = threads,
                          .waiting_max = static_cast<std::size_t>(settings_.http_reads_waiting_max),
                          .time_max = std::chrono::seconds(settings_.http_read_seconds_max),
                          .reply_bytes_max = static_cast<std::size_t>(settings_.http_reply_bytes_max),
                          .has_room = [this] { return server_->replies_bytes() < static_cast<std::size_t>(settings_.http_replies_bytes_max); }});
  };
  listen();
  people_ = reads("people", kPeopleThreads);
  exports_ = reads("exports", kExportThreads);
  if (sign_in_) signing_in_ = reads("sign-in", kPeopleThreads);
  metrics_thread_ = std::make_unique<Worker>("metrics");
  backup_ = std::make_unique<Worker>("backup");
  verifier_ = std::make_unique<Verifier>(engine_->store(), clock_, static_cast<std::uint64_t>(settings_.store_verify_bytes_per_second),
                                         settings_.store_verify_every_hours);
  IngestOptions ingest = ingest_options(settings_);
  if (access_) ingest.by_of = [this](const HttpRequest& request) { return said_by(request); };
  ingest.body.seal = seal_.get();
  if (access_) ingest.may_of = [this](const std::shared_ptr<const Caller>& caller) { return may_assert(caller); };
  ingest_ = std::make_unique<Ingest>(*engine_, clock_, ingest);
  note_start();
  server_->start_taking();  // only now: handlers use the server too
  if (health_) health_->start_taking();
  if (kafka_) kafka_->advertise(settings_.kafka_advertise.empty() ? address_of(settings_, server_->port()) : settings_.kafka_advertise);
}

Service::~Service() {
  if (server_) server_->stop_taking();
  if (health_) health_->stop_taking();
  ended_ = true;
  if (engine_) engine_->drain();
  if (signing_in_) signing_in_->stop();
  if (sign_in_) sign_in_->stop();
  if (audit_) audit_->stop();
  if (verifier_) verifier_->stop();
  if (forward_) forward_->stop();
  if (ingest_) ingest_->stop();
  if (people_) people_->stop();
  if (exports_) exports_->stop();
  if (metrics_thread_) metrics_thread_->stop();
  if (backup_) backup_->stop();
  // The servers' threads may still hand requests to those: they go first.
  health_.reset();
  server_.reset();
}

void Service::listen() {
  auto handler = [this](Open open) {
    return [this, open](HttpRequest&& request, Respond&& respond) { dispatch(std::move(request), std::move(respond), open); };
  };
  HttpOptions options = http_options(settings_);
  options.tls = tls_;
  options.refused = [this](unsigned status, std::string_view rule) { metrics_->http_refused(status, rule); };
  if (access_) options.admit = [this](const HttpRequest& request) { return closed_before_body(request); };
  server_ = std::make_unique<HttpServer>(options, handler(Open::all));
  if (settings_.http_health_port < 0) return;
  options.address = settings_.http_health_address;
  options.port = static_cast<unsigned short>(settings_.http_health_port);
  options.port_setting = "http.health_port";
  options.thread = "health";
  if (is_loopback(options.address)) options.tls = nullptr;
  options.trusted_proxy.clear();
  options.connections_max = kHealthConnectionsMax;
  options.body_bytes_max = options.bodies_bytes_max = kHealthBodyBytesMax;
  health_ = std::make_unique<HttpServer>(options, handler(Open::health));
}

void Service::refresh(bool at_once) {
  auto now = Steady::now();
  if (!tls_ || (!at_once && now < tls_looked_at_ + kTlsLookEvery)) return;
  tls_looked_at_ = now;
  try {
    if (tls_->renew(at_once))
      log::write(log::Level::info, "the certificate was read again", {{"serial", tls_->serial()}, {"ends", utc_text(tls_->ends_s() * 1000)}});
  } catch (const TlsFault& fault) {
    log::write(log::Level::error, "the certificate was not read again; the one before stays",
               {{"field", fault.field}, {"rule", fault.rule}, {"value", fault.value}, {"why", std::string(fault.what())}});
  } catch (const std::exception& error) {
    log::write(log::Level::error, "the certificate was not read again; the one before stays", {{"why", std::string(error.what())}});
  }
}

std::string Service::failure() const { return engine_->state() == EngineState::failed ? engine_->failure() : ""; }

void Service::stop(bool for_good) {
  stopping_ = true;
  if (kafka_ && for_good) kafka_->leave_for_good();
  server_->stop_taking();
  auto until = Steady::now() + std::chrono::seconds(settings_.http_stop_seconds_max);
  // Looked at now and then by the main thread, which has nothing else to do: stopping is no path to be fast on.
  while (server_->requests_in_flight() > 0 && Steady::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (audit_) audit_->finish();
  engine_->drain();
}

void Service::add(std::string method, std::string pattern, Place place, Handler handler, ConcernOf concern) {
  auto guarded = [handler = std::move(handler)](const HttpRequest& request) -> HttpReply {
    try {
      return handler(request);
    } catch (const EngineStalled& error) {
      return reply_busy("engine-progress", error.what());
    } catch (const ClientGone&) {
      return reply_to_nobody();
    } catch (const std::bad_alloc&) {
      return reply_without_memory();
    } catch (const CentreSetAside& error) {
      return reply_with({503, "Set aside", error.what(), "centre", "centre-readable"});
    } catch (const StoreDamage& error) {
      return reply_with({503, "Damaged", error.what(), "", "store-damaged"});
    } catch (const StoreError& error) {
      return reply_with({500, "Store error", error.what(), "", "store"});
    }
  };
  auto take = [this, place, guarded, concern = std::move(concern)](HttpRequest&& request, Respond&& respond) {
    if (place == Place::http) return respond(guarded(request));
    if (owners_ && concern)
      return answer_anywhere(std::move(request), std::move(respond), place, concern(request),
                             [guarded](const HttpRequest& asked, const Respond&) { return guarded(asked); });
    if (place == Place::backup)
      return backup_->post([guarded, request = std::move(request), respond = std::move(respond)] { respond(guarded(request)); });
    ReadPool& reads = pool(place, request);
    auto asked = std::make_shared<HttpRequest>(std::move(request));
    // What many people look at is made once for those who wait together. On Kafka an answer may have to come from elsewhere: there each has its own.
    if (&reads == people_.get() && asked->method == "GET")
      return reads.post_shared(name_of(*asked), *asked, respond, [guarded, asked] { return guarded(*asked); });
    reads.post(*asked, respond, [guarded, asked, respond] { respond(guarded(*asked)); });
  };
  routes_.push_back({std::move(method), std::move(pattern), std::move(take)});
}

ReadPool& Service::pool(Place place, const HttpRequest& request) {
  Query query(request, {"limit"});
  bool large = query.number("limit", 1, std::numeric_limits<std::int64_t>::max(), 1) >= kExportLimit;
  return place == Place::exports || large ? *exports_ : *people_;
}

void Service::answer_anywhere(HttpRequest&& request, Respond&& respond, Place place, const Concern& concern, Answer answer) {
  struct Asked {
    HttpRequest request;
    Respond respond;
  };
  auto asked = std::make_shared<const Asked>(Asked{std::move(request), std::move(respond)});
  Forward::Attempt attempt_it = [this, asked, concern, answer = std::move(answer)] {
    return attempt(asked->request, asked->respond, concern, answer);
  };
  bool here = concern.of == Concern::Of::this_instance || asked->request.forwarded;
  if (!here && concern.of == Concern::Of::partition) {
    auto owner = owners_->owner(concern.partition);
    here = owner && owner->here;
  } else if (!here) {
    auto others = owners_->others();
    here = others && others->empty();
  }
  if (!here) return forward_->take(asked->request.arrived, std::move(attempt_it), asked->respond);
  pool(place, asked->request).post(asked->request, asked->respond, [this, asked, attempt_it = std::move(attempt_it)] {
    try {
      if (auto reply = attempt_it()) asked->respond(std::move(*reply));
    } catch (const PartitionMoving& moving) {
      // Whoever passed the request on knows better than this instance where else to ask.
      if (asked->request.forwarded) return asked->respond(reply_with(moving));
      forward_->take(asked->request.arrived, attempt_it, asked->respond);
    }
  });
}

/// Throws PartitionMoving.
std::optional<HttpReply> Service::attempt(const HttpRequest& request, const Respond& respond, const Concern& concern, const Answer& answer) {
  if (concern.of != Concern::Of::partition) return answer(request, respond);
  if (!request.forwarded)
    if (auto reply = forward_->pass_on(concern.partition, request)) return reply;
  const TakenPartitions taken = engine_->store().taken();
  if (!std::binary_search(taken.partitions.begin(), taken.partitions.end(), concern.partition))
    throw PartitionMoving("Partition " + std::to_string(concern.partition) + " is not at this instance.");
  auto reply = answer(request, respond);
  if (reply && engine_->store().taken() != taken) throw PartitionMoving("Partitions came or went while this was being answered.");
  return reply;
}

/// What is no centre's number is answered here, in words.
Concern Service::of_centre(std::optional<CentreId> centre) const {
  if (!centre) return {};
  return {Concern::Of::partition, murmur2_partition(text_of(*centre), static_cast<std::uint32_t>(settings_.partitions))};
}

void Service::add_routes() {
  auto read = [this](HttpReply (Reads::*handler)(const HttpRequest&)) {
    return [this, handler](const HttpRequest& request) { return (reads_.get()->*handler)(request); };
  };
  ConcernOf all = [](const HttpRequest&) { return Concern{Concern::Of::all}; };
  ConcernOf all_or_centre = [this](const HttpRequest& request) {
    const std::string* centre = request.query_value("centre");
    return centre ? of_centre(parse_centre(*centre)) : Concern{Concern::Of::all};
  };
  ConcernOf centre = [this](const HttpRequest& request) { return of_centre(parse_centre(request.parameters[0])); };
  ConcernOf batch = [this](const HttpRequest& request) {
    auto id = parse_batch_id(request.parameters[0]);
    return of_centre(id ? std::optional(id->centre) : std::nullopt);
  };
  ConcernOf rejected = [this](const HttpRequest& request) {
    auto place = place_of(request.parameters[0], 0);
    if (!place || place->partition >= settings_.partitions) return Concern{};
    return Concern{Concern::Of::partition, place->partition};
  };
  routes_.push_back({"POST", "/v1/events", [this](HttpRequest&& request, Respond&& respond) {
                       // Without a partition there is nowhere to keep what is rejected: an instance that has one takes the events.
                       if (!owners_ || request.forwarded || !owners_->holds_nothing())
                         return ingest_->take_events(std::move(request), std::move(respond));
                       answer_anywhere(std::move(request), std::move(respond), Place::people, {Concern::Of::partition, 0},
                                       [this](const HttpRequest& asked, const Respond& answered) -> std::optional<HttpReply> {
                                         ingest_->take_events(HttpRequest(asked), Respond(answered));
                                         return std::nullopt;
                                       });
                     }});
  add("GET", "/v1/entries", Place::people, read(&Reads::entries), all_or_centre);
  add("GET", "/v1/entries/{centre}/{qualification}/{series}/{learner}", Place::people, read(&Reads::entry), centre);
  add("GET", "/v1/centres/{centre}", Place::people, read(&Reads::centre), centre);
  add("GET", "/v1/centres/{centre}/scrutiny", Place::people, read(&Reads::scrutiny), centre);
  add("GET", "/v1/centres/{centre}/activity", Place::people, read(&Reads::activity), centre);
  add("GET", "/v1/qualifications/{qualification}", Place::people, read(&Reads::qualification), all);
  add("GET", "/v1/qualifications/{qualification}/approval", Place::people, read(&Reads::qualification_approval));
  add("GET", "/v1/rollups", Place::people, read(&Reads::rollups), all_or_centre);
  add("GET", "/v1/overview", Place::people, read(&Reads::overview), all);
  add("GET", "/v1/batches", Place::people, read(&Reads::batches), all_or_centre);
  add("GET", "/v1/batches/{batch}", Place::people, read(&Reads::batch), batch);
  add("GET", "/v1/batches/{batch}/learners/{qualification}/{learner}", Place::people, read(&Reads::learner_result), batch);
  add("GET", "/v1/batches/{batch}/sealed", Place::people, read(&Reads::sealed_batch), batch);
  add("GET", "/v1/batches/{batch}/key", Place::people, read(&Reads::batch_key), batch);
  add("GET", "/v1/seal/key", Place::http, [this](const HttpRequest& request) { return seal_key(request); });
  add("GET", "/v1/export/batches", Place::exports, read(&Reads::export_batches), all_or_centre);
  add("GET", "/v1/rejected", Place::people, read(&Reads::rejected_records), all);
  add("GET", "/v1/rejected/{id}", Place::people, read(&Reads::rejected_record), rejected);
  routes_.push_back({"POST", "/v1/rejected/{id}/replay", [this, rejected](HttpRequest&& request, Respond&& respond) {
                       if (!owners_) return ingest_->replay(std::move(request), std::move(respond));
                       answer_anywhere(
                           std::move(request), std::move(respond), Place::people, rejected(request),
                           [this](const HttpRequest& asked, const Respond& answered) -> std::optional<HttpReply> {
                             ingest_->replay(HttpRequest(asked), [this, answered, taken = engine_->store().taken()](HttpReply&& reply) {
                               bool gone = reply.status == 404 && engine_->store().taken() != taken;
                               answered(gone ? reply_with(PartitionMoving("The record is moving to another instance.")) : std::move(reply));
                             });
                             return std::nullopt;
                           });
                     }});
  // Both on one thread: opening the backups tidies away one that is being made.
  add("GET", "/v1/backups", Place::backup, read(&Reads::backups));
  add("POST", "/v1/backups", Place::backup, read(&Reads::make_backup));
  add("GET", "/v1/clock", Place::http, [this](const HttpRequest& request) { return clock(request); });
  add("POST", "/v1/clock/confirm", Place::people, [this](const HttpRequest& request) { return confirm_clock(request); });
  add("GET", "/v1/keys", Place::people, [this](const HttpRequest& request) { return keys(request); });
  add("POST", "/v1/keys", Place::people, [this](const HttpRequest& request) { return make_access_key(request); });
  add("POST", "/v1/keys/{key}/revoke", Place::people, [this](const HttpRequest& request) { return revoke_access_key(request); });
  add_release_routes(all_or_centre);
  add_audit_routes();
  add("GET", "/v1/instances", Place::http, [this](const HttpRequest& request) { return instances(request); });
  add("GET", "/livez", Place::http, [this](const HttpRequest&) { return live(); });
  add("GET", "/readyz", Place::http, [this](const HttpRequest& request) {
    HttpReply reply = ready();
    // What is wrong names centres and files: that is for callers.
    if (reply.status == 200 || !access_ || request.caller) return reply;
    return reply_with({reply.status, "Not ready", "Ask with a key to see why.", "", "ready"});
  });
  routes_.push_back({"GET", "/metrics", [this](HttpRequest&&, Respond&& respond) {
                       {
                         std::lock_guard lock(metrics_mutex_);
                         metrics_asked_.push_back(std::move(respond));
                         if (metrics_asked_.size() > 1) return;
                       }
                       metrics_thread_->post([this] { answer_metrics(); });
                     }});
  add_sign_in_routes();
  add("GET", "/openapi.json", Place::http, [this](const HttpRequest&) { return HttpReply{200, "application/json", openapi_}; });
  for (Route& route : routes_) {
    route.rights = rights_of(route.method, route.pattern);
    mask_learners(route);
  }
}

void Service::dispatch(HttpRequest&& request, Respond&& respond, Open open) {
  bool well_formed = split_target(request);
  std::size_t found = routes_.size();
  std::string allowed;
  for (std::size_t at = 0; well_formed && at < routes_.size() && found == routes_.size(); ++at) {
    auto parameters = match(routes_[at].pattern, request.path);
    if (!parameters) continue;
    if (routes_[at].method == request.method || (request.method == "HEAD" && routes_[at].method == "GET")) {
      found = at;
      request.method = routes_[at].method;  // the server leaves out the body of an answer to HEAD
      request.parameters = std::move(*parameters);
    } else {
      allowed += (allowed.empty() ? "" : ", ") + routes_[at].method + (routes_[at].method == "GET" ? ", HEAD" : "");
    }
  }
  if (open == Open::health && !is_health(request.path)) found = routes_.size();
  auto measured = [this, found, began = Steady::now(), respond = std::move(respond)](HttpReply&& reply) {
    double seconds = std::chrono::duration<double>(Steady::now() - began).count();
    metrics_->http_request(found, reply.status, seconds);
    // The route, never the path: a path may name a learner.
    log::write(log::Level::debug, "request",
               {{"route", found < routes_.size() ? routes_[found].method + " " + routes_[found].pattern : std::string("none")},
                {"status", static_cast<std::int64_t>(reply.status)},
                {"seconds", seconds}});
    respond(std::move(reply));
  };
  if (auto problem = refusal(request)) {
    if (problem->status == 403) audit_->refused(actor_of(request), method_of(request), problem->status, problem->rule);
    return measured(reply_with(*problem));
  }
  if (open == Open::health && !is_health(request.path))
    return measured(reply_with({404, "Not found", "Here /livez, /readyz and /metrics are answered; ask http.port for anything else.", "", "route"}));
  // On the machine itself health and metrics are for whoever is there.
  if (access_ && open == Open::health && is_loopback(settings_.http_health_address)) {
    request.caller = std::make_shared<const Caller>(anybody());
  } else if (access_ && found < routes_.size()) {
    if (auto reply = closed_to(request, routes_[found])) return measured(std::move(*reply));
  }
  if (found < routes_.size()) {
    Respond answer = std::move(measured);
    if (sign_in_) answer = sign_in_->keeping_session(request, std::move(answer));
    return take_on_record(routes_[found], std::move(request), std::move(answer));
  }
  if (!well_formed) return measured(reply_with({400, "Wrong address", "The percent-encoding of the address is broken.", "", "target-form"}));
  if (allowed.empty()) return measured(reply_with({404, "Not found", "There is nothing at this address; see /openapi.json.", "", "route"}));
  HttpReply reply = reply_with({405, "Wrong method", "This address takes " + allowed + ".", "", "method", request.method});
  reply.headers.emplace_back("Allow", allowed);
  measured(std::move(reply));
}

void Service::note_refusal(const std::string& route, const Problem& problem, const Caller* caller, const std::string& peer) {
  metrics_->http_refused(problem.status, problem.rule);
  v1::AuditActor by = actor_of(caller, peer);
  if (!caller) by.set_name("unknown");
  audit_->refused(by, route, problem.status, problem.rule);
  // Anybody can be unknown as often as it likes: the log has one line a second of those, and how many there were.
  std::int64_t others = 0;
  if (!caller) {
    const std::int64_t second = clock_.passed_ms() / 1000;
    if (refused_second_.exchange(second) == second) {
      ++refused_unlogged_;
      return;
    }
    others = refused_unlogged_.exchange(0);
  }
  log::write(log::Level::warning, "refused",
             {{"route", route},
              {"status", std::int64_t{problem.status}},
              {"rule", problem.rule},
              {"caller", caller ? caller->name : std::string()},
              {"others", others}});
}

/// Until it has read its keys, nobody can say which of them are good.
bool Service::knows_keys_for(const HttpRequest& request) const { return engine_->state() != EngineState::starting || !request.signed_caller.empty(); }

std::optional<Problem> Service::closed_before_body(const HttpRequest& request) {
  if (!knows_keys_for(request) || SignIn::takes_form(request)) return std::nullopt;  // its route says that it starts, or looks at the form
  auto found = access_->caller_of_head(request);
  std::optional<Problem> problem;
  if (auto* wrong = std::get_if<Problem>(&found))
    problem = std::move(*wrong);
  else if (!std::get<std::shared_ptr<const Caller>>(found))
    problem = who_are_you();
  if (problem) note_refusal(method_of(request), *problem, nullptr, request.peer);
  return problem;
}

std::optional<HttpReply> Service::closed_to(HttpRequest& request, const Route& route) {
  const std::string name = route.method + " " + route.pattern;
  auto refuse = [&](const Problem& problem, const Caller* who) {
    note_refusal(name, problem, who, request.peer);
    HttpReply reply = reply_with(problem);
    if (problem.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (problem.status == 503) reply.headers.emplace_back("Retry-After", "1");
    return reply;
  };
  if (route.rights.who != RouteRights::For::everybody && !knows_keys_for(request))
    return reply_busy("engine-running", "resultsd is starting, and does not know its keys yet.");
  auto found = access_->caller_of(request);
  if (auto* caller = std::get_if<std::shared_ptr<const Caller>>(&found))
    request.caller = std::move(*caller);
  else if (route.rights.who != RouteRights::For::everybody)
    return refuse(std::get<Problem>(found), nullptr);
  if (auto problem = access_->refusal(request, route.rights, route.pattern)) return refuse(*problem, request.caller.get());
  return std::nullopt;
}

MayAssert Service::may_assert(const std::shared_ptr<const Caller>& caller) {
  // Where nobody has to say who it is, an act is of whom it names.
  if (settings_.access_secret_file.empty() && *caller == anybody()) return {};
  // Wrong events of a publisher are kept, to be mended and replayed; a centre has them before it still.
  // The first of a body goes to the log, and of all how many there were to the metric.
  return {.refusal =
              [this, caller, may = access_->may_assert(caller), logged = false](const v1::Event& event, const FactKind& kind,
                                                                                const Address& address) mutable {
                auto why = may(event, kind, address);
                if (!why) why = not_its_own(event, *caller);
                if (!why) return why;
                if (!std::exchange(logged, true))
                  note_refusal("POST /v1/events", {403, "", "", "", why->rule}, caller.get(), "");
                else
                  metrics_->http_refused(403, why->rule);
                return why;
              },
          .fill = [caller](v1::Event& event) { return fill_said_by(event, *caller); },
          .wrong_is_kept = caller->roles.any_of({AccessRole::publisher, AccessRole::operations})};
}

std::optional<Problem> Service::refusal(const HttpRequest& request) const {
  if (!request.host.empty() && !is_own_host(request.host, host_names_))
    return Problem{421,    "Wrong server", "This server is not known under that name; use localhost, or add the name to http.host_names.",
                   "Host", "host-known",   request.host.substr(0, 200)};
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  if (request.origin && !is_own_origin(*request.origin, request.host, tls_ != nullptr))
    return Problem{403, "Foreign page", "A page of another origin may change nothing here.", "Origin", "origin-own", request.origin->substr(0, 200)};
  for (std::string_view form : {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
    if (request.content_type == form && !(form.starts_with("application/") && SignIn::is_form_path(request.path)))
      return Problem{415,
                     "Unknown format",
                     "What a form of a page can send is not taken here; name the format of the body, as application/json.",
                     "Content-Type",
                     "content-type",
                     request.content_type};
  if (!request.content_encoding.empty() && request.content_encoding != "identity")
    return Problem{415,
                   "Unknown encoding",
                   "Bodies are taken as they are; send it without Content-Encoding.",
                   "Content-Encoding",
                   "content-encoding",
                   request.content_encoding.substr(0, 200)};
  return std::nullopt;
}

HttpReply Service::live() {
  TimeMs since = clock_.passed_ms() - engine_->last_progress_ms();
  if (engine_->state() == EngineState::failed)
    return reply_with({503, "Failed", "The engine has failed: " + engine_->failure(), "", "engine-running"});
  if (since > 10'000)
    return reply_with({503, "Stalled", "The pipeline has made no progress for " + std::to_string(since / 1000) + " s.", "", "engine-progress"});
  return {200, "application/json", "{\"status\":\"alive\"}\n"};
}

namespace {

std::string not_ready_text(std::string_view state, const std::vector<std::string>& halted) {
  std::string text = "resultsd is " + std::string(state) + ".";
  for (const std::string& why : halted) text += " " + why;
  return text;
}

}  // namespace

HttpReply Service::ready() {
  EngineState state = engine_->state();
  if (stopping_ || state != EngineState::running)
    return reply_with({503, "Not ready",
                       not_ready_text(stopping_ ? "stopping" : state_name(state), owners_ ? owners_->halted() : std::vector<std::string>{}), "",
                       "engine-running"});
  if (DamageFound damage = engine_->store().damage(); damage.any()) {
    std::string what;
    for (const std::string& finding : damage.findings) what += " " + finding;
    std::string centres;
    for (CentreId centre : damage.centres) centres += (centres.empty() ? "" : ", ") + text_of(centre);
    return reply_with({503, "Damaged",
                       "Files of the store are damaged:" + what + (centres.empty() ? "" : " Set aside: centre " + centres + ".") +
                           (kafka_ ? " Start resultsd again: the store is then built anew from the changelog."
                                   : " Events of other centres are taken. Restore the newest backup with `resultsctl restore`."),
                       "", "store-damaged"});
  }
  if (ClockState clock = clock_.state(); !clock.trusted) return reply_with({503, "Clock doubted", clock_words(clock), "", "clock-trusted"});
  return {200, "application/json", "{\"status\":\"ready\"}\n"};
}

HttpReply Service::clock(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  return {200, "application/json", clock_json(clock_.state()) + "\n"};
}

/// Names the time that whoever confirms it saw: a clock that jumped again since is not what was confirmed.
HttpReply Service::confirm_clock(const HttpRequest& request) {
  constexpr TimeMs kSeenMaxMs = 10 * 60'000;
  auto body = nlohmann::json::parse(request.body, nullptr, false);
  std::string text = body.is_object() && body.contains("clock") && body["clock"].is_string() ? body["clock"].get<std::string>() : "";
  google::protobuf::Timestamp seen;
  if (!google::protobuf::util::TimeUtil::FromString(text, &seen))
    return reply_with({400, "Which time?", "Give the time that is confirmed, as GET /v1/clock shows it: {\"clock\": \"2026-08-13T07:00:00.000Z\"}.",
                       "clock", "clock-form", text});
  ClockState before = clock_.state();
  if (before.trusted) return reply_with({409, "Nothing to confirm", "The clock is trusted.", "clock", "clock-doubted", text});
  if (std::abs(time_of(seen) - before.wall_ms) > kSeenMaxMs)
    return reply_with(
        {409, "Another time", "The clock says " + utc_text(before.wall_ms) + " by now. Look at it again.", "clock", "clock-seen", text});
  auto kept = engine_->ask([this](Pipeline& pipeline, Store& store) { store.put_clock_confirmation({pipeline.time(), clock_.now()}); });
  if (kept.wait_for(std::chrono::seconds(10)) != std::future_status::ready) throw EngineStalled("The pipeline has not answered for 10 seconds.");
  kept.get();
  clock_.confirm();
  // Before it is answered, a start right after it must know; where the pipeline stalls now, that start asks for a confirmation again.
  engine_
      ->ask([this](Pipeline&, Store& store) {
        if (auto witness = clock_.witness()) store.put_clock_witness(*witness);
      })
      .wait_for(std::chrono::seconds(10));
  log::write(log::Level::warning, "the clock was confirmed", {{"clock", utc_text(before.wall_ms)}, {"expected", utc_text(before.expected_ms)}});
  return {200, "application/json", clock_json(clock_.state()) + "\n"};
}

HttpReply Service::instances(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  std::vector<Owners::Instance> found;
  if (owners_) {
    found = owners_->instances();
  } else {
    std::vector<std::uint32_t> every(static_cast<std::size_t>(settings_.partitions));
    std::iota(every.begin(), every.end(), 0u);
    found.push_back(
        {.name = kafka::instance_name(settings_), .url = address_of(settings_, server_->port()), .partitions = std::move(every), .here = true});
  }
  auto listed = nlohmann::ordered_json::array();
  for (const auto& one : found) listed.push_back({{"instance", one.name}, {"url", one.url}, {"partitions", one.partitions}, {"answered", one.here}});
  nlohmann::ordered_json body{{"partitions", settings_.partitions}, {"instances", std::move(listed)}};
  if (kafka_) body["kafka"] = kafka_json(kafka_->kafka_state(), kafka::TopicNames(settings_.kafka_topic_prefix));
  return {200, "application/json", body.dump() + "\n"};
}

void Service::answer_metrics() {
  std::vector<Respond> asked;
  {
    std::lock_guard lock(metrics_mutex_);
    asked.swap(metrics_asked_);
  }
  HttpReply reply;
  try {
    reply = {200, "text/plain; version=0.0.4; charset=utf-8", metrics_text()};
  } catch (const std::bad_alloc&) {
    reply = reply_without_memory();
  }
  for (const Respond& respond : asked) respond(HttpReply(reply));
}

std::string Service::metrics_text() {
  // A pipeline that does not answer must hide neither that very fact nor anything else.
  if (!gauges_asked_)
    gauges_asked_ = std::make_shared<std::future<EntryGauges>>(engine_->ask([](Pipeline& pipeline, Store&) { return take_entry_gauges(pipeline); }));
  if (gauges_asked_->wait_for(engine_->queued_bytes() > 0 ? kGaugesWaitBusy : kGaugesWaitIdle) == std::future_status::ready) {
    last_gauges_ = gauges_asked_->get();
    last_gauges_at_ = Steady::now();
    gauges_asked_.reset();
  }
  const Store& store = engine_->store();
  DaemonGauges gauges{.now_ms = clock_.now(),
                      .state = engine_->state(),
                      .lag_seconds = engine_->lag_seconds(),
                      .queue_bytes = engine_->queued_bytes(),
                      .bodies_bytes = server_->bodies_bytes(),
                      .replies_bytes = server_->replies_bytes(),
                      .connections = server_->connections() + (health_ ? health_->connections() : 0),
                      .gauges_age_seconds = std::chrono::duration<double>(Steady::now() - last_gauges_at_).count(),
                      .batches = store.batch_count(),
                      .sizes = store.sizes(),
                      .damage = store.damage(),
                      .tls_ends_s = tls_ ? tls_->ends_s() : 0,
                      .verified_ms = verifier_ ? verifier_->verified_ms() : 0,
                      .clock = clock_.state(),
                      .kafka = kafka_ ? std::optional(kafka_->kafka_state()) : std::nullopt};
  return metrics_->text(last_gauges_, gauges);
}

}  // namespace vtq
