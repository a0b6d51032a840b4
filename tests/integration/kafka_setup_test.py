#!/usr/bin/env python3
"""resultsd where Kafka is not set up as it must be, or does not stay so: it ends with one message that names the setting and what to do,
and has done nothing by halves. Brokers that come back in time cost nothing but time."""
import concurrent.futures
import json
import os
import signal
import subprocess
import threading
import unittest

import events as e
import season as seasons
from daemon import ROOT, Daemon, environment, program, wait_until
from kafka import Kafka
from ports import free_ports
from confluent_kafka import Consumer, KafkaError, TopicPartition

PORT = free_ports(10)
SASL_PORT = PORT + 4
NOBODY_LISTENS = f"127.0.0.1:{PORT + 9}"
PASSWORD = "correct-horse"
PARTITIONS = 2
END_S = 60
# A broker with a listener of each kind.
PROPERTIES = {
    "listeners": f"PLAINTEXT://127.0.0.1:{PORT},CONTROLLER://127.0.0.1:{PORT + 1},SASL_PLAINTEXT://127.0.0.1:{SASL_PORT}",
    "advertised.listeners": f"PLAINTEXT://127.0.0.1:{PORT},SASL_PLAINTEXT://127.0.0.1:{SASL_PORT}",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.sasl_plaintext.plain.sasl.jaas.config":
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_resultsd="{PASSWORD}";',
}
CARELESS = {"auto.create.topics.enable": "true", "transaction.max.timeout.ms": 5000}
INPUTS = ["registrations", "checkpoints", "assessments", "claims", "assurance", "commands"]

kafka = other = watched = None


def setUpModule():
    global kafka, other, watched
    seasons.prefer_release()
    kafka, other = Kafka(port=PORT, properties=PROPERTIES), Kafka()
    for cluster in (kafka, other):
        unittest.addModuleCleanup(cluster.stop)
    with concurrent.futures.ThreadPoolExecutor() as both:
        list(both.map(Kafka.start, (kafka, other)))
    # Runs while all others are tested: it looks at its topics every minute only.
    watched = Daemon(settings_of("watched."))
    unittest.addModuleCleanup(watched.__exit__)
    seasons.command("resultsctl", "topics", "create", "--config", watched.config())
    watched.start()
    kafka.configure("watched.changelog", **{"cleanup.policy": "compact,delete"})


def settings_of(prefix, cluster=None):
    return {"kafka.bootstrap_servers": (cluster or kafka).bootstrap, "kafka.topic_prefix": prefix, "kafka.group": prefix + "group",
            "kafka.instance": "one", "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000, "kafka.broker_wait_seconds": 20,
            "partitions": PARTITIONS}


def run_other():
    """Some tests leave it dead."""
    if not other.running():
        other.start()


class SetUp(unittest.TestCase):
    """Each test has topics of its own."""

    def setUp(self):
        self.prefix = self.id().rpartition(".")[2].replace("test_", "")[:60] + "."

    def daemon(self, cluster=None, directory=None, **settings):
        """Not started; what stands in `settings` with _ for the first point comes last."""
        given = {name.replace("_", ".", 1): value for name, value in settings.items()}
        made = Daemon({**settings_of(self.prefix, cluster), **given}, directory=directory)
        self.addCleanup(made.__exit__)
        return made

    def create_topics(self, daemon):
        seasons.command("resultsctl", "topics", "create", "--config", daemon.config())

    def end_of(self, daemon):
        """The daemon ends by itself: why, from its one critical line."""
        self.assertEqual(daemon.process.wait(END_S), 1)
        return self.one_critical(daemon.log())

    def one_critical(self, lines):
        (line,) = [line for line in lines if line["level"] == "critical"]
        # librdkafka's threads may have a word after it.
        own = [line for line in lines if line["message"] != "librdkafka"]
        self.assertEqual(line, own[-1])
        return line["why"]

    def why_refused(self, daemon):
        """Why it does not start, from its one critical line."""
        done = subprocess.run([program("resultsd"), "--config", daemon.config()], capture_output=True, text=True, timeout=END_S,
                              env=environment(), check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        return self.one_critical([json.loads(line) for line in done.stderr.splitlines()])

    def groups(self, cluster=None):
        return {group.id for group in (cluster or kafka).admin.list_groups(timeout=END_S)}

    def assert_refused(self, daemon, why, cluster=None):
        """It does not start, says this alone, and leaves nothing behind: no store, no topic, no group."""
        topics = (cluster or kafka).topics()
        self.assertEqual(self.why_refused(daemon), why)
        self.assertFalse(os.path.exists(daemon.settings["data.directory"]))
        self.assertEqual((cluster or kafka).topics(), topics)
        self.assertNotIn(self.prefix + "group", self.groups(cluster))

    def publish(self, daemon, *learners, centre=e.CENTRE):
        for learner in learners:
            self.assertEqual(daemon.post("/v1/events", json.dumps(e.registered(learner, centre=centre))).status, 200)

    def wait_for_entries(self, daemon, learners):
        found = lambda: {entry["entry"]["learner"] for entry in daemon.get("/v1/entries").json().get("entries", [])}
        wait_until(lambda: found() == set(learners), f"entries {learners}")

    def with_entries(self, daemon, *learners):
        """Topics, reference data and these entries; running."""
        self.create_topics(daemon)
        daemon.start()
        daemon.post_events(e.reference())
        self.publish(daemon, *learners)
        self.wait_for_entries(daemon, learners)

    def times_told(self, learner, cluster=None):
        """How many statuses of the learner's entry are committed."""
        consumer = Consumer({"bootstrap.servers": (cluster or kafka).bootstrap, "group.id": "read", "isolation.level": "read_committed",
                             "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 50, "log_level": 0})
        topic = self.prefix + "entry-status"
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        found, ended = 0, set()

        def at_the_end():
            nonlocal found
            message = consumer.poll(0.2)
            if message is not None and message.error():
                self.assertEqual(message.error().code(), KafkaError._PARTITION_EOF)
                ended.add(message.partition())
            elif message is not None:
                found += learner.encode() in message.value()
            return len(ended) == PARTITIONS

        wait_until(at_the_end, "statuses read to their end")
        consumer.close()
        return found


class NotSetUp(SetUp):
    def test_no_broker(self):
        self.assert_refused(self.daemon(kafka_bootstrap_servers=NOBODY_LISTENS, kafka_broker_wait_seconds=3),
                            f"Kafka: no broker answers at kafka.bootstrap_servers = {NOBODY_LISTENS} for 3 s (_TRANSPORT: Local: Broker transport "
                            "failure). Check the address and kafka.security_protocol, and that Kafka runs.")

    def test_a_missing_topic(self):
        daemon = self.daemon()
        self.create_topics(daemon)
        kafka.delete(self.prefix + "claims")
        self.assert_refused(daemon, f"Topic {self.prefix}claims is missing: run resultsctl topics create, or mend kafka.topic_prefix.")

    def test_unequal_partitions(self):
        daemon = self.daemon()
        self.create_topics(daemon)
        kafka.add_partitions(self.prefix + "claims", 3)
        self.assert_refused(daemon, " ".join(f"Topic {self.prefix}{name} has 2 partitions, but another input topic has 3: run resultsctl topics repair."
                                             for name in ("registrations", "checkpoints", "assessments", "assurance", "commands")))

    def test_partitions_other_than_the_setting(self):
        self.create_topics(self.daemon())
        self.assert_refused(self.daemon(partitions=3), "All topics keyed by centre have 2 partitions, but partitions = 3. Set partitions = 2; a store "
                                                       "made with another number must be rebuilt from the topics.")

    def test_compaction_off_on_the_changelog(self):
        daemon = self.daemon()
        self.create_topics(daemon)
        kafka.configure(self.prefix + "changelog", **{"cleanup.policy": "delete"})
        self.assert_refused(daemon, f"Topic {self.prefix}changelog: cleanup.policy is delete and must be compact alone, or state that is older than the "
                                    f"retention would be lost: run kafka-configs.sh --bootstrap-server {kafka.bootstrap} --alter --topic "
                                    f"{self.prefix}changelog --add-config cleanup.policy=compact.")

    def test_an_unknown_name_in_registry_topics(self):
        daemon = self.daemon(kafka_registry_topics="claims,clams")
        self.create_topics(daemon)
        self.assert_refused(daemon, "kafka.registry_topics names clams, which is no input topic: name any of reference, registrations, checkpoints, "
                                    "assessments, claims, assurance, commands, without kafka.topic_prefix.")

    def test_wrong_credentials(self):
        login = {"kafka_bootstrap_servers": f"127.0.0.1:{SASL_PORT}", "kafka_security_protocol": "sasl_plaintext", "kafka_sasl_mechanism": "PLAIN",
                 "kafka_sasl_username": "resultsd"}
        self.create_topics(self.daemon(**login, kafka_sasl_password=PASSWORD))
        refusal = (f"Kafka: the brokers at kafka.bootstrap_servers = 127.0.0.1:{SASL_PORT} refuse the login. Check kafka.security_protocol, "
                   "kafka.sasl_mechanism, kafka.sasl_username, kafka.sasl_password and the kafka.ssl_ settings.")
        self.assert_refused(self.daemon(**login, kafka_sasl_password="wrong"), refusal)
        self.assert_refused(self.daemon(**{**login, "kafka_sasl_mechanism": "SCRAM-SHA-512"}, kafka_sasl_password=PASSWORD), refusal)
        self.daemon(**login, kafka_sasl_password=PASSWORD).start()

    def test_files_for_ssl_that_are_not_there(self):
        for setting in ("kafka_ssl_ca_location", "kafka_ssl_certificate_location", "kafka_ssl_key_location"):
            daemon = self.daemon(kafka_security_protocol="ssl", **{setting: "/no/such/file.pem"})
            with self.subTest(setting):
                why = self.why_refused(daemon)
                self.assertIn(f"Kafka: {setting.replace('_', '.', 1)} = /no/such/file.pem cannot be used (", why)
                self.assertIn(". Mend the kafka.ssl_ and kafka.sasl_ settings, or kafka.properties.", why)
                self.assertFalse(os.path.exists(daemon.settings["data.directory"]))

    def test_ssl_where_the_brokers_have_none(self):
        why = self.why_refused(self.daemon(kafka_security_protocol="ssl", kafka_broker_wait_seconds=3))
        self.assertIn("kafka.security_protocol", why)


class OfAnother(SetUp):
    """A store knows what it belongs to."""

    def moved(self, before, **after):
        """What is said of a store after these settings changed; the store stays as it was."""
        daemon = self.daemon(directory=before.directory, **after)
        why = self.why_refused(daemon)
        self.assertIn(f"Store: {before.settings['data.directory']} belongs to ", why)
        self.assertIn("; set data.directory to another place, or kafka.bootstrap_servers, kafka.group and kafka.topic_prefix to what they were.", why)
        return why

    def test_cluster(self):
        first = self.daemon()
        self.with_entries(first, "KEPT")
        self.assertEqual(first.stop(), 0)
        run_other()
        self.create_topics(self.daemon(other))
        self.assertIn("belongs to Kafka cluster ", self.moved(first, cluster=other))
        self.assertIn("group another", self.moved(first, kafka_group="another"))
        self.assertIn("not to the embedded log", self.moved(first, kafka_bootstrap_servers=""))
        self.assertNotIn(self.prefix + "group", self.groups(other))
        first.start()
        self.wait_for_entries(first, ["KEPT"])

    def test_log(self):
        embedded = self.daemon(kafka_bootstrap_servers="")
        embedded.start()
        embedded.post_events(e.reference())
        self.assertEqual(embedded.stop(), 0)
        self.create_topics(self.daemon())
        self.assertIn("belongs to the embedded log, not to Kafka cluster ", self.moved(embedded))
        self.assertNotIn(self.prefix + "group", self.groups())


class ChangedBehindItsBack(SetUp):
    def committed(self):
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": self.prefix + "group", "log_level": 0})
        asked = [TopicPartition(self.prefix + topic, partition) for topic in INPUTS for partition in range(PARTITIONS)]
        found = consumer.committed(asked, timeout=END_S)
        consumer.close()
        return [at for at in found if at.offset >= 0]

    def commit(self, offsets):
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": self.prefix + "group", "log_level": 0})
        consumer.commit(offsets=offsets, asynchronous=False)
        consumer.close()

    def tool(self, name, *arguments):
        subprocess.run(["java", "-cp", os.path.join(ROOT, "build/kafka-lib/*"), name, "--bootstrap-server", kafka.bootstrap, *arguments],
                       check=True, capture_output=True, timeout=END_S)

    def resultsctl(self, daemon, *arguments):
        done = subprocess.run([program("resultsctl"), *arguments, "--config", daemon.config()], capture_output=True, text=True, timeout=END_S,
                              env=environment(), check=False)
        return done.returncode, done.stdout + done.stderr

    def wait_for_halt(self, daemon, *words):
        """It runs, and is not ready for this."""
        with open(os.path.join(daemon.directory, "log"), "ab") as log:
            began = log.tell()
            daemon.process = subprocess.Popen([program("resultsd"), "--config", daemon.config()], stderr=log, env=daemon.environment)
        daemon.port = wait_until(lambda: daemon._port(began), "resultsd listening", END_S)
        wait_until(lambda: all(word in daemon.get("/readyz").json().get("detail", "") for word in words), f"not ready for {words}", END_S)

    def test_offsets_of_the_group(self):
        # Without static membership the group is empty as soon as it stops, so that others may change it.
        daemon = self.daemon(kafka_static_membership=False, kafka_position_check_seconds=1)
        self.with_entries(daemon, "KEPT")
        self.assertEqual(daemon.stop(), 0)
        (moved,) = [at for at in self.committed() if at.topic.endswith("registrations") and at.offset > 0]
        self.commit([TopicPartition(moved.topic, moved.partition, 0)])
        self.wait_for_halt(daemon, f"Topic {moved.topic}, partition {moved.partition}: resultsd has read it to offset {moved.offset}, but the group "
                           f"{self.prefix}group is at offset 0. Another client used the group, or somebody reset it. Run resultsctl topics repair")
        # The remedy.
        self.assertEqual(self.resultsctl(daemon, "topics", "repair", "--apply")[0], 0)
        self.wait_for_entries(daemon, ["KEPT"])
        self.assertEqual(self.times_told("KEPT"), 1)

    def members(self):
        (group,) = kafka.admin.list_groups(self.prefix + "group", timeout=END_S)
        return group.members

    def test_the_group_is_gone(self):
        daemon = self.daemon(kafka_static_membership=False)
        self.with_entries(daemon, "KEPT")
        self.assertEqual(daemon.stop(), 0)
        wait_until(lambda: not self.members(), "the group empty")
        self.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--group", self.prefix + "group", "--delete")
        daemon.start()
        self.wait_for_entries(daemon, ["KEPT"])
        self.assertEqual(self.times_told("KEPT"), 1)

    def wait_for_changelog_missed(self, daemon):
        self.wait_for_halt(daemon, f"Topic {self.prefix}changelog, partition 0: it ends at offset 0, but the store in data.directory = ",
                           "It lost records, or was deleted and made again. The store has the state and is left as it is: stop this instance and run "
                           "resultsctl topics repair where its store is.")

    def test_the_changelog_is_made_anew(self):
        daemon = self.daemon()
        self.with_entries(daemon, "KEPT")
        self.assertEqual(daemon.stop(), 0)
        kafka.delete(self.prefix + "changelog")
        self.create_topics(daemon)
        self.wait_for_changelog_missed(daemon)
        self.assertEqual(daemon.stop(), 0)
        # The store is still there to tell.
        self.wait_for_changelog_missed(daemon)
        self.assertEqual(daemon.stop(), 0)
        # A store that knows nothing of it does not begin anew either.
        other = self.daemon(kafka_instance="two")
        self.wait_for_halt(other, f"{self.prefix}changelog has no state of the partition")
        self.assertEqual(other.stop(), 0)
        code, said = self.resultsctl(other, "topics", "repair", "--apply")
        self.assertEqual(code, 1)
        self.assertIn("none of which can be repaired here", said)

    def test_all_topics_are_made_anew(self):
        daemon = self.daemon()
        self.with_entries(daemon, "KEPT")
        self.assertEqual(daemon.stop(), 0)
        kafka.delete(*[name for name in kafka.topics() if name.startswith(self.prefix)])
        self.create_topics(daemon)
        self.wait_for_changelog_missed(daemon)


class TwoOfOneName(SetUp):
    def one_stays(self, **settings):
        earlier, later = self.daemon(**settings), self.daemon(**settings)
        self.with_entries(earlier, "FIRST")
        later.start()
        why = self.end_of(earlier)
        self.assertRegex(why, rf"^Kafka: another instance took the place of this one, again \(.*\): both have kafka\.instance = one in kafka\.group = "
                              rf"{self.prefix}group\. Give each instance a name of its own, or stop one of them\.$")
        wait_until(lambda: later.get("/readyz").status == 200, "the later one has everything")
        self.publish(later, "SECOND")
        self.wait_for_entries(later, ["FIRST", "SECOND"])
        self.assertIsNone(later.process.poll())
        self.assertEqual([self.times_told(learner) for learner in ("FIRST", "SECOND")], [1, 1])

    def test_the_later_one_goes_on_and_the_earlier_one_ends(self):
        self.one_stays()

    def test_without_static_membership_too(self):
        self.one_stays(kafka_static_membership=False)


class BrokersGo(SetUp):
    def setUp(self):
        super().setUp()
        run_other()

    def test_they_come_back_and_nothing_is_lost(self):
        daemon = self.daemon(other, kafka_broker_wait_seconds=60)
        self.with_entries(daemon, "BEFORE")
        other.kill(how=signal.SIGTERM)
        wait_until(lambda: daemon.get("/readyz").status == 503, "not ready")
        other.start()
        wait_until(lambda: daemon.get("/readyz").status == 200, "ready again", END_S)
        self.publish(daemon, "AFTER")
        self.wait_for_entries(daemon, ["BEFORE", "AFTER"])
        self.assertEqual([self.times_told(learner, other) for learner in ("BEFORE", "AFTER")], [1, 1])

    def test_what_is_published_meanwhile_waits_for_them(self):
        daemon = self.daemon(other, kafka_broker_wait_seconds=60)
        self.with_entries(daemon, "BEFORE")
        other.pause()
        publishing = threading.Thread(target=self.publish, args=(daemon, "MEANWHILE"))
        publishing.start()
        watching = Daemon()
        watching.port = daemon.port
        wait_until(lambda: watching.get("/readyz").status == 503, "not ready")
        other.resume()
        publishing.join()
        self.wait_for_entries(watching, ["BEFORE", "MEANWHILE"])
        watching.close()
        self.assertEqual(self.times_told("MEANWHILE", other), 1)

    def test_they_stay_away(self):
        daemon = self.daemon(other, kafka_broker_wait_seconds=5)
        self.with_entries(daemon, "BEFORE")
        other.kill()
        self.assertEqual(self.end_of(daemon), f"Kafka: no broker answered at kafka.bootstrap_servers = {other.bootstrap} for 5 s. Check that Kafka runs and "
                                              "can be reached; kafka.broker_wait_seconds says how long it may be away.")

    def test_it_can_be_stopped_while_they_are_away(self):
        daemon = self.daemon(other)
        self.with_entries(daemon, "BEFORE")
        other.kill()
        wait_until(lambda: daemon.get("/readyz").status == 503, "not ready")
        self.assertEqual(daemon.stop(), 0)


def problems_watched():
    text = watched.get("/metrics").body.decode()
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("vtq_kafka_topic_problems"))


class NoticedWhileItRuns(unittest.TestCase):
    def test_a_changelog_that_deletes_is_found_within_a_minute(self):
        wait_until(lambda: problems_watched() == 1, "the changed configuration noticed", 90)
        (line,) = [line for line in watched.log() if line["message"] == "the topics are not as they must be any more"]
        self.assertIn("Topic watched.changelog: cleanup.policy is compact,delete and must be compact alone", line["problem"])
        self.assertEqual(watched.get("/readyz").status, 200)
        kafka.configure("watched.changelog", **{"cleanup.policy": "compact"})


class WellAgainWhileItRuns(unittest.TestCase):
    """The last: the look after the mending was a minute ago, or nearly."""

    def test_what_was_mended_is_no_problem_any_more(self):
        wait_until(lambda: problems_watched() == 0, "the mended configuration noticed", 90)


class CarelessBrokers(SetUp):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(other.properties.clear)
        other.properties.update(CARELESS)
        other.restart()
        cls.addClassCleanup(other.kill)

    def test_topics_that_come_into_being_by_themselves(self):
        daemon = self.daemon(other)
        self.create_topics(daemon)
        self.assert_refused(daemon, "Broker 1: auto.create.topics.enable is true, so a misspelt topic would come into being unnoticed. Set "
                                    "auto.create.topics.enable=false in the broker's properties and restart it.", other)

    def test_a_transaction_timeout_that_they_do_not_take(self):
        daemon = self.daemon(other, kafka_transaction_timeout_ms=5500)
        self.create_topics(daemon)
        why = self.why_refused(daemon)
        self.assertIn("Broker 1: transaction.max.timeout.ms is 5000, less than kafka.transaction_timeout_ms = 5500. Lower the setting, or raise the "
                      "broker's property and restart it.", why)
        self.assertFalse(os.path.exists(daemon.settings["data.directory"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
