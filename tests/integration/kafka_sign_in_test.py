#!/usr/bin/env python3
"""Two instances on a real Kafka: who signed in at one is known at the other, and who signs out at one is out at both, copies of the cookie too."""
import os
import tempfile
import threading
import unittest

from callers import Guarded
from daemon import run, wait_until
from kafka import Kafka
from oidc_issuer import Browser, Issuer
from ports import free_ports
from sign_in_test import settings

PARTITIONS = 4


class KafkaSignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()
        folder = tempfile.TemporaryDirectory(prefix="resultsd-")
        cls.addClassCleanup(folder.cleanup)
        cls.issuer = Issuer(folder.name).start()
        cls.addClassCleanup(cls.issuer.stop)
        cls.issuer.claims = {"roles": ["ops"]}
        first = free_ports(2)
        cls.instances = []
        for at, name in enumerate(("a", "b")):
            directory = os.path.join(folder.name, name)
            os.makedirs(directory)
            shared = {**settings(cls.issuer, folder.name, first), "http.port": first + at}  # one public address, as behind a balancer
            cls.instances.append(Guarded({**shared, "partitions": PARTITIONS, "kafka.bootstrap_servers": cls.kafka.bootstrap, "kafka.instance": name,
                                          "kafka.session_timeout_ms": 6000, "kafka.transaction_timeout_ms": 5000},
                                         directory=directory, secret=os.path.join(folder.name, "secret")))
            cls.addClassCleanup(cls.instances[-1].__exit__)
        done = run("resultsctl", "topics", "create", "--config", cls.instances[0].config())
        assert done.returncode == 0, done.stderr
        starting = [threading.Thread(target=one.start) for one in cls.instances]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()

    def test_a_session_and_its_end_are_known_at_both(self):
        a, b = self.instances
        browser = Browser(a.port)
        self.assertEqual(browser.sign_in().status, 303)
        here, there = browser.session().json(), browser.session(port=b.port).json()
        self.assertEqual(here["person"], there["person"])
        # What one instance asks the other for it asks in her name.
        self.assertEqual(browser.ask("GET", "/v1/rollups?by=band", port=b.port).status, 200)
        copy = Browser(b.port)
        copy.cookies = dict(browser.cookies)
        self.assertEqual(browser.form("/sign-out", csrf=here["csrfToken"]).status, 303)
        self.assertEqual(Browser(a.port).session().status, 401)
        copy_at_a = Browser(a.port)
        copy_at_a.cookies = dict(copy.cookies)
        self.assertEqual(copy_at_a.session().status, 401)
        wait_until(lambda: copy.session().status == 401, "the other instance knows that she is out")
        # It stays so after a restart.
        b.stop()
        b.start()
        self.assertEqual(copy.session().status, 401)

    def test_the_way_may_begin_at_one_and_end_at_the_other(self):
        a, b = self.instances
        browser = Browser(a.port)
        back = browser.to_issuer()
        self.assertEqual(browser.ask("GET", back, port=b.port).status, 303)
        self.assertEqual(browser.session().status, 200)

    def test_without_shared_keys_of_sessions_it_does_not_start(self):
        one = Guarded({**self.instances[0].settings, "sign_in.session_key_file": ""}, secret=self.instances[0].secret)
        self.addCleanup(one.__exit__)
        checked = run("resultsd", "--config", one.config(), "--check-config")
        self.assertEqual(checked.returncode, 2)
        self.assertIn("sign_in.session_key_file", checked.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
