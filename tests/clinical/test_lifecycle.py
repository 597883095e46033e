"""Every (move, state, colour, role): what is allowed, what it requires, where it leads."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from services.alerts.clinical import lifecycle
from services.alerts.clinical.lifecycle import Move, Role, State
from shared.programmes import Colour, Life
from tests.clinical.given import NOW

COLOURS: tuple[Colour, ...] = ("red", "yellow")
O, A, C = State.OPEN, State.ACKNOWLEDGED, State.CLOSED  # noqa: E741

# (move, role, from) -> to, for both colours; what is not here is refused.
ALLOWED = {
    **{
        row: to
        for role in (Role.NURSE, Role.PHYSICIAN)
        for row, to in {
            (Move.ACKNOWLEDGE, role, O): A,
            (Move.ASSIGN, role, O): O,
            (Move.ASSIGN, role, A): A,
            (Move.SNOOZE, role, O): A,
            (Move.SNOOZE, role, A): A,
            (Move.NOTE, role, O): O,
            (Move.NOTE, role, A): A,
            (Move.NOTE, role, C): C,
            (Move.ESCALATE, role, O): O,
            (Move.ESCALATE, role, A): A,
            (Move.CLOSE, role, O): C,
            (Move.CLOSE, role, A): C,
            (Move.REOPEN, role, C): O,
            (Move.HAND_OVER, role, O): O,
            (Move.HAND_OVER, role, A): A,
            (Move.ACCEPT, role, O): O,
            (Move.ACCEPT, role, A): A,
            (Move.DECLINE, role, O): O,
            (Move.DECLINE, role, A): O,
        }.items()
    },
    (Move.ESCALATE, Role.SYSTEM, O): O,
    (Move.ESCALATE, Role.SYSTEM, A): A,
    (Move.EXPIRE, Role.SYSTEM, A): C,
    (Move.ACK_EXPIRED, Role.SYSTEM, A): O,
    (Move.SNOOZE_ENDED, Role.SYSTEM, A): O,
    (Move.WORSEN, Role.SYSTEM, O): O,
    (Move.WORSEN, Role.SYSTEM, A): O,
    (Move.HANDLED, Role.SYSTEM, O): C,
    (Move.SAMPLED, Role.SYSTEM, O): O,
    (Move.CLOSE, Role.SELF_TEST, O): C,
    (Move.CLOSE, Role.SELF_TEST, A): C,
}


def moved(move: Move, state: State, colour: Colour, role: Role, **more: Any) -> State:
    given: dict[str, Any] = {"note": "because", "confirm": True, **more}
    if move is Move.SNOOZE:
        given.setdefault("until", NOW + timedelta(hours=1))
    return lifecycle.next_state(move, state, colour, role, NOW, **given)


@pytest.mark.parametrize(
    ("move", "state", "colour", "role"), list(product(Move, State, COLOURS, Role))
)
def test_every_move_from_every_state_by_everybody(
    move: Move, state: State, colour: Colour, role: Role
) -> None:
    to = ALLOWED.get((move, role, state))
    if move in (Move.EXPIRE, Move.HANDLED, Move.SAMPLED) and colour == "red":
        to = None

    if to is None:
        with pytest.raises((lifecycle.MoveNotAllowed, lifecycle.MoveNotYours)):
            moved(move, state, colour, role)
    else:
        assert moved(move, state, colour, role) is to
    assert (move in lifecycle.moves(state, colour, role)) is (to is not None)


def test_the_table_has_every_move() -> None:
    assert set(lifecycle.TABLE) == set(Move)


def test_only_a_person_closes_red() -> None:
    by_system = [
        move
        for move in Move
        for state in State
        if Role.SYSTEM in lifecycle.TABLE[move].by
        and "red" in lifecycle.TABLE[move].colours
        and state is not State.CLOSED
        and lifecycle.TABLE[move].leads.get(state) is State.CLOSED
    ]
    assert by_system == []


@pytest.mark.parametrize("note", [None, "", "  "])
def test_who_closes_red_says_why(note: str | None) -> None:
    with pytest.raises(lifecycle.NoteMissing):
        moved(Move.CLOSE, O, "red", Role.NURSE, note=note)

    assert moved(Move.CLOSE, O, "yellow", Role.NURSE, note=note) is C


@pytest.mark.parametrize("move", [Move.SNOOZE, Move.NOTE, Move.ESCALATE])
@pytest.mark.parametrize("colour", COLOURS)
def test_these_moves_always_need_a_note(move: Move, colour: Colour) -> None:
    with pytest.raises(lifecycle.NoteMissing):
        moved(move, O, colour, Role.NURSE, note=None)


def test_to_reopen_needs_a_note() -> None:
    with pytest.raises(lifecycle.NoteMissing):
        moved(Move.REOPEN, C, "yellow", Role.NURSE, note=None)


def test_a_snooze_has_an_end_at_most_12_hours_ahead() -> None:
    with pytest.raises(lifecycle.UntilMissing):
        moved(Move.SNOOZE, O, "yellow", Role.NURSE, until=None)
    for colour in COLOURS:
        until = NOW + timedelta(hours=12)
        assert moved(Move.SNOOZE, A, colour, Role.NURSE, until=until) is A
        for wrong in (until + timedelta(seconds=1), NOW, NOW - timedelta(hours=1)):
            with pytest.raises(lifecycle.UntilIsUnusable):
                moved(Move.SNOOZE, A, colour, Role.NURSE, until=wrong)


@pytest.mark.parametrize("state", [O, A])
def test_a_red_is_put_off_only_when_it_is_said_twice(state: State) -> None:
    with pytest.raises(lifecycle.ConfirmationMissing):
        moved(Move.SNOOZE, state, "red", Role.NURSE, confirm=False)

    assert moved(Move.SNOOZE, state, "red", Role.NURSE, confirm=True) is A
    assert moved(Move.SNOOZE, state, "yellow", Role.NURSE, confirm=False) is A


def test_a_programme_may_shorten_how_long_a_word_holds_and_never_lengthen_it() -> None:
    short = Life(snoozed_at_most=timedelta(hours=2), acknowledged_red=timedelta(hours=1))

    with pytest.raises(lifecycle.UntilIsUnusable):
        moved(Move.SNOOZE, O, "yellow", Role.NURSE, until=NOW + timedelta(hours=3), life=short)
    assert lifecycle.runs_out("red", NOW, None, short)[1] == NOW + timedelta(hours=1)
    for longer in ({"snoozed_at_most": timedelta(hours=13)}, {"acknowledged_red": timedelta(0)}):
        with pytest.raises(ValidationError):
            Life(**longer)


@pytest.mark.parametrize(("colour", "longest"), [("red", 24), ("yellow", 7 * 24)])
def test_an_acknowledgement_may_have_an_end(colour: Colour, longest: int) -> None:
    until = NOW + timedelta(hours=longest)

    assert moved(Move.ACKNOWLEDGE, O, colour, Role.NURSE, until=until) is A
    with pytest.raises(lifecycle.UntilIsUnusable):
        moved(Move.ACKNOWLEDGE, O, colour, Role.NURSE, until=until + timedelta(minutes=1))


def test_other_moves_have_no_end() -> None:
    with pytest.raises(lifecycle.UntilIsUnusable):
        moved(Move.CLOSE, O, "red", Role.NURSE, until=NOW + timedelta(hours=1))


def test_an_acknowledgement_runs_out() -> None:
    chosen = NOW + timedelta(hours=3)

    assert lifecycle.runs_out("red", NOW, chosen) == (Move.ACK_EXPIRED, chosen)
    assert lifecycle.runs_out("red", NOW, None) == (Move.ACK_EXPIRED, NOW + timedelta(hours=12))
    assert lifecycle.runs_out("yellow", NOW, chosen) == (Move.ACK_EXPIRED, chosen)
    assert lifecycle.runs_out("yellow", NOW, None) == (Move.EXPIRE, NOW + timedelta(hours=72))


def test_the_diagram_has_every_row_of_the_table() -> None:
    lines = lifecycle.diagram().splitlines()

    assert lines[0] == "stateDiagram-v2"
    assert "    open --> acknowledged: acknowledge" in lines
    assert "    acknowledged --> closed: expire (system, yellow only)" in lines
    assert len(lines) == 2 + sum(len(row.leads) for row in lifecycle.TABLE.values())


def test_the_table_in_the_documents_has_every_move() -> None:
    lines = lifecycle.table().splitlines()

    assert len(lines) == 2 + len(Move)
    assert any(line.startswith("| snooze |") and "confirmed on red" in line for line in lines)


def test_every_refusal_is_a_sentence() -> None:
    refusals = (
        lifecycle.MoveNotAllowed,
        lifecycle.MoveNotYours,
        lifecycle.NoteMissing,
        lifecycle.UntilMissing,
        lifecycle.UntilIsUnusable,
        lifecycle.ConfirmationMissing,
    )
    assert all(one.__doc__ and one.__doc__.endswith(".") for one in refusals)
