#include "pipeline/derive.h"

#include <algorithm>

#include "pipeline/approval.h"
#include "pipeline/gate.h"
#include "pipeline/mitigation.h"
#include "pipeline/scrutiny.h"

namespace vtq {
namespace {

/// What stands in the way of assurance. Malpractice goes before sampling, the centre's part before the awarding organisation's.
enum class Block { none, malpractice, centre_response, awarding_organisation, rule };

struct Assurance {
  Block block = Block::none;
  Day sample_due = 0;
  Obstacle obstacle;  ///< of Block::rule
  Obstacle mitigation;  ///< what an application for mitigation waits for, in place of evidence
  TimeMs wake_at = kNever;
};

Assurance assurance_of(const Entry& entry, const Circumstances& around, const Attainment& attainment, TimeMs now) {
  Assurance found;
  auto block = [&](Block by) {
    if (found.block == Block::none || by < found.block) found.block = by;
  };
  for (const Hold& hold : around.centre.holds) {
    if (!hold.open() || !hold.covers(entry.key, around.qualification.awarding_organisation)) continue;
    block(hold.cause == v1::HoldPlaced::MALPRACTICE       ? Block::malpractice
          : hold.cause == v1::HoldPlaced::CENTRE_RESPONSE ? Block::centre_response
                                                          : Block::awarding_organisation);
  }
  for (const Sample& sample : around.centre.samples) {
    if (!sample.pending() || !sample.covers(entry.key)) continue;
    bool with_centre = sample.status != v1::SampleDecided::WITH_AWARDING_ORGANISATION;
    if (with_centre) found.sample_due = sample.due;
    block(with_centre ? Block::centre_response : Block::awarding_organisation);
  }
  raise(found.obstacle, approval_obstacle(entry, around, now, found.wake_at));
  raise(found.obstacle, scrutiny_obstacle(entry, around));
  if (around.mitigation || around.left_mitigation) {
    Obstacle mitigated = mitigation_obstacle(entry, around, now, found.wake_at);
    raise(found.obstacle, mitigated);
    if (mitigated.rule >= Rule::mitigation_application) found.mitigation = mitigated;
  }
  raise(found.obstacle, result_obstacle(entry.facts, attainment));
  if (found.obstacle.rule != Rule::none) block(Block::rule);
  return found;
}

bool special_consideration_open(const EntryFacts& facts) {
  return facts.special_consideration.set() && facts.special_consideration_status == v1::SpecialConsideration::REQUESTED;
}

bool very_late_entry(const EntryFacts& facts, const Calendar* calendar) {
  return calendar && facts.first_registered_ms > calendar->late_entry_after;
}

bool late_change(const EntryFacts& facts, const Calendar* calendar) {
  bool moved = facts.change == v1::RegistrationChanged::COURSE || facts.change == v1::RegistrationChanged::SIZE;
  return calendar && moved && facts.changed.set() && facts.changed.at_ms > calendar->late_entry_after;
}

bool very_late_special_consideration(const EntryFacts& facts, const Calendar* calendar) {
  return calendar && calendar->claim_deadline != kNever && facts.special_consideration.set() &&
         facts.special_consideration_day > local_day(calendar->claim_deadline);
}

TimeMs date_or_none(TimeMs at) { return at == kNever ? 0 : at; }

/// Works out one status. Holds what several of its steps need.
class Derivation {
 public:
  Derivation(const Entry& entry, const Circumstances& around, TimeMs now)
      : entry_(entry), facts_(entry.facts), around_(around), calendar_(around.calendar), now_(now) {}

  Derived run() {
    out_.attainment = attainment_of(entry_, around_);
    out_.outcome = outcome_of(facts_, around_.qualification, out_.attainment);
    status().outstanding_units = out_.attainment.outstanding_units;
    set_need();
    if (around_.mitigation) {
      status().mitigation = around_.mitigation->kind;
      if (status().mitigation == v1::MitigationDefined::DELAYED && calendar_) status().expected_ms = calendar_->issue_deadline;
      if (out_.attainment.eligible()) status().basis = mitigation_basis(entry_, around_);
    }
    if (entry_.issued.any()) {
      after_issue();
    } else if (facts_.has_left()) {
      end(v1::WITHDRAWN, v1::N2);
    } else if (is_deferred()) {
      end(v1::DEFERRED, v1::N1);
    } else {
      before_issue();
    }
    return std::move(out_);
  }

 private:
  Status& status() { return out_.status; }
  bool claimed() const { return facts_.has_claim() || around_.qualification.awarded_without_claim; }
  bool dated() const { return calendar_ && calendar_->issue_deadline != kNever; }

  bool deadline_passed() const { return dated() && now_ >= calendar_->issue_deadline; }

  bool is_deferred() const {
    bool answered_so = facts_.answered.set() && (facts_.answer == v1::CheckpointAnswered::DEFERRED ||
                                                 facts_.answer == v1::CheckpointAnswered::NOT_ELIGIBLE);
    // A result computed from part of the qualification does not undo a deferral.
    bool result_anyway = around_.qualification.awarded_without_claim && out_.outcome.has_grade() &&
                         (out_.attainment.achieved || !around_.qualification.computed);
    return answered_so && !facts_.has_claim() && !result_anyway;
  }

  void wake(TimeMs at) {
    if (at > now_ && at < out_.wake_at_ms) out_.wake_at_ms = at;
  }
  /// Risk is judged by the full hour, so that a centre's entries wake together and a look in between sees the same.
  TimeMs hour() const { return now_ / kHourMs * kHourMs; }
  void wake_at_the_hour_after(TimeMs at) { wake((at / kHourMs + 1) * kHourMs); }

  void set_need() {
    if (!around_.qualification.in_checkpoint_scope()) {
      status().need = v1::NOT_IN_SCOPE;
      return;
    }
    if (!facts_.answered.set()) {
      status().need = v1::UNCONFIRMED;
      bool silent = calendar_ && calendar_->has_checkpoint() && now_ >= calendar_->checkpoint_closes;
      status().treated_as_critical = silent && around_.awarding_organisation.silence_is_critical;
      if (calendar_ && calendar_->has_checkpoint() && around_.awarding_organisation.silence_is_critical)
        wake(calendar_->checkpoint_closes);
      return;
    }
    status().need =
        facts_.answer == v1::CheckpointAnswered::NEEDED ? v1::PROGRESSION_CRITICAL : v1::NOT_NEEDED;
  }

  void end(v1::Stage stage, v1::Reason reason) {
    status().stage = stage;
    status().reason = reason;
    status().band = v1::SETTLED;
  }

  /// Due, and not issued by the issue deadline.
  void be_late() {
    status().late = true;
    status().band = v1::LATE;
    status().reason = late_reason(entry_, around_);
    out_.left_ms = calendar_->issue_deadline - now_;
  }

  void next(v1::Step step, v1::Owner owner, TimeMs due) {
    status().step = step;
    status().owner = owner;
    status().due_ms = date_or_none(due);
  }

  void after_issue() {
    const Issued& issued = entry_.issued;
    status().reason = issued.reason;
    status().late = issued.late;
    status().basis = issued.basis;
    status().band = v1::SETTLED;
    Gates gates = gates_of_batch({issued.centre_release_ms, issued.learner_release_ms}, issued.at_ms, calendar_);
    TimeMs release = gates.of(Role::learner);
    if (now_ < release) wake(release);
    Withheld stop = withheld(entry_, around_.centre, around_.qualification.awarding_organisation, around_.halted, release,
                             issued.revoked);
    if (now_ >= release && stop == Withheld::none) {
      status().stage = v1::RELEASED;
    } else if (entry_.acknowledged_ms != 0) {
      status().stage = v1::ACKNOWLEDGED;
    } else {
      status().stage = v1::ISSUED;
      next(v1::ACKNOWLEDGE_BATCH, v1::CENTRE, release);
    }
    be_withheld(stop, release);
    const Outcome& outcome = out_.outcome;
    // What follows from a mitigation of later is no reason to correct what was issued: only somebody's word is.
    bool rests_on_mitigation = around_.calculated || issued.basis == v1::CALCULATED_UNITS;
    if (around_.mitigation_since_issue && rests_on_mitigation && outcome.at_ms == 0) return;
    bool differs = outcome.kind == ResultKind::revoked
                       ? !issued.revoked
                       : outcome.has_grade() && (issued.revoked || outcome.grade != issued.grade || outcome.scale != issued.scale);
    // What was issued is changed by the awarding organisation's word only: not by marks, not by rules of later, and not by a result that
    // the rules do not bear out.
    // A result sent that agrees with the rules is such a word.
    bool said = facts_.result_kind == ResultKind::determined && facts_.result_grade == outcome.grade;
    bool by_the_rules = outcome.at_ms == 0 && !said;
    bool unfounded = facts_.result_kind == ResultKind::determined && around_.qualification.grading && !out_.attainment.complete;
    bool disagrees = result_obstacle(facts_, out_.attainment).rule == Rule::result_agrees || (differs && (by_the_rules || unfounded));
    if (disagrees && status().rule != Rule::none) return;  // what withholds it is mended first
    if (disagrees) {
      status().rule = Rule::result_agrees;
      return next(v1::RESOLVE_DISAGREEMENT, v1::AWARDING_ORGANISATION, kNever);
    }
    // A correction goes under halts and holds too: what it revokes is known at once, its grade stays withheld until they are lifted.
    out_.issue_now = differs;
  }

  /// What was issued and is not to be seen, and who lets it be seen again.
  void be_withheld(Withheld stop, TimeMs release) {
    TimeMs left = left_at(facts_);
    bool left_before_issue = left != 0 && left <= entry_.issued.first_at_ms && facts_.result_kind != ResultKind::amended && !entry_.issued.revoked;
    if (stop == Withheld::none && !left_before_issue) return;
    Rule rule = Rule::learner_left;
    v1::Step step = v1::RESOLVE_DISAGREEMENT;
    v1::Owner owner = v1::AWARDING_ORGANISATION;
    v1::Reason reason = v1::L6;
    if (stop == Withheld::issuing_halted) {
      rule = Rule::issuing_halted;
      step = v1::ISSUE_RESULT;
    } else if (stop == Withheld::hold_open) {
      const Hold* hold = hold_before(entry_, around_.centre, around_.qualification.awarding_organisation, release);
      bool centre = hold->cause == v1::HoldPlaced::CENTRE_RESPONSE, case_open = hold->cause == v1::HoldPlaced::MALPRACTICE;
      rule = Rule::hold;
      step = case_open ? v1::CLOSE_CASE : centre ? v1::SEND_SAMPLE : v1::COMPLETE_MODERATION;
      owner = centre ? v1::CENTRE : v1::AWARDING_ORGANISATION;
      reason = case_open ? v1::L4 : centre ? v1::L5 : v1::L6;
    } else if (stop == Withheld::result_revoked) {
      return;  // its correction goes at once
    }
    status().rule = rule;
    next(step, owner, kNever);
    if (stop == Withheld::none) return;
    status().band = v1::AT_RISK;
    if (!status().late) status().reason = reason;
  }

  void before_issue() {
    Assurance assurance = assurance_of(entry_, around_, out_.attainment, now_);
    wake(assurance.wake_at);
    if (assurance.block == Block::rule) status().rule = assurance.obstacle.rule;
    climb(assurance);
    if (out_.ready) {
      plan_issue();
      return;
    }
    if (none_expected()) return expect_none();
    bool incomplete = !out_.attainment.eligible() && !out_.attainment.pathway_missing;
    bool reviewed_late = claimed() && assurance.mitigation.rule == Rule::mitigation_review;
    if (deadline_passed() && (!claimed() || incomplete) && !reviewed_late) {
      end(v1::NOT_CERTIFICATED, code_without_result());
      return;
    }
    find_next_step(assurance);
    if (!deadline_passed()) return assess_risk(assurance);
    be_late();
    // L6 is for what has no other cause: the rule in the way knows better.
    bool held = assurance.block == Block::rule && assurance.obstacle.reason != v1::REASON_NONE;
    if (status().reason == v1::L6 && held) status().reason = assurance.obstacle.reason;
  }

  /// Under a mitigation by which no learners are certificated, none is due until the centre claims it.
  bool none_expected() const {
    return around_.mitigation && around_.mitigation->kind == v1::MitigationDefined::NONE_EXPECTED && !facts_.has_claim();
  }
  void expect_none() {
    status().rule = Rule::none;
    if (deadline_passed()) return end(v1::NOT_CERTIFICATED, v1::N3);
    status().band = v1::ON_TRACK;
    if (!dated()) return;
    out_.left_ms = calendar_->issue_deadline - hour();
    wake(calendar_->issue_deadline);
  }

  /// N3: not certificated, the centre did not claim. N4: evidence incomplete and the centre did not confirm the status. N1: a claim
  /// stands, but the evidence never came.
  v1::Reason code_without_result() const {
    bool incomplete = !out_.attainment.eligible();
    if (incomplete && !facts_.answered.set()) return v1::N4;
    return claimed() ? v1::N1 : v1::N3;
  }

  void climb(const Assurance& assurance) {
    status().stage = v1::REGISTERED;
    if (!out_.attainment.eligible()) return;
    status().stage = v1::ELIGIBLE;
    if (!claimed()) return;
    status().stage = v1::CLAIMED;
    if (assurance.block != Block::none) return;
    status().stage = v1::ASSURED;
    if (!out_.outcome.has_grade() || special_consideration_open(facts_)) return;
    status().stage = v1::READY;
    out_.ready = true;
  }

  void plan_issue() {
    TimeMs since = entry_.ready_since_ms != 0 ? entry_.ready_since_ms : now_;
    TimeMs at = issue_time(since, around_.plan, calendar_, around_.release);
    next(v1::ISSUE_RESULT, v1::AWARDING_ORGANISATION, at);
    if (now_ >= at && !around_.halted) {
      out_.issue_now = true;
      return;
    }
    if (now_ < at) wake(at);
    if (deadline_passed()) return be_late();
    if (dated()) {
      out_.left_ms = calendar_->issue_deadline - now_;
      wake(calendar_->issue_deadline);
    }
    // Halted: someone must let it go on in time.
    status().band = around_.halted ? v1::AT_RISK : v1::ON_TRACK;
    if (around_.halted) status().reason = v1::L6;
  }

  void find_next_step(const Assurance& assurance) {
    TimeMs claim_by = calendar_ ? calendar_->claim_deadline : kNever;
    TimeMs issue_by = calendar_ ? calendar_->issue_deadline : kNever;
    if (must_answer()) return next(v1::ANSWER_CHECKPOINT, v1::CENTRE, calendar_->checkpoint_closes);
    if (out_.attainment.pathway_missing) return next(v1::CORRECT_REGISTRATION, v1::CENTRE, claim_by);
    // What is wrong with the registration itself comes before any more work.
    const Obstacle& first = assurance.obstacle;
    if (first.rule != Rule::none && first.rule < Rule::centre_approval) {
      status().rule = first.rule;
      return next(first.step, first.owner, first.due_ms ? first.due_ms : first.owner == v1::CENTRE ? claim_by : issue_by);
    }
    if (!out_.attainment.eligible() && assurance.mitigation.rule != Rule::none) {
      status().rule = assurance.mitigation.rule;
      return next(assurance.mitigation.step, assurance.mitigation.owner,
                  assurance.mitigation.owner == v1::CENTRE ? claim_by : issue_by);
    }
    if (!out_.attainment.eligible()) return next(v1::RECORD_EVIDENCE, v1::CENTRE, claim_by);
    if (!claimed()) return next(v1::SUBMIT_CLAIM, v1::CENTRE, claim_by);
    switch (assurance.block) {
      case Block::malpractice:
        return next(v1::CLOSE_CASE, v1::AWARDING_ORGANISATION, issue_by);
      case Block::centre_response:
        return next(v1::SEND_SAMPLE, v1::CENTRE, assurance.sample_due ? day_begins(assurance.sample_due + 1) : claim_by);
      case Block::awarding_organisation:
        return next(v1::COMPLETE_MODERATION, v1::AWARDING_ORGANISATION, issue_by);
      case Block::rule:
        return next(assurance.obstacle.step, assurance.obstacle.owner,
                    assurance.obstacle.due_ms ? assurance.obstacle.due_ms : issue_by);
      case Block::none:
        break;
    }
    if (special_consideration_open(facts_))
      return next(v1::DECIDE_SPECIAL_CONSIDERATION, v1::AWARDING_ORGANISATION, issue_by);
    next(v1::DETERMINE_RESULT, v1::AWARDING_ORGANISATION, issue_by);
  }

  bool must_answer() const {
    return status_need_open() && now_ >= calendar_->checkpoint_opens && !claimed();
  }
  bool status_need_open() const {
    return calendar_ && calendar_->has_checkpoint() && !facts_.answered.set() &&
           around_.qualification.in_checkpoint_scope();
  }

  void assess_risk(const Assurance& assurance) {
    if (status_need_open()) {
      wake(calendar_->checkpoint_opens);
      wake(calendar_->checkpoint_closes);
    }
    if (!dated()) {
      status().band = v1::ON_TRACK;
      return;
    }
    TimeMs deadline = calendar_->issue_deadline;
    out_.remaining = remaining_steps(assurance);
    out_.left_ms = deadline - hour();
    wake(deadline);
    wake_at_the_hour_after(deadline - out_.remaining.slow_ms);
    wake_at_the_hour_after(deadline - out_.remaining.usual_ms);
    bool silent = status_need_open() && now_ >= calendar_->checkpoint_closes;
    if (out_.left_ms < out_.remaining.usual_ms) {
      status().band = v1::AT_RISK;
    } else if (out_.left_ms < out_.remaining.slow_ms || silent || assurance.block == Block::malpractice) {
      status().band = v1::WATCH;
    } else {
      status().band = v1::ON_TRACK;
    }
    if (status().band != v1::ON_TRACK) status().reason = code_of_what_blocks(assurance);
  }

  Duration remaining_steps(const Assurance& assurance) const {
    Duration sum;
    auto add = [&](TimedStep step, std::uint32_t times) {
      Duration one = around_.durations.of(around_.qualification.awarding_organisation, step);
      sum.usual_ms += one.usual_ms * times;
      sum.slow_ms += one.slow_ms * times;
    };
    std::uint32_t gaps_max = around_.durations.policy().evidence_gaps_max;
    add(TimedStep::evidence, std::min<std::uint32_t>(out_.attainment.outstanding_units, gaps_max));
    if (!claimed()) add(TimedStep::claim, 1);
    if (assurance.block != Block::none) add(TimedStep::assurance, 1);
    bool awaited = !out_.outcome.has_grade() && !around_.qualification.computed;
    if (awaited || special_consideration_open(facts_)) add(TimedStep::result, 1);
    return sum;
  }

  /// The code that the return would carry, if nothing moved.
  v1::Reason code_of_what_blocks(const Assurance& assurance) const {
    if (assurance.block == Block::malpractice) return v1::L4;
    if (very_late_entry(facts_, calendar_)) return v1::L2;
    if (late_change(facts_, calendar_)) return v1::L3;
    if (out_.attainment.pathway_missing) return assurance.obstacle.reason;
    if (assurance.mitigation.rule == Rule::mitigation_review) return v1::L6;
    if (!out_.attainment.eligible()) return facts_.answered.set() ? v1::N1 : v1::N4;
    if (!claimed()) return v1::N3;
    if (assurance.block == Block::centre_response) return v1::L5;
    if (assurance.block == Block::rule) return assurance.obstacle.reason;
    if (special_consideration_open(facts_) && very_late_special_consideration(facts_, calendar_)) return v1::L7;
    return v1::L6;
  }

  const Entry& entry_;
  const EntryFacts& facts_;
  const Circumstances& around_;
  const Calendar* calendar_;
  TimeMs now_;
  Derived out_;
};

/// When the last of what assurance waited for was settled; 0 when nothing had to be.
TimeMs assured_at(const Entry& entry, const Circumstances& around) {
  TimeMs at = 0;
  for (const Hold& hold : around.centre.holds)
    if (hold.covers(entry.key, around.qualification.awarding_organisation)) at = std::max(at, hold.lifted.at_ms);
  for (const Sample& sample : around.centre.samples)
    if (sample.covers(entry.key)) at = std::max(at, sample.stamp.at_ms);
  return at;
}

bool centre_answered_late(const Entry& entry, const Circumstances& around, TimeMs deadline) {
  for (const Hold& hold : around.centre.holds) {
    if (hold.cause != v1::HoldPlaced::CENTRE_RESPONSE) continue;
    if (!hold.covers(entry.key, around.qualification.awarding_organisation)) continue;
    if (hold.open() || hold.lifted.at_ms > deadline) return true;
  }
  for (const Sample& sample : around.centre.samples) {
    if (!sample.covers(entry.key)) continue;
    if (sample.pending() && sample.status != v1::SampleDecided::WITH_AWARDING_ORGANISATION) return true;
    bool answered_in_time = sample.responded != 0 && (sample.due == 0 || sample.responded <= sample.due);
    if (!sample.pending() && sample.stamp.at_ms > deadline && !answered_in_time) return true;
  }
  return false;
}

}  // namespace

Attainment attainment_of(const Entry& entry, const Circumstances& around) {
  return attain(entry.facts, around.qualification, around.calculated.get());
}

Derived derive(const Entry& entry, const Circumstances& around, TimeMs now) {
  return Derivation(entry, around, now).run();
}

v1::Reason late_reason(const Entry& entry, const Circumstances& around) {
  const EntryFacts& facts = entry.facts;
  const Calendar* calendar = around.calendar;
  if (!calendar) return v1::L6;
  TimeMs deadline = calendar->issue_deadline;
  for (const Hold& hold : around.centre.holds) {
    if (hold.cause != v1::HoldPlaced::MALPRACTICE) continue;
    if (!hold.covers(entry.key, around.qualification.awarding_organisation)) continue;
    if (hold.open() || hold.lifted.at_ms > deadline) return v1::L4;
  }
  // The list knows no code for a claim between the issue deadline and results day: L1 is the nearest.
  if (facts.has_claim() && facts.claim.at_ms >= deadline) return v1::L1;
  if (very_late_entry(facts, calendar)) return v1::L2;
  if (late_change(facts, calendar)) return v1::L3;
  bool consideration_late = special_consideration_open(facts) || facts.special_consideration.at_ms > deadline;
  if (very_late_special_consideration(facts, calendar) && consideration_late) return v1::L7;
  TimeMs complete = evidence_complete_at(facts, around.qualification, around.calculated.get());
  TimeMs never = kNever;
  if (complete == 0 && mitigation_obstacle(entry, around, deadline, never).rule == Rule::mitigation_review) return v1::L6;
  if (complete == 0 || complete > deadline || centre_answered_late(entry, around, deadline)) return v1::L5;
  if (action_overdue_at(deadline, entry, around)) return v1::L5;
  return v1::L6;
}

void observe_steps(const Entry& entry, const Circumstances& around, Durations& into) {
  const EntryFacts& facts = entry.facts;
  AwardingOrganisationId ao = around.qualification.awarding_organisation;
  TimeMs complete = evidence_complete_at(facts, around.qualification, around.calculated.get());
  TimeMs before = 0;
  for (const UnitFact& fact : facts.units)
    if (fact.stamp.at_ms < complete) before = std::max(before, fact.stamp.at_ms);
  if (before != 0) into.observe(ao, TimedStep::evidence, complete - before);
  if (facts.has_claim()) into.observe(ao, TimedStep::claim, facts.claim.at_ms - complete);
  TimeMs claimed = std::max(complete, facts.claim.at_ms);
  TimeMs assured = assured_at(entry, around);
  if (assured > claimed) into.observe(ao, TimedStep::assurance, assured - claimed);
  // A computed result takes no time.
  if (facts.has_result()) into.observe(ao, TimedStep::result, facts.result.at_ms - std::max(claimed, assured));
}

}  // namespace vtq
