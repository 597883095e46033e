"""Pure: the patient's own zones: what is yellow, what is red, with his own numbers, and what to do.

Green never says that he is well: only that nothing outside his limits was measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.patients.me.mine import Mine
from services.patients.page import words, written
from services.patients.page.frame import View
from shared import zones
from shared.programmes import LimitRule, Text
from shared.programmes.parts import EMERGENCY
from shared.zones import OVER, Sign


@dataclass(frozen=True, slots=True)
class Line:
    """A limit that can be drawn: the field it is about, which side is beyond, and its colour."""

    kind: str
    field: str
    over: bool
    number: Decimal
    colour: str


def plan_view(mine: Mine, lang: str) -> View:
    t = words.words(lang)
    kinds = {fact.kind for fact in mine.facts} | {due.kind for due in mine.dues}
    found = zones.zones(mine.programmes.values(), mine.limits, kinds)
    return {
        "programmes": [words.say(one.names, lang) for one in mine.programmes.values()],
        "zones": [
            {
                "colour": colour,
                "name": t["colours"][colour],
                "measured": _signs(zone.measured, t, lang),
                "answered": _signs(zone.answered, t, lang),
                "call": EMERGENCY[lang] if colour == "red" else "",
            }
            for colour, zone in found.items()
        ],
        "green": t["plan"]["green"],
    }


def _signs(signs: Mapping[Sign, list[Text]], t: words.Words, lang: str) -> list[dict[str, Any]]:
    said: dict[str, list[str]] = {}
    for sign, tells in signs.items():
        said.setdefault(_sign(sign, t, lang), []).extend(words.say(one, lang) for one in tells)
    return [
        {"sign": sign, "do": " ".join(zones.advice(tells, lang))} for sign, tells in said.items()
    ]


def _sign(sign: Sign, t: words.Words, lang: str) -> str:
    """In words, with the patient's own number."""
    name = words.say(sign.names, lang)
    if sign.number is None:
        return name
    side = t["plan"]["over" if sign.over else "under"]
    figure = f"{written.number(sign.number, 2, lang)} {written.unit(sign.ucum, t)}".strip()
    return f"{name}: {side} {figure}"


def lines(mine: Mine) -> Iterator[Line]:
    """The limits of single values, as a trend draws them."""
    for programme in mine.programmes.values():
        for rule in programme.rules:
            if not isinstance(rule, LimitRule) or rule.persistence is not None:
                continue
            how, reference = rule.comparison
            number = (
                mine.limits.get((programme.slug, reference))
                if isinstance(reference, str)
                else reference
            )
            for source in programme.input_by_name[rule.input].sources:
                # A limit of before or after a session is not one of any time.
                if (
                    source.kind
                    and number is not None
                    and (not source.phase or "none" in source.phase)
                ):
                    yield Line(source.kind, source.field, how in OVER, number, rule.colour)
