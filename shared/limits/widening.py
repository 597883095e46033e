"""Whether another number makes a red rule speak less: what a second clinician must confirm."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal

from shared.programmes import CombinationRule, Programme, Rule, limits_of

# On which side of the number in force a new one makes the rule speak less.
Way = Literal["larger", "smaller", "either"]

BEYOND: Mapping[str, Way] = {
    "above": "larger",
    "at_least": "larger",
    "below": "smaller",
    "at_most": "smaller",
}
MORE_IS_WIDER = ("longer_than", "share", "mads", "least")
SIDES: Mapping[str, Way] = {"over": "larger", "under": "smaller", "either": "either"}


def widening(
    programme: Programme, name: str, before: Decimal | None, after: Decimal | None
) -> tuple[str, ...]:
    """The red rules that speak less when the patient's limit goes from `before` to `after`.

    None is the programme's own number. A limit that has no number at all keeps its rules silent:
    the first number widens nothing, and taking it away widens all of them.
    """
    default = programme.limit_by_name[name].default
    was = default if before is None else before
    will = default if after is None else after
    if was is None or was == will:
        return ()
    return tuple(
        rule
        for rule, ways in ways_of(programme).get(name, {}).items()
        if will is None or any(_is_wider(way, was, will) for way in ways)
    )


def ways_of(programme: Programme) -> Mapping[str, Mapping[str, frozenset[Way]]]:
    """By limit: the red rules that use it, each with the ways in which a number widens it."""
    found: dict[str, dict[str, frozenset[Way]]] = {}
    for rule in programme.rules:
        if rule.colour == "red":
            for name, way in (use for part in _parts(rule, programme) for use in _uses(part)):
                of_limit = found.setdefault(name, {})
                of_limit[rule.id] = of_limit.get(rule.id, frozenset()) | {way}
    return found


def _is_wider(way: Way, was: Decimal, will: Decimal) -> bool:
    match way:
        case "larger":
            return will > was
        case "smaller":
            return will < was
        case "either":
            return will != was


def _parts(rule: Rule, programme: Programme) -> tuple[Rule, ...]:
    """A red combination speaks less when a rule it is made of does, whatever that one's colour."""
    if isinstance(rule, CombinationRule):
        return tuple(programme.rule_by_id[one] for one in rule.of)
    return (rule,)


def _uses(rule: Rule) -> Iterator[tuple[str, Way]]:
    """What a rule is measured by, each with the way in which a new number makes it speak less."""
    known = {*_compared(rule), *_scaled(rule)}
    yield from known
    # A use that this file has not heard of is treated with most care.
    yield from ((name, "either") for name in set(limits_of(rule)) - {name for name, _ in known})


def _compared(rule: Rule) -> Iterator[tuple[str, Way]]:
    for how, way in BEYOND.items():
        if (name := getattr(rule, how, None)) is not None:
            yield name, way
    for part in MORE_IS_WIDER:
        if (name := getattr(rule, part, None)) is not None:
            yield name, "larger"
    persistence = getattr(rule, "persistence", None)
    for step in persistence.sooner if persistence else ():
        yield step.beyond, _side(rule)


def _scaled(rule: Rule) -> Iterator[tuple[str, Way]]:
    """What the value is measured from or divided by: the more of it, the less is left."""
    rises = _side(rule) == "larger"
    if (name := getattr(rule, "target", None)) is not None:
        yield name, SIDES[getattr(rule, "direction", "either")] if rises else "either"
    for part in ("percent_of", "per"):
        if (name := getattr(rule, part, None)) is not None:
            yield name, "larger" if rises else "either"


def _side(rule: Rule) -> Way:
    for how, way in BEYOND.items():
        if getattr(rule, how, None) is not None:
            return way
    return "either"
