#include "daemon/http/http_framing.h"

#include <algorithm>

namespace vtq {
namespace {

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

Problem malformed(std::string rule, std::string detail, std::string field = {}, std::string_view value = {}) {
  return {400, "Not HTTP", std::move(detail), std::move(field), std::move(rule), std::string(value.substr(0, 200))};
}

/// Host without its port; an IPv6 address keeps its brackets.
std::string_view without_port(std::string_view host) {
  auto colon = host.rfind(':');
  if (colon == host.npos || host.find(']', colon) != host.npos) return host;
  return host.substr(0, colon);
}

}  // namespace

std::optional<Problem> fault_of_head(std::string_view head) {
  auto end = head.find("\r\n");
  std::string_view first = head.substr(0, end);
  bool old = first.ends_with(" HTTP/1.0");
  std::size_t hosts = 0, lengths = 0, codings = 0, authorizations = 0, callers = 0;
  std::string_view coding;
  auto broken = [](std::string_view line) { return line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos; };
  if (broken(first)) return malformed("header-form", "The request line holds a line break or a NUL; end each line with CR LF.");
  for (auto at = end; at != head.npos && at + 2 < head.size();) {
    auto next = head.find("\r\n", at + 2);
    std::string_view line = head.substr(at + 2, next == head.npos ? next : next - at - 2);
    at = next;
    if (line.empty()) break;
    if (line.front() == ' ' || line.front() == '\t')
      return malformed("header-fold", "A header is folded over several lines; send each header in one line.");
    auto colon = line.find(':');
    if (broken(line) || colon == line.npos || !is_name(line.substr(0, colon)))
      return malformed("header-form", "A header is no name, colon and value in one line; correct it.");
    std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    hosts += same_text(name, "Host");
    lengths += same_text(name, "Content-Length");
    authorizations += same_text(name, "Authorization");
    callers += same_text(name, kCallerHeader);
    if (same_text(name, "Transfer-Encoding")) {
      ++codings;
      coding = value;
    }
  }
  if (hosts > 1 || (hosts == 0 && !old))
    return malformed("host-once", hosts > 1 ? "Host stands twice; send one." : "Host is missing; say which server is meant.", "Host");
  if (authorizations > 1 || callers > 1)
    return malformed("caller-once", "Who asks stands twice; say it once.", authorizations > 1 ? "Authorization" : std::string(kCallerHeader));
  if (lengths > 1) return malformed("content-length-once", "Content-Length stands twice; send one.", "Content-Length");
  if (codings == 0) return std::nullopt;
  if (lengths > 0)
    return malformed("content-length-once", "Content-Length and Transfer-Encoding contradict each other; send one of them.", "Content-Length");
  if (codings > 1 || old)
    return malformed("transfer-encoding",
                     old ? "HTTP/1.0 has no Transfer-Encoding; send Content-Length." : "Transfer-Encoding stands twice; send one.",
                     "Transfer-Encoding", coding);
  if (!same_text(coding, "chunked"))
    return Problem{501,
                   "Unknown coding",
                   "Only the transfer coding chunked is known; send the body as it is.",
                   "Transfer-Encoding",
                   "transfer-encoding",
                   std::string(coding.substr(0, 200))};
  return std::nullopt;
}

bool is_own_host(std::string_view host, const std::vector<std::string>& names) {
  std::string_view name = without_port(host);
  if (same_text(name, "localhost") || same_text(name, "[::1]")) return true;
  bool address = name.starts_with("127.") && name.find_first_not_of("0123456789.") == name.npos;
  return address || std::any_of(names.begin(), names.end(), [&](const std::string& one) { return same_text(one, name); });
}

bool is_own_origin(std::string_view origin, std::string_view host, bool encrypted_only) {
  auto at = [&](std::string_view scheme) { return origin.starts_with(scheme) && same_text(origin.substr(scheme.size()), host); };
  return at("https://") || (!encrypted_only && at("http://"));
}

}  // namespace vtq
