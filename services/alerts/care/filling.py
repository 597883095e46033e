"""Verb: a form that staff fill in for the patient, told over the telephone or asked at a visit.

Appended as every other answer is. What does not fit the form is said by question, and nothing is
stored; what the patient would not answer is left out, and is then never scored as 0.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_views, views
from services.alerts.one_patient import forms
from services.alerts.reader import Reader
from services.alerts.views import Parts
from shared import entered, form_answers
from shared.contracts import ItemError
from shared.instruments import asking
from shared.programmes import Programme

Json = Mapping[str, Any]
Fault = Literal["missing", "not-asked", "not-a-number", "does-not-fit"]

WHAT = "readings"
MOST = 200  # fields of a page's form
FORM = "answers:"


class NoSuchForm(Exception):
    """The patient has no such form to be filled in"""


@dataclass(frozen=True, slots=True)
class Typed:
    """What the page's form held: by linkId a text, or the numbers of the options chosen."""

    at: datetime
    texts: Mapping[str, str]
    chosen: Mapping[str, list[int]]
    note: str | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The form to be filled in, and about whom."""

    name: str
    form: Json
    patient_id: UUID
    names: asyncpg.Record | None
    now: datetime


@dataclass(slots=True)
class Unfit(Exception):
    """The answers do not fit the form"""

    faults: dict[str, Fault] = field(default_factory=dict)


def offered(programmes: Iterable[Programme], instruments: Mapping[str, Json]) -> dict[str, Json]:
    """The forms of these programmes, and the instruments that their rules read. Without those whose
    wording nobody has filled in: they cannot be asked."""
    followed = list(programmes)
    read = {kind for one in followed for part in one.inputs for kind, _ in part.reads}
    known = {FORM + name: form for name, form in instruments.items() if form["status"] == "active"}
    found = {kind.removeprefix(FORM): known[kind] for kind in sorted(read) if kind in known}
    return {**forms.by_name(followed), **found}


async def asked(parts: Parts, by: Reader, patient_id: UUID, name: str) -> Asked:
    """NoSuchForm, NoSuchPatient, NotYourUnit."""
    async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
        now = await store.now(tx)
        form = await _form(tx, parts, by, patient_id, name, now)
        names = await store_views.names(tx, by.org, [patient_id])
    return Asked(name, form, patient_id, names.get(patient_id), now)


async def fill(
    parts: Parts, by: Reader, patient_id: UUID, name: str, typed: Typed, now: datetime
) -> None:
    """Unfit, ReadingIsInTheFuture, NoSuchForm, NoSuchPatient, NotYourUnit."""
    entered.must_have_been(typed.at, now)
    message = entered.message_id(now)
    async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
        form = await _form(tx, parts, by, patient_id, name, now)
        answers, faults = read(form, typed)
        if not typed.stopped:
            missing = asking.missing(form, answers)
            faults |= {link: "missing" for link in missing if link not in faults}
        sent: dict[str, Any] = {"questionnaire": name, "answers": answers}
        if form.get("version"):
            sent["version"] = form["version"]
        if typed.stopped:
            sent["status"] = "stopped"
        around: dict[str, Any] = {"entered": "manual"}
        if typed.note:
            around["note"] = typed.note
        errors: list[ItemError] = []
        known = form_answers.offered([], {name: form})
        drafts, _ = form_answers.of_json(sent, message, around, known, errors)
        for error in errors:
            link = error.path.partition(".")[2]
            faults.setdefault(link, "does-not-fit")
        if faults:
            raise Unfit(faults)
        await reader.note(tx, by, [patient_id], WHAT, "changed")
        item = entered.item(message, drafts, typed.at, None)
        await entered.append(tx, by.org, by.id, patient_id, item, None)


async def _form(
    tx: asyncpg.Connection, parts: Parts, by: Reader, patient_id: UUID, name: str, now: datetime
) -> Json:
    patient = await views.record_of(tx, by.org, patient_id, now)
    followed = [
        parts.programmes[one.programme]
        for one in patient.record.enrolments
        if one.covers(now) and one.programme in parts.programmes and one.programme not in by.shut
    ]
    form = offered(followed, parts.forms).get(name)
    if form is None or name in views.hidden_forms(parts, by, patient):
        raise NoSuchForm
    return form


# --- from what was typed to answers ---------------------------------------------------------


def read(form: Json, typed: Typed) -> tuple[dict[str, list[Any]], dict[str, Fault]]:
    answers: dict[str, list[Any]] = {}
    faults: dict[str, Fault] = {}
    for link, item in forms.questions(form).items():
        try:
            given = _given(item, typed.texts.get(link, "").strip(), typed.chosen.get(link, []))
        except (ValueError, IndexError):
            faults[link] = "not-a-number" if item["type"] in NUMBERS else "does-not-fit"
            continue
        if given:
            answers[link] = given
    for link, needed in asking.conditions(form).items():
        if link in answers and asking.is_asked(needed, answers) is False:
            faults[link] = "not-asked"
    return answers, faults


DECIMAL = re.compile(r"-?[0-9]{1,12}([.,][0-9]{1,9})?")
WHOLE = re.compile(r"-?[0-9]{1,12}")
NUMBERS = ("decimal", "integer", "quantity")


def _given(item: Json, text: str, chosen: list[int]) -> list[Any]:
    options = item.get("answerOption", ())
    if options:
        return [_of_option(options[n]) for n in chosen]
    if not text:
        return []
    match item["type"]:
        case "boolean":
            return [{"true": True, "false": False}[text]] if text in ("true", "false") else [text]
        case "integer":
            return [int(_number(text, WHOLE))]
        case "decimal" | "quantity":
            return [_number(text)]
        case _:
            return [text]


def _number(text: str, form: re.Pattern[str] = DECIMAL) -> Decimal:
    if form.fullmatch(text) is None:
        raise ValueError
    return Decimal(text.replace(",", "."))


def _of_option(option: Json) -> Any:
    coding = option.get("valueCoding")
    if coding is not None:
        return coding.get("code") or coding.get("display")
    return next(value for key, value in option.items() if key.startswith("value"))
