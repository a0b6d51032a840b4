// Writes the seeds that are not text: stored records of a played season, and events in protobuf. `fuzz_seeds FOLDER`.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "storage/sealing/age.h"
#include "storage/sealing/sealed_event.h"
#include "tests/support/examples.h"

namespace {

namespace fs = std::filesystem;
using namespace vtq;

void write(const fs::path& folder, const std::string& name, const std::string& bytes) {
  fs::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string with_length(const std::string& bytes) {
  return std::string{static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size() & 0xff)} + bytes;
}

/// The kind that `stored_records_fuzz` knows a record by, from its place in the store; none: it looks at no such record.
int kind_of(const std::string& key) {
  for (std::uint32_t partition : {0u, 1u}) {
    if (key.starts_with(keys::summaries(partition))) return 1;
    if (key.starts_with(keys::durations(partition))) return 4;
    for (const char* centre : {"12345", "54321"}) {
      if (key.starts_with(keys::entries(partition, *parse_centre(centre)))) return 0;
      if (key.starts_with(keys::slots(partition, *parse_centre(centre)))) return 2;
      if (key.starts_with(keys::waiting(partition, *parse_centre(centre)))) return 3;
    }
  }
  return -1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: fuzz_seeds FOLDER\n";
    return 2;
  }
  fs::path folder = arguments[1];
  test::StartedSeason season;
  std::string all;
  std::vector<v1::Event> events;
  for (const std::string& fact : test::all_facts()) {
    v1::Event event = test::example(fact);
    std::string bytes = event.SerializeAsString();
    write(folder / "event_bodies", fact + ".pb", '\2' + bytes);
    write(folder / "kafka_record", fact + ".pb", std::string(3, '\0') + bytes);
    write(folder / "pipeline", fact + ".pb", with_length(bytes));
    all += with_length(bytes);
    events.push_back(std::move(event));
  }
  write(folder / "pipeline", "all.pb", all);
  const Seal seal("3f9a01c2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  std::string sealed;
  seal.close(SealedAs::record, "place", all, sealed);
  write(folder / "sealing", "record", sealed);
  seal.close_batch("place", all, {}, sealed);
  write(folder / "sealing", "batch", sealed);
  v1::Event sealed_event;
  sealed_event.ParseFromString(seal_event(seal, events.front()));
  write(folder / "sealing", "event", sealed_event.sealed());
  write(folder / "sealing", "box", seal_event(*parse_seal_recipient(seal.public_key_text()), events.front()).sealed());
  write(folder / "sealing", "age", age::encrypt(all, {}));
  write(folder / "sealing", "keys", Seal::new_line() + "\n# comment\n" + Seal::new_line());
  TimeMs day = test::local("2023-05-01T09:00");
  test::Ref ref;
  season.play({test::registered(ref, day), test::answered(ref, day), test::achieved(ref, day, {"A", "B", "C"}), test::claimed(ref, day),
               test::achieved({.learner = "NOBODY"}, day, {"A"}), test::hold_placed("H1", ref, day)},
              day);
  season.play({test::hold_lifted("H1", ref, day + kDayMs), test::determined(ref, day + kDayMs)}, day + kDayMs);
  season.time_passes(test::local("2023-08-20T09:00"));
  std::size_t serial = 0;
  for (const auto& [key, value] : season.store.records())
    if (int kind = kind_of(key); kind >= 0) write(folder / "stored_records", std::to_string(serial++), static_cast<char>(kind) + value);
  return serial > 0 ? 0 : 1;
}
