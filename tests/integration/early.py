"""Who reads everything there is in every role, to see a grade before its time: one daemon's addresses, files, exports and topics. Every grade is a word
that stands nowhere else, see embargo_test.py."""
import http.client
import itertools
import json
import os
import re
import urllib.parse

import embargo_test as sweeps
import events as e
from callers import Guarded, name_of
from daemon import ROOT, Reply, run
from sealed import seen_in_files

with open(os.path.join(ROOT, "proto", "http", "openapi.json"), encoding="utf-8") as document:
    API = json.load(document)
# Of three letters and more after the first two: in bytes as good as random two would be met by chance.
TOKEN = re.compile("Zq(?:top|middle|low|failed|high|near|none|unknown|scale)", re.IGNORECASE)
ANOTHER = "RN8888"
# Caller -> (roles, bound)
ROLES = {"operations": ("operations learner-details", {"everywhere": True}), "operations of the awarding organisation": ("operations", {"organisations": [e.ORGANISATION]}),
         "operations of another": ("operations", {"organisations": [ANOTHER]}), "approver": ("approver", {"organisations": [e.ORGANISATION]}),
         "publisher": ("publisher", {"everywhere": True}), "centre": ("centre", {"centres": [e.OTHER_CENTRE]}),
         "another centre": ("centre", {"centres": ["90009"]}), "auditor": ("auditor", {"everywhere": True})}
NOBODY = "nobody"
MEDIA = {"json": "application/json", "lines": "application/x-ndjson", "csv": "text/csv", "text": "text/plain", "html": "text/html"}


def parameters_of(operation):
    for one in operation.get("parameters", []):
        yield API["components"]["parameters"][one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one


def media_of(operation):
    """What it can answer with."""
    good = min(operation["responses"])
    return list(operation["responses"][good].get("content", {})) or ["application/json"]


class Keys:
    """Callers of every kind at one daemon."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.of = {NOBODY: None, **{name: daemon.key(*role.split(), name=name, expires=daemon.keys_until, **bound) for name, (role, bound) in ROLES.items()}}
        daemon.own_key = self.of["auditor"]

    def __getitem__(self, name):
        return self.of[name]


class Eyes:
    """Looks at all of a daemon. `seen`: where a grade stood, by (caller, address); the counts are of everything so far."""

    def __init__(self, keys):
        self.keys = keys
        self.requests = self.bytes = self.files = self.file_bytes = self.moments = self.answered = 0
        self.seen = {}

    def ask(self, daemon, connection, target, key, accept):
        headers = {"Accept": accept, **({"Authorization": f"Bearer {key}"} if key else {})}
        for attempt in (1, 2):
            try:
                connection.request("GET", target, headers=headers)
                return Reply(connection.getresponse())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                connection.close()
                if attempt == 2:
                    raise

    def targets(self, daemon):
        """(address, target, media) of every read that the API describes, of everything that there is."""
        operations = self.keys["operations"]
        listed = lambda path, name: daemon.ask("GET", f"{path}?limit=1000", operations).json()[name]
        values = {"batch": [one["batch"] for one in listed("/v1/batches", "batches")], "id": [one["id"] for one in listed("/v1/rejected", "rejected")],
                  "centre": [e.CENTRE, e.OTHER_CENTRE], "qualification": [one.replace("/", "") for one in sweeps.QUALIFICATIONS], "series": [e.SERIES],
                  "learner": sweeps.LEARNERS, "awarding_organisation": [e.ORGANISATION], "key": [name_of(operations)]}
        self.batches = values["batch"]
        for path, item in API["paths"].items():
            if "get" not in item:
                continue
            wanted = re.findall(r"{(\w+)}", path)
            query = [one for one in parameters_of(item["get"]) if one.get("in") == "query"]
            required = [f"{one['name']}={one['example']}" for one in query if one.get("required")]
            for chosen in itertools.product(*(values[one] for one in wanted)):
                named = dict(zip(wanted, chosen))
                # A learner of another centre or qualification is nowhere: a few are enough.
                if "learner" in named:
                    centre = named.get("centre") or named["batch"].split(".")[0]
                    if centre != (e.OTHER_CENTRE if named["learner"] == "OTHER" else e.CENTRE):
                        continue
                target = re.sub(r"{(\w+)}", lambda part, named=named: urllib.parse.quote(named[part[1]], safe=""), path)
                base = target + ("?" + "&".join(required) if required else "")
                for media in media_of(item["get"]):
                    yield path, base, media
                if "learner" in named:
                    continue
                for one in query:
                    # What a bounded caller must name, and every other choice.
                    for value in sweeps.PARAMETERS.get(one["name"], [] if one.get("required") else [str(one.get("example", "x"))]):
                        yield path, base + ("&" if required else "?") + f"{one['name']}={urllib.parse.quote(value)}", media_of(item["get"])[0]

    def addresses(self, daemon, callers=None):
        targets = list(self.targets(daemon))
        for name in callers or self.keys.of:
            connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
            for path, target, media in targets:
                reply = self.ask(daemon, connection, target, self.keys[name], media)
                self.requests += 1
                self.answered += reply.status == 200
                self.bytes += len(reply.body)
                found = TOKEN.findall(reply.body.decode("latin-1") + str(reply.headers))
                if found:
                    self.seen.setdefault((name, path), set()).update(found)
            connection.close()

    def on_disk(self, daemon):
        for what in ("statuses", "batches"):
            path = os.path.join(daemon.directory, f"export-{what}")
            done = daemon.as_caller(self.keys["operations"], "export", what, "--out", path)
            assert done.returncode == 0, done.stderr
        for words in (("status", "--json"), ("status", "--at-risk", "20"), ("rejected", "list"), ("release", "dry-run", e.ORGANISATION, e.SERIES)):
            done = daemon.as_caller(self.keys["operations"], *words)
            if found := TOKEN.findall(done.stdout + done.stderr):
                self.seen[("operations", "resultsctl " + words[0])] = set(found)
        backed_up = daemon.ask("POST", "/v1/backups", self.keys["operations"])
        assert backed_up.status in (201, 409), backed_up.body
        for folder, _, names in os.walk(daemon.directory):
            for name in names:
                try:
                    self.file_bytes += os.path.getsize(os.path.join(folder, name))
                    self.files += 1
                except FileNotFoundError:
                    pass  # it went meanwhile, as those of a store do
        for path, found in seen_in_files(daemon.directory, TOKEN).items():
            self.seen[("files", path)] = set(found)

    def look(self, daemon, callers=None, disk=True):
        """All of it, now; returns what was seen now."""
        self.seen = {}
        self.moments += 1
        self.addresses(daemon, callers)
        if disk:
            self.on_disk(daemon)
        return {where: sorted(found) for where, found in self.seen.items()}

    def told(self):
        return (f"{self.moments} moments, {len(self.keys.of)} callers: {self.requests} reads of {self.bytes / 1e6:.1f} MB, {self.answered} of them answered; "
                f"{self.files} files of {self.file_bytes / 1e6:.1f} MB")


class Caller:
    """What a daemon of such a test can do besides: a mix-in, with an access secret."""
    ask, publish = Guarded.ask, Guarded.publish
    key = Guarded.key
    keys_until = "2027-06-30"

    own_key = None

    def request(self, method, target, body=None, headers=None):
        """What the daemon's own helpers ask, they ask as an auditor."""
        return super().request(method, target, body, {**(headers or {}), **({"Authorization": f"Bearer {self.own_key}"} if self.own_key else {})})

    def guard(self, directory):
        """Secrets and keys in files."""
        self.secret = os.path.join(directory, "access.secret")
        for words, setting in ((("access", "make-secret", self.secret), "access.secret_file"),
                               (("seal", "keygen", os.path.join(directory, "seal.key")), "seal.key_file"),
                               (("audit", "keygen", os.path.join(directory, "audit.key"), "--name", "test.example/audit"), "audit.key_file")):
            if not os.path.exists(words[2]):
                made = run("resultsctl", *words)
                assert made.returncode == 0, made.stderr
            self.settings[setting] = words[2]

    def clocks(self):
        """What sets the clocks of a program as this daemon's are: what is signed is good for a minute."""
        return {name: self.environment[name] for name in ("LD_PRELOAD", "WALL_CLOCK_OFFSET_FILE") if name in self.environment}

    def operator(self, *arguments):
        return run("resultsctl", "--url", self.url, "--secret-file", self.secret, *arguments, **self.clocks())

    def as_caller(self, key, *arguments):
        path = os.path.join(self.directory, "own-" + name_of(key))
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(key + "\n")
        return run("resultsctl", "--url", self.url, "--key-file", path, *arguments, **self.clocks())
