#!/usr/bin/env python3
"""The real resultsd with an access secret: a release from its plan to its batches, by people who are told apart by their keys; what is refused, and
what each refusal says; kill -9 between any two steps."""
import http.client
import json
import os
import signal
import unittest

import events as e
from callers import Guarded, name_of, start_on_record
from daemon import DEADLINE_S, run

LEVEL = "LEVEL_3"
RELEASES = f"/v1/releases/{e.ORGANISATION}/{e.SERIES}"
FIRST = "2023-08-09T09:00"


def act(at, fact, **content):
    return e.event(at, fact, {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES, "level": LEVEL, **content})


def plan(at, **content):
    return act(at, "releasePlanned", **{"firstIssueAt": FIRST, "everyHours": 24, **content})


def approval(at, digest, **content):
    return act(at, "releaseApproved", **{"approver": "for the record", "plan": digest, **content})


class Releases(unittest.TestCase):
    def setUp(self):
        self.daemon = Guarded({"release.approvals_default": 2})
        self.addCleanup(self.daemon.__exit__)
        self.daemon.start()
        self.publisher = self.daemon.key("publisher", everywhere=True)
        self.ann = self.daemon.key("approver", organisations=[e.ORGANISATION], name="Ann")
        self.bob = self.daemon.key("approver", organisations=[e.ORGANISATION], name="Bob")
        self.desk = self.daemon.key("operations", "learner-details", everywhere=True, name="Desk")
        self.ops = self.daemon.key("operations", organisations=[e.ORGANISATION], name="Ops")
        season = e.reference() + e.with_result("P1") + e.with_result("P2", centre=e.OTHER_CENTRE)
        self.assertEqual(self.said(self.publisher, *sorted(season, key=lambda one: one["occurredAt"]))["rejected"], 0)

    def said(self, key, *events):
        reply = self.daemon.publish(key, list(events))
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()

    def refused(self, key, *events):
        """The problem that a body is refused with."""
        reply = self.daemon.publish(key, list(events))
        self.assertEqual(reply.status, 403, reply.body)
        self.assertTrue(reply.json()["detail"])
        return reply.json()["rule"]

    def warned(self, key, event):
        (one,) = self.said(key, event)["events"]
        return [warning["rule"] for warning in one.get("warnings", [])]

    def release(self, what=""):
        reply = self.daemon.ask("GET", RELEASES + what, self.ops)
        self.assertEqual(reply.status, 200, reply.body)
        (one,) = [release for release in reply.json()["releases"] if release["level"] == LEVEL]
        return one

    def digest(self):
        return self.release()["plan"]

    def reach(self, at):
        self.said(self.publisher, e.time_reached(at))

    def is_reached(self, at):
        return self.daemon.ask("GET", "/v1/overview", self.desk).json()["time"] >= at.replace("Z", ".000Z")

    def goes_at(self):
        """When the first wave goes; none without a plan."""
        releases = self.daemon.ask("GET", RELEASES, self.ops).json()["releases"]
        return next((wave["goesAt"] for one in releases if one["level"] == LEVEL for wave in one["waves"]), None)

    def batches(self):
        return len(self.daemon.ask("GET", f"/v1/batches?centre={e.CENTRE}", self.desk).json()["batches"])

    def status(self, learner="P1"):
        reply = self.daemon.ask("GET", f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/{learner}", self.desk)
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()["status"] if "status" in reply.json() else reply.json()

    def test_two_people_approve_and_it_goes(self):
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        self.reach("2023-08-09T09:00:00Z")
        self.assertEqual(self.batches(), 0)
        status = self.status()
        self.assertEqual((status["stage"], status["nextStep"], status["nextOwner"], status["reason"]),
                         ("READY", "APPROVE_RELEASE", "AWARDING_ORGANISATION", "L6"))
        digest = self.digest()
        self.assertEqual(self.warned(self.ann, approval("2023-08-09T09:01:00Z", digest)), [])
        self.reach("2023-08-09T09:02:00Z")
        self.assertEqual(self.batches(), 0)
        self.said(self.ops, approval("2023-08-09T09:03:00Z", digest))
        self.reach("2023-08-09T09:04:00Z")
        self.assertEqual(self.batches(), 1)
        stands = self.release()
        self.assertTrue(stands["approved"])
        self.assertEqual(stands["approvedBy"], sorted(f"key {name_of(key)}" for key in (self.ann, self.ops)))
        self.assertEqual(stands["approversAmongThem"], 1)
        self.assertEqual(stands["saidBy"], f"key {name_of(self.ops)}")

    def test_one_person_counts_once(self):
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        digest = self.digest()
        for minute in (1, 2, 3):
            self.said(self.ann, approval(f"2023-08-01T09:0{minute}:00Z", digest, approver=f"another name {minute}"))
        self.reach("2023-08-10T09:00:00Z")
        self.assertEqual(self.batches(), 0)
        self.assertEqual(len(self.release()["approvedBy"]), 1)

    def test_two_without_the_role_are_not_enough(self):
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        other = self.daemon.key("operations", organisations=[e.ORGANISATION])
        for key in (self.ops, other):
            self.said(key, approval("2023-08-01T09:01:00Z", self.digest()))
        self.reach("2023-08-10T09:00:00Z")
        self.assertEqual(self.batches(), 0)
        self.assertEqual((len(self.release()["approvedBy"]), self.release()["approversAmongThem"]), (2, 0))

    def test_an_approval_of_an_older_plan_has_no_effect_and_says_so(self):
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        older = self.digest()
        self.said(self.ann, approval("2023-07-21T09:00:00Z", older))
        self.said(self.ops, plan("2023-07-22T09:00:00Z", firstIssueAt="2023-08-09T10:00"))
        self.assertNotEqual(self.digest(), older)
        self.assertEqual(self.warned(self.bob, approval("2023-07-23T09:00:00Z", older)), ["approval-of-older-plan"])
        self.reach("2023-08-10T09:00:00Z")
        self.assertEqual((self.batches(), self.release()["approvedBy"]), (0, []))
        self.assertEqual(self.warned(self.bob, approval("2023-08-10T09:01:00Z", "")), ["approval-of-nothing"])

    def test_who_may_not_is_refused_with_its_message(self):
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        digest = self.digest()
        one = approval("2023-08-01T09:00:00Z", digest)
        other = self.daemon.key("approver", organisations=["RN8888"])
        self.assertEqual(self.refused(other, one), "asserted-by-owner")
        self.assertEqual(self.refused(self.publisher, one), "asserted-by-role")
        self.assertEqual(self.refused(self.ann, approval("2023-08-01T09:00:00Z", digest, saidBy=f"key {name_of(self.bob)}")), "said-by-caller")
        self.assertEqual(self.refused(self.ops, act("2023-08-01T09:00:00Z", "releaseOverridden", plan=digest, check="RELEASE_MISSING", reason="x")),
                         "asserted-by-role")
        # The operator approves nothing.
        path = os.path.join(self.daemon.directory, "one.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(one, file)
        done = self.daemon.operator("publish", path)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("approves nothing", done.stdout + done.stderr)
        # A right that was withdrawn.
        self.assertEqual(self.daemon.operator("keys", "revoke", name_of(self.bob)).returncode, 0)
        reply = self.daemon.publish(self.bob, [one])
        self.assertEqual((reply.status, reply.json()["rule"]), (401, "key-good"))
        # What an operations key says of its role counts for nothing.
        self.said(self.ops, approval("2023-08-01T09:00:00Z", digest, byApprover=True))
        self.assertEqual(self.release()["approversAmongThem"], 0)
        # Nobody confirms gates in the name of two.
        gates = e.calendar("2023-08-01T09:00:00Z", {**e.DATES, "centreRelease": "2023-08-15T00:01"})
        gates["calendarDefined"]["gatesConfirmedBy"] = ["Ann Lee", "Bob Ray"]
        self.assertEqual(self.refused(self.publisher, gates), "gates-by-approval")

    def test_an_approval_is_taken_back_before_the_wave(self):
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        digest = self.digest()
        for key in (self.ann, self.bob):
            self.said(key, approval("2023-08-01T09:00:00Z", digest))
        self.assertTrue(self.release()["approved"])
        self.said(self.bob, approval("2023-08-02T09:00:00Z", digest, withdrawn=True))
        self.reach("2023-08-10T09:00:00Z")
        self.assertEqual((self.batches(), self.release()["approved"]), (0, False))

    def test_an_earlier_gate_wants_two_approvers(self):
        gates = e.calendar("2023-08-01T09:00:00Z", {**e.DATES, "centreRelease": "2023-08-15T00:01"})
        (one,) = self.said(self.publisher, gates)["events"]
        self.assertEqual(one["rule"], "gate-not-earlier")
        digest = self.release()["gates"][0]["plan"]
        self.said(self.ann, approval("2023-08-01T09:01:00Z", digest))
        self.said(self.ops, approval("2023-08-01T09:01:00Z", digest))
        self.assertFalse(self.release()["gates"][0]["confirmed"])
        self.assertEqual(self.warned(self.bob, approval("2023-08-01T09:02:00Z", digest)), [])
        self.assertTrue(self.release()["gates"][0]["confirmed"])

    def test_a_calendar_under_the_id_of_another_opens_nothing_earlier(self):
        later = e.calendar("2023-08-01T09:00:00Z", {**e.DATES, "centreRelease": "2023-08-19T00:01", "learnerRelease": "2023-08-20T08:00"})
        again = e.calendar("2023-08-01T09:00:00Z", e.DATES) | {"id": later["id"], "sequence": 7}
        self.said(self.publisher, later)
        (one,) = self.said(self.publisher, again)["events"]
        self.assertEqual(one["rule"], "gate-not-earlier")
        self.assertEqual(len(self.release()["gates"]), 3)

    def test_waves_dry_run_and_the_command_line(self):
        def ctl(key, *words):
            path = os.path.join(self.daemon.directory, name_of(key))
            with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(key)
            return run("resultsctl", "--url", self.daemon.url, "--key-file", path, "release", *words)
        where = (e.ORGANISATION, e.SERIES, LEVEL)
        done = ctl(self.ops, "plan", *where, "--wave", f"pilot=2023-08-07T09:00={e.CENTRE}", "--wave", "rest=2023-08-09T09:00")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        dry = self.release("/dry-run")
        self.assertEqual([(wave["name"], wave["results"], [one["centre"] for one in wave["byCentre"]]) for wave in dry["waves"]],
                         [("pilot", 1, [e.CENTRE]), ("rest", 1, [e.OTHER_CENTRE])])
        self.assertNotRegex(json.dumps(dry), "Merit|Distinction")
        self.assertIn("NOT APPROVED", ctl(self.ops, "show", *where[:2]).stdout)
        self.assertIn(e.OTHER_CENTRE, ctl(self.ops, "dry-run", *where[:2]).stdout)
        for key in (self.ann, self.bob):
            done = ctl(key, "approve", *where, "--name", "somebody")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = ctl(self.ops, "halt", e.ORGANISATION, e.SERIES, "--qualification", e.QUALIFICATION, "--reason", "boundary")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.reach("2023-08-07T10:00:00Z")
        self.assertEqual(self.batches(), 0)
        self.assertIn("ISSUING IS HALTED", ctl(self.ops, "show", *where[:2]).stdout)
        done = ctl(self.ops, "resume", e.ORGANISATION, e.SERIES, "--qualification", e.QUALIFICATION)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.reach("2023-08-07T11:00:00Z")
        self.assertEqual(self.batches(), 1)
        self.assertEqual([wave["issued"] for wave in self.release()["waves"]], [1, 0])
        self.reach("2023-08-09T09:00:00Z")
        self.assertEqual([wave["issued"] for wave in self.release()["waves"]], [1, 1])

    def test_a_check_stops_a_centre_and_an_approver_overrides_it(self):
        policy = e.event("2023-07-01T09:00:00Z", "releasePolicyDefined",
                         {"awardingOrganisation": e.ORGANISATION, "approvals": 0, "missingPercentMax": 20})
        self.assertEqual(self.refused(self.publisher, policy), "asserted-by-role")
        self.said(self.ann, policy)
        self.said(self.publisher, e.registered("P9", at="2023-07-02T09:00:00Z"), plan("2023-07-20T09:00:00Z"))
        self.assertEqual(self.release()["policy"]["approvals"], 2, "never fewer than the setting")
        digest = self.digest()
        for key in (self.ann, self.bob):
            self.said(key, approval("2023-08-01T09:00:00Z", digest))
        self.reach("2023-08-09T09:00:00Z")
        self.assertEqual((self.batches(), self.status()["nextStep"]), (0, "OVERRIDE_CHECK"))
        self.assertEqual(self.release("/dry-run")["waves"][0]["centresStopped"], 1)
        self.said(self.ann, act("2023-08-09T09:01:00Z", "releaseOverridden", plan=digest, check="RELEASE_MISSING", reason="claims in autumn"))
        self.reach("2023-08-09T09:02:00Z")
        self.assertEqual(self.batches(), 1)
        self.assertEqual(self.release()["overrides"][0]["saidBy"], f"key {name_of(self.ann)}")

    def test_killed_between_any_two_steps_it_goes_on_where_it_was(self):
        def killed():
            self.daemon.stop(signal.SIGKILL)
            self.daemon.start()
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        killed()
        digest = self.digest()
        self.said(self.ann, approval("2023-08-01T09:00:00Z", digest))
        killed()
        self.reach("2023-08-09T09:00:00Z")
        self.assertEqual(self.batches(), 0)
        self.said(self.bob, approval("2023-08-09T09:01:00Z", digest))
        killed()
        self.reach("2023-08-09T09:02:00Z")
        killed()
        self.assertEqual(self.batches(), 1)
        self.reach("2023-08-10T09:00:00Z")
        self.assertEqual(self.batches(), 1)

    def lives_until_its_start_is_on_record(self, point):
        """Whether a life that ends at the point comes so far; the start is a commit too, at a time of its own."""
        self.daemon.stop(signal.SIGKILL)
        self.daemon.environment["RESULTSD_CRASH_AT"] = point
        try:
            start_on_record(self.daemon, self.auditor)
            return True
        except (ConnectionError, http.client.HTTPException, RuntimeError):
            self.assertEqual(self.daemon.process.wait(DEADLINE_S), -signal.SIGKILL, self.daemon.log()[-3:])
            return False
        finally:
            self.daemon.close()
            del self.daemon.environment["RESULTSD_CRASH_AT"]

    def killed_at(self, where, key, event, is_known):
        """The daemon kills itself before or after the write of the commit that takes the event. Started again it has it, or has it not; and is
        sent it once more."""
        self.auditor = self.daemon.key("auditor", everywhere=True)
        self.assertTrue(any(self.lives_until_its_start_is_on_record(f"{where}:{count}") for count in range(1, 6)), f"{where}: killed before the step")
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            self.daemon.publish(key, [event])
        self.assertEqual(self.daemon.process.wait(DEADLINE_S), -signal.SIGKILL)
        self.daemon.start()
        self.assertEqual(is_known(), where == "after_write", where)
        answer = self.said(key, event)
        self.assertEqual((answer["rejected"], answer["waiting"]), (0, 0), answer)
        self.assertTrue(is_known())

    def test_killed_within_the_commit_of_any_step_nothing_goes_unapproved_nor_twice(self):
        for where, hour in (("before_write", 10), ("after_write", 9)):  # in London; there it is an hour later than in UTC
            planned = plan("2023-07-20T09:00:00Z", firstIssueAt=f"2023-08-09T{hour:02}:00")
            self.killed_at(where, self.ops, planned, lambda goes=f"2023-08-09T{hour - 1:02}:00:00.000Z": self.goes_at() == goes)
        digest = self.digest()
        for where, at in (("before_write", "2023-08-01T09:00:00Z"), ("after_write", "2023-08-01T09:01:00Z")):
            self.killed_at(where, self.ann, approval(at, digest), lambda at=at: self.is_reached(at))
        for where, at in (("before_write", "2023-08-09T09:00:00Z"), ("after_write", "2023-08-09T09:00:30Z")):
            self.killed_at(where, self.publisher, e.time_reached(at), lambda at=at: self.is_reached(at))
        self.assertEqual((self.batches(), self.release()["approvedBy"]), (0, [f"key {name_of(self.ann)}"]))
        both = sorted(f"key {name_of(key)}" for key in (self.ann, self.bob))
        self.killed_at("before_write", self.bob, approval("2023-08-09T09:01:00Z", digest), lambda: self.release()["approvedBy"] == both)
        self.killed_at("after_write", self.bob, approval("2023-08-09T09:01:30Z", digest), lambda: self.is_reached("2023-08-09T09:01:30Z"))
        self.killed_at("before_write", self.publisher, e.time_reached("2023-08-09T09:02:00Z"), lambda: self.is_reached("2023-08-09T09:02:00Z"))
        self.assertEqual(self.batches(), 1)
        self.reach("2023-08-11T09:00:00Z")
        self.assertEqual(self.batches(), 1)

    def test_what_waits_for_approval_is_measured(self):
        self.said(self.ops, plan("2023-07-20T09:00:00Z"))
        self.reach("2023-08-08T09:00:00Z")
        auditor = self.daemon.key("auditor", everywhere=True)
        text = self.daemon.ask("GET", "/metrics", auditor, accept="text/plain").body.decode()
        self.assertIn("vtq_release_results_unapproved 2", text)
        (due,) = [float(line.split()[1]) for line in text.splitlines() if line.startswith("vtq_release_approval_due_seconds ")]
        self.assertTrue(0 < due < 86400, due)


if __name__ == "__main__":
    unittest.main(verbosity=2)
