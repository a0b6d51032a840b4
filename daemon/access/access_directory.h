// What rights hang on besides the request: the keys that there are, who has signed out, whose each
// qualification is, and the numbers of centres. Read from the committed reference data on a thread of its own, `access`, within moments of a commit;
// whoever asks gets the last of it at once and never waits.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "daemon/access/access_key.h"
#include "storage/store.h"

namespace vtq {

/// A centre, and the numbers under which others know it; each may be empty.
struct CentreNumbers {
  CentreId centre;
  std::string name, urn, ukprn;
};

struct AccessFacts {
  std::map<std::string, AccessKey, std::less<>> keys;  ///< by id
  boost::unordered_flat_map<QualificationId, AwardingOrganisationId> owners;
  std::vector<CentreNumbers> centres;                     ///< in no order
  std::map<std::string, TimeMs, std::less<>> signed_out;  ///< person -> its sessions that had begun by then are void
  std::uint64_t reference = 0;                            ///< of which version of the reference data
  std::size_t unsealed = 0;                               ///< words about keys and people that this service did not say: they count for nothing

  std::optional<AwardingOrganisationId> owner(QualificationId id) const;
};

class AccessDirectory {
 public:
  /// Store and secret outlive it.
  AccessDirectory(const Store& store, const AccessSecret& secret);
  ~AccessDirectory();

  std::shared_ptr<const AccessFacts> current() const;
  /// The same, of all that was committed by now. Reads the store where something came. Throws StoreError.
  std::shared_ptr<const AccessFacts> up_to_date();
  /// Idempotent; waits.
  void stop();

 private:
  void run();

  const Store& store_;
  const AccessSecret& secret_;
  std::mutex reading_;  // one reads at a time
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const AccessFacts> current_;
  bool stopping_ = false;
  std::thread thread_;  // last: stops before what it uses dies
};

}  // namespace vtq
