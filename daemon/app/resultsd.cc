// resultsd: the daemon's process. Reads settings, runs the service until SIGTERM or SIGINT, drains, exits 0. SIGUSR1 is the same for an
// instance that is not to come back. SIGHUP has the certificate read again.
#include <google/protobuf/stubs/logging.h>
#include <signal.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "daemon/app/service.h"
#include "daemon/engine/engine_parts.h"
#include "daemon/process/log.h"
#include "daemon/process/systemd.h"
#include "daemon/sign_in/roles.h"

namespace {

using vtq::log::Level;

/// SIGTERM, SIGINT, SIGUSR1 and SIGHUP are waited for, by the main thread alone: called before any thread starts.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Whether one of the signals that end it waits to be taken.
bool asked_to_stop() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGUSR1) == 1;
}

int run(const vtq::Settings& settings) {
  sigset_t signals = block_signals();
  vtq::log::start(settings.log_level);
  if (std::string problem = vtq::time_zone_problem(); !problem.empty()) {
    vtq::log::write(Level::critical, "cannot tell local times", {{"why", problem}});
    return 1;
  }
  try {
    vtq::Service service(settings, asked_to_stop);
    vtq::log::write(Level::info, "listening",
                    {{"version", std::string(vtq::version())},
                     {"commit", std::string(vtq::commit())},
                     {"address", settings.http_address},
                     {"port", std::int64_t{service.port()}},
                     {"tls", settings.has_tls()},
                     {"healthPort", service.health_port() ? std::int64_t{*service.health_port()} : std::int64_t{-1}},
                     {"data", settings.data_directory},
                     {"timeSource", settings.time_source}});
    vtq::tell_systemd("READY=1");
    vtq::Watchdog watchdog;
    for (;;) {
      if (service.alive()) watchdog.feed();
      timespec every{0, 200'000'000};
      int signal = ::sigtimedwait(&signals, nullptr, &every);
      if (std::string why = service.failure(); !why.empty()) {
        vtq::log::write(Level::critical,
                        settings.on_kafka() ? "the engine failed; what was not committed is read again after the next start"
                                            : "the store failed; nothing was committed after the last answer",
                        {{"why", why}});
        return 1;
      }
      service.refresh(signal == SIGHUP);
      if (signal < 0 || signal == SIGHUP) continue;
      vtq::log::write(Level::info, "stopping",
                      {{"signal", std::string(signal == SIGTERM   ? "SIGTERM"
                                              : signal == SIGUSR1 ? "SIGUSR1, for good"
                                                                  : "SIGINT")}});
      vtq::tell_systemd("STOPPING=1");
      service.stop(signal == SIGUSR1);
      if (std::string why = service.failure(); !why.empty()) {
        vtq::log::write(Level::critical, "the store failed while stopping", {{"why", why}});
        return 1;
      }
      vtq::log::write(Level::info, "stopped");
      return 0;
    }
  } catch (const vtq::kafka::StoppedWaiting& stopped) {
    vtq::log::write(Level::info, "stopped", {{"why", std::string(stopped.what())}});
    return 0;
  } catch (const vtq::StoreError& error) {
    vtq::log::write(Level::critical, "cannot open the store", {{"why", std::string(error.what())}});
  } catch (const vtq::kafka::KafkaError& error) {
    vtq::log::write(Level::critical, "cannot use Kafka", {{"why", std::string(error.what())}});
  } catch (const vtq::AccessSecretError& error) {
    vtq::log::write(Level::critical, "cannot use the access secret", {{"why", std::string(error.what())}});
  } catch (const vtq::SignInError& error) {
    vtq::log::write(Level::critical, "cannot set up sign-in", {{"why", std::string(error.what())}});
  } catch (const vtq::NoteKeyError& error) {
    vtq::log::write(Level::critical, "cannot use the key of the audit", {{"why", std::string(error.what())}});
  } catch (const vtq::SealError& error) {
    vtq::log::write(Level::critical, "cannot use the keys that results are sealed with", {{"why", std::string(error.what())}});
  } catch (const vtq::ListenError& error) {
    vtq::log::write(Level::critical, "cannot listen", {{"why", std::string(error.what())}});
  } catch (const vtq::TlsFault& fault) {
    vtq::log::write(Level::critical, "cannot use TLS",
                    {{"field", fault.field}, {"rule", fault.rule}, {"value", fault.value}, {"why", std::string(fault.what())}});
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(077);  // whatever is written holds learners' results
#ifdef VTQ_CRASH_POINTS
  vtq::heed_crash_points();
#endif
  // What cannot be parsed is rejected with field, rule and value; the library's own lines would say less, and not in JSON.
  google::protobuf::SetLogHandler(nullptr);
  CLI::App app("resultsd: gets vocational results to schools on time");
  std::string file;
  bool check = false, init = false, print = false, reference = false;
  app.add_option("--config", file, "TOML file of settings; without it, defaults and environment");
  app.add_flag("--check-config", check, "Say whether the settings are right, and stop");
  app.add_flag("--print-config", print, "Print the effective settings and where each comes from, and stop");
  app.add_flag("--print-config-reference", reference, "Print every setting as a Markdown table, and stop");
  app.add_flag("--init", init, "Make an empty store if there is none, in an empty directory too; never where one was before");
  app.set_version_flag("--version", vtq::version_text("resultsd"));
  app.footer(vtq::print_settings_help);
  CLI11_PARSE(app, argc, argv);

  if (reference) {
    std::cout << vtq::print_settings_reference();
    return 0;
  }
  vtq::LoadedSettings loaded = vtq::load_settings(file, vtq::process_environment());
  if (!loaded.errors.empty()) {
    std::cerr << vtq::print_setting_errors(loaded.errors);
    return 2;
  }
  try {
    vtq::read_role_grants(loaded.settings.sign_in_roles);
  } catch (const vtq::SignInError& wrong) {
    std::cerr << loaded.origins["sign_in.roles"] << ": " << wrong.what() << "\n";
    return 2;
  }
  loaded.settings.init = init;
  if (print) std::cout << vtq::print_settings(loaded);
  if (check && !print) std::cout << "The settings are right.\n";
  return print || check ? 0 : run(loaded.settings);
}
