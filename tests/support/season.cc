#include "tests/support/season.h"

namespace vtq::test {
namespace {

v1::Event qualification(const std::string& number, v1::Level level, std::uint32_t hours, std::uint32_t points) {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_qualification_defined();
  fact->set_qualification(number);
  fact->set_title("Diploma in Testing");
  fact->set_awarding_organisation("RN5001");
  fact->set_level(level);
  fact->set_guided_learning_hours(hours);
  fact->set_ucas_points(points);
  fact->set_performance_table(true);
  fact->set_grading_scale("pass");
  fact->set_unit_grading_scale("unit");
  fact->set_certification(v1::CERTIFICATION_BY_CLAIM);
  return event;
}

void add_unit(v1::Event& event, const std::string& code, bool mandatory, std::uint32_t credit) {
  auto* unit = event.mutable_qualification_defined()->add_units();
  unit->set_code(code);
  unit->set_title("Unit " + code);
  unit->set_mandatory(mandatory);
  unit->set_credit(credit);
}

v1::Event calendar(v1::Level level, const std::string& results_week) {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_calendar_defined();
  fact->set_awarding_organisation("RN5001");
  fact->set_level(level);
  fact->set_series("2023-08");
  fact->set_checkpoint_opens("2023-05-01T09:00");
  fact->set_checkpoint_closes("2023-05-26T17:00");
  fact->set_late_entry_after("2023-05-31T23:59");
  fact->set_claim_deadline("2023-07-07T17:00");
  bool level_3 = level == v1::LEVEL_3;
  fact->set_issue_deadline(level_3 ? "2023-08-14T17:00" : "2023-08-21T17:00");
  fact->set_centre_release(level_3 ? "2023-08-16T00:01" : "2023-08-23T00:01");
  fact->set_learner_release(results_week);
  return event;
}

v1::Event centre(const std::string& number, const std::string& name) {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  event.mutable_centre_defined()->set_centre(number);
  event.mutable_centre_defined()->set_name(name);
  return event;
}

v1::Event scale(const std::string& name, std::initializer_list<std::pair<const char*, bool>> grades) {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  event.mutable_grading_scale_defined()->set_name(name);
  for (auto [value, is_achieved] : grades) {
    auto* grade = event.mutable_grading_scale_defined()->add_grades();
    grade->set_value(value);
    grade->set_achieved(is_achieved);
  }
  return event;
}

v1::Event plan(v1::Level level, const std::string& first) {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_release_planned();
  fact->set_centre("*");
  fact->set_awarding_organisation("RN5001");
  fact->set_series("2023-08");
  fact->set_level(level);
  fact->set_first_issue_at(first);
  fact->set_every_hours(24);
  return event;
}

}  // namespace

std::vector<v1::Event> reference_data() {
  v1::Event ao = event_at(local("2022-08-01T09:00"));
  ao.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5001");
  ao.mutable_awarding_organisation_defined()->set_name("Test Awards");
  v1::Event level_3 = qualification("601/0001/5", v1::LEVEL_3, 360, 48);
  add_unit(level_3, "A", true, 10);
  add_unit(level_3, "B", true, 10);
  add_unit(level_3, "C", false, 10);
  add_unit(level_3, "D", false, 10);
  level_3.mutable_qualification_defined()->set_optional_credit_required(10);
  v1::Event without_claim = qualification("601/0003/9", v1::LEVEL_3, 900, 144);
  without_claim.mutable_qualification_defined()->set_certification(v1::CERTIFICATION_AUTOMATIC);
  std::vector<v1::Event> all = {ao,
                                centre("12345", "Test College"),
                                centre("54321", "Second School"),
                                scale("pass", {{"Distinction", true}, {"Merit", true}, {"Pass", true}, {"X", false}}),
                                scale("unit", {{"D", true}, {"M", true}, {"P", true}, {"N", false}, {"U", false}}),
                                level_3,
                                qualification("601/0002/7", v1::LEVEL_2, 120, 0),
                                without_claim,
                                calendar(v1::LEVEL_3, "2023-08-17T08:00"),
                                calendar(v1::LEVEL_2, "2023-08-24T08:00"),
                                plan(v1::LEVEL_3, "2023-08-10T06:00"),
                                plan(v1::LEVEL_2, "2023-08-17T06:00")};
  for (std::size_t at = 0; at < all.size(); ++at) all[at].set_id("reference-" + std::to_string(at));
  return all;
}

Season::Season(TimeSource from, const Policy& with, std::uint32_t partitions) : policy(with), source(from) {
  pipeline = std::make_unique<Pipeline>(policy, source, partitions, store, outputs);
  pipeline->restore();
}

std::vector<Verdict> Season::play(std::vector<v1::Event> events, TimeMs now) {
  if (source == TimeSource::wall)
    for (TimeMs wake = pipeline->next_wake(); wake < now; wake = pipeline->next_wake()) process({}, std::max(wake, pipeline->time()), false);
  return process(std::move(events), now, false);
}

std::vector<Verdict> Season::comes_back(std::vector<v1::Event> events, TimeMs now) { return process(std::move(events), now, false); }

std::vector<Verdict> Season::play_frozen(std::vector<v1::Event> events, TimeMs now) { return process(std::move(events), now, true); }

std::vector<Verdict> Season::process(std::vector<v1::Event> events, TimeMs now, bool frozen) {
  std::vector<std::string> bytes(events.size());
  std::vector<Inbound> batch;
  for (std::size_t at = 0; at < events.size(); ++at) {
    bytes[at] = events[at].SerializeAsString();
    Result<Address> address = check(events[at]);
    EXPECT_TRUE(address.has_value()) << (address ? "" : address.error().field + " " + address.error().rule);
    if (!address) continue;
    batch.push_back({&events[at], bytes[at], std::move(address).value()});
  }
  std::vector<Verdict> verdicts;
  for (bool finished = false; !finished;) {
    auto progress = pipeline->process(std::span(batch).subspan(verdicts.size()), now, frozen);
    verdicts.insert(verdicts.end(), pipeline->verdicts().begin(), pipeline->verdicts().begin() + static_cast<std::ptrdiff_t>(progress.consumed));
    finished = progress.finished;
    pipeline->write(store);
  }
  return verdicts;
}

const Entry* Season::entry(const Ref& ref) {
  CentreId id = *parse_centre(ref.centre);
  const Centre* centre_found = pipeline->partition(pipeline->partition_of(id)).centre(id);
  if (!centre_found) return nullptr;
  return centre_found->find({*parse_qualification(ref.qualification), *parse_series(ref.series), ref.learner});
}

Status Season::status(const Ref& ref) {
  const Entry* found = entry(ref);
  EXPECT_NE(found, nullptr) << ref.learner;
  return found ? found->status : Status{};
}

v1::EntryStatus Season::described(const Ref& ref) {
  CentreId id = *parse_centre(ref.centre);
  Partition& partition = pipeline->partition(pipeline->partition_of(id));
  const Entry* found = entry(ref);
  EXPECT_NE(found, nullptr) << ref.learner;
  return found ? partition.describe(*partition.centre(id), *found, true) : v1::EntryStatus{};
}

}  // namespace vtq::test
