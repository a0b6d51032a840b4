#include "daemon/settings.h"

namespace vtq {

using Kind = Setting::Kind;

const std::vector<Setting>& settings_table() {
  constexpr double kMiB = 1 << 20;
  constexpr double kGiB = 1 << 30;
  static const std::vector<Setting> table = {
      {"data.directory", "Where state, log and batches are kept.", Kind::text, &Settings::data_directory,
       "resultsd-data/store"},
      {"data.sync", "Wait for the disk at each commit. Without it a power cut, not a crash, can lose the last commits.",
       Kind::boolean, &Settings::data_sync, "true"},
      {"log.level", "Least level that is logged.", Kind::choice, &Settings::log_level, "info", 0, 0, "",
       {"debug", "info", "warning", "error"}},
      {"http.address", "Address to listen on: loopback only, because this version has no authentication.", Kind::text,
       &Settings::http_address, "127.0.0.1"},
      {"http.port", "Port to listen on; 0: any free one, named in the log.", Kind::number, &Settings::http_port, "8410", 0,
       65535},
      {"http.body_bytes_max", "Largest body of a request.", Kind::bytes, &Settings::http_body_bytes_max, "16MiB", 65536, kGiB,
       "bytes"},
      {"http.bodies_bytes_max",
       "Bodies held at once, from their first byte to the reply. When they reach it, nothing more is read from connections.",
       Kind::bytes, &Settings::http_bodies_bytes_max, "64MiB", 65536, 16 * kGiB, "bytes"},
      {"http.connections_max", "Connections open at once; more wait to be accepted.", Kind::number,
       &Settings::http_connections_max, "512", 1, 65536, "connections"},
      {"http.wait_seconds_max", "How long a request waits for room in the queue before it is answered 503.", Kind::number,
       &Settings::http_wait_seconds_max, "30", 1, 600, "seconds"},
      {"http.idle_seconds_max", "How long a connection may be silent, or take to send or receive a body.", Kind::number,
       &Settings::http_idle_seconds_max, "60", 1, 3600, "seconds"},
      {"http.stop_seconds_max", "How long requests in flight may take to finish when the daemon stops.", Kind::number,
       &Settings::http_stop_seconds_max, "20", 1, 600, "seconds"},
      {"time.source",
       "Where logical time comes from: the clock, or occurredAt of the events (to replay a season or to try things out).",
       Kind::choice, &Settings::time_source, "wall", 0, 0, "", {"wall", "event"}},
      {"partitions", "Shares into which centres are divided. Fixed when the store is made.", Kind::number,
       &Settings::partitions, "8", 1, 1024, "partitions"},
      {"engine.batch_events_max", "Events in one commit.", Kind::number, &Settings::engine_batch_events_max, "20000", 1,
       1'000'000, "events"},
      {"engine.queue_bytes_max", "Events taken and not committed yet; more wait. At least http.body_bytes_max.", Kind::bytes,
       &Settings::engine_queue_bytes_max, "64MiB", 65536, 16 * kGiB, "bytes"},
      {"engine.entries_in_memory_max", "Entries kept decoded in memory, at roughly 1 KiB each.", Kind::number,
       &Settings::engine_entries_in_memory_max, "1000000", 1000, 100'000'000, "entries"},
      {"store.block_cache_bytes", "Memory for blocks read from disk.", Kind::bytes, &Settings::store_block_cache_bytes,
       "64MiB", kMiB, 64 * kGiB, "bytes"},
      {"store.write_buffer_bytes", "Memory for writes before they go to sorted files.", Kind::bytes,
       &Settings::store_write_buffer_bytes, "64MiB", kMiB, 16 * kGiB, "bytes"},
      {"store.wal_bytes_max", "Write-ahead log to read back after a crash; more makes starting slower.", Kind::bytes,
       &Settings::store_wal_bytes_max, "24MiB", kMiB, 16 * kGiB, "bytes"},
      {"wait.registration_days", "How long a fact waits for the registration of its entry.", Kind::real,
       &Settings::wait_registration_days, "14", 0, 366, "days"},
      {"wait.reference_minutes",
       "How long a fact waits for a centre, qualification, unit or grade to become known; 0: rejected at once.", Kind::real,
       &Settings::wait_reference_minutes, "0", 0, 527'040, "minutes"},
      {"wait.facts_per_centre_max", "Facts that may wait at one centre; more are rejected.", Kind::number,
       &Settings::wait_facts_per_centre_max, "20000", 1, 10'000'000, "facts"},
      {"release.lead_hours", "First batch this long before the last one, where no release plan was sent.", Kind::real,
       &Settings::release_lead_hours, "72", 0, 8784, "hours"},
      {"release.every_hours", "Time between batches, where no release plan was sent.", Kind::real,
       &Settings::release_every_hours, "24", 0.25, 744, "hours"},
      {"release.final_margin_minutes", "The last planned batch goes this long before the issue deadline.", Kind::real,
       &Settings::release_final_margin_minutes, "60", 0, 10'080, "minutes"},
      {"release.batch_results_max", "Results in one batch; more make further batches.", Kind::number,
       &Settings::release_batch_results_max, "5000", 1, 100'000, "results"},
      {"risk.evidence_usual_days", "Between two records of evidence: half take at most this long.", Kind::real,
       &Settings::risk_evidence_usual_days, "5", 0, 366, "days"},
      {"risk.evidence_slow_days", "Between two records of evidence: nine of ten take at most this long.", Kind::real,
       &Settings::risk_evidence_slow_days, "14", 0, 366, "days"},
      {"risk.claim_usual_days", "From complete evidence to the claim: half take at most this long.", Kind::real,
       &Settings::risk_claim_usual_days, "4", 0, 366, "days"},
      {"risk.claim_slow_days", "From complete evidence to the claim: nine of ten take at most this long.", Kind::real,
       &Settings::risk_claim_slow_days, "14", 0, 366, "days"},
      {"risk.assurance_usual_days", "From the claim to the end of sampling and checks: half take at most this long.",
       Kind::real, &Settings::risk_assurance_usual_days, "7", 0, 366, "days"},
      {"risk.assurance_slow_days", "From the claim to the end of sampling and checks: nine of ten take at most this long.",
       Kind::real, &Settings::risk_assurance_slow_days, "21", 0, 366, "days"},
      {"risk.result_usual_days", "From there to the determined result: half take at most this long.", Kind::real,
       &Settings::risk_result_usual_days, "3", 0, 366, "days"},
      {"risk.result_slow_days", "From there to the determined result: nine of ten take at most this long.", Kind::real,
       &Settings::risk_result_slow_days, "10", 0, 366, "days"},
      {"risk.samples_min",
       "Lengths seen at an awarding organisation before what was learned replaces the configured days.", Kind::number,
       &Settings::risk_samples_min, "200", 1, 1'000'000, "samples"},
      {"backup.directory", "Where backups go; a relative path starts at data.directory. Empty: no backups.", Kind::text,
       &Settings::backup_directory, "../backups"},
  };
  return table;
}

std::string Setting::environment_name() const {
  std::string text = "RESULTSD_";
  for (char c : name) text += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::filesystem::path Settings::backups() const {
  if (backup_directory.empty()) return {};
  return (std::filesystem::absolute(data_directory) / backup_directory).lexically_normal();
}

}  // namespace vtq
