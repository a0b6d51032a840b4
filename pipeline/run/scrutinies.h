// The scrutiny of centres' assessment, where an awarding organisation has a strategy for it: worked out when a centre comes into memory, and anew
// when something changed or its time came. What changed touches the centre's entries; what it asks of the centre is told once, for as long as it
// holds.
#pragma once

#include "pipeline/rules/scrutiny.h"
#include "pipeline/run/agenda.h"
#include "pipeline/run/changes.h"
#include "pipeline/run/wakes.h"

namespace vtq {

class Scrutinies {
 public:
  Scrutinies(std::uint32_t partition, const Reference& reference, Outputs& outputs, Changes& changes, Agenda& agenda, Wakes& wakes)
      : partition_(partition), reference_(reference), outputs_(outputs), changes_(changes), agenda_(agenda), wakes_(wakes) {}

  /// Whether a fact about an entry can change its centre's scrutiny. Most facts are outcomes, and most of them cannot.
  bool concerned(const Centre& centre, const Entry& entry, const v1::Event& event) const;
  /// Works out all of a loaded centre's. Tells nobody and touches nothing: by itself for a centre that comes into memory.
  void work_out(Centre& centre, TimeMs now) const;
  /// Works out what is due of a centre that was on the agenda, touches the entries of the qualifications for which something changed, and tells what
  /// is new.
  void settle(Centre& centre, TimeMs now);

 private:
  bool under_strategy(QualificationId qualification) const;
  /// Of a qualification under a strategy; `entries`: the centre's for it.
  Scrutiny scrutiny_of(const Centre& centre, QualificationId qualification, std::vector<const Entry*> entries, TimeMs now) const;
  void touch_changed(Centre& centre, const CentreScrutiny* before);
  void tell(Centre& centre, TimeMs now);
  void tell(const Centre& centre, const Qualification& qualification, const Requirement& requirement, TimeMs now);
  void tell(const Centre& centre, const Qualification& qualification, const PlannedVisit& planned, TimeMs now);

  const std::uint32_t partition_;
  const Reference& reference_;
  Outputs& outputs_;
  Changes& changes_;
  Agenda& agenda_;
  Wakes& wakes_;
};

}  // namespace vtq
