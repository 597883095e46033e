"""POST /v1/uploads: a stranger's file, and a receipt for each measurement in it."""

import json

import asyncpg
import httpx
import pytest

from tests.devices.test_cpap import NIGHT, UNUSED, summary, zipped
from tests.ingest.conftest import Holder, locked_out

JSON = {"content-type": "application/json"}
ZIP = {"content-type": "application/zip"}


async def test_a_card_is_stored_night_by_night_known_again_and_corrected_when_it_has_grown(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    first = zipped(STR_dot_edf=summary(NIGHT, UNUSED))
    grown = zipped(STR_dot_edf=summary(NIGHT, {**NIGHT, "Duration": 60}))

    results = []
    for card in (first, first, grown):
        answer = await http.post("/v1/uploads", content=card, headers=holder.headers | ZIP)
        assert answer.status_code == 200, answer.text
        results.append([one["result"] for one in answer.json()["results"]])

    assert results == [
        ["stored", "stored"], ["duplicate", "duplicate"], ["duplicate", "corrected"],
    ]  # fmt: skip
    assert await owner.fetchval("select count(*) from ledger.current where type = 'reading'") == 2


async def test_json_of_others_is_told_by_its_content(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    weight = {"body_weight": {"value": 82.4, "unit": "kg"},
              "effective_time_frame": {"date_time": "2026-11-20T07:12:00+01:00"}}  # fmt: skip
    pack = [{"bn": "x:", "bt": 1795420000, "n": "heart_rate", "v": 61, "u": "beat/min"}]

    for sent in (weight, [weight], pack):
        body = json.dumps(sent).encode()
        answer = await http.post("/v1/uploads", content=body, headers=holder.headers | JSON)
        assert answer.status_code == 200
        assert answer.json()["results"][0]["result"] in ("stored", "duplicate")


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        (b"{}", JSON, 422, "format-not-known"),
        (b"{", JSON, 400, "not-json"),
        (b"PK\x03\x04", ZIP, 422, "not-a-card"),
        (b"<x/>", {"content-type": "application/xml"}, 415, "media-type-not-taken"),
    ],
)
async def test_what_cannot_be_used_is_refused_whole(
    http: httpx.AsyncClient,
    holder: Holder,
    body: bytes,
    media: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = await http.post("/v1/uploads", content=body, headers=holder.headers | media)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_file_that_is_too_large_and_a_stranger_are_turned_away(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    large = holder.headers | ZIP | {"content-length": str(21 * 1024 * 1024)}
    assert (await http.post("/v1/uploads", content=b"PK", headers=large)).status_code == 413
    assert (await http.post("/v1/uploads", content=b"PK", headers=ZIP)).status_code == 401


async def test_nothing_is_answered_that_cannot_be_committed(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    card = zipped(STR_dot_edf=summary(NIGHT))
    async with locked_out(owner):
        answer = await http.post("/v1/uploads", content=card, headers=holder.headers | ZIP)
    assert answer.status_code == 503
