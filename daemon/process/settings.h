// Settings: what an operator can choose. One table declares each once: name, description, kind, default, range, unit, secret or not.
// It drives the TOML file, the environment, `--help`, `--check-config`, `--print-config` and the reference in the README.
//
// Loaded once at start-up, then constant; any thread may read. Nothing here acts on a setting.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vtq {

struct Settings {
  std::string data_directory;
  bool data_sync = true;
  std::string data_create;
  bool init = false;  ///< of the command line: an empty store is asked for
  std::string log_level;
  std::string http_address;
  std::int64_t http_port = 0;
  std::string http_tls_certificate_file;
  std::string http_tls_key_file;
  std::string http_ca_file;
  std::string http_trusted_proxy;
  std::string http_health_address;
  std::int64_t http_health_port = 0;  ///< -1: no such listener
  std::int64_t http_body_bytes_max = 0;
  std::int64_t http_bodies_bytes_max = 0;
  std::int64_t http_body_events_max = 0;
  std::int64_t http_body_errors_max = 0;
  std::int64_t http_reply_bytes_max = 0;
  std::int64_t http_replies_bytes_max = 0;
  std::int64_t http_connections_max = 0;
  std::int64_t http_head_seconds_max = 0;
  std::int64_t http_bytes_per_second_min = 0;
  std::int64_t http_read_seconds_max = 0;
  std::int64_t http_reads_waiting_max = 0;
  std::string http_host_names;
  std::string access_secret_file;
  std::string sign_in_issuer;
  std::string sign_in_client_id;
  std::string sign_in_client_secret_file;
  std::string sign_in_public_url;
  std::string sign_in_scopes;
  std::string sign_in_ca_file;
  std::string sign_in_roles;
  std::string sign_in_roles_claim;
  std::string sign_in_organisation_claim;
  std::string sign_in_roles_api_url;
  std::string sign_in_roles_api_secret_file;
  std::string sign_in_roles_api_audience;
  std::string sign_in_token_audience;
  std::string sign_in_session_key_file;
  std::int64_t sign_in_idle_minutes = 0;
  std::int64_t sign_in_absolute_minutes = 0;
  bool sign_in_demonstration = false;
  std::string audit_key_file;
  std::int64_t audit_checkpoint_minutes = 0;
  std::string seal_key_file;  ///< also from $CREDENTIALS_DIRECTORY/seal.key; empty: nothing is sealed
  std::int64_t http_wait_seconds_max = 0;
  std::int64_t http_idle_seconds_max = 0;
  std::int64_t http_stop_seconds_max = 0;
  std::string time_source;
  double time_event_step_days_max = 0;
  std::int64_t clock_jump_seconds_max = 0;
  std::int64_t clock_away_days_max = 0;
  std::int64_t partitions = 0;
  std::int64_t engine_threads = 0;
  std::int64_t engine_batch_events_max = 0;
  std::int64_t engine_queue_bytes_max = 0;
  std::int64_t engine_entries_in_memory_max = 0;
  std::int64_t store_block_cache_bytes = 0;
  std::int64_t store_write_buffer_bytes = 0;
  std::int64_t store_wal_bytes_max = 0;
  std::int64_t store_log_bytes_max = 0;
  std::int64_t store_log_days_max = 0;
  std::int64_t store_verify_bytes_per_second = 0;
  double store_verify_every_hours = 0;
  double wait_registration_days = 0;
  double wait_reference_minutes = 0;
  std::int64_t wait_facts_per_centre_max = 0;
  std::int64_t release_approvals_default = 2;
  double release_lead_hours = 0;
  double release_every_hours = 0;
  double release_final_margin_minutes = 0;
  std::int64_t release_batch_results_max = 0;
  double risk_evidence_usual_days = 0;
  double risk_evidence_slow_days = 0;
  double risk_claim_usual_days = 0;
  double risk_claim_slow_days = 0;
  double risk_assurance_usual_days = 0;
  double risk_assurance_slow_days = 0;
  double risk_result_usual_days = 0;
  double risk_result_slow_days = 0;
  std::int64_t risk_samples_min = 0;
  std::string backup_directory;
  std::int64_t backup_count_max = 0;
  double backup_days_max = 0;
  std::string kafka_bootstrap_servers;
  std::string kafka_topic_prefix;
  std::string kafka_group;
  std::string kafka_instance;
  std::string kafka_advertise;
  bool kafka_static_membership = true;
  bool kafka_standby = true;
  std::string kafka_assignment;
  std::int64_t kafka_commit_interval_ms = 0;
  std::int64_t kafka_session_timeout_ms = 0;
  std::int64_t kafka_transaction_timeout_ms = 0;
  std::int64_t kafka_broker_wait_seconds = 0;
  std::int64_t kafka_position_check_seconds = 0;
  std::int64_t kafka_restore_wait_seconds = 0;
  std::int64_t kafka_request_wait_ms = 0;
  std::int64_t kafka_open_transaction_seconds = 0;
  double kafka_reference_wait_minutes = 0;
  std::string kafka_registry_topics;
  std::string kafka_security_protocol;
  std::string kafka_sasl_mechanism;
  std::string kafka_sasl_username;
  std::string kafka_sasl_password;
  std::string kafka_ssl_ca_location;
  std::string kafka_ssl_certificate_location;
  std::string kafka_ssl_key_location;
  std::string kafka_ssl_key_password;
  std::string kafka_properties;

  /// Whether Kafka holds the topics; otherwise the store does.
  bool on_kafka() const { return !kafka_bootstrap_servers.empty(); }
  /// Whether HTTP is spoken over TLS.
  bool has_tls() const { return !http_tls_certificate_file.empty(); }
  /// Where backups go, absolute; empty: there are none.
  std::filesystem::path backups() const;
};

/// One row of the table.
struct Setting {
  enum class Kind { text, choice, boolean, number, bytes, real };

  std::string_view name;  ///< `http.port`; the environment's is RESULTSD_HTTP_PORT
  std::string_view description;
  Kind kind;
  std::variant<std::string Settings::*, bool Settings::*, std::int64_t Settings::*, double Settings::*> member;
  std::string_view standard;  ///< the default, as it would be written in the environment
  double least = 0;
  double most = 0;
  std::string_view unit = "";                  ///< of numbers, in words
  std::vector<std::string_view> choices = {};  ///< of a choice
  bool secret = false;                         ///< masked wherever it is shown

  std::string environment_name() const;
};

const std::vector<Setting>& settings_table();

/// What is wrong with a setting, and where.
struct SettingError {
  std::string where;  ///< `resultsd.toml:12` or `environment RESULTSD_HTTP_PORT`
  std::string message;
  std::size_t line = 0;  ///< in the file; 0: not there
};

struct LoadedSettings {
  Settings settings;
  std::map<std::string_view, std::string> origins;  ///< by name: `default`, `resultsd.toml:12`, `environment RESULTSD_...`
  std::vector<SettingError> errors;  ///< all of them, those of the file first and in its order; `settings` may be used only when there are none
};

/// Defaults, then the file if `file` is not empty, then `environment` (NAME=value; names that do not start with RESULTSD_ are ignored).
LoadedSettings load_settings(const std::filesystem::path& file, const std::vector<std::string>& environment);

/// The environment of this process, for `load_settings`.
std::vector<std::string> process_environment();

/// Effective values as TOML, each with its origin as a comment; secrets masked.
std::string print_settings(const LoadedSettings& loaded);
/// A Markdown table of every setting.
std::string print_settings_reference();
/// Every setting, for `--help`.
std::string print_settings_help();
/// `resultsd.toml:12: ...`, one per line.
std::string print_setting_errors(const std::vector<SettingError>& errors);

}  // namespace vtq
