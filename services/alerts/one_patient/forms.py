"""Pure: questions and answers of a programme's forms in people's words, in both languages."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.alerts import scoring
from shared.programmes import Programme

Json = Mapping[str, Any]
Said = dict[str, str]

TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
YES_NO = {True: {"nb": "ja", "en": "yes"}, False: {"nb": "nei", "en": "no"}}


def by_name(programmes: Iterable[Programme]) -> dict[str, Json]:
    return {scoring.form_name(form): form for one in programmes for form in one.questionnaires}


def title(form: Json, name: str) -> Said:
    return _said(form, "title", name)


def questions(form: Json) -> dict[str, Json]:
    return {item["linkId"]: item for item in _items(form.get("item", ()))}


def question(item: Json) -> Said:
    return _said(item, "text", item["linkId"])


def answer(item: Json | None, given: Any) -> Said:
    """Options in the form's own words; several answers with commas between."""
    several = given if isinstance(given, list | tuple) else [given]
    said = [_one(item or {}, one) for one in several]
    return {lang: ", ".join(one[lang] for one in said) for lang in ("nb", "en")}


def _one(item: Json, given: Any) -> Said:
    if isinstance(given, bool):
        return YES_NO[given]
    for option in item.get("answerOption", ()):
        coding = option.get("valueCoding", {})
        if coding.get("code") == given:
            return _said(coding, "display", str(given))
    return {"nb": str(given), "en": str(given)}


def _items(items: Iterable[Json]) -> Iterator[Json]:
    for item in items:
        yield item
        yield from _items(item.get("item", ()))


def _said(of: Json, member: str, otherwise: str) -> Said:
    text = str(of.get(member) or otherwise)
    said = {"nb": text, "en": text}
    for extension in of.get(f"_{member}", {}).get("extension", ()):
        if extension["url"] == TRANSLATION:
            parts = extension["extension"]
            lang = next(part["valueCode"] for part in parts if part["url"] == "lang")
            said[lang] = next(part["valueString"] for part in parts if part["url"] == "content")
    return said
