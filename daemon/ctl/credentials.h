// Who resultsctl says that it is, for all that it asks. Main thread only.
#pragma once

#include <filesystem>

#include "daemon/http/http_client.h"

namespace vtq::ctl {

/// From now on. `given_secret`: the file of the service's access secret, of the operator; `given_key`: of a key, as it was shown. Neither given:
/// those named in the environment. Throws std::runtime_error in words, of both too.
void use_credentials(const std::filesystem::path& given_secret, const std::filesystem::path& given_key);
/// `options`, with what was given. Throws std::invalid_argument where it would go over the network to `url` for all to read.
HttpClientOptions with_credentials(const std::string& url, HttpClientOptions options = {});

}  // namespace vtq::ctl
