"""Answers held to the form they belong to: what it does not offer is set aside, never counted."""

from typing import Any

import pytest

from services.ingest import app
from services.ingest.devices import fhir_r4
from shared import exact, fhir_forms
from shared.contracts import Code, Item, ItemError

MEDIA = "application/fhir+json"
OURS = "https://hjemvakt.example/fhir/Questionnaire/"
SCALE = "urn:example:scale"


def coding(code: str, system: str | None = None) -> dict[str, Any]:
    return {"valueCoding": {"code": code} | ({"system": system} if system else {})}


def asked(link_id: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"linkId": link_id, "text": link_id, "type": type_, **more}


FORM = {
    "url": f"{OURS}everything",
    "item": [
        asked("intro", "display"),
        asked(
            "group",
            "group",
            item=[
                asked("yes-no", "boolean"),
                asked("how-many", "integer"),
                asked("how-much", "decimal"),
            ],
        ),
        asked("day", "date"),
        asked("moment", "dateTime"),
        asked("hour", "time"),
        asked("words", "text"),
        asked("mood", "choice", answerOption=[coding("good", SCALE), coding("bad", SCALE)]),
        asked("colour", "choice", answerOption=[coding("clear"), coding("cloudy")]),
        asked(
            "where", "open-choice", repeats=True, answerOption=[coding("ankles"), coding("hands")]
        ),
        asked("grade", "choice", answerOption=[{"valueInteger": 0}, {"valueInteger": 2}]),
        asked(
            "weight",
            "quantity",
            extension=[
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/questionnaire-unit",
                    "valueCoding": {"system": "http://unitsofmeasure.org", "code": "kg"},
                }
            ],
        ),
        asked("falls", "group", repeats=True, item=[asked("hurt", "boolean")]),
    ],
}
FORMS = {"everything": fhir_forms.questions(FORM)}


def of(*items: dict[str, Any], **changes: Any) -> Item:
    sent = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "identifier": {"system": "urn:example:app", "value": "a-1"},
        "questionnaire": f"{OURS}everything",
        "authored": "2026-02-03T07:20:00+01:00",
        "item": list(items),
        **changes,
    }
    (item,) = fhir_r4.decode(exact.dumps(sent), MEDIA, FORMS).items
    assert bool(item.errors) != bool(item.drafts)
    return item


def answered(link_id: str, *answers: dict[str, Any]) -> dict[str, Any]:
    return {"linkId": link_id, "answer": list(answers)}


@pytest.mark.parametrize(
    ("link_id", "answer", "kept"),
    [
        ("yes-no", {"valueBoolean": False}, False),
        ("how-many", {"valueInteger": 3}, 3),
        ("how-much", {"valueInteger": 3}, 3),
        ("day", {"valueDate": "2026-02-01"}, "2026-02-01"),
        ("moment", {"valueDateTime": "2026-02-01T07:00:00Z"}, "2026-02-01T07:00:00Z"),
        ("hour", {"valueTime": "07:00:00"}, "07:00:00"),
        ("words", {"valueString": "litt trett"}, "litt trett"),
        ("mood", coding("good", SCALE), "good"),
        ("mood", coding("good"), "good"),
        ("colour", coding("cloudy", "urn:whatever"), "cloudy"),
        ("where", {"valueString": "knærne"}, "knærne"),
        ("grade", {"valueInteger": 2}, 2),
        ("weight", {"valueQuantity": {"value": 82, "code": "kg"}}, 82),
    ],
)
def test_what_the_form_asks_for_is_kept(link_id: str, answer: dict[str, Any], kept: Any) -> None:
    (draft,) = of(answered(link_id, answer)).drafts

    assert draft.body["answers"] == {link_id: [kept]}


@pytest.mark.parametrize(
    ("link_id", "answer", "code"),
    [
        ("colour", coding("purple"), Code.UNKNOWN_CODE),
        ("colour", {"valueCoding": {"display": "clear"}}, Code.UNKNOWN_CODE),
        ("mood", coding("good", "urn:another:scale"), Code.UNKNOWN_CODE),
        ("where", coding("nose"), Code.UNKNOWN_CODE),
        ("grade", {"valueInteger": 1}, Code.BAD_VALUE),
        ("grade", coding("2"), Code.BAD_VALUE),
        ("colour", {"valueString": "clear"}, Code.BAD_VALUE),
        ("colour", {"valueBoolean": True}, Code.BAD_VALUE),
        ("yes-no", {"valueString": "true"}, Code.BAD_VALUE),
        ("yes-no", {"valueBoolean": "true"}, Code.BAD_VALUE),
        ("yes-no", coding("yes"), Code.BAD_VALUE),
        ("how-many", {"valueDecimal": 3.5}, Code.BAD_VALUE),
        ("how-many", {"valueInteger": 3.5}, Code.BAD_VALUE),
        ("how-many", {"valueInteger": True}, Code.BAD_VALUE),
        ("day", {"valueString": "2026-02-01"}, Code.BAD_VALUE),
        ("words", {"valueInteger": 7}, Code.BAD_VALUE),
        ("words", {"valueString": "a", "valueInteger": 7}, Code.BAD_VALUE),
        ("words", {"valueAttachment": {"url": "urn:x"}}, Code.BAD_VALUE),
        ("weight", {"valueQuantity": {"value": 180, "code": "[lb_av]"}}, Code.UNKNOWN_UCUM),
        ("weight", {"valueQuantity": {"value": 82}}, Code.UNKNOWN_UCUM),
        ("weight", {"valueQuantity": {"value": 82, "code": ["kg"]}}, Code.UNKNOWN_UCUM),
        ("weight", {"valueQuantity": {"value": 82, "comparator": ">"}}, Code.BAD_VALUE),
        ("group", {"valueBoolean": True}, Code.BAD_VALUE),
        ("intro", {"valueString": "read"}, Code.BAD_VALUE),
        ("mood-2", coding("good"), Code.UNKNOWN_FIELD),
    ],
)
def test_what_it_does_not_ask_for_says_which_question(
    link_id: str, answer: dict[str, Any], code: Code
) -> None:
    good = answered("yes-no", {"valueBoolean": True}) if link_id != "yes-no" else answered("words")
    path = f"item.{link_id}" if link_id in FORMS["everything"] else "item.?"

    assert of(good, answered(link_id, answer)).errors == (ItemError(path, code),)


def test_one_answer_to_a_question_unless_it_repeats() -> None:
    twice = of(answered("colour", coding("clear"), coding("cloudy")))
    in_two_items = of(answered("colour", coding("clear")), answered("colour", coding("clear")))
    several = of(answered("where", coding("ankles"), coding("hands")))

    assert twice.errors == in_two_items.errors == (ItemError("item.colour", Code.BAD_VALUE),)
    assert several.drafts[0].body["answers"] == {"where": ["ankles", "hands"]}


def test_a_question_of_a_group_that_repeats_is_answered_each_time() -> None:
    falls = [
        {"linkId": "falls", "item": [answered("hurt", {"valueBoolean": hurt})]}
        for hurt in (False, True)
    ]

    assert of(*falls).drafts[0].body["answers"] == {"hurt": [False, True]}


@pytest.mark.parametrize("status", ["in-progress", "stopped"])
def test_a_form_that_is_not_finished_is_kept_and_says_so(status: str) -> None:
    item = of(answered("colour", coding("cloudy")), status=status)

    assert item.how is None
    assert item.drafts[0].body["answers"] == {"colour": ["cloudy"]}
    assert item.drafts[0].body["status"] == status


@pytest.mark.parametrize(
    "item",
    [
        {"answer": [{"valueBoolean": True}]},
        {"linkId": 7, "answer": [{"valueBoolean": True}]},
        {"linkId": "yes-no", "answer": {"valueBoolean": True}},
        {"linkId": "yes-no", "answer": [True]},
        {"linkId": "group", "item": {"linkId": "yes-no"}},
    ],
)
def test_an_answer_of_which_the_question_cannot_be_told_is_not_passed_over(
    item: dict[str, Any],
) -> None:
    assert of(answered("words", {"valueString": "x"}), item).errors == (
        ItemError("item", Code.UNREADABLE),
    )


def test_somebody_elses_form_is_kept_as_it_is() -> None:
    item = of(
        answered("anything", coding("at all")),
        questionnaire="https://there.example/Questionnaire/x",
    )

    assert item.drafts[0].body["answers"] == {"anything": ["at all"]}


def test_the_programmes_forms_are_known_by_their_questions() -> None:
    daily = app.questionnaires(None)["home-dialysis-daily"]

    assert daily["chest-pain"].takes == ("valueBoolean",)
    assert daily["effluent"].options is not None
    assert daily["effluent"].options.keys() == {"clear", "cloudy", "bloody", "fibrin"}
