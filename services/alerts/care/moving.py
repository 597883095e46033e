"""Pure: what a person's move makes of an alert. Changes the patient, answers what is to be written.

The law: a hand-over never begins a wait or an escalation anew; what is declined is heard again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.alerts.clinical import lifecycle
from services.alerts.clinical.lifecycle import Move
from services.alerts.judging.patient import PLATFORM, Alert, Moved, Patient
from services.alerts.judging.raising import Changes
from shared.programmes import LIFE, Life

ANSWERS = (Move.ACCEPT, Move.DECLINE)
# What a unit may do to an alert that it is only offered.
BEFORE = (*ANSWERS, Move.NOTE)


class AnotherIsOpen(Exception):
    """Another alert of this kind is open for the patient: move that one"""


class NothingHandedOver(Exception):
    """This alert is not handed over to anybody: there is nothing to answer"""


class NotHandedToYou(Exception):
    """Only the unit that an alert is handed over to answers for it"""


class AcceptItFirst(Exception):
    """The alert is only offered to your unit: accept or decline it first"""


class UnknownUnit(Exception):
    """There is no such unit"""


class UnitMissing(ValueError):
    """A hand-over names the unit that is to have the alert"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The move as asked for. `version` is the alert's as it stood on the screen."""

    move: Move
    version: int
    note: str | None = None
    until: datetime | None = None
    assignee: str | None = None
    outcome: str | None = None
    unit: UUID | None = None
    confirm: bool = False
    remind_at: datetime | None = None


class Mover(NamedTuple):
    """Who moves, and in which units."""

    id: str
    name: str
    role: str
    units: frozenset[UUID]


def apply(
    patient: Patient,
    alert: Alert,
    by: Mover,
    wanted: Wanted,
    now: datetime,
    *,
    seen: tuple[UUID, ...],
    assignee_name: str | None = None,
    life: Life = LIFE,
) -> Changes:
    """What `lifecycle` and the errors above speak against changes nothing."""
    state = lifecycle.next_state(
        wanted.move,
        alert.state,
        alert.colour,
        lifecycle.Role(by.role),
        now,
        note=wanted.note,
        until=wanted.until,
        confirm=wanted.confirm,
        life=life,
    )
    _refuse(patient, alert, by, wanted)
    changes = Changes()
    about: dict[str, Any] = {}
    match wanted.move:
        case Move.ACKNOWLEDGE:
            _acknowledge(alert, by, now)
            alert.acknowledged_until = wanted.until
            alert.body = {**alert.body, "holds": _holds(alert, life, now)}
        case Move.SNOOZE:
            _acknowledge(alert, by, now)
            alert.snoozed_until = wanted.until
        case Move.ASSIGN:
            _assign(alert, wanted.assignee, assignee_name, now)
            about["assignee_name"] = alert.assignee_name
        case Move.ESCALATE:
            alert.body = {**alert.body, "escalated_at": now.isoformat()}
        case Move.CLOSE:
            alert.closed_at = now
            alert.oldest_unacknowledged = None
            alert.snoozed_until = alert.acknowledged_until = None
            if is_offered(alert):
                _hand_over(alert, by, alert.unit_id, None, now)
            patient.alerts.pop(alert.id, None)
        case Move.REOPEN:
            alert.closed_at = alert.acknowledged_at = alert.acknowledged_by = None
            alert.acknowledged_until = alert.snoozed_until = None
            alert.oldest_unacknowledged = now
            patient.alerts[alert.id] = alert
            patient.state.seen_at = patient.state.seen_by = None
        case Move.HAND_OVER:
            assert wanted.unit is not None
            _hand_over(alert, by, wanted.unit, wanted.note, now)
            about |= {"from": _text(alert.unit_id), "to": str(wanted.unit)}
        case Move.ACCEPT:
            about |= {"from": _text(alert.unit_id), "to": alert.body["handed"]["to"]}
            alert.unit_id = UUID(alert.body["handed"]["to"])
            _answer(alert, by, "accepted", wanted.note, now)
            _assign(alert, by.id, by.name, now)
        case Move.DECLINE:
            about |= {"from": _text(alert.unit_id), "to": alert.body["handed"]["to"]}
            _answer(alert, by, "declined", wanted.note, now)
            alert.acknowledged_at = alert.acknowledged_by = None
            alert.acknowledged_until = alert.snoozed_until = None
            alert.oldest_unacknowledged = alert.oldest_unacknowledged or now
            alert.notified_at = now
            changes.told.append(alert.id)
        case _:
            pass  # a note changes nothing but the history
    alert.body = {**alert.body, "touched": True}
    alert.state = state
    alert.version += 1
    alert.changed_at = now
    changes.alerts[alert.id] = alert
    changes.moves.append(
        Moved(
            alert_id=alert.id,
            version=alert.version,
            patient_id=alert.patient_id,
            move=str(wanted.move),
            by=by.id,
            by_name=by.name,
            at=now,
            seen=seen,
            state=str(alert.state),
            colour=alert.colour,
            note=wanted.note,
            outcome=wanted.outcome,
            until=wanted.until or wanted.remind_at,
            assignee=alert.assignee if wanted.move is Move.ASSIGN else None,
            body=about,
        )
    )
    return changes


def is_offered(alert: Alert) -> bool:
    """Handed over, and not yet answered."""
    handed = alert.body.get("handed")
    return handed is not None and handed["answer"] is None


def offered_to(alert: Alert) -> UUID | None:
    return UUID(alert.body["handed"]["to"]) if is_offered(alert) else None


def is_elsewhere(alert: Alert, unit: UUID) -> bool:
    """Whether another unit has taken the alert over from those who follow the patient."""
    handed = alert.body.get("handed")
    return handed is not None and handed["answer"] == "accepted" and alert.unit_id != unit


def possible(moves: tuple[Move, ...], alert: Alert, units: frozenset[UUID]) -> list[str]:
    """Of the moves that the state allows, those this reader may make: the buttons of the page."""
    return [str(one) for one in open_to(moves, alert.unit_id, offered_to(alert), units)]


def open_to(
    moves: Iterable[Move], unit: UUID | None, offered: UUID | None, units: frozenset[UUID]
) -> list[Move]:
    """Of these moves, those for somebody of `units`: who is asked answers, and until then the
    alert is the sender's to acknowledge and to close, and waits on the sender's list."""
    asked = offered is not None and offered in units
    if asked and unit not in units:
        return [one for one in moves if one in BEFORE]
    return [one for one in moves if one not in ANSWERS or asked]


def _refuse(patient: Patient, alert: Alert, by: Mover, wanted: Wanted) -> None:
    offered = offered_to(alert)
    if wanted.move not in BEFORE and offered in by.units and alert.unit_id not in by.units:
        raise AcceptItFirst
    match wanted.move:
        case Move.REOPEN:
            if patient.alert_of(alert.programme, alert.group) is not None:
                raise AnotherIsOpen
        case Move.HAND_OVER:
            if wanted.unit is None:
                raise UnitMissing
            if patient.state.patient_id == PLATFORM:
                raise lifecycle.MoveNotAllowed(wanted.move)
            if wanted.unit == alert.unit_id and not is_offered(alert):
                raise lifecycle.MoveNotAllowed(wanted.move)
        case Move.ACCEPT | Move.DECLINE:
            if offered is None:
                raise NothingHandedOver
            if offered not in by.units:
                raise NotHandedToYou
        case _:
            pass


def _acknowledge(alert: Alert, by: Mover, now: datetime) -> None:
    alert.acknowledged_at = now
    alert.acknowledged_by = by.id
    alert.acknowledged_until = alert.snoozed_until = None
    alert.oldest_unacknowledged = None


def _holds(alert: Alert, life: Life, now: datetime) -> int | None:
    """Seconds after which the programme ends an acknowledgement that the nurse gave no end."""
    if alert.acknowledged_until is not None:
        return None
    return int((lifecycle.runs_out(alert.colour, now, None, life)[1] - now).total_seconds())


def _assign(alert: Alert, assignee: str | None, name: str | None, now: datetime) -> None:
    """To somebody who treats patients, or back to nobody."""
    alert.assignee = assignee or None
    alert.assignee_name = name if assignee else None
    alert.assigned_at = now if assignee else None


def _hand_over(alert: Alert, by: Mover, unit: UUID | None, note: str | None, now: datetime) -> None:
    """Offered, and still the first unit's until it is accepted. Back to its own unit: withdrawn."""
    if unit == alert.unit_id:
        alert.body = {name: value for name, value in alert.body.items() if name != "handed"}
        return
    handed = {
        "from": _text(alert.unit_id),
        "to": str(unit),
        "by": by.id,
        "by_name": by.name,
        "at": now.isoformat(),
        "note": note,
        "answer": None,
    }
    alert.body = {**alert.body, "handed": handed}


def _answer(alert: Alert, by: Mover, answer: str, note: str | None, now: datetime) -> None:
    handed = {
        **alert.body["handed"],
        "answer": answer,
        "answered_by_name": by.name,
        "answered_at": now.isoformat(),
        "answer_note": note,
    }
    alert.body = {**alert.body, "handed": handed}


def _text(id_: UUID | None) -> str | None:
    return str(id_) if id_ is not None else None
