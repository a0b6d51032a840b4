#!/usr/bin/env python3
"""Three instances on a real Kafka: each answers every query as one that keeps the topics itself does; while one is gone, rightly or not at
all."""
import concurrent.futures
import json
import os
import tempfile
import threading
import time
import unittest

from daemon import Daemon, ROOT, run, wait_until
from kafka import Kafka

PARTITIONS = 6
SEASON = os.path.join(ROOT, "tests/data/small_season.jsonl")
NAMES = ("a", "b", "c")
LINES = "application/x-ndjson"
DIMENSIONS = ("awarding_organisation", "level", "qualification", "series", "centre", "stage", "need", "band", "reason", "late")


def instance(kafka, name, directory):
    return Daemon({"time.source": "event", "partitions": PARTITIONS, "kafka.bootstrap_servers": kafka.bootstrap, "kafka.instance": name,
                   "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000, "kafka.request_wait_ms": 1000},
                  directory=directory)


def pages(daemon, target, accept="application/json"):
    """The items of every page, as the links lead; each page but the last is full."""
    found, name = [], target.split("?")[0].rsplit("/", 1)[1]
    while target:
        reply = daemon.get(target, accept=accept)
        assert reply.status == 200, reply.body
        if accept == LINES or "export" in target:
            items = reply.lines()
        else:
            page = reply.json()
            items = page[name]
            assert (page["next"] is None) == (reply.next() is None), page["next"]
        found.append(items)
        target = reply.next()
    return found


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        cls.alone = Daemon({"time.source": "event", "partitions": PARTITIONS}).start()
        cls.addClassCleanup(cls.alone.__exit__)
        cls.instances = {}
        for name in NAMES:
            directory = tempfile.TemporaryDirectory(prefix="resultsd-")
            cls.addClassCleanup(directory.cleanup)
            cls.instances[name] = instance(cls.kafka, name, directory.name)
            cls.addClassCleanup(cls.instances[name].__exit__)
        done = run("resultsctl", "topics", "create", "--config", cls.instances["a"].config())
        assert done.returncode == 0, done.stderr
        starting = [threading.Thread(target=one.start) for one in cls.instances.values()]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        cls.all = list(cls.instances.values())
        wait_until(lambda: all(len(cls.shares(one)) == 3 for one in cls.all), "three instances in the directory")
        cls.published = cls.all[1].resultsctl("publish", SEASON)
        cls.embedded = cls.alone.resultsctl("publish", SEASON)
        for daemon in cls.all:  # what is wrong in itself is rejected where it comes
            for one in (daemon, cls.alone):
                one.post("/v1/events", '{"id": "unreadable"')
        overview = cls.alone.get("/v1/overview").json()
        wait_until(lambda: all(cls.settled(one, overview) for one in cls.all), "the season is there")

    @staticmethod
    def shares(daemon):
        """Partitions of each instance that has some."""
        return {one["instance"]: one["partitions"] for one in daemon.get("/v1/instances").json()["instances"] if one["partitions"]}

    @staticmethod
    def settled(daemon, overview):
        reply = daemon.get("/v1/overview")
        return reply.status == 200 and reply.json() == overview

    def of_each(self, ask):
        """What `ask` finds at each instance, all asked at once."""
        with concurrent.futures.ThreadPoolExecutor(len(self.all)) as pool:
            return list(pool.map(ask, self.all))

    def assert_same(self, target, **query):
        """Every instance answers as the one that is alone."""
        right = self.alone.get(target, **query)
        for reply in self.of_each(lambda daemon: daemon.get(target, **query)):
            self.assertEqual((reply.status, reply.type, reply.next()), (right.status, right.type, right.next()), (target, query, reply.body))
            as_it_is = right.type == LINES or right.type.startswith("text/csv")
            same = reply.body if as_it_is else reply.json()
            self.assertEqual(same, right.body if as_it_is else right.json(), (target, query))
        return right

    def test_publishing_counts_what_was_published(self):
        self.assertIn("159 published", self.published.stdout + self.published.stderr)
        self.assertNotIn("published", self.embedded.stdout)

    def test_counts_add_up(self):
        self.assert_same("/v1/overview")
        for one in DIMENSIONS:
            self.assert_same("/v1/rollups", by=one)
        self.assert_same("/v1/rollups", by="centre,stage,reason", late=1)
        self.assert_same("/v1/rollups", by=",".join(DIMENSIONS))
        self.assert_same("/v1/rollups", by="stage", centre="30102")
        self.assertEqual(self.assert_same("/v1/rollups", by="grade").status, 400)
        for row in self.alone.get("/v1/rollups", by="qualification").json()["rows"]:
            self.assert_same("/v1/qualifications/" + row["qualification"].replace("/", ""))
        self.assertEqual(self.assert_same("/v1/qualifications/12345678").status, 404)

    def test_lists_are_the_same_with_every_page_size(self):
        for target, sizes in (("/v1/entries", ("7", "10000", "9&centre=30101", "9&stage=RELEASED&accept=lines")),
                              ("/v1/batches", ("2", "1000", "2&centre=30101", "4&accept=lines")),
                              ("/v1/export/batches", ("4", "2&centre=30102"))):
            for size in sizes:
                asked, lines, _ = f"{target}?limit={size}".partition("&accept=lines")
                accept = LINES if lines else "application/json"
                right = pages(self.alone, asked, accept)
                self.assertGreater(sum(map(len, right)), 1)
                for found in self.of_each(lambda daemon: pages(daemon, asked, accept)):
                    self.assertEqual(found, right, asked)
        for query in ({"limit": 0}, {"after": "zz"}, {"centre": "1"}, {"bogus": 1}):
            self.assertEqual(self.assert_same("/v1/entries", **query).status, 400)

    def test_what_is_of_one_centre_is_asked_of_its_instance(self):
        for entry in self.alone.get("/v1/entries", limit=1000).json()["entries"][::8]:
            where = entry["entry"]
            path = "/".join((where["centre"], where["qualification"].replace("/", ""), where["series"], where["learner"]))
            self.assert_same("/v1/entries/" + path)
        for centre in ("30101", "30102", "30103", "12345", "x"):
            self.assert_same("/v1/centres/" + centre)
            self.assert_same(f"/v1/centres/{centre}/scrutiny")
            self.assert_same(f"/v1/centres/{centre}/activity", month="2024-07")
            self.assert_same(f"/v1/centres/{centre}/activity", accept="text/csv", month="2024-07")
        self.assert_same("/v1/qualifications/60341014/approval")
        for line in self.alone.get("/v1/export/batches", limit=1000).lines():
            self.assert_same("/v1/batches/" + line["batch"])
            for result in line.get("results", [])[:1]:
                entry = result["entry"]
                self.assert_same(f"/v1/batches/{line['batch']}/learners/{entry['qualification'].replace('/', '')}/{entry['learner']}")
        self.assertEqual(self.assert_same("/v1/batches/30101.RN5901.2024-08.9999").status, 404)
        self.assertEqual(self.assert_same("/v1/batches/nothing").status, 404)

    def test_rejected_records_are_everywhere_newest_first(self):
        kept = ("field", "rule", "value", "message", "topic")
        right = self.alone.get("/v1/rejected", limit=1000).json()["rejected"]
        for one in self.all:
            every = [record for page in pages(one, "/v1/rejected?limit=1000") for record in page]
            self.assertEqual(sorted(str([record[name] for name in kept]) for record in every),
                             sorted(str([record[name] for name in kept]) for record in right))
            self.assertEqual([record["rejectedAt"] for record in every], sorted((record["rejectedAt"] for record in every), reverse=True))
            for size in (1, 2, 3):
                self.assertEqual([record for page in pages(one, f"/v1/rejected?limit={size}") for record in page], every)
            for record in every:
                whole = one.get("/v1/rejected/" + record["id"]).json()
                self.assertEqual({name: whole[name] for name in record}, record)
                self.assertTrue(whole["original"])
            self.assertEqual(one.get("/v1/rejected", before="1").status, 400)
            self.assertEqual((one.get("/v1/rejected/999-1").status, one.get("/v1/rejected/1").status, one.get("/v1/rejected/1-99").status),
                             (404, 404, 404))

    def test_a_rejected_record_is_replayed_through_any_instance(self):
        records = self.all[0].get("/v1/rejected", limit=1000).json()["rejected"]
        self.assertGreater(len({record["id"].split("-")[1] for record in records}), 2)
        for record in records:
            for daemon in self.all:
                reply = daemon.post(f"/v1/rejected/{record['id']}/replay", "{", "application/json")
                self.assertEqual((reply.status, reply.json()["id"]), (422, record["id"]), reply.body)
                self.assertEqual(daemon.post("/v1/rejected/999-1/replay").status, 404)
        with open(SEASON, encoding="utf-8") as season:
            mended = season.readline()
        replayed = set()
        for daemon, record in zip(self.all, records):
            reply = daemon.post(f"/v1/rejected/{record['id']}/replay", mended, "application/json")
            self.assertEqual((reply.status, reply.json()["outcome"]), (200, "published"), reply.body)
            replayed.add(record["id"])
        opened = {record["id"] for record in records} - replayed
        for daemon in self.all:
            wait_until(lambda: {one["id"] for one in daemon.get("/v1/rejected", open=1).json()["rejected"]} == opened, "marked everywhere")
            for name in replayed:
                self.assertTrue(daemon.get("/v1/rejected/" + name).json()["replayedAt"])
                self.assertEqual(daemon.post(f"/v1/rejected/{name}/replay", mended, "application/json").status, 409)

    def test_the_directory_is_shown(self):
        owned = self.shares(self.all[0])
        self.assertEqual(sorted(sum(owned.values(), [])), list(range(PARTITIONS)))
        for name, daemon in self.instances.items():
            answer = daemon.get("/v1/instances").json()
            self.assertEqual(answer["partitions"], PARTITIONS)
            self.assertEqual({one["instance"]: (one["url"], one["partitions"], one["answered"]) for one in answer["instances"]},
                             {other: (self.instances[other].url, owned[other], other == name) for other in NAMES})
            shown = daemon.resultsctl("instances").stdout
            for other in NAMES:
                self.assertIn(self.instances[other].url, shown)
        self.assertEqual([(one["url"], one["partitions"], one["answered"]) for one in self.alone.get("/v1/instances").json()["instances"]],
                         [(self.alone.url, list(range(PARTITIONS)), True)])

    def test_a_request_that_was_passed_on_goes_no_further(self):
        owned = self.shares(self.all[0])
        for name, daemon in self.instances.items():
            ask = lambda target, accept="application/json": daemon.request("GET", target, headers={"Accept": accept, "X-Vtq-Forwarded": "1"})
            part = ask("/v1/overview", "application/x-vtq-part")
            self.assertEqual((part.status, part.headers["X-Vtq-Partitions"]), (200, ",".join(map(str, owned[name]))))
            moved = [ask(f"/v1/centres/{centre}") for centre in ("30101", "30102", "30103")]
            for reply in moved:
                self.assertIn(reply.status, (200, 503))
                if reply.status == 503:
                    self.assertEqual((reply.headers["Retry-After"], reply.json()["rule"]), ("1", "partition-moving"))
        answered = sum(daemon.request("GET", "/v1/centres/30101", headers={"X-Vtq-Forwarded": "1"}).status == 200 for daemon in self.all)
        self.assertEqual(answered, 1)

    def test_while_an_instance_is_gone_answers_are_right_or_say_when_to_ask_again(self):
        targets = ["/v1/overview", "/v1/rollups?by=centre,stage", "/v1/entries?limit=1000", "/v1/entries?limit=3", "/v1/batches?limit=1000",
                   "/v1/export/batches", "/v1/centres/30101", "/v1/centres/30102", "/v1/centres/30103", "/v1/entries?centre=30103"]
        right = {target: self.alone.get(target).body for target in targets}
        rejected = [record["id"] for record in self.all[0].get("/v1/rejected").json()["rejected"]]
        owner = next(name for name in NAMES
                     if self.instances[name].request("GET", "/v1/centres/30101", headers={"X-Vtq-Forwarded": "1"}).status == 200)
        others = [daemon for name, daemon in self.instances.items() if name != owner]
        wrong, refused, again = [], [], threading.Event()

        def ask(daemon):
            mine = Daemon(directory=daemon.directory)
            mine.port = daemon.port
            while not again.is_set():
                for target in targets:
                    began = time.monotonic()
                    reply = mine.get(target)
                    seconds = time.monotonic() - began
                    if reply.status == 503 and reply.headers["Retry-After"] and reply.json()["rule"] == "partition-moving":
                        refused.append((target, seconds))
                    elif (reply.status, reply.body) != (200, right[target]):
                        wrong.append((target, reply.status, reply.body))
                    if seconds > 4:
                        wrong.append((target, seconds))
                reply = mine.get("/v1/rejected")
                if reply.status != 503 and [record["id"] for record in reply.json()["rejected"]] != rejected:
                    wrong.append(("rejected", reply.body))
            mine.close()

        asking = [threading.Thread(target=ask, args=(daemon,)) for daemon in others for _ in range(2)]
        for thread in asking:
            thread.start()
        time.sleep(0.5)  # asked before, too
        self.instances[owner].stop(9)
        wait_until(lambda: all(daemon.get("/v1/overview").status == 503 for daemon in others), "noticed")
        wait_until(lambda: all(daemon.get(target).status == 200 for daemon in others for target in targets), "taken over", 40)
        self.instances[owner].start()
        wait_until(lambda: all(len(self.shares(daemon)) == 3 for daemon in self.all), "all three again", 40)
        wait_until(lambda: self.settled(self.instances[owner], json.loads(right["/v1/overview"])), "right at the one that came back", 40)
        again.set()
        for thread in asking:
            thread.join()
        self.assertEqual(wrong[:3], [], f"{len(wrong)} wrong, {len(refused)} refused")
        self.assertTrue(refused)
        for target in targets:
            self.assertEqual([daemon.get(target).body for daemon in self.all], [right[target]] * 3, target)


if __name__ == "__main__":
    unittest.main(verbosity=2)
