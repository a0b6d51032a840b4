#!/usr/bin/env python3
"""Events in and results out over HTTP, against the real daemon."""
import base64
import json
import re
import socket
import threading
import unittest
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import events as e
from daemon import Daemon, wait_until

EVENTS = "/v1/events"
LINES = "application/x-ndjson"


class EventsIn(unittest.TestCase):
    Daemon = Daemon

    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.Daemon({"time.source": "event", "http.body_bytes_max": "8MiB"}).start()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.post_events(e.reference())

    def post(self, body, content_type="application/json"):
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        return self.daemon.post(EVENTS, body, content_type)

    def assert_problem(self, reply, status, rule, field=None, value=None):
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.type, "application/problem+json")
        problem = reply.json()
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["rule"], rule)
        if field is not None:
            self.assertEqual(problem["field"], field)
        if value is not None:
            self.assertEqual(problem["value"], value)
        return problem

    def assert_rejected(self, event, rule, field, value):
        """Alone: 422. Among others: listed, and the others are taken."""
        problem = self.assert_problem(self.post(event), 422, rule, field, value)
        kept = self.daemon.get(f"/v1/rejected/{problem['rejectedId']}").json()
        self.assertEqual((kept["rule"], kept["field"], kept["value"]), (rule, field, value))
        self.assertTrue(kept["message"])
        answer = self.post([event, e.registered("NEXT")]).json()
        self.assertEqual(answer["rejected"], 1)
        first = answer["events"][0]
        self.assertEqual((first["outcome"], first["rule"], first["field"], first["value"]), ("rejected", rule, field, value))
        return problem

    # ---- formats ----

    def test_one_event_in_json_is_accepted_and_then_a_duplicate(self):
        event = e.registered("ONE")
        self.assertEqual(self.post(event).json()["events"][0]["outcome"], "accepted")
        self.assertEqual(self.post(event).json()["events"][0]["outcome"], "duplicate")

    def test_an_array_and_a_wrapped_array_are_taken_in_order(self):
        for body in ([e.registered("A1"), e.registered("A2")], {"events": [e.registered("A3"), e.registered("A4")]}):
            answer = self.post(body).json()
            self.assertEqual(answer["accepted"], 2)
            self.assertEqual([one["index"] for one in answer["events"]], [0, 1])
        self.assertEqual(self.post([]).json()["accepted"], 0)

    def test_spaces_and_line_ends_around_events_make_no_difference(self):
        for number, body in enumerate(([e.registered("B1"), e.registered("B2")], {"events": [e.registered("B3"), e.registered("B4")]})):
            self.assertEqual(self.post(json.dumps(body, indent=2)).json().get("accepted"), 2, number)
        self.assertEqual(self.post("[ ]").json()["accepted"], 0)

    def test_an_unreadable_line_rejects_only_that_line(self):
        body = "\n".join([json.dumps(e.registered("L1")), '{"id": "x", ', "", json.dumps(e.registered("L2"))])
        answer = self.post(body, LINES).json()
        self.assertEqual((answer["accepted"], answer["rejected"]), (2, 1))
        self.assertEqual([(one["line"], one["outcome"]) for one in answer["events"]],
                         [(1, "accepted"), (2, "rejected"), (4, "accepted")])
        self.assertEqual(answer["events"][1]["rule"], "json-form")

    def test_protobuf_and_json_of_the_same_event_are_one(self):
        record = e.protobuf_centre("90101", "pb-1")
        self.assertEqual(self.post(record, "application/x-protobuf").json()["accepted"], 1)
        same = {"centreDefined": {"name": "School", "centre": "90101"}, "occurredAt": "2023-01-02T09:00:00Z", "source": "test", "id": "pb-1"}
        self.assertEqual(self.post(same).json()["duplicate"], 1)

    def test_a_corrupt_record_among_delimited_ones_rejects_only_itself(self):
        body = e.delimited([e.protobuf_centre("90102", "pb-2"), b"\x0a\xff\xff", e.protobuf_centre("90103", "pb-3")])
        answer = self.post(body, "application/x-protobuf-delimited").json()
        self.assertEqual([one["outcome"] for one in answer["events"]], ["accepted", "rejected", "accepted"])
        self.assertEqual(answer["events"][1]["rule"], "protobuf-form")

    def test_broken_framing_rejects_the_rest_as_one_record(self):
        body = e.delimited([e.protobuf_centre("90104", "pb-4")]) + e.varint(5000) + b"too short"
        answer = self.post(body, "application/x-protobuf-delimited").json()
        self.assertEqual([one["outcome"] for one in answer["events"]], ["accepted", "rejected"])
        self.assertEqual(answer["events"][1]["rule"], "framing")
        kept = self.daemon.get(f"/v1/rejected/{answer['events'][1]['rejectedId']}").json()
        self.assertIsNone(kept["originalBase64"])  # nobody knows which of the bytes are a grade
        self.assertTrue(kept["gradesHidden"])

    def test_what_only_a_later_version_reads_of_a_record_is_not_shown(self):
        for more, shown in ((b"", True), (e.field(15000, "Merit"), False)):
            reply = self.post(e.protobuf_centre("1", f"pb-{len(more)}") + more, "application/x-protobuf")
            self.assertEqual(reply.status, 422, reply.body)
            kept = self.daemon.get(f"/v1/rejected/{reply.json()['rejectedId']}").json()
            self.assertEqual((kept["originalBase64"] is not None, kept["gradesHidden"]), (shown, not shown))
            self.assertNotIn("Merit", json.dumps(kept))

    def test_an_unreadable_body_is_400_and_an_unknown_type_415(self):
        self.assert_problem(self.post('[{"id": "x"'), 400, "json-form")
        self.assert_problem(self.post('[{}] x'), 400, "json-form")
        self.assert_problem(self.post(""), 400, "json-form")
        self.assert_problem(self.post("<event/>", "application/xml"), 415, "content-type", "Content-Type", "application/xml")

    def test_large_requests_list_only_what_is_worth_a_look(self):
        body = "\n".join(json.dumps(e.registered(f"LARGE{number}")) for number in range(150)) + "\n{}\n"
        answer = self.post(body, LINES).json()
        self.assertEqual((answer["accepted"], answer["rejected"]), (150, 1))
        self.assertEqual([one["index"] for one in answer["events"]], [150])
        every = self.daemon.post(EVENTS + "?detail=all", body, LINES).json()
        self.assertEqual((every["duplicate"], len(every["events"])), (150, 151))

    def test_a_body_full_of_errors_is_refused_as_a_whole_and_keeps_nothing(self):
        before = self.daemon.get("/v1/overview").json()["rejected"]
        for body, media in ((b"\0" * (1 << 20), "application/x-protobuf-delimited"), (b"{}\n" * (1 << 19), LINES)):
            reply = self.post(body, media)
            problem = self.assert_problem(reply, 422, "body-errors-max")
            self.assertEqual([error["line"] for error in problem["errors"]], list(range(1, 11)))
            self.assertLess(len(reply.body), 4096)
        self.assertEqual(self.daemon.get("/v1/overview").json()["rejected"], before)

    def test_a_body_with_too_many_events_is_refused_as_a_whole(self):
        lines = [json.dumps(e.registered(f"MANY{number}")) for number in range(20_001)]
        self.assert_problem(self.post("\n".join(lines), LINES), 413, "body-events-max")

    def test_a_long_list_of_what_is_worth_a_look_ends_and_says_so(self):
        body = "\n".join(json.dumps(e.registered(f"LONG{number}", centre="98765")) for number in range(1200))
        answer = self.post(body, LINES).json()
        self.assertEqual((answer["rejected"], len(answer["events"]), answer["omitted"]), (1200, 1000, 200))

    def test_a_mark_in_front_is_skipped_and_utf16_is_named(self):
        marked = b"\xef\xbb\xbf" + json.dumps(e.registered("MARKED")).encode()
        self.assertEqual(self.post(marked, LINES).json()["accepted"], 1)
        self.assert_problem(self.post(json.dumps(e.registered("WIDE")).encode("utf-16"), LINES), 400, "utf-8", value="UTF-16")

    def test_warnings_do_not_stop_an_event(self):
        wrong = e.QUALIFICATION[:-1] + ("1" if e.QUALIFICATION[-1] != "1" else "2")
        definition = next(event for event in e.reference(qualification=wrong) if "qualificationDefined" in event)
        answer = self.post(definition).json()["events"][0]
        self.assertEqual((answer["outcome"], answer["warnings"][0]["rule"]), ("accepted", "qualification-check-digit"))

    def test_an_id_used_twice_and_a_tie_are_named(self):
        self.post([e.registered("TIE"), e.determined("TIE", grade="Pass") | {"id": "res-9"}])
        answer = self.post(e.determined("TIE", grade="Merit") | {"id": "res-10"}).json()["events"][0]
        self.assertEqual(answer["outcome"], "accepted")
        self.assertEqual([(one["field"], one["rule"]) for one in answer["warnings"]], [("occurredAt", "tie-decided")])
        self.assertIn("the order of the ids decided, and this one holds", answer["warnings"][0]["message"])
        answer = self.post(e.determined("TIE", grade="Pass") | {"id": "res-10"}).json()["events"][0]
        self.assertEqual([(one["rule"], one["value"]) for one in answer["warnings"]],
                         [("id-reused", "res-10"), ("tie-decided", "2023-07-10T10:00:00.000000000Z")])
        self.assertNotIn("warnings", self.post(e.determined("TIE", grade="Merit") | {"id": "res-9", "occurredAt": "2023-07-10T10:00:00.000000001Z",
                                                                                   "sequence": "1", "source": "other"}).json()["events"][0])
        metrics = self.daemon.get("/metrics").body.decode()
        for rule in ("id-reused", "tie-decided"):
            self.assertRegex(metrics, r'vtq_warnings_total\{rule="%s"\} [1-9]' % rule)

    # ---- rejections ----

    def test_malformed_values_come_back_with_field_rule_and_value(self):
        def entry_with(**wrong):
            event = e.registered("W")
            event["registered"]["entry"].update(wrong)
            return event
        self.assert_rejected(entry_with(centre="9000"), "centre-form", "registered.entry.centre", "9000")
        self.assert_rejected(entry_with(centre="99999"), "centre-known", "registered.entry.centre", "99999")
        self.assert_rejected(entry_with(qualification="60/1"), "qualification-form", "registered.entry.qualification", "60/1")
        self.assert_rejected(entry_with(qualification=e.qualification_number("7777777")), "qualification-known",
                             "registered.entry.qualification", e.qualification_number("7777777"))
        self.assert_rejected(entry_with(series="August"), "series-form", "registered.entry.series", "August")
        self.assert_rejected(e.event("2023-02-30T00:00:00Z", "registered", {"entry": e.entry("W")}), "json-form", "occurredAt",
                             "2023-02-30T00:00:00Z")
        self.assert_rejected({**e.registered("W"), "bogus": 1}, "json-form", "bogus", "bogus")
        self.assert_rejected(e.event("2023-05-02T00:00:00Z", "checkpointAnswered", {"entry": e.entry("W"), "answer": "PERHAPS"}),
                             "json-form", "checkpointAnswered.answer", "PERHAPS")
        self.assert_rejected(e.calendar("2023-01-02T00:00:00Z", {**e.DATES, "issueDeadline": "2023-02-30T17:00"}), "local-time",
                             "calendarDefined.issueDeadline", "2023-02-30T17:00")
        self.assert_rejected(e.claimed("W", grade="Starred"), "grade-of-scale", "claimSubmitted.grade.value", "(not shown)")

    def test_an_event_above_the_limit_is_rejected_and_kept(self):
        event = e.event("2023-02-01T10:00:00Z", "withdrawn", {"entry": e.entry("BIG"), "reason": "x" * 70_000})
        problem = self.assert_problem(self.post(event), 422, "event-bytes-max")
        kept = self.daemon.get(f"/v1/rejected/{problem['rejectedId']}").json()
        self.assertTrue(kept["original"].startswith(json.dumps(event)[:100]))
        self.assertTrue(kept["gradesHidden"])  # who knows what the reason is

    def test_a_body_above_the_limit_is_413(self):
        self.assert_problem(self.post("x" * (9 << 20), LINES), 413, "body-bytes-max")
        self.assertEqual(self.daemon.get("/readyz").status, 200)

    def test_a_fact_without_registration_waits_and_then_counts(self):
        answer = self.post(e.claimed("WAITS")).json()["events"][0]
        self.assertEqual((answer["outcome"], answer["rule"]), ("waiting", "entry-registered"))
        self.assertTrue(answer["until"].endswith("Z"))
        self.post(e.registered("WAITS"))
        found = self.daemon.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/WAITS").json()
        self.assertTrue(found["facts"]["claimed"])

    def test_a_rejected_record_is_replayed_once_mended(self):
        event = e.registered("MEND", centre="90555")
        rejected_id = self.post(event).json()["rejectedId"]
        self.assertIn(rejected_id, self.open_rejected())
        replay = f"/v1/rejected/{rejected_id}/replay"
        self.assert_problem(self.daemon.post(replay), 422, "centre-known", "registered.entry.centre", "90555")
        event["registered"]["entry"]["centre"] = e.CENTRE
        reply = self.daemon.post(replay, json.dumps(event))
        self.assertEqual((reply.status, reply.json()["outcome"]), (200, "accepted"), reply.body)
        self.assertNotIn(rejected_id, self.open_rejected())
        self.assertTrue(self.daemon.get(f"/v1/rejected/{rejected_id}").json()["replayedAt"])
        self.assert_problem(self.daemon.post(replay), 409, "rejected-open")
        self.assert_problem(self.daemon.post("/v1/rejected/999999/replay"), 404, "rejected-known")

    def test_a_record_is_replayed_as_it_was_once_the_reference_data_came(self):
        rejected_id = self.post(e.registered("LATER", centre="90666")).json()["rejectedId"]
        self.daemon.post_events([e.event("2023-01-02T09:00:00Z", "centreDefined", {"centre": "90666", "name": "School"})])
        self.assertEqual(self.daemon.post(f"/v1/rejected/{rejected_id}/replay").json()["outcome"], "accepted")

    def open_rejected(self):
        page = self.daemon.get("/v1/rejected", open=1, limit=1000).json()
        for one in page["rejected"]:
            self.assertNotIn("original", one)
        return [one["id"] for one in page["rejected"]]

    def test_rejected_records_page_newest_first(self):
        for _ in range(3):
            self.post(e.registered("PAGE", centre="90777"))
        every, paged = self.rejected_by_pages_of(1000), self.rejected_by_pages_of(2)
        self.assertEqual(paged, every)
        self.assertEqual(paged, sorted(paged, key=int, reverse=True))

    def rejected_by_pages_of(self, limit):
        ids, target = [], f"/v1/rejected?limit={limit}"
        while target:
            reply = self.daemon.get(target)
            page = [one["id"] for one in reply.json()["rejected"]]
            self.assertLessEqual(len(page), limit)
            self.assertFalse(set(page) & set(ids), "a page shows a record again")
            ids += page
            target = reply.next()
        return ids

    # ---- the protocol ----

    def test_pipelined_requests_are_answered_in_order(self):
        with self.daemon.connect() as connection:
            asked = b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in ("/livez", "/v1/nothing", "/readyz"))
            connection.sendall(asked + b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answer)]
        self.assertEqual(statuses, [200, 404, 200, 200])

    def test_what_is_not_http_is_refused(self):
        with self.daemon.connect() as connection:
            connection.sendall(b"HELO there\r\n\r\n")
            self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 400"))

    def test_what_stands_twice_in_a_query_is_refused(self):
        for target in ("/v1/entries?stage=READY&stage=ISSUED", "/v1/rollups?by=stage,band,stage", "/v1/entries?cell=x"):
            reply = self.daemon.get(target)
            self.assertEqual((reply.status, reply.json()["rule"]), (400, "query-parameter"), target)

    def test_a_flag_that_decides_is_to_be_said_and_a_stop_that_stops_nothing_is_named(self):
        halt = {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES}
        for content in (halt, {**halt, "halted": None}):
            self.assert_problem(self.post(e.event("2023-07-01T10:00:00Z", "issuingHalted", content)), 422, "flag-given", "issuingHalted.halted", "")
        unknown = e.event("2023-07-01T10:00:00Z", "issuingHalted", {**halt, "awardingOrganisation": "RN5999", "halted": True})
        warned = self.post(unknown).json()["events"][0]
        self.assertEqual((warned["outcome"], [one["rule"] for one in warned["warnings"]]), ("accepted", ["awarding-organisation-known"]))
        hold = {"hold": "X1", "centre": e.CENTRE, "awardingOrganisation": "RN5999", "learner": "K1", "cause": "MALPRACTICE"}
        self.assert_rejected(e.event("2023-07-01T10:00:00Z", "holdPlaced", hold), "awarding-organisation-known", "holdPlaced.awardingOrganisation", "RN5999")

    def test_wrong_queries_and_methods_are_named(self):
        self.assert_problem(self.daemon.get("/v1/entries", band="BAD"), 400, "query-parameter", "band", "BAD")
        self.assert_problem(self.daemon.get("/v1/entries", bands="LATE"), 400, "query-parameter", "bands")
        self.assert_problem(self.daemon.get("/v1/rollups", by="grade"), 400, "query-parameter", "by", "grade")
        self.assert_problem(self.daemon.get("/v1/entries", after="zz"), 400, "query-parameter", "after", "zz")
        reply = self.daemon.post("/v1/overview")
        self.assert_problem(reply, 405, "method")
        self.assertEqual(reply.headers["Allow"], "GET, HEAD")


class Reads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon({"time.source": "event"}).start()
        cls.addClassCleanup(cls.daemon.__exit__)
        made = e.reference()
        for number in range(30):
            centre = e.CENTRE if number % 3 else e.OTHER_CENTRE
            made.append(e.registered(f"R{number:02}", centre=centre))
        made.append(e.answered("R01"))
        made += [e.outcomes("R01"), e.claimed("R01"), e.determined("R01"), e.time_reached("2023-07-12T00:00:00Z")]
        cls.daemon.post_events(sorted(made, key=lambda event: event["occurredAt"]))

    def test_an_entry_says_where_it_stands_and_never_a_grade(self):
        reply = self.daemon.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/R01")
        found = reply.json()
        self.assertEqual((found["status"]["stage"], found["status"]["need"]), ("READY", "PROGRESSION_CRITICAL"))
        self.assertEqual((found["facts"]["claimed"], found["facts"]["resultDetermined"], found["facts"]["unitsRecorded"]), (True, True, 2))
        self.assertNotIn(b"Distinction", reply.body)
        self.assertNotIn(b"rade", reply.body)

    def test_an_unknown_entry_is_404(self):
        self.assertEqual(self.daemon.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/NOBODY").status, 404)
        self.assertEqual(self.daemon.get("/v1/centres/12345").status, 404)
        self.assertEqual(self.daemon.get("/v1/qualifications/12345678").status, 404)

    def test_a_centre_that_nobody_defined_is_404_and_one_without_entries_is_not(self):
        self.daemon.post_events([e.event("2023-01-02T09:00:00Z", "centreDefined", {"centre": "90003", "name": "School 90003", "country": "England"})])
        for what in ("", "/scrutiny", "/activity?month=2023-09"):
            self.assertEqual(self.daemon.get(f"/v1/centres/90003{what}").status, 200, what)
            self.assertEqual(self.daemon.get(f"/v1/centres/12345{what}").status, 404, what)

    def test_pages_of_entries_are_complete_and_in_order(self):
        whole = self.daemon.get("/v1/entries", limit=10000).json()
        self.assertEqual(len(whole["entries"]), 30)
        self.assertIsNone(whole["next"])
        lines, target = [], "/v1/entries?limit=7"
        while target and len(lines) <= 30:
            reply = self.daemon.get(target, accept="application/x-ndjson")
            self.assertEqual(reply.type, "application/x-ndjson")
            lines += reply.lines()
            target = reply.next()
        self.assertEqual(lines, whole["entries"])

    def test_entries_are_filtered(self):
        self.assertEqual(len(self.daemon.get("/v1/entries", centre=e.OTHER_CENTRE).json()["entries"]), 10)
        ready = self.daemon.get("/v1/entries", stage="READY").json()["entries"]
        self.assertEqual([one["entry"]["learner"] for one in ready], ["R01"])
        self.assertEqual(self.daemon.get("/v1/entries", band="LATE").json()["entries"], [])

    def test_a_flag_is_true_or_false_in_either_spelling(self):
        for text, entries in (("true", 0), ("1", 0), ("false", 30), ("0", 30)):
            self.assertEqual(len(self.daemon.get("/v1/entries", late=text, limit=100).json()["entries"]), entries, text)
        self.assertEqual(self.daemon.get("/v1/entries", late="no").json()["value"], "no")

    def test_filters_leave_out_what_they_do_not_name(self):
        """Beside an entry of the season: one each of another series, of another qualification, and of another awarding organisation's."""
        other, third = e.qualification_number("6009002"), e.qualification_number("6009003")
        definition = next(event for event in e.reference() if "qualificationDefined" in event)["qualificationDefined"]
        at = "2023-01-02T10:00:00Z"
        resit = e.registered("L1")
        resit["registered"]["entry"]["series"] = "2023-06"
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(e.reference() + [
                e.event(at, "awardingOrganisationDefined", {"awardingOrganisation": "RN9002", "name": "Other Awards"}),
                e.event(at, "qualificationDefined", {**definition, "qualification": other}),
                e.event(at, "qualificationDefined", {**definition, "qualification": third, "awardingOrganisation": "RN9002"}),
                e.registered("L1"), resit, e.registered("L1", qualification=other), e.registered("L1", qualification=third)])
            every = daemon.get("/v1/entries").json()["entries"]
            self.assertEqual(len(every), 4)
            cases = {"series": ("2023-06", lambda entry: entry["series"] == "2023-06"),
                     "qualification": (other, lambda entry: entry["qualification"] == other),
                     "awarding_organisation": ("RN9002", lambda entry: entry["qualification"] == third)}
            for name, (value, belongs) in cases.items():
                with self.subTest(name=name):
                    wanted = [one for one in every if belongs(one["entry"])]
                    self.assertEqual(len(wanted), 1)
                    self.assertEqual(daemon.get("/v1/entries", **{name: value}).json()["entries"], wanted)
                    self.assertEqual(daemon.get("/v1/rollups", by="stage", **{name: value}).json()["entries"], 1)

    def test_roll_ups_count_by_any_dimensions(self):
        by_stage = self.daemon.get("/v1/rollups", by="centre,stage").json()
        self.assertEqual(by_stage["entries"], 30)
        self.assertIn({"centre": e.CENTRE, "stage": "READY", "entries": 1}, by_stage["rows"])
        filtered = self.daemon.get("/v1/rollups", by="need", centre=e.OTHER_CENTRE).json()
        self.assertEqual(filtered["entries"], 10)
        self.assertEqual(self.daemon.get("/v1/overview").json()["byStage"]["READY"], 1)
        self.assertEqual(self.daemon.get(f"/v1/centres/{e.CENTRE}").json()["entries"], 20)
        self.assertEqual(self.daemon.get(f"/v1/qualifications/{e.PATH_QUALIFICATION}").json()["entries"], 30)


class Gates(unittest.TestCase):
    def assert_closed(self, daemon, batch, rule):
        targets = {"centre-release": [f"/v1/batches/{batch}"],
                   "learner-release": [f"/v1/batches/{batch}/learners/{e.PATH_QUALIFICATION}/{learner}" for learner in ("G1", "NOBODY")]}
        for target in targets[rule]:
            reply = daemon.get(target)
            self.assertEqual((reply.status, reply.json()["rule"]), (403, rule))
            self.assertTrue(reply.json()["opensAt"])
            self.assertNotIn(b"Distinction", reply.body)

    def assert_no_grade(self, daemon):
        for target in ("/v1/batches", "/v1/export/batches", "/v1/entries", f"/v1/centres/{e.CENTRE}", "/v1/overview", "/v1/rejected",
                       f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/G1", "/metrics"):
            self.assertNotIn(b"Distinction", daemon.get(target).body, target)

    def season(self, daemon, dates=None):
        made = e.reference(dates=dates) + e.with_result("G1")
        daemon.post_events(sorted(made, key=lambda event: event["occurredAt"]))

    def only_batch(self, daemon):
        return wait_until(lambda: daemon.get("/v1/batches").json()["batches"], "a batch")[0]

    def test_in_event_time_results_open_first_to_the_centre_and_then_to_the_learner(self):
        with Daemon({"time.source": "event"}) as daemon:
            self.season(daemon)
            daemon.post_events([e.time_reached("2023-08-15T12:00:00Z")])
            summary = self.only_batch(daemon)
            batch = summary["batch"]
            self.assertEqual((summary["resultCount"], summary["embargoedUntil"]), (1, "2023-08-15T23:01:00.000Z"))
            self.assert_closed(daemon, batch, "centre-release")
            self.assert_closed(daemon, batch, "learner-release")
            self.assert_no_grade(daemon)
            self.assertNotIn("results", daemon.get("/v1/export/batches").lines()[0])

            daemon.post_events([e.time_reached("2023-08-16T12:00:00Z")])
            whole = daemon.get(f"/v1/batches/{batch}").json()
            self.assertEqual(whole["results"][0]["grade"], {"scale": "test-pmd", "value": "Distinction"})
            self.assertEqual(daemon.get("/v1/export/batches").lines()[0], whole)
            self.assertNotIn("embargoedUntil", self.only_batch(daemon))
            self.assert_closed(daemon, batch, "learner-release")

            daemon.post_events([e.time_reached("2023-08-17T12:00:00Z")])
            found = daemon.get(f"/v1/batches/{batch}/learners/{e.PATH_QUALIFICATION}/G1")
            self.assertEqual(found.json()["result"]["grade"]["value"], "Distinction")
            self.assertEqual(daemon.get(f"/v1/batches/{batch}/learners/{e.PATH_QUALIFICATION}/NOBODY").status, 404)
            other = e.qualification_number("6009002").replace("/", "")
            self.assertEqual(daemon.get(f"/v1/batches/{batch}/learners/{other}/G1").status, 404)
            self.assertEqual(daemon.get("/v1/batches/90001.RN9001.2023-08.0099").status, 404)

    def test_a_corrected_result_names_its_successor_everywhere(self):
        with Daemon({"time.source": "event"}) as daemon:
            self.season(daemon)
            daemon.post_events([e.time_reached("2023-08-17T12:00:00Z")])
            first = self.only_batch(daemon)["batch"]
            daemon.post_events([e.event("2023-08-18T09:00:00Z", "resultAmended", {
                "entry": e.entry("G1"), "grade": {"scale": "test-pmd", "value": "Merit"}, "reason": "remarked"})])
            daemon.post_events([e.time_reached("2023-08-18T10:00:00Z")])
            batches = {one["batch"]: one for one in daemon.get("/v1/batches").json()["batches"]}
            (second,) = set(batches) - {first}
            learner = f"learners/{e.PATH_QUALIFICATION}/G1"
            self.assertEqual(daemon.get(f"/v1/batches/{first}").json()["results"][0]["supersededBy"], second)
            self.assertEqual(daemon.get(f"/v1/batches/{first}/{learner}").json()["supersededBy"], second)
            self.assertIsNone(daemon.get(f"/v1/batches/{second}/{learner}").json()["supersededBy"])
            entry = daemon.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/G1").json()
            self.assertEqual((entry["status"]["batch"], entry["status"]["batchIssuedAt"].replace("Z", ".000Z")), (second, batches[second]["issuedAt"]))
            self.assertNotEqual(batches[first]["issuedAt"], batches[second]["issuedAt"])
            shown = daemon.resultsctl("entry", e.CENTRE, e.QUALIFICATION, e.SERIES, "G1").stdout
            self.assertIn(second, shown)
            self.assertNotIn(first, shown)

    def test_a_results_day_moved_later_shuts_the_gate_again(self):
        with Daemon({"time.source": "event"}) as daemon:
            self.season(daemon)
            daemon.post_events([e.time_reached("2023-08-16T12:00:00Z")])
            batch = self.only_batch(daemon)["batch"]
            self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, 200)
            moved = {**e.DATES, "centreRelease": "2023-08-18T00:01", "learnerRelease": "2023-08-18T08:00"}
            daemon.post_events([e.calendar("2023-08-16T12:00:01Z", moved)])
            self.assert_closed(daemon, batch, "centre-release")

    def test_by_the_clock_a_release_to_come_is_shut_and_a_past_one_open(self):
        def local(when):
            return when.astimezone(ZoneInfo("Europe/London")).strftime("%Y-%m-%dT%H:%M")
        now = datetime.now(timezone.utc)
        for offset, status in ((timedelta(days=2), 403), (timedelta(days=-2), 200)):
            with self.subTest(offset=offset), Daemon() as daemon:
                dates = {"claimDeadline": local(now + timedelta(minutes=5)), "issueDeadline": local(now + timedelta(minutes=10)),
                         "centreRelease": local(now + timedelta(days=2)), "learnerRelease": local(now + timedelta(days=3))}
                if offset < timedelta(0):
                    dates = {"claimDeadline": local(now - timedelta(days=4)), "issueDeadline": local(now - timedelta(days=3)),
                             "centreRelease": local(now + offset), "learnerRelease": local(now + offset + timedelta(days=1))}
                self.season(daemon, dates)
                batch = self.only_batch(daemon)["batch"]
                self.assertEqual(daemon.get(f"/v1/batches/{batch}").status, status)
                learner = daemon.get(f"/v1/batches/{batch}/learners/{e.PATH_QUALIFICATION}/G1")
                self.assertEqual(learner.status, status)
                if status == 403:
                    self.assert_no_grade(daemon)


class Running(unittest.TestCase):
    Daemon = Daemon

    def test_a_stop_commits_and_what_was_taken_is_there_again(self):
        with self.Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(e.reference() + [e.registered("S1")])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.log()[-1]["message"], "stopped")
            daemon.start()
            self.assertEqual(daemon.get("/v1/overview").json()["entries"], 1)

    def test_an_answered_event_outlives_a_crash_after_its_commit(self):
        with self.Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(e.reference() + [e.registered("C1")])
            daemon.stop(9)
            daemon.environment["RESULTSD_CRASH_AT"] = "before_write:1"
            daemon.start()
            with self.assertRaises(OSError):
                daemon.post(EVENTS, json.dumps(e.registered("C2")))
                daemon.post(EVENTS, json.dumps(e.registered("C3")))
            self.assertEqual(daemon.process.wait(10), -9)
            del daemon.environment["RESULTSD_CRASH_AT"]
            daemon.close()
            daemon.start()
            self.assertEqual(daemon.get("/v1/overview").json()["entries"], 1)

    def test_a_full_queue_holds_requests_back_and_loses_none(self):
        # Parsed, one of these bodies nearly fills the queue; together they are more than all bodies at a time may be.
        small = {"time.source": "event", "http.body_bytes_max": 65536, "engine.queue_bytes_max": 262144, "http.bodies_bytes_max": 131072}
        with self.Daemon(small) as daemon:
            daemon.post_events(e.reference())
            statuses = []

            def publish(prefix):
                mine = self.Daemon(directory=daemon.directory)
                mine.port = daemon.port
                for part in range(10):
                    body = "\n".join(json.dumps(e.registered(f"{prefix}-{part}-{number}")) for number in range(160))
                    statuses.append(mine.post(EVENTS, body, LINES).status)
                mine.close()

            publishers = [threading.Thread(target=publish, args=(f"Q{number}",)) for number in range(8)]
            for publisher in publishers:
                publisher.start()
            for publisher in publishers:
                publisher.join()
            self.assertEqual(statuses, [200] * 80)
            self.assertEqual(daemon.get("/v1/overview").json()["entries"], 12_800)

    def test_a_request_in_flight_is_finished_before_it_stops(self):
        body = json.dumps(e.registered("FLIGHT")).encode()
        with self.Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(e.reference())
            daemon.close()
            with daemon.connect() as connection:
                head = f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                connection.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
                self.assertTrue(connection.recv(1024).startswith(b"HTTP/1.1 100 "))
                connection.sendall(body[:10])
                daemon.process.terminate()
                wait_until(lambda: not self.accepts(daemon.port), "no more connections")
                connection.sendall(body[10:])
                answer = connection.recv(65536)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
            self.assertIn(b"Connection: close", answer)
            self.assertEqual(daemon.process.wait(10), 0)
            daemon.start()
            self.assertEqual(daemon.get("/v1/overview").json()["entries"], 1)

    def accepts(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    def test_silent_connections_are_closed(self):
        with self.Daemon({"http.idle_seconds_max": 1}) as daemon:
            for sent in (b"", b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"):
                with daemon.connect() as connection:
                    connection.sendall(sent)
                    self.assertEqual(connection.recv(1024), b"")

    def test_logs_are_json_and_name_no_learner(self):
        with self.Daemon({"time.source": "event", "log.level": "debug"}) as daemon:
            daemon.post_events(e.reference() + [e.registered("SECRETLEARNER")])
            daemon.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/SECRETLEARNER")
            daemon.stop()
            lines = daemon.log()
            self.assertTrue(all({"time", "level", "message"} <= line.keys() for line in lines))
            self.assertNotIn("SECRETLEARNER", json.dumps(lines))

    def test_a_backup_is_made_listed_and_restored(self):
        with self.Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(e.reference() + [e.registered("B1")])
            made = daemon.post("/v1/backups")
            self.assertEqual(made.status, 201)
            listed = daemon.get("/v1/backups").json()
            self.assertEqual([one["id"] for one in listed["backups"]], [made.json()["id"]])
        with self.Daemon({"backup.directory": ""}) as daemon:
            self.assertEqual((daemon.post("/v1/backups").status, daemon.get("/v1/backups").status), (409, 409))


if __name__ == "__main__":
    unittest.main(verbosity=2)
