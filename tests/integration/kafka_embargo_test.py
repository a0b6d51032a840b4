#!/usr/bin/env python3
"""The embargo sweep on a real Kafka: the same season, read over HTTP, by resultsctl and in every topic that resultsd writes.

Left out, by name, for nothing is sealed here (kafka_sealing_test.py has a key): vtq.result-batches and vtq.changelog, and the value of a record in vtq.rejected, which goes back as it came."""
import json
import sys
import unittest

import embargo_test as sweeps
import events as e
from daemon import Daemon, wait_until
from kafka import Kafka
from kafka_season_test import caught_up, make_topics, on_kafka

sys.path.append("/usr/lib/python3/dist-packages")
from confluent_kafka import Consumer, TopicPartition

PREFIX = "embargo."
WRITTEN = ("entry-status", "notifications", "rejected", "audit", "instances", "redriven")
SEALED_LATER = ("result-batches", "changelog")


class KafkaEmbargoSweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.daemon = Daemon({**on_kafka(cls.kafka, PREFIX), "log.level": "debug"})
        cls.addClassCleanup(cls.daemon.__exit__)
        make_topics(cls.daemon)
        cls.daemon.start()
        count = 0
        for part in (sweeps.reference(), sweeps.season(), sweeps.issued(), [e.time_reached(sweeps.BEFORE)]):
            cls.daemon.post("/v1/events", "\n".join(json.dumps(event) for event in part), "application/x-ndjson")
            count += len(part)
        cls.daemon.post("/v1/events", "\n".join(sweeps.wrong()), "application/x-ndjson")
        wait_until(lambda: caught_up(cls.daemon, count), "the season consumed", 120)
        wait_until(lambda: cls.daemon.get("/v1/batches").json()["batches"], "batches", 60)

    def records(self, topic):
        """Every record of the topic: key, value and headers."""
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "sweep", "enable.auto.commit": False, "isolation.level": "read_committed",
                             "log_level": 0, "enable.partition.eof": True})
        try:
            partitions = self.kafka.topics()[topic]
            consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
            ended = set()
            while len(ended) < partitions:
                message = consumer.poll(60)
                self.assertIsNotNone(message, topic)
                if message.error():
                    ended.add(message.partition())
                    continue
                yield message.key() or b"", message.value() or b"", dict(message.headers() or [])
        finally:
            consumer.close()

    def test_before_the_gate_no_grade_is_seen_by_any_way(self):
        found = sweeps.Sweep(self.daemon).run()
        self.assertGreater(found.read, 700)
        self.assertEqual(found.seen, {})

    def test_no_topic_names_a_grade_but_those_that_are_sealed_later(self):
        topics = [name for name in self.kafka.topics() if name.startswith(PREFIX)]
        inputs = ("registrations", "checkpoints", "assessments", "claims", "assurance", "commands", "reference")
        self.assertEqual(sorted(topics), sorted(PREFIX + name for name in (*WRITTEN, *SEALED_LATER, *inputs)))
        read = 0
        for name in WRITTEN:
            for key, value, headers in self.records(PREFIX + name):
                read += 1
                own = {header: content for header, content in headers.items() if header.startswith(("vtq.", "__streams."))}
                seen = [part for part in (key, b"" if name == "rejected" else value, repr(own).encode()) if sweeps.TOKEN.search(part.decode("utf-8", "replace"))]
                self.assertEqual(seen, [], name)
        self.assertGreater(read, 50)

    def test_what_is_sealed_later_does_hold_the_results(self):
        self.assertTrue(any(sweeps.TOP.encode() in value for _, value, _ in self.records(PREFIX + "result-batches")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
