// Metrics of the daemon: one table declares each family once, with its type, help and labels. Counters and histograms are kept as
// things happen (EngineProbe, on the pipeline's thread; http_request, on any); gauges are read when asked for.
//
// At most 2,000 series ever: awarding organisations beyond the 12 with most entries are counted together as `other`, and so are rules
// that this version does not know. No label names a centre or a learner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/engine/engine.h"
#include "daemon/kafka/probe.h"

namespace vtq {

constexpr std::size_t kAwardingOrganisationLabelsMax = 12;

/// Gauges over entries and dates, taken between batches.
struct EntryGauges {
  struct Row {
    AwardingOrganisationId awarding_organisation{};
    v1::Level level{};
    v1::Stage stage{};
    v1::Need need{};
    v1::Band band{};
    v1::Reason reason{};
    bool late = false;
    std::int64_t entries = 0;
  };
  struct Deadline {
    AwardingOrganisationId awarding_organisation{};
    v1::Level level{};
    std::string_view name;
    double seconds_left = 0;  ///< negative once it passed
  };
  std::vector<Row> rows;  ///< roll-ups without qualification and series
  std::vector<Deadline> deadlines;
  std::size_t waiting_facts = 0;
  std::size_t halts = 0;
  std::size_t results_withheld = 0;
  std::size_t results_unapproved = 0;          ///< ready, of releases for all centres that too few people have approved
  std::optional<double> approval_due_seconds;  ///< logical time left to the first cut of such a one; negative once it has passed
};

/// Runs on the pipeline's thread.
EntryGauges take_entry_gauges(const Pipeline& pipeline);

/// The other gauges.
struct DaemonGauges {
  TimeMs now_ms = 0;
  EngineState state{};
  double lag_seconds = 0;
  std::size_t queue_bytes = 0;
  std::size_t bodies_bytes = 0;
  std::size_t replies_bytes = 0;
  std::size_t connections = 0;
  double gauges_age_seconds = 0;  ///< of the EntryGauges
  std::uint64_t batches = 0;
  StoreSizes sizes;
  DamageFound damage;
  std::int64_t tls_ends_s = 0;  ///< Unix time at which the certificate ends; 0: no TLS
  TimeMs verified_ms = 0;       ///< when all files of the store were last read through; 0: not since the start
  ClockState clock;
  std::optional<kafka::KafkaState> kafka;
};

class Metrics final : public EngineProbe, public kafka::KafkaProbe {
 public:
  /// `routes`: the route labels that may occur. `on_kafka`: with the families that there are only then.
  Metrics(std::string_view version, const std::vector<std::string>& routes, bool on_kafka);
  ~Metrics() override;

  void batch_processed(double process_seconds, double commit_seconds, std::size_t events) override;
  void event_processed(Topic topic, Verdict::Kind outcome) override;
  void event_rejected(std::string_view rule) override;
  void event_warned(std::string_view rule) override;
  void act_recorded(std::string_view act) override;
  void transaction(std::string_view outcome, double seconds) override;
  void fenced() override;
  void rebalance() override;
  void routed(Topic topic) override;

  /// `route`: place among the routes; one past the last: none matched.
  void http_request(std::size_t route, unsigned status, double seconds);

  /// What the server refused by itself. A rule that this version does not know is counted as `other`.
  void http_refused(unsigned status, std::string_view rule);

  /// Notes for the audit that were not kept.
  void audit_dropped(std::uint64_t count);

  /// Prometheus' text format.
  std::string text(const EntryGauges& entries, const DaemonGauges& daemon) const;

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

std::string_view state_name(EngineState state);

}  // namespace vtq
