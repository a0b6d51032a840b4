#!/usr/bin/env python3
"""Damage at seeded places over every kind of file of a store and of its backups: flips, truncations, deletions. Each time resultsd says the
same as before, or it refuses to start and says what is lost, or it sets centres aside and says so; never silence.

    tests/integration/damage_test.py                          30 places
    DAMAGE_PLACES=200 tests/integration/damage_test.py        more of them
    DAMAGE_SEED=7 tests/integration/damage_test.py            others; a failure names its seed and place
"""
import collections
import json
import os
import random
import shutil
import signal
import tempfile
import unittest

import events as e
from daemon import run
from restore_test import Life, Stopped

PLACES = int(os.environ.get("DAMAGE_PLACES", "30"))
SEED = int(os.environ.get("DAMAGE_SEED", "1"))
CENTRES = [f"9{number:04}" for number in range(1, 9)]


def everything(life):
    """What is said of each centre, and of what belongs to none; a refusal is None."""
    said = {}
    for centre in CENTRES:
        entries = life.get("/v1/entries", centre=centre, limit=1000)
        batches = life.get("/v1/batches", centre=centre)
        said[f"entries of {centre}"] = entries.json()["entries"] if entries.status == 200 else problem(entries)
        said[f"batches of {centre}"] = batches.json() if batches.status == 200 else problem(batches)
        for one in batches.json()["batches"] if batches.status == 200 else []:
            whole = life.get(f"/v1/batches/{one['batch']}")
            said[one["batch"]] = whole.json() if whole.status in (200, 403) else problem(whole)  # 403: under embargo still
    rejected = life.get("/v1/rejected", limit=1000)
    said["rejected"] = rejected.json() if rejected.status == 200 else problem(rejected)
    for one in rejected.json()["rejected"] if rejected.status == 200 else []:
        record = life.get(f"/v1/rejected/{one['id']}")
        said[f"rejected {one['id']}"] = record.json() if record.status == 200 else problem(record)
    overview = life.get("/v1/overview")
    said["overview"] = overview.json() if overview.status == 200 else problem(overview)
    return said


def problem(reply):
    """A refusal, which must have words."""
    assert reply.status == 503 and reply.json()["rule"] in ("centre-readable", "store-damaged"), (reply.status, reply.body)
    assert len(reply.json()["detail"]) > 40, reply.body


def kind_of(path):
    name = os.path.basename(path)
    for kind in ("MANIFEST", "CURRENT", "OPTIONS", "IDENTITY", "LOCK"):
        if name.startswith(kind):
            return kind
    parent = os.path.basename(os.path.dirname(path))
    return "backup's " + parent if parent in ("meta", "shared_checksum") else os.path.splitext(name)[1] or name


def damage(random_, path):
    """One way of it. Returns what was done."""
    size = os.path.getsize(path)
    how = random_.choice(["flip", "flip", "truncate", "delete"]) if size else "delete"
    if how == "delete":
        os.remove(path)
        return "deleted"
    at = random_.randrange(size)
    if how == "truncate":
        os.truncate(path, at)
        return f"cut to {at} of {size} bytes"
    bit = 1 << random_.randrange(8)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bit]))
    return f"bit {bit} of byte {at} of {size} flipped"


class Damage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.TemporaryDirectory(prefix="resultsd-damage-")
        cls.addClassCleanup(cls.root.cleanup)
        cls.template = os.path.join(cls.root.name, "template")
        os.mkdir(cls.template)
        life = cls.life_in(cls.template)
        cls.addClassCleanup(life.__exit__)
        life.start()
        # In three lives, so that there are several files of each kind, and a write-ahead log of the last.
        life.post_events(e.reference(centres=CENTRES))
        for centre in CENTRES:
            life.post_events([event for learner in range(12) for event in e.with_result(f"A{learner:03}", centre=centre)])
        life.post_events([e.time_reached("2023-08-14T12:00:00Z")])
        life.stop()
        life.start()
        for centre in CENTRES[:4]:
            life.post("/v1/events", json.dumps(e.registered("WRONG", centre="12")))
            life.post_events([event for learner in range(12) for event in e.with_result(f"B{learner:03}", centre=centre)])
        assert life.post("/v1/backups").status == 201
        life.post_events([e.registered("BETWEEN", centre=CENTRES[0])])
        assert life.post("/v1/backups").status == 201
        cls.at_backup = everything(life)
        for centre in CENTRES:
            life.post("/v1/events", json.dumps(e.registered("WRONG", centre="13")))
            life.post_events([event for learner in range(8) for event in e.with_result(f"C{learner:03}", centre=centre)])
        life.post_events([e.time_reached("2023-08-16T12:00:00Z")])
        cls.expected = everything(life)
        assert any(name.startswith("90001.") for name in cls.expected)
        life.stop(signal.SIGKILL)
        cls.random = random.Random(SEED)
        cls.outcomes = collections.Counter()

    @staticmethod
    def life_in(directory):
        return Life({"time.source": "event", "data.sync": True, "store.write_buffer_bytes": "1MiB", "store.wal_bytes_max": "1MiB"}, directory=directory)

    def places(self, below, count):
        """A file of every kind in turn, and a copy of all to damage it in."""
        files = collections.defaultdict(list)
        for start in below:
            start = os.path.join(self.template, start)
            found = [start] if os.path.isfile(start) else [os.path.join(folder, name) for folder, _, names in os.walk(start) for name in names]
            for path in sorted(found):
                files[kind_of(path)].append(os.path.relpath(path, self.template))
        kinds = sorted(files)
        for place in range(count):
            kind = kinds[place % len(kinds)]
            chosen = self.random.choice(files[kind])
            copy = os.path.join(self.root.name, f"place-{place}")
            shutil.copytree(self.template, copy)
            with self.subTest(seed=SEED, place=place, file=chosen):
                done = damage(self.random, os.path.join(copy, chosen))
                with self.subTest(damage=done):
                    yield kind, chosen, self.life_in(copy)
            shutil.rmtree(copy)

    def hold(self, life, expected, kind):
        """What it says is what was expected, or is refused in words, and then it is not ready either. It lives on whatever it is sent."""
        try:
            said = everything(life)
            missing = [name for name, value in expected.items() if name not in said and not name.startswith("rejected ")]
            refused = [name for name, value in said.items() if value is None]
            for name, value in said.items():
                if value is not None:
                    self.assertEqual(value, expected[name], name)
            if missing:
                self.assertTrue(refused, f"missing in silence: {missing}")
            for centre in CENTRES:
                reply = life.post("/v1/events", json.dumps(e.registered("AFTER", centre=centre)))
                self.assertIn(reply.status, (200, 503), reply.body)
                self.assertEqual(reply.status == 503, f"entries of {centre}" in refused, reply.body)
            if refused:
                ready = life.get("/readyz")
                self.assertEqual(ready.status, 503)
                self.assertRegex(ready.json()["detail"], r"[0-9]{6}\.(sst|blob)")
            self.assertIsNone(life.process.poll())
            self.outcomes[f"{kind}: {'set aside' if refused else 'the same'}"] += 1
        finally:
            life.__exit__()

    def test_a_store_damaged_anywhere_says_the_same_or_what_is_lost(self):
        for kind, chosen, life in self.places(["store", "store.head", "store.issued"], PLACES * 2 // 3):
            self.addCleanup(life.__exit__)
            try:
                life.start()
            except Stopped as stopped:
                self.assertRegex(str(stopped), r"(?s)Store: .*store.*(restore|accept-loss|--init)")
                self.outcomes[f"{kind}: refused"] += 1
                continue
            self.hold(life, self.expected, kind)
        print("\n" + "\n".join(f"  {what} {count} times" for what, count in sorted(self.outcomes.items())))

    def test_a_backup_damaged_anywhere_restores_the_same_or_is_refused(self):
        for kind, chosen, life in self.places(["backups"], PLACES - PLACES * 2 // 3):
            shutil.rmtree(life.store)
            done = run("resultsctl", "restore", "--from", os.path.join(life.directory, "backups"), "--to", life.store)
            if done.returncode != 0:
                self.assertRegex(done.stdout + done.stderr, "(?i)backup")
                self.assertFalse(os.path.exists(life.store))
                self.outcomes[f"{kind}: refused"] += 1
                continue
            self.addCleanup(life.__exit__)
            life.start()
            said = everything(life)
            for page in said.values():
                if isinstance(page, dict) and "gaps" in page:
                    page["gaps"] = []  # numbers issued after the backup are not used again
            said["overview"]["rejected"] = self.at_backup["overview"]["rejected"]
            self.assertEqual(said, self.at_backup)
            life.__exit__()
            self.outcomes[f"{kind}: the same"] += 1
        print("\n" + "\n".join(f"  {what} {count} times" for what, count in sorted(self.outcomes.items())))


if __name__ == "__main__":
    unittest.main(verbosity=2)
