"""Starts the real resultsd on a directory and a port of its own, for integration tests. Nothing but the standard library."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEADLINE_S = 30
POLL_S = 0.02


def program(name):
    """A binary of the build: from VTQ_BIN, else of the debug, else of the release preset."""
    folders = [os.environ["VTQ_BIN"]] if os.environ.get("VTQ_BIN") else [
        os.path.join(ROOT, "build", preset, "bin") for preset in ("debug", "release")]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"{name} is not built; looked in {', '.join(folders)}")


def environment(**more):
    """This process's environment without settings of resultsd, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RESULTSD_")}
    return {**kept, **more}


def wait_until(holds, what, deadline_s=DEADLINE_S):
    """Polls until `holds()` is true, and returns what it said."""
    until = time.monotonic() + deadline_s
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {deadline_s} s")
        time.sleep(POLL_S)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.type = response.headers.get_content_type()
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]

    def next(self):
        """Where the Link header leads, or None."""
        link = self.headers.get("Link")
        return link[1:link.index(">")] if link else None


class Daemon:
    """resultsd with the given settings, `{"time.source": "event"}`. A context manager: running inside, gone after. `trust`: an ssl.SSLContext, where
    the settings have it speak TLS."""

    def __init__(self, settings=None, environment_more=None, directory=None, binary="resultsd", trust=None):
        self.binary = binary
        self.trust = trust
        self.temporary = None if directory else tempfile.TemporaryDirectory(prefix="resultsd-")
        self.directory = directory or self.temporary.name
        self.settings = {"data.directory": os.path.join(self.directory, "store"), "http.port": 0, "data.sync": False, "release.approvals_default": 0,
                         **(settings or {})}
        self.environment = environment(**(environment_more or {}))
        self.process = None
        self.port = None
        self.connection = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.temporary:
            self.temporary.cleanup()

    def config(self):
        path = os.path.join(self.directory, "resultsd.toml")
        with open(path, "w", encoding="utf-8") as file:
            for name, value in self.settings.items():
                file.write(f"{name} = {json.dumps(value)}\n")
        return path

    def start(self):
        log = open(os.path.join(self.directory, "log"), "ab")
        began = log.tell()
        asked = any(self.environment.get(name) for name in ("RESULTSD_CRASH_AT", "RESULTSD_STOP_AT"))
        binary = "resultsd_crashing" if asked and self.binary == "resultsd" else self.binary  # resultsd heeds neither
        self.process = subprocess.Popen([program(binary), "--config", self.config()], stderr=log, env=self.environment)
        log.close()
        self.port = wait_until(lambda: self._port(began), "resultsd listening")
        self.ready()
        return self

    def ready(self):
        wait_until(lambda: self.get("/readyz").status == 200, "resultsd ready")

    def _port(self, began):
        for line in self.log(began):
            if line.get("message") == "listening":
                return line["port"]
        if self.process.poll() is not None:
            raise RuntimeError(f"resultsd ended with {self.process.returncode}: {self.log(began)}")
        return None

    def log(self, began=0):
        """The log's lines from byte `began` on, each of which must be JSON."""
        with open(os.path.join(self.directory, "log"), "rb") as file:
            file.seek(began)
            return [json.loads(line) for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]

    def stop(self, how=signal.SIGTERM):
        """Ends it with a signal and returns its exit code. One that fails instead leaves its last words in the test's output."""
        self.close()
        self.process.send_signal(how)
        code = self.process.wait(DEADLINE_S)
        if code < 0 and code != -how:
            with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as log:
                print("".join(log.readlines()[-40:]), file=sys.stderr)
        return code

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    @property
    def url(self):
        return f"https://localhost:{self.port}" if self.trust else f"http://127.0.0.1:{self.port}"

    def connect(self, timeout=DEADLINE_S, port=None):
        """A connection of its own, encrypted where resultsd speaks TLS."""
        connection = socket.create_connection(("127.0.0.1", port or self.port), timeout=timeout)
        if not self.trust:
            return connection
        try:
            return self.trust.wrap_socket(connection, server_hostname="localhost")
        except BaseException:
            connection.close()
            raise

    def request(self, method, target, body=None, headers=None):
        """One request on a connection that is kept."""
        for attempt in (1, 2):
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
            try:
                if not self.connection.sock:
                    self.connection.sock = self.connect()
                self.connection.request(method, target, body, headers or {})
                return Reply(self.connection.getresponse())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                if attempt == 2:
                    raise

    def get(self, target, **query):
        accept = query.pop("accept", "application/json")
        if query:
            target += "?" + urllib.parse.urlencode(query)
        return self.request("GET", target, headers={"Accept": accept})

    def post(self, target, body=b"", content_type="application/json"):
        return self.request("POST", target, body, {"Content-Type": content_type})

    def post_events(self, events):
        """JSON Lines; every event must be taken. Returns the answer."""
        reply = self.post("/v1/events", "\n".join(json.dumps(event) for event in events), "application/x-ndjson")
        assert reply.status == 200, reply.body
        answer = reply.json()
        assert answer["rejected"] == 0, answer
        return answer

    def resultsctl(self, *arguments, stdin=None):
        """Runs resultsctl against this daemon."""
        return run("resultsctl", "--url", self.url, *arguments)


def run(name, *arguments, **environment_more):
    return subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env=environment(**environment_more), check=False)
