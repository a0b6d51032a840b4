#!/usr/bin/env python3
"""`resultsctl rejected redrive` against a real Kafka: what goes, what it looks like, and that it goes exactly once, whatever is killed when."""
import collections
import json
import re
import signal
import subprocess
import time
import unittest

from daemon import environment, program, run, wait_until
from kafka import Kafka
from ports import free_ports
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

PARTITIONS = 3
READ_S = 30
EVENT = {"id": "c-1", "source": "portal", "occurredAt": "2023-08-08T12:30:00Z",
         "claimSubmitted": {"entry": {"centre": "36541", "qualification": "693/6917/3", "series": "2023-08", "learner": "B0046488"},
                            "grade": {"scale": "pass-fail", "value": "PASS"}}}

kafka = None


def setUpModule():
    global kafka
    kafka = Kafka()
    unittest.addModuleCleanup(kafka.stop)
    kafka.start()


Record = collections.namedtuple("Record", "partition offset key value headers")


def dead_letter(number, rule="centre-known", field="claimSubmitted.entry.centre", topic=None, key="36541", value=None, headers=(),
                rejected_at="2023-08-08T12:00:00.000Z", record_id=None):
    """A rejected record as resultsd writes it: (key, value, headers). `topic` None: it came over HTTP."""
    own = [(name, text) for name, text in headers]
    own += [("__streams.errors.exception", "vtq.RecordRejected"), ("__streams.errors.message", "No."),
            ("__streams.errors.stacktrace", f"at {rule}({field})")]
    if topic:
        own += [("__streams.errors.topic", topic), ("__streams.errors.partition", "0"), ("__streams.errors.offset", str(number))]
    own += [("vtq.field", field), ("vtq.rule", rule), ("vtq.value", "99999"), ("vtq.id", record_id or f"r-{number}"),
            ("vtq.rejected_at", rejected_at)]
    return key, f"value {number}".encode() if value is None else value, own


class Redrive(unittest.TestCase):
    """Each test has topics of its own."""

    def setUp(self):
        self.prefix = self.id().rpartition(".")[2].replace("test_", "") + "."
        self.claims, self.rejected, self.redriven = (self.prefix + name for name in ("claims", "rejected", "redriven"))
        for name in ("registrations", "claims", "assurance", "rejected"):
            kafka.create(self.prefix + name, PARTITIONS)
        kafka.create(self.redriven, **{"cleanup.policy": "compact"})

    def settings(self, **more):
        given = {"kafka_bootstrap_servers": kafka.bootstrap, "kafka_topic_prefix": self.prefix, "kafka_group": self.prefix + "group",
                 "partitions": PARTITIONS, "kafka_broker_wait_seconds": 20, **more}
        return {**{f"RESULTSD_{name.upper()}": str(value) for name, value in given.items()}, "USER": "tester"}

    def resultsctl(self, *arguments, **more):
        return run("resultsctl", *arguments, **self.settings(**more))

    def redrive(self, *arguments, code=0, **more):
        """Standard output; the command must end with `code`."""
        done = self.resultsctl("rejected", "redrive", *arguments, **more)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.said = done.stderr
        return done.stdout

    def start(self, *arguments):
        process = subprocess.Popen([program("resultsctl"), "rejected", "redrive", *map(str, arguments)], env=environment(**self.settings()),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def reject(self, letters, abort=False):
        """Writes rejected records in transactions, as resultsd does, spread over the partitions."""
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": self.prefix + "rejects", "log_level": 0})
        producer.init_transactions(READ_S)
        letters = list(letters)
        for first in range(0, len(letters), 100):
            producer.begin_transaction()
            for at, (key, value, headers) in enumerate(letters[first:first + 100]):
                producer.produce(self.rejected, value, key, partition=at % PARTITIONS, headers=headers)
            producer.abort_transaction(READ_S) if abort else producer.commit_transaction(READ_S)

    def read(self, topic):
        """Everything committed in a topic."""
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "isolation.level": "read_committed",
                             "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 50, "log_level": 0})
        raw = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "isolation.level": "read_uncommitted", "log_level": 0})
        ends = {partition: raw.get_watermark_offsets(TopicPartition(topic, partition), timeout=READ_S)[1] for partition in range(kafka.topics()[topic])}
        raw.close()
        consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
        found, until = [], time.monotonic() + READ_S
        ends = {partition: end for partition, end in ends.items() if end > 0}
        while ends:
            self.assertLess(time.monotonic(), until, f"{topic} could not be read to its end")
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                self.assertEqual(message.error().code(), KafkaError._PARTITION_EOF)
                if message.offset() >= ends.get(message.partition(), 1 << 62):
                    del ends[message.partition()]
                continue
            found.append(Record(message.partition(), message.offset(), message.key(), message.value(), message.headers() or []))
            if message.offset() + 1 >= ends.get(message.partition(), 1 << 62):
                del ends[message.partition()]
        consumer.close()
        return found

    def sent(self, topic=None):
        """Ids of what was redriven to the topic."""
        return sorted(dict(record.headers)["vtq-redriven"].decode() for record in self.read(topic or self.claims))

    def audits(self):
        return {record.key.decode(): json.loads(record.value) for record in self.read(self.redriven)}

    def assert_each_once(self, ids):
        """Each of these records stands once in the source topic, with an audit that says where; nothing else does."""
        self.assertEqual(self.sent(), sorted(ids))
        records = self.read(self.redriven)
        self.assertEqual(sorted(record.key.decode() for record in records), sorted(ids))
        places = {dict(record.headers)["vtq-redriven"].decode(): (record.partition, record.offset) for record in self.read(self.claims)}
        for name, audit in self.audits().items():
            self.assertEqual((audit["id"], audit["topic"], (audit["partition"], audit["offset"])), (name, self.claims, places[name]))

    # What goes, and how it looks.

    def test_a_record_goes_back_as_its_publisher_wrote_it(self):
        own = [("traceparent", b"00-1"), ("traceparent", b"00-2"), ("vtq.id", b"its own"), ("binary", b"\x00\xff"), ("empty", b"")]
        self.reject([dead_letter(1, topic=self.claims, key="36541", value=b"\x00\x01 bytes", headers=own),
                     dead_letter(2, topic=self.claims, key=None, value=b""),
                     dead_letter(3, topic=self.claims, key="", headers=[("vtq-redriven", "r-0"), ("vtq-routed", "1")])])
        self.assertEqual(self.redrive(), f"3 records redriven: 3 to {self.claims}.\n")
        self.assertEqual(self.said, "3 records match of 3 rejected. 3 are to go.\n")
        found = {dict(record.headers)["vtq-redriven"].decode(): record for record in self.read(self.claims)}
        self.assertEqual(found["r-1"][2:], (b"36541", b"\x00\x01 bytes", [*own, ("vtq-redriven", b"r-1")]))
        self.assertEqual(found["r-2"][2:4], (None, b""))
        self.assertEqual(found["r-3"][2:], (b"", b"value 3", [("vtq-redriven", b"r-3")]))

    def test_a_key_decides_the_partition_as_for_any_publisher(self):
        centres = [str(centre) for centre in range(36541, 36571)]
        self.reject(dead_letter(at, topic=self.claims, key=centre) for at, centre in enumerate(centres))
        self.redrive()
        publisher = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random", "log_level": 0})
        placed = {}
        for centre in centres:
            publisher.produce(self.prefix + "registrations", b"x", centre, on_delivery=lambda _, sent: placed.update({sent.key(): sent.partition()}))
        publisher.flush(READ_S)
        self.assertEqual({record.key: record.partition for record in self.read(self.claims)}, placed)
        self.assertEqual(set(placed.values()), set(range(PARTITIONS)))

    def test_each_filter_chooses_what_it_names(self):
        self.reject([dead_letter(1, topic=self.claims), dead_letter(2, topic=self.claims, rule="uln-form", field="registered.uln"),
                     dead_letter(3, topic=self.prefix + "assurance"), dead_letter(4, topic=self.claims, key="36542"),
                     dead_letter(5, topic=self.claims, rejected_at="2023-08-09T00:00:00.000Z"), dead_letter(6, topic=self.claims, key=None)])

        def chosen(*arguments):
            out = self.redrive("--dry-run", *arguments)
            return sorted(re.findall(r"^(r-\d+) ", out, re.M))

        everything = [f"r-{number}" for number in range(1, 7)]
        self.assertEqual(chosen(), everything)
        self.assertEqual(chosen("--rule", "uln-form"), ["r-2"])
        self.assertEqual(chosen("--field", "registered.uln"), ["r-2"])
        self.assertEqual(chosen("--topic", "assurance"), ["r-3"])
        self.assertEqual(chosen("--topic", self.prefix + "assurance"), ["r-3"])
        self.assertEqual(chosen("--centre-key", "36542"), ["r-4"])
        self.assertEqual(chosen("--id", "r-6", "--id", "r-1"), ["r-1", "r-6"])
        self.assertEqual(chosen("--since", "2023-08-09T00:00:00Z"), ["r-5"])
        self.assertEqual(chosen("--since", "2023-08-09T01:00:00+01:00"), ["r-5"])
        self.assertEqual(chosen("--until", "2023-08-09T00:00:00Z"), [name for name in everything if name != "r-5"])
        self.assertEqual(chosen("--rule", "centre-known", "--topic", "claims", "--centre-key", "36541"), ["r-1", "r-5"])
        self.assertEqual(chosen("--rule", "no-such"), [])
        self.assertEqual((self.sent(), self.read(self.redriven)), ([], []))
        self.redrive("--rule", "uln-form", "--who", "A. Person")
        self.assert_each_once(["r-2"])
        audit = self.audits()["r-2"]
        self.assertRegex(audit["at"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual((audit["who"], audit["filter"]), ("A. Person", {"rule": "uln-form"}))

    def test_a_dry_run_says_what_would_go_and_sends_nothing(self):
        self.reject([dead_letter(1, topic=self.claims)])
        out = self.redrive("--dry-run")
        self.assertRegex(out, rf"(?m)^r-1 +2023-08-08T12:00:00\.000Z +centre-known +claimSubmitted\.entry\.centre +{self.claims}\n1 record would be redriven\.$")
        self.assertNotIn("value 1", out)
        self.assertEqual((self.sent(), self.read(self.redriven)), ([], []))

    def test_what_went_before_is_left_out_until_its_audit_is_taken_back(self):
        self.reject(dead_letter(number, topic=self.claims) for number in range(5))
        self.redrive("--limit", 2)
        self.assertEqual(self.said, "5 records match of 5 rejected; 3 are beyond --limit. 2 are to go.\n")
        self.redrive()
        self.assertEqual(self.said, "5 records match of 5 rejected; 2 went before. 3 are to go.\n")
        self.assertEqual(self.redrive(), "0 records redriven.\n")
        self.assert_each_once([f"r-{number}" for number in range(5)])
        self.assertEqual({audit["who"] for audit in self.audits().values()}, {"tester"})
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        producer.produce(self.redriven, None, "r-3")
        producer.flush(READ_S)
        self.assertEqual(self.redrive(), f"1 record redriven: 1 to {self.claims}.\n")
        self.assertEqual(self.sent().count("r-3"), 2)

    def test_the_limit_takes_the_oldest(self):
        self.reject(dead_letter(number, topic=self.claims, rejected_at=f"2023-08-08T12:00:{59 - number:02}.000Z") for number in range(20))
        self.redrive("--limit", 3)
        self.assert_each_once(["r-17", "r-18", "r-19"])

    def test_of_one_id_one_goes(self):
        self.reject([dead_letter(1, topic=self.claims), dead_letter(2, topic=self.claims, record_id="r-1")])
        self.redrive()
        self.assertEqual(self.said, "2 records match of 2 rejected; 1 bear the id of another. 1 is to go.\n")
        self.assert_each_once(["r-1"])

    def test_what_was_rolled_back_was_never_rejected(self):
        self.reject((dead_letter(number, topic=self.claims) for number in range(10)), abort=True)
        self.reject([dead_letter(10, topic=self.claims)])
        self.reject((dead_letter(number, topic=self.claims) for number in range(11, 20)), abort=True)
        self.redrive()
        self.assert_each_once(["r-10"])

    def test_what_came_over_http_goes_where_it_belongs(self):
        self.reject([dead_letter(1, key=None, value=json.dumps(EVENT).encode(), headers=[("content-type", "application/json")]),
                     dead_letter(2, key=None, value=b"{", headers=[("content-type", "application/json")])])
        out = self.redrive(code=1)
        self.assertEqual(out, f"1 record redriven: 1 to {self.claims}.\nRecord r-2 cannot be redriven: it came over HTTP and is still wrong: mend it and "
                              "replay it with resultsctl rejected replay.\n")
        (record,) = self.read(self.claims)
        self.assertEqual((record.key, json.loads(record.value)), (b"36541", EVENT))
        self.assertEqual(record.headers, [("content-type", b"application/json"), ("vtq-redriven", b"r-1")])

    def test_only_input_topics_are_written_to(self):
        self.reject([dead_letter(1, topic=self.redriven), dead_letter(2, topic="elsewhere")])
        out = self.redrive(code=1)
        self.assertIn(f"Record r-1 cannot be redriven: it came from {self.redriven}, which is no input topic", out)
        self.assertIn("Record r-2 cannot be redriven: it came from elsewhere", out)
        self.assertEqual(self.read(self.redriven), [])

    # What is wrong.

    def test_wrong_words_are_said_to_be_wrong(self):
        for arguments, message in [(["--topic", "claim"], "--topic claim is no input topic; give one of reference, registrations"),
                                   (["--since", "yesterday"], "--since yesterday is no time; give RFC 3339"),
                                   (["--until", "2023-08-08"], "--until 2023-08-08 is no time")]:
            self.redrive(*arguments, code=2)
            self.assertIn(message, self.said)
        self.redrive(code=2, kafka_bootstrap_servers="")
        self.assertIn("kafka.bootstrap_servers is empty", self.said)
        self.redrive(code=2, kafka_group_of="x")
        self.assertIn("There is no such setting", self.said)

    def test_a_missing_topic_is_named_before_anything_goes(self):
        self.reject([dead_letter(1, topic=self.claims), dead_letter(2, topic=self.prefix + "assurance")])
        kafka.delete(self.prefix + "assurance")
        self.redrive(code=1)
        self.assertIn(f"there is no topic {self.prefix}assurance", self.said)
        self.assertEqual((self.sent(), self.read(self.redriven)), ([], []))

    def test_brokers_that_are_away_are_named(self):
        nobody_listens = f"127.0.0.1:{free_ports()}"
        self.redrive(code=1, kafka_bootstrap_servers=nobody_listens, kafka_broker_wait_seconds=2)
        self.assertIn(f"no broker answers at kafka.bootstrap_servers = {nobody_listens}", self.said)

    # Exactly once.

    def test_killed_at_any_point_it_loses_nothing_and_sends_nothing_twice(self):
        ids = [f"r-{number}" for number in range(600)]
        self.reject(dead_letter(number, topic=self.claims, key=str(36541 + number % 50)) for number in range(600))
        went = []
        for kill in range(6):
            process = self.start("--rate", 40)
            wait_until(lambda: len(self.read(self.redriven)) > len(went), "more were redriven", 60)
            time.sleep(0.13 * kill)
            process.send_signal(signal.SIGKILL)
            process.wait()
            went = self.sent()
            self.assertEqual(len(went), len(set(went)))
            self.assertLess(len(went), 600)
        self.redrive()
        self.assertIn(f"{600 - len(went)} are to go", self.said)
        self.assert_each_once(ids)

    def test_a_portion_whose_transaction_is_open_when_it_is_killed_goes_with_the_next_run(self):
        self.reject(dead_letter(number, topic=self.claims) for number in range(2000))
        # Without a rate most of the time passes within transactions.
        for delay in (0.02, 0.05, 0.08, 0.11):
            process = self.start()
            process.stderr.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.redrive()
        self.assert_each_once([f"r-{number}" for number in range(2000)])

    def test_a_second_redrive_stops_the_first_and_each_goes_once(self):
        self.reject(dead_letter(number, topic=self.claims) for number in range(400))
        first = self.start("--rate", 50)
        wait_until(lambda: self.read(self.redriven), "some were redriven", 60)
        self.redrive()
        out, said = first.communicate(timeout=60)
        self.assertEqual((first.returncode, out), (1, ""))
        self.assertIn(f"Another redrive of the group {self.prefix}group was started, which stopped this one.", said)
        self.assertRegex(said, r"\d+ records went")
        self.assert_each_once([f"r-{number}" for number in range(400)])

    def test_a_dry_run_leaves_a_redrive_alone(self):
        self.reject(dead_letter(number, topic=self.claims) for number in range(100))
        first = self.start("--rate", 50)
        wait_until(lambda: self.read(self.redriven), "some were redriven", 60)
        self.redrive("--dry-run")
        out, _ = first.communicate(timeout=60)
        self.assertEqual((first.returncode, out), (0, f"100 records redriven: 100 to {self.claims}.\n"))

    def test_the_rate_is_kept(self):
        self.reject(dead_letter(number, topic=self.claims) for number in range(60))
        started = time.monotonic()
        self.redrive("--rate", 20)
        self.assertGreater(time.monotonic() - started, 60 / 20 - 0.6)
        self.assert_each_once([f"r-{number}" for number in range(60)])

    def test_a_broker_that_is_killed_costs_nothing(self):
        self.reject(dead_letter(number, topic=self.claims) for number in range(300))
        first = self.start("--rate", 60)
        wait_until(lambda: self.read(self.redriven), "some were redriven", 60)
        kafka.restart()
        first.communicate(timeout=120)
        self.redrive()
        self.assert_each_once([f"r-{number}" for number in range(300)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
