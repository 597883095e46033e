"""Pure: what a judging changes. Findings are added to alerts by `notice`, once; what is found no
more is marked and waits for a person; the clock's own moves are made here too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

from services.alerts.clinical import lifecycle, notice
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.clinical.notice import Notice, Standing, What
from services.alerts.judging.patient import SYSTEM, Alert, Expected, Kept, Moved, Patient, unit_of


class Covers(Protocol):
    """(programme, rule) -> from which moment the judging answered completely, if it did."""

    def get(self, key: tuple[str, str], /) -> datetime | None: ...


# Of an alert's body, what is not of its findings.
KEPT = ("escalated_at", "handed", "handled", "holds", "sample", "touched")
# Whose fault a technical alarm is when silence did not already say.
CAUSES = {
    "device-battery": "device",
    "device-contact": "device",
    "device-identity": "device",
    "after-end": "patient",
    "pause": "patient",
    "row-differs": "us",
    "judging": "us",
}


# That telling fails is told by no channel: it stands on the list.
SHOWN_ONLY = frozenset({"undelivered", "unanswered"})


@dataclass(slots=True)
class Changes:
    """What is to be written for one patient. `told` are the alerts a nurse should hear of now."""

    raised: list[tuple[Finding, UUID]] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    back: list[UUID] = field(default_factory=list)
    alerts: dict[UUID, Alert] = field(default_factory=dict)
    moves: list[Moved] = field(default_factory=list)
    told: list[UUID] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    unexpected: list[Expected] = field(default_factory=list)

    def merge(self, later: "Changes") -> None:
        self.raised += later.raised
        self.gone += later.gone
        self.back += later.back
        self.alerts |= later.alerts
        self.moves += later.moves
        self.told += later.told
        self.expected += later.expected
        self.unexpected += later.unexpected

    def __bool__(self) -> bool:
        return bool(self.raised or self.gone or self.back or self.moves)


def settle(
    patient: Patient,
    found: Iterable[Finding],
    covers: Covers,
    now: datetime,
    *,
    cause: str | None = None,
) -> Changes:
    """Bring alerts and known findings in line with what is found. Changes `patient` too."""
    changes = Changes()
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    ids: dict[UUID, Finding] = {}
    for one in found:
        groups[one.programme, one.group].append(one)
        ids[one.id] = one
    for (programme, group), several in groups.items():
        _tell(patient, programme, group, several, now, cause, changes)
    _lose(patient, ids, covers, now, changes)
    return changes


def run_out(patient: Patient, now: datetime) -> Changes:
    """What the clock does to alerts: acknowledgements and snoozes end, yellow ones expire."""
    changes = Changes()
    for alert in list(patient.alerts.values()):
        due = runs_out(alert)
        if due is None or now < due[1]:
            continue
        move = due[0]
        if move is lifecycle.Move.EXPIRE:
            alert.closed_at = now
            del patient.alerts[alert.id]
        else:
            alert.oldest_unacknowledged = now
            alert.notified_at = now
            changes.told.append(alert.id)
        alert.state = lifecycle.next_state(
            move, alert.state, alert.colour, lifecycle.Role.SYSTEM, now
        )
        alert.snoozed_until = None
        alert.acknowledged_until = None
        alert.acknowledged_at = None
        _record(patient, alert, str(move), now, changes)
    return changes


def runs_out(alert: Alert) -> tuple[lifecycle.Move, datetime] | None:
    """What the clock will do to an alert, and when."""
    if alert.state is not Life.ACKNOWLEDGED:
        return None
    if alert.snoozed_until is not None:
        return lifecycle.Move.SNOOZE_ENDED, alert.snoozed_until
    given = alert.acknowledged_at or alert.changed_at
    move, at = lifecycle.runs_out(alert.colour, given, alert.acknowledged_until)
    # What the programme said when it was acknowledged; older ones have only the defaults.
    holds = alert.body.get("holds") if alert.acknowledged_until is None else None
    return move, given + timedelta(seconds=holds) if holds else at


def _tell(
    patient: Patient,
    programme: str,
    group: str,
    found: list[Finding],
    now: datetime,
    cause: str | None,
    changes: Changes,
) -> None:
    for one in found:
        kept = patient.known.get(one.id)
        if kept is not None and kept.gone_at is not None:
            kept.gone_at = None
            changes.back.append(one.id)
    alert = patient.alert_of(programme, group)
    decided = notice.decide(_standing(patient, alert), found, patient.known, now)
    if decided.what is What.LEAVE or not decided.findings:
        return
    added = set(decided.findings)
    new = [one for one in found if one.id in added]
    if decided.what is not What.REPEAT:
        # A green that was looked at is looked at anew when it is green again.
        patient.state.seen_at = patient.state.seen_by = None
    if alert is None:
        alert = _opened(patient, new, decided, now)
        patient.alerts[alert.id] = alert
    else:
        alert.version += 1
        alert.changed_at = now
        _grow(alert, new, decided, now)
    if alert.lane == "technical":
        alert.cause = cause or alert.cause or CAUSES.get(group)
    for one in new:
        patient.known[one.id] = Kept(
            one.id, alert.id, programme, one.rule, group, one.at, score=one.score
        )
        changes.raised.append((one, alert.id))
    if decided.tell:
        changes.told.append(alert.id)
    about: dict[str, Any] = {
        "why": decided.why.name.lower().replace("_", "-"),
        "findings": [str(one) for one in decided.findings],
        "reason": alert.body["reason"],
        "late": alert.late,
    }
    _append(patient, alert, decided.what.value, now, changes, about)


def _standing(patient: Patient, alert: Alert | None) -> Standing | None:
    if alert is None:
        return None
    return Standing(
        colour=alert.colour,
        emergency=alert.emergency,
        state=alert.state,
        findings=frozenset(patient.findings_of(alert.id)),
        rules=frozenset(kept.rule for kept in patient.known.values() if kept.alert_id == alert.id),
        marks=frozenset(alert.body.get("marks", ())),
        snoozed_until=alert.snoozed_until,
    )


def _opened(patient: Patient, new: list[Finding], decided: Notice, now: datetime) -> Alert:
    worst = _worst(new)
    return Alert(
        id=uuid4(),
        patient_id=patient.state.patient_id,
        unit_id=_unit(patient, worst),
        programme=worst.programme,
        group=worst.group,
        lane=worst.lane,
        rule=worst.rule,
        colour=decided.colour or worst.colour,
        emergency=decided.emergency,
        opened_at=now,
        changed_at=now,
        notified_at=now,
        oldest_unacknowledged=now,
        late=all(one.late for one in new),
        retake=any(one.retake for one in new),
        body=_shown(worst, new) | {"marks": list(decided.marks)},
    )


def _grow(alert: Alert, new: list[Finding], decided: Notice, now: datetime) -> None:
    """More findings on a standing alert. Graver ones un-acknowledge it and break a snooze."""
    worst = _worst(new)
    marks = list(dict.fromkeys([*alert.body.get("marks", ()), *decided.marks]))
    alert.retake = any(one.retake for one in new)
    alert.late = alert.late and all(one.late for one in new)
    count = alert.body.get("count", 0) + len(new)
    if decided.tell:
        # Worse, or put off until now: nobody has it in hand any more.
        alert.state = Life.OPEN
        alert.acknowledged_at = alert.acknowledged_until = alert.snoozed_until = None
        alert.oldest_unacknowledged = alert.oldest_unacknowledged or now
    if decided.what is What.WORSEN:
        alert.colour = decided.colour or alert.colour
        alert.emergency = decided.emergency
        alert.oldest_unacknowledged = now
        alert.rule = worst.rule
        alert.body = _kept(alert) | _shown(worst, new)
    elif worst.colour == alert.colour and worst.at >= _at(alert):
        alert.rule = worst.rule
        alert.body = _kept(alert) | _shown(worst, new)
    if decided.tell:
        alert.notified_at = now
    alert.body = {**alert.body, "marks": marks, "count": count}
    if alert.colour == "red":
        alert.body.pop("sample", None)  # it is no longer what the rule would have closed


def _kept(alert: Alert) -> dict[str, Any]:
    """What people did with the alert stays, whatever is found after."""
    return {name: alert.body[name] for name in KEPT if name in alert.body}


def _at(alert: Alert) -> datetime:
    return datetime.fromisoformat(alert.body["at"])


def _shown(worst: Finding, new: list[Finding]) -> dict[str, Any]:
    return {
        "at": worst.at.isoformat(),
        "finding": str(worst.id),
        "reason": worst.reason,
        "patient_text": worst.patient_text,
        "programme_version": worst.programme_version,
        "values": values_of(worst),
        "limits": [[name, limit] for name, limit in worst.limits],
        "count": len(new),
        "doubts": sorted({doubt for one in new for doubt in one.doubts}),
    }


def values_of(one: Finding) -> list[dict[str, Any]]:
    return [
        {
            "kind": value.kind,
            "field": value.field,
            "value": value.value,
            "ucum": value.ucum,
            "at": value.at.isoformat(),
        }
        for value in one.values
    ]


def _worst(found: list[Finding]) -> Finding:
    """The gravest of them; of equals the latest, which is what a nurse should read first."""
    return max(found, key=lambda one: (one.colour == "red", one.emergency, one.at, one.id.int))


def _unit(patient: Patient, one: Finding) -> UUID | None:
    enrolment = patient.record.enrolled(one.programme, one.at)
    unit = unit_of(enrolment.unit_id) if enrolment is not None else None
    return unit or patient.state.unit_id


def _lose(
    patient: Patient,
    found: Mapping[UUID, Finding],
    covers: Covers,
    now: datetime,
    changes: Changes,
) -> None:
    """Findings that the judging covered and did not find: shown as a changed basis, never
    closed by itself."""
    for kept in patient.known.values():
        covered = covers.get((kept.programme, kept.rule))
        if kept.gone_at is None and kept.id not in found and covered and kept.at >= covered:
            kept.gone_at = now
            changes.gone.append(kept.id)
    touched = {patient.known[id_].alert_id for id_ in (*changes.gone, *changes.back)}
    for alert_id in touched & patient.alerts.keys():
        alert = patient.alerts[alert_id]
        changed = any(
            kept.gone_at is not None and not _is_outdone(patient, kept)
            for kept in patient.known.values()
            if kept.alert_id == alert_id
        )
        if changed and (_shows_what_stands(patient, alert, found) or not alert.basis_changed):
            alert.basis_changed = True
            _record(patient, alert, "basis-changed", now, changes)
        elif alert.basis_changed and not changed:
            alert.basis_changed = False
            _record(patient, alert, "basis-restored", now, changes)


def _is_outdone(patient: Patient, gone: Kept) -> bool:
    """Whether the same sitting has turned out to be worse, which changes no basis."""
    return gone.score is not None and any(
        other.gone_at is None
        and other.score is not None
        and other.score > gone.score
        and (other.alert_id, other.programme, other.group, other.at)
        == (gone.alert_id, gone.programme, gone.group, gone.at)
        for other in patient.known.values()
    )


def _shows_what_stands(patient: Patient, alert: Alert, found: Mapping[UUID, Finding]) -> bool:
    """The sentence of an alert is of something that is still found, if anything as grave is.
    Whether another was chosen for it."""
    shown = patient.known.get(UUID(alert.body["finding"])) if "finding" in alert.body else None
    if shown is None or shown.gone_at is None:
        return False
    standing = [
        one
        for id_ in patient.findings_of(alert.id)
        if (one := found.get(id_)) is not None
        and (one.colour, one.emergency) == (alert.colour, alert.emergency)
    ]
    if standing:
        worst = _worst(standing)
        alert.rule = worst.rule
        kept = {name: alert.body[name] for name in ("marks", "count") if name in alert.body}
        alert.body = _kept(alert) | _shown(worst, standing) | kept
    return bool(standing)


def _record(patient: Patient, alert: Alert, move: str, now: datetime, changes: Changes) -> None:
    alert.version += 1
    alert.changed_at = now
    _append(patient, alert, move, now, changes, {})


def _append(
    patient: Patient,
    alert: Alert,
    move: str,
    now: datetime,
    changes: Changes,
    about: dict[str, Any],
) -> None:
    changes.alerts[alert.id] = alert
    changes.moves.append(
        Moved(
            alert_id=alert.id,
            version=alert.version,
            patient_id=patient.state.patient_id,
            move=move,
            by=SYSTEM,
            by_name="",
            at=now,
            seen=patient.findings_of(alert.id) if move == lifecycle.Move.EXPIRE else (),
            state=str(alert.state),
            colour=alert.colour,
            body=about,
        )
    )
