#!/usr/bin/env python3
"""`resultsctl topics` against a real Kafka: topics are made as they must be, and each wrong set-up has its one message."""
import os
import subprocess
import tempfile
import unittest

from daemon import run
from kafka import Kafka
from ports import free_ports

PORT = free_ports(10)
SASL_PORT = PORT + 4
NOBODY_LISTENS = f"127.0.0.1:{PORT + 9}"
PASSWORD = "correct-horse"
PARTITIONS = 3
BY_CENTRE = ["registrations", "checkpoints", "assessments", "claims", "assurance", "commands", "entry-status", "result-batches",
             "notifications", "rejected", "audit", "changelog"]
SINGLE = ["reference", "instances", "redriven"]
# A broker with a listener of each kind.
PROPERTIES = {
    "listeners": f"PLAINTEXT://127.0.0.1:{PORT},CONTROLLER://127.0.0.1:{PORT + 1},SASL_PLAINTEXT://127.0.0.1:{SASL_PORT}",
    "advertised.listeners": f"PLAINTEXT://127.0.0.1:{PORT},SASL_PLAINTEXT://127.0.0.1:{SASL_PORT}",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.sasl_plaintext.plain.sasl.jaas.config":
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_resultsd="{PASSWORD}";',
}
# A broker on which nothing was set up with care.
CARELESS = {"auto.create.topics.enable": "true", "transaction.max.timeout.ms": 5000, "group.max.session.timeout.ms": 9000}

kafka = None


def setUpModule():
    global kafka
    kafka = Kafka(port=PORT, properties=PROPERTIES)
    unittest.addModuleCleanup(kafka.stop)
    kafka.start()


class Topics(unittest.TestCase):
    """Each test has topics of its own."""

    def setUp(self):
        self.prefix = self.id().rpartition(".")[2].replace("test_", "") + "."
        self.bootstrap = kafka.bootstrap

    def resultsctl(self, *arguments, **settings):
        given = {"kafka_bootstrap_servers": self.bootstrap, "kafka_topic_prefix": self.prefix, "partitions": PARTITIONS,
                 "kafka_broker_wait_seconds": 20, **settings}
        return run("resultsctl", "topics", *arguments, **{f"RESULTSD_{name.upper()}": str(value) for name, value in given.items()})

    def right(self, *arguments, **settings):
        done = self.resultsctl(*arguments, **settings)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def wrong(self, message, **settings):
        """`check` says this and nothing else."""
        done = self.resultsctl("check", **settings)
        self.assertEqual((done.stderr, done.stdout, done.returncode), (message + "\n", "", 1))

    def configure(self, topic, name, value):
        return f"run kafka-configs.sh --bootstrap-server {self.bootstrap} --alter --topic {self.prefix}{topic} --add-config {name}={value}."


class RightSetUp(Topics):
    def test_what_create_makes_is_right(self):
        self.assertIn("15 created.", self.right("create"))
        made = {name.removeprefix(self.prefix): count for name, count in kafka.topics().items() if name.startswith(self.prefix)}
        self.assertEqual(made, {**{name: PARTITIONS for name in BY_CENTRE}, **{name: 1 for name in SINGLE}})
        said = self.right("check")
        self.assertIn("Topics and brokers are right.", said)
        for name in BY_CENTRE + SINGLE:
            self.assertIn(f"\n{self.prefix}{name} ", said)

    def test_topics_are_configured_for_what_they_hold(self):
        self.right("create")
        season, large = str(400 * 24 * 60 * 60 * 1000), str(8 << 20)
        for name, wanted in {
                "claims": {"cleanup.policy": "delete", "retention.ms": season, "retention.bytes": "-1"},
                "rejected": {"cleanup.policy": "delete", "retention.ms": season, "max.message.bytes": large},
                "result-batches": {"cleanup.policy": "delete", "retention.ms": season, "max.message.bytes": large},
                "changelog": {"cleanup.policy": "compact", "max.message.bytes": large, "delete.retention.ms": str(7 * 24 * 60 * 60 * 1000)},
                "reference": {"cleanup.policy": "compact"},
                "instances": {"cleanup.policy": "compact"},
                "redriven": {"cleanup.policy": "compact"}}.items():
            config = kafka.config(self.prefix + name)
            self.assertLessEqual({**wanted, "message.timestamp.type": "CreateTime", "min.insync.replicas": "1"}.items(), config.items(), name)

    def test_create_again_changes_nothing(self):
        self.right("create")
        kafka.delete(self.prefix + "claims")
        kafka.configure(self.prefix + "changelog", **{"segment.bytes": "1048576"})
        said = self.right("create")
        self.assertRegex(said, rf"{self.prefix}claims +created +3 +1\n")
        self.assertRegex(said, rf"{self.prefix}changelog +was there\n")
        self.assertIn("\n1 created.", said)
        self.assertIn("\n0 created.", self.right("create"))
        self.assertEqual(kafka.config(self.prefix + "changelog")["segment.bytes"], "1048576")

    def test_records_reach_the_topics_and_come_back(self):
        self.right("create")
        topic = self.prefix + "claims"
        for arguments, sent in ((["-P", "-k", "90001"], "a claim\n"), (["-C", "-e", "-q"], "")):
            done = subprocess.run(["kcat", "-b", kafka.bootstrap, "-t", topic, *arguments], input=sent, capture_output=True, text=True,
                                  timeout=30, check=True)
        self.assertEqual(done.stdout, "a claim\n")

    def test_list_says_what_each_must_be_without_brokers(self):
        said = self.right("list", kafka_bootstrap_servers="")
        self.assertRegex(said, rf"{self.prefix}changelog +{PARTITIONS} +cleanup.policy=compact .*max.message.bytes=8388608")
        self.assertRegex(said, rf"{self.prefix}reference +1 +cleanup.policy=compact ")
        self.assertEqual(len(said.splitlines()), 1 + len(BY_CENTRE) + len(SINGLE) + 1)

    def test_a_listener_with_login_is_used(self):
        login = {"kafka_bootstrap_servers": f"127.0.0.1:{SASL_PORT}", "kafka_security_protocol": "sasl_plaintext",
                 "kafka_sasl_mechanism": "PLAIN", "kafka_sasl_username": "resultsd", "kafka_sasl_password": PASSWORD}
        self.right("create", **login)
        self.right("check", **login)


class WrongSetUp(Topics):
    def test_no_broker(self):
        self.wrong(f"resultsctl: Kafka: no broker answers at kafka.bootstrap_servers = {NOBODY_LISTENS} for 1 s (_TRANSPORT: Local: Broker "
                   "transport failure). Check the address and kafka.security_protocol, and that Kafka runs.",
                   kafka_bootstrap_servers=NOBODY_LISTENS, kafka_broker_wait_seconds=1)

    def test_wrong_credentials(self):
        bootstrap = f"127.0.0.1:{SASL_PORT}"
        self.wrong(f"resultsctl: Kafka: the brokers at kafka.bootstrap_servers = {bootstrap} refuse the login. Check kafka.security_protocol, "
                   "kafka.sasl_mechanism, kafka.sasl_username, kafka.sasl_password and the kafka.ssl_ settings.",
                   kafka_bootstrap_servers=bootstrap, kafka_security_protocol="sasl_plaintext", kafka_sasl_mechanism="PLAIN",
                   kafka_sasl_username="resultsd", kafka_sasl_password="wrong")

    def test_missing_topics(self):
        self.right("create")
        kafka.delete(self.prefix + "claims")
        self.wrong(f"Topic {self.prefix}claims is missing: run resultsctl topics create, or mend kafka.topic_prefix.")
        kafka.delete(self.prefix + "changelog")
        self.wrong(f"Topics {self.prefix}claims, {self.prefix}changelog are missing: run resultsctl topics create, or mend "
                   "kafka.topic_prefix.")

    def test_a_check_makes_no_topic(self):
        self.resultsctl("check")
        self.assertEqual([name for name in kafka.topics() if name.startswith(self.prefix)], [])

    def test_unequal_partitions(self):
        self.right("create", partitions=2)
        for name in BY_CENTRE:
            if name not in ("claims", "rejected"):
                kafka.add_partitions(self.prefix + name, 3)
        kafka.add_partitions(self.prefix + "rejected", 4)
        claims = self.prefix + "claims"
        # What has more than it needs does no harm, except among the inputs.
        self.wrong(f"Topic {claims} has 2 partitions, but partitions = 3: run resultsctl topics repair.")
        done = self.resultsctl("repair")
        self.assertIn(f"{claims}\n  wrong   It has 2 partitions, but partitions = 3.\n  repair  It gets 3.", done.stdout)
        self.assertEqual((done.returncode, kafka.topics()[claims]), (1, 2))
        self.right("repair", "--apply")
        self.right("check")
        self.assertEqual(kafka.topics()[claims], 3)

    def test_unequal_partitions_of_inputs(self):
        self.right("create", time_source="event")  # whose inputs are kept for ever, which is right in wall-clock time too
        kafka.add_partitions(self.prefix + "claims", 4)
        self.wrong("\n".join(f"Topic {self.prefix}{name} has 3 partitions, but another input topic has 4: run resultsctl topics repair."
                             for name in BY_CENTRE[:6] if name != "claims"))
        self.wrong(f"Topic {self.prefix}claims has 4 partitions, but partitions = 3, and with time.source = event it must have as many: publish the "
                   "season to topics with another kafka.topic_prefix.", time_source="event")
        self.right("repair", "--apply")
        self.right("check")
        self.assertIn("Nothing to repair.", self.right("repair"))

    def test_another_number_of_partitions_than_the_setting(self):
        self.right("create")
        self.wrong("All topics keyed by centre have 3 partitions, but partitions = 8. Set partitions = 3; a store made with another number "
                   "must be rebuilt from the topics.", partitions=8)

    def test_more_than_one_partition_of_reference(self):
        self.right("create")
        kafka.add_partitions(self.prefix + "reference", 2)
        self.wrong(f"Topic {self.prefix}reference has 2 partitions and must have 1, because every instance reads it whole and in one order: "
                   "copy what it holds, delete it, run resultsctl topics create, and publish it again.")

    def test_compaction_off_on_the_changelog(self):
        self.right("create")
        for policy in ("delete", "compact,delete"):
            kafka.configure(self.prefix + "changelog", **{"cleanup.policy": policy})
            self.wrong(f"Topic {self.prefix}changelog: cleanup.policy is {policy} and must be compact alone, or state that is older than the "
                       f"retention would be lost: {self.configure('changelog', 'cleanup.policy', 'compact')}")

    def test_compaction_off_on_the_directories(self):
        self.right("create")
        for name in ("reference", "instances", "redriven"):
            kafka.configure(self.prefix + name, **{"cleanup.policy": "delete"})
        self.wrong("\n".join(f"Topic {self.prefix}{name}: cleanup.policy is delete and must be compact alone, or what is older than the "
                             f"retention would be lost: {self.configure(name, 'cleanup.policy', 'compact')}"
                             for name in ("reference", "instances", "redriven")))

    def test_compaction_on_for_an_input(self):
        self.right("create")
        kafka.configure(self.prefix + "claims", **{"cleanup.policy": "compact"})
        self.wrong(f"Topic {self.prefix}claims: cleanup.policy is compact and must be delete alone, or a centre's events would be compacted to "
                   f"the last one: {self.configure('claims', 'cleanup.policy', 'delete')}")

    def test_short_retention(self):
        self.right("create")
        kafka.configure(self.prefix + "claims", **{"retention.ms": "604800000"})
        kafka.configure(self.prefix + "changelog", **{"delete.retention.ms": "3600000"})
        self.wrong(f"Topic {self.prefix}claims: retention.ms is 604800000, less than 30 days, so events can be lost before they are read: "
                   f"{self.configure('claims', 'retention.ms', 34560000000)}\n"
                   f"Topic {self.prefix}changelog: delete.retention.ms is 3600000, less than a day, so a store that was away can miss what "
                   f"was deleted: {self.configure('changelog', 'delete.retention.ms', 604800000)}")

    def test_small_messages(self):
        self.right("create")
        kafka.configure(self.prefix + "result-batches", **{"max.message.bytes": "1048588"})
        self.wrong(f"Topic {self.prefix}result-batches: max.message.bytes is 1048588, too little for the largest record of 8388608: "
                   + self.configure("result-batches", "max.message.bytes", 8388608))

    def test_batches_larger_than_a_record(self):
        self.right("create")
        self.wrong("release.batch_results_max = 100000 can make a batch that is larger than a record may be: set it to 32768 at most.",
                   release_batch_results_max=100_000)

    def test_more_replicas_wanted_in_sync_than_there_are(self):
        self.right("create")
        kafka.configure(self.prefix + "claims", **{"min.insync.replicas": "2"})
        self.wrong(f"Topic {self.prefix}claims: min.insync.replicas is 2 of 1, so nothing can be written: "
                   f"{self.configure('claims', 'min.insync.replicas', 1)}")

    def test_session_timeout_below_what_the_brokers_take(self):
        self.right("create")
        self.wrong("Broker 1: group.min.session.timeout.ms is 6000, more than kafka.session_timeout_ms = 5000. Raise the setting, or lower the "
                   "broker's property and restart it.", kafka_session_timeout_ms=5000, kafka_transaction_timeout_ms=4000)


class WrongBroker(Topics):
    @classmethod
    def setUpClass(cls):
        cls.careless = Kafka(properties=CARELESS)
        cls.addClassCleanup(cls.careless.stop)
        cls.careless.start()

    def setUp(self):
        super().setUp()
        self.bootstrap = self.careless.bootstrap

    def test_topics_that_come_into_being_by_themselves(self):
        self.right("create")
        self.wrong("Broker 1: auto.create.topics.enable is true, so a misspelt topic would come into being unnoticed. Set "
                   "auto.create.topics.enable=false in the broker's properties and restart it.",
                   kafka_session_timeout_ms=9000, kafka_transaction_timeout_ms=5000)

    def test_limits_of_the_broker_below_the_settings(self):
        self.right("create")
        done = self.resultsctl("check")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.splitlines()[1:], [
            "Broker 1: transaction.max.timeout.ms is 5000, less than kafka.transaction_timeout_ms = 8000. Lower the setting, or raise the "
            "broker's property and restart it.",
            "Broker 1: group.max.session.timeout.ms is 9000, less than kafka.session_timeout_ms = 10000. Lower the setting, or raise the "
            "broker's property and restart it."])

    def test_a_check_makes_no_topic_even_there(self):
        self.resultsctl("check")
        self.assertEqual([name for name in self.careless.topics() if name.startswith(self.prefix)], [])


class WrongUse(Topics):
    def test_of_the_command_line(self):
        for arguments in ([], ["destroy"], ["check", "--no-such"], ["check", "--config"]):
            done = self.resultsctl(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertNotEqual(done.stderr, "", arguments)

    def test_without_kafka(self):
        done = self.resultsctl("check", kafka_bootstrap_servers="")
        self.assertEqual(done.returncode, 2)
        self.assertIn("kafka.bootstrap_servers is empty", done.stderr)

    def test_of_the_settings(self):
        with tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, "resultsd.toml")
            with open(config, "w", encoding="utf-8") as file:
                file.write('kafka.topic_prefx = "x."\n')
            done = self.resultsctl("check", "--config", config)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, f"{config}:1: There is no setting kafka.topic_prefx. Did you mean kafka.topic_prefix?\n")

    def test_of_a_prefix(self):
        done = self.resultsctl("create", kafka_topic_prefix="no topic ")
        self.assertEqual(done.returncode, 1)
        self.assertIn("creating topic no topic ", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
