"""H10: no alert is swallowed by a snooze, an acknowledgement or a pause. Every (severity, state,
event) there is, against a table written from the law.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from uuid import UUID, uuid5

import pytest

from services.alerts.care import moving
from services.alerts.care.moving import Mover, Wanted
from services.alerts.clinical import lifecycle
from services.alerts.clinical.finding import NAMESPACE, Finding
from services.alerts.clinical.history import Record
from services.alerts.clinical.lifecycle import Move
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.judging import raising
from services.alerts.judging.patient import Alert, Patient, State
from shared.programmes import Colour
from tests.clinical.given import HOME_DIALYSIS, NOW, PATIENT, decision, enrolled

NURSE = Mover("kari", "Kari", "nurse", frozenset())
HOUR = timedelta(hours=1)
SEVERITIES = ("yellow", "red", "emergency")
STATES = ("open", "acknowledged", "snoozed")
EVENTS = (
    "nothing", "the same again", "another yellow", "another red", "an emergency",
    "the first single 3", "the same single 3", "another single 3",
    "the basis goes", "the end comes", "a pause begins",
)  # fmt: skip
RANK = {"yellow": 1, "red": 2, "emergency": 3}


def finding(about: str, severity: str, marks: tuple[str, ...] = ()) -> Finding:
    colour: Colour = "yellow" if severity == "yellow" else "red"
    return Finding(
        id=uuid5(NAMESPACE, about), programme=HOME_DIALYSIS.slug, programme_version="1",
        rule="r", group="g", colour=colour, lane="clinical", emergency=severity == "emergency",
        at=NOW, facts=(), values=(), limits=(), reason={"nb": "", "en": ""}, patient_text={},
        marks=marks,
    )  # fmt: skip


@dataclass
class Case:
    """One alert of a patient, as it stands when the event comes."""

    patient: Patient
    alert: Alert
    first: Finding


def given_alert(severity: str, state: str, marks: tuple[str, ...] = ("spo2",)) -> Case:
    patient = Patient(State(PATIENT), Record.of(PATIENT, [enrolled(plan=[])]))
    first = finding("first", severity, marks)
    raising.settle(patient, [first], {}, NOW)
    [alert] = patient.alerts.values()
    match state:
        case "acknowledged":
            move(patient, alert, Wanted(Move.ACKNOWLEDGE, 1))
        case "snoozed":
            until = NOW + 12 * HOUR
            move(patient, alert, Wanted(Move.SNOOZE, 1, "x", until, confirm=severity != "yellow"))
    return Case(patient, alert, first)


def move(patient: Patient, alert: Alert, wanted: Wanted) -> None:
    moving.apply(patient, alert, NURSE, wanted, NOW, seen=patient.findings_of(alert.id))


def happens(case: Case, event: str, now: datetime) -> list[UUID]:
    """Which alerts are told."""
    news: list[Finding] = [case.first]
    match event:
        case "another yellow" | "another red":
            news.append(finding(event, event.removeprefix("another ")))
        case "an emergency":
            news.append(finding(event, "emergency"))
        case "the first single 3":
            news.append(finding(event, "yellow", ("pulse",)))
        case "the same single 3":
            news.append(finding(event, "yellow", ("spo2",)))
        case "another single 3":
            news.append(finding(event, "yellow", ("spo2", "temperature")))
        case "the basis goes":
            news = []
        case "the end comes":
            return raising.run_out(case.patient, now).told
        case "a pause begins":
            body = {"pause_id": "p", "until": (NOW + 48 * HOUR).isoformat()}
            case.patient.record = case.patient.record.adding([decision("paused", NOW, **body)])
    covers = {(HOME_DIALYSIS.slug, "r"): NOW - HOUR}
    return raising.settle(case.patient, news, covers, now).told


def is_worse(severity: str, event: str) -> bool:
    graver = {"another yellow": 1, "another red": 2, "an emergency": 3}.get(event, 0)
    return graver > RANK[severity] or event in ("the first single 3", "another single 3")


@pytest.mark.parametrize(("severity", "state", "event"), list(product(SEVERITIES, STATES, EVENTS)))
def test_h10_snooze_every_severity_state_and_event(severity: str, state: str, event: str) -> None:
    case = given_alert(severity, state)
    ends = {
        "open": None,
        "snoozed": NOW + 12 * HOUR,
        "acknowledged": NOW + (72 if severity == "yellow" else 12) * HOUR,
    }[state]
    now = (ends or NOW) + timedelta(seconds=1) if event == "the end comes" else NOW + HOUR

    told = happens(case, event, now)

    expires = event == "the end comes" and state == "acknowledged" and severity == "yellow"
    ended = event == "the end comes" and state != "open" and not expires
    heard = is_worse(severity, event) or ended
    assert told == ([case.alert.id] if heard else [])
    if expires:
        assert case.alert.state is Life.CLOSED, "a yellow that was acknowledged may expire"
        return
    assert case.alert.id in case.patient.alerts, "nothing else closes it"
    stands_aside = state != "open" and not heard
    assert (case.alert.state is Life.ACKNOWLEDGED) == stands_aside
    assert (case.alert.oldest_unacknowledged is None) == stands_aside
    assert (case.alert.snoozed_until is not None) == (state == "snoozed" and stands_aside)
    assert case.alert.basis_changed == (event == "the basis goes")


@pytest.mark.parametrize("severity", ["red", "emergency"])
@pytest.mark.parametrize("state", ["open", "acknowledged"])
def test_h10_a_red_is_put_off_only_when_it_is_confirmed(severity: str, state: str) -> None:
    case = given_alert(severity, state)
    wanted = Wanted(Move.SNOOZE, case.alert.version, "x", NOW + HOUR)

    with pytest.raises(lifecycle.ConfirmationMissing):
        move(case.patient, case.alert, wanted)

    assert case.alert.snoozed_until is None
    assert str(case.alert.state) == state


def test_h10_a_snooze_is_of_one_group_and_leaves_the_others() -> None:
    patient = Patient(State(PATIENT), Record.of(PATIENT, [enrolled(plan=[])]))
    other = replace(finding("other", "yellow"), group="h")
    raising.settle(patient, [finding("first", "yellow"), other], {}, NOW)
    first, second = patient.alerts.values()

    move(patient, first, Wanted(Move.SNOOZE, 1, "x", NOW + HOUR))

    assert first.snoozed_until is not None
    assert (second.state, second.snoozed_until) == (Life.OPEN, None)


def test_h10_more_found_when_a_snooze_has_run_out_is_told_once() -> None:
    case = given_alert("red", "snoozed")
    now = NOW + 13 * HOUR

    told = happens(case, "another red", now)
    again = raising.run_out(case.patient, now)

    assert told == [case.alert.id]
    assert again.told == []
    assert case.alert.state is Life.OPEN
