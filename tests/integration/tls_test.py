#!/usr/bin/env python3
"""TLS: what is spoken and what is refused, certificates that are renewed or wrong, and every limit and answer of HTTP as without it."""
import functools
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

import events as e
import http_test
import limits_test
from certificates import Authority, RSA, openssl, serial_of
from daemon import Daemon, run, wait_until

LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
MIB = 1 << 20


def setUpModule():
    directory = tempfile.TemporaryDirectory(prefix="resultsd-tls-")
    unittest.addModuleCleanup(directory.cleanup)
    global AUTHORITY, STRANGER, CERTIFICATE, KEY
    AUTHORITY, STRANGER = Authority(directory.name), Authority(directory.name, "stranger")
    CERTIFICATE, KEY = AUTHORITY.issue("server")


def with_tls(settings=None, *more, certificate=None, trust=None, **named):
    """A Daemon that speaks TLS. `certificate`: its two files."""
    files = certificate or (CERTIFICATE, KEY)
    return Daemon({"http.tls_certificate_file": files[0], "http.tls_key_file": files[1], **(settings or {})}, *more,
                  trust=trust or AUTHORITY.trust(), **named)


def read_all(connection):
    answer = b""
    while chunk := connection.recv(65536):
        answer += chunk
    return answer


def read_reply(connection):
    """Head and body of one reply that says its length."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, body = answer.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return head, body


def shown_serial(daemon):
    """Of the certificate that a new connection is shown."""
    with daemon.connect() as connection:
        return connection.getpeercert()["serialNumber"]


def metric(daemon, name):
    return next(float(line.split(" ")[1]) for line in daemon.get("/metrics").body.decode().splitlines() if line.startswith(name + " "))


class Spoken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = with_tls(certificate=AUTHORITY.issue("rsa", kind=RSA)).start()
        cls.addClassCleanup(cls.daemon.__exit__)

    def speak(self, trust):
        """Protocol and suite of a connection with this context, which must be answered."""
        with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as below:
            with trust.wrap_socket(below, server_hostname="localhost") as connection:
                connection.sendall(LAST)
                self.assertTrue(read_all(connection).startswith(b"HTTP/1.1 200"))
                return connection.version(), connection.cipher()[0]

    def refused(self, trust):
        before = limits_test.refused(self.daemon, "tls-handshake")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.speak(trust)
        wait_until(lambda: limits_test.refused(self.daemon, "tls-handshake") == before + 1, "the refusal counted")

    @staticmethod
    def only(version, suites="ALL:@SECLEVEL=0"):
        trust = AUTHORITY.trust(minimum_version=version, maximum_version=version)
        trust.set_ciphers(suites)
        return trust

    def test_tls_1_2_and_1_3_are_spoken_and_nothing_before(self):
        self.assertEqual(self.speak(self.only(ssl.TLSVersion.TLSv1_2))[0], "TLSv1.2")
        self.assertEqual(self.speak(self.only(ssl.TLSVersion.TLSv1_3))[0], "TLSv1.3")
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            self.refused(self.only(version))

    def test_of_1_2_only_suites_with_forward_secrecy_and_authenticated_encryption(self):
        for suite in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"):
            self.assertEqual(self.speak(self.only(ssl.TLSVersion.TLSv1_2, suite))[1], suite)
        for suite in ("AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES128-GCM-SHA256"):
            self.refused(self.only(ssl.TLSVersion.TLSv1_2, suite + ":@SECLEVEL=0"))

    def test_nothing_is_compressed_or_renegotiated(self):
        with self.daemon.connect() as connection:
            self.assertIsNone(connection.compression())
        # A line of `R` asks for a renegotiation, and s_client ends when it is refused.
        done = subprocess.run(["openssl", "s_client", "-tls1_2", "-CAfile", AUTHORITY.file, "-connect", f"127.0.0.1:{self.daemon.port}"],
                              input="R\n", capture_output=True, text=True, timeout=30, check=False)
        self.assertIn("RENEGOTIATING", done.stdout + done.stderr)
        self.assertIn("no renegotiation", done.stdout + done.stderr)

    def test_alpn_answers_http_1_1(self):
        for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1")):
            trust = AUTHORITY.trust()
            trust.set_alpn_protocols(offered)
            with socket.create_connection(("127.0.0.1", self.daemon.port)) as below, trust.wrap_socket(below, server_hostname="localhost") as connection:
                self.assertEqual(connection.selected_alpn_protocol(), chosen)
        trust = AUTHORITY.trust()
        trust.set_alpn_protocols(["h2"])
        self.refused(trust)

    def test_a_session_is_taken_up_again_by_its_ticket(self):
        trust = self.only(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256")
        with socket.create_connection(("127.0.0.1", self.daemon.port)) as below, trust.wrap_socket(below, server_hostname="localhost") as first:
            self.assertTrue(first.session.has_ticket)
            with socket.create_connection(("127.0.0.1", self.daemon.port)) as again:
                with trust.wrap_socket(again, server_hostname="localhost", session=first.session) as second:
                    self.assertTrue(second.session_reused)

    def test_plain_http_is_told_to_speak_https(self):
        with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as connection:
            connection.sendall(LIVE)
            answer = read_all(connection)
        self.assertEqual((limits_test.status_of(answer), limits_test.rule_of(answer)), (400, "https-only"))
        self.assertEqual(self.daemon.get("/livez").status, 200)

    def test_bytes_that_are_no_handshake_end_that_connection_alone(self):
        chance = random.Random(7)
        with self.daemon.connect() as other:
            for _ in range(50):
                with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as connection:
                    connection.sendall(b"\x16\x03\x01" + chance.randbytes(chance.randrange(1, 500)))
                    connection.shutdown(socket.SHUT_WR)
                    try:
                        read_all(connection)
                    except ConnectionError:
                        pass
            other.sendall(LAST)
            self.assertTrue(read_all(other).startswith(b"HTTP/1.1 200"))

    def test_an_end_is_said_so_that_it_is_no_cut(self):
        with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as below:
            with AUTHORITY.trust().wrap_socket(below, server_hostname="localhost", suppress_ragged_eofs=False) as connection:
                connection.sendall(LAST)
                self.assertTrue(read_all(connection).startswith(b"HTTP/1.1 200"))

    def test_a_page_without_tls_is_a_foreign_one(self):
        for scheme, status in (("https", 200), ("http", 403)):
            reply = self.daemon.request("POST", "/v1/events", b"", {"Content-Type": "application/json", "Origin": f"{scheme}://127.0.0.1:{self.daemon.port}"})
            self.assertEqual(reply.status == 403, status == 403, f"{scheme}: {reply.status}")
            if status == 403:
                self.assertEqual(reply.json()["rule"], "origin-own")

    def test_an_instance_tells_its_address_with_https(self):
        self.assertEqual(self.daemon.get("/v1/instances").json()["instances"][0]["url"], f"https://127.0.0.1:{self.daemon.port}")


class Resultsctl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = with_tls(certificate=AUTHORITY.issue("named", names="DNS:localhost")).start()
        cls.addClassCleanup(cls.daemon.__exit__)

    def test_a_server_with_a_certificate_of_the_named_authority_is_asked(self):
        done = self.daemon.resultsctl("--ca-file", AUTHORITY.file, "status")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("resultsctl", "status", RESULTSD_URL=self.daemon.url, RESULTSD_CA_FILE=AUTHORITY.file)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.daemon.resultsctl("--ca-file", AUTHORITY.file, "doctor", "--config", self.daemon.config())
        self.assertEqual(done.returncode, 0, done.stdout)

    def wrong(self, words, *arguments, url=None):
        done = run("resultsctl", "--url", url or self.daemon.url, *arguments)
        self.assertEqual(done.returncode, 1, done.stdout)
        for one in words:
            self.assertIn(one, done.stderr)
        return done

    def test_what_is_not_trusted_is_said_with_what_to_do(self):
        self.wrong(("no authority that is trusted here", "--ca-file"), "status")
        self.wrong(("no authority that is trusted here", "--ca-file"), "--ca-file", STRANGER.file, "status")
        self.wrong(("not for 127.0.0.1", "a name that stands in the certificate"), "--ca-file", AUTHORITY.file, "status",
                   url=f"https://127.0.0.1:{self.daemon.port}")
        self.wrong(("cannot be used", "PEM"), "--ca-file", "/nowhere/authority.pem", "status")
        self.wrong(("https://",), "status", url=f"http://127.0.0.1:{self.daemon.port}")
        with Daemon() as plain:
            self.wrong(("http://",), "status", url=f"https://127.0.0.1:{plain.port}")

    def test_publishing_does_not_try_again_where_that_cannot_help(self):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write(json.dumps(e.reference()[0]) + "\n")
            file.flush()
            self.wrong(("no authority that is trusted here",), "publish", file.name, "--give-up", "600")

    def test_doctor_says_why_it_cannot_ask(self):
        done = self.daemon.resultsctl("doctor", "--config", self.daemon.config())
        self.assertEqual(done.returncode, 1)
        self.assertIn("no authority that is trusted here", done.stdout)


class Renewal(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="resultsd-renewal-")
        self.addCleanup(directory.cleanup)
        self.files = tuple(os.path.join(directory.name, name) for name in ("live.pem", "live.key"))
        self.put(CERTIFICATE, KEY)

    def put(self, *sources):
        """In place of the files in use, each at once."""
        for source, target in zip(sources, self.files):
            if source:
                shutil.copy(source, target + ".new")
                os.replace(target + ".new", target)

    def write(self, at, text):
        with open(self.files[at] + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(self.files[at] + ".new", self.files[at])

    def assert_renewed(self, certificate, daemon, old):
        wait_until(lambda: shown_serial(daemon) == serial_of(certificate), "the new certificate shown")
        old.sendall(LIVE)
        self.assertTrue(read_reply(old)[0].startswith(b"HTTP/1.1 200"), "an open connection goes on")
        ends = ssl.cert_time_to_seconds(openssl("x509", "-in", certificate, "-noout", "-enddate").strip().split("=")[1])
        self.assertEqual(metric(daemon, "vtq_tls_certificate_expires_timestamp_seconds"), ends)

    def test_files_that_change_are_read_again_and_open_connections_live_on(self):
        with with_tls(certificate=self.files) as daemon, daemon.connect() as old:
            self.assertEqual(shown_serial(daemon), serial_of(CERTIFICATE))
            renewed = AUTHORITY.issue("renewed", days=90)
            self.put(*renewed)
            self.assert_renewed(renewed[0], daemon, old)

    def test_a_hang_up_has_them_read_at_once(self):
        with with_tls(certificate=self.files) as daemon, daemon.connect() as old:
            # Also when nothing shows that they changed.
            again = lambda: [line["serial"] for line in daemon.log() if line["message"] == "the certificate was read again"]
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(again()) == 1, "what is the same read again")
            renewed = AUTHORITY.issue("renewed", days=60)
            self.put(*renewed)
            daemon.process.send_signal(signal.SIGHUP)
            self.assert_renewed(renewed[0], daemon, old)

    def test_a_ticket_of_before_does_not_hide_the_new_certificate(self):
        trust = AUTHORITY.trust(maximum_version=ssl.TLSVersion.TLSv1_2)
        with with_tls(certificate=self.files, trust=trust) as daemon:
            with daemon.connect() as first:
                session = first.session
            renewed = AUTHORITY.issue("renewed")
            self.put(*renewed)
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: shown_serial(daemon) == serial_of(renewed[0]), "the new certificate shown")
            with socket.create_connection(("127.0.0.1", daemon.port)) as below:
                with trust.wrap_socket(below, server_hostname="localhost", session=session) as second:
                    self.assertFalse(second.session_reused)

    def test_what_is_wrong_is_said_and_the_one_before_stays(self):
        ended, other = AUTHORITY.issue("ended", days=-1), AUTHORITY.issue("other")
        with with_tls(certificate=self.files) as daemon:
            for put, rule, field, words in (
                    (lambda: self.write(0, "no certificate\n"), "certificate-form", "http.tls_certificate_file", "PEM"),
                    (lambda: self.put(*ended), "certificate-time", "http.tls_certificate_file", "put a new one there"),
                    (lambda: self.put(other[0], KEY), "key-fits", "http.tls_key_file", "made together"),
                    (lambda: (self.put(other[0]), self.write(1, "no key\n")), "key-form", "http.tls_key_file", "without a password"),
                    (lambda: os.remove(self.files[0]), "file-readable", "http.tls_certificate_file", "cannot be read")):
                with self.subTest(rule=rule):
                    put()
                    daemon.process.send_signal(signal.SIGHUP)
                    line = wait_until(lambda rule=rule: next((line for line in daemon.log() if line.get("rule") == rule), None), rule)
                    self.assertEqual((line["level"], line["field"]), ("error", field))
                    self.assertTrue(line["value"])
                    self.assertIn(words, line["why"])
                    self.assertEqual(shown_serial(daemon), serial_of(CERTIFICATE))
            self.put(*other)
            wait_until(lambda: shown_serial(daemon) == serial_of(other[0]), "what was put right shown, without a signal")

    def test_a_wrong_file_is_said_once_and_not_every_time_that_it_is_looked_at(self):
        with with_tls(certificate=self.files) as daemon:
            self.write(0, "no certificate\n")
            wrong = lambda: [line for line in daemon.log() if line.get("rule") == "certificate-form"]
            wait_until(wrong, "the wrong file said")
            self.put(CERTIFICATE, KEY)
            wait_until(lambda: any(line["message"] == "the certificate was read again" for line in daemon.log()), "the next looks done")
            self.assertEqual(len(wrong()), 1)

    def test_a_start_with_a_wrong_file_ends_and_says_which_setting_and_what_to_do(self):
        locked = os.path.join(os.path.dirname(self.files[0]), "locked.key")
        openssl("pkey", "-in", KEY, "-aes256", "-passout", "pass:x", "-out", locked)
        for certificate, key, rule in ((STRANGER.file, KEY, "key-fits"), (KEY, KEY, "certificate-form"), (CERTIFICATE, CERTIFICATE, "key-form"),
                                       (CERTIFICATE, locked, "key-form"), ("/nowhere/a.pem", KEY, "file-readable"), (CERTIFICATE, "/", "file-readable"),
                                       (*AUTHORITY.issue("ended", days=-1), "certificate-time")):
            with self.subTest(certificate=certificate, key=key), tempfile.TemporaryDirectory() as directory:
                done = run("resultsd", RESULTSD_DATA_DIRECTORY=directory + "/store", RESULTSD_HTTP_PORT="0", RESULTSD_HTTP_TLS_CERTIFICATE_FILE=certificate,
                           RESULTSD_HTTP_TLS_KEY_FILE=key)
                self.assertEqual(done.returncode, 1, done.stderr)
                line = json.loads(done.stderr.splitlines()[-1])
                self.assertEqual((line["rule"], line["level"]), (rule, "critical"))
                self.assertIn(line["field"] + ": ", line["why"])
                self.assertFalse(os.path.exists(directory + "/store"), "nothing was made")

    def test_a_certificate_without_its_key_is_a_setting_to_mend(self):
        for name, other in (("CERTIFICATE", "key"), ("KEY", "certificate")):
            done = run("resultsd", "--check-config", **{f"RESULTSD_HTTP_TLS_{name}_FILE": CERTIFICATE})
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"set http.tls_{other}_file too", done.stderr)


class ByHand:
    """TLS over a socket whose bytes the test sends itself."""

    def __init__(self, daemon):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = AUTHORITY.trust().wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.wire = socket.create_connection(("127.0.0.1", daemon.port), timeout=20)
        self._until(self.tls.do_handshake)

    def _until(self, act):
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                self.flush()
                came = self.wire.recv(65536)
                if not came:
                    self.incoming.write_eof()
                self.incoming.write(came)
            finally:
                self.flush()

    def flush(self):
        if said := self.outgoing.read():
            self.wire.sendall(said)

    def ask(self, request):
        self.tls.write(request)
        self.flush()

    def read_to_the_goodbye(self):
        """Until the server says that nothing more comes; nothing is said in return."""
        answer = b""
        while True:
            try:
                answer += self._until(lambda: self.tls.read(65536))
            except ssl.SSLZeroReturnError:
                return answer
            if answer.endswith(b"}\n") and b"Connection: close" in answer:
                return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()


class AfterTheReply(unittest.TestCase):
    """What a client sends once it was answered for the last time: it is nobody's any more."""

    def ended(self, wire):
        """The server closes it within its time."""
        wire.settimeout(12)
        try:
            while wire.recv(65536):
                pass
        except ConnectionResetError:
            pass

    def test_parts_of_a_record_end_that_connection_alone(self):
        with with_tls() as daemon:
            for part in (b"\x17", b"\x17\x03\x03", b"\x17\x03\x03\x00\x30" + b"x" * 20, b"\x15\x03\x03\x00", os.urandom(300)):
                with ByHand(daemon) as client:
                    client.ask(LAST)
                    self.assertIn(b" 200 ", client.read_to_the_goodbye())
                    try:
                        for byte in part:
                            client.wire.sendall(bytes([byte]))
                    except (BrokenPipeError, ConnectionResetError):
                        pass
                    self.ended(client.wire)
                self.assertEqual(daemon.get("/livez").status, 200)
            self.assertIsNone(daemon.process.poll())

    def test_whole_records_keep_no_connection_open(self):
        with with_tls({"http.idle_seconds_max": 2}) as daemon:
            with ByHand(daemon) as client:
                client.ask(LAST)
                self.assertIn(b" 200 ", client.read_to_the_goodbye())
                try:
                    for _ in range(3):
                        client.ask(b"more")
                except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                    pass
                self.ended(client.wire)
            self.assertEqual(daemon.get("/livez").status, 200)

    def test_records_while_a_reply_is_made_are_the_next_requests(self):
        with with_tls({"time.source": "event"}) as daemon:
            daemon.post_events(e.reference() + [e.registered(f"B{number:05}") for number in range(3_000)])
            page = b"GET /v1/entries?limit=3000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            with ByHand(daemon) as client:
                client.ask(page)
                client.ask(LIVE[:10])
                client.ask(LIVE[10:] + LAST)
                answer = client.read_to_the_goodbye()
                self.assertEqual(answer.count(b"HTTP/1.1 200"), 3)


class Connections(unittest.TestCase):
    def test_tls_spoken_to_a_port_without_it_ends_at_once(self):
        with Daemon() as daemon:
            with self.assertRaises(ssl.SSLError), socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as below:
                AUTHORITY.trust().wrap_socket(below, server_hostname="localhost")
            self.assertEqual(limits_test.refused(daemon, "header-form"), 1)

    def test_a_handshake_that_takes_too_long_is_closed_and_counted(self):
        with with_tls({"http.head_seconds_max": 1}) as daemon:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            hello = AUTHORITY.trust().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with self.assertRaises(ssl.SSLWantReadError):
                hello.do_handshake()
            said = outgoing.read()
            for part in (b"", said[:1], said[:100]):
                with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
                    connection.sendall(part)
                    self.assertEqual(connection.recv(1024), b"")
            self.assertEqual(limits_test.refused(daemon, "head-seconds-max"), 3)

    def test_idle_connections_do_not_keep_health_from_being_answered(self):
        with with_tls({"http.health_port": 0}) as daemon, with_tls() as idle:
            health_port = next(line["healthPort"] for line in daemon.log() if line.get("message") == "listening")
            held = []
            self.addCleanup(lambda: [connection.close() for connection in held])
            for _ in range(600):
                held.append(daemon.connect())
            # And as many that do not even begin their handshake.
            held += [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(600)]
            with limits_test.Health(daemon, idle) as health:
                health.asked()
            self.assertEqual(health.failures, [])
            print(f"600 idle connections over TLS and 600 silent ones: health in {max(health.seconds) * 1000:.1f} ms at most, of an idle daemon in "
                  f"{max(health.idle_seconds) * 1000:.1f} ms; memory {limits_test.memory_mib(daemon):.0f} MiB, {limits_test.memory_mib(idle):.0f} MiB")
            with socket.create_connection(("127.0.0.1", health_port), timeout=10) as connection:
                connection.sendall(LAST)
                self.assertTrue(read_all(connection).startswith(b"HTTP/1.1 200"))
            self.assertGreater(limits_test.refused(daemon, "connections-max"), 600)
            self.assertLessEqual(metric(daemon, "vtq_http_connections"), 512 + 32)

    def test_a_connection_serves_many_requests(self):
        with with_tls() as daemon, daemon.connect() as connection:
            for _ in range(20):
                connection.sendall(LIVE)
                self.assertTrue(read_reply(connection)[0].startswith(b"HTTP/1.1 200"))
            self.assertEqual(metric(daemon, "vtq_http_connections"), 2)

    def test_a_connection_that_is_silent_after_a_read_is_closed_in_time(self):
        with with_tls({"http.idle_seconds_max": 1}) as daemon, daemon.connect() as connection:
            connection.sendall(b"GET /v1/overview HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_reply(connection)
            self.assertEqual(connection.recv(10), b"")

    def test_a_client_that_closes_in_the_midst_of_a_reply_leaves_nothing_behind(self):
        with with_tls({"time.source": "event"}) as daemon:
            daemon.post_events(e.reference())
            daemon.post_events([e.registered(f"C{number:05}") for number in range(5000)])
            for ends in (lambda one: one.close(), lambda one: one.unwrap() and None, lambda one: one.shutdown(socket.SHUT_RDWR)):
                connection = daemon.connect()
                connection.sendall(b"GET /v1/entries?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200"))
                try:
                    ends(connection)
                except OSError:
                    pass
                connection.close()
            wait_until(lambda: metric(daemon, "vtq_http_replies_bytes") == 0 and metric(daemon, "vtq_http_connections") == 1, "nothing held")
            self.assertEqual(daemon.stop(), 0)

    def test_requests_cut_into_records_anyhow_are_answered_as_without_tls(self):
        seed = int(os.environ.get("VTQ_SEED", "20230817"))
        chance = random.Random(seed)
        body = "\n".join(json.dumps(event) for event in e.reference()).encode()
        posts = [f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body,
                 b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
                 + b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (body[:1000], body[1000:])) + b"0\r\n\r\n"]
        gets = [f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for method in ("GET", "HEAD")
                for path in ("/livez", "/v1/overview", "/v1/nothing", "/v1/entries?limit=3", f"/v1/centres/{e.CENTRE}")]
        ends = [LAST, b"GET /livez HTTP/1.1\r\n\r\n", b"HELO there\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n"]
        with with_tls({"time.source": "event"}) as daemon, Daemon({"time.source": "event"}) as plain:
            for one in (daemon, plain):
                one.post_events(e.reference())
            for at in range(60):
                asked = b"".join(chance.choice(gets + posts) for _ in range(chance.randrange(6))) + chance.choice(ends)
                cuts = sorted(chance.randrange(len(asked)) for _ in range(chance.randrange(12)))
                with daemon.connect() as connection:
                    for begin, end in zip([0, *cuts], [*cuts, len(asked)]):
                        connection.sendall(asked[begin:end])
                    answer = read_all(connection)
                # Only over TLS an answer asks for it next time.
                said = answer.replace(b"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n", b"")
                self.assertLess(len(said), len(answer))
                self.assertEqual(said, limits_test.ask(plain, asked), f"seed {seed}, request {at}: {asked[:2000]}")

    def test_large_bodies_and_replies_are_those_without_tls(self):
        with with_tls({"time.source": "event"}) as daemon, Daemon({"time.source": "event"}) as plain:
            events = e.reference() + [e.registered(f"B{number:05}") for number in range(15_000)]
            answers = [one.post_events(events) for one in (daemon, plain)]
            self.assertEqual(answers[0], answers[1])
            replies = [one.get("/v1/entries?limit=10000") for one in (daemon, plain)]
            self.assertGreater(len(replies[0].body), 4 * MIB)
            self.assertTrue(replies[0].body == replies[1].body)


class Listeners(unittest.TestCase):
    def health(self, daemon):
        return next(line["healthPort"] for line in daemon.log() if line.get("message") == "listening")

    def test_health_and_nothing_else_is_answered_on_a_port_of_its_own(self):
        for make in (Daemon, with_tls):
            with make({"http.health_port": 0}) as daemon:
                asked = Daemon()
                asked.port = self.health(daemon)
                for path in ("/livez", "/readyz", "/metrics"):
                    self.assertEqual(asked.get(path).status, 200, path)
                for path in ("/v1/overview", "/v1/entries", "/openapi.json", "/", "/livez/x"):
                    self.assertEqual((asked.get(path).status, asked.get(path).json()["rule"]), (404, "route"), path)
                self.assertEqual(asked.post("/v1/events", b"{}").status, 404)
                self.assertEqual(daemon.get("/livez").status, 200)
                asked.close()

    def test_health_is_not_shown_beyond_loopback_without_sign_in_whatever_protects_the_way(self):
        for more in ({}, {"RESULTSD_HTTP_TLS_CERTIFICATE_FILE": CERTIFICATE, "RESULTSD_HTTP_TLS_KEY_FILE": KEY}, {"RESULTSD_HTTP_TRUSTED_PROXY": "192.0.2.1"}):
            done = run("resultsd", "--check-config", RESULTSD_HTTP_HEALTH_ADDRESS="0.0.0.0", RESULTSD_HTTP_HEALTH_PORT="0", **more)
            self.assertEqual(done.returncode, 2)
            self.assertIn("http.health_address", done.stderr)
            self.assertIn("set access.secret_file", done.stderr)

    def test_a_port_in_use_is_named_by_its_setting(self):
        with socket.socket() as taken, tempfile.TemporaryDirectory() as directory:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            done = run("resultsd", RESULTSD_HTTP_PORT="0", RESULTSD_HTTP_HEALTH_PORT=str(taken.getsockname()[1]), RESULTSD_DATA_DIRECTORY=directory + "/store")
        self.assertEqual(done.returncode, 1)
        self.assertIn("http.health_port", done.stderr)

    def test_results_are_not_shown_beyond_loopback_without_sign_in_whatever_protects_the_way(self):
        for more in ({}, {"RESULTSD_HTTP_TLS_CERTIFICATE_FILE": CERTIFICATE, "RESULTSD_HTTP_TLS_KEY_FILE": KEY}, {"RESULTSD_HTTP_TRUSTED_PROXY": "192.0.2.1"}):
            done = run("resultsd", "--check-config", RESULTSD_HTTP_ADDRESS="0.0.0.0", **more)
            self.assertEqual(done.returncode, 2)
            self.assertIn("set access.secret_file", done.stderr)

    def test_a_trusted_proxy_is_an_address_and_this_machine_is_heard_beside_it(self):
        for wrong in ("proxy.example.org", "0.0.0.0", "::"):
            done = run("resultsd", "--check-config", RESULTSD_HTTP_TRUSTED_PROXY=wrong)
            self.assertEqual(done.returncode, 2, wrong)
            self.assertIn("http.trusted_proxy", done.stderr)
        with Daemon({"http.trusted_proxy": "192.0.2.1"}) as daemon:
            self.assertEqual(daemon.get("/livez").status, 200)
            self.assertEqual(limits_test.refused(daemon, "trusted-proxy"), 0)


class LimitsOverTls(limits_test.Limits):
    Daemon = staticmethod(with_tls)


class EventsOverTls(http_test.EventsIn):
    Daemon = staticmethod(with_tls)


class RunningOverTls(http_test.Running):
    Daemon = staticmethod(with_tls)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")  # old protocols are tried on purpose
