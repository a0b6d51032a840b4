#include "storage/keys.h"

#include <array>

namespace vtq::keys {
namespace {

template <class Number>
void append(std::string& out, Number value) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

template <class Number>
Number read(std::string_view key, std::size_t from) {
  Number value = 0;
  for (std::size_t at = from; at < from + sizeof(Number); ++at) value = static_cast<Number>((value << 8) | static_cast<unsigned char>(key[at]));
  return value;
}

std::string of(char kind, std::uint32_t partition) {
  std::string key(1, kind);
  append(key, static_cast<std::uint16_t>(partition));
  return key;
}

std::string of(char kind, std::uint32_t partition, CentreId centre) {
  std::string key = of(kind, partition);
  append(key, number(centre));
  return key;
}

constexpr std::size_t kCentreAt = 3;  // kind, partition
constexpr std::size_t kEntryAt = 7;   // ..., centre

}  // namespace

std::string time(std::uint32_t partition) { return of('t', partition); }
std::string durations(std::uint32_t partition) { return of('d', partition); }

std::string durations(std::uint32_t partition, const Durations::Key& of_key) {
  std::string key = durations(partition);
  append(key, number(of_key.awarding_organisation));
  append(key, static_cast<std::uint8_t>(of_key.step));
  return key;
}

std::string summaries(std::uint32_t partition) { return of('s', partition); }
std::string summary(std::uint32_t partition, CentreId centre) { return of('s', partition, centre); }
std::string slots(std::uint32_t partition, CentreId centre) { return of('f', partition, centre); }
std::string entries(std::uint32_t partition, CentreId centre) { return of('e', partition, centre); }
std::string waiting(std::uint32_t partition, CentreId centre) { return of('p', partition, centre); }

std::string waiting(std::uint32_t partition, CentreId centre, const WaitingKey& fact) {
  std::string key = waiting(partition, centre);
  append(key, static_cast<std::uint64_t>(fact.moment.at_ms));
  append(key, fact.moment.nanos);
  append(key, fact.content_high);
  append(key, fact.content_low);
  return key;
}

std::string batch_count(std::uint32_t partition) { return of('b', partition); }
std::string rejected_last(std::uint32_t partition) { return of('x', partition); }
std::string position(std::uint32_t partition) { return of('c', partition); }
std::string audit_head(std::uint32_t partition) { return of('A', partition); }

std::string audit(std::uint32_t partition, std::uint64_t record_number) {
  std::string key = of('a', partition);
  append(key, record_number);
  return key;
}

std::vector<std::string> prefixes(std::uint32_t partition) {
  std::vector<std::string> made;
  for (char kind : {'t', 'd', 's', 'f', 'e', 'p', 'b', 'x', 'c', 'A', 'a'}) made.push_back(of(kind, partition));
  return made;
}

std::string reference(std::string_view slot) { return std::string(kReference) + std::string(slot); }

std::string next_offset(Topic topic, std::uint32_t partition) {
  std::string key = of('o', partition);
  append(key, static_cast<std::uint8_t>(topic));
  return key;
}

std::string chunk(Topic topic, std::uint32_t partition, std::uint64_t offset) {
  std::string key(1, static_cast<char>(topic));
  append(key, static_cast<std::uint16_t>(partition));
  append(key, offset);
  return key;
}

std::string batch(const BatchId& id) {
  std::string key;
  append(key, number(id.centre));
  append(key, number(id.awarding_organisation));
  append(key, number(id.series));
  append(key, id.number);
  return key;
}

std::string gap(const BatchId& from) { return "g" + batch(from); }
BatchId gap_from(std::string_view key) { return batch_id(key.substr(1)); }
std::string gaps(std::optional<CentreId> centre) { return centre ? gap({*centre, {}, {}, 0}).substr(0, 5) : "g"; }

std::string rejected(std::uint64_t id, std::optional<std::uint32_t> partition) {
  std::string key = u64(id);
  if (partition) append(key, static_cast<std::uint16_t>(*partition));
  return key;
}

void entry(std::uint32_t partition, CentreId centre, const EntryKey& key, std::string& out) {
  // Written in place: this is done for every entry of every commit.
  std::array<char, kEntryAt + 6> head;
  auto put = [&head](std::size_t at, auto value) {
    for (std::size_t byte = sizeof value; byte-- > 0; value = static_cast<decltype(value)>(value >> 8))
      head[at + byte] = static_cast<char>(value & 0xff);
  };
  head[0] = 'e';
  put(1, static_cast<std::uint16_t>(partition));
  put(kCentreAt, number(centre));
  put(kEntryAt, number(key.series));
  put(kEntryAt + 2, number(key.qualification));
  out.assign(head.data(), head.size());
  out += key.learner;
}

EntryKey entry_key(std::string_view key) {
  return {.qualification = QualificationId{read<std::uint32_t>(key, kEntryAt + 2)},
          .series = SeriesId{read<std::uint16_t>(key, kEntryAt)},
          .learner = std::string(key.substr(kEntryAt + 6))};
}

std::optional<std::uint32_t> rejected_partition(std::string_view key) {
  if (key.size() != 10) return std::nullopt;
  return read<std::uint16_t>(key, 8);
}

CentreId summary_centre(std::string_view key) { return CentreId{read<std::uint32_t>(key, kCentreAt)}; }

BatchId batch_id(std::string_view key) {
  return {.centre = CentreId{read<std::uint32_t>(key, 0)},
          .awarding_organisation = AwardingOrganisationId{read<std::uint32_t>(key, 4)},
          .series = SeriesId{read<std::uint16_t>(key, 8)},
          .number = read<std::uint32_t>(key, 10)};
}

std::uint64_t last_u64(std::string_view key) { return read<std::uint64_t>(key, key.size() - 8); }

std::string u64(std::uint64_t value) {
  std::string text;
  append(text, value);
  return text;
}

}  // namespace vtq::keys
