#include "pipeline/rules/scrutiny.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "pipeline/base/phrases.h"
#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/facts/told_again.h"
#include "pipeline/rules/spike.h"

namespace vtq {
namespace {

using Facts = ScrutinyFacts;
using Holds = Requirement::Holds;

/// A monitoring is announced so many days before the schedule asks for it.
constexpr Day kNoticeDays = 28;

std::string_view method_words(v1::AssessmentMethod method) {
  switch (method) {
    case v1::MULTIPLE_CHOICE:
      return "multiple choice";
    case v1::SHORT_ANSWER:
      return "short answer";
    case v1::ASSIGNMENT:
      return "assignment";
    case v1::OBSERVATION:
      return "observation";
    case v1::ORAL_QUESTIONS:
      return "oral questions";
    case v1::CASE_STUDY:
      return "case study";
    case v1::PORTFOLIO:
      return "portfolio";
    default:
      return "";
  }
}

std::string_view ordinal_words(Rule rule) {
  return rule == Rule::first_monitoring ? "first" : rule == Rule::second_monitoring ? "second" : "regular";
}

/// When the claim was made; for one awarded without a claim when its result came, or by the rules could first be determined; 0: not yet.
TimeMs claimed_ms(const Entry& entry, const Qualification& qualification) {
  if (entry.facts.has_claim()) return claimed_since(entry.facts);
  if (!qualification.awarded_without_claim) return 0;
  if (entry.facts.has_result()) return entry.facts.result.at_ms;
  return qualification.computed ? evidence_complete_at(entry.facts, qualification) : 0;
}

bool sampled(const Entry& entry, const CentreFacts& centre, Day last_visit, TimeMs claimed) {
  // On a later day: a claim made on the day itself may have come after the visit.
  if (last_visit != 0 && last_visit > local_day(claimed)) return true;
  return std::any_of(centre.samples.begin(), centre.samples.end(), [&](const Sample& sample) {
    return sample.covers(entry.key) && (sample.status == v1::SampleDecided::SATISFIED || sample.status == v1::SampleDecided::NOT_REQUIRED);
  });
}

using OpenFindings = std::map<std::string, std::pair<const Facts::Visit*, const Facts::Found*>>;

/// By code, required and critical findings that no later visit found mended. `visits`: those that count, in order.
OpenFindings open_findings(const std::vector<const Facts::Visit*>& visits) {
  OpenFindings open;
  for (const Facts::Visit* visit : visits) {
    std::erase_if(open, [&](const auto& held) {
      return std::none_of(visit->findings.begin(), visit->findings.end(), [&](const Facts::Found& found) { return found.code == held.first; });
    });
    for (const Facts::Found& found : visit->findings) {
      auto held = open.find(found.code);
      bool worse = held == open.end() || held->second.second->severity < found.severity;
      if (worse && found.severity >= v1::Finding::REQUIRED) open[found.code] = {visit, &found};
    }
  }
  return open;
}

bool earlier(const Facts::Visit* a, const Facts::Visit* b) {
  auto place = [](const Facts::Visit* one) { return std::tuple(one->on, one->stamp.moment(), std::string_view(one->monitoring)); };
  return place(a) < place(b);
}

/// Works out one scrutiny. Holds what several of its parts need.
class Scrutineer {
 public:
  Scrutineer(const ScrutinyInput& input, TimeMs now)
      : input_(input),
        strategy_(input.strategy),
        qualification_(input.qualification),
        ao_(input.qualification.awarding_organisation),
        facts_(input.centre.scrutiny ? *input.centre.scrutiny : none()),
        now_(now),
        today_(local_day(now)) {}

  Scrutiny run() {
    for (const Entry* entry : input_.entries) activity_.add(*entry);
    activity_.sort();
    look_at_visits();
    ask_centre_approval();
    ask_staff();
    ask_by_sanctions();
    ask_by_findings();
    ask_actions();
    ask_schedule();
    ask_by_triggers();
    decide_direct_claims();
    ask_sampling();
    look_at_plans();
    std::sort(out_.requirements.begin(), out_.requirements.end(), [](const Requirement& a, const Requirement& b) {
      return std::tie(a.rule, a.since_ms, a.subject) < std::tie(b.rule, b.since_ms, b.subject);
    });
    return std::move(out_);
  }

 private:
  static const Facts& none() {
    static const Facts kNone;
    return kNone;
  }

  void wake(TimeMs at) {
    if (at > now_) out_.wake_at_ms = std::min(out_.wake_at_ms, at);
  }
  void ask(Requirement requirement) { out_.requirements.push_back(std::move(requirement)); }
  bool about_this(const Facts::About& about) const { return about.covers(ao_, qualification_.id); }
  TimeMs started_ms() const { return activity_.registrations.empty() ? 0 : day_begins(activity_.registrations.front()); }

  /// Visits that took place and count, in order of their days.
  void look_at_visits() {
    for (const Facts::Visit& visit : facts_.visits) {
      if (!about_this(visit.about)) continue;
      if (visit.on > today_) {
        wake(day_begins(visit.on));
        continue;
      }
      (facts_.in_conflict(ao_, visit.assurer, visit.on) ? discounted_ : visits_).push_back(&visit);
    }
    std::sort(visits_.begin(), visits_.end(), earlier);
    std::sort(discounted_.begin(), discounted_.end(), earlier);
    if (!visits_.empty()) out_.last_visit = visits_.back()->on;
  }

  void ask_centre_approval() {
    if (!strategy_.centre_approval()) return;
    const Facts::Approval* approval = facts_.approval(ao_, qualification_.id);
    if (approval && approval->status == v1::CentreApproved::APPROVED) return;
    Requirement asked{.rule = Rule::centre_approval,
                      .since_ms = approval ? approval->stamp.at_ms : started_ms(),
                      .holds = Holds::all,
                      .step = v1::APPROVE_CENTRE,
                      .owner = v1::AWARDING_ORGANISATION,
                      .reason = v1::L6};
    if (!approval)
      asked.what = "the centre is not approved for the qualification";
    else
      asked.what = "the centre's approval is " + std::string(approval->status == v1::CentreApproved::SUSPENDED ? "suspended" : "withdrawn") +
                   " since " + date_text(local_day(approval->stamp.at_ms));
    asked.todo = "Decide on the centre's approval and send CentreApproved";
    ask(std::move(asked));
  }

  void look_at_staff() {
    std::vector<const Facts::Staff*> words;
    for (const Facts::Staff& one : facts_.staff)
      if (about_this(one.about) && one.role == v1::StaffApproved::ASSESSOR) words.push_back(&one);
    auto name = [](const Facts::Staff* one) {
      return std::tuple(std::string_view(one->staff), one->stamp.moment(), one->about.qualification.has_value());
    };
    std::sort(words.begin(), words.end(), [&](const Facts::Staff* a, const Facts::Staff* b) { return name(a) < name(b); });
    // From the first word for the qualification on, those for all of the awarding organisation say nothing more about it.
    bool own = false;
    for (std::size_t at = 0; at < words.size(); ++at) {
      const Facts::Staff& word = *words[at];
      if (at == 0 || words[at - 1]->staff != word.staff) own = false;
      if (own && !word.about.qualification) continue;
      own = word.about.qualification.has_value();
      out_.assessors.push_back({word.staff, word.approved, word.stamp.at_ms});
    }
  }

  void ask_staff() {
    if (!strategy_.staff_approval()) return;
    look_at_staff();
    std::map<std::string, TimeMs> unapproved;  // and when each first assessed so
    for (const Entry* entry : input_.entries) {
      if (!entry->facts.particulars || entry->issued.any() || entry->facts.has_left()) continue;
      entry->facts.particulars->each_assessed([&](const Assessed& assessed) {
        if (assessed.assessor.empty() || out_.assessor_approved(assessed.assessor, assessed.stamp.at_ms)) return;
        auto [at, fresh] = unapproved.try_emplace(assessed.assessor, assessed.stamp.at_ms);
        if (!fresh) at->second = std::min(at->second, assessed.stamp.at_ms);
      });
    }
    for (const auto& [staff, since] : unapproved)
      ask({.rule = Rule::staff_approval,
           .subject = staff,
           .since_ms = since,
           .holds = Holds::entries,
           .step = v1::APPROVE_STAFF,
           .owner = v1::CENTRE,
           .reason = v1::L5,
           .what = "assessor " + staff + " was not approved for the qualification when they assessed",
           .todo = "Apply for the approval of " + staff + " and have the work assessed again by an approved assessor"});
  }

  void ask_by_sanctions() {
    for (const Facts::Sanction& one : facts_.sanctions) {
      if (!one.in_force || !about_this(one.about)) continue;
      const TimeMs since_ms = facts_.in_force_since(one, ao_, qualification_.id);
      Requirement asked{
          .subject = one.sanction, .since_ms = since_ms, .step = v1::LIFT_SANCTION, .owner = v1::AWARDING_ORGANISATION, .reason = v1::L6};
      std::string since = date_text(local_day(since_ms));
      asked.todo = "Do what sanction " + one.sanction + " asks for; it is lifted by SanctionDecided";
      switch (one.kind) {
        case v1::SanctionDecided::CERTIFICATION_SUSPENDED:
          asked.rule = Rule::certification_suspended;
          asked.holds = Holds::all;
          asked.what = "certification is suspended since " + since + " (sanction " + one.sanction + ")";
          break;
        case v1::SanctionDecided::REGISTRATION_SUSPENDED:
          asked.rule = Rule::registration_suspended;
          asked.holds = Holds::registered_from;
          asked.from_ms = since_ms;
          asked.what = "registration is suspended since " + since + " (sanction " + one.sanction + ")";
          break;
        case v1::SanctionDecided::DIRECT_CLAIMS_REMOVED:
          asked.rule = Rule::action_required;
          asked.what = "direct claims status is removed since " + since + " (sanction " + one.sanction + ")";
          break;
        default:
          asked.rule = Rule::action_required;
          asked.step = v1::COMPLETE_ACTION;
          asked.owner = v1::CENTRE;
          asked.reason = v1::L5;
          asked.what = "actions are required since " + since + " (sanction " + one.sanction + ")";
          break;
      }
      ask(std::move(asked));
    }
  }

  /// A critical or required finding stands until a later visit is without its code.
  void ask_by_findings() {
    for (const auto& [code, where] : open_findings(visits_)) {
      const auto& [visit, found] = where;
      bool critical = found->severity == v1::Finding::CRITICAL;
      bool planned = std::any_of(facts_.actions.begin(), facts_.actions.end(),
                                 [&, &code = code](const Facts::Action& one) { return about_this(one.about) && one.action == code; });
      if (!critical && planned) continue;
      std::string words = found->text.empty() ? "" : ": " + found->text;
      while (!words.empty() && words.back() == '.') words.pop_back();
      ask({.rule = critical ? Rule::critical_finding : Rule::action_required,
           .subject = code,
           .since_ms = day_begins(visit->on),
           .holds = critical ? Holds::all : Holds::nothing,
           .step = v1::COMPLETE_ACTION,
           .owner = v1::CENTRE,
           .reason = v1::L5,
           .what = "the visit " + visit->monitoring + " on " + date_text(visit->on) + " made the " + (critical ? "critical" : "required") +
                   " finding " + code + words,
           .todo = critical ? "Mend it; claims go on once a later visit finds it mended" : "Mend it, and agree by when (ActionPlan)"});
    }
  }

  void ask_actions() {
    for (const Facts::Action& one : facts_.actions) {
      if (one.done || one.due == 0 || !about_this(one.about)) continue;
      bool overdue = today_ > one.due;
      TimeMs over = day_begins(one.due + 1);
      wake(over);
      if (overdue) action_overdue_ms_ = action_overdue_ms_ == 0 ? over : std::min(action_overdue_ms_, over);
      ask({.rule = overdue ? Rule::action_overdue : Rule::action_required,
           .subject = one.action,
           .since_ms = overdue ? over : one.stamp.at_ms,
           .holds = overdue ? Holds::claims_from : Holds::nothing,
           .from_ms = overdue ? over : 0,
           .step = v1::COMPLETE_ACTION,
           .owner = v1::CENTRE,
           .reason = v1::L5,
           .due_ms = over,
           .what = "action " + one.action + (overdue ? " was due by " : " is due by ") + date_text(one.due) + (overdue ? " and is not done" : ""),
           .todo = "Complete it, and have it recorded as done (ActionPlan)"});
    }
  }

  /// Visits after the last that counts, made by an assurer in conflict.
  std::string discounted_words() const {
    std::string text;
    for (const Facts::Visit* visit : discounted_)
      if (visits_.empty() || visit->on > out_.last_visit)
        text += "; the visit " + visit->monitoring + " on " + date_text(visit->on) + " does not count, as assurer " + visit->assurer +
                " had declared a conflict of interest";
    return text;
  }

  Requirement monitoring(Rule rule) const {
    std::string discounted = discounted_words();
    return {.rule = rule,
            .step = discounted.empty() ? v1::CARRY_OUT_MONITORING : v1::ASSIGN_ASSURER,
            .owner = v1::AWARDING_ORGANISATION,
            .reason = v1::L6,
            .what = discounted,
            .todo = discounted.empty() ? "Carry out the monitoring and record it (MonitoringRecorded)"
                                       : "Assign another external quality assurer and carry out the monitoring"};
  }

  /// First before any claims, second within some months of the first, then every so many months.
  void ask_schedule() {
    const v1::MonitoringSchedule& schedule = strategy_.monitoring();
    if (visits_.empty() && schedule.before_first_claims()) {
      Requirement asked = monitoring(Rule::first_monitoring);
      out_.next_monitoring = asked.rule;
      asked.since_ms = started_ms();
      asked.holds = Holds::all;
      asked.what = "the first monitoring has not taken place" + asked.what;
      return ask(std::move(asked));
    }
    bool one_day = !visits_.empty() && visits_.front()->on == visits_.back()->on;
    bool second = one_day && schedule.second_within_months() > 0;
    std::uint32_t months = second ? schedule.second_within_months() : schedule.then_every_months();
    if (months == 0 || (visits_.empty() && activity_.registrations.empty())) return;
    out_.next_monitoring = second ? Rule::second_monitoring : Rule::yearly_monitoring;
    Day due = add_months(visits_.empty() ? activity_.registrations.front() : out_.last_visit, static_cast<int>(months));
    out_.next_monitoring_due = due;
    wake(day_begins(due - kNoticeDays));
    wake(day_begins(due + 1));
    if (today_ < due - kNoticeDays) return;
    bool overdue = today_ > due;
    Requirement asked = monitoring(out_.next_monitoring);
    asked.since_ms = day_begins(overdue ? due + 1 : due - kNoticeDays);
    asked.due_ms = day_begins(due + 1);
    if (overdue) asked.holds = Holds::claims_from, asked.from_ms = day_begins(due + 1);
    asked.what = "the " + std::string(ordinal_words(asked.rule)) + " monitoring " + (overdue ? "was" : "is") + " due by " + date_text(due) +
                 (overdue ? " and has not taken place" : "") + asked.what;
    ask(std::move(asked));
  }

  /// Extra monitoring, because of something on `day`; a visit on a later day satisfies it.
  void trigger(Rule rule, Day day, std::string what) {
    if (out_.last_visit > day) return;
    Requirement asked = monitoring(rule);
    asked.since_ms = day_begins(day);
    asked.holds = Holds::claims_from;
    asked.from_ms = day_begins(day);
    asked.what = std::move(what) + asked.what;
    ask(std::move(asked));
  }

  void ask_by_triggers() {
    const v1::ScrutinyTriggers& triggers = strategy_.triggers();
    bool watched = triggers.registration_rise_percent() || triggers.registration_spike_tenths() || triggers.claim_spike_tenths();
    bool busy_today = (!activity_.registrations.empty() && activity_.registrations.back() >= today_) ||
                      (!activity_.claims.empty() && activity_.claims.back() >= today_);
    if (watched && busy_today) wake(day_begins(today_ + 1));
    ask_by_rise();
    ask_by_spike(Rule::registration_spike, activity_.registrations, {triggers.registration_spike_tenths(), triggers.registration_spike_min()},
                 "registrations");
    ask_by_spike(Rule::claim_spike, activity_.claims, {triggers.claim_spike_tenths(), triggers.claim_spike_min()}, "claims");
    if (triggers.content_change())
      ask_by_change(Rule::content_change, qualification_.content_changed, "the qualification's content changed considerably");
    if (triggers.professional_standard_change())
      ask_by_change(Rule::professional_standard_change, qualification_.professional_standard_changed, "the professional standard changed");
    // A visit satisfies what was told before it.
    if (TimeMs opened = malpractice_ms(out_.last_visit); triggers.malpractice() && opened != 0)
      trigger(Rule::malpractice_suspected, local_day(opened),
              "a malpractice or maladministration case is open since " + date_text(local_day(opened)));
  }

  /// Only of centres that offered it before: who starts later starts with what is new.
  void ask_by_change(Rule rule, Day day, std::string_view what) {
    if (day == 0 || activity_.registrations.empty() || activity_.registrations.front() > day) return;
    if (day > today_) return wake(day_begins(day));
    trigger(rule, day, std::string(what) + " on " + date_text(day));
  }

  /// Registrations since the last visit against those of as long a time before it and, as intakes come once a year, against those of
  /// the same time a year before. Judged at the end of each day; it stands until the next visit.
  void ask_by_rise() {
    const v1::ScrutinyTriggers& triggers = strategy_.triggers();
    if (triggers.registration_rise_percent() == 0 || out_.last_visit == 0) return;
    const std::vector<Day>& days = activity_.registrations;
    Day visit = out_.last_visit;
    for (auto at = std::upper_bound(days.begin(), days.end(), visit); at != days.end() && *at < today_; ++at) {
      std::size_t since = count_in(days, visit + 1, *at + 1);
      std::size_t before = std::max(count_in(days, visit + 1 - (*at - visit), visit + 1), count_in(days, visit + 1 - 365, *at + 1 - 365));
      if (since < triggers.registration_rise_min() || since * 100 < before * (100 + triggers.registration_rise_percent())) continue;
      return trigger(Rule::registration_rise, *at,
                     "registrations rose to " + std::to_string(since) + " since the visit on " + date_text(visit) + ", from " +
                         std::to_string(before) + " in as long a time before");
    }
  }

  void ask_by_spike(Rule rule, const std::vector<Day>& days, const SpikeRule& spike, const std::string& of) {
    for (Day day : spikes(days, spike, today_)) {
      if (out_.last_visit > day) continue;
      Day monday = day - (day + 3) % 7;
      return trigger(rule, day,
                     "there were " + std::to_string(count_in(days, monday, day + 1)) + " " + of + " in the week from " + date_text(monday) +
                         ", far more than usual");
    }
  }

  /// When the longest open case was opened; 0: there is none. `from`: what was said of it before that day does not count.
  TimeMs malpractice_ms(Day from = 0) const {
    TimeMs since = 0;
    for (const Hold& hold : input_.centre.holds) {
      if (hold.awarding_organisation != ao_) continue;
      // A case that is told again was opened when it was told first.
      auto of_it = [&](const Hold::Word& word) {
        return !word.lifts && word.cause == v1::HoldPlaced::MALPRACTICE && (!word.qualification || *word.qualification == qualification_.id);
      };
      for (auto word = hold.words.rbegin(); word != hold.words.rend() && of_it(*word) && local_day(word->stamp.at_ms) >= from; ++word)
        since = since == 0 ? word->stamp.at_ms : std::min(since, word->stamp.at_ms);
    }
    return since;
  }

  /// Reviews and decisions in the order of their times: the later word holds. What takes it away while it lasts comes on top.
  void decide_direct_claims() {
    const v1::DirectClaimsRule& rule = strategy_.direct_claims();
    bool by_rule = rule.single_grade_max() > 0 || rule.reviews() > 0;
    std::uint32_t worst = std::max(rule.single_grade_max(), rule.reviews() > 0 ? rule.reviews_grade_max() : 0);
    struct Word {
      TimeMs at_ms;
      const Facts::Visit* visit;
      bool granted;
      std::string why;
    };
    std::vector<Word> words;
    for (const Facts::Visit* visit : visits_)
      if (by_rule && visit->grade != 0) words.push_back({day_begins(visit->on), visit, false, {}});
    if (const Facts::Approval* approval = facts_.approval(ao_, qualification_.id); approval && approval->direct_claims)
      words.push_back({approval->stamp.at_ms, nullptr, true, "given with the centre's approval"});
    for (const Facts::DirectClaims& one : facts_.direct_claims)
      if (about_this(one.about))
        words.push_back({one.stamp.at_ms, nullptr, one.granted,
                         (one.granted ? "given by decision on " : "taken by decision on ") + date_text(local_day(one.stamp.at_ms)) +
                             (one.reason.empty() ? "" : ": " + one.reason)});
    std::stable_sort(words.begin(), words.end(), [](const Word& a, const Word& b) { return a.at_ms < b.at_ms; });

    TimeMs decided_ms = 0;
    std::vector<const Facts::Visit*> good;  // reviews that may win it together
    out_.direct_claims_why = by_rule ? "not won yet by reviews" : "not given";
    for (const Word& word : words) {
      if (!word.visit) {
        out_.direct_claims = word.granted;
        out_.direct_claims_why = word.why;
        decided_ms = word.granted ? word.at_ms : 0;
        good.clear();
        continue;
      }
      const Facts::Visit& visit = *word.visit;
      std::string review = "the review " + visit.monitoring + " on " + date_text(visit.on) + ", graded " + std::to_string(visit.grade);
      if (visit.grade > worst) {
        out_.direct_claims = false;
        out_.direct_claims_why = "lost by " + review;
        good.clear();
        continue;
      }
      good.push_back(&visit);
      if (wins(good, rule)) {
        out_.direct_claims = true;
        out_.direct_claims_why = "won by " + review;
      }
    }
    suspend_direct_claims(by_rule, decided_ms);
  }

  static bool wins(const std::vector<const Facts::Visit*>& good, const v1::DirectClaimsRule& rule) {
    const Facts::Visit& last = *good.back();
    if (rule.single_grade_max() > 0 && last.grade <= rule.single_grade_max() && last.learners_sampled >= rule.single_learners_min()) return true;
    if (rule.reviews() == 0) return false;
    std::uint32_t counted = 0;
    for (const Facts::Visit* visit : good) {
      bool recent = rule.within_months() == 0 || add_months(visit->on, static_cast<int>(rule.within_months())) >= last.on;
      counted += visit->grade <= rule.reviews_grade_max() && recent;
    }
    return counted >= rule.reviews();
  }

  /// A sanction, an open case or an overdue action takes it for as long as it lasts, unless a decision gave it after that began.
  void suspend_direct_claims(bool by_rule, TimeMs decided_ms) {
    auto lose = [&](TimeMs since, const std::string& why) {
      if (!out_.direct_claims || since == 0 || decided_ms > since) return;
      out_.direct_claims = false;
      out_.direct_claims_why = why;
    };
    for (const Facts::Sanction& one : facts_.sanctions) {
      if (!one.in_force || !about_this(one.about) || one.kind == v1::SanctionDecided::ACTION_REQUIRED) continue;
      if (by_rule || one.kind == v1::SanctionDecided::DIRECT_CLAIMS_REMOVED)
        lose(facts_.in_force_since(one, ao_, qualification_.id), "lost while sanction " + one.sanction + " is in force");
    }
    if (!by_rule) return;
    lose(malpractice_ms(), "lost while a malpractice or maladministration case is open");
    lose(action_overdue_ms_, "lost while an action is overdue");
  }

  void ask_sampling() {
    if (!strategy_.sampling_before_claims() || out_.direct_claims || out_.next_monitoring == Rule::first_monitoring) return;
    bool any = std::any_of(input_.entries.begin(), input_.entries.end(), [&](const Entry* entry) {
      TimeMs claimed = claimed_ms(*entry, qualification_);
      return claimed != 0 && !entry->issued.any() && !entry->facts.has_left() && !sampled(*entry, input_.centre, out_.last_visit, claimed);
    });
    if (any) ask(sampling());
  }

  Requirement sampling() const {
    return {.rule = Rule::sampling,
            .since_ms = out_.last_visit == 0 ? 0 : day_begins(out_.last_visit),
            .holds = Holds::entries,
            .step = v1::COMPLETE_MODERATION,
            .owner = v1::AWARDING_ORGANISATION,
            .reason = v1::L6,
            .what = "not yet fully sampled, as the centre has no direct claims status",
            .todo = "Sample them (SampleDecided) or monitor the centre"};
  }

  void look_at_plans() {
    for (const Facts::Plan& plan : facts_.plans) {
      if (plan.cancelled || !about_this(plan.about)) continue;
      bool made = std::any_of(facts_.visits.begin(), facts_.visits.end(), [&](const Facts::Visit& visit) {
        return visit.monitoring == plan.monitoring && about_this(visit.about) && visit.on <= today_;
      });
      if (made) continue;
      PlannedVisit planned{.monitoring = plan.monitoring, .on = plan.on, .assurer = plan.assurer, .planned_ms = plan.stamp.at_ms};
      planned.in_conflict = facts_.in_conflict(ao_, plan.assurer, plan.on != 0 ? plan.on : today_);
      if (planned.in_conflict)
        ask({.rule = out_.next_monitoring != Rule::none ? out_.next_monitoring : Rule::yearly_monitoring,
             .subject = plan.monitoring,
             .since_ms = plan.stamp.at_ms,
             .step = v1::ASSIGN_ASSURER,
             .owner = v1::AWARDING_ORGANISATION,
             .reason = v1::L6,
             .due_ms = plan.on == 0 ? 0 : day_begins(plan.on),
             .what = "assurer " + plan.assurer + ", who is to make the visit " + plan.monitoring + ", has declared a conflict of interest",
             .todo = "Assign another external quality assurer (MonitoringPlanned)"});
      else
        planned.sample = draw(plan);
      out_.planned.push_back(std::move(planned));
    }
  }

  /// From the learners who were there when the visit was arranged, have not left and have no result yet.
  std::vector<Sampled> draw(const Facts::Plan& plan) const {
    std::vector<Candidate> candidates;
    for (const Entry* entry : input_.entries) {
      if (entry->facts.has_left() || entry->issued.any() || entry->facts.first_registered_ms > plan.stamp.at_ms) continue;
      candidates.push_back({text_of(entry->key.series), entry->key.learner, traits_of(*entry)});
    }
    const v1::SampleRule& rule = strategy_.sample();
    std::size_t size = sample_size(candidates.size(), rule.learners_min(), rule.percent());
    return draw_sample(std::move(candidates), size, plan.seed);
  }

  /// Assessors, methods, cohort, components.
  std::vector<std::string> traits_of(const Entry& entry) const {
    std::set<std::string> assessors, methods, units;
    const Particulars* particulars = entry.facts.particulars.get();
    if (particulars)
      particulars->each_assessed([&](const Assessed& one) {
        if (!one.assessor.empty()) assessors.insert("assessor " + one.assessor);
        if (std::string_view words = method_words(one.method); !words.empty()) methods.insert(std::string(words));
      });
    for (const UnitFact& fact : entry.facts.units)
      if (const UnitRule* unit = qualification_.unit(fact.unit)) units.insert("unit " + unit->code);
    std::vector<std::string> traits(assessors.begin(), assessors.end());
    traits.insert(traits.end(), methods.begin(), methods.end());
    if (particulars && !particulars->cohort.empty()) traits.push_back("cohort " + particulars->cohort);
    traits.insert(traits.end(), units.begin(), units.end());
    return traits;
  }

  const ScrutinyInput& input_;
  const v1::ScrutinyStrategyDefined& strategy_;
  const Qualification& qualification_;
  AwardingOrganisationId ao_;
  const Facts& facts_;
  TimeMs now_;
  Day today_;
  Activity activity_;
  std::vector<const Facts::Visit*> visits_;      // that count
  std::vector<const Facts::Visit*> discounted_;  // by assurers in conflict
  TimeMs action_overdue_ms_ = 0;
  Scrutiny out_;
};

/// Whether `staff` assessed the entry without approval, by `until`.
bool assessed_unapproved(const Entry& entry, const Scrutiny& scrutiny, const std::string& staff, TimeMs until = kNever) {
  if (!entry.facts.particulars) return false;
  bool found = false;
  entry.facts.particulars->each_assessed([&](const Assessed& one) {
    found = found || (one.assessor == staff && one.stamp.at_ms <= until && !scrutiny.assessor_approved(staff, one.stamp.at_ms));
  });
  return found;
}

bool holds(const Requirement& requirement, const Entry& entry, const Circumstances& around) {
  auto claimed = [&] { return claimed_ms(entry, around.qualification); };
  switch (requirement.holds) {
    case Holds::nothing:
      return false;
    case Holds::all:
      return true;
    case Holds::claims_from:
      // A claim still to come is made later than what is asked for now.
      return claimed() == 0 || claimed() >= requirement.from_ms;
    case Holds::registered_from:
      return entry.facts.first_registered_ms >= requirement.from_ms;
    case Holds::entries:
      if (requirement.rule == Rule::staff_approval) return assessed_unapproved(entry, *around.scrutiny, requirement.subject);
      return claimed() != 0 && !sampled(entry, around.centre, around.scrutiny->last_visit, claimed());
  }
  return false;
}

}  // namespace

bool Scrutiny::assessor_approved(const std::string& staff, TimeMs assessed_ms) const {
  auto after = std::upper_bound(assessors.begin(), assessors.end(), std::tie(staff, assessed_ms),
                                [](const auto& assessed, const Assessor& one) { return assessed < std::tie(one.staff, one.at_ms); });
  return after != assessors.begin() && std::prev(after)->staff == staff && std::prev(after)->approved;
}

const Scrutiny* CentreScrutiny::of(QualificationId qualification) const {
  auto at = by_qualification.find(qualification);
  return at == by_qualification.end() ? nullptr : &at->second;
}

Scrutiny scrutinise(const ScrutinyInput& input, TimeMs now) { return Scrutineer(input, now).run(); }

Obstacle scrutiny_obstacle(const Entry& entry, const Circumstances& around) {
  if (!around.scrutiny) return {};
  for (const Requirement& one : around.scrutiny->requirements)
    if (holds(one, entry, around)) return {.rule = one.rule, .step = one.step, .owner = one.owner, .reason = one.reason, .due_ms = one.due_ms};
  return {};
}

std::vector<v1::Obstacle> scrutiny_obstacles(const Entry& entry, const Circumstances& around) {
  std::vector<v1::Obstacle> found;
  if (!around.scrutiny) return found;
  for (const Requirement& one : around.scrutiny->requirements) {
    if (!holds(one, entry, around)) continue;
    v1::Obstacle& made = found.emplace_back();
    made.set_rule(std::string(rule_name(one.rule)));
    made.set_subject(one.subject);
    made.set_text(capitalised(one.what) + ". " + capitalised(one.todo) + ".");
  }
  return found;
}

std::string scrutiny_text(const Entry& entry, const Circumstances& around, Rule rule) {
  if (!around.scrutiny) return {};
  for (const Requirement& one : around.scrutiny->requirements)
    if (one.rule == rule && holds(one, entry, around)) return one.what;
  return {};
}

bool centre_part_open_at(TimeMs deadline, const Entry& entry, const Circumstances& around) {
  if (!around.scrutiny) return false;
  for (const Requirement& one : around.scrutiny->requirements)
    if (one.rule == Rule::staff_approval && assessed_unapproved(entry, *around.scrutiny, one.subject, deadline)) return true;
  if (!around.centre.scrutiny) return false;
  const Facts& facts = *around.centre.scrutiny;
  auto about_this = [&](const Facts::About& about) { return about.covers(around.qualification.awarding_organisation, around.qualification.id); };
  TimeMs claimed = claimed_ms(entry, around.qualification);
  bool overdue = std::any_of(facts.actions.begin(), facts.actions.end(), [&](const Facts::Action& one) {
    if (one.due == 0 || !about_this(one.about)) return false;
    TimeMs over = day_begins(one.due + 1);
    return over <= deadline && claimed >= over && (!one.done || one.stamp.at_ms > deadline);
  });
  if (overdue) return true;
  std::vector<const Facts::Visit*> visits;
  for (const Facts::Visit& visit : facts.visits)
    if (about_this(visit.about) && visit.on <= local_day(deadline) &&
        !facts.in_conflict(around.qualification.awarding_organisation, visit.assurer, visit.on))
      visits.push_back(&visit);
  std::sort(visits.begin(), visits.end(), earlier);
  OpenFindings open = open_findings(visits);
  return std::any_of(open.begin(), open.end(), [](const auto& one) { return one.second.second->severity == v1::Finding::CRITICAL; });
}

}  // namespace vtq
