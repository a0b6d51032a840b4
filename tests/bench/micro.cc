// Micro-benchmarks of the steps an event goes through: parse, check, merge, derive, encode, commit.
#include <benchmark/benchmark.h>
#include <google/protobuf/arena.h>
#include <google/protobuf/util/json_util.h>

#include <filesystem>

#include "pipeline/facts/merge.h"
#include "storage/store.h"
#include "tests/support/season.h"

namespace vtq::bench {
namespace {

using test::Ref;

const TimeMs kMay = test::local("2023-05-10T09:00");

/// A season with a qualification of 20 mandatory units, and one entry that has all but one of them.
struct LargeQualification : test::StartedSeason {
  LargeQualification() {
    v1::Event defined = test::reference_data()[5];
    defined.set_id("large");
    auto* fact = defined.mutable_qualification_defined();
    fact->set_qualification("601/0010/6");
    fact->clear_units();
    fact->set_optional_credit_required(0);
    for (int unit = 0; unit < 20; ++unit) {
      auto* added = fact->add_units();
      added->set_code("U" + std::to_string(unit));
      added->set_mandatory(true);
    }
    ref.qualification = "601/0010/6";
    play({defined, test::registered(ref, kMay), test::answered(ref, kMay)}, kMay);
    for (int unit = 0; unit < 19; ++unit) play({test::achieved(ref, kMay + unit + 1, {"U" + std::to_string(unit)})}, kMay + unit + 1);
  }
  Ref ref;
};

void parse(benchmark::State& state) {
  std::string bytes = test::achieved({}, kMay, {"A", "B"}).SerializeAsString();
  google::protobuf::Arena arena;
  for (auto _ : state) {
    auto* event = google::protobuf::Arena::CreateMessage<v1::Event>(&arena);
    benchmark::DoNotOptimize(event->ParseFromString(bytes));
    if (arena.SpaceUsed() > (1u << 20)) arena.Reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(parse);

void parse_json(benchmark::State& state) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(test::achieved({}, kMay, {"A", "B"}), &json).ok()) std::abort();
  v1::Event event;
  for (auto _ : state) {
    event.Clear();
    benchmark::DoNotOptimize(google::protobuf::util::JsonStringToMessage(json, &event).ok());
  }
}
BENCHMARK(parse_json);

void check_form(benchmark::State& state) {
  v1::Event event = test::achieved({}, kMay, {"A", "B"});
  for (auto _ : state) benchmark::DoNotOptimize(check(event));
}
BENCHMARK(check_form);

void merge_outcome(benchmark::State& state) {
  std::vector<v1::Event> events;
  std::vector<Stamp> stamps;
  for (int at = 0; at < 16; ++at) {
    events.push_back(test::achieved({}, kMay + at, {"U" + std::to_string(at)}));
    stamps.push_back(stamp_of(events.back()));
  }
  EntryFacts facts;
  std::size_t at = 0;
  for (auto _ : state) {
    if (at == events.size()) {
      facts.units.clear();
      at = 0;
    }
    benchmark::DoNotOptimize(merge(facts, events[at], stamps[at]));
    ++at;
  }
}
BENCHMARK(merge_outcome);

void derive_entry_of_20_units(benchmark::State& state) {
  LargeQualification season;
  CentreId id = *parse_centre(season.ref.centre);
  Partition& partition = season.pipeline->partition(season.pipeline->partition_of(id));
  const Centre& centre = *partition.centre(id);
  const Entry& entry = *season.entry(season.ref);
  for (auto _ : state) benchmark::DoNotOptimize(partition.derive_now(centre, entry));
}
BENCHMARK(derive_entry_of_20_units);

/// An entry of a qualification of 20 mandatory units with 10 learning outcomes each, all recorded; one outcome changes between
/// derivations. Time is for taking the outcome in and deriving.
void derive_caslo_20x10(benchmark::State& state) {
  test::StartedSeason season;
  v1::Event defined = test::reference_data()[5];
  defined.set_id("caslo");
  auto* fact = defined.mutable_qualification_defined();
  fact->set_qualification("601/0010/6");
  fact->clear_units();
  fact->set_optional_credit_required(0);
  Ref ref{.qualification = "601/0010/6"};
  std::vector<v1::Event> events{defined, test::registered(ref, kMay), test::answered(ref, kMay)};
  for (int unit = 0; unit < 20; ++unit) {
    auto* added = fact->add_units();
    added->set_code("U" + std::to_string(unit));
    added->set_mandatory(true);
    v1::Event recorded = test::event_at(kMay + unit);
    test::set_ref(recorded.mutable_outcome_recorded()->mutable_entry(), ref);
    for (int outcome = 0; outcome < 10; ++outcome) {
      added->add_learning_outcomes("LO" + std::to_string(outcome));
      auto* made = recorded.mutable_outcome_recorded()->add_outcomes();
      made->set_unit("U" + std::to_string(unit));
      made->set_learning_outcome("LO" + std::to_string(outcome));
      made->set_standing(v1::Outcome::ACHIEVED);
    }
    events.push_back(recorded);
  }
  events[0] = defined;
  season.play(events, kMay + 100);
  CentreId id = *parse_centre(ref.centre);
  Partition& partition = season.pipeline->partition(season.pipeline->partition_of(id));
  const Centre& centre = *partition.centre(id);
  Entry entry = *season.entry(ref);
  v1::Event changes[2];
  for (int at = 0; at < 2; ++at) {
    changes[at] = test::event_at(kMay);
    test::set_ref(changes[at].mutable_outcome_recorded()->mutable_entry(), ref);
    auto* made = changes[at].mutable_outcome_recorded()->add_outcomes();
    made->set_unit("U13");
    made->set_learning_outcome("LO7");
    made->set_standing(at == 0 ? v1::Outcome::NOT_YET_ACHIEVED : v1::Outcome::ACHIEVED);
  }
  Stamp stamp{kMay + 1'000, 1};
  std::int64_t eligible = 0;
  for (auto _ : state) {
    ++stamp.at_ms;
    merge(entry.facts, changes[stamp.at_ms % 2], stamp);
    Derived derived = partition.derive_now(centre, entry);
    eligible += derived.attainment.eligible() ? 1 : 0;
    benchmark::DoNotOptimize(derived);
  }
  state.counters["outcomes"] = static_cast<double>(entry.facts.units.size());
  state.counters["eligible"] = static_cast<double>(eligible) / static_cast<double>(state.iterations());
}
BENCHMARK(derive_caslo_20x10);

/// Attainment where units must be chosen: 30 optional units of a group that counts 15 of them, with credit and level to reach, points, and
/// `range` pairs that bar each other; all achieved.
void attain_by_choice(benchmark::State& state) {
  v1::Event defined = test::reference_data()[5];
  auto* fact = defined.mutable_qualification_defined();
  fact->clear_units();
  fact->set_credit_required(150);
  fact->set_credit_level(3);
  fact->set_credit_at_level_required(60);
  auto* group = fact->add_groups();
  group->set_code("OPT");
  group->set_units_max(15);
  EntryFacts facts;
  for (int unit = 0; unit < 30; ++unit) {
    std::string code = "U" + std::to_string(unit);
    auto* added = fact->add_units();
    added->set_code(code);
    added->set_credit(static_cast<std::uint32_t>(5 + unit % 4 * 5));
    added->set_level(static_cast<std::uint32_t>(2 + unit % 3));
    group->add_units(code);
    facts.units.push_back(
        {.unit = short_hash(code), .stamp = {kMay, 1}, .grade = short_hash(unit % 2 ? "M" : "P"), .standing = UnitFact::Standing::achieved});
  }
  std::sort(facts.units.begin(), facts.units.end(), [](const UnitFact& a, const UnitFact& b) { return a.unit < b.unit; });
  for (int pair = 0; pair < state.range(0); ++pair) {
    auto* barred = fact->add_barred();
    barred->add_units("U" + std::to_string(2 * pair));
    barred->add_units("U" + std::to_string(2 * pair + 1));
  }
  for (auto [grade, points] : {std::pair{"M", 10u}, {"P", 6u}}) {
    auto* made = fact->mutable_grading()->add_points();
    made->set_grade(grade);
    made->set_points(points);
  }
  auto* boundary = fact->mutable_grading()->add_boundaries();
  boundary->set_grade("Pass");
  boundary->set_points(1);
  Qualification qualification = make_qualification(*fact, {});
  bool achieved = false;
  for (auto _ : state) {
    Attainment attainment = attain(facts, qualification);
    achieved = attainment.achieved;
    benchmark::DoNotOptimize(attainment);
  }
  state.counters["achieved"] = achieved;
}
BENCHMARK(attain_by_choice)->Arg(0)->Arg(3)->Arg(12)->Unit(benchmark::kMicrosecond);

void encode_entry(benchmark::State& state) {
  LargeQualification season;
  const Entry& entry = *season.entry(season.ref);
  std::string out;
  for (auto _ : state) {
    records::encode(entry, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(encode_entry);

void decode_entry(benchmark::State& state) {
  LargeQualification season;
  v1::EntryRecord scratch;
  std::string out;
  records::encode(*season.entry(season.ref), out);
  for (auto _ : state) {
    Entry entry;
    records::decode(out, scratch, entry);
    benchmark::DoNotOptimize(entry.facts.units.data());
  }
}
BENCHMARK(decode_entry);

/// Of an entry's record, by the seal key.
void seal_entry(benchmark::State& state) {
  LargeQualification season;
  Seal seal(Seal::new_line());
  std::string out, sealed;
  records::encode(*season.entry(season.ref), out);
  for (auto _ : state) {
    seal.close(SealedAs::record, "se  12345  0000000000L100001", out, sealed);
    benchmark::DoNotOptimize(sealed.data());
  }
}
BENCHMARK(seal_entry);

void open_entry(benchmark::State& state) {
  LargeQualification season;
  Seal seal(Seal::new_line());
  std::string out, sealed;
  records::encode(*season.entry(season.ref), out);
  seal.close(SealedAs::record, "se  12345  0000000000L100001", out, sealed);
  for (auto _ : state) {
    if (seal.open(SealedAs::record, "se  12345  0000000000L100001", sealed, out) != Opening::opened) std::abort();
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(open_entry);

/// One commit of `range` entries, each written once, without waiting for the disk. Time is for one entry.
void commit(benchmark::State& state) {
  LargeQualification season;
  auto directory = std::filesystem::temp_directory_path() / ("vtq-bench-" + std::to_string(::getpid()));
  {
    auto store = Store::open(directory / "store", {.sync = false});
    Entry entry = *season.entry(season.ref);
    std::uint64_t learner = 0;
    for (auto _ : state) {
      for (std::int64_t at = 0; at < state.range(0); ++at) {
        entry.key.learner = std::to_string(1'000'000 + (learner++ * 7919) % 500'000);
        store->put_entry(0, *parse_centre("12345"), entry);
      }
      store->commit(kMay);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(commit)->Arg(1000)->Arg(20000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vtq::bench

BENCHMARK_MAIN();
