"""Whether a nurse hears of what was found: raise, worsen, repeat or leave, with the reason.

New findings join an alert only when it is already at least as grave: a rise in colour, a new
NEWS2 parameter that alone scores 3, or another red rule of the group, as grave as those that were
acknowledged, un-acknowledges and breaks a snooze.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.alerts.clinical.finding import Finding
from services.alerts.clinical.lifecycle import State
from shared.programmes import Colour


class What(StrEnum):
    RAISE = "raise"
    WORSEN = "worsen"
    REPEAT = "repeat"
    LEAVE = "leave"


class Why(StrEnum):
    """The value is the sentence shown in the alert's history."""

    NOTHING_NEW = "Nothing is found that the alert or a closed one does not already hold."
    FIRST = "A finding that no close has seen, and no open alert in this group."
    GRAVER = "Graver than the open alert: it is told again and no longer acknowledged."
    NEW_PARAMETER = "Another parameter alone scores 3: told again and no longer acknowledged."
    ANOTHER_RED = "Another red rule speaks than those acknowledged: told again."
    SNOOZE_OVER = "The snooze is over and the alert is still open: told again."
    ALREADY_OPEN = "Added to the open alert, which is at least as grave and already told."
    ACKNOWLEDGED = "Added to the acknowledged alert, which is at least as grave."
    SNOOZED = "Added to the snoozed alert, which is at least as grave."


@dataclass(frozen=True, slots=True)
class Standing:
    """The open or acknowledged alert of this patient and rule group, as it stands."""

    colour: Colour
    emergency: bool
    state: State
    findings: frozenset[UUID]
    rules: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """`findings` are to be added; `colour` and `emergency` are the alert's from now on."""

    what: What
    why: Why
    tell: bool
    colour: Colour | None
    emergency: bool
    findings: tuple[UUID, ...] = ()
    marks: tuple[str, ...] = ()


def decide(
    standing: Standing | None,
    found: Iterable[Finding],
    closed: Container[UUID],
    now: datetime,
) -> Notice:
    """`found` are the group's findings; `closed` the ids that any close has seen."""
    known: Container[UUID] = standing.findings if standing else ()
    new = [one for one in found if one.id not in known and one.id not in closed]
    if not new:
        return _nothing_new(standing, now)
    ids = tuple(one.id for one in new)
    gravest = max(new, key=_gravity)
    marks = tuple(dict.fromkeys(mark for one in new for mark in one.marks))
    if standing is None:
        return Notice(What.RAISE, Why.FIRST, True, gravest.colour, gravest.emergency, ids, marks)
    if _gravity(gravest) > _gravity(standing):
        return Notice(What.WORSEN, Why.GRAVER, True, gravest.colour, gravest.emergency, ids, marks)
    same = (standing.colour, standing.emergency, ids, marks)
    if not standing.marks.issuperset(marks):
        return Notice(What.WORSEN, Why.NEW_PARAMETER, True, *same)
    if standing.snoozed_until is not None and now >= standing.snoozed_until:
        return Notice(What.REPEAT, Why.SNOOZE_OVER, True, *same)
    if standing.state is State.ACKNOWLEDGED and any(
        one.colour == "red"
        and one.rule not in standing.rules
        and _gravity(one) == _gravity(standing)
        for one in new
    ):
        return Notice(What.WORSEN, Why.ANOTHER_RED, True, *same)
    if standing.snoozed_until is not None:
        return Notice(What.REPEAT, Why.SNOOZED, False, *same)
    if standing.state is State.ACKNOWLEDGED:
        return Notice(What.REPEAT, Why.ACKNOWLEDGED, False, *same)
    return Notice(What.REPEAT, Why.ALREADY_OPEN, False, *same)


def _nothing_new(standing: Standing | None, now: datetime) -> Notice:
    if standing is None:
        return Notice(What.LEAVE, Why.NOTHING_NEW, False, None, False)
    over = standing.snoozed_until is not None and now >= standing.snoozed_until
    if over:
        return Notice(What.REPEAT, Why.SNOOZE_OVER, True, standing.colour, standing.emergency)
    return Notice(What.LEAVE, Why.NOTHING_NEW, False, standing.colour, standing.emergency)


def _gravity(one: Finding | Standing) -> int:
    if one.colour == "yellow":
        return 1
    return 3 if one.emergency else 2
