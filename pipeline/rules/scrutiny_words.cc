// What is asked of a centre's assessment, in words.
#include "pipeline/base/phrases.h"
#include "pipeline/rules/scrutiny.h"

namespace vtq {

using Holds = Requirement::Holds;

std::string requirement_text(const Requirement& requirement, const Qualification& qualification) {
  const std::string& title = qualification.title;
  std::string from = requirement.from_ms == 0 ? "" : date_text(local_day(requirement.from_ms));
  std::string text;
  switch (requirement.holds) {
    case Holds::nothing:
      return title + ": " + requirement.what + ". " + requirement.todo + ".";
    case Holds::all:
      text = "Claims of this centre for " + title + " are held";
      break;
    case Holds::claims_from:
      text = "Claims of this centre for " + title + " made from " + from + " on are held";
      break;
    case Holds::registered_from:
      text = "Claims of this centre for " + title + " for learners registered from " + from + " on are held";
      break;
    case Holds::entries:
      text = "Some claims of this centre for " + title + " are held";
      break;
  }
  return text + ": " + requirement.what + ". " + capitalised(requirement.todo) + ".";
}

std::string planned_text(const PlannedVisit& planned, const Qualification& qualification) {
  std::string text = "The monitoring " + planned.monitoring + " of " + qualification.title + " is planned" +
                     (planned.on == 0 ? "" : " for " + date_text(planned.on)) + ".";
  if (planned.sample.empty()) return text;
  std::size_t learners = planned.sample.size();
  return text + " Have the work and assessment records of the " + std::to_string(learners) + (learners == 1 ? " learner" : " learners") +
         " of the sample ready for the assurer.";
}

}  // namespace vtq
