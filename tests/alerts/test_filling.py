"""Answers typed into a page's form, before they are anybody's answers."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.alerts.care import filling
from services.alerts.care.filling import Typed

FORM = {
    "item": [
        {"linkId": "pain", "type": "boolean"},
        {
            "linkId": "where",
            "type": "string",
            "enableWhen": [{"question": "pain", "operator": "=", "answerBoolean": True}],
        },
        {"linkId": "warmth", "type": "decimal"},
        {"linkId": "count", "type": "integer"},
        {
            "linkId": "skin",
            "type": "choice",
            "repeats": True,
            "answerOption": [{"valueCoding": {"code": "red"}}, {"valueInteger": 2}],
        },
    ]
}


def read(**texts: str) -> tuple[dict[str, list[object]], dict[str, str]]:
    answers, faults = filling.read(FORM, Typed(datetime.now(UTC), texts, {}))
    return answers, dict(faults)


def test_a_decimal_comma_is_a_decimal_point() -> None:
    assert read(warmth="37,5")[0] == {"warmth": [Decimal("37.5")]}


@pytest.mark.parametrize("typed", ["mye", "1_0", "NaN", "1e400000000000000000000", "--2"])
def test_what_is_no_number_is_said_so(typed: str) -> None:
    assert read(warmth=typed)[1] == {"warmth": "not-a-number"}


def test_a_whole_number_has_no_decimals() -> None:
    assert read(count="2,5")[1] == {"count": "not-a-number"}


def test_nothing_typed_is_no_answer() -> None:
    assert read(warmth="  ", where="") == ({}, {})


def test_a_question_that_is_not_asked_is_not_answered() -> None:
    assert read(pain="false", where="kneet")[1] == {"where": "not-asked"}
    assert read(pain="true", where="kneet")[1] == {}


def test_options_are_chosen_by_their_number_and_none_beyond() -> None:
    now = datetime.now(UTC)
    assert filling.read(FORM, Typed(now, {}, {"skin": [0, 1]}))[0] == {"skin": ["red", 2]}
    assert filling.read(FORM, Typed(now, {}, {"skin": [7]}))[1] == {"skin": "does-not-fit"}
