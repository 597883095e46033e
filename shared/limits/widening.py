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
        for rule, ways in ways_of(programme, name).items()
        if will is None or any(_is_wider(way, was, will) for way in ways)
    )


def ways_of(programme: Programme, name: str) -> Mapping[str, frozenset[Way]]:
    """The red rules that use a limit, each with the ways in which its number can be widened."""
    return _all_ways(programme).get(name, {})


# By the programme itself, which is never changed: to walk its rules takes tens of milliseconds.
_known: dict[int, tuple[Programme, Mapping[str, Mapping[str, frozenset[Way]]]]] = {}
KEPT = 256


def _all_ways(programme: Programme) -> Mapping[str, Mapping[str, frozenset[Way]]]:
    known = _known.get(id(programme))
    if known is not None and known[0] is programme:
        return known[1]
    found: dict[str, dict[str, frozenset[Way]]] = {}
    for rule in programme.rules:
        if rule.colour == "red":
            parts = _parts(rule, programme)
            named = {name for part in parts for name in _named(part)}
            for name in named & programme.limit_by_name.keys():
                ways = frozenset(way for part in parts for way in _ways(part, name))
                found.setdefault(name, {})[rule.id] = ways
    if len(_known) >= KEPT:
        _known.clear()
    _known[id(programme)] = (programme, found)
    return found


def _named(rule: Rule) -> tuple[str, ...]:
    """The limits a rule may use: what it is divided by may be an input or a limit."""
    return (*limits_of(rule), str(getattr(rule, "per", "")))


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


def _ways(rule: Rule, name: str) -> tuple[Way, ...]:
    known = (*_compared(rule, name), *_scaled(rule, name))
    # A use that this file has not heard of is treated with most care.
    return known or (("either",) if name in limits_of(rule) else ())


def _compared(rule: Rule, name: str) -> Iterator[Way]:
    for how, way in BEYOND.items():
        if getattr(rule, how, None) == name:
            yield way
    for part in MORE_IS_WIDER:
        if getattr(rule, part, None) == name:
            yield "larger"
    persistence = getattr(rule, "persistence", None)
    for step in persistence.sooner if persistence else ():
        if step.beyond == name:
            yield _side(rule)


def _scaled(rule: Rule, name: str) -> Iterator[Way]:
    """What the value is measured from or divided by: the more of it, the less is left."""
    rises = _side(rule) == "larger"
    if getattr(rule, "target", None) == name:
        yield SIDES[getattr(rule, "direction", "either")] if rises else "either"
    if name in (getattr(rule, "percent_of", None), getattr(rule, "per", None)):
        yield "larger" if rises else "either"


def _side(rule: Rule) -> Way:
    for how, way in BEYOND.items():
        if getattr(rule, how, None) is not None:
            return way
    return "either"
