#include "daemon/simulator/identifiers.h"

#include <cstdio>

namespace vtq::simulator {

namespace {

// Steps of a prime through all nine-digit numbers that do not start with 0: each comes once.
constexpr std::uint64_t kNineDigits = 900'000'000;
constexpr std::uint64_t kStep = 611'953'357;

std::string padded(std::uint64_t number, int width) {
  char text[24];
  const int length = std::snprintf(text, sizeof text, "%0*llu", width, static_cast<unsigned long long>(number));
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

std::string qualification_number(std::uint32_t seven_digits) {
  const std::string digits = padded(seven_digits % 10'000'000, 7);
  int sum = 0;
  for (int i = 0; i < 7; ++i) sum += (8 - i) * (digits[static_cast<std::size_t>(i)] - '0');
  const int check = sum % 11;
  return digits.substr(0, 3) + '/' + digits.substr(3) + '/' + (check == 10 ? 'X' : static_cast<char>('0' + check));
}

std::string candidate_identifier(std::string_view centre, char board, int year, std::uint32_t candidate) {
  std::string id{centre};
  id += board;
  id += padded(static_cast<std::uint64_t>(year % 100), 2) + padded(candidate % 10'000, 4);
  int sum = 0;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const int value = id[i] >= 'A' ? id[i] - 'A' + 1 : id[i] - '0';
    sum += (16 - static_cast<int>(i)) * value;
  }
  return id + "ABCDEFGHKLMRTVWXY"[sum % 17];
}

LearnerNumbers::LearnerNumbers(std::uint64_t seed) : at_(seed * 7919 % kNineDigits) {}

std::string LearnerNumbers::next() {
  for (;;) {
    at_ = (at_ + kStep) % kNineDigits;
    const std::string digits = padded(100'000'000 + at_, 9);
    int sum = 0;
    for (int i = 0; i < 9; ++i) sum += (10 - i) * (digits[static_cast<std::size_t>(i)] - '0');
    const int check = (21 - sum % 11) % 11;
    if (check < 10) return digits + static_cast<char>('0' + check);
  }
}

}  // namespace vtq::simulator
