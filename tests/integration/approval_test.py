#!/usr/bin/env python3
"""Where the approval of a qualification stands, as the daemon and resultsctl tell it."""
import unittest

import events as e
from daemon import Daemon

QUALIFICATION = e.qualification_number("6009002")
PATH = f"/v1/qualifications/{QUALIFICATION.replace('/', '')}/approval"
AT = "2023-01-03T09:00:00Z"


def approval(fact, content, at=AT):
    return e.event(at, fact, {"qualification": QUALIFICATION, "body": "IFATE", **content})


def submitted(documents, mapped, at=AT):
    return approval("approvalSubmitted", {
        "category": "additional-specialist", "area": "Composite hulls", "occupationalStandard": "ST0752", "documents": documents,
        "duties": ["D1", "D2"], "mappings": [{"statement": one, "unit": "U1", "learningOutcome": "LO1"} for one in mapped],
        "funding": ["adult-skills"]}, at)


def reference():
    made = e.reference(qualification=QUALIFICATION)
    for one in made:
        if "qualificationDefined" in one:
            one["qualificationDefined"].update({"approvalNeeded": ["IFATE"], "frameworkLevel": 3, "lastRegistrationOn": "2026-07-31"})
    made.append(e.event(AT, "approvalCategoryDefined", {
        "body": "IFATE", "category": "additional-specialist", "requiredDocuments": ["specification", "employer-evidence"],
        "proposalLevels": [2], "predefinedAreas": ["Heat pumps"]}))
    return made


class Approval(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon({"time.source": "event"}).start()
        self.addCleanup(self.daemon.__exit__)
        self.daemon.post_events(reference())

    def told(self):
        found = self.daemon.get(PATH).json()
        return found, found["approvals"][0]

    def test_an_incomplete_submission_names_what_is_missing(self):
        self.daemon.post_events([submitted(["specification"], ["D1", "K3"])])
        found, ifate = self.told()
        self.assertEqual((ifate["stage"], ifate["missingDocuments"], ifate["unmappedDuties"]),
                         ("submission-invalid", ["employer-evidence"], ["D2"]))
        self.assertFalse(found["approved"])
        self.assertEqual(found["lastRegistrationOn"], "2026-07-31")
        self.assertEqual(ifate["coverage"], [{"statement": "D1", "coveredBy": ["U1 LO1"]}, {"statement": "D2", "coveredBy": []},
                                             {"statement": "K3", "coveredBy": ["U1 LO1"]}])
        shown = self.daemon.resultsctl("approval", QUALIFICATION)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("document employer-evidence is missing, and duty D2 is not mapped to any content", shown.stdout)

    def test_approval_and_withdrawal_set_the_dates(self):
        self.daemon.post_events([submitted(["specification", "employer-evidence"], ["D1", "D2"]),
                                 approval("approvalDecided", {"approved": True, "approvedFrom": "2022-09-01",
                                                              "funding": ["level-3-offer"]})])
        found, ifate = self.told()
        self.assertEqual((ifate["stage"], ifate["occupationalStandard"], ifate["funding"]), ("approved", "ST0752", ["level-3-offer"]))
        self.assertEqual((found["approved"], found["registrationFrom"]), (True, "2022-09-01"))
        self.daemon.post_events([approval("approvalWithdrawn", {"withdrawnFrom": "2023-02-01", "lastCertificationOn": "2024-08-31"})])
        self.assertEqual(self.told()[1]["stage"], "approved")
        self.daemon.post_events([e.time_reached("2023-02-01T00:00:00Z")])
        found, ifate = self.told()
        self.assertEqual((ifate["stage"], found["lastRegistrationOn"], found["lastCertificationOn"]),
                         ("withdrawn", "2023-01-31", "2024-08-31"))

    def test_a_learner_registered_without_approval_reads_why_nothing_goes_on(self):
        self.daemon.post_events([e.registered("L1", qualification=QUALIFICATION)])
        status = self.daemon.get(f"/v1/entries/{e.CENTRE}/{QUALIFICATION.replace('/', '')}/{e.SERIES}/L1").json()["status"]
        self.assertIn("The qualification is not approved: nothing was submitted to IfATE", status["why"])
        self.assertEqual((status["nextStep"], status["nextOwner"]), ("OBTAIN_APPROVAL", "AWARDING_ORGANISATION"))

    def test_an_unknown_qualification_is_404(self):
        self.assertEqual(self.daemon.get("/v1/qualifications/12345678/approval").status, 404)
        self.assertEqual(self.daemon.get("/v1/qualifications/nothing/approval").json()["rule"], "qualification-form")
        self.assertNotEqual(self.daemon.resultsctl("approval", "12345678").returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
