#!/usr/bin/env python3
"""The local Kafka is a real broker: it starts, keeps a topic over a restart, and stops."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from ports import free_ports

ROOT = pathlib.Path(__file__).resolve().parents[2]


def topics(bootstrap, *arguments):
    command = ["java", "-cp", "build/kafka-lib/*", "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", bootstrap, *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        raise AssertionError(run.stdout + run.stderr)
    return run.stdout


class LocalKafka(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.addCleanup(self.down, "--wipe")

    def up(self, *arguments):
        run = subprocess.run(["deploy/kafka/up", "--directory", self.relative(), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=300)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.strip()

    def down(self, *arguments):
        subprocess.run(["deploy/kafka/down", "--directory", self.relative(), *arguments], cwd=ROOT, check=True, timeout=120)

    def relative(self):
        return os.path.relpath(self.directory, ROOT)

    def test_one_node_keeps_its_topics_over_a_restart(self):
        port = str(free_ports(2))
        bootstrap = self.up("--port", port)
        self.assertEqual(bootstrap, f"127.0.0.1:{port}")
        topics(bootstrap, "--create", "--topic", "vtq.claims", "--partitions", "4")
        self.down()
        self.assertEqual(self.up("--port", port), bootstrap)
        self.assertIn("PartitionCount: 4", topics(bootstrap, "--describe", "--topic", "vtq.claims"))

    def test_three_nodes_replicate_a_topic(self):
        port = free_ports(32)
        bootstrap = self.up("--nodes", "3", "--port", str(port))
        self.assertEqual(bootstrap, ",".join(f"127.0.0.1:{port + 10 * node}" for node in range(3)))
        topics(bootstrap, "--create", "--topic", "vtq.claims", "--partitions", "1")
        self.assertRegex(topics(bootstrap, "--describe", "--topic", "vtq.claims"), r"ReplicationFactor: 3")


if __name__ == "__main__":
    unittest.main()
