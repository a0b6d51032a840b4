#!/usr/bin/env python3
"""A real daemon under a clock that jumps (tests/support/wall_clock.cc): time stands still, gates stay shut, and it ends as it should."""
import json
import signal
import unittest

import events as e
from daemon import Daemon, wait_until
from wall_clock import WallClock

YEAR_S = 365 * 86400


def issued(daemon):
    """A season in which P1's result has been issued."""
    daemon.post_events(e.reference() + e.with_result("P1"))
    return wait_until(lambda: daemon.get("/v1/batches").json()["batches"], "a batch")[0]["batch"]


class Jumps(unittest.TestCase):
    def test_a_year_ahead_for_a_while_opens_nothing_moves_nothing_and_ends_by_itself(self):
        with WallClock("2023-08-14T15:30:00") as daemon:
            batch = issued(daemon)
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
            daemon.post_events([e.registered("LATE"), e.outcomes("LATE"), e.answered("LATE")])
            daemon.shift(YEAR_S)
            # The very first read after the jump.
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
            daemon.doubted()
            self.assertEqual(daemon.get(f"/v1/batches/{batch}/learners/{e.PATH_QUALIFICATION}/P1").status, 403)
            self.assertNotIn(b"Distinction", daemon.get("/v1/export/batches").body)
            ready = daemon.get("/readyz")
            self.assertEqual((ready.status, ready.json()["rule"]), (503, "clock-trusted"))
            self.assertIn("resultsctl clock confirm", ready.json()["detail"])
            self.assertEqual(daemon.get("/livez").status, 200)
            self.assertEqual(daemon.metric("vtq_clock_trusted"), 0)
            self.assertAlmostEqual(daemon.metric("vtq_clock_ahead_seconds"), YEAR_S, delta=5)
            self.assertIn("THE CLOCK IS DOUBTED", daemon.resultsctl("status").stdout)
            self.assertEqual(daemon.resultsctl("clock").returncode, 1)
            self.assertIn("its clock is doubted", daemon.resultsctl("doctor").stdout)
            # Events are taken as ever, and nothing is decided by the wrong time.
            daemon.post_events([e.claimed("LATE", at="2023-08-14T15:00:00Z"), e.determined("LATE", at="2023-08-14T15:05:00Z")])
            self.assertEqual(len(daemon.get("/v1/batches").json()["batches"]), 1)
            self.assertLess(daemon.logical_time(), "2023-08-14T16")
            daemon.shift(-YEAR_S)
            daemon.trusted()
            self.assertEqual(daemon.get("/readyz").status, 200)
            wait_until(lambda: len(daemon.get("/v1/batches").json()["batches"]) == 2, "what was due is issued")
            self.assertLess(daemon.logical_time(), "2023-08-14T16")
            self.assertEqual([one for one in daemon.messages() if "clock" in one],
                             ["the clock is doubted: time stands still and gates are shut", "the clock is trusted again"])

    def test_a_year_back_refuses_no_event_and_shuts_what_was_open(self):
        with WallClock("2023-08-16T12:00:00") as daemon:
            batch = issued(daemon)
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 200)
            daemon.shift(-YEAR_S)
            daemon.doubted()
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
            daemon.post_events([e.registered("P2", at="2023-08-16T11:59:00Z")])
            daemon.shift(YEAR_S)
            daemon.trusted()
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 200)

    def test_a_jump_within_the_limit_is_none(self):
        with WallClock("2023-08-14T09:00:00", {"clock.jump_seconds_max": 3600}) as daemon:
            daemon.post_events(e.reference())
            daemon.shift(3000)
            wait_until(lambda: daemon.logical_time() > "2023-08-14T09:49", "time moves on")
            self.assertTrue(daemon.clock()["trusted"])

    def test_a_confirmed_jump_is_the_time_and_survives_a_restart(self):
        with WallClock("2023-08-14T15:30:00") as daemon:
            batch = issued(daemon)
            daemon.shift(-30 * 86400)
            daemon.doubted()
            refused = daemon.post("/v1/clock/confirm", '{"clock": "2023-08-14T15:30:00Z"}')
            self.assertEqual((refused.status, refused.json()["rule"]), (409, "clock-seen"))
            self.assertEqual(daemon.resultsctl("clock", "confirm", "--yes").returncode, 0)
            self.assertTrue(daemon.clock()["trusted"])
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertTrue(daemon.clock()["trusted"])
            # What was committed stays where it is until time has come there again.
            self.assertGreaterEqual(daemon.logical_time(), "2023-08-14T15")
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)

    def test_without_a_yes_nothing_is_confirmed(self):
        with WallClock("2023-08-14T15:30:00") as daemon:
            daemon.post_events(e.reference())
            daemon.shift(YEAR_S)
            daemon.doubted()
            done = daemon.resultsctl("clock", "confirm")
            self.assertEqual(done.returncode, 1)
            self.assertIn("2024-08-13T", done.stdout)
            self.assertIn("2023-08-14T", done.stdout)
            self.assertFalse(daemon.clock()["trusted"])

    def test_a_trusted_clock_needs_no_confirmation(self):
        with WallClock("2023-08-14T15:30:00") as daemon:
            now = daemon.clock()["clock"]
            refused = daemon.post("/v1/clock/confirm", f'{{"clock": "{now}"}}')
            self.assertEqual((refused.status, refused.json()["rule"]), (409, "clock-doubted"))
            self.assertEqual(daemon.post("/v1/clock/confirm", "{}").status, 400)


class Starts(unittest.TestCase):
    def test_before_the_last_commit_are_doubted_until_the_clock_is_put_right(self):
        with WallClock("2023-08-14T15:30:00") as daemon:
            batch = issued(daemon)
            self.assertEqual(daemon.stop(), 0)
            daemon.wrong("2000-01-01T00:00:00")
            daemon.start(ready=False)
            self.assertFalse(daemon.clock()["trusted"])
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
            daemon.set("2023-08-21T09:00:00")
            daemon.trusted()
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 200)

    def test_after_a_jump_are_doubted_as_before_until_the_clock_is_put_right(self):
        for source, how in (("wall", signal.SIGTERM), ("wall", signal.SIGKILL), ("event", signal.SIGKILL)):
            with self.subTest(source=source, how=how), WallClock("2023-08-14T15:30:00", {"time.source": source}) as daemon:
                daemon.post_events(e.reference() + e.with_result("P1"))
                if source == "event":
                    daemon.post_events([e.time_reached("2023-08-16T12:00:00Z")])  # past the gate, which the server's clock must reach too
                batch = wait_until(lambda: daemon.get("/v1/batches").json()["batches"], "a batch")[0]["batch"]
                daemon.shift(30 * 86400)
                daemon.doubted()
                daemon.stop(how)
                daemon.start(ready=False)
                clock = daemon.clock()
                self.assertFalse(clock["trusted"])
                self.assertLess(clock["expected"], "2023-08-14T16")
                self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
                self.assertNotIn(b"Distinction", daemon.get("/v1/export/batches").body)
                self.assertEqual(daemon.get("/readyz").json()["rule"], "clock-trusted")
                daemon.shift(-30 * 86400)
                daemon.trusted()
                self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)

    def test_after_a_jump_while_the_daemon_was_down_are_doubted(self):
        with WallClock("2023-08-14T15:30:00") as daemon:
            batch = issued(daemon)
            self.assertEqual(daemon.stop(), 0)
            daemon.shift(3 * 86400)
            daemon.start(ready=False)
            self.assertFalse(daemon.clock()["trusted"])
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 403)
            self.assertEqual(daemon.resultsctl("clock", "confirm", "--yes").returncode, 0)
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 200)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertTrue(daemon.clock()["trusted"])

    def test_after_a_winter_are_normal(self):
        with WallClock("2023-08-14T15:30:00") as daemon:
            issued(daemon)
            self.assertEqual(daemon.stop(), 0)
            daemon.set("2024-05-02T09:00:00")
            daemon.start()
            self.assertTrue(daemon.clock()["trusted"])
            wait_until(lambda: daemon.logical_time() > "2024-05-02T08", "time moves on")

    def test_after_longer_than_the_daemon_may_be_away_are_normal_where_the_machine_knows_how_long_it_was(self):
        with WallClock("2023-08-14T15:30:00", {"clock.away_days_max": 30}) as daemon:
            issued(daemon)
            self.assertEqual(daemon.stop(), 0)
            daemon.set("2023-09-14T09:00:00")
            daemon.start()
            self.assertTrue(daemon.clock()["trusted"])
            wait_until(lambda: daemon.logical_time() > "2023-09-14", "time moves on")

    def test_after_the_deadline_issue_what_was_due_dated_now_and_late(self):
        with WallClock("2023-08-08T09:00:00") as daemon:
            daemon.post_events(e.reference() + e.with_result("P1"))
            self.assertEqual(daemon.get("/v1/batches").json()["batches"], [])
            self.assertEqual(daemon.stop(), 0)
            daemon.set("2023-08-15T09:00:00")
            daemon.start()
            batch = wait_until(lambda: daemon.get("/v1/batches").json()["batches"], "a batch")[0]
            self.assertGreaterEqual(batch["issuedAt"], "2023-08-15T09:00")
            self.assertEqual(batch["lateCount"], 1)


class EventTime(unittest.TestCase):
    def test_one_wrong_year_ends_no_season(self):
        with Daemon({"time.source": "event"}) as daemon:
            season = sorted(e.reference() + e.with_result("P1"), key=lambda event: event["occurredAt"])
            daemon.post_events(season)
            refused = daemon.post("/v1/events", '{"id": "wrong", "source": "t", "occurredAt": "2024-05-10T09:00:00Z", "timeReached": {"centre": "90001"}}')
            self.assertEqual(refused.status, 422)
            wrong = daemon.post("/v1/events", json.dumps(e.answered("P1", at="2024-05-10T09:00:00Z"))).json()
            self.assertEqual((wrong["rule"], wrong["field"], wrong["value"]), ("event-time-step", "occurredAt", "2024-05-10T09:00:00.000Z"))
            self.assertIn("time.event_step_days_max", wrong["detail"])
            self.assertEqual(daemon.get("/v1/overview").json()["time"], "2023-07-10T10:00:00.000Z")
            daemon.post_events([e.time_reached("2024-05-09T09:00:00Z"), e.answered("P1", at="2024-05-10T09:00:00Z")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
