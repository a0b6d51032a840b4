// Rules of combination made of any bytes: whatever passes the check is searched to its end, and fewer units achieved are never worth more.
#include "pipeline/intake/check.h"
#include "pipeline/rules/combination.h"
#include "tests/fuzz/input.h"

namespace {

using namespace vtq;

v1::Event qualification(fuzz::Input& input) {
  v1::Event event;
  event.set_id("q");
  event.set_source("fuzz");
  event.mutable_occurred_at()->set_seconds(1'700'000'000);
  auto& fact = *event.mutable_qualification_defined();
  fact.set_qualification("601/0001/5");
  fact.set_title("Made up");
  fact.set_awarding_organisation("RN5001");
  fact.set_level(v1::LEVEL_3);
  fact.set_grading_scale("pass");
  fact.set_certification(v1::CERTIFICATION_BY_CLAIM);
  int units = static_cast<int>(input.number(24)) + 1;
  for (int at = 0; at < units; ++at) {
    auto& unit = *fact.add_units();
    unit.set_code("U" + std::to_string(at));
    unit.set_credit(input.number(30));
    unit.set_level(input.number(5));
    unit.set_mandatory(input.byte() % 8 == 0);
  }
  fact.set_credit_required(input.number(200));
  fact.set_optional_credit_required(input.number(60));
  fact.set_credit_level(input.number(5));
  fact.set_credit_at_level_required(input.number(60));
  int next = 0;
  for (std::uint32_t groups = input.number(4); groups > 0; --groups) {
    auto& group = *fact.add_groups();
    group.set_code("G" + std::to_string(fact.groups_size()));
    for (std::uint32_t count = input.number(8); count > 0 && next < units; --count) group.add_units("U" + std::to_string(next++));
    group.set_units_min(input.number(4));
    group.set_units_max(input.number(8));
    group.set_credit_min(input.number(60));
    group.set_credit_max(input.number(120));
    group.set_level(input.number(5));
    group.set_units_at_level_min(input.number(3));
  }
  for (std::uint32_t barred = input.number(3); barred > 0; --barred) {
    auto& rule = *fact.add_barred();
    for (std::uint32_t count = input.number(3) + 2; count > 0; --count)
      rule.add_units("U" + std::to_string(input.number(static_cast<std::uint32_t>(units - 1))));
  }
  return event;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  v1::Event event = qualification(input);
  if (!check(event)) return 0;
  Qualification made = make_qualification(event.qualification_defined(), {});
  UnitSet all, some;
  std::vector<std::uint32_t> points(made.units.size());
  for (std::size_t at = 0; at < made.units.size(); ++at) {
    all.set(at);
    if (input.byte() % 2) some.set(at);
    points[at] = input.number(100);
  }
  for (const Combination& way : made.ways) {
    std::uint64_t steps = kChoiceStepsMax;
    auto best = best_choice(way, made.units, all, points, &steps);
    if (steps == 0) continue;  // the check tries other points than these
    auto fewer = best_choice(way, made.units, some, points, &steps);
    if (steps == 0) continue;
    fuzz::require(!fewer || (best && *fewer <= *best), "fewer units achieved are never worth more");
  }
  return 0;
}
