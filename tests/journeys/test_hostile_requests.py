"""By hand at every door that takes a body: each field of its documented example made a wrong
type, a number that is too large, a text that cannot be kept; whole bodies too deep, too large, not
UTF-8; pages' forms and addresses too. Nothing fails, and no refusal is long or says it again."""

import copy
import itertools
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from shared.access import table
from tests.journeys.hospital import Hospital
from tests.journeys.test_openapi import LONGEST, NOT_HERE, ORG
from tests.journeys.test_openapi import known as known

T = TypeVar("T")
EACH = int(os.environ.get("HJEMVAKT_TEST_HOSTILE", "4"))  # of each sort at each door
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
MARK = "Kvitrefugl"

# As they stand in the body: some of them are no JSON that Python would write.
VALUES: tuple[bytes, ...] = (
    b"null", b"true", b"false", b"0", b"-1", b"7", b"-0", b"1.5", b"1e5", b"1e400", b"-1e400",
    b"1e-400", b"9223372036854775807", b"9223372036854775808", b"2147483648", b"32768",
    b"1" * 60, b"1" * 5000, b"0." + b"1" * 40, b"NaN", b"Infinity", b'""', b'" "', b'"x"',
    b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u202e\\u200b\\ufeff"',
    b'"\xff\xfe"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"' + b"x" * 200_000 + b'"',
    b'"' + "𝕬".encode() * 30_000 + b'"', b'"9999-12-31T23:59:59Z"', b'"0001-01-01T00:00:00+14:00"',
    b'"2026-02-30T00:00:00Z"', b'"2026-11-22T12:00:00"', b'"2026-11-22"', b'"24:60"', b'"1e5"',
    b'"\xd9\xa1\xd9\xa2"', b'"P9999999Y"', b'"../../etc/passwd"', b'"\' or 1=1 --"', b'"%00"',
    b'"{{7*7}}"', b'"00000000-0000-0000-0000-000000000000"', b'"c-\\u0000"', b"[]", b"{}",
    b"[null]", b"[[]]", b'{"a":1,"a":2}', b'{"$ne":null}', b"[" * 40 + b"]" * 40,
    b"[" + b"0," * 20_000 + b"0]", b'{"' + MARK.encode() + b'":"' + MARK.encode() + b'"}',
)  # fmt: skip
WHOLE: tuple[bytes, ...] = (
    b"", b"{", b"null", b"[]", b"7", b'"x"', b"\x00", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}",
    b"[" * 200_000, b'{"a":' * 200_000, b'{"a":1' + b"0" * 100_000 + b"}", b"{}{}",
    b"{" + b",".join(b'"k%d":0' % n for n in range(12_000)) + b"}",
    b'{"x":"' + b"a" * 10_000_000 + b'"}', b" " * 10_000_000, b"\x1f\x8b" + b"\x00" * 40,
)  # fmt: skip
# The fields of the pages' forms, as the pages name them.
FIELDS = (
    "text", "note", "reason", "why", "name", "query", "value", "limit", "version", "move", "at",
    "until", "kind", "way", "minutes", "outcome", "programme", "unit", "patient", "national",
    "born", "language", "label", "how", "find", "cred", "delivery", "status", "remind_at", "day",
    "clock", "from", "place", "phone", "number", "scale", "step", "systolic", "weight", "template",
)  # fmt: skip
TYPED = (
    "", " ", "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%C0%AF", "x" * 60_000, quote("𝕬" * 4000),
    "-1", "1e400", "NaN", "9" * 400, "0,5", "٣", "2026-02-30T25:61", "9999-12-31T23:59",
    "0001-01-01T00:00", "%27%20or%201%3D1", "..%2f..%2f", "%7B%7B7*7%7D%7D", "%E2%80%AE", "on",
    str(uuid4()), "+", "%", "%zz",
)  # fmt: skip
QUERIES = (
    "%00", "%ff", "x" * 5000, "-1", "9" * 400, "1e400", "2026-13-40", "9999-12-31T23:59:59%2B14:00",
    "0001-01-01T00:00:00-14:00", "%27--", "%ED%A0%80", "null", "%5B%5D", "NaN",
)  # fmt: skip


class Tried:
    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()
        self.faults: set[str] = set()

    def send(
        self, client: httpx.Client, method: str, path: str, door: str, what: str, **sent: Any
    ) -> None:
        try:
            answer = client.request(method, path, **sent)
        except (httpx.RemoteProtocolError, httpx.WriteError, httpx.ReadError):
            # It stopped reading what is far too large, and has said so before.
            if len(sent.get("content") or b"") < 1_000_000:
                self.faults.add(f"{door}: no answer to {what}")
            return
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            return
        self.answers[answer.status_code] += 1
        if answer.status_code >= 500:
            self.faults.add(f"{door}: {answer.status_code} to {what}")
        if answer.status_code >= 400 and door.split()[1].startswith(("/v1/", "/fhir/")):
            if len(answer.content) > LONGEST:
                self.faults.add(f"{door}: {len(answer.content)} bytes to {what}")
            if MARK in answer.text:
                self.faults.add(f"{door}: says again what was sent, {what}")


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    within = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list)
        else ()
    )  # fmt: skip
    for name, one in within:
        yield from leaves(one, (*place, name))


def some(chance: random.Random, of: Sequence[T], most: int = EACH) -> list[T]:
    return chance.sample(of, min(most, len(of)))


def with_value(example: Any, place: tuple[Any, ...], value: bytes) -> bytes:
    """The example's JSON with these bytes at the place."""
    changed = copy.deepcopy(example)
    at = changed
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = "@here@"
    return json.dumps(changed).encode().replace(b'"@here@"', value)


def filled(path: str, known: dict[str, str], other: str = "") -> str:
    pieces = []
    for piece in path.split("/"):
        name = piece.strip("{}") if piece.startswith("{") else None
        pieces.append(piece if name is None else other or known.get(name, str(uuid4())))
    return "/".join(pieces)


def examples(told: dict[str, Any], schemas: dict[str, Any]) -> Iterator[Any]:
    """Of the door itself, else of the form that it names."""
    for content in told.get("requestBody", {}).get("content", {}).values():
        if "example" in content:
            yield content["example"]
        yield from (one["value"] for one in content.get("examples", {}).values())
        named = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        of_form = schemas.get(named, {})
        yield from (of_form[name] for name in ("example",) if name in of_form)
        yield from of_form.get("examples", ())


@pytest.fixture(scope="module")
def people(hospital: Hospital, known: dict[str, str]) -> dict[str, dict[str, str]]:
    units = [known["unit_id"]]
    return {
        "nurse": hospital.log_in("nurse", org=ORG, person=str(uuid4()), units=units),
        "administrator": hospital.log_in("administrator", org=ORG, person="a", units=[]),
        "patient": hospital.log_in("patient", org=ORG, person="p", patient=known["patient_id"]),
    }


def asking(people: dict[str, dict[str, str]], route: str) -> dict[str, str]:
    """Somebody whom the door lets in."""
    act = table.by_route().get(route)
    roles = [role.value for role in act.reach] if act else []
    return next((people[role] for role in people if role in roles), {})


@pytest.mark.parametrize("service", ["ingest", "patients", "alerts"])
def test_no_field_of_any_body_makes_a_service_fail(
    hospital: Hospital, known: dict[str, str], people: dict[str, dict[str, str]], service: str
) -> None:
    client: httpx.Client = getattr(hospital, service)
    tried, chance = Tried(), random.Random(7)
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        if path.startswith(NOT_HERE) or "redeem" in path:  # wrong codes shut out the others here
            continue
        for method, told in methods.items():
            if "requestBody" not in told:
                continue
            door = f"{method.upper()} {path}"
            who = asking(people, door)
            if service == "ingest":
                who = {"authorization": f"Bearer {known['secret']}"}
            at = filled(path, known)
            changes = [
                (f"{place}={value[:30]!r}", with_value(example, place, value))
                for example in examples(told, document["components"]["schemas"])
                if isinstance(example, dict | list)
                for place in leaves(example)
                for value in VALUES
            ]
            changes = some(chance, changes, EACH * 4)
            whole = [(repr(one[:30]), one) for one in some(chance, WHOLE)]
            for what, body in changes + whole:
                tried.send(client, method, at, door, what, content=body, headers={**who, **JSON})
    sys.stderr.write(f"{service}: {tried.answers.total()} hostile, {dict(tried.answers)}\n")
    assert tried.faults == set()


@pytest.mark.parametrize("service", ["patients", "alerts"])
def test_no_form_of_a_page_and_no_address_makes_a_service_fail(
    hospital: Hospital, known: dict[str, str], people: dict[str, dict[str, str]], service: str
) -> None:
    """Also with other ids in the address than any that are there."""
    client: httpx.Client = getattr(hospital, service)
    mine = ("/me", "/setup") if service == "patients" else ("/patients", "/filters", "/conn", "/st")
    tried, chance = Tried(), random.Random(8)
    for route in table.by_route():
        method, _, path = route.partition(" ")
        if method != "POST" or not path.startswith(mine) or path.endswith(("/login", "/logout")):
            continue
        who, at = asking(people, route), filled(path, known)
        bodies = [f"{name}={typed}" for name in FIELDS for typed in TYPED]
        bodies = some(chance, bodies, EACH * 4)
        bodies += ["&".join(f"{name}=x" for name in FIELDS), "a=1&a=2", "&" * 5000, "%", "=" * 999]
        for body in [one.encode() for one in bodies] + some(chance, WHOLE):
            told = repr(body[:40])
            tried.send(client, method, at, route, told, content=body, headers={**who, **FORM})
        for body in some(chance, WHOLE):
            tried.send(
                client, method, at, route, repr(body[:40]), content=body, headers={**who, **JSON}
            )
        for strange in ("x", "%00", "%ff", "a" * 3000, str(uuid4()), "..", "%2e%2e%2f"):
            wrong = filled(path, known, strange)
            tried.send(client, method, wrong, route, strange, content=b"", headers={**who, **FORM})
    sys.stderr.write(f"{service}: {tried.answers.total()} forms, {dict(tried.answers)}\n")
    assert tried.faults == set()


@pytest.mark.parametrize("service", ["patients", "alerts"])
def test_no_question_makes_a_service_fail(
    hospital: Hospital, known: dict[str, str], people: dict[str, dict[str, str]], service: str
) -> None:
    """Every parameter of every GET, one at a time, with what it cannot be."""
    client: httpx.Client = getattr(hospital, service)
    tried, chance = Tried(), random.Random(9)
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        if path.startswith(NOT_HERE) or "get" not in methods:
            continue
        door, at = f"GET {path}", filled(path, known)
        asked = [
            one["name"] for one in methods["get"].get("parameters", ()) if one["in"] == "query"
        ]
        for name, value in some(
            chance, [*itertools.product([*asked, "unknown"], QUERIES)], EACH * 8
        ):
            tried.send(
                client, "GET", f"{at}?{quote(name)}={value}", door, f"{name}={value[:30]}",
                headers=asking(people, door),
            )  # fmt: skip
        for strange in ("x", "%00", "%ff", "a" * 3000, ".."):
            if "{" in path:
                wrong = filled(path, known, strange)
                tried.send(client, "GET", wrong, door, strange, headers=asking(people, door))
    sys.stderr.write(f"{service}: {tried.answers.total()} questions, {dict(tried.answers)}\n")
    assert tried.faults == set()
