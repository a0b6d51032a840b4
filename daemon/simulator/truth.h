// The truth file: JSON Lines, one object per entry, saying what a correct season ends with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "daemon/simulator/courses.h"

namespace vtq::simulator {

class TruthFile {
 public:
  // An empty path writes nothing. Throws std::runtime_error when the file cannot be written.
  // `plain`: without what only rules of their own bring about.
  TruthFile(const std::filesystem::path& path, bool plain);
  void add(const Season& season, const CentrePlan& centre, std::string_view awarding_organisation, std::string_view learner,
           const CohortCourse& cohort, Fate fate, const Expectation& expected);
  void close();

 private:
  std::filesystem::path path_;
  bool plain_;
  std::ofstream out_;
  std::string buffer_;
};

}  // namespace vtq::simulator
