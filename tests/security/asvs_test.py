#!/usr/bin/env python3
"""asvs.md answers every line of OWASP ASVS 5.0.0 of level 1 or 2 once, and names tests and chapters of the README that exist."""
import collections
import functools
import os
import re
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
ANSWERS = ("held", "partly", "not held", "does not apply")

# Numbers of the lines of each section; * is level 1. From the standard's own list, see asvs.md.
LINES = {
    "1.1": "1 2", "1.2": "1* 2* 3* 4* 5* 6 7 8 9", "1.3": "1* 2* 3 4 5 6 7 8 9 10 11", "1.4": "1 2 3", "1.5": "1* 2", "2.1": "1* 2 3", "2.2": "1* 2* 3",
    "2.3": "1* 2 3 4", "2.4": "1", "3.2": "1* 2*", "3.3": "1* 2 3 4", "3.4": "1* 2* 3 4 5 6", "3.5": "1* 2* 3* 4 5", "3.7": "1 2", "4.1": "1* 2 3", "4.2": "1",
    "4.3": "1 2", "4.4": "1* 2 3 4", "5.1": "1", "5.2": "1* 2* 3", "5.3": "1* 2*", "5.4": "1 2 3", "6.1": "1* 2 3", "6.2": "1* 2* 3* 4* 5* 6* 7* 8* 9 10 11 12",
    "6.3": "1* 2* 3 4", "6.4": "1* 2* 3 4", "6.5": "1 2 3 4 5", "6.6": "1 2 3", "6.8": "1 2 3 4", "7.1": "1 2 3", "7.2": "1* 2* 3* 4*", "7.3": "1 2",
    "7.4": "1* 2* 3 4 5", "7.5": "1 2", "7.6": "1 2", "8.1": "1* 2", "8.2": "1* 2* 3", "8.3": "1*", "8.4": "1", "9.1": "1* 2* 3*", "9.2": "1* 2 3 4", "10.1": "1 2",
    "10.2": "1 2", "10.3": "1 2 3 4", "10.4": "1* 2* 3* 4* 5* 6 7 8 9 10 11", "10.5": "1 2 3 4 5", "10.6": "1 2", "10.7": "1 2 3", "11.1": "1 2", "11.2": "1 2 3",
    "11.3": "1* 2* 3", "11.4": "1* 2 3 4", "11.5": "1", "11.6": "1", "12.1": "1* 2 3", "12.2": "1* 2*", "12.3": "1 2 3 4", "13.1": "1", "13.2": "1 2 3 4 5",
    "13.3": "1 2", "13.4": "1* 2 3 4 5", "14.1": "1 2", "14.2": "1* 2 3 4", "14.3": "1* 2 3", "15.1": "1* 2 3", "15.2": "1* 2 3", "15.3": "1* 2 3 4 5 6 7", "16.1": "1",
    "16.2": "1 2 3 4 5", "16.3": "1 2 3 4", "16.4": "1 2 3", "16.5": "1 2 3", "17.1": "1", "17.2": "1 2 3 4", "17.3": "1 2"}

ROW = re.compile(r"\| (\d+\.\d+\.\d+)(?: to (\d+\.\d+\.\d+))? \| ([12]) \| ([^|]+) \| \*\*([^*]+)\*\*:? ([^|]+) \|")
NAMED = re.compile(r"`((?:unit|integration|property|fuzz|crash|bench|e2e|sim|security)/[\w./]+)(?:: (\w+)(?:\.(\w+))?)?`")


@functools.lru_cache(maxsize=None)
def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def wanted():
    """Level of each line of the standard, by number."""
    return {f"{section}.{line.rstrip('*')}": 1 if line.endswith("*") else 2 for section, lines in LINES.items() for line in lines.split()}


def answered(page):
    """(numbers, level, words, answer, why) of each row."""
    rows = []
    for line in page.splitlines():
        if re.match(r"\| \d", line):
            row = ROW.fullmatch(line)
            assert row, f"not a row of this page: {line}"
            first, last, level, words, answer, why = row.groups()
            section, begin = first.rsplit(".", 1)
            end = last.rsplit(".", 1)[1] if last else begin
            assert not last or last.rsplit(".", 1)[0] == section, line
            rows.append(([f"{section}.{number}" for number in range(int(begin), int(end) + 1)], int(level), words, answer, why))
    return rows


def missing(why):
    """What an answer names and is not there."""
    found = []
    for path, group, name in NAMED.findall(why):
        file = os.path.join(TESTS, path)
        if not os.path.isfile(file):
            found.append(path)
            continue
        if not group:
            continue
        text = read(file)
        if path.endswith(".py"):
            body = re.search(rf"^class {group}\b.*?(?=^class |\Z)", text, re.M | re.S)
            good = body and (not name or re.search(rf"^    def {name}\(", body[0], re.M))
        else:
            good = re.search(rf"^TEST(?:_F|_P)?\({group}, {name}\)", text, re.M)
        if not good:
            found.append(f"{path}: {group}.{name}")
    chapters = set(re.findall(r"^##+ (.*)$", read(os.path.join(os.path.dirname(TESTS), "README.md")), re.M))
    return found + [f'README "{chapter}"' for chapter in re.findall(r'README "([^"]+)"', why) if chapter not in chapters]


class Asvs(unittest.TestCase):
    page = read(os.path.join(HERE, "asvs.md"))

    def test_every_line_is_answered_once_with_its_level(self):
        levels = wanted()
        self.assertEqual(len(levels), 253)
        seen = collections.Counter(number for numbers, *_ in answered(self.page) for number in numbers)
        self.assertEqual({number: seen[number] for number in sorted({*seen, *levels}) if seen[number] != 1 or number not in levels}, {})
        self.assertEqual([numbers for numbers, level, *_ in answered(self.page) for number in numbers if levels[number] != level], [])

    def test_every_chapter_is_treated_in_order(self):
        self.assertEqual(re.findall(r"^## V(\d+) ", self.page, re.M), [str(number) for number in range(1, 18)])
        for chapter, text in re.findall(r"^## V(\d+) (.*?)(?=^## |\Z)", self.page, re.M | re.S):
            self.assertEqual({numbers[0].split(".")[0] for numbers, *_ in answered(text)}, {chapter})

    def test_what_is_named_exists(self):
        self.assertEqual([found for *_, why in answered(self.page) for found in missing(why)], [])

    def test_what_is_held_says_by_what_and_what_is_not_says_why(self):
        for numbers, _, _, answer, why in answered(self.page):
            with self.subTest(line=numbers[0]):
                self.assertIn(answer, ANSWERS)
                if answer in ("held", "partly"):
                    self.assertTrue(NAMED.search(why) or 'README "' in why, why)
                else:
                    self.assertGreaterEqual(len(why.split()), 3, why)
                self.assertEqual(answer == "partly", "Not held: " in why, why)

    def test_a_test_that_is_not_there_is_noticed(self):
        self.assertEqual(missing("`unit/sign_in_test.cc: Pages.have_no_such_test`, `unit/none_test.cc`, README \"No such chapter\""),
                         ["unit/sign_in_test.cc: Pages.have_no_such_test", "unit/none_test.cc", 'README "No such chapter"'])

    def test_the_counts_are_right(self):
        counts = collections.Counter()
        for numbers, _, _, answer, _ in answered(self.page):
            counts[answer] += len(numbers)
        line = "Counts: {held} held, {partly} partly, {not held} not held, {does not apply} do not apply.".format_map(counts)
        print(line)
        self.assertTrue(line in self.page, line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
