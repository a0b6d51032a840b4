// People who sign in: their sessions ended by somebody else.
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"

namespace vtq::ctl {

int people_sign_out(HttpClient& client, const std::string& person, const std::string& subject, const std::string& reason) {
  nlohmann::ordered_json body{{"reason", reason}};
  if (!person.empty()) body["person"] = person;
  if (!subject.empty()) body["subject"] = subject;
  auto ended = nlohmann::ordered_json::parse(expect_ok(client.post("/v1/people/sign-out", "application/json", body.dump())));
  std::cout << "Ended: every session that person " << ended.value("person", "") << " had begun by " << ended.value("endedBefore", "")
            << ". Whether they may sign in again is the sign-in provider's to say.\n";
  return 0;
}

}  // namespace vtq::ctl
