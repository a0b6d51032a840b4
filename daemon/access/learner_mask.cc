#include "daemon/access/learner_mask.h"

#include <sodium.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/http/http_message.h"
#include "pipeline/base/identifiers.h"
#include "pipeline/kinds/hidden_grades.h"
#include "vtq/v1/event.pb.h"

namespace vtq {
namespace {

constexpr std::string_view kMasked = "****";
constexpr std::size_t kShownMost = 4;
constexpr std::string_view kHandleBegins = "h.";
/// Behind a field: the text was no event, and the field may be a member that somebody made up.
constexpr std::string_view kJsonRule = ",\"rule\":\"json-";
/// The check of a handle is the start of its nonce: as long as a tag is.
constexpr std::size_t kCheckBytes = 16;

enum class Member { other, learner, number, person, prose };

struct Row {
  std::string_view name;
  Member member;
};

/// Every member of a reply that says who a learner is, or has words in which a learner's number may stand.
constexpr Row kMembers[] = {
    {"learner", Member::learner},   {"uln", Member::number},         {"uci", Member::number},         {"givenNames", Member::person},
    {"familyName", Member::person}, {"dateOfBirth", Member::person}, {"subject", Member::prose},      {"text", Member::prose},
    {"why", Member::prose},         {"reason", Member::prose},       {"withheldText", Member::prose}, {"message", Member::prose},
};

/// Of what was sent, texts that are about no learner; all others are not shown, whatever they are.
constexpr std::string_view kOfNobody[] = {"source", "occurredAt", "centre", "qualification", "series", "awardingOrganisation", "level",
                                          "unit",   "scale",      "answer", "status",        "cause",  "learnerHandle"};

bool is_of_nobody(std::string_view name) { return std::find(std::begin(kOfNobody), std::end(kOfNobody), name) != std::end(kOfNobody); }

/// Whether it is such a number at all: what stands in the wrong place may be a learner's.
bool fits(std::string_view name, std::string_view text) {
  if (name == "centre") return text == "*" || parse_centre(text);
  if (name == "qualification") return text == "*" || parse_qualification(text);
  if (name == "series") return parse_series(text).has_value();
  if (name == "awardingOrganisation") return text == "*" || parse_awarding_organisation(text);
  return true;
}

void add_names(const google::protobuf::Descriptor* type, std::set<const google::protobuf::Descriptor*>& seen,
               std::set<std::string, std::less<>>& names) {
  if (!seen.insert(type).second) return;
  for (int at = 0; at < type->field_count(); ++at) {
    names.insert(type->field(at)->json_name());
    if (const auto* inside = type->field(at)->message_type()) add_names(inside, seen, names);
  }
}

/// Whether the contract has a field of that name, as `units[1]`. Others are what somebody sent.
bool is_name_of_contract(std::string_view segment) {
  static const std::set<std::string, std::less<>> kNames = [] {
    std::set<const google::protobuf::Descriptor*> seen;
    std::set<std::string, std::less<>> names;
    add_names(v1::Event::descriptor(), seen, names);
    return names;
  }();
  return kNames.contains(segment.substr(0, segment.find('[')));
}

/// A path of members without those that the contract does not have.
std::string path_of_contract(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('.', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    out += (at == 0 ? "" : ".") + (segment.empty() || is_name_of_contract(segment) ? std::string(segment) : std::string(kNotShown));
    at = end + 1;
  }
  return out;
}

Member member_of(std::string_view name) {
  for (const Row& row : kMembers)
    if (row.name == name) return row.member;
  return Member::other;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// `number` replaced wherever it stands as a word of its own.
std::string without(std::string text, std::string_view number) {
  if (number.empty()) return text;
  const std::string masked = masked_number(number);
  for (auto at = text.find(number); at != text.npos; at = text.find(number, at)) {
    const std::size_t end = at + number.size();
    const bool whole = (at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]));
    if (whole) text.replace(at, number.size(), masked);
    at += whole ? masked.size() : 1;
  }
  return text;
}

/// One pass over JSON that resultsd wrote: it is well formed.
class Mask {
 public:
  Mask(std::string_view json, const MaskShape& shape, const LearnerHandles& handles) : json_(json), shape_(shape), handles_(handles) {}

  std::string run() && {
    out_.reserve(json_.size() + json_.size() / 8);
    while (at_ < json_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    const char c = json_[at_];
    if (c == '"') return text();
    if (c == '{' || c == '[') {
      ++depth_;
      if (shape_.rejected && original_depth_ == 0 && key_ == "original") original_depth_ = depth_;
    }
    if (c == '}' || c == ']') {
      if (depth_ == original_depth_) original_depth_ = 0;
      --depth_;
    }
    if (c == '\n' && depth_ == 0) learner_.clear();
    out_ += c;
    ++at_;
  }

  void text() {
    const std::size_t begin = at_;
    for (++at_; at_ < json_.size() && json_[at_] != '"'; ++at_)
      if (json_[at_] == '\\') ++at_;
    at_ = std::min(at_ + 1, json_.size());
    const std::string_view quoted = json_.substr(begin, at_ - begin);
    const std::size_t next = json_.find_first_not_of(" \t\r\n", at_);
    if (next != json_.npos && json_[next] == ':') {
      key_ = quoted.substr(1, quoted.size() - 2);
      out_ += quoted;
      return;
    }
    value(quoted);
  }

  void value(std::string_view quoted) {
    const auto read = plain_of(quoted);
    if (!read) {
      out_ += json_string(kNotShown);
      return;
    }
    const std::string& plain = *read;
    if (key_ == "field") {
      field_ = plain;
      rule_.clear();
    }
    if (key_ == "rule") rule_ = plain;
    const Member member = member_of(key_);
    if (plain.empty()) {
      out_ += quoted;
    } else if (member == Member::learner) {
      learner(plain);
    } else if (member == Member::number) {
      out_ += json_string(masked(plain));
    } else if (member == Member::person) {
      out_ += json_string(kMasked);
    } else if (shape_.rejected && key_ == "field" && original_depth_ == 0 && json_.substr(at_).starts_with(kJsonRule)) {
      out_ += json_string(path_of_contract(plain));
    } else if (key_ == "value" && !shape_.rejected && (field_ == "after" || field_ == "learner")) {
      out_ += json_string(kNotShown);
    } else if (shape_.rejected && hidden(plain)) {
      out_ += key_ == "originalBase64" ? std::string("null") : json_string(kNotShown);
    } else if (shape_.cursor && key_ == "next") {
      out_ += json_string(LearnerHandles::looks_like_one(plain) ? plain : handles_.handle(LearnerHandles::Of::cursor, plain));
    } else if (member == Member::prose) {
      out_ += json_string(without(plain, learner_));
    } else {
      out_ += quoted;
    }
  }

  static std::string masked(const std::string& plain) { return plain.starts_with(kMasked) ? plain : masked_number(plain); }

  void learner(const std::string& plain) {
    if (plain.starts_with(kMasked)) {
      out_ += json_string(plain);
      return;
    }
    learner_ = plain;
    out_ += json_string(masked_number(plain)) + ",\"learnerHandle\":" + json_string(handles_.handle(LearnerHandles::Of::learner, plain));
  }

  /// Of a rejected record.
  bool hidden(std::string_view plain) const {
    if (original_depth_ != 0) return !is_of_nobody(key_) || !fits(key_, plain);
    if (key_ == "original" || key_ == "originalBase64") return true;
    if (key_ != "value") return false;
    if (rule_.starts_with("json-")) return true;  // it is not what belongs there
    const auto dot = field_.rfind('.');
    const std::string_view name = dot == field_.npos ? std::string_view(field_) : std::string_view(field_).substr(dot + 1);
    return !is_of_nobody(name) || !fits(name, plain);
  }

  /// Nothing: it cannot be read, and so not looked into.
  static std::optional<std::string> plain_of(std::string_view quoted) {
    if (quoted.size() < 2) return std::nullopt;
    if (quoted.find('\\') == quoted.npos) return std::string(quoted.substr(1, quoted.size() - 2));
    auto read = nlohmann::json::parse(quoted, nullptr, false);
    return read.is_string() ? std::optional(read.get<std::string>()) : std::nullopt;
  }

  std::string_view json_;
  const MaskShape& shape_;
  const LearnerHandles& handles_;
  std::string out_;
  std::size_t at_ = 0;
  int depth_ = 0, original_depth_ = 0;  // the second: of the record as it was sent, while in it; 0: not
  std::string_view key_;
  std::string field_;    // what was last said of where something is wrong
  std::string rule_;     // and of the rule that it breaks
  std::string learner_;  // who was last named: prose that follows is about them
};

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string check_of(std::string_view key, std::string_view plain) {
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  ::crypto_auth_hmacsha256(mac, bytes_of(plain), plain.size(), bytes_of(key));
  return std::string(reinterpret_cast<const char*>(mac), kCheckBytes);
}

/// Encrypts, and decrypts what it encrypted. The nonce follows from the text, so that the same text has the same handle, and no two texts share one.
std::string crossed(std::string_view key, const std::string& check, std::string_view text) {
  unsigned char nonce[crypto_stream_xchacha20_NONCEBYTES] = {};
  std::copy(check.begin(), check.end(), nonce);
  std::string out(text.size(), '\0');
  ::crypto_stream_xchacha20_xor(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text), text.size(), nonce, bytes_of(key));
  return out;
}

}  // namespace

bool sees_learners(const Caller& caller) { return caller.roles.any_of({AccessRole::learner_details, AccessRole::centre}); }

std::string masked_number(std::string_view number) {
  if (number.empty()) return {};
  const std::size_t shown = std::min(kShownMost, number.size() / 2);
  return std::string(kMasked) + std::string(number.substr(number.size() - shown));
}

LearnerHandles::LearnerHandles(const AccessSecret& secret) {
  const auto checks = secret.keys_for("learner handle, check"), ciphers = secret.keys_for("learner handle, cipher");
  for (std::size_t at = 0; at < checks.size(); ++at) keys_.push_back(checks[at] + ciphers[at]);
}

std::string LearnerHandles::handle(Of of, std::string_view text) const {
  const std::string plain = static_cast<char>(of) + std::string(text);
  const std::string_view keys = keys_.front();
  const std::string check = check_of(keys.substr(0, keys.size() / 2), plain);
  const std::string bytes = check + crossed(keys.substr(keys.size() / 2), check, plain);
  constexpr int kForm = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string encoded(sodium_base64_encoded_len(bytes.size(), kForm), '\0');
  ::sodium_bin2base64(encoded.data(), encoded.size(), bytes_of(bytes), bytes.size(), kForm);
  encoded.pop_back();
  return std::string(kHandleBegins) + encoded;
}

std::optional<std::string> LearnerHandles::text(Of of, std::string_view handle) const {
  if (!looks_like_one(handle)) return std::nullopt;
  handle.remove_prefix(kHandleBegins.size());
  std::string bytes(handle.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (::sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), handle.data(), handle.size(), nullptr, &size, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != handle.data() + handle.size() || size <= kCheckBytes)
    return std::nullopt;
  bytes.resize(size);
  const std::string check = bytes.substr(0, kCheckBytes);
  for (const std::string& both : keys_) {
    const std::string_view keys = both;
    std::string plain = crossed(keys.substr(keys.size() / 2), check, std::string_view(bytes).substr(kCheckBytes));
    if (!same_secret(check_of(keys.substr(0, keys.size() / 2), plain), check)) continue;
    if (plain.front() != static_cast<char>(of)) return std::nullopt;
    return plain.substr(1);
  }
  return std::nullopt;
}

bool LearnerHandles::looks_like_one(std::string_view text) { return text.starts_with(kHandleBegins); }

std::string masked_json(std::string_view json, const MaskShape& shape, const LearnerHandles& handles) { return Mask(json, shape, handles).run(); }

}  // namespace vtq
