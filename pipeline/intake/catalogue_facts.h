// What the checks of a catalogue share: the facts by what they are about, and a place to put findings. Internal to catalogue*.cc.
#pragma once

#include <set>

#include "pipeline/intake/catalogue.h"
#include "pipeline/intake/check.h"
#include "pipeline/kinds/slots.h"

namespace vtq::catalogue {

/// `groups[0].unitsMin`.
inline std::string item(const char* list, int at, const char* member = "") {
  return std::string(list) + "[" + std::to_string(at) + "]" + (*member ? "." : "") + member;
}
/// What a fact defines, to find it by.
inline std::string defines(const char* kind, const std::string& name) { return std::string(kind) + " " + name; }

/// The set of facts by what they are about, and where findings go.
class CatalogueFacts {
 public:
  explicit CatalogueFacts(const std::set<std::string>& broken) : broken_(broken) {}

  struct Fact {
    std::size_t place;
    const v1::Event* event;
  };

  void put(std::string slot, const v1::Event& event, std::size_t place) {
    if (event.fact_case() == v1::Event::kGradingScaleDefined) scales_[event.grading_scale_defined().name()] = &event.grading_scale_defined();
    if (event.fact_case() == v1::Event::kAwardingOrganisationDefined)
      awarding_organisations_.insert(event.awarding_organisation_defined().awarding_organisation());
    if (event.fact_case() == v1::Event::kCentreDefined) centres_.insert(event.centre_defined().centre());
    if (event.fact_case() == v1::Event::kQualificationDefined)
      qualifications_[canonical(event.qualification_defined().qualification())] = &event.qualification_defined();
    facts_.emplace(std::move(slot), Fact{place, &event});
  }

  const v1::GradingScaleDefined* scale(const std::string& name) const { return found(scales_, name); }
  const v1::QualificationDefined* qualification(const std::string& number) const { return found(qualifications_, canonical(number)); }
  bool has_awarding_organisation(const std::string& number) const { return awarding_organisations_.contains(number); }
  /// A set of facts without centres is none about centres.
  bool may_have_centre(const std::string& centre) const { return centres_.empty() || centres_.contains(centre); }
  /// Whether a fact that did not pass its form check defines it.
  bool is_broken(const std::string& what) const { return broken_.contains(what); }
  const v1::Event* fact(const std::string& slot) const {
    auto at = facts_.find(slot);
    return at == facts_.end() ? nullptr : at->second.event;
  }
  /// A body's decision on a qualification; of several the one with the earliest first day. Null: none.
  const v1::ApprovalDecided* first_approval(const std::string& qualification, const std::string& body) const {
    std::string start = "approval-decided " + canonical(qualification) + " " + body + " ";
    const v1::ApprovalDecided* first = nullptr;
    for (auto at = facts_.lower_bound(start); at != facts_.end() && at->first.starts_with(start); ++at) {
      const v1::ApprovalDecided& one = at->second.event->approval_decided();
      if (!first || (!first->approved() && one.approved())) first = &one;
    }
    return first;
  }
  const std::map<std::string, Fact>& by_slot() const { return facts_; }

  std::vector<CatalogueFinding> found_so_far;

 private:
  template <class Map>
  static typename Map::mapped_type found(const Map& map, const std::string& key) {
    auto at = map.find(key);
    return at == map.end() ? nullptr : at->second;
  }

  const std::set<std::string>& broken_;
  std::map<std::string, Fact> facts_;
  std::map<std::string, const v1::GradingScaleDefined*> scales_;
  std::map<std::string, const v1::QualificationDefined*> qualifications_;
  std::set<std::string> awarding_organisations_, centres_;
};

/// Findings about one fact.
class FactChecks {
 public:
  FactChecks(CatalogueFacts& facts, std::size_t place, const v1::Event& event, const std::string& qualification)
      : facts_(facts), place_(place), fact_name_(fact_name(event)), qualification_(canonical(qualification)) {}

 protected:
  void problem(const std::string& field, std::string rule, std::string_view value, std::string message) {
    add(false, field, std::move(rule), value, std::move(message));
  }
  void warning(const std::string& field, std::string rule, std::string_view value, std::string message) {
    add(true, field, std::move(rule), value, std::move(message));
  }

  void ordered(const std::string& field, const std::string& earlier, const std::string& later, const std::string& message) {
    if (!earlier.empty() && !later.empty() && later < earlier) problem(field, "dates-in-order", later, message + " (" + earlier + ").");
  }
  void known_awarding_organisation(const std::string& number) {
    if (!facts_.has_awarding_organisation(number) && !facts_.is_broken(defines("awarding organisation", number)))
      problem("awardingOrganisation", "awarding-organisation-known", number, "Define it with AwardingOrganisationDefined, or correct the number.");
  }
  const v1::QualificationDefined* known_qualification(const std::string& number) {
    const auto* found = facts_.qualification(number);
    if (!found && !facts_.is_broken(defines("qualification", canonical(number))))
      problem("qualification", "qualification-known", number, "Define it with QualificationDefined, or correct the number.");
    return found;
  }
  const v1::GradingScaleDefined* known_scale(const std::string& field, const std::string& name) {
    const auto* found = facts_.scale(name);
    if (!found && !facts_.is_broken(defines("scale", name)))
      problem(field, "scale-known", name, "Define the grading scale with GradingScaleDefined, or correct its name.");
    return found;
  }

  CatalogueFacts& facts_;
  std::size_t problems_ = 0;  ///< found so far

 private:
  void add(bool is_warning, const std::string& field, std::string rule, std::string_view value, std::string message) {
    problems_ += !is_warning;
    facts_.found_so_far.push_back(
        {place_, is_warning, qualification_, {fact_name_ + "." + field, std::move(rule), cut_value(value), std::move(message)}});
  }

  std::size_t place_;
  std::string fact_name_, qualification_;
};

/// What is wrong with one qualification. `decoded`: the same, with its grading scales found.
void check_qualification(CatalogueFacts& facts, std::size_t place, const v1::Event& event, Qualification decoded);

}  // namespace vtq::catalogue
