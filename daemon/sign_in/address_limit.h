// How many requests of one address wait at once, so that one machine does not fill the queue of all. Any thread.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace vtq {

class AddressLimit {
 public:
  explicit AddressLimit(std::size_t most) : most_(most) {}

  /// One more of this address; false: there are as many as may be. Each true is followed by one `leave`. An empty address has no limit.
  bool enter(const std::string& address) {
    if (address.empty()) return true;
    std::lock_guard lock(mutex_);
    auto found = waiting_.find(address);
    if (found != waiting_.end() && found->second >= most_) return false;
    ++waiting_[address];
    return true;
  }
  void leave(const std::string& address) {
    std::lock_guard lock(mutex_);
    auto found = waiting_.find(address);
    if (found != waiting_.end() && --found->second == 0) waiting_.erase(found);
  }
  /// Addresses that it remembers.
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> waiting_;  // none is 0
};

}  // namespace vtq
