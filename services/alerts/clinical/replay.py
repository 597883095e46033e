"""What rules would have said: a programme, or a changed one, over facts that were stored.

The same pure code as the live judging. To compare two versions fairly nobody's clicks are
played again: what one group of rules says of a patient on one local day counts as one alert.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from services.alerts.clinical import rules, schedule
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record
from shared.programmes import Colour, Lane, Programme


class Told(NamedTuple):
    """One alert of a replay: the gravest finding of its group on its day."""

    group: str
    day: date
    colour: Colour
    lane: Lane
    rule: str
    at: datetime
    reason: Mapping[str, str]

    @property
    def key(self) -> tuple[str, date]:
        return (self.group, self.day)


class Difference(NamedTuple):
    """Of one patient. `worse` and `milder` are there before and after, in another colour."""

    before: tuple[Told, ...]
    after: tuple[Told, ...]
    vanished: tuple[Told, ...]
    new: tuple[Told, ...]
    worse: tuple[Told, ...]
    milder: tuple[Told, ...]


def told(programme: Programme, record: Record, since: datetime, now: datetime) -> tuple[Told, ...]:
    """The alerts from `since` to `now`, as they would have been raised by `now`."""
    gravest: dict[tuple[str, date], Finding] = {}
    for one in rules.findings(programme, record, now, since):
        if not since <= one.at <= now:
            continue
        key = (one.group, schedule.local_day(one.at))
        if key not in gravest or _gravity(one) > _gravity(gravest[key]):
            gravest[key] = one
    return tuple(
        Told(group, day, one.colour, one.lane, one.rule, one.at, one.reason)
        for (group, day), one in sorted(gravest.items(), key=lambda item: item[1].at)
    )


def difference(
    before: Programme,
    after: Programme,
    record: Record,
    changed: Record,
    since: datetime,
    now: datetime,
) -> Difference:
    """`changed` is the record with the limits to be tried; the same one when rules are tried."""
    was = {one.key: one for one in told(before, record, since, now)}
    will = {one.key: one for one in told(after, changed, since, now)}
    both = was.keys() & will.keys()
    return Difference(
        tuple(was.values()),
        tuple(will.values()),
        tuple(one for key, one in was.items() if key not in will),
        tuple(one for key, one in will.items() if key not in was),
        tuple(will[key] for key in both if (was[key].colour, will[key].colour) == YELLOW_RED),
        tuple(will[key] for key in both if (will[key].colour, was[key].colour) == YELLOW_RED),
    )


def with_defaults(programme: Programme, limits: Mapping[str, Decimal]) -> Programme:
    """The programme with other defaults; a limit set for one patient still wins over them."""
    changed = tuple(
        one.model_copy(update={"default": limits[one.name]}) if one.name in limits else one
        for one in programme.limits
    )
    return Programme.model_construct(
        _fields_set=programme.model_fields_set,
        **{
            **{name: getattr(programme, name) for name in Programme.model_fields},
            "limits": changed,
        },
    )


def per_day(several: Iterable[Told], days: int) -> dict[str, Decimal]:
    """Alerts a day, by colour of the clinical lane, and of the technical lane together."""
    counts = {"red": 0, "yellow": 0, "technical": 0}
    for one in several:
        counts[one.colour if one.lane == "clinical" else "technical"] += 1
    return {name: Decimal(count) / max(days, 1) for name, count in counts.items()}


YELLOW_RED = ("yellow", "red")


def _gravity(one: Finding) -> tuple[bool, bool, bool, datetime, int]:
    return (one.lane == "clinical", one.colour == "red", one.emergency, one.at, one.id.int)
