// resultsd put together: engine, workers, metrics and HTTP server, from settings.
//
//   constructed (ready) -> stop_taking -> drained -> destroyed
//
// Threads: `http` (network; never blocks), `ingest` (reads bodies of events), `store-read` (look-ups), `backup`, `pipeline-1` (the
// engine's own). Public members are for the thread that made it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/engine.h"
#include "daemon/http_server.h"
#include "daemon/ingest.h"
#include "daemon/kafka/engine.h"
#include "daemon/metrics.h"
#include "daemon/reads.h"
#include "daemon/settings.h"

namespace vtq {

std::string_view version();
/// proto/http/openapi.json, as built in.
std::string_view openapi_text();

class SystemClock final : public Clock {
 public:
  TimeMs now() const override;
};

/// Where a route's handler runs.
enum class Place { http, ingest, store_read, backup };

struct Route {
  std::string method;
  std::string pattern;  ///< `/v1/entries/{centre}/...`
  std::function<void(HttpRequest&&, Respond&&)> take;
};

class Service {
 public:
  /// Opens the store and listens. Throws StoreError, kafka::KafkaError and ListenError.
  explicit Service(const Settings& settings);
  ~Service();

  unsigned short port() const { return server_->port(); }
  /// Why it cannot go on; empty: it can.
  std::string failure() const;
  /// /readyz says no, no more connections; finishes what is in flight, as long as that takes within the limit; commits.
  void stop();

 private:
  void dispatch(HttpRequest&& request, Respond&& respond);
  void add(std::string method, std::string pattern, Place place, std::function<HttpReply(const HttpRequest&)> handler);
  void add_routes();
  HttpReply live();
  HttpReply ready();
  HttpReply metrics_text();

  Settings settings_;
  SystemClock clock_;
  std::vector<Route> routes_;
  std::unique_ptr<Metrics> metrics_;
  std::string openapi_;
  std::atomic<bool> stopping_{false};
  EntryGauges last_gauges_;  // store-read thread
  // From here on, in the order in which they may go: what answers dies before who asked.
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<Engine> engine_;
  kafka::KafkaEngine* kafka_ = nullptr;  // the engine, when it is that one
  std::unique_ptr<Reads> reads_;
  std::unique_ptr<Worker> store_read_;
  std::unique_ptr<Worker> backup_;
  std::unique_ptr<Ingest> ingest_;
};

}  // namespace vtq
