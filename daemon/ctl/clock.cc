// The clock of the resultsd that answers: what it says, and that it is right although it jumped.
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::ordered_json;

Json clock_of(HttpClient& client) { return Json::parse(expect_ok(client.get("/v1/clock"))); }

bool answered_yes() {
  std::cout << "Is the clock right? Logical time goes on from there, and cannot be taken back. Type yes: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes";
}

}  // namespace

std::string clock_doubt(HttpClient& client) {
  Json clock = clock_of(client);
  return clock.value("trusted", true) ? "" : clock.value("why", "");
}

int clock(HttpClient& client, bool json) {
  Json found = clock_of(client);
  bool trusted = found.value("trusted", true);
  if (json)
    std::cout << found.dump(2) << "\n";
  else if (trusted)
    std::cout << "The clock is trusted; it says " << found.value("clock", "") << ".\n";
  else
    std::cout << "The clock is doubted: time stands still and gates are shut.\n" << found.value("why", "") << "\n";
  return trusted ? 0 : 1;
}

int clock_confirm(HttpClient& client, bool yes) {
  Json found = clock_of(client);
  if (found.value("trusted", true)) {
    std::cout << "The clock is trusted; there is nothing to confirm.\n";
    return 0;
  }
  std::cout << "The clock says        " << found.value("clock", "") << "\nand it was to say     " << found.value("expected", "") << "\n";
  if (!yes && !answered_yes()) {
    std::cout << "Nothing was confirmed; the clock is still doubted.\n";
    return 1;
  }
  Json body{{"clock", found.at("clock")}};
  Json now = Json::parse(expect_ok(client.post("/v1/clock/confirm", "application/json", body.dump())));
  std::cout << "Confirmed: the clock is trusted, and time goes on from " << now.value("clock", "") << ".\n";
  return 0;
}

}  // namespace vtq::ctl
