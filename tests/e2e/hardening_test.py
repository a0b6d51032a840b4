#!/usr/bin/env python3
"""The released binaries are hardened: position independent, relocations read-only, no executable stack, stack protector, fortified calls and
control-flow marks. The unit of systemd leaves the daemon little to do beyond its work, and its work the daemon can do: it is started here with the
unit's own system calls, families of addresses and no capabilities."""
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
from certificates import Authority  # noqa: E402
from confined import Confinement, Unit  # noqa: E402
from daemon import Daemon, run  # noqa: E402

BINARIES = [os.path.join(os.environ.get("VTQ_BIN") or os.path.join(ROOT, "build", "release", "bin"), name) for name in ("resultsd", "resultsctl")]
UNIT = os.path.join(ROOT, "deploy", "systemd", "resultsd.service")
EXPOSURE_MAX = 1.5


class UnderTheUnit(Daemon):
    """resultsd as the unit starts it, as far as that takes no systemd."""

    def __init__(self, settings, directory, credentials, trust):
        super().__init__(settings, {"CREDENTIALS_DIRECTORY": credentials}, directory, trust=trust)
        self.confinement = Confinement(Unit(UNIT))

    def start(self):
        before = subprocess.Popen
        try:
            subprocess.Popen = lambda *args, **more: before(*args, preexec_fn=self.confinement, **more)
            return super().start()
        finally:
            subprocess.Popen = before


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def test_binaries_are_position_independent_with_read_only_relocations_bound_at_start(self):
        for binary in BINARIES:
            with self.subTest(binary=binary):
                self.assertRegex(readelf("-h", binary), r"Type:\s+DYN")
                self.assertIn("GNU_RELRO", readelf("-l", binary))
                self.assertRegex(readelf("-d", binary), r"FLAGS_1.*\bNOW\b.*\bPIE\b|FLAGS_1.*\bPIE\b.*\bNOW\b")

    def test_no_stack_is_executable(self):
        for binary in BINARIES:
            stack = next(line for line in readelf("-l", binary).splitlines() if "GNU_STACK" in line)
            self.assertNotRegex(stack, r"\bRWE\b|\bE\b")

    def test_stacks_are_protected_and_calls_fortified(self):
        for binary in BINARIES:
            symbols = readelf("--dyn-syms", binary)
            self.assertIn("__stack_chk_fail", symbols)
            self.assertRegex(symbols, r"__(memcpy|memset|memmove|snprintf|vsnprintf|read|recv)_chk")

    def test_functions_begin_with_a_mark_for_indirect_branches(self):
        for binary in BINARIES:
            code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], stdout=subprocess.PIPE, text=True, check=True).stdout
            self.assertGreater(code.count("endbr64"), 1000)

    def test_the_unit_exposes_little(self):
        with open(UNIT, encoding="utf-8") as file:
            unit = file.read()
        for line in ("Type=notify", "WatchdogSec=60", "MemoryMax=4G", "UMask=0077", "SystemCallFilter=@system-service", "CapabilityBoundingSet="):
            self.assertIn(line + "\n", unit)
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT], capture_output=True, text=True)
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        self.assertIsNotNone(exposure, done.stdout + done.stderr)
        print(f"exposure of the unit, by systemd-analyze: {exposure.group(1)}, at most {EXPOSURE_MAX}")
        self.assertLessEqual(float(exposure.group(1)), EXPOSURE_MAX, done.stdout)

    def test_the_unit_leaves_the_daemon_what_its_work_takes(self):
        with tempfile.TemporaryDirectory(prefix="resultsd-") as directory:
            credentials = os.path.join(directory, "credentials")
            os.mkdir(credentials, 0o700)
            authority = Authority(directory)
            certificate, key = authority.issue("server")
            seal, secret, audit = (os.path.join(credentials, name) for name in ("seal.key", "access.secret", "audit.key"))
            for made in (run("resultsctl", "seal", "keygen", seal), run("resultsctl", "access", "make-secret", secret),
                         run("resultsctl", "audit", "keygen", audit, "--name", "vtq.example.org/audit")):
                self.assertEqual(made.returncode, 0, made.stderr)
            for name in (seal, secret, audit):
                os.chmod(name, 0o400)  # as systemd has them
            settings = {"time.source": "event", "http.address": "0.0.0.0", "http.tls_certificate_file": certificate, "http.tls_key_file": key,
                        "http.health_port": 0, "access.secret_file": secret, "audit.key_file": audit, "http.host_names": "localhost",
                        "data.sync": True, "backup.directory": os.path.join(directory, "backups")}
            with UnderTheUnit(settings, directory, credentials, authority.trust(check_hostname=True)) as daemon:
                with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
                    state = dict(line.split(":\t", 1) for line in file.read().splitlines())
                self.assertEqual((state["Seccomp"].strip(), state["NoNewPrivs"].strip(), int(state["CapEff"], 16)), ("2", "1", 0))
                asked = ("--secret-file", secret, "--ca-file", authority.file)
                for words in (("publish", os.path.join(ROOT, "tests", "data", "small_season.jsonl")), ("backup",), ("status",)):
                    done = daemon.resultsctl(*asked, *words)
                    self.assertIn(done.returncode, (0, 1) if words[0] == "publish" else (0,), done.stdout + done.stderr)
                self.assertIn("accepted", daemon.resultsctl(*asked, "publish", os.path.join(ROOT, "tests", "data", "small_season.jsonl")).stdout)
                daemon.process.send_signal(signal.SIGHUP)
                context = ssl.create_default_context(cafile=authority.file)
                with urllib.request.urlopen(f"{daemon.url}/readyz", context=context) as reply:
                    self.assertEqual(reply.status, 200)
                self.assertEqual(daemon.stop(), 0)
                wrong = [line for line in daemon.log() if line.get("level") in ("error", "critical") or "not permitted" in str(line)]
                self.assertEqual(wrong, [])

    def test_what_the_unit_does_not_leave_is_refused(self):
        script = ("import os, socket\nfor what in (lambda: os.setuid(0), lambda: os.chown('/', 0, 0), lambda: socket.socket(16, 3), "
                  "lambda: os.sched_setaffinity(0, {0})):\n  try:\n    what()\n    print('done')\n  except OSError as error:\n    print(error.errno)\n")
        done = subprocess.run([sys.executable, "-c", script], preexec_fn=Confinement(Unit(UNIT)), capture_output=True, text=True)
        self.assertEqual(done.stdout.split(), ["1", "1", "97", "1"], done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
