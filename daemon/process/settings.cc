#include "daemon/process/settings.h"

#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "daemon/process/listening.h"
#include "daemon/process/sign_in_settings.h"

namespace vtq {
namespace {

using Kind = Setting::Kind;

/// Variables of the same prefix that are no settings.
constexpr std::string_view kOtherVariables[] = {"RESULTSD_CA_FILE",     "RESULTSD_CRASH_AT", "RESULTSD_KEY_FILE",
                                                "RESULTSD_SECRET_FILE", "RESULTSD_STOP_AT",  "RESULTSD_URL"};

/// What a file of settings may be at most. The parts of a dotted key are tables in tables, and the parser has no limit of its own for them.
constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr std::size_t kLineBytesMax = 8 << 10;

/// The first line that is longer than that, from 1; 0: none.
std::size_t too_long_line(std::string_view text) {
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::size_t length = std::min(text.find('\n'), text.size());
    if (length > kLineBytesMax) return line;
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return 0;
}

std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j)
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
  }
  return row[b.size()];
}

/// ` Did you mean ...?`, or nothing when no name is near.
template <class Names>
std::string suggestion(std::string_view wrong, const Names& names) {
  std::string_view nearest;
  std::size_t edits = std::max<std::size_t>(3, wrong.size() / 3) + 1;
  for (const auto& name : names) {
    std::size_t between = edits_between(wrong, name);
    if (between < edits) edits = between, nearest = name;
  }
  return nearest.empty() ? "" : " Did you mean " + std::string(nearest) + "?";
}

std::string plain(double value) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
  return {text, end};
}

std::optional<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `64MiB`, `1GB`, `65536`.
std::optional<std::int64_t> parse_bytes(std::string_view text) {
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {{"KiB", 1 << 10},  {"MiB", 1 << 20},      {"GiB", 1 << 30}, {"kB", 1000},
                                                                         {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"B", 1}};
  std::int64_t times = 1;
  for (auto [unit, bytes] : kUnits) {
    if (!text.ends_with(unit)) continue;
    times = bytes;
    text.remove_suffix(unit.size());
    while (text.ends_with(' ')) text.remove_suffix(1);
    break;
  }
  auto value = parse_whole(text);
  if (!value || *value < 0 || *value > (std::int64_t{1} << 52) / times) return std::nullopt;
  return *value * times;
}

std::optional<double> parse_real(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string what_is_wanted(const Setting& setting) {
  auto range = [&] {
    std::string text = " from " + plain(setting.least) + " to " + plain(setting.most);
    return setting.unit.empty() ? text : text + " (" + std::string(setting.unit) + ")";
  };
  switch (setting.kind) {
    case Kind::text:
      return "a text";
    case Kind::boolean:
      return "true or false";
    case Kind::number:
      return "a whole number" + range();
    case Kind::real:
      return "a number" + range();
    case Kind::bytes:
      return "a size such as \"64MiB\"," + range();
    case Kind::choice: {
      std::string text = "one of";
      for (std::string_view choice : setting.choices) text += (text == "one of" ? " " : ", ") + std::string(choice);
      return text;
    }
  }
  return "";
}

/// Sets it from text. What is wrong, if it does not fit.
std::optional<std::string> assign(Settings& settings, const Setting& setting, std::string_view text) {
  auto wrong = [&](std::string_view more = "") {
    std::string shown = setting.secret ? "this value" : "\"" + std::string(text) + "\"";
    return std::string(setting.name) + ": " + shown + " does not fit; give " + what_is_wanted(setting) + "." + std::string(more);
  };
  auto in_range = [&](double value) { return value >= setting.least && value <= setting.most; };
  if (auto control = std::find_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }); control != text.end())
    return std::string(setting.name) + ": character " + std::to_string(control - text.begin() + 1) +
           " is a control character, which no setting may hold; take it out.";
  switch (setting.kind) {
    case Kind::text:
      settings.*std::get<std::string Settings::*>(setting.member) = text;
      return std::nullopt;
    case Kind::choice:
      if (std::find(setting.choices.begin(), setting.choices.end(), text) == setting.choices.end()) return wrong(suggestion(text, setting.choices));
      settings.*std::get<std::string Settings::*>(setting.member) = text;
      return std::nullopt;
    case Kind::boolean:
      if (text != "true" && text != "false") return wrong();
      settings.*std::get<bool Settings::*>(setting.member) = text == "true";
      return std::nullopt;
    case Kind::number:
    case Kind::bytes: {
      auto value = setting.kind == Kind::number ? parse_whole(text) : parse_bytes(text);
      if (!value || !in_range(static_cast<double>(*value))) return wrong();
      settings.*std::get<std::int64_t Settings::*>(setting.member) = *value;
      return std::nullopt;
    }
    case Kind::real: {
      auto value = parse_real(text);
      if (!value || !in_range(*value)) return wrong();
      settings.*std::get<double Settings::*>(setting.member) = *value;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : settings_table())
    if (setting.name == name) return &setting;
  return nullptr;
}

std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names;
  for (const Setting& setting : settings_table()) names.push_back(setting.name);
  return names;
}

/// A TOML value as it would be written in the environment; nothing when its type cannot be a setting's.
std::optional<std::string> text_of_node(const toml::node& node, const Setting& setting) {
  bool takes_text = setting.kind == Kind::text || setting.kind == Kind::choice || setting.kind == Kind::bytes;
  if (auto* text = node.as_string(); text && takes_text) return text->get();
  if (auto* flag = node.as_boolean(); flag && setting.kind == Kind::boolean) return flag->get() ? "true" : "false";
  bool takes_number = setting.kind == Kind::number || setting.kind == Kind::bytes || setting.kind == Kind::real;
  if (auto* whole = node.as_integer(); whole && takes_number) return std::to_string(whole->get());
  if (auto* real = node.as_floating_point(); real && setting.kind == Kind::real) return plain(real->get());
  return std::nullopt;
}

class Loader {
 public:
  LoadedSettings run(const std::filesystem::path& file, const std::vector<std::string>& environment) {
    for (const Setting& setting : settings_table()) {
      if (auto wrong = assign(loaded_.settings, setting, setting.standard)) std::abort();
      loaded_.origins[setting.name] = "default";
    }
    if (!file.empty()) read_file(file);
    for (const std::string& variable : environment) read_variable(variable);
    look_for_credentials(environment);
    check_together();
    std::stable_sort(loaded_.errors.begin(), loaded_.errors.end(), [](const SettingError& a, const SettingError& b) {
      return (a.line ? a.line : ~std::size_t{0}) < (b.line ? b.line : ~std::size_t{0});
    });
    return std::move(loaded_);
  }

 private:
  void fail(std::string where, std::string message) {
    std::size_t line = 0;
    if (!file_.empty() && where.starts_with(file_ + ":")) line = std::strtoul(where.c_str() + file_.size() + 1, nullptr, 10);
    loaded_.errors.push_back({std::move(where), std::move(message), line});
  }

  void read_file(const std::filesystem::path& file) {
    file_ = file.string();
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored) || ::access(file.c_str(), R_OK) != 0)
      return fail(file_, "The file cannot be read; check the path given with --config and its permissions.");
    std::ifstream in(file, std::ios::binary);
    std::string text(kFileBytesMax + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > kFileBytesMax)
      return fail(file_, "The file is larger than " + std::to_string(kFileBytesMax) + " bytes: it is no file of settings.");
    if (std::size_t line = too_long_line(text); line != 0)
      return fail(file_ + ":" + std::to_string(line), "The line is longer than " + std::to_string(kLineBytesMax) + " bytes: it is no setting.");
    try {
      read_table(toml::parse(text, file_), "");
    } catch (const toml::parse_error& error) {
      fail(file_ + ":" + std::to_string(error.source().begin.line), "Not TOML: " + std::string(error.description()) + ".");
    }
  }

  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      std::string name = prefix + std::string(key.str());
      std::string where = file_ + ":" + std::to_string(node.source().begin.line);
      const Setting* setting = find_setting(name);
      if (!setting && node.is_table() && is_section(name)) {
        read_table(*node.as_table(), name + ".");
        continue;
      }
      if (!setting) {
        fail(where, "There is no setting " + name + "." + suggestion(name, node.is_table() ? sections() : all_names()));
        continue;
      }
      auto text = text_of_node(node, *setting);
      if (!text) {
        fail(where, name + ": give " + what_is_wanted(*setting) + ".");
        continue;
      }
      take(*setting, *text, where);
    }
  }

  static std::vector<std::string_view> sections() {
    std::vector<std::string_view> names;
    for (std::string_view name : all_names())
      if (auto dot = name.find('.'); dot != name.npos) names.push_back(name.substr(0, dot));
    return names;
  }

  static bool is_section(std::string_view name) {
    auto names = sections();
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  void read_variable(std::string_view variable) {
    if (!variable.starts_with("RESULTSD_")) return;
    std::string_view name = variable.substr(0, variable.find('='));
    if (std::find(std::begin(kOtherVariables), std::end(kOtherVariables), name) != std::end(kOtherVariables)) return;
    std::string value(variable.substr(std::min(variable.size(), name.size() + 1)));
    std::vector<std::string> names;
    for (const Setting& setting : settings_table()) {
      names.push_back(setting.environment_name());
      if (names.back() == name) return take(setting, value, "environment " + std::string(name));
    }
    fail("environment " + std::string(name), "There is no such setting." + suggestion(name, names));
  }

  /// What systemd passes on by LoadCredential=seal.key:FILE.
  void look_for_credentials(const std::vector<std::string>& environment) {
    constexpr std::string_view kDirectory = "CREDENTIALS_DIRECTORY=";
    if (!loaded_.settings.seal_key_file.empty()) return;
    for (const std::string& variable : environment) {
      if (!variable.starts_with(kDirectory)) continue;
      std::filesystem::path file = std::filesystem::path(variable.substr(kDirectory.size())) / "seal.key";
      std::error_code ignored;
      if (!std::filesystem::exists(file, ignored)) continue;
      loaded_.settings.seal_key_file = file.string();
      loaded_.origins["seal.key_file"] = "systemd's credential seal.key";
    }
  }

  void take(const Setting& setting, std::string_view text, const std::string& where) {
    loaded_.origins[setting.name] = where;
    if (auto wrong = assign(loaded_.settings, setting, text)) fail(where, *wrong);
  }

  /// What only two settings together can get wrong.
  void check_together() {
    const Settings& s = loaded_.settings;
    check_listening();
    for (const auto& [name, why] : wrong_sign_in(s)) fail(loaded_.origins[name], std::string(name) + ": " + why);
    if (s.data_directory.empty()) fail(loaded_.origins["data.directory"], "data.directory: name a directory.");
    if (auto backups = s.backups(); !backups.empty() && !s.data_directory.empty() && lies_in(backups, s.data_directory))
      fail(loaded_.origins["backup.directory"],
           "backup.directory: " + backups.string() + " lies in data.directory, and would be lost with it; name a place outside.");
    at_least("engine.queue_bytes_max", s.engine_queue_bytes_max, "http.body_bytes_max", s.http_body_bytes_max);
    at_least("http.bodies_bytes_max", s.http_bodies_bytes_max, "http.body_bytes_max", s.http_body_bytes_max);
    at_least("risk.evidence_slow_days", s.risk_evidence_slow_days, "risk.evidence_usual_days", s.risk_evidence_usual_days);
    at_least("risk.claim_slow_days", s.risk_claim_slow_days, "risk.claim_usual_days", s.risk_claim_usual_days);
    at_least("risk.assurance_slow_days", s.risk_assurance_slow_days, "risk.assurance_usual_days", s.risk_assurance_usual_days);
    at_least("risk.result_slow_days", s.risk_result_slow_days, "risk.result_usual_days", s.risk_result_usual_days);
    at_least("kafka.session_timeout_ms", s.kafka_session_timeout_ms, "kafka.transaction_timeout_ms", s.kafka_transaction_timeout_ms);
  }

  void check_listening() {
    const Settings& s = loaded_.settings;
    auto wrong = [&](std::string_view name, const std::string& why) { fail(loaded_.origins[name], std::string(name) + ": " + why); };
    bool with_key = !s.http_tls_key_file.empty();
    if (s.has_tls() && !with_key) wrong("http.tls_certificate_file", "it needs its key; set http.tls_key_file too.");
    if (!s.has_tls() && with_key) wrong("http.tls_key_file", "it needs its certificate; set http.tls_certificate_file too.");
    bool with_proxy = !s.http_trusted_proxy.empty();
    if (with_proxy && !is_ip_address(s.http_trusted_proxy))
      wrong("http.trusted_proxy", "\"" + s.http_trusted_proxy + "\" is no IP address; give that from which the proxy connects.");
    if (s.http_trusted_proxy == "0.0.0.0" || s.http_trusted_proxy == "::")
      wrong("http.trusted_proxy", s.http_trusted_proxy + " is nobody's address; give that from which the proxy connects.");
    if (s.has_tls() && !s.kafka_advertise.empty() && !s.kafka_advertise.starts_with("https://"))
      wrong("kafka.advertise", "with TLS the other instances reach this one under https://; give that.");
    Listening main{.address = s.http_address,
                   .encrypted = s.has_tls(),
                   .behind_proxy = with_proxy,
                   .signs_in = !s.access_secret_file.empty(),
                   .seals = !s.seal_key_file.empty()};
    if (auto why = why_not_listen(main)) wrong("http.address", *why);
    Listening health{.address = s.http_health_address, .encrypted = s.has_tls(), .signs_in = !s.access_secret_file.empty(), .proxy_can_help = false};
    if (auto why = why_not_listen(health); why && s.http_health_port >= 0) wrong("http.health_address", *why);
  }

  static bool lies_in(const std::filesystem::path& inner, const std::filesystem::path& outer) {
    auto plain = [](const std::filesystem::path& path) {
      std::error_code error;
      std::filesystem::path from = std::filesystem::absolute(path, error);
      if (error) from = path;
      std::filesystem::path made = std::filesystem::weakly_canonical(from, error);
      if (error) made = from.lexically_normal();
      return made.has_filename() ? made : made.parent_path();
    };
    std::filesystem::path in = plain(inner), out = plain(outer);
    return std::mismatch(out.begin(), out.end(), in.begin(), in.end()).first == out.end();
  }

  template <class Number>
  void at_least(std::string_view name, Number value, std::string_view other, Number bound) {
    if (value >= bound) return;
    std::string where = loaded_.origins[name] == "default" ? loaded_.origins[other] : loaded_.origins[name];
    fail(where, std::string(name) + " may not be below " + std::string(other) + ".");
  }

  std::string file_;
  LoadedSettings loaded_;
};

std::string value_text(const Settings& settings, const Setting& setting) {
  if (setting.secret) return "\"********\"";
  switch (setting.kind) {
    case Kind::text:
    case Kind::choice: {
      std::string quoted = "\"";
      for (char c : settings.*std::get<std::string Settings::*>(setting.member)) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
      }
      return quoted + "\"";
    }
    case Kind::boolean:
      return settings.*std::get<bool Settings::*>(setting.member) ? "true" : "false";
    case Kind::number:
    case Kind::bytes:
      return std::to_string(settings.*std::get<std::int64_t Settings::*>(setting.member));
    case Kind::real:
      return plain(settings.*std::get<double Settings::*>(setting.member));
  }
  return "";
}

}  // namespace

LoadedSettings load_settings(const std::filesystem::path& file, const std::vector<std::string>& environment) {
  return Loader().run(file, environment);
}

std::vector<std::string> process_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

std::string print_settings(const LoadedSettings& loaded) {
  std::string text;
  std::size_t width = 0;
  std::vector<std::string> lines;
  for (const Setting& setting : settings_table()) {
    lines.push_back(std::string(setting.name) + " = " + value_text(loaded.settings, setting));
    width = std::max(width, lines.back().size());
  }
  for (std::size_t at = 0; at < lines.size(); ++at)
    text += lines[at] + std::string(width - lines[at].size(), ' ') + "  # " + loaded.origins.at(settings_table()[at].name) + "\n";
  return text;
}

std::string print_settings_reference() {
  std::string text = "| setting | environment | default | values | meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : settings_table()) {
    std::string standard = setting.standard.empty() ? "" : "`" + std::string(setting.standard) + "`";
    text += "| `" + std::string(setting.name) + "` | `" + setting.environment_name() + "` | " + standard + " | " + what_is_wanted(setting) + " | " +
            std::string(setting.description) + " |\n";
  }
  return text;
}

std::string print_settings_help() {
  std::string text = "Settings (TOML file, or RESULTSD_HTTP_PORT for http.port):\n";
  for (const Setting& setting : settings_table()) {
    text += "  " + std::string(setting.name) + "\n      " + std::string(setting.description) + "\n      Give " + what_is_wanted(setting) +
            ". Default: " + (setting.standard.empty() ? "none" : std::string(setting.standard)) + ".\n";
  }
  return text;
}

std::string print_setting_errors(const std::vector<SettingError>& errors) {
  std::string text;
  for (const SettingError& error : errors) text += error.where + ": " + error.message + "\n";
  return text;
}

}  // namespace vtq
