// How the pipeline says no: a Rejection names the field, the rule and the value, and what to do next.
#pragma once

#include <boost/outcome/result.hpp>
#include <string>

namespace vtq {

/// Why a record cannot be applied. Kept with the record, returned to the publisher, counted by rule.
struct Rejection {
  std::string field;    ///< Path in the Event's JSON mapping: `registered.entry.centre`.
  std::string rule;     ///< Stable kebab-case name: `uln-check-digit`. A metric label, so from a bounded set.
  std::string value;    ///< What stood there, cut to 200 bytes.
  std::string message;  ///< In words, with what to do next.
};

/// A value, or why there is none. Nodiscard; reading the wrong side aborts.
template <class T>
using Result = boost::outcome_v2::basic_result<T, Rejection, boost::outcome_v2::policy::terminate>;

}  // namespace vtq
