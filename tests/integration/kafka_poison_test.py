#!/usr/bin/env python3
"""One bad record never stops a partition: records that are small on the wire and large unpacked, that have headers in no known text, that lie
in the wrong place, that came to the reference data while nobody ran. Each is set aside once and what comes after it goes on, on a real
Kafka."""
import json
import signal
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request
import zlib

import events as e
import season as seasons
from daemon import Daemon, program, run, wait_until
from kafka import Kafka
from ports import free_ports
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

PARTITIONS = 4
SEND_S = 30
READ_S = 30
# Past what resultsd writes as one record, within what a broker takes once it is packed.
LARGE = 9 << 20

kafka = None


def setUpModule():
    global kafka
    kafka = Kafka()
    unittest.addModuleCleanup(kafka.stop)
    kafka.start()


class Records(unittest.TestCase):
    """A daemon and its topics for each class, a centre for each test."""
    prefix = None
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.instance("one")
        done = run("resultsctl", "topics", "create", "--config", cls.daemon.config())
        assert done.returncode == 0, done.stderr
        cls.producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random", "compression.type": "zstd",
                                 "message.max.bytes": 200_000_000, "queue.buffering.max.kbytes": 1 << 20, "log_level": 0})
        cls.centres = iter(range(91001, 99999))
        cls.daemon.start()
        for event in e.reference(centres=()):
            cls.send("reference", event["id"], event)

    @classmethod
    def instance(cls, name, **more):
        made = Daemon({"kafka.bootstrap_servers": kafka.bootstrap, "kafka.topic_prefix": cls.prefix, "kafka.group": cls.prefix + "group",
                       "kafka.instance": name, "partitions": PARTITIONS, **cls.settings, **more})
        cls.addClassCleanup(made.__exit__)
        return made

    @classmethod
    def send(cls, topic, key, value, headers=(), **where):
        """Where the record came to lie: (topic, partition, offset)."""
        if isinstance(value, dict):
            headers = [*headers, ("content-type", "application/json")]
            value = json.dumps(value).encode()
        sent = []
        cls.producer.produce(cls.prefix + topic, value, key, headers=list(headers),
                             on_delivery=lambda error, record: sent.append((error, record)), **where)
        cls.producer.flush(SEND_S)
        ((error, record),) = sent
        assert error is None, error
        return record.topic(), record.partition(), record.offset()

    def centre(self):
        name = str(next(self.centres))
        self.send("reference", name, e.event("2023-01-02T09:00:00Z", "centreDefined", {"centre": name, "name": "School", "country": "England"}))
        return name

    def register(self, learner, centre):
        return self.send("registrations", centre, e.registered(learner, centre=centre))

    def assert_goes_on(self, centre, learner="AFTER"):
        """What comes now is applied, and the daemon is ready."""
        self.register(learner, centre)
        path = f"/v1/entries/{centre}/{e.PATH_QUALIFICATION}/{e.SERIES}/{learner}"
        wait_until(lambda: self.daemon.get(path).status == 200, f"{learner} applied")
        self.assertEqual(self.daemon.get("/readyz").status, 200)

    def read(self, topic):
        """Everything committed in a topic: (key, value, headers, partition)."""
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "isolation.level": "read_committed",
                             "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 50, "log_level": 0})
        partitions = kafka.topics()[self.prefix + topic]
        consumer.assign([TopicPartition(self.prefix + topic, partition, 0) for partition in range(partitions)])
        found, ended, until = [], set(), time.monotonic() + READ_S
        while len(ended) < partitions:
            self.assertLess(time.monotonic(), until, f"{topic} could not be read to its end")
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                self.assertEqual(message.error().code(), KafkaError._PARTITION_EOF)
                ended.add(message.partition())
                continue
            found.append((message.key(), message.value(), dict(message.headers() or []), message.partition()))
        consumer.close()
        return found

    def rejected(self, place):
        """The rejected record that came from there, which is one: (value, headers). Waits for it."""
        topic, partition, offset = place
        own = {"__streams.errors.topic": topic.encode(), "__streams.errors.partition": b"%d" % partition,
               "__streams.errors.offset": b"%d" % offset}
        found = wait_until(lambda: [record for record in self.read("rejected") if own.items() <= record[2].items()], f"{place} rejected")
        self.assertEqual(len(found), 1, place)
        return found[0][1], found[0][2]

    def kept(self, headers):
        """The record as the daemon shows it."""
        reply = self.daemon.get("/v1/rejected/" + headers["vtq.id"].decode())
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()


class TooLarge(Records):
    prefix = "large."

    def assert_set_aside(self, place, bytes_least, value, rule="record-bytes-max"):
        """By its coordinates: its beginning is kept, and what it was like."""
        head, headers = self.rejected(place)
        self.assertEqual(headers["vtq.rule"].decode(), rule)
        self.assertEqual(head, value[:len(head)])
        self.assertGreaterEqual(int(headers["vtq.whole_bytes"]), bytes_least)
        shown = self.kept(headers)
        self.assertEqual(shown["origin"], {"topic": place[0], "partition": place[1], "offset": place[2]})
        self.assertEqual(headers["vtq.value_crc32"].decode(), f"{zlib.crc32(value):08x}")
        # Over HTTP no checksum is shown: the value may hold a grade, which it would tell.
        self.assertEqual(shown["whole"], {"bytes": int(headers["vtq.whole_bytes"]), "valueBytes": len(value)})
        for part in (place[0], f"partition {place[1]}", f"offset {place[2]}"):
            self.assertIn(part, shown["message"])
        return headers["vtq.id"].decode()

    def test_a_value_that_is_large_once_unpacked(self):
        centre = self.centre()
        value = b"x" * LARGE
        name = self.assert_set_aside(self.send("registrations", centre, value), LARGE, value)
        self.assert_goes_on(centre)
        # It cannot go back, and that is said.
        replay = self.daemon.post(f"/v1/rejected/{name}/replay")
        self.assertEqual((replay.status, replay.json()["rule"]), (409, "rejected-whole"))
        redrive = run("resultsctl", "rejected", "redrive", "--config", self.daemon.config(), "--id", name)
        self.assertEqual(redrive.returncode, 1, redrive.stderr)
        self.assertIn(f"Record {name} cannot be redriven: only its beginning was kept", redrive.stdout)
        # What is to stand in its place can.
        self.send("registrations", centre, value)
        mended = self.daemon.request("POST", f"/v1/rejected/{name}/replay", json.dumps(e.registered("MENDED", centre=centre)),
                                     {"Content-Type": "application/json"})
        self.assertEqual(mended.status, 200, mended.body)

    def test_headers_that_are_large_once_unpacked(self):
        centre = self.centre()
        place = self.send("registrations", centre, e.registered("HEADERS", centre=centre), [("note", "y" * LARGE)])
        self.assert_set_aside(place, LARGE, self.value_at(place))
        self.assert_goes_on(centre)

    def test_a_key_that_is_large_once_unpacked(self):
        centre = self.centre()
        place = self.send("registrations", "9" * LARGE, b"z")
        self.assert_set_aside(place, LARGE, b"z")
        self.assert_goes_on(centre)

    def test_many_small_headers(self):
        centre = self.centre()
        self.assert_set_aside(self.send("registrations", centre, b"z", [("name", "value")] * 90_000), 900_000, b"z")
        # So many that no client shows them.
        self.assert_set_aside(self.send("registrations", centre, b"z", [("n", "")] * 100_001), 1, b"z", "record-headers-max")
        self.assert_goes_on(centre)

    def test_a_record_that_no_client_unpacks(self):
        centre = self.centre()
        place = self.send("registrations", centre, bytes(120_000_000))  # above receive.message.max.bytes
        behind = self.register("BEHIND", centre)
        self.assertEqual(behind[1:], (place[1], place[2] + 1))
        value, headers = self.rejected(place)
        self.assertEqual((value, headers["vtq.rule"]), (b"", b"record-unreadable"))
        self.assert_goes_on(centre, "BEHIND")
        place = self.send("reference", "some id", bytes(120_000_000))
        self.assertEqual(self.rejected(place)[1]["vtq.rule"], b"record-unreadable")
        other = self.centre()
        self.assert_goes_on(other)

    def test_reference_data_that_are_large_once_unpacked(self):
        centre = self.centre()
        value = b"x" * LARGE
        self.assert_set_aside(self.send("reference", "some id", value), LARGE, value)
        self.assert_goes_on(centre)

    def test_what_is_too_large_to_be_moved_is_rejected_with_its_right_place(self):
        centre = self.centre()
        _, right, _ = self.register("RIGHT", centre)
        place = self.send("registrations", centre, e.registered("MOVED", centre=centre), [("note", "y" * 1_500_000)], partition=(right + 1) % PARTITIONS)
        value, headers = self.rejected(place)
        self.assertEqual((headers["vtq.rule"], headers["note"]), (b"record-placement", b"y" * 1_500_000))
        self.assertIn(f"partition {right} of large.registrations", headers["__streams.errors.message"].decode())
        self.assertEqual(value, self.value_at(place))
        self.assert_goes_on(centre)

    def test_what_came_over_http_and_is_too_large(self):
        centre = self.centre()
        body = b'{"id":"' + b"h" * (3 << 20) + b'"}'
        answer = self.daemon.post("/v1/events", body)
        self.assertEqual((answer.status, answer.json()["rule"]), (422, "event-bytes-max"))
        shown = self.daemon.get("/v1/rejected/" + answer.json()["rejectedId"]).json()
        self.assertEqual((shown["origin"], set(shown["whole"]), shown["whole"]["valueBytes"]), (None, {"bytes", "valueBytes"}, len(body)))
        self.assert_goes_on(centre)

    def value_at(self, place):
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "enable.auto.commit": False, "log_level": 0})
        consumer.assign([TopicPartition(*place)])
        message = wait_until(lambda: consumer.poll(0.2), f"{place} read")
        consumer.close()
        return message.value()


class NoText(Records):
    prefix = "bytes."

    def produce_raw(self, topic, centre, value, header):
        """By kcat, which takes a header's name as it is."""
        command = [b"kcat", b"-P", b"-b", kafka.bootstrap.encode(), b"-X", b"topic.partitioner=murmur2_random", b"-t",
                   (self.prefix + topic).encode(), b"-k", centre.encode(), b"-H", header]
        subprocess.run(command, input=value, check=True, timeout=SEND_S)

    def newest(self, rule):
        def found():
            reply = self.daemon.get("/v1/rejected", limit=1)
            self.assertEqual(reply.status, 200, reply.body)
            listed = reply.json()["rejected"]
            return listed and listed[0]["rule"] == rule and listed[0]
        return wait_until(found, f"{rule} listed")

    def restart(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()

    def test_a_header_name_that_is_not_utf_8_is_kept_as_it_is(self):
        centre = self.centre()
        self.produce_raw("registrations", centre, b"garbage", b"\xff\xfename=1")
        shown = self.newest("protobuf-form")
        self.assertEqual(self.daemon.get("/v1/rejected/" + shown["id"]).status, 200)
        self.restart()
        self.assertEqual(self.newest("protobuf-form")["id"], shown["id"])
        self.assert_goes_on(centre)

    def test_an_attribute_that_is_not_utf_8_is_rejected_and_can_be_read(self):
        centre = self.centre()
        event = {name: value for name, value in e.registered("ATTRIBUTE", centre=centre).items() if name != "id"}
        headers = [("ce_specversion", "1.0"), ("ce_id", b"\xff\xfe"), ("ce_type", "vtq.v1.Event"), ("ce_source", "test")]
        self.send("registrations", centre, event, headers)
        shown = self.newest("event-id")
        self.assertEqual(shown["value"], "??")
        self.restart()
        self.assertEqual(self.newest("event-id")["id"], shown["id"])
        self.assert_goes_on(centre)

    def test_an_instances_name_that_is_not_utf_8_is_passed_over(self):
        self.producer.produce(self.prefix + "instances", json.dumps({"url": "http://127.0.0.1:1", "partitions": [0, 1, 2, 3]}), b"\xff\xfe")
        self.producer.flush(SEND_S)
        centre = self.centre()
        self.assert_goes_on(centre)
        self.restart()
        self.assertEqual([one["instance"] for one in self.daemon.get("/v1/instances").json()["instances"]], ["one"])


class WhileNobodyRan(Records):
    prefix = "nobody."

    def test_what_is_wrong_or_misplaced_in_the_reference_data_is_treated_as_if_somebody_had_run(self):
        places, learners = [], []
        for number in range(3):
            centre = self.centre()
            self.assert_goes_on(centre, f"BEFORE-{number}")
            self.assertEqual(self.daemon.stop(signal.SIGKILL if number == 1 else signal.SIGTERM), -9 if number == 1 else 0)
            places.append(self.send("reference", "some id", b"\xff\xfe\x00garbage"))
            # A registration among the reference data belongs elsewhere.
            self.send("reference", centre, e.registered(f"MISPLACED-{number}", centre=centre))
            learners.append((centre, f"MISPLACED-{number}"))
            places.append(self.send("reference", "another id", b"\xff\xfe\x00garbage"))
            other = self.centre()  # a right one behind them
            self.daemon.start()
            self.assert_goes_on(other)
            for place in places:
                self.rejected(place)
            for where, learner in learners:
                path = f"/v1/entries/{where}/{e.PATH_QUALIFICATION}/{e.SERIES}/{learner}"
                wait_until(lambda: self.daemon.get(path).status == 200, f"{learner} moved and applied")
        moved = [key for key, _, headers, _ in self.read("registrations") if "vtq-routed" in headers]
        self.assertEqual(sorted(moved), sorted(centre.encode() for centre, _ in learners))


class WithoutPartitions(Records):
    prefix = "single."
    settings = {"partitions": 1, "kafka.request_wait_ms": 2000}

    def test_an_instance_without_partitions_answers_wrong_events_and_right_ones(self):
        second = self.instance("two").start()

        def shares():
            return {one["instance"]: one["partitions"] for one in second.get("/v1/instances").json()["instances"]}

        wait_until(lambda: sorted(map(len, shares().values())) == [0, 1] and len(shares()) == 2, "one of two has the partition")
        idle = second if not shares()["two"] else self.daemon
        centre = self.centre()
        for number in range(3):
            answer = idle.post("/v1/events", '{"id": "unreadable"')
            self.assertEqual((answer.status, answer.json()["rule"]), (422, "json-form"))
            self.assertEqual(idle.get("/v1/rejected/" + answer.json()["rejectedId"]).status, 200)
            self.assertEqual(idle.post("/v1/events", json.dumps(e.registered(f"RIGHT-{number}", centre=centre))).status, 200)
        self.assert_goes_on(centre)
        self.assertEqual(second.stop(), 0)


class AtStart(unittest.TestCase):
    def test_it_can_be_stopped_while_it_waits_for_the_first_answer_of_a_broker(self):
        daemon = Daemon({"kafka.bootstrap_servers": f"127.0.0.1:{free_ports(1)}"})
        self.addCleanup(daemon.__exit__)
        with open(daemon.directory + "/log", "ab") as log:
            daemon.process = subprocess.Popen([program("resultsd"), "--config", daemon.config()], stderr=log, env=daemon.environment)
        wait_until(lambda: any(line["message"] == "waiting for Kafka" for line in daemon.log()), "it waits")
        began = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)


class AtTheEnd(Records):
    prefix = "end."
    settings = {"http.stop_seconds_max": 1}

    def test_a_post_that_is_under_way_while_brokers_are_away_does_not_hurt_the_end(self):
        kafka.pause()
        answers = []
        event = json.dumps(e.registered("UNDER-WAY", centre="90001")).encode()

        def post():
            try:
                with urllib.request.urlopen(urllib.request.Request(self.daemon.url + "/v1/events", event, {"Content-Type": "application/json"})) as reply:
                    answers.append(reply.status)
            except urllib.error.HTTPError as error:
                answers.append(error.code)
            except OSError as error:
                answers.append(type(error).__name__)

        def under_way():
            text = self.daemon.get("/metrics", accept="text/plain").body.decode()
            return seasons.metric(text, "vtq_queue_bytes") > 0

        try:
            thread = threading.Thread(target=post)
            thread.start()
            wait_until(under_way, "the post is under way")
            self.daemon.close()
            self.daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.daemon.process.wait(60), 0)
            thread.join(10)
        finally:
            kafka.resume()
        self.assertEqual(len(answers), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
