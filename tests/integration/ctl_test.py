#!/usr/bin/env python3
"""resultsctl against the real daemon, as a person or a script would use it."""
import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest

import events as e
from daemon import ROOT, Daemon, program, run, wait_until
from sealed import Sealed


class Ctl(unittest.TestCase):
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

    def season(self):
        made = e.reference() + e.with_result("K1") + [e.registered("K2"), e.registered("K3", centre=e.OTHER_CENTRE)]
        return sorted(made, key=lambda event: event["occurredAt"])

    def ok(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_file_is_published_and_again_without_harm(self):
        file = self.write("season.jsonl", self.season())
        with Daemon({"time.source": "event"}) as daemon:
            self.assertIn("13 events: 13 accepted", self.ok(daemon.resultsctl("publish", file, "--batch", 4)))
            self.assertIn("13 duplicate", self.ok(daemon.resultsctl("publish", file)))
            self.assertEqual(json.loads(self.ok(daemon.resultsctl("status", "--json")))["entries"], 3)

    def test_a_json_file_of_one_event_or_of_a_list_is_published(self):
        examples = os.path.join(ROOT, "tests", "data", "events")
        listed = self.path("list.json")
        with open(listed, "w", encoding="utf-8") as file:
            json.dump({"events": self.season()}, file, indent=2)
        with Daemon({"time.source": "event"}) as daemon:
            self.assertIn("13 events: 13 accepted", self.ok(daemon.resultsctl("publish", listed)))
            # The examples are of the year after: time is moved on purpose first.
            later = self.write("later.jsonl", [e.time_reached("2024-06-01T00:00:00Z")])
            self.assertIn("1 events: 1 accepted", self.ok(daemon.resultsctl("publish", later)))
            done = daemon.resultsctl("publish", os.path.join(examples, "awarding_organisation_defined.json"),
                                     os.path.join(examples, "centre_defined.json"))
            self.assertIn("2 events: 2 accepted", self.ok(done))
        self.assertIn("2 events: 0 errors", self.ok(run("resultsctl", "validate", os.path.join(examples, "registered.json"),
                                                        os.path.join(examples, "claim_submitted.json"))))

    def test_rejections_are_named_by_file_and_line(self):
        file = self.write("bad.jsonl", self.season() + ["", e.registered("K4", centre="99999"), "{"])
        with Daemon({"time.source": "event"}) as daemon:
            done = daemon.resultsctl("publish", file)
            self.assertEqual(done.returncode, 1)
            self.assertIn("15 events: 13 accepted, 0 superseded, 0 duplicate, 0 waiting, 2 rejected.", done.stdout)
            self.assertIn(f"{file}:15: registered.entry.centre [centre-known] 99999", done.stderr)
            self.assertIn(f"{file}:16: ", done.stderr)

    def test_delimited_protobuf_is_published(self):
        with open(self.path("centres.pb"), "wb") as file:
            file.write(e.delimited([e.protobuf_centre(f"9{number:04}", f"c-{number}") for number in range(300)]))
        with Daemon({"time.source": "event"}) as daemon:
            self.assertIn("300 events: 300 accepted", self.ok(daemon.resultsctl("publish", self.path("centres.pb"), "--batch", 128)))
            self.assertEqual(daemon.get("/v1/centres/90299").status, 200)

    def test_until_leaves_out_what_comes_later_and_moves_time(self):
        file = self.write("season.jsonl", self.season())
        with Daemon({"time.source": "event"}) as daemon:
            text = self.ok(daemon.resultsctl("publish", file, "--until", "2023-06-15T00:00:00Z"))
            self.assertIn("2 after --until left out", text)
            overview = daemon.get("/v1/overview").json()
            self.assertEqual((overview["time"], overview["byStage"].get("READY")), ("2023-06-15T00:00:00.000Z", None))
        self.assertIn("give RFC 3339", run("resultsctl", "publish", file, "--until", "June").stderr)

    def test_publishing_waits_for_a_daemon_that_is_away(self):
        events = [event for number in range(40) for event in [e.registered(f"A{number}")]]
        file = self.write("season.jsonl", self.season() + events)
        with Daemon({"time.source": "event"}) as daemon:
            port = daemon.port
            daemon.stop()
            publishing = subprocess.Popen([program("resultsctl"), "--url", daemon.url, "publish", file, "--batch", "10"],
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            daemon.settings["http.port"] = port
            daemon.start()
            out, err = publishing.communicate(timeout=30)
            self.assertEqual(publishing.returncode, 0, err)
            self.assertIn("53 events: 53 accepted", out)

    def test_publishing_goes_on_through_a_kill(self):
        events = [e.registered(f"KILL{number:05}") for number in range(4000)]
        file = self.write("season.jsonl", self.season() + events)
        with Daemon({"time.source": "event"}) as daemon:
            daemon.settings["http.port"] = daemon.port
            publishing = subprocess.Popen([program("resultsctl"), "--url", daemon.url, "publish", file, "--batch", "20"],
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: daemon.get("/v1/overview").json()["entries"] > 200, "some entries")
            daemon.stop(signal.SIGKILL)
            daemon.start()
            out, err = publishing.communicate(timeout=60)
            self.assertEqual(publishing.returncode, 0, err)
            self.assertIn("4,013 events: ", out)
            self.assertEqual(daemon.get("/v1/overview").json()["entries"], 4003)

    def test_no_daemon_is_said_with_what_to_do(self):
        done = run("resultsctl", "--url", "http://127.0.0.1:9", "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Is it running?", done.stderr)
        done = run("resultsctl", "--url", "http://127.0.0.1:9", "publish", self.write("x.jsonl", [e.registered("X")]), "--give-up", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("x.jsonl:1", done.stderr)

    def test_validate_checks_form_without_a_daemon(self):
        good = self.write("good.jsonl", self.season())
        self.assertEqual(self.ok(run("resultsctl", "validate", good)), "13 events: 0 errors, 0 warnings.\n")
        bad = self.write("bad.jsonl", [e.registered("v-small"), e.registered("OK", centre="1"), "nonsense"])
        done = run("resultsctl", "validate", bad)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{bad}:1: error: registered.entry.learner [learner-form] v-small: Give", done.stdout)
        self.assertIn(f"{bad}:2: error: registered.entry.centre [centre-form] 1:", done.stdout)
        self.assertIn(f"{bad}:3: error: event [json-form]", done.stdout)

    def test_a_mark_in_front_of_a_file_is_skipped_and_utf16_is_named(self):
        text = "".join(json.dumps(event) + "\n" for event in self.season())
        marked, wide, wide_list = self.path("marked.jsonl"), self.path("wide.jsonl"), self.path("wide.json")
        for path, content in ((marked, text.encode("utf-8-sig")), (wide, text.encode("utf-16")), (wide_list, json.dumps(self.season()).encode("utf-16"))):
            with open(path, "wb") as file:
                file.write(content)
        self.assertEqual(self.ok(run("resultsctl", "validate", marked)), "13 events: 0 errors, 0 warnings.\n")
        with Daemon({"time.source": "event"}) as daemon:
            self.assertIn("13 events: 13 accepted", self.ok(daemon.resultsctl("publish", marked)))
            for path in (wide, wide_list):
                for done in (run("resultsctl", "validate", path), daemon.resultsctl("publish", path)):
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(path, done.stderr)
                    self.assertIn("UTF-16", done.stderr)

    def test_validate_names_ids_used_twice_for_other_content(self):
        first, again = e.registered("K1") | {"id": "r1"}, e.registered("K2") | {"id": "r1"}
        path = self.write("reused.jsonl", [first, first, again])
        out = self.ok(run("resultsctl", "validate", path, "--warnings"))
        self.assertIn(f"{path}:3: warning: id [id-reused] r1: ", out)
        self.assertIn("3 events: 0 errors, 1 warnings.", out)

    def test_validate_says_of_a_sealed_event_that_it_cannot_look_into_it(self):
        good = e.registered("S1")
        key, other = self.path("seal.key"), self.path("other.key")
        for path in (key, other):
            self.ok(run("resultsctl", "seal", "keygen", path))
        with Sealed({"time.source": "event"}, key_file=key) as daemon:
            sealed = self.path("sealed.jsonl")
            self.ok(daemon.seal(json.dumps(good) + "\n" + json.dumps(e.registered("S3")) + "\n", sealed))
        out = self.ok(run("resultsctl", "validate", sealed))
        self.assertIn("2 events: 0 errors, 0 warnings.\n2 events are sealed and cannot be looked into here", out)
        self.assertNotIn("error:", out)
        # Beside others, which are looked at as ever; and where the key lies, into it.
        with open(sealed, encoding="utf-8") as file:
            lines = file.read().splitlines()
        mixed = self.write("mixed.jsonl", [lines[0], good, e.registered("OK", centre="1")])
        done = run("resultsctl", "validate", mixed)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{mixed}:3: error: registered.entry.centre [centre-form] 1:", done.stdout)
        self.assertIn("3 events: 1 errors, 0 warnings.\n1 event is sealed", done.stdout)
        self.assertEqual(self.ok(run("resultsctl", "validate", sealed, "--seal-key-file", key)), "2 events: 0 errors, 0 warnings.\n")
        done = run("resultsctl", "validate", sealed, "--seal-key-file", other)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{sealed}:1: error: sealed [sealed-key-known]", done.stdout)
        # What is wrong outside is wrong: a fact beside it, and bytes that nobody sealed.
        outside = {name: value for name, value in good.items() if name != "registered"}
        beside = self.write("beside.jsonl", [json.loads(lines[0]) | {"registered": good["registered"]}, outside | {"sealed": "AAAA"}])
        done = run("resultsctl", "validate", beside)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{beside}:1: error: sealed [sealed-alone]", done.stdout)
        self.assertIn(f"{beside}:2: error: sealed [sealed-opens] 3 bytes:", done.stdout)

    def test_publish_shows_what_the_answers_warn_of(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(self.season())
            path = self.write("ties.jsonl", [e.claimed("K1", grade="Pass") | {"id": f"row-{row}", "occurredAt": "2023-07-02T00:00:00Z",
                                                                            "sequence": str(row)} for row in (1, 2)])
            done = daemon.resultsctl("publish", path)
            self.assertIn("2 accepted, 0 superseded, 0 duplicate, 0 waiting, 0 rejected. 1 warnings.", self.ok(done))
            self.assertIn(f"{path}:2: warning: occurredAt [tie-decided]", done.stderr)

    def test_people_see_entries_centres_and_batches(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(self.season() + [e.time_reached("2023-08-01T12:00:00Z")])
            self.assertIn("3 entries at 2 centres, 0 late", self.ok(daemon.resultsctl("status")))
            text = self.ok(daemon.resultsctl("status", "--at-risk", 2))
            self.assertRegex(text, "K2  at risk(?: \\(N4\\))?, registered\n  The centre has not answered.*\n  next: answer checkpoint, by the centre")
            daemon.post_events([e.time_reached("2023-08-15T12:00:00Z")])
            text = self.ok(daemon.resultsctl("entry", e.CENTRE, e.QUALIFICATION, e.SERIES, "K1"))
            self.assertIn("90001.RN9001.2023-08.0001", text)
            self.assertNotIn("Distinction", text)
            self.assertIn("School 90001: 2 entries", self.ok(daemon.resultsctl("centre", e.CENTRE)))
            text = self.ok(daemon.resultsctl("batches"))
            self.assertIn("90001.RN9001.2023-08.0001", text)
            self.assertIn("from 16 Aug 2023, 00:01", text)
            self.assertIn("No batches yet for centre 90002", self.ok(daemon.resultsctl("batches", "--centre", e.OTHER_CENTRE)))
            done = daemon.resultsctl("batches", "90001.RN9001.2023-08.0001")
            self.assertEqual(done.returncode, 1)
            self.assertIn("Under embargo", done.stderr)
            done = daemon.resultsctl("entry", e.CENTRE, e.QUALIFICATION, e.SERIES, "NOBODY")
            self.assertEqual(done.returncode, 1)
            self.assertIn("No such entry is registered", done.stderr)

    def test_rejected_records_are_listed_shown_and_replayed(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(self.season())
            wrong = e.registered("K9", centre="99999")
            rejected_id = daemon.post("/v1/events", json.dumps(wrong)).json()["rejectedId"]
            for arguments in (("rejected",), ("rejected", "list")):
                self.assertIn("centre-known", self.ok(daemon.resultsctl(*arguments)))
            self.assertIn('"learner": "K9"', self.ok(daemon.resultsctl("rejected", "show", rejected_id)))
            done = daemon.resultsctl("rejected", "replay", rejected_id)
            self.assertEqual(done.returncode, 1)
            self.assertIn("centre-known", done.stderr)
            wrong["registered"]["entry"]["centre"] = e.CENTRE
            mended = self.write("mended.json", [wrong])
            self.assertIn("accepted", self.ok(daemon.resultsctl("rejected", "replay", rejected_id, "--with", mended)))
            listed = json.loads(self.ok(daemon.resultsctl("rejected", "--json")))
            self.assertNotIn(rejected_id, [one["id"] for one in listed])

    def test_a_backup_is_restored_into_a_new_store(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(self.season())
            self.assertIn("Backup 1 made", self.ok(daemon.resultsctl("backup")))
            self.assertIn("backups", self.ok(daemon.resultsctl("backup", "--list")))
            daemon.post_events([e.registered("AFTER")])
            restored = os.path.join(daemon.directory, "restored")
            backups = daemon.get("/v1/backups").json()["directory"]
            self.ok(run("resultsctl", "restore", "--from", backups, "--to", restored, "--was", daemon.settings["data.directory"]))
            daemon.stop()
            daemon.settings["data.directory"] = restored
            daemon.start()
            self.assertEqual(daemon.get("/v1/overview").json()["entries"], 3)
            done = run("resultsctl", "restore", "--from", backups, "--to", restored)
            self.assertEqual(done.returncode, 1)
            self.assertIn("already holds files", done.stderr)

    def test_exports_are_for_their_owner_alone_also_where_a_file_was_there(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(self.season())
            for what in ("statuses", "batches"):
                path = self.path(what)
                with open(path, "w", encoding="utf-8") as file:
                    file.write("old")
                os.chmod(path, 0o644)
                self.ok(daemon.resultsctl("export", what, "--out", path))
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600, what)

    def test_exports_hold_every_status_and_batch(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(self.season() + [e.time_reached("2023-08-16T12:00:00Z")])
            self.ok(daemon.resultsctl("export", "statuses", "--out", self.path("statuses.jsonl")))
            self.ok(daemon.resultsctl("export", "batches", "--out", self.path("batches.jsonl")))
            with open(self.path("statuses.jsonl"), encoding="utf-8") as file:
                self.assertEqual(len([json.loads(line) for line in file]), 3)
            with open(self.path("batches.jsonl"), encoding="utf-8") as file:
                self.assertEqual([one["grade"]["value"] for line in file for one in json.loads(line)["results"]], ["Distinction"])

    def test_a_simulated_season_is_valid_and_published_whole(self):
        season, truth = self.path("season.pb"), self.path("truth.jsonl")
        self.ok(run("resultsctl", "simulate", "--scenario", "small", "--scale", 0.1, "--events", season, "--truth", truth))
        self.assertIn(" 0 errors", self.ok(run("resultsctl", "validate", season)))
        with Daemon({"time.source": "event"}) as daemon:
            self.assertIn(" 0 waiting, 0 rejected.", self.ok(daemon.resultsctl("publish", season)))
            with open(truth, encoding="utf-8") as file:
                self.assertEqual(daemon.get("/v1/overview").json()["entries"], len(file.readlines()))

    def test_doctor_finds_what_is_wrong_and_says_what_to_do(self):
        with Daemon({"time.source": "event"}) as daemon:
            text = self.ok(daemon.resultsctl("doctor", "--config", daemon.config()))
            self.assertIn("All is well.", text)
            self.assertIn("Europe/London", text)
        with open(self.path("bad.toml"), "w", encoding="utf-8") as file:
            file.write("http.prt = 1\n")
        done = run("resultsctl", "--url", "http://127.0.0.1:9", "doctor", "--config", self.path("bad.toml"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("Did you mean http.port?", done.stdout)
        self.assertIn("does not answer", done.stdout)

    def test_several_publishers_at_once_lose_nothing(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(self.season())
            files = [self.write(f"{name}.jsonl", [e.registered(f"{name}{number}") for number in range(500)]) for name in "ABCD"]
            done = []
            threads = [threading.Thread(target=lambda file=file: done.append(daemon.resultsctl("publish", file, "--batch", 50))) for file in files]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertTrue(all(one.returncode == 0 for one in done))
            self.assertEqual(daemon.get("/v1/overview").json()["entries"], 2003)


if __name__ == "__main__":
    unittest.main(verbosity=2)
