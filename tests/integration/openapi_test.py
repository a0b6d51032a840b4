#!/usr/bin/env python3
"""Holds proto/http/openapi.json against the running server, both ways: every documented route is there and answers as described, and
the server has no other."""
import json
import os
import re
import unittest

import events as e
from daemon import Daemon, ROOT, run
from sealed import Sealed

with open(os.path.join(ROOT, "proto", "http", "openapi.json"), encoding="utf-8") as document:
    API = json.load(document)
METHODS = ("get", "post", "put", "patch", "delete")


def resolve(schema):
    while "$ref" in schema:
        schema = API["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}


def limits(schema, value):
    """The limits of the schema that the value does not keep."""
    if isinstance(value, str):
        size, least, most = len(value), "minLength", "maxLength"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{value!r} does not match {schema['pattern']}"
    elif isinstance(value, dict):
        size, least, most = len(value), "minProperties", "maxProperties"
    elif isinstance(value, list):
        size, least, most = len(value), "minItems", "maxItems"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        size, least, most = value, "minimum", "maximum"
    else:
        return
    if not schema.get(least, size) <= size <= schema.get(most, size):
        yield f"{value!r} is not from {schema.get(least)} to {schema.get(most)}"


def mismatches(schema, value, where="$"):
    """What does not fit: types, required members, enums, limits, members that are not described."""
    schema = resolve(schema)
    if "allOf" in schema:
        merged = {"type": "object", "required": [], "properties": {}}
        for part in map(resolve, schema["allOf"]):
            merged["required"] += part.get("required", [])
            merged["properties"].update(part.get("properties", {}))
        schema = merged
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted and not any(isinstance(value, TYPES[one]) and not (one == "integer" and isinstance(value, bool)) for one in wanted):
        return [f"{where}: {type(value).__name__} is not {wanted}"]
    found = [f"{where}: {broken}" for broken in limits(schema, value)]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is not in {schema['enum']}")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{where}.{name}: missing" for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            if name in properties:
                found += mismatches(properties[name], member, f"{where}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                found += mismatches(schema["additionalProperties"], member, f"{where}.{name}")
            elif properties and not schema.get("additionalProperties"):
                found.append(f"{where}.{name}: not described")
    if isinstance(value, list) and "items" in schema:
        for at, item in enumerate(value):
            found += mismatches(schema["items"], item, f"{where}[{at}]")
    return found


def enums(schema):
    """Every list of names in the document."""
    if isinstance(schema, dict):
        if "enum" in schema:
            yield schema["enum"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from enums(part)


def names_in_proto():
    """The values of every enum of the proto files but the unspecified ones."""
    for name in sorted(os.listdir(os.path.join(ROOT, "proto", "vtq", "v1"))):
        with open(os.path.join(ROOT, "proto", "vtq", "v1", name), encoding="utf-8") as file:
            text = re.sub(r"//.*", "", file.read())
        for values in re.findall(r"\benum \w+ \{([^}]*)\}", text):
            yield {value for value, number in re.findall(r"(\w+) = (\d+);", values) if not value.endswith("_UNSPECIFIED")}


def security_of(method, rights):
    """How whoever may use a route says who it is, by the rights that the server gives: keys, tokens and sessions do wherever somebody has to; keys
    are made with the access secret alone."""
    if rights == "everybody":
        return []
    if rights == "access-secret":
        return [{"accessSecret": []}]
    session = {"cookieAuth": []} if method == "get" else {"cookieAuth": [], "csrfToken": []}
    return [{"key": []}, session, {"accessSecret": []}]


def operations():
    for path, item in API["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Sealed({"time.source": "event"})
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.settings["audit.key_file"] = os.path.join(cls.daemon.directory, "audit.key")
        made = run("resultsctl", "audit", "keygen", cls.daemon.settings["audit.key_file"])
        assert made.returncode == 0, made.stderr
        cls.daemon.start()
        season = e.reference() + e.with_result("P1") + e.with_result("P2")[:2]
        cls.daemon.post_events(sorted(season, key=lambda event: event["occurredAt"]))
        cls.daemon.post_events([e.time_reached("2023-08-17T12:00:00Z")])
        cls.daemon.post_events([e.determined("P1", "2023-08-18T09:00:00Z", "Merit"), e.time_reached("2023-08-19T00:00:00Z")])
        cls.rejected_id = cls.daemon.post("/v1/events", json.dumps(e.registered("BAD", centre="99999"))).json()["rejectedId"]
        cls.batch = cls.daemon.get("/v1/batches").json()["batches"][0]["batch"]

    def check(self, operation, reply, *statuses):
        """The reply is one of the described, and its body fits."""
        if statuses:
            self.assertIn(reply.status, statuses, reply.body)
        self.assertIn(str(reply.status), operation["responses"], f"{operation['operationId']}: status {reply.status} is not described")
        content = operation["responses"][str(reply.status)]["content"]
        self.assertIn(reply.type, content, f"{operation['operationId']}: {reply.type} is not described")
        if reply.type.endswith("json") and "ndjson" not in reply.type:
            self.assertEqual(mismatches(content[reply.type]["schema"], reply.json()), [], operation["operationId"])

    def target(self, path, known=True):
        values = {"centre": e.CENTRE, "qualification": e.PATH_QUALIFICATION, "series": e.SERIES, "learner": "P1", "batch": self.batch,
                  "awarding_organisation": e.ORGANISATION,
                  "id": self.rejected_id} if known else {}
        return re.sub(r"\{(\w+)\}", lambda part: values.get(part.group(1), "nothing"), path)

    def required_query(self, operation):
        given = [(one["name"], one["example"]) for one in operation.get("parameters", []) if one["in"] == "query" and one["required"]]
        return "?" + "&".join(f"{name}={value}" for name, value in given) if given else ""

    def test_every_documented_read_answers_as_described(self):
        for path, method, operation in operations():
            if method != "get" or "sign-in" in operation["tags"]:  # those answer where somebody signs in: sign_in_test.py
                continue
            with self.subTest(path=path):
                good = str(min(int(status) for status in operation["responses"]))
                target = self.target(path) + self.required_query(operation)
                for media in operation["responses"][good]["content"]:
                    reply = self.daemon.get(target, accept=media)
                    self.check(operation, reply, 200)
                    self.assertEqual(reply.type, media)
                if "400" in operation["responses"]:
                    self.check(operation, self.daemon.get(self.target(path) + "?bogus=1"), 400)
                if "404" in operation["responses"]:
                    self.check(operation, self.daemon.get(self.target(path, known=False)), 404)

    def test_every_query_parameter_is_known_to_the_server(self):
        for path, method, operation in operations():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query" or method != "get":
                    continue
                with self.subTest(path=path, parameter=parameter["name"]):
                    schema = parameter["schema"]
                    for value in schema.get("enum", ["true"] if schema["type"] == "boolean" else ["1"] if schema["type"] == "integer" else []):
                        query = self.required_query(operation)
                        reply = self.daemon.get(f"{self.target(path)}{query}{'&' if query else '?'}{parameter['name']}={value}")
                        self.assertEqual(reply.status, 200, reply.body)

    def test_queries_take_what_their_patterns_take_and_nothing_else(self):
        given = {"centre": (["90001", "00000"], ["9001", "900011", "9000A", ""]),
                 "qualification": ([e.QUALIFICATION, e.PATH_QUALIFICATION, "6000000X"], ["600/9001", "A0090011", "600-9001-1", ""]),
                 "awarding_organisation": (["RN1", "RN5217", "RN123456"], ["RN", "RN0", "RN012", "RN1234567", "5217", ""]),
                 "series": (["2023-08", "2099-12"], ["2023-00", "2023-13", "0000-00", "2023-8", "August", ""]),
                 "month": (["2023-08"], ["0000-00", "2023-13", "2023-8", ""])}
        asked = set()
        for path, method, operation in operations():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query" or method != "get" or "pattern" not in parameter["schema"]:
                    continue
                good, bad = given[parameter["name"]]
                asked.add(parameter["name"])
                others = "".join(f"&{one['name']}={one['example']}" for one in operation["parameters"]
                                 if one["in"] == "query" and one["required"] and one["name"] != parameter["name"])
                for value in good + bad:
                    with self.subTest(path=path, parameter=parameter["name"], value=value):
                        reply = self.daemon.get(f"{self.target(path)}?{parameter['name']}={value}{others}")
                        self.assertEqual(reply.status, 200 if value in good else 400, reply.body)
                        self.assertEqual(mismatches(parameter["schema"], value) == [], value in good)
        self.assertEqual(asked, set(given))

    def test_every_example_of_an_event_is_one_by_the_schema(self):
        schema = API["components"]["schemas"]["Event"]
        folder = os.path.join(ROOT, "tests", "data", "events")
        examples = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                examples.append(json.load(file))
        numbered = [{**examples[0], "sequence": number} for number in (0, 7, "7", "18446744073709551615")]
        for event in examples + numbered:
            self.assertEqual(mismatches(schema, event), [])
        for wrong in ({"sequence": -1}, {"sequence": "seven"}, {"sequence": 1.5}, {"id": ""}, {"id": "x" * 65}, {"registered": "yes"}):
            self.assertNotEqual(mismatches(schema, {**examples[0], **wrong}), [], wrong)
            self.assertEqual(self.daemon.post("/v1/events", json.dumps({**examples[0], **wrong})).status, 422, wrong)

    def test_names_are_those_of_the_contract(self):
        """A list that has names of an enum of the proto files has all of them."""
        known = list(names_in_proto())
        checked = 0
        for listed in enums(API):
            for names in known:
                if len(names & set(listed)) > 1:
                    checked += 1
                    self.assertLessEqual(names, set(listed))
        self.assertGreater(checked, 10)

    def test_events_are_answered_as_described(self):
        operation = API["paths"]["/v1/events"]["post"]
        post = lambda body, media="application/json": self.daemon.post("/v1/events", body, media)
        self.check(operation, post(json.dumps([e.registered("OA1"), e.claimed("OA-WAITS"), e.registered("OA2", centre="99999")])), 200)
        self.check(operation, post("{"), 422)
        self.check(operation, post("["), 400)
        self.check(operation, post("{}", "text/plain"), 415)
        self.check(operation, post(json.dumps(e.registered("OA3", centre="99999"))), 422)
        self.check(operation, post("x" * (17 << 20)), 413)
        bodies = {"application/json": json.dumps(e.registered("OA4")), "application/x-ndjson": json.dumps(e.registered("OA5")),
                  "application/x-protobuf": e.protobuf_centre("90201", "oa-1"),
                  "application/x-protobuf-delimited": e.delimited([e.protobuf_centre("90202", "oa-2")])}
        self.assertEqual(set(bodies), set(operation["requestBody"]["content"]))
        for media, body in bodies.items():
            self.check(operation, post(body, media), 200)

    def test_replays_are_answered_as_described(self):
        operation = API["paths"]["/v1/rejected/{id}/replay"]["post"]
        event = e.registered("OA6", centre="99998")
        rejected_id = self.daemon.post("/v1/events", json.dumps(event)).json()["rejectedId"]
        target = f"/v1/rejected/{rejected_id}/replay"
        self.check(operation, self.daemon.post(target), 422)
        self.check(operation, self.daemon.post(target, "<a/>", "application/xml"), 415)
        self.check(operation, self.daemon.post(target + "?bogus=1"), 400)
        event["registered"]["entry"]["centre"] = e.CENTRE
        self.check(operation, self.daemon.post(target, json.dumps(event)), 200)
        self.check(operation, self.daemon.post(target), 409)
        self.check(operation, self.daemon.post("/v1/rejected/nothing/replay"), 404)

    def test_backups_are_answered_as_described(self):
        operation = API["paths"]["/v1/backups"]["post"]
        self.check(operation, self.daemon.post("/v1/backups"), 201)
        with Daemon({"backup.directory": ""}) as daemon:
            self.check(operation, daemon.post("/v1/backups"), 409)
            self.check(API["paths"]["/v1/backups"]["get"], daemon.get("/v1/backups"), 409)

    def test_confirming_a_clock_that_is_trusted_is_answered_as_described(self):
        operation = API["paths"]["/v1/clock/confirm"]["post"]
        now = self.daemon.get("/v1/clock").json()["clock"]
        self.check(operation, self.daemon.post("/v1/clock/confirm", json.dumps({"clock": now})), 409)
        self.check(operation, self.daemon.post("/v1/clock/confirm", "{}"), 400)

    def test_closed_gates_are_answered_as_described(self):
        with Daemon({"time.source": "event"}) as daemon:
            season = e.reference() + e.with_result("P1") + [e.time_reached("2023-08-15T12:00:00Z")]
            daemon.post_events(sorted(season, key=lambda event: event["occurredAt"]))
            for path in ("/v1/batches/{batch}", "/v1/batches/{batch}/learners/{qualification}/{learner}", "/v1/batches/{batch}/key"):
                self.check(API["paths"][path]["get"], daemon.get(self.target(path)), 403)
            for path in ("/v1/batches/{batch}/sealed", "/v1/seal/key"):
                self.check(API["paths"][path]["get"], daemon.get(self.target(path)), 409)

    def test_the_server_has_the_documented_routes_and_no_other(self):
        documented = {f"{method.upper()} {path}" for path, method, _ in operations()}
        served = self.daemon.get("/openapi.json").json()
        self.assertEqual(set(served.pop("x-routes")), documented)
        self.assertEqual(set(served.pop("x-rights")), documented)
        self.assertEqual(served, API)

    def test_each_operation_says_how_its_callers_say_who_they_are(self):
        served = self.daemon.get("/openapi.json").json()["x-rights"]
        named = set()
        for path, method, operation in operations():
            self.assertEqual(operation.get("security"), security_of(method, served[f"{method.upper()} {path}"]), f"{method} {path}")
            named |= {scheme for way in operation["security"] for scheme in way}
        self.assertEqual(named, set(API["components"]["securitySchemes"]))

    def test_undocumented_methods_are_405_and_undocumented_paths_404(self):
        for path, item in API["paths"].items():
            for method in METHODS:
                reply = self.daemon.request(method.upper(), self.target(path), b"" if method != "get" else None)
                self.assertEqual(reply.status == 405, method not in item, f"{method} {path}: {reply.status}")
        for path in ("/", "/v1", "/v1/", "/v1/events/", "/v1/entry", "/v2/events", "/v1/entries/1/2/3", "/v1/entries/1/2/3/4/5", "//livez"):
            self.assertEqual(self.daemon.get(path).status, 404, path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
