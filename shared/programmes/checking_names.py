"""What is wrong with the names in a programme: there twice, unknown, or used by nothing."""

from collections.abc import Iterable, Iterator

from shared.programmes.rules import RateRule, inputs_of, limits_of
from shared.programmes.schema import Programme


def names(programme: Programme) -> Iterator[str]:
    yield from twice("limit", (one.name for one in programme.limits))
    yield from twice("input", (one.name for one in programme.inputs))
    yield from twice("rule", (one.id for one in programme.rules))
    yield from twice("plan item", (one.id for one in programme.plan))
    used = {name for rule in programme.rules for name in inputs_of(rule)}
    used |= {str(rule.per) for rule in programme.rules if isinstance(rule, RateRule)}
    set_ = {name for rule in programme.rules for name in limits_of(rule)}
    set_ |= {str(rule.per) for rule in programme.rules if isinstance(rule, RateRule)}
    for rule in programme.rules:
        for name in inputs_of(rule):
            if name not in programme.input_by_name:
                yield f"rule {rule.id} looks at {name}, which is no input."
        for name in limits_of(rule):
            if name not in programme.limit_by_name:
                yield f"rule {rule.id} uses {name}, which is no limit."
    known = programme.limit_by_name.keys() | programme.rule_by_id.keys()
    for question in programme.undecided:
        for name in question.about:
            if name not in known:
                yield f"what is undecided is about {name}, which is no rule and no limit."
    yield from (f"no rule looks at input {n}." for n in programme.input_by_name if n not in used)
    yield from (f"no rule uses limit {n}." for n in programme.limit_by_name if n not in set_)


def twice(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name} is there twice."
        seen.add(name)
