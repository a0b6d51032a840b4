#include "daemon/access/signed_out.h"

#include "daemon/access/sealed_text.h"

namespace vtq {

v1::PersonSignedOut sign_out(const std::string& person, TimeMs before_ms, const AccessSecret& secret, const std::string& reason) {
  v1::PersonSignedOut fact;
  fact.set_person(person);
  fact.set_before_ms(static_cast<std::uint64_t>(before_ms));
  fact.set_reason(reason);
  fact.set_seal(secret.seal(sealed_text(fact)));
  return fact;
}

bool is_sealed(const v1::PersonSignedOut& fact, const AccessSecret& secret) { return secret.sealed(sealed_text(fact), fact.seal()); }

}  // namespace vtq
