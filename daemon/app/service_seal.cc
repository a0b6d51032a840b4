// What publishers seal to, over HTTP.
#include <nlohmann/json.hpp>

#include "daemon/app/service.h"

namespace vtq {

HttpReply Service::seal_key(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  if (!seal_)
    return reply_with(
        {409, "Nothing is sealed", "There is no key to seal to without seal.key_file: set it, and start resultsd again.", "", "seal-key-set"});
  nlohmann::ordered_json body{{"key", text_of_seal_key(seal_->first())}, {"publicKey", seal_->public_key_text()}};
  return {200, "application/json", body.dump() + "\n"};
}

}  // namespace vtq
