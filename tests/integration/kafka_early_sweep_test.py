#!/usr/bin/env python3
"""Nothing early, on a real Kafka: two instances with a caller of every role. Before each gate every address is read by each of them, the bytes of every
file, and every record of every topic that resultsd writes, with keys and headers, the aborted ones too; over moved calendars, recall, kills and takeover."""
import os
import signal
import sys
import tempfile
import threading
import unittest

import embargo_test as sweeps
import events as e
import season as seasons
from daemon import Daemon, wait_until
from early import NOBODY, TOKEN, Caller, Eyes, Keys
from kafka import Kafka
from kafka_season_test import make_topics, on_kafka

sys.path.append("/usr/lib/python3/dist-packages")
from confluent_kafka import Consumer, TopicPartition

PREFIX = "early."
HALT = {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES}
# Reference data say which grades there are, and are no secret: of what is defined there, nothing else names one.
REFERENCE = PREFIX + "reference"
DEFINES = (b"test-pmd", b"units")


class Instance(Caller, Daemon):
    def __init__(self, kafka, folder, name):
        directory = os.path.join(folder, name)
        os.makedirs(directory)
        Daemon.__init__(self, {**on_kafka(kafka, PREFIX), "kafka.instance": name, "log.level": "debug", "partitions": 2}, directory=directory)
        self.guard(folder)


class Topics:
    """Every record of every topic, each once."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.next, self.read, self.bytes = {}, {}, 0
        self.consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "looks", "enable.auto.commit": False,
                                  "isolation.level": "read_uncommitted", "log_level": 0, "enable.partition.eof": True})

    def look(self):
        """Where a grade stands among those that came since."""
        seen, ended = {}, set()
        wanted = [(name, partition) for name, partitions in self.kafka.topics().items() if name.startswith(PREFIX) for partition in range(partitions)]
        self.consumer.assign([TopicPartition(*one, self.next.get(one, 0)) for one in wanted])
        while len(ended) < len(wanted):
            message = self.consumer.poll(60)
            assert message is not None, "the topics can be read"
            at = (message.topic(), message.partition())
            if message.error():
                ended.add(at)
                continue
            self.next[at] = message.offset() + 1
            self.read[at[0]] = self.read.get(at[0], 0) + 1
            bytes_of = (message.key() or b"") + b"\0" + (message.value() or b"") + b"\0" + repr(message.headers() or []).encode()
            self.bytes += len(bytes_of)
            found = TOKEN.findall(bytes_of.decode("latin-1"))
            if found and not (at[0] == REFERENCE and any(one in bytes_of for one in DEFINES)):
                seen.setdefault(at[0], set()).update(found)
        return seen


class KafkaNothingEarly(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        folder = tempfile.TemporaryDirectory(prefix="resultsd-early-")
        cls.addClassCleanup(folder.cleanup)
        cls.a, cls.b = cls.instances = [Instance(cls.kafka, folder.name, name) for name in ("a", "b")]
        for one in cls.instances:
            cls.addClassCleanup(one.__exit__)
        make_topics(cls.a)
        starting = [threading.Thread(target=one.start) for one in cls.instances]
        for one in starting:
            one.start()
        for one in starting:
            one.join()
        cls.keys = Keys(cls.a)
        cls.b.own_key = cls.a.own_key
        cls.eyes, cls.topics = Eyes(cls.keys), Topics(cls.kafka)
        cls.addClassCleanup(cls.topics.consumer.close)
        cls.when = []

    def say(self, daemon, key, *events):
        reply = daemon.publish(self.keys[key], list(events))
        self.assertEqual(reply.status, 200, reply.body)

    def reach(self, daemon, at):
        self.say(daemon, "publisher", e.time_reached(at))
        self.caught_up(daemon, at)

    def caught_up(self, daemon, at):
        def there():
            reply = daemon.ask("GET", "/v1/overview", self.keys["operations"])
            return reply.status == 200 and (reply.json()["time"] or "") >= at.replace("Z", ".000Z")
        wait_until(there, f"time at {at}", 60)
        wait_until(lambda: all(seasons.metric(one.get("/metrics", accept="text/plain").body.decode(), "vtq_kafka_lag_records") == 0
                               for one in self.instances if one.process.poll() is None), "nothing is left to read", 60)

    def nothing(self, daemon, when, callers=None):
        self.assertEqual(self.eyes.look(daemon, callers), {}, when)
        self.assertEqual(self.topics.look(), {}, when)
        self.when.append(when)

    def calendar(self, at, centre, learner):
        return e.calendar(at, {**e.DATES, "centreRelease": centre, "learnerRelease": learner})

    def taken_over(self, victim, other):
        victim.stop(signal.SIGKILL)
        wait_until(lambda: seasons.metric(other.get("/metrics", accept="text/plain").body.decode(), "vtq_kafka_partitions", role="owned") == 2,
                   "the other has all partitions", 60)
        wait_until(lambda: other.ask("GET", "/v1/overview", self.keys["operations"]).status == 200, "it answers for all", 60)

    def test_before_each_gate_nobody_sees_a_grade_and_after_it_who_may_does(self):
        a, b = self.instances
        few = ["operations", "centre", NOBODY]
        self.say(a, "publisher", *sweeps.reference(), e.event("2023-01-02T10:00:00Z", "centreDefined", {"centre": "90009", "name": "School 90009"}))
        self.say(a, "publisher", *sweeps.season())
        a.ask("POST", "/v1/events", self.keys["publisher"], "\n".join(sweeps.wrong()), "application/x-ndjson")
        self.say(b, "publisher", *sweeps.issued())
        self.reach(b, sweeps.BEFORE)
        wait_until(lambda: len(a.ask("GET", "/v1/batches", self.keys["operations"]).json()["batches"]) >= 3, "batches and corrections", 60)
        self.nothing(a, "a second before the gate")
        self.nothing(b, "the same at the other instance", few)
        self.taken_over(a, b)
        self.nothing(b, "one was killed, the other took over", few)
        a.start()
        # By one publisher alone, of gates that are past; then later by a word.
        self.say(b, "publisher", self.calendar("2023-08-15T23:00:59.100Z", "2023-08-15T00:01", "2023-08-15T08:00"))
        self.reach(b, "2023-08-15T23:00:59.200Z")
        self.nothing(b, "an earlier calendar that nobody approved", few)
        self.say(b, "publisher", self.calendar("2023-08-15T23:00:59.300Z", "2023-08-18T00:01", "2023-08-18T08:00"))
        self.reach(b, "2023-08-17T12:00:00Z")
        self.nothing(b, "past both gates, which a word moved")
        self.say(b, "operations", e.event("2023-08-17T12:00:01Z", "issuingHalted", {**HALT, "halted": True, "reason": "boundaries"}))
        self.reach(b, "2023-08-18T12:00:00Z")
        self.nothing(b, "recalled, past the gates")
        self.taken_over(b, a)
        self.nothing(a, "recalled; one was killed, the other took over", few)
        b.start()
        self.say(a, "operations", e.event("2023-08-18T12:00:01Z", "issuingHalted", {**HALT, "halted": False}))
        self.reach(a, "2023-08-18T12:00:02Z")
        self.assertEqual(self.topics.look(), {}, "topics, after the gate")
        seen = wait_until(lambda: self.eyes.look(a, disk=False), "the gate is open", 30)
        self.assertIn(sweeps.TOP, seen[("centre", "/v1/batches/{batch}")])
        may = {"centre", "operations", "operations of the awarding organisation", "approver"}
        self.assertEqual({caller for caller, _ in seen} - may, set())
        read = self.topics.read
        for name in ("claims", "assessments", "commands", "changelog", "result-batches", "rejected", "entry-status", "audit", "instances"):
            self.assertGreater(read.get(PREFIX + name, 0), 0, name)
        print("\nnothing was seen:")
        for when in self.when:
            print(f"  {when}")
        print(self.eyes.told())
        print(f"{sum(read.values())} records of {self.topics.bytes / 1e6:.1f} MB in {len(read)} topics: "
              + ", ".join(f"{name.removeprefix(PREFIX)} {count}" for name, count in sorted(read.items())))


if __name__ == "__main__":
    unittest.main(verbosity=2)
