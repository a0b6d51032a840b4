// The store on a real RocksDB: what was committed is there after reopening, nothing else is, and it says clearly what it refuses.
#include "storage/store.h"

#include <google/protobuf/util/message_differencer.h>

#include <random>
#include <set>
#include <thread>

#include "storage/keys.h"
#include "storage/log_chunk.h"
#include "storage/records.h"
#include "tests/support/recall.h"
#include "tests/support/season.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

constexpr AwardingOrganisationId kAo{5001};
constexpr SeriesId kSeries{2023 * 12 + 7};

StoreOptions quick() { return {.partitions = 2, .block_cache_bytes = 1 << 20, .write_buffer_bytes = 1 << 20, .sync = false}; }

class StoreTest : public testing::Test {
 protected:
  void reopen() {
    store = nullptr;
    store = Store::open(directory / "data", options);
  }
  void SetUp() override { reopen(); }

  v1::ResultBatch batch(const std::string& centre, std::uint32_t number) {
    v1::ResultBatch made;
    made.set_batch(text_of(BatchId{*parse_centre(centre), kAo, kSeries, number}));
    made.set_centre(centre);
    made.set_number(number);
    return made;
  }
  void issue(const std::string& centre, std::uint32_t number) { store->result_batch(0, *parse_centre(centre), batch(centre, number)); }
  std::string reject(const std::string& rule) {
    v1::Rejected made;
    made.set_rule(rule);
    made.set_original(std::string("\0\xff", 2));
    return store->rejected(0, std::move(made));
  }
  void restore_into(const std::string& name, std::uint32_t id) {
    Store::restore({.from = directory / "backups", .to = directory / name, .was = directory / "data", .id = id, .now = 5000});
  }
  static std::vector<std::string> names(const std::vector<v1::ResultBatch>& batches) {
    std::vector<std::string> all;
    for (const auto& one : batches) all.push_back(one.batch());
    return all;
  }
  static std::vector<std::string> ids(const std::vector<v1::Rejected>& records) {
    std::vector<std::string> all;
    for (const auto& one : records) all.push_back(one.id());
    return all;
  }

  TempDirectory directory;
  StoreOptions options = quick();
  std::unique_ptr<Store> store;
};

/// Its commits are put together from those of partitions.
class ThreadedStoreTest : public StoreTest {
 protected:
  ThreadedStoreTest() { options.threads = 2; }
};

// ---- state ----

/// The pipeline's state as a store holds it, in a form that two stores can be compared by.
std::map<std::string, std::string> content(StateStore& store, std::uint32_t partitions, const std::vector<CentreId>& centres) {
  FakeStore copy;
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    if (TimeMs time = store.time(partition)) copy.put_time(partition, time);
    store.each_durations(partition, [&](const Durations::Key& key, const Durations::Counts& counts) { copy.put_durations(partition, key, counts); });
    store.each_summary(partition, [&](CentreId id, CentreSummary&& summary) { copy.put_summary(partition, id, summary); });
    for (CentreId id : centres) {
      store.each_slot(partition, id,
                      [&](std::string_view slot, const Stamp& stamp, std::string_view event) { copy.put_slot(partition, id, slot, stamp, event); });
      store.each_entry(partition, id, [&](Entry&& entry) { copy.put_entry(partition, id, entry); });
      store.each_waiting(partition, id, [&](WaitingRecord&& record) { copy.put_waiting(partition, id, record); });
    }
  }
  store.each_reference([&](std::string_view slot, const Stamp& stamp, std::string_view event) { copy.put_reference(slot, stamp, event); });
  return copy.records();
}

/// Plays a season into both a fake and the real store, past its results days.
void play_season(Store& real, FakeStore& fake, KeptOutputs& kept, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Policy policy;
  Pipeline with_real(policy, TimeSource::wall, 2, real, real);
  Pipeline with_fake(policy, TimeSource::wall, 2, fake, kept);
  with_real.restore();
  with_fake.restore();
  TimeMs now = local("2022-09-01T09:00");
  for (int window = 0; now < local("2023-10-01T09:00"); ++window) {
    std::vector<v1::Event> events;
    if (window == 0) events = reference_data();
    if (!kept.batches.empty()) events.push_back(batch_acknowledged(now, kept.batches[random() % kept.batches.size()].batch()));
    for (int count = 0; count < 12; ++count) {
      Ref ref{.centre = random() % 2 ? "12345" : "54321", .learner = "L" + std::to_string(random() % 6)};
      switch (random() % 9) {
        case 0:
          events.push_back(registered(ref, now));
          break;
        case 1:
          events.push_back(answered(ref, now));
          break;
        case 2:
          events.push_back(achieved(ref, now, {"A", "B", "C"}));
          break;
        case 3:
          events.push_back(claimed(ref, now));
          break;
        case 4:
          events.push_back(determined(ref, now));
          break;
        case 5:
          events.push_back(amended(ref, now, random() % 2 ? "Merit" : "Nonsense"));
          break;
        case 6:
          events.push_back(sample(ref, now, v1::SampleDecided::SATISFIED));
          break;
        case 7:
          events.push_back(hold_placed("H" + std::to_string(random() % 3), ref, now));
          break;
        default:
          events.push_back(hold_lifted("H" + std::to_string(random() % 3), ref, now));
      }
    }
    std::vector<std::string> bytes;
    std::vector<Inbound> batch;
    for (const v1::Event& event : events) bytes.push_back(event.SerializeAsString());
    for (std::size_t at = 0; at < events.size(); ++at) batch.push_back({&events[at], bytes[at], check(events[at]).value()});
    EXPECT_TRUE(with_real.process(batch, now).finished);
    EXPECT_TRUE(with_fake.process(batch, now).finished);
    with_real.write(real);
    with_fake.write(fake);
    real.commit(now);
    now += static_cast<TimeMs>(random() % (25 * kDayMs));
  }
}

void expect_same_batches(const Store& store, const KeptOutputs& kept) {
  ASSERT_GT(kept.batches.size(), 1u);
  std::vector<v1::ResultBatch> batches = store.batches(std::nullopt, std::nullopt, 1000);
  ASSERT_EQ(store.batch_count(), kept.batches.size());
  ASSERT_EQ(batches.size(), kept.batches.size());
  for (const v1::ResultBatch& one : kept.batches) {
    auto same = std::find_if(batches.begin(), batches.end(), [&](const v1::ResultBatch& stored) { return stored.batch() == one.batch(); });
    ASSERT_NE(same, batches.end()) << one.batch();
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*same, one)) << one.batch();
  }
}

TEST_F(ThreadedStoreTest, holds_what_a_store_in_memory_holds_and_does_so_after_reopening) {
  FakeStore fake;
  KeptOutputs kept;
  play_season(*store, fake, kept, 1);
  std::vector<CentreId> centres = {*parse_centre("12345"), *parse_centre("54321")};
  EXPECT_EQ(content(*store, 2, centres), fake.records());
  reopen();
  EXPECT_EQ(content(*store, 2, centres), fake.records());
  expect_same_batches(*store, kept);
  EXPECT_EQ(store->rejected_count(), kept.rejections.size());
}

TEST_F(ThreadedStoreTest, takes_what_several_threads_put_each_into_partitions_of_its_own) {
  constexpr std::uint32_t kEach = 200;
  const CentreId centre = *parse_centre("12345");
  std::vector<std::set<std::string>> names(2);
  std::vector<std::thread> threads;
  for (std::uint32_t partition = 0; partition < 2; ++partition)
    threads.emplace_back([&, partition] {
      for (std::uint32_t number = 1; number <= kEach; ++number) {
        v1::Rejected made;
        made.set_rule("some-rule");
        names[partition].insert(store->rejected(partition, std::move(made)));
        store->put_time(partition, number);
        store->put_slot(partition, centre, "slot " + std::to_string(number), {}, "event");
        store->result_batch(partition, centre, batch("12345", partition * kEach + number));
      }
    });
  for (std::thread& thread : threads) thread.join();
  store->commit(1);
  for (int times = 0; times < 2; ++times, reopen()) {
    for (std::uint32_t partition = 0; partition < 2; ++partition) {
      std::uint32_t slots = 0;
      store->each_slot(partition, centre, [&](std::string_view, const Stamp&, std::string_view) { ++slots; });
      EXPECT_EQ(slots, kEach);
      EXPECT_EQ(store->time(partition), kEach);
      EXPECT_EQ(store->end_offset(Topic::rejected, partition), kEach);
      for (const std::string& name : names[partition]) EXPECT_TRUE(store->rejected_record(name)) << name;
    }
    EXPECT_EQ(store->batch_count(), 2 * kEach);
    EXPECT_EQ(store->rejected_count(), 2 * kEach);
  }
  names[0].merge(names[1]);
  EXPECT_EQ(names[0].size(), 2 * kEach);  // no number was given twice
  EXPECT_EQ(reject("some-rule"), std::to_string(2 * kEach + 1));
}

TEST_F(StoreTest, holds_what_a_store_in_memory_holds_and_does_so_after_reopening) {
  FakeStore fake;
  KeptOutputs kept;
  play_season(*store, fake, kept, 1);
  std::vector<CentreId> centres = {*parse_centre("12345"), *parse_centre("54321")};
  ASSERT_GT(fake.records().size(), 20u);
  EXPECT_EQ(content(*store, 2, centres), fake.records());
  reopen();
  EXPECT_EQ(content(*store, 2, centres), fake.records());
  expect_same_batches(*store, kept);
  EXPECT_EQ(store->rejected_count(), kept.rejections.size());
}

TEST_F(StoreTest, forgets_what_was_not_committed) {
  store->put_time(0, 7);
  store->commit(1);
  store->put_time(0, 8);
  issue("12345", 1);
  reject("some-rule");
  reopen();
  EXPECT_EQ(store->time(0), 7);
  EXPECT_EQ(store->batch_count(), 0u);
  EXPECT_EQ(store->rejected_count(), 0u);
}

TEST_F(StoreTest, shows_nothing_before_the_commit) {
  store->append_input(Topic::claims, 0, "12345", "value");
  issue("12345", 1);
  EXPECT_EQ(store->end_offset(Topic::claims, 0), 0u);
  EXPECT_TRUE(store->read_log(Topic::claims, 0, 0, 10).empty());
  EXPECT_TRUE(store->batches(std::nullopt, std::nullopt, 10).empty());
}

TEST_F(StoreTest, leaves_a_commit_that_was_stopped_before_its_write_undone) {
  store->put_time(0, 7);
  store->on_commit_point([](CommitPoint point) {
    if (point == CommitPoint::before_write) throw StoreError("stopped");
  });
  EXPECT_THROW(store->commit(1), StoreError);
  reopen();
  EXPECT_EQ(store->time(0), 0);
}

// ---- encodings ----

Entry any_entry(std::mt19937_64& random) {
  auto any_stamp = [&] {
    return Stamp{static_cast<TimeMs>(1 + random() % 2'000'000'000'000), static_cast<std::uint32_t>(random()),
                 static_cast<std::uint32_t>(random() % 1'000'000)};
  };
  auto stamp = [&] { return random() % 3 ? any_stamp() : Stamp{}; };
  Entry entry;
  entry.key = {QualificationId{static_cast<std::uint32_t>(random() % 100'000'000)}, kSeries, "L" + std::to_string(random() % 1000)};
  EntryFacts& facts = entry.facts;
  facts.registered = any_stamp();
  facts.uln = random() % 2 ? 9276308686 : 0;
  if (random() % 2) facts.uci = FixedText<13>("681990012058G");
  facts.changed = stamp();
  if (facts.changed.set()) facts.change = v1::RegistrationChanged::SIZE;
  facts.details_changed = stamp();
  facts.transferred = stamp();
  if (facts.transferred.set()) facts.to_centre = CentreId{54321};
  facts.withdrawn = stamp();
  facts.answered = stamp();
  if (facts.answered.set()) {
    facts.answer = v1::CheckpointAnswered::DEFERRED;
    facts.route = v1::CheckpointAnswered::EMPLOYMENT;
    facts.estimated_completion = static_cast<Day>(random() % 40'000) - 20'000;
    facts.predicted_grade = Word("Merit");
  }
  facts.special_consideration = stamp();
  if (facts.special_consideration.set()) {
    facts.special_consideration_status = v1::SpecialConsideration::GRANTED;
    facts.special_consideration_day = 19'000;
  }
  facts.claim = stamp();
  if (facts.claim.set()) {
    facts.claim_withdrawn = random() % 2;
    facts.claimed_grade = Word("Pass");
  }
  facts.result = stamp();
  if (facts.result.set()) {
    facts.result_kind = static_cast<ResultKind>(1 + random() % 3);
    facts.result_scale = Word("pass");
    facts.result_grade = Word("Distinction");
  }
  facts.queried = stamp();
  for (std::uint64_t count = random() % 5; count > 0; --count)
    facts.units.push_back({.unit = static_cast<std::uint32_t>(random()),
                           .learning_outcome = static_cast<std::uint32_t>(random()),
                           .stamp = any_stamp(),
                           .grade = static_cast<std::uint32_t>(random()),
                           .mark_plus_one = static_cast<std::uint32_t>(random() % 100'002),
                           .standing = static_cast<UnitFact::Standing>(1 + random() % 3)});
  entry.status = {.stage = static_cast<v1::Stage>(random() % 12),
                  .need = v1::UNCONFIRMED,
                  .reason = v1::L7,
                  .band = v1::WATCH,
                  .step = v1::SEND_SAMPLE,
                  .owner = v1::CENTRE,
                  .due_ms = static_cast<TimeMs>(random() % 2'000'000'000'000),
                  .outstanding_units = static_cast<std::uint16_t>(random()),
                  .late = random() % 2 == 0,
                  .treated_as_critical = random() % 2 == 0};
  if (random() % 2) {
    entry.issued.batch_number = entry.issued.first_batch_number = static_cast<std::uint32_t>(1 + random() % 100);
    entry.issued.first_at_ms = 1'700'000'000'000;
    entry.issued.at_ms = entry.issued.first_at_ms + static_cast<TimeMs>(random() % 1000);
    entry.issued.awarding_organisation = AwardingOrganisationId{static_cast<std::uint32_t>(5000 + random() % 10)};
    entry.issued.centre_release_ms = 1'700'000'100'000;
    entry.issued.learner_release_ms = 1'700'000'200'000;
    if (random() % 2)
      entry.issued.before = std::make_shared<std::vector<IssuedBefore>>(
          std::vector<IssuedBefore>{{AwardingOrganisationId{5001}, 1, 5}, {AwardingOrganisationId{5002}, 7, static_cast<TimeMs>(random() % 99)}});
    entry.issued.scale = Word("pass");
    entry.issued.grade = Word("Pass");
    entry.issued.late = random() % 2 == 0;
    entry.issued.revoked = random() % 2 == 0;
    entry.issued.reason = v1::L2;
  }
  entry.acknowledged_ms = random() % 2 ? 1'700'000'000'001 : 0;
  entry.wake_at_ms = random() % 2 ? kNever : 1'700'000'000'002;
  entry.ready_since_ms = random() % 2 ? 1'700'000'000'003 : 0;
  return entry;
}

TEST(Encoding, of_any_entry_comes_back_as_it_was) {
  std::mt19937_64 random(1);
  v1::EntryRecord scratch;
  for (int times = 0; times < 2000; ++times) {
    Entry entry = any_entry(random);
    std::string bytes, again;
    records::encode(entry, bytes);
    Entry back;
    back.key = entry.key;
    records::decode(bytes, scratch, back);
    ASSERT_TRUE(back.status == entry.status);
    ASSERT_EQ(back.wake_at_ms, entry.wake_at_ms);
    ASSERT_EQ(back.facts.uln, entry.facts.uln);
    ASSERT_EQ(back.facts.registered, entry.facts.registered);
    ASSERT_EQ(back.facts.has_claim(), entry.facts.has_claim());
    ASSERT_EQ(back.facts.has_result(), entry.facts.has_result());
    ASSERT_EQ(back.facts.units.size(), entry.facts.units.size());
    ASSERT_EQ(back.issued.revoked, entry.issued.revoked);
    ASSERT_EQ(back.issued.at_ms, entry.issued.at_ms);
    ASSERT_EQ(back.issued.awarding_organisation, entry.issued.awarding_organisation);
    ASSERT_EQ(back.issued.centre_release_ms, entry.issued.centre_release_ms);
    ASSERT_EQ(back.issued.learner_release_ms, entry.issued.learner_release_ms);
    ASSERT_EQ(back.issued.before != nullptr, entry.issued.before != nullptr);
    if (entry.issued.before) {
      ASSERT_EQ(*back.issued.before, *entry.issued.before);
    }
    records::encode(back, again);
    ASSERT_EQ(again, bytes) << "round " << times;
  }
}

/// Sets every field of a record, those within it too, to a value that is not its default.
void fill(google::protobuf::Message& message, std::mt19937_64& random) {
  using Field = google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  for (int at = 0; at < message.GetDescriptor()->field_count(); ++at) {
    const Field* field = message.GetDescriptor()->field(at);
    auto number = static_cast<std::uint32_t>(1 + random() % 100);
    for (int times = field->is_repeated() ? 3 : 1; times > 0; --times) {
      bool many = field->is_repeated();
      switch (field->cpp_type()) {
        case Field::CPPTYPE_MESSAGE:
          fill(many ? *reflection.AddMessage(&message, field) : *reflection.MutableMessage(&message, field), random);
          break;
        case Field::CPPTYPE_STRING: {
          std::string text = "t" + std::to_string(number);
          many ? reflection.AddString(&message, field, text) : reflection.SetString(&message, field, text);
          break;
        }
        case Field::CPPTYPE_BOOL:
          reflection.SetBool(&message, field, true);
          break;
        case Field::CPPTYPE_UINT32:
          many ? reflection.AddUInt32(&message, field, number) : reflection.SetUInt32(&message, field, number);
          break;
        case Field::CPPTYPE_INT32:
          reflection.SetInt32(&message, field, static_cast<std::int32_t>(number));
          break;
        case Field::CPPTYPE_UINT64:
          reflection.SetUInt64(&message, field, number);
          break;
        case Field::CPPTYPE_INT64:
          many ? reflection.AddInt64(&message, field, number) : reflection.SetInt64(&message, field, number);
          break;
        default:
          FAIL() << "give the encoding test a value for " << field->full_name();
      }
    }
  }
}

/// Fields that differ, with their names.
std::string differing(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  std::string found;
  google::protobuf::util::MessageDifferencer differ;
  differ.ReportDifferencesToString(&found);
  differ.Compare(a, b);
  return found;
}

TEST(Encoding, of_an_entry_forgets_no_field) {
  std::mt19937_64 random(5);
  v1::EntryRecord record, again, scratch;
  fill(record, random);
  Sayings said;
  said.add(7, {"portal", 3, "event-1"});
  said.add(8, {"portal", std::nullopt, "event-2"});
  record.set_said(std::string(said.packed()));
  record.mutable_issued()->set_batch_number(2);
  Entry entry;
  records::decode(record.SerializeAsString(), scratch, entry);
  EXPECT_EQ(entry.facts.said, said);
  std::string bytes;
  records::encode(entry, bytes);
  ASSERT_TRUE(again.ParseFromString(bytes));
  EXPECT_EQ(differing(record, again), "");
  EXPECT_EQ(again.SerializeAsString(), bytes) << "field by field as Protobuf writes them";
}
TEST(Encoding, of_a_summary_forgets_no_field) {
  std::mt19937_64 random(6);
  v1::CentreSummaryRecord record, again;
  fill(record, random);
  for (int at = 0; at < record.cells_size(); ++at) {
    record.mutable_cells(at)->set_qualification(static_cast<std::uint32_t>(at + 1));
    record.mutable_cells(at)->set_cell(0x010203040506);
  }
  std::string bytes;
  records::encode(records::decode_summary(record.SerializeAsString()), bytes);
  ASSERT_TRUE(again.ParseFromString(bytes));
  google::protobuf::util::MessageDifferencer differ;
  differ.TreatAsSet(v1::CentreSummaryRecord::descriptor()->FindFieldByName("cells"));
  std::string found;
  differ.ReportDifferencesToString(&found);
  EXPECT_TRUE(differ.Compare(record, again)) << found;
}
TEST(Encoding, of_a_waiting_fact_forgets_no_field) {
  std::mt19937_64 random(7);
  v1::WaitingFactRecord record, again;
  fill(record, random);
  std::string bytes;
  records::encode(records::decode_waiting(record.SerializeAsString()), bytes);
  ASSERT_TRUE(again.ParseFromString(bytes));
  EXPECT_EQ(differing(record, again), "");
}
TEST(Encoding, of_what_was_never_written_is_refused) {
  v1::EntryRecord record;
  Entry entry;
  EXPECT_THROW(records::decode("no record", record, entry), StoreError);
  EXPECT_THROW(records::decode_summary("no record"), StoreError);
  record.set_said("no sayings");
  std::string bytes = record.SerializeAsString();
  EXPECT_THROW(records::decode(bytes, record, entry), StoreError);
}

TEST(Encoding, of_an_entrys_key_comes_back_as_it_was) {
  std::mt19937_64 random(2);
  for (int times = 0; times < 500; ++times) {
    EntryKey key = any_entry(random).key;
    std::string bytes;
    keys::entry(3, CentreId{12345}, key, bytes);
    ASSERT_EQ(keys::entry_key(bytes), key);
    ASSERT_TRUE(bytes.starts_with(keys::entries(3, CentreId{12345})));
  }
}

TEST(Encoding, of_a_summary_comes_back_as_it_was) {
  CentreSummary summary;
  summary.cells.add({QualificationId{7}, kAo, kSeries, v1::LEVEL_1_2, v1::NOT_CERTIFICATED, v1::NOT_IN_SCOPE, v1::LATE, v1::L7, true}, 41);
  summary.next_wake_ms = 123;
  summary.sequences.push_back({kAo, kSeries, 9});
  summary.waiting = 5;
  std::string bytes;
  records::encode(summary, bytes);
  CentreSummary back = records::decode_summary(bytes);
  EXPECT_EQ(back.cells.all(), summary.cells.all());
  EXPECT_EQ(back.next_wake_ms, 123);
  ASSERT_EQ(back.sequences.size(), 1u);
  EXPECT_EQ(back.sequences[0].number, 9u);
  EXPECT_EQ(back.waiting, 5u);
}

TEST(LogChunk, is_a_log_chunk_message) {
  LogChunkBuilder builder;
  std::string long_value(300, 'v');
  builder.add("12345", "value");
  builder.add("", "");
  builder.add("*", long_value);
  std::string bytes;
  builder.take(1'700'000'000'000, bytes);
  v1::LogChunk chunk;
  ASSERT_TRUE(chunk.ParseFromString(bytes));
  EXPECT_EQ(chunk.appended_ms(), 1'700'000'000'000);
  ASSERT_EQ(chunk.records_size(), 3);
  EXPECT_EQ(chunk.records(0).key(), "12345");
  EXPECT_EQ(chunk.records(1).value(), "");
  EXPECT_EQ(chunk.records(2).value(), long_value);
  EXPECT_TRUE(builder.empty());
}

// ---- log ----

TEST_F(StoreTest, reads_the_log_back_with_offsets_over_several_commits) {
  for (int commit = 0; commit < 4; ++commit) {
    for (int record = 0; record < 3; ++record) store->append_input(Topic::claims, 1, "12345", std::to_string(commit * 3 + record));
    store->commit(100 + commit);
  }
  reopen();
  EXPECT_EQ(store->end_offset(Topic::claims, 1), 12u);
  for (std::uint64_t from = 0; from <= 13; ++from) {
    auto read = store->read_log(Topic::claims, 1, from, 5);
    ASSERT_EQ(read.size(), from >= 12 ? 0 : std::min<std::size_t>(5, 12 - from)) << from;
    for (std::size_t at = 0; at < read.size(); ++at) {
      EXPECT_EQ(read[at].offset, from + at);
      EXPECT_EQ(read[at].value, std::to_string(from + at));
      EXPECT_EQ(read[at].appended_ms, 100 + static_cast<TimeMs>((from + at) / 3));
    }
  }
}
TEST_F(StoreTest, goes_on_with_the_offsets_after_reopening) {
  store->append_input(Topic::claims, 0, "12345", "a");
  store->commit(1);
  reopen();
  store->append_input(Topic::claims, 0, "12345", "b");
  store->commit(2);
  auto read = store->read_log(Topic::claims, 0, 1, 10);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].value, "b");
}
TEST_F(StoreTest, goes_on_with_the_offsets_of_each_topic_and_partition_after_reopening) {
  for (int record = 0; record < 3; ++record) store->append_input(Topic::claims, 0, "12345", "c");
  for (int record = 0; record < 2; ++record) store->append_input(Topic::registrations, 0, "12345", "r");
  store->append_input(Topic::claims, 1, "54321", "c");
  store->commit(1);
  reopen();
  EXPECT_EQ(store->end_offset(Topic::claims, 0), 3u);
  EXPECT_EQ(store->end_offset(Topic::registrations, 0), 2u);
  EXPECT_EQ(store->end_offset(Topic::claims, 1), 1u);
}
TEST_F(StoreTest, keeps_topics_and_partitions_of_the_log_apart) {
  store->append_input(Topic::claims, 0, "1", "claims 0");
  store->append_input(Topic::claims, 1, "1", "claims 1");
  store->append_input(Topic::assurance, 0, "1", "assurance 0");
  store->commit(1);
  ASSERT_EQ(store->read_log(Topic::claims, 0, 0, 10).size(), 1u);
  EXPECT_EQ(store->read_log(Topic::claims, 1, 0, 10).at(0).value, "claims 1");
  EXPECT_TRUE(store->read_log(Topic::checkpoints, 0, 0, 10).empty());
  EXPECT_TRUE(store->read_log(Topic::assurance, 1, 0, 10).empty());
}

// ---- batches ----

TEST_F(StoreTest, finds_a_batch_by_its_name) {
  issue("12345", 1);
  store->commit(1);
  EXPECT_TRUE(store->batch({*parse_centre("12345"), kAo, kSeries, 1}));
  EXPECT_FALSE(store->batch({*parse_centre("12345"), kAo, kSeries, 2}));
}
TEST_F(StoreTest, lists_batches_page_by_page_in_order) {
  for (const char* centre : {"54321", "12345"})
    for (std::uint32_t number : {2u, 1u, 300u}) issue(centre, number);
  store->commit(1);
  std::vector<std::string> all, wanted;
  std::optional<BatchId> after;
  for (int pages = 0; pages < 10; ++pages) {
    auto page = store->batches(std::nullopt, after, 2);
    if (page.empty()) break;
    for (const std::string& name : names(page)) all.push_back(name);
    after = parse_batch_id(all.back());
  }
  for (const char* centre : {"12345", "54321"})
    for (const char* number : {"0001", "0002", "0300"}) wanted.push_back(std::string(centre) + ".RN5001.2023-08." + number);
  EXPECT_EQ(all, wanted);
  EXPECT_EQ(store->batch_count(), 6u);
}
TEST_F(StoreTest, lists_the_batches_of_one_centre_only) {
  issue("12345", 1);
  issue("12346", 1);
  store->commit(1);
  EXPECT_EQ(names(store->batches(*parse_centre("12345"), std::nullopt, 10)), std::vector<std::string>{"12345.RN5001.2023-08.0001"});
  EXPECT_TRUE(store->batches(*parse_centre("12345"), parse_batch_id("12345.RN5001.2023-08.0001"), 10).empty());
}

// ---- rejected ----

TEST_F(StoreTest, numbers_rejected_records_from_1_over_reopening) {
  EXPECT_EQ(reject("a"), "1");
  EXPECT_EQ(reject("b"), "2");
  store->commit(1);
  reopen();
  EXPECT_EQ(reject("c"), "3");
}
TEST_F(StoreTest, keeps_a_rejected_record_whole) {
  reject("some-rule");
  store->commit(1);
  auto record = store->rejected_record("1");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->rule(), "some-rule");
  EXPECT_EQ(record->original(), std::string("\0\xff", 2));
}
TEST_F(StoreTest, finds_no_rejected_record_by_another_name) {
  reject("a");
  store->commit(1);
  for (const char* id : {"2", "0", "", "x", "1x", "-1", "99999999999999999999"}) EXPECT_FALSE(store->rejected_record(id)) << id;
}
TEST_F(StoreTest, lists_rejected_records_newest_first_page_by_page) {
  for (int count = 0; count < 5; ++count) reject("a");
  store->commit(1);
  EXPECT_EQ(ids(store->rejected_records("", 2, false)), (std::vector<std::string>{"5", "4"}));
  EXPECT_EQ(ids(store->rejected_records("4", 2, false)), (std::vector<std::string>{"3", "2"}));
  EXPECT_EQ(ids(store->rejected_records("2", 2, false)), (std::vector<std::string>{"1"}));
  EXPECT_TRUE(store->rejected_records("1", 2, false).empty());
}
TEST_F(StoreTest, leaves_replayed_records_out_where_asked) {
  for (int count = 0; count < 3; ++count) reject("a");
  store->commit(1);
  EXPECT_TRUE(store->mark_replayed("2", 5000));
  store->commit(2);
  EXPECT_EQ(ids(store->rejected_records("", 10, true)), (std::vector<std::string>{"3", "1"}));
  EXPECT_EQ(store->rejected_records("", 10, false).size(), 3u);
  EXPECT_EQ(store->rejected_record("2")->replayed_at().seconds(), 5);
}
TEST_F(StoreTest, marks_nothing_that_is_not_there) { EXPECT_FALSE(store->mark_replayed("7", 5000)); }

class Nowhere final : public CommitSink {
  void output(Topic, std::uint32_t, CentreId, const google::protobuf::MessageLite&) override {}
  void rejected(std::uint32_t, const v1::Rejected&) override {}
  void change(std::uint32_t, std::string_view, std::optional<std::string_view>) override {}
  void audit(std::uint32_t, std::string_view, std::string_view) override {}
};

TEST_F(StoreTest, on_kafka_lists_rejected_records_of_all_partitions_by_time_and_leaves_replayed_ones_out_where_asked) {
  Nowhere sink;
  auto shared = Store::open(directory / "shared", {.partitions = 2, .sync = false, .sink = &sink, .log_identity = "test"});
  auto reject_at = [&](std::uint32_t partition, std::int64_t seconds) {
    v1::Rejected made;
    made.mutable_rejected_at()->set_seconds(seconds);
    shared->rejected(partition, std::move(made));
  };
  for (std::uint32_t partition : {0, 1}) shared->take(partition);
  reject_at(0, 30);
  reject_at(1, 20);
  reject_at(1, 40);
  shared->write(*shared->cut(), {}, 0);
  ASSERT_TRUE(shared->mark_replayed("1-0", 5000));
  shared->write(*shared->cut(), {}, 0);
  EXPECT_EQ(ids(shared->rejected_records_by_time({}, 10, false)), (std::vector<std::string>{"2-1", "1-0", "1-1"}));
  EXPECT_EQ(ids(shared->rejected_records_by_time({}, 10, true)), (std::vector<std::string>{"2-1", "1-1"}));
  EXPECT_EQ(ids(shared->rejected_records_by_time(place_of("2-1", 40'000), 1, true)), (std::vector<std::string>{"1-1"}));
}

// ---- what it refuses ----

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const StoreError& error) {
    return error.what();
  }
  return "nothing was refused";
}
bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(StoreTest, refuses_another_number_of_partitions_and_says_which) {
  store = nullptr;
  StoreOptions other = quick();
  other.partitions = 4;
  std::string text = refusal([&] { Store::open(directory / "data", other); });
  EXPECT_TRUE(says(text, "partitions = 2")) << text;
}
TEST_F(StoreTest, refuses_a_second_opening) {
  std::string text = refusal([&] { Store::open(directory / "data", quick()); });
  EXPECT_TRUE(says(text, "no other resultsd uses it")) << text;
}
TEST_F(StoreTest, refuses_a_directory_that_cannot_be_made) {
  std::string text = refusal([&] { Store::open("/dev/null/data", quick()); });
  EXPECT_TRUE(says(text, "data.directory")) << text;
}

// ---- backup and restore ----

TEST_F(StoreTest, restored_from_a_backup_holds_the_same) {
  FakeStore fake;
  KeptOutputs kept;
  play_season(*store, fake, kept, 3);
  store->backup(directory / "backups", {}, 1000);
  // What comes after the backup is not in it.
  reject("after-the-backup");
  store->put_time(0, local("2030-01-01T09:00"));
  store->commit(1);
  restore_into("restored", 0);
  auto restored = Store::open(directory / "restored", quick());
  EXPECT_EQ(content(*restored, 2, {*parse_centre("12345"), *parse_centre("54321")}), fake.records());
  ASSERT_GT(kept.batches.size(), 1u);
  EXPECT_EQ(restored->batch_count(), kept.batches.size());
  // The number that was given after the backup is not given again.
  EXPECT_EQ(restored->rejected_count(), kept.rejections.size() + 1);
  EXPECT_EQ(names(restored->batches(std::nullopt, std::nullopt, 1000)), names(store->batches(std::nullopt, std::nullopt, 1000)));
}
TEST_F(StoreTest, restores_the_backup_asked_for) {
  store->put_time(0, 1);
  store->commit(1);
  BackupInfo first = store->backup(directory / "backups", {}, 1000);
  store->put_time(0, 2);
  store->commit(2);
  store->backup(directory / "backups", {}, 1000);
  EXPECT_EQ(Store::backups(directory / "backups").size(), 2u);
  restore_into("restored", first.id);
  EXPECT_EQ(Store::open(directory / "restored", quick())->time(0), 1);
}
TEST_F(StoreTest, refuses_to_restore_over_a_store) {
  store->backup(directory / "backups", {}, 1000);
  std::string text = refusal([&] { restore_into("data", 0); });
  EXPECT_TRUE(says(text, "already holds files")) << text;
}
TEST_F(StoreTest, refuses_to_restore_from_nowhere) {
  std::string text = refusal([&] { Store::restore({.from = directory / "nowhere", .to = directory / "restored"}); });
  EXPECT_TRUE(says(text, "there are no backups")) << text;
}
TEST_F(StoreTest, refuses_to_restore_a_backup_that_is_not_there) {
  store->backup(directory / "backups", {}, 1000);
  EXPECT_NE(refusal([&] { restore_into("restored", 42); }), "nothing was refused");
}

}  // namespace
}  // namespace vtq::test
