"""The FHIR doors: every entry answered in its place, a transaction stored whole or not at all."""

from uuid import uuid4

import asyncpg
import httpx

from tests.ingest.conftest import Holder
from tests.ingest.given import FHIR, bundle, observation


async def test_a_batch_answers_each_entry_and_echoes_its_full_url(
    http: httpx.AsyncClient, holder: Holder, other: Holder
) -> None:
    sent = bundle(
        "batch",
        observation(holder.patient_id),
        observation(other.patient_id),
        observation(holder.patient_id, effectiveDateTime="2026-11-20T07:10:00"),
        {"resourceType": "Patient", "id": "x"},
        {"resourceType": "Immunization"},
    )

    answer = await http.post("/fhir", json=sent, headers=holder.headers | FHIR)

    assert answer.status_code == 200
    entries = answer.json()["entry"]
    assert [e["fullUrl"] for e in entries] == [e["fullUrl"] for e in sent["entry"]]
    assert [e["response"]["status"][:3] for e in entries] == ["201", "202", "202", "200", "422"]
    codes = [
        e["response"]["outcome"]["issue"][0]["details"]["coding"][0]["code"] for e in entries[1:]
    ]
    assert codes[:2] == ["subject-mismatch", "bad-time"]


async def test_a_transaction_with_one_doubtful_entry_stores_nothing(
    http: httpx.AsyncClient, holder: Holder, other: Holder, owner: asyncpg.Connection
) -> None:
    for spoilt in (
        observation(other.patient_id),
        observation(holder.patient_id, 900),
        {"resourceType": "Immunization"},
    ):
        sent = bundle("transaction", observation(holder.patient_id), spoilt)
        answer = await http.post("/fhir", json=sent, headers=holder.headers | FHIR)

        assert answer.status_code == 422
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert await owner.fetchval("select count(*) from ledger.receipt") == 0

    sound = bundle("transaction", observation(holder.patient_id), observation(holder.patient_id))
    answer = await http.post("/fhir", json=sound, headers=holder.headers | FHIR)
    assert answer.json()["type"] == "transaction-response"
    assert await owner.fetchval("select count(*) from ledger.reading") == 2


async def test_one_observation_is_201_then_200_and_202_when_it_waits_for_a_person(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    sent = observation(holder.patient_id)

    first = await http.post("/fhir/Observation", json=sent, headers=holder.headers | FHIR)
    again = await http.post("/fhir/Observation", json=sent, headers=holder.headers | FHIR)
    foreign = await http.post(
        "/fhir/Observation", json=observation(uuid4()), headers=holder.headers | FHIR
    )

    assert (first.status_code, again.status_code, foreign.status_code) == (201, 200, 202)
    assert first.headers["location"].startswith("/fhir/Observation/")
    assert foreign.json()["issue"][0]["severity"] == "warning"


async def test_answers_to_a_form_are_stored_and_an_unknown_question_is_not_scored(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "identifier": {"system": "urn:example:app", "value": "answers-1"},
        "questionnaire": "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily",
        "subject": {"reference": f"Patient/{holder.patient_id}"},
        "authored": "2026-11-20T07:15:00+01:00",
        "item": [{"linkId": "effluent", "answer": [{"valueCoding": {"code": "cloudy"}}]}],
    }
    unknown = sent | {
        "identifier": {"system": "urn:example:app", "value": "answers-2"},
        "item": [{"linkId": "no-such-question", "answer": [{"valueBoolean": True}]}],
    }

    path = "/fhir/QuestionnaireResponse"
    stored = await http.post(path, json=sent, headers=holder.headers | FHIR)
    held = await http.post(path, json=unknown, headers=holder.headers | FHIR)

    assert (stored.status_code, held.status_code) == (201, 202)
    assert stored.headers["location"].startswith("/fhir/QuestionnaireResponse/")
    assert await owner.fetchval("select type from ledger.reading") == "answers"


async def test_a_system_names_its_subject_by_national_number(
    http: httpx.AsyncClient, holder: Holder, system: Holder, owner: asyncpg.Connection
) -> None:
    from shared import identity
    from tests.ingest.conftest import KEY, ORG

    number = {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13116900216"}
    hashed = identity.hashed(bytes.fromhex(KEY), number["system"], number["value"])
    await owner.execute(
        """
        insert into patients.identifier (org, hash, system, sealed, patient_id)
        values ($1, $2, $3, '', $4)
        """,
        ORG,
        hashed,
        number["system"],
        holder.patient_id,
    )

    known = await http.post(
        "/fhir/Observation",
        json=observation(None, subject={"identifier": number}),
        headers=system.headers | FHIR,
    )
    unknown = await http.post(
        "/fhir/Observation",
        json=observation(None, subject={"identifier": number | {"value": "41814065640"}}),
        headers=system.headers | FHIR,
    )

    assert known.status_code == 201
    assert unknown.status_code == 202
    assert "41814065640" not in unknown.text
    code = unknown.json()["issue"][0]["details"]["coding"][0]["code"]
    assert code == "unknown-subject"


async def test_bodies_that_are_not_fhir_are_refused_with_an_outcome(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    for path, body, status in (
        ("/fhir", b"{", 400),
        ("/fhir", b"[]", 422),
        ("/fhir", b'{"resourceType":"Bundle","type":"collection","entry":[]}', 422),
        ("/fhir", b'{"resourceType":"Observation"}', 422),
        ("/fhir/Observation", b'{"resourceType":"Patient"}', 422),
        ("/fhir/Observation", b'{"resourceType":"Bundle","type":"batch"}', 422),
        ("/fhir/QuestionnaireResponse", b'{"resourceType":"Observation"}', 422),
    ):
        answer = await http.post(path, content=body, headers=holder.headers | FHIR)
        assert answer.status_code == status, (path, body)
        assert answer.json()["resourceType"] == "OperationOutcome"
