"""The door of photos and documents under whatever bytes come, and how much one sender may send."""

import io
import json
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from services.ingest.uploads import Uploads
from shared.filing import Desk, Quota
from tests.ingest.conftest import ORG, Holder

ABOUT: dict[str, Any] = {
    "v": 1,
    "id": "photo-0001",
    "kind": "wound_photo",
    "at": "2026-11-20T07:12:00+01:00",
}


def photo(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return out.getvalue()


async def post(
    http: httpx.AsyncClient,
    holder: Holder,
    file: bytes,
    about: Any = None,
    media_type: str = "image/jpeg",
) -> httpx.Response:
    said = about if isinstance(about, bytes) else json.dumps(ABOUT if about is None else about)
    headers = {**holder.headers, "content-type": media_type, "hjemvakt-about": said}
    return await http.post("/v1/attachments", content=file, headers=headers)


async def test_the_bytes_lie_apart_from_the_fact_once(
    http: httpx.AsyncClient, holder: Holder, other: Holder, owner: asyncpg.Connection
) -> None:
    for one in (holder, other, holder):
        answer = await post(http, one, photo())
        assert answer.status_code == 200, answer.text

    assert await owner.fetchval("select count(*) from ledger.attachment") == 1
    body = await owner.fetchval("select body from ledger.reading limit 1")
    assert json.loads(body)["file"].keys() == {"sha256", "media_type", "size", "width", "height"}
    raw = await owner.fetchval("select raw from ledger.receipt limit 1")
    assert len(raw) < 1000


BAD: list[Any] = [
    {"id": 7}, {"at": "yesterday"}, {"at": "2026-11-20"}, {"kind": "selfie"}, {"kind": None},
    {"v": 2}, {"note": 5}, {"site": "x" * 101}, {"context": []}, {"subject": {"id": "x"}},
    {"patient": "13116900216"}, {"note": "\u0000"}, {"kind": "document"},
]  # fmt: skip


async def test_a_fault_in_what_is_told_keeps_the_file_in_quarantine(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    for number, wrong in enumerate(BAD, 1):
        file = photo(f"hsl({20 * number}, 100%, 50%)")
        told = ABOUT | {"id": f"photo-{number:04}"} | wrong
        answer = await post(http, holder, file, told)

        assert answer.status_code == 200, answer.text
        [receipt] = answer.json()["results"]
        assert receipt["result"] == "quarantined", wrong
        assert receipt["errors"], wrong
        assert await owner.fetchval("select count(*) from ledger.attachment") == number, wrong


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    head=st.sampled_from(
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"%PDF-"]
    ),
    rest=st.binary(max_size=300),
    about=st.one_of(
        st.binary(max_size=60).map(lambda b: bytes(c for c in b if 32 <= c < 127)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: st.dictionaries(
                st.sampled_from([*ABOUT, "subject", "context", "device", "patient", "note"]), inner
            ),
            max_leaves=6,
        ),
    ),
)
async def test_no_bytes_and_no_words_are_too_strange(
    http: httpx.AsyncClient, holder: Holder, head: bytes, rest: bytes, about: Any
) -> None:
    answer = await post(http, holder, head + rest, about)

    assert answer.status_code in (200, 400, 415, 422), answer.text
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 4096


async def test_a_sender_may_send_so_much_in_a_day_and_the_others_go_on(
    app: FastAPI, http: httpx.AsyncClient, holder: Holder, other: Holder
) -> None:
    await use(app, Quota(files=2, mib=1))
    colours = ("red", "green", "blue")

    statuses = [(await post(http, holder, photo(one))).status_code for one in colours]
    again = await post(http, holder, photo("red"))
    others = await post(http, other, photo("white"))

    assert statuses == [200, 200, 429]
    assert again.status_code == 200, "a resend is no further file"
    assert others.status_code == 200


async def test_the_bytes_of_a_day_are_counted_too(
    app: FastAPI, http: httpx.AsyncClient, holder: Holder
) -> None:
    await use(app, Quota(files=9, mib=1))
    large = photo() + bytes(600_000)

    first = await post(http, holder, large)
    second = await post(http, holder, large + b"x")

    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (429, "too-many-attachments")
    assert second.headers["retry-after"]


async def use(app: FastAPI, quota: Quota) -> None:
    old: Uploads = app.state.uploads
    app.state.uploads = Uploads(
        old._database, old._intake, Desk(app.state.database, quota), old._followed
    )


async def test_a_system_names_whom_it_is_about(
    http: httpx.AsyncClient, system: Holder, holder: Holder, owner: asyncpg.Connection
) -> None:
    named = ABOUT | {"subject": {"id": str(holder.patient_id)}}

    [known] = (await post(http, system, photo(), named)).json()["results"]
    [unknown] = (await post(http, system, photo(), ABOUT | {"id": "photo-0002"})).json()["results"]

    assert known["result"] == "stored"
    assert unknown["errors"] == [{"path": "subject", "code": "unknown-subject"}]
    filed = await owner.fetchval("select patient_id from ledger.reading where org = $1", ORG)
    assert filed == holder.patient_id
