"""Verb: how the follow-up of some units goes, week by week: what alerts cost, how many were of use,
how soon they were answered, and how much of what was expected did not come. Counts only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import store, store_views, telling
from services.alerts.door import OSLO
from services.alerts.looking_back import burden, store_burden, store_steering, weeks
from services.alerts.looking_back.weeks import COUNTS, TIMES, Json, Steering
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.views import Parts

Asked = tuple[str, list[UUID], str | None, datetime, datetime]
Place = tuple[date | None, UUID | None, str | None]


@dataclass(frozen=True, slots=True)
class Question:
    """Of one of the caller's units or all; of one programme or all; `back` weeks back."""

    unit: UUID | None
    programme: str | None
    back: int


def may(by: Reader, question: Question) -> None:
    """NotYourUnit."""
    if question.unit is not None and question.unit not in by.units:
        raise NotYourUnit


async def steering(parts: Parts, by: Reader, question: Question) -> Steering:
    """NotYourUnit."""
    may(by, question)
    unit, programme, back = question.unit, question.programme, question.back
    units = sorted(by.units, key=lambda one: one.int) if unit is None else [unit]
    defaulted = [
        f"{slug}/{limit.name}"
        for slug, one in parts.programmes.items()
        for limit in one.limits
        if limit.default is not None
    ]
    async with parts.database.transaction() as tx:
        await store_views.one_moment(tx)
        until = await store.now(tx)
        mondays = weeks.mondays(until, back)
        since = datetime.combine(mondays[0], time(), OSLO)
        asked = (by.org, units, programme, since, until)
        found = await _found(tx, asked, defaulted)
        rules = await store_burden.rules(tx, *asked)
        named = await store_views.units(tx, by.org)
        mine = sorted(by.units)
        known = await store_steering.programmes(tx, by.org, mine, since, until)
    return Steering(
        until,
        whole=_row(found, (None, None, None), named),
        weeks=[_row(found, (monday, None, None), named) for monday in mondays],
        places=[_row(found, place, named) for place in _of(found, week=False)],
        cells=[_row(found, place, named) for place in _of(found, week=True)],
        rules=[burden.rule(row) for row in rules],
        units=[told for one in sorted(by.units) if (told := telling.unit(one, named))],
        programmes=known,
    )  # fmt: skip


async def _found(tx: asyncpg.Connection, asked: Asked, defaulted: list[str]) -> dict[Place, Json]:
    """What each statement tells of the same place, together."""
    found: dict[Place, Json] = {}
    for rows in (
        await store_steering.alerts(tx, *asked),
        await store_steering.followed(tx, *asked, defaulted=defaulted),
        await store_steering.expected(tx, *asked),
    ):
        for row in rows:
            place = (row["week"], row["unit"], row["programme"])
            found.setdefault(place, {}).update(dict(row))
    return found


def _of(found: Iterable[Place], *, week: bool) -> list[Place]:
    return sorted(
        (one for one in found if one[1] is not None and (one[0] is not None) == week),
        key=lambda one: (one[0] or date.min, str(one[1]), one[2] or ""),
    )


def _row(found: dict[Place, Json], place: Place, named: Any) -> Json:
    told = found.get(place, {})
    week, unit, programme = place
    return {
        "week": week,
        "unit": telling.unit(unit, named),
        "programme": programme,
        "patient_days": float(told.get("seconds") or 0) / burden.DAY,
        **{name: int(told.get(name) or 0) for name in COUNTS},
        **{name: _seconds(told.get(name)) for name in TIMES},
    }


def _seconds(median: float | None) -> int | None:
    return None if median is None else round(median)
