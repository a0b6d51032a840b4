#!/usr/bin/env python3
"""The real resultsd with an access secret: every address with every kind of caller, as the API's description says; keys from their making to
their end; and what a caller may assert."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import unittest

import events as e
from callers import Guarded, name_of, signed_by
from daemon import Daemon, ROOT, environment, program, run
from ports import free_ports

with open(os.path.join(ROOT, "proto", "http", "openapi.json"), encoding="utf-8") as document:
    API = json.load(document)
FOREIGN = "RN8888"
UNKNOWN_KEY = "vtq_0123456789abcdef_" + "0" * 64


def operations():
    for path, item in sorted(API["paths"].items()):
        for method in ("get", "post"):
            if method in item:
                yield path, method.upper(), item[method]


class Matrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Guarded()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.start()
        cls.organisation = e.ORGANISATION
        publisher = cls.daemon.key("publisher", everywhere=True)
        season = e.reference() + e.with_result("P1") + [e.time_reached("2023-08-17T12:00:00Z")]
        assert cls.daemon.publish(publisher, season).json()["rejected"] == 0
        cls.rejected = cls.daemon.publish(publisher, [e.registered("BAD", centre="99999")]).json()["events"][0]["rejectedId"]
        operations_key = cls.daemon.key("operations", "learner-details", everywhere=True)
        cls.batch = cls.daemon.ask("GET", "/v1/batches", operations_key).json()["batches"][0]["batch"]
        revoked = cls.daemon.key("operations", everywhere=True)
        done = cls.daemon.operator("keys", "revoke", name_of(revoked), "--reason", "lost")
        assert done.returncode == 0, done.stderr
        own = {"organisations": [cls.organisation]}
        # Caller -> (key, roles, what it is bound to: None everything, else what it may name)
        cls.callers = {
            "nobody": (None, (), None), "unknown key": (UNKNOWN_KEY, (), None), "revoked key": (revoked, (), None),
            "no key by its form": ("vtq_1", (), None),
            "operations": (operations_key, ("operations", "learner-details"), None),
            "operations, masked": (cls.daemon.key("operations", everywhere=True), ("operations",), None),
            "operations, own organisation": (cls.daemon.key("operations", **own), ("operations",), "own organisation"),
            "operations, another organisation": (cls.daemon.key("operations", organisations=[FOREIGN]), ("operations",), "another"),
            "approver": (cls.daemon.key("approver", "learner-details", everywhere=True), ("approver", "learner-details"), None),
            "approver, own organisation": (cls.daemon.key("approver", **own), ("approver",), "own organisation"),
            "approver, another organisation": (cls.daemon.key("approver", organisations=[FOREIGN]), ("approver",), "another"),
            "publisher": (publisher, ("publisher",), None),
            "publisher, own organisation": (cls.daemon.key("publisher", **own), ("publisher",), "own organisation"),
            "centre": (cls.daemon.key("centre", centres=[e.CENTRE]), ("centre",), "own centre"),
            "another centre": (cls.daemon.key("centre", centres=[e.OTHER_CENTRE]), ("centre",), "another"),
            "auditor": (cls.daemon.key("auditor", everywhere=True), ("auditor",), None),
        }

    def target(self, path, operation, bound):
        values = {"centre": e.CENTRE, "qualification": e.PATH_QUALIFICATION, "series": e.SERIES, "learner": "P1", "batch": self.batch,
                  "awarding_organisation": e.ORGANISATION,
                  "id": self.rejected, "key": "0123456789abcdef"}
        target = re.sub(r"\{(\w+)\}", lambda part: values[part.group(1)], path)
        known = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
        query = [f"{one['name']}={one['example']}" for one in known.values() if one["required"]]
        if bound in ("own centre", "another") and "centre" in known:
            query.append(f"centre={e.CENTRE}")
        elif bound == "own organisation" and "awarding_organisation" in known:
            query.append(f"awarding_organisation={self.organisation}")
        return target + ("?" + "&".join(query) if query else "")

    @staticmethod
    def names(path, operation, bound):
        """Whether the target names what a caller bound so may see."""
        query = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        if bound == "own centre":
            return "{centre}" in path or "{batch}" in path or "centre" in query
        return "{qualification}" in path or "{batch}" in path or "{awarding_organisation}" in path or "awarding_organisation" in query

    def expected(self, path, operation, roles, bound, known):
        rights = operation["x-rights"]
        if rights == "everybody":
            return None
        if not known:
            return 401
        if rights == "callers":
            return None
        if rights == "access-secret":
            return 403
        *listed, reach = rights.split(", ")
        if not set(roles) & set(listed):
            return 403
        # By its number a learner is named only by who may see numbers, and the key of a sealed batch opens them.
        by_number = "{learner}" in path or path == "/v1/batches/{batch}/key"
        may = 403 if by_number and not {"learner-details", "centre"} & set(roles) else None
        if bound is None or reach == "by fact":
            return may
        if reach == "everywhere" or bound == "another":
            return 403
        return may if self.names(path, operation, bound) else 403

    def test_every_address_with_every_caller(self):
        asked = 0
        for path, method, operation in operations():
            for caller, (key, roles, bound) in self.callers.items():
                known = bool(roles)
                with self.subTest(address=f"{method} {path}", caller=caller):
                    asked += 1
                    expected = self.expected(path, operation, roles, bound, known)
                    # Of what would be done, only the refusals: another test does it.
                    reply = self.daemon.ask(method, self.target(path, operation, bound), key, "{}" if method == "POST" else b"",
                                            accept="text/plain" if path == "/metrics" else "application/json")
                    if expected:
                        self.assertEqual(reply.status, expected, reply.body)
                        self.assertIn("application/problem+json", reply.type)
                        self.assertTrue(reply.json()["detail"])
                        self.assertEqual("WWW-Authenticate" in reply.headers, expected == 401)
                    else:
                        self.assertNotIn(reply.status, (401, 403), reply.body)
        print(f"\n{asked} requests: {len(list(operations()))} addresses, {len(self.callers)} callers")
        self.assertGreater(asked, 400)

    def test_the_server_gives_the_rights_that_are_described(self):
        served = json.loads(self.daemon.ask("GET", "/openapi.json").body)["x-rights"]
        self.assertEqual(served, {f"{method} {path}": operation["x-rights"] for path, method, operation in operations()})
        self.assertNotIn("nobody", served.values())

    def test_refusals_are_counted_and_logged_without_a_key(self):
        count = lambda: sum(float(line.split()[-1]) for line in
                            self.daemon.ask("GET", "/metrics", self.callers["auditor"][0], accept="text/plain").body.decode().splitlines()
                            if re.match(r'vtq_http_refused_total\{.*rule="(role|bound|key-good)"', line))
        before = count()
        for caller in ("unknown key", "publisher", "another centre"):
            self.daemon.ask("GET", f"/v1/centres/{e.CENTRE}", self.callers[caller][0])
        self.assertEqual(count() - before, 3)
        refused = [line for line in self.daemon.log() if line["message"] == "refused"]
        self.assertTrue(any(line["caller"].startswith("key ") and line["rule"] == "bound" for line in refused))
        with open(os.path.join(self.daemon.directory, "log"), encoding="utf-8") as file:
            text = file.read()
        for key, *_ in self.callers.values():
            if key and len(key) > 20:
                self.assertNotIn(key.rsplit("_", 1)[1], text)

    def test_what_is_wrong_is_not_told_to_everybody(self):
        self.assertEqual(self.daemon.ask("GET", "/readyz").status, 200)
        self.assertEqual(self.daemon.ask("GET", "/livez", UNKNOWN_KEY).status, 200)

    def test_who_passes_a_request_on_must_have_the_secret(self):
        operations_key = self.callers["operations"][0]
        forwarded = {"X-Vtq-Forwarded": "1"}
        reply = self.daemon.ask("GET", "/v1/overview", operations_key, headers=forwarded)
        self.assertEqual((reply.status, reply.json()["rule"]), (401, "caller-signed"))
        for forged in ("7b7d." + "0" * 64, "x", ".", "7b7d"):
            reply = self.daemon.ask("GET", "/v1/overview", operations_key, headers={"X-Vtq-Caller": forged})
            self.assertEqual((reply.status, reply.json()["rule"]), (401, "caller-signed"), forged)


class Keys(unittest.TestCase):
    def setUp(self):
        self.daemon = Guarded()
        self.addCleanup(self.daemon.__exit__)
        self.daemon.start()

    def listed(self):
        return json.loads(self.daemon.operator("keys", "list", "--json").stdout)["keys"]

    def test_a_key_from_its_making_to_its_end(self):
        key = self.daemon.key("operations", everywhere=True, name="Ops desk")
        self.assertRegex(key, r"^vtq_[0-9a-f]{16}_[0-9a-f]{64}$")
        self.assertEqual(self.daemon.ask("GET", "/v1/overview", key).status, 200)
        (one,) = self.listed()
        self.assertEqual((one["key"], one["name"], one["roles"], one["good"]), (name_of(key), "Ops desk", ["operations"], True))
        self.assertIn("Ops desk", self.daemon.operator("keys", "list").stdout)
        # A key asks with a file of resultsctl's, too.
        path = os.path.join(self.daemon.directory, "key")
        with open(path, "w", encoding="ascii") as file:
            file.write(key + "\n")
        self.assertEqual(run("resultsctl", "--url", self.daemon.url, "--key-file", path, "status").returncode, 0)
        self.assertIn("Keys are made and revoked with the access secret alone",
                      run("resultsctl", "--url", self.daemon.url, "--key-file", path, "keys", "list").stderr)
        # Two answers to who asks are none.
        done = run("resultsctl", "--url", self.daemon.url, "--key-file", path, "--secret-file", self.daemon.secret, "status")
        self.assertIn("not both", done.stderr)
        done = run("resultsctl", "--url", "http://192.0.2.1:8410", "--secret-file", self.daemon.secret, "status")
        self.assertIn("goes to another machine over https alone", done.stderr)
        # It goes to no other machine for all to read on its way.
        for url, told in (("http://192.0.2.1:8410", True), ("http://localhost.example.org:1", True), ("http://localhost:1", False),
                          ("https://localhost:1", False)):
            done = run("resultsctl", "--url", url, "--key-file", path, "status")
            self.assertEqual(("goes to another machine over https alone" in done.stderr, done.returncode != 0), (told, True), done.stderr)
        # It outlives a kill.
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        self.assertEqual(self.daemon.ask("GET", "/v1/overview", key).status, 200)
        # And ends at once, for good.
        self.assertEqual(self.daemon.operator("keys", "revoke", name_of(key), "--reason", "left").returncode, 0)
        self.assertEqual(self.daemon.ask("GET", "/v1/overview", key).status, 401)
        self.assertEqual(self.daemon.operator("keys", "revoke", name_of(key)).returncode, 0)
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(self.daemon.ask("GET", "/v1/overview", key).status, 401)
        self.assertEqual([one["good"] for one in self.listed()], [False])

    def test_the_secret_part_of_a_key_is_in_no_file(self):
        key = self.daemon.key("operations", everywhere=True)
        self.assertEqual(self.daemon.ask("POST", "/v1/backups", key).status, 201)
        self.daemon.stop()
        hidden = key.rsplit("_", 1)[1].encode()
        looked = 0
        for folder, _, names in os.walk(self.daemon.directory):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(hidden, file.read(), name)
                looked += 1
        self.assertGreater(looked, 10)

    def test_making_a_key_does_not_move_event_time(self):
        publisher = self.daemon.key("publisher", everywhere=True)
        self.assertEqual(self.daemon.publish(publisher, e.reference() + [e.time_reached("2023-05-01T00:00:00Z")]).json()["rejected"], 0)
        operations_key = self.daemon.key("operations", everywhere=True)
        self.daemon.operator("keys", "revoke", name_of(publisher))
        self.assertTrue(self.daemon.ask("GET", "/v1/overview", operations_key).json()["time"].startswith("2023-05-01"))

    def test_words_about_keys_that_this_service_did_not_say_count_for_nothing(self):
        publisher = self.daemon.key("publisher", everywhere=True)
        with open(os.path.join(ROOT, "tests/data/events/access_key_revoked.json"), encoding="utf-8") as file:
            forged = json.load(file)
        forged["accessKeyRevoked"]["key"] = name_of(publisher)
        reply = self.daemon.publish(publisher, [forged])
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "asserted-by-role"))
        # Nor when it comes by another way: here, while nobody had to say who it is.
        self.daemon.stop()
        secret = self.daemon.settings.pop("access.secret_file")
        self.daemon.start()
        self.daemon.post_events([forged])
        self.daemon.stop()
        self.daemon.settings["access.secret_file"] = secret
        self.daemon.start()
        self.assertEqual(self.daemon.publish(publisher, e.reference()).json()["rejected"], 0)
        self.assertEqual(json.loads(self.daemon.operator("keys", "list", "--json").stdout)["unsealed"], 1)

    def test_another_secret_ends_all_keys_and_both_together_keep_them(self):
        key = self.daemon.key("auditor", everywhere=True)
        self.daemon.stop()
        old = open(self.daemon.secret, encoding="ascii").read()
        with open(self.daemon.secret, "w", encoding="ascii") as file:
            file.write("a" * 64 + "\n" + old)
        self.daemon.start()
        self.assertEqual(self.daemon.ask("GET", "/v1/clock", key).status, 200)
        self.daemon.stop()
        with open(self.daemon.secret, "w", encoding="ascii") as file:
            file.write("a" * 64 + "\n")
        self.daemon.start()
        self.assertEqual(self.daemon.ask("GET", "/v1/clock", key).status, 401)

    def test_a_secret_that_cannot_be_used_keeps_it_from_starting(self):
        self.daemon.stop()
        os.chmod(self.daemon.secret, 0o644)
        for why in ("can be read by others", "cannot be read"):
            ended = subprocess.run([program("resultsd"), "--config", self.daemon.config()], stderr=subprocess.PIPE, env=environment(), timeout=60,
                                   check=False)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(why, ended.stderr.decode())
            if os.path.exists(self.daemon.secret):
                os.remove(self.daemon.secret)

    def test_without_a_secret_there_are_no_keys_and_everybody_may(self):
        with Daemon({"time.source": "event"}) as open_to_all:
            self.assertEqual(open_to_all.get("/v1/overview").status, 200)
            self.assertEqual(open_to_all.get("/v1/keys").json()["keys"], [])
            reply = open_to_all.post("/v1/keys", json.dumps({"name": "x"}))
            self.assertEqual((reply.status, reply.json()["rule"]), (409, "access-secret-set"))


class Abuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Guarded({"http.body_bytes_max": "1MiB"})
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.start()
        cls.ops = cls.daemon.key("operations", everywhere=True)
        cls.publisher = cls.daemon.key("publisher", everywhere=True)

    def rejected(self):
        return len(self.daemon.ask("GET", "/v1/rejected", self.ops).json()["rejected"])

    def test_a_body_of_who_is_not_known_is_not_read(self):
        for key in (None, UNKNOWN_KEY):
            with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as asking:
                named = f"Authorization: Bearer {key}\r\n" if key else ""
                asking.sendall(f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n{named}Content-Type: application/json\r\n"
                               "Content-Length: 900000\r\n\r\n".encode())
                reply = asking.recv(65536).decode()  # without a byte of the body
                self.assertIn(" 401 ", reply.splitlines()[0])
                self.assertIn("WWW-Authenticate: Bearer", reply)

    def test_trailers_of_a_body_say_nothing_of_who_asks(self):
        with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as asking:
            asking.sendall(f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.publisher}\r\nContent-Type: application/json\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nX-Vtq-Forwarded: 1\r\nOrigin: https://evil.example\r\n\r\n".encode())
            self.assertIn(" 200 ", asking.recv(65536).decode().splitlines()[0])

    def test_replaying_is_no_way_to_assert_what_is_not_ones_own(self):
        rejected = self.daemon.publish(self.publisher, [{"id": "x", "source": "y"}]).json()["events"][0]["rejectedId"]
        target = f"/v1/rejected/{rejected}/replay"
        reply = self.daemon.ask("POST", target, self.ops, json.dumps(e.reference()[0]))
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "asserted-by-role"))
        both = self.daemon.key("operations", "publisher", everywhere=True)
        self.assertEqual(self.daemon.ask("POST", target, both, json.dumps(e.reference()[0])).status, 200)

    def test_wrong_events_of_a_centre_fill_no_disk(self):
        centre, before = self.daemon.key("centre", centres=[e.CENTRE]), self.rejected()
        reply = self.daemon.publish(centre, [{"id": "x", "source": "y"}, {"no": "event"}])
        self.assertEqual(reply.status, 422, reply.body)
        self.assertEqual(reply.json()["errors"][0]["line"], 1)
        self.assertEqual(self.rejected(), before)
        self.daemon.publish(self.publisher, [{"id": "x2", "source": "y"}])
        self.assertEqual(self.rejected(), before + 1)

    def test_who_is_not_known_cannot_fill_the_log(self):
        lines = lambda: sum(line["message"] == "refused" for line in self.daemon.log())
        before = lines()
        for _ in range(300):
            self.daemon.ask("GET", "/v1/overview", UNKNOWN_KEY)
        self.assertLess(lines() - before, 60)

    def test_what_the_operator_signed_is_not_taken_twice_nor_by_another_server(self):
        body = json.dumps({"name": "once", "roles": ["auditor"], "everywhere": True, "expiresOn": "2027-06-30"})
        signed = signed_by(self.daemon, "POST", "/v1/keys", body)
        ask = lambda host: self.daemon.ask("POST", "/v1/keys", None, body, headers={"X-Vtq-Caller": signed, "Host": host})
        here = f"127.0.0.1:{self.daemon.port}"
        self.assertEqual(ask("localhost").status, 401)
        self.assertEqual(ask(here).status, 201)
        again = ask(here)
        self.assertEqual((again.status, again.json()["rule"]), (401, "caller-fresh"))
        changed = self.daemon.ask("POST", "/v1/keys", None, body.replace("auditor", "approver"),
                                  headers={"X-Vtq-Caller": signed_by(self.daemon, "POST", "/v1/keys", body), "Host": here})
        self.assertEqual((changed.status, changed.json()["rule"]), (401, "caller-signed"))

    def test_what_was_signed_before_a_start_is_not_taken_after_it(self):
        with Guarded({"http.port": free_ports()}) as daemon:
            body = json.dumps({"name": "once", "roles": ["auditor"], "everywhere": True, "expiresOn": "2027-06-30"})
            header = {"X-Vtq-Caller": signed_by(daemon, "POST", "/v1/keys", body)}
            self.assertEqual(daemon.ask("POST", "/v1/keys", None, body, headers=header).status, 201)
            for how in (signal.SIGKILL, signal.SIGTERM):
                daemon.stop(how)
                daemon.start()
                again = daemon.ask("POST", "/v1/keys", None, body, headers=header)
                self.assertEqual((again.status, again.json()["rule"]), (401, "caller-fresh"))
            self.assertEqual(daemon.ask("POST", "/v1/keys", None, body, headers={"X-Vtq-Caller": signed_by(daemon, "POST", "/v1/keys", body)}).status, 201)

    def test_two_words_on_who_asks_are_none(self):
        good = self.daemon.key("operations", everywhere=True)
        for header in ("Authorization", "X-Vtq-Caller"):
            with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=30) as connection:
                lines = f"{header}: Bearer {good}\r\n{header.lower()}: Bearer {UNKNOWN_KEY}\r\n"
                connection.sendall(f"GET /v1/overview HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
                self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 400"), header)
        for scheme in ("bearer", "BEARER"):
            self.assertEqual(self.daemon.ask("GET", "/v1/overview", headers={"Authorization": f"{scheme} {good}"}).status, 200)


class Asserting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Guarded()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.start()
        cls.all = cls.daemon.key("publisher", everywhere=True)
        assert cls.daemon.publish(cls.all, e.reference()).json()["rejected"] == 0
        cls.own = cls.daemon.key("publisher", organisations=[e.ORGANISATION])
        cls.other = cls.daemon.key("publisher", organisations=[FOREIGN])
        cls.centre = cls.daemon.key("centre", centres=[e.CENTRE])
        cls.ops = cls.daemon.key("operations", everywhere=True)

    def entries(self):
        return self.daemon.ask("GET", "/v1/overview", self.ops).json()["entries"]

    def test_a_publisher_speaks_for_its_own_awarding_organisation_alone(self):
        self.assertEqual(self.daemon.publish(self.own, [e.registered("A1")]).json()["accepted"], 1)
        before = self.entries()
        reply = self.daemon.publish(self.other, [e.registered("A2")])
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "asserted-by-owner"), reply.body)
        self.assertEqual(reply.json()["errors"][0]["line"], 1)
        self.assertEqual(self.entries(), before)

    def test_a_body_with_one_event_that_is_not_its_senders_is_refused_whole_and_not_kept(self):
        before, rejected = self.entries(), len(self.daemon.ask("GET", "/v1/rejected", self.ops).json()["rejected"])
        reply = self.daemon.publish(self.own, [e.registered("B1"), e.registered("B2"), e.time_reached("2023-02-02T00:00:00Z")])
        self.assertEqual((reply.status, reply.json()["rule"], reply.json()["errors"][0]["line"]), (403, "asserted-by-all", 3))
        self.assertEqual(self.entries(), before)
        self.assertEqual(len(self.daemon.ask("GET", "/v1/rejected", self.ops).json()["rejected"]), rejected)

    def defined(self, number, organisation=e.ORGANISATION):
        define = json.loads(json.dumps(next(one for one in e.reference() if "qualificationDefined" in one)))
        define["id"] = f"defines-{number}-{organisation}"
        define["qualificationDefined"].update(qualification=number, awardingOrganisation=organisation)
        return define

    def test_a_new_qualification_is_defined_by_a_publisher_for_all_and_known_at_once(self):
        number = e.qualification_number("6007771")
        first, define = e.registered("C1", qualification=number), self.defined(number)
        self.assertEqual(self.daemon.publish(self.own, [first]).status, 403)
        for body in ([define], [define, first]):
            reply = self.daemon.publish(self.own, body)
            self.assertEqual((reply.status, reply.json()["rule"]), (403, "asserted-by-owner"))
        self.assertEqual(self.daemon.publish(self.all, [define]).json()["accepted"], 1)
        for learner in range(20):
            self.assertEqual(self.daemon.publish(self.own, [e.registered(f"C2{learner}", qualification=number)]).status, 200)
        # Whose it is may say it anew; nobody takes it over, nor gives it away.
        anew = {**define, "id": "anew", "occurredAt": "2023-01-02T10:00:00Z"}
        anew["qualificationDefined"] = {**define["qualificationDefined"], "title": "Another title"}
        reply = self.daemon.publish(self.own, [anew]).json()
        self.assertEqual(reply["accepted"], 1, reply)
        for key in (self.own, self.other):
            self.assertEqual(self.daemon.publish(key, [self.defined(number, FOREIGN)]).json()["rule"], "asserted-by-owner")

    def test_a_number_that_nobody_defined_can_be_claimed_by_no_bounded_publisher_whenever_it_tries(self):
        """Two at once, of which one is the owner: a look at who has it comes before the other's word is in."""
        for at in range(10):
            number = e.qualification_number(f"60088{at:02}")
            answers = []
            say = lambda key, organisation, number=number, answers=answers: answers.append(
                (key, self.daemon.publish(key, [self.defined(number, organisation)]).status))
            both = [threading.Thread(target=say, args=one) for one in ((self.all, e.ORGANISATION), (self.other, FOREIGN))]
            for one in both:
                one.start()
            for one in both:
                one.join()
            self.assertEqual(sorted(answers), sorted([(self.all, 200), (self.other, 403)]))
            self.assertEqual(self.daemon.publish(self.own, [e.registered(f"Q{at}", qualification=number)]).status, 200)

    def test_a_centres_word_on_what_is_not_known_is_refused_and_not_kept(self):
        before = len(self.daemon.ask("GET", "/v1/rejected", self.ops).json()["rejected"])
        answer = e.answered("U1")
        answer["checkpointAnswered"]["entry"]["qualification"] = e.qualification_number("6009999")
        reply = self.daemon.publish(self.centre, [answer])
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "qualification-known"))
        self.assertEqual(len(self.daemon.ask("GET", "/v1/rejected", self.ops).json()["rejected"]), before)

    def test_a_centre_answers_for_itself_and_asserts_nothing_else(self):
        self.daemon.publish(self.all, [e.registered("D1"), e.registered("D2", centre=e.OTHER_CENTRE)])
        self.assertEqual(self.daemon.publish(self.centre, [e.answered("D1")]).json()["accepted"], 1)
        self.assertEqual(self.daemon.publish(self.centre, [e.answered("D2", centre=e.OTHER_CENTRE)]).json()["rule"], "asserted-by-centre")
        self.assertEqual(self.daemon.publish(self.centre, [e.claimed("D1")]).json()["rule"], "asserted-by-role")


if __name__ == "__main__":
    unittest.main(verbosity=2)
