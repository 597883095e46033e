"""What the loops ask every second, and the list with every page, is answered out of an index from
its beginning: among very many who wait for later, nobody is looked at.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.alerts import store
from services.alerts.rows import store_behind, store_rows
from tests.alerts import given
from tests.alerts.given import World

PATIENTS = 3_000
LATER = """
insert into alerts.state (org, patient_id, judged_at, checked_at, wakes_at)
select $1, id, now(), now() + interval '1 hour', now() + interval '1 hour'
from unnest($2::uuid[]) id
"""
EXPECTED = """
insert into alerts.due
    (org, patient_id, plan, local_day, slot, kind, opens_at, due_at, grace_until, satisfied_by)
select $1, id, 'plan', current_date + day, 'morning', 'body_weight', at, at,
       at + interval '1 hour', case when day < 0 then id end
from unnest($2::uuid[]) id cross join generate_series(-10, 2) day
cross join lateral (select now() + (day + 0.5) * interval '1 day' as at) planned
"""
Asked = Callable[[asyncpg.Connection, list[UUID]], Awaitable[object]]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(lambda tx, _: store.to_wake(tx, given.ORG, 50), id="whom time has changed"),
        pytest.param(lambda tx, _: store_rows.platform(tx, given.ORG), id="how the loops stand"),
        pytest.param(
            lambda tx, _: store_rows.lock_next_to_check(tx, given.ORG, timedelta(minutes=5)),
            id="whose row is looked at next",
        ),
        pytest.param(
            lambda tx, ids: store_behind.overdue(tx, given.ORG, [ids[0]], limit=50),
            id="of whom something has not come",
        ),
        pytest.param(
            lambda tx, ids: store_behind.overdue(
                tx, given.ORG, [ids[0]], limit=50, patient_ids=ids[:80]
            ),
            id="the same of those on a page",
        ),
    ],
)
async def test_nobody_is_looked_at_who_waits_for_later(world: World, asked: Asked) -> None:
    ids = [uuid4() for _ in range(PATIENTS)]
    await world.execute(LATER, given.ORG, ids)
    await world.execute(EXPECTED, given.ORG, ids)
    await world.execute("analyze alerts.state, alerts.due")
    said: list[Any] = []

    async with world.alerts.transaction() as tx:
        with tx.query_logger(said.append):
            await asked(tx, ids)
        await asyncio.sleep(0)  # the connection says it with the loop's next turn
        [one] = [one for one in said if "alerts." in one.query]
        statement = f"explain (analyze, format json) {one.query}"
        [plan] = json.loads(await tx.fetchval(statement, *one.args))

    walked = [one for one in _nodes(plan["Plan"]) if one.get("Relation Name") in ("state", "due")]
    assert walked
    for one in walked:
        looked = one["Actual Rows"] + one.get("Rows Removed by Filter", 0)
        assert looked * one["Actual Loops"] <= 100, one["Node Type"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
