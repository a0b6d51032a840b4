#!/usr/bin/env python3
"""The README's folder table is the architecture: every row is a folder, every folder a row, and no file includes what its row does not
allow."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOP_LEVEL = {"CHANGELOG.md", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md"}
FOLDERS = {"proto", "daemon", "pipeline", "storage", "deploy", "dashboards", "tests"}
SOURCES = {".h", ".cc"}
# What stays out of the pure part, and where RocksDB, HTTP and logging may be seen at all.
IMPURE = re.compile(r'#include [<"](rocksdb/|boost/asio|boost/beast|openssl/|librdkafka|spdlog|prometheus/|thread|fstream|iostream|filesystem)'
                    r"|(system|steady)_clock::now|std::time\(|gettimeofday|\bprintf\(")
ONLY_IN = {"rocksdb/": "storage", "boost/beast": "daemon", "boost/asio": "daemon", "spdlog": "daemon", "prometheus/": "daemon",
           "librdkafka": "daemon", "openssl/": "daemon"}

LINES_MAX = 500
# Why these are longer. One that is no longer leaves the list.
LONGER = {
    "daemon/app/service.cc": "the routes, one after another, and what makes and ends the process's parts",
    "daemon/kafka/record.cc": "the forms of records on Kafka, one after another",
    "daemon/kafka/redrive.cc": "one command, from what is found to what is written",
    "daemon/kafka/topics.cc": "what topics should be like, one setting after another, and the same steps to make them so",
    "pipeline/intake/catalogue_qualification.cc": "one rule after another about one kind of fact",
    "pipeline/rules/scrutiny.cc": "one rule after another of the scrutiny of centre assessment",
    "pipeline/status/derive.cc": "the questions that a status answers, in their order",
}


def table():
    """Rows of the README's folder table: folder -> folders it may use."""
    rows = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        match = re.match(r"\| `(\w+)/` \|(.*)\|(.*)\|$", line)
        if match:
            rows[match[1]] = set(re.findall(r"`(\w+)/`", match[3]))
    return rows


def rooms():
    """Rows of the README's table of rooms, in its order: room -> rooms it may use."""
    rows = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        match = re.match(r"\| `(\w+/\w+)/` \|(.*)\|(.*)\|$", line)
        if match:
            rows[match[1]] = re.findall(r"`(\w+/\w+)/`", match[3])
    return rows


def room_of(name):
    return "/".join(name.split("/")[:2])


def breaches(files, allowed):
    """What includes a room that its own may not use. `files`: path -> text; `allowed`: as `rooms`."""
    wrong = []
    for path, text in files.items():
        for name in re.findall(r'^\s*#include "([^">]+)"', text, re.M):
            room, used = room_of(path), room_of(name)
            if used in allowed and room.split("/")[0] == used.split("/")[0] and used != room and used not in allowed[room]:
                wrong.append(f"{path} includes {name}")
    return wrong


def cycle(files):
    """Headers that include each other in a circle, the first found; empty: none."""
    graph = {path: re.findall(r'^\s*#include "([^">]+)"', text, re.M) for path, text in files.items() if path.endswith(".h")}
    done, way = set(), []

    def visit(path):
        if path in way:
            return way[way.index(path):] + [path]
        if path in done or path not in graph:
            return []
        way.append(path)
        for name in graph[path]:
            if found := visit(name):
                return found
        way.pop()
        done.add(path)
        return []

    return next((found for path in sorted(graph) if (found := visit(path))), [])


def texts(*folders):
    return {str(path.relative_to(ROOT)): path.read_text() for folder in folders for path in sources(folder)}


def sources(folder):
    return [path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SOURCES]


def includes(path):
    return re.findall(r'^\s*#include [<"]([^">]+)[">]', path.read_text(), re.M)


class Folders(unittest.TestCase):
    def test_the_table_names_exactly_the_folders(self):
        self.assertEqual(set(table()), FOLDERS)
        for folder in table():
            self.assertTrue((ROOT / folder).is_dir(), folder)

    def test_nothing_else_stands_at_the_top(self):
        found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "build"}
        self.assertEqual(found, FOLDERS | TOP_LEVEL)

    def test_no_file_includes_what_its_row_does_not_allow(self):
        allowed = table()
        wrong = []
        for folder in FOLDERS - {"tests"}:
            for path in sources(folder):
                for name in includes(path):
                    used = "proto" if name.startswith("vtq/v1/") else name.split("/")[0]
                    if used in FOLDERS and used != folder and used not in allowed[folder]:
                        wrong.append(f"{path.relative_to(ROOT)} includes {name}")
        self.assertEqual(wrong, [])

    def test_the_table_of_rooms_names_exactly_the_rooms_and_each_has_its_page(self):
        found = {str(path.relative_to(ROOT)) for folder in ("pipeline", "storage", "daemon") for path in (ROOT / folder).iterdir() if path.is_dir()}
        self.assertEqual(set(rooms()), found)
        for room in rooms():
            page = (ROOT / room / "README.md").read_text()
            for part in ("**Read first:**", "**May include:**", "**Never:**"):
                self.assertIn(part, page, room)
            self.assertLessEqual(len(page.splitlines()), 40, room)
            included = re.search(r"\*\*May include:\*\*(.*)", page)[1]
            self.assertEqual(set(re.findall(r"`(\w+/\w+)/`", included)), set(rooms()[room]), room)

    def test_every_file_of_a_folder_with_rooms_stands_in_one(self):
        self.assertEqual([path for path in texts("pipeline", "daemon") if path.count("/") != 2], [])

    def test_rooms_use_those_above_them_only(self):
        above = []
        for room, used in rooms().items():
            self.assertLessEqual(set(used), set(above), room)
            above.append(room)

    def test_no_file_includes_a_room_that_its_own_may_not_use(self):
        self.assertEqual(breaches(texts("pipeline", "daemon"), rooms()), [])

    def test_an_include_that_is_not_allowed_is_found(self):
        planted = {"pipeline/facts/entry.h": '#include "pipeline/status/derive.h"\n', "daemon/reads/reads.h": '#include "daemon/http/http_message.h"\n'}
        self.assertEqual(breaches(planted, rooms()), ["pipeline/facts/entry.h includes pipeline/status/derive.h"])

    def test_no_header_includes_itself_by_way_of_others(self):
        self.assertEqual(cycle(texts("pipeline", "storage", "daemon")), [])

    def test_a_circle_of_headers_is_found(self):
        planted = {"a/x.h": '#include "a/y.h"\n', "a/y.h": '#include "a/z.h"\n', "a/z.h": '#include "a/y.h"\n', "a/z.cc": '#include "a/x.h"\n'}
        self.assertEqual(cycle(planted), ["a/y.h", "a/z.h", "a/y.h"])

    def test_a_file_of_more_than_500_lines_has_its_reason(self):
        long = {path for path, text in texts("pipeline", "storage", "daemon").items() if text.count("\n") > LINES_MAX}
        self.assertEqual(long, set(LONGER))

    def test_the_pipeline_is_pure(self):
        wrong = [str(path.relative_to(ROOT)) for path in sources("pipeline") if IMPURE.search(path.read_text())]
        self.assertEqual(wrong, [])

    def test_libraries_stay_in_their_folder(self):
        wrong = []
        for prefix, folder in ONLY_IN.items():
            for other in FOLDERS - {folder, "tests"}:
                wrong += [f"{path.relative_to(ROOT)} includes {name}" for path in sources(other) for name in includes(path)
                          if name.startswith(prefix)]
        self.assertEqual(wrong, [])

    def test_the_simulator_knows_nothing_of_the_pipeline(self):
        wrong = [f"{path.relative_to(ROOT)} includes {name}" for path in sources("daemon/simulator") for name in includes(path)
                 if name.split("/")[0] in {"pipeline", "storage"} or (name.startswith("daemon/") and "simulator" not in name)]
        self.assertEqual(wrong, [])

    def test_no_comparison_with_the_truth_uses_product_code(self):
        imports = re.findall(r"^(?:import|from) (\w+)", (ROOT / "tests/sim/compare.py").read_text(), re.M)
        self.assertLessEqual(set(imports), {"argparse", "collections", "json", "sys", "datetime", "re"})


if __name__ == "__main__":
    unittest.main()
