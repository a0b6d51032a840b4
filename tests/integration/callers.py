"""A daemon whose callers must say who they are, and callers that do."""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import secrets
import time

from daemon import Daemon, Reply, run, wait_until


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


def start_on_record(daemon, auditor):
    """Starts the daemon and waits until that is on record; the commit with that note comes at a time of its own, alone or with events that are sent
    before."""
    began = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    daemon.start()
    ask = lambda partition: daemon.ask("GET", f"/v1/audit?partition={partition}&act=start&limit=1000", auditor).json()
    wait_until(lambda: any(record["at"] >= began for partition in range(ask(0)["partitions"]) for record in ask(partition)["records"]), "the start on record")


def name_of(key):
    """The public name of a key."""
    return key.split("_")[1]


def signed_by(daemon, method, target, body=""):
    """The operator's word on who asks, as resultsctl writes it."""
    with open(daemon.secret, encoding="ascii") as file:
        secret = bytes.fromhex(next(line.strip() for line in file if not line.startswith("#")))
    claims = json.dumps({"at": int(time.time() * 1000), "name": "operator test", "roles": ["operations", "publisher", "auditor"],
                         "everywhere": True, "awardingOrganisations": [], "centres": [], "key": "", "makesKeys": True,
                         "body": hashlib.blake2b(body.encode(), digest_size=32).hexdigest(), "once": secrets.token_hex(8)})
    text = f"{claims}\n{method}\n{target}\n127.0.0.1:{daemon.port}"
    return claims.encode().hex() + "." + hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
