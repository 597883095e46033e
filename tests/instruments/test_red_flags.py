"""Red-flag answers speak on any form, and a skipped safety question is unknown, never 0."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import instruments
from tests.instruments.given import INSTRUMENTS, answered

FIRST = [
    ("phq-9", "item-9", 1),
    ("nddi-e", "item-4", 3),
    ("core-10", "item-6", 1),
]


def _states(slug: str, answers: dict[str, Any]) -> list[tuple[str, str]]:
    found = instruments.flags(INSTRUMENTS[slug], answers)
    return [(one.item, one.state) for one in found]


@pytest.mark.parametrize(("slug", "item", "first"), FIRST)
def test_a_flag_is_raised_from_its_first_answer(slug: str, item: str, first: int) -> None:
    question = INSTRUMENTS[slug].question_of[item]
    for points in range(int(question.least), int(question.most) + 1):
        expected = [(item, "raised")] if points >= first else []
        assert _states(slug, {item: points}) == expected
        assert _states(slug, {item: [points]}) == expected


@given(st.sets(st.integers(1, 8)), st.integers(0, 3), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_item_nine_speaks_whatever_else_was_answered(
    there: set[int], others: int, points: int
) -> None:
    answers = {f"item-{n}": others for n in there} | {"item-9": points}
    found = instruments.score(INSTRUMENTS["phq-9"], answers)
    [raised] = found.flags
    assert (raised.item, raised.state, raised.points) == ("item-9", "raised", points)
    assert raised.flag.colour == "red"


@pytest.mark.parametrize("skipped", [{}, {"item-9": None}, {"item-9": []}, {"item-9": [None]}])
def test_a_skipped_safety_question_is_unknown(skipped: dict[str, Any]) -> None:
    others = {f"item-{n}": 0 for n in range(1, 9)}
    assert _states("phq-9", others | skipped) == [("item-9", "unknown")]


def test_an_unreadable_safety_answer_is_unknown_too() -> None:
    assert _states("phq-9", {"item-9": "LA0000-0"}) == [("item-9", "unknown")]
    assert _states("phq-9", {"item-9": 7}) == [("item-9", "unknown")]


def test_the_worst_of_several_answers_counts() -> None:
    assert _states("phq-9", {"item-9": [0, 2]}) == [("item-9", "raised")]
    assert _states("phq-9", {"item-9": [0, "LA0000-0"]}) == [("item-9", "unknown")]


def test_a_fault_elsewhere_hides_no_flag() -> None:
    answers = {"item-1": "LA0000-0", "item-77": 1, "item-9": "LA6569-3"}
    with pytest.raises(instruments.CannotBeScored):
        instruments.score(INSTRUMENTS["phq-9"], answers)
    assert _states("phq-9", answers) == [("item-9", "raised")]


def test_each_item_of_ipos_speaks_for_itself() -> None:
    found = instruments.score(INSTRUMENTS["ipos-renal"], {"symptom-3": 4, "symptom-7": 3})
    told = {(one.flag.name, one.item, one.flag.colour) for one in found.flags}
    assert told == {
        ("overwhelming", "symptom-3", "red"),
        ("severe", "symptom-3", "yellow"),
        ("severe", "symptom-7", "yellow"),
    }
    assert found.total is None


@pytest.mark.parametrize("slug", ["phq-8", "phq-2", "gad-7", "audit"])
def test_a_form_without_a_safety_question_raises_no_flag(slug: str) -> None:
    assert instruments.score(INSTRUMENTS[slug], answered(slug, 2)).flags == ()
