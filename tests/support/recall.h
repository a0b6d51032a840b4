// A season in which results are issued before their gates, and what may be seen of them.
#pragma once

#include <sstream>

#include "tests/support/examples.h"
#include "tests/support/season.h"

namespace vtq::test {

inline v1::Event issuing_halted(TimeMs at, bool halted = true, const std::string& centre = "*", const std::string& ao = "RN5001",
                                const std::string& series = "2023-08") {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_issuing_halted();
  fact->set_centre(centre);
  fact->set_awarding_organisation(ao);
  fact->set_series(series);
  fact->set_halted(halted);
  return event;
}

inline v1::Event batch_acknowledged(TimeMs at, const std::string& batch) {
  v1::Event event = event_at(at);
  event.mutable_batch_acknowledged()->set_centre(batch.substr(0, 5));
  event.mutable_batch_acknowledged()->set_batch(batch);
  return event;
}

/// What `role` sees at `at` of batch `which`, in order of issue, counted from 0.
inline BatchView seen(Season& season, std::size_t which, Role role, TimeMs at) {
  const v1::ResultBatch& batch = season.outputs.batches.at(which);
  CentreId id = *parse_centre(batch.centre());
  Partition& partition = season.pipeline->partition(season.pipeline->partition_of(id));
  return partition.view(*partition.centre(id), batch, role, {.wall_ms = at});
}

inline v1::ResultBatch shown_at(Season& season, std::size_t which, Role role, TimeMs at) {
  return shown(season.outputs.batches.at(which), seen(season, which, role, at));
}

/// The grade that is seen of a result in the batch; else why not: `closed`, or the reason that withholds it; `revoked`.
inline std::string seen_grade(Season& season, std::size_t which, Role role, TimeMs at, int result = 0) {
  BatchView view = seen(season, which, role, at);
  v1::ResultBatch batch = shown(season.outputs.batches.at(which), view);
  const v1::Result& one = batch.results(result);
  if (!view.open) return one.has_grade() || one.supersedes().has_grade() ? "leaks" : "closed";
  if (!one.withheld().empty()) return one.has_grade() ? "leaks" : one.withheld();
  return one.revoked() ? "revoked" : one.grade().value();
}

/// A learner of the small reference data with everything, in time.
inline std::vector<v1::Event> complete_entry(const Ref& ref) {
  return {registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")),
          achieved(ref, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed(ref, local("2023-06-10T09:00")),
          determined(ref, local("2023-06-20T09:00"), "Merit")};
}

/// Plays a file of tests/data/cases as it would be posted: an empty line ends a post. Returns what became of each event, by its id.
inline std::map<std::string, Verdict> play_case(Season& season, const std::string& name) {
  std::istringstream lines(test_file("cases/" + name + ".jsonl"));
  std::map<std::string, Verdict> verdicts;
  std::vector<v1::Event> post;
  auto send = [&] {
    std::vector<Verdict> found = season.play(post, 0);
    for (std::size_t at = 0; at < post.size(); ++at) verdicts[post[at].id()] = found[at];
    post.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      send();
      continue;
    }
    v1::Event event = event_from(line);
    Result<Address> address = check(event);
    if (address)
      post.push_back(event);
    else
      verdicts[event.id()] = {Verdict::Kind::rejected, address.error()};
  }
  send();
  return verdicts;
}

}  // namespace vtq::test
