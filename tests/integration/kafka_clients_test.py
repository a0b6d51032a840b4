#!/usr/bin/env python3
"""Clients that know the contract and nothing else: they publish in every form that is taken, and read what comes of it, through Debian's
confluent-kafka, kcat and protoc. Of the product only resultsd runs, in the time of the clock, and the command that makes its topics."""
import ast
import collections
import datetime
import functools
import itertools
import json
import os
import re
import subprocess
import time
import unittest
import zlib

import events as e
import season as seasons
from daemon import ROOT, Daemon, wait_until
from kafka import Kafka
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

PREFIX = "clients."
PARTITIONS = 4
SEND_S = 30
REGISTRY_TOPIC = "checkpoints"
TOPICS = {"registered": "registrations", "withdrawn": "registrations", "checkpointAnswered": "checkpoints", "outcomeRecorded": "assessments",
          "claimSubmitted": "claims", "resultDetermined": "claims", "holdPlaced": "assurance", "holdLifted": "assurance",
          "issuingHalted": "commands"}
OUTPUTS = {"entry-status": "EntryStatus", "result-batches": "ResultBatch", "notifications": "Notification", "rejected": None}
ENUMS = {"level", "standing", "answer", "route", "certification", "cause"}

_centres = itertools.count(91001)
kafka = daemon = outputs = None


def setUpModule():
    global kafka, daemon, outputs
    seasons.prefer_release()
    kafka = Kafka()
    unittest.addModuleCleanup(kafka.stop)
    kafka.start()
    daemon = Daemon({"kafka.bootstrap_servers": kafka.bootstrap, "kafka.topic_prefix": PREFIX, "kafka.group": PREFIX + "group",
                     "kafka.instance": "one", "kafka.registry_topics": REGISTRY_TOPIC, "partitions": PARTITIONS})
    unittest.addModuleCleanup(daemon.__exit__)
    seasons.command("resultsctl", "topics", "create", "--config", daemon.config())
    daemon.start()
    outputs = Outputs()
    unittest.addModuleCleanup(outputs.close)
    for event in e.reference(centres=()):
        publisher().publish(event, binary_json, "reference", key=event["id"])


# ---- protobuf, by protoc ----

def text_format(content):
    """An Event in its JSON mapping as protobuf's text format."""
    lines = []
    for name, value in content.items():
        field = re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)
        for one in value if isinstance(value, list) else [value]:
            if name == "occurredAt":
                seconds = int(datetime.datetime.fromisoformat(one.replace("Z", "+00:00")).timestamp())
                lines.append(f"{field} {{ seconds: {seconds} }}")
            elif isinstance(one, dict):
                lines.append(f"{field} {{ {text_format(one)} }}")
            else:
                lines.append(f"{field}: {one if name in ENUMS else json.dumps(one)}")
    return " ".join(lines)


def protoc(task, message, content, file):
    return subprocess.run(["protoc", f"--{task}={message}", "-I", os.path.join(ROOT, "proto"), file], input=content, capture_output=True,
                          check=True).stdout


def encode(message, text, file="vtq/v1/event.proto"):
    return protoc("encode", message, text.encode(), file)


def event_bytes(event):
    return encode("vtq.v1.Event", text_format(event))


def fields(lines):
    """Text format as a dict; what stands more than once is a list."""
    found = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        name, scalar, value = line.partition(": ")
        if not scalar:
            name, value = line.removesuffix(" {"), fields(lines)
        elif value.startswith('"'):
            value = ast.literal_eval("b" + value).decode()
        held = found.setdefault(name, value)
        if held is not value:
            found[name] = [*(held if isinstance(held, list) else [held]), value]
    return found


def decode(message, content):
    file = "vtq/v1/event.proto" if message == "Event" else "vtq/v1/output.proto"
    return fields(iter(protoc("decode", "vtq.v1." + message, content, file).decode().splitlines()))


# ---- the forms of a record: (headers, value) of an event ----

def fact_of(event):
    return next(name for name in event if name not in ("id", "source", "occurredAt"))


def attributes(event):
    fact = fact_of(event)
    return {"specversion": "1.0", "id": event["id"], "source": event["source"], "type": "vtq.v1." + fact[0].upper() + fact[1:],
            "time": event["occurredAt"]}


def binary(event, content_type, value, **changed):
    return [*((f"ce_{name}", text) for name, text in {**attributes(event), **changed}.items()), ("content-type", content_type)], value


def binary_json(event):
    """What stands in the headers need not stand in the event."""
    return binary(event, "application/json", json.dumps({fact_of(event): event[fact_of(event)]}).encode())


def binary_protobuf(event):
    return binary(event, "application/protobuf", event_bytes(event))


def bare_protobuf(event):
    return [], event_bytes(event)


def structured_json(event):
    return [("content-type", "application/cloudevents+json; charset=UTF-8")], json.dumps(
        {**attributes(event), "datacontenttype": "application/json", "data": event}).encode()


def structured_protobuf(event):
    a = attributes(event)
    data = "".join(f"\\{byte:03o}" for byte in event_bytes(event))
    text = (f'id: "{a["id"]}" source: "{a["source"]}" spec_version: "1.0" type: "{a["type"]}" '
            f'attributes {{ key: "time" value {{ ce_timestamp {{ {text_format({"occurredAt": a["time"]})[13:-2]} }} }} }} '
            f'proto_data {{ type_url: "type.googleapis.com/vtq.v1.Event" value: "{data}" }}')
    value = encode("io.cloudevents.v1.CloudEvent", text, "io/cloudevents/v1/cloudevents.proto")
    return [("content-type", "application/cloudevents+protobuf")], value


def registry(event):
    """The wire format of the schema registry: 0, the schema's id, which message of the file (the first), the message."""
    return [], b"\0" + (7).to_bytes(4, "big") + b"\0" + event_bytes(event)


FORMS = [binary_json, binary_protobuf, bare_protobuf, structured_json, structured_protobuf]


# ---- clients ----

class Publisher:
    """confluent-kafka's producer, which leaves the partition to librdkafka's partitioner."""

    def __init__(self, partitioner):
        self.producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": partitioner, "log_level": 0})

    def send(self, topic, key, value, headers=(), **where):
        """Where the record came to lie: (topic, partition, offset)."""
        sent = []
        self.producer.produce(PREFIX + topic, value, key, headers=list(headers),
                              on_delivery=lambda error, record: sent.append((error, record)), **where)
        self.producer.flush(SEND_S)
        ((error, record),) = sent
        assert error is None, error
        return record.topic(), record.partition(), record.offset()

    def publish(self, event, form=binary_json, topic=None, key=None, **where):
        headers, value = form(event)
        content = event[fact_of(event)]
        return self.send(topic or TOPICS[fact_of(event)], key or content.get("centre") or content["entry"]["centre"], value, headers, **where)


@functools.cache
def publisher(partitioner="murmur2_random"):
    return Publisher(partitioner)


Record = collections.namedtuple("Record", "topic partition offset key value headers")


def read(topic):
    """Everything committed in a topic."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "read", "isolation.level": "read_committed",
                         "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 50, "log_level": 0})
    partitions = range(kafka.topics()[PREFIX + topic])
    consumer.assign([TopicPartition(PREFIX + topic, partition, 0) for partition in partitions])
    found, ended, until = [], set(), time.monotonic() + SEND_S
    while len(ended) < len(partitions):
        assert time.monotonic() < until, f"{topic} could not be read to its end"
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        else:
            found.append(record_of(message))
    consumer.close()
    return found


def record_of(message):
    return Record(message.topic().removeprefix(PREFIX), message.partition(), message.offset(), message.key(), message.value(),
                  message.headers() or [])


class Outputs:
    """Follows the output topics as any consumer of them does."""

    def __init__(self):
        self.consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "outputs", "isolation.level": "read_committed",
                                  "enable.auto.commit": False, "fetch.wait.max.ms": 50, "log_level": 0})
        self.consumer.assign([TopicPartition(PREFIX + topic, partition, 0) for topic in OUTPUTS for partition in range(PARTITIONS)])
        self.records = {topic: [] for topic in OUTPUTS}
        self.decoded = {}

    def close(self):
        self.consumer.close()

    def of(self, topic, centre):
        """What is known of a centre in a topic, decoded."""
        for message in self.consumer.consume(500, 0.05):
            assert message.error() is None, message.error()
            self.records[message.topic().removeprefix(PREFIX)].append(record_of(message))
        return [self._decode(record) for record in self.records[topic] if record.key == centre.encode()]

    def _decode(self, record):
        place = record[:3]
        if place not in self.decoded:
            self.decoded[place] = decode(OUTPUTS[record.topic], record.value) if OUTPUTS[record.topic] else record
        return self.decoded[place]

    def stages(self, centre, learner):
        """The stages that were told of an entry, in order; none twice in a row."""
        told = [status["stage"] for status in self.of("entry-status", centre) if status["entry"]["learner"] == learner]
        return [stage for stage, _ in itertools.groupby(told)]

    def wait_for_stage(self, centre, learner, stage):
        wait_until(lambda: stage in self.stages(centre, learner), f"{learner} {stage}")

    def rejected(self, place):
        """The one rejected record that came from there, as (record, its headers); waits for it."""
        topic, partition, offset = place
        own = {"__streams.errors.topic": topic.encode(), "__streams.errors.partition": b"%d" % partition,
               "__streams.errors.offset": b"%d" % offset}

        def found():
            self.of("rejected", "")
            return [record for record in self.records["rejected"] if own.items() <= dict(record.headers).items()]

        (record,) = wait_until(found, f"{place} rejected")
        return record, dict(record.headers)


def to_a_result(learner, centre, grade="Distinction"):
    return [e.registered(learner, centre=centre), e.outcomes(learner, centre=centre), e.claimed(learner, centre=centre, grade=grade),
            e.determined(learner, centre=centre, grade=grade)]


def future_series():
    """A series whose checkpoint is open and whose results are due in some weeks."""
    day = lambda days: (datetime.datetime.now() + datetime.timedelta(days=days)).strftime("%Y-%m-%dT17:00")
    dates = {"checkpointOpens": day(-10), "checkpointCloses": day(10), "lateEntryAfter": day(12), "claimDeadline": day(20),
             "issueDeadline": day(30), "centreRelease": day(31), "learnerRelease": day(32)}
    return dates["learnerRelease"][:7], dates


def centre_defined(name, title="School", at="2023-01-02T09:00:00Z"):
    return e.event(at, "centreDefined", {"centre": name, "name": title, "country": "England"})


def crc32_partition(centre):
    """Where librdkafka puts a key unless it is told otherwise."""
    return zlib.crc32(centre.encode()) % PARTITIONS


class Clients(unittest.TestCase):
    """Each test has centres of its own."""

    def setUp(self):
        self.publisher = publisher()

    def centre(self):
        name = str(next(_centres))
        self.publisher.publish(centre_defined(name), topic="reference", key=name)
        return name

    def misplaced_centre(self):
        """One that CRC32 puts elsewhere than murmur2: (centre, wrong partition)."""
        while True:
            name = self.centre()
            _, right, _ = self.publisher.publish(e.registered("PLACE", centre=name))
            if crc32_partition(name) != right:
                return name, crc32_partition(name), right

    def routed(self, topic):
        text = daemon.get("/metrics", accept="text/plain").body.decode()
        return seasons.metric(text, "vtq_kafka_routed_total", topic="vtq." + topic)

    def moved(self, topic, key):
        """Records of the key that were moved to the topic."""
        return [record for record in read(topic) if record.key == key.encode() and ("vtq-routed", b"1") in record.headers]


class Publishing(Clients):
    def test_an_entry_goes_from_stage_to_stage_whatever_the_form(self):
        centre = self.centre()
        grades = {form.__name__.upper().replace("_", "-"): grade
                  for form, grade in zip(FORMS, ("Distinction", "Merit", "Pass", "Distinction", "Merit"))}
        for form, (learner, grade) in zip(FORMS, grades.items()):
            for event in to_a_result(learner, centre, grade):
                self.publisher.publish(event, form)
        for learner in grades:
            outputs.wait_for_stage(centre, learner, "RELEASED")
        results = {}
        for batch in outputs.of("result-batches", centre):
            self.assertEqual((batch["centre"], batch["awarding_organisation"], batch["series"]), (centre, e.ORGANISATION, e.SERIES))
            for result in batch["results"] if isinstance(batch["results"], list) else [batch["results"]]:
                self.assertNotIn(result["entry"]["learner"], results)
                results[result["entry"]["learner"]] = result["grade"]
        self.assertEqual(results, {learner: {"scale": "test-pmd", "value": grade} for learner, grade in grades.items()})

    def test_each_step_is_told_to_who_reads_along(self):
        series, dates = future_series()
        self.publisher.publish({**e.calendar("2023-01-02T09:00:00Z", dates), "calendarDefined": {
            "awardingOrganisation": e.ORGANISATION, "level": "LEVEL_3", "series": series, **dates}}, topic="reference", key="future")
        centre = self.centre()

        def step(event, stage):
            content = event[fact_of(event)]
            self.publisher.publish({**event, fact_of(event): {**content, "entry": {**content["entry"], "series": series}}})
            outputs.wait_for_stage(centre, "STEPS", stage)

        step(e.registered("STEPS", centre=centre), "REGISTERED")
        step(e.outcomes("STEPS", centre=centre), "ELIGIBLE")
        step(e.claimed("STEPS", centre=centre), "ASSURED")
        step(e.determined("STEPS", centre=centre), "READY")
        stages = outputs.stages(centre, "STEPS")
        self.assertEqual([stage for stage in stages if stage != "CLAIMED"], ["REGISTERED", "ELIGIBLE", "ASSURED", "READY"])
        (last,) = [status for status in outputs.of("entry-status", centre) if status["stage"] == "READY"]
        self.assertEqual((last["entry"], last["next_step"]),
                         ({"centre": centre, "qualification": e.QUALIFICATION, "series": series, "learner": "STEPS"}, "ISSUE_RESULT"))
        steps = [(told["entry"]["learner"], told["recipient"], told["step"]) for told in outputs.of("notifications", centre)]
        self.assertIn(("STEPS", "CENTRE", "ANSWER_CHECKPOINT"), steps)

    def test_the_schema_registrys_wire_format_on_a_topic_that_is_set_to_it(self):
        centre = self.centre()
        self.publisher.publish(e.registered("WIRE", centre=centre))
        self.publisher.publish(e.answered("WIRE", centre=centre), registry)
        wait_until(lambda: any(status["need"] == "PROGRESSION_CRITICAL" for status in outputs.of("entry-status", centre)), "the answer taken")
        record, why = outputs.rejected(self.publisher.send(REGISTRY_TOPIC, centre, b"bare", []))
        self.assertEqual((why["vtq.rule"], record.value), (b"registry-framing", b"bare"))

    def test_kcat_publishes_and_reads(self):
        centre = self.centre()
        for event in to_a_result("KCAT", centre):
            headers, value = binary_json(event)
            subprocess.run(["kcat", "-b", kafka.bootstrap, "-P", "-t", PREFIX + TOPICS[fact_of(event)], "-k", centre,
                            "-X", "partitioner=murmur2_random", *(word for name, text in headers for word in ("-H", f"{name}={text}"))],
                           input=value, check=True, timeout=SEND_S)
        outputs.wait_for_stage(centre, "KCAT", "RELEASED")
        said = subprocess.run(["kcat", "-b", kafka.bootstrap, "-C", "-e", "-q", "-X", "isolation.level=read_committed", "-o", "beginning",
                               "-t", PREFIX + "result-batches", "-f", "%k %S %s"], capture_output=True, check=True, timeout=SEND_S).stdout
        batches = []
        while said:
            key, size, rest = said.split(b" ", 2)
            batches.append((key.decode(), rest[:int(size)]))
            said = rest[int(size):]
        (batch,) = [decode("ResultBatch", value) for key, value in batches if key == centre]
        self.assertEqual((batch["results"]["entry"]["learner"], batch["results"]["grade"]["value"]), ("KCAT", "Distinction"))

    def test_the_same_event_in_two_forms_is_one(self):
        centre = self.centre()
        event = e.registered("TWICE", centre=centre)
        for form in FORMS:
            self.publisher.publish(event, form)
        self.publisher.publish(e.registered("AFTER", centre=centre))
        wait_until(lambda: outputs.stages(centre, "AFTER"), "the event after them told")
        told = [status for status in outputs.of("entry-status", centre) if status["entry"]["learner"] == "TWICE"]
        self.assertEqual(len(told), 1)

    def test_a_fact_waits_for_the_entry_that_it_names(self):
        centre = self.centre()
        self.publisher.publish(e.answered("LATER", centre=centre), registry)
        self.publisher.publish(e.registered("BEFORE", centre=centre))
        wait_until(lambda: outputs.stages(centre, "BEFORE"), "what came after it")
        self.assertEqual(outputs.stages(centre, "LATER"), [])
        self.publisher.publish(e.registered("LATER", centre=centre))
        wait_until(lambda: any(status["entry"]["learner"] == "LATER" and status["need"] == "PROGRESSION_CRITICAL"
                               for status in outputs.of("entry-status", centre)), "the fact that waited counts")


class Placement(Clients):
    def test_what_crc32_misplaces_is_moved_once_and_applied_once(self):
        centre, wrong, right = self.misplaced_centre()
        careless = publisher("consistent_random")
        before = {topic: self.routed(topic) for topic in ("registrations", "assessments", "claims")}
        facts = to_a_result("CRC", centre)
        for event, form in zip(facts, FORMS):
            _, partition, _ = careless.publish(event, form)
            self.assertEqual(partition, wrong)
        outputs.wait_for_stage(centre, "CRC", "RELEASED")
        (batch,) = outputs.of("result-batches", centre)
        self.assertEqual((batch["results"]["entry"]["learner"], batch["results"]["grade"]["value"]), ("CRC", "Distinction"))
        counts = {"registrations": 1, "assessments": 1, "claims": 2}
        self.assertEqual({topic: self.routed(topic) - count for topic, count in before.items()}, counts)
        for topic, count in counts.items():
            moved = self.moved(topic, centre)
            self.assertEqual([record.partition for record in moved], [right] * count)
        # Unchanged but for the mark.
        headers, value = binary_json(facts[0])
        self.assertEqual([(record.headers, record.value) for record in self.moved("registrations", centre)],
                         [([*((name, text.encode()) for name, text in headers), ("vtq-routed", b"1")], value)])
        self.assertEqual({record.partition for record in outputs.records["entry-status"] if record.key == centre.encode()}, {right})

    def test_what_was_moved_and_is_misplaced_again_is_rejected(self):
        centre, wrong, _ = self.misplaced_centre()
        headers, value = binary_json(e.registered("AGAIN", centre=centre))
        before = self.routed("registrations")
        record, why = outputs.rejected(self.publisher.send("registrations", centre, value, [*headers, ("vtq-routed", "1")], partition=wrong))
        self.assertEqual((why["vtq.rule"], why["vtq.field"], why["vtq.value"]),
                         (b"record-placement", b"record", b"vtq.registrations %d" % wrong))
        self.assertEqual((record.key, record.value), (centre.encode(), value))
        self.assertEqual(self.routed("registrations"), before)
        self.assertEqual(outputs.stages(centre, "AGAIN"), [])

    def test_a_fact_on_the_wrong_topic_is_moved(self):
        centre = self.centre()
        before = self.routed("registrations")
        for event in to_a_result("TOPIC", centre):
            self.publisher.publish(event, topic="registrations")
        outputs.wait_for_stage(centre, "TOPIC", "RELEASED")
        self.assertEqual(self.routed("registrations") - before, 3)
        self.assertEqual((len(self.moved("assessments", centre)), len(self.moved("claims", centre))), (1, 2))

    def test_a_fact_moves_to_and_from_a_topic_in_the_registrys_format(self):
        centre = self.centre()
        self.publisher.publish(e.registered("INTO", centre=centre))
        self.publisher.publish(e.answered("INTO", centre=centre), bare_protobuf, topic="registrations")
        self.publisher.publish(e.registered("OUT", centre=centre), registry, topic=REGISTRY_TOPIC)
        wait_until(lambda: any(status["entry"]["learner"] == "INTO" and status["need"] == "PROGRESSION_CRITICAL"
                               for status in outputs.of("entry-status", centre)), "moved into the topic")
        wait_until(lambda: outputs.stages(centre, "OUT"), "moved out of the topic")

    def test_a_reference_fact_on_the_wrong_topic_is_moved(self):
        name = str(next(_centres))
        self.publisher.publish(centre_defined(name), topic="claims", key=name)
        self.publisher.publish(e.registered("MOVED", centre=name))
        wait_until(lambda: outputs.stages(name, "MOVED"), "the centre known")

    def test_a_command_to_everybody_reaches_all_partitions(self):
        centres = {}
        while len(centres) < PARTITIONS:
            name = self.centre()
            _, partition, _ = self.publisher.publish(e.registered("HALT", centre=name))
            centres[partition] = name
        halt = {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES, "halted": True, "reason": "test"}
        before = self.routed("commands")
        self.publisher.publish(e.event("2023-07-01T10:00:00Z", "issuingHalted", halt))
        for name in centres.values():
            self.publisher.publish(e.outcomes("HALT", centre=name))
            self.publisher.publish(e.claimed("HALT", centre=name))
            self.publisher.publish(e.determined("HALT", centre=name))
        for name in centres.values():
            outputs.wait_for_stage(name, "HALT", "READY")
        self.assertEqual(self.routed("commands") - before, 1)
        self.assertEqual([outputs.of("result-batches", name) for name in centres.values()], [[]] * PARTITIONS)
        self.publisher.publish(e.event("2023-07-02T10:00:00Z", "issuingHalted", {**halt, "halted": False}))
        for name in centres.values():
            outputs.wait_for_stage(name, "HALT", "RELEASED")

    def test_an_older_reference_fact_that_comes_later_does_not_outlive_the_newer(self):
        name = str(next(_centres))
        self.publisher.publish(centre_defined(name, "Newer", "2023-03-01T09:00:00Z"), binary_json, topic="reference", key=name)
        self.publisher.publish(centre_defined(name, "Older", "2023-02-01T09:00:00Z"), binary_protobuf, topic="reference", key=name)

        def values():
            return [record.value for record in read("reference") if record.key == name.encode()]

        wait_until(lambda: len(values()) > 2, "the newer published again")
        _, _, last = values()
        self.assertEqual(decode("Event", last)["centre_defined"]["name"], "Newer")
        self.assertEqual(daemon.get(f"/v1/centres/{name}").json()["name"], "Newer")


class Rejecting(Clients):
    def assert_rejected(self, place, key, value, headers, field, rule, shown):
        """Key, value and headers byte for byte; then why, as KIP-1034 has it; then field, rule and value."""
        record, why = outputs.rejected(place)
        own = [(name, text.encode() if isinstance(text, str) else text) for name, text in headers]
        self.assertEqual((record.key, record.value, record.headers[:len(own)]), (key, value, own))
        self.assertEqual([name for name, _ in record.headers[len(own):]],
                         [f"__streams.errors.{name}" for name in ("exception", "message", "stacktrace", "topic", "partition", "offset")]
                         + ["vtq.field", "vtq.rule", "vtq.value", "vtq.id", "vtq.rejected_at"])
        self.assertEqual((why["vtq.field"].decode(), why["vtq.rule"].decode(), why["vtq.value"].decode()), (field, rule, shown))
        self.assertEqual(why["__streams.errors.exception"], b"vtq.RecordRejected")
        self.assertEqual(why["__streams.errors.stacktrace"].decode(), f"at {rule}({field})")
        self.assertTrue(why["__streams.errors.message"])
        self.assertEqual(record.partition, place[1])

    def test_what_is_wrong_is_rejected_and_the_rest_goes_on(self):
        centre = self.centre()
        key = centre.encode()
        event = e.registered("WRONG", centre=centre)
        headers, value = binary_json(event)
        garbage = b"\xff\xfe\x00garbage"

        def changed(name, text):
            return [(header, text if header == name else held) for header, held in headers]

        own = json.dumps(event).encode()
        batch = "application/cloudevents-batch+json"
        # Rule, field and value to come, then the record.
        cases = [
            ("protobuf-form", "event", "10 bytes", key, garbage, []),
            ("protobuf-form", "event", "0 bytes", key, b"", []),
            ("protobuf-form", "event", "0 bytes", key, None, []),
            ("content-type", "content-type", "text/plain", key, value, [("content-type", "text/plain"), ("trace", b"\x00\xff")]),
            ("content-type", "content-type", "", key, value, [("ce_id", "x"), ("ce_specversion", "1.0")]),
            ("content-type-batched", "content-type", batch, key, b"[]", [("content-type", batch)]),
            ("ce-attribute-agrees", "ce_id", "another", key, own, changed("ce_id", "another")),
            ("ce-attribute-agrees", "ce_source", "elsewhere", key, own, changed("ce_source", "elsewhere")),
            ("ce-attribute-agrees", "ce_type", "vtq.v1.Withdrawn", key, own, changed("ce_type", "vtq.v1.Withdrawn")),
            ("ce-attribute-agrees", "ce_time", "2023-02-01T11:00:00.000Z", key, own, changed("ce_time", "2023-02-01T11:00:00Z")),
            ("ce-specversion", "ce_specversion", "0.3", key, value, changed("ce_specversion", "0.3")),
            ("header-once", "ce_id", "", key, value, [*headers, ("ce_id", "again")]),
            ("protobuf-form", "event", "10 bytes", None, garbage, []),
            ("protobuf-form", "event", "10 bytes", b"", garbage, []),
            ("protobuf-form", "event", "10 bytes", b"\x00\xffkey", garbage, []),
        ]
        places = [self.publisher.send("registrations", key, value, headers) for _, _, _, key, value, headers in cases]
        self.publisher.publish(e.registered("AFTER", centre=centre))
        wait_until(lambda: outputs.stages(centre, "AFTER"), "the record after them applied")
        for (rule, field, shown, key, value, headers), place in zip(cases, places):
            with self.subTest(rule, field=field, key=key):
                self.assert_rejected(place, key, value or b"", headers, field, rule, shown)
        self.assertEqual(outputs.stages(centre, "WRONG"), [])

    def test_what_is_wrong_in_the_reference_data_is_rejected_once(self):
        place = self.publisher.send("reference", b"some id", b"\xff\xfe\x00garbage")
        name = self.centre()
        self.publisher.publish(e.registered("GOES-ON", centre=name))
        wait_until(lambda: outputs.stages(name, "GOES-ON"), "what came after it applied")
        self.assert_rejected((place[0], 0, place[2]), b"some id", b"\xff\xfe\x00garbage", [], "event", "protobuf-form", "10 bytes")

    def test_what_is_wrong_in_the_reference_data_while_nobody_reads_is_rejected_all_the_same(self):
        while True:
            centre = self.centre()
            if self.publisher.publish(e.registered("FIRST", centre=centre))[1] == 0:
                break
        self.assertEqual(daemon.stop(), 0)
        place = self.publisher.send("reference", b"some id", b"\xff\xfe\x00garbage")
        # Work of the partition that answers for the reference data: it must not get ahead of them.
        for number in range(300):
            headers, value = binary_json(e.registered(f"WAITS-{number}", centre=centre))
            self.publisher.producer.produce(PREFIX + "registrations", value, centre, headers=headers)
        self.publisher.producer.flush(SEND_S)
        daemon.start()
        wait_until(lambda: outputs.stages(centre, "WAITS-299"), "the work done")
        outputs.rejected((place[0], 0, place[2]))


class OverHttp(Clients):
    def test_what_comes_over_http_is_for_clients_like_the_rest(self):
        centre = self.centre()
        for event in e.with_result("HTTP", centre=centre):
            self.assertEqual(daemon.post("/v1/events", json.dumps(event)).status, 200)
        outputs.wait_for_stage(centre, "HTTP", "RELEASED")
        wait_until(lambda: any(status["need"] == "PROGRESSION_CRITICAL" for status in outputs.of("entry-status", centre)), "the answer taken")
        (value,) = [record.value for record in read(REGISTRY_TOPIC) if record.key == centre.encode()]
        self.assertEqual(value[:6], bytes(6))
        self.assertEqual(decode("Event", value[6:])["checkpoint_answered"]["answer"], "NEEDED")


if __name__ == "__main__":
    unittest.main(verbosity=2)
