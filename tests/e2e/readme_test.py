#!/usr/bin/env python3
"""Runs the README's worked examples as written, against a demonstration on a port of its own, and holds its settings reference and folder
list against the product."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from ports import free_ports  # noqa: E402

README = (ROOT / "README.md").read_text()


def blocks(mark="run"):
    """Command blocks marked `<!-- run -->`, in order."""
    return re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)```", README, re.S)


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.env = dict(os.environ, RESULTSD_HTTP_PORT=str(free_ports()))
        run = subprocess.run(["deploy/quickstart"], cwd=ROOT, env=cls.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        cls.quickstart = run
        if run.returncode != 0:
            raise AssertionError(run.stdout + run.stderr)

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["deploy/quickstart", "stop"], cwd=ROOT, env=cls.env, check=True, stdout=subprocess.DEVNULL)

    def test_1_the_quickstart_prints_counts_three_entries_at_risk_with_why_and_addresses(self):
        out = self.quickstart.stdout
        self.assertRegex(out, r"stage ready\s+[\d,]+")
        self.assertRegex(out, r"band at risk\s+[\d,]+")
        self.assertEqual(len(re.findall(r"^\d{5} \d{3}/\d{4}/[\dX] 2023-08 \S+  at risk \([NL]\d\), \w+\n  .*issue deadline", out, re.M)), 3)
        self.assertIn(f"http://127.0.0.1:{self.env['RESULTSD_HTTP_PORT']}/v1/overview", out)

    def test_1_the_quickstart_ends_with_a_page_to_open_where_one_signs_in(self):
        page = self.quickstart.stdout.strip().splitlines()[-1].strip()
        self.assertEqual(page, f"http://127.0.0.1:{self.env['RESULTSD_HTTP_PORT']}/sign-in")
        with urllib.request.urlopen(page, timeout=30) as reply:
            shown = reply.read().decode()
        for words in ("Operations", "Approver A", "Approver B", "Exams officer of "):
            self.assertIn(words, shown)
        keeping = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with keeping.open(page + "/demonstration", urllib.parse.urlencode({"as": "approver-a"}).encode(), timeout=30) as reply:
            self.assertTrue(reply.url.endswith("/signed-in"))
            self.assertIn("approver", reply.read().decode())

    def test_2_every_marked_command_runs_as_written(self):
        self.assertGreaterEqual(len(blocks()), 6)
        script = "set -euo pipefail\n" + "\n".join(blocks()).replace(":8410", ":" + self.env["RESULTSD_HTTP_PORT"])
        script = script.replace("/tmp/", os.environ.get("TMPDIR", "/tmp").rstrip("/") + "/")
        run = subprocess.run(["bash", "-c", script], cwd=ROOT, env=self.env, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout[-3000:] + run.stderr)
        self.assertIn('"outcome":"accepted"', run.stdout.replace(" ", ""))
        self.assertIn('"outcome":"duplicate"', run.stdout.replace(" ", ""))
        self.assertIn('"rule":"centre-known"', run.stdout.replace(" ", ""))
        self.assertIn("36541.RN9902.2023-08.0001", run.stdout)
        self.assertIn("Replayed record 1: accepted.", run.stdout)
        # Both examples of attainment miss something, each by a rule of its own.
        self.assertRegex(run.stdout, r"in the way +Group OPTIONS: .*\(group-units-min\)")
        self.assertRegex(run.stdout, r"in the way +Unit PLACEMENT is not yet achieved\. \(unit-mandatory\)")
        # The strategy just published asks for something.
        self.assertIn("are held: the first monitoring has not taken place.", run.stdout)
        # Nothing goes before the second person has approved; both are on record, in a chain that is whole.
        self.assertRegex(run.stdout, r"NOT APPROVED: nothing goes, 1 of 2 people; [\s\S]*approved, 2 of 2 people")
        self.assertEqual(run.stdout.count('"act":"release-approved"'), 2)

    def test_3_output_shown_is_output_printed(self):
        shown = re.search(r"```text\n(.*?)```", README, re.S)[1].strip()
        # Shown at the time of the quickstart, before the season went on.
        first = shown.splitlines()[0].split("  ")[0]
        self.assertIn(first, self.quickstart.stdout)

    def test_5_the_commands_on_kafka_run_as_written(self):
        ports = {old: str(free_ports()) for old in ("8421", "8422")}
        kafka = str(free_ports(10))
        with tempfile.TemporaryDirectory() as work:
            script = "\n".join(blocks("run on Kafka")).replace("/tmp/", work + "/").replace("19092", kafka)
            script = script.replace("deploy/kafka/up ", f"deploy/kafka/up --port {kafka} --directory {work}/kafka ")
            for old, new in ports.items():
                script = script.replace(old, new)
            # The instances end with the shell.
            script = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n" + script
            try:
                run = subprocess.run(["bash", "-c", script], cwd=ROOT, env=self.env_without_settings(), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
            finally:
                subprocess.run(["deploy/kafka/down", "--directory", f"{work}/kafka", "--wipe"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(run.returncode, 0, run.stdout[-3000:])
        self.assertIn("159 events", run.stdout)
        self.assertIn("159 published", run.stdout)
        self.assertRegex(run.stdout, r'"learner": ?"KCAT"')
        self.assertRegex(run.stdout, r"\d+ 30101\n")

    @staticmethod
    def env_without_settings():
        return {name: value for name, value in os.environ.items() if not name.startswith("RESULTSD_")}

    def test_4_the_settings_reference_is_what_the_program_prints(self):
        printed = subprocess.run([ROOT / "build/release/bin/resultsd", "--print-config-reference"], capture_output=True, text=True, check=True)
        self.assertIn(printed.stdout.strip(), README)


if __name__ == "__main__":
    unittest.main()
