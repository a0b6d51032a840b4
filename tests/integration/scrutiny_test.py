#!/usr/bin/env python3
"""What is asked of a centre's assessment, and its monthly activity report, as the daemon and resultsctl tell them."""
import csv
import io
import os
import unittest

import events as e
from daemon import Daemon, ROOT
from openapi_test import API, mismatches

CENTRE = "70001"
QUALIFICATION = "610/9001/3"
PATH = f"/v1/centres/{CENTRE}"


def at_centre(at, fact, content):
    return e.event(at, fact, {"centre": CENTRE, "awardingOrganisation": "RN9990", "qualification": QUALIFICATION, **content})


def learners(count, at):
    entry = {"centre": CENTRE, "qualification": QUALIFICATION, "series": "2024-08"}
    return [e.event(at, "registered", {"entry": {**entry, "learner": f"Q{number}"}, "cohort": "2023-A"}) for number in range(count)]


class Scrutiny(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon({"time.source": "event"}).start()
        self.addCleanup(self.daemon.__exit__)
        with open(os.path.join(ROOT, "deploy", "reference", "qualifi_cass.jsonl"), encoding="utf-8") as lines:
            reply = self.daemon.post("/v1/events", lines.read(), "application/x-ndjson")
        self.assertEqual((reply.status, reply.json()["accepted"]), (200, 8), reply.body)
        self.daemon.post_events([e.event("2023-08-02T09:00:00Z", "centreDefined", {"centre": CENTRE, "name": "Northgate"})])

    def scrutiny(self):
        reply = self.daemon.get(PATH + "/scrutiny")
        schema = API["paths"]["/v1/centres/{centre}/scrutiny"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        self.assertEqual(mismatches(schema, reply.json()), [])
        return reply.json()["qualifications"]

    def test_of_a_centre_without_learners_nothing_is_asked(self):
        self.assertEqual(self.scrutiny(), [])
        self.assertIn("Nothing is asked", self.daemon.resultsctl("scrutiny", CENTRE).stdout)
        self.assertEqual(self.daemon.get("/v1/centres/99999/scrutiny").json()["rule"], "centre-known")

    def test_what_is_asked_goes_as_it_is_done(self):
        self.daemon.post_events(learners(12, "2023-09-11T09:00:00Z"))
        one, = self.scrutiny()
        self.assertEqual([asked["rule"] for asked in one["requirements"]], ["centre-approval", "first-monitoring"])
        self.assertFalse(one["approvalInOrder"])
        self.daemon.post_events([at_centre("2023-09-18T09:00:00Z", "centreApproved", {"status": "APPROVED"}),
                                 at_centre("2024-02-01T09:00:00Z", "monitoringPlanned", {
                                     "monitoring": "V-1", "plannedOn": "2024-03-04", "assurer": "EQA-4", "seed": "7"})])
        one, = self.scrutiny()
        self.assertEqual([asked["rule"] for asked in one["requirements"]], ["first-monitoring"])
        self.assertEqual(len(one["planned"][0]["sample"]), 10)
        shown = self.daemon.resultsctl("scrutiny", CENTRE)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("the first monitoring has not taken place. Carry out the monitoring", shown.stdout)
        self.assertIn("planned for 4 Mar 2024", shown.stdout)
        self.daemon.post_events([at_centre("2024-03-04T17:00:00Z", "monitoringRecorded", {
            "monitoring": "V-1", "grade": 2, "assurer": "EQA-4", "learnersSampled": 10})])
        one, = self.scrutiny()
        self.assertEqual((one["requirements"], one["planned"], one["lastMonitoringOn"]), ([], [], "2024-03-04"))
        self.assertEqual((one["nextMonitoring"], one["nextMonitoringDueOn"]), ("second-monitoring", "2024-09-04"))

    def test_the_activity_of_a_month_comes_as_data_and_as_a_file(self):
        self.daemon.post_events(learners(12, "2023-09-11T09:00:00Z"))
        reply = self.daemon.get(PATH + "/activity?month=2023-09")
        schema = API["paths"]["/v1/centres/{centre}/activity"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        self.assertEqual(mismatches(schema, reply.json()), [])
        line, = reply.json()["qualifications"]
        self.assertEqual((line["registrations"]["count"], line["registrations"]["trend"]), (12, "new"))
        table = list(csv.DictReader(io.StringIO(self.daemon.get(PATH + "/activity?month=2023-10", accept="text/csv").body.decode())))
        self.assertEqual((table[0]["Registrations"], table[0]["Registrations3MonthAverage"]), ("0", "4.0"))
        path = os.path.join(self.daemon.directory, "activity.csv")
        shown = self.daemon.resultsctl("activity", CENTRE, "--month", "2023-09", "--format", "csv", "--out", path)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        with open(path, encoding="utf-8", newline="") as file:
            self.assertEqual(next(csv.DictReader(file))["Registrations"], "12")
        shown = self.daemon.resultsctl("activity", CENTRE, "--month", "2023-09")
        self.assertRegex(shown.stdout, r"610/9001/3 +12 \(new\) +0 +0 +0 ")
        for month in ("", "?month=2023", "?month=2023-13", "?month=2023-9"):
            self.assertEqual(self.daemon.get(PATH + "/activity" + month).status, 400, month)


if __name__ == "__main__":
    unittest.main(verbosity=2)
