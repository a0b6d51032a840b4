// The commands of resultsctl. Each prints for people and returns the process's exit code: 0 done, 1 it found or met a problem. They throw
// Unreachable, and std::runtime_error in words for the person who called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "daemon/http/http_client.h"

namespace vtq::ctl {

struct PublishOptions {
  std::vector<std::filesystem::path> files;  ///< .jsonl, .ndjson or .pb
  std::string until;                         ///< RFC 3339; events that occurred later are left out, and time is moved there
  std::size_t batch_events = 5000;
  unsigned give_up_seconds = 300;  ///< without an answer
};
int publish(HttpClient& client, const PublishOptions& options);
/// Form checks, without a daemon. `seal_key`: a file of keys that open sealed events; empty: those are counted, and not looked into.
int validate(const std::vector<std::filesystem::path>& files, bool with_warnings, const std::filesystem::path& seal_key = {});

/// Form checks, then what can only be seen of all reference facts together; without a daemon. 1: problems found; 2: a file cannot be read.
/// `files`: .jsonl, .ndjson, .pb, or .json with one event or a list of them.
int catalogue_check(const std::vector<std::filesystem::path>& files, bool json);

struct CatalogueImport {
  std::filesystem::path from;  ///< the public register of regulated qualifications, as CSV
  std::filesystem::path out;   ///< JSON Lines
  std::string as_of;           ///< `YYYY-MM-DD`, when it was so; empty: the day on which the file was last written
  std::string dates = "auto";  ///< `day-first`, `month-first`, or `auto`: found from the file
};
/// 1: rows were skipped; 2: the file cannot be read, or is no register.
int catalogue_import(const CatalogueImport& words);

int status(HttpClient& client, bool json);
/// The entries most in need of somebody.
int entries_at_risk(HttpClient& client, std::size_t count, bool json);
int entry(HttpClient& client, const std::string& centre, const std::string& qualification, const std::string& series, const std::string& learner,
          bool json);
int centre(HttpClient& client, const std::string& centre, bool json);
/// Where the approval of a qualification stands, and what its submission covers.
int approval(HttpClient& client, const std::string& qualification, bool json);
/// What is asked of the centre's assessment of each qualification under a strategy.
int scrutiny(HttpClient& client, const std::string& centre, bool json);
/// The monthly centre activity report. `format`: json or csv; to `out`, or to standard output when empty.
int activity(HttpClient& client, const std::string& centre, const std::string& month, const std::string& format, const std::filesystem::path& out);
int batches(HttpClient& client, const std::string& centre, const std::string& batch, bool json);

/// Makes a file with a new access secret.
int make_secret(const std::filesystem::path& file);
struct KeyWords {
  std::string name;
  std::vector<std::string> roles, awarding_organisations, centres;
  bool everywhere = false, json = false;
  std::string expires;  ///< `YYYY-MM-DD`, its last day
};
/// The key goes to standard output, once; what to know of it to standard error.
int keys_create(HttpClient& client, const KeyWords& words);
int keys_list(HttpClient& client, bool json);
int keys_revoke(HttpClient& client, const std::string& key, const std::string& reason);
/// Ends all sessions of a person. One of `person`, the hash that the audit has, and `subject`, as the issuer knows them, is empty.
int people_sign_out(HttpClient& client, const std::string& person, const std::string& subject, const std::string& reason);

struct ReleaseWords {
  std::string awarding_organisation, series, level;
  std::string centre = "*";
  std::string plan;       ///< digest; empty: as it stands
  bool calendar = false;  ///< approve gates, not the plan
  std::string name;       ///< of who approves, for the record
  std::string check, reason, qualification;
  std::string first;  ///< `YYYY-MM-DDTHH:MM`
  std::vector<std::string> waves;
  std::uint32_t every_hours = 0;
  std::string at;  ///< when it is said, RFC 3339; empty: now
  bool json = false;
};
int release_show(HttpClient& client, const ReleaseWords& words);
int release_dry_run(HttpClient& client, const ReleaseWords& words);
/// These are events. 1: not taken, or taken with something worth a look.
int release_plan(HttpClient& client, const ReleaseWords& words);
int release_approve(HttpClient& client, const ReleaseWords& words, bool withdrawn);
int release_override(HttpClient& client, const ReleaseWords& words);
int release_halt(HttpClient& client, const ReleaseWords& words, bool halted);

/// Makes a file with a new key for checkpoints; its public key goes to standard output.
int audit_keygen(const std::filesystem::path& file, const std::string& name);
/// The audit of all partitions, with a checkpoint of each, into a directory.
int audit_export(HttpClient& client, const std::filesystem::path& directory);
struct AuditVerifyWords {
  std::filesystem::path directory;                 ///< of an export
  std::string key;                                 ///< the public key, or a file with it
  std::vector<std::filesystem::path> checkpoints;  ///< further ones, of any time
  std::uint32_t partitions = 0;                    ///< 0: as the export says
};
/// Without resultsd. 1: something is not as it was written; 2: a file or the key cannot be read.
int audit_verify(const AuditVerifyWords& words);

/// Makes a file with a new key that results are sealed with; or a line with one, to standard output.
int seal_keygen(const std::filesystem::path& file);
int seal_new_key();
/// What publishers seal to.
int seal_public_key(HttpClient& client);
struct SealWords {
  std::filesystem::path file, out;  ///< of events: as for `publish`; in the same form
  std::string public_key;
};
/// `client`: asked for the public key; null: `public_key` is it. 1: events that are wrong were left out.
int seal_events(HttpClient* client, const SealWords& words);
/// A batch as a file of age, at any time; and the identity that opens it, at the gate.
int batch_sealed(HttpClient& client, const std::string& batch, const std::filesystem::path& out);
int batch_key(HttpClient& client, const std::string& batch);

/// The instances that share the partitions, and which of them answers.
int instances(HttpClient& client, bool json);
/// Of an instance at this address: `ready`, why it is not, or `does not answer`; within 3 seconds. `ca_file`: as in HttpClientOptions.
std::string state_of_instance(const std::string& url, const std::string& ca_file);

/// Whether the clock of the instance that answers is trusted. 1: it is doubted.
int clock(HttpClient& client, bool json);
/// Says that it is right although it jumped; asks first, unless `yes`.
int clock_confirm(HttpClient& client, bool yes);
/// What is wrong with it and what to do; empty: nothing.
std::string clock_doubt(HttpClient& client);

int rejected_list(HttpClient& client, std::size_t count, bool open_only, bool json);
int rejected_show(HttpClient& client, const std::string& id);
/// `with`: a file with the mended event, .json or .pb; empty: the original again.
int rejected_replay(HttpClient& client, const std::string& id, const std::filesystem::path& with);

struct RedriveWords {
  std::filesystem::path config;
  std::string rule, field, topic, since, until, who;
  std::vector<std::string> centre_key, ids;  ///< at most one key
  std::int64_t rate = 0, limit = 0;
  bool dry_run = false;
};
/// Sends rejected records to the Kafka topics that they came from. 1: some that match cannot go. 2: the settings or words are wrong.
int rejected_redrive(const RedriveWords& words);

int backup(HttpClient& client, bool list);
struct RestoreWords {
  std::filesystem::path from, to, was;   ///< `was`: where the store was, if not in `to`
  std::uint32_t id = 0;                  ///< 0: the newest
  std::uint32_t batch_numbers_from = 0;  ///< 0: what was issued is known
};
int restore(const RestoreWords& words);
/// Goes on with what is left of a store that resultsd refuses, since something that was acknowledged is lost.
int accept_loss(const std::filesystem::path& directory, std::uint32_t batch_numbers_from);
/// `what`: statuses or batches; JSON Lines to `out`, or to standard output when empty.
int export_lines(HttpClient& client, const std::string& what, const std::filesystem::path& out);
/// Checks what resultsd needs; says what to do about what is wrong.
int doctor(const std::string& url, const std::string& ca_file, const std::filesystem::path& config);

/// `what`: create, check, list or repair; `apply`: of repair, do it. 1: something is wrong. 2: the settings are wrong or name no Kafka.
int topics(const std::string& what, const std::filesystem::path& config, bool apply);

/// The reply's JSON; a problem becomes a std::runtime_error in its words.
std::string expect_ok(const HttpReply& reply);

}  // namespace vtq::ctl
