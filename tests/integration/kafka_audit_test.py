#!/usr/bin/env python3
"""The audit on a real Kafka: two instances that die and come back leave one chain for each partition, without a gap, and the topic has what the
stores have."""
import json
import os
import signal
import tempfile
import threading
import unittest

import events as e
from audit_test import check_chain, halt, lines_of
from callers import Guarded, name_of
from daemon import ROOT, run, wait_until
from kafka import Kafka
from confluent_kafka import Consumer, Producer, TopicPartition

PARTITIONS = 3
CENTRES = [f"9{number:04}" for number in range(1, 9)]
BY_HAND, BY_LOOP = CENTRES[:2], CENTRES[2:]  # halted once each, and all the time


class KafkaAudit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        folder = tempfile.TemporaryDirectory(prefix="resultsd-")
        cls.addClassCleanup(folder.cleanup)
        key = os.path.join(folder.name, "audit.key")
        cls.public = run("resultsctl", "audit", "keygen", key, "--name", "test.example/audit").stdout.strip()
        cls.folder = folder.name
        cls.instances = []
        for name in ("a", "b"):
            directory = os.path.join(folder.name, name)
            os.makedirs(directory)
            cls.instances.append(Guarded({"partitions": PARTITIONS, "kafka.bootstrap_servers": cls.kafka.bootstrap, "kafka.instance": name,
                                          "time.source": "wall", "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000,
                                          "audit.key_file": key},
                                         directory=directory, secret=os.path.join(folder.name, "secret")))
            cls.addClassCleanup(cls.instances[-1].__exit__)
        done = run("resultsctl", "topics", "create", "--config", cls.instances[0].config())
        assert done.returncode == 0, done.stderr
        cls.start(*cls.instances)
        first = cls.instances[0]
        cls.operations = first.key("operations", everywhere=True, name="the desk")
        cls.publisher = first.key("publisher", everywhere=True, name="the publisher")
        cls.auditor = first.key("auditor", everywhere=True, name="the auditor")
        assert first.publish(cls.publisher, e.reference(centres=CENTRES)).status == 200
        cls.wait_for("calendar-defined", 1)

    @staticmethod
    def start(*daemons):
        starting = [threading.Thread(target=one.start) for one in daemons]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()

    @classmethod
    def lines(cls, daemon=None):
        daemon = daemon or cls.instances[0]

        def ask(target, accept):
            return wait_until(lambda: (lambda reply: reply if reply.status == 200 else None)(daemon.ask("GET", target, cls.auditor, accept=accept)),
                              "the audit is answered", 60)
        found = [lines_of(ask, partition) for partition in range(PARTITIONS)]
        for partition, lines in enumerate(found):
            check_chain(lines, partition)
        return found

    @classmethod
    def records(cls, act, daemon=None):
        return [record for lines in cls.lines(daemon) for record in map(json.loads, lines) if record["act"] == act]

    @classmethod
    def wait_for(cls, act, count, daemon=None):
        return wait_until(lambda: (lambda found: found if len(found) >= count else None)(cls.records(act, daemon)), f"{count} of {act}", 60)

    def topic(self):
        """All lines of the topic, by partition."""
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "looks", "auto.offset.reset": "earliest",
                             "isolation.level": "read_committed", "enable.partition.eof": True})
        self.addCleanup(consumer.close)
        consumer.assign([TopicPartition("vtq.audit", partition, 0) for partition in range(PARTITIONS)])
        found, ends = [[] for _ in range(PARTITIONS)], set()
        while len(ends) < PARTITIONS:
            record = consumer.poll(30)
            self.assertIsNotNone(record, "the topic can be read")
            if record.error():
                ends.add(record.partition())
            else:
                found[record.partition()].append(record.value().decode())
        return found

    def test_who_said_it_over_http_is_on_record_and_of_others_their_source(self):
        now = "2026-01-01T00:00:00Z"
        centre, other = BY_HAND
        self.assertEqual(self.instances[1].publish(self.operations, [halt(now, centre=centre)]).status, 200)
        record = wait_until(lambda: next((one for one in self.records("halt") if one["centre"] == centre), None), "the halt is on record", 60)
        self.assertEqual(record["by"]["name"], f"key {name_of(self.operations)} (the desk)")
        # Straight to the topic, with somebody's name in a header.
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random"})
        forged = b"0" * 64 + e.field(1, "operator root")
        producer.produce("vtq.commands", key=other, value=json.dumps(halt(now, centre=other)),
                         headers=[("content-type", b"application/json"), ("vtq-by", forged)])
        with open(os.path.join(ROOT, "tests/data/events/audit_noted.json"), encoding="utf-8") as file:
            producer.produce("vtq.commands", key="68199", value=file.read(), headers=[("content-type", b"application/json")])
        producer.flush(30)
        wait_until(lambda: any(one["centre"] == other for one in self.records("halt")), "the other halt", 60)
        self.assertEqual([one["by"] for one in self.records("halt") if one["centre"] == other], [{"name": "publisher test"}])
        wait_until(lambda: any(one["rule"] == "audit-sealed" for one in
                               self.instances[0].ask("GET", "/v1/rejected", self.operations).json()["rejected"]), "the forged note is rejected", 60)
        self.assertEqual([one for one in self.records("view") if one.get("centre") == "68199"], [])

    def test_one_chain_for_each_partition_over_kills_and_takeovers_and_the_topic_has_it(self):
        done = threading.Event()

        def go_on():
            number = 0
            while not done.is_set():
                number += 1
                for daemon in self.instances:
                    try:
                        word = halt(f"2026-02-01T00:00:{number % 60:02}Z", number % 2 == 1, BY_LOOP[number % len(BY_LOOP)])
                        daemon.publish(self.operations, [word])
                    except Exception:  # the one that was just killed
                        pass
        writing = threading.Thread(target=go_on)
        writing.start()
        try:
            for at in (0, 1, 0):
                victim, other = self.instances[at], self.instances[1 - at]
                before = len(self.records("halt", other)) + len(self.records("resume", other))
                victim.stop(signal.SIGKILL)
                wait_until(lambda: other.ask("GET", "/v1/overview", self.operations).status == 200, "the other has all partitions", 60)
                wait_until(lambda: len(self.records("halt", other)) + len(self.records("resume", other)) > before, "it goes on", 60)
                victim.start()
        finally:
            done.set()
            writing.join()
        wait_until(lambda: self.instances[0].ask("GET", "/v1/overview", self.operations).status == 200, "all partitions are there", 60)
        wait_until(lambda: self.topic() == self.lines(), "the topic has what the stores have", 60)
        # The key that was made once is on record once, though partition 0 moved.
        self.assertEqual(len([one for one in self.records("key-made") if one["key"] == name_of(self.auditor)]), 1)
        folder = os.path.join(self.folder, "export")
        exported = self.instances[1].operator("audit", "export", folder)
        self.assertEqual(exported.returncode, 0, exported.stderr)
        verified = run("resultsctl", "audit", "verify", folder, "--public-key", self.public)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_a_store_that_is_built_anew_goes_on_with_the_chain(self):
        a, b = self.instances
        before = self.lines(b)
        a.stop()
        for name in os.listdir(a.directory):
            if name.startswith("store"):
                run_away = os.path.join(a.directory, "was-" + name)
                os.rename(os.path.join(a.directory, name), run_away)
        a.start()
        after = self.lines(a)
        for partition in range(PARTITIONS):
            self.assertEqual(after[partition][:len(before[partition])], before[partition])


if __name__ == "__main__":
    unittest.main(verbosity=2)
