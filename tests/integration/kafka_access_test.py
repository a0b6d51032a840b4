#!/usr/bin/env python3
"""Two instances on a real Kafka with one access secret: a key made at one opens both and ends at both, and what one passes on to the other
keeps to the caller's rights."""
import os
import tempfile
import threading
import unittest

import events as e
from callers import Guarded, name_of
from daemon import run, wait_until
from kafka import Kafka
from confluent_kafka import Consumer, TopicPartition

PARTITIONS = 6
CENTRES = [f"9{number:04}" for number in range(1, 13)]


class KafkaAccess(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        folder = tempfile.TemporaryDirectory(prefix="resultsd-")
        cls.addClassCleanup(folder.cleanup)
        cls.instances = []
        for name in ("a", "b"):
            directory = os.path.join(folder.name, name)
            os.makedirs(directory)
            cls.instances.append(Guarded({"partitions": PARTITIONS, "kafka.bootstrap_servers": cls.kafka.bootstrap, "kafka.instance": name,
                                          "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000},
                                         directory=directory, secret=os.path.join(folder.name, "secret")))
            cls.addClassCleanup(cls.instances[-1].__exit__)
        done = run("resultsctl", "topics", "create", "--config", cls.instances[0].config())
        assert done.returncode == 0, done.stderr
        starting = [threading.Thread(target=one.start) for one in cls.instances]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        first = cls.instances[0]
        cls.operations = first.key("operations", everywhere=True)
        cls.publisher = first.key("publisher", everywhere=True)
        wait_until(lambda: all(cls.shares(one) == {"a", "b"} for one in cls.instances), "both instances have partitions")
        learners = [e.registered(f"L{centre}", centre=centre) for centre in CENTRES]
        reply = first.publish(cls.publisher, e.reference(centres=CENTRES))
        assert reply.status == 200, reply.body
        wait_until(lambda: first.ask("GET", f"/v1/qualifications/{e.PATH_QUALIFICATION}", cls.operations).status == 200, "reference data")
        reply = first.publish(cls.publisher, learners + [e.time_reached("2023-03-01T00:00:00Z")])
        assert reply.status == 200, reply.body
        wait_until(lambda: all(cls.entries(one) == len(CENTRES) for one in cls.instances), "the entries are there")

    @classmethod
    def shares(cls, daemon):
        reply = daemon.ask("GET", "/v1/instances", cls.operations)
        return {one["instance"] for one in reply.json()["instances"] if one["partitions"]} if reply.status == 200 else set()

    @classmethod
    def entries(cls, daemon):
        reply = daemon.ask("GET", "/v1/overview", cls.operations)
        return reply.json()["entries"] if reply.status == 200 else None

    def test_a_key_made_at_one_instance_opens_both_and_ends_at_both(self):
        a, b = self.instances
        key = a.key("auditor", everywhere=True)
        wait_until(lambda: b.ask("GET", "/v1/clock", key).status == 200, "the other knows it")
        self.assertEqual(b.operator("keys", "revoke", name_of(key)).returncode, 0)
        self.assertEqual(b.ask("GET", "/v1/clock", key).status, 401)
        wait_until(lambda: a.ask("GET", "/v1/clock", key).status == 401, "it ended at the other")

    def test_what_is_passed_on_keeps_to_the_callers_rights(self):
        keys = {centre: self.instances[0].key("centre", centres=[centre]) for centre in CENTRES}
        for daemon in self.instances:
            wait_until(lambda: all(daemon.ask("GET", "/v1/clock", key).status == 200 for key in keys.values()), "the keys are known")
            for at, centre in enumerate(CENTRES):
                reply = daemon.ask("GET", f"/v1/centres/{centre}", keys[centre])
                self.assertEqual(reply.status, 200, reply.body)
                entries = daemon.ask("GET", f"/v1/entries?centre={centre}", keys[centre])
                self.assertEqual([one["entry"]["learner"] for one in entries.json()["entries"]], [f"L{centre}"])
                self.assertEqual(daemon.ask("GET", f"/v1/centres/{CENTRES[at - 1]}", keys[centre]).status, 403)

    def test_learners_are_masked_whichever_instance_has_them(self):
        pages = []
        for daemon in self.instances:
            found, target = [], "/v1/entries?limit=5"
            while target:
                reply = daemon.ask("GET", target, self.operations)
                self.assertEqual(reply.status, 200, reply.body)
                for centre in CENTRES:
                    self.assertNotIn(f"L{centre}", reply.body.decode() + str(reply.headers))
                    self.assertNotIn(f"L{centre}".encode().hex(), reply.body.decode() + str(reply.headers))
                found += [one["entry"] for one in reply.json()["entries"]]
                target = reply.headers.get("Link", "<>").split(">")[0][1:]
            self.assertEqual([one["learner"] for one in found], [f"****{centre[-3:]}" for centre in CENTRES])
            pages.append(found)
        self.assertEqual(pages[0], pages[1])
        for daemon in self.instances:
            for one in pages[0]:
                path = f"/v1/entries/{one['centre']}/{e.PATH_QUALIFICATION}/{e.SERIES}/"
                reply = daemon.ask("GET", path + one["learnerHandle"], self.operations)
                self.assertEqual((reply.status, reply.json()["status"]["entry"]), (200, one), reply.body)
                self.assertEqual(daemon.ask("GET", path + f"L{one['centre']}", self.operations).json()["rule"], "learner-details")

    def test_keys_do_not_date_what_is_published_after_them(self):
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "looks", "auto.offset.reset": "earliest"})
        self.addCleanup(consumer.close)
        consumer.assign([TopicPartition("vtq.registrations", partition, 0) for partition in range(PARTITIONS)])
        stamps = []
        while len(stamps) < len(CENTRES):
            record = consumer.poll(30)
            self.assertIsNotNone(record, f"{len(stamps)} registrations in the topic")
            stamps.append(record.timestamp()[1])
        self.assertLess(max(stamps), 1_700_000_000_000)  # of 2023, though keys were made today

    def test_an_instance_with_another_secret_is_answered_nothing(self):
        a, b = self.instances
        self.assertEqual(a.ask("GET", "/v1/overview", headers={"X-Vtq-Forwarded": "1"}).status, 401)
        stranger = run("resultsctl", "access", "make-secret", os.path.join(a.directory, "strangers"))
        self.assertEqual(stranger.returncode, 0)
        asked = run("resultsctl", "--url", b.url, "--secret-file", os.path.join(a.directory, "strangers"), "keys", "list")
        self.assertEqual(asked.returncode, 1)
        self.assertIn("give all instances and the operator the same access.secret_file", asked.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
