"""Verb: what alerts cost those who answer them, and which rules seldom help. Counts only: nobody is
named and no value is told.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import store, store_views, telling
from services.alerts.looking_back import store_burden
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.views import Parts

Json = dict[str, Any]

DAY = 86_400
# A rule is put up for review when few of many firings were useful.
FIRINGS = 50
USEFUL = Decimal("0.10")


async def burden(
    parts: Parts, by: Reader, *, unit: UUID | None, programme: str | None, days: int
) -> Json:
    """Of one of the caller's units, or of all of them. NotYourUnit."""
    if unit is not None and unit not in by.units:
        raise NotYourUnit
    units = sorted(by.units, key=lambda one: one.int) if unit is None else [unit]
    async with parts.database.transaction() as tx:
        await store_views.one_moment(tx)
        until = await store.now(tx)
        since = until - timedelta(days=days)
        asked = (by.org, units, programme, since, until)
        followed = await store_burden.followed(tx, *asked)
        alerts = await store_burden.alerts(tx, *asked)
        rules = await store_burden.rules(tx, *asked)
        named = await store_views.units(tx, by.org)
    patient_days = Decimal(followed["seconds"]) / DAY
    return {
        "unit": telling.unit(unit, named),
        "programme": programme,
        "from": telling.iso(since),
        "until": telling.iso(until),
        "days": days,
        "patients": followed["patients"],
        "patient_days": round(patient_days, 1),
        "alerts": alerts["alerts"],
        "per_patient_day": _each(alerts["alerts"], patient_days),
        "by_colour": _by(alerts, ("red", "yellow"), patient_days),
        "by_lane": _by(alerts, ("clinical", "technical"), patient_days),
        "closed": alerts["closed"],
        "rated": alerts["rated"],
        "useful": alerts["useful"],
        "useful_share": _share(alerts["useful"], alerts["rated"]),
        "not_useful_share": _share(alerts["rated"] - alerts["useful"], alerts["rated"]),
        "handled_by_system": alerts["handled"],
        "handled_by_system_share": _share(alerts["handled"], alerts["closed"]),
        "handled_by_rule": alerts["by_rule"],
        "handled_by_rule_share": _share(alerts["by_rule"], alerts["closed"]),
        "sampled": alerts["sampled"],
        "sampled_useful": alerts["sampled_useful"],
        "median_seconds_to_acknowledge": _seconds(alerts["acknowledged_after"]),
        "rules": [rule(row) for row in rules],
    }


def rule(row: asyncpg.Record) -> Json:
    return {
        "programme": row["programme"],
        "rule": row["rule"],
        "group": row["group"],
        "colour": row["colour"],
        "lane": row["lane"],
        "firings": row["firings"],
        "rated": row["rated"],
        "useful": row["useful"],
        "useful_share": _share(row["useful"], row["rated"]),
        "median_seconds_to_acknowledge": _seconds(row["acknowledged_after"]),
        "flagged": is_seldom_useful(row["useful"], row["rated"]),
    }


def is_seldom_useful(useful: int, rated: int) -> bool:
    return rated >= FIRINGS and useful < USEFUL * rated


def _by(row: asyncpg.Record, names: tuple[str, ...], patient_days: Decimal) -> Json:
    return {
        name: {"alerts": row[name], "per_patient_day": _each(row[name], patient_days)}
        for name in names
    }


def _each(count: int, patient_days: Decimal) -> Decimal | None:
    return round(count / patient_days, 3) if patient_days else None


def _share(part: int, whole: int) -> Decimal | None:
    return round(Decimal(part) / whole, 3) if whole else None


def _seconds(median: float | None) -> int | None:
    return None if median is None else round(median)
