"""The further FHIR doors: XML, files, messages, validation, and a statement that is true."""

import base64
import copy
import re
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.ingest import fhir_examples, fhir_more
from tests.devices.test_fhir_xml import LAUGHS, OBSERVATION
from tests.ingest.conftest import Holder

XML = {"content-type": "application/fhir+xml"}
MDC = "urn:iso:std:iso:11073:10101"
PDF = b"%PDF-1.4\n" + b"1 0 obj\n" * 9000 + b"%%EOF\n"


def own(example: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An example without its subject: the credential's own patient."""
    made = copy.deepcopy(example)
    made.pop("subject", None)
    return made | changed


async def test_xml_is_stored_as_the_same_reading_and_a_bomb_is_not_parsed(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    body = re.sub(rb"<subject>.*</subject>", b"", OBSERVATION, flags=re.S)

    answer = await http.post("/fhir/Observation", content=body, headers=holder.headers | XML)
    again = await http.post("/fhir/Observation", content=body, headers=holder.headers | XML)
    bomb = await http.post("/fhir/Observation", content=LAUGHS, headers=holder.headers | XML)

    assert (answer.status_code, again.status_code, bomb.status_code) == (201, 200, 400)
    assert await owner.fetchval("select count(*) from ledger.reading") == 1
    kept = "select count(*) from ledger.receipt where media_type = 'application/fhir+json'"
    assert await owner.fetchval(kept) == 1


@pytest.mark.parametrize("kind", ["Media", "DocumentReference"])
async def test_a_file_in_a_resource_is_kept_once_and_withdrawn(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection, kind: str
) -> None:
    data = base64.b64encode(PDF).decode()
    sent = own(fhir_examples.MEDIA if kind == "Media" else fhir_examples.DOCUMENT)
    inside = sent["content"] if kind == "Media" else sent["content"][0]["attachment"]
    inside["data"] = data

    first = await http.post(f"/fhir/{kind}", json=sent, headers=holder.headers)
    again = await http.post(f"/fhir/{kind}", json=sent, headers=holder.headers)
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert await owner.fetchval("select original from ledger.attachment") == PDF

    await http.post(
        f"/fhir/{kind}", json=sent | {"status": "entered-in-error"}, headers=holder.headers
    )
    assert await owner.fetchval("select count(*) from ledger.current") == 0

    del inside["data"]
    without = await http.post(f"/fhir/{kind}", json=sent, headers=holder.headers)
    assert without.status_code == 422
    inside["data"] = base64.b64encode(b"<script>").decode()
    other = await http.post(f"/fhir/{kind}", json=sent, headers=holder.headers)
    assert other.status_code == 422


async def test_what_a_patient_wrote_is_a_message_once_and_can_be_withdrawn(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = own(fhir_examples.MESSAGE)
    sent["payload"] = [
        *sent["payload"],
        {"contentReference": {"reference": "Media/3f1f4f5e-6a53-8c39-9c1f-3a3d2f6d7a10"}},
    ]
    for status in (201, 200):
        answer = await http.post("/fhir/Communication", json=sent, headers=holder.headers)
        assert answer.status_code == status, answer.text

    [row] = await owner.fetch("select patient_id, type, kind, body::text from ledger.current")
    assert (row["patient_id"], row["type"]) == (holder.patient_id, "message")
    assert row["kind"] == "from-patient"
    assert "klør" in row["body"]
    assert "3f1f4f5e-6a53-8c39-9c1f-3a3d2f6d7a10" in row["body"]
    assert await owner.fetchval("select count(*) from ledger.handover where type = 'message'") == 1

    wrong = sent | {"status": "entered-in-error"}
    await http.post("/fhir/Communication", json=wrong, headers=holder.headers)
    assert await owner.fetchval("select count(*) from ledger.current") == 0


@pytest.mark.parametrize(
    "part",
    [
        {"contentReference": {"reference": "Patient/3f1f4f5e-6a53-8c39-9c1f-3a3d2f6d7a10"}},
        {"contentReference": {"reference": "Media/../../etc"}},
        {"contentAttachment": {"data": "aGVp"}},
        {"contentString": "x" * 10_001},
        {"contentString": 7},
    ],
)
async def test_a_message_that_cannot_be_shown_as_it_was_meant_is_quarantined(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection, part: dict[str, Any]
) -> None:
    sent = own(fhir_examples.MESSAGE)
    sent["payload"] = [*sent["payload"], part]

    answer = await http.post("/fhir/Communication", json=sent, headers=holder.headers)

    assert answer.status_code == 202
    assert await owner.fetchval("select count(*) from ledger.reading") == 0
    assert await owner.fetchval("select code from ledger.quarantine") == "bad-value"


async def test_validation_stores_nothing_and_says_what_is_wrong(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    good = own(fhir_examples.OBSERVATION)
    bad = good | {"valueQuantity": {"value": 9999, "code": "kg"}}

    async def validated(kind: str, body: Any) -> list[Any]:
        path = f"/fhir/{kind}/$validate"
        answer = await http.post(path, json=body, headers=holder.headers)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["issue"])

    assert [one["severity"] for one in await validated("Observation", good)] == ["information"]
    [fault] = await validated("Observation", bad)
    assert fault["details"]["coding"][0]["code"] == "implausible"
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": bad}]}
    assert await validated("Observation", wrapped) == [fault]
    [other] = await validated("QuestionnaireResponse", good)
    assert other["severity"] == "error"
    bundle = copy.deepcopy(fhir_examples.BUNDLE)
    bundle["entry"].append({"resource": bad})
    bundle["entry"].append({"resource": {"resourceType": "Encounter"}})
    places = [one["expression"][0] for one in await validated("Bundle", bundle)]
    assert places[0].startswith("Bundle.entry[1].resource.")
    assert places[1] == "Bundle.entry[2]"
    for table in ("receipt", "quarantine", "reading"):
        assert await owner.fetchval(f"select count(*) from ledger.{table}") == 0


async def test_a_gateways_clock_accompanies_its_readings_and_a_fault_is_believed(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    extension = "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference"
    clock: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "coin-1",
        "status": "final",
        "code": {"coding": [{"system": MDC, "code": "67975"}]},
        "subject": {"reference": "Device/phd-1"},
        "effectiveDateTime": "2026-11-20T07:00:00+01:00",
        "valueDateTime": "2026-11-20T06:00:00+01:00",
    }
    faulty = {key: told for key, told in clock.items() if key != "valueDateTime"} | {
        "id": "coin-2",
        "dataAbsentReason": {"coding": [{"code": "error"}]},
    }
    readings = [
        own(
            fhir_examples.OBSERVATION,
            identifier=[{"value": f"reading-{number}"}],
            effectiveDateTime="2026-11-20T07:00:00+01:00",
            extension=[
                {"url": extension, "valueReference": {"reference": f"Observation/coin-{number}"}}
            ],
        )
        for number in (1, 2)
    ]
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": one} for one in (clock, faulty, *readings)],
    }

    answer = await http.post("/fhir", json=bundle, headers=holder.headers)

    statuses = [one["response"]["status"][:3] for one in answer.json()["entry"]]
    assert statuses == ["200", "200", "201", "201"]
    rows = await owner.fetch("select flags, body::text from ledger.reading order by message_id")
    assert '"clock_ahead_seconds": -3600' in rows[0]["body"]
    assert "clock_suspect" not in rows[0]["flags"]
    assert "clock_suspect" in rows[1]["flags"]


def doors(app: FastAPI) -> set[tuple[str, str]]:
    found = set()
    for path, methods in app.openapi()["paths"].items():
        if path.startswith("/fhir"):
            found |= {(method.upper(), path) for method in methods}
    return found


async def test_the_capability_statement_is_true(app: FastAPI, http: httpx.AsyncClient) -> None:
    said = (await http.get("/fhir/metadata")).json()
    assert said["format"] == ["json", "xml"]
    told = {("GET", "/fhir/metadata"), ("POST", "/fhir")}
    for one in said["rest"][0]["resource"]:
        kind = one["type"]
        codes = {each["code"] for each in one["interaction"]}
        told.add(("POST", f"/fhir/{kind}"))
        if "update" in codes:
            told.add(("PUT", f"/fhir/{kind}/{{id}}"))
        if one.get("conditionalUpdate"):
            told.add(("PUT", f"/fhir/{kind}"))
        if one.get("operation"):
            told.add(("POST", f"/fhir/{kind}/$validate"))
    for each in said["rest"][0]["operation"]:
        assert each["name"] == "validate"
        told.add(("POST", "/fhir/Bundle/$validate"))
    assert told == doors(app)
    assert {each["code"] for each in said["rest"][0]["interaction"]} == {"batch", "transaction"}
    assert fhir_more.FILE_BYTES > 20 * 1024 * 1024


async def test_a_device_by_itself_is_no_reading_and_no_fault(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    for kind, example in (
        ("Device", fhir_examples.DEVICE), ("DeviceMetric", fhir_examples.METRIC),
    ):  # fmt: skip
        named = example | {"id": "one"}
        answers = [
            await http.post(f"/fhir/{kind}", json=example, headers=holder.headers),
            await http.put(f"/fhir/{kind}/one", json=named, headers=holder.headers),
            await http.put(f"/fhir/{kind}?identifier=a|b", json=example, headers=holder.headers),
        ]
        assert [one.status_code for one in answers] == [200, 200, 200]
        [issue] = answers[0].json()["issue"]
        assert (issue["severity"], issue["details"]["coding"][0]["code"]) == (
            "information", "not-stored",
        )  # fmt: skip
        other = await http.post(f"/fhir/{kind}", json=fhir_examples.MESSAGE, headers=holder.headers)
        assert other.status_code == 422
        stranger = await http.post(f"/fhir/{kind}", json=example)
        assert stranger.status_code == 401
    assert await owner.fetchval("select count(*) from ledger.receipt") == 0


async def test_a_clock_that_comes_alone_is_nobodys_measurement(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    clock = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": MDC, "code": "67975"}]},
        "subject": {"reference": "Device/1"},
        "effectiveDateTime": "2026-11-23T07:00:00+01:00",
        "valueDateTime": "2026-11-23T07:00:00+01:00",
    }

    answer = await http.post("/fhir/Observation", json=clock, headers=holder.headers)

    assert answer.status_code == 200
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "not-stored"
    assert await owner.fetchval("select count(*) from ledger.receipt") == 0


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_bundle_of_devices_and_what_a_patient_wrote(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection, kind: str
) -> None:
    message = own(fhir_examples.MESSAGE)
    posted = {"method": "POST", "url": "x"}
    bundle = {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {"fullUrl": f"urn:uuid:{number}", "resource": one,
             "request": posted | {"url": one["resourceType"]}}
            for number, one in enumerate((fhir_examples.DEVICE, fhir_examples.METRIC, message))
        ],
    }  # fmt: skip
    alone = bundle | {"entry": list(bundle["entry"])[:2]}

    answer = await http.post("/fhir", json=bundle, headers=holder.headers)
    devices = await http.post("/fhir", json=alone, headers=holder.headers)

    told = [one["response"]["status"] for one in answer.json()["entry"]]
    assert [status[:3] for status in told] == ["200", "200", "201"]
    told = [one["response"]["status"] for one in devices.json()["entry"]]
    assert [status[:3] for status in told] == ["200", "200"]
    assert await owner.fetchval("select count(*) from ledger.receipt") == 1
