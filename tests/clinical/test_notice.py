"""Raise, worsen, repeat or leave: one table, a sentence per row; then any sequence at all."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.clinical import notice
from services.alerts.clinical.finding import NAMESPACE, Finding
from services.alerts.clinical.lifecycle import State
from services.alerts.clinical.notice import Standing, What, Why
from shared.programmes import Colour
from tests.clinical.given import NOW, ago

LATER = NOW + timedelta(hours=1)


def seen(
    name: str, colour: Colour, emergency: bool = False, marks: tuple[str, ...] = ()
) -> Finding:
    return Finding(
        id=uuid5(NAMESPACE, name), programme="p", programme_version="1", rule=name, group="g",
        colour=colour, lane="clinical", emergency=emergency, at=NOW, facts=(), values=(),
        limits=(), reason={}, patient_text={}, marks=marks,
    )  # fmt: skip


YELLOW, RED = seen("yellow", "yellow"), seen("red", "red")
EMERGENCY = seen("emergency", "red", emergency=True)
AGAIN = replace(seen("again", "red"), rule="first")
SINGLE = seen("single", "yellow", marks=("spo2",))
OTHER_SINGLE = seen("other single", "yellow", marks=("pulse",))


def alert(colour: Colour, state: State = State.OPEN, *, emergency: bool = False) -> Standing:
    return Standing(colour, emergency, state, frozenset())


OPEN_YELLOW, OPEN_RED = alert("yellow"), alert("red")
ACK_YELLOW = alert("yellow", State.ACKNOWLEDGED)
ACK_RED = replace(alert("red", State.ACKNOWLEDGED), rules=frozenset({"first"}))
ACK_EMERGENCY = replace(ACK_RED, emergency=True)
SNOOZED_YELLOW = replace(ACK_YELLOW, snoozed_until=LATER)
SNOOZED_RED = replace(ACK_RED, snoozed_until=LATER)
OVER = replace(SNOOZED_RED, snoozed_until=NOW)
TOLD_OF_SPO2 = replace(ACK_YELLOW, marks=frozenset({"spo2"}))

TABLE = [
    ("nothing found, no alert", None, [], What.LEAVE, Why.NOTHING_NEW, False),
    ("a first yellow", None, [YELLOW], What.RAISE, Why.FIRST, True),
    ("a first red", None, [RED], What.RAISE, Why.FIRST, True),
    ("nothing new on an open alert", OPEN_RED, [], What.LEAVE, Why.NOTHING_NEW, False),
    ("yellow joins open yellow", OPEN_YELLOW, [YELLOW], What.REPEAT, Why.ALREADY_OPEN, False),
    ("yellow joins open red", OPEN_RED, [YELLOW], What.REPEAT, Why.ALREADY_OPEN, False),
    ("red joins open red", OPEN_RED, [RED], What.REPEAT, Why.ALREADY_OPEN, False),
    ("red over open yellow", OPEN_YELLOW, [RED], What.WORSEN, Why.GRAVER, True),
    ("red over acknowledged yellow", ACK_YELLOW, [RED], What.WORSEN, Why.GRAVER, True),
    ("red breaks a snoozed yellow", SNOOZED_YELLOW, [RED], What.WORSEN, Why.GRAVER, True),
    ("an emergency over red", OPEN_RED, [EMERGENCY], What.WORSEN, Why.GRAVER, True),
    ("an emergency breaks a snoozed red", SNOOZED_RED, [EMERGENCY], What.WORSEN, Why.GRAVER, True),
    ("yellow under acknowledged red", ACK_RED, [YELLOW], What.REPEAT, Why.ACKNOWLEDGED, False),
    ("red joins acknowledged red", ACK_RED, [AGAIN], What.REPEAT, Why.ACKNOWLEDGED, False),
    ("red joins snoozed red", SNOOZED_RED, [AGAIN], What.REPEAT, Why.SNOOZED, False),
    ("another red rule", ACK_RED, [RED], What.WORSEN, Why.ANOTHER_RED, True),
    ("another red rule breaks a snooze", SNOOZED_RED, [RED], What.WORSEN, Why.ANOTHER_RED, True),
    ("a milder red rule", ACK_EMERGENCY, [RED], What.REPEAT, Why.ACKNOWLEDGED, False),
    ("a new single 3", ACK_YELLOW, [SINGLE], What.WORSEN, Why.NEW_PARAMETER, True),
    ("a new single 3 under red", ACK_RED, [SINGLE], What.WORSEN, Why.NEW_PARAMETER, True),
    ("the same single 3 again", TOLD_OF_SPO2, [SINGLE], What.REPEAT, Why.ACKNOWLEDGED, False),
    ("another single 3", TOLD_OF_SPO2, [OTHER_SINGLE], What.WORSEN, Why.NEW_PARAMETER, True),
    ("the snooze is over", OVER, [], What.REPEAT, Why.SNOOZE_OVER, True),
    ("over, and more found", OVER, [RED], What.REPEAT, Why.SNOOZE_OVER, True),
]  # fmt: skip


@pytest.mark.parametrize(("standing", "found", "what", "why", "tell"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_what_becomes_of_a_finding(
    standing: Standing | None, found: list[Finding], what: What, why: Why, tell: bool
) -> None:
    decided = notice.decide(standing, found, (), NOW)

    assert (decided.what, decided.why, decided.tell) == (what, why, tell)
    assert decided.findings == tuple(one.id for one in found)


def test_every_reason_is_a_sentence() -> None:
    assert all(why.value.endswith(".") for why in Why)


def test_a_finding_a_close_has_seen_stays_closed_and_one_it_has_not_is_open() -> None:
    closed = {RED.id}

    assert notice.decide(None, [RED], closed, NOW).what is What.LEAVE
    late = replace(seen("late red", "red"), at=ago(hours=3), late=True)
    decided = notice.decide(None, [RED, late], closed, NOW)
    assert decided.what is What.RAISE
    assert decided.findings == (late.id,)


def test_what_the_alert_already_holds_is_not_new() -> None:
    standing = replace(OPEN_RED, findings=frozenset({RED.id}))

    assert notice.decide(standing, [RED], (), NOW).what is What.LEAVE


def test_the_colour_never_falls() -> None:
    assert notice.decide(OPEN_RED, [YELLOW], (), NOW).colour == "red"
    joined = notice.decide(alert("red", emergency=True), [RED], (), NOW)
    assert (joined.colour, joined.emergency) == ("red", True)
    single = notice.decide(ACK_RED, [SINGLE], (), NOW)
    assert single.colour == "red"


ranks = {("yellow", False): 1, ("red", False): 2, ("red", True): 3}
steps = st.one_of(
    st.tuples(st.just("found"), st.sampled_from(sorted(ranks))),
    st.tuples(st.sampled_from(["acknowledge", "snooze", "close", "nothing"]), st.none()),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(steps, max_size=30))
def test_no_finding_is_ever_swallowed(
    sequence: list[tuple[str, tuple[Colour, bool] | None]],
) -> None:
    """After every step each finding is on the alert or was seen by a close, and whatever is
    graver than what was told is told, as is another red one as grave as what is in hand.
    """
    standing: Standing | None = None
    closed: set[UUID] = set()
    found: list[Finding] = []
    for number, (what, about) in enumerate(sequence):
        if what == "found" and about is not None:
            found.append(seen(str(number), about[0], about[1]))
            decided = notice.decide(standing, found, closed, NOW)
            before = ranks[standing.colour, standing.emergency] if standing else 0
            in_hand = standing is not None and standing.state is State.ACKNOWLEDGED
            another = in_hand and about[0] == "red" and ranks[about] == before
            assert decided.tell == (ranks[about] > before or another)
            assert decided.colour is not None
            standing = Standing(
                decided.colour,
                decided.emergency,
                State.OPEN if decided.tell or standing is None else standing.state,
                (standing.findings if standing else frozenset()) | set(decided.findings),
                snoozed_until=None if decided.tell or standing is None else standing.snoozed_until,
            )
        elif standing is not None and what == "acknowledge":
            standing = replace(standing, state=State.ACKNOWLEDGED)
        elif standing is not None and what == "snooze":
            standing = replace(standing, state=State.ACKNOWLEDGED, snoozed_until=LATER)
        elif standing is not None and what == "close":
            closed |= standing.findings
            standing = None
        held = closed | (standing.findings if standing else frozenset())
        assert {one.id for one in found} == held
