"""Log-ins that fail are counted, whoever fails at which page; and who logs out is out, also by a
cookie that somebody has copied."""

import hashlib
import secrets
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.access import NotAuthenticated, attempts, store_sessions
from tests.access.conftest import ORG, House, fetch

SAME_SITE = {"sec-fetch-site": "same-origin"}


async def session_of_the_patient(house: House) -> str:
    session = secrets.token_urlsafe(32)
    async with house.record.state.database.transaction() as tx:
        await store_sessions.begin_session(
            tx, hashlib.sha256(session.encode()).digest(), ORG, staff_id=None,
            patient_id=UUID(house.patient), issuer="x", hpr=None, seconds=600,
        )  # fmt: skip
    return session


async def test_a_patient_who_logs_out_is_out_and_it_is_written_down(house: House) -> None:
    guard = house.record.state.guard
    session = await session_of_the_patient(house)
    assert (await guard.by_cookie(session)).patient_id == UUID(house.patient)

    house.client.cookies.set(house.record.state.cookie, session)
    left = await house.client.post("/me/logout", headers=SAME_SITE)

    assert left.status_code == 303
    with pytest.raises(NotAuthenticated):
        await guard.by_cookie(session)
    rows = await fetch(house.urls, "select org, by, role from audit.event where what = 'log-out'")
    assert [tuple(row) for row in rows] == [(ORG, house.patient, "patient")]


async def fail(house: House, **form: str) -> httpx.Response:
    return await house.client.post("/me/login", data=form, headers=SAME_SITE)


@pytest.fixture
def by_name(house: House) -> House:
    """Without an identity provider: the log-in of test mode."""
    guard = house.record.state.guard
    guard.issuers = {}
    return house


@pytest.mark.parametrize("form", [{}, {"patient": "x"}, {"patient": str(UUID(int=7))}])
async def test_a_failed_log_in_of_a_patient_is_counted_and_written_down(
    by_name: House, form: dict[str, Any]
) -> None:
    answers = [await fail(by_name, **form) for _ in range(attempts.LOG_INS + 1)]
    assert [one.status_code for one in answers[:-1]] == [303] * attempts.LOG_INS
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    await by_name.record.state.backstop._write_strangers()
    rows = await fetch(
        by_name.urls,
        "select door, times, outcome from audit.event where org = '' and what = 'log-in'",
    )
    [row] = [row for row in rows if row["door"] == "POST /me/login"]
    assert (row["times"], row["outcome"]) == (attempts.LOG_INS + 1, "refused")


async def test_who_knows_himself_comes_in_beside_those_who_fail(by_name: House) -> None:
    for _ in range(attempts.LOG_INS + 1):
        await fail(by_name, patient="x")
    answer = await fail(by_name, patient=by_name.patient)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
