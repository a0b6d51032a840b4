#!/usr/bin/env python3
"""People sign in with a real OpenID provider (npm oidc-provider) in a real browser (Chromium): the first time and again, expiry, signing out, new keys of
the provider, a token for somebody else, what comes back twice or without anything, organisations of every kind, and the demonstration's page."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime, timezone
from urllib.parse import urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import events as e  # noqa: E402
from callers import Guarded  # noqa: E402
from daemon import wait_until  # noqa: E402
from ports import free_ports  # noqa: E402
from wall_clock import WallClock  # noqa: E402

FOLDER = os.path.join(HERE, "sign_in")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CLIENT, SECRET = "resultsd", "a secret of forty characters or some more"
ROLES = "ops = operations everywhere; exams = centre organisation"


def organisation(**claim):
    return {"roles": ["exams"], "organisation": claim}


ACCOUNTS = {
    "ada": {"roles": ["ops"]},
    "bob": {},
    "wrong-audience": {"roles": ["ops"]},
    "by-urn": organisation(id="1", name="School", urn="100001", ukprn="10000001", category={"id": "001"}, status={"id": 1, "name": "Open"}),
    "by-ukprn": organisation(id="2", name="College", urn=None, ukprn="10000002", category={"id": "051"}),
    "none": organisation(),
    "unknown": organisation(urn="199999", ukprn="19999999"),
    "ambiguous": organisation(urn="100003"),
    "closed": organisation(urn="100001", status={"id": 2, "name": "Closed"}),
    "text": {"roles": ["exams"], "organisation": json.dumps({"urn": "100001"})},
}


def setUpModule():
    if not CHROMIUM or not shutil.which("npm"):
        raise unittest.SkipTest("Chromium and npm are not here: deploy/install tests")
    if not os.path.isdir(os.path.join(FOLDER, "node_modules", "oidc-provider")):
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, check=True, timeout=300, stdout=subprocess.DEVNULL)


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    return path


class Provider:
    def __init__(self, port, public_url):
        self.command = ["node", "provider.mjs", str(port), CLIENT, SECRET, public_url, json.dumps(ACCOUNTS)]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
        raise RuntimeError("the provider ended")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class RealBrowser:
    def __init__(self):
        self.process = subprocess.Popen(["node", "browser.mjs", CHROMIUM], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert json.loads(self.process.stdout.readline())["ready"]

    def __call__(self, act, **more):
        self.process.stdin.write(json.dumps({"act": act, **more}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"{act} {more}: {answer['error']}")
        return answer["found"]

    def see(self):
        return self("see")

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class InABrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = RealBrowser()
        cls.addClassCleanup(cls.browser.stop)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sign-in-")
        self.addCleanup(folder.cleanup)
        port = free_ports(2)
        self.public = f"http://127.0.0.1:{port}"
        self.provider = Provider(port + 1, self.public)
        self.provider.start()
        self.addCleanup(lambda: self.provider.stop())
        self.daemon = self.make({
            "http.port": port, "sign_in.issuer": f"http://127.0.0.1:{port + 1}", "sign_in.client_id": CLIENT, "sign_in.public_url": self.public,
            "sign_in.client_secret_file": write_secret(os.path.join(folder.name, "client.secret"), SECRET),
            "sign_in.session_key_file": write_secret(os.path.join(folder.name, "session.keys"), "a" * 64 + "\n"), "sign_in.roles": ROLES}, folder.name)
        self.addCleanup(self.daemon.__exit__)
        self.daemon.start()
        self.browser("begin")

    def make(self, settings, _):
        return Guarded(settings)

    def sign_in(self, account):
        """From the first page through the provider's own, as far as it goes."""
        self.browser("go", url=f"{self.public}/sign-in")
        self.browser("click", selector="a.button")
        for _ in range(3):  # its login, its consent
            if self.browser.see()["url"].startswith(self.public):
                break
            if self.browser("eval", script="!!document.querySelector('input[name=login]')"):
                self.browser("fill", selector="input[name=login]", value=account)
                self.browser("fill", selector="input[name=password]", value="any")
            self.browser("click", selector="button[type=submit]")
            wait_until(lambda: self.browser("eval", script="document.readyState") == "complete", "the next page")
        return self.browser.see()

    def refused(self, seen, heading, rule):
        self.assertEqual(seen["heading"], heading, seen["text"])
        self.assertIn(rule, seen["text"])
        self.assertEqual([one["name"] for one in self.browser("cookies") if one["name"] == "resultsd"], [])


class People(InABrowser):
    def test_the_first_time_and_again_and_out(self):
        seen = self.sign_in("ada")
        self.assertEqual((urlsplit(seen["url"]).path, seen["heading"]), ("/signed-in", "You are signed in"))
        self.assertIn("operations", seen["text"])
        self.assertEqual(seen["complaints"], [])
        (cookie,) = [one for one in self.browser("cookies") if one["name"] == "resultsd"]
        self.assertEqual((cookie["httpOnly"], cookie["sameSite"], cookie["path"]), (True, "Lax", "/"))
        self.assertEqual(self.browser("eval", script="document.cookie"), "")
        # The page is one for a telephone, too.
        self.assertLessEqual(self.browser("eval", script="document.documentElement.scrollWidth - window.innerWidth"), 0)
        copy = self.browser("cookies")
        self.browser("click", selector="button[type=submit]")
        seen = self.browser.see()
        self.assertIn("You are signed out here", seen["text"])
        self.assertEqual(seen["complaints"], [])
        self.browser("set_cookies", cookies=copy)
        self.browser("go", url=f"{self.public}/signed-in")
        self.assertEqual(urlsplit(self.browser.see()["url"]).path, "/sign-in", "a copy of the session is no good either")
        # The provider still knows her: no password is asked for.
        self.browser("click", selector="a.button")
        self.assertEqual(self.browser.see()["heading"], "You are signed in")

    def test_every_page_fits_a_telephone_and_has_its_labels(self):
        self.browser("begin", options={"viewport": {"width": 320, "height": 640}})
        for path in ("/sign-in", "/sign-in/callback?code=x&state=y", "/sign-in?signed-out=1"):
            self.browser("go", url=self.public + path)
            self.assertLessEqual(self.browser("eval", script="document.documentElement.scrollWidth - window.innerWidth"), 0, path)
            self.assertEqual(self.browser("eval", script="document.documentElement.lang"), "en-GB")
            self.assertEqual(self.browser("eval", script="document.querySelectorAll('h1').length"), 1)
            self.assertEqual(self.browser("eval", script="document.styleSheets.length"), 1)

    def test_new_keys_of_the_provider_are_found(self):
        self.assertEqual(self.sign_in("ada")["heading"], "You are signed in")
        self.provider.stop()
        self.provider.start()
        self.browser("begin")
        self.assertEqual(self.sign_in("ada")["heading"], "You are signed in")

    def test_a_token_for_somebody_else_lets_nobody_in(self):
        self.refused(self.sign_in("wrong-audience"), "Not signed in", "token-audience")

    def test_nobody_without_a_role_is_let_in(self):
        self.refused(self.sign_in("bob"), "No access", "role-given")

    def test_what_came_back_once_is_good_for_nothing_more(self):
        self.browser("go", url=f"{self.public}/sign-in")
        self.browser("click", selector="a.button")
        way = [one for one in self.browser("cookies") if one["name"].startswith("resultsd")]
        self.browser("fill", selector="input[name=login]", value="ada")
        self.browser("fill", selector="input[name=password]", value="any")
        self.browser("click", selector="button[type=submit]")
        seen = self.browser.see()
        if not seen["url"].startswith(self.public):
            self.browser("click", selector="button[type=submit]")
        self.assertEqual(self.browser.see()["heading"], "You are signed in")
        back = next(url for url in self.browser("went") if "/sign-in/callback?" in url)
        self.browser("set_cookies", cookies=way)
        self.browser("go", url=back)
        self.refused(self.browser.see(), "Sign in again", "sign-in-state")
        self.browser("set_cookies", cookies=[])
        self.browser("go", url=back)
        self.refused(self.browser.see(), "Sign in again", "sign-in-state")

    def test_a_call_back_without_anything_leads_to_the_start(self):
        self.browser("go", url=f"{self.public}/sign-in/callback")
        seen = self.browser.see()
        self.assertEqual((urlsplit(seen["url"]).path, seen["heading"]), ("/sign-in", "Sign in"))

    def test_organisations_of_every_kind(self):
        numbers = [e.event("2023-01-02T10:00:00Z", "centreDefined", {"centre": centre, "name": f"School {centre}", "urn": urn, "ukprn": ukprn})
                   for centre, urn, ukprn in ((e.CENTRE, "100001", "10000001"), (e.OTHER_CENTRE, "", "10000002"), ("90003", "100003", ""),
                                              ("90004", "100003", ""))]
        reply = self.daemon.publish(self.daemon.key("publisher", everywhere=True), e.reference() + numbers)
        self.assertEqual(reply.json()["rejected"], 0, reply.body)
        for account, centre in (("by-urn", e.CENTRE), ("by-ukprn", e.OTHER_CENTRE), ("text", e.CENTRE)):
            self.browser("begin")
            seen = self.sign_in(account)
            self.assertEqual(seen["heading"], "You are signed in", seen["text"])
            self.assertIn(centre, seen["text"])
        for account, rule in (("none", "organisation-given"), ("unknown", "organisation-known"), ("ambiguous", "organisation-ambiguous"),
                              ("closed", "organisation-closed")):
            self.browser("begin")
            self.refused(self.sign_in(account), "No access", rule)


class Expiry(InABrowser):
    def make(self, settings, folder):
        now = datetime.fromtimestamp(time.time(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        daemon = WallClock(now, settings)
        daemon.settings["access.secret_file"] = write_secret(os.path.join(folder, "access.secret"), "c" * 64 + "\n")
        return daemon

    def test_a_session_ends_and_the_page_leads_to_the_start(self):
        self.assertEqual(self.sign_in("ada")["heading"], "You are signed in")
        self.daemon.passed_s += 31 * 60
        self.daemon.shift(31 * 60)
        self.browser("reload")
        self.assertEqual(self.browser.see()["heading"], "Sign in")


class Demonstration(unittest.TestCase):
    def test_whoever_sits_there_may_be_anybody(self):
        browser = RealBrowser()
        self.addCleanup(browser.stop)
        with Guarded({"sign_in.demonstration": True}) as daemon:
            daemon.publish(daemon.key("publisher", everywhere=True), e.reference())
            for name, role in (("Operations", "operations"), ("Approver A", "approver"), (f"Exams officer of {e.CENTRE}", "centre")):
                browser("begin")
                browser("go", url=f"{daemon.url}/sign-in")
                browser("click", selector=f"button:has-text('{name}')")
                seen = browser.see()
                self.assertEqual(seen["heading"], "You are signed in", seen["text"])
                self.assertIn(role, seen["text"])
                self.assertEqual(seen["complaints"], [])
            browser("click", selector="button[type=submit]")
            self.assertEqual(browser.see()["heading"], "Sign in")
            browser("fill", selector="#centre", value=e.OTHER_CENTRE)
            browser("click", selector="button:has-text('Be its exams officer')")
            self.assertIn(e.OTHER_CENTRE, browser.see()["text"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
