#!/usr/bin/env python3
"""What every answer says to a browser, whatever it answers: over TLS, with an access secret, as on a network."""
import http.client
import json
import os
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import events as e  # noqa: E402
from certificates import Authority  # noqa: E402
from daemon import Daemon, Reply, run  # noqa: E402

# Pages, data, lists, texts, refusals, and what is not there.
TARGETS = ("/sign-in", "/signed-in", "/sign-in/start", "/assets/sign-in.css", "/livez", "/readyz", "/openapi.json", "/metrics", "/v1/session", "/v1/overview",
           "/v1/entries", "/v1/batches", f"/v1/centres/{e.CENTRE}/activity?month=2023-07", "/v1/audit", "/v1/keys", "/v1/no-such-route", "/.git/config", "/", "/v1/entries?x=1")
POLICY = "default-src 'none'"
# Pages name their address to this origin alone: their forms are known by it.
PAGES = ("/sign-in", "/signed-in", "/assets/")


class Headers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="resultsd-")
        cls.addClassCleanup(folder.cleanup)
        authority = Authority(folder.name)
        certificate, key = authority.issue("server")
        cls.secret = os.path.join(folder.name, "access.secret")
        made = run("resultsctl", "access", "make-secret", cls.secret)
        assert made.returncode == 0, made.stderr
        cls.daemon = Daemon({"time.source": "event", "http.tls_certificate_file": certificate, "http.tls_key_file": key, "access.secret_file": cls.secret,
                             "sign_in.demonstration": True}, trust=authority.trust())
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__)
        asked = ("--url", cls.daemon.url, "--ca-file", authority.file, "--secret-file", cls.secret)
        made = run("resultsctl", *asked, "keys", "create", "--name", "a test", "--role", "operations", "--role", "auditor", "--role", "publisher", "--everywhere", "--expires",
                   "2027-06-30")
        assert made.returncode == 0, made.stderr
        cls.key = made.stdout.strip()
        reply = cls.ask("POST", "/v1/events", "\n".join(map(json.dumps, e.reference())), {"Content-Type": "application/x-ndjson"}, key=cls.key)
        assert reply.json()["rejected"] == 0, reply.body

    @classmethod
    def ask(cls, method, target, body=None, headers=None, key=None):
        connection = http.client.HTTPConnection("localhost", cls.daemon.port, timeout=30)
        connection.sock = cls.daemon.connect()
        try:
            connection.request(method, target, body, {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def each(self):
        """Every target for somebody unknown and for a key, and what is refused before it is read."""
        for key in (None, self.key):
            for target in TARGETS:
                yield target, self.ask("GET", target, key=key)
        yield "a post", self.ask("POST", "/v1/events", "{}", {"Content-Type": "application/json"})
        yield "a foreign page", self.ask("POST", "/v1/events", "{}", {"Content-Type": "application/json", "Origin": "https://evil.example"}, key=self.key)
        yield "a foreign host", self.ask("GET", "/v1/overview", headers={"Host": "evil.example"}, key=self.key)
        yield "a body that is no event", self.ask("POST", "/v1/events", "nonsense", {"Content-Type": "application/json"}, key=self.key)

    def test_every_answer_lets_nothing_run_and_nobody_frame_it(self):
        statuses = set()
        for target, reply in self.each():
            statuses.add(reply.status)
            with self.subTest(target=target, status=reply.status):
                policies = reply.headers.get_all("Content-Security-Policy", [])
                self.assertEqual(len(policies), 1)
                for part in (POLICY, "frame-ancestors 'none'", "base-uri 'none'"):
                    self.assertIn(part, policies[0])
                self.assertNotIn("unsafe", policies[0])
                referrer = "same-origin" if target.startswith(PAGES) else "no-referrer"
                for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", referrer), ("Cache-Control", "no-store"),
                                    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")):
                    self.assertEqual(reply.headers.get_all(name), [value], name)
        self.assertGreaterEqual(statuses, {200, 303, 401, 403, 404})

    def test_without_tls_nobody_is_sent_to_it(self):
        with Daemon({"time.source": "event"}) as plain:
            self.assertIsNone(plain.get("/livez").headers["Strict-Transport-Security"])

    def test_no_other_origin_may_read(self):
        for target in ("/v1/overview", "/v1/session", "/sign-in"):
            reply = self.ask("GET", target, headers={"Origin": "https://evil.example"}, key=self.key)
            self.assertEqual([name for name in reply.headers if name.lower().startswith("access-control")], [], target)
            reply = self.ask("OPTIONS", target, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, key=self.key)
            self.assertGreaterEqual(reply.status, 400, target)
            self.assertEqual([name for name in reply.headers if name.lower().startswith("access-control")], [], target)

    def test_content_types_say_what_it_is(self):
        for target, reply in self.each():
            kind = reply.headers["Content-Type"]
            with self.subTest(target=target, kind=kind):
                if reply.type.startswith("text/"):
                    self.assertIn("charset=utf-8", kind)
                else:
                    self.assertIn(reply.type, ("application/json", "application/problem+json", "application/x-ndjson"))
                    [json.loads(line) for line in (reply.body.splitlines() if reply.type.endswith("ndjson") else [reply.body])]
        csv = self.ask("GET", f"/v1/centres/{e.CENTRE}/activity?month=2023-07", headers={"Accept": "text/csv"}, key=self.key)
        self.assertEqual(csv.headers["Content-Type"], "text/csv; charset=utf-8")

    def test_the_sessions_cookie_is_of_this_host_alone(self):
        reply = self.ask("POST", "/sign-in/demonstration", urllib.parse.urlencode({"as": "operations"}), {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(reply.status, 303, reply.body)
        (cookie,) = reply.headers.get_all("Set-Cookie")
        parts = [part.strip() for part in cookie.split(";")]
        self.assertRegex(parts[0], r"^__Host-resultsd=\S+$")
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            self.assertIn(part, parts)
        self.assertNotIn("domain", cookie.lower())
        self.assertEqual(self.ask("GET", "/v1/session", headers={"Cookie": parts[0]}).status, 200)
        self.assertEqual(self.ask("GET", "/v1/session", headers={"Cookie": parts[0].replace("__Host-", "")}).status, 401)

    def test_trace_is_not_answered(self):
        reply = self.ask("TRACE", "/v1/overview", headers={"X-Secret": "as-it-was-sent"}, key=self.key)
        self.assertGreaterEqual(reply.status, 400)
        self.assertNotIn(b"as-it-was-sent", reply.body)

    def test_an_error_shows_nothing_of_the_inside(self):
        for target, reply in self.each():
            if reply.status < 400:
                continue
            with self.subTest(target=target):
                self.assertNotRegex(reply.body.decode().lower(), r"rocksdb|\.cc\b|exception|boost|openssl|/tmp/|/root/|backtrace")
                self.assertNotIn(self.key, reply.body.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
