"""Any life an alert can have, against a model that knows nothing of how it is done: findings come
and go, nurses of two units move, time passes, and after every step the laws hold.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.alerts.care import moving
from services.alerts.care.moving import Mover, Wanted
from services.alerts.clinical import lifecycle
from services.alerts.clinical.finding import NAMESPACE, Finding
from services.alerts.clinical.history import Record
from services.alerts.clinical.lifecycle import Move
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.judging import handling, raising
from services.alerts.judging.patient import Alert, Patient, State
from services.alerts.rows import row
from shared.programmes import Colour
from tests.clinical.given import HOME_DIALYSIS, NOW, PATIENT, enrolled

HERE, THERE = UUID(int=1), UUID(int=2)
KARI = Mover("kari", "Kari", "nurse", frozenset({HERE}))
PER = Mover("per", "Per", "physician", frozenset({THERE}))
GROUPS = ("weight", "blood-pressure")
PARAMETERS = ((), (), (), ("spo2",), ("pulse",))
YEAR = timedelta(days=365)
RUNS, STEPS = 400, 50  # not every run is as long as it may be: some 18 000 steps

REFUSALS = (
    ValueError,
    lifecycle.MoveNotYours,
    moving.AnotherIsOpen,
    moving.NothingHandedOver,
    moving.AcceptItFirst,
    moving.NotHandedToYou,
)

colours = st.sampled_from(["yellow", "yellow", "red", "emergency"])
movers = st.sampled_from([KARI, KARI, PER])
PEOPLE_MOVE = [move for move in Move if lifecycle.TABLE[move].by & lifecycle.PEOPLE]


@dataclass
class Told:
    """What the oracle knows of one alert: written from the laws, not from the code."""

    gravity: int
    marks: set[str] = field(default_factory=set)
    handled_by: str | None = None  # a person who has it in hand since the last telling
    ends: datetime | None = None  # when that ends
    closes: bool = False  # whether the end closes it
    told: int = 0
    closed: bool = False


def gravity(colour: str) -> int:
    return {"yellow": 1, "red": 2, "emergency": 3}[colour]


class AlertLife(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.now = NOW
        self.patient = Patient(
            State(PATIENT, unit_id=HERE), Record.of(PATIENT, [enrolled(plan=[])])
        )
        self.found: dict[UUID, Finding] = {}  # what the rules see now
        self.ever: dict[UUID, Finding] = {}
        self.seen: set[UUID] = set()  # what closes have seen
        self.closed: dict[UUID, Alert] = {}
        self.oracle: dict[UUID, Told] = {}
        self.moves: list[Any] = []
        self.n = 0

    # --- the world ------------------------------------------------------------------------

    @rule(
        group=st.sampled_from(GROUPS),
        colour=colours,
        marks=st.sampled_from(PARAMETERS),
        minutes=st.integers(0, 600),
    )
    def something_is_found(
        self, group: str, colour: str, marks: tuple[str, ...], minutes: int
    ) -> None:
        """Measured now or long ago: what comes late is found all the same."""
        self.n += 1
        one = finding(f"{self.n}", group, colour, marks, self.now - timedelta(minutes=minutes))
        self.found[one.id] = self.ever[one.id] = one
        self.judge({one.id})

    @precondition(lambda self: self.found)
    @rule(data=st.data())
    def a_reading_is_corrected_away(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(sorted(self.found)))
        del self.found[gone]
        self.judge(set())

    @precondition(lambda self: self.ever)
    @rule(data=st.data())
    def a_limit_is_put_back(self, data: st.DataObject) -> None:
        """What was found once is found again: it is not news to anybody who closed it."""
        one = self.ever[data.draw(st.sampled_from(sorted(self.ever)))]
        self.found[one.id] = one
        self.judge(set())

    @rule()
    def everything_is_judged_again(self) -> None:
        self.judge(set())

    @rule(hours=st.sampled_from([0.01, 0.5, 2, 11, 13, 40, 80]))
    def time_passes(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        told = self.clock()
        due = [
            id_
            for id_, one in self.oracle.items()
            if not one.closed and one.ends is not None and one.ends <= self.now
        ]
        for id_ in due:
            self.ended(id_)
        again = {id_ for id_ in due if not self.oracle[id_].closed}
        assert set(told) == again, "the end of a snooze or acknowledgement is heard, and once"

    # --- people ---------------------------------------------------------------------------

    @precondition(lambda self: self.patient.alerts)
    @rule(data=st.data(), move=st.sampled_from(PEOPLE_MOVE), by=movers)
    def somebody_moves(self, data: st.DataObject, move: Move, by: Mover) -> None:
        id_ = data.draw(st.sampled_from(list(self.patient.alerts)))
        alert = self.patient.alerts[id_]
        hours = data.draw(st.sampled_from([1, 6, 12]))
        until = self.now + timedelta(hours=hours) if move is Move.SNOOZE else None
        unit = data.draw(st.sampled_from([HERE, THERE])) if move is Move.HAND_OVER else None
        wanted = Wanted(move, alert.version, "x", until, by.id, unit=unit, confirm=True)
        self.move(alert, by, wanted)

    @precondition(lambda self: self.patient.alerts)
    @rule(data=st.data(), move=st.sampled_from([Move.SNOOZE, Move.ACKNOWLEDGE]))
    def one_is_in_hand(self, data: st.DataObject, move: Move) -> None:
        alert = data.draw(st.sampled_from(list(self.patient.alerts.values())))
        until = self.now + timedelta(hours=2) if move is Move.SNOOZE else None
        self.move(alert, KARI, Wanted(move, alert.version, "x", until, confirm=True))

    @precondition(lambda self: any(not moving.is_offered(a) for a in self.patient.alerts.values()))
    @rule(data=st.data(), minutes=st.sampled_from([0, 5]))
    def one_is_handed_over(self, data: st.DataObject, minutes: int) -> None:
        standing = [a for a in self.patient.alerts.values() if not moving.is_offered(a)]
        alert = data.draw(st.sampled_from(standing))
        self.time_passes(minutes / 60)
        if alert.id in self.patient.alerts:
            unit = THERE if alert.unit_id == HERE else HERE
            self.move(alert, KARI, Wanted(Move.HAND_OVER, alert.version, "x", unit=unit))

    @precondition(lambda self: any(map(moving.is_offered, self.patient.alerts.values())))
    @rule(data=st.data(), move=st.sampled_from([Move.ACCEPT, Move.DECLINE]))
    def it_is_answered(self, data: st.DataObject, move: Move) -> None:
        offered = [a for a in self.patient.alerts.values() if moving.is_offered(a)]
        alert = data.draw(st.sampled_from(offered))
        by = PER if moving.offered_to(alert) == THERE else KARI
        self.move(alert, by, Wanted(move, alert.version, "x"))

    @precondition(lambda self: self.closed)
    @rule(data=st.data(), by=movers)
    def somebody_opens_it_again(self, data: st.DataObject, by: Mover) -> None:
        alert = self.closed[data.draw(st.sampled_from(list(self.closed)))]
        self.move(alert, by, Wanted(Move.REOPEN, alert.version, "x"))

    # --- doing it -------------------------------------------------------------------------

    def judge(self, news: set[UUID]) -> None:
        covers = {(HOME_DIALYSIS.slug, f"r-{group}"): NOW - YEAR for group in GROUPS}
        expected = self.expected(news)
        open_before = {one.key: one.id for one in self.patient.alerts.values()}
        changes = raising.settle(self.patient, self.found.values(), covers, self.now)
        handling.handle(self.patient, changes, {HOME_DIALYSIS.slug: HOME_DIALYSIS}, self.now)
        self.wrote(changes)
        told = {self.patient.alerts[id_].key for id_ in changes.told}
        assert len(changes.told) == len(told), "told once, not twice"
        assert told == expected, "a worsening is told, and nothing else is"
        for alert in self.patient.alerts.values():
            if alert.id not in self.oracle:
                assert alert.key not in open_before
                self.oracle[alert.id] = Told(0)
        for one in self.found.values():
            alert_of = self.patient.alert_of(one.programme, one.group)
            if alert_of is None or one.id in self.seen:
                continue
            known = self.oracle[alert_of.id]
            if gravity(name(one)) > known.gravity or set(one.marks) - known.marks:
                known.handled_by = known.ends = None
            known.gravity = max(known.gravity, gravity(name(one)))
            known.marks |= set(one.marks)

    def expected(self, news: set[UUID]) -> set[tuple[str, str]]:
        """The groups a nurse must hear of now."""
        must = set()
        for group in GROUPS:
            key = (HOME_DIALYSIS.slug, group)
            alert = self.patient.alert_of(*key)
            fresh = [
                one
                for one in self.found.values()
                if one.group == group and one.id not in self.patient.known
            ]
            if not fresh:
                continue
            if alert is None:
                must.add(key)
                continue
            known = self.oracle[alert.id]
            if any(gravity(name(one)) > known.gravity for one in fresh) or any(
                set(one.marks) - known.marks for one in fresh
            ):
                must.add(key)
        return must

    def clock(self) -> list[UUID]:
        """The clock's moves are made whenever somebody looks, each time until nothing is due."""
        told: list[UUID] = []
        changes = raising.run_out(self.patient, self.now)
        told += changes.told
        self.wrote(changes)
        return told

    def ended(self, id_: UUID) -> None:
        known = self.oracle[id_]
        known.handled_by = known.ends = None
        known.closed = known.closes
        if known.closes:
            self.seen |= {kept.id for kept in self.patient.known.values() if kept.alert_id == id_}

    def move(self, alert: Alert, by: Mover, wanted: Wanted) -> None:
        before = (alert.state, alert.colour, alert.oldest_unacknowledged, alert.version)
        seen = self.patient.findings_of(alert.id)
        try:
            changes = moving.apply(self.patient, alert, by, wanted, self.now, seen=seen)
        except REFUSALS:
            after = (alert.state, alert.colour, alert.oldest_unacknowledged, alert.version)
            assert after == before, "what is refused changes nothing"
            return
        assert alert.version == before[3] + 1
        self.wrote(changes)
        known = self.oracle[alert.id]
        match wanted.move:
            case Move.ACKNOWLEDGE:
                hold = 12 if alert.colour == "red" else 72
                known.handled_by, known.ends = by.id, self.now + timedelta(hours=hold)
                known.closes = alert.colour == "yellow"
            case Move.SNOOZE:
                known.handled_by, known.ends, known.closes = by.id, wanted.until, False
            case Move.CLOSE:
                known.closed, known.ends = True, None
                self.seen |= set(seen)
                self.closed[alert.id] = alert
            case Move.REOPEN:
                known.closed, known.handled_by, known.ends = False, None, None
                self.closed.pop(alert.id, None)
            case Move.HAND_OVER | Move.ACCEPT:
                assert alert.oldest_unacknowledged == before[2], "a hand-over begins no new wait"
                assert alert.state is before[0]
            case Move.DECLINE:
                assert changes.told == [alert.id], "what is given back is heard"
                known.handled_by = known.ends = None

    def wrote(self, changes: raising.Changes) -> None:
        for one in changes.moves:
            self.moves.append(one)
            if one.state == "closed" and one.move in ("expire", "handled-by-rule"):
                self.seen |= set(one.seen)
                self.closed[one.alert_id] = changes.alerts[one.alert_id]

    # --- the laws -------------------------------------------------------------------------

    @invariant()
    def no_red_is_closed_without_a_person(self) -> None:
        for one in self.moves:
            if one.state == "closed" and one.move != "note":
                assert one.by != "system" or one.colour == "yellow"

    @invariant()
    def every_finding_is_raised_or_was_seen_by_a_close(self) -> None:
        for one in self.found.values():
            kept = self.patient.known.get(one.id)
            assert kept is not None, "nothing that is found is without an alert"
            assert kept.alert_id in self.patient.alerts or one.id in self.seen

    @invariant()
    def never_two_are_open_in_a_group(self) -> None:
        keys = [alert.key for alert in self.patient.alerts.values()]
        assert len(keys) == len(set(keys))

    @invariant()
    def somebody_has_it_in_hand_or_it_waits(self) -> None:
        for id_, alert in self.patient.alerts.items():
            known = self.oracle[id_]
            assert not known.closed
            in_hand = known.handled_by is not None
            assert (alert.state is Life.ACKNOWLEDGED) == in_hand
            assert (alert.oldest_unacknowledged is None) == in_hand
            if in_hand:
                due = raising.runs_out(alert)
                assert due is not None
                assert due[1] == known.ends
            else:  # what is still marked as put off is folded away on the list
                assert alert.snoozed_until is None
                assert alert.acknowledged_until is None

    @invariant()
    def an_alert_is_as_grave_as_the_gravest_it_was_told_of(self) -> None:
        for id_, alert in self.patient.alerts.items():
            worst = 1 if alert.colour == "yellow" else 3 if alert.emergency else 2
            assert worst == self.oracle[id_].gravity
            assert set(alert.body["marks"]) == self.oracle[id_].marks

    @invariant()
    def every_open_alert_stands_on_a_list(self) -> None:
        """Of the unit that has it; of both while it is handed over and not yet answered."""
        if not self.patient.alerts:
            return
        rows = {
            one.unit_id: one
            for one in row.rows(self.patient, {HOME_DIALYSIS.slug: HOME_DIALYSIS}, self.now)
        }
        for alert in self.patient.alerts.values():
            assert alert.unit_id is not None
            units = {alert.unit_id, moving.offered_to(alert) or alert.unit_id}
            for unit in units:
                assert str(alert.id) in [one["id"] for one in rows[unit].body["alerts"]]
                if alert.colour == "red":
                    assert rows[unit].rank == 0

    @invariant()
    def the_history_has_every_version_once(self) -> None:
        for id_, alert in {**self.patient.alerts, **self.closed}.items():
            versions = [one.version for one in self.moves if one.alert_id == id_]
            assert versions == list(range(1, alert.version + 1))


def name(one: Finding) -> str:
    return "emergency" if one.emergency else one.colour


def finding(about: str, group: str, colour: str, marks: tuple[str, ...], at: datetime) -> Finding:
    shade: Colour = "yellow" if colour == "yellow" else "red"
    return Finding(
        id=uuid5(NAMESPACE, about), programme=HOME_DIALYSIS.slug,
        programme_version=HOME_DIALYSIS.version, rule=f"r-{group}", group=group, colour=shade,
        lane="clinical", emergency=colour == "emergency", at=at, facts=(), values=(), limits=(),
        reason={"nb": about, "en": about}, patient_text={}, marks=marks,
    )  # fmt: skip


AlertLife.TestCase.settings = settings(
    max_examples=RUNS,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAlertLife = AlertLife.TestCase
