#!/usr/bin/env python3
"""What goes wrong while an instance takes partitions over, or commits: it waits for what it needs, and gives up in the end with a message."""
import json
import os
import signal
import sys
import time
import unittest

import events
import season as seasons
from daemon import ROOT, Daemon, wait_until
from kafka import Kafka
from ports import free_ports

sys.path.insert(0, os.path.join(ROOT, "tests", "crash"))
from proxy import Proxy  # noqa: E402

LATER = events.qualification_number("6009005")
STALL_S = 15


class KafkaTakeoverTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seasons.prefer_release()
        port = free_ports(10)
        cls.kafka = Kafka(port=port, proxied=True)
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.proxy = cls.enterClassContext(Proxy({port + 3: port + 2}))

    def instance(self, prefix, name, bootstrap=None, **settings):
        daemon = Daemon({"kafka.bootstrap_servers": bootstrap or self.kafka.bootstrap, "kafka.topic_prefix": prefix,
                         "kafka.group": prefix + "group", "kafka.instance": name, "kafka.static_membership": False,
                         "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000, "partitions": 1, **settings})
        self.addCleanup(daemon.__exit__)
        return daemon

    @staticmethod
    def known(daemon, learner, qualification=events.QUALIFICATION):
        return daemon.get(f"/v1/entries/{events.CENTRE}/{qualification.replace('/', '')}/{events.SERIES}/{learner}").status == 200

    def publish(self, daemon, records):
        self.assertEqual(daemon.post("/v1/events", "\n".join(map(json.dumps, records)), "application/x-ndjson").status, 200)

    def test_a_partition_waits_for_the_reference_data_that_it_refers_to(self):
        """The successor knows what was registered from the changelog, before it has heard of the qualification."""
        owner, successor = self.instance("waits.", "a"), self.instance("waits.", "b", self.proxy.bootstrap())
        seasons.command("resultsctl", "topics", "create", "--config", owner.config())
        owner.start()
        self.publish(owner, events.reference())
        self.publish(owner, [events.registered("BEFORE")])
        wait_until(lambda: self.known(owner, "BEFORE"), "the first entry known")
        successor.start()
        stalled = self.proxy.stall(lambda one: one.name == "b-tables", STALL_S)
        self.publish(owner, events.reference(qualification=LATER))
        self.publish(owner, [events.registered("AFTER", qualification=LATER)])
        wait_until(lambda: self.known(owner, "AFTER", LATER), "the second entry known")
        owner.stop()
        wait_until(lambda: any(line["message"] == "partitions assigned" and line["restoring"] == 1 for line in successor.log()), "the takeover")
        self.assertEqual(successor.get("/readyz").status, 503)
        self.assertFalse(stalled.done(), "the test was slower than the stall")
        self.assertGreater(stalled.result(2 * STALL_S), 0)
        wait_until(lambda: successor.get("/readyz").status == 200, "the successor ready", 30)
        self.assertTrue(self.known(successor, "AFTER", LATER))
        self.publish(successor, [events.registered("LAST", qualification=LATER)])
        wait_until(lambda: self.known(successor, "LAST", LATER), "the successor goes on")

    def test_a_session_lost_after_longer_than_brokers_may_be_away_is_begun_anew(self):
        wait_s = 5
        daemon = self.instance("anew.", "a", self.proxy.bootstrap(), **{"kafka.broker_wait_seconds": wait_s})
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        daemon.start()
        ready = time.monotonic()
        self.publish(daemon, events.reference())
        self.publish(daemon, [events.registered("FIRST")])
        wait_until(lambda: self.known(daemon, "FIRST"), "the first entry known")
        wait_until(lambda: time.monotonic() > ready + wait_s + 1, "the session lasted for longer")
        # Its requests are not answered, so that nothing begins after this transaction.
        cut = self.proxy.deliver_late(lambda one: one.name == "a-writer", 1, 0.05)
        self.publish(daemon, [events.registered("SECOND")])
        self.assertGreater(cut.result(30), 0)
        self.publish(daemon, [events.registered("THIRD")])
        wait_until(lambda: any(line["message"] == "the session on Kafka was lost, beginning another" for line in daemon.log()), "the loss", 30)
        wait_until(lambda: daemon.get("/readyz").status == 200 and self.known(daemon, "THIRD"), "it goes on", 30)
        self.assertTrue(self.known(daemon, "SECOND"))

    def test_an_answer_about_the_topics_that_came_too_late_halts_nothing(self):
        """The session that asked is over, and what was read last is another record by now."""
        daemon = self.instance("late.", "a", self.proxy.bootstrap(), **{"kafka.position_check_seconds": 1})
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        daemon.start()
        self.publish(daemon, events.reference())
        self.publish(daemon, [events.registered("FIRST")])
        wait_until(lambda: self.known(daemon, "FIRST"), "the first entry known")
        stalled = self.proxy.stall(lambda one: one.name == "a-positions", STALL_S)
        wait_until(lambda: any("cannot be compared with what was read yet" in line["message"] for line in daemon.log()), "the question stalled")
        self.publish(daemon, [events.registered("SECOND")])
        wait_until(lambda: self.known(daemon, "SECOND"), "the second entry known")
        cut = self.proxy.deliver_late(lambda one: one.name == "a-writer", 1, 0.05)
        self.publish(daemon, [events.registered("THIRD")])
        self.assertGreater(cut.result(30), 0)
        self.publish(daemon, [events.registered("FOURTH")])
        wait_until(lambda: any(line["message"] == "the session on Kafka was lost, beginning another" for line in daemon.log()), "the loss", 30)
        self.assertFalse(stalled.done(), "the test was slower than the stall")
        self.assertGreater(stalled.result(2 * STALL_S), 0)
        wait_until(lambda: daemon.get("/readyz").status == 200 and self.known(daemon, "FOURTH"), "it goes on", 30)
        self.assertEqual([line["why"] for line in daemon.log() if line["message"].startswith("a partition stands still")], [])

    def test_what_can_never_be_committed_ends_the_daemon_with_a_message(self):
        daemon = self.instance("never.", "a", **{"kafka.broker_wait_seconds": 5})
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        daemon.start()
        self.publish(daemon, events.reference())
        self.publish(daemon, [events.registered("SMALL")])
        wait_until(lambda: self.known(daemon, "SMALL"), "the first entry known")
        self.kafka.configure("never.entry-status", **{"max.message.bytes": "100"})
        daemon.post("/v1/events", json.dumps(events.registered("TOO-LARGE")))
        wait_until(lambda: any("nothing could be committed for 5 s" in line.get("why", "") for line in daemon.log()), "it gives up", 120)


class LeaderlessTest(unittest.TestCase):
    PARTITIONS = 6

    def test_a_partition_without_a_leader_holds_up_no_other(self):
        seasons.prefer_release()
        kafka = Kafka(3, properties={"broker.session.timeout.ms": 4000, "broker.heartbeat.interval.ms": 1000})
        self.addCleanup(kafka.stop)
        kafka.start()
        # Of this topic each partition is on one broker alone.
        kafka.create("alone.claims", partitions=self.PARTITIONS, **{"min.insync.replicas": "1", "retention.ms": "-1"})
        daemon = Daemon({"kafka.bootstrap_servers": kafka.bootstrap, "kafka.topic_prefix": "alone.", "kafka.group": "alone",
                         "partitions": self.PARTITIONS, "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000})
        self.addCleanup(daemon.__exit__)
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        leaders = [one.leader for one in kafka.admin.list_topics("alone.claims").topics["alone.claims"].partitions.values()]
        owned = lambda: seasons.metric(daemon.get("/metrics", accept="text/plain").body.decode(), "vtq_kafka_partitions", role="owned")  # noqa: E731
        daemon.start()
        wait_until(lambda: owned() == self.PARTITIONS, "all partitions are worked on")
        # The next session takes everything over.
        daemon.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not kafka.admin.list_groups("alone")[0].members, "the group without it")
        gone = leaders[0]
        kafka.kill(gone)
        daemon.process.send_signal(signal.SIGCONT)
        wait_until(lambda: any(line["message"] == "the session on Kafka was lost, beginning another" for line in daemon.log()), "the loss", 60)
        wait_until(lambda: owned() == self.PARTITIONS - leaders.count(gone), "the others are worked on", 60)
        kafka.restart(gone)
        wait_until(lambda: owned() == self.PARTITIONS and daemon.get("/readyz").status == 200, "all partitions are worked on again", 60)


if __name__ == "__main__":
    unittest.main()
