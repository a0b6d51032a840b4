#!/usr/bin/env python3
"""A zombie commits nothing: an instance that is stopped in the middle of its work for longer than its session, and goes on after another
one has taken over, must not get its transaction through. Without the group's fencing it does: the same story with resultsd_planted, which
neither checks its own membership nor tells the brokers of it, must end with a record told twice."""
import http.client
import itertools
import json
import os
import select
import signal
import time
import unittest

import events
import season as seasons
from daemon import Daemon, run, wait_until
from kafka import Kafka
from confluent_kafka import Consumer, TopicPartition

NOTICED = ("the session on Kafka was lost, beginning another", "a transaction was aborted; reading again")
STOP_AT = 10  # the passing at which the zombie stops: later than those of the reference data, in however many parts they come
STOP_MS = 4000  # that the zombie waits once it goes on, so that its other threads find out


def output_values(kafka, topic):
    """The values in a topic, as a read_committed consumer sees them now."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "test-reader", "isolation.level": "read_committed",
                         "enable.partition.eof": True, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        values, ended = [], set()
        until = time.monotonic() + 60
        while len(ended) < len(partitions):
            message = consumer.poll(1)
            if message is None:
                if time.monotonic() > until:
                    raise TimeoutError(f"{topic} was not read to its end")
                continue
            if message.error():
                ended.add(message.partition())
            else:
                values.append(message.value())
        return values
    finally:
        consumer.close()


def times_told(kafka, prefix, learner):
    """How many statuses of the learner's entry there are."""
    return sum(learner.encode() in value for value in output_values(kafka, prefix + "entry-status"))


def dates_in(year):
    return {name: date.replace("2023", str(year)) for name, date in events.DATES.items()}


def stopped(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"


def post_or_stop(instance, *posted):
    """Posts events to an instance that stops itself with some event in hand, perhaps before the answer to these is out."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port)
    try:
        connection.request("POST", "/v1/events", "\n".join(map(json.dumps, posted)), {"Content-Type": "application/x-ndjson"})
        wait_until(lambda: select.select([connection.sock], [], [], 0)[0] or stopped(instance.process), "an answer, or the stop")
    finally:
        connection.close()


class KafkaZombieTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seasons.prefer_release()
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()

    def instance(self, prefix, name, binary="resultsd", settings=None, **environment_more):
        # Dynamic membership: a static member's name would let the brokers see through it as well.
        return Daemon({"kafka.bootstrap_servers": self.kafka.bootstrap, "kafka.topic_prefix": prefix, "kafka.group": prefix + "group",
                       "kafka.instance": name, "kafka.static_membership": False, "kafka.session_timeout_ms": 6000,
                       "kafka.transaction_timeout_ms": 6000, "partitions": 1, **(settings or {})}, environment_more, binary=binary)

    def times_told_after_a_zombie(self, prefix, binary):
        """How often the event is told that the zombie had in hand when it was stopped."""
        zombie = self.instance(prefix, "zombie", binary, RESULTSD_STOP_AT=f"before_apply:{STOP_AT}:{STOP_MS}")
        successor = self.instance(prefix, "successor")
        seasons.command("resultsctl", "topics", "create", "--config", zombie.config())
        self.addCleanup(successor.__exit__)
        with zombie:
            reference = events.reference()
            zombie.post("/v1/events", "\n".join(json.dumps(one) for one in reference), "application/x-ndjson")
            wait_until(lambda: seasons.metric(zombie.get("/metrics").body.decode(), "vtq_events_total", topic="vtq.reference") >= len(reference),
                       "the reference data known")
            for number in itertools.count(1):
                learner = f"ZOMBIE-{number:03}"
                post_or_stop(zombie, events.registered(learner))
                wait_until(lambda: stopped(zombie.process) or times_told(self.kafka, prefix, learner) == 1, "the event told, or the stop")
                if stopped(zombie.process):
                    break
            self.assertEqual(times_told(self.kafka, prefix, learner), 0, "it was stopped before it said anything")
            successor.start()
            wait_until(lambda: times_told(self.kafka, prefix, learner) == 1, "the successor took over", 60)
            os.kill(zombie.process.pid, signal.SIGCONT)
            wait_until(lambda: any(line["message"] in NOTICED for line in zombie.log()), "the zombie noticed", 60)
            wait_until(lambda: zombie.get("/readyz").status == 200, "the zombie is a member again", 60)
            return times_told(self.kafka, prefix, learner)

    def test_a_zombie_commits_nothing_that_follows_from_reference_data(self):
        """Of the partition nothing was consumed in the transaction: no input's offset has moved."""
        self.commits_nothing_that_follows_from_reference_data("before_offsets")

    def test_a_zombie_that_has_added_its_offsets_commits_nothing_that_follows_from_reference_data(self):
        self.commits_nothing_that_follows_from_reference_data("before_end")

    def commits_nothing_that_follows_from_reference_data(self, point):
        prefix, learner = point + ".", "ZOMBIE"
        zombie = self.instance(prefix, "zombie", RESULTSD_STOP_AT=f"{point}:{STOP_AT}:{STOP_MS}")
        successor = self.instance(prefix, "successor")
        seasons.command("resultsctl", "topics", "create", "--config", zombie.config())
        self.addCleanup(successor.__exit__)
        with zombie:
            reference = events.reference(dates=dates_in(2030))
            zombie.post("/v1/events", "\n".join(json.dumps(one) for one in reference), "application/x-ndjson")
            wait_until(lambda: seasons.metric(zombie.get("/metrics").body.decode(), "vtq_events_total", topic="vtq.reference") >= len(reference),
                       "the reference data known")
            zombie.post("/v1/events", json.dumps(events.registered(learner)))
            wait_until(lambda: times_told(self.kafka, prefix, learner) == 1, "the registration told")
            for told in itertools.count(1):
                post_or_stop(zombie, events.calendar(f"2023-01-03T09:{told:02}:00Z", dates_in(2030 + told)))
                wait_until(lambda: stopped(zombie.process) or times_told(self.kafka, prefix, learner) == told + 1, "the change told, or the stop")
                if stopped(zombie.process):
                    break
            self.assertEqual(times_told(self.kafka, prefix, learner), told, "it was stopped before it said anything")
            successor.start()
            wait_until(lambda: times_told(self.kafka, prefix, learner) == told + 1, "the successor took over", 60)
            os.kill(zombie.process.pid, signal.SIGCONT)
            wait_until(lambda: any(line["message"] in NOTICED for line in zombie.log()), "the zombie noticed", 60)
            wait_until(lambda: zombie.get("/readyz").status == 200, "the zombie is a member again", 60)
            self.assertEqual(times_told(self.kafka, prefix, learner), told + 1)

    def test_a_session_that_is_lost_with_records_in_hand_begins_another(self):
        """One record a cycle: while a commit is under way the next record has been applied, and waits for it."""
        prefix, learners = "hand.", [f"HAND-{number:03}" for number in range(60)]
        zombie = self.instance(prefix, "zombie", settings={"engine.batch_events_max": 1}, RESULTSD_STOP_AT=f"before_end:40:{STOP_MS}")
        successor = self.instance(prefix, "successor")
        seasons.command("resultsctl", "topics", "create", "--config", zombie.config())
        self.addCleanup(successor.__exit__)
        with zombie:
            zombie.post("/v1/events", "\n".join(json.dumps(one) for one in events.reference()), "application/x-ndjson")
            post_or_stop(zombie, *(events.registered(learner) for learner in learners))
            wait_until(lambda: stopped(zombie.process), "the stop")
            successor.start()
            wait_until(lambda: times_told(self.kafka, prefix, learners[-1]) == 1, "the successor took over", 60)
            os.kill(zombie.process.pid, signal.SIGCONT)
            wait_until(lambda: any(line["message"] in NOTICED for line in zombie.log()), "the zombie noticed", 60)
            wait_until(lambda: zombie.get("/readyz").status == 200, "the zombie is a member again", 60)
            self.assertEqual([times_told(self.kafka, prefix, learner) for learner in learners], [1] * len(learners))

    def transaction_tests(self, name, prefix, only="*"):
        """Runs the tests in C++; how they ended, and what they printed."""
        daemon = Daemon({"kafka.bootstrap_servers": self.kafka.bootstrap, "kafka.topic_prefix": prefix, "partitions": 1})
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        done = run(name, f"--gtest_filter={only}", KAFKA_BOOTSTRAP=self.kafka.bootstrap, KAFKA_TOPIC_PREFIX=prefix)
        return done.returncode, done.stdout + done.stderr

    def test_transactions(self):
        code, said = self.transaction_tests("kafka_tests", "transactions.")
        self.assertEqual(code, 0, said)
        self.assertIn("[  PASSED  ] 3 tests", said)

    def test_inputs(self):
        code, said = self.transaction_tests("kafka_inputs_tests", "inputs.")
        self.assertEqual(code, 0, said)
        self.assertIn("[  PASSED  ] 3 tests", said)

    def test_without_the_membership_check_a_transaction_goes_through(self):
        code, said = self.transaction_tests("kafka_tests_planted", "unchecked.", "*no_member*")
        self.assertEqual(code, 1, said)
        self.assertIn("it throws nothing", said)

    def test_a_zombie_commits_nothing(self):
        self.assertEqual(self.times_told_after_a_zombie("real.", "resultsd"), 1)

    def test_without_the_generation_check_it_does(self):
        self.assertEqual(self.times_told_after_a_zombie("planted.", "resultsd_planted"), 2)


if __name__ == "__main__":
    unittest.main()
