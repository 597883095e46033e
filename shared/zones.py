"""Pure: a patient's own zones: what is yellow, what is red, with his own numbers, and what to do.

The patient's page and the nurse's show the same zones; each writes numbers in its own way.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from shared.programmes import CodedRule, LimitRule, Programme, TargetRule, Text
from shared.programmes.parts import EMERGENCY
from shared.programmes.rules import ChangeRule, Rule

Colour = Literal["yellow", "red"]
Limits = Mapping[tuple[str, str], Decimal | None]  # by (programme, name): those in force

OVER = ("above", "at_least")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÆØÅ])")


@dataclass(frozen=True, slots=True)
class Sign:
    """What brings the patient into a zone. Without a number it is an answer in a form."""

    names: Text
    over: bool = False
    number: Decimal | None = None
    ucum: str | None = None


@dataclass(slots=True)
class Zone:
    """Each sign with what the rules tell the patient."""

    measured: dict[Sign, list[Text]] = field(default_factory=dict)
    answered: dict[Sign, list[Text]] = field(default_factory=dict)


def zones(programmes: Iterable[Programme], limits: Limits, kinds: set[str]) -> dict[Colour, Zone]:
    """`kinds` are those that the patient measures; what his plan asks for counts besides."""
    known = list(programmes)
    measured = kinds | {item.kind for one in known for item in one.plan}
    found: dict[Colour, Zone] = {"yellow": Zone(), "red": Zone()}
    for programme in known:
        for rule in programme.rules:
            if rule.colour in ("yellow", "red") and rule.lane == "clinical":
                _add(found[rule.colour], rule, programme, limits, measured)
    return {colour: zone for colour, zone in found.items() if zone.measured or zone.answered}


def _add(zone: Zone, rule: Rule, programme: Programme, limits: Limits, measured: set[str]) -> None:
    if isinstance(rule, CodedRule):
        about = programme.input_by_name[rule.input]
        if any(source.questionnaire for source in about.sources):
            zone.answered.setdefault(Sign(about.names), []).append(rule.tells)
    elif isinstance(rule, LimitRule | ChangeRule | TargetRule):
        about = programme.input_by_name[rule.input]
        if not any(source.kind in measured for source in about.sources):
            return
        if (sign := _sign(rule, programme, limits)) is not None:
            zone.measured.setdefault(sign, []).append(rule.tells)


def _sign(
    rule: LimitRule | ChangeRule | TargetRule, programme: Programme, limits: Limits
) -> Sign | None:
    """The limit with the patient's own number; None where none has been set."""
    how, reference = rule.comparison
    about = programme.input_by_name[rule.input]
    names, ucum = about.names, about.ucum
    number: Decimal | None
    if isinstance(reference, str):
        number = limits.get((programme.slug, reference))
        limit = programme.limit_by_name[reference]
        names, ucum = _uncoloured(limit.names), limit.ucum
    else:
        number = reference
    target = rule.target if isinstance(rule, TargetRule) else None
    if isinstance(target, str) and limits.get((programme.slug, target)) is None:
        return None
    return None if number is None else Sign(names, how in OVER, number, ucum)


def _uncoloured(names: Text) -> Text:
    """A limit's name without the colour it ends with."""
    return Text.model_validate(
        {lang: re.sub(r",[^,]*$", "", said) for lang, said in names.model_dump().items() if said}
    )


def advice(tells: Iterable[str], lang: str) -> Iterator[str]:
    """What to do, each once, out of what the rules tell: not the sentences that name one
    measurement's figures, nor whom to call, which stands at the end once."""
    emergency = EMERGENCY["en" if lang == "en" else "nb"]
    sentences = (
        one for said in tells for one in _SENTENCE.split(said.replace(emergency, "").strip())
    )
    return iter(dict.fromkeys(one for one in sentences if one and "{" not in one))
