"""Pure: which rule groups a new reading can touch. The others need not be looked at again, and
looking at all of them must find the same (a test).
"""

from collections.abc import Iterable, Iterator, Mapping

from services.alerts.clinical import sitting
from services.alerts.clinical.history import Record
from shared import attachments
from shared.contracts import Fact
from shared.programmes import (
    CombinationRule,
    Group,
    OverdueRule,
    Programme,
    RateRule,
    Rule,
    ScoreRule,
    inputs_of,
)

ANSWERS = "answers:"
NEWS2_KINDS = frozenset(kind for keys in sitting.SERIES.values() for kind, _ in keys)


def touched(
    programmes: Mapping[str, Programme], facts: Iterable[Fact], record: Record
) -> dict[str, Programme]:
    """The programmes with only the groups that these facts can touch."""
    kinds = frozenset([kind for fact in facts for kind in _kinds(fact)])
    awaited = _awaited(programmes, record, kinds)
    return {
        slug: _only(programme, kinds, slug in awaited) for slug, programme in programmes.items()
    }


def _awaited(
    programmes: Mapping[str, Programme], record: Record, kinds: frozenset[str]
) -> set[str]:
    """Of whose plans one of these kinds may be what was waited for, in whatever version."""
    found = set()
    for one in record.enrolments:
        if one.programme in programmes:
            planned = (
                _plans(programmes[one.programme])
                if one.plan is None
                else [_kind(item.kind) for item in one.plan]
            )
            if not kinds.isdisjoint(planned):
                found.add(one.programme)
    return found


def _kinds(fact: Fact) -> Iterable[str]:
    if fact.type == "answers":
        yield ANSWERS
    elif fact.type == attachments.TYPE:
        yield f"{attachments.PREFIX}{fact.kind}"
    elif fact.type == "reading":
        yield fact.kind
        if fact.body.get("context"):
            yield ""


def _kind(of: str) -> str:
    return ANSWERS if of.startswith(ANSWERS) else of


_planned: dict[int, tuple[Programme, frozenset[str]]] = {}


def _plans(programme: Programme) -> frozenset[str]:
    known = _planned.get(id(programme))
    if known is not None and known[0] is programme:
        return known[1]
    every = programme.versions.values()
    kinds = frozenset(_kind(item.kind) for one in every for item in one.plan)
    _planned[id(programme)] = (programme, kinds)
    return kinds


_made: dict[tuple[int, frozenset[str], bool], tuple[Programme, Programme]] = {}
KEPT = 1024


def _only(programme: Programme, kinds: frozenset[str], awaited: bool) -> Programme:
    key = (id(programme), kinds, awaited)
    known = _made.get(key)
    if known is not None and known[0] is programme:
        return known[1]
    versions = {name: _less(one, kinds, awaited) for name, one in programme.versions.items()}
    for one in versions.values():
        one.__dict__ |= {"versions": versions, "newest": versions[programme.newest.version]}
    some = versions[programme.version]
    if len(_made) >= KEPT:
        _made.clear()
    _made[key] = (programme, some)
    return some


def _less(programme: Programme, kinds: frozenset[str], awaited: bool) -> Programme:
    return programme.with_groups(
        tuple(group for group in programme.groups if _touches(programme, group, kinds, awaited))
    )


def _touches(programme: Programme, group: Group, kinds: frozenset[str], awaited: bool) -> bool:
    for rule in group.rules:
        if awaited and isinstance(rule, OverdueRule):
            return True
        if isinstance(rule, ScoreRule) and rule.score == "news2" and kinds & NEWS2_KINDS:
            return True
        for name in _inputs(programme, rule):
            for source in programme.input_by_name[name].sources:
                if _kind(source.key[0]) in kinds:
                    return True
    return False


def _inputs(programme: Programme, rule: Rule) -> Iterator[str]:
    if isinstance(rule, CombinationRule):
        for part in rule.of:
            yield from _inputs(programme, programme.rule_by_id[part])
    if isinstance(rule, RateRule) and rule.per in programme.input_by_name:
        yield str(rule.per)
    yield from inputs_of(rule)
