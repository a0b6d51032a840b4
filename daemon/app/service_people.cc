// People over HTTP: operations end the sessions of somebody else.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/access/signed_out.h"
#include "daemon/app/service.h"
#include "daemon/process/log.h"
#include "daemon/sign_in/issuer.h"
#include "daemon/sign_in/session.h"

namespace vtq {
namespace {

constexpr std::size_t kReasonBytesMax = 500, kSubjectBytesMax = 500, kPersonDigits = 64;

bool is_person(const std::string& text) { return text.size() == kPersonDigits && text.find_first_not_of("0123456789abcdef") == text.npos; }

std::string text_in(const nlohmann::json& body, const char* name) {
  return body.contains(name) && body[name].is_string() ? body[name].get<std::string>() : "";
}

HttpReply wrong(std::string field, std::string rule, std::string detail) {
  return reply_with({422, "Wrong sign-out", std::move(detail), std::move(field), std::move(rule)});
}

}  // namespace

HttpReply Service::sign_out_person(const HttpRequest& request) {
  if (!access_ || !sign_in_ || !sign_in_->for_people())
    return reply_with(
        {409, "Nobody signs in", "Nobody signs in at this server, so there is no session to end; set sign_in.issuer.", "", "sign-in-set"});
  auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object()) return wrong("", "json-object", "Send {\"person\": \"...\", \"reason\": \"...\"}.");
  for (const auto& [name, value] : body.items())
    if (name != "person" && name != "subject" && name != "reason")
      return wrong(name.size() <= 64 ? name : "", "json-form", "There is no such field; known are person, subject and reason.");
  std::string person = text_in(body, "person");
  const std::string subject = text_in(body, "subject"), reason = text_in(body, "reason");
  if (reason.find_first_not_of(" \t\r\n") == reason.npos || reason.size() > kReasonBytesMax)
    return wrong("reason", "text-length", "Say why, for the record, in 1 to 500 bytes; write no names there.");
  if (person.empty() == subject.empty())
    return wrong("person", "person-or-subject", "Name either the person, by the hash that the audit has, or the subject that the issuer knows.");
  if (!person.empty() && !is_person(person))
    return wrong("person", "hexadecimal", "Give all 64 hexadecimal digits, in small letters, as `person` stands in the audit.");
  if (!subject.empty()) {
    if (subject.size() > kSubjectBytesMax) return wrong("subject", "text-length", "A subject has at most 500 bytes.");
    if (settings_.sign_in_issuer.empty())
      return reply_with({409, "No issuer", "Without sign_in.issuer nobody has a subject; name the person.", "subject", "sign-in-set"});
    person = person_of(plain_issuer(settings_.sign_in_issuer), subject);
  }
  // A session that was begun in this very moment, by a clock ahead of this one, is not among them.
  const TimeMs before = access_->time();
  v1::Event event;
  event.set_id("signed-out-" + random_hex(16));
  *event.mutable_person_signed_out() = vtq::sign_out(person, before, access_->secret(), reason);
  auto known = [&](const AccessFacts& facts) {
    auto out = facts.signed_out.find(person);
    return out != facts.signed_out.end() && out->second >= before;
  };
  if (auto problem = say_of_key(std::move(event), request, known)) {
    HttpReply reply = reply_with(*problem);
    if (problem->status == 503) reply.headers.emplace_back("Retry-After", "1");
    return reply;
  }
  log::write(log::Level::info, "a person's sessions were ended", {{"person", person}, {"by", request.caller->name}});
  return {200, "application/json", nlohmann::ordered_json{{"person", person}, {"endedBefore", utc_text(before)}}.dump() + "\n"};
}

}  // namespace vtq
