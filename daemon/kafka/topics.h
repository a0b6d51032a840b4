// The topics: their names, and what each must be.
//
// A name is made from the setting kafka.topic_prefix; nothing else in the product spells one.
#pragma once

#include <string>
#include <utility>

#include "pipeline/check.h"

namespace vtq::kafka {

/// Names of the topics under a prefix.
class TopicNames {
 public:
  explicit TopicNames(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string of(Topic topic) const;
  /// State of each partition, compacted: what a store is rebuilt from.
  std::string changelog() const { return prefix_ + "changelog"; }
  /// Which instance answers where, compacted.
  std::string instances() const { return prefix_ + "instances"; }
  /// Which rejected records were sent again, compacted.
  std::string redriven() const { return prefix_ + "redriven"; }

 private:
  std::string prefix_;
};

}  // namespace vtq::kafka
