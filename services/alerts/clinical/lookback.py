"""How far before a moment the judging of what came then can look, by kind of reading. What is older
need not be read, except of a kind that has not been measured since.

Generous: the windows of a rule are added up, though seldom all of them are walked. A reading that
is read in vain costs little; one that is not read and was needed would be an alert missed.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

from services.alerts.clinical import doubts
from services.alerts.clinical.schedule import ONE_DAY
from shared.programmes import (
    AbsenceRule,
    BaselineRule,
    ChangeRule,
    CombinationRule,
    CountRule,
    Group,
    OverdueRule,
    Programme,
    RateRule,
    Rule,
    ShareRule,
    UnansweredRule,
    WindowRule,
    inputs_of,
)

# As far as anything is looked for: longer than any window, retake or gap in a programme.
ALL = timedelta(days=90)
NOTHING = timedelta(0)
ANY_KIND = ""  # the context of a reading, whatever was measured


class Lookback(NamedTuple):
    """`kinds` are those looked at from further back than the others."""

    others: timedelta
    kinds: Mapping[str, timedelta]


def of(programmes: Iterable[Programme], least: timedelta, grace: timedelta) -> Lookback:
    """For a patient in these programmes, in whatever version judged him. `least` is what is needed
    of every kind, `grace` the longest of his own plans."""
    kinds = {kind: doubts.BEFORE + ONE_DAY for kind, _ in doubts.MIXED}
    for programme in programmes:
        grace = max(grace, *(one.longest_grace for one in programme.versions.values()))
        for kind, far in _of_programme(programme).items():
            kinds[kind] = max(far, kinds.get(kind, NOTHING))
    others = min(ALL, max(least + grace, kinds.pop(ANY_KIND, NOTHING)))
    return Lookback(others, {kind: min(far, ALL) for kind, far in kinds.items() if far > others})


_known: dict[int, tuple[Programme, Mapping[str, timedelta]]] = {}


def _of_programme(programme: Programme) -> Mapping[str, timedelta]:
    known = _known.get(id(programme))
    if known is not None and known[0] is programme:
        return known[1]
    kinds: dict[str, timedelta] = {}
    for version in programme.versions.values():
        for kind, far in _of_version(version):
            kinds[kind] = max(far, kinds.get(kind, NOTHING))
    _known[id(programme)] = (programme, kinds)
    return kinds


def _of_version(version: Programme) -> Iterator[tuple[str, timedelta]]:
    mixed = {kind for kind, _ in doubts.MIXED}
    for group in version.groups:
        for rule in group.rules:
            for part, far in _parts(rule, group, version):
                for kind in _kinds(part, version):
                    # What a finding shows is compared with what was usual before it.
                    yield kind, far + (doubts.BEFORE if kind in mixed else NOTHING)


def _parts(rule: Rule, group: Group, version: Programme) -> Iterator[tuple[Rule, timedelta]]:
    if isinstance(rule, CombinationRule):
        for name in rule.of:
            part = version.rule_by_id[name]
            yield part, group.reach + rule.within + _window(part) + ONE_DAY
    else:
        handled = (one.alone for one in version.handled if rule.id in one.rules)
        yield rule, group.reach + max(handled, default=NOTHING) + _window(rule) + ONE_DAY


def _window(rule: Rule) -> timedelta:
    """How far before a sample this rule looks, and how far those look that it asks about."""
    retake = rule.retake.within if rule.retake is not None else NOTHING
    persistence = getattr(rule, "persistence", None)
    persisted = persistence.within if persistence is not None else NOTHING
    match rule:
        case ChangeRule() | CountRule() | WindowRule() | ShareRule():
            window = rule.within
        case BaselineRule():
            window = rule.over
        case RateRule():
            window = rule.joins
        case AbsenceRule() | OverdueRule() | UnansweredRule():
            window = ALL  # the last before a gap, and a promise, may be as old as anything
        case _:
            window = NOTHING
    return retake + persisted + window


def _kinds(rule: Rule, version: Programme) -> Iterator[str]:
    names = list(inputs_of(rule))
    if isinstance(rule, RateRule) and rule.per in version.input_by_name:
        names.append(str(rule.per))
    for name in names:
        for source in version.input_by_name[name].sources:
            yield source.key[0]
