"""The shape of a clinical programme: what its files may say, and nothing else."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from shared.programmes.parts import Duration, Frozen, Input, Limit, PlanItem, Text
from shared.programmes.rules import (
    AbsenceRule,
    CombinationRule,
    OverdueRule,
    Rule,
    SampleRule,
    ScoreRule,
    inputs_of,
)

# Those with triggers of their own.
OtherRule = ScoreRule | CombinationRule | AbsenceRule | OverdueRule


class Group(NamedTuple):
    """The rules of one group, sorted once so that judging one new reading is quick.

    `at_samples` are the rules that a sample of the input can make speak; `others` have triggers
    of their own. `reach` is how far back of a fact a trigger may lie whose finding the fact
    changes: the longest retake.
    """

    name: str
    rules: tuple[Rule, ...]
    at_samples: tuple[tuple[Input, tuple[SampleRule, ...]], ...]
    others: tuple[OtherRule, ...]
    reach: timedelta


class Programme(Frozen):
    """One treatment programme.

    `stg` are the groups a completed follow-up is expected to be reported under. `sensitive` asks
    for the stricter access group, and hides the programme's name in what is pushed to a phone.
    `instruments` are those of shared/instruments whose forms its patients fill in.
    """

    slug: str
    version: str
    names: Text
    purpose: Text
    misuse: Text
    sources: tuple[str, ...]
    approved_by: str = ""
    approved_on: date | None = None
    stg: tuple[str, ...] = ()
    sensitive: bool = False
    instruments: tuple[str, ...] = ()
    late_after: Duration
    limits: tuple[Limit, ...] = Field(default=(), alias="limit")
    plan: tuple[PlanItem, ...] = ()
    inputs: tuple[Input, ...] = Field(default=(), alias="input")
    rules: tuple[Annotated[Rule, Field(discriminator="kind")], ...] = Field(alias="rule")
    questionnaires: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def limit_by_name(self) -> Mapping[str, Limit]:
        return {limit.name: limit for limit in self.limits}

    @cached_property
    def input_by_name(self) -> Mapping[str, Input]:
        return {one.name: one for one in self.inputs}

    @cached_property
    def rule_by_id(self) -> Mapping[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def longest_grace(self) -> timedelta:
        return max((item.grace for item in self.plan), default=timedelta(0))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        names = dict.fromkeys(rule.group for rule in self.rules)
        return tuple(self._group(name) for name in names)

    def _group(self, name: str) -> Group:
        rules = tuple(rule for rule in self.rules if rule.group == name)
        at_samples: dict[str, list[SampleRule]] = {}
        others: list[OtherRule] = []
        for rule in rules:
            match rule:
                case AbsenceRule() | OverdueRule() | CombinationRule():
                    others.append(rule)
                case ScoreRule(score="news2"):
                    others.append(rule)
                case _:
                    at_samples.setdefault(inputs_of(rule)[0], []).append(rule)
        retakes = [rule.retake for rule in rules if rule.retake]
        return Group(
            name,
            rules,
            tuple((self.input_by_name[one], tuple(several)) for one, several in at_samples.items()),
            tuple(others),
            max((max(one.within, one.grace) for one in retakes), default=timedelta(0)),
        )
