"""How a resource is sent decides what becomes of it, and the answer says what that was."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest

from tests.ingest.conftest import Holder
from tests.ingest.given import AT, FHIR, answers, bundle, code, in_force, kilos, observation


async def test_a_put_replaces_what_was_sent_under_that_id(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = observation(holder.patient_id, id="scale-7")
    del sent["identifier"]
    heavier = sent | {"valueQuantity": sent["valueQuantity"] | {"value": 83.1}}
    path, headers = "/fhir/Observation/scale-7", holder.headers | FHIR

    created = await http.put(path, json=sent, headers=headers)
    known = await http.put(path, json=sent, headers=headers)
    replaced = await http.put(path, json=heavier, headers=headers)

    assert [one.status_code for one in (created, known, replaced)] == [201, 200, 200]
    assert [code(one) for one in (created, known, replaced)] == ["stored", "duplicate", "corrected"]
    assert created.headers["etag"] == 'W/"1"'
    assert created.headers["last-modified"].endswith("GMT")
    assert await owner.fetchval("select count(*) from ledger.receipt") == 2
    assert await kilos(owner, holder) == [Decimal("83.1")]


async def test_of_puts_that_say_nothing_of_their_age_the_last_to_come_stands(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    for weight in (82, 79, 84, 80, 83, 81):
        sent = observation(holder.patient_id, weight)
        sent["identifier"][0]["value"] = "scale-7"
        await http.put("/fhir/Observation/scale-7", json=sent, headers=holder.headers | FHIR)

        assert await kilos(owner, holder) == [weight]


async def test_a_put_by_identifier_is_the_message_of_a_post(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = observation(holder.patient_id)
    name = sent["identifier"][0]["value"]
    heavier = sent | {"valueQuantity": sent["valueQuantity"] | {"value": 83.1}}
    headers = holder.headers | FHIR

    posted = await http.post("/fhir/Observation", json=sent, headers=headers)
    put = await http.put(
        "/fhir/Observation",
        params={"identifier": f"urn:example:app|{name}"},
        json=heavier,
        headers=headers,
    )

    assert (posted.status_code, put.status_code, code(put)) == (201, 200, "corrected")
    assert await kilos(owner, holder) == [Decimal("83.1")]


async def test_of_two_puts_without_a_version_the_one_made_later_stands(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    """In whatever order they arrive, and whatever their contents hash to."""
    headers = holder.headers | FHIR
    for place, weight in enumerate((81.1, 82.2, 83.3, 84.4)):
        early = observation(
            holder.patient_id, weight, meta={"lastUpdated": "2026-11-20T08:00:00+01:00"}
        )
        early["identifier"][0]["value"] = f"twice-{place}"
        late = early | {
            "meta": {"lastUpdated": "2026-11-20T07:30:00Z"},
            "valueQuantity": early["valueQuantity"] | {"value": 90 + place},
        }
        params = {"identifier": f"urn:example:app|twice-{place}"}
        for sent in (early, late) if place % 2 else (late, early):
            answer = await http.put("/fhir/Observation", params=params, json=sent, headers=headers)
            assert answer.status_code in (200, 201)

    assert await kilos(owner, holder) == [90, 91, 92, 93]


async def test_if_none_exist_names_the_message(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = observation(holder.patient_id)
    del sent["identifier"]
    headers = holder.headers | FHIR | {"if-none-exist": "identifier=urn:example:app|once"}

    first = await http.post("/fhir/Observation", json=sent, headers=headers)
    again = await http.post("/fhir/Observation", json=sent, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == again.headers["location"]
    assert await owner.fetchval("select message_id from ledger.receipt") == "urn:example:app|once"


IMPOSSIBLE: list[tuple[str, str, dict[str, str], int, str]] = [
    ("PUT", "/fhir/Observation/abc", {"if-match": 'W/"3"'}, 412, "condition-not-taken"),
    ("PUT", "/fhir/Observation?subject=Patient/1", {}, 412, "condition-not-taken"),
    ("POST", "/fhir/Observation", {"if-none-exist": "code=1"}, 412, "condition-not-taken"),
    ("PUT", "/fhir/Observation/abd", {}, 400, "another-id"),
    ("PUT", "/fhir/Observation/a%3Fidentifier=b", {}, 422, "address-not-taken"),
    ("PUT", "/fhir/QuestionnaireResponse/abc", {}, 422, "resource-not-taken"),
    ("POST", "/fhir/Observation/abc", {}, 405, "method-not-taken"),
    ("DELETE", "/fhir/Observation/abc", {}, 405, "method-not-taken"),
    ("PATCH", "/fhir/Observation/abc", {}, 405, "method-not-taken"),
    ("DELETE", "/fhir/Observation", {}, 405, "method-not-taken"),
]


async def test_what_cannot_be_done_as_asked_is_not_done_otherwise(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    for method, path, more, status, why in IMPOSSIBLE:
        sent = observation(holder.patient_id, id="abc")
        headers = holder.headers | FHIR | more

        answer = await http.request(method, path, json=sent, headers=headers)

        assert (answer.status_code, code(answer)) == (status, why), (method, path)
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert await owner.fetchval("select count(*) from ledger.receipt") == 0, (method, path)


async def test_a_batch_says_of_each_entry_what_became_of_it(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    sent = observation(holder.patient_id)
    heavier = sent | {"valueQuantity": sent["valueQuantity"] | {"value": 83.1}}
    gone = sent | {"status": "entered-in-error"}
    reused = sent | {"valueQuantity": sent["valueQuantity"] | {"value": 70}}
    first = bundle("batch", sent)
    batch = bundle("batch", sent, heavier, gone, reused, sent, sent)
    requests = [entry["request"] for entry in batch["entry"]]
    requests[1] |= {"method": "PUT", "url": "Observation/7"}
    requests[4] |= {"method": "DELETE", "url": "Observation/7"}
    requests[5] |= {"ifNoneExist": "date=2026"}
    headers = holder.headers | FHIR

    [created] = _responses(await http.post("/fhir", json=first, headers=headers))
    responses = _responses(await http.post("/fhir", json=batch, headers=headers))

    assert created["status"] == "201 Created"
    assert created["etag"] == 'W/"1"'
    assert created["lastModified"]
    assert "outcome" not in created
    assert [(one["status"], _codes(one)) for one in responses] == [
        ("200 OK", ["duplicate"]),
        ("200 OK", ["corrected"]),
        ("200 OK", ["voided"]),
        ("201 Created", ["stored", "id-reused"]),
        ("405 Method Not Allowed", ["method-not-taken"]),
        ("412 Precondition Failed", ["condition-not-taken"]),
    ]
    assert created["location"] == responses[0]["location"] != responses[1]["location"]
    assert "location" not in responses[4]


def _responses(answer: httpx.Response) -> list[dict[str, Any]]:
    return [entry["response"] for entry in answer.json()["entry"]]


def _codes(response: dict[str, Any]) -> list[str]:
    issues = response["outcome"]["issue"]
    return [issue["details"]["coding"][0]["code"] for issue in issues]


async def test_an_answer_that_the_form_does_not_offer_waits_for_a_person(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = answers(
        holder.patient_id, {"linkId": "effluent", "answer": [{"valueCoding": {"code": "purple"}}]}
    )

    held = await http.post("/fhir/QuestionnaireResponse", json=sent, headers=holder.headers | FHIR)

    assert (held.status_code, code(held)) == (202, "unknown-code")
    assert held.json()["issue"][0]["expression"] == ["item.effluent"]
    assert "purple" not in held.text
    assert await owner.fetchval("select count(*) from ledger.reading") == 0


async def test_a_form_that_is_not_finished_is_stored(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = answers(
        holder.patient_id, {"linkId": "chest-pain", "answer": [{"valueBoolean": True}]}
    ) | {"status": "in-progress"}
    path, headers = "/fhir/QuestionnaireResponse/form-1", holder.headers | FHIR
    later = (datetime.fromisoformat(AT) + timedelta(minutes=10)).isoformat()
    finished = sent | {"status": "completed", "authored": later}

    assert (await http.put(path, json=sent, headers=headers)).status_code == 201
    assert (await http.put(path, json=finished, headers=headers)).status_code == 200

    [body] = await in_force(owner, holder)
    assert "status" not in body
    assert body["answers"] == {"chest-pain": [True]}


@pytest.mark.parametrize("says", ["versionId", "lastUpdated"])
async def test_a_put_back_to_an_earlier_content_counts_when_it_says_that_it_is_a_newer_version(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection, says: str
) -> None:
    """Without that it cannot be told from the first one, sent again by a sender that was not
    answered: it is known, and its answer says so."""
    path, headers = "/fhir/Observation/scale-7", holder.headers | FHIR
    first = observation(holder.patient_id, 81.5)
    first["identifier"][0]["value"] = "scale-7"
    second = first | {"valueQuantity": first["valueQuantity"] | {"value": 82.5}}
    for sent in (first, second):
        await http.put(path, json=sent, headers=headers)

    again = await http.put(path, json=first, headers=headers)
    assert (again.status_code, code(again)) == (200, "duplicate")
    assert await kilos(owner, holder) == [Decimal("82.5")]

    told = {"versionId": "3", "lastUpdated": datetime.now(UTC).isoformat()}
    newer = first | {"meta": {says: told[says]}}
    back = await http.put(path, json=newer, headers=headers)
    assert (back.status_code, code(back)) == (200, "corrected")
    assert await kilos(owner, holder) == [Decimal("81.5")]
