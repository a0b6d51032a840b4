// resultsctl: the command line of resultsd.
#include <google/protobuf/stubs/logging.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "daemon/app/service.h"
#include "daemon/ctl/command_line.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/credentials.h"
#include "daemon/ctl/output.h"
#include "daemon/simulator/simulator.h"

namespace {

using namespace vtq::ctl;
using vtq::HttpClient;

int simulate_season(const vtq::simulator::Options& given) {
  ProgressBar bar("simulating");
  vtq::simulator::Options options = given;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); };
  auto made = vtq::simulator::simulate(options);
  bar.clear();
  auto text = [](std::uint64_t number) { return grouped(static_cast<std::int64_t>(number)); };
  std::cout << text(made.events) << " events for " << text(made.entries) << " entries at " << text(made.centres) << " centres, "
            << text(made.qualifications) << " qualifications of " << text(made.awarding_organisations) << " awarding organisations.\n"
            << "The truth: " << text(made.on_time_level_3 + made.on_time_level_1_2) << " on time, " << text(made.late) << " late at "
            << text(made.centres_with_late) << " centres, " << text(made.batches) << " batches.\n"
            << "Next: resultsctl publish " << options.events.string() << "\n";
  return 0;
}

void add_simulate(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<vtq::simulator::Options>();
  options->events = "season.jsonl";
  auto* command = app.add_subcommand("simulate", "Write the events of a season, and what must come out of it");
  command->add_option("--scenario", options->scenario, "2022 (no checkpoint), 2023 or small")->capture_default_str();
  command->add_option("--scale", options->scale, "Multiplies entries and centres")->capture_default_str();
  command->add_option("--seed", options->seed, "The same seed gives the same season")->capture_default_str();
  command->add_option("--events,--out", options->events, "File of events, .jsonl or .pb")->capture_default_str();
  command->add_option("--truth", options->truth, "File of what should happen to each entry, and when");
  command->add_flag("--plain", options->plain,
                    "Without learning outcomes, rules of combination and of grades, scrutiny of centres, approvals and mitigations");
  command->add_option("--until", options->until, "Leave out what arrives after this time (RFC 3339)");
  command->callback([&chosen, options] { chosen.run = [options] { return simulate_season(*options); }; });
}

void add_publish(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<PublishOptions>();
  auto* command = app.add_subcommand("publish", "Send files of events to resultsd");
  command->add_option("files", options->files, "Files of events, .jsonl, .json or .pb")->required();
  command->add_option("--until", options->until, "Leave out what occurred after this time (RFC 3339), and move event time there");
  command->add_option("--batch", options->batch_events, "Events in one request")->capture_default_str()->check(CLI::Range(1, 20'000));
  command->add_option("--give-up", options->give_up_seconds, "Seconds to try again while resultsd is away or busy")->capture_default_str();
  command->callback([&chosen, options] {
    chosen.run = [&chosen, options] {
      HttpClient client = client_of(chosen);
      return publish(client, *options);
    };
  });
  auto files = std::make_shared<std::vector<std::filesystem::path>>();
  auto with_warnings = std::make_shared<bool>(false);
  auto* check = app.add_subcommand("validate", "Check the form of files of events, without resultsd");
  check->add_option("files", *files, "Files of events, .jsonl, .json or .pb")->required();
  check->add_flag("--warnings", *with_warnings, "Show warnings too");
  auto seal_key = std::make_shared<std::filesystem::path>();
  check->add_option("--seal-key-file", *seal_key, "File with the keys of resultsd, to look into sealed events where it lies");
  check->callback([&chosen, files, with_warnings, seal_key] {
    chosen.run = [files, with_warnings, seal_key] { return validate(*files, *with_warnings, *seal_key); };
  });
}

void add_catalogue(CLI::App& app, Chosen& chosen) {
  struct Words {
    std::vector<std::filesystem::path> files;
    std::string format = "text";
    CatalogueImport import;
  };
  auto words = std::make_shared<Words>();
  auto* command = app.add_subcommand("catalogue", "Reference data in files, without resultsd (check, import)");
  command->require_subcommand(1);
  auto* check = command->add_subcommand("check", "Find rules that nobody can meet, gaps in grade tables, dates out of order, unknown names");
  check->add_option("files", words->files, "Files of events, .jsonl, .json or .pb; they are looked at together")->required();
  check->add_option("--format", words->format, "text or json")->capture_default_str()->check(CLI::IsMember({"text", "json"}));
  check->footer("Exit code: 0 no problems, 1 problems, 2 a file cannot be read.");
  check->callback([&chosen, words] { chosen.run = [words] { return catalogue_check(words->files, words->format == "json"); }; });
  auto* import = command->add_subcommand("import", "Make reference facts of the public register of regulated qualifications");
  import->add_option("register", words->import.from, "The register's CSV file")->required();
  import->add_option("--out", words->import.out, "File of events to write, .jsonl")->required();
  import->add_option("--as-of", words->import.as_of, "Day on which it was so, YYYY-MM-DD (default: when the file was last written)");
  import->add_option("--dates", words->import.dates, "Order of dates such as 01/09/2018: day-first, month-first, or auto, from the file")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "day-first", "month-first"}));
  import->footer("Exit code: 0 all rows taken, 1 some skipped, 2 the file cannot be read or is no register.");
  import->callback([&chosen, words] { chosen.run = [words] { return catalogue_import(words->import);
};
}  // namespace
);
}

void add_reads(CLI::App& app, Chosen& chosen) {
  struct Words {
    bool json = false;
    std::size_t at_risk = 0;
    std::string centre, qualification, series, learner, batch, month, format = "text";
    std::filesystem::path out;
  };
  auto words = std::make_shared<Words>();
  auto with_client = [&chosen](auto command) {
    return [&chosen, command] {
      chosen.run = [&chosen, command] {
        HttpClient client = client_of(chosen);
        return command(client);
      };
    };
  };
  auto* status_command = app.add_subcommand("status", "Where all entries stand, and the next dates");
  status_command->add_flag("--json", words->json, "As JSON");
  status_command->add_option("--at-risk", words->at_risk, "Instead, this many entries that are late or at risk, and why")
      ->check(CLI::NonNegativeNumber);
  status_command->callback(with_client([words](HttpClient& client) {
    return words->at_risk > 0 ? entries_at_risk(client, std::min<std::size_t>(words->at_risk, 10'000), words->json) : status(client, words->json);
  }));
  auto* entry_command = app.add_subcommand("entry", "One entry: where it stands and what comes next");
  entry_command->add_option("centre", words->centre, "National centre number")->required();
  entry_command->add_option("qualification", words->qualification, "Qualification number")->required();
  entry_command->add_option("series", words->series, "YYYY-MM")->required();
  entry_command->add_option("learner", words->learner, "Registration number")->required();
  entry_command->add_flag("--json", words->json, "As JSON");
  entry_command->callback(with_client(
      [words](HttpClient& client) { return entry(client, words->centre, words->qualification, words->series, words->learner, words->json); }));
  auto* centre_command = app.add_subcommand("centre", "One centre: counts of its entries");
  centre_command->add_option("centre", words->centre, "National centre number")->required();
  centre_command->add_flag("--json", words->json, "As JSON");
  centre_command->callback(with_client([words](HttpClient& client) { return centre(client, words->centre, words->json); }));
  auto* approval_command = app.add_subcommand("approval", "One qualification: where its approval stands, what is missing, what it covers");
  approval_command->add_option("qualification", words->qualification, "Qualification number")->required();
  approval_command->add_flag("--json", words->json, "As JSON");
  approval_command->callback(with_client([words](HttpClient& client) { return approval(client, words->qualification, words->json); }));
  auto* scrutiny_command = app.add_subcommand("scrutiny", "One centre: what is asked of its assessment, and which claims wait for it");
  scrutiny_command->add_option("centre", words->centre, "National centre number")->required();
  scrutiny_command->add_flag("--json", words->json, "As JSON");
  scrutiny_command->callback(with_client([words](HttpClient& client) { return scrutiny(client, words->centre, words->json); }));
  auto* activity_command = app.add_subcommand("activity", "One centre: its monthly activity report");
  activity_command->add_option("centre", words->centre, "National centre number")->required();
  activity_command->add_option("--month", words->month, "YYYY-MM")->required();
  activity_command->add_option("--format", words->format, "text, json or csv")->capture_default_str()->check(CLI::IsMember({"text", "json", "csv"}));
  activity_command->add_option("--out", words->out, "File to write; without it, standard output");
  activity_command->callback(
      with_client([words](HttpClient& client) { return activity(client, words->centre, words->month, words->format, words->out); }));
  auto* batches_command = app.add_subcommand("batches", "Result batches, or one with its results once its centre may see them");
  batches_command->add_option("batch", words->batch, "Name of a batch");
  batches_command->add_option("--centre", words->centre, "Only this centre's");
  batches_command->add_flag("--json", words->json, "As JSON");
  batches_command->callback(with_client([words](HttpClient& client) { return batches(client, words->centre, words->batch, words->json); }));
  auto* instances_command = app.add_subcommand("instances", "The instances that share the partitions on Kafka, and what each has");
  instances_command->add_flag("--json", words->json, "As JSON");
  instances_command->callback(with_client([words](HttpClient& client) { return instances(client, words->json); }));
}

void add_clock(CLI::App& app, Chosen& chosen) {
  struct Words {
    bool json = false, yes = false;
  };
  auto words = std::make_shared<Words>();
  auto* command = app.add_subcommand("clock", "Whether resultsd trusts its clock (confirm)");
  command->require_subcommand(0, 1);
  command->add_flag("--json", words->json, "As JSON");
  command->preparse_callback([&chosen, words](std::size_t) {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return clock(client, words->json);
    };
  });
  auto* confirm = command->add_subcommand("confirm", "Say that the clock is right although it jumped; shows both times and asks");
  confirm->add_flag("--yes", words->yes, "Do not ask");
  confirm->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return clock_confirm(client, words->yes);
    };
  });
}

void add_redrive(CLI::App& rejected, Chosen& chosen) {
  auto words = std::make_shared<RedriveWords>();
  auto* command = rejected.add_subcommand("redrive", "Send records rejected on Kafka to the topics that they came from");
  command->add_option("--rule", words->rule, "Only those that broke this rule");
  command->add_option("--field", words->field, "Only those with this wrong field");
  command->add_option("--topic", words->topic, "Only those from this input topic: claims");
  command->add_option("--centre-key", words->centre_key, "Only those with this key, which is the centre's number")->expected(1);
  command->add_option("--id", words->ids, "Only these rejected records");
  command->add_option("--since", words->since, "Only those rejected at this time or later (RFC 3339)");
  command->add_option("--until", words->until, "Only those rejected before this time (RFC 3339)");
  command->add_option("--limit", words->limit, "The oldest so many")->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}));
  command->add_option("--rate", words->rate, "Records a second, at most")->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
  command->add_option("--who", words->who, "Who does it, for the audit (default: $USER)");
  command->add_flag("--dry-run", words->dry_run, "Say what would go, and send nothing");
  command->add_option("--config", words->config, "The daemon's TOML file; without it, defaults and environment");
  command->callback([&chosen, words] { chosen.run = [words] { return rejected_redrive(*words); }; });
}

void add_rejected(CLI::App& app, Chosen& chosen) {
  struct Words {
    std::string id;
    std::filesystem::path with;
    std::size_t limit = 50;
    bool all = false, json = false;
  };
  auto words = std::make_shared<Words>();
  auto* command = app.add_subcommand("rejected", "Records that could not be applied (list, show, replay, redrive)");
  command->require_subcommand(0, 1);
  command->add_option("--limit", words->limit, "How many to list")->capture_default_str()->check(CLI::Range(1, 1000));
  command->add_flag("--all", words->all, "List those replayed too");
  command->add_flag("--json", words->json, "As JSON");
  auto list = [&chosen, words] {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return rejected_list(client, words->limit, !words->all, words->json);
    };
  };
  command->preparse_callback([list](std::size_t) { list(); });
  auto* list_command = command->add_subcommand("list", "Those still open, newest first");
  list_command->add_option("--limit", words->limit, "How many to list")->check(CLI::Range(1, 1000));
  list_command->add_flag("--all", words->all, "Those replayed too");
  list_command->add_flag("--json", words->json, "As JSON");
  auto* show_command = command->add_subcommand("show", "One, with the record as it came");
  show_command->add_option("id", words->id)->required();
  show_command->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return rejected_show(client, words->id);
    };
  });
  auto* replay_command = command->add_subcommand("replay", "Send one again, or a mended event in its place");
  replay_command->add_option("id", words->id)->required();
  replay_command->add_option("--with", words->with, "File with the mended event: .json, or .pb with its bare protobuf");
  replay_command->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return rejected_replay(client, words->id, words->with);
    };
  });
  add_redrive(*command, chosen);
}

void add_maintenance(CLI::App& app, Chosen& chosen) {
  struct Words {
    bool list = false;
    std::filesystem::path config, out;
    RestoreWords restore;
    std::filesystem::path store;
    std::uint32_t numbers_from = 0;
    std::string what;
  };
  auto words = std::make_shared<Words>();
  auto* backup_command = app.add_subcommand("backup", "Make a backup of the running resultsd");
  backup_command->add_flag("--list", words->list, "List backups instead");
  backup_command->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return backup(client, words->list);
    };
  });
  auto* restore_command = app.add_subcommand("restore", "Rebuild a store from a backup, while no resultsd uses it");
  restore_command->add_option("--from", words->restore.from, "Directory of backups")->required();
  restore_command->add_option("--to", words->restore.to, "Data directory to make; it must not hold a store")->required();
  restore_command->add_option("--was", words->restore.was, "Where the store was, if not there: beside it stands what it had issued");
  restore_command->add_option("--id", words->restore.id, "Which backup; 0: the newest")->capture_default_str();
  const char* numbers = "Batch numbers go on here at the least, where it is not known which were issued";
  restore_command->add_option("--batch-numbers-from", words->restore.batch_numbers_from, numbers)->check(CLI::Range(1, 1'000'000));
  restore_command->callback([&chosen, words] { chosen.run = [words] { return restore(words->restore); }; });
  auto* store_command = app.add_subcommand("store", "The store of a resultsd that is stopped (accept-loss)");
  store_command->require_subcommand(1);
  auto* accept = store_command->add_subcommand("accept-loss", "Go on with what is left of a store that resultsd refuses, since something is lost");
  accept->add_option("directory", words->store, "The data directory")->required();
  accept->add_option("--batch-numbers-from", words->numbers_from, numbers)->check(CLI::Range(1, 1'000'000));
  accept->callback([&chosen, words] { chosen.run = [words] { return accept_loss(words->store, words->numbers_from); }; });
  auto* doctor_command = app.add_subcommand("doctor", "Check what resultsd needs, and say what to do");
  doctor_command->add_option("--config", words->config, "The daemon's TOML file");
  doctor_command->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      use_credentials(chosen.secret_file, chosen.key_file);
      return doctor(url_of(chosen), ca_file_of(chosen), words->config);
    };
  });
  auto* export_command = app.add_subcommand("export", "Write all statuses or batches as JSON Lines");
  export_command->add_option("what", words->what, "statuses or batches")->required()->check(CLI::IsMember({"statuses", "batches"}));
  export_command->add_option("--out", words->out, "File to write; without it, standard output");
  export_command->callback([&chosen, words] {
    chosen.run = [&chosen, words] {
      HttpClient client = client_of(chosen);
      return export_lines(client, words->what, words->out);
    };
  });
}

void add_topics(CLI::App& app, Chosen& chosen) {
  auto* command = app.add_subcommand("topics", "The topics on Kafka (create, check, list, repair)");
  command->require_subcommand(1);
  auto config = std::make_shared<std::filesystem::path>();
  auto apply = std::make_shared<bool>(false);
  auto add = [&](const std::string& name, const std::string& what) {
    auto* one = command->add_subcommand(name, what);
    one->add_option("--config", *config, "The daemon's TOML file; without it, defaults and environment");
    one->callback([&chosen, config, name, apply] { chosen.run = [config, name, apply] { return topics(name, *config, *apply); }; });
    return one;
  };
  add("create", "Create those that are missing");
  add("check", "Check them and the brokers, and say what to mend");
  add("list", "List what each must be, without asking the brokers");
  add("repair", "Say what no longer fits what was read: offsets, partitions, the changelog; and repair it")
      ->add_flag("--apply", *apply, "Do it; without, it is only said");
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(077);  // exports and restored stores hold learners' results
  // What cannot be parsed is rejected with field, rule and value; the library's own lines would say less, and not in JSON.
  google::protobuf::SetLogHandler(nullptr);
  CLI::App app("resultsctl: the command line of resultsd");
  Chosen chosen;
  app.add_option("--url", chosen.url, "Address of resultsd (default: RESULTSD_URL, else http://127.0.0.1:8410)");
  app.add_option("--ca-file", chosen.ca_file,
                 "Certificates of the authorities trusted for https://, PEM (default: RESULTSD_CA_FILE, else the system's)");
  app.add_option("--key-file", chosen.key_file, "File with the key to ask with (default: RESULTSD_KEY_FILE)");
  app.add_option("--secret-file", chosen.secret_file, "File with the service's access secret, of the operator (default: RESULTSD_SECRET_FILE)");
  app.set_version_flag("--version", vtq::version_text("resultsctl"));
  app.require_subcommand(1);
  app.fallthrough();
  add_simulate(app, chosen);
  add_publish(app, chosen);
  add_catalogue(app, chosen);
  add_reads(app, chosen);
  add_access(app, chosen);
  add_releases(app, chosen);
  add_audit(app, chosen);
  add_sealing(app, chosen);
  add_clock(app, chosen);
  add_rejected(app, chosen);
  add_maintenance(app, chosen);
  add_topics(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong) == 0 ? 0 : 2;
  }
  try {
    return chosen.run();
  } catch (const std::exception& error) {
    std::cerr << "resultsctl: " << error.what() << "\n";
    return 1;
  }
}
