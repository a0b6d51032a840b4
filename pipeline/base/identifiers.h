// The field's identifiers: their form, their check digits, and a compact number for each to key state by.
// Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vtq {

/// National centre number as a number, 0 to 99999.
enum class CentreId : std::uint32_t {};
/// Qualification number: its 7 digits times 11, plus the check character (X is 10).
enum class QualificationId : std::uint32_t {};
/// Digits of the Ofqual recognition number after `RN`.
enum class AwardingOrganisationId : std::uint32_t {};
/// Month of the results day: year * 12 + month - 1.
enum class SeriesId : std::uint16_t {};

constexpr std::uint32_t number(CentreId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint32_t number(QualificationId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint32_t number(AwardingOrganisationId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint16_t number(SeriesId id) { return static_cast<std::uint16_t>(id); }

/// NCN: exactly 5 digits.
std::optional<CentreId> parse_centre(std::string_view text);
/// QAN: `NNN/NNNN/C` or the 8 characters without slashes; C a digit or X. The check character is not verified here.
std::optional<QualificationId> parse_qualification(std::string_view text);
/// `RN` and 1 to 6 digits, the first not 0.
std::optional<AwardingOrganisationId> parse_awarding_organisation(std::string_view text);
/// `YYYY-MM`, years 2000 to 2099.
std::optional<SeriesId> parse_series(std::string_view text);

std::string text_of(CentreId id);
/// Canonical form with slashes.
std::string text_of(QualificationId id);
std::string text_of(AwardingOrganisationId id);
std::string text_of(SeriesId id);

/// C = (8d1+7d2+6d3+5d4+4d5+3d6+2d7) mod 11, 10 is X. Not published: holds for all but a handful of some 700 real numbers,
/// so a failure is a warning and membership of the register decides.
bool qualification_check_holds(QualificationId id);

/// ULN: 10 digits, the first not 0.
bool uln_is_well_formed(std::string_view uln);
/// Weights 10 to 1 over the digits, the check digit last: the sum mod 11 is 10. 9999999999 (unknown) fails.
bool uln_check_holds(std::string_view uln);
/// 9999999999 stands for an unknown ULN; two learners with it are not one.
constexpr std::string_view kUnknownUln = "9999999999";

/// UCI: 12 digits (the sixth may be a board letter) and a check letter.
bool uci_is_well_formed(std::string_view uci);
/// Weights 16 to 5 over the first 12, mod 17, letters ABCDEFGHKLMRTVWXY; a board letter counts A=1, B=2, ...
bool uci_check_holds(std::string_view uci);

/// AO registration number of a learner: 1 to 20 of A-Z, 0-9 and `-`, not starting with `-`.
bool learner_is_well_formed(std::string_view learner);

/// 32-bit hash of a unit code, outcome code or grade; never 0.
std::uint32_t short_hash(std::string_view text);
/// 64-bit hash, for ties between stamps.
std::uint64_t long_hash(std::string_view text, std::uint64_t seed = 0);
/// Kafka's default partitioner: murmur2 of the key, without its sign bit, mod `partitions`.
std::uint32_t murmur2_partition(std::string_view key, std::uint32_t partitions);

}  // namespace vtq
