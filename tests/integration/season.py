"""A simulated season for tests that play one into the real resultsd: makes it, cuts it into bodies, exports what came of it, and holds
that against the truth and against itself. Nothing but the standard library."""
import collections
import json
import os
import re
import subprocess
import sys

from daemon import ROOT, environment, program

COMPARE = os.path.join(ROOT, "tests", "sim", "compare.py")
DIMENSIONS = {"awarding_organisation": "awardingOrganisation", "level": "level", "qualification": "qualification",
              "series": "series", "centre": "centre", "stage": "stage", "need": "need", "band": "band", "reason": "reason",
              "late": "late"}


def prefer_release():
    """What plays whole seasons wants the release build, unless VTQ_BIN names another."""
    release = os.path.join(ROOT, "build", "release", "bin")
    if not os.environ.get("VTQ_BIN") and os.access(os.path.join(release, "resultsd"), os.X_OK):
        os.environ["VTQ_BIN"] = release


def command(name, *arguments, show=False):
    """Runs a program of the build and returns what it printed; its progress stays on the terminal if `show`."""
    done = subprocess.run([program(name), *map(str, arguments)], stdout=subprocess.PIPE, stderr=None if show else subprocess.PIPE,
                          text=True, env=environment(), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} {arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr or ''}")
    return done.stdout


class Season:
    """The files of one simulated season."""

    def __init__(self, directory, scenario, scale, seed, plain=False):
        """`plain`: without the rules that a comparison, or figures of before, know nothing of."""
        self.name = f"{scenario}{' without rules of its own' if plain else ''} at scale {scale:g}, seed {seed}"
        self.events = os.path.join(directory, f"{scenario}.pb")
        self.truth = os.path.join(directory, f"{scenario}.truth.jsonl")
        self.said = command("resultsctl", "simulate", "--scenario", scenario, "--scale", f"{scale:g}", "--seed", seed,
                            "--events", self.events, "--truth", self.truth, *(["--plain"] if plain else []))

    def counted(self, what):
        """A figure of what the simulator said: `events`, `entries`, `centres`, `late`, `batches`."""
        return int(re.search(rf"([\d,]+) {what}\b", self.said).group(1).replace(",", ""))

    def bodies(self, events, late_share=1.0, late_events=0):
        """The file cut into bodies of so many events: (events, bytes) each; after `late_share` of its bytes, of `late_events`."""
        with open(self.events, "rb") as file:
            content = file.read()
        made, start, at, count = [], 0, 0, 0
        while at < len(content):
            length = shift = 0
            while content[at] & 0x80:
                length |= (content[at] & 0x7F) << shift
                shift += 7
                at += 1
            at += 1 + (length | content[at] << shift)
            count += 1
            if count >= (late_events if start >= late_share * len(content) else events) or at == len(content):
                made.append((count, content[start:at]))
                start, count = at, 0
        return made

    def compare(self, statuses, batches):
        """What compare.py says: (agrees, its words)."""
        done = subprocess.run([sys.executable, COMPARE, "--truth", self.truth, "--statuses", statuses, "--batches", batches,
                               "--late-list"], capture_output=True, text=True, check=False)
        return done.returncode == 0, done.stdout + done.stderr


def export(daemon, what, path):
    """Writes all statuses or batches to a file."""
    command("resultsctl", "--url", daemon.url, "export", what, "--out", path)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def entry_name(entry):
    return "|".join(entry[part] for part in ("centre", "qualification", "series", "learner"))


def counts_of(statuses):
    """Entries by every dimension of the roll-ups, counted one by one."""
    counts = collections.Counter()
    for status in statuses:
        values = {**status, **status["entry"], "late": "true" if status.get("late") else "false",
                  "reason": status.get("reason", "REASON_NONE")}
        counts[tuple(values[name] for name in DIMENSIONS.values())] += 1
    return counts


def rollups(daemon, without=()):
    """The roll-up counts that the daemon keeps, as `counts_of` has them; dimensions in `without` are None."""
    asked = [name for name in DIMENSIONS if name not in without]
    answer = daemon.get("/v1/rollups", by=",".join(asked)).json()
    names = [json_name if name in asked else None for name, json_name in DIMENSIONS.items()]
    return collections.Counter({tuple(row.get(name) for name in names): row["entries"] for row in answer["rows"]})


def without(counts, dropped):
    """`counts` with the dimensions in `dropped` summed over."""
    summed = collections.Counter()
    for values, entries in counts.items():
        summed[tuple(None if name in dropped else value for name, value in zip(DIMENSIONS, values))] += entries
    return summed


def metric(text, name, **labels):
    """Sum of the samples of a metric that have these labels."""
    total = 0.0
    for line in text.splitlines():
        found = re.match(rf"{name}(?:\{{(.*)\}})? (\S+)$", line)
        if found and all(f'{label}="{value}"' in (found.group(1) or "") for label, value in labels.items()):
            total += float(found.group(2))
    return total


def difference(found, expected):
    """In words; of two dicts only what differs."""
    if isinstance(found, dict) and isinstance(expected, dict):
        names = [name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)]
        found, expected = ({name: one.get(name) for name in names} for one in (found, expected))
    return f"{str(found)[:500]}, should be {str(expected)[:500]}"


class Checks:
    """Counts what held and what did not, and says so; the last line is what tests/run reads."""

    EXAMPLES = 8

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, holds, what, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print(f"  {'ok    ' if holds else 'FAILED'} {what}" + (f"\n{detail}" if detail and not holds else ""), flush=True)
        return holds

    def same(self, what, found, expected):
        """Two dicts must be equal; otherwise the first differences are shown."""
        differing = [key for key in sorted({*found, *expected}, key=str) if found.get(key) != expected.get(key)]
        shown = [f"           {key}: {difference(found.get(key), expected.get(key))}" for key in differing[:self.EXAMPLES]]
        return self.check(not differing, what, f"         {len(differing)} differ\n" + "\n".join(shown))

    def end(self):
        """Prints the summary and returns the exit code."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


class Progress:
    """One line that is written over, on a terminal only."""

    def __init__(self):
        self.shown = sys.stderr.isatty()

    def show(self, text):
        if self.shown:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self):
        self.show("")
