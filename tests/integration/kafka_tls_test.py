#!/usr/bin/env python3
"""Instances on a real Kafka that ask each other over TLS: each verifies whom it asks."""
import os
import tempfile
import unittest

from certificates import Authority
from daemon import Daemon, ROOT, run, wait_until
from kafka import Kafka

SEASON = os.path.join(ROOT, "tests/data/small_season.jsonl")


class Instances(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="resultsd-tls-")
        cls.addClassCleanup(directory.cleanup)
        cls.authority, cls.stranger = Authority(directory.name), Authority(directory.name, "stranger")
        cls.certificate = cls.authority.issue("instance")
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()

    def instance(self, name, trusted):
        one = Daemon({"time.source": "event", "partitions": 4, "kafka.bootstrap_servers": self.kafka.bootstrap, "kafka.instance": name,
                      "kafka.request_wait_ms": 1000, "http.tls_certificate_file": self.certificate[0], "http.tls_key_file": self.certificate[1],
                      "http.ca_file": trusted}, trust=self.authority.trust())
        self.addCleanup(one.__exit__)
        return one

    def test_an_answer_of_all_comes_from_whom_an_instance_trusts_and_from_nobody_else(self):
        first, second = self.instance("a", self.authority.file), self.instance("b", self.stranger.file)
        done = run("resultsctl", "topics", "create", "--config", first.config())
        self.assertEqual(done.returncode, 0, done.stderr)
        for one in (first, second):
            one.start()
        wait_until(lambda: all(len([1 for other in one.get("/v1/instances").json()["instances"] if other["partitions"]]) == 2 for one in (first, second)),
                   "both share the partitions", 60)
        for other in first.get("/v1/instances").json()["instances"]:
            self.assertTrue(other["url"].startswith("https://127.0.0.1:"), other)
        done = first.resultsctl("--ca-file", self.authority.file, "publish", SEASON)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until(lambda: first.get("/v1/overview").json().get("entries", 0) > 0, "the whole answered by who trusts the other", 60)
        reply = second.get("/v1/overview")
        self.assertEqual(reply.status, 503, reply.body)
        self.assertIn("http.ca_file", reply.json()["detail"])
        done = first.resultsctl("--ca-file", self.authority.file, "instances")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
