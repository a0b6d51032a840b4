#!/usr/bin/env python3
"""Runs the README's chapter "On a network" as written, from nothing, in directories of its own: with an authority of its own, an issuer that answers, and
in place of systemd a few lines that hand over the credentials, take away what the unit takes away, and wait for the word of the daemon that it is ready."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
from certificates import Authority  # noqa: E402
from confined import Confinement, Unit  # noqa: E402
from daemon import environment, program  # noqa: E402
from oidc_issuer import Issuer  # noqa: E402
from ports import free_ports  # noqa: E402

NAME = "results.northgate.example"
READY_S = 60


def blocks():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        return re.findall(r"<!-- run on a network -->\n```sh\n(.*?)```", file.read(), re.S)


def start_as_systemd_does(etc, work):
    """`systemctl enable --now resultsd`: credentials copied, the unit's confinement, and nothing returned before READY=1. The process's id."""
    unit = os.path.join(etc, "systemd", "system", "resultsd.service")
    with open(unit, encoding="utf-8") as file:
        command = re.search(r"^ExecStart=(.*)$", file.read(), re.M)[1].split()
    command = [word.replace("/usr/local", work).replace("/etc/", etc + "/") for word in command]
    credentials = os.path.join(work, "credentials")
    os.mkdir(credentials, 0o700)
    with open(os.path.join(unit + ".d", "network.conf"), encoding="utf-8") as file:
        named = re.findall(r"^LoadCredential=([^:]+):(.*)$", file.read(), re.M)
    for name, source in named:
        with open(source.replace("/etc/", etc + "/"), "rb") as given, open(os.open(os.path.join(credentials, name), os.O_CREAT | os.O_WRONLY, 0o400), "wb") as copy:
            copy.write(given.read())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, open(os.path.join(work, "journal"), "wb") as journal:
        heard.bind(os.path.join(work, "notify"))
        heard.settimeout(READY_S)
        kept = environment(CREDENTIALS_DIRECTORY=credentials, NOTIFY_SOCKET=heard.getsockname())
        process = subprocess.Popen(command, env=kept, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=journal, preexec_fn=Confinement(Unit(unit)),
                                   start_new_session=True)
        said = heard.recv(100)
    assert said.startswith(b"READY=1"), said
    return process.pid


class OnANetwork(unittest.TestCase):
    def test_from_nothing_to_a_daemon_that_only_those_reach_who_may(self):
        with tempfile.TemporaryDirectory(prefix="network-") as work:
            port, health = free_ports(2), None
            health = port + 1
            authority = Authority(work)
            certificate, key = authority.issue("server", names="DNS:localhost")
            os.rename(certificate, os.path.join(work, "fullchain.pem"))
            os.rename(key, os.path.join(work, "privkey.pem"))
            issuer = Issuer(work).start()
            self.addCleanup(issuer.stop)
            with open(os.path.join(work, "client.secret"), "w", encoding="ascii") as file:
                file.write(issuer.secret + "\n")
            os.makedirs(os.path.join(work, "build", "release"))
            os.symlink(os.path.dirname(program("resultsd")), os.path.join(work, "build", "release", "bin"))
            os.symlink(os.path.join(ROOT, "deploy"), os.path.join(work, "deploy"))
            etc = os.path.join(work, "etc")

            script = "\n".join(blocks())
            # What whoever puts it on a network edits, between the files and the start.
            edit = (f"sed -i -e 's,{NAME}:8410,localhost:{port},; s,{NAME},localhost,; s,https://sign-in.northgate.example,{issuer.url},; s,8410,{port},; s,8411,{health},' "
                    f"-e 's,/run/credentials/resultsd.service,{work}/credentials,; s,/var/lib,{work}/var,; s,0\\.0\\.0\\.0,0.0.0.0,' /etc/resultsd/resultsd.toml\n")
            script = script.replace("resultsd --config /etc/resultsd/resultsd.toml --check-config", edit + "resultsd --config /etc/resultsd/resultsd.toml --check-config")
            script = script.replace("/usr/local/bin", f"{work}/bin").replace("/etc/", etc + "/").replace(f"https://{NAME}:8410", f"https://localhost:{port}")
            script = script.replace(":8411", f":{health}")
            begin = (f"set -euo pipefail\nexport PATH={work}/bin:$PATH RESULTSD_CA_FILE={authority.file} CURL_CA_BUNDLE={authority.file}\n"
                     f"systemctl() {{ [ \"$1\" != enable ] || python3 {os.path.abspath(__file__)} start {etc} {work} > {work}/pid; }}\n"
                     f"trap '[ ! -e {work}/pid ] || kill -TERM $(cat {work}/pid)' EXIT\n")
            done = subprocess.run(["bash", "-c", begin + script], cwd=work, env=environment(), capture_output=True, text=True, timeout=240)
            journal = ""
            if os.path.exists(os.path.join(work, "journal")):
                with open(os.path.join(work, "journal"), encoding="utf-8") as file:
                    journal = file.read()
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:] + journal[-3000:])
            self.assertIn("\n401\n", done.stdout)
            self.assertRegex(done.stdout, rf"\n303 {re.escape(issuer.url)}/\S+\n")
            self.assertRegex(done.stdout, r"vtq_tls_certificate_expires_timestamp_seconds\S* [1-9]")
            self.assertNotIn("WRONG", done.stdout)
            self.assertRegex(done.stdout, r"Overall exposure level for \S+: 1\.[0-5]")
            for name in ("northgate.key", "auditor.key"):
                self.assertEqual(os.stat(os.path.join(work, name)).st_mode & 0o777, 0o600)
            for name in ("access.secret", "session.keys", "seal.key", "audit.key", "client.secret"):
                self.assertEqual(os.stat(os.path.join(etc, "resultsd", name)).st_mode & 0o777, 0o600, name)


if __name__ == "__main__":
    if sys.argv[1:2] == ["start"]:
        print(start_as_systemd_does(*sys.argv[2:]))
    else:
        unittest.main(verbosity=2)
