#!/usr/bin/env python3
"""Whoever may not is refused, and each refusal is on record. Every address of the API's description with every kind of caller, as in access_test.py; then
what was refused is held against the audit, one by one, and the counts of those that were put together. And a route that nobody gave a role is found."""
import collections
import json
import unittest

import access_test
from access_test import API, FOREIGN, operations
from audit_test import lines_of
from callers import Guarded

UNKNOWN = "unknown"


def breaches(described, served):
    """What the API's description, its operations by name, and the rights that the server gives do not agree on."""
    found = []
    for name in sorted(set(described) | set(served)):
        rights = served.get(name)
        if rights in (None, "nobody"):
            found.append(f"{name}: has no row in the table of rights")
        elif name not in described:
            found.append(f"{name}: is not described")
        elif described[name].get("x-rights") != rights:
            found.append(f"{name}: is described as for {described[name].get('x-rights')}, and is for {rights}")
    return found


def described():
    return {f"{method} {path}": operation for path, method, operation in operations()}


def served_by(daemon):
    return json.loads(daemon.ask("GET", "/openapi.json").body)["x-rights"]


class Refusals(unittest.TestCase):
    target, names, expected = access_test.Matrix.target, staticmethod(access_test.Matrix.names), access_test.Matrix.expected

    @classmethod
    def setUpClass(cls):
        access_test.Matrix.setUpClass.__func__(cls)
        # Kinds of refusals that are told apart in a minute, at most half of them of callers that are nobody; beyond that they are counted together.
        cls.told_apart = 200

    def on_record(self):
        """How often each refusal is on record: (who, route, rule, status)."""
        found, lines = collections.Counter(), 0
        for line in self.all_lines():
            record = json.loads(line)
            if record["act"] != "refused":
                continue
            lines += 1
            by = record["by"].get("key") or record["by"]["name"]
            # Of who is not known a body is not read: the method is all that is looked at.
            route = record.get("route", "")
            route = "POST" if by == UNKNOWN and route.startswith("POST") else route
            # The first at once, the rest of a minute with their count.
            found[(by, route, record["outcome"], record.get("detail", ""))] += int(record.get("count", 1))
        return found, lines

    def all_lines(self):
        auditor = self.callers["auditor"][0]
        ask = lambda target, accept: self.daemon.ask("GET", target, auditor, accept=accept)
        partitions = ask("/v1/audit?partition=0&limit=1", "application/json").json()["partitions"]
        return [line for partition in range(partitions) for line in lines_of(ask, partition)]

    def begin_again(self):
        """What was counted until then goes on record as well."""
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()

    def refuse_all(self, kinds_max):
        """Asks everything, in lives of at most so many kinds of refusals. What was refused, and how many requests there were."""
        refused, asked, kinds = collections.Counter(), 0, set()
        for caller, (key, roles, bound) in self.callers.items():
            for path, method, operation in operations():
                reply = self.daemon.ask(method, self.target(path, operation, bound), key, "{}" if method == "POST" else b"",
                                        accept="text/plain" if path == "/metrics" else "application/json")
                asked += 1
                wanted = self.expected(path, operation, roles, bound, bool(roles))
                self.assertEqual(reply.status if reply.status in (401, 403) else None, wanted, f"{caller}: {method} {path}: {reply.body}")
                if not wanted:
                    continue
                who = key.split("_")[1] if roles else UNKNOWN
                route = method if who == UNKNOWN and method == "POST" else f"{method} {path}"
                refused[(who, route, reply.json()["rule"], str(wanted))] += 1
                kinds.add((who, route, reply.json()["rule"]))
                if len(kinds) >= kinds_max:
                    self.begin_again()
                    kinds.clear()
        self.begin_again()
        return refused, asked

    def test_every_refusal_is_on_record(self):
        before, _ = self.on_record()
        refused, asked = self.refuse_all(self.told_apart // 2)
        after, lines = self.on_record()
        self.assertEqual(after - before, refused)
        self.assertGreater(len(refused), self.told_apart)
        print(f"\n{asked} requests to {len(list(operations()))} addresses by {len(self.callers)} callers: {sum(refused.values())} refused, of {len(refused)} kinds, "
              f"and all of them on record, in {lines} records; {asked - sum(refused.values())} let in")

    def test_more_kinds_than_are_told_apart_are_counted_together(self):
        self.begin_again()  # and its minute
        before, _ = self.on_record()
        refused, _ = self.refuse_all(1_000_000)
        after, _ = self.on_record()
        made = after - before
        self.assertEqual(sum(made.values()), sum(refused.values()))
        others = made.pop(("others", "", "others", "403"), 0) + made.pop(("others", "", "others", "401"), 0)
        self.assertGreater(others, 0)
        self.assertEqual(made - refused, {})
        self.assertGreaterEqual(len(made), self.told_apart)
        print(f"\n{sum(refused.values())} within one minute: {sum(made.values())} told apart, {others} counted together")

    def test_one_that_goes_on_knocking_is_counted(self):
        before, lines = self.on_record()
        for _ in range(100):
            self.assertEqual(self.daemon.ask("GET", "/v1/overview", self.callers["centre"][0]).status, 403)
        self.begin_again()
        after, lines_after = self.on_record()
        self.assertEqual(sum((after - before).values()), 100)
        self.assertLessEqual(lines_after - lines, 3)


class PlantedRoutes(unittest.TestCase):
    """What is held together must not come apart unseen."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Guarded()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.start()

    def test_description_and_table_agree(self):
        self.assertEqual(breaches(described(), served_by(self.daemon)), [])
        self.assertEqual(len(described()), sum(method in ("get", "post") for item in API["paths"].values() for method in item))

    def test_a_planted_route_without_a_role_is_found(self):
        served = served_by(self.daemon)
        planted = "GET /v1/planted"
        self.assertEqual(breaches({**described(), planted: {"x-rights": "operations, everywhere"}}, served), [f"{planted}: has no row in the table of rights"])
        self.assertEqual(breaches(described(), {**served, planted: "nobody"}), [f"{planted}: has no row in the table of rights"])
        self.assertEqual(breaches(described(), {**served, planted: "everybody"}), [f"{planted}: is not described"])
        self.assertEqual(breaches(described(), {**served, "GET /v1/overview": "everybody"}),
                         ["GET /v1/overview: is described as for operations, approver, everywhere, and is for everybody"])

    def test_a_server_with_a_route_that_nobody_gave_a_role_lets_nobody_in_and_is_found(self):
        """resultsd_unruled lacks the row of one route."""
        unruled = Guarded()
        unruled.binary = "resultsd_unruled"
        with unruled:
            self.assertEqual(breaches(described(), served_by(unruled)), ["GET /v1/export/batches: has no row in the table of rights"])
            for key in (unruled.key("operations", everywhere=True), unruled.key("operations", "approver", "auditor", everywhere=True)):
                reply = unruled.ask("GET", f"/v1/export/batches?awarding_organisation={FOREIGN}", key)
                self.assertEqual((reply.status, reply.json()["rule"]), (403, "route-rights"), reply.body)
            self.assertIn(unruled.ask("GET", "/v1/export/batches").status, (401, 403))


if __name__ == "__main__":
    unittest.main(verbosity=2)
