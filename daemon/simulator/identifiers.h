// Identifiers of the field, made valid: see the check rules at each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vtq::simulator {

// Qualification number `NNN/NNNN/C` from its first seven digits (0 to 9,999,999).
// C = (8d1+7d2+6d3+5d4+4d5+3d6+2d7) mod 11, 10 written X: found to hold for the public register, not published.
std::string qualification_number(std::uint32_t seven_digits);

// Unique candidate identifier: centre (5 digits), board (`0` or a letter), year (2), candidate (1 to 9999), check
// letter: weights 16 to 5 over the first 12, mod 17, in ABCDEFGHKLMRTVWXY; a board letter counts A=1, B=2, ...
std::string candidate_identifier(std::string_view centre, char board, int year, std::uint32_t candidate);

// Gives each learner a number of their own. Weights 10 to 1 over the ten digits, sum mod 11 is 10.
class LearnerNumbers {
 public:
  explicit LearnerNumbers(std::uint64_t seed);
  std::string next();

 private:
  std::uint64_t at_;
};

}  // namespace vtq::simulator
