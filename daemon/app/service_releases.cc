// Releases over HTTP: where they stand, and what would go to whom. What people do about them are events.
#include "daemon/app/service.h"

namespace vtq {

void Service::add_release_routes(const ConcernOf& of) {
  add(
      "GET", "/v1/releases/{awarding_organisation}/{series}", Place::people, [this](const HttpRequest& request) { return reads_->releases(request); },
      of);
  add(
      "GET", "/v1/releases/{awarding_organisation}/{series}/dry-run", Place::people,
      [this](const HttpRequest& request) { return reads_->releases_dry_run(request); }, of);
}

}  // namespace vtq
