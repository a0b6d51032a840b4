// Keys of systems that ask over HTTP, and that people have signed out. They are kept among the reference data, so that every instance knows each of
// them and the end of each; they touch no entry, and what they open stands in daemon/access/. Nobody asserts them from outside: they count only with
// the seal of the instances' secret.
#include <algorithm>

#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

void hexadecimal(Form& form, std::string_view field, const std::string& text, std::size_t digits) {
  bool fits = text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!fits) form.fail(form.path(field), "hexadecimal", text, "Give " + std::to_string(digits) + " hexadecimal digits, in small letters.");
}

std::string hexadecimal(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[c & 15];
  }
  return text;
}

}  // namespace

constinit const FactKind kinds::access_key_made{
    .fact = v1::Event::kAccessKeyMade,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .asserted_by = {},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.access_key_made();
          form.about_the_service();
          hexadecimal(form, "key", fact.key(), 16);
          form.name("name", fact.name(), 64);
          hexadecimal(form, "secretHash", fact.secret_hash(), 64);
          form.few("roles", fact.roles_size(), 8);
          for (int at = 0; at < fact.roles_size(); ++at)
            if (!parse_access_role(fact.roles(at)))
              form.fail(form.path("roles[" + std::to_string(at) + "]"), "access-role", fact.roles(at),
                        "Give operations, approver, publisher, centre, auditor or learner-details.");
          form.few("awardingOrganisations", fact.awarding_organisations_size(), 200);
          for (const std::string& named : fact.awarding_organisations())
            if (!parse_awarding_organisation(named))
              form.fail(form.path("awardingOrganisations"), "awarding-organisation-form", named, "Give Ofqual recognition numbers, as RN5353.");
          form.few("centres", fact.centres_size(), 200);
          for (const std::string& named : fact.centres())
            if (!parse_centre(named)) form.fail(form.path("centres"), "centre-form", named, "A national centre number has exactly 5 digits.");
          form.optional_date("expiresOn", fact.expires_on());
          form.name("madeBy", fact.made_by(), 64);
          hexadecimal(form, "seal", fact.seal(), 64);
        },
    // With all that it says: what somebody else says of a key takes the place of no word of ours, whatever it copies of it.
    .slot =
        [](const v1::Event& event) {
          return slot({kAccessKeySlot, event.access_key_made().key(), hexadecimal(event.access_key_made().SerializeAsString())});
        },
    .define = [](Reference&, const v1::Event&, const Address&, const Stamp&) {},
    .act = [](const v1::Event&) -> std::string_view { return "key-made"; },
    .vouched = [](const v1::Event&) { return true; },
};

constinit const FactKind kinds::access_key_revoked{
    .fact = v1::Event::kAccessKeyRevoked,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .asserted_by = {},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.access_key_revoked();
          form.about_the_service();
          hexadecimal(form, "key", fact.key(), 16);
          form.at_most("reason", fact.reason(), 500);
          form.name("revokedBy", fact.revoked_by(), 64);
          hexadecimal(form, "seal", fact.seal(), 64);
        },
    .slot =
        [](const v1::Event& event) {
          return slot({kAccessKeyRevokedSlot, event.access_key_revoked().key(), hexadecimal(event.access_key_revoked().SerializeAsString())});
        },
    .define = [](Reference&, const v1::Event&, const Address&, const Stamp&) {},
    .act = [](const v1::Event&) -> std::string_view { return "key-revoked"; },
    .vouched = [](const v1::Event&) { return true; },
};

constinit const FactKind kinds::person_signed_out{
    .fact = v1::Event::kPersonSignedOut,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .asserted_by = {},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.person_signed_out();
          form.about_the_service();
          hexadecimal(form, "person", fact.person(), 64);
          if (fact.before_ms() == 0 || fact.before_ms() >= static_cast<std::uint64_t>(kLatestEventMs))
            form.fail(form.path("beforeMs"), "number-range", std::to_string(fact.before_ms()),
                      "Give milliseconds since 1970, of a time before 2100.");
          form.at_most("reason", fact.reason(), 500);
          hexadecimal(form, "seal", fact.seal(), 64);
        },
    .slot =
        [](const v1::Event& event) {
          return slot({kPersonSignedOutSlot, event.person_signed_out().person(), hexadecimal(event.person_signed_out().SerializeAsString())});
        },
    .define = [](Reference&, const v1::Event&, const Address&, const Stamp&) {},
    .act = [](const v1::Event& event) -> std::string_view { return event.person_signed_out().reason().empty() ? "sign-out" : "sessions-ended"; },
    .vouched = [](const v1::Event&) { return true; },
};

}  // namespace vtq
