"""Those whose trial weeks are over, as the pages show them. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.patients.page import enrolling, words, written
from shared.limits.nouns import SuggestedOf
from shared.programmes import Programme

View = dict[str, Any]


def rows(
    found: Iterable[SuggestedOf],
    programmes: Mapping[str, Programme],
    units: Mapping[UUID, str],
    lang: str,
    now: datetime,
    worklist: str,
) -> list[View]:
    t = words.words(lang)
    return [
        {
            "name": one.name,
            "number": one.number,
            "born": f"{one.born:%d.%m.%Y}",
            "age": age(one.born, now),
            "href": place(one, worklist),
            "programme": words.say(programmes[one.programme].names, lang),
            "unit": units.get(one.unit_id, ""),
            "since": written.moment(one.since, now, t),
            "limits": _limits(one, programmes[one.programme], lang),
        }
        for one in found
        if one.programme in programmes
    ]


def place(one: SuggestedOf, worklist: str) -> str:
    return f"{worklist}/patients/{one.patient_id}#suggested"


def age(born: date, now: datetime) -> int:
    today = now.astimezone(written.OSLO).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _limits(one: SuggestedOf, programme: Programme, lang: str) -> list[View]:
    """What is suggested, and what it would stand in the place of."""
    s = words.words(lang)["setup"]["trial_weeks"]
    return [
        {
            "says": words.say(limit.names, lang),
            "value": enrolling.figure(limit, one.limits[limit.name], lang),
            "instead": s["instead"].format(value=enrolling.figure(limit, limit.default, lang))
            if limit.default is not None
            else "",
        }
        for limit in programme.limits
        if limit.name in one.limits
    ]
