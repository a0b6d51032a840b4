#include "pipeline/status/derive.h"

#include <algorithm>

#include "pipeline/facts/told_again.h"
#include "pipeline/release/gate.h"
#include "pipeline/rules/approval.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/rules/scrutiny.h"

namespace vtq {
namespace {

/// What stands in the way of assurance. Malpractice goes before sampling, the centre's part before the awarding organisation's.
enum class Block { none, malpractice, centre_response, awarding_organisation, rule };

struct Assurance {
  Block block = Block::none;
  Day sample_due = 0;
  Obstacle obstacle;    ///< of Block::rule
  Obstacle mitigation;  ///< what an application for mitigation waits for, in place of evidence
  TimeMs wake_at = kNever;
};

Assurance assurance_of(const Entry& entry, const Circumstances& around, const Attainment& attainment, TimeMs now) {
  Assurance found;
  auto block = [&](Block by) {
    if (found.block == Block::none || by < found.block) found.block = by;
  };
  for (const Hold& hold : around.centre.holds) {
    const Hold::Word* placed = hold.over(entry.key, around.qualification.awarding_organisation);
    if (!placed) continue;
    block(placed->cause == v1::HoldPlaced::MALPRACTICE       ? Block::malpractice
          : placed->cause == v1::HoldPlaced::CENTRE_RESPONSE ? Block::centre_response
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
  raise(found.obstacle, result_obstacle(entry.facts, around.qualification, attainment));
  if (found.obstacle.rule != Rule::none) block(Block::rule);
  return found;
}

bool special_consideration_open(const EntryFacts& facts) {
  return facts.special_consideration.set() && facts.special_consideration_status == v1::SpecialConsideration::REQUESTED;
}

/// When the learner was entered. A registration sent again corrects details and enters nobody anew; one after a withdrawal does.
TimeMs entered_at(const EntryFacts& facts) {
  bool anew = std::max(facts.withdrawn.at_ms, facts.transferred.at_ms) > facts.first_registered_ms;
  return anew ? facts.registered.at_ms : facts.first_registered_ms;
}

bool very_late_entry(const EntryFacts& facts, const Calendar* calendar) { return calendar && entered_at(facts) > calendar->late_entry_after; }

/// A change of course or size that came very late, and by the issue deadline: one of later explains nothing.
bool late_change(const EntryFacts& facts, const Calendar* calendar) {
  bool moved = facts.change == v1::RegistrationChanged::COURSE || facts.change == v1::RegistrationChanged::SIZE;
  return calendar && moved && facts.changed.set() && facts.changed.at_ms > calendar->late_entry_after &&
         facts.changed.at_ms <= calendar->issue_deadline;
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
    bool answered_so =
        facts_.answered.set() && (facts_.answer == v1::CheckpointAnswered::DEFERRED || facts_.answer == v1::CheckpointAnswered::NOT_ELIGIBLE);
    // A result computed from part of the qualification does not undo a deferral.
    bool result_anyway =
        around_.qualification.awarded_without_claim && out_.outcome.final && (out_.attainment.achieved || !around_.qualification.computed);
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
      if (calendar_ && calendar_->has_checkpoint() && around_.awarding_organisation.silence_is_critical) wake(calendar_->checkpoint_closes);
      return;
    }
    status().need = facts_.answer == v1::CheckpointAnswered::NEEDED ? v1::PROGRESSION_CRITICAL : v1::NOT_NEEDED;
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
    Withheld stop =
        withheld(entry_, around_.centre, around_.qualification.awarding_organisation, around_.halted, release, issued.revoked, around_.reference);
    if (now_ >= release && stop == Withheld::none) {
      status().stage = v1::RELEASED;
    } else if (entry_.acknowledged_ms != 0) {
      status().stage = v1::ACKNOWLEDGED;
    } else {
      status().stage = v1::ISSUED;
      next(v1::ACKNOWLEDGE_BATCH, v1::CENTRE, release);
    }
    be_withheld(stop);
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
    bool disagrees =
        result_obstacle(facts_, around_.qualification, out_.attainment).rule == Rule::result_agrees || (differs && (by_the_rules || unfounded));
    if (disagrees && status().rule != Rule::none) return;  // what withholds it is mended first
    if (disagrees) {
      status().rule = Rule::result_agrees;
      return next(v1::RESOLVE_DISAGREEMENT, v1::AWARDING_ORGANISATION, kNever);
    }
    // A correction goes under halts and holds too: what it revokes is known at once, its grade stays withheld until they are lifted.
    out_.issue_now = differs;
    bool final = issued.revoked || around_.qualification.settles(issued.grade);
    if (status().rule == Rule::none && !final) await_final_grade();
  }

  /// What was issued and is not to be seen, and who lets it be seen again.
  void be_withheld(Withheld stop) {
    TimeMs left = left_since(facts_);
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
      const Hold::Word* hold = hold_over(entry_, around_.centre, around_.qualification.awarding_organisation);
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

  /// An indicator was sent in place of what was issued: a grade is due again.
  void await_final_grade() {
    next(v1::DETERMINE_RESULT, v1::AWARDING_ORGANISATION, dated() ? calendar_->issue_deadline : kNever);
    if (deadline_passed()) return be_late();
    status().band = v1::WATCH;
    status().reason = v1::L6;
    if (!dated()) return;
    out_.left_ms = calendar_->issue_deadline - hour();
    wake(calendar_->issue_deadline);
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
    if (!dated()) return ask_for_dates(v1::WATCH);
    if (none_expected()) return expect_none();
    bool incomplete = !out_.attainment.eligible();
    bool reviewed_late = claimed() && assurance.mitigation.rule == Rule::mitigation_review;
    if (deadline_passed() && (!claimed() || incomplete) && !reviewed_late) {
      end(v1::NOT_CERTIFICATED, code_without_result());
      return;
    }
    find_next_step(assurance);
    if (!deadline_passed()) return assess_risk(assurance);
    be_late();
  }

  /// Nobody can tell whether an entry without dates is in time: it is the awarding organisation's to send them.
  void ask_for_dates(v1::Band band) {
    status().rule = Rule::calendar;
    status().band = band;
    status().reason = v1::L6;
    next(v1::SEND_CALENDAR, v1::AWARDING_ORGANISATION, kNever);
  }

  /// Under a mitigation by which no learners are certificated, none is due until the centre claims it.
  bool none_expected() const { return around_.mitigation && around_.mitigation->kind == v1::MitigationDefined::NONE_EXPECTED && !facts_.has_claim(); }
  void expect_none() {
    status().rule = Rule::none;
    if (deadline_passed()) return end(v1::NOT_CERTIFICATED, v1::N3);
    status().band = v1::ON_TRACK;
    out_.left_ms = calendar_->issue_deadline - hour();
    wake(calendar_->issue_deadline);
  }

  /// N4: evidence incomplete and no answer to the checkpoint came, whether the entry was in its scope or not. N1: a claim stands, but the
  /// evidence never came, or no pathway. N3: everything else that was not claimed, complete or confirmed as incomplete.
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
    if (!out_.outcome.final || special_consideration_open(facts_)) return;
    status().stage = v1::READY;
    out_.ready = true;
  }

  void plan_issue() {
    if (!dated()) return ask_for_dates(v1::AT_RISK);
    TimeMs since = entry_.ready_since_ms != 0 ? entry_.ready_since_ms : now_;
    TimeMs at = issue_time(since, around_.plan, calendar_, around_.release);
    next(v1::ISSUE_RESULT, v1::AWARDING_ORGANISATION, at);
    if (!around_.halted && !around_.approval.given()) return await_release(Rule::release_approval, v1::APPROVE_RELEASE, at);
    if (!around_.halted && now_ >= at && around_.stopped != v1::RELEASE_CHECK_NONE)
      return await_release(rule_of(around_.stopped), v1::OVERRIDE_CHECK, at);
    if (now_ >= at && !around_.halted) {
      out_.issue_now = true;
      return;
    }
    if (now_ < at) wake(at);
    if (deadline_passed()) return be_late();
    out_.left_ms = calendar_->issue_deadline - now_;
    wake(calendar_->issue_deadline);
    // Halted: someone must let it go on in time.
    status().band = around_.halted ? v1::AT_RISK : v1::ON_TRACK;
    if (around_.halted) status().reason = v1::L6;
  }

  /// Ready, and kept by what only people can let go: watched from when it is ready, at risk from a day before its cut on.
  void await_release(Rule rule, v1::Step step, TimeMs at) {
    status().rule = rule;
    next(step, v1::AWARDING_ORGANISATION, at);
    wake(at - kDayMs);
    if (deadline_passed()) return be_late();
    out_.left_ms = calendar_->issue_deadline - now_;
    wake(calendar_->issue_deadline);
    status().band = now_ >= at - kDayMs ? v1::AT_RISK : v1::WATCH;
    status().reason = v1::L6;
  }

  void find_next_step(const Assurance& assurance) {
    TimeMs claim_by = calendar_ ? calendar_->claim_deadline : kNever;
    TimeMs issue_by = calendar_ ? calendar_->issue_deadline : kNever;
    if (must_answer()) return next(v1::ANSWER_CHECKPOINT, v1::CENTRE, calendar_->answer_due(now_));
    if (out_.attainment.pathway_missing) return next(v1::CORRECT_REGISTRATION, v1::CENTRE, claim_by);
    // What is wrong with the registration itself comes before any more work.
    const Obstacle& first = assurance.obstacle;
    if (first.rule != Rule::none && first.rule < Rule::centre_approval) {
      status().rule = first.rule;
      return next(first.step, first.owner, first.due_ms ? first.due_ms : first.owner == v1::CENTRE ? claim_by : issue_by);
    }
    if (!out_.attainment.eligible() && assurance.mitigation.rule != Rule::none) {
      status().rule = assurance.mitigation.rule;
      return next(assurance.mitigation.step, assurance.mitigation.owner, assurance.mitigation.owner == v1::CENTRE ? claim_by : issue_by);
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
        return next(assurance.obstacle.step, assurance.obstacle.owner, assurance.obstacle.due_ms ? assurance.obstacle.due_ms : issue_by);
      case Block::none:
        break;
    }
    if (special_consideration_open(facts_)) return next(v1::DECIDE_SPECIAL_CONSIDERATION, v1::AWARDING_ORGANISATION, issue_by);
    next(v1::DETERMINE_RESULT, v1::AWARDING_ORGANISATION, issue_by);
  }

  bool must_answer() const { return status_need_open() && now_ >= calendar_->checkpoint_opens && !claimed(); }
  bool status_need_open() const {
    return calendar_ && calendar_->has_checkpoint() && !facts_.answered.set() && around_.qualification.in_checkpoint_scope();
  }

  void assess_risk(const Assurance& assurance) {
    if (status_need_open()) {
      wake(calendar_->checkpoint_opens);
      wake(calendar_->answer_due(now_));
      wake(calendar_->checkpoint_closes);
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
    bool awaited = !out_.outcome.final && !around_.qualification.computed;
    if (awaited || special_consideration_open(facts_)) add(TimedStep::result, 1);
    return sum;
  }

  /// The code that the return would carry, if nothing moved.
  v1::Reason code_of_what_blocks(const Assurance& assurance) const {
    if (assurance.block == Block::malpractice) return v1::L4;
    if (very_late_entry(facts_, calendar_)) return v1::L2;
    if (late_change(facts_, calendar_)) return v1::L3;
    if (assurance.mitigation.rule == Rule::mitigation_review) return v1::L6;
    if (!out_.attainment.eligible() || !claimed()) return code_without_result();
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
  for (const Hold& hold : around.centre.holds) at = std::max(at, hold.lifted_ms(entry.key, around.qualification.awarding_organisation));
  for (const Sample& sample : around.centre.samples)
    if (sample.covers(entry.key)) at = std::max(at, sample.stamp.at_ms);
  return at;
}

// ---- whose part was open when the issue deadline passed ----
//
// What stood at the deadline follows from the facts as they now hold and from their times: a word of by then stood then, one of later did
// not. What a later word of the same slot took the place of is not known; each function says what it takes to have been. Reference data
// (calendar, approvals, strategy) are taken to have been as they are now.

bool held_at(const Entry& entry, const Circumstances& around, v1::HoldPlaced::Cause cause, TimeMs deadline) {
  return std::any_of(around.centre.holds.begin(), around.centre.holds.end(), [&](const Hold& hold) {
    const Hold::Word* placed = hold.over_at(entry.key, around.qualification.awarding_organisation, deadline);
    return placed && placed->cause == cause;
  });
}

/// What was last said of a sample by then, in the slots that keep the last word of each status; SampleDecided::STATUS_UNSPECIFIED: nothing.
v1::SampleDecided::Status sample_at(const Sample& sample, const CentreFacts& centre, TimeMs deadline) {
  std::string name =
      "sample " + text_of(sample.qualification) + " " + text_of(sample.series) + " " + (sample.learner.empty() ? "-" : sample.learner) + " ";
  v1::SampleDecided::Status last = v1::SampleDecided::STATUS_UNSPECIFIED;
  Stamp said;
  for (auto at = centre.slots.lower_bound(name); at != centre.slots.end() && at->first.starts_with(name); ++at) {
    v1::SampleDecided::Status status;
    bool by_then =
        at->second.stamp.at_ms <= deadline && (last == v1::SampleDecided::STATUS_UNSPECIFIED ||
                                               std::pair(said.moment(), said.tie) < std::pair(at->second.stamp.moment(), at->second.stamp.tie));
    if (!by_then || !v1::SampleDecided::Status_Parse(at->first.substr(name.size()), &status)) continue;
    last = status;
    said = at->second.stamp;
  }
  return last;
}

/// Whether the sample was the centre's to send then. Where all words are of later its dates tell: the centre was asked by then if the sample
/// was due by then, or answered; it answered on `responded`, or where none is given, on the day of the word that says where the work is now.
bool with_centre_at(const Sample& sample, const CentreFacts& centre, TimeMs deadline) {
  auto then = sample_at(sample, centre, deadline);
  if (then != v1::SampleDecided::STATUS_UNSPECIFIED) return then == v1::SampleDecided::AWAITING_CENTRE || then == v1::SampleDecided::NOT_SATISFIED;
  Day last = local_day(deadline);
  bool asked = sample.due != 0 ? sample.due <= last : sample.responded != 0;
  if (!asked || sample.status == v1::SampleDecided::NOT_REQUIRED) return false;
  if (sample.status == v1::SampleDecided::AWAITING_CENTRE) return true;
  return (sample.responded != 0 ? sample.responded : local_day(sample.stamp.at_ms)) > last;
}

/// Whether a very late request for special consideration was undecided then. One decided later, or told again, was.
bool late_consideration_at(const EntryFacts& facts, const Calendar& calendar) {
  if (!very_late_special_consideration(facts, &calendar)) return false;
  if (facts.special_consideration_day > local_day(calendar.issue_deadline)) return false;
  return special_consideration_open(facts) || facts.special_consideration.at_ms > calendar.issue_deadline;
}

/// Whether units were the centre's to record then. Where they are calculated, its part ends with its application.
bool evidence_missing_at(const Entry& entry, const Circumstances& around, TimeMs deadline) {
  TimeMs complete = evidence_complete_at(entry.facts, around.qualification, around.calculated.get());
  if (complete != 0 && complete <= deadline) return false;
  return !application_with_reviewers_at(deadline, entry, around);
}

/// Whether anything was the centre's to do then.
bool with_centre_at(const Entry& entry, const Circumstances& around, TimeMs deadline) {
  if (claimed_since(entry.facts) > deadline) return true;
  if (evidence_missing_at(entry, around, deadline)) return true;
  if (held_at(entry, around, v1::HoldPlaced::CENTRE_RESPONSE, deadline)) return true;
  for (const Sample& sample : around.centre.samples)
    if (sample.covers(entry.key) && with_centre_at(sample, around.centre, deadline)) return true;
  return centre_part_open_at(deadline, entry, around);
}

}  // namespace

Derived derive(const Entry& entry, const Circumstances& around, TimeMs now) { return Derivation(entry, around, now).run(); }

v1::Reason late_reason(const Entry& entry, const Circumstances& around) {
  const EntryFacts& facts = entry.facts;
  if (!around.calendar) return v1::L6;
  const Calendar& calendar = *around.calendar;
  TimeMs deadline = calendar.issue_deadline;
  if (held_at(entry, around, v1::HoldPlaced::MALPRACTICE, deadline)) return v1::L4;
  // Results day is the day on which learners see their results; where none is known, as without an embargo, the deadline stands for it.
  // Earlier claims after the deadline are the centre's part, L5.
  bool known = calendar.learner_release != 0 && calendar.learner_release != kNever;
  TimeMs results_day = known ? day_begins(local_day(calendar.learner_release)) : deadline + 1;
  if (claimed_since(facts) >= results_day) return v1::L1;
  TimeMs never = kNever;
  if (very_late_entry(facts, &calendar) || approval_obstacle(entry, around, deadline, never).rule == Rule::last_registration) return v1::L2;
  if (late_change(facts, &calendar) || mitigation_obstacle(entry, around, deadline, never).rule == Rule::size_change) return v1::L3;
  if (late_consideration_at(facts, calendar)) return v1::L7;
  return with_centre_at(entry, around, deadline) ? v1::L5 : v1::L6;
}

void observe_steps(const Entry& entry, const Circumstances& around, Durations& into) {
  const EntryFacts& facts = entry.facts;
  AwardingOrganisationId ao = around.qualification.awarding_organisation;
  TimeMs complete = evidence_complete_at(facts, around.qualification, around.calculated.get());
  TimeMs before = 0;
  for (const UnitFact& fact : facts.units)
    if (fact.stamp.at_ms < complete) before = std::max(before, fact.stamp.at_ms);
  if (before != 0) into.observe(ao, TimedStep::evidence, complete - before);
  if (facts.has_claim()) into.observe(ao, TimedStep::claim, claimed_since(facts) - complete);
  TimeMs claimed = std::max(complete, claimed_since(facts));
  TimeMs assured = assured_at(entry, around);
  if (assured > claimed) into.observe(ao, TimedStep::assurance, assured - claimed);
  // A computed result takes no time.
  if (facts.has_result()) into.observe(ao, TimedStep::result, facts.result.at_ms - std::max(claimed, assured));
}

}  // namespace vtq
