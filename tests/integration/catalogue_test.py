#!/usr/bin/env python3
"""resultsctl catalogue: checks of reference data in files, and import of the public register. No daemon is needed but for the last test."""
import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import events as e
from daemon import ROOT, Daemon, program, run

AT = "2024-06-01T09:00:00Z"
SAMPLE = os.path.join(ROOT, "tests", "data", "register_sample.csv")


def qualification(number="603/4101/4", event_id="q", **fields):
    made = {"qualification": number, "title": "Diploma in Boats", "awardingOrganisation": "RN5901", "level": "LEVEL_3",
            "gradingScale": "Pass", "certification": "CERTIFICATION_BY_CLAIM", **fields}
    return e.event(AT, "qualificationDefined", made, event_id)


class Catalogue(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, events):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.writelines((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in events)
        return self.path(name)

    def base(self):
        return [e.event(AT, "awardingOrganisationDefined", {"awardingOrganisation": "RN5901", "name": "Northgate"}),
                e.event(AT, "gradingScaleDefined", {"name": "Pass", "grades": [{"value": "Pass", "achieved": True}, {"value": "U"}]})]

    def check(self, *arguments):
        return run("resultsctl", "catalogue", "check", *arguments)

    def import_register(self, file, *arguments):
        return run("resultsctl", "catalogue", "import", file, "--out", self.path("register.jsonl"), *arguments)

    def test_a_sound_catalogue_is_said_to_be_so(self):
        done = self.check(self.write("good.jsonl", self.base() + [qualification()]))
        self.assertEqual((done.returncode, done.stdout), (0, "3 reference facts: 0 problems, 0 warnings.\n"), done.stderr)

    def test_each_problem_is_one_line_with_place_qualification_rule_value_and_what_to_do(self):
        units = [{"code": "U1", "mandatory": True, "credit": 10}, {"code": "U2", "mandatory": True, "credit": 10}]
        bad = self.write("bad.jsonl", self.base() + [
            "", qualification(units=units, creditRequired=21, barred=[{"units": ["U1", "U2"]}]),
            qualification("603/52O3/6", "typo"), "{", qualification("603/5203/6", "scale", gradingScale="Pas")])
        done = self.check(bad)
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], f"{bad}:4: problem: 603/4101/4 qualificationDefined.barred[0].units [mandatory-barred] U1 and U2: These "
                         "units are mandatory and barred from counting together; take one out of the combination, or make it optional.")
        self.assertIn(f"{bad}:4: problem: 603/4101/4 qualificationDefined.creditRequired [credit-reachable] 21: This can never", lines[1])
        self.assertIn(f"{bad}:5: problem: 603/52O3/6 qualificationDefined.qualification [qualification-form] 603/52O3/6: ", lines[2])
        self.assertIn(f"{bad}:6: problem: event [json-form]", lines[3])
        self.assertIn(f"{bad}:7: problem: 603/5203/6 qualificationDefined.gradingScale [scale-known] Pas: ", lines[4])
        self.assertEqual(lines[5], "6 reference facts: 5 problems, 0 warnings.")
        self.assertEqual(len(lines), 6)

    def test_the_same_as_json(self):
        bad = self.write("bad.jsonl", self.base() + [qualification(gradingScale="Pas"), e.registered("L1")])
        done = self.check(bad, "--format", "json")
        self.assertEqual(done.returncode, 1)
        answer = json.loads(done.stdout)
        self.assertEqual({name: answer[name] for name in ("referenceFacts", "otherFacts", "problems", "warnings")},
                         {"referenceFacts": 3, "otherFacts": 1, "problems": 1, "warnings": 0})
        finding = answer["findings"][0]
        self.assertEqual([finding[name] for name in ("file", "line", "severity", "qualification", "rule", "value")],
                         [bad, 3, "problem", "603/4101/4", "scale-known", "Pas"])

    def test_warnings_are_shown_and_do_no_harm(self):
        done = self.check(self.write("warn.jsonl", self.base() + [qualification("603/4101/5")]))
        self.assertEqual(done.returncode, 0)
        self.assertIn(":3: warning: 603/4101/5 qualificationDefined.qualification [qualification-check-digit] 603/4101/5:", done.stdout)
        self.assertIn("0 problems, 1 warning.", done.stdout)

    def test_files_are_looked_at_together_in_every_format(self):
        scales = self.write("base.jsonl", self.base())
        batch = self.path("batch.json")
        with open(batch, "w", encoding="utf-8") as file:
            json.dump({"events": [qualification(), qualification("603/5203/6", "other")]}, file, indent=2)
        centres = self.path("centres.pb")
        with open(centres, "wb") as file:
            file.write(e.delimited([e.protobuf_centre("90001", "c-1")]))
        self.assertEqual(self.check(batch).returncode, 1)
        done = self.check(batch, scales, centres)
        self.assertEqual((done.returncode, done.stdout), (0, "5 reference facts: 0 problems, 0 warnings.\n"), done.stderr)

    def test_a_file_that_cannot_be_read_is_another_exit_code(self):
        for name, says in ((self.path("none.jsonl"), "the file cannot be read"), (self.path("none.json"), "the file cannot be read"),
                           (self.write("facts.txt", self.base()), "name the file .jsonl")):
            done = self.check(name)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(says, done.stderr)

    def test_the_register_is_imported_and_passes_the_check(self):
        done = self.import_register(SAMPLE, "--as-of", "2024-09-01")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("38 rows: 31 qualifications of ", done.stdout)
        self.assertIn(" 7 rows skipped.\n", done.stdout)
        self.assertIn("Columns ignored: Reviewed By; Colour.", done.stdout)
        self.assertIn(f"{SAMPLE}:8: skipped: Qualification Number [qualification-form] 603/41O9/4: A qualification number is ", done.stdout)
        self.assertEqual(done.stdout.count(": skipped: "), 7)
        done = self.check(self.path("register.jsonl"))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(" 0 problems, ", done.stdout)

    def test_importing_twice_writes_the_same_file(self):
        self.import_register(SAMPLE)
        with open(self.path("register.jsonl"), encoding="utf-8") as file:
            once = file.read()
        self.import_register(SAMPLE)
        with open(self.path("register.jsonl"), encoding="utf-8") as file:
            self.assertEqual(file.read(), once)
        self.assertEqual(len({json.loads(line)["id"] for line in once.splitlines()}), len(once.splitlines()))

    def test_what_is_no_register_is_said_with_what_to_do(self):
        csv = self.path("other.csv")
        with open(csv, "w", encoding="utf-8") as file:
            file.write("centre,name\n90001,School\n")
        done = self.import_register(csv)
        self.assertEqual(done.returncode, 2)
        self.assertIn("other.csv: this is not the register of regulated qualifications: no column Qualification Number", done.stderr)
        self.assertIn("cannot be read", self.import_register(self.path("none.csv")).stderr)
        self.assertIn("give YYYY-MM-DD", self.import_register(SAMPLE, "--as-of", "September").stderr)
        self.assertEqual(self.import_register(SAMPLE, "--as-of", "September").returncode, 2)

    def test_dates_that_could_be_in_either_order_want_a_word(self):
        csv = self.path("dates.csv")
        with open(os.path.join(ROOT, "tests", "data", "cases", "register_ambiguous_dates.csv"), encoding="utf-8") as file:
            rows = file.readlines()
        with open(csv, "w", encoding="utf-8") as file:
            file.writelines(rows[:2])
        done = self.import_register(csv)
        self.assertEqual(done.returncode, 2)
        self.assertIn("dates.csv: nothing tells whether dates are written day first or month first", done.stderr)
        self.assertEqual(self.import_register(csv, "--dates", "month-first").returncode, 0)
        with open(self.path("register.jsonl"), encoding="utf-8") as file:
            self.assertIn('"firstRegistrationOn":"2018-05-01"', file.read())

    def test_files_as_spreadsheets_save_them_are_imported(self):
        for name in ("semicolon", "utf16_tabs", "month_first"):
            done = self.import_register(os.path.join(ROOT, "tests", "data", "cases", f"register_{name}.csv"), "--as-of", "2024-09-01")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_examples_of_reference_facts_are_sound_together(self):
        names = ("awarding_organisation", "centre", "grading_scale", "calendar", "qualification", "approval_category", "mitigation",
                 "scrutiny_strategy")
        unit = e.event(AT, "gradingScaleDefined", {"name": "Unit", "grades": [{"value": value, "achieved": True} for value in "DMP"]})
        without_embargo = qualification("603/5203/6", gradingScale="Diploma")  # which the calendar names
        done = self.check(self.write("unit.jsonl", [unit, without_embargo]), *(
            os.path.join(ROOT, "tests", "data", "events", f"{name}_defined.json") for name in names))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_reference_data_that_come_along_are_sound(self):
        files = sorted(glob.glob(os.path.join(ROOT, "deploy", "reference", "*.jsonl")))
        self.assertTrue(files)
        done = self.check(*files)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_reference_data_of_a_simulated_season_are_sound(self):
        season = self.path("season.pb")
        self.assertEqual(run("resultsctl", "simulate", "--scenario", "small", "--events", season).returncode, 0)
        done = self.check(season)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"^[1-9]\d* reference facts: 0 problems, 0 warnings\. [\d,]+ other facts checked for form only\.$")

    def test_the_example_of_the_readme_prints_what_it_shows(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            section = file.read().split("\n## Catalogue\n")[1].split("\n## ")[0]
        commands = "".join(re.findall(r"<!-- run -->\n```sh\n(.*?)```", section, re.S)).replace("/tmp/", self.directory + "/")
        shown = re.search(r"```text\n(.*?)```", section, re.S)[1].replace("/tmp/", self.directory + "/")
        path = os.path.dirname(program("resultsctl")) + os.pathsep + os.environ["PATH"]
        done = subprocess.run(["bash", "-euc", commands], cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.startswith(shown + "nobody could pass\n"), done.stdout)
        self.assertIn("some rows were skipped\n", done.stdout)

    def test_help_names_the_exit_codes(self):
        done = subprocess.run([program("resultsctl"), "catalogue", "check", "--help"], capture_output=True, text=True, check=True)
        self.assertIn("Exit code: 0 no problems, 1 problems, 2 a file cannot be read.", done.stdout)

    def test_an_imported_register_is_published_once(self):
        self.import_register(SAMPLE, "--as-of", "2024-09-01")
        with Daemon({"time.source": "event"}) as daemon:
            first = daemon.resultsctl("publish", self.path("register.jsonl"))
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertIn(" 0 rejected", first.stdout)
            with open(self.path("register.jsonl"), encoding="utf-8") as file:
                count = len(file.readlines())
            self.assertIn(f"{count} duplicate", daemon.resultsctl("publish", self.path("register.jsonl")).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
