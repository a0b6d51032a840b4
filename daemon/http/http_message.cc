#include "daemon/http/http_message.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vtq {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

const std::string* HttpRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    int high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

bool split_target(HttpRequest& request) {
  std::string_view target = request.target;
  auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark == target.npos) return true;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    auto end = rest.find('&');
    std::string_view pair = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals));
    auto value = percent_decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

std::string json_string(std::string_view text) {
  // Most texts are numbers and names, and stand in JSON as they are.
  bool plain = std::all_of(text.begin(), text.end(), [](char letter) { return letter >= ' ' && letter < 0x7f && letter != '"' && letter != '\\'; });
  if (plain) return '"' + std::string(text) + '"';
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpReply reply_with(const Problem& problem) {
  HttpReply reply;
  reply.status = problem.status;
  reply.content_type = "application/problem+json";
  std::string type = problem.rule.empty() ? "about:blank" : "urn:vtq:problem:" + problem.rule;
  reply.body = "{\"type\":" + json_string(type) + ",\"title\":" + json_string(problem.title) + ",\"status\":" + std::to_string(problem.status) +
               ",\"detail\":" + json_string(problem.detail) + ",\"field\":" + json_string(problem.field) + ",\"rule\":" + json_string(problem.rule) +
               ",\"value\":" + json_string(problem.value);
  if (!problem.members.empty()) reply.body += "," + problem.members;
  reply.body += "}\n";
  return reply;
}

HttpReply reply_without_memory() {
  HttpReply reply = reply_with({503, "Out of memory", "The request takes more memory than there is; send it again, or a smaller one.", "", "memory"});
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

}  // namespace vtq
