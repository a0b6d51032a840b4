#!/usr/bin/env python3
"""The README's folder table is the architecture: every row is a folder, every folder a row, and no file includes what its row does not
allow."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md"}
FOLDERS = {"proto", "daemon", "pipeline", "storage", "deploy", "dashboards", "tests"}
SOURCES = {".h", ".cc"}
# What stays out of the pure part, and where RocksDB, HTTP and logging may be seen at all.
IMPURE = re.compile(r'#include [<"](rocksdb/|boost/asio|boost/beast|librdkafka|spdlog|prometheus/|thread|fstream|iostream|filesystem)'
                    r"|(system|steady)_clock::now|std::time\(|gettimeofday|\bprintf\(")
ONLY_IN = {"rocksdb/": "storage", "boost/beast": "daemon", "boost/asio": "daemon", "spdlog": "daemon", "prometheus/": "daemon",
           "librdkafka": "daemon"}


def table():
    """Rows of the README's folder table: folder -> folders it may use."""
    rows = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        match = re.match(r"\| `(\w+)/` \|(.*)\|(.*)\|$", line)
        if match:
            rows[match[1]] = set(re.findall(r"`(\w+)/`", match[3]))
    return rows


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
