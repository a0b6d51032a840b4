// Keys of systems: made, listed, revoked; and the access secret.
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/access/access_secret.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string list_text(const Json& list) {
  std::string text;
  for (const Json& one : list) text += (text.empty() ? "" : ", ") + one.get<std::string>();
  return text;
}

}  // namespace

int make_secret(const std::filesystem::path& file) {
  AccessSecret::make(file);
  std::cout << "Made " << file.string()
            << ". Give it to every instance as access.secret_file, or as sign_in.session_key_file if it is for sessions, readable by its user alone, "
               "and keep a copy where backups are.\n"
            << "Next, with an access secret: start resultsd again, then resultsctl --secret-file " << file.string() << " keys create ...\n";
  return 0;
}

int keys_create(HttpClient& client, const KeyWords& words) {
  Json body{{"name", words.name},
            {"roles", words.roles},
            {"everywhere", words.everywhere},
            {"awardingOrganisations", words.awarding_organisations},
            {"centres", words.centres},
            {"expiresOn", words.expires}};
  Json made = Json::parse(expect_ok(client.post("/v1/keys", "application/json", body.dump())));
  if (words.json) {
    std::cout << made.dump(2) << "\n";
    return 0;
  }
  // The key alone goes to standard output, so that it can go into a file without being seen.
  std::cout << made.value("secret", "") << "\n";
  std::cerr << "This is the only time that the key is shown. Its name is " << made.value("key", "") << "; it is good until the end of "
            << made.value("expiresOn", "") << ".\n";
  return 0;
}

int keys_list(HttpClient& client, bool json) {
  Json found = Json::parse(expect_ok(client.get("/v1/keys")));
  if (json) {
    std::cout << found.dump(2) << "\n";
    return 0;
  }
  Table table({"key", "name", "roles", "for", "expires", "state", "made by"});
  for (const Json& key : found.at("keys"))
    table.add({key.value("key", ""), key.value("name", ""), list_text(key.at("roles")),
               key.value("everywhere", false) ? "all" : list_text(key.at("awardingOrganisations")) + list_text(key.at("centres")),
               key.value("expiresOn", ""),
               key.contains("revokedAt")  ? "revoked"
               : key.value("good", false) ? "good"
                                          : "expired",
               key.value("madeBy", "")});
  std::cout << (table.empty() ? "There are no keys; make one with resultsctl keys create.\n" : table.text());
  if (auto unsealed = found.value("unsealed", std::int64_t{0}); unsealed > 0)
    std::cout << grouped(unsealed) << " words about keys bear no seal of this access secret and count for nothing.\n";
  return 0;
}

int keys_revoke(HttpClient& client, const std::string& key, const std::string& reason) {
  Json body{{"reason", reason}};
  Json now = Json::parse(expect_ok(client.post("/v1/keys/" + percent_encode(key) + "/revoke", "application/json", body.dump())));
  std::cout << "Revoked: " << now.value("key", "") << " (" << now.value("name", "") << ") opens nothing any more.\n";
  return 0;
}

}  // namespace vtq::ctl
