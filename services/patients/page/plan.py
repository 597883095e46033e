"""Pure: the patient's own zones: what is yellow, what is red, with his own numbers, and what to do.

Green never says that he is well: only that nothing outside his limits was measured.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.patients.mine import Mine
from services.patients.page import words, written
from services.patients.page.frame import View
from shared.programmes import CodedRule, LimitRule, Programme, TargetRule
from shared.programmes.parts import EMERGENCY
from shared.programmes.rules import ChangeRule, Rule

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÆØÅ])")
OVER = ("above", "at_least")


@dataclass(frozen=True, slots=True)
class Line:
    """A limit that can be drawn: the field it is about, which side is beyond, and its colour."""

    kind: str
    field: str
    over: bool
    number: Decimal
    colour: str


@dataclass(slots=True)
class Zone:
    """What brings the patient there, each with what to do: measured, and answered in a form."""

    measured: dict[str, list[str]] = field(default_factory=dict)
    answered: dict[str, list[str]] = field(default_factory=dict)


def plan_view(mine: Mine, lang: str) -> View:
    t = words.words(lang)
    kinds = {fact.kind for fact in mine.facts} | {due.kind for due in mine.dues}
    for programme in mine.programmes.values():
        kinds |= {item.kind for item in programme.plan}
    zones = {"yellow": Zone(), "red": Zone()}
    for programme in mine.programmes.values():
        for rule in programme.rules:
            _add(zones[rule.colour], rule, programme, mine, kinds, lang)
    return {
        "programmes": [words.say(one.names, lang) for one in mine.programmes.values()],
        "zones": [
            _shown(colour, one, t, lang)
            for colour, one in zones.items()
            if one.measured or one.answered
        ],
        "green": t["plan"]["green"],
    }


def _add(
    zone: Zone, rule: Rule, programme: Programme, mine: Mine, kinds: set[str], lang: str
) -> None:
    if rule.lane != "clinical" or not isinstance(
        rule, LimitRule | ChangeRule | TargetRule | CodedRule
    ):
        return
    about = programme.input_by_name[rule.input]
    into, sign = zone.answered, words.say(about.names, lang)
    if not isinstance(rule, CodedRule):
        if not any(source.kind in kinds for source in about.sources):
            return
        into, sign = zone.measured, _sign(rule, programme, mine, lang)
    elif not any(source.questionnaire for source in about.sources):
        return
    if sign:
        steps = into.setdefault(sign, [])
        steps += [one for one in advice(words.say(rule.tells, lang), lang) if one not in steps]


def _sign(
    rule: LimitRule | ChangeRule | TargetRule, programme: Programme, mine: Mine, lang: str
) -> str:
    """The limit in words with the patient's own number; nothing where none has been set."""
    t = words.words(lang)
    how, reference = rule.comparison
    about = programme.input_by_name[rule.input]
    name, ucum = words.say(about.names, lang), about.ucum
    number: Decimal | None
    if isinstance(reference, str):
        number = mine.limits.get((programme.slug, reference))
        limit = programme.limit_by_name[reference]
        name, ucum = re.sub(r",[^,]*$", "", words.say(limit.names, lang)), limit.ucum
    else:
        number = reference
    if number is None or (isinstance(rule, TargetRule) and _target(rule, programme, mine) is None):
        return ""
    side = t["plan"]["over" if how in OVER else "under"]
    return f"{name}: {side} {written.number(number, 2, lang)} {written.unit(ucum, t)}".strip()


def _target(rule: TargetRule, programme: Programme, mine: Mine) -> Decimal | None:
    if isinstance(rule.target, str):
        return mine.limits.get((programme.slug, rule.target))
    return rule.target


def advice(tells: str, lang: str) -> list[str]:
    """What to do, out of what the rule tells: not the sentences that name one measurement's
    figures, nor whom to call, which stands at the end once."""
    emergency = EMERGENCY["en" if lang == "en" else "nb"]
    sentences = _SENTENCE.split(tells.replace(emergency, "").strip())
    return [one for one in sentences if one and "{" not in one]


def _shown(colour: str, zone: Zone, t: words.Words, lang: str) -> dict[str, Any]:
    return {
        "colour": colour,
        "name": t["colours"][colour],
        "measured": [{"sign": sign, "do": " ".join(do)} for sign, do in zone.measured.items()],
        "answered": [{"sign": sign, "do": " ".join(do)} for sign, do in zone.answered.items()],
        "call": EMERGENCY["en" if lang == "en" else "nb"] if colour == "red" else "",
    }


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
