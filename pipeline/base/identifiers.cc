#include "pipeline/base/identifiers.h"

#include <algorithm>
#include <cstring>

namespace vtq {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::optional<std::uint32_t> parse_digits(std::string_view text) {
  std::uint32_t value = 0;
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value;
}

std::string zero_padded(std::uint32_t value, std::size_t width) {
  std::string text(width, '0');
  for (std::size_t at = width; at-- > 0; value /= 10) text[at] = static_cast<char>('0' + value % 10);
  return text;
}

}  // namespace

std::optional<CentreId> parse_centre(std::string_view text) {
  if (text.size() != 5) return std::nullopt;
  auto value = parse_digits(text);
  if (!value) return std::nullopt;
  return CentreId{*value};
}

std::optional<QualificationId> parse_qualification(std::string_view text) {
  char digits[8];
  if (text.size() == 10) {
    if (text[3] != '/' || text[8] != '/') return std::nullopt;
    std::memcpy(digits, text.data(), 3);
    std::memcpy(digits + 3, text.data() + 4, 4);
    digits[7] = text[9];
  } else if (text.size() == 8) {
    std::memcpy(digits, text.data(), 8);
  } else {
    return std::nullopt;
  }
  auto body = parse_digits({digits, 7});
  if (!body || (!is_digit(digits[7]) && digits[7] != 'X')) return std::nullopt;
  std::uint32_t check = digits[7] == 'X' ? 10 : static_cast<std::uint32_t>(digits[7] - '0');
  return QualificationId{*body * 11 + check};
}

std::optional<AwardingOrganisationId> parse_awarding_organisation(std::string_view text) {
  if (text.size() < 3 || text.size() > 8 || !text.starts_with("RN") || text[2] == '0') return std::nullopt;
  auto value = parse_digits(text.substr(2));
  if (!value) return std::nullopt;
  return AwardingOrganisationId{*value};
}

std::optional<SeriesId> parse_series(std::string_view text) {
  if (text.size() != 7 || text[4] != '-') return std::nullopt;
  auto year = parse_digits(text.substr(0, 4));
  auto month = parse_digits(text.substr(5));
  if (!year || !month || *year < 2000 || *year > 2099 || *month < 1 || *month > 12) return std::nullopt;
  return SeriesId{static_cast<std::uint16_t>(*year * 12 + *month - 1)};
}

std::string text_of(CentreId id) { return zero_padded(number(id), 5); }

std::string text_of(QualificationId id) {
  std::string body = zero_padded(number(id) / 11, 7);
  std::uint32_t check = number(id) % 11;
  std::string text = body.substr(0, 3) + '/' + body.substr(3) + '/';
  text += check == 10 ? 'X' : static_cast<char>('0' + check);
  return text;
}

std::string text_of(AwardingOrganisationId id) { return "RN" + std::to_string(number(id)); }

std::string text_of(SeriesId id) { return zero_padded(number(id) / 12u, 4) + '-' + zero_padded(number(id) % 12u + 1, 2); }

bool qualification_check_holds(QualificationId id) {
  std::string body = zero_padded(number(id) / 11, 7);
  std::uint32_t sum = 0;
  for (std::uint32_t at = 0; at < 7; ++at) sum += (8 - at) * static_cast<std::uint32_t>(body[at] - '0');
  return sum % 11 == number(id) % 11;
}

bool uln_is_well_formed(std::string_view uln) { return uln.size() == 10 && uln[0] != '0' && std::all_of(uln.begin(), uln.end(), is_digit); }

bool uln_check_holds(std::string_view uln) {
  if (!uln_is_well_formed(uln)) return false;
  int sum = 0;
  for (int at = 0; at < 9; ++at) sum += (10 - at) * (uln[static_cast<std::size_t>(at)] - '0');
  int remainder = sum % 11;
  return remainder != 0 && 10 - remainder == uln[9] - '0';
}

bool uci_is_well_formed(std::string_view uci) {
  if (uci.size() != 13 || !is_upper(uci[12])) return false;
  for (std::size_t at = 0; at < 12; ++at)
    if (!is_digit(uci[at]) && !(at == 5 && is_upper(uci[at]))) return false;
  return true;
}

bool uci_check_holds(std::string_view uci) {
  if (!uci_is_well_formed(uci)) return false;
  int sum = 0;
  for (int at = 0; at < 12; ++at) {
    char c = uci[static_cast<std::size_t>(at)];
    sum += (16 - at) * (is_digit(c) ? c - '0' : c - 'A' + 1);
  }
  return "ABCDEFGHKLMRTVWXY"[sum % 17] == uci[12];
}

bool learner_is_well_formed(std::string_view learner) {
  return !learner.empty() && learner.size() <= 20 && learner[0] != '-' &&
         std::all_of(learner.begin(), learner.end(), [](char c) { return is_digit(c) || is_upper(c) || c == '-'; });
}

std::uint32_t short_hash(std::string_view text) {
  auto hash = static_cast<std::uint32_t>(long_hash(text));
  return hash == 0 ? 1 : hash;
}

std::uint64_t long_hash(std::string_view text, std::uint64_t seed) {
  // MurmurHash64A (public domain, Austin Appleby): stable over processes, which stored stamps need.
  constexpr std::uint64_t m = 0xc6a4a7935bd1e995ULL;
  std::uint64_t h = seed ^ (text.size() * m);
  const char* data = text.data();
  std::size_t length = text.size();
  auto mix = [](std::uint64_t k) {
    k *= m;
    k ^= k >> 47;
    return k * m;
  };
  for (; length >= 8; data += 8, length -= 8) {
    std::uint64_t k;
    std::memcpy(&k, data, 8);
    h = (h ^ mix(k)) * m;
  }
  if (length > 0) {
    std::uint64_t tail = 0;
    std::memcpy(&tail, data, length);
    h = (h ^ tail) * m;
  }
  h ^= h >> 47;
  h *= m;
  return h ^ (h >> 47);
}

std::uint32_t murmur2_partition(std::string_view key, std::uint32_t partitions) {
  constexpr std::uint32_t m = 0x5bd1e995;
  auto length = static_cast<std::uint32_t>(key.size());
  std::uint32_t h = 0x9747b28cU ^ length;
  const char* data = key.data();
  for (; length >= 4; data += 4, length -= 4) {
    std::uint32_t k;
    std::memcpy(&k, data, 4);
    k *= m;
    k ^= k >> 24;
    k *= m;
    h = (h * m) ^ k;
  }
  auto byte_at = [&](std::uint32_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(data[at])); };
  if (length >= 3) h ^= byte_at(2) << 16;
  if (length >= 2) h ^= byte_at(1) << 8;
  if (length >= 1) h = (h ^ byte_at(0)) * m;
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return (h & 0x7fffffffU) % partitions;
}

}  // namespace vtq
