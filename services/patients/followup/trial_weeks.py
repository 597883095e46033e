"""Pure: what is suggested of a patient's limits when his trial weeks are over, and when his
readings are looked at again.

A red limit is suggested only where it would then speak less: his ordinary values lie so near it
that it speaks of them. That a red should speak sooner than the programme says is not computed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.patients.followup import own_limits
from shared.contracts import Fact
from shared.limits import widening
from shared.limits.nouns import Suggested
from shared.programmes import Limit, Programme

FIRST_LOOK = timedelta(minutes=1)
DAILY, WEEKLY = timedelta(days=1), timedelta(days=7)
NEW = timedelta(days=56)  # of an enrolment: while it is, nobody waits longer than a day


@dataclass(frozen=True, slots=True)
class Outcome:
    """`again` None: everything has had its answer, and none of them is asked about again."""

    put: list[Suggested]
    drop: list[str]
    again: datetime | None
    every: timedelta


def looked_at(
    programme: Programme,
    facts: Sequence[Fact],
    decided: Collection[str],
    held: Mapping[str, Suggested],
    *,
    started_at: datetime,
    every: timedelta,
    now: datetime,
) -> Outcome:
    """`decided`: limits with a decision of their own or one that awaits a second clinician; `held`:
    what was suggested before, by name."""
    put: list[Suggested] = []
    drop: list[str] = []
    later: list[datetime] = []
    every = min(every * 2, DAILY if now - started_at < NEW else WEEKLY)
    for limit in programme.limits:
        found = own_limits.proposed(programme, limit, facts)
        if found is None or limit.name in decided:
            continue
        before = held.get(limit.name)
        if before is not None and before.state == "kept" and _is_kept(before, now):
            later += [before.again_at] if before.again_at else []
            continue
        if before is not None and before.state == "decided":
            continue
        later.append(now + every)
        one = _suggested(programme, limit, found, before, now)
        if one is not None:
            put.append(one)
        elif before is not None and before.state == "waiting":
            drop.append(limit.name)
    return Outcome(put, drop, min(later, default=None), every)


def _is_kept(one: Suggested, now: datetime) -> bool:
    return one.again_at is None or one.again_at > now


def _suggested(
    programme: Programme,
    limit: Limit,
    found: own_limits.Proposed,
    before: Suggested | None,
    now: datetime,
) -> Suggested | None:
    """None where too little is known, where nothing else than what is in force would come of it,
    and where it lies at or beyond what the programme allows."""
    if (
        found.value is None or found.median is None or found.spread is None
        or found.first is None or found.last is None or found.value == limit.default
        or not limit.min < found.value < limit.max
    ):  # fmt: skip
        return None
    is_red = limit.name in own_limits.reds_of(programme)
    if is_red and not widening.widening(programme, limit.name, None, found.value):
        return None
    since = before.since if before is not None and before.state == "waiting" else now
    one = Suggested(
        programme.slug, limit.name, "waiting", since, found.value, found.median, found.spread,
        found.n, found.first, found.last,
    )  # fmt: skip
    return replace(one, spread=found.spread.quantize(own_limits.AS_A_DEVIATION))
