#!/usr/bin/env python3
"""People sign in to the real resultsd, with an issuer of the test's own: from the first page to the last, and everything that must not let anybody
in; the demonstration's page; tokens of systems."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from datetime import datetime, timedelta, timezone

import events as e
from callers import Guarded
from daemon import ROOT, environment, program, wait_until
from oidc_issuer import Browser, Issuer, SigningKey
from ports import free_ports
from wall_clock import WallClock

ROLES = "ops = operations everywhere; exams = centre organisation; approver = approver RN9001; off = operations everywhere"
SESSION_KEYS = ("a" * 64, "b" * 64)


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    return path


def settings(issuer, directory, port):
    return {"http.port": port, "sign_in.issuer": issuer.url, "sign_in.client_id": issuer.client, "sign_in.public_url": f"http://127.0.0.1:{port}",
            "sign_in.client_secret_file": write_secret(os.path.join(directory, "client.secret"), issuer.secret + "\n"),
            "sign_in.session_key_file": write_secret(os.path.join(directory, "session.keys"), SESSION_KEYS[0] + "\n"), "sign_in.roles": ROLES}


class SignedIn(unittest.TestCase):
    """One issuer and one daemon for each test."""
    more = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sign-in-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.issuer = Issuer(folder.name).start()
        self.addCleanup(lambda: self.issuer.server and self.issuer.stop())
        self.issuer.claims = {"roles": ["ops"]}
        self.daemon = self.make()
        self.addCleanup(self.daemon.__exit__)
        self.daemon.start()
        self.browser = Browser(self.daemon.port)

    def make(self):
        return Guarded({**settings(self.issuer, self.folder, free_ports()), **self.more})

    def rule_of(self, reply):
        found = re.search(rb"name this: ([a-z-]+)", reply.body)
        return found[1].decode() if found else None

    def refused(self, reply, status, rule):
        self.assertEqual((reply.status, self.rule_of(reply)), (status, rule), reply.body)
        self.assertEqual(reply.type, "text/html")
        self.assertIn(b"/sign-in", reply.body)
        self.assertEqual(self.browser.session().status, 401)

    def define_centres(self):
        with_numbers = [e.event("2023-01-02T10:00:00Z", "centreDefined", {"centre": centre, "name": f"School {centre}", "urn": urn, "ukprn": ukprn})
                        for centre, urn, ukprn in ((e.CENTRE, "100001", "10000001"), (e.OTHER_CENTRE, "", "10000002"),
                                                   ("90003", "100003", ""), ("90004", "100003", ""))]
        reply = self.daemon.publish(self.daemon.key("publisher", everywhere=True), e.reference() + with_numbers)
        self.assertEqual(reply.json()["rejected"], 0, reply.body)


class People(SignedIn):
    def test_from_the_first_page_to_the_last(self):
        first = self.browser.ask("GET", "/sign-in")
        self.assertEqual(first.status, 200)
        self.assertIn(b'href="/sign-in/start"', first.body)
        self.assertEqual(self.browser.ask("GET", "/signed-in").headers["Location"], "/sign-in")
        reply = self.browser.sign_in()
        self.assertEqual((reply.status, reply.headers["Location"]), (303, "/signed-in"))
        cookie = next(line for line in reply.headers.get_all("Set-Cookie") if line.startswith("resultsd="))
        for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"):
            self.assertIn(part, cookie)
        self.assertNotIn("resultsd-signing-in", self.browser.cookies)
        page = self.browser.ask("GET", "/signed-in")
        self.assertIn(b"operations", page.body)
        session = self.browser.session().json()
        self.assertEqual((session["roles"], session["everywhere"]), (["operations"], True))
        self.assertRegex(session["name"], r"^person [0-9a-f]{16}$")
        self.assertRegex(session["person"], r"^[0-9a-f]{64}$")
        self.assertEqual(self.browser.ask("GET", "/v1/overview").status, 200)
        self.assertEqual(self.browser.ask("GET", "/v1/keys").status, 403)
        # The same person is the same in another session, and another is not.
        again = Browser(self.daemon.port)
        again.sign_in()
        self.assertEqual(again.session().json()["person"], session["person"])
        self.issuer.subject = "bob@example.org"
        other = Browser(self.daemon.port)
        other.sign_in()
        self.assertNotEqual(other.session().json()["person"], session["person"])
        # Signing out ends every session of hers, copies too, and of nobody else.
        copy = Browser(self.daemon.port)
        copy.cookies = dict(self.browser.cookies)
        token = re.search(rb'name="csrf" value="([^"]+)"', page.body)[1].decode()
        left = self.browser.form("/sign-out", csrf=token)
        self.assertEqual((left.status, left.headers["Location"]), (303, "/sign-in?signed-out=1"))
        self.assertNotIn("resultsd", self.browser.cookies)
        self.assertEqual([one.session().status for one in (self.browser, copy, again, other)], [401, 401, 401, 200])
        self.assertIn(f"{self.issuer.url}/end".encode(), self.browser.ask("GET", "/sign-in?signed-out=1").body)
        # It holds after a restart.
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual([one.session().status for one in (copy, again, other)], [401, 401, 200])
        # And she may come back.
        self.issuer.subject = "ada@example.org"
        self.assertEqual(self.browser.sign_in().status, 303)
        self.assertEqual(self.browser.session().json()["person"], session["person"])

    def test_no_name_of_hers_is_in_the_log_or_the_store(self):
        self.browser.sign_in()
        token = self.browser.session().json()["csrfToken"]
        self.assertEqual(self.browser.form("/sign-out", csrf=token).status, 303)
        self.daemon.stop()
        for folder, _, names in os.walk(self.daemon.directory):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"ada@example", file.read(), name)
        self.assertTrue(any(line["message"] == "a person signed in" for line in self.daemon.log()))

    def test_signing_out_is_on_record_with_who_it_was(self):
        self.browser.sign_in()
        session = self.browser.session().json()
        self.assertEqual(self.browser.form("/sign-out", csrf=session["csrfToken"]).status, 303)
        records = self.daemon.ask("GET", "/v1/audit?partition=0&act=sign-out", self.daemon.key("auditor", everywhere=True)).json()["records"]
        self.assertEqual([(one["by"]["name"], one["by"].get("person")) for one in records], [(session["name"], session["person"])])

    def end(self, key, reason="left the project", **whom):
        return self.daemon.ask("POST", "/v1/people/sign-out", key, json.dumps({**whom, "reason": reason}))

    def test_operations_end_the_sessions_of_one_person(self):
        self.browser.sign_in()
        ada = self.browser.session().json()["person"]
        self.issuer.subject = "bob@example.org"
        bob = Browser(self.daemon.port)
        bob.sign_in()
        person, token = bob.session().json()["person"], bob.session().json()["csrfToken"]
        # From a page, by whoever signed in as operations.
        reply = bob.ask("POST", "/v1/people/sign-out", json.dumps({"person": ada, "reason": "left the project"}),
                        {"Content-Type": "application/json", "X-Vtq-Csrf": token})
        self.assertEqual((reply.status, reply.json()["person"]), (200, ada), reply.body)
        self.assertEqual([self.browser.session().status, bob.session().status], [401, 200])
        self.assertEqual(self.browser.ask("GET", "/v1/overview").status, 401)
        auditor = self.daemon.key("auditor", everywhere=True)
        record, = self.daemon.ask("GET", "/v1/audit?partition=0&act=sessions-ended", auditor).json()["records"]
        self.assertEqual((record["by"]["person"], record["detail"], record["reason"]), (person, f"person {ada}", "left the project"))
        self.assertEqual(self.daemon.ask("GET", "/v1/audit?partition=0&act=sign-out", auditor).json()["records"], [])
        # It holds after a restart. Whether she may come back is the issuer's decision, which still lets her in.
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual([self.browser.session().status, bob.session().status], [401, 200])
        self.issuer.subject = "ada@example.org"
        self.assertEqual(self.browser.sign_in().status, 303)
        self.assertEqual(self.browser.session().json()["person"], ada)
        # By the subject that the issuer knows, of which only the hash is kept; with resultsctl, by a key.
        ended = self.daemon.operator("people", "sign-out", "--subject", "ada@example.org", "--reason", "left again")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn(ada, ended.stdout)
        self.assertEqual([self.browser.session().status, bob.session().status], [401, 200])
        ended = self.daemon.operator("people", "sign-out", person, "--reason", "left as well")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(bob.session().status, 401)

    def test_nobody_but_operations_for_everything_ends_anothers_sessions(self):
        self.browser.sign_in()
        ada = self.browser.session().json()["person"]
        bounded = self.end(self.daemon.key("operations", organisations=["RN9001"]), person=ada)
        self.assertEqual((bounded.status, bounded.json()["rule"]), (403, "bound"))
        self.assertIn("is bounded", bounded.json()["detail"])
        for role in ("approver", "publisher", "auditor"):
            reply = self.end(self.daemon.key(role, everywhere=True), person=ada)
            self.assertEqual((reply.status, reply.json()["rule"]), (403, "role"), role)
        self.assertEqual(self.end(None, person=ada).status, 401)
        # A page of somebody else has not the session's token.
        reply = self.browser.ask("POST", "/v1/people/sign-out", json.dumps({"person": ada, "reason": "x"}), {"Content-Type": "application/json"})
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "csrf-token"))
        self.assertEqual(self.browser.session().status, 200)

    def test_whose_sessions_end_and_why_is_said_in_full(self):
        self.browser.sign_in()
        ada, key = self.browser.session().json()["person"], self.daemon.key("operations", everywhere=True)
        for whom, reason, rule in (({"person": ada}, "", "text-length"), ({"person": ada}, "x" * 501, "text-length"), ({}, "x", "person-or-subject"),
                                   ({"person": ada, "subject": "ada@example.org"}, "x", "person-or-subject"), ({"person": ada[:16]}, "x", "hexadecimal"),
                                   ({"person": ada.upper()}, "x", "hexadecimal"), ({"subject": "x" * 501}, "x", "text-length")):
            reply = self.end(key, reason, **whom)
            self.assertEqual((reply.status, reply.json()["rule"]), (422, rule), whom)
        self.assertEqual(self.daemon.ask("POST", "/v1/people/sign-out", key, "[]").status, 422)
        self.assertEqual(self.end(key, " \n", person=ada).json()["rule"], "text-length")
        self.assertEqual(self.end(key, person=ada, before="2026-01-01").json()["rule"], "json-form")
        self.assertEqual(self.browser.session().status, 200)
        self.assertEqual(self.end(key, "x" * 500, person=ada).status, 200)
        self.assertEqual(self.browser.session().status, 401)

    def test_a_session_opens_what_the_description_says_and_changes_nothing_without_its_token(self):
        with open(os.path.join(ROOT, "proto", "http", "openapi.json"), encoding="utf-8") as file:
            paths = json.load(file)["paths"]
        self.browser.sign_in()
        seen = 0
        for path, item in paths.items():
            for method, operation in item.items():
                if operation["security"] == [] or not any("cookieAuth" in way for way in operation["security"]):
                    continue
                seen += 1
                body = None if method == "get" else "{}"
                reply = self.browser.ask(method.upper(), re.sub(r"\{\w+\}", "nothing", path), body, {"Content-Type": "application/json"} if body else None)
                if method == "get":
                    self.assertNotEqual(reply.status, 401, path)
                else:
                    self.assertEqual((reply.status, reply.json()["rule"]), (403, "csrf-token"), path)
        self.assertGreater(seen, 25)
        for method, target in (("GET", "/v1/keys"), ("POST", "/v1/keys"), ("POST", "/v1/keys/0123456789abcdef/revoke")):
            reply = self.browser.ask(method, target, "{}" if method == "POST" else None,
                                     {"Content-Type": "application/json", "X-Vtq-Csrf": self.browser.session().json()["csrfToken"]})
            self.assertEqual((reply.status, reply.json()["rule"]), (403, "access-secret"), target)

    def test_pages_have_headers_that_let_no_script_run(self):
        for target in ("/sign-in", "/signed-in", "/sign-in/start", "/sign-in/callback", "/sign-in/callback?code=x&state=y", "/assets/sign-in.css"):
            headers = self.browser.ask("GET", target).headers
            policy = headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy, target)
            self.assertIn("frame-ancestors 'none'", policy, target)
            self.assertNotIn("unsafe", policy, target)
            for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
                                ("Cross-Origin-Resource-Policy", "same-origin"), ("Cache-Control", "no-store")):
                self.assertEqual(headers[name], value, target)
            self.assertIn("camera=()", headers["Permissions-Policy"])
        for target in ("/sign-in", "/sign-in/callback?code=x&state=y"):
            body = self.browser.ask("GET", target).body.decode()
            self.assertIn('<html lang="en-GB">', body)
            self.assertEqual(body.count("<h1>"), 1)
            self.assertNotIn("<script", body)
            self.assertNotIn("style=", body)
        self.assertEqual(self.browser.ask("GET", "/assets/sign-in.css").type, "text/css")

    def test_who_comes_back_goes_where_she_wanted_on_this_server_alone(self):
        reply = self.browser.ask("GET", self.browser.to_issuer("/sign-in/start?next=%2Fv1%2Foverview"))
        self.assertEqual(reply.headers["Location"], "/v1/overview")
        for foreign in ("https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "evil", "%2Fa%0d%0aX:1"):
            reply = Browser(self.daemon.port)
            self.assertEqual(reply.ask("GET", reply.to_issuer(f"/sign-in/start?next={foreign}")).headers["Location"], "/signed-in", foreign)

    def test_a_browser_is_sent_to_the_address_that_the_issuer_knows(self):
        reply = self.browser.ask("GET", "/sign-in/start?next=/x", headers={"Host": f"localhost:{self.daemon.port}"})
        self.assertEqual(reply.headers["Location"], f"http://127.0.0.1:{self.daemon.port}/sign-in/start?moved=1&next=%2Fx")
        self.assertEqual(self.browser.cookies, {})

    def test_a_token_that_is_not_good_lets_nobody_in(self):
        now = int(self.issuer.now())
        for claims, rule in (({"aud": "another"}, "token-audience"), ({"aud": ["resultsd", "another"]}, "token-party"), ({"azp": "another"}, "token-party"),
                             ({"nonce": "another"}, "token-nonce"), ({"nonce": None}, "token-nonce"), ({"iss": "http://127.0.0.1:1"}, "token-issuer"),
                             ({"exp": now - 61}, "token-expired"), ({"iat": now - 700}, "token-expired"), ({"iat": now + 300}, "token-early"),
                             ({"nbf": now + 300}, "token-early"), ({"sub": ""}, "token-subject"), ({"sub": None}, "token-subject")):
            with self.subTest(claims=claims):
                self.issuer.claims = {"roles": ["ops"], **claims}
                self.refused(self.browser.sign_in(), 403, rule)
        self.issuer.claims = {"roles": ["ops"], "aud": ["resultsd", "another"], "azp": "resultsd", "exp": now - 30}
        self.assertEqual(self.browser.sign_in().status, 303)

    def test_a_signature_of_another_key_of_the_same_name_lets_nobody_in(self):
        self.browser.sign_in()  # the key is known
        self.browser.cookies.clear()
        os.makedirs(os.path.join(self.folder, "thief"))
        self.issuer.keys = [SigningKey(os.path.join(self.folder, "thief"), "key1")]
        self.refused(self.browser.sign_in(), 403, "token-signature")

    def test_a_new_key_of_the_issuer_is_found(self):
        self.assertEqual(self.browser.sign_in().status, 303)
        self.issuer.rotate()
        self.browser.cookies.clear()
        self.assertEqual(self.browser.sign_in().status, 303)

    def test_what_comes_back_is_good_once_and_in_the_browser_that_began(self):
        back = self.browser.to_issuer()
        kept = dict(self.browser.cookies)
        # In another browser, as when somebody is sent a link.
        other = Browser(self.daemon.port)
        reply = other.ask("GET", back)
        self.assertEqual((reply.status, self.rule_of(reply)), (400, "sign-in-state"))
        self.assertEqual(other.session().status, 401)
        # With another state.
        self.refused(self.browser.ask("GET", re.sub(r"state=[^&]+", "state=" + "0" * 64, back)), 400, "sign-in-state")
        # From another issuer.
        self.browser.cookies = dict(kept)
        self.assertEqual(self.browser.ask("GET", back).status, 303)
        # The same again, with the cookie of then: somebody who copied both.
        thief = Browser(self.daemon.port)
        thief.cookies = dict(kept)
        reply = thief.ask("GET", back)
        self.assertEqual((reply.status, self.rule_of(reply)), (400, "sign-in-state"))
        self.assertEqual(thief.session().status, 401)
        # Loaded again where it went well, it leads to where one is.
        self.assertEqual(self.browser.ask("GET", back).headers["Location"], "/signed-in")

    def test_a_code_that_the_issuer_does_not_take_lets_nobody_in(self):
        back = self.browser.to_issuer()
        self.issuer.codes.clear()
        self.refused(self.browser.ask("GET", back), 400, "code-good")
        back = self.browser.to_issuer()
        self.refused(self.browser.ask("GET", re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", back)), 400, "sign-in-issuer")

    def test_a_call_back_without_anything_leads_to_the_start(self):
        for target in ("/sign-in/callback", "/sign-in/callback?session_state=x", "/sign-in/callback?state=x"):
            reply = self.browser.ask("GET", target)
            self.assertEqual((reply.status, reply.headers["Location"]), (303, "/sign-in"), target)
        self.browser.sign_in()
        self.assertEqual(self.browser.ask("GET", "/sign-in/callback").headers["Location"], "/signed-in")

    def test_an_error_of_the_issuer_is_said_in_words(self):
        for error, status, rule in (("access_denied", 403, "sign-in-denied"), ("server_error", 400, "sign-in-error"), ("<script>", 400, "sign-in-error")):
            back = self.browser.to_issuer()
            reply = self.browser.ask("GET", re.sub(r"code=[^&]+", f"error={error}", back))
            self.refused(reply, status, rule)
            self.assertNotIn(b"<script", reply.body)

    def test_an_issuer_that_is_down_is_named_and_found_again(self):
        port = self.issuer.port
        self.issuer.stop()
        reply = self.browser.ask("GET", "/sign-in/start")
        self.refused(reply, 503, "issuer-reached")
        self.assertIn(b"did not answer", reply.body)
        self.assertEqual(self.daemon.ask("GET", "/livez").status, 200)
        self.issuer.start(port)
        wait_until(lambda: self.browser.ask("GET", "/sign-in/start").status == 303, "the issuer is found again")
        self.assertEqual(self.browser.sign_in().status, 303)

    def test_nobody_has_a_role_that_nobody_gave(self):
        for roles in (None, [], ["king"], "Ops", {"ops": True}):
            self.issuer.claims = {"roles": roles}
            self.refused(self.browser.sign_in(), 403, "role-given")
        self.issuer.claims = {"roles": "ops"}
        self.assertEqual(self.browser.sign_in().status, 303)

    def test_what_the_id_token_does_not_say_is_asked_at_userinfo(self):
        self.issuer.claims = {}
        self.issuer.more = {"roles": ["ops"]}
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(self.browser.sign_in().status, 303)
        self.browser.cookies.clear()
        self.issuer.more = {"roles": ["ops"], "sub": "bob@example.org"}
        self.refused(self.browser.sign_in(), 403, "token-subject")

    def test_an_organisation_is_a_centre_by_its_numbers(self):
        self.define_centres()
        for organisation, centre in (({"urn": "100001", "ukprn": "10000001", "status": {"id": 1}}, e.CENTRE), ({"urn": None, "ukprn": "10000002"}, e.OTHER_CENTRE),
                                     (json.dumps({"urn": "100001"}), e.CENTRE)):
            self.issuer.claims = {"roles": ["exams"], "organisation": organisation}
            browser = Browser(self.daemon.port)
            self.assertEqual(browser.sign_in().status, 303, organisation)
            self.assertEqual(browser.session().json()["centres"], [centre])
            self.assertEqual(browser.ask("GET", f"/v1/entries?centre={centre}").status, 200)
            self.assertEqual(browser.ask("GET", "/v1/entries?centre=90003").status, 403)
        for organisation, rule in (({}, "organisation-given"), (None, "organisation-given"), ("{}", "organisation-given"), ({"urn": "100003"}, "organisation-ambiguous"),
                                   ({"urn": "199999"}, "organisation-known"), ({"establishmentNumber": "1"}, "organisation-known"),
                                   ({"urn": "100001", "ukprn": "10000002"}, "organisation-numbers"),
                                   ({"urn": "100001", "status": {"id": 2, "name": "Closed"}}, "organisation-closed"), ([], "organisation-form")):
            self.issuer.claims = {"roles": ["exams"], "organisation": organisation}
            self.refused(self.browser.sign_in(), 403, rule)

    def test_which_numbers_a_centre_has_is_on_record_with_who_said_it(self):
        self.define_centres()
        records = self.daemon.ask("GET", "/v1/audit?partition=0&act=centre-defined", self.daemon.key("auditor", everywhere=True)).json()["records"]
        self.assertEqual(len(records), 4)
        record, = [one for one in records if f"centre {e.CENTRE}," in one["detail"]]
        self.assertTrue(record["detail"].endswith(f"centre {e.CENTRE}, URN 100001, UKPRN 10000001"), record)
        self.assertTrue(record["by"]["name"].startswith("key "), record)

    def test_a_request_that_changes_something_bears_the_sessions_token(self):
        self.browser.sign_in()
        token = self.browser.session().json()["csrfToken"]
        body = json.dumps({"clock": "2026-08-13T07:00:00.000Z"})
        post = lambda **headers: self.browser.ask("POST", "/v1/clock/confirm", body, {"Content-Type": "application/json", **headers})
        reply = post()
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "csrf-token"))
        self.assertEqual(post(**{"X-Vtq-Csrf": token[:-1]}).status, 403)
        self.assertEqual(post(**{"X-Vtq-Csrf": token, "Origin": "https://evil.example"}).status, 403)
        self.assertEqual(post(**{"X-Vtq-Csrf": token}).status, 409)  # nothing to confirm
        self.issuer.subject = "bob@example.org"
        other = Browser(self.daemon.port)
        other.sign_in()
        self.assertEqual(post(**{"X-Vtq-Csrf": other.session().json()["csrfToken"]}).status, 403)
        # A key needs none.
        self.assertEqual(self.daemon.ask("POST", "/v1/clock/confirm", self.daemon.key("operations", everywhere=True), body).status, 409)
        # Nor is one signed out by somebody else's page.
        self.assertEqual(self.browser.form("/sign-out").status, 403)
        self.assertEqual(self.browser.form("/sign-out", csrf="x").status, 403)
        self.assertEqual(self.browser.session().status, 200)

    def test_a_cookie_that_was_changed_opens_nothing(self):
        self.browser.sign_in()
        good = self.browser.cookies["resultsd"]
        for wrong in (good[:-2] + ("AA" if good[-2:] != "AA" else "BB"), good[1:], "", "x"):
            self.browser.cookies["resultsd"] = wrong
            self.assertEqual(self.browser.session().status, 401, wrong)
        self.browser.cookies["resultsd"] = good
        self.assertEqual(self.browser.session().status, 200)

    def test_another_instance_reads_the_session_and_keys_are_changed_without_ending_it(self):
        self.browser.sign_in()
        old = dict(self.browser.cookies)
        with Guarded({**self.daemon.settings, "http.port": 0, "data.directory": os.path.join(self.folder, "second")}, secret=self.daemon.secret) as second:
            self.assertEqual(self.browser.session(port=second.port).status, 200)
        write_secret(self.daemon.settings["sign_in.session_key_file"], "\n".join(reversed(SESSION_KEYS)) + "\n")
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(self.browser.session().status, 200)
        self.browser.sign_in()
        write_secret(self.daemon.settings["sign_in.session_key_file"], SESSION_KEYS[1] + "\n")
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(self.browser.session().status, 200)
        self.browser.cookies = old
        self.assertEqual(self.browser.session().status, 401)

    def test_bodies_of_nobody_are_read_where_a_form_is_expected_alone(self):
        small, large = "csrf=x", "csrf=" + "x" * 5000
        self.assertEqual(self.browser.form("/sign-out", csrf="x").status, 303)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(self.browser.ask("POST", "/sign-out", large, form).status, 401)
        self.assertEqual(self.browser.ask("POST", "/v1/events", small, {"Content-Type": "application/json"}).status, 401)
        self.assertEqual(self.browser.ask("POST", "/sign-out", small, {**form, "Origin": "https://evil.example"}).status, 403)


class ByApi(SignedIn):
    """Roles that an API says, as DfE Sign-in's does."""

    def make(self):
        return Guarded({**settings(self.issuer, self.folder, free_ports()), "sign_in.roles_api_url": self.issuer.url + "/",
                        "sign_in.roles_api_secret_file": write_secret(os.path.join(self.folder, "api.secret"), "api secret\n")})

    def test_roles_are_asked_for_and_what_the_token_says_of_them_counts_for_nothing(self):
        self.define_centres()
        self.issuer.claims = {"roles": ["ops"], "organisation": {"id": "ORG-1", "urn": "100001"}}
        self.refused(self.browser.sign_in(), 403, "role-given")  # 404: no access
        self.issuer.roles = {("ORG-1", "ada@example.org"): ["exams"]}
        self.assertEqual(self.browser.sign_in().status, 303)
        session = self.browser.session().json()
        self.assertEqual((session["roles"], session["centres"]), (["centre"], [e.CENTRE]))
        self.browser.cookies.clear()
        self.issuer.roles = {("ORG-1", "ada@example.org"): []}
        self.refused(self.browser.sign_in(), 403, "role-given")  # nor does a role that is switched off
        self.issuer.claims = {"organisation": {}}
        self.refused(self.browser.sign_in(), 403, "organisation-given")


class Systems(SignedIn):
    more = {"sign_in.token_audience": "resultsd-api"}

    def ask(self, token, target="/v1/overview"):
        return self.daemon.ask("GET", target, token)

    def known(self, token):
        """Once the keys have been asked for, which nobody waits for."""
        wait_until(lambda: self.ask(token).status != 503, "the issuer's keys are known")
        return self.ask(token)

    def test_a_token_of_the_issuer_is_as_good_as_a_key(self):
        reply = self.known(self.issuer.system_token(roles=["ops"]))
        self.assertEqual(reply.status, 200, reply.body)
        session = self.ask(self.issuer.system_token(roles=["ops"]), "/v1/session").json()
        self.assertRegex(session["name"], r"^system [0-9a-f]{16} \(northgate-mis\)$")
        self.assertEqual((session["person"], session["roles"]), ("", ["operations"]))
        self.assertEqual(self.ask(self.daemon.key("operations", everywhere=True)).status, 200)
        now = int(self.issuer.now())
        for claims, status, rule in (({"aud": "resultsd"}, 401, "token-audience"), ({"iss": "x"}, 401, "token-issuer"), ({"exp": now - 61}, 401, "token-expired"),
                                     ({"nbf": now + 61}, 401, "token-early"), ({"roles": []}, 403, "role-given"),
                                     ({"roles": ["exams"]}, 403, "organisation-given")):
            reply = self.ask(self.issuer.system_token(**{"roles": ["ops"], **claims}))
            self.assertEqual((reply.status, reply.json()["rule"]), (status, rule), claims)
        good = self.issuer.system_token(roles=["ops"])
        for wrong, rule in ((good[:-4] + "AAAA", "token-signature"), ("x", "token-form"), ("a.b.c", "token-form")):
            reply = self.ask(wrong)
            self.assertEqual((reply.status, reply.json()["rule"]), (401, rule), wrong)

    def test_a_persons_token_is_no_systems(self):
        self.known(self.issuer.system_token(roles=["ops"]))
        reply = self.ask(self.issuer.system_token(roles=["ops"], aud="resultsd", nonce="x"))
        self.assertEqual(reply.status, 401)

    def test_a_new_key_is_found_within_moments(self):
        self.known(self.issuer.system_token(roles=["ops"]))
        self.issuer.rotate()
        wait_until(lambda: self.ask(self.issuer.system_token(roles=["ops"])).status == 200, "the new key is known")

    def test_a_key_that_nobody_has_is_asked_for_a_few_times_and_refused(self):
        self.known(self.issuer.system_token(roles=["ops"]))
        os.makedirs(os.path.join(self.folder, "thief"))
        forged = SigningKey(os.path.join(self.folder, "thief"), "unheard-of").token({"iss": self.issuer.url, "aud": "resultsd-api", "roles": ["ops"]})
        wait_until(lambda: self.ask(forged).status == 401, "it is refused")
        before = self.issuer.asked.count("/keys")
        self.assertEqual({self.ask(forged).status for _ in range(20)}, {401})
        self.assertEqual(self.issuer.asked.count("/keys"), before)


class Expiry(SignedIn):
    """A wall clock that the test sets."""
    begun = datetime(2026, 10, 1, 9, tzinfo=timezone.utc)

    def make(self):
        daemon = WallClock(self.begun.strftime("%Y-%m-%dT%H:%M:%S"), settings(self.issuer, self.folder, free_ports()))
        daemon.settings["access.secret_file"] = write_secret(os.path.join(self.folder, "access.secret"), "c" * 64 + "\n")
        self.issuer.now = lambda: __import__("time").time() + daemon.offset_s
        return daemon

    def after(self, minutes):
        self.daemon.set((self.begun + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S"))

    def test_a_session_ends_when_nothing_is_asked_for_half_an_hour(self):
        self.browser.sign_in()
        kept = dict(self.browser.cookies)
        self.after(29)
        reply = self.browser.session()
        self.assertEqual(reply.status, 200)
        self.assertIn("resultsd", (reply.headers["Set-Cookie"] or "").split("=")[0])  # renewed
        self.assertIsNone(self.browser.session().headers["Set-Cookie"])  # not again within a minute
        self.after(32)
        self.assertEqual(self.browser.session().status, 200)
        self.browser.cookies = kept  # as it was before it was renewed
        self.assertEqual(self.browser.session().status, 401)
        self.assertEqual(self.browser.ask("GET", "/signed-in").headers["Location"], "/sign-in")

    def test_a_session_ends_after_eight_hours_whatever_is_asked(self):
        self.browser.sign_in()
        for minutes in range(25, 476, 25):
            self.after(minutes)
            self.assertEqual(self.browser.session().status, 200, minutes)
        self.after(481)
        self.assertEqual(self.browser.session().status, 401)
        self.assertEqual(self.browser.sign_in().status, 303)
        self.assertEqual(self.browser.session().status, 200)

    def test_a_way_to_the_issuer_is_good_for_ten_minutes(self):
        back = self.browser.to_issuer()
        self.after(11)
        self.refused(self.browser.ask("GET", back), 400, "sign-in-state")

    def test_a_clock_that_is_put_back_prolongs_nothing(self):
        self.browser.sign_in()
        self.after(20)
        self.daemon.shift(-3600)
        wait_until(lambda: b"doubted" in self.daemon.get("/readyz").body or self.daemon.get("/readyz").status == 503, "the clock is doubted")
        self.daemon.shift(0)
        self.daemon.passed_s += 15 * 60
        self.daemon.shift(15 * 60)
        self.assertEqual(self.browser.session().status, 401)


class Demonstration(unittest.TestCase):
    def test_it_is_only_for_event_time_on_this_machine(self):
        with tempfile.TemporaryDirectory() as directory:
            for more, why in (({}, "time.source"), ({"time.source": "event", "http.trusted_proxy": "127.0.0.1"}, "proxy"),
                              ({"time.source": "event", "sign_in.issuer": "http://127.0.0.1:1", "sign_in.client_id": "x"}, "sign_in.issuer")):
                file = os.path.join(directory, "resultsd.toml")
                with open(file, "w", encoding="utf-8") as config:
                    for name, value in {"data.directory": os.path.join(directory, "store"), "sign_in.demonstration": True, **more}.items():
                        config.write(f"{name} = {json.dumps(value)}\n")
                done = subprocess.run([program("resultsd"), "--config", file], capture_output=True, text=True, env=environment(), timeout=60, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("sign_in.demonstration: ", done.stderr)
                self.assertIn(why, done.stderr)

    def sign_in(self, daemon, **who):
        browser = Browser(daemon.port)
        reply = browser.form("/sign-in/demonstration", **who)
        return browser if reply.status == 303 else reply

    @staticmethod
    def page_with_centres(daemon):
        """The page to sign in, once it has heard of the centres."""
        page = lambda: Browser(daemon.port).ask("GET", "/sign-in").body  # noqa: E731
        return wait_until(lambda: (lambda body: body if e.CENTRE.encode() in body else None)(page()), "the page names the centres")

    def test_with_a_secret_its_people_have_their_roles_and_nobody_else_any(self):
        with Guarded({"sign_in.demonstration": True}) as daemon:
            self.assertEqual(daemon.publish(daemon.key("publisher", everywhere=True), e.reference()).json()["rejected"], 0)
            page = self.page_with_centres(daemon)
            for words in (b"Operations", b"Approver A", b"Approver B", f"Exams officer of {e.CENTRE}".encode()):
                self.assertIn(words, page)
            self.assertEqual(daemon.ask("GET", "/v1/overview").status, 401)
            people = {who: self.sign_in(daemon, **{"as": who}).session().json() for who in ("operations", "approver-a", "approver-b")}
            self.assertEqual([one["roles"] for one in people.values()], [["operations", "auditor"], ["approver"], ["approver"]])
            self.assertEqual(len({one["person"] for one in people.values()}), 3)
            officer = self.sign_in(daemon, **{"as": "centre", "centre": e.CENTRE})
            self.assertEqual(officer.session().json()["centres"], [e.CENTRE])
            self.assertEqual(officer.ask("GET", f"/v1/entries?centre={e.CENTRE}").status, 200)
            self.assertEqual(officer.ask("GET", f"/v1/entries?centre={e.OTHER_CENTRE}").status, 403)
            for who in ({"as": "centre", "centre": "99999"}, {"as": "centre"}, {"as": "king"}, {}):
                self.assertEqual(self.sign_in(daemon, **who).status, 422, who)
            token = officer.session().json()["csrfToken"]
            self.assertEqual(officer.form("/sign-out", csrf=token).status, 303)
            self.assertEqual(officer.session().status, 401)

    def test_who_signed_in_is_shown_what_there_is_to_read(self):
        with Guarded({"sign_in.demonstration": True}) as daemon:
            self.assertEqual(daemon.publish(daemon.key("publisher", everywhere=True), e.reference()).json()["rejected"], 0)
            self.page_with_centres(daemon)
            for who, links in (({"as": "operations"}, ["/v1/overview", "/v1/audit"]), ({"as": "approver-b"}, ["/v1/overview"]),
                               ({"as": "centre", "centre": e.CENTRE}, [f"/v1/centres/{e.CENTRE}"])):
                browser = self.sign_in(daemon, **who)
                shown = re.findall(r'<a href="([^"]+)"', browser.ask("GET", "/signed-in").body.decode())
                self.assertEqual(shown, [*links, "/openapi.json"])
                self.assertEqual([browser.ask("GET", link).status for link in shown], [200] * len(shown))

    def test_without_a_secret_whoever_says_nothing_may_do_what_it_could_before(self):
        from daemon import Daemon
        with Daemon({"time.source": "event", "sign_in.demonstration": True}) as daemon:
            daemon.post_events(e.reference())
            self.assertEqual(daemon.get("/v1/overview").status, 200)
            self.page_with_centres(daemon)
            browser = self.sign_in(daemon, **{"as": "centre", "centre": e.CENTRE})
            self.assertEqual(browser.ask("GET", "/v1/overview").status, 403)
            self.assertEqual(daemon.get("/v1/overview").status, 200)

    def test_elsewhere_nobody_signs_in(self):
        with Guarded() as daemon:
            browser = Browser(daemon.port)
            for target in ("/sign-in", "/sign-in/start", "/sign-in/callback", "/signed-in"):
                self.assertEqual(browser.ask("GET", target).status, 404, target)
            self.assertEqual(browser.form("/sign-in/demonstration", **{"as": "operations"}).status, 404)


if __name__ == "__main__":
    unittest.main(verbosity=2)
