// Who may read the input topics on which a grade may stand as its publisher wrote it, by the brokers' access control lists. Only asks; blocks for
// kafka.broker_wait_seconds at most. Any thread.
#pragma once

#include <string>
#include <vector>

namespace vtq {
struct Settings;
}

namespace vtq::kafka {

struct FoundCluster;

/// One entry of the brokers' lists, as far as reading topics goes.
struct ReadRight {
  std::string principal;  ///< `User:resultsd`, `User:*`
  std::string pattern;    ///< a topic's name, what names begin with, or `*`
  bool prefixed = false;
  bool allowed = true;

  bool covers(const std::string& topic) const { return pattern == "*" || (prefixed ? topic.starts_with(pattern) : topic == pattern); }
};

struct FoundRights {
  bool told = false;  ///< else `why` the brokers do not tell
  std::string why;
  std::vector<ReadRight> rights;
};

/// Whether a broker of these lets everybody do everything, by its configuration. Pure.
bool lacks_authorizer(const FoundCluster& cluster);

/// Asks the brokers, unless it is plain from their configuration that they would not tell.
FoundRights ask_read_rights(const Settings& settings, const FoundCluster& cluster);

/// What whoever runs resultsd should know of them, a sentence each, as warnings: who may read the topics whose events may carry grades. Pure.
std::vector<std::string> warnings_about_rights(const Settings& settings, const FoundRights& found);

}  // namespace vtq::kafka
