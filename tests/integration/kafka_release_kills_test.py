#!/usr/bin/env python3
"""kill -9 at every point of a transaction between plan, approvals, issue, gate and recall, on a real Kafka: each step is killed before it is applied, before its
offsets are sent, before the commit and after it, one after the other, until it is in. Nothing goes unapproved or early, nothing twice, and the audit's
chain is whole after each."""
import json
import os
import shutil
import signal
import subprocess
import unittest

import events as e
import season as seasons
from audit_test import check_chain, halt, lines_of
from daemon import Daemon, program, run, wait_until
from kafka import Kafka
from kafka_season_test import make_topics, on_kafka
from release_test import LEVEL, RELEASES, approval, plan

PREFIX, PARTITIONS = "kills.", 2
POINTS = ("before_apply", "before_offsets", "before_end", "after_end")
OF_REFERENCE = POINTS[1:]  # words for all centres are reference data, of which alone the first point is not passed
ONCE = {"release-planned": 1, "release-approved": 2, "result-amended": 1, "halt": 1, "resume": 1}


def by(name, event):
    event["releaseApproved"]["approver"] = name
    return event


class KafkaKills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.daemon = Daemon({**on_kafka(cls.kafka, PREFIX), "release.approvals_default": 2, "partitions": PARTITIONS})
        cls.addClassCleanup(cls.daemon.__exit__)
        for words, setting in ((("audit", "keygen"), "audit.key_file"), (("seal", "keygen"), "seal.key_file")):
            path = os.path.join(cls.daemon.directory, setting)
            made = run("resultsctl", *words, path, *(("--name", "test.example/audit") if words[0] == "audit" else ()))
            assert made.returncode == 0, made.stderr
            cls.public = made.stdout.strip() if words[0] == "audit" else cls.public
            cls.daemon.settings[setting] = path
        make_topics(cls.daemon)
        cls.daemon.start()
        cls.struck, cls.checked, cls.records = {}, 0, 0

    def post(self, *events):
        reply = self.daemon.post("/v1/events", "\n".join(json.dumps(event) for event in events), "application/x-ndjson")
        self.assertEqual(reply.status, 200, reply.body)

    def reached(self, at):
        wait_until(lambda: (self.daemon.get("/v1/overview").json()["time"] or "") >= at.replace("Z", ".000Z"), f"time at {at}", 60)

    def release(self):
        reply = self.daemon.get(RELEASES)
        return next((one for one in reply.json()["releases"] if one["level"] == LEVEL), {}) if reply.status == 200 else {}

    def stands(self):
        """Read until it comes twice alike: an event may count between two of its requests."""
        last = self.look()
        while (now := self.look()) != last:
            last = now
        return now

    def look(self):
        batches = [one["batch"] for one in self.daemon.get("/v1/batches").json()["batches"]]
        self.assertEqual(len(batches), len(set(batches)))
        seen = []
        for batch in sorted(one for one in batches if one.startswith(e.CENTRE)):
            reply = self.daemon.get(f"/v1/batches/{batch}")
            if reply.status != 200:
                self.assertNotRegex(reply.body.decode(), "Distinction|Merit")
                seen.append("shut")
                continue
            seen += [one["withheld"] or one["grade"]["value"] for one in reply.json()["results"]]
        return len(batches), len(self.release().get("approvedBy", [])), seen

    def check(self, what, *expected):
        self.assertIn(self.stands(), expected, what)
        counts, total = {}, 0
        for partition in range(PARTITIONS):
            lines = lines_of(lambda target, accept: self.daemon.get(target, accept=accept), partition)
            check_chain(lines, partition)
            total += len(lines)
            for one in map(json.loads, lines):
                counts[one["act"]] = counts.get(one["act"], 0) + 1
        for act, most in ONCE.items():
            self.assertLessEqual(counts.get(act, 0), most, f"{what}: {act}")
        folder = os.path.join(self.daemon.directory, "export")
        shutil.rmtree(folder, ignore_errors=True)
        done = self.daemon.resultsctl("audit", "export", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("resultsctl", "audit", "verify", folder, "--public-key", self.public)
        self.assertEqual(done.returncode, 0, f"{what}: {done.stdout}{done.stderr}")
        type(self).checked += 1
        type(self).records = total
        return counts

    def killed_at(self, point, events=()):
        """One life that kills itself at the first passing of the point; the events are given to it where there are any."""
        self.daemon.close()
        self.daemon.environment["RESULTSD_CRASH_AT"] = f"{point}:1"
        try:
            if events:
                self.daemon.start()
                self.daemon.post("/v1/events", "\n".join(json.dumps(event) for event in events), "application/x-ndjson")
            else:
                with open(os.path.join(self.daemon.directory, "log"), "ab") as log:
                    self.daemon.process = subprocess.Popen([program("resultsd_crashing"), "--config", self.daemon.config()], stderr=log,
                                                           env=self.daemon.environment)
        except Exception as lost:  # pylint: disable=broad-except
            self.assertIn(type(lost).__module__.split(".")[0], ("builtins", "http"), lost)  # its connection, cut by the kill
        finally:
            del self.daemon.environment["RESULTSD_CRASH_AT"]
            self.daemon.close()
        try:
            self.assertEqual(self.daemon.process.wait(30), -signal.SIGKILL, point)
        except subprocess.TimeoutExpired:
            self.fail(f"{point} was not passed")

    def step(self, name, events, before, *after, until=None, points=POINTS):
        """After which it stands as before, or as one of `after`; sent again, as one of `after`."""
        self.daemon.stop(signal.SIGKILL)
        for at, point in enumerate(points):
            self.killed_at(point, events if at == 0 else ())
            self.struck[name] = self.struck.get(name, 0) + 1
        self.daemon.start()
        self.check(f"{name}, killed at every point", before, *after)
        # Who had no answer sends it again.
        self.post(*events)
        if until:
            self.reached(until)
        wait_until(lambda: self.stands() in after, f"{name}: one of {after}", 60)
        self.check(f"{name}, sent again", *after)

    def test_killed_at_every_point_nothing_goes_unapproved_nor_twice_and_the_chain_is_whole(self):
        self.post(*sorted(e.reference() + e.with_result("P1") + e.with_result("P2", centre=e.OTHER_CENTRE), key=lambda one: one["occurredAt"]))
        self.post(e.time_reached("2023-07-20T09:00:00Z"))
        self.reached("2023-07-20T09:00:00Z")
        self.step("plan", [plan("2023-07-20T09:30:00Z")], (0, 0, []), (0, 0, []), points=OF_REFERENCE)
        digest = wait_until(lambda: self.release().get("plan"), "the plan known", 60)
        self.step("first approval", [by("ann", approval("2023-08-01T09:00:00Z", digest))], (0, 0, []), (0, 1, []), points=OF_REFERENCE)
        cut = "2023-08-09T09:00:00Z"
        self.step("cut, with one approval", [e.time_reached(cut)], (0, 1, []), (0, 1, []), until=cut)
        # Its cut has passed: it goes at once, or with what comes next.
        self.step("second approval", [by("bob", approval("2023-08-09T09:01:00Z", digest))], (0, 1, []), (0, 2, []), (2, 2, ["shut"]), points=OF_REFERENCE)
        issue = "2023-08-09T09:02:00Z"
        self.step("issue", [e.time_reached(issue)], (0, 2, []), (2, 2, ["shut"]), until=issue)
        amended = e.event("2023-08-10T09:00:00Z", "resultAmended", {"entry": e.entry("P1"), "grade": {"scale": "test-pmd", "value": "Merit"}, "reason": "a review"})
        later = "2023-08-11T12:00:00Z"
        self.step("correction", [amended, e.time_reached(later)], (2, 2, ["shut"]), (3, 2, ["shut", "shut"]), until=later)
        gate = "2023-08-15T23:01:00Z"
        self.step("gate", [e.time_reached(gate)], (3, 2, ["shut", "shut"]), (3, 2, ["corrected", "Merit"]), until=gate)
        self.step("recall", [halt("2023-08-15T23:01:01Z"), e.time_reached("2023-08-15T23:01:02Z")], (3, 2, ["corrected", "Merit"]),
                  (3, 2, ["issuing-halted", "issuing-halted"]), until="2023-08-15T23:01:02Z")
        counts = self.check("the end", (3, 2, ["issuing-halted", "issuing-halted"]))
        for act, times in {**ONCE, "resume": 0}.items():
            self.assertEqual(counts.get(act, 0), times, act)
        print(f"\n{sum(self.struck.values())} kills at {len(POINTS)} points within {len(self.struck)} steps ({', '.join(self.struck)}); "
              f"{self.checked} looks, each with an export of the audit that was verified ({self.records} records at the end)")


if __name__ == "__main__":
    unittest.main(verbosity=2)
