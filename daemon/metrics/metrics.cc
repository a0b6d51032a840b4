#include "daemon/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>

#include "daemon/metrics/rule_names.h"
#include "daemon/reads/rollup_json.h"
#include "pipeline/audit/acts.h"

namespace vtq {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::map<std::string, std::string>;

constexpr std::string_view kOutcomes[] = {"accepted", "superseded", "duplicate", "waiting", "rejected", "set_aside"};
constexpr std::string_view kStatusClasses[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr EngineState kStates[] = {EngineState::starting, EngineState::running, EngineState::draining, EngineState::stopped, EngineState::failed};

std::string label_of(AwardingOrganisationId id) { return text_of(id); }

/// `LEVEL_1_2` to `1/2`.
std::string level_label(v1::Level level) {
  switch (level) {
    case v1::LEVEL_3:
      return "3";
    case v1::LEVEL_2:
      return "2";
    case v1::LEVEL_1_2:
      return "1/2";
    case v1::LEVEL_OTHER:
      return "other";
    default:
      return "unknown";
  }
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// A gauge family filled series by series; what is added to the same labels sums up.
class GaugeFamily {
 public:
  GaugeFamily(std::string name, std::string help) : name_(std::move(name)), help_(std::move(help)) {}

  void add(Labels labels, double value) { values_[std::move(labels)] += value; }
  void set(Labels labels, double value) { values_[std::move(labels)] = value; }

  void append_to(std::vector<MetricFamily>& families) const {
    MetricFamily family{name_, help_, MetricType::Gauge, {}};
    for (const auto& [labels, value] : values_) {
      prometheus::ClientMetric metric;
      for (const auto& [label, text] : labels) metric.label.push_back({label, text});
      metric.gauge.value = value;
      family.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(family));
  }

 private:
  std::string name_;
  std::string help_;
  std::map<Labels, double> values_;
};

/// Labels for awarding organisations: its own for those with most entries, `other` for the rest.
class OrganisationLabels {
 public:
  explicit OrganisationLabels(const std::vector<EntryGauges::Row>& rows) {
    std::map<AwardingOrganisationId, std::int64_t> entries;
    for (const auto& row : rows) entries[row.awarding_organisation] += row.entries;
    std::vector<std::pair<std::int64_t, AwardingOrganisationId>> order;
    for (auto [id, count] : entries) order.emplace_back(-count, id);
    std::sort(order.begin(), order.end());
    if (order.size() > kAwardingOrganisationLabelsMax) order.resize(kAwardingOrganisationLabelsMax);
    for (auto [count, id] : order) named_.push_back(id);
  }

  std::string of(AwardingOrganisationId id) const { return std::find(named_.begin(), named_.end(), id) == named_.end() ? "other" : label_of(id); }

 private:
  std::vector<AwardingOrganisationId> named_;
};

void append_entries(const EntryGauges& entries, std::vector<MetricFamily>& families) {
  OrganisationLabels organisations(entries.rows);
  GaugeFamily by_stage("vtq_entries", "Entries by the stage they have reached.");
  GaugeFamily by_need("vtq_entries_by_need", "Entries by whether the learner needs the result to progress.");
  GaugeFamily by_band("vtq_entries_by_band", "Entries by risk band.");
  GaugeFamily by_reason("vtq_entries_by_reason", "Entries that have a reason code of the late results return.");
  GaugeFamily late("vtq_late_entries", "Entries issued after the issue deadline, or due and not issued by it.");
  for (const auto& row : entries.rows) {
    Labels labels{{"awarding_organisation", organisations.of(row.awarding_organisation)}, {"level", level_label(row.level)}};
    auto with = [&](const char* name, std::string value) {
      Labels more = labels;
      more[name] = std::move(value);
      return more;
    };
    auto count = static_cast<double>(row.entries);
    by_stage.add(with("stage", lower(v1::Stage_Name(row.stage))), count);
    by_need.add(with("need", lower(v1::Need_Name(row.need))), count);
    by_band.add(with("band", lower(v1::Band_Name(row.band))), count);
    if (row.reason != v1::REASON_NONE) by_reason.add(with("reason", v1::Reason_Name(row.reason)), count);
    late.add(labels, row.late ? count : 0);
  }
  GaugeFamily deadlines("vtq_deadline_seconds", "Logical time left to a date of the nearest series; negative once it has passed.");
  std::map<Labels, double> nearest;
  for (const auto& one : entries.deadlines) {
    Labels labels{{"awarding_organisation", organisations.of(one.awarding_organisation)},
                  {"level", level_label(one.level)},
                  {"deadline", std::string(one.name)}};
    auto [at, added] = nearest.try_emplace(labels, one.seconds_left);
    bool nearer = at->second < 0 ? one.seconds_left > at->second : one.seconds_left >= 0 && one.seconds_left < at->second;
    if (!added && nearer) at->second = one.seconds_left;
  }
  for (const auto& [labels, seconds] : nearest) deadlines.set(labels, seconds);
  for (const GaugeFamily* family : {&by_stage, &by_need, &by_band, &by_reason, &late, &deadlines}) family->append_to(families);
}

void append_gauge(std::vector<MetricFamily>& families, const char* name, const char* help, double value) {
  GaugeFamily family(name, help);
  family.set({}, value);
  family.append_to(families);
}

void append_daemon(const DaemonGauges& daemon, std::vector<MetricFamily>& families) {
  append_gauge(families, "vtq_processing_lag_seconds", "Age of the oldest event taken and not committed; 0 when idle.", daemon.lag_seconds);
  append_gauge(families, "vtq_clock_trusted", "1 while the clock is trusted; 0 while it is doubted, and time stands still.", daemon.clock.trusted);
  append_gauge(families, "vtq_clock_ahead_seconds", "How far the clock is ahead of what it should say; negative: behind.",
               static_cast<double>(daemon.clock.wall_ms - daemon.clock.expected_ms) / 1000.0);
  append_gauge(families, "vtq_queue_bytes", "Events taken and not committed.", static_cast<double>(daemon.queue_bytes));
  append_gauge(families, "vtq_http_bodies_bytes", "Bodies of requests held.", static_cast<double>(daemon.bodies_bytes));
  append_gauge(families, "vtq_http_replies_bytes", "Replies held until their clients have read them.", static_cast<double>(daemon.replies_bytes));
  append_gauge(families, "vtq_entry_gauges_age_seconds", "Age of the gauges over entries and dates: older than a moment while the pipeline is busy.",
               daemon.gauges_age_seconds);
  append_gauge(families, "vtq_http_connections", "Connections open.", static_cast<double>(daemon.connections));
  append_gauge(families, "vtq_store_damage", "Findings of damage in the store since the start.", static_cast<double>(daemon.damage.findings.size()));
  append_gauge(families, "vtq_centres_set_aside", "Centres whose records cannot be read: their events are not taken.",
               static_cast<double>(daemon.damage.centres.size()));
  append_gauge(families, "vtq_store_verified_timestamp_seconds",
               "When all files of the store were last read through, Unix time; 0: not since the start.",
               static_cast<double>(daemon.verified_ms) / 1000);
  append_gauge(families, "vtq_tls_certificate_expires_timestamp_seconds",
               "When the certificate that new connections are shown ends, Unix time; 0: without TLS.", static_cast<double>(daemon.tls_ends_s));
  append_gauge(families, "vtq_batches_issued", "Result batches in the store.", static_cast<double>(daemon.batches));
  GaugeFamily store("vtq_store_bytes", "Bytes on disk.");
  store.set({{"part", "state"}}, static_cast<double>(daemon.sizes.state_bytes));
  store.set({{"part", "log"}}, static_cast<double>(daemon.sizes.log_bytes));
  store.set({{"part", "total"}}, static_cast<double>(daemon.sizes.total_bytes));
  store.append_to(families);
  GaugeFamily states("vtq_engine_state", "1 for the state that the engine is in.");
  for (EngineState state : kStates) states.set({{"state", std::string(state_name(state))}}, state == daemon.state ? 1 : 0);
  states.append_to(families);
}

void append_kafka(const kafka::KafkaState& kafka, TimeMs now, std::vector<MetricFamily>& families) {
  append_gauge(families, "vtq_kafka_joined", "1 while this instance is a member of the group.", kafka.joined ? 1 : 0);
  GaugeFamily records("vtq_kafka_lag_records", "Records that can be read, or are being committed, and are not done.");
  GaugeFamily seconds("vtq_kafka_lag_seconds", "Since when there are such records; 0: there are none.");
  GaugeFamily held("vtq_kafka_open_transaction_seconds", "Since when records wait behind a publisher's open transaction; 0: none do.");
  auto age = [now](TimeMs since_ms) { return since_ms == 0 ? 0.0 : static_cast<double>(std::max<TimeMs>(now - since_ms, 0)) / 1000.0; };
  for (const kafka::StreamLag& lag : kafka.lags) {
    Labels of{{"topic", std::string(topic_name(lag.topic))}, {"partition", std::to_string(lag.partition)}};
    records.set(of, static_cast<double>(lag.records));
    seconds.set(of, age(lag.behind_since_ms));
    held.set(of, age(lag.held_since_ms));
  }
  for (GaugeFamily* family : {&records, &seconds, &held}) family->append_to(families);
  append_gauge(families, "vtq_kafka_records_to_restore", "Changelog records still to read before all partitions work.",
               static_cast<double>(kafka.records_to_restore));
  append_gauge(families, "vtq_kafka_changelog_records_read", "Changelog records read since the start, restoring and for standbys.",
               static_cast<double>(kafka.records_restored));
  append_gauge(families, "vtq_kafka_topic_problems",
               "What is wrong with topics and brokers, as resultsctl topics check says it; looked at every minute.",
               static_cast<double>(kafka.topic_problems));
  GaugeFamily partitions("vtq_kafka_partitions", "Partitions by what this instance does with them.");
  partitions.set({{"role", "owned"}}, kafka.owned);
  partitions.set({{"role", "restoring"}}, kafka.restoring);
  partitions.set({{"role", "standby"}}, kafka.following);
  partitions.set({{"role", "halted"}}, kafka.halted);
  partitions.append_to(families);
}

}  // namespace

std::string_view state_name(EngineState state) {
  switch (state) {
    case EngineState::starting:
      return "starting";
    case EngineState::running:
      return "running";
    case EngineState::draining:
      return "draining";
    case EngineState::stopped:
      return "stopped";
    case EngineState::failed:
      return "failed";
  }
  return "";
}

namespace {

/// Results that are ready and wait for people alone, by the plan for all centres.
void count_unapproved(const Pipeline& pipeline, const CohortKey& cohort, const Totals& totals, EntryGauges& gauges) {
  const Reference& reference = pipeline.reference();
  const ReleasePolicy& policy = pipeline.policy().release;
  const Approval approval{reference.release(cohort), approvals_needed(reference.release_terms(cohort.awarding_organisation), policy.approvals_least)};
  if (approval.given()) return;
  std::size_t ready = 0;
  for (const auto& [cell, entries] : totals)
    if (CohortKey{cell.awarding_organisation, cell.level, cell.series} == cohort && cell.stage == v1::READY)
      ready += static_cast<std::size_t>(entries);
  const Calendar* calendar = reference.calendar(cohort);
  if (ready == 0 || !calendar) return;
  gauges.results_unapproved += ready;
  const TimeMs first = approval.planned() ? approval.words->plan->waves.front().when.first_ms : kNever;
  const TimeMs due = issue_time(0, nullptr, calendar, policy);
  if (std::min(first, due) == kNever) return;
  const double left = static_cast<double>((first != kNever ? first : due) - pipeline.time()) / 1000;
  gauges.approval_due_seconds = std::min(gauges.approval_due_seconds.value_or(left), left);
}

}  // namespace

EntryGauges take_entry_gauges(const Pipeline& pipeline) {
  EntryGauges gauges;
  boost::unordered_flat_map<Cell, std::int64_t> merged;
  std::vector<CohortKey> cohorts;
  const Totals totals = pipeline.totals();
  for (const auto& [cell, entries] : totals) {
    CohortKey cohort{cell.awarding_organisation, cell.level, cell.series};
    if (std::find(cohorts.begin(), cohorts.end(), cohort) == cohorts.end()) cohorts.push_back(cohort);
    Cell wider = cell;
    wider.qualification = {};
    wider.series = {};
    merged[wider] += entries;
  }
  for (const auto& [cell, entries] : merged)
    gauges.rows.push_back({cell.awarding_organisation, cell.level, cell.stage, cell.need, cell.band, cell.reason, cell.late, entries});
  for (const CohortKey& cohort : cohorts) {
    const Calendar* calendar = pipeline.reference().calendar(cohort);
    if (!calendar) continue;
    for (auto [name, at] : deadlines_of(*calendar)) {
      if (at == kNever) continue;
      gauges.deadlines.push_back({cohort.awarding_organisation, cohort.level, name, static_cast<double>(at - pipeline.time()) / 1000});
    }
  }
  for (const Partition* partition : pipeline.owned()) {
    gauges.waiting_facts += partition->waiting();
    partition->each_centre([&](const Centre& centre) { gauges.halts += centre.summary.halts.size(); });
  }
  gauges.halts += pipeline.reference().halts().size();
  for (const CohortKey& cohort : cohorts) count_unapproved(pipeline, cohort, totals, gauges);
  for (const auto& [cell, entries] : totals)
    if (is_withheld(cell)) gauges.results_withheld += static_cast<std::size_t>(entries);
  return gauges;
}

struct Metrics::Series {
  using Counter = prometheus::Counter;
  using Histogram = prometheus::Histogram;
  using Buckets = prometheus::Histogram::BucketBoundaries;

  static constexpr std::size_t kEventTopics = kInputTopics + 1;  ///< the last: not readable as an event of any

  prometheus::Registry registry;
  std::array<std::array<Counter*, std::size(kOutcomes)>, kEventTopics> events{};
  std::map<std::string, Counter*, std::less<>> rejected;
  std::map<std::string, Counter*, std::less<>> warned;
  std::array<Counter*, std::size(kAuditActs) + 1> acts{};
  Counter* audit_dropped = nullptr;
  std::vector<std::array<Counter*, std::size(kStatusClasses)>> requests;
  std::array<Counter*, std::size(kRefusals) + 1> refused{};
  Histogram* commit_seconds = nullptr;
  Histogram* process_seconds = nullptr;
  Histogram* batch_events = nullptr;
  Histogram* request_seconds = nullptr;
  // On Kafka only.
  std::map<std::string, Counter*, std::less<>> transactions;
  std::array<Counter*, kInputTopics> routed{};
  Histogram* transaction_seconds = nullptr;
  Counter* fenced = nullptr;
  Counter* rebalances = nullptr;

  auto& counters(const char* name, const char* help) { return prometheus::BuildCounter().Name(name).Help(help).Register(registry); }
  Histogram* histogram(const char* name, const char* help, const Buckets& buckets) {
    return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
  }
};

Metrics::Metrics(std::string_view version, const std::vector<std::string>& routes, bool on_kafka) : series_(std::make_unique<Series>()) {
  Series& all = *series_;
  auto& events = all.counters("vtq_events_total", "Events by the topic they belong to and what became of them.");
  for (std::size_t topic = 0; topic < Series::kEventTopics; ++topic)
    for (std::size_t outcome = 0; outcome < std::size(kOutcomes); ++outcome) {
      std::string name = topic < kInputTopics ? std::string(topic_name(static_cast<Topic>(topic))) : "none";
      all.events[topic][outcome] = &events.Add({{"topic", name}, {"outcome", std::string(kOutcomes[outcome])}});
    }
  auto& rejected = all.counters("vtq_rejected_total", "Rejected records by the rule they broke, with facts that waited too long.");
  for (std::string_view rule : kRules) all.rejected[std::string(rule)] = &rejected.Add({{"rule", std::string(rule)}});
  all.rejected["other"] = &rejected.Add({{"rule", "other"}});
  auto& warned = all.counters("vtq_warnings_total", "Events taken with something worth a look, by rule.");
  for (std::string_view rule : kWarningRules) all.warned[std::string(rule)] = &warned.Add({{"rule", std::string(rule)}});
  all.warned["other"] = &warned.Add({{"rule", "other"}});
  auto& acts = all.counters("vtq_audit_records_total", "Records that came to the audit, by act.");
  for (std::size_t at = 0; at <= std::size(kAuditActs); ++at)
    all.acts[at] = &acts.Add({{"act", at < std::size(kAuditActs) ? std::string(kAuditActs[at]) : "other"}});
  all.audit_dropped = &all.counters("vtq_audit_dropped_total", "Notes for the audit that were not kept, for too many waited already.").Add({});
  auto& requests = all.counters("vtq_http_requests_total", "HTTP requests by route and class of status.");
  for (std::size_t route = 0; route <= routes.size(); ++route) {
    auto& row = all.requests.emplace_back();
    for (std::size_t status = 1; status < std::size(kStatusClasses); ++status)
      if (status != 2)  // there are no redirections
        row[status] = &requests.Add({{"route", route < routes.size() ? routes[route] : "none"}, {"status", std::string(kStatusClasses[status])}});
  }
  auto& refused = all.counters("vtq_http_refused_total",
                               "Requests that the server refused, or gave up, before any route had them, by status and rule. Connections "
                               "closed to make room for others are among those of connections-max; status none: closed without an answer.");
  for (std::size_t at = 0; at < std::size(kRefusals); ++at)
    all.refused[at] = &refused.Add(
        {{"status", kRefusals[at].first == 0 ? "none" : std::to_string(kRefusals[at].first)}, {"rule", std::string(kRefusals[at].second)}});
  all.refused[std::size(kRefusals)] = &refused.Add({{"status", "other"}, {"rule", "other"}});
  all.commit_seconds = all.histogram("vtq_commit_duration_seconds", "Writing one batch to the store.",
                                     {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5});
  all.process_seconds = all.histogram("vtq_process_duration_seconds", "Applying one batch: merging facts, deriving statuses, cutting result batches.",
                                      {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5});
  all.batch_events = all.histogram("vtq_batch_events", "Events in one batch.", {1, 10, 100, 500, 1000, 2500, 5000, 10000, 20000, 50000});
  all.request_seconds = all.histogram("vtq_http_request_duration_seconds", "From a request's last byte to its reply.",
                                      {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30});
  prometheus::BuildGauge()
      .Name("vtq_build_info")
      .Help("1, labelled with the version.")
      .Register(all.registry)
      .Add({{"version", std::string(version)}})
      .Set(1);
  if (!on_kafka) return;
  auto& transactions = all.counters("vtq_kafka_transactions_total", "Transactions by how they ended.");
  for (const char* outcome : {"committed", "aborted", "lost"}) all.transactions[outcome] = &transactions.Add({{"outcome", outcome}});
  auto& routed =
      all.counters("vtq_kafka_routed_total", "Records that came to the wrong topic or partition and were moved, by the topic they came to.");
  for (std::size_t topic = 0; topic < kInputTopics; ++topic)
    all.routed[topic] = &routed.Add({{"topic", std::string(topic_name(static_cast<Topic>(topic)))}});
  all.transaction_seconds = all.histogram("vtq_kafka_transaction_duration_seconds", "From the last record produced to the transaction's end.",
                                          {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});
  all.fenced =
      &all.counters("vtq_kafka_fenced_total", "Times that the group had taken this instance's partitions away before it could commit.").Add({});
  all.rebalances = &all.counters("vtq_kafka_rebalances_total", "Changes of this instance's partitions by the group.").Add({});
}

Metrics::~Metrics() = default;

void Metrics::batch_processed(double process_seconds, double commit_seconds, std::size_t events) {
  series_->process_seconds->Observe(process_seconds);
  series_->commit_seconds->Observe(commit_seconds);
  series_->batch_events->Observe(static_cast<double>(events));
}

void Metrics::event_processed(Topic topic, Verdict::Kind outcome) {
  std::size_t at = std::min(static_cast<std::size_t>(topic), kInputTopics);
  series_->events[at][static_cast<std::size_t>(outcome)]->Increment();
}

void Metrics::event_rejected(std::string_view rule) {
  auto at = series_->rejected.find(rule);
  (at == series_->rejected.end() ? series_->rejected.find("other") : at)->second->Increment();
}

void Metrics::event_warned(std::string_view rule) {
  auto at = series_->warned.find(rule);
  (at == series_->warned.end() ? series_->warned.find("other") : at)->second->Increment();
}

void Metrics::act_recorded(std::string_view act) {
  auto at = std::find(std::begin(kAuditActs), std::end(kAuditActs), act);
  series_->acts[static_cast<std::size_t>(at - std::begin(kAuditActs))]->Increment();
}

void Metrics::audit_dropped(std::uint64_t count) { series_->audit_dropped->Increment(static_cast<double>(count)); }

void Metrics::transaction(std::string_view outcome, double seconds) {
  if (auto at = series_->transactions.find(outcome); at != series_->transactions.end()) at->second->Increment();
  if (outcome == "committed") series_->transaction_seconds->Observe(seconds);
}

void Metrics::fenced() { series_->fenced->Increment(); }

void Metrics::rebalance() { series_->rebalances->Increment(); }

void Metrics::routed(Topic topic) {
  if (auto* counter = series_->routed[std::min(static_cast<std::size_t>(topic), kInputTopics - 1)]) counter->Increment();
}

void Metrics::http_request(std::size_t route, unsigned status, double seconds) {
  auto& row = series_->requests[std::min(route, series_->requests.size() - 1)];
  if (auto* counter = row[std::clamp(status / 100, 1u, 5u) - 1]) counter->Increment();
  series_->request_seconds->Observe(seconds);
}

void Metrics::http_refused(unsigned status, std::string_view rule) {
  auto at = std::find(std::begin(kRefusals), std::end(kRefusals), std::pair(status, rule));
  series_->refused[static_cast<std::size_t>(at - std::begin(kRefusals))]->Increment();
}

std::string Metrics::text(const EntryGauges& entries, const DaemonGauges& daemon) const {
  std::vector<MetricFamily> families = series_->registry.Collect();
  append_entries(entries, families);
  append_daemon(daemon, families);
  if (daemon.kafka) append_kafka(*daemon.kafka, daemon.now_ms, families);
  append_gauge(families, "vtq_issuing_halts", "Halts of issuing that are in force.", static_cast<double>(entries.halts));
  append_gauge(families, "vtq_release_results_unapproved", "Results that are ready, of releases that too few people have approved.",
               static_cast<double>(entries.results_unapproved));
  append_gauge(families, "vtq_release_approval_due_seconds",
               "Logical time left to the first cut of a release that is to be approved; negative once it has passed, 0 when none is.",
               entries.approval_due_seconds.value_or(0));
  append_gauge(families, "vtq_results_withheld", "Results that were issued and are not to be seen.", static_cast<double>(entries.results_withheld));
  append_gauge(families, "vtq_waiting_facts", "Facts that wait for what they name.", static_cast<double>(entries.waiting_facts));
  std::sort(families.begin(), families.end(), [](const MetricFamily& a, const MetricFamily& b) { return a.name < b.name; });
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace vtq
