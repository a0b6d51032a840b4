#!/usr/bin/env python3
"""Time on a real Kafka: a clock that jumps, a clock behind what the changelog says, and a record of a wrong year in event time."""
import json
import os
import shutil
import unittest

import events as e
import season as seasons
from daemon import Daemon, wait_until
from kafka import Kafka
from wall_clock import WallClock

YEAR_S = 365 * 86400


class KafkaClockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()

    def settings(self, prefix, **more):
        return {"kafka.bootstrap_servers": self.kafka.bootstrap, "kafka.topic_prefix": prefix, "kafka.group": prefix + "group",
                "kafka.instance": "one", "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000, "partitions": 2, **more}

    def issued(self, daemon):
        daemon.post_events(e.reference())
        daemon.post_events(e.with_result("P1"))
        return wait_until(lambda: daemon.get("/v1/batches").json()["batches"], "a batch", 60)[0]["batch"]

    def test_a_jump_opens_nothing_and_moves_nothing_and_a_lost_disk_does_not_make_a_wrong_clock_right(self):
        daemon = WallClock("2023-08-14T15:30:00", self.settings("jump."))
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        with daemon:
            batch = self.issued(daemon)
            daemon.shift(YEAR_S)
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
            daemon.doubted()
            self.assertEqual(daemon.get("/readyz").json()["rule"], "clock-trusted")
            daemon.post_events([event for event in e.with_result("P2", centre=e.OTHER_CENTRE)])
            wait_until(lambda: daemon.get("/v1/entries", centre=e.OTHER_CENTRE).json()["entries"], "events are taken")
            self.assertEqual(len(daemon.get("/v1/batches").json()["batches"]), 1)
            daemon.shift(-YEAR_S)
            daemon.trusted()
            wait_until(lambda: len(daemon.get("/v1/batches").json()["batches"]) == 2, "what was due is issued")
            self.assertLess(daemon.logical_time(), "2023-08-14T17")

            self.assertEqual(daemon.stop(), 0)
            shutil.rmtree(daemon.settings["data.directory"])
            daemon.shift(-YEAR_S)
            daemon.start(ready=False)
            wait_until(lambda: not daemon.clock()["trusted"], "the changelog says that it was later already", 60)
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
            daemon.shift(YEAR_S)
            daemon.trusted()
            wait_until(lambda: daemon.get("/readyz").status == 200, "ready", 60)

    def test_a_record_of_a_wrong_year_stops_no_partition(self):
        daemon = Daemon(self.settings("year.", **{"time.source": "event", "kafka.reference_wait_minutes": 0}))
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        with daemon:
            daemon.post_events(e.reference())
            season = sorted(e.with_result("P1"), key=lambda event: event["occurredAt"])
            daemon.post_events(season[:2] + [e.answered("P1", at="2073-05-11T10:00:00Z")] + season[2:] + [e.time_reached("2023-07-20T10:00:00Z")])
            rejected = wait_until(lambda: daemon.get("/v1/rejected").json()["rejected"], "the wrong record is rejected", 60)
            self.assertEqual([(one["rule"], one["field"]) for one in rejected], [("event-time-step", "occurredAt")])
            wait_until(lambda: (daemon.get("/v1/overview").json()["time"] or "") >= "2023-07-20T10:00:00", "time moves on", 60)
            daemon.post_events([e.registered("P2", at="2023-07-21T10:00:00Z"), e.time_reached("2023-07-22T10:00:00Z")])
            wait_until(lambda: (daemon.get("/v1/overview").json()["time"] or "") >= "2023-07-22T10:00:00", "and on", 60)
            self.assertEqual(len(daemon.get("/v1/rejected").json()["rejected"]), 1)
            # What lies in the topics is of event time, also for an instance whose disk was lost.
            daemon.stop()
            shutil.rmtree(daemon.settings["data.directory"])
            daemon.settings["time.source"] = "wall"
            began = os.path.getsize(os.path.join(daemon.directory, "log"))
            daemon.ready = lambda: None
            daemon.start()
            wait_until(lambda: any("was written with time.source" in json.dumps(line) for line in daemon.log(began)), "it is named", 60)
            self.assertNotEqual(daemon.get("/readyz").status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
