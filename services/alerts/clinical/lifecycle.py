"""An alert's life: which move is allowed from which state, by whom, and what it requires.

Only a person closes a red alert; a yellow one may expire; an acknowledgement runs out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from shared.programmes import Colour


class State(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Move(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    NOTE = "note"
    ESCALATE = "escalate"
    CLOSE = "close"
    REOPEN = "reopen"
    EXPIRE = "expire"
    ACK_EXPIRED = "ack-expired"
    SNOOZE_ENDED = "snooze-ended"
    WORSEN = "worsen"


class Role(StrEnum):
    NURSE = "nurse"
    PHYSICIAN = "physician"
    SYSTEM = "system"


class MoveNotAllowed(ValueError):
    """This move is not possible from the alert's state."""


class MoveNotYours(PermissionError):
    """This move is not for your role."""


class NoteMissing(ValueError):
    """This move needs a note that says why."""


class UntilMissing(ValueError):
    """This move needs a time until which it holds."""


class UntilIsUnusable(ValueError):
    """The time must be ahead, and not further than the move allows."""


PEOPLE = frozenset({Role.NURSE, Role.PHYSICIAN})
SYSTEM = frozenset({Role.SYSTEM})

ACKNOWLEDGED_AT_MOST: Mapping[Colour, timedelta] = {
    "red": timedelta(hours=24),
    "yellow": timedelta(days=7),
}
RED_ACKNOWLEDGED_FOR = timedelta(hours=12)
YELLOW_EXPIRES = timedelta(hours=72)
SNOOZED_AT_MOST: Mapping[Colour, timedelta] = {
    "red": timedelta(hours=12),
    "yellow": timedelta(hours=12),
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """One row of the table. `note` always, for red only, or never required."""

    leads: Mapping[State, State]
    by: frozenset[Role]
    note: Literal["always", "red", "no"] = "no"
    until: Literal["required", "may", "no"] = "no"
    at_most: Mapping[Colour, timedelta] | None = None
    colours: tuple[Colour, ...] = ("red", "yellow")


STAYS = {State.OPEN: State.OPEN, State.ACKNOWLEDGED: State.ACKNOWLEDGED}

TABLE: Mapping[Move, Allowed] = {
    Move.ACKNOWLEDGE: Allowed(
        {State.OPEN: State.ACKNOWLEDGED},
        PEOPLE,
        until="may",
        at_most=ACKNOWLEDGED_AT_MOST,
    ),
    Move.ASSIGN: Allowed(STAYS, PEOPLE),
    Move.SNOOZE: Allowed(
        {State.OPEN: State.ACKNOWLEDGED, State.ACKNOWLEDGED: State.ACKNOWLEDGED},
        PEOPLE,
        note="always",
        until="required",
        at_most=SNOOZED_AT_MOST,
    ),
    Move.NOTE: Allowed({**STAYS, State.CLOSED: State.CLOSED}, PEOPLE, note="always"),
    Move.ESCALATE: Allowed(STAYS, PEOPLE | SYSTEM, note="always"),
    Move.CLOSE: Allowed(
        {State.OPEN: State.CLOSED, State.ACKNOWLEDGED: State.CLOSED}, PEOPLE, note="red"
    ),
    Move.REOPEN: Allowed({State.CLOSED: State.OPEN}, PEOPLE, note="always"),
    Move.EXPIRE: Allowed({State.ACKNOWLEDGED: State.CLOSED}, SYSTEM, colours=("yellow",)),
    Move.ACK_EXPIRED: Allowed({State.ACKNOWLEDGED: State.OPEN}, SYSTEM),
    Move.SNOOZE_ENDED: Allowed({State.ACKNOWLEDGED: State.OPEN}, SYSTEM),
    Move.WORSEN: Allowed({State.OPEN: State.OPEN, State.ACKNOWLEDGED: State.OPEN}, SYSTEM),
}


def next_state(
    move: Move,
    state: State,
    colour: Colour,
    role: Role,
    now: datetime,
    *,
    note: str | None = None,
    until: datetime | None = None,
) -> State:
    """The state after the move, or the fact that speaks against it."""
    allowed = TABLE[move]
    if role not in allowed.by:
        raise MoveNotYours(move)
    if state not in allowed.leads or colour not in allowed.colours:
        raise MoveNotAllowed(move)
    if not (note or "").strip() and (
        allowed.note == "always" or (allowed.note == "red" and colour == "red")
    ):
        raise NoteMissing(move)
    if allowed.until == "required" and until is None:
        raise UntilMissing(move)
    if until is not None:
        if allowed.until == "no":
            raise UntilIsUnusable(move)
        if until <= now or (allowed.at_most and until - now > allowed.at_most[colour]):
            raise UntilIsUnusable(move)
    return allowed.leads[state]


def moves(state: State, colour: Colour, role: Role) -> tuple[Move, ...]:
    """What this person may do with an alert in this state: the buttons of the page."""
    return tuple(
        move
        for move, allowed in TABLE.items()
        if role in allowed.by and state in allowed.leads and colour in allowed.colours
    )


def runs_out(colour: Colour, at: datetime, until: datetime | None) -> tuple[Move, datetime]:
    """What the clock does to an acknowledgement given at `at`, and when."""
    if until is not None:
        return Move.ACK_EXPIRED, until
    if colour == "red":
        return Move.ACK_EXPIRED, at + RED_ACKNOWLEDGED_FOR
    return Move.EXPIRE, at + YELLOW_EXPIRES


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> open: raise"]
    for move, allowed in TABLE.items():
        for before, after in allowed.leads.items():
            lines.append(f"    {before} --> {after}: {_label(move, allowed)}")
    return "\n".join(lines) + "\n"


def _label(move: Move, allowed: Allowed) -> str:
    said = [] if allowed.by & PEOPLE else ["system"]
    if len(allowed.colours) == 1:
        said.append(f"{allowed.colours[0]} only")
    return f"{move} ({', '.join(said)})" if said else str(move)
