// The command line of resultsctl: what all its commands share, and the commands that stand in files of their own.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "daemon/http/http_client.h"

namespace vtq::ctl {

/// What the command line chose: set by the subcommand that was parsed.
struct Chosen {
  std::string url, ca_file;
  std::filesystem::path secret_file, key_file;
  std::function<int()> run;
};

/// Named on the command line or in the environment; else empty.
std::string url_of(const Chosen& chosen);
/// The same of the file of trusted authorities.
std::string ca_file_of(const Chosen& chosen);
HttpClient client_of(const Chosen& chosen);

// Who may, and when: callers and their keys, releases, the audit, sealing.
void add_access(CLI::App& app, Chosen& chosen);
void add_releases(CLI::App& app, Chosen& chosen);
void add_audit(CLI::App& app, Chosen& chosen);
void add_sealing(CLI::App& app, Chosen& chosen);

}  // namespace vtq::ctl
