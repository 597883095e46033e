"""POST /v1/observations as a phone meets it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import httpx
from fastapi import FastAPI

from shared import ledger
from shared.kinds import CATALOGUE
from tests.ingest.conftest import BEFORE_ALL_EXAMPLES, ORG, Holder, locked_out, weight

PATH = "/v1/observations"


async def test_a_weight_is_stored_and_the_receipt_says_who_watches(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    answer = await http.post(PATH, json=weight(), headers=holder.headers)

    assert answer.status_code == 200
    [receipt] = answer.json()["results"]
    assert receipt["result"] == "stored"
    assert receipt["watch"]["now"] is True
    fact = receipt["ref"].removeprefix("Observation/")
    stored = await owner.fetchrow("select * from ledger.reading where id = $1::uuid", fact)
    assert stored is not None
    assert stored["patient_id"] == holder.patient_id
    assert await owner.fetchval("select count(*) from ledger.handover where org = $1", ORG) == 1


async def test_the_same_item_again_is_a_duplicate_with_the_first_ref(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    item = weight("82,40")
    first = (await http.post(PATH, json=item, headers=holder.headers)).json()["results"][0]

    at = datetime.fromisoformat(item["at"]).astimezone(timezone(timedelta(hours=5))).isoformat()
    spelt_otherwise = dict(reversed(item.items())) | {"values": {"value": 82.4}, "at": at}
    again = (await http.post(PATH, json=spelt_otherwise, headers=holder.headers)).json()

    assert again["results"][0]["result"] == "duplicate"
    assert again["results"][0]["ref"] == first["ref"]


async def test_the_same_id_with_other_content_is_stored_and_flagged(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    item = weight(82.4)
    await http.post(PATH, json=item, headers=holder.headers)

    other = await http.post(PATH, json=item | {"values": {"value": 91}}, headers=holder.headers)

    [receipt] = other.json()["results"]
    assert receipt["result"] == "stored"
    assert "id-reused" in receipt["flags"]


async def test_one_bad_item_of_a_hundred_is_named_and_the_others_are_stored(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    items = [weight(70 + place / 100) for place in range(100)]
    items[41]["values"] = {"value": 824000}

    answer = await http.post(PATH, json=items, headers=holder.headers)

    results = answer.json()["results"]
    assert [receipt["id"] for receipt in results] == [item["id"] for item in items]
    assert [place for place, r in enumerate(results) if r["result"] != "stored"] == [41]
    assert results[41]["errors"] == [{"path": "values.value", "code": "implausible"}]
    assert "824000" not in answer.text


async def test_a_reading_from_the_future_is_stored_as_of_now_and_flagged(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat()

    answer = await http.post(PATH, json=weight(at=ahead), headers=holder.headers)

    [receipt] = answer.json()["results"]
    assert receipt["result"] == "stored"
    assert receipt["flags"] == ["clock_suspect"]
    row = await owner.fetchrow("select at, received_at, body from ledger.reading")
    assert row is not None
    assert row["at"] == row["received_at"]
    assert json.loads(row["body"])["claimed_at"] == ahead


async def test_many_phones_at_once_share_commits_and_each_gets_its_own_answer(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    items = [weight(60 + place / 10) for place in range(200)]

    answers = await asyncio.gather(
        *(http.post(PATH, json=item, headers=holder.headers) for item in items)
    )

    assert [a.json()["results"][0]["id"] for a in answers] == [item["id"] for item in items]
    assert await owner.fetchval("select count(*) from ledger.reading") == 200
    commits = await owner.fetchval("select count(distinct received_at) from ledger.reading")
    assert commits < 100


async def test_what_cannot_be_committed_is_answered_503_and_works_when_sent_again(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    item = weight()
    await http.post(PATH, json=weight(), headers=holder.headers)  # the credential is remembered

    async with locked_out(owner):
        refused = await http.post(PATH, json=item, headers=holder.headers)
    later = await http.post(PATH, json=item, headers=holder.headers)

    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert refused.json()["code"] == "cannot-commit"
    assert later.json()["results"][0]["result"] in ("stored", "duplicate")


async def test_whole_body_faults_are_answered_with_a_code_and_without_the_value(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    json_type = {"content-type": "application/json"}
    cases = [
        (
            b'{"v":1,"values":{"value":82.4},"values":{"value":8.24}}',
            json_type,
            400,
            "duplicate-key",
        ),
        (b'{"v":1,"values":{"value":NaN}}', json_type, 400, "not-finite"),
        (b"[" * 40 + b"]" * 40, json_type, 400, "too-deep"),
        (b"\xff\xfe", json_type, 400, "not-utf8"),
        (b"82.4", json_type, 422, "not-an-item"),
        (b" " * (256 * 1024 + 1), json_type, 413, "too-large"),
        (b"{}", json_type | {"content-encoding": "gzip"}, 415, "encoding-not-taken"),
        (b"<xml/>", {"content-type": "application/xml"}, 415, "media-type-not-taken"),
    ]
    for body, headers, status, code in cases:
        answer = await http.post(PATH, content=body, headers=holder.headers | headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "82.4" not in answer.text


async def test_a_body_sent_in_pieces_is_stopped_at_the_limit(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(300):
            yield b" " * 1024

    answer = await http.post(
        PATH, content=endless(), headers=holder.headers | {"content-type": "application/json"}
    )

    assert answer.status_code == 413


async def test_nobody_gets_in_without_a_secret_in_force(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    for headers in (
        {},
        {"authorization": "Bearer wrong-wrong-wrong-wrong"},
        {"authorization": f"Basic {holder.secret}"},
        {"authorization": f"Bearer {holder.secret}x"},
        {"authorization": "Bearer " + "x" * 5000},
        {"authorization": "Bearer æøå-æøå-æøå-æøå-æøå".encode()},
    ):
        answer = await http.post(PATH, json=weight(), headers=headers)  # type: ignore[arg-type]
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"

    await http.post(PATH, json=weight(), headers=holder.headers)
    await owner.execute("update patients.credential set revoked_at = now()")
    await owner.execute("notify credentials")
    for _ in range(100):
        await asyncio.sleep(0.02)
        revoked = await http.post(PATH, json=weight(), headers=holder.headers)
        if revoked.status_code == 401:
            break
    assert revoked.status_code == 401


async def test_an_item_that_the_database_cannot_hold_is_quarantined_alone(
    app: FastAPI, http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    items = [weight(70 + place) for place in range(10)]
    body = json.dumps(items).replace(items[3]["id"], items[3]["id"] + '","note":"a\\u0000b')

    answer = await http.post(
        PATH, content=body, headers=holder.headers | {"content-type": "application/json"}
    )

    results = [receipt["result"] for receipt in answer.json()["results"]]
    assert results.count("stored") == 9
    assert results[3] == "quarantined"
    assert answer.json()["results"][3]["errors"][0]["code"] == "not-storable"
    kept = await owner.fetchval("select raw from ledger.receipt where result = 'quarantined'")
    assert b"u0000" in kept


async def test_a_correction_may_come_before_what_it_corrects(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    original = weight(91.0)
    correction = weight(81.0, replaces=original["id"])

    first = await http.post(PATH, json=correction, headers=holder.headers)
    await http.post(PATH, json=original, headers=holder.headers)

    assert first.json()["results"][0]["result"] == "corrected"
    facts = await ledger.facts(owner, ORG, holder.patient_id)
    assert [json.loads(str(fact.body))["values"] for fact in facts] == [{"value": 81.0}]


async def test_an_unbound_reading_is_quarantined_and_says_so_again(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    long_ago = (BEFORE_ALL_EXAMPLES - timedelta(days=20)).isoformat()
    item = weight(at=long_ago)

    for _ in range(2):
        answer = await http.post(PATH, json=item, headers=holder.headers)
        [receipt] = answer.json()["results"]
        assert receipt["result"] == "quarantined"
        assert receipt["errors"] == [{"path": "device", "code": "unbound"}]


async def test_an_empty_list_is_an_empty_answer(http: httpx.AsyncClient, holder: Holder) -> None:
    answer = await http.post(PATH, json=[], headers=holder.headers)

    assert answer.json() == {"results": []}


async def test_the_hot_route_is_in_the_openapi_document(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    post = document["paths"][PATH]["post"]
    assert post["requestBody"]["content"]["application/json"]["examples"]["one"]
    kinds = document["components"]["schemas"]["Observation"]["properties"]["kind"]["enum"]
    assert "body_weight" in kinds
    assert set(kinds) == set(CATALOGUE)
