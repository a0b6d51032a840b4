#!/usr/bin/env python3
"""What a request, a peer or a page may not do: each limit of the HTTP server has an answer, and health is answered through all of it."""
import json
import os
import select
import socket
import ssl
import tempfile
import threading
import time
import unittest

import events as e
from daemon import Daemon, wait_until

EVENTS = "/v1/events"
LINES = "application/x-ndjson"
DELIMITED = "application/x-protobuf-delimited"
MIB = 1 << 20
HEALTH_P99_S = float(os.environ.get("VTQ_HEALTH_P99_S", "0.1"))  # beyond what an idle daemon takes at the same time
ANSWERS_MIN = 100
# Sanitised builds keep what is freed for long: their memory would say nothing about what is held.
LITTLE_KEPT = {"ASAN_OPTIONS": ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=8")))}


def connect(daemon):
    return daemon.connect()


def ask(daemon, raw):
    """Sends the bytes and reads until the server closes: what is asked ends the connection, by its header or by being refused."""
    with connect(daemon) as connection:
        connection.sendall(raw)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def answer_while_sending(connections, body, deadline_s=60):
    """Sends the body on each, as far as it is taken, until the first is answered, and returns what it was answered. On one thread: a connection
    over TLS bears no two."""
    waits = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
    left, until = [memoryview(body) for _ in connections], time.monotonic() + deadline_s
    for connection in connections:
        connection.settimeout(0)
    while time.monotonic() < until:
        for at, connection in enumerate(connections):
            try:
                left[at] = left[at][connection.send(left[at][:65536]):] if left[at] else left[at]
            except waits:
                pass
        try:
            return connections[0].recv(200)
        except waits:
            select.select(connections[:1], [one for one, rest in zip(connections, left) if rest], [], 0.05)
    raise TimeoutError("no answer")


def silent(connection):
    """Whether the server has neither answered nor closed."""
    connection.settimeout(0)
    try:
        connection.recv(1)
        return False
    except (BlockingIOError, ssl.SSLWantReadError):
        return True


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def rule_of(answer):
    return json.loads(answer.split(b"\r\n\r\n", 1)[1])["rule"]


def memory_mib(daemon, what="VmRSS"):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(what + ":"))


def refused(daemon, rule):
    text = daemon.get("/metrics").body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("vtq_http_refused_total{") and f'rule="{rule}"' in line)


def requests(daemon, route, status):
    start = f'vtq_http_requests_total{{route="{route}",status="{status}"}}'
    return sum(float(line.rsplit(" ", 1)[1]) for line in daemon.get("/metrics").body.decode().splitlines() if line.startswith(start))


class Health(threading.Thread):
    """Asks for health and metrics, each time on a new connection, and keeps how long each answer took; and how long an idle daemon took
    beside it, so that a loaded machine slows both."""

    def __init__(self, daemon, idle):
        super().__init__(daemon=True)
        self.daemons, self.seconds, self.idle_seconds, self.failures, self.ended = (daemon, idle), [], [], [], threading.Event()

    def run(self):
        at = 0
        while not self.ended.wait(0.01):
            path = ("/livez", "/readyz", "/metrics")[at % 3]
            at += 1
            for daemon, seconds in zip(self.daemons, (self.seconds, self.idle_seconds)):
                seconds.append(self.seconds_of(daemon, path))

    def seconds_of(self, daemon, path):
        began = time.monotonic()
        try:
            with daemon.connect(timeout=20) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while chunk := connection.recv(65536):
                    answer += chunk
            if status_of(answer) != 200:
                self.failures.append((path, answer[:200]))
        except OSError as error:
            self.failures.append((path, repr(error)))
        return time.monotonic() - began

    def asked(self, more=ANSWERS_MIN):
        """Returns once so many more have been answered."""
        before = len(self.seconds)
        wait_until(lambda: len(self.seconds) >= before + more, "health asked often enough", 120)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


class Limits(unittest.TestCase):
    Daemon = Daemon

    @classmethod
    def setUpClass(cls):
        cls.idle = cls.Daemon().start()
        cls.addClassCleanup(cls.idle.__exit__)

    def assert_health(self, health, what):
        most = HEALTH_P99_S + max(health.idle_seconds)
        slow = sorted(seconds for seconds in health.seconds if seconds > most)
        print(f"{what}: {len(health.seconds)} answers of health and metrics, the slowest in {max(health.seconds) * 1000:.1f} ms, "
              f"of an idle daemon in {max(health.idle_seconds) * 1000:.1f} ms")
        self.assertEqual(health.failures, [])
        self.assertGreaterEqual(len(health.seconds), ANSWERS_MIN)
        self.assertLessEqual(len(slow), len(health.seconds) // 100, slow)

    # ---- framing ----

    def test_a_request_that_two_readers_could_end_differently_is_refused(self):
        smuggled = "GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with self.Daemon() as daemon:
            for headers, status, rule in (
                    ("Transfer-Encoding: xchunked\r\n", 501, "transfer-encoding"), ("Transfer-Encoding: identity\r\n", 501, "transfer-encoding"),
                    ("Transfer-Encoding: gzip\r\n", 501, "transfer-encoding"), ("Transfer-Encoding: gzip, chunked\r\n", 501, "transfer-encoding"),
                    ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400, "content-length-once"),
                    ("Content-Length: 5\r\nContent-Length: 5\r\n", 400, "content-length-once"),
                    ("X: 1\r\n folded\r\n", 400, "header-fold"), ("Host: localhost\r\n", 400, "host-once")):
                with self.subTest(headers=headers):
                    answer = ask(daemon, f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{smuggled}".encode())
                    self.assertEqual((status_of(answer), rule_of(answer)), (status, rule))
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1, "what follows is no request")
            answer = ask(daemon, b"GET /livez HTTP/1.1\r\n\r\n")
            self.assertEqual((status_of(answer), rule_of(answer)), (400, "host-once"))
            self.assertGreaterEqual(refused(daemon, "transfer-encoding"), 4)
            self.assertEqual(refused(daemon, "host-once"), 2)

    def test_head_is_answered_as_get_without_its_body(self):
        with self.Daemon({"time.source": "event"}) as daemon:  # two answers alike: no time passes between them
            for path in ("/livez", "/readyz", "/v1/overview", "/v1/nothing"):
                head = ask(daemon, f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                get = ask(daemon, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                self.assertEqual(status_of(head), status_of(get))
                self.assertTrue(head.endswith(b"\r\n\r\n"), head)
                self.assertIn(f"Content-Length: {len(get.split(bytes([13, 10, 13, 10]), 1)[1])}".encode(), head)

    # ---- who may ask ----

    def test_another_host_is_no_name_of_this_server(self):
        with self.Daemon({"http.host_names": "results.example.org, other"}) as daemon:
            for host, status in (("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:8410", 200), ("results.example.org", 200), ("other:80", 200),
                                 ("evil.example.org", 421), ("localhost.evil.example.org", 421)):
                answer = ask(daemon, f"GET /livez HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                self.assertEqual(status_of(answer), status, host)

    def test_a_foreign_page_can_change_nothing(self):
        with self.Daemon({"time.source": "event"}) as daemon:
            own = daemon.url.replace("localhost", "127.0.0.1")
            for target in ("/v1/backups", EVENTS, "/v1/rejected/0/replay"):
                for origin in ("https://evil.example.org", "null", f"http://127.0.0.1:{daemon.port + 1}"):
                    reply = daemon.request("POST", target, b"", {"Origin": origin, "Content-Type": "application/json"})
                    self.assertEqual((reply.status, reply.json()["rule"]), (403, "origin-own"), (target, origin))
                for form in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
                    reply = daemon.request("POST", target, b"", {"Content-Type": form})
                    self.assertEqual((reply.status, reply.json()["rule"]), (415, "content-type"), (target, form))
            self.assertEqual(daemon.get("/v1/backups").json()["backups"], [])
            self.assertEqual(daemon.request("POST", "/v1/backups", b"", {"Origin": own}).status, 201)

    def test_a_compressed_body_is_refused_as_such_and_nothing_is_kept(self):
        with self.Daemon() as daemon:
            reply = daemon.request("POST", EVENTS, b"\x1f\x8b\n\n\n", {"Content-Type": LINES, "Content-Encoding": "gzip"})
            self.assertEqual((reply.status, reply.json()["rule"]), (415, "content-encoding"))
            self.assertEqual(daemon.get("/v1/overview").json()["rejected"], 0)
            body = json.dumps(e.reference()[0])
            self.assertEqual(daemon.request("POST", EVENTS, body, {"Content-Type": "application/json", "Content-Encoding": "identity"}).status, 200)

    # ---- bodies ----

    def test_bodies_that_are_announced_and_do_not_come_take_no_room(self):
        patient = {"http.bodies_bytes_max": 16 * MIB, "http.wait_seconds_max": 600, "http.idle_seconds_max": 3600}
        with self.Daemon({"time.source": "event", **patient}) as daemon, Health(daemon, self.idle) as health:
            held = [connect(daemon) for _ in range(40)]
            for connection in held:
                connection.sendall(f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: {LINES}\r\n\r\n1\r\n".encode())
            daemon.post_events(e.reference())  # would wait for ten minutes
            health.asked()
            self.assertTrue(all(silent(connection) for connection in held), "none was given up for it")
            for connection in held:
                connection.close()
        self.assert_health(health, "40 bodies that do not come")

    def test_bodies_that_stop_half_way_are_given_up_while_others_wait(self):
        with self.Daemon({"time.source": "event", "http.body_bytes_max": 4 * MIB, "http.bodies_bytes_max": 4 * MIB, "http.bytes_per_second_min": 65536}) as daemon:
            held = [connect(daemon) for _ in range(3)]
            for connection in held:  # one after the other: the first may always go on
                connection.sendall(f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {4 * MIB}\r\nContent-Type: {LINES}\r\n"
                                   "Expect: 100-continue\r\n\r\n".encode())
                self.assertEqual(status_of(connection.recv(200)), 100)
            self.assertEqual(status_of(answer_while_sending(held[:2], b" " * (3 * MIB))), 408)  # since the second waits for its room
            daemon.post_events(e.reference())
            self.assertGreaterEqual(refused(daemon, "bytes-per-second-min"), 1)
            for connection in held:
                connection.close()

    def test_zero_bytes_and_empty_objects_cost_little_memory_and_a_short_answer(self):
        with self.Daemon({"time.source": "event"}, LITTLE_KEPT) as daemon:
            daemon.post_events(e.reference())
            before = memory_mib(daemon)
            with Health(daemon, self.idle) as health:
                for body, media in ((bytes(15 * MIB), DELIMITED), (b"{}\n" * (5 * MIB), LINES), (b"[" + b"{}," * (5 * MIB) + b"{}]", "application/json")):
                    reply = daemon.post(EVENTS, body, media)
                    self.assertEqual((reply.status, reply.json()["rule"]), (422, "body-errors-max"))
                    self.assertLess(len(reply.body), 8192)
                health.asked()
            peak = memory_mib(daemon, "VmHWM")
            print(f"15 MiB of nothing in three formats: memory {before:.0f} MiB before, {peak:.0f} MiB at most")
            self.assertLess(peak, before + 200)
            self.assertEqual(daemon.get("/v1/overview").json()["rejected"], 0)
        self.assert_health(health, "bodies of nothing")

    # ---- connections ----

    def test_health_is_answered_at_and_above_the_limit_of_connections(self):
        for count in (8, 40, 200):
            with self.subTest(connections=count), self.Daemon({"http.connections_max": 8}) as daemon:
                held = []
                for _ in range(count):
                    held.append(connect(daemon))
                    held[-1].sendall(b"GET /livez HTTP/1.1\r\nHost: loc")
                with Health(daemon, self.idle) as health:
                    health.asked()
                for connection in held:
                    connection.close()
                self.assert_health(health, f"{count} slow heads at a limit of 8")

    def test_one_connection_too_many_takes_the_place_of_the_one_that_waited_longest(self):
        with self.Daemon({"http.connections_max": 1}) as daemon:
            daemon.close()
            held = []
            for _ in range(1 + 32 + 1):
                held.append(connect(daemon))
                held[-1].sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertTrue(held[-1].recv(1024).startswith(b"HTTP/1.1 200"))
            self.assertEqual(held[0].recv(1024), b"")
            held[-1].sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(held[-1].recv(1024).startswith(b"HTTP/1.1 200"))
            for connection in held:
                connection.close()

    def test_a_head_that_takes_too_long_is_closed_and_counted(self):
        with self.Daemon({"http.head_seconds_max": 1}) as daemon:
            with connect(daemon) as connection:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHo")
                self.assertEqual(connection.recv(1024), b"")
            self.assertEqual(refused(daemon, "head-seconds-max"), 1)

    def test_what_the_server_refuses_by_itself_is_counted(self):
        with self.Daemon({"http.body_bytes_max": 65536}) as daemon:
            self.assertEqual(daemon.post(EVENTS, "x" * 70_000).status, 413)
            self.assertEqual(status_of(ask(daemon, b"GET /" + b"x" * 20_000)), 431)
            self.assertEqual((refused(daemon, "body-bytes-max"), refused(daemon, "head-bytes-max")), (1, 1))

    def test_who_goes_on_sending_what_was_refused_is_closed_after_a_while(self):
        with self.Daemon({"http.body_bytes_max": 65536}) as daemon, connect(daemon) as connection:
            connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n")
            sent = 0
            with self.assertRaises(OSError):
                while sent < 1 << 30:
                    connection.sendall(b"x" * (1 << 20))
                    sent += 1 << 20
            self.assertLess(sent, 128 << 20)
            self.assertEqual(daemon.get("/livez").status, 200)

    # ---- reads ----

    def season(self, daemon, entries):
        daemon.post_events(e.reference())
        for first in range(0, entries, 5000):
            daemon.post_events([e.registered(f"L{number:06}") for number in range(first, min(first + 5000, entries))])

    def test_health_and_metrics_are_answered_while_reads_queue(self):
        with self.Daemon({"time.source": "event", "http.read_seconds_max": 20}) as daemon:
            self.season(daemon, 5000)
            statuses = []
            ended = threading.Event()

            def read():
                mine = self.Daemon(directory=daemon.directory)
                mine.port = daemon.port
                while not ended.is_set():
                    statuses.append(mine.get("/v1/entries?limit=10000").status)
                mine.close()

            readers = [threading.Thread(target=read, daemon=True) for _ in range(20)]
            for reader in readers:
                reader.start()
            wait_until(lambda: statuses, "a read answered")
            with Health(daemon, self.idle) as health:
                until = time.monotonic() + 120
                while len(health.seconds) < 3 * ANSWERS_MIN or (200 not in statuses and time.monotonic() < until):
                    daemon.post_events([e.registered(f"W{len(health.seconds)}")])
            ended.set()
            for reader in readers:
                reader.join()
            self.assertLessEqual(set(statuses), {200, 503})
            self.assertIn(200, statuses)
        self.assert_health(health, "20 readers of pages of 10,000")

    def test_clients_that_do_not_read_hold_no_more_than_the_limit(self):
        with self.Daemon({"time.source": "event", "http.replies_bytes_max": 4 * MIB, "http.reply_bytes_max": MIB, "http.read_seconds_max": 2}, LITTLE_KEPT) as daemon:
            self.season(daemon, 5000)
            before = memory_mib(daemon)
            held = [connect(daemon) for _ in range(60)]
            for connection in held:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(b"GET /v1/entries?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with Health(daemon, self.idle) as health:
                health.asked()
            grown = memory_mib(daemon) - before
            print(f"60 clients that do not read: {grown:.0f} MiB more")
            self.assertLess(grown, 100)
            # The slowest are given up, and whoever reads is answered again.
            wait_until(lambda: daemon.get("/v1/entries?limit=10").status == 200, "a read answered")
            for connection in held:
                connection.close()
        self.assert_health(health, "60 clients that do not read")

    def test_a_page_that_grows_too_large_ends_and_the_next_goes_on(self):
        with self.Daemon({"time.source": "event", "http.reply_bytes_max": 65536}) as daemon:
            self.season(daemon, 1000)
            learners, target, pages = [], "/v1/entries?limit=10000", 0
            while target and pages < 1000:
                reply = daemon.get(target)
                self.assertLess(len(reply.body), 65536 + 8192)
                learners += [entry["entry"]["learner"] for entry in reply.json()["entries"]]
                target, pages = reply.next(), pages + 1
            self.assertEqual(learners, [f"L{number:06}" for number in range(1000)])
            self.assertGreater(pages, 5)

    def test_a_read_given_up_by_its_client_is_not_worked_on(self):
        with self.Daemon({"time.source": "event"}) as daemon:
            self.season(daemon, 5000)
            held = [connect(daemon) for _ in range(200)]
            for connection in held:
                connection.sendall(b"GET /v1/entries?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for connection in held:
                connection.close()
            self.assertEqual(daemon.get("/v1/entries?limit=2000").status, 200)
            answered, given_up = (requests(daemon, "GET /v1/entries", status) for status in ("2xx", "4xx"))
            print(f"200 reads whose clients have gone: {given_up:.0f} given up, {answered - 1:.0f} answered")
            self.assertGreater(given_up, 100)

    # ---- systemd ----

    def test_systemd_is_told_when_it_is_ready_alive_and_stopping(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
            heard.bind(os.path.join(directory, "notify"))
            heard.settimeout(10)
            with self.Daemon(environment_more={"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "800000"}) as daemon:
                self.assertEqual([heard.recv(100) for _ in range(3)], [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"])
                self.assertEqual(daemon.stop(), 0)
                told = heard.recv(100)
                while told == b"WATCHDOG=1":
                    told = heard.recv(100)
                self.assertEqual(told, b"STOPPING=1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
