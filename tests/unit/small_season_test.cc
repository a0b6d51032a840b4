// The season of tests/data/small_season.jsonl, written by hand, gives exactly the statuses, batches and rejections written by hand. What
// must come out and why is in small_season.md.
#include <google/protobuf/struct.pb.h>

#include <map>
#include <set>
#include <sstream>

#include "tests/support/examples.h"

namespace vtq::test {
namespace {

using Lines = std::map<std::string, std::string>;

std::string minute(const google::protobuf::Timestamp& at) { return utc_text(at.seconds() * 1000).substr(0, 16) + "Z"; }

std::string text_of_reason(v1::Reason reason) { return reason == v1::REASON_NONE ? "-" : v1::Reason_Name(reason); }

std::string text_of_grade(const v1::Grade& grade) { return grade.scale() + ":" + grade.value(); }

/// As in the expected file, with single spaces.
std::string text_of_status(const v1::EntryStatus& status) {
  return v1::Stage_Name(status.stage()) + " " + v1::Need_Name(status.need()) + " " + text_of_reason(status.reason()) + " " +
         v1::Band_Name(status.band()) + (status.late() ? " late " : " in-time ") + (status.has_issued_at() ? minute(status.issued_at()) : "-");
}

std::string text_of_result(const v1::Result& result) {
  std::string text = result.entry().learner() + " " + (result.revoked() ? "revoked" : text_of_grade(result.grade()));
  if (result.late()) text += " late";
  if (result.reason() != v1::REASON_NONE) text += " " + text_of_reason(result.reason());
  if (result.has_supersedes()) text += " supersedes " + result.supersedes().batch() + " " + text_of_grade(result.supersedes().grade());
  return text;
}

std::string single_spaced(const std::string& text) {
  std::istringstream in(text);
  std::string all;
  for (std::string word; in >> word;) all += (all.empty() ? "" : " ") + word;
  return all;
}

std::vector<v1::Event> season_events() {
  std::istringstream in(test_file("small_season.jsonl"));
  std::vector<v1::Event> events;
  for (std::string line; std::getline(in, line);) events.push_back(event_from(line));
  return events;
}

google::protobuf::Struct expected() {
  google::protobuf::Struct all;
  auto status = google::protobuf::util::JsonStringToMessage(test_file("small_season_expected.json"), &all);
  EXPECT_TRUE(status.ok()) << status.message();
  return all;
}

std::multiset<std::string> texts_in(const google::protobuf::Value& list) {
  std::multiset<std::string> all;
  for (const auto& value : list.list_value().values()) all.insert(value.string_value());
  return all;
}

class SmallSeason : public testing::TestWithParam<std::size_t> {
 protected:
  SmallSeason() : season(TimeSource::event, {}, 4) {}

  /// Plays the events that arrive before `until`, in batches of the parameter's size, then lets time reach it.
  void play_to(TimeMs until) {
    std::vector<v1::Event> batch;
    auto flush = [&] {
      std::vector<Verdict> got = season.play(batch, 0);
      for (std::size_t at = 0; at < batch.size(); ++at) verdicts.emplace_back(batch[at].id(), got[at].kind);
      batch.clear();
    };
    for (; next < events.size() && events[next].occurred_at().seconds() * 1000 < until; ++next) {
      batch.push_back(events[next]);
      if (batch.size() == GetParam()) flush();
    }
    v1::Event reached = event_at(until);
    reached.mutable_time_reached()->set_centre("*");
    batch.push_back(reached);
    flush();
  }
  void play() { play_to(local("2024-08-30T12:00")); }

  Lines statuses() {
    Lines all;
    for (std::uint32_t index = 0; index < season.pipeline->partitions(); ++index) {
      Partition& partition = season.pipeline->partition(index);
      partition.each_centre([&](const Centre& centre) {
        for (const Entry& entry : centre.entries) all[entry.key.learner] = text_of_status(partition.describe(centre, entry, true));
      });
    }
    return all;
  }

  std::multiset<std::string> ids_with(Verdict::Kind kind) {
    std::multiset<std::string> ids;
    for (const auto& [id, got] : verdicts)
      if (got == kind) ids.insert(id);
    return ids;
  }

  google::protobuf::Struct wanted = expected();
  std::vector<v1::Event> events = season_events();
  std::size_t next = 0;
  std::vector<std::pair<std::string, Verdict::Kind>> verdicts;
  Season season;
};

TEST_P(SmallSeason, ends_in_the_statuses_written_down_for_each_moment) {
  for (const auto& moment : wanted.fields().at("moments").list_value().values()) {
    const auto& fields = moment.struct_value().fields();
    play_to(local(fields.at("at").string_value()));
    Lines lines;
    for (const auto& [learner, text] : fields.at("statuses").struct_value().fields()) lines[learner] = single_spaced(text.string_value());
    Lines got = statuses();
    EXPECT_EQ(got.size(), lines.size());
    for (const auto& [learner, line] : lines) EXPECT_EQ(got[learner], line) << learner << " at " << fields.at("at").string_value();
  }
}

TEST_P(SmallSeason, issues_exactly_the_batches_written_down) {
  play();
  std::map<std::string, std::vector<std::string>> lines, got;
  for (const auto& [title, results] : wanted.fields().at("batches").struct_value().fields())
    for (const auto& result : results.list_value().values()) lines[title].push_back(result.string_value());
  for (const auto& batch : season.outputs.batches)
    for (const auto& result : batch.results())
      got[batch.batch() + " " + v1::ResultBatch::Kind_Name(batch.kind()) + " " + minute(batch.issued_at())].push_back(text_of_result(result));
  EXPECT_EQ(got, lines);
}

TEST_P(SmallSeason, rejects_exactly_what_is_written_down) {
  play();
  std::multiset<std::string> got;
  for (const auto& one : season.outputs.rejections) got.insert(minute(one.rejected_at()) + " " + one.field() + " " + one.rule() + " " + one.value());
  EXPECT_EQ(got, texts_in(wanted.fields().at("rejections")));
}

TEST_P(SmallSeason, tells_duplicates_from_what_was_superseded) {
  play();
  EXPECT_EQ(ids_with(Verdict::Kind::duplicate), texts_in(wanted.fields().at("duplicates")));
  EXPECT_EQ(ids_with(Verdict::Kind::superseded), texts_in(wanted.fields().at("superseded")));
}

TEST_P(SmallSeason, gates_every_batch_by_its_calendar) {
  play();
  for (const auto& batch : season.outputs.batches) {
    bool level_3 = batch.level() == v1::LEVEL_3;
    EXPECT_EQ(minute(batch.centre_release_at()), level_3 ? "2024-08-13T23:01Z" : "2024-08-20T23:01Z") << batch.batch();
    EXPECT_EQ(minute(batch.learner_release_at()), level_3 ? "2024-08-15T07:00Z" : "2024-08-22T07:00Z") << batch.batch();
  }
}

INSTANTIATE_TEST_SUITE_P(InBatchesOf, SmallSeason, testing::Values(1, 10, 1000), [](const auto& instance) { return std::to_string(instance.param); });

TEST(SmallSeasonFile, has_no_warnings) {
  for (const v1::Event& event : season_events()) EXPECT_TRUE(warnings(event).empty()) << event.id();
}

}  // namespace
}  // namespace vtq::test
