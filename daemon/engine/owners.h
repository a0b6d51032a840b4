// Which instance has which partition, where several share them. Whoever passes requests on asks here, and knows nothing of how they are shared
// out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vtq {

/// Any thread.
class Owners {
 public:
  virtual ~Owners() = default;

  /// Who has a partition now: `here`, or the URL of the one that does; nothing: nobody, it is on the move.
  struct Owner {
    bool here = false;
    std::string url;
  };
  virtual std::optional<Owner> owner(std::uint32_t partition) const = 0;
  /// URLs of the other instances that have partitions; nothing when not every partition has an owner.
  virtual std::optional<std::vector<std::string>> others() const = 0;
  /// The instances that have partitions, with those; this one in any case. In order of their names.
  struct Instance {
    std::string name;
    std::string url;
    std::vector<std::uint32_t> partitions;
    bool here = false;
  };
  virtual std::vector<Instance> instances() const = 0;
  /// Whether this instance runs and has no partition: what it rejects it cannot keep.
  virtual bool holds_nothing() const = 0;
  /// Why partitions that are this instance's stand still, each with what to do; in their order.
  virtual std::vector<std::string> halted() const = 0;
};

}  // namespace vtq
