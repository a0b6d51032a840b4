// The season simulator: writes the events of a results season, and the truth that a correct resultsd must arrive at.
//
// It decides each entry's fate first and then makes the events that bring it about, so the truth needs none of the
// pipeline's rules: nothing here includes pipeline, storage or other daemon code. The same options give the same bytes.
// No real person appears; the tables of T Level grades are the public ones, awarding organisations, qualification numbers, centres
// and learners are invented.
//
// simulate() may be called from any thread; calls are independent of each other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace vtq::simulator {

struct Options {
  // 2022 (no checkpoint), 2023, or small (2023 with about 2,000 entries and every kind of trouble).
  std::string scenario = "small";
  // Multiplies entries and centres; above 0, at most 20.
  double scale = 1;
  std::uint64_t seed = 1;
  // Events out: `.jsonl` holds one Event in JSON per line, `.pb` length-delimited protobuf. In order of arrival.
  std::filesystem::path events;
  // Truth out: JSON Lines, one object per entry. Empty: not written.
  std::filesystem::path truth;
  // Without learning outcomes, rules of combination and of grades, scrutiny of centres, approvals and mitigations.
  bool plain = false;
  // RFC 3339, may be empty. Events that arrive later are left out, and the last event is a TimeReached at this time.
  // The truth still is that of the whole season.
  std::string until;
  // Called now and then, with done <= total.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct Summary {
  std::uint64_t entries = 0;
  std::uint64_t entries_level_3 = 0;
  std::uint64_t events = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t delayed = 0;
  std::uint64_t event_bytes = 0;
  std::uint64_t centres = 0;
  std::uint64_t qualifications = 0;
  std::uint64_t awarding_organisations = 0;
  // Issued on or before the issue deadline.
  std::uint64_t on_time_level_3 = 0;
  std::uint64_t on_time_level_1_2 = 0;
  // Issued after it, or due and never issued.
  std::uint64_t late = 0;
  std::uint64_t late_level_3 = 0;
  std::uint64_t late_level_1_2 = 0;
  std::uint64_t centres_with_late = 0;
  std::uint64_t corrected = 0;
  std::uint64_t batches = 0;
  // Centres with an in-scope entry whose checkpoint stood unanswered on 30 June.
  std::uint64_t centres_incomplete = 0;
};

// Throws std::runtime_error, in words for the person who gave the options, when they are wrong or a file cannot be
// written.
Summary simulate(const Options& options);

}  // namespace vtq::simulator
