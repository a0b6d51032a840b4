// Pages for people, whole and without a script: what is put into them is escaped where it is put. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/http/http_message.h"

namespace vtq {

/// sign_in.css, as built in.
std::string_view sign_in_css();
/// Where a page asks for it.
constexpr std::string_view kCssPath = "/assets/sign-in.css";

/// Text as it may stand in HTML, in an attribute too.
std::string escaped(std::string_view text);

/// A piece of HTML. `text` is the only way to put in what comes from elsewhere.
class Html {
 public:
  /// Written here.
  Html& raw(std::string_view markup);
  Html& text(std::string_view text);
  Html& paragraph(std::string_view words);
  Html& link(std::string_view href, std::string_view words, bool as_button = false);
  /// A form of one button; `fields`: hidden, names and values.
  Html& button(std::string_view action, std::string_view words, const std::vector<std::pair<std::string, std::string>>& fields, bool quiet = false);
  const std::string& str() const { return out_; }

 private:
  std::string out_;
};

/// Headers of every answer to a browser. `encrypted`: it came by https://.
void add_page_headers(HttpReply& reply, bool encrypted);

HttpReply page(unsigned status, std::string_view title, const Html& body, bool encrypted);
/// 303.
HttpReply go_to(const std::string& url, bool encrypted);
/// A page about what went wrong, and a link to what may be done.
HttpReply page_of(const Problem& problem, bool encrypted);

}  // namespace vtq
