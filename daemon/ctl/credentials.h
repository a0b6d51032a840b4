// Who resultsctl says that it is, for all that it asks. Main thread only.
#pragma once

#include <filesystem>

#include "daemon/http/http_client.h"

namespace vtq::ctl {

/// From now on. `secret_file`: the service's access secret, of the operator; `key_file`: a key, as it was shown. Empty: not given; both: the key.
/// Throws std::runtime_error in words.
void use_credentials(const std::filesystem::path& secret_file, const std::filesystem::path& key_file);
/// `options`, with what was given.
HttpClientOptions with_credentials(HttpClientOptions options = {});

}  // namespace vtq::ctl
