"""What rules can read of a form: answers, scores of known instruments, and red flags."""

from decimal import Decimal
from typing import Any

import pytest

from services.alerts.clinical import answered

PHQ9 = {f"item-{n}": [Decimal(1)] for n in range(1, 10)}


def said(form: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"v": 1, "questionnaire": form, "answers": answers, **more}
    return dict(answered.fields(body))


def test_a_complete_form_has_its_total() -> None:
    fields = said("https://hjemvakt.example/fhir/Questionnaire/phq-9|1.0", PHQ9)

    assert fields["#score"] == 9
    assert fields["#band"] == ("mild",)
    assert fields["#flag.suicidal-thoughts"] == ("raised",)


def test_the_senders_own_score_of_a_known_instrument_is_not_believed() -> None:
    assert said("phq-9", PHQ9, score=Decimal(0))["#score"] == 9


def test_an_incomplete_form_has_no_total_and_still_raises_its_flag() -> None:
    fields = said("phq-9", {"item-9": [Decimal(2)], "item-1": [Decimal(3)]})

    assert "#score" not in fields
    assert fields["#least"] == 5
    assert fields["#flag.suicidal-thoughts"] == ("raised",)


def test_a_skipped_safety_question_is_unknown_and_never_a_no() -> None:
    fields = said("phq-9", {link: given for link, given in PHQ9.items() if link != "item-9"})

    assert fields["#flag.suicidal-thoughts"] == ("unknown",)
    assert "item-9" not in fields


def test_an_answer_that_is_not_offered_gives_no_score_and_hides_no_flag() -> None:
    fields = said("phq-9", {**PHQ9, "item-1": ["often"]})

    assert not {"#score", "#least", "#band"} & fields.keys()
    assert fields["#flag.suicidal-thoughts"] == ("raised",)


@pytest.mark.parametrize("score", [Decimal("3.5"), 4])
def test_a_form_of_our_own_carries_the_score_that_came_with_it(score: Any) -> None:
    assert said("our-own", {"a": ["b"]}, score=score)["#score"] == score
    assert "#score" not in said("our-own", {"a": ["b"]})
