"""Pure: a limit of the patient's own, proposed from what he has measured in the trial weeks.

The median of his own values and their spread: 1.4826 times the median distance from it, which in
values spread like most bodies' is one standard deviation, and which one wild reading hardly moves.
A proposal lies two spreads from the median, and where a red rule asks three: as warning and action
lines lie in a control chart (Shewhart 1931), so that yellow and red are not one line. It is shown
with how many values and days it rests on, and is nobody's limit before a clinician has saved it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from zoneinfo import ZoneInfo

from shared.contracts import Fact
from shared.programmes import TRIAL, Limit, LimitRule, Programme
from shared.programmes.parts import Source

OSLO = ZoneInfo("Europe/Oslo")
LOOKS_BACK = timedelta(days=28)
AS_A_DEVIATION = Decimal("1.4826")
SPREADS = {"yellow": 2, "red": 3}

UP = ("above", "at_least")


@dataclass(frozen=True, slots=True)
class Proposed:
    """`value` None: too little is known yet, and `n` and the days say how little."""

    n: int
    first: date | None
    last: date | None
    median: Decimal | None = None
    spread: Decimal | None = None
    value: Decimal | None = None


def proposed(programme: Programme, limit: Limit, facts: Sequence[Fact]) -> Proposed | None:
    """None for a limit that does not compare a measured value itself."""
    found = _measured(programme, limit.name)
    if found is None:
        return None
    sources, goes_up, spreads = found
    trial = programme.trial or TRIAL
    values = [
        (fact.at.astimezone(OSLO).date(), Decimal(value))
        for fact in facts
        for source in sources
        if (value := _value(fact, source)) is not None
    ]
    if not values:
        return Proposed(0, None, None)
    days = [day for day, _ in values]
    first, last = min(days), max(days)
    if len(values) < trial.values or (last - first).days + 1 < trial.days:
        return Proposed(len(values), first, last)
    middle = median(value for _, value in values)
    spread = AS_A_DEVIATION * median(abs(value - middle) for _, value in values)
    edge = middle + spreads * spread if goes_up else middle - spreads * spread
    inside = min(max(_as_written(edge, limit), limit.min), limit.max)
    return Proposed(len(values), first, last, middle, spread, inside)


def kinds_of(programme: Programme) -> list[str]:
    found = (_measured(programme, limit.name) for limit in programme.limits)
    return sorted({source.kind for one in found if one for source in one[0]})


def reds_of(programme: Programme) -> frozenset[str | Decimal]:
    """The limits that a red rule holds a measured value itself against."""
    return frozenset(
        rule.comparison[1]
        for rule in programme.rules
        if isinstance(rule, LimitRule) and rule.colour == "red"
    )


def since(now: datetime) -> datetime:
    return now - LOOKS_BACK


def _measured(programme: Programme, name: str) -> tuple[tuple[Source, ...], bool, int] | None:
    """What the limit is held against, whether it speaks of what lies above it, and how many spreads
    from the middle it may lie."""
    for rule in programme.rules:
        if not isinstance(rule, LimitRule) or rule.comparison[1] != name:
            continue
        sources = programme.input_by_name[rule.input].sources
        if all(source.kind for source in sources):
            return sources, rule.comparison[0] in UP, SPREADS[rule.colour]
    return None


def _value(fact: Fact, source: Source) -> int | Decimal | None:
    if fact.kind != source.kind:
        return None
    if source.phase and fact.body.get("context", {}).get("phase", "none") not in source.phase:
        return None
    value = fact.body.get("values", {}).get(source.field)
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return value if is_number else None


def _as_written(value: Decimal, limit: Limit) -> Decimal:
    """With as many decimals as the programme writes its own number."""
    written = limit.default if limit.default is not None else limit.min
    exponent = int(written.normalize().as_tuple().exponent)
    return value.quantize(Decimal(1).scaleb(min(exponent, 0)), ROUND_HALF_UP)
