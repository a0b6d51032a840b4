#!/usr/bin/env python3
"""The real resultsd loses its directory, its files or its mind, and says so: nothing that was acknowledged goes without a word, a number that
may have left the house is not used again, and a restore is whole or not at all."""
import http.client
import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import threading
import time
import unittest

import events as e
from daemon import DEADLINE_S, ROOT, Daemon, environment, program, run, wait_until


class Stopped(Exception):
    """resultsd ended by itself while it started; the last log line."""


class Life(Daemon):
    """Waits until resultsd listens, ready or not; raises Stopped when it ends instead."""

    def start(self, *arguments):
        path = os.path.join(self.directory, "log")
        began = os.path.getsize(path) if os.path.exists(path) else 0
        with open(path, "ab") as log:
            self.process = subprocess.Popen([program("resultsd"), "--config", self.config(), *arguments], stderr=log, env=self.environment)

        def listening():
            port = next((line["port"] for line in self.log(began) if line.get("message") == "listening"), None)
            if port is None and self.process.poll() is not None:
                raise Stopped(self.log(began)[-1]["why"])
            return port

        self.port = wait_until(listening, "resultsd listening")
        return self

    @property
    def store(self):
        return self.settings["data.directory"]

    def refusal(self, *arguments):
        try:
            self.start(*arguments)
        except Stopped as stopped:
            return str(stopped)
        self.stop()
        return "it started"

    def after_the_season(self, learners=60):
        """Entries of two centres, issued."""
        body = e.reference()
        for centre in (e.CENTRE, e.OTHER_CENTRE):
            for learner in range(learners):
                body += e.with_result(f"L{learner:04}", centre=centre)
        self.post_events(body + [e.time_reached("2023-08-16T12:00:00Z")])


def flip(path, at, bit=1):
    """In place: the daemon may have the file open."""
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bit]))


class Case(unittest.TestCase):
    def life(self, **settings):
        life = Life({"time.source": "event", **{name.replace("__", "."): value for name, value in settings.items()}})
        self.addCleanup(life.__exit__)
        return life


class Loss(Case):
    def test_a_directory_removed_under_it_is_noticed_and_nothing_more_is_answered_as_taken(self):
        life = self.life()
        life.start()
        life.post_events(e.reference())
        shutil.rmtree(life.store)
        reply = life.post("/v1/events", json.dumps(e.registered("L1")))
        self.assertEqual(reply.status, 503, reply.body)
        self.assertEqual(life.process.wait(DEADLINE_S), 1)
        self.assertIn("was removed, moved or emptied", json.dumps(life.log()))
        self.assertIn("does not exist, but a store was there", life.refusal())

    def test_a_directory_removed_under_an_idle_one_makes_it_unready(self):
        life = self.life()
        life.start()
        shutil.rmtree(life.store)
        wait_until(lambda: life.get("/readyz").status == 503, "unready")
        # Looked at while it was being removed, it first says which files are missing.
        wait_until(lambda: "was removed, moved or emptied" in life.get("/readyz").json()["detail"], "the directory is named")

    def test_an_empty_store_is_made_only_when_asked_for(self):
        life = self.life()
        os.makedirs(life.store)
        self.assertIn("--init", life.refusal())
        self.assertEqual(life.refusal("--init"), "it started")
        self.assertEqual(life.refusal(), "it started")
        never = self.life(data__create="never")
        self.assertIn("--init", never.refusal())
        self.assertEqual(never.refusal("--init"), "it started")

    def test_an_emptied_write_ahead_log_is_refused_until_the_loss_is_accepted(self):
        life = self.life(data__sync=True)
        life.start()
        life.post_events(e.reference())
        for learner in range(20):
            life.post_events([e.registered(f"L{learner}")])
        life.stop(signal.SIGKILL)
        for name in os.listdir(life.store):
            if name.endswith(".log"):
                os.truncate(os.path.join(life.store, name), 0)
        why = life.refusal()
        self.assertIn("21 commits with their events are gone", why)
        accepted = run("resultsctl", "store", "accept-loss", life.store)
        self.assertEqual(accepted.returncode, 0, accepted.stderr)
        self.assertIn("Lost: 21 commits", accepted.stdout)
        life.start()
        self.assertEqual(life.get("/v1/overview").json()["entries"], 0)
        life.post_events(e.reference() + [e.registered("L1")])

    def test_files_are_for_their_owner_alone(self):
        life = self.life()
        life.start()
        life.post_events(e.reference())
        self.assertEqual(life.post("/v1/backups").status, 201)
        exported = os.path.join(life.directory, "statuses.jsonl")
        life.resultsctl("export", "statuses", "--out", exported)
        wide = []
        for path in (life.store, life.store + ".head", life.store + ".issued", os.path.join(life.directory, "backups"), exported):
            below = [os.path.join(folder, name) for folder, folders, files in os.walk(path) for name in folders + files]
            wide += [one for one in (path, *below) if stat.S_IMODE(os.stat(one).st_mode) & 0o077]
        self.assertEqual(wide, [])

    def test_rocksdbs_own_warnings_reach_the_log_without_a_learner(self):
        life = self.life()
        life.start()
        life.after_the_season()
        life.stop(signal.SIGKILL)
        for name in os.listdir(life.store):
            if name.endswith(".log") and os.path.getsize(os.path.join(life.store, name)) > 100:
                flip(os.path.join(life.store, name), 60)
        life.refusal()
        with open(os.path.join(life.directory, "log"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("RocksDB: ", text)
        self.assertNotRegex(text, "L00[0-9]{2}|4C3030")


class Damage(Case):
    def damage_one_centre(self, life):
        """Starts it on a file of state that is damaged within the records of one centre: places are tried until it is so. Returns the file."""
        files = [os.path.join(life.store, name) for name in os.listdir(life.store) if name.endswith(".sst")]
        for state, share in itertools.product(sorted(files, key=os.path.getsize, reverse=True), (10, 16, 22, 28, 34)):
            size = os.path.getsize(state)
            flip(state, size * share // 40)
            try:
                life.start()
                answers = [life.get("/v1/entries", centre=centre, limit=1).status for centre in (e.CENTRE, e.OTHER_CENTRE)]
                if sorted(answers) == [200, 503]:
                    life.stop()
                    life.start()
                    return state
                life.stop()
            except Stopped:
                pass  # in what the whole stands on
            flip(state, size * share // 40)
        raise AssertionError("no place of the file belongs to one centre")

    def test_a_damaged_file_sets_centres_aside_and_the_others_go_on(self):
        life = self.life(store__verify_bytes_per_second="0", data__sync=False)
        life.start()
        life.after_the_season(250)
        life.stop()  # what was in memory is in files now
        self.damage_one_centre(life)
        found = {}
        for centre in (e.CENTRE, e.OTHER_CENTRE):
            found[centre] = life.get("/v1/entries", centre=centre, limit=1000).status
            reply = life.post("/v1/events", json.dumps(e.registered("NEW", centre=centre)))
            self.assertEqual(reply.status, found[centre], reply.body)
        self.assertEqual(sorted(found.values()), [200, 503])
        aside = next(centre for centre, status in found.items() if status == 503)
        # Together: the other centre's is taken, this one's is not, and that is said.
        both = life.post("/v1/events", "\n".join(json.dumps(e.registered("TWO", centre=centre)) for centre in found), "application/x-ndjson")
        self.assertEqual((both.status, both.json()["accepted"], both.json()["setAside"]), (503, 1, 1))
        self.assertIn("centre-readable", both.body.decode())
        ready = life.get("/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn(f"Set aside: centre {aside}", ready.json()["detail"])
        self.assertRegex(ready.json()["detail"], r"\.sst")
        metrics = life.get("/metrics", accept="text/plain").body.decode()
        self.assertRegex(metrics, r"(?m)^vtq_centres_set_aside 1$")
        self.assertEqual(life.post("/v1/backups").status, 503)
        self.assertEqual(life.get("/v1/backups").json()["backups"], [])
        self.assertEqual(life.get("/livez").status, 200)
        self.assertTrue(any(line["message"] == "store" and line["level"] == "error" for line in life.log()))
        self.assertNotIn("L0030", json.dumps(life.log()))
        # Time goes on for the others, and after the next start it is the same.
        life.post_events([e.time_reached("2023-08-17T12:00:00Z")])
        life.stop()
        life.start()
        self.assertEqual(life.get("/v1/entries", centre=aside).status, 503)

    def test_a_damaged_file_is_found_before_anybody_asks(self):
        life = self.life(store__verify_bytes_per_second="1GiB")
        life.start()
        life.after_the_season(250)
        life.stop()
        state = self.damage_one_centre(life)
        wait_until(lambda: "is damaged" in life.get("/readyz").json().get("detail", ""), "unready")
        self.assertIn(f"file {os.path.basename(state)} is damaged", life.get("/readyz").json()["detail"])
        self.assertRegex(life.get("/metrics", accept="text/plain").body.decode(), r"(?m)^vtq_store_damage [1-9]")

    def test_a_file_that_goes_away_under_it_is_missed(self):
        life = self.life()
        life.start()
        life.after_the_season()
        life.stop()
        life.start()
        state = max((os.path.join(life.store, name) for name in os.listdir(life.store) if name.endswith(".sst")), key=os.path.getsize)
        os.remove(state)
        wait_until(lambda: life.get("/readyz").status == 503, "unready")
        self.assertIn(f"file {os.path.basename(state)} is missing", life.get("/readyz").json()["detail"])


class Restore(Case):
    def publish(self, life, lines):
        reply = life.post("/v1/events", "\n".join(lines), "application/x-ndjson")
        self.assertEqual((reply.status, reply.json()["rejected"]), (200, 0), reply.body)

    def test_a_number_issued_after_the_backup_is_not_used_again(self):
        with open(os.path.join(ROOT, "tests/data/cases/restore_of_older_backup.jsonl"), encoding="utf-8") as file:
            season = file.read().splitlines()
        first_cut = next(at for at, line in enumerate(season) if '"id": "e6"' in line)
        second = next(at for at, line in enumerate(season) if '"id": "e7"' in line)
        life = self.life()
        life.start()
        self.publish(life, season[:first_cut])
        self.assertEqual(life.post("/v1/backups").status, 201)
        self.publish(life, season[first_cut:second])
        issued = life.get("/v1/batches", centre="30101").json()["batches"]
        self.assertEqual([one["number"] for one in issued], [1])
        life.stop()
        os.rename(life.store, life.store + "-damaged")
        done = run("resultsctl", "restore", "--from", os.path.join(life.directory, "backups"), "--to", life.store)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, "Lost: what came after that, [0-9]+ commits up to ")
        self.assertIn("compare the batches that centres hold", done.stdout)
        life.start()
        self.publish(life, season[second:])
        page = life.get("/v1/batches", centre="30101").json()
        self.assertEqual([one["number"] for one in page["batches"]], [2])
        self.assertEqual([(gap["from"][-4:], gap["to"][-4:]) for gap in page["gaps"]], [("0001", "0001")])
        self.assertIn("may have been issued before a backup was restored", page["gaps"][0]["why"])
        self.assertIn("may have been issued before a backup was restored", life.resultsctl("batches", "--centre", "30101").stdout)
        # Restored a second time, what was issued between the two restores counts too.
        life.stop()
        shutil.rmtree(life.store)
        done = run("resultsctl", "restore", "--from", os.path.join(life.directory, "backups"), "--to", life.store)
        self.assertEqual(done.returncode, 0, done.stderr)
        life.start()
        self.publish(life, season[first_cut:])
        self.assertEqual(life.get("/v1/batches", centre="30101").json()["batches"][0]["number"], 3)

    def test_a_restore_killed_at_any_moment_leaves_all_or_nothing(self):
        life = self.life()
        life.start()
        life.after_the_season()
        self.assertEqual(life.post("/v1/backups").status, 201)
        whole = life.get("/v1/overview").json()
        life.stop()
        outcomes = set()
        for after_ms in (0, 5, 10, 20, 30, 45, 60, 80, 100, 130, 170, 220, 300, 450):
            shutil.rmtree(life.store, ignore_errors=True)
            restoring = subprocess.Popen([program("resultsctl"), "restore", "--from", os.path.join(life.directory, "backups"), "--to", life.store],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
            time.sleep(after_ms / 1000)  # the moment of the kill: nothing is waited for
            restoring.kill()
            restoring.wait()
            try:
                life.start()
            except Stopped as stopped:
                self.assertRegex(str(stopped), "was not finished|does not exist, but a store was there")
                outcomes.add("refused")
                continue
            self.assertEqual(life.get("/v1/overview").json(), whole)
            outcomes.add("whole")
            life.stop()
        self.assertIn("refused", outcomes)
        shutil.rmtree(life.store, ignore_errors=True)
        done = run("resultsctl", "restore", "--from", os.path.join(life.directory, "backups"), "--to", life.store)
        self.assertEqual(done.returncode, 0, done.stderr)
        life.start()
        self.assertEqual(life.get("/v1/overview").json(), whole)

    def test_backups_made_while_events_come_end_nothing_and_are_whole(self):
        life = self.life(time__source="wall", data__sync=True)
        life.start()
        life.post_events(e.reference())
        ended, taken = threading.Event(), []

        def publish():
            beside = http.client.HTTPConnection("127.0.0.1", life.port, timeout=DEADLINE_S)
            while not ended.is_set():
                beside.request("POST", "/v1/events", json.dumps(e.registered(f"L{len(taken)}")), {"Content-Type": "application/json"})
                taken.append(beside.getresponse().read())

        publishing = threading.Thread(target=publish)
        publishing.start()
        try:
            wait_until(lambda: taken, "events are taken")
            for _ in range(8):
                reply = life.post("/v1/backups")
                self.assertEqual((reply.status, reply.json()["damage"]), (201, None))
        finally:
            ended.set()
            publishing.join()
        self.assertEqual(life.stop(), 0)
        os.rename(life.store, life.store + "-damaged")
        done = run("resultsctl", "restore", "--from", os.path.join(life.directory, "backups"), "--to", life.store)
        self.assertEqual(done.returncode, 0, done.stderr)
        life.start()
        self.assertTrue(life.get("/v1/entries", centre=e.CENTRE).json()["entries"])

    def test_old_backups_are_pruned(self):
        life = self.life(backup__count_max=2)
        life.start()
        made = []
        for learner in range(4):
            life.post_events(e.reference() if learner == 0 else [e.registered(f"L{learner}")])
            made.append(life.post("/v1/backups").json()["id"])
        self.assertEqual([one["id"] for one in life.get("/v1/backups").json()["backups"]], made[-2:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
