"""What is wrong with the rules of a programme, one sentence each."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from shared import kinds
from shared.programmes import checking_names, offering
from shared.programmes.parts import ANSWERS_LOOK_BACK, LOOKS_BACK
from shared.programmes.rules import (
    COMPARISONS,
    BaselineRule,
    ChangeRule,
    CombinationRule,
    LimitRule,
    OverdueRule,
    RateRule,
    Rule,
    SampleRule,
    TargetRule,
    inputs_of,
)
from shared.programmes.schema import Programme


def rules(programme: Programme) -> Iterator[str]:
    options = offering.answers(programme)
    for rule in programme.rules:
        if not rule.source.strip():
            yield f"rule {rule.id} names no source."
        if rule.emergency and rule.colour != "red":
            yield f"rule {rule.id} is an emergency and must be red."
        yield from _reach(rule, programme)
        if isinstance(rule, LimitRule) and rule.clear is not None:
            if rule.colour == "red":
                yield f"rule {rule.id} is red and is said each time; it may not have clear."
            if not _clears(rule, programme):
                yield f"rule {rule.id} has a clear that is not on the safe side of its limit."
        match rule:
            case LimitRule() if rule.retake is None and _is_vital(rule, programme):
                yield f"rule {rule.id} is an absolute limit and must ask for a retake."
            case LimitRule() | ChangeRule() | TargetRule() if rule.colour == "red":
                if rule.persistence is not None and not _is_said_at_once(rule, programme):
                    yield f"rule {rule.id} is red and may not wait for persistence."
            case BaselineRule() if rule.colour == "red":
                yield f"rule {rule.id} is a personal baseline and may only be yellow."
            case CombinationRule():
                yield from _combined(rule, programme)
            case RateRule(per=str(per)):
                if per not in programme.input_by_name and per not in programme.limit_by_name:
                    yield f"rule {rule.id} divides by {per}, which is no input and no limit."
        for code in getattr(rule, "codes", ()):
            offered = offering.offered(rule, programme, options)
            if offered is not None and code not in offered:
                yield f"rule {rule.id} waits for the answer {code}, which is never offered."


def _is_said_at_once(rule: LimitRule | ChangeRule | TargetRule, programme: Programme) -> bool:
    """Whether all that a red trend counts is red by itself already, by a rule that does not wait:
    the same but for its persistence, at the same limit or including it."""
    how, limit = rule.comparison
    wider = {"above": ("above", "at_least"), "below": ("below", "at_most")}.get(how, (how,))
    same = {"id", "group", "persistence", "retake", "says", "tells", "nurse", "source", "evidence"}
    same |= {"emergency", *COMPARISONS}
    return any(
        type(one) is type(rule)
        and one.persistence is None
        and one.comparison in [(word, limit) for word in wider]
        and one.model_dump(exclude=same) == rule.model_dump(exclude=same)
        for one in programme.rules
        if isinstance(one, LimitRule | ChangeRule | TargetRule)
    )


def _clears(rule: LimitRule, programme: Programme) -> bool:
    """Whether `clear` is no farther out than the limit, as far as their defaults say."""
    how, beyond = rule.comparison
    limit, clear = (_default(one, programme) for one in (beyond, rule.clear))
    if limit is None or clear is None:
        return True
    return clear <= limit if how in ("above", "at_least") else clear >= limit


def _default(number: Decimal | str | None, programme: Programme) -> Decimal | None:
    if not isinstance(number, str):
        return number
    limit = programme.limit_by_name.get(number)
    return limit.default if limit else None


def handled(programme: Programme) -> Iterator[str]:
    yield from checking_names.twice("handled case", (one.id for one in programme.handled))
    for case in programme.handled:
        if not case.source.strip():
            yield f"handled case {case.id} names no source."
        if case.alone > LOOKS_BACK or case.within > LOOKS_BACK:
            yield f"handled case {case.id} looks further than {LOOKS_BACK.days} days."
        for name in case.rules:
            rule = programme.rule_by_id.get(name)
            if rule is None:
                yield f"handled case {case.id} is about {name}, which is no rule."
            elif rule.colour == "red":
                yield f"handled case {case.id} is about {name}, which is red: a person closes it."
            elif case.by == "normal" and not isinstance(rule, LimitRule):
                yield f"handled case {case.id}: {name} has no value that can be normal again."
            elif case.by == "came" and not isinstance(rule, OverdueRule):
                yield f"handled case {case.id}: {name} waits for nothing that could come."


def _reach(rule: Rule, programme: Programme) -> Iterator[str]:
    """A patient is judged from the facts of a time; answers are few, and kept in sight longer."""
    sources = [
        source
        for name in inputs_of(rule)
        if name in programme.input_by_name
        for source in programme.input_by_name[name].sources
    ]
    only_answers = bool(sources) and all(source.questionnaire for source in sources)
    most = ANSWERS_LOOK_BACK if only_answers else LOOKS_BACK
    for name in ("within", "over"):
        if getattr(rule, name, timedelta(0)) > most:
            yield f"rule {rule.id} looks further back than {most.days} days."
        if getattr(rule, "apart", timedelta(0)) > getattr(rule, name, most):
            yield f"rule {rule.id} looks for something both older and newer than allowed."


def _is_vital(rule: LimitRule, programme: Programme) -> bool:
    """Whether it can be measured again now; a night, a transmission or a form cannot."""
    one = programme.input_by_name.get(rule.input)
    return one is not None and any(
        source.kind in kinds.CATALOGUE and kinds.CATALOGUE[source.kind].category == "vital-signs"
        for source in one.sources
    )


def _combined(rule: CombinationRule, programme: Programme) -> Iterator[str]:
    for name in rule.of:
        part = programme.rule_by_id.get(name)
        if part is None:
            yield f"rule {rule.id} combines {name}, which is no rule."
        elif not isinstance(part, SampleRule) or getattr(part, "score", "") == "news2":
            yield f"rule {rule.id} combines {name}, which does not speak of a sample."
