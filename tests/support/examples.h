// The JSON examples of tests/data/events: one for every fact of the contract, each passing the form check.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/season.h"
#include "tests/support/test_data.h"

namespace vtq::test {

/// A file of tests/data, whole; fails the test when it is not there.
inline std::string test_file(const std::string& name) {
  std::ifstream in(test_data() + "/" + name);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The example of a fact by its proto name: `checkpoint_answered`.
inline v1::Event example(const std::string& fact) { return event_from(test_file("events/" + fact + ".json")); }

/// The proto names of all facts.
inline std::vector<std::string> all_facts() {
  std::vector<std::string> names;
  const auto* facts = v1::Event::descriptor()->FindOneofByName("fact");
  for (int at = 0; at < facts->field_count(); ++at) names.push_back(facts->field(at)->name());
  return names;
}

/// The fact's message inside the event, to look into or change by field name.
inline google::protobuf::Message& fact_of(v1::Event& event) {
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(event.fact_case());
  return *event.GetReflection()->MutableMessage(&event, field);
}

}  // namespace vtq::test
