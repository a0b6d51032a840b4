// Signed notes against those of another implementation, exports against every way to change them, and notes that find an engine busy or gone.
#include <gtest/gtest.h>
#include <sodium.h>

#include <deque>
#include <random>
#include <sstream>

#include "daemon/access/caller.h"
#include "daemon/audit/acts_of_routes.h"
#include "daemon/audit/audit.h"
#include "daemon/audit/verify.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

// ---- notes ----

// Of the documentation of Go's golang.org/x/mod/sumdb/note.
constexpr const char* kPrivateKey = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr const char* kPublicKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const std::string kText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const std::string kNote = kText +
                          "\n\xe2\x80\x94 PeterNeumann "
                          "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

TEST(SignedNote, is_what_another_implementation_makes_of_the_same_key) {
  auto key = NoteKey::parse(kPrivateKey);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->private_text(), kPrivateKey);
  EXPECT_EQ(key->public_text(), kPublicKey);
  EXPECT_EQ(key->sign(kText), kNote);
  EXPECT_EQ(NoteVerifier::read(kPublicKey)->open(kNote), kText);
}

TEST(SignedNote, that_was_changed_or_is_of_another_key_does_not_open) {
  auto verifier = *NoteVerifier::read(kPublicKey);
  std::string changed = kNote, cut = kNote.substr(0, kNote.size() - 1), other = kNote;
  changed[3] = 'x';
  other[other.find("x08g")] = 'y';
  for (const std::string& note : {changed, cut, other, kText, std::string(), std::string("\n\n"), kText + "\n"})
    EXPECT_EQ(verifier.open(note), std::nullopt) << note;
  EXPECT_EQ(NoteVerifier::read(NoteKey::make("PeterNeumann").public_text())->open(kNote), std::nullopt);
  // Others may have signed it too.
  std::string both = NoteKey::make("other").sign(kText) + kNote.substr(kText.size() + 1);
  EXPECT_EQ(verifier.open(both), kText);
}

TEST(SignedNote, key_that_is_none_is_not_read) {
  std::string wrong_hash = kPublicKey;
  wrong_hash[wrong_hash.find("c74")] = 'd';
  for (const std::string& text : {wrong_hash, std::string("PeterNeumann"), std::string(), std::string("a b+00000000+AQ=="), std::string(kPrivateKey)})
    EXPECT_FALSE(NoteVerifier::read(text)) << text;
  EXPECT_FALSE(NoteKey::parse(kPublicKey));
  EXPECT_THROW(NoteKey::make("with space"), NoteKeyError);
  EXPECT_THROW(NoteKey::make("a+b"), NoteKeyError);
}

TEST(SignedNote, key_file_is_for_its_owner_alone_and_is_not_written_over) {
  TempDirectory directory;
  NoteKey key = NoteKey::make("vtq.example.org/audit");
  key.write(directory / "key");
  EXPECT_EQ(NoteKey::read(directory / "key").public_text(), key.public_text());
  EXPECT_THROW(key.write(directory / "key"), NoteKeyError);
  std::filesystem::permissions(directory / "key", std::filesystem::perms::owner_read | std::filesystem::perms::group_read);
  EXPECT_THROW(NoteKey::read(directory / "key"), NoteKeyError);
  EXPECT_THROW(NoteKey::read(directory / "none"), NoteKeyError);
}

TEST(SignedNote, checkpoint_goes_to_text_and_back) {
  Checkpoint made{"vtq.example.org/audit/3", 20852163, sha256("root")};
  EXPECT_EQ(read_checkpoint(checkpoint_text(made)), made);
  for (const char* text : {"", "origin\n", "origin\n12\n", "origin\n12\nAA==\n", "origin\nx\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
                           "\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"})
    EXPECT_FALSE(read_checkpoint(text)) << text;
}

TEST(Sha256Here, is_that_of_the_library_of_ciphers) {
  std::mt19937_64 random(3);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    std::string other(crypto_hash_sha256_BYTES, '\0');
    ::crypto_hash_sha256(reinterpret_cast<unsigned char*>(other.data()), reinterpret_cast<const unsigned char*>(text.data()), text.size());
    ASSERT_EQ(bytes_of(sha256(text)), other) << size;
  }
}

// ---- exports ----

class AuditExport : public testing::Test {
 protected:
  static constexpr std::uint32_t kPartition = 2;
  NoteKey key = NoteKey::make("vtq.example.org/audit");
  std::vector<std::string> lines;
  std::vector<AuditHead> heads{AuditHead{}};  // by size

  void SetUp() override {
    for (int at = 0; at < 9; ++at) add(at);
  }
  void add(int at) {
    AuditHead head = heads.back();
    AuditEntry entry;
    entry.noted.set_act("act-" + std::to_string(at));
    lines.push_back(audit_line(entry, kPartition, head.size, head.last));
    append(head, lines.back());
    heads.push_back(head);
  }
  std::string checkpoint(std::size_t size) const { return signed_checkpoint(key, kPartition, heads.at(size)); }
  AuditVerified verify(std::vector<std::string> checkpoints, const NoteVerifier& verifier) const {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    std::istringstream in(text);
    return verify_audit(in, kPartition, checkpoints, verifier);
  }
  AuditVerified verify(std::vector<std::string> checkpoints) const { return verify(std::move(checkpoints), *NoteVerifier::read(key.public_text())); }
  std::string fault(std::vector<std::string> checkpoints) const {
    AuditVerified found = verify(std::move(checkpoints));
    return found.fault ? std::to_string(found.fault->number) + " " + found.fault->rule : "";
  }
  /// Chains the lines anew, as whoever can write to the store could.
  void chain_anew() {
    AuditHead head;
    for (std::string& line : lines) {
      std::size_t at = line.find("\"previous\":\"") + 12;
      line.replace(at, 64, hex_of(head.last));
      append(head, line);
    }
  }
};

TEST_F(AuditExport, as_it_was_written_is_right) {
  AuditVerified found = verify({checkpoint(9), checkpoint(4), checkpoint(0)});
  EXPECT_FALSE(found.fault);
  EXPECT_EQ(found.records, 9u);
  EXPECT_EQ(found.signed_records, 9u);
  EXPECT_EQ(verify({checkpoint(4)}).signed_records, 4u);
}
TEST_F(AuditExport, a_changed_record_is_named) {
  std::string last = checkpoint(9);
  lines[3].replace(lines[3].find("act-3"), 5, "act-x");
  EXPECT_EQ(fault({last}), "3 audit-chain");
}
TEST_F(AuditExport, the_last_record_changed_is_found_by_the_checkpoint) {
  std::string last = checkpoint(9);
  lines[8].replace(lines[8].find("act-8"), 5, "act-x");
  EXPECT_EQ(fault({last}), "9 checkpoint-root");
}
TEST_F(AuditExport, a_record_taken_out_is_named) {
  std::string last = checkpoint(9);
  lines.erase(lines.begin() + 5);
  EXPECT_EQ(fault({last}), "5 audit-gap");
}
TEST_F(AuditExport, the_first_record_taken_out_is_named) {
  std::string last = checkpoint(9);
  lines.erase(lines.begin());
  EXPECT_EQ(fault({last}), "0 audit-gap");
}
TEST_F(AuditExport, records_that_changed_places_are_named) {
  std::string last = checkpoint(9);
  std::swap(lines[2], lines[6]);
  EXPECT_EQ(fault({last}), "2 audit-gap");
}
TEST_F(AuditExport, a_record_said_twice_is_named) {
  std::string last = checkpoint(9);
  lines.insert(lines.begin() + 4, lines[3]);
  EXPECT_EQ(fault({last}), "4 audit-order");
}
TEST_F(AuditExport, records_taken_away_at_the_end_are_missed) {
  std::string last = checkpoint(9);
  lines.resize(7);
  EXPECT_EQ(fault({last}), "7 audit-truncated");
}
TEST_F(AuditExport, a_past_written_anew_fits_no_checkpoint_of_before) {
  std::string last = checkpoint(9), early = checkpoint(4);
  lines[1].replace(lines[1].find("act-1"), 5, "act-x");
  chain_anew();
  EXPECT_EQ(fault({last}), "9 checkpoint-root");
  EXPECT_EQ(fault({last, early}), "4 checkpoint-root");
}
TEST_F(AuditExport, of_another_key_or_partition_or_without_a_checkpoint_is_refused) {
  EXPECT_EQ(verify({checkpoint(9)}, *NoteVerifier::read(NoteKey::make("vtq.example.org/audit").public_text())).fault->rule, "checkpoint-signature");
  EXPECT_EQ(fault({signed_checkpoint(key, 1, heads[9])}), "0 checkpoint-origin");
  EXPECT_EQ(fault({key.sign("no checkpoint\n")}), "0 checkpoint-form");
  EXPECT_EQ(fault({}), "0 checkpoint-given");
  lines[0].replace(lines[0].find("\"partition\":2"), 13, "\"partition\":1");
  EXPECT_EQ(fault({checkpoint(9)}), "0 audit-partition");
  lines[0] = "{}";
  EXPECT_EQ(fault({checkpoint(9)}), "0 audit-form");
}

// ---- notes that find an engine ----

/// Takes events when it is told to, and answers when it is told to.
class HeldEngine final : public Engine {
 public:
  explicit HeldEngine(const std::filesystem::path& directory) : store_(Store::open(directory, {.partitions = 1, .sync = false})) {}

  bool submit(std::vector<Submitted>&& events, Done done) override {
    std::lock_guard lock(mutex_);
    if (full) {
      ++refused;
      return false;
    }
    v1::Event event;
    EXPECT_TRUE(event.ParseFromString(events.at(0).event));
    EXPECT_TRUE(events.at(0).own);
    taken.push_back(event);
    done_.push_back(std::move(done));
    return true;
  }
  /// The oldest, once it is there.
  void answer(bool committed) {
    Done done;
    for (bool there = false; !there; std::this_thread::yield()) {
      std::lock_guard lock(mutex_);
      there = !done_.empty();
    }
    {
      std::lock_guard lock(mutex_);
      done = std::move(done_.front());
      done_.pop_front();
    }
    done(committed ? std::vector<Answer>(1) : std::vector<Answer>{});
  }
  std::size_t count() {
    std::lock_guard lock(mutex_);
    return taken.size();
  }
  void when_room(std::function<void()>) override {}
  std::size_t queued_bytes() const override { return 0; }
  void post(Look) override {}
  Store& store() override { return *store_; }
  ReadModel& read_model() override { std::abort(); }
  EngineState state() const override { return EngineState::running; }
  double lag_seconds() const override { return 0; }
  TimeMs last_progress_ms() const override { return 0; }
  void drain() override {}
  std::string failure() const override { return {}; }

  std::atomic<bool> full{false};
  std::atomic<int> refused{0};
  std::vector<v1::Event> taken;

 private:
  std::mutex mutex_;
  std::deque<Done> done_;
  std::unique_ptr<Store> store_;
};

class AuditNotes : public testing::Test {
 protected:
  TempDirectory directory;
  HeldEngine engine{directory / "store"};
  FakeClock clock{1'700'000'000'000};
  std::atomic<std::uint64_t> dropped{0};

  AuditOptions options() {
    AuditOptions made;
    made.notes = true;
    made.dropped = [this](std::uint64_t count) { dropped += count; };
    return made;
  }
  static v1::AuditNoted view() {
    v1::AuditNoted note;
    note.set_act("view");
    return note;
  }
  static v1::AuditActor caller(const std::string& name) {
    v1::AuditActor by;
    by.set_name(name);
    if (name != "unknown") by.set_key(name);
    return by;
  }
  void await(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_TRUE(holds());
  }
};

TEST_F(AuditNotes, an_answer_waits_until_it_is_on_record) {
  Audit audit(engine, clock, 1, options());
  std::optional<bool> told;
  audit.record(view(), [&](bool on_record) { told = on_record; });
  await([&] { return engine.count() == 1; });
  EXPECT_FALSE(told);
  engine.answer(true);
  EXPECT_EQ(told, true);
  EXPECT_EQ(engine.taken.at(0).audit_noted().centre(), "*");
}
TEST_F(AuditNotes, what_was_not_committed_is_not_on_record) {
  Audit audit(engine, clock, 1, options());
  std::optional<bool> told;
  audit.record(view(), [&](bool on_record) { told = on_record; });
  engine.answer(false);
  EXPECT_EQ(told, false);
}
TEST_F(AuditNotes, nobody_waits_longer_than_there_is_time) {
  AuditOptions hasty = options();
  hasty.patience = std::chrono::milliseconds(1);
  Audit audit(engine, clock, 1, hasty);
  std::atomic<int> told{0};
  audit.record(view(), [&](bool on_record) { told = on_record ? 1 : 2; });
  await([&] { return told != 0; });
  EXPECT_EQ(told, 2);
  engine.answer(true);  // too late, and told to nobody
  EXPECT_EQ(told, 2);
}
TEST_F(AuditNotes, who_waits_when_it_stops_is_told) {
  Audit audit(engine, clock, 1, options());
  std::optional<bool> told;
  audit.record(view(), [&](bool on_record) { told = on_record; });
  audit.stop();
  EXPECT_EQ(told, false);
}
TEST_F(AuditNotes, where_nothing_is_noted_everything_goes_on_at_once) {
  Audit audit(engine, clock, 1, {});
  std::optional<bool> told;
  audit.record(view(), [&](bool on_record) { told = on_record; });
  audit.refused(caller("x"), "GET /", 401, "key-good");
  audit.note(view());
  EXPECT_EQ(told, true);
  EXPECT_EQ(engine.count(), 0u);
}
TEST_F(AuditNotes, what_finds_no_room_is_offered_again) {
  Audit audit(engine, clock, 1, options());
  engine.full = true;
  audit.note(view());
  await([&] { return engine.refused > 0; });
  EXPECT_EQ(engine.count(), 0u);
  engine.full = false;
  await([&] { return engine.count() == 1; });
}
TEST_F(AuditNotes, what_is_beyond_the_limit_is_counted_and_the_count_is_on_record) {
  AuditOptions small = options();
  small.waiting_max = 2;
  Audit audit(engine, clock, 1, small);
  std::optional<bool> told;
  audit.note(view());
  audit.note(view());
  audit.note(view());
  audit.record(view(), [&](bool on_record) { told = on_record; });
  EXPECT_EQ(told, false);
  EXPECT_EQ(dropped, 2u);
  engine.answer(true);
  engine.answer(true);
  await([&] { return engine.count() == 3; });
  EXPECT_EQ(engine.taken.at(2).audit_noted().act(), "dropped");
  EXPECT_EQ(engine.taken.at(2).audit_noted().count(), 2u);
}
TEST_F(AuditNotes, refusals_that_are_alike_are_one_record_and_their_count) {
  AuditOptions quick = options();
  quick.refusals_every = std::chrono::milliseconds(3'000);
  quick.kinds_refused_max = 3;
  Audit audit(engine, clock, 1, quick);
  for (int at = 0; at < 1000; ++at) audit.refused(caller("a"), "GET /v1/audit", 403, "role");
  audit.refused(caller("a"), "GET /v1/audit", 401, "key-good");
  audit.refused(caller("b"), "GET /v1/audit", 403, "role");
  for (int at = 0; at < 50; ++at) audit.refused(caller("c" + std::to_string(at)), "GET /v1/audit", 403, "role");
  await([&] { return engine.count() >= 3; });  // the first of each; those beyond the limit are counted together
  await([&] { return engine.count() == 5; });
  std::map<std::string, std::uint64_t> counts;
  for (const v1::Event& event : {engine.taken.at(3), engine.taken.at(4)}) counts[event.audit_noted().by().name()] = event.audit_noted().count();
  EXPECT_EQ(counts, (std::map<std::string, std::uint64_t>{{"a", 999}, {"others", 50}}));
}
TEST_F(AuditNotes, refusals_of_nobody_hide_none_of_a_caller_who_is_known) {
  AuditOptions few = options();
  few.kinds_refused_max = 4;
  Audit audit(engine, clock, 1, few);
  for (int at = 0; at < 50; ++at) audit.refused(caller("unknown"), "GET /" + std::to_string(at), 401, "caller-named");
  audit.refused(caller("a"), "GET /v1/audit", 403, "role");
  await([&] { return engine.count() == 3; });
  EXPECT_EQ(engine.taken.at(1).audit_noted().route(), "GET /1");
  EXPECT_EQ(engine.taken.at(2).audit_noted().by().name(), "a");
}
TEST_F(AuditNotes, checkpoints_are_signed_of_what_has_grown) {
  AuditEntry entry;
  entry.noted.set_act("view");
  engine.store().audit(0, std::move(entry));
  engine.store().commit(1);
  AuditOptions signing = options();
  signing.key = NoteKey::make("test");
  signing.checkpoint_every = std::chrono::milliseconds(1);
  std::mutex mutex;
  std::vector<std::string> notes;
  signing.checkpoint = [&](std::uint32_t, const std::string& note) {
    std::lock_guard lock(mutex);
    notes.push_back(note);
  };
  auto verifier = *NoteVerifier::read(signing.key->public_text());
  Audit audit(engine, clock, 1, signing);
  await([&] {
    std::lock_guard lock(mutex);
    return !notes.empty();
  });
  audit.stop();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(read_checkpoint(*verifier.open(notes[0]))->size, 1u);
}

// ---- which requests ----

TEST(ActsOfRoutes, name_the_batch_and_its_centre_and_no_learner) {
  HttpRequest request;
  request.peer = "10.1.2.3";
  request.parameters = {"12345.RN5217.2024-08.0001", "60341014", "LEARNER7"};
  request.caller = std::make_shared<const Caller>(Caller{.name = "key 1 (MIS)", .roles = {AccessRole::centre}, .key = "1"});
  constexpr std::string_view kPattern = "/v1/batches/{batch}/learners/{qualification}/{learner}";
  RouteAct act = act_of_route("GET", kPattern);
  EXPECT_EQ(act.noted, RouteAct::Noted::shown);
  v1::AuditNoted note = note_of(act, request, "GET", kPattern);
  EXPECT_EQ(note.centre() + " " + note.awarding_organisation() + " " + note.series() + " " + note.batch(),
            "12345 RN5217 2024-08 12345.RN5217.2024-08.0001");
  EXPECT_EQ(note.by().from() + " " + note.by().name() + " " + note.by().roles(0), "10.1.2.3 key 1 (MIS) centre");
  EXPECT_EQ(note.ShortDebugString().find("LEARNER7"), std::string::npos);
  EXPECT_EQ(act_of_route("GET", "/v1/overview").noted, RouteAct::Noted::never);
  // Who has the sealed file reads all of the batch with its key.
  for (const char* pattern : {"/v1/batches/{batch}", "/v1/batches/{batch}/sealed", "/v1/batches/{batch}/key", "/v1/export/batches"})
    EXPECT_EQ(act_of_route("GET", pattern).noted, RouteAct::Noted::shown) << pattern;
  EXPECT_EQ(act_of_route("POST", "/v1/backups").noted, RouteAct::Noted::before);
}

}  // namespace
}  // namespace vtq::test
