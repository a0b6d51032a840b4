// A specialist qualification on its way through approval (IfATE, additional specialist category, 2023), and what the awarding
// organisation and the centre read at each step.
#include "tests/support/season.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

constexpr const char* kComposites = "601/0051/1";  // Level 2, an area of its own
constexpr const char* kHeatPumps = "601/0052/1";   // Level 2, an area that IfATE has pre-defined

v1::Event specialist(const std::string& number, const std::string& title) {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_qualification_defined();
  fact->set_qualification(number);
  fact->set_title(title);
  fact->set_awarding_organisation("RN5001");
  fact->set_level(v1::LEVEL_2);
  fact->set_framework_level(2);
  fact->set_guided_learning_hours(60);
  fact->set_grading_scale("pass");
  fact->set_certification(v1::CERTIFICATION_BY_CLAIM);
  fact->add_approval_needed(v1::IFATE);
  for (const char* code : {"A", "B"}) {
    fact->add_units()->set_code(code);
    fact->mutable_units(fact->units_size() - 1)->set_mandatory(true);
  }
  return event;
}

v1::Event additional_specialist() {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_approval_category_defined();
  fact->set_body(v1::IFATE);
  fact->set_category("additional-specialist");
  for (const char* document : {"specification", "assessment strategy", "sample assessment materials", "employer evidence", "content mapping"})
    fact->add_required_documents(document);
  fact->add_proposal_levels(2);
  fact->add_predefined_areas("Heat pumps");
  return event;
}

v1::Event proposal(const std::string& number, TimeMs at, v1::ApprovalProposed::ProposalOutcome outcome) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_approval_proposed();
  fact->set_qualification(number);
  fact->set_body(v1::IFATE);
  fact->set_category("additional-specialist");
  fact->set_area("Composite hulls");
  fact->set_occupational_standard("ST0752");
  fact->add_duties("D1");
  fact->add_duties("D2");
  fact->set_outcome(outcome);
  return event;
}

v1::Event submission(const std::string& number, TimeMs at, const std::string& area, std::initializer_list<std::string> documents,
                     std::initializer_list<std::string> mapped) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_approval_submitted();
  fact->set_qualification(number);
  fact->set_body(v1::IFATE);
  fact->set_category("additional-specialist");
  fact->set_area(area);
  fact->set_occupational_standard("ST0752");
  for (const std::string& document : documents) fact->add_documents(document);
  fact->add_duties("D1");
  fact->add_duties("D2");
  for (const std::string& statement : mapped) {
    auto* mapping = fact->add_mappings();
    mapping->set_statement(statement);
    mapping->set_unit("A");
  }
  return event;
}

/// What stands in the way, without the time left.
std::string in_the_way(const v1::EntryStatus& status) {
  std::size_t end = status.why().rfind("; ", status.why().find(" to the issue deadline"));
  return status.why().substr(0, end);
}

struct Story : StartedSeason {
  Ref first{.qualification = kComposites, .learner = "FIRST"};
  Ref later{.qualification = kComposites, .learner = "LATER"};
  Ref pumps{.qualification = kHeatPumps, .learner = "PUMPS"};

  Story() {
    play({specialist(kComposites, "Certificate in Composite Hulls"), specialist(kHeatPumps, "Certificate in Heat Pumps"), additional_specialist()},
         local("2022-09-02T09:00"));
  }
  std::string way(const Ref& ref) { return in_the_way(described(ref)); }
  void complete(const Ref& ref, const std::string& day) {
    play({achieved(ref, local(day + "T10:00"), {"A", "B"}), claimed(ref, local(day + "T10:01")), determined(ref, local(day + "T10:02"))},
         local(day + "T11:00"));
  }
};

TEST(ApprovalStory, from_proposal_to_withdrawal) {
  Story story;
  auto documents = {std::string("specification"), std::string("assessment strategy"), std::string("sample assessment materials"),
                    std::string("employer evidence"), std::string("content mapping")};

  // A learner is registered under a qualification that nobody has approved.
  story.play({registered(story.first, local("2022-10-03T09:00"))}, local("2022-10-03T09:00"));
  EXPECT_EQ(story.way(story.first),
            "The qualification is not approved: nothing was submitted to IfATE, and outside its pre-defined areas a proposal must be "
            "accepted "
            "first");
  EXPECT_EQ(story.status(story.first).step, v1::OBTAIN_APPROVAL);
  EXPECT_EQ(story.status(story.first).owner, v1::AWARDING_ORGANISATION);

  v1::EntryStatus status = story.described(story.first);
  ASSERT_EQ(status.obstacles_size(), 3) << "and both units";
  EXPECT_EQ(status.obstacles(0).rule(), "qualification-approval") << "first of all";

  // Submitted at once: at Level 2 and outside the pre-defined areas, a proposal must come first. And two documents are missing.
  story.play(
      {submission(kComposites, local("2022-10-10T09:00"), "Composite hulls", {"specification", "assessment strategy", "content mapping"}, {"D1"})},
      local("2022-10-10T09:00"));
  EXPECT_EQ(story.way(story.first),
            "The qualification is not approved: the submission to IfATE is invalid: documents sample assessment materials and employer "
            "evidence "
            "are missing, and duty D2 is not mapped to any content, and no proposal for the area Composite hulls, which is not "
            "pre-defined, was "
            "accepted");

  // A decision on it, by mistake, does not count.
  v1::Event decided = approval_decided(kComposites, local("2022-10-11T09:00"), "2022-09-01");
  decided.mutable_approval_decided()->set_last_registration_on("2023-07-31");
  story.play({decided}, local("2022-10-11T09:00"));
  EXPECT_EQ(story.way(story.first),
            "The qualification is not approved: the submission to IfATE is invalid: documents sample assessment materials and employer "
            "evidence "
            "are missing, and duty D2 is not mapped to any content, and no proposal for the area Composite hulls, which is not "
            "pre-defined, was "
            "accepted; the approval that was decided does not count until this is mended");

  // The proposal is made and accepted; the documents come; the last duty is mapped.
  story.play({proposal(kComposites, local("2022-10-12T09:00"), v1::ApprovalProposed::PROPOSAL_PENDING)}, local("2022-10-12T09:00"));
  EXPECT_NE(story.way(story.first).find("no proposal for the area Composite hulls"), std::string::npos) << "pending is not accepted";
  story.play({proposal(kComposites, local("2022-10-20T09:00"), v1::ApprovalProposed::PROPOSAL_ACCEPTED)}, local("2022-10-20T09:00"));
  EXPECT_EQ(story.way(story.first).find("no proposal"), std::string::npos);
  story.play({submission(kComposites, local("2022-10-21T09:00"), "Composite hulls", documents, {"D1"})}, local("2022-10-21T09:00"));
  EXPECT_EQ(story.way(story.first),
            "The qualification is not approved: the submission to IfATE is invalid: duty D2 is not mapped to any content; the approval "
            "that was "
            "decided does not count until this is mended");
  story.play({submission(kComposites, local("2022-10-24T09:00"), "Composite hulls", documents, {"D1", "D2", "K3"})}, local("2022-10-24T09:00"));
  EXPECT_EQ(story.way(story.first), "2 units are outstanding") << "approved: ordinary work goes on";
  EXPECT_EQ(story.status(story.first).step, v1::RECORD_EVIDENCE);

  // Approval is withdrawn from 1 February. Who is registered on that day comes too late, even half an hour into it.
  story.play({registered(story.later, local("2023-02-01T00:30"))}, local("2023-02-01T00:30"));
  EXPECT_EQ(story.way(story.later), "2 units are outstanding");
  v1::Event withdrawn = approval_withdrawn(kComposites, local("2023-02-10T09:00"), "2023-02-01");
  withdrawn.mutable_approval_withdrawn()->set_last_certification_on("2023-12-31");
  story.play({withdrawn}, local("2023-02-10T09:00"));
  EXPECT_EQ(story.way(story.first), "2 units are outstanding");
  EXPECT_EQ(story.way(story.later),
            "Approval by IfATE is withdrawn from 1 Feb 2023 and this learner was first registered on 1 Feb 2023: only learners registered "
            "before "
            "may still be certificated");

  // Both finish. The one registered before is certificated, the other is held and late, with the reason.
  story.complete(story.first, "2023-06-20");
  story.complete(story.later, "2023-06-21");
  EXPECT_EQ(story.status(story.first).stage, v1::READY);
  EXPECT_EQ(story.status(story.later).stage, v1::CLAIMED);
  EXPECT_EQ(story.status(story.later).rule, Rule::qualification_approval);
  story.time_passes(local("2023-08-21T18:00"));
  EXPECT_EQ(story.status(story.first).stage, v1::ISSUED);
  EXPECT_TRUE(story.entry(story.first)->issued.any());
  EXPECT_FALSE(story.entry(story.later)->issued.any());
  EXPECT_TRUE(story.status(story.later).late);
  EXPECT_EQ(story.described(story.later).why(),
            "Late since the issue deadline, 21 Aug 2023, 17:00: approval by IfATE is withdrawn from 1 Feb 2023 and this learner was first "
            "registered on 1 Feb 2023: only learners registered before may still be certificated (awarding organisation's marking or "
            "moderation "
            "late).");
}

TEST(ApprovalStory, a_predefined_area_needs_no_proposal) {
  Story story;
  story.play(
      {registered(story.pumps, local("2022-10-03T09:00")),
       submission(kHeatPumps, local("2022-10-03T09:00"), "Heat pumps",
                  {"specification", "assessment strategy", "sample assessment materials", "employer evidence", "content mapping"}, {"D1", "D2"})},
      local("2022-10-04T09:00"));
  EXPECT_EQ(story.way(story.pumps), "The qualification is not approved: the submission to IfATE is not decided yet");
  story.play({approval_decided(kHeatPumps, local("2022-10-20T09:00"), "2022-09-01")}, local("2022-10-20T09:00"));
  EXPECT_EQ(story.way(story.pumps), "2 units are outstanding");
}

TEST(ApprovalStory, the_last_day_for_certification_holds_what_was_ready_too_late) {
  Story story;
  v1::Event decided = approval_decided(kHeatPumps, local("2022-09-03T09:00"), "2022-09-01");
  decided.mutable_approval_decided()->set_last_certification_on("2023-07-31");
  story.play({decided, registered(story.pumps, local("2022-10-03T09:00"))}, local("2022-10-03T09:00"));
  story.complete(story.pumps, "2023-06-20");
  EXPECT_EQ(story.status(story.pumps).stage, v1::READY);
  story.time_passes(local("2023-07-31T23:59"));
  EXPECT_EQ(story.status(story.pumps).stage, v1::READY);
  story.time_passes(local("2023-08-01T00:00"));
  EXPECT_EQ(story.status(story.pumps).stage, v1::CLAIMED) << "time alone holds it";
  EXPECT_EQ(story.way(story.pumps), "The last day for certification, set by IfATE, was 31 Jul 2023: no result can be issued unless it is extended");
  // Extended: it goes on.
  decided = approval_decided(kHeatPumps, local("2023-08-02T09:00"), "2022-09-01");
  decided.mutable_approval_decided()->set_last_certification_on("2023-10-31");
  story.play({decided}, local("2023-08-02T09:00"));
  EXPECT_EQ(story.status(story.pumps).stage, v1::READY);
}

}  // namespace
}  // namespace vtq::test
