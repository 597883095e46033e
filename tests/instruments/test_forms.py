"""Questionnaires: the free ones complete, the others as stubs, a hospital's own with one check."""

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared import instruments
from shared.instruments import forms
from shared.instruments.schema import Instrument
from tests.instruments.given import INSTRUMENTS

SHIPPED = forms.load()
RESTRICTED = [one for one in INSTRUMENTS.values() if one.licence.may_ship != "yes"]
FREQUENCY = ["Not at all", "Several days", "More than half the days", "Nearly every day"]


def _questions(form: Any) -> dict[str, Any]:
    found = {}
    for item in form.get("item", ()):
        found |= {item["linkId"]: item} if item["type"] != "group" else _questions(item)
    return found


def _completed(instrument: Instrument) -> dict[str, Any]:
    """A stub with made-up wording, as a hospital would complete it with the true one."""
    form = forms.stub(instrument) | {"status": "active", "language": "nb"}
    for number, item in enumerate(form["item"]):
        item["text"] = f"Spørsmål nummer {number}"
        for option in item.get("answerOption", ()):
            option["valueCoding"]["display"] = f"Svar {option['valueCoding']['code']}"
    return form


def _write(folder: Path, form: Any) -> None:
    text = json.dumps(form, default=float, ensure_ascii=False)
    (folder / f"{form['id']}.questionnaire.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("slug", sorted(SHIPPED))
def test_our_forms_are_whole_and_in_english_only(slug: str) -> None:
    assert forms.faults(INSTRUMENTS[slug], SHIPPED[slug]) == []
    assert forms.languages(SHIPPED[slug]) == {"en"}


@pytest.mark.parametrize("slug", ["phq-9", "phq-8", "phq-2", "gad-7", "gad-2"])
def test_the_lowest_answer_is_not_at_all(slug: str) -> None:
    for link, item in _questions(SHIPPED[slug]).items():
        shown = [option["valueCoding"]["display"] for option in item["answerOption"]]
        if link != "item-10":
            assert shown == FREQUENCY


def test_the_short_forms_ask_in_the_same_words() -> None:
    for long, short in (("phq-9", "phq-8"), ("phq-9", "phq-2"), ("gad-7", "gad-2"),
                        ("audit", "audit-c")):  # fmt: skip
        asked = _questions(SHIPPED[long])
        for link, item in _questions(SHIPPED[short]).items():
            assert item == asked[link]


def test_the_notice_of_the_world_health_organization_goes_with_its_wording() -> None:
    folder = forms.WORDING / "audit"
    assert "not for sale" in " ".join((folder / "NOTICE.md").read_text().split())
    for path in folder.glob("*.json"):
        assert "not for sale" in json.loads(path.read_text())["copyright"]
    assert {path.name for path in folder.glob("*.json")} == {
        "audit.questionnaire.json",
        "audit-c.questionnaire.json",
    }


@pytest.mark.parametrize("instrument", INSTRUMENTS.values(), ids=lambda one: one.slug)
def test_a_stub_has_no_words_and_can_be_sent_to_nobody(instrument: Instrument) -> None:
    form = forms.stub(instrument)
    assert set(_questions(form)) == set(instrument.question_of)
    assert all("text" not in item for item in form["item"])
    assert not any(
        "display" in option["valueCoding"]
        for item in form["item"]
        for option in item.get("answerOption", ())
    )
    assert forms.languages(form) == frozenset()
    told = forms.faults(instrument, form)
    assert "a question or an answer has no text in the form's language." in told
    assert "the status must be active: a draft is sent to nobody." in told


@pytest.mark.parametrize("instrument", RESTRICTED, ids=lambda one: one.slug)
def test_a_hospital_completes_a_stub_with_its_own_wording(
    instrument: Instrument, tmp_path: Path
) -> None:
    _write(tmp_path, _completed(instrument))
    assert forms.check(tmp_path) == []
    own = forms.load(tmp_path)[instrument.slug]
    assert forms.languages(own) == {"nb"}


def test_a_hospital_adds_norwegian_to_a_form_of_ours(tmp_path: Path) -> None:
    form: Any = copy.deepcopy(SHIPPED["phq-2"])
    for item in (form["item"][0], *form["item"][0]["item"]):
        item["_text"] = _translated("Norsk")
        for option in item.get("answerOption", ()):
            option["valueCoding"]["_display"] = _translated("Norsk")
    _write(tmp_path, form)
    assert forms.languages(forms.load(tmp_path)["phq-2"]) == {"en", "nb"}
    del form["item"][0]["item"][1]["_text"]
    assert forms.languages(form) == {"en"}


def _translated(text: str) -> dict[str, Any]:
    said = [{"url": "lang", "valueCode": "nb"}, {"url": "content", "valueString": text}]
    return {"extension": [{"url": forms.TRANSLATION, "extension": said}]}


def _first(form: Any) -> Any:
    return form["item"][0]


FAULTS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda form: form.pop("copyright"), "there is no copyright."),
    (lambda form: form.update(status="draft"), "the status must be active"),
    (lambda form: form.update(url="https://elsewhere.example/ess"), "the url must be"),
    (lambda form: form["item"].pop(), "the question item-8 is not asked."),
    (lambda form: form["item"].append(_first(form)), "the question item-1 is there twice."),
    (lambda form: _first(form).update(linkId="q1"), "ESS has no question q1."),
    (lambda form: _first(form).update(type="decimal"), "must be of type choice."),
    (lambda form: _first(form).pop("text"), "has no text"),
    (lambda form: _first(form)["answerOption"].pop(), "does not offer the answer 3."),
    (
        lambda form: _first(form)["answerOption"][0].pop("extension"),
        "the answer 0 of the question item-1 must score 0.",
    ),
    (
        lambda form: _first(form)["answerOption"][0]["extension"][0].update(valueDecimal=3),
        "the answer 0 of the question item-1 must score 0.",
    ),
    (
        lambda form: _first(form)["answerOption"][0]["valueCoding"].update(code="none"),
        "offers none, which item-1 does not score.",
    ),
    (lambda form: _first(form)["answerOption"].append(_first(form)["answerOption"][0]), "twice."),
]


@pytest.mark.parametrize(("spoil", "told"), FAULTS)
def test_a_form_that_is_not_the_instruments_is_told_in_a_sentence(
    spoil: Callable[[Any], Any], told: str, tmp_path: Path
) -> None:
    form = copy.deepcopy(_completed(INSTRUMENTS["ess"]))
    spoil(form)
    _write(tmp_path, form)
    assert any(told in sentence for sentence in forms.check(tmp_path)), forms.check(tmp_path)
    with pytest.raises(forms.FormsAreUnreadable):
        forms.load(tmp_path)


def test_the_known_misprint_of_gad_7_is_refused() -> None:
    form: Any = copy.deepcopy(SHIPPED["gad-7"])
    lowest = form["item"][0]["item"][0]["answerOption"][0]["valueCoding"]
    lowest["display"] = "Not at all sure"
    [told] = forms.faults(INSTRUMENTS["gad-7"], form)
    assert "known misprint" in told


def test_a_score_may_stand_on_the_coding() -> None:
    form = _completed(INSTRUMENTS["ess"])
    for item in form["item"]:
        for option in item["answerOption"]:
            option["valueCoding"]["extension"] = option.pop("extension")
    assert forms.faults(INSTRUMENTS["ess"], form) == []


def test_a_folder_is_told_about_what_it_cannot_use(tmp_path: Path) -> None:
    assert forms.check(tmp_path / "nowhere") == [f"{tmp_path / 'nowhere'} is not a folder."]
    (tmp_path / "a.questionnaire.json").write_text("{")
    (tmp_path / "b.questionnaire.json").write_text("[]")
    (tmp_path / "c.questionnaire.json").write_text('{"id": "phq-10"}')
    told = forms.check(tmp_path)
    assert len(told) == 3
    assert told[0].startswith("a.questionnaire.json, line 1: ")
    assert told[2] == "c.questionnaire.json, line 1: phq-10 is no instrument."


def test_a_fault_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    form = _completed(INSTRUMENTS["ess"])
    _first(form)["answerOption"][1]["extension"][0]["valueDecimal"] = 3
    text = json.dumps(form, default=float, ensure_ascii=False, indent=1)
    (tmp_path / "ess.questionnaire.json").write_text(text, encoding="utf-8")
    [told] = forms.check(tmp_path)
    place, _, sentence = told.partition(": ")
    assert sentence == "the answer 1 of the question item-1 must score 1."
    line = int(place.removeprefix("ess.questionnaire.json, line "))
    assert text.splitlines()[line - 1].strip() == '"code": "1",'


def test_what_a_form_offers_is_what_is_scored() -> None:
    """The codes a patient's app sends are the codes that score."""
    answers = {
        link: item["answerOption"][-1]["valueCoding"]["code"]
        for link, item in _questions(SHIPPED["phq-9"]).items()
    }
    found = instruments.score(INSTRUMENTS["phq-9"], answers)
    assert found.total == Decimal(27)
