"""A form to be filled in for the patient: its questions in order, what was typed, what is wrong."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from services.alerts.one_patient import forms
from services.alerts.page import shown, words, written
from services.alerts.page.frame import frame
from shared.instruments import asking

View = dict[str, Any]
Json = Mapping[str, Any]

PLAIN = {
    "integer": "numeric",
    "decimal": "decimal",
    "quantity": "decimal",
    "date": "date",
    "time": "time",
}


def form_view(data: Json, lang: str, now: datetime) -> View:
    """`name`, `form` (a Questionnaire), `patient`, `number`? · `typed`? {"texts", "chosen", "at",
    "note", "stopped"} and `faults`? {linkId: code} after a refused try, `problem`?."""
    t = words.words(lang)
    form = data["form"]
    typed = data.get("typed") or {}
    faults = data.get("faults") or {}
    title = words.say(forms.title(form, data["name"]), lang)
    questions = [*_questions(form, form.get("item", ()), typed, faults, t, lang, 0)]
    wrong = [each for each in questions if each["fault"]]
    return {
        **frame(data, lang),
        "title": f"{title} · Hjemvakt",
        "name": data["name"],
        "form_title": title,
        "person": shown.person(data["patient"], data.get("number"), now, lang),
        "patient_id": str(data["patient"]["id"]),
        "questions": questions,
        "wrong": [{"link": each["link"], "text": each["text"]} for each in wrong],
        "wrong_head": words.count(t["filling"]["wrong"], len(wrong)) if wrong else "",
        "problem": data.get("problem"),
        "at": str(typed.get("at") or written.local_input(now)),
        "note": str(typed.get("note") or ""),
        "stopped": bool(typed.get("stopped")),
    }


def _questions(
    form: Json,
    items: Iterable[Json],
    typed: Json,
    faults: Mapping[str, str],
    t: words.Words,
    lang: str,
    depth: int,
) -> Iterator[View]:
    needed = asking.conditions(form)
    for item in items:
        link = item["linkId"]
        chosen = (typed.get("chosen") or {}).get(link, [])
        fault = faults.get(link)
        yield {
            "link": link,
            "field": f"a.{link}",
            "text": words.say(forms.question(item), lang),
            "kind": _kind(item),
            "mode": PLAIN.get(item["type"], "text"),
            "required": item.get("required") is True,
            "repeats": item.get("repeats") is True,
            "when": json.dumps([_when(one) for one in needed.get(link, ())]),
            "options": [
                {"n": n, "text": words.say(_option(option), lang), "code": _code(option),
                 "on": n in chosen}
                for n, option in enumerate(item.get("answerOption", ()))
            ],
            "value": str((typed.get("texts") or {}).get(link, "")),
            "fault": t["filling"]["faults"][fault] if fault else None,
            "depth": depth,
        }  # fmt: skip
        yield from _questions(form, item.get("item", ()), typed, faults, t, lang, depth + 1)


def _kind(item: Json) -> str:
    if item.get("answerOption"):
        return "options"
    return {"group": "group", "display": "display", "boolean": "boolean", "text": "prose"}.get(
        item["type"], "plain"
    )


def _option(option: Json) -> Any:
    coding = option.get("valueCoding")
    if coding is None:
        return next(str(value) for key, value in option.items() if key.startswith("value"))
    return forms.answer({"answerOption": [option]}, coding.get("code"))


def _code(option: Json) -> str:
    coding = option.get("valueCoding")
    if coding is not None:
        return str(coding.get("code") or coding.get("display"))
    return str(next(value for key, value in option.items() if key.startswith("value")))


def _when(one: asking.Condition) -> Json:
    tests = [[link, how, _plain(expected)] for link, how, expected in one.tests]
    return {"tests": tests, "every": one.every}


def _plain(expected: Any) -> Any:
    return expected if isinstance(expected, bool | str | int) else str(expected)
