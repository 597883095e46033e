"""Whose turn it is with an alert that nobody has answered: decided anew at each step's moment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared import ladders
from shared.ladders import Ladder, Rung
from shared.programmes import Colour, Lane


class What(StrEnum):
    FORGET = "forget"
    REST = "rest"
    END = "end"
    WAIT = "wait"
    STEP = "step"


class Why(StrEnum):
    ANSWERED = "Somebody has answered, or the alert is closed."
    NO_LADDER = "The unit has no ladder: nobody is told."
    NOT_OF_SUCH = "The ladder tells nobody further of such alerts."
    NOT_YET = "The turn of the next step has not come."
    UNANSWERED = "Nobody has answered, and the turn of the next step has come."


@dataclass(frozen=True, slots=True)
class Standing:
    """The alert as it stands."""

    colour: Colour
    lane: Lane
    emergency: bool


@dataclass(frozen=True, slots=True)
class Climb:
    """How far an alert has come. `planned` false: told anew, and the ladder not yet looked at."""

    step: int
    planned: bool
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """`next_at` is when to look again; None: never by itself."""

    what: What
    why: Why
    rung: Rung | None = None
    next_at: datetime | None = None


def turn(climb: Climb, open_: Standing | None, ladder: Ladder | None, now: datetime) -> Turn:
    """At the moment that was set; `open_` None when the alert is acknowledged or closed."""
    if open_ is None:
        return Turn(What.FORGET, Why.ANSWERED)
    if ladder is None:
        return Turn(What.REST, Why.NO_LADDER)
    how = ladders.severity(open_.colour, open_.lane, open_.emergency)
    if not climb.planned:
        first = ladders.due(ladder, 0, climb.told_at, how, open_.colour)
        if first is None:
            return Turn(What.END, Why.NOT_OF_SUCH)
        if first > now:
            return Turn(What.WAIT, Why.NOT_YET, next_at=first)
    rung = ladders.reach(ladder, climb.step, now, how, open_.colour)
    if rung is None:
        return Turn(What.END, Why.NOT_OF_SUCH)
    again = ladders.due(ladder, rung.number, now, how, open_.colour)
    return Turn(What.STEP, Why.UNANSWERED, rung, again)
