#!/usr/bin/env python3
"""An embargo sweep: a season in which every grade is a word that stands nowhere else is read by every way there is, before each gate and
after it. Before the centre's gate no grade may be seen anywhere; before the learner's none at the learner's address.

Left out, by name, for nothing is sealed here (sealing_test.py has a key): the batches in the store, its log and its backups, and on Kafka vtq.result-batches, the changelog, and
the topics that publishers write, with what goes back to them in vtq.rejected: they carry what was sent."""
import itertools
import json
import os
import re
import unittest
import urllib.parse

import events as e
from daemon import ROOT, Daemon, run

with open(os.path.join(ROOT, "proto", "http", "openapi.json"), encoding="utf-8") as document:
    API = json.load(document)

TOP, MIDDLE, LOW, FAILED = "Zqtop", "Zqmiddle", "Zqlow", "Zqfailed"  # overall
HIGH, NEAR = "Zqhigh", "Zqnear"  # of units
# Any of these words, also cut short. `zq` alone would also be seen in the random name of a temporary directory.
TOKEN = re.compile("zq(?:to|mi|lo|fa|hi|ne|no|un|sc|zq)[a-z]*", re.IGNORECASE)

COMPUTED = e.qualification_number("6009002")
QUALIFICATIONS = [e.QUALIFICATION, COMPUTED]
CENTRE_GATE, LEARNER_GATE = "2023-08-15T23:01:00Z", "2023-08-17T07:00:00Z"
BEFORE, BETWEEN, AFTER = "2023-08-15T23:00:59Z", "2023-08-17T06:59:59Z", "2023-08-17T07:00:00Z"


def reference():
    found = e.reference()
    for event in found:
        if scale := event.get("gradingScaleDefined"):
            scale["grades"] = [{"value": grade, "achieved": grade != FAILED} for grade in (TOP, MIDDLE, LOW, FAILED)]
    graded = {"hurdles": [{"fromGrade": TOP, "units": ["U1"], "unitGrade": HIGH}], "caps": [{"grade": MIDDLE, "unitGrade": NEAR, "unitsMax": 1}],
              "points": [{"grade": HIGH, "points": 10}, {"grade": NEAR, "points": 4}],
              "boundaries": [{"grade": TOP, "points": 18}, {"grade": MIDDLE, "points": 12}, {"grade": LOW, "points": 6}]}
    units = [{"code": "U1", "title": "One", "mandatory": True, "credit": 1, "minimumGrade": NEAR}, {"code": "U2", "title": "Two", "mandatory": True, "credit": 1}]
    at = "2023-01-02T09:00:00Z"
    found.insert(0, e.event(at, "gradingScaleDefined", {"name": "units", "grades": [{"value": HIGH, "achieved": True}, {"value": NEAR, "achieved": True}, {"value": "Zqnone"}]}))
    definition = next(event for event in found if "qualificationDefined" in event)["qualificationDefined"]
    definition.update({"unitGradingScale": "units", "units": units, "grading": graded})
    found.append(e.event(at, "qualificationDefined", {**definition, "qualification": COMPUTED, "determination": "DETERMINATION_COMPUTED"}))
    return found


def learner(name, unit_grades=(HIGH, HIGH), result=TOP, **where):
    where = {"qualification": e.QUALIFICATION, **where}
    entry = e.entry(name, **where)
    events = [e.registered(name, **where),
              e.event("2023-05-10T10:00:00Z", "checkpointAnswered", {"entry": entry, "answer": "NEEDED", "predictedGrade": {"scale": "test-pmd", "value": LOW}}),
              e.event("2023-06-01T10:00:00Z", "outcomeRecorded", {"entry": entry, "outcomes": [
                  {"unit": unit, "standing": "ACHIEVED", "grade": grade} for unit, grade in zip(("U1", "U2"), unit_grades)]}),
              e.claimed(name, grade=result or LOW, **where)]
    return events + ([e.determined(name, grade=result, **where)] if result else [])


def hold(name, learner_name, at):
    return e.event(at, "holdPlaced", {"hold": name, "centre": e.CENTRE, "awardingOrganisation": e.ORGANISATION, "learner": learner_name, "cause": "MALPRACTICE"})


def season():
    """Results of every kind that could show a grade: right, wrong, disagreeing, short of a unit, computed, held, revoked, amended."""
    return [*learner("GOOD"), *learner("OTHER", centre=e.OTHER_CENTRE), *learner("DISAGREES", result=LOW), *learner("HURDLE", (NEAR, HIGH), result=TOP),
            *learner("CAPPED", (NEAR, NEAR), result=TOP), *learner("SHORT", ("Zqnone", HIGH), result=LOW),
            *learner("COMPUTED", result=None, qualification=COMPUTED), *learner("COMPUTED2", result=MIDDLE, qualification=COMPUTED),
            *learner("HELD"), *learner("REVOKED"), *learner("AMENDED"), *learner("LATEHOLD"), hold("H1", "HELD", "2023-08-01T10:00:00Z"),
            e.event("2023-07-12T10:00:00Z", "resultQueried", {"entry": e.entry("GOOD"), "query": "Q1", "text": f"we expected {TOP}"}),
            e.event("2023-07-12T10:00:00Z", "specialConsideration", {"entry": e.entry("GOOD"), "status": "REFUSED", "requestedOn": "2023-06-01"})]


def issued():
    """After the first batch: corrections and stops before the gate."""
    return [e.event("2023-08-14T17:00:00Z", "timeReached", {"centre": "*"}),
            e.event("2023-08-14T18:00:00Z", "resultRevoked", {"entry": e.entry("REVOKED"), "reason": f"not {TOP}"}),
            e.event("2023-08-14T18:00:00Z", "resultAmended", {"entry": e.entry("AMENDED"), "grade": {"scale": "test-pmd", "value": LOW}, "reason": f"not {TOP}"}),
            hold("H2", "LATEHOLD", "2023-08-14T19:00:00Z")]


STOPPED = ("HELD", "REVOKED", "LATEHOLD")


def wrong():
    """Records that are rejected, each with a grade somewhere. As text, for some are no events."""
    whole = [e.determined("GOOD", grade="Zqunknown"), e.determined("NOBODY", grade=TOP, centre="99999"),
             e.event("2023-07-10T10:00:00Z", "resultDetermined", {"entry": e.entry("GOOD"), "grade": {"scale": "Zqscale", "value": TOP}}),
             e.event("2023-07-10T10:00:00Z", "resultDetermined", {"entry": e.entry("GOOD"), "grade": {"value": TOP}}),
             e.event("2023-07-10T10:00:00Z", "resultDetermined", {"entry": e.entry("GOOD"), "grade": TOP}),
             e.event("2023-07-10T10:00:00Z", "resultDetermined", {"entry": e.entry("GOOD"), "grade": {"scale": "test-pmd", "value": "Zq" * 40}}),
             e.event("2023-07-10T10:00:00Z", "resultAmended", {"entry": e.entry("GOOD"), "grade": {"scale": "test-pmd", "value": TOP}, "reason": f"{TOP} " * 200}),
             e.event("2023-06-01T10:00:00Z", "outcomeRecorded", {"entry": e.entry("GOOD"), "outcomes": [{"unit": "U9", "standing": "ACHIEVED", "grade": HIGH}]}),
             e.event("2023-06-01T10:00:00Z", "outcomeRecorded", {"entry": e.entry("GOOD"), "outcomes": [{"unit": "U1", "standing": "ACHIEVED", "grade": TOP}]}),
             e.event("2023-06-01T10:00:00Z", "priorLearningRecognised", {"entry": e.entry("GOOD"), "unit": "U1", "kind": "CREDIT_TRANSFER", "grade": "Zqunknown"}),
             e.event("2023-05-10T10:00:00Z", "checkpointAnswered", {"entry": e.entry("GOOD"), "answer": "NEEDED", "predictedGrade": {"scale": "test-pmd", "value": "Zqunknown"}}),
             {**e.claimed("GOOD", grade=TOP), "bogus": 1},
             e.event("2023-07-10T10:00:00Z", "resultDetermined", {"entry": e.entry("GOOD"), "result": TOP}),
             e.event("2023-07-10T10:00:00Z", "resultDetermined", {"entry": e.entry("GOOD"), "outcome": {"value": [TOP, {"is": TOP}]}}),
             e.event("2023-06-01T10:00:00Z", "outcomeRecorded", {"entry": e.entry("GOOD"), "outcomes": [{"unit": "U1", "standing": HIGH}]}),
             *(e.event("2023-07-10T10:00:00Z", "resultAmended", {"entry": e.entry(name), "grade": {"scale": "Zqscale", "value": TOP}})
               for name in STOPPED)]
    return [json.dumps(one) for one in whole] + [json.dumps(whole[0])[:-9], '{"claimSubmitted": {"grade": {"value": "%s",,}}}' % TOP]


PARAMETERS = {"limit": ["1", "1000"], "after": [""], "before": [""], "open": ["1"], "by": ["centre", "stage,band", "qualification,reason"], "series": [e.SERIES],
              "centre": [e.CENTRE, e.OTHER_CENTRE], "qualification": [q.replace("/", "") for q in QUALIFICATIONS], "awarding_organisation": [e.ORGANISATION],
              "level": ["LEVEL_3"], "stage": ["ISSUED", "RELEASED", "CLAIMED"], "need": ["PROGRESSION_CRITICAL"], "band": ["SETTLED", "AT_RISK", "LATE"],
              "reason": ["L4", "L6"], "late": ["1", "0"], "month": ["2023-08"], "detail": ["all"]}
LEARNERS = ["GOOD", "OTHER", "DISAGREES", "HURDLE", "CAPPED", "SHORT", "COMPUTED", "COMPUTED2", "HELD", "REVOKED", "AMENDED", "LATEHOLD"]


class Sweep:
    """Reads a daemon by every way there is. `seen`: where a grade stood, with it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.read = 0
        self.seen = {}

    def look(self, where, text):
        self.read += 1
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        found = set(TOKEN.findall(text))
        if found:
            self.seen[where] = sorted(found)

    def names(self):
        pages = {"batch": ("/v1/batches", "batches", "batch"), "id": ("/v1/rejected", "rejected", "id")}
        found = {name: [one[key] for one in self.daemon.get(path, limit=1000).json()[list_name]] for name, (path, list_name, key) in pages.items()}
        return {**found, "centre": [e.CENTRE, e.OTHER_CENTRE], "qualification": [q.replace("/", "") for q in QUALIFICATIONS], "series": [e.SERIES], "learner": LEARNERS,
                "awarding_organisation": [e.ORGANISATION]}

    def http(self):
        names = self.names()
        for path, item in API["paths"].items():
            if "get" not in item:
                continue
            wanted = re.findall(r"{(\w+)}", path)
            for values in itertools.product(*(names[one] for one in wanted)):
                target = path
                for name, value in zip(wanted, values):
                    target = target.replace("{%s}" % name, urllib.parse.quote(value, safe=""))
                queries = [""]
                for parameter in item["get"].get("parameters", []):
                    parameter = API["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]] if "$ref" in parameter else parameter
                    if parameter.get("in") == "query":
                        queries += [f"?{parameter['name']}={value}" for value in PARAMETERS.get(parameter["name"], ["x"])]
                for query in queries:
                    for accept in ("application/json", "application/x-ndjson", "text/csv"):
                        reply = self.daemon.get(target + query, accept=accept)
                        self.look(f"GET {path}" + (f" {'/'.join(values)}" if values else ""), reply.body + str(reply.headers).encode())
        for one in names["id"]:
            self.look("POST replay", self.daemon.post(f"/v1/rejected/{one}/replay", "{").body)

    def resultsctl(self):
        names = self.names()
        commands = [("status",), ("status", "--json"), ("status", "--at-risk", "50"), ("batches",), ("batches", "--json"), ("rejected", "list"), ("rejected", "list", "--json"),
                    ("instances",), ("doctor",)]
        commands += [("approval", qualification) for qualification in QUALIFICATIONS]
        commands += [("batches", one) for one in names["batch"]] + [("rejected", "show", one) for one in names["id"]]
        commands += [(what, centre) for what in ("centre", "scrutiny") for centre in names["centre"]]
        commands += [("activity", centre, "--month", "2023-08") for centre in names["centre"]]
        commands += [("entry", centre, qualification, e.SERIES, one) for centre in names["centre"] for qualification in QUALIFICATIONS for one in LEARNERS]
        for command in commands:
            done = self.daemon.resultsctl(*command)
            self.look("resultsctl " + " ".join(command[:2]), done.stdout + done.stderr)
        for what in ("statuses", "batches"):
            path = os.path.join(self.daemon.directory, f"export-{what}")
            done = self.daemon.resultsctl("export", what, "--out", path)
            self.look(f"resultsctl export {what}", done.stdout + done.stderr)
            with open(path, "rb") as file:
                self.look(f"resultsctl export {what}", file.read())
            os.unlink(path)

    def log(self):
        self.look("log", json.dumps(self.daemon.log()))

    def run(self):
        self.http()
        self.resultsctl()
        self.log()
        return self


class EmbargoSweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon({"time.source": "event", "log.level": "debug"}).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.answers = []
        for part in (reference(), season(), issued()):
            reply = cls.daemon.post("/v1/events", "\n".join(json.dumps(event) for event in part), "application/x-ndjson")
            cls.answers.append(reply.body.decode())
        cls.answers += [cls.daemon.post("/v1/events?detail=all", "\n".join(wrong()), "application/x-ndjson").body.decode()]
        cls.answers += [cls.daemon.post("/v1/events", one).body.decode() for one in wrong()]
        # A publisher's mistake must not open it: a calendar with earlier gates, by one person.
        cls.answers += [cls.daemon.post("/v1/events", json.dumps(e.calendar("2023-08-14T20:00:00Z", {
            **e.DATES, "centreRelease": "2023-08-14T21:00", "learnerRelease": "2023-08-15T08:00"}))).body.decode()]
        cls.before = cls.sweep(BEFORE)
        cls.between = cls.sweep(BETWEEN)
        cls.after = cls.sweep(AFTER)

    @classmethod
    def sweep(cls, at):
        cls.daemon.post_events([e.time_reached(at)])
        return Sweep(cls.daemon).run()

    def test_before_the_centres_gate_no_grade_is_seen_by_any_way(self):
        self.assertGreater(self.before.read, 700)
        self.assertEqual(self.before.seen, {})

    def test_no_answer_to_a_publisher_repeats_a_grade(self):
        self.assertEqual([answer for answer in self.answers if TOKEN.search(answer)], [])
        self.assertIn("gate-not-earlier", self.answers[-1])

    def test_before_the_learners_gate_no_learners_address_shows_one(self):
        self.assertEqual([where for where in self.between.seen if "/learners/" in where], [])

    def test_between_the_gates_the_centre_sees_what_nothing_withholds(self):
        first = next(where for where in self.between.seen if where.startswith("GET /v1/batches/{batch} "))
        self.assertIn(TOP, self.between.seen[first])

    def test_only_what_gives_results_ever_shows_a_grade(self):
        may = ("GET /v1/batches/{batch}", "GET /v1/export/batches", "GET /v1/rejected/{id}", "resultsctl batches", "resultsctl export batches", "resultsctl rejected show")
        for sweep in (self.between, self.after):
            self.assertEqual([where for where in sweep.seen if not where.startswith(may)], [])

    def test_after_the_gates_each_result_is_seen_or_withheld_with_its_reason(self):
        batches = self.daemon.get("/v1/batches", limit=1000).json()["batches"]
        shown = {}
        for batch in batches:
            for result in self.daemon.get(f"/v1/batches/{batch['batch']}").json()["results"]:
                shown.setdefault(result["entry"]["learner"], []).append(result["withheld"] or ("revoked" if result["revoked"] else result["grade"]["value"]))
        self.assertEqual(shown, {"GOOD": [TOP], "OTHER": [TOP], "COMPUTED": [TOP], "LATEHOLD": ["hold-open"], "REVOKED": ["result-revoked", "revoked"],
                                 "AMENDED": ["corrected", LOW]})
        self.assertNotIn("HELD", shown)

    def test_rejected_records_show_their_grades_once_the_centre_may_see_the_results(self):
        shown = [where for where in self.after.seen if where.startswith("GET /v1/rejected/{id}")]
        self.assertTrue(shown)
        self.assertFalse([where for where in self.before.seen if "rejected" in where])

    def test_rejected_records_about_results_that_are_withheld_stay_without_their_grades(self):
        about = {"GOOD": set(), **{name: set() for name in STOPPED}}
        for one in self.daemon.get("/v1/rejected", limit=1000).json()["rejected"]:
            record = self.daemon.get(f"/v1/rejected/{one['id']}").json()
            if one["rule"] != "scale-of-qualification":
                continue
            original = record["original"]
            original = json.loads(original) if isinstance(original, str) else original
            fact = next(value for value in original.values() if isinstance(value, dict))
            about.setdefault(fact["entry"]["learner"], set()).add(record["gradesHidden"])
        self.assertEqual(about, {"GOOD": {False}, **{name: {True} for name in STOPPED}})

    def test_records_that_are_no_events_say_whom_they_are_about_and_no_value(self):
        shown = [self.daemon.get(f"/v1/rejected/{one['id']}").json() for one in self.daemon.get("/v1/rejected", limit=1000).json()["rejected"]
                 if one["rule"] == "json-form" and one["field"].endswith("resultDetermined.result")]
        self.assertTrue(shown)
        for record in shown:
            fact = json.loads(record["original"])["resultDetermined"]
            self.assertEqual((fact["entry"]["learner"], fact["result"], record["gradesHidden"], record["originalBase64"]), ("GOOD", "(not shown)", True, None))

    def test_a_halt_closes_everything_again(self):
        halt = {"centre": "*", "awardingOrganisation": e.ORGANISATION, "series": e.SERIES, "halted": True}
        self.daemon.post_events([e.event("2023-08-17T07:00:01Z", "issuingHalted", halt)])
        try:
            self.assertEqual(Sweep(self.daemon).run().seen, {})
            self.assertIn("ISSUING IS HALTED", self.daemon.resultsctl("status").stdout)
        finally:
            self.daemon.post_events([e.event("2023-08-17T07:00:02Z", "issuingHalted", {**halt, "halted": False})])


if __name__ == "__main__":
    unittest.main(verbosity=2)
