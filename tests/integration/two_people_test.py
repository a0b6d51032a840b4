#!/usr/bin/env python3
"""Two people approve a release: who is one person, or none, is told so in words. People sign in at an issuer of the test's own, at the demonstration's page, or
have keys; every message is held to its text."""
import json
import os
import tempfile
import unittest

import events as e
from callers import Guarded, name_of
from daemon import Daemon
from oidc_issuer import Browser, Issuer
from ports import free_ports
from release_test import LEVEL, RELEASES, approval, plan
from sign_in_test import settings

ROLES = f"approver = approver {e.ORGANISATION}; other-approver = approver RN8888; ops = operations {e.ORGANISATION}"
AT = iter(f"2023-08-01T09:{minute:02}:{second:02}Z" for minute in range(60) for second in range(60))

SAME_PERSON = "This person approved it before, and counts once in however many sessions; somebody else must approve it too."
OLDER_PLAN = ("It has no effect: the plan as it stands has another digest, {}. It was changed, which voids what was approved of it; look at it anew.")
KEY_GONE = "This key is not known, has expired or was revoked; ask the operator for another."
ANOTHERS = "That is another awarding organisation's to say."
ANOTHER_PERSON = "You are not who is named here. Leave it out: resultsd fills it in."
NO_ROLE = "None of your roles asserts this fact; leave it to whom it belongs."
OPERATOR = "Whoever holds the access secret approves nothing with it: sign in, or use a key of your own."


class Person:
    """Somebody in one session."""

    def __init__(self, daemon):
        self.browser = Browser(daemon.port)

    def at_issuer(self, issuer, subject, role):
        issuer.subject, issuer.claims = subject, {"roles": [role]}
        reply = self.browser.sign_in()
        assert reply.status == 303, reply.body
        return self

    def at_demonstration(self, who):
        reply = self.browser.form("/sign-in/demonstration", **{"as": who})
        assert reply.status == 303, reply.body
        return self

    def session(self):
        return self.browser.session().json()

    def say(self, event):
        token = self.session().get("csrfToken", "none")
        return self.browser.ask("POST", "/v1/events", json.dumps(event),
                                {"Content-Type": "application/x-ndjson", "Accept": "application/json", "X-Vtq-Csrf": token})


class TwoPeople(unittest.TestCase):
    said = {}  # what was refused, and how

    @classmethod
    def tearDownClass(cls):
        print(f"\n{len(cls.said)} ways not to be two people, each told so:")
        for what, words in cls.said.items():
            print(f"  {what}: {words}")

    def made(self, more):
        daemon = Guarded({"release.approvals_default": 2, **more})
        self.addCleanup(daemon.__exit__)
        daemon.start()
        self.daemon = daemon
        self.publisher = daemon.key("publisher", everywhere=True)
        self.desk = daemon.key("operations", everywhere=True)
        self.ops = daemon.key("operations", organisations=[e.ORGANISATION], name="Ops")
        season = sorted(e.reference() + e.with_result("P1"), key=lambda one: one["occurredAt"])
        self.assertEqual(daemon.publish(self.publisher, season).json()["rejected"], 0)
        self.assertEqual(daemon.publish(self.ops, [plan("2023-07-20T09:00:00Z")]).json()["rejected"], 0)

    def with_issuer(self):
        folder = tempfile.TemporaryDirectory(prefix="two-people-")
        self.addCleanup(folder.cleanup)
        self.issuer = Issuer(folder.name).start()
        self.addCleanup(self.issuer.stop)
        self.made({**settings(self.issuer, folder.name, free_ports()), "sign_in.roles": ROLES})

    def person(self, subject, role="approver"):
        return Person(self.daemon).at_issuer(self.issuer, subject, role)

    def release(self):
        reply = self.daemon.ask("GET", RELEASES, self.ops)
        (one,) = [release for release in reply.json()["releases"] if release["level"] == LEVEL]
        return one

    def batches_at(self, at):
        self.assertEqual(self.daemon.publish(self.publisher, [e.time_reached(at)]).status, 200)
        return len(self.daemon.ask("GET", f"/v1/batches?centre={e.CENTRE}", self.desk).json()["batches"])

    def taken(self, reply):
        """The warnings of an event that was taken, by rule."""
        self.assertEqual(reply.status, 200, reply.body)
        answer = reply.json()
        self.assertNotIn("rejectedId", answer)
        return {warning["rule"]: warning["message"] for one in answer.get("events", []) for warning in one.get("warnings", [])}

    def told(self, what, reply, status, rule, words):
        self.assertEqual(reply.status, status, reply.body)
        problem = reply.json()
        self.assertEqual((problem["rule"], problem["detail"]), (rule, words))
        TwoPeople.said[what] = words

    def approval(self, digest=None, **content):
        event = approval(next(AT), digest or self.release()["plan"])
        event["releaseApproved"].update(content)
        return event

    def test_one_person_in_two_sessions_is_one(self):
        self.with_issuer()
        first, second = self.person("ada@example.org"), self.person("ada@example.org")
        self.assertNotEqual(first.browser.cookies, second.browser.cookies)
        self.assertEqual(first.session()["person"], second.session()["person"])
        self.assertEqual(self.taken(first.say(self.approval())), {})
        # Under another name, too.
        again = self.taken(second.say(self.approval(approver="somebody else")))
        self.assertEqual(again, {"approval-of-same-person": SAME_PERSON})
        TwoPeople.said["one person, two sessions"] = again["approval-of-same-person"]
        self.assertEqual((self.release()["approved"], len(self.release()["approvedBy"])), (False, 1))
        self.assertEqual(self.batches_at("2023-08-10T09:00:00Z"), 0)
        self.assertEqual(self.taken(self.person("bob@example.org").say(self.approval())), {})
        self.assertTrue(self.release()["approved"])
        self.assertEqual(self.batches_at("2023-08-10T10:00:00Z"), 1)

    def test_one_approver_of_the_demonstration_in_two_sessions_is_one(self):
        self.made({"sign_in.demonstration": True})
        people = [Person(self.daemon).at_demonstration(who) for who in ("approver-a", "approver-a", "approver-b")]
        said = [self.taken(one.say(self.approval())) for one in people]
        self.assertEqual(said, [{}, {"approval-of-same-person": SAME_PERSON}, {}])
        stands = self.release()
        self.assertEqual((stands["approved"], len(stands["approvedBy"]), stands["approversAmongThem"]), (True, 2, 2))

    def test_in_a_demonstration_without_a_secret_who_says_nothing_names_who_approves(self):
        with Daemon({"time.source": "event", "sign_in.demonstration": True, "release.approvals_default": 2}) as self.daemon:
            season = sorted(e.reference() + e.with_result("P1"), key=lambda one: one["occurredAt"])
            self.assertEqual(self.daemon.post_events(season + [plan("2023-07-20T09:00:00Z")])["rejected"], 0)

            def release():
                (one,) = [release for release in self.daemon.get(RELEASES).json()["releases"] if release["level"] == LEVEL]
                return one
            digest = release()["plan"]
            for name, people in (("Ann", 1), (" ANN ", 1), ("Bob", 2)):
                self.assertEqual(self.daemon.post_events([self.approval(digest, approver=name)])["rejected"], 0)
                self.assertEqual(len(release()["approvedBy"]), people, name)
            # Who signed in is that person, whatever name it gives.
            self.assertEqual(self.taken(Person(self.daemon).at_demonstration("approver-a").say(self.approval(digest, approver="Ann"))), {})
            self.assertEqual((release()["approved"], len(release()["approvedBy"])), (True, 3))

    def test_an_approval_of_an_older_plan_counts_for_nothing(self):
        self.with_issuer()
        older = self.release()["plan"]
        ada, bob = self.person("ada@example.org"), self.person("bob@example.org")
        self.assertEqual(self.taken(ada.say(self.approval(older))), {})
        self.assertEqual(self.daemon.publish(self.ops, [plan("2023-07-22T09:00:00Z", firstIssueAt="2023-08-09T10:00")]).json()["rejected"], 0)
        words = OLDER_PLAN.format(self.release()["plan"])
        self.assertEqual(self.taken(bob.say(self.approval(older))), {"approval-of-older-plan": words})
        TwoPeople.said["an older plan"] = words
        self.assertEqual(self.release()["approvedBy"], [])
        self.assertEqual(self.batches_at("2023-08-10T09:00:00Z"), 0)

    def test_a_right_that_was_withdrawn_is_none(self):
        self.with_issuer()
        bob = self.daemon.key("approver", organisations=[e.ORGANISATION], name="Bob")
        one = self.approval()
        self.assertEqual(self.daemon.operator("keys", "revoke", name_of(bob), "--reason", "left").returncode, 0)
        self.told("a key that was revoked", self.daemon.publish(bob, [one]), 401, "key-good", KEY_GONE)
        # Who was signed out, everywhere, and of whom the issuer says that they approve nothing any more.
        ada = self.person("ada@example.org")
        copy = Person(self.daemon)
        copy.browser.cookies = dict(ada.browser.cookies)
        self.assertEqual(ada.browser.form("/sign-out", csrf=ada.session()["csrfToken"]).status, 303)
        reply = copy.say(one)
        self.assertEqual(reply.status, 401, reply.body)
        TwoPeople.said["a session that ended"] = reply.json()["detail"]
        self.assertTrue(reply.json()["detail"])
        self.issuer.claims = {"roles": []}
        reply = Browser(self.daemon.port).sign_in()
        self.assertEqual(reply.status, 403)
        self.assertIn(b"role-given", reply.body)
        # With another role since: it is one of those who approve, and no approver.
        self.assertEqual(self.taken(self.person("ada@example.org", "ops").say(one)), {})
        self.assertEqual(self.release()["approversAmongThem"], 0)
        self.assertEqual(self.batches_at("2023-08-10T09:00:00Z"), 0)

    def test_an_approver_of_another_awarding_organisation_approves_nothing_here(self):
        self.with_issuer()
        eve = self.person("eve@example.org", "other-approver")
        self.told("an approver of another awarding organisation", eve.say(self.approval()), 403, "asserted-by-owner", ANOTHERS)
        other = self.daemon.key("approver", organisations=["RN8888"])
        self.told("the same with a key", self.daemon.publish(other, [self.approval()]), 403, "asserted-by-owner", ANOTHERS)
        self.assertEqual(self.release()["approvedBy"], [])
        self.assertEqual(self.batches_at("2023-08-10T09:00:00Z"), 0)

    def test_nobody_approves_in_the_name_of_another_nor_without_the_role(self):
        self.with_issuer()
        ada, bob = self.person("ada@example.org"), self.person("bob@example.org")
        name = bob.session()["person"]
        self.told("another person's name", ada.say(self.approval(saidBy=name)), 403, "said-by-caller", ANOTHER_PERSON)
        self.told("a publisher", self.daemon.publish(self.publisher, [self.approval()]), 403, "asserted-by-role", NO_ROLE)
        path = os.path.join(self.daemon.directory, "one.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.approval(), file)
        done = self.daemon.operator("publish", path)
        self.assertIn(OPERATOR, done.stdout + done.stderr)
        TwoPeople.said["who holds the access secret"] = OPERATOR
        self.assertEqual(self.release()["approvedBy"], [])
        self.assertEqual(self.batches_at("2023-08-10T09:00:00Z"), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
