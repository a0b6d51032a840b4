// The audit: its hash against published vectors, its tree against RFC 6962's, its records against what they may say, and its chain in a store over
// commits, kills and restarts.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "pipeline/audit/acts.h"
#include "pipeline/audit/chain.h"
#include "storage/store.h"
#include "tests/support/examples.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) bytes += static_cast<char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16));
  return bytes;
}

// ---- the hash ----

TEST(Sha256, is_that_of_fips_180_4) {
  EXPECT_EQ(hex_of(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(sha256(std::string(1'000'000, 'a'))), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, goes_to_text_and_back) {
  Hash256 hash = sha256("abc");
  EXPECT_EQ(hash_of_hex(hex_of(hash)), hash);
  EXPECT_EQ(hash_of_bytes(bytes_of(hash)), hash);
  EXPECT_EQ(hash_of_hex(hex_of(hash).substr(1)), std::nullopt);
  EXPECT_EQ(hash_of_hex("x" + hex_of(hash).substr(1)), std::nullopt);
  EXPECT_EQ(hash_of_bytes("short"), std::nullopt);
}

// ---- the tree ----

/// Those of the test vectors of Certificate Transparency.
const std::vector<std::string> kLeaves = {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
const std::vector<std::string> kRoots = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

TEST(AuditTree, has_the_roots_of_rfc_6962) {
  AuditHead head;
  EXPECT_EQ(hex_of(root_of(head)), kRoots[0]);
  for (std::size_t at = 0; at < kLeaves.size(); ++at) {
    append(head, from_hex(kLeaves[at]));
    EXPECT_EQ(head.size, at + 1);
    EXPECT_EQ(hex_of(root_of(head)), kRoots[at + 1]);
  }
}

TEST(AuditTree, proves_each_record_and_no_other) {
  for (std::uint64_t size = 1; size <= 33; ++size) {
    AuditHead head;
    std::vector<Hash256> leaves;
    for (std::uint64_t at = 0; at < size; ++at) {
      append(head, "record " + std::to_string(at));
      leaves.push_back(head.last);
    }
    for (std::uint64_t at = 0; at < size; ++at) {
      std::vector<Hash256> proof = inclusion_proof(leaves, at);
      EXPECT_EQ(root_by_proof(leaves[at], at, size, proof), root_of(head)) << at << " of " << size;
      EXPECT_NE(root_by_proof(leaf_hash("another"), at, size, proof), root_of(head));
      EXPECT_EQ(root_by_proof(leaves[at], size, size, proof), std::nullopt);
      if (size == 1) continue;
      EXPECT_NE(root_by_proof(leaves[at], (at + 1) % size, size, proof), std::optional(root_of(head)));
      proof.pop_back();
      EXPECT_NE(root_by_proof(leaves[at], at, size, proof), std::optional(root_of(head)));
    }
  }
}

// ---- records ----

AuditEntry entry_of(const v1::Event& event, std::string_view by = {}) {
  return audit_entry(event, *kind_of_fact(event), check(event).value(), by, "accepted", 1'700'000'000'000);
}

TEST(AuditRecord, says_who_did_what_about_what_when_and_why) {
  v1::AuditActor actor;
  actor.set_name("key 0123456789abcdef (Northgate \"MIS\")");
  actor.set_key("0123456789abcdef");
  actor.add_roles("operations");
  actor.set_from("10.1.2.3");
  v1::Event halt = event_at(1'690'000'000'000, "halt-1");
  auto& fact = *halt.mutable_issuing_halted();
  fact.set_centre("12345");
  fact.set_awarding_organisation("RN5001");
  fact.set_series("2023-08");
  fact.set_halted(true);
  fact.set_reason("wrong boundaries\nfound");
  AuditEntry entry = entry_of(halt, actor.SerializeAsString());
  entry.recorded_ms = 1'700'000'000'500;
  entry.instance = "a";
  EXPECT_EQ(audit_line(entry, 3, 7, sha256("")),
            "{\"partition\":3,\"number\":7,\"previous\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"act\":\"halt\","
            "\"outcome\":\"accepted\",\"by\":{\"name\":\"key 0123456789abcdef (Northgate \\\"MIS\\\")\",\"key\":\"0123456789abcdef\","
            "\"roles\":[\"operations\"],\"from\":\"10.1.2.3\"},\"centre\":\"12345\",\"awardingOrganisation\":\"RN5001\",\"series\":\"2023-08\","
            "\"reason\":\"wrong boundaries\\u000afound\",\"at\":\"2023-07-22T04:26:40.000Z\",\"time\":\"2023-11-14T22:13:20.000Z\","
            "\"recordedAt\":\"2023-11-14T22:13:20.500Z\",\"instance\":\"a\",\"source\":\"test\",\"event\":\"halt-1\"}");
  fact.set_halted(false);
  EXPECT_EQ(entry_of(halt).noted.act(), "resume");
  EXPECT_EQ(entry_of(halt).noted.by().name(), "publisher test");
}

TEST(AuditRecord, names_no_learner_no_grade_and_no_words_of_a_fact_about_an_entry) {
  std::size_t acts = 0;
  for (const std::string& fact : all_facts()) {
    v1::Event event = example(fact);
    if (!kind_of_fact(event)->act) continue;
    ++acts;
    // As a publisher might write them.
    bool of_learner = fact_of(event).GetDescriptor()->FindFieldByName("learner") || fact_of(event).GetDescriptor()->FindFieldByName("entry");
    if (of_learner) event.set_id("row-LEARNER7-Merit");
    if (event.has_result_revoked()) event.mutable_result_revoked()->set_reason("Merit was wrong for LEARNER7");
    if (event.has_result_amended()) event.mutable_result_amended()->set_reason("Merit was wrong for LEARNER7");
    if (event.has_hold_placed()) event.mutable_hold_placed()->set_learner("LEARNER7");
    std::string line = audit_line(entry_of(event), 0, 0, {});
    for (std::string_view told : {"LEARNER7", "Merit", "learner"}) EXPECT_EQ(line.find(told), line.npos) << fact << " " << line;
    if (event.has_result_amended()) {
      const v1::EntryRef& entry = event.result_amended().entry();
      EXPECT_EQ(line.find(entry.learner()), line.npos) << line;
      EXPECT_NE(line.find(entry.centre()), line.npos) << line;
    }
  }
  EXPECT_GE(acts, 12u);
}

TEST(AuditRecord, of_a_fact_has_an_act_that_metrics_know) {
  for (const std::string& fact : all_facts()) {
    v1::Event event = example(fact);
    const FactKind& kind = *kind_of_fact(event);
    if (!kind.act) continue;
    EXPECT_NE(std::find(std::begin(kAuditActs), std::end(kAuditActs), kind.act(event)), std::end(kAuditActs)) << fact;
  }
}

TEST(AuditRecord, says_whose_sessions_another_ended_and_why_and_of_who_signed_out_no_more_than_before) {
  v1::Event event = example("person_signed_out");
  event.mutable_person_signed_out()->clear_reason();
  EXPECT_EQ(entry_of(event).noted.act(), "sign-out");
  EXPECT_EQ(entry_of(event).noted.detail(), "");
  event.mutable_person_signed_out()->set_reason("left the project");
  AuditEntry entry = entry_of(event);
  EXPECT_EQ(entry.noted.act(), "sessions-ended");
  EXPECT_EQ(entry.noted.detail(), "person " + event.person_signed_out().person());
  EXPECT_EQ(entry.noted.reason(), "left the project");
  EXPECT_NE(std::find(std::begin(kAuditActs), std::end(kAuditActs), entry.noted.act()), std::end(kAuditActs));
  event.mutable_person_signed_out()->set_reason(std::string(500, 'x'));
  EXPECT_TRUE(check(event));
  event.mutable_person_signed_out()->set_reason(std::string(501, 'x'));
  EXPECT_FALSE(check(event));
}

// ---- by the pipeline ----

v1::Event halt_of(const std::string& centre, TimeMs at, bool halted = true) {
  v1::Event event = event_at(at);
  event.mutable_issuing_halted()->set_centre(centre);
  event.mutable_issuing_halted()->set_awarding_organisation("RN5001");
  event.mutable_issuing_halted()->set_series("2023-08");
  event.mutable_issuing_halted()->set_halted(halted);
  return event;
}

std::vector<std::string> acts_of(const Season& season) {
  std::vector<std::string> acts;
  for (const auto& [partition, entry] : season.outputs.audited)
    if (entry.noted.act() != "calendar-defined") acts.push_back(entry.noted.act() + " " + entry.noted.centre() + " " + entry.noted.outcome());
  return acts;
}

TEST(AuditOfActs, each_act_is_on_record_once_whether_it_holds_or_came_too_late) {
  StartedSeason season;
  season.outputs.audited.clear();
  const TimeMs now = local("2023-01-10T09:00");
  v1::Event first = halt_of("12345", now - 1000), earlier = halt_of("12345", now - 5000, false);
  season.play({first}, now);
  season.play({first}, now);  // told again
  season.play({earlier, halt_of("*", now - 10)}, now);
  EXPECT_EQ(acts_of(season), (std::vector<std::string>{"halt 12345 accepted", "resume 12345 accepted", "halt * accepted"}));
}

TEST(AuditOfActs, what_is_for_all_is_on_record_in_the_first_partition_and_what_is_of_a_centre_in_its_own) {
  StartedSeason season;
  const TimeMs now = local("2023-01-10T09:00");
  season.outputs.audited.clear();
  season.play({halt_of("*", now - 10), halt_of("12345", now - 10), halt_of("54321", now - 10)}, now);
  ASSERT_EQ(season.outputs.audited.size(), 3u);
  for (const auto& [partition, entry] : season.outputs.audited) {
    auto centre = parse_centre(entry.noted.centre());
    EXPECT_EQ(partition, centre ? season.pipeline->partition_of(*centre) : 0u);
  }
}

TEST(AuditOfActs, a_centre_is_on_record_where_the_numbers_change_by_which_an_organisation_is_a_centre) {
  StartedSeason season;
  season.outputs.audited.clear();
  TimeMs at = local("2023-01-10T09:00");
  auto say = [&](const std::string& urn, const std::string& ukprn, const std::string& name = "Test College") {
    v1::Event event = event_at(at - 1000, "centre-" + std::to_string(at));
    event.mutable_centre_defined()->set_centre("12345");
    event.mutable_centre_defined()->set_name(name);
    event.mutable_centre_defined()->set_urn(urn);
    event.mutable_centre_defined()->set_ukprn(ukprn);
    season.play({event}, at);
    at += 60'000;
    return event;
  };
  say("", "");
  EXPECT_TRUE(season.outputs.audited.empty()) << "no number before, none now";
  v1::Event first = say("100001", "10000001");
  season.play({first}, at);  // told again
  say("100001", "10000001", "Another Name");
  ASSERT_EQ(season.outputs.audited.size(), 1u);
  const auto& [partition, entry] = season.outputs.audited.front();
  EXPECT_EQ(partition, 0u);
  EXPECT_EQ(entry.noted.act() + " " + entry.noted.outcome(), "centre-defined accepted");
  EXPECT_EQ(entry.noted.detail(), "Test College; centre 12345, URN 100001, UKPRN 10000001");
  EXPECT_EQ(entry.noted.by().name(), "publisher test");
  say("100002", "10000001");
  say("100002", "");
  ASSERT_EQ(season.outputs.audited.size(), 3u);
  EXPECT_EQ(season.outputs.audited.back().second.noted.detail(), "Test College; centre 12345, URN 100002, no UKPRN");
}

TEST(AuditOfActs, an_act_that_waits_is_on_record_when_it_takes_effect) {
  Policy policy;
  StartedSeason season(policy);
  season.outputs.audited.clear();
  const TimeMs now = local("2023-02-10T09:00");
  season.play({revoked({}, now - 1000)}, now);
  EXPECT_TRUE(season.outputs.audited.empty());
  season.play({registered({}, now - 2000)}, now + 1000);
  ASSERT_EQ(season.outputs.audited.size(), 1u);
  const v1::AuditNoted& noted = season.outputs.audited.front().second.noted;
  EXPECT_EQ(noted.act() + " " + noted.qualification() + " " + noted.series(), "result-revoked 601/0001/5 2023-08");
}

TEST(AuditOfActs, what_is_noted_is_on_record_and_touches_nothing_else) {
  StartedSeason season;
  season.outputs.audited.clear();
  const TimeMs now = local("2023-02-10T09:00");
  v1::Event seen = example("audit_noted"), service = seen;
  seen.mutable_audit_noted()->set_centre("33333");
  service.mutable_audit_noted()->set_centre("*");
  for (v1::Event* event : {&seen, &service}) event->mutable_occurred_at()->set_seconds(now / 1000 - 10);
  std::size_t centres = 0;
  season.play({seen, service}, now);
  for (const Partition* partition : season.pipeline->owned()) partition->each_centre([&](const Centre&) { ++centres; });
  EXPECT_EQ(acts_of(season), (std::vector<std::string>{"view 33333 done", "view * done"}));
  EXPECT_EQ(centres, 0u) << "neither centre is known, nor is 00000";
}

// ---- in the store ----

class AuditInStore : public testing::Test {
 protected:
  StoreOptions options{.partitions = 2, .block_cache_bytes = 1 << 20, .write_buffer_bytes = 1 << 20, .sync = false};
  TempDirectory directory;

  std::unique_ptr<Store> open() { return Store::open(directory / "data", options); }
  static AuditEntry act(int number) {
    AuditEntry entry;
    entry.noted.set_act("act-" + std::to_string(number));
    entry.noted.mutable_by()->set_name("somebody");
    return entry;
  }
  /// As chained anew from the lines.
  static AuditHead head_of(const std::vector<std::string>& lines) {
    AuditHead head;
    for (const std::string& line : lines) {
      EXPECT_NE(line.find("\"number\":" + std::to_string(head.size) + ","), line.npos) << line;
      EXPECT_NE(line.find(hex_of(head.last)), line.npos) << line;
      append(head, line);
    }
    return head;
  }
};

TEST_F(AuditInStore, any_commits_make_the_same_chain) {
  std::mt19937_64 random(7);
  std::map<std::string, int> roots;
  for (int run = 0; run < 5; ++run) {
    TempDirectory place;
    auto store = Store::open(place / "data", options);
    for (int at = 0; at < 60; ++at) {
      store->audit(1, act(at));
      if (run == 0 || random() % 4 == 0) store->commit(at);
      if (random() % 16 == 0) {
        store->commit(at);
        store = nullptr;
        store = Store::open(place / "data", options);
      }
    }
    store->commit(1000);
    EXPECT_EQ(head_of(store->audit_lines(1, 0, 1000)), store->audit_head(1));
    EXPECT_EQ(store->audit_head(1).size, 60u);
    EXPECT_EQ(store->audit_head(0).size, 0u);
    ++roots[hex_of(root_of(store->audit_head(1)))];
  }
  EXPECT_EQ(roots.size(), 1u);
}

TEST_F(AuditInStore, what_was_not_committed_leaves_no_gap) {
  auto store = open();
  store->audit(0, act(1));
  store->commit(1);
  store->audit(0, act(2));
  EXPECT_EQ(store->audit_head(0).size, 1u) << "nobody sees it yet";
  store = nullptr;
  store = open();
  store->audit(0, act(3));
  store->commit(2);
  std::vector<std::string> lines = store->audit_lines(0, 0, 10);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[1].find("act-3"), lines[1].npos);
  EXPECT_EQ(head_of(lines), store->audit_head(0));
}

TEST_F(AuditInStore, a_record_and_time_alone_change_nothing_that_readers_decode) {
  auto store = open();
  const StoreVersions before = store->versions();
  store->audit(1, act(1));
  store->put_time(1, 1000);
  store->commit(2);
  EXPECT_EQ(store->audit_head(1).size, 1u);
  EXPECT_EQ(store->time(1), 1000);
  EXPECT_EQ(store->versions(), before);
  // With what it is about it does.
  store->put_durations(1, {}, {});
  store->audit(1, act(2));
  store->commit(3);
  EXPECT_NE(store->versions(), before);
}

TEST_F(AuditInStore, the_topic_has_the_same_lines) {
  auto store = open();
  for (int at = 0; at < 5; ++at) store->audit(0, act(at));
  store->commit(1);
  std::vector<std::string> said;
  for (const LogEntry& one : store->read_log(Topic::audit, 0, 0, 100)) said.push_back(one.value);
  EXPECT_EQ(said, store->audit_lines(0, 0, 100));
  EXPECT_EQ(store->audit_lines(0, 3, 100).size(), 2u);
  EXPECT_EQ(store->audit_lines(0, 0, 2).size(), 2u);
  EXPECT_TRUE(store->audit_lines(1, 0, 10).empty());
}

TEST_F(AuditInStore, a_backup_carries_it) {
  auto store = open();
  for (int at = 0; at < 5; ++at) store->audit(1, act(at));
  store->commit(1);
  AuditHead head = store->audit_head(1);
  store->backup(directory / "backups", {}, 1000);
  store = nullptr;
  Store::restore({.from = directory / "backups", .to = directory / "restored", .was = directory / "data", .now = 5000});
  auto restored = Store::open(directory / "restored", options);
  EXPECT_EQ(restored->audit_head(1), head);
  EXPECT_EQ(head_of(restored->audit_lines(1, 0, 100)), head);
}

/// Holds the last value of each key, as a compacted changelog does.
class KeptChangelog final : public CommitSink {
 public:
  std::map<std::string, std::string> last;
  std::vector<std::string> topic;
  void output(Topic, std::uint32_t, CentreId, const google::protobuf::MessageLite&) override {}
  void rejected(std::uint32_t, const v1::Rejected&) override {}
  void audit(std::uint32_t, std::string_view, std::string_view line) override { topic.emplace_back(line); }
  void change(std::uint32_t, std::string_view key, std::optional<std::string_view> value) override { last[std::string(key)] = *value; }
};

TEST_F(AuditInStore, on_kafka_goes_on_after_an_abort_and_at_another_instance_without_a_gap) {
  KeptChangelog changelog;
  StoreOptions shared = options;
  shared.sink = &changelog;
  shared.log_identity = "test";
  auto first = Store::open(directory / "first", shared);
  first->take(1);
  first->audit(1, act(0));
  first->write(*first->cut(), {{1, {}}}, 0);
  const KeptChangelog committed = changelog;
  first->audit(1, act(1));
  first->discard();  // the transaction was rolled back
  changelog = committed;
  first->audit(1, act(2));
  first->write(*first->cut(), {{1, {}}}, 0);
  ASSERT_EQ(first->audit_head(1).size, 2u);

  auto second = Store::open(directory / "second", shared);
  std::vector<Change> changes;
  for (const auto& [key, value] : changelog.last) changes.push_back({key, value});
  second->apply_changelog(1, changes, {});
  second->take(1);
  EXPECT_EQ(second->audit_head(1), first->audit_head(1));
  second->audit(1, act(3));
  second->write(*second->cut(), {{1, {}}}, 0);
  EXPECT_EQ(head_of(second->audit_lines(1, 0, 10)), second->audit_head(1));
  EXPECT_EQ(second->audit_lines(1, 0, 10), changelog.topic);
  second->give_up(1);
  EXPECT_EQ(second->audit_head(1).size, 0u);
}

}  // namespace
}  // namespace vtq::test
