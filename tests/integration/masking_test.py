#!/usr/bin/env python3
"""Who learners are, for who has not the role learner-details: every read that the API describes, and no name, birth date or number of the season in any answer;
with the role, and for the centre, all of them."""
import http.client
import json
import re
import unittest
import urllib.parse

import events as e
from callers import Guarded, name_of
from daemon import Daemon, Reply
from early import API, media_of, parameters_of

# Numbers of the awarding organisation's, the last one of another centre's learner.
RELEASED, WAITING, SAMPLED, ELSEWHERE = LEARNERS = ["QK74-829113", "QK74-829227", "QK74-829331", "QZ55-610449"]
ULN, UCI = "9276308686", "681990012058G"
DETAILS = {"givenNames": "Zebedee", "familyName": "Quillfeather", "dateOfBirth": "2006-02-28"}
PERSONAL = [*LEARNERS, ULN, UCI, *DETAILS.values()]
MASKED = {learner: "****" + learner[-4:] for learner in LEARNERS}
ENTRY = "/v1/entries/{centre}/{qualification}/{series}/{learner}"
RESULT = "/v1/batches/{batch}/learners/{qualification}/{learner}"
# As it is, and as a cursor has it.
SPELT = {text: {text, text.encode().hex(), text.encode().hex().upper()} for text in PERSONAL}


def detailed(learner, **where):
    registered = e.registered(learner, **where)
    registered["registered"].update({"uln": ULN, "uci": UCI, "details": DETAILS})
    return registered


def season():
    with_details = [detailed(RELEASED), *e.with_result(RELEASED)[1:], detailed(WAITING), detailed(SAMPLED),
                    *e.with_result(ELSEWHERE, centre=e.OTHER_CENTRE)]
    sample = {"centre": e.CENTRE, "qualification": e.QUALIFICATION, "series": e.SERIES, "learner": SAMPLED, "status": "AWAITING_CENTRE", "dueOn": "2023-07-28"}
    return e.reference() + with_details + [e.event("2023-06-10T09:30:00Z", "sampleDecided", sample)]


def wrong():
    """What is rejected, and kept: of an unknown centre, with a wrong number, and text that is no event."""
    bad_number = detailed(WAITING)
    bad_number["registered"]["uln"] = ULN[:-1] + "X"
    return [json.dumps(detailed(WAITING, centre="99999")), json.dumps(bad_number),
            '{"id": "x", "registered": {"details": {"familyName": "Quillfeather", "dateOfBirth": "2006-02-28"}, "uln": "9276308686"',
            '{"id": "v", "source": "s", "occurredAt": "2023-02-01T10:00:00Z", "registered": {"Quillfeather": {"uln": "9276308686"}}}',
            '{"id": "w", "source": "s", "occurredAt": "2006-02-28", "registered": {}}',
            '{"id": "u", "source": "s", "occurredAt": "2023-02-01T10:00:00Z", "registered": {"entry": {"centre": "QK74-829227", "qualification": "Quillfeather"}}}',
            '{"id": "y", "source": "s", "occurredAt": "2023-02-01T10:00:00Z", "registered": {"entry": "QK74-829227", "details": {"familyName": "Quillfeather"}}}']


class Masking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Guarded()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.start()
        publisher = cls.daemon.key("publisher", everywhere=True)
        reply = cls.daemon.publish(publisher, season())
        assert reply.json()["rejected"] == 0, reply.body
        for body in wrong():
            assert cls.daemon.ask("POST", "/v1/events", publisher, body).status in (400, 422), body
        cls.daemon.publish(publisher, [e.time_reached("2023-08-17T12:00:00Z")])
        cls.masked, cls.full = (cls.daemon.key("operations", "auditor", *more, everywhere=True) for more in ((), ("learner-details",)))
        cls.approver = cls.daemon.key("approver", organisations=[e.ORGANISATION])
        cls.centre = cls.daemon.key("centre", centres=[e.CENTRE])
        cls.batches = [one["batch"] for one in cls.get("/v1/batches", cls.masked).json()["batches"]]
        cls.rejected = [one["id"] for one in cls.get("/v1/rejected", cls.masked).json()["rejected"]]
        assert len(cls.batches) == 2 and len(cls.rejected) == len(wrong()), (cls.batches, cls.rejected)
        listed = [one["entry"] for one in cls.get("/v1/entries", cls.masked).json()["entries"]]
        full = [one["entry"] for one in cls.get("/v1/entries", cls.full).json()["entries"]]
        cls.handles = {whole["learner"]: masked["learnerHandle"] for whole, masked in zip(full, listed)}

    @classmethod
    def get(cls, target, key, accept="application/json"):
        return cls.daemon.ask("GET", target, key, accept=accept)

    def targets(self, learners):
        """(address, target, media) of every read; `learners`: how they are named."""
        values = {"batch": self.batches, "id": self.rejected, "centre": [e.CENTRE, e.OTHER_CENTRE], "qualification": [e.PATH_QUALIFICATION], "series": [e.SERIES],
                  "learner": learners, "awarding_organisation": [e.ORGANISATION], "key": [name_of(self.masked)]}
        for path, item in API["paths"].items():
            if "get" not in item or not path.startswith("/v1/"):
                continue
            chosen = [{}]
            for wanted in re.findall(r"{(\w+)}", path):
                chosen = [{**one, wanted: value} for one in chosen for value in values[wanted]]
            required = "&".join(f"{one['name']}={one['example']}" for one in parameters_of(item["get"]) if one.get("in") == "query" and one.get("required"))
            for named in chosen:
                target = re.sub(r"{(\w+)}", lambda part, named=named: urllib.parse.quote(named[part[1]], safe=""), path)
                for media in media_of(item["get"]):
                    yield path, target + ("?" + required if required else ""), media
        # Pages, with their cursors.
        for target in ("/v1/entries?limit=1", f"/v1/entries?limit=1&centre={e.CENTRE}"):
            for media in ("application/json", "application/x-ndjson"):
                yield "/v1/entries", target, media

    def look(self, key, learners):
        """Texts of the season in the answers, by address; and the statuses that came, by address."""
        seen, statuses = {}, {}
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=60)
        for path, target, media in self.targets(learners):
            connection.request("GET", target, headers={"Accept": media, "Authorization": f"Bearer {key}"})
            reply = Reply(connection.getresponse())
            statuses.setdefault(path, set()).add(reply.status)
            answer = reply.body.decode("latin-1") + str(reply.headers)
            seen.setdefault(path, set()).update(text for text, spelt in SPELT.items() if any(one in answer for one in spelt))
        connection.close()
        return {path: found for path, found in seen.items() if found}, statuses

    def test_without_the_role_no_read_says_who_a_learner_is(self):
        seen, statuses = self.look(self.masked, list(self.handles.values()))
        self.assertEqual(seen, {})
        for path in ("/v1/entries", ENTRY, "/v1/batches/{batch}", RESULT, "/v1/export/batches", "/v1/rejected", "/v1/rejected/{id}"):
            self.assertIn(200, statuses[path], path)
        print(f"\n{len(list(self.targets(['x'])))} targets of {len(statuses)} addresses: nothing of {len(PERSONAL)} texts")

    def test_with_the_role_they_do(self):
        seen, _ = self.look(self.full, LEARNERS)
        self.assertEqual(set().union(*seen.values()), set(PERSONAL))
        self.assertLessEqual(set(LEARNERS), seen["/v1/entries"])
        for path in (ENTRY, "/v1/batches/{batch}", RESULT, "/v1/export/batches"):
            self.assertIn(RELEASED, seen[path], path)
        self.assertLessEqual({ULN, *DETAILS.values()}, seen["/v1/rejected/{id}"])

    def test_a_centre_sees_its_own_learners(self):
        page = self.get(f"/v1/entries?centre={e.CENTRE}", self.centre).json()["entries"]
        self.assertEqual([one["entry"]["learner"] for one in page], [RELEASED, WAITING, SAMPLED])
        self.assertNotIn("learnerHandle", page[0]["entry"])
        self.assertEqual(self.get(f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/{WAITING}", self.centre).status, 200)

    def test_a_mask_is_the_same_everywhere_and_ends_as_the_number_does(self):
        for key in (self.masked, self.approver):
            page = self.get(f"/v1/entries?awarding_organisation={e.ORGANISATION}", key).json()["entries"]
            self.assertEqual({one["entry"]["learner"]: one["entry"]["learnerHandle"] for one in page},
                             {MASKED[learner]: handle for learner, handle in self.handles.items()})
        result = self.get(f"/v1/batches/{self.batches[0]}", self.approver).json()["results"][0]
        self.assertEqual((result["entry"]["learner"], result["entry"]["learnerHandle"]), (MASKED[RELEASED], self.handles[RELEASED]))
        self.assertEqual(result["uln"], "****" + ULN[-4:])

    def test_a_handle_takes_the_numbers_place(self):
        path = f"/v1/entries/{e.CENTRE}/{e.PATH_QUALIFICATION}/{e.SERIES}/"
        with_handle, with_number = self.get(path + self.handles[SAMPLED], self.full), self.get(path + SAMPLED, self.full)
        self.assertEqual((with_handle.status, with_handle.body), (200, with_number.body))
        masked = self.get(path + self.handles[SAMPLED], self.masked)
        self.assertEqual((masked.status, masked.json()["status"]["entry"]["learner"]), (200, MASKED[SAMPLED]))
        subjects = [one["subject"] for one in masked.json()["status"]["obstacles"] if one["rule"] == "sample"]
        self.assertEqual(subjects, [MASKED[SAMPLED]])
        # By its number only who may see it asks: whoever tries numbers learns nothing.
        for number in (SAMPLED, "QK74-829332"):
            reply = self.get(path + number, self.masked)
            self.assertEqual((reply.status, reply.json()["rule"]), (403, "learner-details"), number)
        changed = self.handles[SAMPLED][:-3] + ("AAA" if not self.handles[SAMPLED].endswith("AAA") else "BBB")
        reply = self.get(path + changed, self.masked)
        self.assertEqual((reply.status, reply.json()["rule"]), (404, "handle-known"))

    def test_pages_lead_on_without_a_number_in_their_cursor(self):
        found, target = [], "/v1/entries?limit=1"
        while target:
            reply = self.get(target, self.masked)
            self.assertEqual(reply.status, 200, reply.body)
            found += [one["entry"]["learner"] for one in reply.json()["entries"]]
            link = re.match(r'<([^>]+)>; rel="next"', reply.headers.get("Link", ""))
            target = link.group(1) if link else None
        self.assertEqual(found, [MASKED[learner] for learner in LEARNERS])
        # A cursor that is refused is not shown opened.
        cursor = re.search("after=([^&>]+)", self.get("/v1/entries?limit=1", self.masked).headers["Link"])[1]
        for query in (f"after={cursor}&after=", f"after={cursor}&after={cursor}", f"after=&after={cursor}", f"after={cursor}&limit=x"):
            for media in ("application/json", "application/x-ndjson"):
                reply = self.get(f"/v1/entries?{query}", self.masked, media)
                self.assertEqual(reply.status, 400, query)
                answer = reply.body.decode() + str(reply.headers)
                self.assertEqual([text for text, spelt in SPELT.items() if any(one in answer for one in spelt)], [], query)
        # A cursor of one's own would find a number by trying.
        cursor = (e.CENTRE + e.QUALIFICATION + e.SERIES + "QK74-8292").encode().hex()
        own = self.get(f"/v1/entries?after={cursor}", self.masked)
        self.assertEqual((own.status, own.json()["rule"]), (403, "learner-details"))

    def test_a_batchs_key_is_not_for_who_may_not_see_its_learners(self):
        reply = self.get(f"/v1/batches/{self.batches[0]}/key", self.masked)
        self.assertEqual((reply.status, reply.json()["rule"]), (403, "learner-details"))
        self.assertEqual(self.get(f"/v1/batches/{self.batches[0]}/key", self.full).json()["rule"], "seal-key-set")

    def test_two_who_ask_the_same_at_once_are_each_answered_their_own(self):
        connections = [(key, http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=60)) for _ in range(10) for key in (self.masked, self.full)]
        for key, connection in connections:
            connection.request("GET", "/v1/entries", headers={"Authorization": f"Bearer {key}", "Accept": "application/json"})
        for key, connection in connections:
            answer = Reply(connection.getresponse()).body.decode()
            connection.close()
            self.assertEqual([learner in answer for learner in LEARNERS], [key == self.full] * len(LEARNERS))

    def test_a_key_with_the_role_alone_is_not_made(self):
        done = self.daemon.operator("keys", "create", "--name", "N", "--expires", "2027-06-30", "--role", "learner-details", "--everywhere")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("give operations or approver with it", done.stdout + done.stderr)


class Unguarded(unittest.TestCase):
    def test_where_nobody_says_who_it_is_all_stays_as_it_is(self):
        with Daemon({"time.source": "event"}) as daemon:
            daemon.post_events(season())
            page = daemon.get("/v1/entries").json()["entries"]
            self.assertEqual([one["entry"]["learner"] for one in page], LEARNERS)
            self.assertNotIn("learnerHandle", page[0]["entry"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
