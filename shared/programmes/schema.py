"""The shape of a clinical programme: what its files may say, and nothing else."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from shared.programmes.parts import (
    LIFE,
    Duration,
    Frozen,
    Input,
    Life,
    Limit,
    PlanItem,
    Progress,
    Question,
    Text,
    Trial,
)
from shared.programmes.rules import (
    AbsenceRule,
    CombinationRule,
    Handled,
    LimitRule,
    OverdueRule,
    Rule,
    SampleRule,
    ScoreRule,
    TargetRule,
    UnansweredRule,
    inputs_of,
)

# Those with triggers of their own.
OtherRule = ScoreRule | CombinationRule | AbsenceRule | OverdueRule | UnansweredRule


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


def joined(versions: Mapping[str, "Programme"]) -> "Programme":
    """The newest of several versions, each of which then knows the others."""
    # A finding of one version must be looked for as far back as one of another version.
    reach = max(group.reach for one in versions.values() for group in one.groups)
    several = len(versions) > 1
    together = {
        name: one.with_groups(
            tuple(group._replace(reach=reach) if several else group for group in one.groups)
        )
        for name, one in versions.items()
    }
    for one in together.values():
        one.__dict__["versions"] = together
        one.__dict__.pop("newest", None)
    return list(together.values())[-1]


class Programme(Frozen):
    """One treatment programme.

    `stg` are the groups a completed follow-up is expected to be reported under. `sensitive` asks
    for the stricter access group, and hides the programme's name in what is pushed to a phone.
    `handled` are benign cases closed by rule, of which `handled_sample` per cent are left open for
    a person to look at; `life` is how long a person's word on an alert holds, `trial` when limits
    of the patient's own are suggested (None: as TRIAL).
    `progress` names what the plan has of modules, so that a list can say how far he is.
    `undecided` is what a clinician is asked to decide; it stands on the page that is signed.
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
    progress: Progress | None = None
    inputs: tuple[Input, ...] = Field(default=(), alias="input")
    rules: tuple[Annotated[Rule, Field(discriminator="kind")], ...] = Field(alias="rule")
    handled: tuple[Handled, ...] = ()
    handled_sample: int = Field(default=5, ge=1, le=100)
    life: Life = LIFE
    trial: Trial | None = None
    questionnaires: tuple[Mapping[str, Any], ...] = ()
    undecided: tuple[Question, ...] = ()

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
    def versions(self) -> Mapping[str, "Programme"]:
        """All versions that are loaded, by name, the newest last; by itself only this one."""
        return {self.version: self}

    @cached_property
    def newest(self) -> "Programme":
        return list(self.versions.values())[-1]

    @cached_property
    def red_limits(self) -> tuple[LimitRule | TargetRule, ...]:
        """What can be drawn as a line that no value may cross."""
        return tuple(
            rule
            for rule in self.rules
            if isinstance(rule, LimitRule | TargetRule) and rule.colour == "red"
        )

    @cached_property
    def uses_news2(self) -> bool:
        return any(isinstance(rule, ScoreRule) and rule.score == "news2" for rule in self.rules)

    @cached_property
    def promised(self) -> tuple[Input, ...]:
        """What the patient sends and is promised an answer to."""
        names = dict.fromkeys(rule.input for rule in self.rules if isinstance(rule, UnansweredRule))
        return tuple(self.input_by_name[name] for name in names)

    @cached_property
    def longest_grace(self) -> timedelta:
        return max((item.grace for item in self.plan), default=timedelta(0))

    @cached_property
    def worked_out(self) -> dict[str, Any]:
        """What judging has worked out about the rules, once; it goes when the programme goes."""
        return {}

    def with_groups(self, groups: tuple[Group, ...]) -> "Programme":
        """The same with these groups, and nothing worked out yet."""
        some = self.model_copy()
        some.__dict__["groups"] = groups
        some.__dict__.pop("worked_out", None)
        return some

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
                case AbsenceRule() | OverdueRule() | UnansweredRule() | CombinationRule():
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
