#!/usr/bin/env python3
"""Nothing early. The real resultsd under clocks that the test sets, sealed, with a caller of every role: before each gate every address is read by each of
them, and the bytes of every file; over steps of the clock, both changes of summer time, moved calendars, recall, restarts and kills. No grade may be
seen; and after the gate it is there for whom it should be."""
import json
import os
import signal
import time
import unittest

import embargo_test as sweeps
import events as e
from daemon import wait_until
from early import NOBODY, Caller, Eyes, Keys
from wall_clock import WallClock

DAY_S = 86400
# Local times: in the night when the clocks go back, after they did; and when they go forward, after the hour that is skipped.
AUTUMN, SPRING = "2023-10-29T02:30", "2024-03-31T02:30"
LEARNERS_GATE, LEARNERS_GATE_UTC = "2024-03-31T08:00", "2024-03-31T07:00:00"
HALT = {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES}


class Early(Caller, WallClock):
    keys_until = "2024-09-30"

    def __init__(self, at, binary="resultsd"):
        WallClock.__init__(self, at, {"log.level": "debug", "store.verify_bytes_per_second": 0})
        # Whatever the machine's own time zone is.
        self.environment["TZ"] = "America/New_York"
        self.binary = binary
        self.guard(self.directory)


class NothingEarly(unittest.TestCase):
    def begin(self, binary="resultsd"):
        self.daemon = Early("2023-08-14T15:30:00", binary).__enter__()
        self.addCleanup(self.daemon.__exit__)
        self.keys = Keys(self.daemon)
        self.eyes = Eyes(self.keys)
        self.when = []

    def say(self, key, *events):
        reply = self.daemon.publish(self.keys[key], list(events))
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()

    def nothing(self, when, callers=None):
        began = time.monotonic()
        self.assertEqual(self.eyes.look(self.daemon, callers), {}, when)
        self.when.append(f"{when} ({time.monotonic() - began:.1f} s)")

    def calendar(self, at, centre, learner):
        return e.calendar(at, {**e.DATES, "centreRelease": centre, "learnerRelease": learner})

    def batches(self):
        reply = self.daemon.ask("GET", "/v1/batches", self.keys["operations"])
        return [one["batch"] for one in reply.json()["batches"]] if reply.status == 200 else []

    def test_a_gate_that_is_taken_as_the_earlier_of_two_is_seen(self):
        """resultsd_early: the same, with that fault."""
        self.begin("resultsd_early")
        self.issue()
        self.assertEqual(self.eyes.look(self.daemon, ["centre"]), {})
        self.say("publisher", self.calendar("2023-08-14T15:31:00Z", AUTUMN, "2023-10-29T08:00"))
        self.daemon.set("2023-08-15T23:01:01")
        seen = self.eyes.look(self.daemon, ["centre", NOBODY], disk=False)
        self.assertIn(sweeps.TOP, seen[("centre", "/v1/batches/{batch}")])
        print(f"\nthe planted fault: grades at {', '.join(path for _, path in sorted(seen))}")

    def issue(self):
        self.say("publisher", *sweeps.reference(), *[e.event("2023-01-02T10:00:00Z", "centreDefined", {"centre": "90009", "name": "School 90009"})])
        self.say("publisher", *sweeps.season())
        wrong = self.daemon.ask("POST", "/v1/events", self.keys["publisher"], "\n".join(sweeps.wrong()), "application/x-ndjson")
        self.assertEqual(wrong.status, 200, wrong.body)
        wait_until(lambda: len(self.batches()) >= 2, "the first batches")

    def test_before_each_gate_nobody_sees_a_grade_and_after_it_who_may_does(self):
        self.begin()
        self.issue()
        self.nothing("issued, two days before the gate")
        self.daemon.set("2023-08-14T19:30:00")
        self.say("publisher", *sweeps.issued()[1:])
        wait_until(lambda: len(self.batches()) >= 3, "corrections")
        self.nothing("corrected, revoked and held")
        self.steps_of_the_clock()
        self.restarts()
        self.moved_calendars()
        self.summer_time()
        self.recall()
        self.after_the_gate()
        print("\nnothing was seen:")
        for when in self.when:
            print(f"  {when}")
        print(self.eyes.told())

    def steps_of_the_clock(self):
        """No second of them really passes."""
        few = ["operations", "centre", NOBODY]
        for step, words in ((2 * DAY_S, "two days forward, past the gate"), (3600, "an hour forward"), (365 * DAY_S, "a year forward"), (-DAY_S, "a day back")):
            self.daemon.shift(step)
            # The first reads come before anybody looks at the clock.
            self.eyes.seen = {}
            self.eyes.addresses(self.daemon, ["centre"])
            self.assertEqual(self.eyes.seen, {}, words)
            self.daemon.doubted()
            self.nothing(f"the clock stepped {words}", few)
            self.daemon.shift(-step)
            self.daemon.trusted()
        # A step that nobody takes back, over a restart.
        self.daemon.shift(3 * DAY_S)
        self.daemon.doubted()
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start(ready=False)
        wait_until(lambda: self.daemon.ask("GET", "/v1/clock", self.keys["auditor"]).status == 200, "it answers")
        self.assertFalse(self.daemon.clock()["trusted"])
        self.nothing("killed and started under a clock that is three days ahead", few)
        self.daemon.shift(-3 * DAY_S)
        self.daemon.trusted()

    def restarts(self):
        for how, words in ((signal.SIGTERM, "stopped"), (signal.SIGKILL, "killed")):
            self.daemon.stop(how)
            self.daemon.start()
            self.nothing(f"{words} and started", ["operations", "centre"])

    def moved_calendars(self):
        # Earlier, by one: of a publisher and one approver.
        answer = self.say("publisher", self.calendar("2023-08-14T19:31:00Z", "2023-08-15T00:01", "2023-08-15T08:00"))
        self.assertIn("gate-not-earlier", json.dumps(answer))
        release = self.daemon.ask("GET", f"/v1/releases/{e.ORGANISATION}/{e.SERIES}", self.keys["approver"]).json()["releases"][0]
        self.say("approver", e.event("2023-08-14T19:32:00Z", "releaseApproved", {
            "centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES, "level": "LEVEL_3", "approver": "one", "plan": release["gates"][0]["plan"]}))
        self.daemon.set("2023-08-15T09:00:00")
        self.nothing("past an earlier gate that one approved")
        # Later, by a word; its first gate passes.
        self.say("publisher", self.calendar("2023-08-15T09:01:00Z", AUTUMN, "2023-10-29T08:00"))
        self.daemon.set("2023-08-17T12:00:00")
        self.nothing("past the first gates, which a word moved")

    def summer_time(self):
        for at, words in (("2023-10-29T00:29:58", "before 01:30 the first time"), ("2023-10-29T01:29:58", "before 01:30 the second time, and 02:30 as summer would have it"),
                          ("2023-10-29T02:29:57", "a moment before 02:30, in the night when the clocks go back")):
            self.daemon.set(at)
            self.nothing(words, ["operations", "centre"])
        self.say("publisher", self.calendar("2023-10-29T02:29:57Z", SPRING, LEARNERS_GATE))
        for at, words in (("2023-10-29T12:00:00", "past that gate, which a word moved"), ("2024-03-31T00:59:57", "before the clocks go forward"),
                          ("2024-03-31T01:29:50", "a moment before 02:30, in the night when they go forward")):
            self.daemon.set(at)
            self.nothing(words, ["operations", "centre"])

    def recall(self):
        self.say("operations", e.event("2024-03-31T01:29:51Z", "issuingHalted", {**HALT, "halted": True, "reason": "boundaries"}))
        self.daemon.set("2024-03-31T01:31:00")
        self.nothing("recalled, past the gate")
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        self.nothing("recalled, killed and started", ["operations", "centre"])

    def after_the_gate(self):
        self.say("operations", e.event("2024-03-31T01:31:00Z", "issuingHalted", {**HALT, "halted": False}))
        seen = self.eyes.look(self.daemon, disk=False)
        self.assertIn(sweeps.TOP, seen.get(("centre", "/v1/batches/{batch}"), ()))
        self.assertIn(sweeps.TOP, seen.get(("centre", "/v1/export/batches"), ()))
        self.assertTrue({("operations", "/v1/batches/{batch}"), ("approver", "/v1/batches/{batch}")} <= set(seen))
        may = {"centre", "operations", "operations of the awarding organisation", "approver"}
        self.assertEqual({caller for caller, _ in seen} - may, set())
        learners = "/v1/batches/{batch}/learners/{qualification}/{learner}"
        self.assertEqual([where for where in seen if where[1] == learners], [])
        self.when.append("before the learners' gate: nothing at a learner's address")
        self.daemon.set(LEARNERS_GATE_UTC)
        seen = self.eyes.look(self.daemon, ["centre", NOBODY, "another centre"], disk=False)
        self.assertIn(sweeps.TOP, seen[("centre", learners)])
        self.assertEqual({caller for caller, _ in seen}, {"centre"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
