#!/usr/bin/env python3
"""Stores that earlier versions wrote, in tests/data/stores: this version reads them and says the same, or refuses them by name. None of them is
ever written anew; a change of the stored format adds one.

    schema3-stopped   stopped while the small season was taken, started again, and stopped at its end; checksums of files by crc32c
    schema3-killed    killed at the end of the small season: its last commits are in the write-ahead log alone
    schema2           of a version whose stores nobody reads any more
"""
import json
import os
import tarfile
import tempfile
import unittest

import events as e
from daemon import ROOT, Daemon, wait_until
from restore_test import Life

STORES = os.path.join(ROOT, "tests", "data", "stores")


def lost(expected, found, where=""):
    """What `expected` says and `found` does not. A later version may say more."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [one for key, value in expected.items() for one in
                (lost(value, found[key], f"{where}.{key}") if key in found else [f"{where}.{key} is missing"])]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [one for at, value in enumerate(expected) for one in lost(value, found[at], f"{where}[{at}]")]
    return [] if expected == found else [f"{where}: {expected!r} became {found!r}"]


class GoldenStores(unittest.TestCase):
    def opened(self, name, kind=Daemon):
        directory = tempfile.TemporaryDirectory(prefix="resultsd-")
        self.addCleanup(directory.cleanup)
        with tarfile.open(os.path.join(STORES, name + ".tar.xz")) as packed:
            packed.extractall(directory.name)
        return kind({"time.source": "event"}, directory=directory.name)

    def says_what_was_said(self, daemon):
        with open(os.path.join(STORES, "small_season.json"), encoding="utf-8") as file:
            for path, expected in json.load(file).items():
                reply = daemon.get(path)
                self.assertEqual(reply.status, 200, path)
                self.assertEqual(lost(expected, reply.lines() if "export" in path else reply.json()), [], path)

    def of_schema_3(self, name):
        daemon = self.opened(name)
        with daemon:
            self.says_what_was_said(daemon)
            self.assertEqual(daemon.get("/readyz").status, 200)
            # It goes on: what is taken now stands beside what was there, in a store of which each file is as it was written.
            daemon.post_events(e.reference(at="2024-09-01T08:00:00Z"))
            said = daemon.post_events([e.registered("G01", at="2024-09-02T08:00:00Z")])
            self.assertEqual(said["accepted"], 1, said)
            self.assertEqual(daemon.stop(), 0)
        with daemon:
            verified = wait_until(lambda: [line for line in daemon.get("/metrics").body.decode().splitlines()
                                           if line.startswith("vtq_store_verified_timestamp_seconds") and float(line.split()[1]) > 0],
                                  "the store's files verified")
            self.assertEqual(len(verified), 1)
            self.assertEqual(daemon.get("/readyz").status, 200)
            learners = [status["entry"]["learner"] for status in daemon.get("/v1/entries?limit=10000").json()["entries"]]
            self.assertIn("G01", learners)

    def test_one_that_was_stopped_is_read_and_goes_on(self):
        self.of_schema_3("schema3-stopped")

    def test_one_that_was_killed_is_read_and_goes_on(self):
        self.of_schema_3("schema3-killed")

    def test_one_whose_files_have_older_checksums_is_held_against_them(self):
        daemon = self.opened("schema3-stopped", kind=Life)  # ready it never is
        # Of the embedded log, which nothing reads but the slow reading of all files.
        table = "000020.sst"
        with open(os.path.join(daemon.directory, "store", table), "r+b") as file:
            file.seek(40)
            byte = file.read(1)
            file.seek(40)
            file.write(bytes([byte[0] ^ 1]))
        with daemon:
            wait_until(lambda: f"{table} is damaged: its bytes are not what was written" in daemon.get("/readyz").body.decode(), "the damaged file named")

    def test_one_of_an_older_schema_is_refused_by_name(self):
        with self.assertRaisesRegex(RuntimeError, "has schema 2, this version reads schema 3. Use the version that made it"):
            self.opened("schema2").start()

    def test_what_a_later_version_leaves_out_is_found(self):
        said = {"entries": [{"learner": "A01", "stage": "ISSUED"}]}
        self.assertEqual(lost(said, {"entries": [{"learner": "A01", "stage": "ISSUED", "new": 1}], "more": 2}), [])
        self.assertEqual(lost(said, {"entries": [{"learner": "A01", "stage": "CLAIMED"}]}), [".entries[0].stage: 'ISSUED' became 'CLAIMED'"])
        self.assertEqual(len(lost(said, {"entries": []})), 1)
        self.assertEqual(lost(said, {"entries": [{"learner": "A01"}]}), [".entries[0].stage is missing"])


if __name__ == "__main__":
    unittest.main()
