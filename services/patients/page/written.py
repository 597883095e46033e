"""Numbers and times as the patient reads them, always Europe/Oslo."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from services.patients.page.words import Words
from shared import kinds
from shared.contracts import Fact
from shared.wall_clock import OSLO as OSLO

NBSP = "\u00a0"


def number(value: object, decimals: int, lang: str, *, least: int = 0) -> str:
    """82,4 or 82.4; no more decimals than are spoken, no zeros after them."""
    exact = Decimal(str(value))
    stored = -int(exact.normalize().as_tuple().exponent)
    places = max(least, min(decimals, stored))
    text = f"{exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}".replace("-", "−")
    return text.replace(".", ",") if lang != "en" else text


def figure(field: kinds.Field, value: object, lang: str) -> str:
    least = 1 if field.ucum in ("kg", "Cel", "mmol/L") else 0
    return number(value, field.decimals, lang, least=least)


def unit(ucum: str | None, t: Words) -> str:
    return str(t["ucum"].get(ucum or "", ucum or ""))


def quantity(field: kinds.Field, value: object, t: Words, lang: str) -> str:
    if field.enum:
        return str(t["codes"].get(str(value), value))
    said = unit(field.ucum, t)
    return (
        f"{figure(field, value, lang)}{NBSP}{said}".strip() if said else figure(field, value, lang)
    )


def reading(fact: Fact, t: Words, lang: str) -> str:
    """84,7 kg · 168/94 mmHg · 94 %: the values of a reading in one line."""
    kind = kinds.CATALOGUE.get(fact.kind)
    values = fact.body.get("values") or {}
    if kind is None:
        return ""
    if {"systolic", "diastolic"} <= values.keys():
        pair = "/".join(
            figure(kind.fields[name], values[name], lang) for name in ("systolic", "diastolic")
        )
        return f"{pair}{NBSP}mmHg"
    said = [
        quantity(kind.fields[name], value, t, lang)
        for name, value in values.items()
        if name in kind.fields
    ]
    return " · ".join(said[:3])


def name(kind: str, lang: str) -> str:
    of = kinds.CATALOGUE.get(kind)
    return (of.en if lang == "en" else of.nb) if of else kind


def field_name(field: kinds.Field, lang: str) -> str:
    return field.en if lang == "en" else field.nb


def time(at: datetime) -> str:
    return f"{at.astimezone(OSLO):%H:%M}"


def day(at: datetime, now: datetime, t: Words) -> str:
    """i dag, i går, i morgen, lørdag, 16. november."""
    local, today = at.astimezone(OSLO).date(), now.astimezone(OSLO).date()
    days = (local - today).days
    if -1 <= days <= 1:
        return str(t["time"][("yesterday", "today", "tomorrow")[days + 1]])
    if abs(days) < 7:
        return str(t["time"]["weekdays"][local.weekday()])
    return date(at, t)


def date(at: datetime, t: Words) -> str:
    local = at.astimezone(OSLO).date()
    return str(t["time"]["date"]).format(day=local.day, month=t["time"]["months"][local.month - 1])


def moment(at: datetime, now: datetime, t: Words) -> str:
    """07:18 today, else with its day."""
    if at.astimezone(OSLO).date() == now.astimezone(OSLO).date():
        return time(at)
    return f"{day(at, now, t)} {time(at)}"


def whole_day(at: datetime, t: Words) -> str:
    local = at.astimezone(OSLO)
    return f"{str(t['time']['weekdays'][local.weekday()]).capitalize()} {date(at, t)}"


def first(name: str) -> str:
    return name.split()[0] if name.split() else ""
