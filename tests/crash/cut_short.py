"""Kills what makes or mends a store before every single file operation of it, one after the other: a first start, a new store where another
one had issued batches, a restore, an accepted loss, a backup. The same command given again always comes to the end, and nothing is lost by it."""
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import time

import daemon as daemons
import events as e

CENTRE = "30101"


class Cut:
    """A directory of its own, and commands that are killed before their file operation number `at`; 0: never."""

    def __init__(self, directory):
        self.daemon = daemons.Daemon({"time.source": "event"}, directory=directory)
        self.store = self.under = self.daemon.settings["data.directory"]
        self.plain = dict(self.daemon.environment)

    def environment(self, at):
        return {**self.plain, "LD_PRELOAD": daemons.program("kill_at.so"), "KILL_UNDER": self.under, "KILL_AT": str(at)} if at else self.plain

    def start(self, at=0, *arguments):
        """Whether it became ready before it was killed."""
        path = os.path.join(self.daemon.directory, "log")
        with open(path, "ab") as log:
            began = log.tell()
            self.daemon.process = subprocess.Popen([daemons.program("resultsd"), "--config", self.daemon.config(), *arguments], stderr=log,
                                                   env=self.environment(at))

        def ready():
            try:
                self.daemon.port = self.daemon._port(began)
                return self.daemon.port and self.daemon.get("/readyz").status == 200 and "ready"
            except (RuntimeError, OSError, http.client.HTTPException):
                if self.daemon.process.poll() == -signal.SIGKILL:
                    return "killed"
                if self.daemon.process.poll() is not None:
                    raise
                return None

        return daemons.wait_until(ready, "resultsd ready, or killed") == "ready"

    def resultsctl(self, at, *arguments):
        """Whether it came to its end before it was killed."""
        done = subprocess.run([daemons.program("resultsctl"), *arguments], capture_output=True, text=True, timeout=60, check=False,
                              env=self.environment(at))
        if done.returncode not in (0, -signal.SIGKILL):
            raise RuntimeError(f"resultsctl {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.returncode == 0

    def numbers(self):
        """Of the centre's batches, and the last of those that are not used again."""
        page = self.daemon.get("/v1/batches", centre=CENTRE).json()
        return [one["number"] for one in page["batches"]], [int(gap["to"][-4:]) for gap in page["gaps"]]

    def publish(self, lines):
        reply = self.daemon.post("/v1/events", "\n".join(lines), "application/x-ndjson")
        if reply.status != 200 or reply.json()["rejected"]:
            raise RuntimeError(f"published and refused: {reply.body}")


def season():
    """Issues three batches to one centre; the first is issued before the returned place."""
    with open(os.path.join(daemons.ROOT, "tests/data/cases/restore_of_older_backup.jsonl"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    return lines, next(at for at, line in enumerate(lines) if '"id": "e7"' in line)


def first_start(cut, _, at):
    done = cut.start(at)
    cut.daemon.stop(signal.SIGKILL)
    cut.start()
    cut.daemon.post_events(e.reference() + [e.registered("L1")])
    return done, "" if cut.daemon.get("/v1/overview").json()["entries"] == 1 else "the entry is not there"


def new_store_above(cut, prepared, at):
    """Only the names of what was issued are left of the store before."""
    shutil.copy(os.path.join(prepared, "store.issued"), cut.store + ".issued")
    done = cut.start(at, "--init")
    cut.daemon.stop(signal.SIGKILL)
    cut.start(0, "--init")
    cut.publish(season()[0])
    found = cut.numbers()
    return done, "" if found == ([4, 5, 6], [3]) else f"batches {found[0]}, gaps to {found[1]}, not 4, 5 and 6 above 3"


def goes_on_without_two_and_three(cut):
    """What is wrong with a store that knows of the first batch alone; empty: nothing."""
    cut.start()
    lines, second = season()
    cut.publish(lines[second:])
    found = cut.numbers()
    return "" if found == ([1, 4, 5], [3]) else f"batches {found[0]}, gaps to {found[1]}, not 1, 4 and 5 without 2 and 3"


def restore(cut, prepared, at):
    """A backup from before the second and third batch, which the lost store had issued."""
    for file in ("store.head", "store.issued"):
        shutil.copy(os.path.join(prepared, file), cut.daemon.directory)
    command = ("restore", "--from", os.path.join(prepared, "backups"), "--to", cut.store)
    done = cut.resultsctl(at, *command)
    if not os.path.exists(os.path.join(cut.store, "CURRENT")):
        cut.resultsctl(0, *command)
    return done, goes_on_without_two_and_three(cut)


def accepted_loss(cut, prepared, at):
    """The store is an older copy, from before the second and third batch."""
    shutil.copytree(os.path.join(prepared, "older"), cut.store)
    for file in ("store.head", "store.issued"):
        shutil.copy(os.path.join(prepared, file), cut.daemon.directory)
    done = cut.resultsctl(at, "store", "accept-loss", cut.store)
    cut.resultsctl(0, "store", "accept-loss", cut.store)
    return done, goes_on_without_two_and_three(cut)


def backup(cut, prepared, at):
    """A second backup: killed, the first is still there, and the next can be made and restored."""
    for what in ("older", "backups"):
        shutil.copytree(os.path.join(prepared, what), cut.store if what == "older" else os.path.join(cut.daemon.directory, what))
    for file in ("store.head", "store.issued"):
        shutil.copy(os.path.join(prepared, file + ".older"), os.path.join(cut.daemon.directory, file))
    cut.under = os.path.join(cut.daemon.directory, "backups")
    cut.start(at)
    try:
        done = cut.daemon.post("/v1/backups").status == 201
    except (OSError, http.client.HTTPException):
        done = False
    cut.daemon.stop(signal.SIGKILL)
    cut.start()
    first = [one["id"] for one in cut.daemon.get("/v1/backups").json()["backups"]][0]
    made = cut.daemon.post("/v1/backups")
    cut.daemon.stop()
    shutil.rmtree(cut.store)
    cut.resultsctl(0, "restore", "--from", cut.under, "--to", cut.store)
    cut.start()
    found = cut.numbers()
    return done, "" if (first, made.status, found) == (1, 201, ([1], [])) else f"first backup {first}, then {made.body}, batches {found}"


CASES = {"a first start": first_start, "a new store above the numbers of one before": new_store_above, "a restore": restore,
         "an accepted loss": accepted_loss, "a backup": backup}


def prepare(directory):
    """A store that issued three batches, with a backup and a copy of it from after the first."""
    cut = Cut(directory)
    lines, second = season()
    with cut.daemon:
        cut.publish(lines[:second])
        cut.daemon.post("/v1/backups")
        cut.daemon.stop()
        shutil.copytree(cut.store, os.path.join(directory, "older"))
        for file in ("store.head", "store.issued"):
            shutil.copy(os.path.join(directory, file), os.path.join(directory, file + ".older"))
        cut.start()
        cut.publish(lines[second:])
        cut.daemon.stop()


def run(checks):
    with tempfile.TemporaryDirectory(prefix="cut-short-") as prepared:
        prepare(prepared)
        for name, play in CASES.items():
            began, wrong, done, at = time.monotonic(), [], False, 0
            while not done and len(wrong) < 5:
                at += 1
                with tempfile.TemporaryDirectory(prefix="cut-short-") as directory:
                    cut = Cut(directory)
                    try:
                        done, why = play(cut, prepared, at)
                    except (RuntimeError, TimeoutError, OSError) as error:
                        why = str(error)
                    finally:
                        cut.daemon.__exit__()
                    if why:
                        wrong.append(f"at {at}: {why}")
            checks.check(not wrong and at > 10, f"{name} was killed before each of its {at - 1} file operations ({time.monotonic() - began:.0f} s)",
                         "\n".join(wrong))
