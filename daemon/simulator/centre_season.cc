#include "daemon/simulator/centre_season.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace vtq::simulator {

namespace {

std::string padded(std::uint64_t number, int width) {
  char text[24];
  const int length = std::snprintf(text, sizeof text, "%0*llu", width, static_cast<unsigned long long>(number));
  return {text, static_cast<std::size_t>(length)};
}

// Each awarding organisation has letters and a width of its own, so that no two give a learner the same number.
std::string registration_number(std::size_t awarding_organisation, std::uint32_t number) {
  std::string text(1, static_cast<char>('A' + awarding_organisation % 15));
  if (awarding_organisation >= 15) text += static_cast<char>('P' + awarding_organisation / 15);
  const int width = 6 + static_cast<int>(awarding_organisation % 3);
  return text + padded(number % 1'000'000, width);
}

}  // namespace

CentreSeason::CentreSeason(Run& run, const CentrePlan& centre, Rng& rng)
    : run_(run),
      centre_(centre),
      rng_(rng),
      planner_(run.season, centre, rng),
      events_(run.season, run.catalogue, centre, run.ids, run.book, run.summary, rng),
      number_from_(static_cast<std::uint32_t>(rng.below(900'000))) {}

bool CentreSeason::suits(Fate fate, const Entry& entry, std::size_t group) const {
  const CohortCourse& cohort = cohorts_[entry.cohort];
  const FateRule& rule = rule_of(fate);
  if (entry.taken || cohort.fate != Fate::on_time || group_of(cohort.qualification->level) != group) return false;
  if (rule.certified == Certified::automatic && !cohort.qualification->automatic) return false;
  if (rule.certified == Certified::by_claim && cohort.qualification->automatic) return false;
  return allows(*cohort.qualification, fate);
}

// Like troubles come together: a fate befalls a few learners of one cohort, then goes on elsewhere.
std::uint32_t CentreSeason::place(Fate fate, std::size_t group, std::uint32_t count) {
  for (std::size_t tries = 0; count > 0 && tries < 40; ++tries) {
    std::size_t at = rng_.below(entries_.size());
    const auto cohort = entries_[at].cohort;
    for (std::size_t run = 1 + static_cast<std::size_t>(rng_.exponential(2)); run > 0 && count > 0; --run, ++at) {
      if (at >= entries_.size() || entries_[at].cohort != cohort || !suits(fate, entries_[at], group)) break;
      entries_[at].fate = fate;
      entries_[at].taken = true;
      --count;
      tries = 0;
    }
  }
  // Fewer entries suit where some qualifications have rules of their own.
  for (std::size_t i = 0; i < entries_.size() && count > 0 && !run_.plain; ++i) {
    if (!suits(fate, entries_[i], group)) continue;
    entries_[i].fate = fate;
    entries_[i].taken = true;
    --count;
  }
  return count;
}

void CentreSeason::choose_fates() {
  for (std::size_t group = 0; group < kGroups; ++group) {
    for (const auto& rule : fate_rules()) {
      auto& waiting = run_.carried[group][index_of(rule.fate)];
      const auto due = centre_.fates[group][index_of(rule.fate)];
      // What waited goes where the same fate is due anyway, or where every centre may have it.
      const bool anywhere = !is_late(rule.kind) && rule.answered != Answered::no;
      const auto count = due + (due > 0 || anywhere ? waiting : 0);
      if (count == 0) continue;
      waiting = (due > 0 || anywhere ? 0 : waiting) + place(rule.fate, group, count);
    }
  }
}

// A fate gives way to one of the same end that only a qualification with rules of its own can bring: at once where it befell an entry
// of one, else in exchange with an entry of one that goes well.
void CentreSeason::exchange(Fate from, Fate to, System system, double chance) {
  for (auto& entry : entries_) {
    const CohortCourse& cohort = cohorts_[entry.cohort];
    if (entry.fate != from || cohort.fate != Fate::on_time || !rng_.chance(chance)) continue;
    const auto takes_over = [&](const Entry& other) {
      const CohortCourse& its = cohorts_[other.cohort];
      return its.fate == Fate::on_time && its.qualification->system == system && !its.qualification->computed &&
             group_of(its.qualification->level) == group_of(cohort.qualification->level);
    };
    auto* other = takes_over(entry) ? &entry : nullptr;
    for (std::size_t i = 0; i < entries_.size() && other == nullptr; ++i) {
      if (entries_[i].fate == Fate::on_time && takes_over(entries_[i])) other = &entries_[i];
    }
    if (other == nullptr) continue;
    entry.fate = Fate::on_time;
    other->fate = to;
  }
}

void CentreSeason::apply_rules() {
  exchange(Fate::marking_late, Fate::disagreement_late, System::points, 0.4);
  exchange(Fate::result_never_determined, Fate::registered_after_withdrawal, System::approval, 0.8);
  exchange(Fate::late_course_change, Fate::size_change_refused, System::smaller, 0.8);
  exchange(Fate::claim_never_made, Fate::none_expected, System::none_expected, 0.8);
  for (auto& entry : entries_) {
    const CohortCourse& cohort = cohorts_[entry.cohort];
    if (entry.fate != Fate::on_time || cohort.fate != Fate::on_time) continue;
    const Qualification& q = *cohort.qualification;
    if (q.by_table && rng_.chance(0.08)) entry.fate = Fate::partial_achievement;
    switch (q.system) {
      case System::combination:
        if (rng_.chance(0.12)) entry.fate = Fate::pathway_corrected;
        break;
      case System::points:
        if (!q.computed && rng_.chance(0.06)) entry.fate = Fate::disagreement_resolved;
        break;
      case System::scrutiny:
        if (cohort.visited_again == 0) entry.fate = Fate::monitored_in_time;
        if (cohort.action_done != 0) entry.fate = Fate::action_in_time;
        if (cohort.sanction_lifted != 0) entry.fate = Fate::sanction_in_time;
        break;
      case System::delayed:
        entry.fate = cohort.opted_out != 0 ? Fate::opted_out : Fate::delayed_result;
        break;
      case System::calculated:
        if (rng_.chance(0.6)) entry.fate = Fate::calculated_result;
        break;
      case System::adapted:
        entry.fate = Fate::adapted_result;
        break;
      default:
        break;
    }
  }
}

const Learner* CentreSeason::new_learner(std::size_t awarding_organisation) {
  auto& known = learners_[awarding_organisation];
  auto learner = std::make_unique<Learner>();
  learner->number = registration_number(awarding_organisation, number_from_ + static_cast<std::uint32_t>(known.size()) * 3);
  const double kind = rng_.unit();
  learner->uln = kind < 0.015 ? "9999999999" : kind < 0.045 ? "" : run_.learner_numbers.next();
  const bool has_candidates = centre_.type == "School" || centre_.type == "Sixth form college";
  if (has_candidates && candidates_ < 9'999 && rng_.chance(0.9)) {
    learner->uci = candidate_identifier(centre_.number, rng_.chance(0.8) ? '0' : 'B', run_.season.year, ++candidates_);
  }
  known.push_back(std::move(learner));
  return known.back().get();
}

// One in five is already known to the awarding organisation from another qualification at the centre.
std::vector<const Learner*> CentreSeason::learners_of(const Cohort& cohort) {
  const auto organisation = run_.catalogue.qualifications[cohort.qualification].awarding_organisation;
  const std::size_t known = learners_[organisation].size();
  const std::size_t again = std::min<std::size_t>(known, cohort.size / 5), from = rng_.below(known - again + 1);
  std::vector<const Learner*> learners;
  for (std::size_t i = 0; i < again; ++i) learners.push_back(learners_[organisation][from + i].get());
  while (learners.size() < cohort.size) learners.push_back(new_learner(organisation));
  return learners;
}

void CentreSeason::play_entry(const CohortCourse& cohort, const Entry& entry, const Learner& learner) {
  const Qualification& q = *cohort.qualification;
  const Fate fate = cohort.fate != Fate::on_time ? cohort.fate : entry.fate;
  const Course course = planner_.entry(cohort, entry.index, fate);
  const Expectation expected = planner_.expectation(cohort, course, entry.index);
  events_.add_entry(cohort, course, entry.index, learner);
  run_.truth.add(run_.season, centre_, run_.catalogue.awarding_organisations[q.awarding_organisation].number, learner.number, cohort, fate, expected);

  if (expected.issued_at != 0) batches_.emplace_back(q.awarding_organisation, expected.issued_at, q.level);
  for (const auto& correction : expected.corrections) batches_.emplace_back(q.awarding_organisation, correction.at, q.level);
  const Millis due = run_.season.checkpoint_due;
  incomplete_ |= run_.season.checkpoint && q.in_scope() && (course.gone == 0 || course.gone > due) &&
                 (course.answers.empty() || course.answers.front().at > due);
  has_late_ |= expected.late;
  Summary& summary = run_.summary;
  const bool level_3 = q.level == v1::LEVEL_3;
  ++summary.entries;
  summary.entries_level_3 += level_3;
  summary.late += expected.late;
  (level_3 ? summary.late_level_3 : summary.late_level_1_2) += expected.late;
  (level_3 ? summary.on_time_level_3 : summary.on_time_level_1_2) += expected.issued_at != 0 && !expected.late;
  summary.corrected += !expected.corrections.empty();
}

// Batches are numbered within centre, awarding organisation and series in order of time, then level.
void CentreSeason::acknowledge_batches() {
  std::sort(batches_.begin(), batches_.end());
  batches_.erase(std::unique(batches_.begin(), batches_.end()), batches_.end());
  run_.summary.batches += batches_.size();
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    const auto& [organisation, issued_at, level] = batches_[i];
    number = i > 0 && std::get<0>(batches_[i - 1]) == organisation ? number + 1 : 1;
    if (!rng_.chance(0.5)) continue;
    events_.add_acknowledgement(
        centre_.number + "." + run_.catalogue.awarding_organisations[organisation].number + "." + run_.season.series + "." + padded(number, 4),
        issued_at);
  }
}

void CentreSeason::declare() {
  std::set<std::pair<std::size_t, v1::Level>> taught;
  std::set<std::size_t> scrutinised;
  for (const auto& cohort : cohorts_) {
    taught.emplace(cohort.qualification->awarding_organisation, cohort.qualification->level);
    if (cohort.visited != 0) scrutinised.insert(cohort.qualification->awarding_organisation);
  }
  std::size_t approved = SIZE_MAX;
  for (const auto& [organisation, level] : taught) {
    if (approved != organisation) events_.add_approval(organisation, !scrutinised.contains(organisation));
    if (approved != organisation && rng_.chance(0.01)) events_.add_passing_hold(organisation);
    approved = organisation;
    if (run_.season.checkpoint && !centre_.incomplete) events_.add_declaration(organisation, level);
  }
}

void CentreSeason::play() {
  if (centre_.entries == 0) return;
  for (const auto& cohort : centre_.cohorts) {
    const auto number = static_cast<std::uint32_t>(cohorts_.size());
    cohorts_.push_back(planner_.cohort(cohort, run_.catalogue.qualifications[cohort.qualification]));
    for (std::uint32_t i = 0; i < cohort.size; ++i) entries_.push_back({number, i, Fate::on_time, false});
  }
  choose_fates();
  if (!run_.plain) apply_rules();
  declare();
  std::vector<const Learner*> learners;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.index == 0) {
      learners = learners_of(centre_.cohorts[entry.cohort]);
      events_.add_cohort(cohorts_[entry.cohort]);
    }
    play_entry(cohorts_[entry.cohort], entry, *learners[entry.index]);
  }
  acknowledge_batches();
  run_.summary.centres_incomplete += incomplete_;
  run_.summary.centres_with_late += has_late_;
  ++run_.summary.centres;
}

}  // namespace vtq::simulator
