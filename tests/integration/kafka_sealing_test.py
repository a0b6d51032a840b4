#!/usr/bin/env python3
"""Sealing on a real Kafka: nothing that resultsd writes to a topic shows a grade, what came to it over HTTP included; an instance with the key takes over,
one without it does not."""
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import unittest

import embargo_test as sweeps
import events as e
from daemon import Daemon, run, wait_until
from kafka import Kafka
from kafka_season_test import caught_up, make_topics, on_kafka
from sealed import Sealed, age, seen_in_files

sys.path.append("/usr/lib/python3/dist-packages")
from confluent_kafka import Consumer, Producer, TopicPartition

TOKEN = re.compile("Zq(?:top|middle|low|failed|high|near|none|unknown|scale)")
OTHER_BATCH = f"{e.OTHER_CENTRE}.{e.ORGANISATION}.{e.SERIES}.0001"
# Reference data say which grades there are, and are no secret.
SHOWN = ("reference",)


class KafkaSealing(unittest.TestCase):
    prefix = "sealing."

    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.daemon = Sealed({**on_kafka(cls.kafka, cls.prefix), "log.level": "debug"})
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
        """Every record of the topic, the aborted ones too: partition, key, value, headers."""
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "looks", "enable.auto.commit": False,
                             "isolation.level": "read_uncommitted", "log_level": 0, "enable.partition.eof": True})
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
                yield message.partition(), message.key() or b"", message.value() or b"", message.headers() or []
        finally:
            consumer.close()

    def produce(self, topic, value, **more):
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "log_level": 0})
        producer.produce(self.prefix + topic, value, **more)
        self.assertEqual(producer.flush(30), 0)

    def rejected(self, rule, **about):
        """Records that were rejected by the rule."""
        return [one for one in self.daemon.get("/v1/rejected", limit=1000).json()["rejected"]
                if one["rule"] == rule and all(one[name] == value for name, value in about.items())]

    def test_1_no_topic_that_resultsd_writes_shows_a_grade(self):
        read = {}
        for name in (name for name in self.kafka.topics() if name.startswith(self.prefix)):
            if name.removeprefix(self.prefix) in SHOWN:
                continue
            for _, key, value, headers in self.records(name):
                read[name] = read.get(name, 0) + 1
                self.assertIsNone(TOKEN.search(repr((key, value, headers))), name)
        for name in ("claims", "assessments", "changelog", "result-batches", "rejected", "entry-status"):
            self.assertGreater(read.get(self.prefix + name, 0), 0, name)

    def test_2_no_grade_lies_in_the_store_or_the_log(self):
        self.assertEqual(seen_in_files(self.daemon.directory, TOKEN), {})

    def test_3_the_file_of_a_batch_on_its_topic_opens_with_the_key_of_the_gate(self):
        self.assertEqual(self.daemon.get(f"/v1/batches/{OTHER_BATCH}/key").json()["rule"], "centre-release")
        values = [value for _, _, value, _ in self.records(self.prefix + "result-batches") if OTHER_BATCH.encode() in value]
        self.assertTrue(values)
        file = values[-1][values[-1].index(b"age-encryption.org/v1\n"):]
        over_http = self.daemon.get(f"/v1/batches/{OTHER_BATCH}/sealed").body
        self.daemon.post_events([e.time_reached(sweeps.BETWEEN)])
        reply = wait_until(lambda: (lambda asked: asked if asked.status == 200 else None)(self.daemon.get(f"/v1/batches/{OTHER_BATCH}/key")), "the gate", 60)
        identity = reply.json()["identity"]
        self.assertIn(sweeps.TOP.encode(), age(identity, file))
        self.assertEqual(json.loads(age(identity, over_http))["batch"], OTHER_BATCH)

    def test_4_an_event_that_a_publisher_sealed_counts_wherever_it_stands(self):
        path = os.path.join(self.daemon.directory, "own.jsonl")
        plain = os.path.join(self.daemon.directory, "own.plain.jsonl")
        with open(plain, "w", encoding="utf-8") as file:
            file.write(json.dumps(e.registered("SEALED1", at="2023-08-17T07:00:00Z")) + "\n")
        done = self.daemon.resultsctl("seal", "events", plain, "--out", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding="utf-8") as file:
            sealed = file.read().encode()
        # In a topic that is not its own, so that it is moved first. It is dated now then, and counts once a TimeReached behind it shows the date wrong.
        self.produce("claims", sealed, key=e.CENTRE, headers={"content-type": "application/json"}, timestamp=1692255600000)
        self.daemon.post_events([e.time_reached("2023-08-17T07:01:00Z")])

        def routed():
            return [value for _, _, value, headers in self.records(self.prefix + "registrations") if any(name == "vtq-routed" for name, _ in headers)]
        moved = wait_until(routed, "the record in its own topic", 60)
        self.daemon.post_events([e.time_reached("2023-08-17T07:01:01Z")])
        target = f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/SEALED1"
        wait_until(lambda: self.daemon.get(target).status == 200, "the entry", 60)
        self.assertFalse([value for value in moved if b"SEALED1" in value])

    def test_5_what_does_not_open_is_rejected_and_redriven_sealed(self):
        self.produce("claims", e.field(1, "broken-1") + e.field(7, b"\x03\x01\x02\x03\x04" + bytes(60)), key=e.CENTRE, timestamp=1692255600000)
        self.daemon.post_events([e.time_reached("2023-08-17T07:02:00Z")])
        wait_until(lambda: self.rejected("sealed-key-known"), "rejected", 60)
        dead = [dict(headers) for _, _, _, headers in self.records(self.prefix + "rejected")]
        self.assertTrue(all(headers["vtq.sealed"] == self.daemon.keys()[0][:8].encode() for headers in dead))
        config = self.daemon.config()
        done = run("resultsctl", "rejected", "redrive", "--config", config, "--dry-run")
        self.assertNotIn("cannot be redriven: its value is sealed", done.stdout)
        kept = self.daemon.settings.pop("seal.key_file")
        done = run("resultsctl", "rejected", "redrive", "--config", self.daemon.config(), "--dry-run")
        self.daemon.settings["seal.key_file"] = kept
        self.daemon.config()
        self.assertIn("its value is sealed with key", done.stdout)

    def test_6_rights_on_topics_with_grades_are_looked_at(self):
        done = run("resultsctl", "topics", "check", "--config", self.daemon.config())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"Warning: Who may read .*claims.* the brokers do not say: they have no authorizer")

    def test_7_an_instance_with_the_key_takes_over_and_one_without_does_not(self):
        self.daemon.stop(signal.SIGKILL)
        with tempfile.TemporaryDirectory(prefix="resultsd-") as folder:
            settings = {**on_kafka(self.kafka, self.prefix), "kafka.instance": "two"}
            with self.subTest("without the key"):
                plain = Daemon(settings, directory=os.path.join(folder, "plain"))
                os.makedirs(plain.directory)
                try:
                    plain.start()
                except (RuntimeError, OSError):
                    pass  # it ended before it was ready
                wait_until(lambda: plain.process.poll() is not None, "it ended", 60)
                said = json.dumps(plain.log())
                plain.__exit__()
                self.assertEqual(plain.process.returncode, 1)
                self.assertIn(f"key {self.daemon.keys()[0][:8]}", said)
            with self.subTest("with it"):
                directory = os.path.join(folder, "two")
                os.makedirs(directory)
                shutil.copy2(self.daemon.key_file, os.path.join(folder, "seal.key"))
                with Sealed(settings, directory=directory, key_file=os.path.join(folder, "seal.key")) as other:
                    wait_until(lambda: other.get(f"/v1/batches/{OTHER_BATCH}/key").status == 200, "the batch is there", 60)
                    self.assertIn(sweeps.TOP, other.get(f"/v1/batches/{OTHER_BATCH}").body.decode())
                    self.assertEqual(seen_in_files(directory, TOKEN), {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
