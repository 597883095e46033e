"""Pure: by which of the patient's limits a line in a curve can be moved."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from services.alerts.clinical.history import Record
from services.alerts.rows import row
from shared.programmes import Programme, TargetRule

Json = dict[str, Any]
UPPER = ("above", "at_least")


def of_series(
    record: Record, programme: Programme, drawn: tuple[str, str], now: datetime
) -> list[Json]:
    """For the lines drawn of a series (`row.limits_of`): the limit's name, and where on the axis
    its number stands: `offset` plus or minus it."""
    low, high = row.limits_of(record, programme, drawn, now)
    found: dict[str, Json] = {}
    for rule in programme.red_limits:
        how, name = rule.comparison
        if drawn not in programme.input_by_name[rule.input].reads or not isinstance(name, str):
            continue
        number = row.number_of(record, programme, name, now)
        if number is None:
            continue
        offset, sides = Decimal(0), ["high" if how in UPPER else "low"]
        if isinstance(rule, TargetRule):
            target = row.number_of(record, programme, rule.target, now)
            if target is None:
                continue
            offset = target
            sides = {"over": ["high"], "under": ["low"]}.get(rule.direction, ["high", "low"])
        for side in sides:
            sign = -1 if side == "low" and offset else 1
            if offset + sign * number == (low if side == "low" else high):
                found.setdefault(
                    side,
                    {
                        "side": side,
                        "programme": programme.slug,
                        "name": name,
                        "offset": offset,
                        "sign": sign,
                        "value": number,
                    },
                )
    return list(found.values())
