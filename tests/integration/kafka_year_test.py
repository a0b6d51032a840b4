#!/usr/bin/env python3
"""What befalls topics and group in a year of Kafka: offsets that expire over a winter, topics made again, records deleted before they were
read, partitions added, strangers in the group, changelogs that lose records. Each ends ready by itself, or with a message that names topic,
partition, offsets and the one command that makes it so; what is there is applied, and what is gone is named."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import events as e
import season as seasons
from daemon import ROOT, Daemon, environment, program, wait_until
from kafka import Kafka
from confluent_kafka import Consumer, Producer, TopicPartition

PARTITIONS = 2
WAIT_S = 90
INPUTS = ["registrations", "checkpoints", "assessments", "claims", "assurance", "commands"]
# Everything that expires does so at once, but for the group's offsets, for which a minute is the least.
PROPERTIES = {"offsets.retention.minutes": 1, "offsets.retention.check.interval.ms": 500, "transactional.id.expiration.ms": 3000,
              "transaction.remove.expired.transaction.cleanup.interval.ms": 1000, "producer.id.expiration.ms": 3000,
              "producer.id.expiration.check.interval.ms": 1000, "log.retention.check.interval.ms": 500}

kafka = None


def setUpModule():
    global kafka
    seasons.prefer_release()
    kafka = Kafka(properties=PROPERTIES)
    unittest.addModuleCleanup(kafka.stop)
    kafka.start()


class Year(unittest.TestCase):
    """Each test has topics of its own."""

    def setUp(self):
        self.prefix = self.id().rpartition(".")[2].replace("test_", "")[:50] + "."
        self.group = self.prefix + "group"

    def daemon(self, name="one", **settings):
        given = {key.replace("_", ".", 1): value for key, value in settings.items()}
        made = Daemon({"kafka.bootstrap_servers": kafka.bootstrap, "kafka.topic_prefix": self.prefix, "kafka.group": self.group,
                       "kafka.instance": name, "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000,
                       "kafka.position_check_seconds": 1, "partitions": PARTITIONS, **given})
        self.addCleanup(made.__exit__)
        return made

    def with_entries(self, daemon, *learners):
        """Topics, reference data and these entries; running."""
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
        daemon.start()
        daemon.post_events(e.reference())
        self.publish(daemon, *learners)
        self.wait_for_entries(daemon, learners)

    def publish(self, daemon, *learners):
        """Through the daemon, into the partition of their centre."""
        for learner in learners:
            self.assertEqual(daemon.post("/v1/events", json.dumps(e.registered(learner))).status, 200)

    def entries(self, daemon):
        return {entry["entry"]["learner"] for entry in daemon.get("/v1/entries").json().get("entries", [])}

    def wait_for_entries(self, daemon, learners):
        wait_until(lambda: self.entries(daemon) == set(learners), f"entries {learners}", WAIT_S)

    @staticmethod
    def start_unready(daemon):
        """Starts it without waiting until it is ready."""
        with open(os.path.join(daemon.directory, "log"), "ab") as log:
            began = log.tell()
            daemon.process = subprocess.Popen([program("resultsd"), "--config", daemon.config()], stderr=log, env=daemon.environment)
        daemon.port = wait_until(lambda: daemon._port(began), "resultsd listening", WAIT_S)

    def wait_for_halt(self, daemon, *words):
        """It says why it is not ready, and runs; its words."""
        def said():
            reply = daemon.get("/readyz")
            detail = reply.json().get("detail", "") if reply.status == 503 else ""
            return detail if all(word in detail for word in words) else None
        text = wait_until(said, f"not ready for {words}", WAIT_S)
        self.assertIn("resultsctl topics repair", text)
        self.assertIsNone(daemon.process.poll())
        return text

    def wait_ready(self, daemon):
        wait_until(lambda: daemon.get("/readyz").status == 200, "ready", WAIT_S)

    def repair(self, daemon, *arguments, code=0):
        done = subprocess.run([program("resultsctl"), "topics", "repair", "--config", daemon.config(), *arguments], capture_output=True, text=True,
                              timeout=WAIT_S, env=environment(), check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def refused_repair(self, daemon):
        done = subprocess.run([program("resultsctl"), "topics", "repair", "--config", daemon.config(), "--apply"], capture_output=True, text=True,
                              timeout=WAIT_S, env=environment(), check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("Nothing was changed", done.stderr)
        return done.stderr

    def group_offsets(self):
        """By topic without the prefix and partition."""
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": self.group, "log_level": 0})
        try:
            found = consumer.committed([TopicPartition(self.prefix + topic, partition) for topic in INPUTS for partition in range(PARTITIONS)], timeout=30)
        finally:
            consumer.close()
        return {(at.topic.removeprefix(self.prefix), at.partition): at.offset for at in found if at.offset >= 0}

    def read_to(self, topic="registrations"):
        """The partition in which records stand, and its offset in the group."""
        ((partition, offset),) = [(partition, offset) for (name, partition), offset in self.group_offsets().items() if name == topic and offset > 0]
        return partition, offset

    def produce(self, partition, *learners, topic="registrations", transactional=False):
        """By another client, to this partition."""
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0, **({"transactional.id": self.prefix + "publisher"} if transactional else {})})
        if transactional:
            producer.init_transactions(30)
            producer.begin_transaction()
        for learner in learners:
            producer.produce(self.prefix + topic, json.dumps(e.registered(learner)).encode(), e.CENTRE.encode(), partition,
                             headers=[("content-type", b"application/json")])
        if transactional:
            producer.commit_transaction(30)
        self.assertEqual(producer.flush(30), 0)

    def tool(self, name, *arguments):
        done = subprocess.run(["java", "-cp", os.path.join(ROOT, "build/kafka-lib/*"), name, "--bootstrap-server", kafka.bootstrap, *arguments],
                              capture_output=True, text=True, timeout=WAIT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def delete_records(self, topic, partition, before):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"version": 1, "partitions": [{"topic": self.prefix + topic, "partition": partition, "offset": before}]}, file)
            file.flush()
            self.tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file.name)

    def make_again(self, *topics):
        kafka.delete(*[self.prefix + topic for topic in topics])
        for topic in topics:
            config = {"cleanup.policy": "compact"} if topic == "changelog" else {"cleanup.policy": "delete", "retention.ms": str(400 * 86400_000)}
            kafka.create(self.prefix + topic, PARTITIONS, **config, **({"max.message.bytes": str(8 << 20)} if topic == "changelog" else {}))

    def warnings(self, daemon, message):
        return [line for line in daemon.log() if line["message"] == message]


class Winter(Year):
    def test_a_winter_in_which_the_groups_offsets_expired_needs_nobody(self):
        daemon = self.daemon()
        self.with_entries(daemon, "AUTUMN")
        self.assertEqual(daemon.stop(), 0)
        partition, _ = self.read_to()
        self.produce(partition, "WINTER")
        wait_until(lambda: not self.group_offsets(), "the group's offsets expired", 150)
        daemon.start()
        self.wait_for_entries(daemon, ["AUTUMN", "WINTER"])
        self.assertTrue(self.warnings(daemon, "the group has no offsets of a partition, which goes on from those of its changelog"))
        wait_until(lambda: self.group_offsets().get(("registrations", partition)) == 2, "the group has them again", WAIT_S)
        self.assertIn("Nothing to repair.", self.repair(daemon))


class Inputs(Year):
    def test_a_topic_made_again_under_a_running_daemon_is_read_from_its_beginning_once_repaired(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A", "B", "C")
        partition, read = self.read_to()
        self.make_again("registrations")
        self.produce(partition, "D")
        said = self.wait_for_halt(daemon, f"Topic {self.prefix}registrations, partition {partition}: it was read to offset {read} and now ends at offset 1")
        self.assertIn("deleted and made again", said)
        dry = self.repair(daemon, code=1)
        self.assertIn(f"{self.prefix}registrations, partition {partition}\n", dry)
        self.assertIn("It is read again from offset 0", dry)
        self.assertIn("send again what they sent since 20", dry)
        self.assertIn("nothing changed", dry)
        self.wait_for_halt(daemon, "registrations")
        self.repair(daemon, "--apply")
        self.wait_ready(daemon)
        self.wait_for_entries(daemon, ["A", "B", "C", "D"])

    def test_a_topic_made_again_while_the_daemon_was_away_is_noticed_by_its_last_record(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A", "B")
        self.assertEqual(daemon.stop(), 0)
        partition, read = self.read_to()
        self.make_again("registrations")
        self.produce(partition, *[f"N{number}" for number in range(5)])
        self.start_unready(daemon)
        self.wait_for_halt(daemon, f"Topic {self.prefix}registrations, partition {partition}: at offset {read - 1} stands another record than the one that was read")
        self.repair(daemon, "--apply")
        self.wait_ready(daemon)
        self.wait_for_entries(daemon, ["A", "B"] + [f"N{number}" for number in range(5)])
        self.assertIn("Nothing to repair.", self.repair(daemon))

    def test_records_deleted_before_they_were_read_are_named(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A")
        self.assertEqual(daemon.stop(), 0)
        partition, read = self.read_to()
        self.produce(partition, "GONE1", "GONE2", "KEPT")
        self.delete_records("registrations", partition, read + 2)
        self.start_unready(daemon)
        self.wait_for_halt(daemon, f"Topic {self.prefix}registrations, partition {partition}: it was read to offset {read} and now begins at offset {read + 2}")
        self.assertIn(f"Offsets {read} to {read + 1} (2 records, or markers of transactions) are gone.", self.repair(daemon, code=1))
        self.repair(daemon, "--apply")
        self.wait_ready(daemon)
        self.wait_for_entries(daemon, ["A", "KEPT"])

    def test_records_deleted_down_to_a_marker_that_was_read_over_are_no_loss(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A")
        partition, read = self.read_to()
        self.produce(partition, "B", transactional=True)
        self.wait_for_entries(daemon, ["A", "B"])
        wait_until(lambda: self.group_offsets()["registrations", partition] == read + 2, "the marker is behind as well", WAIT_S)
        self.assertEqual(daemon.stop(), 0)
        self.delete_records("registrations", partition, read + 2)
        daemon.start()
        self.wait_for_entries(daemon, ["A", "B"])
        self.assertIn("Nothing to repair.", self.repair(daemon))

    def test_a_log_cut_short_by_a_power_cut_is_read_again(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A", "B")
        partition, read = self.read_to()
        self.assertEqual(daemon.stop(), 0)
        folder = os.path.join(kafka.directory, "node-1", "data", f"{self.prefix}registrations-{partition}")
        self.assertTrue(os.path.isdir(folder), os.listdir(os.path.join(kafka.directory, "node-1")))
        kafka.kill(how=signal.SIGTERM)
        before = folder + ".before"
        shutil.copytree(folder, before)
        os.rename(before, os.path.join(kafka.directory, "kept"))
        kafka.restart()
        daemon.start()
        self.publish(daemon, "LOST1", "LOST2", "LOST3")
        self.wait_for_entries(daemon, ["A", "B", "LOST1", "LOST2", "LOST3"])
        self.assertEqual(daemon.stop(), 0)
        kafka.kill()
        shutil.rmtree(folder)
        os.rename(os.path.join(kafka.directory, "kept"), folder)
        kafka.restart()
        self.produce(partition, *[f"N{number}" for number in range(4)])
        self.start_unready(daemon)
        self.wait_for_halt(daemon, f"Topic {self.prefix}registrations, partition {partition}: at offset {read + 2} stands another record")
        self.repair(daemon, "--apply")
        self.wait_ready(daemon)
        self.wait_for_entries(daemon, ["A", "B", "LOST1", "LOST2", "LOST3"] + [f"N{number}" for number in range(4)])


class Group(Year):
    def test_a_stranger_in_the_group_is_named_and_its_offsets_are_set_back(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A", "B")
        partition, read = self.read_to()
        stranger = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": self.group, "client.id": "stranger", "auto.offset.reset": "earliest",
                             "partition.assignment.strategy": "range", "enable.auto.commit": False, "session.timeout.ms": 6000, "log_level": 0})
        stranger.subscribe([self.prefix + "registrations"])
        wait_until(lambda: stranger.poll(0.2) is not None or stranger.assignment(), "the stranger has partitions", WAIT_S)
        self.wait_for_halt(daemon, "another client uses the group")
        stranger.commit(offsets=[TopicPartition(self.prefix + "registrations", partition, 0)], asynchronous=False)
        self.assertIn("another client is in the group", self.refused_repair(daemon))
        stranger.close()
        # Where the daemon is at work meanwhile, its next commit puts its own offset there; where it is not, nothing does.
        self.assertEqual(daemon.stop(), 0)
        self.start_unready(daemon)
        self.wait_for_halt(daemon, f"Topic {self.prefix}registrations, partition {partition}: resultsd has read it to offset {read}, but the group {self.group} is at offset 0")
        self.assertIn(f"The group's offset is set back to {read}.", self.repair(daemon, code=1))
        self.repair(daemon, "--apply")
        self.wait_ready(daemon)
        self.assertEqual(self.group_offsets()["registrations", partition], read)
        self.publish(daemon, "C")
        self.wait_for_entries(daemon, ["A", "B", "C"])

    def test_partitions_added_to_one_topic_are_added_to_the_others_and_their_records_moved(self):
        daemon = self.daemon(kafka_properties="topic.metadata.refresh.interval.ms=1000")
        self.with_entries(daemon, "A")
        kafka.add_partitions(self.prefix + "registrations", PARTITIONS + 1)
        self.produce(PARTITIONS, "SURPLUS")
        self.wait_for_halt(daemon, f"Partition {PARTITIONS}: the group gives it to this instance without that of {self.prefix}checkpoints")
        self.publish(daemon, "B")
        self.wait_for_entries(daemon, ["A", "B"])  # the others go on
        self.assertIn(f"{self.prefix}claims\n  wrong   It has 2 partitions, but another input topic has 3.", self.repair(daemon, code=1))
        self.repair(daemon, "--apply")
        self.wait_ready(daemon)
        self.wait_for_entries(daemon, ["A", "B", "SURPLUS"])
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        self.wait_for_entries(daemon, ["A", "B", "SURPLUS"])


class Changelog(Year):
    def test_a_changelog_made_again_is_built_again_from_the_store(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A", "B")
        self.assertEqual(daemon.stop(), 0)
        self.make_again("changelog")
        self.start_unready(daemon)
        self.wait_for_halt(daemon, f"Topic {self.prefix}changelog, partition 0: it ends at offset 0, but the store",
                           f"Topic {self.prefix}changelog, partition 1: it ends at offset 0, but the store")
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("It is built again from the store", self.repair(daemon, code=1))
        self.repair(daemon, "--apply")
        daemon.start()
        self.wait_for_entries(daemon, ["A", "B"])
        self.assertEqual(daemon.stop(), 0)
        # What was built is whole: an instance without a store builds its own from it.
        other = self.daemon("two")
        other.start()
        self.wait_for_entries(other, ["A", "B"])

    def test_a_changelog_whose_oldest_records_were_deleted_is_no_beginning(self):
        daemon = self.daemon()
        self.with_entries(daemon, "A", "B")
        kafka.configure(self.prefix + "changelog", **{"cleanup.policy": "compact,delete"})
        partition, _ = self.read_to()
        self.assertEqual(daemon.stop(), 0)
        kafka_end = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "ends", "log_level": 0})
        _, end = kafka_end.get_watermark_offsets(TopicPartition(self.prefix + "changelog", partition), timeout=30)
        kafka_end.close()
        self.delete_records("changelog", partition, end - 2)
        kafka.configure(self.prefix + "changelog", **{"cleanup.policy": "compact"})
        other = self.daemon("two")
        self.start_unready(other)
        self.wait_for_halt(other, f"Topic {self.prefix}changelog, partition {partition}: it begins at offset {end - 2}")
        self.assertEqual(other.stop(), 0)
        # The one whose store has everything goes on, says so, and is what it can be built again from.
        daemon.start()
        self.assertTrue(self.warnings(daemon, "a changelog lost its oldest records: only this store has the whole state"))
        self.wait_for_entries(daemon, ["A", "B"])
        self.assertEqual(daemon.stop(), 0)
        self.repair(daemon, "--apply")
        other.start()
        self.wait_for_entries(other, ["A", "B"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
