#!/usr/bin/env python3
"""The released binaries are hardened: position independent, relocations read-only, no executable stack, stack protector, fortified calls and
control-flow marks. And the unit of systemd leaves the daemon little to do beyond its work, where systemd-analyze is installed."""
import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARIES = [os.path.join(ROOT, "build", "release", "bin", name) for name in ("resultsd", "resultsctl")]
EXPOSURE_MAX = 2.0


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
        with open(os.path.join(ROOT, "deploy", "systemd", "resultsd.service"), encoding="utf-8") as file:
            unit = file.read()
        for line in ("Type=notify", "WatchdogSec=60", "MemoryMax=4G", "UMask=0077", "SystemCallFilter=@system-service", "CapabilityBoundingSet="):
            self.assertIn(line + "\n", unit)
        if not shutil.which("systemd-analyze"):
            return
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", os.path.join(ROOT, "deploy", "systemd", "resultsd.service")],
                              capture_output=True, text=True)
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        self.assertIsNotNone(exposure, done.stdout + done.stderr)
        self.assertLessEqual(float(exposure.group(1)), EXPOSURE_MAX, done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
