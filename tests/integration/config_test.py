#!/usr/bin/env python3
"""Settings: file, environment, errors all at once, and what the daemon says about them."""
import json
import os
import re
import socket
import subprocess
import tempfile
import unittest

import events
from daemon import Daemon, environment, program, run


class Config(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = os.path.join(directory.name, "resultsd.toml")

    def check(self, toml, *more, **environment):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(toml)
        return run("resultsd", "--config", self.file, *(more or ["--check-config"]), **environment)

    def test_defaults_are_right(self):
        done = run("resultsd", "--check-config")
        self.assertEqual((done.returncode, done.stdout), (0, "The settings are right.\n"))

    def test_all_errors_come_at_once_with_line_and_suggestion(self):
        done = self.check('partitons = 3\n[http]\nport = "a"\nadress = "127.0.0.1"\n[htp]\nport = 1\n[log]\nlevel = "inf"\n'
                          "[release]\nevery_hours = 0\n", RESULTSD_HTPP_PORT="1")
        self.assertEqual(done.returncode, 1 + 1)
        lines = done.stderr.splitlines()
        self.assertEqual([re.match(r".*resultsd\.toml:(\d+)", line).group(1) for line in lines[:-1]], ["1", "3", "4", "5", "8", "10"])
        for line, words in zip(lines, ("Did you mean partitions?", "a whole number from 0 to 65535", "Did you mean http.address?",
                                       "Did you mean http?", "Did you mean info?", "from 0.25 to 744 (hours)",
                                       "environment RESULTSD_HTPP_PORT: There is no such setting. Did you mean RESULTSD_HTTP_PORT?")):
            self.assertIn(words, line)

    def test_text_that_is_not_toml_is_named_by_line(self):
        done = self.check("[http]\nport = = 1\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("resultsd.toml:2: Not TOML", done.stderr)

    def test_a_missing_file_is_an_error(self):
        done = run("resultsd", "--check-config", RESULTSD_SIGN_IN_ROLES="ops = root everywhere")
        self.assertEqual(done.returncode, 2)
        self.assertIn("environment RESULTSD_SIGN_IN_ROLES: sign_in.roles: \"ops = root everywhere\"", done.stderr)
        done = run("resultsd", "--config", "/nowhere/resultsd.toml", "--check-config")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/resultsd.toml: The file cannot be read", done.stderr)

    def test_the_environment_goes_before_the_file_and_both_before_the_default(self):
        done = self.check('[http]\nport = 9000\nbody_bytes_max = "1MiB"\n', "--print-config", RESULTSD_HTTP_PORT="9001")
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = dict(re.match(r"(\S+) = (.*)", line).groups() for line in done.stdout.splitlines())
        self.assertRegex(shown["http.port"], r"^9001 +# environment RESULTSD_HTTP_PORT$")
        self.assertRegex(shown["http.body_bytes_max"], r"^1048576 +# .*resultsd.toml:3$")
        self.assertRegex(shown["partitions"], r"^8 +# default$")

    def test_what_is_printed_can_be_read_again(self):
        printed = self.check("partitions = 4\n", "--print-config").stdout
        again = self.check(printed, "--print-config").stdout
        self.assertEqual([line.split("#")[0] for line in again.splitlines()], [line.split("#")[0] for line in printed.splitlines()])

    def test_an_address_beyond_loopback_is_refused_where_nobody_has_to_say_who_it_is(self):
        for address in ("0.0.0.0", "192.168.1.1", "::"):
            done = self.check(f'http.address = "{address}"\n')
            self.assertEqual(done.returncode, 2)
            self.assertIn("set access.secret_file", done.stderr)
        self.assertIn("is no IP address", self.check('http.address = "localhost"\n').stderr)
        self.assertEqual(self.check('http.address = "::1"\n').returncode, 0)

    def test_a_data_directory_of_no_name_is_refused_whatever_else_is_set(self):
        for more in ("", 'backup.directory = "/var/lib/resultsd/backups"\n', 'backup.directory = ""\n'):
            done = self.check('data.directory = ""\n' + more)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("toml:1: data.directory: name a directory.", done.stderr)

    def test_a_working_directory_that_is_gone_is_no_reason_to_break_off(self):
        with tempfile.TemporaryDirectory() as gone:
            script = f'cd "{gone}" && rmdir "{gone}" && exec "{program("resultsd")}" --check-config'
            done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, env=environment(), check=False)
            os.makedirs(gone, exist_ok=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_settings_that_contradict_each_other_are_refused(self):
        done = self.check('engine.queue_bytes_max = "1MiB"\nrisk.claim_usual_days = 20\n')
        self.assertIn("toml:1: engine.queue_bytes_max may not be below http.body_bytes_max.", done.stderr)
        self.assertIn("toml:2: risk.claim_slow_days may not be below risk.claim_usual_days.", done.stderr)

    def test_a_key_of_many_parts_is_refused_and_nothing_worse(self):
        for key in (".".join("a" * 50_000), "[" + ".".join("a" * 50_000) + "]", ".".join("a" * 4_000)):
            done = self.check(f"log.level = 'info'\n{key}{'' if key.startswith('[') else ' = 1'}\n")
            self.assertEqual(done.returncode, 2, done.stderr[:300])
            self.assertIn("toml:2: ", done.stderr)

    def test_a_file_that_is_far_too_large_is_refused(self):
        done = self.check("# comment\n" * 200_000)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no file of settings", done.stderr)

    def test_control_characters_are_refused_in_every_text(self):
        for text in ("/var/lib/results\\u0000d", "a\\nb", "\\u007f"):
            done = self.check(f'data.directory = "{text}"\n')
            self.assertEqual(done.returncode, 2, text)
            self.assertIn("data.directory: character", done.stderr)
        self.assertEqual(self.check('data.directory = "/var/lib/résultats"\n').returncode, 0)

    def test_a_store_keeps_to_its_time_source(self):
        for made, other in (("event", "wall"), ("wall", "event")):
            with Daemon({"time.source": made}) as daemon:
                daemon.stop()
                daemon.settings["time.source"] = other
                done = run("resultsd", "--config", daemon.config())
                self.assertEqual(done.returncode, 1)
                self.assertIn(f'made with time.source = \\"{made}\\"', done.stderr)
                daemon.settings["time.source"] = made
                daemon.start()

    def test_help_and_reference_name_every_setting(self):
        names = [line.split(" = ")[0] for line in self.check("", "--print-config").stdout.splitlines()]
        reference, help_text = run("resultsd", "--print-config-reference").stdout, run("resultsd", "--help").stdout
        self.assertGreater(len(names), 30)
        for name in names:
            self.assertIn(f"| `{name}` | `RESULTSD_{name.upper().replace('.', '_')}` |", reference)
            self.assertIn(f"  {name}\n", help_text)

    def test_the_version_is_told(self):
        self.assertRegex(run("resultsd", "--version").stdout, r"^resultsd \d+\.\d+\.\d+ \(commit ([0-9a-f]{12}\+?|unknown)\)\n$")

    def test_a_port_in_use_ends_it_with_a_reason(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with tempfile.TemporaryDirectory() as directory:
                done = run("resultsd", RESULTSD_HTTP_PORT=str(taken.getsockname()[1]), RESULTSD_DATA_DIRECTORY=directory + "/store")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Cannot listen on 127.0.0.1", done.stderr)

    def test_partitions_are_fixed_when_the_store_is_made(self):
        with Daemon({"partitions": 4}) as daemon:
            daemon.stop()
            daemon.settings["partitions"] = 8
            done = run("resultsd", "--config", daemon.config())
        self.assertEqual(done.returncode, 1)
        self.assertIn("partitions", done.stderr)


class Binary(unittest.TestCase):
    def test_resultsd_does_not_kill_itself_whatever_the_environment_says(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.stop()
            daemon.process = subprocess.Popen([program("resultsd"), "--config", daemon.config()], stderr=subprocess.PIPE,
                                              env={**daemon.environment, "RESULTSD_CRASH_AT": "before_write:1"})
            with daemon.process.stderr as log:
                daemon.port = next(json.loads(line)["port"] for line in log if b'"listening"' in line)
                daemon.post_events(events.reference())
                self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
