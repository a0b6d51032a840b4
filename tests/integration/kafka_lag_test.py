#!/usr/bin/env python3
"""What is behind, and who is silent, as an operator sees it: lag by topic and partition, a publisher's transaction that stays open, an instance
that hangs, one that goes for good. On a real Kafka."""
import json
import os
import signal
import time
import unittest

import events as e
import season as seasons
from daemon import Daemon, run, wait_until
from kafka import Kafka
from confluent_kafka import Producer

PREFIX = "lag."
PARTITIONS = 4
OPEN_S = 1

kafka = one = two = None


def settings(name):
    return {"kafka.bootstrap_servers": kafka.bootstrap, "kafka.topic_prefix": PREFIX, "kafka.group": PREFIX + "group", "kafka.instance": name,
            "partitions": PARTITIONS, "kafka.open_transaction_seconds": OPEN_S, "kafka.session_timeout_ms": 30_000,
            "kafka.transaction_timeout_ms": 20_000, "kafka.request_wait_ms": 1000}


def setUpModule():
    global kafka, one, two
    kafka = Kafka()
    unittest.addModuleCleanup(kafka.stop)
    kafka.start()
    one, two = (Daemon(settings(name)) for name in ("one", "two"))
    for daemon in (one, two):
        unittest.addModuleCleanup(daemon.__exit__)
    done = run("resultsctl", "topics", "create", "--config", one.config())
    assert done.returncode == 0, done.stderr
    one.start()
    two.start()
    wait_until(lambda: all(len(shares(daemon)) == 2 for daemon in (one, two)), "both have partitions")
    one.post_events(e.reference())


def shares(daemon):
    return {found["instance"]: found["partitions"] for found in daemon.get("/v1/instances").json()["instances"] if found["partitions"]}


def metric(name, **labels):
    """Over both instances."""
    return sum(seasons.metric(daemon.get("/metrics", accept="text/plain").body.decode(), name, **labels) for daemon in (one, two))


def transaction(name):
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": name, "partitioner": "murmur2_random", "log_level": 0,
                         "transaction.timeout.ms": 60_000})
    producer.init_transactions(30)
    producer.begin_transaction()
    return producer


def send(producer, learner):
    producer.produce(PREFIX + "registrations", json.dumps(e.registered(learner)), e.CENTRE, headers=[("content-type", "application/json")])
    producer.flush(30)


def applied(learner):
    return one.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/{learner}").status == 200


class Lag(unittest.TestCase):
    def test_markers_and_aborted_records_are_no_lag(self):
        producer = transaction("aborts")
        send(producer, "ABORTED")
        producer.abort_transaction(30)
        producer.begin_transaction()
        send(producer, "COMMITTED")
        producer.commit_transaction(30)
        wait_until(lambda: applied("COMMITTED"), "what was committed is applied")
        wait_until(lambda: metric("vtq_kafka_lag_records") == 0, "no lag is left")
        self.assertEqual(metric("vtq_kafka_lag_seconds"), 0)
        self.assertFalse(applied("ABORTED"))
        text = "".join(daemon.get("/metrics", accept="text/plain").body.decode() for daemon in (one, two))
        self.assertEqual(text.count("vtq_kafka_lag_records{"), 6 * PARTITIONS)

    def test_a_transaction_that_stays_open_is_named_and_what_waits_behind_it_comes(self):
        producer = transaction("hangs")
        send(producer, "OPEN")
        behind = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random", "log_level": 0})
        send(behind, "BEHIND")
        named = dict(topic="vtq.registrations")
        wait_until(lambda: metric("vtq_kafka_open_transaction_seconds", **named) >= OPEN_S, "the open transaction shows")
        self.assertEqual(metric("vtq_kafka_lag_records"), 0)  # nothing of it can be read

        def told():
            return [line for daemon in (one, two) for line in daemon.log() if line["message"].startswith("a publisher's transaction is open")]

        (line,) = wait_until(told, "the log names it")
        self.assertEqual((line["topic"], line["records"]), (PREFIX + "registrations", 2))
        doctor = run("resultsctl", "--url", one.url, "doctor", "--config", one.config())
        self.assertEqual(doctor.returncode, 1)
        self.assertIn(f"a publisher's transaction is open and holds up {PREFIX}registrations partition {line['partition']}: 2 records, since ", doctor.stdout)
        self.assertFalse(applied("BEHIND"))
        producer.commit_transaction(30)
        for learner in ("OPEN", "BEHIND"):
            wait_until(lambda: applied(learner), f"{learner} applied")
        wait_until(lambda: metric("vtq_kafka_open_transaction_seconds") == 0, "none is open any more")
        wait_until(lambda: run("resultsctl", "--url", one.url, "doctor", "--config", one.config()).returncode == 0, "all is well")

    def test_a_silent_instance_is_named_and_the_rest_is_shown(self):
        held = shares(one)["two"]
        os.kill(two.process.pid, signal.SIGSTOP)
        try:
            status = one.resultsctl("status")
            self.assertEqual(status.returncode, 1, status.stderr)
            ranges = one.get("/v1/overview", partial=1).json()["missing"]
            self.assertEqual(ranges["partitions"], held)
            self.assertEqual([silent["url"] for silent in ranges["instances"]], [two.url])
            self.assertIn("NOT COUNTED: partitions ", status.stdout)
            self.assertIn(two.url, status.stdout)
            self.assertIn("entries at", status.stdout)
            listed = one.resultsctl("instances")
            self.assertEqual(listed.returncode, 1)
            self.assertRegex(listed.stdout, f"two +{two.url} .*does not answer")
            self.assertRegex(listed.stdout, f"one +{one.url} .*ready")
            doctor = run("resultsctl", "--url", one.url, "doctor", "--config", one.config())
            self.assertEqual(doctor.returncode, 1)
            self.assertIn(f"instance two at {two.url}: does not answer", doctor.stdout)
            self.assertIn("instance one at", doctor.stdout)
        finally:
            os.kill(two.process.pid, signal.SIGCONT)
        wait_until(lambda: one.get("/v1/overview").status == 200, "it answers again")
        self.assertEqual(one.resultsctl("status").returncode, 0)
        self.assertEqual(one.resultsctl("instances").returncode, 0)

    def test_an_instance_that_goes_for_good_is_not_waited_for(self):
        began = time.monotonic()
        self.assertEqual(two.stop(signal.SIGUSR1), 0)
        wait_until(lambda: shares(one) == {"one": list(range(PARTITIONS))}, "the other has all")
        # Static membership would keep them for kafka.session_timeout_ms.
        self.assertLess(time.monotonic() - began, 20)
        one.post_events([e.registered("LATER", centre=centre) for centre in (e.CENTRE, e.OTHER_CENTRE)])
        wait_until(lambda: applied("LATER"), "it goes on")
        two.start()
        wait_until(lambda: len(shares(one)) == 2, "it can come back")


if __name__ == "__main__":
    unittest.main(verbosity=2)
