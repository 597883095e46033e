"""FHIR Questionnaires of the instruments: ours, a hospital's own, and stubs without wording.

A stub has the questions' linkIds and scores and no text, so it can be sent to nobody until a
hospital has completed it. One validator reads all three, and answers in sentences.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_never

from shared import instruments
from shared.instruments import placing
from shared.instruments.schema import Choice, FreeText, Instrument, Question, Range, YesNo

Form = Mapping[str, Any]

CANONICAL = "https://hjemvakt.example/fhir/Questionnaire/"
OWN_CODES = "https://hjemvakt.example/fhir/CodeSystem/"
LOINC = "http://loinc.org"
_FHIR = "http://hl7.org/fhir/StructureDefinition/"
ORDINAL = f"{_FHIR}ordinalValue"
TRANSLATION = f"{_FHIR}translation"
WORDING = Path(__file__).parent / "content"
TYPES = {
    "choice": {"choice"},
    "range": {"integer", "decimal"},
    "yes-no": {"boolean"},
    "free-text": {"string", "text"},
}


class FormsAreUnreadable(ValueError):
    """A folder of questionnaires does not hold what its instruments ask for."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def load(*folders: Path) -> dict[str, Form]:
    """Completed forms by slug: ours, then those of a hospital's folders, which win."""
    found: dict[str, Form] = {}
    sentences: list[str] = []
    for folder in (*sorted(WORDING.iterdir()), *folders):
        told = check(folder)
        sentences += told
        if not told:
            found |= {str(form["id"]): form for form in map(_json, _paths(folder))}
    if sentences:
        raise FormsAreUnreadable(sentences)
    return found


def in_use(own: Path | None) -> dict[str, Form]:
    """Every instrument's form: completed by us or by the hospital's own folder, or else a stub.

    A folder that is not there, or has a fault, is never passed over: `FormsAreUnreadable`.
    """
    completed = load(*([own] if own else []))
    return {
        slug: completed.get(slug) or stub(instrument)
        for slug, instrument in instruments.load_all().items()
    }


def check(folder: Path) -> list[str]:
    """What is wrong with a folder of completed forms: a sentence each, with file and line."""
    if not folder.is_dir():
        return [f"{folder} is not a folder."]
    sentences: list[str] = []
    seen: set[str] = set()
    for path in _paths(folder):
        try:
            text = path.read_text(encoding="utf-8")
            form = _form(text)
        except (OSError, ValueError, RecursionError) as error:
            sentences.append(placing.unreadable(path.name, error))
            continue
        told = list(_told_of(form, seen))
        sentences += [placing.placed(path.name, text, sentence) for sentence in told]
    return sentences


def _told_of(form: Form, seen: set[str]) -> Iterator[str]:
    try:
        instrument = instruments.load(str(form.get("id")))
    except instruments.UnknownInstrument as error:
        yield f"{error} is no instrument."
        return
    if instrument.slug in seen:
        yield f"{instrument.slug} is there twice."
    seen.add(instrument.slug)
    try:
        yield from faults(instrument, form)
    except (AttributeError, TypeError, KeyError, ArithmeticError):
        yield "an item, an answer or a text has not the shape FHIR gives it."


def stub(instrument: Instrument) -> dict[str, Any]:
    """The form without a word of its text: what a hospital completes with its own."""
    form: dict[str, Any] = {
        "resourceType": "Questionnaire",
        "id": instrument.slug,
        "url": f"{CANONICAL}{instrument.slug}",
        "version": instrument.version,
        "name": "".join(part.capitalize() for part in instrument.slug.split("-")),
        "title": instrument.name,
        "status": "draft",
        "subjectType": ["Patient"],
        "copyright": f"{instrument.licence.licence}. {instrument.licence.ground}",
    }
    if instrument.loinc.panel:
        form["code"] = [{"system": LOINC, "code": instrument.loinc.panel}]
    form["item"] = [
        _item(instrument.slug, question, place)
        for question in instrument.questions
        for place in range(len(question.links))
    ]
    return form


def languages(form: Form) -> frozenset[str]:
    """The languages in which every word of the form is there: nobody is sent any other."""
    told = [_told(element, key, str(form.get("language", ""))) for element, key in _texts(form)]
    return frozenset.intersection(*told) - {""} if told else frozenset()


def faults(instrument: Instrument, form: Form) -> list[str]:
    """Every way in which a completed form is not this instrument's."""
    return list(_faults(instrument, form))


def _faults(instrument: Instrument, form: Form) -> Iterator[str]:
    if form.get("resourceType") != "Questionnaire":
        yield "this is no FHIR Questionnaire."
    if form.get("url") != f"{CANONICAL}{instrument.slug}":
        yield f"the url must be {CANONICAL}{instrument.slug}."
    for key in ("version", "copyright", "language"):
        if not form.get(key):
            yield f"there is no {key}."
    if form.get("status") != "active":
        yield "the status must be active: a draft is sent to nobody."
    asked = [item for item in _items(form) if item.get("type") not in ("group", "display")]
    links = [str(item.get("linkId")) for item in asked]
    for link in sorted({link for link in links if links.count(link) > 1}):
        yield f"the question {link} is there twice."
    for link in instrument.question_of:
        if link not in links:
            yield f"the question {link} is not asked."
    for item in asked:
        question = instrument.question_of.get(str(item.get("linkId")))
        if question is None:
            yield f"{instrument.name} has no question {item.get('linkId')}."
        else:
            yield from _question_faults(question, item)
    yield from _text_faults(instrument, form)


def _question_faults(question: Question, item: Mapping[str, Any]) -> Iterator[str]:
    link = item["linkId"]
    if item.get("type") not in TYPES[question.kind]:
        yield f"the question {link} must be of type {' or '.join(sorted(TYPES[question.kind]))}."
    if not isinstance(question, Choice):
        return
    offered: dict[str, Decimal | None] = {}
    for option in item.get("answerOption", ()):
        offered[str(option.get("valueCoding", {}).get("code"))] = _ordinal(option)
    if len(offered) != len(item.get("answerOption", ())):
        yield f"the question {link} offers an answer twice."
    for code, score in question.score_of.items():
        if code not in offered:
            yield f"the question {link} does not offer the answer {code}."
        elif offered[code] != score:
            yield f"the answer {code} of the question {link} must score {score:f}."
    for code in offered:
        if code not in question.score_of:
            yield f"the question {link} offers {code}, which {link} does not score."


def _text_faults(instrument: Instrument, form: Form) -> Iterator[str]:
    if not languages(form):
        yield "a question or an answer has no text in the form's language."
    for element, key in _texts(form):
        said = [str(element.get(key) or ""), *_translations(element, key).values()]
        for never in instrument.never_says:
            if any(never.casefold() in text.casefold() for text in said):
                yield f"“{never}” is a known misprint of {instrument.name}."


def _item(slug: str, question: Question, place: int) -> dict[str, Any]:
    item: dict[str, Any] = {"linkId": question.links[place]}
    match question:
        case Choice():
            if question.loinc:
                item["code"] = [{"system": LOINC, "code": question.loinc[place]}]
            system = LOINC if question.options else f"{OWN_CODES}{slug}"
            item |= {
                "type": "choice",
                "answerOption": [
                    {
                        "extension": [{"url": ORDINAL, "valueDecimal": score}],
                        "valueCoding": {"system": system, "code": code},
                    }
                    for code, score in question.score_of.items()
                ],
            }
        case Range():
            whole = question.step == question.step.to_integral_value()
            item["type"] = "integer" if whole else "decimal"
            key = "valueInteger" if whole else "valueDecimal"
            ends = {"minValue": question.least, "maxValue": question.most}
            item["extension"] = [
                {"url": f"{_FHIR}{name}", key: int(end) if whole else end}
                for name, end in ends.items()
            ]
        case YesNo():
            item["type"] = "boolean"
        case FreeText():
            item["type"] = "text"
        case _:
            assert_never(question)
    item["required"] = not question.optional and question.only_for is None
    return item


def _texts(form: Form) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every element that must be readable, and the key its words stand under."""
    for item in _items(form):
        yield item, "text"
        for option in item.get("answerOption", ()):
            yield option.get("valueCoding", {}), "display"


def _told(element: Mapping[str, Any], key: str, language: str) -> frozenset[str]:
    own = {language} if str(element.get(key) or "").strip() else set()
    return frozenset(own | {lang for lang, text in _translations(element, key).items() if text})


def _translations(element: Mapping[str, Any], key: str) -> dict[str, str]:
    found = {}
    for extension in element.get(f"_{key}", {}).get("extension", ()):
        if extension.get("url") == TRANSLATION:
            said = {each.get("url"): each for each in extension.get("extension", ())}
            language = str(said.get("lang", {}).get("valueCode", ""))
            found[language] = str(said.get("content", {}).get("valueString", "")).strip()
    return found


def _ordinal(option: Mapping[str, Any]) -> Decimal | None:
    """R4 writers put the score on the option or on its coding."""
    for holder in (option, option.get("valueCoding", {})):
        for extension in holder.get("extension", ()):
            if extension.get("url") == ORDINAL and "valueDecimal" in extension:
                return Decimal(extension["valueDecimal"])
    return None


def _items(form: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in form.get("item", ()):
        yield item
        yield from _items(item)


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.questionnaire.json"))


def _json(path: Path) -> Form:
    return _form(path.read_text(encoding="utf-8"))


def _form(text: str) -> Form:
    form = json.loads(text, parse_float=Decimal)
    if not isinstance(form, dict):
        raise ValueError("this is no FHIR Questionnaire")
    return form
