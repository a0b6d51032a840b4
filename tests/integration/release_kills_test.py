#!/usr/bin/env python3
"""kill -9 at every point of every commit between plan, approvals, issue, gate and recall: resultsd kills itself before and after the write, at the first
commit of its life, the second and so on until one life takes the step and lives. After each kill nothing is out that two people did not approve or that is
before its gate, nothing is issued or on record twice, and the audit's chain is whole."""
import http.client
import json
import os
import shutil
import signal
import unittest

import events as e
from audit_test import Audited, halt
from callers import start_on_record
from daemon import run, wait_until
from release_test import LEVEL, RELEASES, approval, plan

POINTS = ("before_write", "after_write")
LIVES_MAX = 8
ONCE = {"release-planned": 1, "release-approved": 2, "result-amended": 1, "halt": 1, "resume": 1}


class Kills(unittest.TestCase):
    def setUp(self):
        self.daemon = Audited({"release.approvals_default": 2})
        self.addCleanup(self.daemon.__exit__)
        # Beside the store lie the files that say how far it had come; the snapshots have them as well.
        self.data, self.snapshot = os.path.join(self.daemon.directory, "data"), os.path.join(self.daemon.directory, "snapshot")
        os.mkdir(self.data)
        self.daemon.settings["data.directory"] = os.path.join(self.data, "store")
        key = os.path.join(self.daemon.directory, "seal.key")
        self.assertEqual(run("resultsctl", "seal", "keygen", key).returncode, 0)
        self.daemon.settings["seal.key_file"] = key
        self.daemon.start()
        self.keys = {"publisher": self.daemon.key("publisher", everywhere=True), "ann": self.daemon.key("approver", organisations=[e.ORGANISATION], name="Ann"),
                     "bob": self.daemon.key("approver", organisations=[e.ORGANISATION], name="Bob"),
                     "ops": self.daemon.key("operations", organisations=[e.ORGANISATION], name="Ops"),
                     "desk": self.daemon.key("operations", everywhere=True), "centre": self.daemon.key("centre", centres=[e.CENTRE])}
        season = sorted(e.reference() + e.with_result("P1") + e.with_result("P2", centre=e.OTHER_CENTRE), key=lambda one: one["occurredAt"])
        self.assertEqual(self.daemon.publish(self.keys["publisher"], season).json()["rejected"], 0)
        self.struck, self.checked, self.records = {}, 0, 0

    # ---- what must hold ----

    def ask(self, target, key="desk"):
        return self.daemon.ask("GET", target, self.keys[key])

    def stands(self):
        """(batches of both centres, people who approved, what the centre sees)."""
        batches = [one["batch"] for one in self.ask("/v1/batches").json()["batches"]]
        self.assertEqual(len(batches), len(set(batches)))
        releases = [one for one in self.ask(RELEASES, "ops").json()["releases"] if one["level"] == LEVEL]
        seen = []
        for batch in sorted(one for one in batches if one.startswith(e.CENTRE)):
            reply = self.daemon.ask("GET", f"/v1/batches/{batch}", self.keys["centre"])
            if reply.status != 200:
                self.assertNotRegex(reply.body.decode(), "Distinction|Merit")
                seen.append("shut")
                continue
            seen += [one["withheld"] or one["grade"]["value"] for one in reply.json()["results"]]
        return len(batches), len(releases[0]["approvedBy"]) if releases else 0, seen

    def check(self, what, *expected):
        self.assertIn(self.stands(), expected, what)
        counts = {}
        records = self.daemon.records()  # and there is no gap
        for one in records:
            counts[one["act"]] = counts.get(one["act"], 0) + 1
        for act, most in ONCE.items():
            self.assertLessEqual(counts.get(act, 0), most, f"{what}: {act}")
        folder = os.path.join(self.daemon.directory, "export")
        shutil.rmtree(folder, ignore_errors=True)
        done = self.daemon.operator("audit", "export", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        # Against what was signed before the step, too.
        kept = ["--checkpoint", self.checkpoint] if os.path.exists(self.checkpoint) else []
        done = run("resultsctl", "audit", "verify", folder, "--public-key", self.daemon.public, *kept)
        self.assertEqual(done.returncode, 0, f"{what}: {done.stdout}{done.stderr}")
        self.checked += 1
        self.records = max(self.records, len(records))

    @property
    def checkpoint(self):
        return os.path.join(self.daemon.directory, "before.checkpoint")

    # ---- kills ----

    def life(self, point, events, key):
        """One life that ends at the point: `starting`, before it had the events; `step`, after; or `lived`."""
        self.daemon.environment["RESULTSD_CRASH_AT"] = point
        given = False
        try:
            start_on_record(self.daemon, self.daemon.auditor)
            given = True
            self.daemon.publish(self.keys[key], events)
            self.ask("/readyz")
        except (OSError, RuntimeError, http.client.HTTPException):
            self.daemon.close()
            self.assertEqual(self.daemon.process.wait(30), -signal.SIGKILL)
            return "step" if given else "starting"
        finally:
            del self.daemon.environment["RESULTSD_CRASH_AT"]
        return "lived"

    def restore(self):
        if self.daemon.process.poll() is None:
            self.daemon.stop(signal.SIGKILL)
        shutil.rmtree(self.data)
        shutil.copytree(self.snapshot, self.data)

    def step(self, name, key, events, before, after):
        """Takes the step in every way that a kill leaves it."""
        reply = self.daemon.ask("GET", "/v1/audit/checkpoint?partition=0", self.daemon.auditor, accept="text/plain")
        self.assertEqual(reply.status, 200, reply.body)
        with open(self.checkpoint, "wb") as file:
            file.write(reply.body)
        self.daemon.stop(signal.SIGKILL)
        shutil.rmtree(self.snapshot, ignore_errors=True)
        shutil.copytree(self.data, self.snapshot)
        for point in POINTS:
            for count in range(1, LIVES_MAX + 1):
                self.restore()
                ended = self.life(f"{point}:{count}", events, key)
                if ended == "lived":
                    break
                self.struck[(name, point, ended)] = self.struck.get((name, point, ended), 0) + 1
                if ended == "starting":
                    continue
                self.daemon.start()
                self.check(f"{name}, {point}:{count}", before, after)
                # Who had no answer sends it again.
                self.assertEqual(self.daemon.publish(self.keys[key], events).status, 200)
                wait_until(lambda: self.stands() == after, f"{name}, {point}:{count}: {after}, not {self.stands()}", 10)
                self.check(f"{name}, {point}:{count}, sent again", after)
            else:
                self.fail(f"{name}: no life in {LIVES_MAX} took the step")
            self.assertTrue(self.struck.get((name, point, "step")), f"{name}: killed at {point} of its own commit; {self.struck}")
        # Between this step and the next.
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        self.check(name, after)

    def test_killed_at_every_point_nothing_goes_unapproved_nor_twice_and_the_chain_is_whole(self):
        self.step("plan", "ops", [plan("2023-07-20T09:00:00Z")], (0, 0, []), (0, 0, []))
        (release,) = [one for one in self.ask(RELEASES, "ops").json()["releases"] if one["level"] == LEVEL]
        digest = release["plan"]
        self.step("first approval", "ann", [approval("2023-08-01T09:00:00Z", digest)], (0, 0, []), (0, 1, []))
        self.step("cut, with one approval", "publisher", [e.time_reached("2023-08-09T09:00:00Z")], (0, 1, []), (0, 1, []))
        # Its cut has passed: what was approved goes with the approval.
        self.step("second approval, and issue", "bob", [approval("2023-08-09T09:01:00Z", digest)], (0, 1, []), (2, 2, ["shut"]))
        amended = e.event("2023-08-10T09:00:00Z", "resultAmended", {"entry": e.entry("P1"), "grade": {"scale": "test-pmd", "value": "Merit"}, "reason": "a review"})
        self.step("correction", "publisher", [amended, e.time_reached("2023-08-11T12:00:00Z")], (2, 2, ["shut"]), (3, 2, ["shut", "shut"]))
        self.step("gate", "publisher", [e.time_reached("2023-08-15T23:01:00Z")], (3, 2, ["shut", "shut"]), (3, 2, ["corrected", "Merit"]))
        self.step("recall", "ops", [halt("2023-08-15T23:01:01Z")], (3, 2, ["corrected", "Merit"]), (3, 2, ["issuing-halted", "issuing-halted"]))
        self.step("resume", "ops", [halt("2023-08-15T23:02:00Z", False)], (3, 2, ["issuing-halted", "issuing-halted"]), (3, 2, ["corrected", "Merit"]))
        for act, times in ONCE.items():
            self.assertEqual(len(self.daemon.records(act)), times, act)
        self.told()

    def told(self):
        total = sum(self.struck.values())
        within = sum(count for (_, _, ended), count in self.struck.items() if ended == "step")
        steps = len({name for name, _, _ in self.struck})
        print(f"\n{total} kills, {within} of them within {steps} steps; {self.checked} looks, each with an export of the audit that was verified "
              f"({self.records} records at the end)")
        for name in dict.fromkeys(name for name, _, _ in self.struck):
            print(f"  {name}: " + ", ".join(f"{point} {self.struck[(name, point, 'step')]}" for point in POINTS))


if __name__ == "__main__":
    unittest.main(verbosity=2)
