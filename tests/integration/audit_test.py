#!/usr/bin/env python3
"""The audit of the real resultsd: what is on record and when, what is not in it, its chain over kills, its pages, and an export that is checked
without a server."""
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import threading
import unittest

import events as e
from callers import Guarded, name_of
from daemon import Daemon, ROOT, run, wait_until

LEARNER, PARTITIONS = "LEARNER77", 2
OPEN = "2023-08-17T12:00:00Z"


def lines_of(ask, partition):
    """All records of a partition, as they are hashed."""
    lines, target = [], f"/v1/audit?partition={partition}&limit=1000"
    while target:
        reply = ask(target, "application/x-ndjson")
        assert reply.status == 200, reply.body
        lines += reply.body.decode().splitlines()
        target = reply.next()
    return lines


def check_chain(lines, partition):
    """By nothing of ours: numbers without a gap, each the hash of the one before."""
    previous = "0" * 64
    for number, line in enumerate(lines):
        record = json.loads(line)
        assert (record["partition"], record["number"], record["previous"]) == (partition, number, previous), line
        previous = hashlib.sha256(b"\0" + line.encode()).hexdigest()


class Audited(Guarded):
    """Has an audit key; `records` are those on record."""

    def __init__(self, settings=None, **more):
        super().__init__({"partitions": PARTITIONS, **(settings or {})}, **more)
        key = os.path.join(self.directory, "audit.key")
        made = run("resultsctl", "audit", "keygen", key, "--name", "test.example/audit")
        assert made.returncode == 0, made.stderr
        self.public = made.stdout.strip()
        self.settings["audit.key_file"] = key
        self.auditor = None

    def start(self):
        super().start()
        self.auditor = self.auditor or self.key("auditor", everywhere=True, name="the auditor")
        return self

    def all_lines(self):
        return [lines_of(lambda target, accept: self.ask("GET", target, self.auditor, accept=accept), one) for one in range(PARTITIONS)]

    def records(self, act=None):
        found = []
        for partition, lines in enumerate(self.all_lines()):
            check_chain(lines, partition)
            found += map(json.loads, lines)
        return [one for one in found if act in (None, one["act"])]

    def play(self, learner=LEARNER):
        """A season up to open gates; returns the batch."""
        self.publisher = self.key("publisher", everywhere=True, name="the publisher")
        reply = self.publish(self.publisher, e.reference() + e.with_result(learner) + [e.time_reached(OPEN)])
        assert reply.json()["rejected"] == 0, reply.body
        self.centre = self.key("centre", centres=[e.CENTRE], name="the centre")
        return self.ask("GET", f"/v1/batches?centre={e.CENTRE}", self.centre).json()["batches"][0]["batch"]


def halt(at="2023-08-17T11:00:00Z", halted=True, centre=e.CENTRE):
    return e.event(at, "issuingHalted", {"centre": centre, "awardingOrganisation": e.ORGANISATION, "series": e.SERIES, "halted": halted,
                                         "reason": "boundaries under review"})


class BehindAProxy(unittest.TestCase):
    def froms(self, proxy, *lines):
        """From where a download of each came, as it is on record. `lines`: of X-Forwarded-For."""
        with Audited({"http.trusted_proxy": proxy}) as daemon:
            target = f"/v1/batches/{daemon.play()}"
            for values in lines:
                connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
                connection.putrequest("GET", target)
                connection.putheader("Authorization", f"Bearer {daemon.centre}")
                for value in values:
                    connection.putheader("X-Forwarded-For", value)
                connection.endheaders()
                self.assertEqual(connection.getresponse().status, 200)
                connection.close()
            return [record["by"]["from"] for record in daemon.records("download")]

    def test_the_address_that_the_trusted_proxy_saw_is_on_record(self):
        asked = (["203.0.113.9"], ["198.51.100.1, 203.0.113.9"], ["198.51.100.1", "203.0.113.10"], ["[2001:db8::9]:50123"], ["nobody"], [])
        self.assertEqual(self.froms("127.0.0.1", *asked), ["203.0.113.9", "203.0.113.9", "203.0.113.10", "2001:db8::9", "127.0.0.1", "127.0.0.1"])

    def test_what_anybody_else_says_of_it_is_not_heeded(self):
        self.assertEqual(self.froms("192.0.2.7", ["203.0.113.9"]), ["127.0.0.1"])
        self.assertEqual(self.froms("", ["203.0.113.9"]), ["127.0.0.1"])


class Records(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Audited()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.start()
        cls.batch = cls.daemon.play()
        cls.operations = cls.daemon.key("operations", everywhere=True, name="the desk")

    def one(self, act, **fits):
        found = [record for record in self.daemon.records(act) if all(record.get(name) == value for name, value in fits.items())]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_a_download_says_who_what_and_from_where(self):
        before = len(self.daemon.records("download"))
        reply = self.daemon.ask("GET", f"/v1/batches/{self.batch}", self.daemon.centre)
        self.assertIn(b"Distinction", reply.body)
        downloads = self.daemon.records("download")
        self.assertEqual(len(downloads), before + 1)
        record = downloads[-1]
        self.assertEqual(record["by"], {"name": f"key {name_of(self.daemon.centre)} (the centre)", "key": name_of(self.daemon.centre),
                                        "roles": ["centre"], "from": "127.0.0.1"})
        self.assertEqual((record["centre"], record["batch"], record["awardingOrganisation"], record["series"], record["outcome"]),
                         (e.CENTRE, self.batch, e.ORGANISATION, e.SERIES, "done"))
        self.assertEqual(record["route"], "GET /v1/batches/{batch}")

    def test_views_and_exports_are_on_record_and_refused_ones_are_not_taken_for_them(self):
        target = f"/v1/batches/{self.batch}/learners/{e.PATH_QUALIFICATION}/{LEARNER}"
        self.assertEqual(self.daemon.ask("GET", target, self.daemon.centre).status, 200)
        export = f"/v1/export/batches?centre={e.CENTRE}"
        self.assertEqual(self.daemon.ask("GET", export, self.daemon.centre, accept="application/x-ndjson").status, 200)
        self.one("view", centre=e.CENTRE, batch=self.batch)
        self.one("export", centre=e.CENTRE)
        before = len(self.daemon.records("download"))
        self.assertEqual(self.daemon.ask("GET", f"/v1/batches/{self.batch[:-4]}0999", self.daemon.centre).status, 404)
        self.assertEqual(len(self.daemon.records("download")), before)

    def test_facts_that_are_acts_are_on_record_with_who_said_them(self):
        for fact in (halt(), halt("2023-08-17T11:30:00Z", False)):
            self.assertEqual(self.daemon.publish(self.operations, [fact]).json()["rejected"], 0)
        stopped, went_on = self.one("halt"), self.one("resume")
        for record in (stopped, went_on):
            self.assertEqual(record["by"]["name"], f"key {name_of(self.operations)} (the desk)")
            self.assertEqual((record["centre"], record["series"], record["outcome"], record["reason"], record["source"]),
                             (e.CENTRE, e.SERIES, "accepted", "boundaries under review", "test"))
        self.assertEqual(stopped["at"], "2023-08-17T11:00:00.000Z")
        self.assertEqual(self.one("calendar-defined")["by"]["name"], f"key {name_of(self.daemon.publisher)} (the publisher)")
        known = e.event("2023-08-17T12:00:00Z", "batchAcknowledged", {"centre": e.CENTRE, "batch": self.batch, "acknowledgedBy": "exams office"})
        self.daemon.publish(self.daemon.centre, [known])
        self.daemon.publish(self.daemon.centre, [known])
        self.assertEqual(self.one("acknowledge")["batch"], self.batch)

    def test_keys_starts_and_what_operations_do_are_on_record(self):
        key = self.daemon.key("auditor", everywhere=True, name="for a day")
        self.daemon.operator("keys", "revoke", name_of(key), "--reason", "left the project")
        made, ended = self.one("key-made", key=name_of(key)), self.one("key-revoked", key=name_of(key))
        self.assertTrue(made["by"]["name"].startswith("operator "), made)
        self.assertEqual((made["detail"], ended["reason"]), ("for a day", "left the project"))
        self.assertIn("partitions=2", self.one("start")["detail"])
        self.assertEqual(self.daemon.ask("POST", "/v1/backups", self.operations).status, 201)
        self.assertEqual(self.one("backup")["outcome"], "asked")
        hidden = key.rsplit("_", 1)[1]
        self.assertNotIn(hidden, "".join(map(json.dumps, self.daemon.records())))

    def test_no_record_has_a_grade_or_names_a_learner(self):
        self.daemon.ask("GET", f"/v1/batches/{self.batch}", self.daemon.centre)
        amended = e.event("2023-08-17T12:30:00Z", "resultAmended", {"entry": e.entry(LEARNER), "grade": {"scale": "test-pmd", "value": "Merit"},
                                                                    "reason": f"{LEARNER} has a Merit"}, event_id=f"{LEARNER}-Merit")
        self.daemon.publish(self.daemon.publisher, [amended])
        self.assertEqual(self.one("result-amended")["qualification"], e.QUALIFICATION)
        text = "\n".join(line for lines in self.daemon.all_lines() for line in lines)
        for told in (LEARNER, "Distinction", "Merit", "Pass", "test-pmd"):
            self.assertNotIn(told, text)

    def test_refusals_are_on_record_and_cannot_fill_the_disk(self):
        for _ in range(200):
            self.assertEqual(self.daemon.ask("GET", "/v1/overview", self.daemon.centre).status, 403)
        refused = [one for one in self.daemon.records("refused") if one.get("route") == "GET /v1/overview" and one["by"].get("key")]
        self.assertTrue(1 <= len(refused) <= 3, refused)
        self.assertEqual((refused[0]["by"]["key"], refused[0]["outcome"], refused[0]["detail"]), (name_of(self.daemon.centre), "role", "403"))
        for _ in range(50):
            self.assertEqual(self.daemon.ask("GET", "/v1/rollups").status, 401)
        unknown = [one for one in self.daemon.records("refused") if one["by"]["name"] == "unknown" and one["outcome"] == "caller-named"]
        self.assertTrue(1 <= len(unknown) <= 10, unknown)  # of other tests too

    def test_the_audit_is_for_auditors(self):
        for target in ("/v1/audit?partition=0", "/v1/audit/checkpoint?partition=0"):
            for key in (self.operations, self.daemon.publisher, self.daemon.centre):
                self.assertEqual(self.daemon.ask("GET", target, key).status, 403, target)
            self.assertEqual(self.daemon.ask("GET", target).status, 401)
            self.assertEqual(self.daemon.ask("GET", target, self.daemon.auditor).status, 200)
        self.assertEqual(self.daemon.ask("GET", f"/v1/audit?partition={PARTITIONS}", self.daemon.auditor).status, 400)

    def test_pages_lead_to_the_next_and_filters_leave_out(self):
        for partition in range(PARTITIONS):
            every = lines_of(lambda target, accept: self.daemon.ask("GET", target, self.daemon.auditor, accept=accept), partition)
            paged, target = [], f"/v1/audit?partition={partition}&limit=3"
            while target:
                reply = self.daemon.ask("GET", target, self.daemon.auditor)
                page = reply.json()
                self.assertLessEqual(len(page["records"]), 3)
                self.assertEqual((page["partition"], page["partitions"]), (partition, PARTITIONS))
                paged += page["records"]
                target = reply.next()
            self.assertEqual(paged[:len(every)], list(map(json.loads, every)))
        self.daemon.ask("GET", f"/v1/batches/{self.batch}", self.daemon.centre)
        reply = self.daemon.ask("GET", f"/v1/audit?centre={e.CENTRE}&act=download&limit=1", self.daemon.auditor)
        self.assertEqual([(one["centre"], one["act"]) for one in reply.json()["records"]], [(e.CENTRE, "download")])
        self.assertEqual(self.daemon.ask("GET", "/v1/audit?partition=0&from=999999", self.daemon.auditor).json()["records"], [])

    def test_nobody_else_notes_anything(self):
        with open(os.path.join(ROOT, "tests/data/events/audit_noted.json"), encoding="utf-8") as file:
            forged = json.load(file)
        for key in (self.daemon.publisher, self.operations, self.daemon.centre):
            reply = self.daemon.publish(key, [forged])
            self.assertEqual((reply.status, reply.json()["rule"]), (403, "asserted-by-role"))
        self.assertEqual([one for one in self.daemon.records() if one.get("batch") == forged["auditNoted"]["batch"]], [])

    def test_metrics_count_records_by_act(self):
        text = self.daemon.ask("GET", "/metrics", self.daemon.auditor, accept="text/plain").body.decode()
        counted = {act: float(count) for act, count in re.findall(r'vtq_audit_records_total\{act="([a-z-]+)"\} (\S+)', text)}
        self.assertGreaterEqual(counted["key-made"], 4)
        self.assertEqual(counted["other"], 0)
        self.assertIn("vtq_audit_dropped_total 0", text)


class WithoutSecret(unittest.TestCase):
    def test_facts_are_on_record_and_views_are_not(self):
        with Daemon({"time.source": "event", "partitions": PARTITIONS}) as daemon:
            season = e.reference() + e.with_result("P1") + [halt("2023-08-17T11:00:00Z"), e.time_reached(OPEN)]
            daemon.post_events(sorted(season, key=lambda event: event["occurredAt"]))
            batch = daemon.get("/v1/batches").json()["batches"][0]["batch"]
            daemon.get(f"/v1/batches/{batch}")
            found = []
            for partition in range(PARTITIONS):
                lines = lines_of(lambda target, accept: daemon.get(target, accept=accept), partition)
                check_chain(lines, partition)
                found += map(json.loads, lines)
            self.assertEqual({(one["act"], one["by"]["name"]) for one in found},
                             {("calendar-defined", "publisher test"), ("halt", "publisher test")})
            reply = daemon.get("/v1/audit/checkpoint?partition=0")
            self.assertEqual((reply.status, reply.json()["rule"]), (409, "audit-key-set"))
            with open(os.path.join(ROOT, "tests/data/events/audit_noted.json"), encoding="utf-8") as file:
                reply = daemon.post("/v1/events", file.read())
            self.assertEqual((reply.status, reply.json()["rule"]), (422, "audit-sealed"))


class Kills(unittest.TestCase):
    def test_what_was_shown_is_on_record_whatever_kills_it(self):
        daemon = Audited()
        self.addCleanup(daemon.__exit__)
        daemon.start()
        batch = daemon.play()
        shown = 0
        for _ in range(4):
            answered = []

            def look():
                try:
                    while daemon.ask("GET", f"/v1/batches/{batch}", daemon.centre).status == 200:
                        answered.append(1)
                except OSError:
                    pass
                except Exception as broken:  # http.client's, of a connection that was cut
                    answered.append(0 if "http" in type(broken).__module__ else 1_000_000)
            looking = [threading.Thread(target=look) for _ in range(3)]
            for thread in looking:
                thread.start()
            wait_until(lambda: len(answered) >= 6, "some were shown")
            daemon.stop(signal.SIGKILL)
            for thread in looking:
                thread.join()
            shown += sum(answered)
            daemon.start()
            self.assertGreaterEqual(len(daemon.records("download")), shown)  # and `records` finds no gap
        self.assertEqual(len(daemon.records("start")), 5)

    def test_the_chain_has_no_gap_where_a_commit_is_cut_short(self):
        daemon = Audited()
        self.addCleanup(daemon.__exit__)
        daemon.start()
        batch = daemon.play()
        for point in ("before_write", "after_write"):
            before = len(daemon.records())
            daemon.stop()
            daemon.environment["RESULTSD_CRASH_AT"] = f"{point}:40"
            daemon.start()
            with self.assertRaises(Exception):
                while True:
                    daemon.ask("GET", f"/v1/batches/{batch}", daemon.centre)
            daemon.process.wait(30)
            del daemon.environment["RESULTSD_CRASH_AT"]
            daemon.start()
            self.assertGreater(len(daemon.records()), before, point)


class Export(unittest.TestCase):
    def setUp(self):
        self.daemon = Audited()
        self.addCleanup(self.daemon.__exit__)
        self.daemon.start()
        self.batch = self.daemon.play()
        for _ in range(6):
            self.daemon.ask("GET", f"/v1/batches/{self.batch}", self.daemon.centre)
        self.folder = os.path.join(self.daemon.directory, "export")

    def export(self):
        done = self.daemon.operator("audit", "export", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)

    def verify(self, *more, folder=None, key=None):
        return run("resultsctl", "audit", "verify", folder or self.folder, "--public-key", key or self.daemon.public, *more)

    def changed(self, name, change):
        """A copy of the export with one file changed."""
        copy = os.path.join(self.daemon.directory, "changed")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder, copy)
        path = os.path.join(copy, name)
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(change(lines))
        return copy

    def test_an_export_is_checked_without_a_server(self):
        reply = self.daemon.ask("GET", "/v1/audit/checkpoint?partition=0", self.daemon.auditor, accept="text/plain")
        early = os.path.join(self.daemon.directory, "early.checkpoint")
        with open(early, "wb") as file:
            file.write(reply.body)
        self.daemon.key("auditor", everywhere=True)
        self.export()
        self.daemon.stop()
        done = self.verify()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("in order and without a gap", done.stdout)
        self.assertEqual(self.verify("--checkpoint", early).returncode, 0)
        public = os.path.join(self.daemon.directory, "audit.pub")
        with open(public, "w", encoding="ascii") as file:
            file.write(self.daemon.public + "\n")
        self.assertEqual(self.verify(key=public).returncode, 0)

    def test_every_change_is_found_and_named(self):
        self.export()
        self.daemon.stop()
        name = max((f"{partition}.jsonl" for partition in range(PARTITIONS)),
                   key=lambda one: os.path.getsize(os.path.join(self.folder, one)))
        changes = {
            "audit-chain": lambda lines: lines[:2] + [lines[2].replace('"act":"', '"act":"x')] + lines[3:],
            "audit-gap": lambda lines: lines[:2] + lines[3:],
            "audit-order": lambda lines: lines[:3] + [lines[2]] + lines[3:],
            "audit-truncated": lambda lines: lines[:-1],
            "checkpoint-root": lambda lines: lines[:-1] + [lines[-1].replace('"act":"', '"act":"x')],
        }
        for rule, change in changes.items():
            with self.subTest(rule):
                done = self.verify(folder=self.changed(name, change))
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(f"[{rule}]", done.stdout)
                self.assertIn(f"Partition {name[0]}, record ", done.stdout)
        other = run("resultsctl", "audit", "keygen", os.path.join(self.daemon.directory, "other.key"), "--name", "test.example/audit").stdout.strip()
        done = self.verify(key=other)
        self.assertEqual(done.returncode, 1)
        self.assertIn("[checkpoint-signature]", done.stdout)
        self.assertEqual(self.verify(key="nonsense").returncode, 2)
        os.remove(os.path.join(self.folder, name))
        done = self.verify()
        self.assertEqual(done.returncode, 2)
        self.assertIn("a partition is missing", done.stderr)

    def test_a_key_file_that_others_can_read_keeps_it_from_starting(self):
        self.daemon.stop()
        os.chmod(self.daemon.settings["audit.key_file"], 0o644)
        with self.assertRaises(RuntimeError):
            self.daemon.start()
        self.assertTrue(any("chmod 600" in line.get("why", "") for line in self.daemon.log()))
        os.chmod(self.daemon.settings["audit.key_file"], 0o600)
        self.daemon.start()
        self.export()
        self.assertEqual(self.verify().returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
