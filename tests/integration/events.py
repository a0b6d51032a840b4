"""A small invented season: two awarding organisations, two centres, two qualifications. Numbers are made up, check digits fit."""
import itertools

_ids = itertools.count(1)

ORGANISATION = "RN9001"
CENTRE = "90001"
OTHER_CENTRE = "90002"
SERIES = "2023-08"


def qualification_number(digits):
    """NNN/NNNN/C for 7 digits, with the check character that fits."""
    total = sum(weight * int(digit) for weight, digit in zip((8, 7, 6, 5, 4, 3, 2), digits))
    return f"{digits[:3]}/{digits[3:]}/{'0123456789X'[total % 11]}"


QUALIFICATION = qualification_number("6009001")
PATH_QUALIFICATION = QUALIFICATION.replace("/", "")
DATES = {"checkpointOpens": "2023-05-01T00:00", "checkpointCloses": "2023-06-23T17:00", "lateEntryAfter": "2023-05-26T17:00",
         "claimDeadline": "2023-07-11T17:00", "issueDeadline": "2023-08-14T17:00", "centreRelease": "2023-08-16T00:01",
         "learnerRelease": "2023-08-17T08:00"}


def event(at, fact, content, event_id=None):
    return {"id": event_id or f"e-{next(_ids)}", "source": "test", "occurredAt": at, fact: content}


def reference(at="2023-01-02T09:00:00Z", dates=None, organisation=ORGANISATION, centres=(CENTRE, OTHER_CENTRE),
              qualification=QUALIFICATION):
    return [
        event(at, "awardingOrganisationDefined", {"awardingOrganisation": organisation, "name": "Test Awards"}),
        event(at, "gradingScaleDefined", {"name": "test-pmd", "grades": [
            {"value": "Distinction", "achieved": True}, {"value": "Merit", "achieved": True}, {"value": "Pass", "achieved": True},
            {"value": "Fail"}]}),
        *[event(at, "centreDefined", {"centre": centre, "name": f"School {centre}", "country": "England"}) for centre in centres],
        event(at, "qualificationDefined", {
            "qualification": qualification, "title": "Certificate in Testing", "awardingOrganisation": organisation,
            "level": "LEVEL_3", "guidedLearningHours": 360, "ucasPoints": 56, "gradingScale": "test-pmd",
            "unitGradingScale": "test-pmd", "certification": "CERTIFICATION_BY_CLAIM",
            "units": [{"code": "U1", "title": "One", "mandatory": True, "credit": 10},
                      {"code": "U2", "title": "Two", "mandatory": True, "credit": 10}]}),
        calendar(at, dates, organisation),
    ]


def calendar(at, dates=None, organisation=ORGANISATION):
    return event(at, "calendarDefined", {"awardingOrganisation": organisation, "level": "LEVEL_3", "series": SERIES, **(dates or DATES)})


def entry(learner, centre=CENTRE, qualification=QUALIFICATION):
    return {"centre": centre, "qualification": qualification, "series": SERIES, "learner": learner}


def registered(learner, at="2023-02-01T10:00:00Z", **where):
    return event(at, "registered", {"entry": entry(learner, **where)})


def outcomes(learner, at="2023-06-01T10:00:00Z", units=("U1", "U2"), **where):
    return event(at, "outcomeRecorded", {"entry": entry(learner, **where),
                                         "outcomes": [{"unit": unit, "standing": "ACHIEVED", "grade": "Merit"} for unit in units]})


def claimed(learner, at="2023-07-01T10:00:00Z", grade="Distinction", **where):
    return event(at, "claimSubmitted", {"entry": entry(learner, **where), "grade": {"scale": "test-pmd", "value": grade}})


def determined(learner, at="2023-07-10T10:00:00Z", grade="Distinction", **where):
    return event(at, "resultDetermined", {"entry": entry(learner, **where), "grade": {"scale": "test-pmd", "value": grade}})


def answered(learner, answer="NEEDED", at="2023-05-10T10:00:00Z", **where):
    return event(at, "checkpointAnswered", {"entry": entry(learner, **where), "answer": answer, "route": "HIGHER_EDUCATION",
                                            "predictedGrade": {"scale": "test-pmd", "value": "Distinction"}})


def time_reached(at):
    return event(at, "timeReached", {"centre": "*"})


def with_result(learner, **where):
    """Everything that a result needs."""
    return [registered(learner, **where), answered(learner, **where), outcomes(learner, **where), claimed(learner, **where),
            determined(learner, **where)]


# ---- protobuf by hand: enough of vtq.v1.Event to speak it without a library ----

def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, content):
    """A length-delimited field; a number is written as a varint."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def protobuf_centre(centre, event_id, seconds=1672650000, name="School"):
    """CentreDefined as bytes."""
    fact = field(1, centre) + field(2, name)
    return field(1, event_id) + field(2, "test") + field(3, field(1, seconds)) + field(81, fact)


def delimited(records):
    return b"".join(varint(len(record)) + record for record in records)
