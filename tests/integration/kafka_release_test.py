#!/usr/bin/env python3
"""A release on a real Kafka: plan, approvals and issue, with kill -9 between them. Nothing goes that two people did not approve, and nothing twice."""
import json
import signal
import unittest

import events as e
from daemon import Daemon, wait_until
from kafka import Kafka
from kafka_season_test import make_topics, on_kafka
from release_test import LEVEL, RELEASES, approval, plan

PREFIX = "release."


class KafkaRelease(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.daemon = Daemon({**on_kafka(cls.kafka, PREFIX), "release.approvals_default": 2})
        cls.addClassCleanup(cls.daemon.__exit__)
        make_topics(cls.daemon)
        cls.daemon.start()

    def say(self, *events):
        reply = self.daemon.post("/v1/events", "\n".join(json.dumps(event) for event in events), "application/x-ndjson")
        self.assertEqual(reply.status, 200, reply.body)

    def release(self):
        reply = self.daemon.get(RELEASES)
        if reply.status != 200:
            return {}
        return next((one for one in reply.json()["releases"] if one["level"] == LEVEL), {})

    def killed(self):
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()

    def batches(self):
        return len(self.daemon.get("/v1/batches").json()["batches"])

    def reached(self, at):
        self.say(e.time_reached(at))
        wait_until(lambda: (self.daemon.get("/v1/overview").json()["time"] or "") >= at.replace("Z", ".000Z"), f"time at {at}", 120)

    def test_from_plan_to_batch_over_kills(self):
        self.say(*sorted(e.reference() + e.with_result("P1"), key=lambda one: one["occurredAt"]))
        self.reached("2023-07-20T09:00:00Z")
        self.say(plan("2023-07-20T09:30:00Z"))
        wait_until(lambda: self.release().get("plan"), "the plan known", 60)
        digest = self.release()["plan"]
        self.killed()
        self.say(approval("2023-08-01T09:00:00Z", digest) | {"id": "ann"})
        wait_until(lambda: len(self.release().get("approvedBy", [])) == 1, "one approval", 60)
        self.killed()
        self.reached("2023-08-09T12:00:00Z")
        self.assertEqual(self.batches(), 0)
        second = approval("2023-08-09T12:01:00Z", digest)
        second["releaseApproved"]["approver"] = "somebody else"
        self.say(second)
        wait_until(lambda: self.release().get("approved"), "two approvals", 60)
        self.killed()
        self.reached("2023-08-09T13:00:00Z")
        wait_until(lambda: self.batches() == 1, "the batch", 60)
        self.killed()
        self.reached("2023-08-10T13:00:00Z")
        self.assertEqual(self.batches(), 1)


if __name__ == "__main__":
    unittest.main()
