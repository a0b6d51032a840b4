#!/usr/bin/env python3
"""The same season through the embedded log and through a real Kafka: final statuses, batches, rejected records and roll-ups must be equal.
The small season, and a simulated 2023 at scale 0.05."""
import json
import os
import shutil
import sys
import tempfile
import unittest
import urllib.request

import season as seasons
from daemon import ROOT, Daemon, wait_until
from kafka import Kafka

SMALL = os.path.join(ROOT, "tests", "data", "small_season.jsonl")
OVER = {"id": "season-over", "source": "test", "timeReached": {"centre": "*"}}


def on_kafka(kafka, prefix, **more):
    return {"time.source": "event", "kafka.bootstrap_servers": kafka.bootstrap, "kafka.topic_prefix": prefix, "kafka.group": prefix + "group",
            "kafka.instance": "one", "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000, "kafka.reference_wait_minutes": 0, **more}


def make_topics(daemon):
    """With the settings that the daemon will have."""
    seasons.command("resultsctl", "topics", "create", "--config", daemon.config())


def caught_up(daemon, events):
    """Whether so many events were consumed and nothing is left to read."""
    text = daemon.get("/metrics", accept="text/plain").body.decode()
    return seasons.metric(text, "vtq_events_total") >= events and seasons.metric(text, "vtq_kafka_lag_records") == 0


def export(daemon, what):
    """All statuses or batches, by entry or name."""
    path = os.path.join(daemon.directory, what)
    seasons.export(daemon, what, path)
    found = {}
    for line in seasons.lines_of(path):
        found[seasons.entry_name(line["entry"]) if what == "statuses" else line["batch"]] = line
    return found


class KafkaSeasonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seasons.prefer_release()
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.directory = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)

    def play(self, events_file, until, prefix):
        """Returns what came of it (embedded, on Kafka): statuses, batches, overview, rejected."""
        outcomes = []
        over = json.dumps({**OVER, "occurredAt": until})
        for settings in ({"time.source": "event"}, on_kafka(self.kafka, prefix)):
            daemon = Daemon({**settings, "http.read_seconds_max": 120})  # the whole season is issued at once
            if "kafka.group" in settings:
                make_topics(daemon)
            with daemon:
                said = daemon.resultsctl("publish", events_file).stdout  # ends with 1 where something was rejected
                events = int(said.split()[0].replace(",", ""))
                daemon.post("/v1/events", over)
                if "kafka.group" in settings:
                    # The last event says to every stream how far it has come, so it is consumed many times.
                    wait_until(lambda: caught_up(daemon, events + 8 * 6), "the season consumed", 120)
                if "kafka.group" in settings:
                    # Nothing else is to be done: a large page does not wait for a cycle after each of its portions.
                    with urllib.request.urlopen(daemon.url + "/v1/export/batches?limit=1000", timeout=4) as page:
                        self.assertGreater(len(page.read().splitlines()), 10)
                rejected = [{name: one[name] for name in ("topic", "field", "rule", "value", "message")}
                            for one in daemon.get("/v1/rejected").json()["rejected"]]
                outcomes.append((export(daemon, "statuses"), export(daemon, "batches"), daemon.get("/v1/overview").json(),
                                 sorted(rejected, key=json.dumps), seasons.rollups(daemon)))
        return outcomes

    def assert_equal_outcomes(self, embedded, kafka):
        for name, one, other in zip(("statuses", "batches", "overview", "rejected", "roll-ups"), embedded, kafka):
            with self.subTest(name):
                self.assertTrue(one)
                self.assertEqual(one, other)

    def test_the_small_season_comes_out_the_same(self):
        embedded, kafka = self.play(SMALL, "2024-08-30T11:00:00Z", "small.")
        self.assertEqual((len(embedded[0]), len(embedded[1]), len(embedded[3])), (29, 15, 2))
        self.assert_equal_outcomes(embedded, kafka)

    def test_a_simulated_2023_comes_out_the_same(self):
        season = seasons.Season(self.directory, "2023", 0.05, 1)
        embedded, kafka = self.play(season.events, "2023-12-01T12:00:00Z", "simulated.")
        self.assertEqual(len(kafka[0]), season.counted("entries"))
        self.assertEqual(kafka[3], [])
        for one, other in zip(embedded, kafka):
            self.assertEqual(one, other)


if __name__ == "__main__":
    unittest.main()
