"""Who may ask what: a row per route, a column per kind of caller. A route without a row fails."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.access import table
from shared.contracts import Code, ItemError
from tests.journeys import photos
from tests.patients.conftest import HOURS, NOW, Person, Record

CALLERS = (
    "nobody", "patient", "another-patient", "nurse", "nurse-of-another-unit",
    "administrator", "auditor", "nurse-elsewhere", "administrator-elsewhere",
    "relative", "researcher",
)  # fmt: skip
CANARY = "Kanari Gulfjær"
RELATIVE, OTHER = "41814065640", "13116900216"

# Columns as CALLERS. "ok" is any answer that is no refusal of the person.
ROUTES = """
GET    /v1/units                                    401 ok  ok  ok  ok  ok  ok  ok  ok  403 403
POST   /v1/units                                    401 403 403 403 403 ok  403 403 ok  403 403
GET    /v1/units/{unit_id}                          401 ok  ok  ok  ok  ok  ok  404 404 403 403
PATCH  /v1/units/{unit_id}                          401 403 403 403 403 ok  403 403 404 403 403
GET    /v1/units/{unit_id}/ladder                   401 403 403 ok  ok  ok  ok  404 404 403 403
PUT    /v1/units/{unit_id}/ladder                   401 403 403 403 403 ok  403 403 404 403 403
GET    /v1/staff                                    401 403 403 ok  ok  ok  ok  ok  ok  403 403
POST   /v1/staff                                    401 403 403 403 403 ok  403 403 ok  403 403
GET    /v1/staff/{staff_id}                         401 403 403 ok  ok  ok  ok  404 404 403 403
PATCH  /v1/staff/{staff_id}                         401 403 403 403 403 ok  403 403 404 403 403
GET    /v1/patients                                 401 403 403 ok  ok  ok  403 ok  ok  403 403
POST   /v1/patients                                 401 403 403 ok  403 ok  403 403 422 403 403
POST   /v1/patients/search                          401 403 403 ok  403 ok  403 ok  ok  403 403
GET    /v1/patients/{patient_id}                    401 ok  404 ok  403 ok  403 404 404 403 403
PATCH  /v1/patients/{patient_id}                    401 403 403 ok  403 ok  403 404 404 403 403
POST   /v1/patients/{patient_id}/identifiers        401 403 403 ok  403 ok  403 404 404 403 403
GET    /v1/patients/{patient_id}/access-log         401 ok  404 403 403 403 ok  403 403 403 403
GET    /v1/patients/{patient_id}/export             401 ok  404 ok  403 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/claims             401 ok  404 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/claims             401 ok  404 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/claims/{claim_id}/decide \
                                                    401 403 403 403 403 403 403 403 403 403 403
POST   /v1/patients/{patient_id}/claims/{claim_id}/confirm \
                                                    401 403 403 403 403 403 403 403 403 403 403
GET    /v1/access-log                               401 403 403 403 403 403 ok  403 403 403 403
GET    /v1/access-log/patients                      401 403 403 403 403 403 ok  403 403 403 403
GET    /v1/access-log/suspicions                    401 403 403 403 403 403 ok  403 403 403 403
GET    /fhir/AuditEvent                             401 403 403 403 403 403 ok  403 403 403 403
POST   /fhir/AuditEvent/_search                     401 403 403 403 403 403 ok  403 403 403 403
GET    /fhir/AuditEvent/{event_id}                  401 403 403 403 403 403 404 403 403 403 403
GET    /v1/patients/{patient_id}/shields            401 ok  404 403 403 ok  403 403 404 403 403
POST   /v1/patients/{patient_id}/shields            401 ok  404 403 403 ok  403 403 404 403 403
POST   /v1/patients/{patient_id}/shields/{shield_id}/end \
                                                    401 ok  404 403 403 ok  403 403 404 403 403
GET    /v1/patients/{patient_id}/links              401 403 403 ok  403 ok  403 404 404 403 403
POST   /v1/patients/{patient_id}/links              401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/links/{link_id}/undo \
                                                    401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/enrolments         401 ok  404 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/enrolments         401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/enrolments/{enrolment_id}/end \
                                                    401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/limits             401 ok  404 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/limits             401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/limits/keep        401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/spo2-scale         401 ok  404 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/spo2-scale         401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/limits/{proposal_id}/confirm \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/limits/{proposal_id}/withdraw \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/spo2-scale/{proposal_id}/confirm \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/spo2-scale/{proposal_id}/withdraw \
                                                    401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/units/{unit_id}/proposals                401 403 403 ok  403 403 403 403 403 403 403
GET    /v1/units/{unit_id}/suggested-limits         401 403 403 ok  403 403 403 403 403 403 403
GET    /v1/programmes                               401 403 403 ok  ok  ok  ok  ok  ok  403 403
POST   /v1/programmes/{slug}/activate               401 403 403 403 403 403 403 403 403 403 403
POST   /v1/programmes/{slug}/sign                   401 403 403 ok  ok  403 403 ok  403 403 403
GET    /v1/patients/{patient_id}/pauses             401 ok  404 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/pauses             401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/pauses/{pause_id}/end \
                                                    401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/readings           401 ok  404 ok  403 403 403 404 403 ok  403
POST   /v1/patients/{patient_id}/readings           401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/readings/{fact_id} 401 ok  404 ok  403 403 403 404 403 ok  403
POST   /v1/patients/{patient_id}/readings/{fact_id}/correct \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/readings/{fact_id}/void \
                                                    401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/attachments        401 ok  404 ok  403 403 403 404 403 ok  403
POST   /v1/patients/{patient_id}/attachments        401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/attachments/{fact_id}                    401 ok  404 ok  404 403 403 404 403 ok  403
GET    /v1/attachments/{fact_id}/thumbnail          401 ok  404 ok  404 403 403 404 403 ok  403
POST   /v1/patients/{patient_id}/attachments/{fact_id}/answer \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/attachments/{fact_id}/correct \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/attachments/{fact_id}/void \
                                                    401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/suggestions                              401 403 403 ok  ok  ok  403 ok  ok  403 403
POST   /v1/suggestions/{suggestion_id}/take         401 403 403 404 403 403 403 404 403 403 403
POST   /v1/suggestions/{suggestion_id}/dismiss      401 403 403 404 404 404 403 404 404 403 403
GET    /v1/devices                                  401 403 403 ok  ok  ok  403 ok  ok  403 403
POST   /v1/devices                                  401 403 403 ok  403 ok  403 403 422 403 403
GET    /v1/devices/{device_id}                      401 403 403 ok  ok  ok  403 404 404 403 403
PATCH  /v1/devices/{device_id}                      401 403 403 ok  403 ok  403 404 404 403 403
GET    /v1/credentials                              401 403 403 ok  ok  ok  403 ok  ok  403 403
POST   /v1/credentials                              401 403 403 ok  403 ok  403 403 422 403 403
GET    /v1/credentials/{cred}                       401 403 403 ok  404 ok  403 404 404 403 403
POST   /v1/credentials/{cred}/rotate                401 403 403 ok  404 ok  403 404 404 403 403
POST   /v1/credentials/{cred}/revoke                401 403 403 ok  404 ok  403 404 404 403 403
GET    /v1/patients/{patient_id}/bindings           401 ok  404 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/bindings           401 403 403 ok  403 403 403 404 403 403 403
PATCH  /v1/patients/{patient_id}/bindings/{binding_id} \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/bindings/{binding_id}/end \
                                                    401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/patients/{patient_id}/bindings/{binding_id}/withdraw \
                                                    401 403 403 ok  403 403 403 404 403 403 403
GET    /v1/quarantine                               401 403 403 ok  ok  ok  403 ok  ok  403 403
POST   /v1/quarantine/replay                        401 403 403 ok  ok  403 403 ok  403 403 403
POST   /v1/quarantine/reject                        401 403 403 ok  ok  403 403 ok  403 403 403
GET    /v1/quarantine/runs/{run_id}                 401 403 403 ok  404 403 403 404 403 403 403
POST   /v1/quarantine/runs/{run_id}/undo            401 403 403 ok  404 403 403 404 403 403 403
POST   /v1/quarantine/{item_id}/bind                401 403 403 ok  403 403 403 404 403 403 403
POST   /v1/quarantine/{item_id}/replay              401 403 403 ok  404 403 403 404 403 403 403
POST   /v1/quarantine/{item_id}/reject              401 403 403 ok  404 403 403 404 403 403 403
POST   /v1/quarantine/{item_id}/reopen              401 403 403 ok  404 403 403 404 403 403 403
GET    /v1/quarantine/{item_id}/attachment          401 403 403 404 404 403 403 404 403 403 403
GET    /fhir/metadata                               ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
GET    /fhir/Patient                                401 ok  ok  ok  ok  403 403 ok  403 403 403
POST   /fhir/Patient/_search                        401 ok  ok  ok  ok  403 403 ok  403 403 403
GET    /fhir/Patient/{patient_id}                   401 ok  404 ok  403 403 403 404 403 403 403
GET    /fhir/Observation                            401 ok  404 ok  403 403 403 404 403 ok  403
POST   /fhir/Observation/_search                    401 ok  404 ok  403 403 403 404 403 ok  403
GET    /fhir/Observation/{fact_id}                  401 ok  404 ok  403 403 403 404 403 ok  403
GET    /fhir/QuestionnaireResponse                  401 ok  404 ok  403 403 403 404 403 ok  403
POST   /fhir/QuestionnaireResponse/_search          401 ok  404 ok  403 403 403 404 403 ok  403
GET    /fhir/QuestionnaireResponse/{fact_id}        401 404 404 404 404 403 403 404 403 404 403
GET    /fhir/Media                                  401 ok  404 ok  403 403 403 404 403 ok  403
POST   /fhir/Media/_search                          401 ok  404 ok  403 403 403 404 403 ok  403
GET    /fhir/Media/{fact_id}                        401 404 404 404 404 403 403 404 403 404 403
GET    /fhir/DocumentReference                      401 ok  404 ok  403 403 403 404 403 ok  403
POST   /fhir/DocumentReference/_search              401 ok  404 ok  403 403 403 404 403 ok  403
GET    /fhir/DocumentReference/{fact_id}            401 404 404 404 404 403 403 404 403 404 403
GET    /fhir/Communication                          401 ok  404 ok  403 403 403 404 403 403 403
POST   /fhir/Communication/_search                  401 ok  404 ok  403 403 403 404 403 403 403
GET    /fhir/Communication/{fact_id}                401 404 404 404 404 403 403 404 403 403 403
GET    /v1/patients/{patient_id}/messages           401 ok  404 403 403 403 403 403 403 403 403
GET    /v1/patients/{patient_id}/sent               401 ok  404 403 403 403 403 403 403 403 403
GET    /fhir/Questionnaire                          401 ok  ok  ok  ok  403 403 ok  403 ok  403
POST   /fhir/Questionnaire/_search                  401 ok  ok  ok  ok  403 403 ok  403 ok  403
GET    /fhir/Questionnaire/{name}                   401 ok  ok  ok  ok  403 403 ok  403 ok  403
GET    /fhir/Device                                 401 ok  404 ok  403 403 403 404 403 ok  403
POST   /fhir/Device/_search                         401 ok  404 ok  403 403 403 404 403 ok  403
GET    /fhir/Device/{device_id}                     401 403 403 ok  ok  403 403 404 403 403 403
POST   /v1/patients/{patient_id}/emergency-access   401 403 403 ok  ok  403 403 404 403 403 403
GET    /v1/emergency-access                         401 403 403 ok  ok  403 ok  ok  403 403 403
GET    /development/people                          ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
POST   /development/token                           ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
GET    /livez                                       ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
GET    /readyz                                      ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
GET    /metrics                                     ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
GET    /version                                     ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
POST   /v1/patients/{patient_id}/proxies            401 ok  404 403 403 ok  403 403 404 403 403
GET    /v1/patients/{patient_id}/proxies            401 ok  404 403 403 ok  403 403 404 403 403
POST   /v1/patients/{patient_id}/proxies/{proxy_id}/end \
                                                    401 ok  404 403 403 ok  403 403 404 403 403
GET    /v1/represented                              401 ok  ok  403 403 403 403 403 403 ok  403
GET    /v1/statistics                               401 403 403 403 403 403 403 403 403 403 ok
POST   /v1/enrolment-codes                          401 403 403 ok  403 ok  403 403 422 403 403
POST   /v1/enrolment-codes/redeem                   404 404 404 404 404 404 404 404 404 404 404
POST   /v1/certificates/renew                       401 401 401 401 401 401 401 401 401 401 401
"""
MATRIX = {
    (words[0], words[1]): dict(zip(CALLERS, words[2:], strict=True))
    for words in (line.split() for line in ROUTES.replace("\\\n", "").strip().splitlines())
}
REASON = {"reason": "x"}
PHOTO = {
    "content-type": "image/jpeg",
    "hjemvakt-about": json.dumps({"kind": "photo", "at": "2026-01-01T10:00:00Z"}),
}
# May see the patient's name; for everybody else it is a canary.
SEES = ("patient", "nurse", "administrator", "relative")


@dataclass
class World:
    record: Record
    ids: dict[str, str]
    callers: dict[str, Person]

    def body(self, method: str, route: str) -> dict[str, Any]:
        """Something the route takes, so that a refusal is about the person."""
        ids = self.ids
        later = (NOW + timedelta(days=1)).isoformat()
        identifier = {"system": "urn:hospital", "value": uuid4().hex}
        bodies: dict[str, Any] = {
            "/v1/units": {"name": uuid4().hex, "short": "U", "watching": HOURS},
            "/v1/units/{unit_id}": {"short": "V"},
            "/v1/units/{unit_id}/ladder": {"ladder": None, **REASON},
            "/v1/staff": {"name": "Ny", "role": "nurse", "units": []},
            "/v1/staff/{staff_id}": {"name": "Nytt"},
            "/v1/patients": {"name": "N", "born": "1970-01-01", "unit_id": ids["unit_id"]},
            "/v1/patients/search": {"identifier": {"system": "urn:hospital", "value": "pas-1"}},
            "/v1/patients/{patient_id}": {"language": "nn"},
            "/v1/patients/{patient_id}/identifiers": identifier,
            "/v1/patients/{patient_id}/shields": {"staff": ids["staff_id"]},
            "/v1/patients/{patient_id}/emergency-access": {
                "reason": "acute-illness", "text": "Innlagt i natt",
            },
            "/v1/patients/{patient_id}/claims": {
                "kind": "erase", "facts": [ids["fact_id"]], "text": "x",
            },
            "/v1/patients/{patient_id}/claims/{claim_id}/decide": {
                "granted": True, "ground": "not-needed", **REASON,
            },
            "/v1/patients/{patient_id}/links": {"other_id": str(uuid4()), **REASON},
            "/v1/patients/{patient_id}/links/{link_id}/undo": REASON,
            "/v1/patients/{patient_id}/enrolments": {"programme": "home_dialysis"},
            "/v1/patients/{patient_id}/enrolments/{enrolment_id}/end": REASON,
            "/v1/patients/{patient_id}/limits": {
                "programme": "home_dialysis", "name": "target_weight", "value": 70, **REASON,
            },
            "/v1/patients/{patient_id}/limits/keep": {
                "programme": "home_dialysis", "name": "target_weight", **REASON,
            },
            "/v1/patients/{patient_id}/limits/{proposal_id}/withdraw": REASON,
            "/v1/patients/{patient_id}/spo2-scale": {"scale": 2, **REASON},
            "/v1/patients/{patient_id}/spo2-scale/{proposal_id}/withdraw": REASON,
            "/v1/programmes/{slug}/activate": {
                "version": ids["version"], "what_if_shown": True, **REASON,
            },
            "/v1/programmes/{slug}/sign": {
                "version": ids["version"], "seat": "nurse", "words": "x",
            },
            "/v1/patients/{patient_id}/pauses": {"until": later, **REASON},
            "/v1/patients/{patient_id}/readings": {
                "kind": "body_weight", "at": "2026-01-01T10:00:00Z", "values": {"value": 70},
            },
            "/v1/patients/{patient_id}/readings/{fact_id}/correct": {
                "values": {"value": 71}, **REASON,
            },
            "/v1/patients/{patient_id}/readings/{fact_id}/void": REASON,
            "/v1/patients/{patient_id}/attachments/{fact_id}/answer": {"text": "x"},
            "/v1/patients/{patient_id}/attachments/{fact_id}/correct": {"site": "x", **REASON},
            "/v1/patients/{patient_id}/attachments/{fact_id}/void": REASON,
            "/v1/suggestions/{suggestion_id}/take": {
                "patient_id": ids["patient_id"], "kind": "body_weight",
            },
            "/v1/devices": {"manufacturer": "A", "model": "B", "unit_id": ids["unit_id"]},
            "/v1/devices/{device_id}": {"note": "x"},
            "/v1/credentials": {"kind": "device", "label": "x", "unit_id": ids["unit_id"]},
            "/v1/patients/{patient_id}/bindings": {"cred": ids["cred"]},
            "/v1/patients/{patient_id}/bindings/{binding_id}": {"to": later},
            "/v1/patients/{patient_id}/bindings/{binding_id}/end": {},
            "/v1/quarantine/replay": {"code": "implausible"},
            "/v1/quarantine/reject": {"code": "implausible", **REASON},
            "/v1/quarantine/{item_id}/bind": {"patient_id": ids["patient_id"]},
            "/v1/quarantine/{item_id}/reject": REASON,
            "/v1/patients/{patient_id}/proxies": {
                "national_number": "49680699185", "name": "X", "relation": "child",
                "may": ["care"], "until": later,
            },
            "/v1/enrolment-codes": {"kind": "app", "label": "x", "unit_id": ids["unit_id"]},
            "/v1/enrolment-codes/redeem": {"code": "0000-0000-0000"},
            "/v1/certificates/renew": {"certificate": "x", "csr": "x"},
            "/development/token": {"role": "administrator", "org": "nordland"},
        }  # fmt: skip
        return {"json": bodies[route]} if method != "GET" and route in bodies else {}

    def address(self, method: str, route: str) -> tuple[str, dict[str, Any]]:
        scale = {"proposal_id": self.ids["scale_proposal"]} if "spo2-scale" in route else {}
        photo = {"fact_id": self.ids["photo_id"]} if "/attachments" in route else {}
        path = route.format(
            **{
                "event_id": f"0-{'0' * 32}",
                "claim_id": str(uuid4()),
                "suggestion_id": str(uuid4()),
                **self.ids,
                **scale,
                **photo,
            }
        )
        about = {"patient": self.ids["patient_id"]}
        resource = route.split("/")[2] if route.startswith("/fhir/") else ""
        narrow = about if resource in OF_A_PATIENT else {}
        if route.endswith("/_search"):
            return path, {"data": narrow, "headers": {"content-type": FORM}}
        if route == "/v1/statistics":
            return path, {"params": {"from": "2026-01", "to": "2026-03"}}
        if route == "/development/people":
            return path, {"params": {"org": "nordland"}}
        if method == "GET" and narrow and "{" not in route:
            return path, {"params": narrow}
        if (method, route) == ("POST", "/v1/patients/{patient_id}/attachments"):
            return path, {"content": photos.photo(), "headers": PHOTO}
        return path, self.body(method, route)


FORM = "application/x-www-form-urlencoded"
OF_A_PATIENT = {
    *("Observation", "QuestionnaireResponse", "Device", "Media", "DocumentReference"),
    "Communication",
}


@pytest.fixture
async def world(record: Record) -> World:
    unit, heart = await record.unit(), await record.unit("Hjerte")
    elsewhere = await record.unit("Nyre", org="elsewhere")
    nurse = await record.staff("nurse", unit)
    patient = await record.patient(
        nurse, unit, name=CANARY, identifier={"system": "urn:hospital", "value": "pas-1"}
    )
    other = await record.patient(nurse, unit)
    path = f"/v1/patients/{patient}"
    cred, loose = [await record.credential(nurse, unit) for _ in range(2)]
    device = await nurse.post(
        "/v1/devices", {"manufacturer": "A&D", "model": "UC-352", "serial": "1", "unit_id": unit}
    )
    enrolment = await nurse.post(f"{path}/enrolments", {"programme": "home_dialysis"})
    limit = {"programme": "home_dialysis", "name": "systolic_red_low", "value": 80, **REASON}
    proposal = await nurse.post(f"{path}/limits", limit, 202)
    scale = await nurse.post(f"{path}/spo2-scale", {"scale": 2, **REASON}, 202)
    [dialysis] = [
        one for one in (await nurse.get("/v1/programmes"))["programmes"]
        if one["slug"] == "home_dialysis"
    ]  # fmt: skip
    until = (NOW + timedelta(days=3)).isoformat()
    pause = await nurse.post(f"{path}/pauses", {"until": until, **REASON})
    binding = await nurse.post(f"{path}/bindings", {"cred": cred, "device_id": device["id"]})
    reading = await nurse.post(
        f"{path}/readings",
        {"kind": "body_weight", "at": "2026-01-01T10:00:00Z", "values": {"value": 70}},
    )
    photo = await record.client.post(
        f"{path}/attachments", content=photos.photo(),
        headers=PHOTO | {"authorization": f"Bearer {nurse.token}"},
    )  # fmt: skip
    await record.send(loose)
    item = (await nurse.get("/v1/quarantine"))["items"][0]
    await record.send(loose, errors=(ItemError("topic", Code.UNKNOWN_KIND),))
    which = {"code": "unknown-kind", **REASON}
    run = await nurse.post("/v1/quarantine/reject", which, 200)
    colleague = await record.staff("physician", unit)
    same = {"other_id": await record.patient(nurse, unit), **REASON}
    link = await nurse.post(f"{path}/links", same)
    administrator = await record.administrator()
    block = {"staff": record.ids[colleague.token or ""]}
    shield = await administrator.post(f"{path}/shields", block)
    given = {
        "national_number": RELATIVE, "name": "Datter Testesen", "relation": "child",
        "may": ["readings"], "until": until,
    }  # fmt: skip
    await administrator.post(f"{path}/proxies", given)
    ended = await administrator.post(f"{path}/proxies", given | {"national_number": OTHER})
    relative = await record.person(citizen=RELATIVE, org="nordland")
    relative.headers = {"hjemvakt-on-behalf-of": patient}
    ids = {
        "shield_id": shield["id"], "link_id": link["id"], "proxy_id": ended["id"],
        "unit_id": unit, "staff_id": record.ids[nurse.token or ""], "patient_id": patient,
        "enrolment_id": enrolment["id"], "pause_id": pause["id"], "fact_id": reading["id"],
        "device_id": device["id"], "cred": cred, "binding_id": binding["id"],
        "photo_id": photo.json()["id"], "item_id": item["id"], "run_id": run["run"],
        "name": "home-dialysis-daily",
        "proposal_id": proposal["id"], "scale_proposal": scale["id"],
        "slug": "home_dialysis", "version": dialysis["version"],
    }  # fmt: skip
    callers = {
        "nobody": Person(record.client, None),
        "patient": await record.person(patient=patient),
        "another-patient": await record.person(patient=other),
        "nurse": nurse,
        "nurse-of-another-unit": await record.staff("nurse", heart),
        "administrator": administrator,
        "auditor": await record.auditor(),
        "nurse-elsewhere": await record.staff("nurse", elsewhere, org="elsewhere"),
        "administrator-elsewhere": await record.administrator("elsewhere"),
        "relative": relative,
        "researcher": await record.person(role="researcher", org="nordland"),
    }
    return World(record, ids, callers)


async def test_every_route_has_its_row(record: Record) -> None:
    openapi = (await record.client.get("/openapi.json")).json()
    routes = {(method.upper(), path) for path, item in openapi["paths"].items() for method in item}
    assert routes == set(MATRIX)


async def test_every_body_has_an_example(record: Record) -> None:
    openapi = (await record.client.get("/openapi.json")).json()
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                schema = openapi["components"]["schemas"].get(name, {})
                shown = content.get("example") or content.get("examples")
                assert shown or schema.get("examples"), (method, path)


@pytest.mark.parametrize("name", CALLERS)
async def test_who_may_ask_what(world: World, name: str) -> None:
    caller = world.callers[name]
    headers = {"authorization": f"Bearer {caller.token}"} if caller.token else {}
    headers |= caller.headers

    wrong = []
    for (method, route), expected in MATRIX.items():
        path, more = world.address(method, route)
        more["headers"] = {**more.get("headers", {}), **headers}
        answer = await world.record.client.request(method, path, **more)
        refused = answer.status_code in (401, 403, 404)
        right = (
            not refused and answer.status_code < 500
            if expected[name] == "ok"
            else str(answer.status_code) == expected[name]
        )
        if not right:
            wrong.append((method, route, expected[name], answer.status_code, answer.text[:200]))
        if name not in SEES and CANARY in answer.text:
            wrong.append((method, route, "no canary", answer.status_code, "leak"))
    assert not wrong, "\n".join(map(str, wrong))


async def test_what_is_elsewhere_looks_like_what_does_not_exist(world: World) -> None:
    nurse = world.callers["nurse-elsewhere"]
    for (method, route), expected in MATRIX.items():
        if expected["nurse-elsewhere"] != "404":
            continue
        path, more = world.address(method, route)
        file = {"content": more.pop("content")} if "content" in more else {}
        invented = json.loads(
            json.dumps([path, more]).replace(world.ids["patient_id"], str(uuid4()))
        )
        more, invented[1] = more | file, invented[1] | file
        real = await nurse.ask(method, path, 404, **more)
        none = await nurse.ask(method, invented[0], 404, **invented[1])
        assert real == none, route


@pytest.mark.parametrize("token", ["", "x", "x.y.z", "eyJhbGciOiJub25lIn0.e30.", "a" * 5000])
async def test_a_token_that_is_none_is_refused_everywhere(world: World, token: str) -> None:
    for (method, route), expected in MATRIX.items():
        if expected["nobody"] == "401" and not table.by_route()[f"{method} {route}"].open:
            path, more = world.address(method, route)
            more["headers"] = {**more.get("headers", {}), "authorization": f"Bearer {token}"}
            answer = await world.record.client.request(method, path, **more)
            assert answer.status_code == 401, route
            assert answer.headers["www-authenticate"] == "Bearer"
