"""Answers in the shapes of other form engines: known by their codes or set aside, not guessed."""

from typing import Any

import pytest

from services.ingest import app
from services.ingest.devices import fhir_r4
from shared import exact
from shared.contracts import Code, Item

FORMS = app.questionnaires(None)
LOINC = "http://loinc.org"
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
ITEMS = (
    "44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3",
    "44260-8",
)  # fmt: skip
OPTIONS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")


def read(questionnaire: str | None, items: list[Any], **more: Any) -> Item:
    sent = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "identifier": {"system": "urn:example:forms", "value": "a-1"},
        **({"questionnaire": questionnaire} if questionnaire else {}),
        "subject": {"reference": "Patient/proband"},
        "authored": "2026-02-03T07:20:00+01:00",
        "item": items,
        **more,
    }
    [item] = fhir_r4.decode(exact.dumps(sent), "application/fhir+json", FORMS).items
    assert bool(item.errors) != bool(item.drafts)
    return item


def coded(option: str | None, score: int | None = None, system: str | None = LOINC) -> Any:
    told: dict[str, Any] = {"display": "Several days"}
    if option is not None:
        told |= {"code": option} | ({"system": system} if system else {})
    if score is not None:
        told["extension"] = [{"url": ORDINAL, "valueDecimal": score}]
    return [{"valueCoding": told}]


def lhc(scores: list[int], *, codes: bool = True) -> list[Any]:
    """As the forms of LOINC's own renderer: linkIds are LOINC codes, options say their score."""
    return [
        {"linkId": f"/{item}", "text": "Question",
         "answer": coded(OPTIONS[score] if codes else None, score)}
        for item, score in zip(ITEMS, scores, strict=True)
    ]  # fmt: skip


def body(item: Item) -> Any:
    assert not item.errors
    return item.drafts[0].body


# --- SDC ------------------------------------------------------------------------------------------


def sdc(contained: dict[str, Any], items: list[Any], **more: Any) -> Item:
    form = {"resourceType": "Questionnaire", "id": "form", "status": "active", **contained}
    return read("#form", items, contained=[form], **more)


WALK = {
    "url": "http://forms.example.org/Questionnaire/walk",
    "version": "2.1",
    "item": [
        {"linkId": "g", "type": "group", "item": [
            {"linkId": "g.1", "type": "decimal"}, {"linkId": "g.2", "type": "choice"},
        ]},
    ],
}  # fmt: skip


def test_sdc_a_contained_form_is_named_by_its_url_and_holds_the_answers_to_its_questions() -> None:
    answer = {"linkId": "g", "item": [{"linkId": "g.1", "answer": [{"valueDecimal": 412.5}]}]}
    other = {"linkId": "h.1", "answer": [{"valueDecimal": 412.5}]}

    told = body(sdc(WALK, [answer]))
    faulty = sdc(WALK, [answer, other])

    assert told["questionnaire"] == "http://forms.example.org/Questionnaire/walk"
    assert (told["version"], list(told["answers"])) == ("2.1", ["g.1"])
    assert [one.code for one in faulty.errors] == [Code.UNKNOWN_FIELD]


def test_sdc_a_contained_instrument_is_read_by_the_codes_of_its_questions() -> None:
    form = {
        "url": "http://forms.example.org/Questionnaire/mood",
        "code": [{"system": LOINC, "code": "44249-1"}],
        "item": [
            {"linkId": f"q{place}", "type": "choice", "code": [{"system": LOINC, "code": item}]}
            for place, item in enumerate(ITEMS)
        ],
    }
    items = [{"linkId": f"q{place}", "answer": coded(OPTIONS[1])} for place in range(9)]

    item = sdc(form, items)

    assert body(item)["questionnaire"] == "phq-9"
    assert body(item)["answers"] == {f"item-{n}": ["LA6569-3"] for n in range(1, 10)}
    assert item.alarm is not None
    assert item.alarm.harm


def test_sdc_a_contained_form_without_a_name_is_no_form() -> None:
    item = sdc({"item": WALK["item"]}, [{"linkId": "g.1", "answer": [{"valueDecimal": 1}]}])
    missing = read("#elsewhere", [{"linkId": "g.1", "answer": [{"valueDecimal": 1}]}])

    assert [one.path for one in item.errors] == ["questionnaire"]
    assert [one.path for one in missing.errors] == ["questionnaire"]


# --- LHC-Forms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "canonical",
    ["http://loinc.org/q/44249-1", "Questionnaire/44249-1", "https://forms.example/phq9|3"],
)
def test_lhc_forms_are_known_by_the_loinc_codes_of_panel_and_questions(canonical: str) -> None:
    item = read(canonical, lhc([0, 1, 2, 3, 0, 1, 2, 3, 1]))

    told = body(item)
    assert told["questionnaire"] == "phq-9"
    assert told["answers"]["item-4"] == ["LA6571-9"]
    assert len(told["answers"]) == 9
    assert item.alarm is not None
    assert item.alarm.harm


def test_lhc_forms_total_is_not_believed_but_added_up_here() -> None:
    total = {"linkId": "/44261-6", "answer": [{"valueDecimal": 27}]}

    told = body(read("http://loinc.org/q/44249-1", [*lhc([0] * 9), total]))

    assert "/44261-6" not in told["answers"]
    assert len(told["answers"]) == 9


def test_lhc_forms_options_without_codes_are_what_they_score() -> None:
    told = body(read("http://loinc.org/q/44249-1", lhc([2] * 9, codes=False)))

    assert set(map(tuple, told["answers"].values())) == {(2,)}


def test_lhc_forms_an_option_that_scores_otherwise_is_of_another_scale() -> None:
    reversed_scale = [{"linkId": "/44250-9", "answer": coded("LA6568-5", 3)}]

    item = read("http://loinc.org/q/44249-1", reversed_scale)

    assert [(one.path, one.code) for one in item.errors] == [("item.item-1", Code.BAD_VALUE)]


# --- the German national core data set ------------------------------------------------------------

GERMAN = "https://www.example.de/fhir/ext/modul-pro/Questionnaire/mii-qst-pro-phq-9"


def test_mii_questions_that_are_not_the_instruments_are_set_aside_and_never_score_nothing() -> None:
    items = [{"linkId": f"PHQ.{n}", "answer": coded(OPTIONS[0], system=None)}
             for n in range(1, 10)]  # fmt: skip

    item = read(GERMAN, items)

    assert {one.code for one in item.errors} == {Code.UNKNOWN_FIELD}
    assert item.drafts == ()


def test_mii_questions_with_their_codes_beside_them_are_read() -> None:
    form = {
        "resourceType": "Questionnaire", "id": "q", "url": GERMAN,
        "item": [{"linkId": f"PHQ-9.{n}", "type": "choice",
                  "code": [{"system": LOINC, "code": code}]} for n, code in enumerate(ITEMS, 1)],
    }  # fmt: skip
    items = [{"linkId": f"PHQ-9.{n}", "answer": coded(OPTIONS[1], system=None)}
             for n in range(1, 10)]  # fmt: skip

    told = body(read(GERMAN, items, contained=[form]))

    assert (told["questionnaire"], len(told["answers"])) == ("phq-9", 9)


# --- the Danish national infrastructure -----------------------------------------------------------


def test_the_danish_shape_refers_by_whole_addresses_and_keeps_the_version_of_the_form() -> None:
    base = "https://fhir.example.dk/fhir"
    items = [
        {"linkId": "1", "text": "Hvordan har du det?", "item": [
            {"linkId": "1.1", "text": "Åndenød", "answer": [
                {"valueCoding": {"system": "urn:example:scale", "code": "let"}}]},
            {"linkId": "1.2", "text": "Hoste", "answer": [{"valueBoolean": True}]},
        ]},
    ]  # fmt: skip
    item = read(
        f"{base}/Questionnaire/95/_history/4",
        items,
        subject={"reference": f"{base}/Patient/4711"},
        source={"reference": f"{base}/Patient/4711"},
        author={"reference": f"{base}/Patient/4711"},
        basedOn=[{"reference": f"{base}/ServiceRequest/12"}],
        extension=[{"url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare",
                    "valueReference": {"reference": f"{base}/EpisodeOfCare/7"}}],
    )  # fmt: skip

    told = body(item)
    assert (told["questionnaire"], told["version"]) == (f"{base}/Questionnaire/95", "4")
    assert told["answers"] == {"1.1": ["let"], "1.2": [True]}
    assert item.subject is not None
    assert item.subject.value == f"{base}/Patient/4711"


# --- forms of others ------------------------------------------------------------------------------


def test_a_form_named_like_an_instrument_with_options_of_its_own_is_kept_as_it_is() -> None:
    items = [{"linkId": "H1/Q1", "answer": coded("Not-at-all", system="urn:example:own")}]

    told = body(read("http://forms.example.org/Questionnaire/example-PHQ9", items))

    assert told["questionnaire"] == "http://forms.example.org/Questionnaire/example-PHQ9"
