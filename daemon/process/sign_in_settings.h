// What settings of sign-in get wrong together. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/process/settings.h"

namespace vtq {

/// Names of settings, and what is wrong with each and what to do; none where nothing of sign-in is set.
std::vector<std::pair<std::string_view, std::string>> wrong_sign_in(const Settings& settings);

}  // namespace vtq
