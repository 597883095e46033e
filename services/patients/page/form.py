"""Pure: a FHIR Questionnaire as the patient fills it in. Scores are not shown, and not sent."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.patients.page import words
from services.patients.page.frame import View
from shared import exact
from shared.form_answers import Form
from shared.instruments import asking

_WRITTEN = {"integer": "number", "decimal": "number", "quantity": "number", "string": "line",
            "text": "lines", "date": "date", "url": "line", "time": "time"}  # fmt: skip


def form_view(name: str, form: Mapping[str, Any], known: Form, lang: str) -> View:
    return {
        "name": name,
        "version": str(form.get("version") or ""),
        "form_title": words.of_form(form, "title", lang),
        "copyright": str(form.get("copyright") or ""),
        "form_items": list(_items(form.get("item", ()), form, known, lang)),
        "untranslated": lang != "nb" and form.get("language") == "nb" and not _has(form, lang),
    }


def _items(
    items: Iterable[Mapping[str, Any]], form: Mapping[str, Any], known: Form, lang: str
) -> Iterator[dict[str, Any]]:
    conditions = asking.conditions(form)
    for item in items:
        link, type = str(item["linkId"]), str(item.get("type", ""))
        question = known.get(link)
        below = list(_items(item.get("item", ()), form, known, lang))
        yield {
            "link": link,
            "text": words.of_form(item, "text", lang),
            "shape": _shape(item, type),
            "required": item.get("required") is True and type not in ("group", "display"),
            "repeats": item.get("repeats") is True,
            "whole": type == "integer",
            "options": list(_options(item, type, question, lang)),
            "needed": _needed(conditions.get(link, ())),
            "items": below,
        }


def _shape(item: Mapping[str, Any], type: str) -> str:
    if type in ("group", "display"):
        return type
    if type == "boolean" or item.get("answerOption"):
        return "several" if item.get("repeats") is True else "one"
    return _WRITTEN.get(type, "line")


def _options(
    item: Mapping[str, Any], type: str, question: Any, lang: str
) -> Iterator[dict[str, Any]]:
    """`red`: this answer by itself is red; `harm`: it tells of harming oneself."""
    offered: list[tuple[Any, str]] = []
    if type == "boolean":
        t = words.words(lang)["form"]
        offered = [(True, t["yes"]), (False, t["no"])]
    for option in item.get("answerOption", ()):
        coding = option.get("valueCoding")
        if coding is not None:
            offered.append((coding.get("code"), words.of_form(coding, "display", lang)))
        else:
            plain = next((v for k, v in option.items() if k.startswith("value")), None)
            offered.append((plain, str(plain)))
    for value, text in offered:
        red = [one for one in (question.red if question else ()) if one.speaks(value)]
        yield {
            "value": exact.dumps(value).decode(),
            "text": text,
            "red": bool(red),
            "harm": any(one.harm for one in red),
        }


def _needed(conditions: Iterable[asking.Condition]) -> str:
    """For the script, which shows a question once it is asked: JSON, or nothing."""
    told = [{"every": one.every, "tests": [list(test) for test in one.tests]} for one in conditions]
    return exact.dumps(told).decode() if told else ""


def _has(form: Mapping[str, Any], lang: str) -> bool:
    return bool(form.get("_title")) and words.of_form(form, "title", lang) != form.get("title")
