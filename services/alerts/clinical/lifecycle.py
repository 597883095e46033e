"""An alert's life: which move is allowed from which state, by whom, and what it requires.

Only a person closes a red alert of a patient; a yellow one may expire or be handled by a rule; an
acknowledgement runs out. How long each holds is the programme's `Life`, with defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from shared.programmes import LIFE, Colour, Life


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
    HAND_OVER = "hand-over"
    ACCEPT = "accept"
    DECLINE = "decline"
    EXPIRE = "expire"
    ACK_EXPIRED = "ack-expired"
    SNOOZE_ENDED = "snooze-ended"
    WORSEN = "worsen"
    HANDLED = "handled-by-rule"
    SAMPLED = "sampled"


class Role(StrEnum):
    NURSE = "nurse"
    PHYSICIAN = "physician"
    SYSTEM = "system"
    SELF_TEST = "system:selftest"  # of its own alerts only: no person reads those


class MoveNotAllowed(ValueError):
    """This move is not possible from the alert's state."""


class MoveNotYours(Exception):
    """This move is not for your role."""


class NoteMissing(ValueError):
    """This move needs a note that says why."""


class UntilMissing(ValueError):
    """This move needs a time until which it holds."""


class UntilIsUnusable(ValueError):
    """The time must be ahead, and not further than the move allows."""


class ConfirmationMissing(ValueError):
    """A red is put off only when it is said twice: confirm the move."""


PEOPLE = frozenset({Role.NURSE, Role.PHYSICIAN})
SYSTEM = frozenset({Role.SYSTEM})
SELF_TEST = frozenset({Role.SELF_TEST})


@dataclass(frozen=True, slots=True)
class Allowed:
    """One row of the table. `note` always, for red only, or never required; `confirm` asks for a
    red to be named twice. How long `until` may hold is the programme's to say (`Life`)."""

    leads: Mapping[State, State]
    by: frozenset[Role]
    note: Literal["always", "red", "no"] = "no"
    until: Literal["required", "may", "no"] = "no"
    confirm: Literal["red", "no"] = "no"
    colours: tuple[Colour, ...] = ("red", "yellow")


STAYS = {State.OPEN: State.OPEN, State.ACKNOWLEDGED: State.ACKNOWLEDGED}

TABLE: Mapping[Move, Allowed] = {
    Move.ACKNOWLEDGE: Allowed(
        {State.OPEN: State.ACKNOWLEDGED},
        PEOPLE,
        until="may",
    ),
    Move.ASSIGN: Allowed(STAYS, PEOPLE),
    Move.SNOOZE: Allowed(
        {State.OPEN: State.ACKNOWLEDGED, State.ACKNOWLEDGED: State.ACKNOWLEDGED},
        PEOPLE,
        note="always",
        until="required",
        confirm="red",
    ),
    Move.NOTE: Allowed({**STAYS, State.CLOSED: State.CLOSED}, PEOPLE, note="always"),
    Move.ESCALATE: Allowed(STAYS, PEOPLE | SYSTEM, note="always"),
    Move.CLOSE: Allowed(
        {State.OPEN: State.CLOSED, State.ACKNOWLEDGED: State.CLOSED},
        PEOPLE | SELF_TEST,
        note="red",
    ),
    Move.REOPEN: Allowed({State.CLOSED: State.OPEN}, PEOPLE, note="always"),
    Move.HAND_OVER: Allowed(STAYS, PEOPLE, note="always"),
    Move.ACCEPT: Allowed(STAYS, PEOPLE),
    Move.DECLINE: Allowed(
        {State.OPEN: State.OPEN, State.ACKNOWLEDGED: State.OPEN}, PEOPLE, note="always"
    ),
    Move.EXPIRE: Allowed({State.ACKNOWLEDGED: State.CLOSED}, SYSTEM, colours=("yellow",)),
    Move.ACK_EXPIRED: Allowed({State.ACKNOWLEDGED: State.OPEN}, SYSTEM),
    Move.SNOOZE_ENDED: Allowed({State.ACKNOWLEDGED: State.OPEN}, SYSTEM),
    Move.WORSEN: Allowed({State.OPEN: State.OPEN, State.ACKNOWLEDGED: State.OPEN}, SYSTEM),
    Move.HANDLED: Allowed({State.OPEN: State.CLOSED}, SYSTEM, colours=("yellow",)),
    Move.SAMPLED: Allowed({State.OPEN: State.OPEN}, SYSTEM, colours=("yellow",)),
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
    confirm: bool = False,
    life: Life = LIFE,
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
        if until <= now or until - now > _at_most(move, colour, life):
            raise UntilIsUnusable(move)
    if allowed.confirm == colour and not confirm:
        raise ConfirmationMissing(move)
    return allowed.leads[state]


def moves(state: State, colour: Colour, role: Role) -> tuple[Move, ...]:
    """What this person may do with an alert in this state: the buttons of the page."""
    return tuple(
        move
        for move, allowed in TABLE.items()
        if role in allowed.by and state in allowed.leads and colour in allowed.colours
    )


def runs_out(
    colour: Colour, at: datetime, until: datetime | None, life: Life = LIFE
) -> tuple[Move, datetime]:
    """What the clock does to an acknowledgement given at `at`, and when."""
    if until is not None:
        return Move.ACK_EXPIRED, until
    if colour == "red":
        return Move.ACK_EXPIRED, at + life.acknowledged_red
    return Move.EXPIRE, at + life.acknowledged_yellow


def _at_most(move: Move, colour: Colour, life: Life) -> timedelta:
    if move is Move.SNOOZE:
        return life.snoozed_at_most
    red = colour == "red"
    return life.acknowledged_red_at_most if red else life.acknowledged_yellow_at_most


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


def table() -> str:
    """The same as a table: from where to where, by whom, and what the move requires."""
    lines = ["| move | from → to | by | requires | colours |", "| --- | --- | --- | --- | --- |"]
    for move, allowed in TABLE.items():
        leads = ", ".join(
            str(before) if before is after else f"{before} → {after}"
            for before, after in allowed.leads.items()
        )
        by = ", ".join(sorted(allowed.by))
        colours = ", ".join(allowed.colours)
        lines.append(f"| {move} | {leads} | {by} | {_requires(allowed) or '–'} | {colours} |")
    return "\n".join(lines) + "\n"


def _requires(allowed: Allowed) -> str:
    said = []
    if allowed.note != "no":
        said.append("a note" if allowed.note == "always" else "a note on red")
    if allowed.until != "no":
        said.append("a time" if allowed.until == "required" else "a time if wished")
    if allowed.confirm == "red":
        said.append("to be confirmed on red")
    return ", ".join(said)
