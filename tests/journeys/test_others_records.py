"""Whoever tries the ids of others' records, at every door, learns nothing: 2 000 attempts and more,
each answer searched for words that only stand in those records."""

import itertools
import json
import re
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.access import table
from tests.journeys import device
from tests.journeys.hospital import ALWAYS, DIALYSIS, Hospital, Patient, bearer, eventually
from tests.journeys.test_hostile_requests import examples

LEAST = 2000
NOT_HERE = ("/login", "/logout", "/development")
PAGES = ("/setup", "/me", "/patients", "/connections")
SYSTEM = "urn:oid:2.16.578.1.12.4.1.4.2"
Json = dict[str, Any]


class Victim:
    """A patient of a unit that no attacker belongs to, with something of every kind; and the words
    by which a leak of it is known."""

    def __init__(self, hospital: Hospital, org: str, mark: str) -> None:
        admin = hospital.log_in("administrator", org=org, person=f"admin-{mark}", units=[])
        unit = {"name": f"Kanari {mark}", "short": "K", "watching": ALWAYS}
        self.unit = hospital.made(hospital.patients, "/v1/units", unit, admin)["id"]
        self.nurse = hospital.log_in("nurse", org=org, person=str(uuid4()), units=[self.unit])
        body = {"name": f"Gulfugl{mark} Kvitresen", "born": "1951-02-03", "unit_id": self.unit}
        self.id = hospital.made(hospital.patients, "/v1/patients", body, self.nurse)["id"]
        path = f"/v1/patients/{self.id}"

        def add(what: str, new: Json) -> Json:
            return hospital.made(hospital.patients, f"{path}/{what}", new, self.nurse)

        enrolment = add("enrolments", {"programme": DIALYSIS})["id"]
        new = {"kind": "device", "label": f"Vekt {mark}", "unit_id": self.unit}
        cred = hospital.made(hospital.patients, "/v1/credentials", new, self.nurse)
        binding = add("bindings", {"cred": cred["cred"]})["id"]
        reading = {
            "kind": "body_weight", "at": device.ago(60).isoformat(),
            "values": {"value": 71.3}, "note": f"notat-{mark}",
        }  # fmt: skip
        made = hospital.patients.post(f"{path}/readings", json=reading, headers=self.nurse)
        assert made.status_code == 201, made.text
        fact = hospital.patients.get(f"{path}/readings", headers=self.nurse).json()["readings"]
        sent = hospital.send_one(
            Patient(self.id, cred["cred"], cred["secret"]), device.low_pressure()
        )
        assert sent["result"] == "stored"
        alert = self._alert(hospital)
        spoilt = hospital.send_one(
            Patient(self.id, cred["cred"], cred["secret"]), device.weight(4711.25)
        )
        assert spoilt["result"] == "quarantined"
        held = hospital.patients.get("/v1/quarantine", headers=self.nurse).json()["items"]
        begun = hospital.patients.post(
            "/setup/enrol/choose", data={"patient": self.id}, headers=self.nurse
        )
        assert begun.status_code == 303, begun.text
        self.ids = {
            "item_id": held[0]["id"], "draft_id": begun.headers["location"].split("/")[3],
            "step": "programme", "slug": DIALYSIS,
            "patient_id": self.id, "enrolment_id": enrolment, "binding_id": binding,
            "unit_id": self.unit, "cred": cred["cred"], "alert_id": alert,
            "fact_id": fact[0]["id"], "other": self.id,
        }  # fmt: skip
        self.canaries = (f"Gulfugl{mark}", f"notat-{mark}", f"Kanari {mark}", f"Vekt {mark}")

    def _alert(self, hospital: Hospital) -> str:
        def found() -> str | None:
            listed = {"unit": self.unit}
            answer = hospital.alerts.get("/v1/worklist", params=listed, headers=self.nurse)
            alerts = [one["id"] for row in answer.json()["rows"] for one in row["alerts"]]
            return alerts[0] if alerts else None

        return str(eventually(found, within=30))


def doors(hospital: Hospital) -> Iterator[tuple[httpx.Client, str, str, Json]]:
    """Every operation of the record and the worklist, with an example of its body."""
    for client in (hospital.patients, hospital.alerts):
        document = client.get("/openapi.json").json()
        schemas = document["components"]["schemas"]
        for path, methods in document["paths"].items():
            for method, told in methods.items():
                # A stream has no end, and wrong codes shut out the others of this address.
                if "stream" in path or "redeem" in path or path.startswith(NOT_HERE):
                    continue
                yield client, method.upper(), path, {"examples": [*examples(told, schemas)]}
    yield from pages(hospital)


def pages(hospital: Hospital) -> Iterator[tuple[httpx.Client, str, str, Json]]:
    """Every page that names something, and every form of one; OpenAPI does not show them."""
    for route in table.by_route():
        method, _, path = route.partition(" ")
        names = "{" in path and "{rest" not in path
        if path.startswith(PAGES) and (names or method == "POST"):
            of = hospital.patients if path.startswith(("/setup", "/me")) else hospital.alerts
            yield of, method, path, {"form": True}


def filled(path: str, victim: Victim) -> str:
    """With the victim's ids, and what is not his with his patient id."""
    pieces = []
    for piece in path.split("/"):
        name = piece.strip("{}") if piece.startswith("{") else None
        pieces.append(piece if name is None else victim.ids.get(name, victim.id))
    return "/".join(pieces)


def form(victim: Victim) -> dict[str, str]:
    """With the victim wherever a form names somebody or something."""
    ids = victim.ids
    return {
        "patient": victim.id, "patient_id": victim.id, "unit": victim.unit, "unit_id": victim.unit,
        "cred": ids["cred"], "binding": ids["binding_id"], "item": ids["item_id"],
        "reason": "prøve", "text": "prøve", "move": "claim", "version": "1", "seat": "nurse",
    }  # fmt: skip


def bodies(told: Json, victim: Victim) -> list[Json]:
    """The document's own example, with the victim wherever somebody is named."""
    named = {name: victim.ids[name] for name in ("patient_id", "unit_id", "cred", "enrolment_id")}
    named |= {"patient": victim.id, "unit": victim.unit}
    whole = [one | {name: named[name] for name in named if name in one}
             for one in told.get("examples", ()) if isinstance(one, dict)]  # fmt: skip
    return [*whole[:2], {"patient": victim.id}]


@pytest.fixture(scope="module")
def victims(hospital: Hospital) -> dict[str, Victim]:
    return {
        "another unit": Victim(hospital, hospital.org, "431"),
        "another organisation": Victim(hospital, "elsewhere", "432"),
    }


@pytest.fixture(scope="module")
def attackers(hospital: Hospital) -> dict[str, dict[str, str]]:
    mine = hospital.seeded["patients"][3]
    return {
        "a nurse of another unit": hospital.log_in("nurse", person=str(uuid4())),
        "a physician of another unit": hospital.log_in("physician", person=str(uuid4())),
        "another patient": bearer(mine["token"]),
        "a device's secret": bearer(mine["secret"]),
        "a system's secret": bearer(hospital.seeded["system"]["secret"]),
        "a researcher": hospital.log_in("researcher", person="researcher"),
    }


def test_no_attempt_at_anothers_record_learns_anything(
    hospital: Hospital, victims: dict[str, Victim], attackers: dict[str, dict[str, str]]
) -> None:
    leaks: list[tuple[str, ...]] = []
    tried = 0

    def attempt(who: str, victim: Victim, client: httpx.Client, method: str, path: str,
                **more: Any) -> httpx.Response:  # fmt: skip
        nonlocal tried
        tried += 1
        answer = client.request(method, path, headers=attackers[who], **more)
        text = answer.text + json.dumps(dict(answer.headers))
        for canary in victim.canaries:
            if canary in text:
                leaks.append((who, method, path, str(answer.status_code), canary))
        assert answer.status_code < 500, (method, path, answer.text)
        return answer

    every = list(doors(hospital))
    assert len(every) > 100
    for (where, victim), who in itertools.product(victims.items(), attackers):
        # Whoever belongs to the house may read its units' names, and who works there its devices'.
        mine = where == "another unit"
        works = mine and ("nurse" in who or "physician" in who)
        for client, method, path, told in every:
            house = ("/v1/units", "/setup/units", "/setup/hours", "/setup/staff")
            named = (*house, "/v1/credentials", "/v1/devices") if works else house
            if (mine and path.startswith(named)) or "emergency-access" in path:
                continue
            if method == "GET":
                asked = {
                    "patient": victim.id, "unit": victim.unit, "cred": victim.ids["cred"],
                    "subject": f"Patient/{victim.id}", "cursor": victim.id,
                }  # fmt: skip
                attempt(who, victim, client, method, filled(path, victim))
                attempt(who, victim, client, method, filled(path, victim), params={
                    name: value for name, value in asked.items()
                    if name in {one["name"] for one in told.get("parameters", ())}
                })  # fmt: skip
            elif "form" in told:
                attempt(who, victim, client, method, filled(path, victim), data=form(victim))
            else:
                for body in bodies(told, victim):
                    attempt(who, victim, client, method, filled(path, victim), json=body)

    sys.stderr.write(f"{tried} attempts at others' records\n")
    assert tried >= LEAST
    assert leaks == []


def test_what_another_organisation_has_answers_as_what_is_not_there(
    hospital: Hospital, victims: dict[str, Victim], attackers: dict[str, dict[str, str]]
) -> None:
    """Word for word, so that nobody finds out which ids there are."""
    victim = victims["another organisation"]
    told_apart: list[tuple[str, ...]] = []
    for client, method, path, told in doors(hospital):
        if (method != "GET" and "form" not in told) or "{" not in path:
            continue
        theirs = filled(path, victim)
        nobodys = theirs
        for id_ in set(victim.ids.values()):
            if id_ not in (victim.ids["step"], victim.ids["slug"]):
                nobodys = nobodys.replace(id_, "c-nobody" if id_.startswith("c-") else str(uuid4()))
        sent = {} if method == "GET" else {"data": {"reason": "prøve"}}
        for who, headers in attackers.items():
            answers = [
                client.request(method, one, headers=headers, **sent) for one in (theirs, nobodys)
            ]
            if len({said(one) for one in answers}) > 1:
                told_apart.append((who, path))
            # A form that is not filled in may be refused before it is asked whose it is.
            shut = {403, 404} if method == "GET" else {303, 403, 404, 409, 422}
            works = ("nurse" in who or "physician" in who) and "{slug}" not in path
            if "form" in told and works and answers[0].status_code not in shut:
                told_apart.append((who, path, str(answers[0].status_code)))
    assert told_apart == []


def said(answer: httpx.Response) -> tuple[int, str]:
    """But for the moment, the page's own address and the request's id, which a refusal shows."""
    text = answer.text.replace(answer.request.url.path, "…")
    return answer.status_code, re.sub(r"\d\d:\d\d:\d\d|\b[0-9a-f]{32}\b", "…", text)
