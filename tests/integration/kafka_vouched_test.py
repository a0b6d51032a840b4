#!/usr/bin/env python3
"""A real Kafka to whose topics somebody else can write, and an access secret: what people decide - approvals, overrides, policies, plans, resumes,
gates, keys - is taken of those alone whom resultsd knows, and the wave goes when the right people said so over HTTP."""
import datetime
import json
import os
import signal
import unittest

import events as e
from callers import Guarded, name_of
from daemon import ROOT, run, wait_until
from kafka import Kafka
from kafka_season_test import on_kafka
from release_test import LEVEL, RELEASES, act, approval, plan
from confluent_kafka import Consumer, Producer, TopicPartition

PREFIX = "vouched."
RULE = "vouched-for"


def halt(at, halted):
    return e.event(at, "issuingHalted", {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES, "halted": halted})


def policy(at, approvals):
    return e.event(at, "releasePolicyDefined", {"awardingOrganisation": e.ORGANISATION, "approvals": approvals})


class KafkaVouched(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.daemon = Guarded({**on_kafka(cls.kafka, PREFIX), "release.approvals_default": 2})
        cls.addClassCleanup(cls.daemon.__exit__)
        done = run("resultsctl", "topics", "create", "--config", cls.daemon.config())
        assert done.returncode == 0, done.stderr
        cls.daemon.start()
        cls.publisher = cls.daemon.key("publisher", everywhere=True)
        cls.ann = cls.daemon.key("approver", organisations=[e.ORGANISATION], name="Ann")
        cls.bob = cls.daemon.key("approver", organisations=[e.ORGANISATION], name="Bob")
        cls.desk = cls.daemon.key("operations", "learner-details", everywhere=True, name="Desk")
        cls.producer = Producer({"bootstrap.servers": cls.kafka.bootstrap, "partitioner": "murmur2_random", "log_level": 0})

    # ---- over HTTP ----

    def say(self, key, *events):
        reply = self.daemon.publish(key, list(events))
        self.assertEqual(reply.status, 200, reply.body)

    def release(self):
        reply = self.daemon.ask("GET", RELEASES, self.desk)
        if reply.status != 200:
            return {}
        return next((one for one in reply.json()["releases"] if one["level"] == LEVEL), {})

    def reached(self, at):
        self.say(self.publisher, e.time_reached(at))
        wait_until(lambda: (self.daemon.ask("GET", "/v1/overview", self.desk).json()["time"] or "") >= at.replace("Z", ".000Z"), f"time at {at}", 120)

    def batches(self):
        return len(self.daemon.ask("GET", "/v1/batches", self.desk).json()["batches"])

    def rejected(self, field):
        """Records of a fact that nobody vouched for."""
        listed = self.daemon.ask("GET", "/v1/rejected?limit=1000", self.desk).json()["rejected"]
        return [one for one in listed if one["rule"] == RULE and one["field"] == field]

    # ---- straight to the topics ----

    def write(self, topic, event, key=None, headers=()):
        self.put(topic, json.dumps(event), key or event["id"], [("content-type", b"application/json"), *headers], event["occurredAt"])

    def put(self, topic, value, key, headers, at):
        """A record stamped with the event's time, by which a replayed season goes."""
        stamp = int(datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() * 1000)
        self.producer.produce(PREFIX + topic, value, key, headers=list(headers), timestamp=stamp)
        self.assertEqual(self.producer.flush(30), 0)

    def passes(self, at):
        """Time passes the moment in every partition: until then a replayed season waits for what might come before it."""
        self.say(self.publisher, e.time_reached(at.replace("Z", ".900Z")))

    def forge(self, topic, event, headers=()):
        """Writes it, and waits until it is refused."""
        (fact,) = set(event) - {"id", "source", "occurredAt"}
        before = len(self.rejected(fact))
        self.write(topic, event, headers=headers)
        self.passes(event["occurredAt"])
        wait_until(lambda: len(self.rejected(fact)) == before + 1, f"{fact} is refused", 60)

    def records(self, topic):
        """All of a topic: key, value, headers."""
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "looks", "isolation.level": "read_committed",
                             "enable.partition.eof": True, "log_level": 0})
        partitions = len(consumer.list_topics(PREFIX + topic, 30).topics[PREFIX + topic].partitions)
        consumer.assign([TopicPartition(PREFIX + topic, partition, 0) for partition in range(partitions)])
        ended, found = set(), []
        while len(ended) < partitions:
            record = consumer.poll(60)
            self.assertIsNotNone(record, topic)
            if record.error():
                ended.add(record.partition())
            else:
                found.append((record.key(), record.value(), record.headers() or []))
        consumer.close()
        return found

    def test_1_nothing_goes_by_what_somebody_else_wrote_and_all_by_what_two_people_said(self):
        self.say(self.publisher, *sorted(e.reference() + e.with_result("P1"), key=lambda one: one["occurredAt"]))
        self.reached("2023-07-20T09:00:00Z")
        self.say(self.desk, plan("2023-07-20T09:30:00Z"))
        wait_until(lambda: self.release().get("plan"), "the plan is known", 60)
        digest = self.release()["plan"]

        # Of both people, in either topic, with headers of every sort.
        names = [f"key {name_of(self.ann)}", f"key {name_of(self.bob)}"]
        for at, name in enumerate(names):
            forged = approval(f"2023-07-21T09:00:0{at}Z", digest, saidBy=name, byApprover=True)
            self.forge("commands", forged)
            self.forge("reference", forged, [("vtq-by", b"0" * 64 + e.field(1, "key of somebody"))])
        self.forge("commands", act("2023-07-21T09:01:00Z", "releaseOverridden", plan=digest, check="RELEASE_MISSING", reason="x", saidBy=names[0]))
        self.forge("commands", plan("2023-07-21T09:02:00Z", firstIssueAt="2023-07-22T09:00"))
        self.forge("reference", policy("2023-07-21T09:03:00Z", 0))
        self.forge("commands", halt("2023-07-21T09:04:00Z", False))
        gates = e.calendar("2023-07-21T09:05:00Z", {**e.DATES, "centreRelease": "2023-08-12T00:01"})
        gates["calendarDefined"]["gatesConfirmedBy"] = ["Ann Lee", "Bob Ray"]
        self.forge("reference", gates)
        for fact in ("access_key_made", "access_key_revoked", "person_signed_out"):
            with open(os.path.join(ROOT, f"tests/data/events/{fact}.json"), encoding="utf-8") as file:
                self.forge("reference", {**json.load(file), "occurredAt": "2023-07-21T09:06:00Z"})
        self.assertEqual((self.release()["plan"], self.release()["approvedBy"], self.release()["approved"]), (digest, [], False))
        self.reached("2023-08-10T09:00:00Z")
        self.assertEqual(self.batches(), 0)

        # What was refused names fact and source; nobody makes it good by sending it again.
        refused = self.rejected("releaseApproved")
        self.assertEqual({one["value"] for one in refused}, {"test"})
        reply = self.daemon.ask("POST", f"/v1/rejected/{refused[0]['id']}/replay", self.desk, json.dumps(forged))
        self.assertEqual((reply.status, reply.json().get("rule")), (403, "said-by-caller"), reply.body)
        self.assertEqual(self.release()["approvedBy"], [])

        # The right people.
        self.say(self.ann, approval("2023-08-10T09:01:00Z", digest))
        wait_until(lambda: len(self.release()["approvedBy"]) == 1, "one approval", 60)
        self.assertEqual(self.batches(), 0)
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        self.say(self.bob, approval("2023-08-10T09:02:00Z", digest))
        wait_until(lambda: self.release().get("approved"), "two approvals", 60)
        self.reached("2023-08-10T10:00:00Z")
        wait_until(lambda: self.batches() == 1, "the batch", 60)

    def test_2_what_was_withdrawn_stays_so_when_its_record_is_written_again(self):
        digest = self.release()["plan"]
        said = lambda one: digest.encode() in (one[1] or b"") and not one[1].startswith(b"{") and "vtq-by" in dict(one[2])
        approvals = list(filter(said, self.records("reference")))
        self.assertEqual(len(approvals), 2)
        self.say(self.bob, approval("2023-08-10T11:00:00Z", digest, withdrawn=True))
        wait_until(lambda: not self.release()["approved"], "it is withdrawn", 60)
        before = {one["id"] for one in self.rejected("releaseApproved")}
        again = "2023-08-10T11:30:00Z"
        for key, value, headers in approvals:
            self.put("reference", value, key, headers, again)
            self.put("commands", value, key, headers, again)  # and in another place
            # With any byte of it changed it is nobody's word.
            at = value.index(digest.encode())
            other = value[:at] + (b"0" if value[at:at + 1] != b"0" else b"1") + value[at + 1:]
            self.put("reference", other, b"other" + key, headers, again)
        refused = lambda: {one["id"] for one in self.rejected("releaseApproved")} - before
        wait_until(lambda: len(refused()) == len(approvals), "the changed ones are refused", 60)
        for rejected in refused():
            reply = self.daemon.ask("POST", f"/v1/rejected/{rejected}/replay", self.desk)
            self.assertEqual((reply.status, reply.json().get("rule")), (403, "said-by-caller"), reply.body)
        self.reached("2023-08-10T12:00:00Z")
        moved = lambda: sum("vtq-routed" in dict(one[2]) for one in self.records("reference"))
        wait_until(lambda: moved() == len(approvals), "those of the other place are moved", 60)
        self.reached("2023-08-10T12:30:00Z")
        self.assertFalse(self.release()["approved"])
        self.assertEqual(len(self.release()["approvedBy"]), 1)

    def test_3_a_halt_is_taken_from_the_topic_and_lifted_over_http(self):
        auditor = self.daemon.key("auditor", everywhere=True)
        record = lambda word: self.daemon.ask("GET", f"/v1/audit?act={word}", auditor).json()["records"]
        self.write("commands", halt("2023-08-10T13:00:00Z", True))
        self.passes("2023-08-10T13:00:00Z")
        wait_until(lambda: len(record("halt")) == 1, "the halt is on record", 60)
        self.assertEqual(record("halt")[0]["by"], {"name": "publisher test"})
        self.forge("commands", halt("2023-08-10T13:01:00Z", False))
        self.say(self.desk, halt("2023-08-10T13:02:00Z", False))
        (resume,) = wait_until(lambda: record("resume"), "the resume is on record", 60)
        self.assertEqual(resume["by"]["name"], f"key {name_of(self.desk)} (Desk)")

    def test_4_a_policy_outlives_what_is_written_over_it_also_for_a_store_that_is_built_anew(self):
        self.say(self.ann, policy("2023-08-10T14:00:00Z", 3))
        asked = lambda: self.release().get("policy", {}).get("approvals")
        wait_until(lambda: asked() == 3, "three people are asked for", 60)
        (key,) = {key for key, value, _ in self.records("reference") if b"release-policy" in (key or b"")}
        forged = policy("2023-08-10T14:01:00Z", 0)
        before = len(self.rejected("releasePolicyDefined"))
        self.write("reference", forged, key)
        wait_until(lambda: len(self.rejected("releasePolicyDefined")) == before + 1, "it is refused", 60)
        last = lambda: [one for one in self.records("reference") if one[0] == key][-1]
        wait_until(lambda: forged["id"].encode() not in last()[1], "the one that holds is there once more", 60)
        self.assertIn("vtq-by", dict(last()[2]))
        self.daemon.stop()
        for name in os.listdir(self.daemon.directory):
            if name.startswith("store"):
                os.rename(os.path.join(self.daemon.directory, name), os.path.join(self.daemon.directory, "was-" + name))
        self.daemon.start()
        wait_until(lambda: asked() == 3, "three people are asked for", 120)
        self.assertEqual(len(self.release()["approvedBy"]), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
