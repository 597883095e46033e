"""A device or app gets its secret by a one-time code: once, in time, and not by guessing."""

import asyncio
import hashlib
import re
from typing import Any

import pytest

from services.patients.equipment import codes, qr
from tests.patients.conftest import Person, Ward

REDEEM = "/v1/enrolment-codes/redeem"


async def made(ward: Ward, **more: Any) -> Any:
    body = {"kind": "app", "label": "Telefon", "unit_id": ward.unit, **more}
    return await ward.nurse.post("/v1/enrolment-codes", body)


async def redeemed(ward: Ward, code: str, status: int = 201) -> Any:
    return await Person(ward.record.client, None).post(REDEEM, {"code": code}, status)


async def works(ward: Ward, secret: str) -> bool:
    """As the intake looks a secret up."""
    rows = await ward.record.rows(
        "select 1 from patients.secret where secret_hash = $1"
        " and (until is null or until > clock_timestamp())",
        hashlib.sha256(secret.encode()).digest(),
    )
    return bool(rows)


async def test_a_code_is_exchanged_for_a_secret_once(ward: Ward) -> None:
    code = await made(ward)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", code["code"])
    assert code["uri"].startswith("hjemvakt://enrol?at=http")
    bound = await ward.nurse.post(f"{ward.path}/bindings", {"cred": code["cred"]})
    assert bound["cred"] == code["cred"], "it is bound before the phone has anything"
    assert await ward.record.rows("select from patients.secret") == []

    given = await redeemed(ward, code["code"])

    assert (given["org"], given["cred"], given["kind"]) == ("nordland", code["cred"], "app")
    assert await works(ward, given["secret"])
    again = await redeemed(ward, code["code"], 404)
    assert again["code"] == "code-is-not-valid"
    nurse = ward.record.ids[ward.nurse.token or ""]
    rows = await ward.record.rows(
        "select by, about, door from audit.event where what = 'enrolment-codes' order by at"
    )
    assert [tuple(row) for row in rows] == [
        (nurse, code["cred"], "POST /v1/enrolment-codes"),
        (code["cred"], code["cred"], f"POST {REDEEM}"),
    ]


async def test_a_code_may_be_written_down_carelessly(ward: Ward) -> None:
    code = (await made(ward))["code"]
    careless = " ".join(code.lower().replace("0", "o").replace("1", "l").split("-"))
    assert (await redeemed(ward, careless))["kind"] == "app"


async def test_of_many_at_once_one_gets_the_secret(ward: Ward) -> None:
    code = (await made(ward))["code"]
    answers = await asyncio.gather(
        *[ward.record.client.post(REDEEM, json={"code": code}) for _ in range(5)]
    )
    assert sorted(answer.status_code for answer in answers) == [201, 404, 404, 404, 404]


async def test_a_code_ends_with_its_time_with_the_next_one_and_with_its_credential(
    ward: Ward,
) -> None:
    late = await made(ward)
    await ward.record.rows(
        "update patients.enrolment_code set until = now() - interval '1 second' returning 1"
    )
    first = await made(ward)
    second = await ward.nurse.post("/v1/enrolment-codes", {"cred": first["cred"]})
    revoked = await made(ward)
    await ward.nurse.post(f"/v1/credentials/{revoked['cred']}/revoke", None, 200)
    said = [await redeemed(ward, one["code"], 404) for one in (late, first, revoked)]
    assert said[0] == said[1] == said[2] == await redeemed(ward, "0000-0000-0000", 404)
    # Four wrong ones: the fifth try may still be right.
    assert (await redeemed(ward, second["code"]))["cred"] == first["cred"]
    refused = await ward.nurse.post("/v1/enrolment-codes", {"cred": revoked["cred"]}, 409)
    assert refused["code"] == "credential-is-revoked"


async def test_five_wrong_ones_shut_the_address_out_for_a_while(ward: Ward) -> None:
    code = (await made(ward))["code"]
    for _ in range(5):
        await redeemed(ward, codes.shown(codes.new()), 404)
    shut = await ward.record.client.post(REDEEM, json={"code": code})
    assert (shut.status_code, shut.json()["code"]) == (429, "too-many-requests")
    assert 0 < int(shut.headers["retry-after"]) <= 600
    assert code not in shut.text
    # In PostgreSQL, so that a restart or another replica forgets nothing; and no address is there.
    [row] = await ward.record.rows("select place, number from access.attempt")
    assert len(row["place"]) == 32
    await ward.record.rows("update access.attempt set until = now() returning 1")
    assert (await redeemed(ward, code))["secret"]


async def test_wrong_codes_stand_in_the_audit_trail(ward: Ward) -> None:
    await redeemed(ward, "0000-0000-0000", 404)
    app = ward.record.client._transport.app  # type: ignore[attr-defined]  # the application
    await app.state.backstop._write_strangers()
    [row] = await ward.record.rows("select * from audit.event where outcome = 'refused'")
    assert (row["org"], row["door"], row["address"]) == ("", f"POST {REDEEM}", "127.0.0.1")


async def test_many_tries_at_once_are_many_tries(ward: Ward) -> None:
    answers = await asyncio.gather(
        *[
            ward.record.client.post(REDEEM, json={"code": codes.shown(codes.new())})
            for _ in range(12)
        ]
    )
    assert sorted(one.status_code for one in answers) == [404] * 5 + [429] * 7


async def test_a_new_phone_takes_over_with_an_overlap(ward: Ward) -> None:
    first = await redeemed(ward, (await made(ward))["code"])
    code = await ward.nurse.post("/v1/enrolment-codes", {"cred": first["cred"]})
    assert await works(ward, first["secret"]), "until the new one has its secret"

    second = await redeemed(ward, code["code"])

    assert second["cred"] == first["cred"]
    assert await works(ward, first["secret"]), "what is on its way comes in"
    assert await works(ward, second["secret"])
    [until] = await ward.record.rows(
        "select until - now() as d from patients.secret where until is not null"
    )
    assert until["d"] <= codes.OVERLAP


async def test_a_rotation_overlaps_as_long_as_is_asked_for(ward: Ward) -> None:
    issued = await ward.nurse.post(
        "/v1/credentials", {"kind": "device", "label": "x", "unit_id": ward.unit}
    )
    path = f"/v1/credentials/{issued['cred']}/rotate"
    new = await ward.nurse.post(path, {"overlap_minutes": 60}, 200)
    assert await works(ward, issued["secret"])
    assert await works(ward, new["secret"])
    newest = await ward.nurse.post(path, None, 200)
    assert [await works(ward, one["secret"]) for one in (issued, new, newest)] == [
        False, False, True,
    ]  # fmt: skip
    await ward.nurse.post(path, {"overlap_minutes": 24 * 60 + 1}, 422)


async def test_who_may_make_a_code(ward: Ward) -> None:
    heart = await ward.record.unit("Hjerte")
    other = await ward.record.staff("nurse", heart)
    code = await made(ward)
    missing = await other.post("/v1/enrolment-codes", {"cred": code["cred"]}, 404)
    assert missing["code"] == "no-such-credential"
    administrator = await ward.record.administrator()
    system = await administrator.post("/v1/credentials", {"kind": "system", "label": "EPJ"})
    refused = await administrator.post("/v1/enrolment-codes", {"cred": system["cred"]}, 409)
    assert refused["code"] == "systems-have-no-code"
    for body in ({}, {"cred": "c-x", "kind": "app"}, {"kind": "app", "label": "x"}):
        await ward.nurse.post("/v1/enrolment-codes", body, 422)


def test_a_code_has_enough_letters_that_nobody_confuses() -> None:
    assert len(set(codes.LETTERS)) == 32
    assert not set("ILOU") & set(codes.LETTERS)
    many = {codes.new() for _ in range(1000)}
    assert len(many) == 1000
    assert all(codes.plain(codes.shown(one)) == one for one in many)


def test_a_qr_code_is_one_picture_in_itself() -> None:
    pytest.importorskip("segno")
    drawn = qr.svg("hjemvakt://enrol?at=https%3A%2F%2Fx&code=ABCD")
    assert drawn is not None
    assert drawn.startswith("<svg ")
    assert drawn.endswith("</svg>")
    assert "script" not in drawn
    size = re.search(r'width="(\d+)px" height="\1px" viewBox="0 0 \1 \1"', drawn)
    assert size, "without a viewBox a page that shows it smaller would cut it off"
