#!/usr/bin/env python3
"""Alert rules name metrics and labels that exist, and Prometheus accepts them."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "dashboards/prometheus/rules.yml"
# Labels that Prometheus adds.
OWN_LABELS = {"job", "instance"}


def golden():
    """Metric name -> its labels."""
    lines = [line.split(" | ") for line in (ROOT / "tests/data/metrics.golden").read_text().splitlines() if not line.startswith("#")]
    return {name: set(filter(None, labels.split(","))) for name, _, labels, _ in lines}


class Dashboards(unittest.TestCase):
    def test_every_metric_used_is_exported(self):
        used = set(re.findall(r"\bvtq_\w+", RULES.read_text()))
        self.assertTrue(used)
        self.assertLessEqual(used, set(golden()))

    def test_every_label_matched_belongs_to_its_metric(self):
        for metric, matchers in re.findall(r"\b(vtq_\w+)\{([^}]*)\}", RULES.read_text()):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            self.assertLessEqual(labels, golden()[metric] | OWN_LABELS, metric)

    def test_every_alert_says_what_to_do(self):
        alerts = re.split(r"- alert: ", RULES.read_text())[1:]
        self.assertTrue(alerts)
        for alert in alerts:
            self.assertIn("action:", alert, alert.splitlines()[0])

    def test_prometheus_accepts_rules_and_configuration(self):
        for command in (["check", "rules", RULES], ["check", "config", ROOT / "dashboards/prometheus/scrape.yml"]):
            run = subprocess.run(["promtool", *command], capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
