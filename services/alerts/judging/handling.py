"""Pure: benign cases that a programme names are closed by rule, with a receipt in the history; a
share of them is left open, marked, for a person to look at.

The law: never red, never what a person has touched, and never while anything else clinical is open
for the patient. Who disagrees opens the alert again, and no rule closes it a second time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts.clinical import handled, lifecycle
from services.alerts.clinical.handled import Verdict
from services.alerts.clinical.lifecycle import Move
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.judging.patient import SYSTEM, Alert, Moved, Patient
from services.alerts.judging.raising import Changes
from shared.programmes import Programme

OUTCOME = "handled-by-rule"


def handle(
    patient: Patient, changes: Changes, programmes: Mapping[str, Programme], now: datetime
) -> None:
    """Close or mark what fits a case; what is to be written is added to `changes`."""
    for alert in list(patient.alerts.values()):
        programme = programmes.get(alert.programme)
        if programme is None or not _is_untouched(alert) or _others_are_open(patient, alert):
            continue
        version = patient.record.decided.version(programme, now)
        if version is None or not version.handled:
            continue
        standing = [
            kept
            for kept in patient.known.values()
            if kept.alert_id == alert.id and kept.gone_at is None
        ]
        verdict = handled.verdict(version, patient.record, alert.id, standing, now)
        if verdict is not None:
            _settle(patient, alert, verdict, changes, now)


def _is_untouched(alert: Alert) -> bool:
    return (
        alert.state is Life.OPEN
        and alert.colour == "yellow"
        and alert.assignee is None
        and alert.acknowledged_by is None
        and not alert.basis_changed
        and not alert.body.keys() & {"touched", "sample", "handed"}
    )


def _others_are_open(patient: Patient, alert: Alert) -> bool:
    return any(one.id != alert.id and one.lane == "clinical" for one in patient.alerts.values())


def _settle(
    patient: Patient, alert: Alert, verdict: Verdict, changes: Changes, now: datetime
) -> None:
    case = verdict.case
    about: dict[str, Any] = {"case": case.id, "says": {"nb": case.says.nb, "en": case.says.en}}
    move = Move.SAMPLED if verdict.sample else Move.HANDLED
    alert.state = lifecycle.next_state(move, alert.state, alert.colour, lifecycle.Role.SYSTEM, now)
    alert.version += 1
    alert.changed_at = now
    if verdict.sample:
        alert.body = {**alert.body, "sample": case.id}
    else:
        alert.closed_at = now
        alert.oldest_unacknowledged = None
        alert.body = {**alert.body, "handled": case.id}
        del patient.alerts[alert.id]
        # Raised and settled in the same breath: nobody need hear of it.
        changes.told = [one for one in changes.told if one != alert.id]
    changes.alerts[alert.id] = alert
    changes.moves.append(
        Moved(
            alert_id=alert.id,
            version=alert.version,
            patient_id=alert.patient_id,
            move=str(move),
            by=SYSTEM,
            by_name="",
            at=now,
            seen=patient.findings_of(alert.id),
            state=str(alert.state),
            colour=alert.colour,
            outcome=None if verdict.sample else OUTCOME,
            body=about,
        )
    )
