"""Red by itself: every critical answer is seen in every partial form, also in one that is wrong."""

from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from services.ingest import app
from services.ingest.devices import json_v1
from shared import crisis, exact, fhir_forms, instruments, programmes
from shared.contracts import Alarm, Code, Item, Watch
from shared.form_answers import Form
from shared.instruments import asking
from shared.programmes import critical

FORMS = app.questionnaires(None)
KNOWN = critical.of(programmes.load_all().values())
CRITICAL = [one for several in KNOWN.values() for one in several]


def of(name: str, answers: dict[str, Any], **more: Any) -> Item:
    sent = {
        "v": 1,
        "id": "answers-0001",
        "kind": "questionnaire",
        "at": "2026-02-03T07:20:00+01:00",
        "questionnaire": name,
        "answers": answers,
        **more,
    }
    (item,) = json_v1.decode(exact.dumps(sent), "application/json", 1, FORMS)
    return item


def red_answers(one: critical.Critical) -> list[Any]:
    """Every answer by which this one is red, as an app may send it."""
    if one.codes:
        return [*one.codes]
    if one.comparison is not None:
        return [Decimal(one.comparison[1])]
    instrument = instruments.load(one.form)
    question = instrument.question_of[one.link]
    offered: list[Any] = [*getattr(question, "codes", ()), *getattr(question, "scores", ())]
    return [each for each in offered if one.speaks(each)]


def calm(form: Form, link: str) -> Any:
    """An answer to the question that is not red."""
    question = form[link]
    if question.options is not None:
        return next(each for each in question.options if not _is_red(question, each))
    by_type: dict[str, Any] = {
        "valueBoolean": False,
        "valueInteger": 1,
        "valueDecimal": 1,
        "valueString": "x",
        "valueDate": "2026-02-01",
        "valueQuantity": 1,
    }
    return next((by_type[each] for each in question.takes if each in by_type), None)


def _is_red(question: fhir_forms.Question, given: Any) -> bool:
    return any(one.speaks(given) for one in question.red)


def test_there_is_something_to_try() -> None:
    assert {"phq-9", "home-dialysis-daily", "anxiety-ocd-weekly"} <= KNOWN.keys()
    assert all(red_answers(one) for one in CRITICAL)
    assert all(one.link in FORMS[one.form] for one in CRITICAL)


@pytest.mark.parametrize("one", CRITICAL, ids=lambda one: f"{one.form}-{one.link}")
def test_a_critical_answer_is_seen_in_every_partial_form(one: critical.Critical) -> None:
    form = FORMS[one.form]
    others = [link for link in form if link != one.link and form[link].takes]
    partial: list[tuple[str, ...]] = [(), tuple(others), *((link,) for link in others)]
    partial += list(combinations(others, 2))[:20]
    for red in red_answers(one):
        for rest in partial:
            answers = {link: calm(form, link) for link in rest} | {one.link: red}
            item = of(one.form, answers)
            assert item.alarm is not None, (one, red, rest)
            assert one.link in item.alarm.items


@pytest.mark.parametrize("one", CRITICAL, ids=lambda one: f"{one.form}-{one.link}")
def test_a_critical_answer_is_seen_in_a_form_that_is_set_aside(one: critical.Critical) -> None:
    red = red_answers(one)[0]
    for wrong in ({"no-such-question": 1}, {one.link: [red, "nonsense"]}):
        item = of(one.form, {one.link: red} | wrong)
        assert item.errors
        assert not item.drafts
        assert item.alarm == Alarm(one.form, (one.link,), item.alarm.harm if item.alarm else False)


def test_nothing_red_is_no_alarm() -> None:
    for name in KNOWN:
        form = FORMS[name]
        answers = {link: calm(form, link) for link in form if form[link].takes}
        answered = {link: one for link, one in answers.items() if one is not None}
        assert of(name, answered).alarm is None


def test_a_skipped_safety_question_is_no_alarm_at_the_door() -> None:
    assert of("phq-9", {"item-1": 3}).alarm is None


def test_a_withdrawal_is_no_alarm() -> None:
    assert of("phq-9", {"item-9": 3}, void=True).alarm is None


@pytest.mark.parametrize("name", ["phq-9", "PHQ-9", "PHQ9", "Questionnaire/phq-9|1.0"])
def test_a_form_is_known_however_its_name_is_written(name: str) -> None:
    (draft,) = of(name, {"item-9": 1}).drafts
    assert draft.body["questionnaire"] == "phq-9"


def test_the_words_name_the_helpline_only_where_they_belong() -> None:
    for watched in (False, True):
        harm = crisis.told(Alarm("phq-9", ("item-9",), harm=True), Watch(now=watched))
        other = crisis.told(Alarm("copd-daily", ("acute",), harm=False), Watch(now=watched))
        assert harm
        assert other
        for lang in ("nb", "nn", "en"):
            assert "116 123" in getattr(harm, lang)
            assert "116 123" not in getattr(other, lang)
            assert "113" in getattr(other, lang)
        assert harm.watched_now is watched
    assert crisis.told(None, Watch(now=True)) is None


BRANCHING = {
    "item": [
        {"linkId": "pain", "type": "boolean", "required": True},
        {
            "linkId": "where",
            "type": "choice",
            "required": True,
            "answerOption": [{"valueCoding": {"code": "chest"}}, {"valueCoding": {"code": "leg"}}],
            "enableWhen": [{"question": "pain", "operator": "=", "answerBoolean": True}],
        },
        {
            "linkId": "more",
            "type": "group",
            "enableWhen": [
                {"question": "where", "operator": "=", "answerCoding": {"code": "chest"}},
                {"question": "how-bad", "operator": ">=", "answerInteger": 7},
            ],
            "enableBehavior": "any",
            "item": [{"linkId": "since", "type": "date", "required": True}],
        },
        {"linkId": "how-bad", "type": "integer"},
    ]
}


@pytest.mark.parametrize(
    ("answers", "faulty", "missing"),
    [
        ({"pain": [False]}, [], ()),
        ({"pain": [True]}, [], ("where",)),
        ({"pain": [False], "where": ["leg"]}, ["answers.where"], ()),
        ({"where": ["leg"]}, [], ("pain",)),
        ({"pain": [True], "where": ["chest"]}, [], ("since",)),
        ({"pain": [True], "where": ["leg"], "since": ["2026-01-01"]}, [], ()),
        (
            {"pain": [True], "where": ["leg"], "how-bad": [2], "since": ["2026-01-01"]},
            ["answers.since"],
            (),
        ),
        ({"pain": [True], "where": ["leg"], "how-bad": [7]}, [], ("since",)),
    ],
)
def test_a_question_that_the_form_does_not_ask_cannot_be_answered_nor_missed(
    answers: dict[str, Any], faulty: list[str], missing: tuple[str, ...]
) -> None:
    from shared import form_answers as told

    errors: list[Any] = []
    told.check("branching", fhir_forms.questions(BRANCHING), answers, "answers", errors)
    assert [one.path for one in errors] == faulty
    assert {one.code for one in errors} <= {Code.UNKNOWN_FIELD}
    assert asking.missing(BRANCHING, answers) == missing
