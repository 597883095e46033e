"""Which rule groups must be asked about what is new. Most readings make nobody speak, and that is
seen at a glance, for a whole programme at once; only groups of which something may be seen are gone
through rule by rule (`rules.group_findings`, which finds nothing in the others: a test).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.alerts.clinical import combining, sieve, sitting, speaking
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Key, Sample
from services.alerts.clinical.sieve import Band, Sieve
from shared.programmes import (
    CombinationRule,
    Group,
    Input,
    Programme,
    SampleRule,
    ScoreRule,
    inputs_of,
)

Asked = tuple[Sieve, tuple[str, ...]]  # a rule's sieve, and the groups it speaks in


class Look(NamedTuple):
    """One input: its limits all at once, and which groups each rule makes worth asking."""

    wanted: Input
    band: Band
    limited: tuple[Asked, ...]
    others: tuple[Asked, ...]


class Glance(NamedTuple):
    """What makes a group worth asking, by the group's name.

    `inputs` are found by the series they are gathered from. `lasting` are the keys of what is
    remembered, which may still hold. `asked` have rules that something else makes speak.
    """

    inputs: Mapping[Key, tuple[Look, ...]]
    lasting: tuple[tuple[speaking.Look, timedelta, str], ...]
    scores: tuple[str, ...]
    asked: tuple[str, ...]


def stirred(programme: Programme, record: Record, since: datetime | None) -> Sequence[Group]:
    """The groups of which something may be seen, in order."""
    if since is None:
        return programme.groups
    glance: Glance | None = programme.worked_out.get("glance")
    if glance is None:
        glance = programme.worked_out["glance"] = _of(programme)
    names = set(glance.asked)
    for key in record.fresh(since):
        for look in glance.inputs.get(key, ()):
            if new := record.input(look.wanted).all.since(since):
                _pass(new, look, record, names)
    for remembered, reach, name in glance.lasting:
        start = since - reach
        known = record.spoken.get(remembered.key)
        if known is not None and known[0] <= start:
            if known[1]:
                names.add(name)
        elif record.reaches(remembered.wanted, start):
            names.add(name)
    if glance.scores and sitting.scored(record, since):
        names.update(glance.scores)
    return [group for group in programme.groups if group.name in names] if names else ()


def _pass(new: Sequence[Sample], look: Look, record: Record, names: set[str]) -> None:
    """Adds the groups of which a rule lets any of these through."""
    for sieve_of_rule, groups in look.others:
        if sieve_of_rule(record, new):
            names.update(groups)
    if look.limited and not look.band.holds(record, new):
        for sieve_of_rule, groups in look.limited:
            if sieve_of_rule(record, new):
                names.update(groups)


def _of(programme: Programme) -> Glance:
    groups: dict[str, list[str]] = {}
    by_input: dict[str, dict[str, SampleRule]] = {}
    for group in programme.groups:
        for rule in _made_to_speak(programme, group):
            # What a combination is made of is mostly a rule of another group.
            groups.setdefault(rule.id, []).append(group.name)
            by_input.setdefault(inputs_of(rule)[0], {})[rule.id] = rule
    inputs: dict[Key, list[Look]] = {}
    for name, rules in by_input.items():
        wanted = programme.input_by_name[name]
        limited: list[Asked] = []
        others: list[Asked] = []
        for id_, rule in rules.items():
            to = limited if sieve.is_limited(rule) else others
            to.append((sieve.of(rule, programme), tuple(groups[id_])))
        look = Look(wanted, sieve.band(rules.values(), programme), tuple(limited), tuple(others))
        for key in wanted.reads:
            inputs.setdefault(key, []).append(look)
    return Glance(
        {key: tuple(several) for key, several in inputs.items()},
        tuple(
            (look, group.reach, group.name)
            for group in programme.groups
            if group.reach
            for look in speaking.looks(programme, group)
        ),
        tuple(
            group.name
            for group in programme.groups
            if any(isinstance(rule, ScoreRule) for rule in group.others)
        ),
        tuple(
            group.name
            for group in programme.groups
            if any(not isinstance(rule, ScoreRule | CombinationRule) for rule in group.others)
        ),
    )


def _made_to_speak(programme: Programme, group: Group) -> Iterator[SampleRule]:
    """The rules that a sample makes speak, be it together with others."""
    for _, rules in group.at_samples:
        yield from rules
    for rule in group.others:
        if isinstance(rule, CombinationRule):
            yield from combining.parts(rule, programme)
