#include "pipeline/facts/reference.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <set>
#include <tuple>

#include "pipeline/base/canonical.h"
#include "pipeline/facts/kind.h"

namespace vtq {
namespace {

/// What a slot begins with that keeps where a qualification was before.
constexpr std::string_view kBeforeSlot = "qualification-before ";

AwardingOrganisationId ao_id(const std::string& text) { return *parse_awarding_organisation(text); }
SeriesId series_id(const std::string& text) { return *parse_series(text); }

/// Whether the message, or one within it, came with fields that this version does not know.
bool has_unknown_fields(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  const google::protobuf::Descriptor& descriptor = *message.GetDescriptor();
  for (int at = 0; at < descriptor.field_count(); ++at) {
    const google::protobuf::FieldDescriptor* field = descriptor.field(at);
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (reflection.HasField(message, field) && has_unknown_fields(reflection.GetMessage(message, field))) return true;
      continue;
    }
    for (int item = 0, count = reflection.FieldSize(message, field); item < count; ++item)
      if (has_unknown_fields(reflection.GetRepeatedMessage(message, field, item))) return true;
  }
  return false;
}

bool has_unknown_fields(const v1::Event& event) {
  const google::protobuf::Reflection& reflection = *event.GetReflection();
  if (!reflection.GetUnknownFields(event).empty() || has_unknown_fields(event.occurred_at())) return true;
  static const google::protobuf::OneofDescriptor* fact = v1::Event::descriptor()->FindOneofByName("fact");
  const google::protobuf::FieldDescriptor* field = reflection.GetOneofFieldDescriptor(event, fact);
  return field && has_unknown_fields(reflection.GetMessage(event, field));
}

}  // namespace

std::string text_of_moment(const v1::Event& event) {
  std::string text = utc_text(event.occurred_at().seconds() * 1000);
  char nanos[16];
  std::snprintf(nanos, sizeof nanos, ".%09dZ", event.occurred_at().nanos());
  return text.substr(0, text.find('.')) + nanos;
}

std::string content_of(const v1::Event& event) {
  if (!has_unknown_fields(event)) return event.SerializeAsString();
  v1::Event known = event;
  known.DiscardUnknownFields();
  return known.SerializeAsString();
}

Stamp stamp_of(const v1::Event& event) { return stamp_of(event, content_of(event)); }

Stamp stamp_of(const v1::Event& event, std::string_view bytes) {
  bool canonical = is_canonical(*v1::Event::descriptor(), bytes);
  const auto& at = event.occurred_at();
  return {.at_ms = at.seconds() * 1000 + at.nanos() / 1'000'000,
          .tie = static_cast<std::uint32_t>(long_hash(canonical ? bytes : content_of(event))),
          .nanos = static_cast<std::uint32_t>(at.nanos() % 1'000'000)};
}

bool is_later(const v1::Event& event, const Stamp& stamp, const v1::Event& held, const Stamp& held_stamp, Clash* clash) {
  Said said = said_by(event), before = said_by(held);
  if (clash) clash->id_reused = said.same_id(before);
  if (stamp.moment() != held_stamp.moment()) return held_stamp.before(stamp);
  // At one moment a word that stops goes before the one that takes it back.
  if (const FactKind* kind = kind_of_fact(event); kind && kind->stops && kind->stops(event) != kind->stops(held)) {
    if (clash) clash->decided_by = DecidedBy::stop;
    return kind->stops(event);
  }
  Order order = compare(said, before);
  if (clash) clash->decided_by = order.by;
  return order.order != 0 ? order.order > 0 : content_of(event) > content_of(held);
}

Merged against(const Reference::Slot& held, const v1::Event& event, const Stamp& stamp, Clash* clash) {
  if (held.stamp == stamp) return Merged::duplicate;
  v1::Event before;
  bool readable = before.ParseFromArray(held.event.data(), static_cast<int>(held.event.size()));
  return !readable || is_later(event, stamp, before, held.stamp, clash) ? Merged::applied : Merged::superseded;
}

Merged Reference::merge(const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp, Clash* clash) {
  std::string slot = slot_of(event);
  auto [at, fresh] = slots_.try_emplace(slot);
  Merged merged = fresh ? Merged::applied : against(at->second, event, stamp, clash);
  if (event.has_qualification_defined() && !fresh && merged == Merged::applied) keep_cohort_before(event, Slot(at->second));
  if (event.has_qualification_defined() && merged == Merged::superseded)
    if (v1::Event holds; holds.ParseFromString(at->second.event)) keep_cohort_before(holds, {stamp, std::string(bytes)});
  if (merged != Merged::applied) return merged;
  at->second = Slot{stamp, std::string(bytes)};
  changed_slots_.push_back(std::move(slot));
  define(event, address, stamp);
  // An earlier calendar counts for the gates only.
  return event.has_calendar_defined() && in_force(event)->stamp != stamp ? Merged::superseded : Merged::applied;
}

const Reference::Slot* Reference::in_force(const v1::Event& event) const {
  std::string slot = slot_of(event);
  if (event.has_calendar_defined()) {
    const auto& fact = event.calendar_defined();
    auto dates = calendars_.find({ao_id(fact.awarding_organisation()), fact.level(), series_id(fact.series())});
    if (dates != calendars_.end()) slot = dates->second.latest().slot;
  }
  auto at = slots_.find(slot);
  return at == slots_.end() ? nullptr : &at->second;
}

/// Keeps the definition that holds no longer, or never did, where it is of another cohort: the last of each.
void Reference::keep_cohort_before(const v1::Event& holds, const Slot& before) {
  v1::Event event;
  if (!event.ParseFromString(before.event)) return;
  const v1::QualificationDefined &said = event.qualification_defined(), &now = holds.qualification_defined();
  if (said.level() == now.level() && said.awarding_organisation() == now.awarding_organisation()) return;
  const QualificationId id = *parse_qualification(said.qualification());
  std::string slot(kBeforeSlot);
  slot += text_of(id) + " " + said.awarding_organisation() + " " + v1::Level_Name(said.level());
  auto [at, fresh] = slots_.try_emplace(slot, before);
  if (!fresh && !at->second.stamp.before(before.stamp)) return;
  at->second = before;
  changed_slots_.push_back(std::move(slot));
  if (cohorts_before_[id].insert({ao_id(said.awarding_organisation()), said.level()}).second) changes_.push_back({.qualification = id});
}

void Reference::restore(std::string_view slot, const Stamp& stamp, const v1::Event& event, const Address& address, std::string_view bytes) {
  if (slot.starts_with(kBeforeSlot)) {
    const auto& said = event.qualification_defined();
    slots_[std::string(slot)] = Slot{stamp, std::string(bytes)};
    cohorts_before_[*parse_qualification(said.qualification())].insert({ao_id(said.awarding_organisation()), said.level()});
    return;
  }
  // Calendars were named without their digest once.
  slots_[event.has_calendar_defined() ? slot_of(event) : std::string(slot)] = Slot{stamp, std::string(bytes)};
  define(event, address, stamp);
  changes_.clear();
}

void Reference::define(const v1::Event& event, const Address& address, const Stamp& stamp) {
  if (const FactKind& kind = *kind_of_fact(event); kind.define) kind.define(*this, event, address, stamp);
}

void Reference::define_awarding_organisation(AwardingOrganisationId id, const v1::AwardingOrganisationDefined& fact) {
  awarding_organisations_[id] = {fact.name(), fact.silence_is_critical()};
  changes_.push_back({.awarding_organisation = id});
}

void Reference::define_centre(CentreId id, const v1::CentreDefined& fact) {
  auto& held = centres_[id];
  // A centre new to the reference data may have records waiting for it; its details touch no status.
  bool fresh = held == nullptr;
  held = std::make_unique<v1::CentreDefined>(fact);
  if (fresh) changes_.push_back({.series = SeriesId{}});
}

void Reference::define_qualification(const v1::QualificationDefined& fact) {
  auto made = std::make_unique<Qualification>(make_qualification(fact, scales_));
  approvals_.define(made->id, fact);
  made->approval = approvals_.terms(made->id);
  if (auto at = mitigations_.find(made->id); at != mitigations_.end()) {
    made->mitigations = &at->second;
    move_calendars(*made, at->second);
    touch_other_sizes(*made);
  }
  changes_.push_back({.qualification = made->id});
  qualifications_[made->id] = std::move(made);
}

void Reference::define_scale(const v1::GradingScaleDefined& fact) {
  scales_[fact.name()] = make_scale(fact);
  for (auto& [id, qualification] : qualifications_) qualification->link(scales_);
  changes_.push_back({});
}

void Reference::define_release(const CohortKey& cohort, const v1::Event& event, const Stamp& stamp) {
  ReleaseWords& words = releases_[cohort];
  if (event.has_release_planned()) words.say(event, event.release_planned());
  if (event.has_release_approved()) words.say(event.release_approved(), stamp);
  if (event.has_release_overridden()) words.say(event.release_overridden());
  changes_.push_back({.awarding_organisation = cohort.awarding_organisation, .level = cohort.level, .series = cohort.series});
  if (!event.has_release_approved()) return;
  // It may be of a calendar.
  auto at = calendars_.find(cohort);
  if (at == calendars_.end()) return;
  at->second.work_out(&words);
  calendar_changed(cohort);
}

void Reference::define_terms(AwardingOrganisationId id, const v1::ReleasePolicyDefined& fact) {
  release_terms_[id] = terms_of(fact);
  changes_.push_back({.awarding_organisation = id});
}

void HaltWords::say(const Moment& at, bool halted) {
  // At one moment a word that stops goes before the one that takes it back.
  auto [word, fresh] = words.try_emplace(at, halted);
  word->second = word->second || halted;
}

void Reference::define_halt(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification, bool halted,
                            const Stamp& stamp) {
  HaltWords& held = halts_[{awarding_organisation, series, qualification}];
  held.awarding_organisation = awarding_organisation;
  held.series = series;
  held.qualification = qualification;
  held.say(stamp.moment(), halted);
  // A qualification may have moved since its results were issued: whoever is concerned is found without it.
  ReferenceChange change{.series = series};
  if (awarding_organisation != AwardingOrganisationId{}) change.awarding_organisation = awarding_organisation;
  changes_.push_back(change);
}

void Reference::define_strategy(AwardingOrganisationId awarding_organisation, std::optional<QualificationId> qualification,
                                const v1::ScrutinyStrategyDefined& fact) {
  strategies_[{awarding_organisation, qualification.value_or(QualificationId{})}] = fact;
  changes_.push_back({.qualification = qualification, .awarding_organisation = awarding_organisation});
}

std::vector<ReferenceChange> Reference::take_changes() {
  std::vector<ReferenceChange> taken = std::exchange(changes_, {});
  std::sort(taken.begin(), taken.end());
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
  return taken;
}

void Reference::define_approval(const v1::Event& event, const Address& address, const Stamp& stamp) {
  for (QualificationId id : approvals_.take(event, address.qualification, stamp)) {
    if (auto at = qualifications_.find(id); at != qualifications_.end()) at->second->approval = approvals_.terms(id);
    changes_.push_back({.qualification = id});
  }
}

void Reference::define_mitigation(QualificationId id, const v1::Event& event, const Stamp& stamp) {
  const auto& fact = event.mitigation_defined();
  auto& words = mitigation_words_[{id, fact.series(), fact.centre(), fact.learner()}];
  words[stamp.moment()] = event;
  // Told again it is no later one: what was issued since the first time was issued under it.
  auto terms = [](const auto& word) { return word.second.mitigation_defined().SerializeAsString(); };
  auto first = std::prev(words.end());
  while (first != words.begin() && terms(*std::prev(first)) == terms(*words.rbegin())) --first;
  Mitigations& defined = mitigations_[id];
  Mitigation& held = take_mitigation(defined, words.rbegin()->second);
  held.defined_ms = first->first.at_ms;
  SeriesId series = held.series;
  changes_.push_back({.qualification = id, .series = series});
  auto at = qualifications_.find(id);
  if (at == qualifications_.end()) return;
  at->second->mitigations = &defined;
  move_calendars(*at->second, defined);
  touch_other_sizes(*at->second);
}

/// Learners who left the qualification for another size are held by its mitigations.
void Reference::touch_other_sizes(const Qualification& left) {
  for (const auto& [other, qualification] : qualifications_)
    if (other != left.id && !left.family.empty() && qualification->family == left.family) changes_.push_back({.qualification = other});
}

/// Works out the dates of delayed assessments anew.
void Reference::move_calendars(const Qualification& qualification, Mitigations& defined) const {
  for (Mitigation& mitigation : defined) {
    const Calendar* ordinary = calendar({qualification.awarding_organisation, qualification.level, mitigation.series}, qualification.id);
    mitigation.calendar.reset();
    if (ordinary && mitigation.kind == v1::MitigationDefined::DELAYED && mitigation.expected_on)
      mitigation.calendar = delayed(*ordinary, mitigation.expected_on);
  }
}

const Qualification* Reference::qualification(QualificationId id) const {
  auto at = qualifications_.find(id);
  return at == qualifications_.end() ? nullptr : at->second.get();
}

const AwardingOrganisation* Reference::awarding_organisation(AwardingOrganisationId id) const {
  auto at = awarding_organisations_.find(id);
  return at == awarding_organisations_.end() ? nullptr : &at->second;
}

const v1::CentreDefined* Reference::centre(CentreId id) const {
  auto at = centres_.find(id);
  return at == centres_.end() ? nullptr : at->second.get();
}

const ReleaseWords* Reference::release(const CohortKey& key) const {
  auto at = releases_.find(key);
  return at == releases_.end() ? nullptr : &at->second;
}

const ReleaseTerms* Reference::release_terms(AwardingOrganisationId id) const {
  auto at = release_terms_.find(id);
  return at == release_terms_.end() ? nullptr : &at->second;
}

bool Reference::halted(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification) const {
  bool found = false;
  each_halt_words(awarding_organisation, series, qualification, [&](const HaltWords& words) { found = found || words.halted(); });
  return found;
}

std::vector<HaltInForce> Reference::halts() const {
  std::vector<HaltInForce> found;
  for (const auto& [key, halt] : halts_)
    if (halt.halted()) found.push_back({key.awarding_organisation, key.series, halt.words.rbegin()->first.at_ms, key.qualification});
  return found;
}

const v1::ScrutinyStrategyDefined* Reference::strategy(AwardingOrganisationId awarding_organisation, QualificationId qualification) const {
  if (strategies_.empty()) return nullptr;
  auto at = strategies_.find({awarding_organisation, qualification});
  if (at == strategies_.end()) at = strategies_.find({awarding_organisation, QualificationId{}});
  return at == strategies_.end() ? nullptr : &at->second;
}

std::optional<bool> Reference::scale_has(const std::string& scale, std::string_view value) const {
  auto at = scales_.find(scale);
  if (at == scales_.end()) return std::nullopt;
  return at->second.has(short_hash(value));
}

}  // namespace vtq
