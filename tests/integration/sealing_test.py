#!/usr/bin/env python3
"""The real resultsd with a seal key: grades that are words which stand nowhere else are in no file of it before the gate, centres open files that they
fetched before with a key that they get at it, and the store opens with its keys only."""
import json
import os
import re
import signal
import tempfile
import unittest

import embargo_test as sweeps
import events as e
from callers import Guarded, name_of
from daemon import Daemon, run
from sealed import Sealed, age, new_line, seen_in_files

BATCH, OTHER_BATCH = (f"{centre}.{e.ORGANISATION}.{e.SERIES}.0001" for centre in (e.CENTRE, e.OTHER_CENTRE))
SETTINGS = {"time.source": "event", "log.level": "debug"}
HALT = {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES}
# In bytes of every kind, as in compressed ones, three letters and more; two would be met by chance.
TOKEN = re.compile("Zq(?:top|middle|low|failed|high|near|none|unknown|scale)")


def play(daemon):
    """The season of the embargo sweep, until just before its first gate."""
    for part in (sweeps.reference(), sweeps.season(), sweeps.issued()):
        reply = daemon.post("/v1/events", "\n".join(json.dumps(event) for event in part), "application/x-ndjson")
        assert reply.status == 200, reply.body
    daemon.post("/v1/events", "\n".join(sweeps.wrong()), "application/x-ndjson")
    # What waits for its registration.
    daemon.post_events([e.determined("LATER", grade=sweeps.TOP)])
    daemon.post_events([e.time_reached(sweeps.BEFORE)])


def in_files(daemon):
    """Where a grade stands in what the daemon left on disk, but for what the test itself wrote."""
    return {path: found for path, found in seen_in_files(daemon.directory, TOKEN).items() if not path.startswith("own-")}


def why_it_does_not_start(daemon):
    try:
        daemon.start()
    except RuntimeError as error:
        return str(error)
    daemon.stop()
    return ""


class Sealing(unittest.TestCase):
    def setUp(self):
        self.daemon = Sealed(SETTINGS).__enter__()
        self.addCleanup(self.daemon.__exit__)

    def reach(self, at):
        self.daemon.post_events([e.time_reached(at)])

    def key(self, batch):
        return self.daemon.get(f"/v1/batches/{batch}/key")

    def sealed(self, batch):
        reply = self.daemon.get(f"/v1/batches/{batch}/sealed")
        self.assertEqual((reply.status, reply.type), (200, "application/octet-stream"), reply.body)
        self.assertEqual(reply.headers["Content-Disposition"], f'attachment; filename="{batch}.json.age"')
        return reply.body

    def test_before_the_gate_no_grade_lies_in_any_file(self):
        play(self.daemon)
        self.assertEqual(self.daemon.post("/v1/backups").status, 201)
        for what in ("statuses", "batches"):
            self.assertEqual(self.daemon.resultsctl("export", what, "--out", os.path.join(self.daemon.directory, what)).returncode, 0)
        self.assertGreater(len(os.listdir(self.daemon.directory)), 5)
        self.assertEqual(in_files(self.daemon), {})
        self.daemon.stop(signal.SIGKILL)
        self.assertEqual(in_files(self.daemon), {})
        self.daemon.start()
        self.assertEqual(in_files(self.daemon), {})
        # In bytes as good as random the short words of that sweep may stand by chance.
        seen = {where: found for where, found in sweeps.Sweep(self.daemon).run().seen.items() if "/sealed" not in where}
        self.assertEqual(seen, {})
        for batch in self.daemon.get("/v1/batches").json()["batches"]:
            self.assertIsNone(TOKEN.search(self.sealed(batch["batch"]).decode("latin-1")))
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(in_files(self.daemon), {})
        self.daemon.start()
        self.reach(sweeps.AFTER)
        self.assertIn(sweeps.TOP, self.daemon.get(f"/v1/batches/{OTHER_BATCH}").body.decode())

    def test_the_same_without_a_key_does_lie_there(self):
        with Daemon(SETTINGS) as plain:
            play(plain)
            self.assertTrue(in_files(plain))

    def test_a_file_fetched_before_the_gate_opens_with_the_key_that_is_given_at_it(self):
        play(self.daemon)
        file = self.sealed(OTHER_BATCH)
        self.assertIsNone(TOKEN.search(file.decode("latin-1")))  # the first two letters alone may stand in random bytes
        self.assertEqual(self.sealed(OTHER_BATCH), file)
        refused = self.key(OTHER_BATCH)
        self.assertEqual((refused.status, refused.json()["rule"]), (403, "centre-release"))
        self.assertNotIn(b"AGE-", refused.body)
        self.reach(sweeps.BETWEEN)
        given = self.key(OTHER_BATCH)
        self.assertEqual(given.status, 200, given.body)
        opened = json.loads(age(given.json()["identity"], file))
        self.assertEqual(opened["results"][0]["grade"]["value"], sweeps.TOP)
        self.assertEqual(opened["batch"], OTHER_BATCH)
        self.assertEqual(self.sealed(OTHER_BATCH), file)
        # It opens this batch and no other.
        self.assertIn("age: ", age(given.json()["identity"], self.sealed(BATCH)))

    def test_resultsctl_fetches_both(self):
        play(self.daemon)
        path = os.path.join(self.daemon.directory, "own-batch.age")
        done = self.daemon.resultsctl("batch", "sealed", OTHER_BATCH, "--out", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        refused = self.daemon.resultsctl("batch", "key", OTHER_BATCH)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.reach(sweeps.BETWEEN)
        identity = self.daemon.resultsctl("batch", "key", OTHER_BATCH).stdout
        with open(path, "rb") as file:
            self.assertIn(sweeps.TOP.encode(), age(identity, file.read()))

    def test_the_key_of_a_batch_of_which_something_is_withheld_stays(self):
        play(self.daemon)
        self.reach(sweeps.AFTER)
        refused = self.key(BATCH)
        self.assertEqual((refused.status, refused.json()["rule"]), (403, "batch-withheld"), refused.body)
        self.assertNotIn(b"AGE-", refused.body)

    def test_the_key_of_a_recalled_batch_stays_until_the_halt_is_lifted(self):
        play(self.daemon)
        self.daemon.post_events([e.event("2023-08-15T23:00:59.500Z", "issuingHalted", {**HALT, "halted": True})])
        self.reach(sweeps.AFTER)
        refused = self.key(OTHER_BATCH)
        self.assertEqual(refused.status, 403, refused.body)
        self.assertNotIn(b"AGE-", refused.body)
        self.daemon.post_events([e.event("2023-08-17T07:00:02Z", "issuingHalted", {**HALT, "halted": False})])
        self.assertEqual(self.key(OTHER_BATCH).status, 200)

    def test_a_batch_that_is_not_there_has_neither_file_nor_key(self):
        for what in ("sealed", "key"):
            for name in ("nothing", f"{e.CENTRE}.{e.ORGANISATION}.{e.SERIES}.0009"):
                self.assertEqual(self.daemon.get(f"/v1/batches/{name}/{what}").status, 404)
            self.assertEqual(self.daemon.get(f"/v1/batches/nothing/{what}?x=1").status, 400)

    def test_it_does_not_start_without_its_key(self):
        play(self.daemon)
        self.daemon.stop()
        key = self.daemon.keys()[0][:8]
        kept = self.daemon.settings.pop("seal.key_file")
        self.assertIn(f"key {key}", why_it_does_not_start(self.daemon))
        self.daemon.settings["seal.key_file"] = os.path.join(self.daemon.directory, "other.key")
        self.assertIn("resultsctl seal keygen", why_it_does_not_start(self.daemon))
        run("resultsctl", "seal", "keygen", self.daemon.settings["seal.key_file"])
        self.assertIn(f"key {key}", why_it_does_not_start(self.daemon))
        self.daemon.settings["seal.key_file"] = kept
        os.chmod(kept, 0o644)
        self.assertIn("chmod 600", why_it_does_not_start(self.daemon))
        os.chmod(kept, 0o600)
        self.assertEqual(why_it_does_not_start(self.daemon), "")

    def test_a_new_key_goes_in_front_and_the_old_one_can_go_then(self):
        play(self.daemon)
        file = self.sealed(OTHER_BATCH)
        first = self.daemon.keys()
        self.daemon.stop()
        second = [new_line()]
        self.daemon.put_keys(second + first)
        self.daemon.start()
        self.assertEqual(self.sealed(OTHER_BATCH), file)
        self.daemon.stop()
        self.daemon.put_keys(second)
        self.daemon.start()
        self.reach(sweeps.BETWEEN)
        self.assertIn(sweeps.TOP.encode(), age(self.key(OTHER_BATCH).json()["identity"], file))
        self.daemon.stop()
        self.daemon.put_keys(first)
        self.assertIn(f"key {second[0][:8]}", why_it_does_not_start(self.daemon))

    def test_a_store_of_before_is_sealed_at_the_first_start_with_a_key(self):
        kept = self.daemon.settings.pop("seal.key_file")
        self.daemon.stop()
        store = os.path.join(self.daemon.directory, "own")
        self.daemon.settings["data.directory"] = store
        self.daemon.settings["backup.directory"] = ""
        self.daemon.start()
        play(self.daemon)
        self.daemon.stop()
        self.assertTrue(seen_in_files(store, TOKEN))
        self.daemon.settings["seal.key_file"] = kept
        self.daemon.start()
        self.assertTrue([line for line in self.daemon.log() if "records of" in line.get("what", "")])
        self.assertEqual(seen_in_files(store, TOKEN), {})
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        self.reach(sweeps.BETWEEN)
        self.assertIn(sweeps.TOP.encode(), age(self.key(OTHER_BATCH).json()["identity"], self.sealed(OTHER_BATCH)))
        record = self.daemon.get("/v1/rejected", limit=1000).json()["rejected"][0]
        self.assertEqual(self.daemon.get(f"/v1/rejected/{record['id']}").status, 200)

    def test_a_restored_backup_opens_with_the_key_alone(self):
        play(self.daemon)
        self.assertEqual(self.daemon.post("/v1/backups").status, 201)
        self.daemon.stop()
        to = os.path.join(self.daemon.directory, "restored")
        done = run("resultsctl", "restore", "--from", os.path.join(self.daemon.directory, "backups"), "--to", to, "--was",
                   self.daemon.settings["data.directory"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(in_files(self.daemon), {})
        self.daemon.settings["data.directory"] = to
        kept = self.daemon.settings.pop("seal.key_file")
        self.assertIn(f"key {self.daemon.keys()[0][:8]}", why_it_does_not_start(self.daemon))
        self.daemon.settings["seal.key_file"] = kept
        self.daemon.start()
        self.reach(sweeps.BETWEEN)
        self.assertEqual(self.key(OTHER_BATCH).status, 200)


class SealedEvents(unittest.TestCase):
    """Events that publishers seal."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Sealed(SETTINGS).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.post_events(e.reference())

    def sealed(self, events, to=None):
        with tempfile.TemporaryDirectory() as directory:
            out = os.path.join(directory, "sealed.jsonl")
            done = (to or self.daemon).seal("\n".join(json.dumps(event) for event in events), out)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out, encoding="utf-8") as file:
                return [json.loads(line) for line in file]

    def post(self, event):
        return self.daemon.post("/v1/events", json.dumps(event)).json()

    def test_a_sealed_event_counts_as_the_event_in_it_and_once(self):
        season = e.with_result("S1")
        self.daemon.post_events(season[:-1])
        (sealed,), (again,) = self.sealed(season[-1:]), self.sealed(season[-1:])
        self.assertNotIn("resultDetermined", sealed)
        self.assertNotIn("Distinction", json.dumps(sealed))
        self.assertNotEqual(sealed["sealed"], again["sealed"])
        self.assertEqual(self.post(sealed)["accepted"], 1)
        self.assertEqual(self.post(again)["duplicate"], 1)
        self.assertEqual(self.post(season[-1])["duplicate"], 1)
        status = self.daemon.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/S1").json()
        self.assertRegex(json.dumps(status), "READY|ISSUED")

    def test_what_does_not_open_comes_back_with_field_and_rule(self):
        (sealed,) = self.sealed([e.registered("S2")])
        broken = {**sealed, "sealed": sealed["sealed"][:-8] + "AAAAAAA="}
        with Sealed(SETTINGS) as other:
            (strange,) = self.sealed([e.registered("S3")], other)
        for event, rule in ((broken, "sealed-opens"), ({**sealed, "sealed": "AAAA"}, "sealed-opens"), (strange, "sealed-key-known"),
                            ({**sealed, "id": "another"}, "sealed-agrees"), ({**sealed, **e.registered("S4")}, "sealed-alone")):
            answer = self.post(event)
            self.assertEqual((answer["field"], answer["rule"]), ("sealed", rule), answer)

    def test_what_is_wrong_inside_is_rejected_as_it_would_be_outside(self):
        (sealed,) = self.sealed([e.determined("S5", grade="Zqunknown", centre="99999")])
        answer = self.post(sealed)
        self.assertEqual(answer["rule"], "centre-known")
        self.assertNotIn("Zqunknown", self.daemon.get(f"/v1/rejected/{answer['rejectedId']}").body.decode())
        self.assertEqual(in_files(self.daemon), {})

    def test_files_of_sealed_events_are_published_as_any_and_wrong_ones_left_out(self):
        path = os.path.join(self.daemon.directory, "own-sealed.jsonl")
        done = self.daemon.seal("\n".join(json.dumps(one) for one in (e.registered("S6"), {"id": "x"})), path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 are wrong", done.stderr)
        done = self.daemon.resultsctl("publish", path)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 accepted", done.stdout)

    def test_without_a_key_sealed_events_are_rejected_and_can_be_replayed_later(self):
        (sealed,) = self.sealed([e.registered("S7")])
        with Daemon(SETTINGS) as plain:
            answer = plain.post("/v1/events", json.dumps(sealed)).json()
            self.assertEqual(answer["rule"], "sealed-key-known")
            self.assertEqual(plain.get("/v1/seal/key").status, 409)
            done = plain.resultsctl("seal", "public-key")
            self.assertEqual(done.returncode, 1)
            self.assertIn("seal.key_file", done.stderr)


    def test_what_did_not_open_is_replayed_by_who_may_assert_it(self):
        (sealed,) = self.sealed([e.registered("S8")])
        guarded = Guarded()
        self.addCleanup(guarded.__exit__)
        guarded.start()
        publisher, operations, both = (guarded.key(*roles, everywhere=True) for roles in (("publisher",), ("operations",), ("operations", "publisher")))
        guarded.publish(publisher, e.reference())
        rejected = guarded.ask("POST", "/v1/events", publisher, json.dumps(sealed)).json()["rejectedId"]
        guarded.stop()
        guarded.settings["seal.key_file"] = self.daemon.key_file
        guarded.start()
        reply = guarded.ask("POST", f"/v1/rejected/{rejected}/replay", operations)
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "asserted-by-role"))
        self.assertEqual(guarded.ask("POST", f"/v1/rejected/{rejected}/replay", both).status, 200)


class SealedAndGuarded(Sealed, Guarded):
    pass


class WhoAsks(unittest.TestCase):
    """Sealed, where callers say who they are."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = SealedAndGuarded({"release.approvals_default": 0}).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.publisher = cls.daemon.key("publisher", everywhere=True)
        season = e.reference() + sorted(e.with_result("P1"), key=lambda one: one["occurredAt"])
        reply = cls.daemon.publish(cls.publisher, season + [e.time_reached(sweeps.BETWEEN)])
        assert reply.json()["rejected"] == 0, reply.body

    def test_a_sealed_event_tells_nothing_to_who_may_not_say_it(self):
        stranger = self.daemon.key("publisher", organisations=["RN9002"])
        with tempfile.TemporaryDirectory() as directory:
            plain, out = (os.path.join(directory, name) for name in ("plain.jsonl", "sealed.jsonl"))
            with open(plain, "w", encoding="utf-8") as file:
                json.dump(e.determined("P2", grade="Merit"), file)
            done = self.daemon.operator("seal", "events", plain, "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out, encoding="utf-8") as file:
                sealed = json.loads(file.read())["sealed"]
        reply = self.daemon.publish(stranger, [{"sealed": sealed}])
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "asserted-by-owner"), reply.body)
        for told in (e.ORGANISATION, e.QUALIFICATION, "Merit", "P2"):
            self.assertNotIn(told, reply.body.decode())

    def test_who_fetches_a_file_or_its_key_is_on_record(self):
        auditor = self.daemon.key("auditor", everywhere=True)
        centre = self.daemon.key("centre", centres=[e.CENTRE])
        for what in ("sealed", "key"):
            reply = self.daemon.ask("GET", f"/v1/batches/{BATCH}/{what}", centre)
            self.assertEqual(reply.status, 200, reply.body)
        records = self.daemon.ask("GET", f"/v1/audit?centre={e.CENTRE}&act=download&limit=100", auditor).json()["records"]
        self.assertEqual([(one["route"], one["batch"], one["by"]["key"]) for one in records],
                         [(f"GET /v1/batches/{{batch}}/{what}", BATCH, name_of(centre)) for what in ("sealed", "key")])


class Starting(unittest.TestCase):
    def test_beyond_loopback_it_does_not_start_unsealed(self):
        settings = {"RESULTSD_HTTP_ADDRESS": "0.0.0.0", "RESULTSD_ACCESS_SECRET_FILE": "secret", "RESULTSD_HTTP_TRUSTED_PROXY": "192.0.2.1"}
        refused = run("resultsd", "--check-config", **settings)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("set seal.key_file", refused.stderr)
        self.assertEqual(run("resultsd", "--check-config", RESULTSD_SEAL_KEY_FILE="seal.key", **settings).returncode, 0)

    def test_a_key_of_systemds_credentials_is_found(self):
        with tempfile.TemporaryDirectory() as directory:
            run("resultsctl", "seal", "keygen", os.path.join(directory, "seal.key"))
            os.chmod(os.path.join(directory, "seal.key"), 0o440)  # as systemd shows them
            with Daemon({"time.source": "event"}, environment_more={"CREDENTIALS_DIRECTORY": directory}) as daemon:
                self.assertEqual(daemon.get("/v1/seal/key").status, 200)

    def test_a_key_is_not_written_over_and_is_its_owners_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "seal.key")
            self.assertEqual(run("resultsctl", "seal", "keygen", path).returncode, 0)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            again = run("resultsctl", "seal", "keygen", path)
            self.assertEqual(again.returncode, 1)
            self.assertIn("seal new-key", again.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
