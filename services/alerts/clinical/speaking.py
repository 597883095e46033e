"""Of which samples the rules of a group speak, and what is remembered of it from one reading to the
next.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.alerts.clinical import hovering, persisting, sieve
from services.alerts.clinical.finding import Spoken
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Pair, Sample
from shared.programmes import Group, Input, Programme, SampleRule


class Look(NamedTuple):
    """The rules of one group that look at one input. `key` is where the record remembers of which
    of its samples they spoke."""

    key: tuple[str, str, str, str]
    wanted: Input
    rules: tuple[SampleRule, ...]


def looks(programme: Programme, group: Group) -> tuple[Look, ...]:
    known: dict[str, tuple[Look, ...]] = programme.worked_out.setdefault("looks", {})
    if group.name not in known:
        known[group.name] = tuple(
            Look((programme.slug, programme.version, group.name, wanted.name), wanted, rules)
            for wanted, rules in group.at_samples
        )
    return known[group.name]


def spoken(
    look: Look,
    pair: Pair,
    programme: Programme,
    record: Record,
    start: datetime | None,
    since: datetime | None,
) -> dict[str, list[Spoken]]:
    """By rule, the samples of one input from `start` on that it speaks of.

    Whether it speaks of one before `since` was decided when that one came, and depends on nothing
    later: only new ones, those from `since` on, are looked at.
    """
    said: dict[str, list[Spoken]] = {}
    if start is None or since is None or start == since:
        _add(said, start, look, pair, programme, record)
        return said
    known = record.spoken.pop(look.key, None)
    if known is None or known[0] > start:
        _add(said, start, look, pair, programme, record)
    else:
        for id_, earlier in known[1].items():
            if kept := [one for one in earlier if start <= one.sample.at < since]:
                said[id_] = kept
        _add(said, since, look, pair, programme, record)
    record.spoken[look.key] = (start, said)
    return said


def _add(
    said: dict[str, list[Spoken]],
    since: datetime | None,
    look: Look,
    pair: Pair,
    programme: Programme,
    record: Record,
) -> None:
    """What the rules say of the samples from `since` on."""
    new = _followed(programme, record, pair.all.since(since))
    for rule in look.rules if new else ():
        for sample in sieve.of(rule, programme)(record, new):
            match = persisting.speaks(rule, programme, record, sample)
            if match is not None and not hovering.goes_on(rule, programme, record, pair, sample):
                said.setdefault(rule.id, []).append(Spoken(sample, match))


def _followed(programme: Programme, record: Record, several: Sequence[Sample]) -> Sequence[Sample]:
    """Those that this very version of the programme judges."""
    if several and len(programme.versions) == 1:
        first = record.enrolled(programme.slug, several[0].at)
        if first is not None and first.covers(several[-1].at):
            return several
    return [one for one in several if record.follows(programme, one.at) is not None]
