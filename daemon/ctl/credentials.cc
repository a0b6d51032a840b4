#include "daemon/ctl/credentials.h"

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "daemon/access/signed_caller.h"
#include "daemon/http/http_framing.h"

namespace vtq::ctl {
namespace {

std::function<std::pair<std::string, std::string>(const HttpCall&, const std::string&)> credentials;

std::filesystem::path named_in(const char* variable) {
  const char* named = std::getenv(variable);
  return named ? named : "";
}

}  // namespace

void use_credentials(const std::filesystem::path& given_secret, const std::filesystem::path& given_key) {
  std::filesystem::path secret_file = given_secret, key_file = given_key;
  if (secret_file.empty() && key_file.empty()) {
    secret_file = named_in("RESULTSD_SECRET_FILE");
    key_file = named_in("RESULTSD_KEY_FILE");
  }
  if (!key_file.empty() && !secret_file.empty())
    throw std::runtime_error(
        "Say who asks with --key-file or with --secret-file, not both; nor with both RESULTSD_KEY_FILE and RESULTSD_SECRET_FILE.");
  if (!key_file.empty()) {
    std::ifstream in(key_file);
    std::string key;
    if (!std::getline(in, key))
      throw std::runtime_error(key_file.string() + " cannot be read, or has no key in it; put the key there as it was shown.");
    while (!key.empty() && (key.back() == '\r' || key.back() == ' ')) key.pop_back();
    credentials = [key](const HttpCall&, const std::string&) { return std::pair{std::string("Authorization"), "Bearer " + key}; };
  } else if (!secret_file.empty()) {
    const char* user = std::getenv("USER");
    credentials = [secret = AccessSecret::read(secret_file), caller = operator_named(user ? user : "unknown")](const HttpCall& call,
                                                                                                               const std::string& host) {
      auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
      return std::pair{std::string(kCallerHeader), sign_caller(caller, {call.method, call.target, host}, call.body, now, secret)};
    };
  }
}

HttpClientOptions with_credentials(const std::string& url, HttpClientOptions options) {
  constexpr std::string_view kPlain = "http://";
  // A key that is read on its way opens to whoever read it; what is signed can be said to another server of the same name.
  if (credentials && url.starts_with(kPlain) && !is_own_host(std::string_view(url).substr(kPlain.size()), {}))
    throw std::invalid_argument("What says who asks goes to another machine over https alone: name it as https://..., not " + url + ".");
  options.credentials = credentials;
  return options;
}

}  // namespace vtq::ctl
