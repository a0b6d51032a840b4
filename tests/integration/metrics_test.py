#!/usr/bin/env python3
"""Metrics as a contract: names, types, helps and labels as in tests/data/metrics.golden, never too many series, and readable by a real
Prometheus where one is installed. `metrics_test.py --write` writes the golden file anew."""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

import events as e
from daemon import Daemon, ROOT, wait_until

GOLDEN = os.path.join(ROOT, "tests", "data", "metrics.golden")
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
SERIES_MAX = 2000
ORGANISATIONS = 20


def parse(text):
    """Families: name -> {type, help, labels}; samples: (name, labels) -> value."""
    families, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            families[name] = {"help": words, "labels": set()}
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            families[name]["type"] = kind
        elif line:
            name, labels, value = SAMPLE.match(line).groups()
            labels = dict(LABEL.findall(labels or ""))
            samples[name, tuple(sorted(labels.items()))] = float(value)
            family = name if name in families else re.sub(r"_(bucket|sum|count)$", "", name)
            families[family]["labels"] |= labels.keys() - {"le"}
    return families, samples


def golden_text(families):
    lines = ["# name | type | labels | help. Written by tests/integration/metrics_test.py --write"]
    for name, family in sorted(families.items()):
        lines.append(f"{name} | {family['type']} | {','.join(sorted(family['labels']))} | {family['help']}")
    return "\n".join(lines) + "\n"


def many_organisations():
    """20 awarding organisations, the first with most entries: each one more than the next."""
    made = []
    for number in range(ORGANISATIONS):
        qualification = e.qualification_number(f"61{number:02}001")
        made += e.reference(organisation=f"RN91{number:02}", qualification=qualification)
        made += [e.registered(f"M{number}-{entry}", qualification=qualification) for entry in range(ORGANISATIONS - number)]
    return sorted(made, key=lambda event: event["occurredAt"])


def start():
    daemon = Daemon({"time.source": "event"}).start()
    daemon.post_events(many_organisations())
    season = e.reference() + e.with_result("M1") + [e.time_reached("2023-08-21T00:00:00Z")]
    daemon.post_events(sorted(season, key=lambda event: event["occurredAt"]))
    daemon.post("/v1/events", json.dumps(e.registered("M2", centre="99999")))
    daemon.post("/v1/events", "not JSON")
    return daemon


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = start()
        cls.addClassCleanup(cls.daemon.__exit__)
        reply = cls.daemon.get("/metrics")
        assert reply.type == "text/plain", reply.type
        cls.families, cls.samples = parse(reply.body.decode())

    def value(self, name, **labels):
        return self.samples[name, tuple(sorted(labels.items()))]

    def total(self, name, **labels):
        return sum(value for (sample, own), value in self.samples.items() if sample == name and labels.items() <= dict(own).items())

    def test_families_are_those_of_the_golden_file(self):
        with open(GOLDEN, encoding="utf-8") as golden:
            self.assertEqual(golden_text(self.families), golden.read(), "if this is meant: metrics_test.py --write")

    def test_names_and_helps_keep_the_rules(self):
        for name, family in self.families.items():
            self.assertRegex(name, r"^vtq_[a-z_]+$")
            self.assertEqual(family["type"] == "counter", name.endswith("_total"), name)
            self.assertTrue(family["help"].endswith("."), name)
            self.assertFalse(family["labels"] & {"centre", "learner", "entry", "qualification"}, name)

    def test_entries_are_counted_alike_by_every_breakdown(self):
        entries = sum(range(ORGANISATIONS + 1)) + 1
        for name in ("vtq_entries", "vtq_entries_by_need", "vtq_entries_by_band"):
            self.assertEqual(self.total(name), entries, name)
        self.assertEqual(self.total("vtq_entries", awarding_organisation="RN9100", level="3"), ORGANISATIONS)
        self.assertEqual(self.total("vtq_entries", stage="released"), 1)

    def test_awarding_organisations_beyond_twelve_are_counted_together(self):
        named = {dict(labels)["awarding_organisation"] for name, labels in self.samples if name == "vtq_entries"}
        self.assertEqual(named, {f"RN91{number:02}" for number in range(12)} | {"other"})
        self.assertEqual(self.total("vtq_entries", awarding_organisation="other"), sum(range(1, ORGANISATIONS - 12 + 1)) + 1)

    def test_series_stay_below_the_limit(self):
        self.assertLess(len(self.samples), SERIES_MAX)
        # Every stage, need, band and reason at every awarding organisation and level, on top of what is there already.
        organisations, levels = 13, 3
        worst = organisations * levels * (11 + 4 + 5 + 11 + 1 + 5)
        rest = sum(1 for name, _ in self.samples if not name.startswith(("vtq_entries", "vtq_late", "vtq_deadline")))
        self.assertLess(worst + rest, SERIES_MAX)

    def test_events_and_rejections_are_counted(self):
        self.assertEqual(self.total("vtq_events_total", topic="vtq.claims", outcome="accepted"), 2)
        self.assertEqual(self.value("vtq_rejected_total", rule="centre-known"), 1)
        self.assertEqual(self.value("vtq_rejected_total", rule="json-form"), 1)
        self.assertEqual(self.value("vtq_http_requests_total", route="POST /v1/events", status="4xx"), 2)
        self.assertEqual(self.value("vtq_batches_issued"), 1)
        self.assertEqual(self.value("vtq_engine_state", state="running"), 1)
        self.assertEqual(self.value("vtq_processing_lag_seconds"), 0)
        self.assertEqual(self.value("vtq_deadline_seconds", awarding_organisation="RN9100", level="3", deadline="issue") < 0, True)

    def test_every_rule_that_the_pipeline_names_is_a_label_of_its_own(self):
        text = ""
        sources = [path for room in ("kinds/*.cc", "kinds/form.h", "intake/check*", "run/partition*.cc") for path in glob.glob(os.path.join(ROOT, "pipeline", room))]
        self.assertGreater(len(sources), 15)
        for source in sources:
            with open(source, encoding="utf-8") as file:
                text += file.read()
        rules = set(re.findall(r'fail\([^;"]*(?:"[^"]*"\)?)?[^;"]*, "([a-z]+(?:-[a-z]+)+)"', text))
        rules |= set(re.findall(r'form\.named\("[^"]*", "([a-z]+(?:-[a-z]+)+)"', text))
        rules |= set(re.findall(r'(?:Rejection\{|Rejection why\{|return \{)[^;{}]*?"([a-z]+(?:-[a-z]+)+)"', text))
        self.assertGreater(len(rules), 70)
        counted = {dict(labels)["rule"] for name, labels in self.samples if name in ("vtq_rejected_total", "vtq_warnings_total")}
        self.assertEqual(rules - counted, set())

    @unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
    def test_a_real_prometheus_scrapes_it(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            free.close()
            config = os.path.join(directory, "prometheus.yml")
            with open(config, "w", encoding="utf-8") as file:
                file.write("scrape_configs:\n- job_name: resultsd\n  scrape_interval: 1s\n  static_configs:\n"
                           f"  - targets: ['127.0.0.1:{self.daemon.port}']\n")
            with open(os.path.join(directory, "log"), "wb") as log:
                process = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb",
                                            f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)

            def query(expression):
                url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
                try:
                    with urllib.request.urlopen(url, timeout=5) as answer:
                        result = json.load(answer)["data"]["result"]
                except OSError:
                    return None
                return float(result[0]["value"][1]) if result else None

            wait_until(lambda: query('up{job="resultsd"}') == 1, "prometheus scrapes resultsd", 60)
            self.assertEqual(wait_until(lambda: query("sum(vtq_entries)"), "vtq_entries in prometheus", 60), self.total("vtq_entries"))


if __name__ == "__main__":
    if "--write" in sys.argv:
        running = start()
        with open(GOLDEN, "w", encoding="utf-8") as file:
            file.write(golden_text(parse(running.get("/metrics").body.decode())[0]))
        running.__exit__()
    else:
        unittest.main(verbosity=2)
