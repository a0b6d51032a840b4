#!/usr/bin/env python3
"""Holds what resultsd said about a simulated season against the truth that the simulator wrote.

    compare.py --truth truth.jsonl --statuses statuses.jsonl --batches batches.jsonl [--late-list]

truth     JSON Lines, one object per entry, as `resultsctl simulate --truth` writes it
statuses  protobuf-JSON of EntryStatus, one per line: the final status of each entry
batches   protobuf-JSON of ResultBatch, one per line, in any order

It shares no code with the product. Exit code 0 when all agrees, 1 when anything does not, 2 when a file is unusable.
"""
import argparse
import collections
import json
import re
import sys
from datetime import datetime, timezone

EXAMPLES_MAX = 20
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z$")
# Fields of what is kept per entry; one tuple each, of shared strings, keeps 800,000 entries in some 400 MB.
STAGE, NEED, REASON, LATE, SCALE, GRADE, ISSUED, FIRST, CORRECTIONS, ORGANISATION, LEVEL, FATE, BASIS, MITIGATION = range(14)


def millis(text):
    """Milliseconds since 1970 of an RFC 3339 time in UTC; None for None or empty."""
    if not text:
        return None
    found = TIME.match(text)
    if not found:
        raise ValueError(f"not a UTC time: {text!r}")
    whole = datetime(*(int(part) for part in found.groups()[:6]), tzinfo=timezone.utc) - EPOCH
    fraction = (found.group(7) or "").ljust(3, "0")[:3]
    return (whole.days * 86400 + whole.seconds) * 1000 + int(fraction)


def get(message, name, default=None):
    """A field by its proto name; protobuf-JSON may write it in lowerCamelCase, and leaves defaults out."""
    if name in message:
        return message[name]
    head, *rest = name.split("_")
    return message.get(head + "".join(part.capitalize() for part in rest), default)


def key_of(entry):
    """Names an entry; qualification numbers compare without slashes."""
    qualification = get(entry, "qualification", "").replace("/", "")
    return "|".join((get(entry, "centre", ""), qualification, get(entry, "series", ""), get(entry, "learner", "")))


def unusable(text):
    print(text, file=sys.stderr)
    sys.exit(2)


def lines_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    yield json.loads(line)
                except ValueError as error:
                    unusable(f"{path}:{number}: {error}")
    except OSError as error:
        unusable(f"{path}: {error.strerror}")


class Findings:
    def __init__(self):
        self.counts = collections.Counter()
        self.examples = []
        self.shown = collections.Counter()

    def add(self, category, text):
        self.counts[category] += 1
        # A few of each category, so that one common mismatch does not hide the others.
        if self.shown[category] < 4 and len(self.examples) < EXAMPLES_MAX:
            self.shown[category] += 1
            self.examples.append(f"{category}: {text}")


def read_truth(path, findings):
    truth = {}
    for one in lines_of(path):
        key = key_of(one)
        if key in truth:
            findings.add("truth names an entry twice", key)
        corrections = tuple((millis(c["issued_at"]), c["revoked"], c.get("grade")) for c in one.get("corrections", ()))
        truth[key] = (sys.intern(one["stage"]), sys.intern(one["need"]), sys.intern(one["reason"]), one["late"],
                      sys.intern(one["grade_scale"]), one["grade"] and sys.intern(one["grade"]), millis(one["issued_at"]),
                      millis(one["first_issue_at"]), corrections, sys.intern(one["awarding_organisation"]),
                      sys.intern(one["level"]), sys.intern(one["fate"]), sys.intern(one.get("basis", "")),
                      sys.intern(one.get("mitigation", "")))
    return truth


def check_statuses(path, truth, findings):
    """Returns the late entries that the statuses name: (level, reason) counts, and their centres."""
    seen = set()
    late, late_centres = collections.Counter(), set()
    for status in lines_of(path):
        entry = get(status, "entry", {})
        key = key_of(entry)
        if get(status, "late", False):
            late[get(status, "level", "?"), get(status, "reason", "REASON_NONE")] += 1
            late_centres.add(get(entry, "centre"))
        expected = truth.get(key)
        if expected is None:
            findings.add("status of an unknown entry", key)
            continue
        if key in seen:
            findings.add("more than one status", key)
            continue
        seen.add(key)
        said = (("stage", STAGE, get(status, "stage", "STAGE_UNSPECIFIED")),
                ("need", NEED, get(status, "need", "NEED_UNSPECIFIED")),
                ("reason", REASON, get(status, "reason", "REASON_NONE")),
                ("late", LATE, get(status, "late", False)),
                ("level", LEVEL, get(status, "level", "LEVEL_UNSPECIFIED")),
                ("awarding organisation", ORGANISATION, get(status, "awarding_organisation", "")))
        for name, field, value in said:
            if value != expected[field]:
                findings.add(f"{name} differs", f"{key} ({expected[FATE]}): is {value}, should be {expected[field]}")
        # A season without rules of its own names no mitigation and no basis.
        mitigation = get(status, "mitigation", "KIND_UNSPECIFIED")
        if expected[MITIGATION] not in ("", mitigation):
            findings.add("mitigation differs", f"{key} ({expected[FATE]}): is {mitigation}, should be {expected[MITIGATION]}")
        # A correction may move the status to its own batch; the batches are what is held against the truth's times.
        if (millis(get(status, "issued_at")) is None) != (expected[ISSUED] is None):
            findings.add("issued or not differs", f"{key} ({expected[FATE]}): status issued at {get(status, 'issued_at')}")
    for key in truth:
        if key not in seen:
            findings.add("no status", f"{key} ({truth[key][FATE]})")
    return late, late_centres


class Batches:
    """Checks numbering and results; batches may come in any order, so corrections are held until the end."""

    def __init__(self, truth, findings):
        self.truth, self.findings = truth, findings
        self.numbers = collections.defaultdict(list)
        self.batch_times = {}
        self.issued = {}
        self.corrections = collections.defaultdict(list)

    def add(self, batch):
        name, number = get(batch, "batch", ""), get(batch, "number", 0)
        scope = (get(batch, "centre", ""), get(batch, "awarding_organisation", ""), get(batch, "series", ""))
        if name in self.batch_times:
            self.findings.add("batch twice", name)
            return
        at = millis(get(batch, "issued_at"))
        self.batch_times[name] = at
        self.numbers[scope].append((number, at))
        if name != f"{'.'.join(scope)}.{number:04d}":
            self.findings.add("batch name does not fit its number", f"{name} has number {number}")
        kind = get(batch, "kind", "KIND_UNSPECIFIED")
        for result in get(batch, "results", ()):
            key = key_of(get(result, "entry", {}))
            expected = self.truth.get(key)
            if expected is None:
                self.findings.add("result of an unknown entry", f"{key} in {name}")
                continue
            if (get(get(result, "entry"), "centre"), expected[ORGANISATION]) != scope[:2] or \
                    get(batch, "level") != expected[LEVEL]:
                self.findings.add("result in the wrong batch", f"{key} in {name}")
            if kind == "RESULTS":
                self.check_result(key, expected, name, at, result)
            else:
                self.corrections[key].append((at, name, result))

    def check_result(self, key, expected, name, at, result):
        text = f"{key} ({expected[FATE]}) in {name}"
        if key in self.issued:
            self.findings.add("issued more than once", text)
            return
        self.issued[key] = name
        if expected[ISSUED] is None:
            self.findings.add("issued but not expected", text)
            return
        if at != expected[ISSUED]:
            self.findings.add("issue time differs", f"{text}: {shown(at)}, should be {shown(expected[ISSUED])}")
        if at < expected[FIRST]:
            self.findings.add("issued before its release plan", text)
        grade = get(result, "grade", {})
        if (get(grade, "scale", ""), get(grade, "value", "")) != (expected[SCALE], expected[GRADE]):
            self.findings.add("grade differs", f"{text}: {grade}, should be {expected[GRADE]} of {expected[SCALE]}")
        if get(result, "late", False) != expected[LATE] or get(result, "reason", "REASON_NONE") != expected[REASON]:
            self.findings.add("late mark on the result differs", f"{text}: {get(result, 'reason', 'REASON_NONE')}")
        basis = get(result, "basis", "ORDINARY")
        if expected[BASIS] not in ("", basis):
            self.findings.add("basis differs", f"{text}: {basis}, should be {expected[BASIS]}")
        if get(result, "revoked", False):
            self.findings.add("first result is revoked", text)
        if get(result, "supersedes") is not None:
            self.findings.add("first result supersedes something", text)

    def finish(self):
        for scope, numbered in self.numbers.items():
            numbered.sort()
            if [number for number, _ in numbered] != list(range(1, len(numbered) + 1)):
                self.findings.add("batch numbers have gaps or repeat", f"{scope}: {[n for n, _ in numbered][:12]}")
            if any(later[1] < earlier[1] for earlier, later in zip(numbered, numbered[1:])):
                self.findings.add("batch numbers run against time", str(scope))
        for key, expected in self.truth.items():
            if expected[ISSUED] is not None and key not in self.issued:
                self.findings.add("not issued", f"{key} ({expected[FATE]})")
            if expected[CORRECTIONS] or key in self.corrections:
                self.check_corrections(key, expected)

    def check_corrections(self, key, expected):
        said = sorted(self.corrections.get(key, ()), key=lambda one: one[:2])
        text = f"{key} ({expected[FATE]})"
        if len(said) != len(expected[CORRECTIONS]):
            self.findings.add("number of corrections differs", f"{text}: {len(said)}, should be {len(expected[CORRECTIONS])}")
            return
        before_batch, before_grade, before_revoked = self.issued.get(key), expected[GRADE], False
        for (at, name, result), (due_at, revoked, value) in zip(said, expected[CORRECTIONS]):
            if at != due_at:
                self.findings.add("correction time differs", f"{text} in {name}: {shown(at)}, should be {shown(due_at)}")
            grade = get(result, "grade")
            got = (get(result, "revoked", False), grade and (get(grade, "scale"), get(grade, "value")))
            if got != (revoked, None if revoked else (expected[SCALE], value)):
                self.findings.add("correction says something else", f"{text} in {name}: {got}")
            supersedes = get(result, "supersedes") or {}
            old = get(supersedes, "grade") or {}
            old_grade = None if before_revoked else before_grade
            if (get(supersedes, "batch"), get(old, "value"), get(supersedes, "revoked", False)) != \
                    (before_batch, old_grade, before_revoked):
                self.findings.add("correction supersedes something else", f"{text} in {name}: {supersedes}")
            before_batch, before_grade, before_revoked = name, value, revoked


def shown(at):
    if at is None:
        return "never"
    return datetime.fromtimestamp(at // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03d}Z"


def print_late(title, late, centres):
    print(f"{title}: {sum(late.values())} at {len(centres)} centres")
    levels = collections.Counter()
    for (level, _), count in late.items():
        levels[level] += count
    for level in sorted(levels):
        reasons = ", ".join(f"{reason} {count}" for (at, reason), count in sorted(late.items()) if at == level)
        print(f"  {level:10} {levels[level]:7}  {reasons}")


def main():
    parser = argparse.ArgumentParser(description="Compare a season's statuses and batches with the simulator's truth.")
    parser.add_argument("--truth", required=True)
    parser.add_argument("--statuses", required=True)
    parser.add_argument("--batches", required=True)
    parser.add_argument("--late-list", action="store_true", help="summarise the late results of both sides")
    options = parser.parse_args()

    findings = Findings()
    truth = read_truth(options.truth, findings)
    late, late_centres = check_statuses(options.statuses, truth, findings)
    batches = Batches(truth, findings)
    for batch in lines_of(options.batches):
        batches.add(batch)
    batches.finish()

    print(f"{len(truth)} entries, {len(batches.batch_times)} batches, {len(batches.issued)} results issued, "
          f"{sum(map(len, batches.corrections.values()))} corrections")
    stages = collections.Counter((one[STAGE], one[REASON]) for one in truth.values())
    for (stage, reason), count in sorted(stages.items()):
        print(f"  {stage:17} {reason:12} {count:8}")
    if options.late_list:
        due = collections.Counter((one[LEVEL], one[REASON]) for one in truth.values() if one[LATE])
        print_late("late by the truth", due, {key.split("|")[0] for key, one in truth.items() if one[LATE]})
        print_late("late by the statuses", late, late_centres)
    if not findings.counts:
        print("all agrees")
        return 0
    print(f"{sum(findings.counts.values())} mismatches")
    for category, count in findings.counts.most_common():
        print(f"  {count:8}  {category}")
    print("examples")
    for example in findings.examples:
        print(f"  {example}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
