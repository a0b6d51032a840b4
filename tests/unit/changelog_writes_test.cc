// What goes to a changelog: a record whose value is another than the one before it of its key. The season of
// tests/data/small_season.jsonl, in commits of every size, on a real store.
#include <sstream>

#include "storage/store.h"
#include "tests/support/examples.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

/// Holds the last value of each key, and counts what repeats it, by kind of record.
class Changelog final : public CommitSink {
 public:
  void output(Topic, std::uint32_t, CentreId, const google::protobuf::MessageLite&) override {}
  void rejected(std::uint32_t, const v1::Rejected&) override {}
  void audit(std::uint32_t, std::string_view, std::string_view) override {}
  void change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) override {
    ++written;
    std::pair place(partition, std::string(key));
    auto at = last.find(place);
    if (at != last.end() && value && at->second == *value) ++repeated[std::string(key.substr(0, 2))];
    if (value)
      last[place] = *value;
    else if (at != last.end())
      last.erase(at);
  }

  std::map<std::pair<std::uint32_t, std::string>, std::string> last;
  std::map<std::string, int> repeated;
  int written = 0;
};

constexpr std::uint32_t kPartitions = 2;

std::vector<v1::Event> season() {
  std::istringstream in(test_file("small_season.jsonl"));
  std::vector<v1::Event> events;
  for (std::string line; std::getline(in, line);) events.push_back(event_from(line));
  return events;
}

/// Plays the season in commits of so many events.
void play(const std::vector<v1::Event>& events, std::size_t commit_events, Changelog& changelog) {
  TempDirectory directory;
  auto store = Store::open(directory / "store", {.partitions = kPartitions, .sync = false, .sink = &changelog, .log_identity = "test"});
  Policy policy;
  Pipeline pipeline(policy, TimeSource::event, kPartitions, *store, *store);
  pipeline.restore_reference();
  for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
    store->take(partition);
    pipeline.take(partition);
  }
  for (std::size_t from = 0; from < events.size(); from += commit_events) {
    std::vector<std::string> bytes;
    std::vector<Inbound> batch;
    std::size_t until = std::min(from + commit_events, events.size());
    bytes.reserve(until - from);
    for (std::size_t at = from; at < until; ++at) {
      auto address = check(events[at]);
      if (!address) continue;
      bytes.push_back(events[at].SerializeAsString());
      batch.push_back({&events[at], bytes.back(), std::move(address).value()});
    }
    std::size_t consumed = 0;
    for (bool finished = false; !finished;) {
      auto progress = pipeline.process(std::span<const Inbound>(batch).subspan(consumed), 0);
      consumed += progress.consumed;
      finished = progress.finished;
      pipeline.write(*store);
      store->write(*store->cut(), {}, 0);
    }
  }
}

TEST(ChangelogWrites, no_record_repeats_the_one_before_it_of_its_key_but_for_counts_that_moved_there_and_back) {
  std::vector<v1::Event> events = season();
  for (std::size_t commit_events : {events.size(), std::size_t{50}, std::size_t{7}, std::size_t{1}}) {
    Changelog changelog;
    play(events, commit_events, changelog);
    EXPECT_GT(changelog.written, 50);
    // State, of a centre's counts: one entry left a cell and another came to it in one commit.
    if (auto counts = changelog.repeated.find("ss"); counts != changelog.repeated.end() && counts->second == 1) changelog.repeated.erase(counts);
    for (const auto& [kind, count] : changelog.repeated)
      ADD_FAILURE() << count << " of " << changelog.written << " records repeat the one before, of kind " << kind << ", in commits of "
                    << commit_events << " events";
  }
}

}  // namespace
}  // namespace vtq::test
