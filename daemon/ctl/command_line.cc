#include "daemon/ctl/command_line.h"

#include <cstdlib>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/credentials.h"

namespace vtq::ctl {

std::string url_of(const Chosen& chosen) {
  const char* named = std::getenv("RESULTSD_URL");
  return !chosen.url.empty() ? chosen.url : named ? named : "";
}

std::string ca_file_of(const Chosen& chosen) {
  const char* named = std::getenv("RESULTSD_CA_FILE");
  return !chosen.ca_file.empty() ? chosen.ca_file : named ? named : "";
}

HttpClient client_of(const Chosen& chosen) {
  std::string url = url_of(chosen);
  use_credentials(chosen.secret_file, chosen.key_file);
  if (url.empty()) url = "http://127.0.0.1:8410";
  return HttpClient(url, with_credentials(url, {.ca_file = ca_file_of(chosen)}));
}

void add_access(CLI::App& app, Chosen& chosen) {
  struct Words {
    std::filesystem::path file;
    KeyWords key;
    std::string id, subject, reason;
    bool json = false;
  };
  auto words = std::make_shared<Words>();
  auto* access = app.add_subcommand("access", "The secret that the instances share (make-secret)");
  access->require_subcommand(1);
  auto* make = access->add_subcommand("make-secret", "Make a file with a new access secret, without resultsd");
  make->add_option("file", words->file, "File to make")->required();
  make->callback([&chosen, words] { chosen.run = [words] { return make_secret(words->file); }; });
  auto* command = app.add_subcommand("keys", "Keys of systems that ask resultsd (create, list, revoke); with --secret-file");
  command->require_subcommand(1);
  auto* create = command->add_subcommand("create", "Make a key; it is shown once, on standard output");
  create->add_option("--name", words->key.name, "Whose key it is")->required();
  create->add_option("--role", words->key.roles, "operations, approver, publisher, centre, auditor or learner-details; may be given again")
      ->required();
  create->add_option("--awarding-organisation", words->key.awarding_organisations, "For this one, as RN5217; may be given again");
  create->add_option("--centre", words->key.centres, "For this centre, as 12345; may be given again");
  create->add_flag("--everywhere", words->key.everywhere, "For all awarding organisations and centres");
  create->add_option("--expires", words->key.expires, "Its last day, YYYY-MM-DD")->required();
  create->add_flag("--json", words->key.json, "As JSON");
  auto with_client = [&chosen](auto act) {
    return [&chosen, act] {
      chosen.run = [&chosen, act] {
        HttpClient client = client_of(chosen);
        return act(client);
      };
    };
  };
  create->callback(with_client([words](HttpClient& client) { return keys_create(client, words->key); }));
  auto* list = command->add_subcommand("list", "All keys, without their secrets");
  list->add_flag("--json", words->json, "As JSON");
  list->callback(with_client([words](HttpClient& client) { return keys_list(client, words->json); }));
  auto* revoke = command->add_subcommand("revoke", "End a key, at once and for good");
  revoke->add_option("key", words->id, "Its name, as the list shows it")->required();
  revoke->add_option("--reason", words->reason, "Why, for the record");
  revoke->callback(with_client([words](HttpClient& client) { return keys_revoke(client, words->id, words->reason); }));
  auto* people = app.add_subcommand("people", "People who sign in (sign-out); for operations everywhere");
  people->require_subcommand(1);
  auto* out = people->add_subcommand("sign-out", "End all sessions of a person, at every instance");
  auto* person = out->add_option("person", words->id, "The person's hash of 64 digits, as the audit has it");
  auto* subject = out->add_option("--subject", words->subject, "Instead: the subject that the sign-in provider knows");
  subject->excludes(person);
  out->add_option("--reason", words->reason, "Why, for the record")->required();
  out->callback(with_client([words](HttpClient& client) { return people_sign_out(client, words->id, words->subject, words->reason); }));
}

void add_audit(CLI::App& app, Chosen& chosen) {
  struct Words {
    std::filesystem::path file, directory;
    std::string name = "resultsd/audit";
    AuditVerifyWords verify;
  };
  auto words = std::make_shared<Words>();
  auto* command = app.add_subcommand("audit", "What was done by whom (keygen, export, verify)");
  command->require_subcommand(1);
  auto* keygen = command->add_subcommand("keygen", "Make a file with a key for checkpoints, without resultsd; prints its public key");
  keygen->add_option("file", words->file, "File to make, for audit.key_file")->required();
  keygen->add_option("--name", words->name, "Name of the audit, as vtq.example.org/audit")->capture_default_str();
  keygen->callback([&chosen, words] { chosen.run = [words] { return audit_keygen(words->file, words->name); }; });
  auto* out = command->add_subcommand("export", "Write all records with signed checkpoints");
  out->add_option("directory", words->directory, "Directory to write to")->required();
  out->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return audit_export(client, words->directory);
    };
  });
  auto* verify = command->add_subcommand("verify", "Whether an export is what was written, without resultsd");
  verify->add_option("directory", words->verify.directory, "Directory of an export")->required();
  verify->add_option("--public-key", words->verify.key, "The public key that keygen printed, or a file with it")->required();
  verify->add_option("--checkpoint", words->verify.checkpoints, "A further checkpoint, as from the log of an earlier day; may be given again");
  verify->add_option("--partitions", words->verify.partitions, "How many there must be (default: as the export says)");
  verify->footer("Exit code: 0 all is as it was written, 1 something is not, 2 a file or the key cannot be read.");
  verify->callback([&chosen, words] { chosen.run = [words] { return audit_verify(words->verify); }; });
}

void add_sealing(CLI::App& app, Chosen& chosen) {
  struct Words {
    std::filesystem::path file, out;
    std::string batch;
    SealWords seal;
  };
  auto words = std::make_shared<Words>();
  auto with_client = [&chosen](auto act) {
    return [&chosen, act] {
      chosen.run = [&chosen, act] {
        HttpClient client = client_of(chosen);
        return act(client);
      };
    };
  };
  auto* seal = app.add_subcommand("seal", "Keys that results are sealed with, and sealing events (keygen, new-key, public-key, events)");
  seal->require_subcommand(1);
  auto* keygen = seal->add_subcommand("keygen", "Make a file with a new key, without resultsd");
  keygen->add_option("file", words->file, "File to make")->required();
  keygen->callback([&chosen, words] { chosen.run = [words] { return seal_keygen(words->file); }; });
  seal->add_subcommand("new-key", "A line with a new key, for such a file")->callback([&chosen] { chosen.run = [] { return seal_new_key(); }; });
  seal->add_subcommand("public-key", "What publishers seal to")->callback(with_client([](HttpClient& client) { return seal_public_key(client); }));
  auto* events = seal->add_subcommand("events", "Seal each event of a file, so that only resultsd can read it");
  events->add_option("file", words->seal.file, "File of events: .jsonl, .ndjson, .json or .pb")->required();
  events->add_option("--out", words->seal.out, "File to write, JSON Lines or length-delimited protobuf as the other")->required();
  events->add_option("--public-key", words->seal.public_key, "What to seal to; without it, resultsd is asked");
  events->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      if (!words->seal.public_key.empty()) return seal_events(nullptr, words->seal);
      HttpClient client = client_of(chosen);
      return seal_events(&client, words->seal);
    };
  });
  auto* batch = app.add_subcommand("batch", "A batch before its gate: its file, and at the gate the key of it (sealed, key)");
  batch->require_subcommand(1);
  auto* sealed = batch->add_subcommand("sealed", "Fetch it as a file that age opens with its key");
  sealed->add_option("batch", words->batch)->required();
  sealed->add_option("--out", words->out, "File to make; without it, the batch's name and .json.age");
  sealed->callback(with_client([words](HttpClient& client) { return batch_sealed(client, words->batch, words->out); }));
  auto* key = batch->add_subcommand("key", "What opens it, once the gate is reached; to standard output");
  key->add_option("batch", words->batch)->required();
  key->callback(with_client([words](HttpClient& client) { return batch_key(client, words->batch); }));
}

void add_releases(CLI::App& app, Chosen& chosen) {
  auto words = std::make_shared<ReleaseWords>();
  auto* command = app.add_subcommand("release", "Releases of results (show, dry-run, plan, approve, withdraw, override, halt, resume)");
  command->require_subcommand(1);
  auto add = [&](const char* name, const char* what, auto act) {
    auto* one = command->add_subcommand(name, what);
    one->callback([&chosen, words, act] {
      chosen.run = [&chosen, words, act] {
        HttpClient client = client_of(chosen);
        return act(client, *words);
      };
    });
    return one;
  };
  auto of_series = [&](CLI::App* one) {
    one->add_option("awarding-organisation", words->awarding_organisation, "As RN5217")->required();
    one->add_option("series", words->series, "As 2024-08")->required();
  };
  auto of_level = [&](CLI::App* one) {
    of_series(one);
    one->add_option("level", words->level, "LEVEL_3, LEVEL_2, LEVEL_1_2 or LEVEL_OTHER")->required();
    one->add_option("--centre", words->centre, "At this centre only")->capture_default_str();
    one->add_option("--at", words->at, "When it is said (RFC 3339; default: now)");
  };
  auto shown = [&](CLI::App* one) {
    of_series(one);
    one->add_option("--level", words->level, "This level only");
    one->add_option("--centre", words->centre, "At this centre only, by its own plan where it has one");
    one->add_flag("--json", words->json, "As JSON");
  };
  auto halting = [&](CLI::App* one) {
    one->add_option("awarding-organisation", words->awarding_organisation, "As RN5217; * for all")->required();
    one->add_option("series", words->series, "As 2024-08")->required();
    one->add_option("--qualification", words->qualification, "This qualification only");
    one->add_option("--centre", words->centre, "At this centre only")->capture_default_str();
    one->add_option("--reason", words->reason, "Why, for the record");
    one->add_option("--at", words->at, "When it is said (RFC 3339; default: now)");
  };
  shown(add("show", "Plans, waves, approvals and halts as they stand", release_show));
  shown(add("dry-run", "What would go to whom, and what is missing", release_dry_run));
  auto* plan = add("plan", "Plan when results go; what was approved of the plan before is void", release_plan);
  of_level(plan);
  plan->add_option("--first", words->first, "First batch, local time: 2024-08-08T06:00");
  plan->add_option("--every-hours", words->every_hours, "Hours between further batches; 0: 24")->check(CLI::Range(0, 744));
  plan->add_option("--wave", words->waves, "NAME=TIME=CENTRE,CENTRE; may be given again, the last, the rest, without centres");
  auto approving = [&](CLI::App* one) {
    of_level(one);
    one->add_option("--plan", words->plan, "Digest of what was looked at, as show has it; without it, what stands now");
    one->add_flag("--calendar", words->calendar, "The gates of a calendar, not the plan");
    one->add_option("--name", words->name, "Who approves, for the record")->required();
  };
  approving(
      add("approve", "Approve the plan as it stands", [](HttpClient& client, const ReleaseWords& of) { return release_approve(client, of, false); }));
  approving(add("withdraw", "Take your approval back", [](HttpClient& client, const ReleaseWords& of) { return release_approve(client, of, true); }));
  auto* let_go = add("override", "Let go what a check has stopped", release_override);
  of_level(let_go);
  let_go->add_option("--plan", words->plan, "Digest of the plan; without it, what stands now");
  let_go->add_option("--check", words->check, "RELEASE_MISSING, RELEASE_GRADES or RELEASE_CORRECTIONS")->required();
  let_go->add_option("--reason", words->reason, "Why it may go all the same")->required();
  halting(add("halt", "Stop issuing, and what is shown, at once",
              [](HttpClient& client, const ReleaseWords& of) { return release_halt(client, of, true); }));
  halting(add("resume", "Lift a halt", [](HttpClient& client, const ReleaseWords& of) { return release_halt(client, of, false); }));
}

}  // namespace vtq::ctl
