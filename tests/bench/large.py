"""What is measured of a database that is full: the nurse's list, a patient's chart, and how fast
more is stored beside it. Fewer patients in a quick run; the goals are the same.
"""

import asyncio
import hashlib
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from services.alerts import store_views
from services.alerts.store_views import Filter
from shared import audit, exact, ledger
from shared.access import Caller, DevelopmentIssuer, Role
from shared.contracts import Draft, Item, Subject
from tests.bench import filled, servers
from tests.bench.scenarios import Run

SENDER = ledger.Sender("c-bench-more", names_its_subject=True)
NURSE = audit.Who(filled.ORG, "bench", "nurse")
DAYS = 90
TIMES = 300
VIEWS_A_SECOND = 26 * 10 / 60
_messages = itertools.count(1)


async def worklist(connection: asyncpg.Connection, patients: int) -> Run:
    """80 rows of one unit in SQL, turn about with the least that a round trip can be."""
    rows, least = [], []
    run = Run()
    for turn in range(TIMES):
        unit = [filled.unit(turn % filled.UNITS)]
        least.append(await _milliseconds(lambda: connection.fetchval("select 1")))
        began = time.perf_counter()
        found = await store_views.rows(
            connection, filled.ORG, unit, Filter(None, None, None, None), limit=80
        )
        rows.append((time.perf_counter() - began) * 1000)
        if len(found) != min(80, len(range(turn % filled.UNITS, patients, filled.UNITS))):
            run.invalid = f"{len(found)} rows of a unit"
    run.take(rows)
    run.notes = {"select 1 p50": statistics.median(least)}
    return run


async def page(address: str, key: Path, patients: int, seconds: float) -> Run:
    """The whole page, as often as ten hospitals' units open it."""
    run, taken = Run(), []
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
        for turn in range(int(seconds * VIEWS_A_SECOND)):
            number = turn % filled.UNITS
            caller = Caller(
                id=f"nurse-{number}", name="Test", role=Role.NURSE, org=filled.ORG,
                units=frozenset([filled.unit(number)]),
            )  # fmt: skip
            token = DevelopmentIssuer(key, "test").token(caller)
            began = time.perf_counter()
            answer = await client.get("/", headers={"authorization": f"Bearer {token}"})
            spent = time.perf_counter() - began
            taken.append(spent * 1000)
            some = str(filled.patient(number))
            if answer.status_code != 200 or (number < patients and some not in answer.text):
                run.invalid = f"{answer.status_code} for a page, or without its patients"
            await asyncio.sleep(max(0.0, 1 / VIEWS_A_SECOND - spent))
    run.take(taken)
    return _with_p95(run, taken)


async def chart(
    connection: asyncpg.Connection, patients: int, expected: int, *, audited: bool = False
) -> Run:
    """90 days of four series of one patient, as facts; `audited`: as it is shown to somebody, with
    the row of the audit trail in the same transaction, and its commit."""
    run, taken = Run(), []
    since = datetime.now(UTC) - timedelta(days=DAYS)
    counted = []
    for turn in range(TIMES // 3):
        id_ = filled.patient(turn * 37 % patients)
        began = time.perf_counter()
        if audited:
            async with connection.transaction():
                found = await _charted(connection, id_, since)
                await audit.note(connection, NURSE, [id_], "readings", why="treatment")
        else:
            found = await _charted(connection, id_, since)
        taken.append((time.perf_counter() - began) * 1000)
        counted.append(len(found))
    run.take(taken)
    run.notes = {"rows": statistics.median(counted)}
    if not 0.8 * expected <= min(counted) <= max(counted) <= 1.2 * expected + 4:
        run.invalid = f"{min(counted)} to {max(counted)} rows of about {expected}"
    return _with_p95(run, taken)


async def _charted(
    connection: asyncpg.Connection, patient: UUID, since: datetime
) -> list[asyncpg.Record]:
    return await connection.fetch(
        """
        select at, kind, (body -> 'values')::text from ledger.current
        where org = $1 and patient_id = $2 and kind = any($3) and at >= $4 order by at, id
        """,
        filled.ORG, patient, list(filled.KINDS), since,
    )  # fmt: skip


async def growing(
    empty: asyncpg.Connection, full: asyncpg.Connection, patients: int, batches: int
) -> Run:
    """Readings a second that are stored by the ledger's own append in a full database, turn about
    with an empty one. `rate` is that of the full one."""
    spent = {True: 0.0, False: 0.0}
    before = [await _stored(one) for one in (empty, full)]
    for turn in range(batches):
        for is_full in (True, False) if turn % 2 else (False, True):
            entries = [_entry(patients) for _ in range(500)]
            connection = full if is_full else empty
            began = time.perf_counter()
            async with connection.transaction():
                await ledger.append(connection, filled.ORG, entries)
            spent[is_full] += time.perf_counter() - began
    run = Run(rate=batches * 500 / spent[True])
    run.notes = {"empty": batches * 500 / spent[False], "facts": before[1]}
    after = [await _stored(one) for one in (empty, full)]
    if [b - a for a, b in zip(before, after, strict=True)] != [batches * 500] * 2:
        run.invalid = "not every reading was stored once"
    return run


@contextmanager
def alerts_on(url: str, key: Path) -> Iterator[str]:
    """The service of the lists on that database."""
    with servers.service("alerts", HJEMVAKT_DATABASE_ALERTS=url, HJEMVAKT_MODE="test",
                         HJEMVAKT_IDENTITY_KEY="00" * 32,
                         HJEMVAKT_DEVELOPMENT_KEY=str(key)) as address:  # fmt: skip
        yield address


async def _stored(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval("select count(*) from ledger.reading")
    return count


def _entry(patients: int) -> ledger.Entry:
    number = next(_messages)
    body = {"v": 1, "values": {"value": Decimal("82.4")}, "entered": "device"}
    raw = exact.canonical({"id": number, **body})
    at = datetime.now(UTC) - timedelta(seconds=number % 600)
    return ledger.Entry(
        SENDER,
        Item(
            message_id=f"b-{number:09d}",
            content=hashlib.sha256(raw).digest(),
            raw=raw,
            media_type="application/json",
            drafts=(Draft("reading", "body_weight", body),),
            at=at,
            clock="synced",
            subject=Subject(patient_id=_of(number, patients)),
        ),
    )


def _of(number: int, patients: int) -> UUID:
    return filled.patient(number * 7919 % patients)


async def _milliseconds(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


def _with_p95(run: Run, taken: list[float]) -> Run:
    ordered = sorted(taken)
    if ordered:
        run.notes["p95"] = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
    return run
