"""A daemon whose callers must say who they are, and callers that do."""
import json
import os

from daemon import Daemon, Reply, run
import http.client


class Guarded(Daemon):
    """Has an access secret; `ask` takes the key to ask with, and `operator` runs resultsctl with the secret."""

    def __init__(self, settings=None, directory=None, secret=None):
        super().__init__({"time.source": "event", **(settings or {})}, directory=directory)
        self.secret = secret or os.path.join(self.directory, "access.secret")
        if not os.path.exists(self.secret):
            made = run("resultsctl", "access", "make-secret", self.secret)
            assert made.returncode == 0, made.stderr
        self.settings["access.secret_file"] = self.secret

    def ask(self, method, target, key=None, body=b"", media="application/json", headers=None, accept="application/json"):
        """One request on a connection of its own."""
        given = {"Accept": accept, **({"Authorization": f"Bearer {key}"} if key else {}), **({"Content-Type": media} if body else {}), **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, given)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def operator(self, *arguments):
        return run("resultsctl", "--url", self.url, "--secret-file", self.secret, *arguments)

    def key(self, *roles, organisations=(), centres=(), everywhere=False, name="a test", expires="2027-06-30"):
        """A new key."""
        words = [word for role in roles for word in ("--role", role)]
        words += [word for one in organisations for word in ("--awarding-organisation", one)]
        words += [word for one in centres for word in ("--centre", one)]
        made = self.operator("keys", "create", "--name", name, "--expires", expires, *words, *(["--everywhere"] if everywhere else []))
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def publish(self, key, events):
        return self.ask("POST", "/v1/events", key, "\n".join(json.dumps(one) for one in events), "application/x-ndjson")


def name_of(key):
    """The public name of a key."""
    return key.split("_")[1]
