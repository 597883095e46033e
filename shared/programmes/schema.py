"""The shape of a clinical programme: what its files may say, and nothing else.

Numbers are `Decimal`, durations ISO 8601 text in the files and `timedelta` here. A rule is one of
a closed set of kinds; there is no expression language.
"""

from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Colour = Literal["red", "yellow"]
Lane = Literal["clinical", "technical"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Phase = Literal["pre", "post", "none"]

DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# What every red message to a patient says, in each language (red at home is not an ambulance).
EMERGENCY = {
    "nb": "Ring 113 ved akutt fare. Legevakt 116 117.",
    "nn": "Ring 113 ved akutt fare. Legevakt 116 117.",
    "en": "Call 113 in an emergency. Out-of-hours doctor 116 117.",
}


def _iso_text(value: Any) -> Any:
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    raise ValueError("a duration is written as ISO 8601 text, for example PT30M or P3D")


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a number is expected here")
    return Decimal(value)


def _number_or_name(value: Any) -> Any:
    return value if isinstance(value, str) else _number(value)


def _clock(value: Any) -> Any:
    if isinstance(value, str):
        return time.fromisoformat(value)
    return value


# No rule may look further back: a patient is judged from the facts of this time and the limits.
LOOKS_BACK = timedelta(days=60)

Duration = Annotated[timedelta, BeforeValidator(_iso_text)]
Figure = Annotated[Decimal, BeforeValidator(_number)]
# A number in the rule itself, or the name of a [[limit]] that a clinician may set.
Number = Annotated[Decimal | str, BeforeValidator(_number_or_name)]
Clock = Annotated[time, BeforeValidator(_clock)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Frozen):
    """One sentence in the languages we have. nn falls back to nb, se to nb."""

    nb: str
    en: str
    nn: str | None = None
    se: str | None = None


class Limit(Frozen):
    """A number of the programme that a clinician may set for one patient, between min and max.

    Without a default it must be set per patient; rules that need it keep silent until then.
    """

    name: str
    names: Text
    ucum: str
    default: Figure | None = None
    min: Figure
    max: Figure
    source: str
    evidence: Literal["S", "K", "D"]


class Source(Frozen):
    """Where samples come from: a field of a kind, a word of its context, or an answer.

    `phase` empty = any phase. `moment` end = the sample counts from the end of the period.
    `codes` keeps only samples with one of these answers.
    """

    kind: str = ""
    field: str = "value"
    context: str | None = None
    questionnaire: str | None = None
    answer: str | None = None
    phase: tuple[Phase, ...] = ()
    moment: Literal["start", "end"] = "start"
    codes: tuple[str | bool, ...] = ()

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        ways = (bool(self.kind), bool(self.context), bool(self.questionnaire and self.answer))
        if sum(ways) != 1:
            raise ValueError("a source is a kind, a context or an answer of a questionnaire")
        return self

    @cached_property
    def key(self) -> tuple[str, str]:
        if self.context:
            return ("", f"context.{self.context}")
        if self.questionnaire:
            return (f"answers:{self.questionnaire}", self.answer or "")
        return (self.kind, self.field)


class Input(Frozen):
    """A named series that rules look at, gathered from one or more sources."""

    name: str
    names: Text
    ucum: str = ""
    decimals: int = 0
    sources: tuple[Source, ...] = Field(min_length=1)

    @cached_property
    def key(self) -> str:
        """The same for inputs that gather the same samples."""
        return repr([(s.key, s.phase, s.moment, s.codes) for s in self.sources])

    @cached_property
    def reads(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(source.key for source in self.sources))


class Retake(Frozen):
    """Measure again: a second sample within `within` decides; none after `grace` speaks as is."""

    within: Duration
    grace: Duration


class RuleHead(Frozen):
    """What every rule has. `tells` is what the patient reads, `nurse` what the nurse may do."""

    id: str
    group: str
    colour: Colour
    lane: Lane = "clinical"
    emergency: bool = False
    retake: Retake | None = None
    says: Text
    tells: Text
    nurse: Text
    source: str
    evidence: Literal["S", "K", "D"]


class Compared(Frozen):
    """Exactly one comparison against a number or a named limit."""

    above: Number | None = None
    at_least: Number | None = None
    below: Number | None = None
    at_most: Number | None = None

    @cached_property
    def comparison(self) -> tuple[str, Decimal | str]:
        given = [
            (name, value)
            for name in ("above", "at_least", "below", "at_most")
            if (value := getattr(self, name)) is not None
        ]
        if len(given) != 1:
            raise ValueError("give one of above, at_least, below, at_most")
        return given[0]

    @model_validator(mode="after")
    def _has_one_comparison(self) -> Self:
        _ = self.comparison
        return self


class LimitRule(RuleHead, Compared):
    """The value itself is beyond a limit."""

    kind: Literal["limit"]
    input: str


class ChangeRule(RuleHead, Compared):
    """The value has moved from an earlier one by more than a limit.

    The earlier one is the last, lowest or highest of `against` that is at least `apart` and at
    most `within` old. `per` scales the change to that time; `percent_of` makes it a percentage.
    A fall counts as a positive change when `direction` is fall.
    """

    kind: Literal["change"]
    input: str
    against: str
    reference: Literal["last", "lowest", "highest"]
    direction: Literal["rise", "fall"] = "rise"
    within: Duration
    apart: Duration = timedelta(0)
    per: Duration | None = None
    percent_of: Number | None = None


class TargetRule(RuleHead, Compared):
    """The value is beyond a distance from a target of the patient (dry weight)."""

    kind: Literal["target"]
    input: str
    target: Number
    direction: Literal["over", "under", "either"] = "either"


class CountRule(RuleHead):
    """This value is beyond, and so are n of the last m, this one included.

    Those counted are `apart` from each other, so that a retake counts once, and not older than
    `within`.
    """

    kind: Literal["n-of-m"]
    input: str
    n: int = Field(ge=1)
    m: int = Field(ge=1)
    apart: Duration = timedelta(0)
    within: Duration = timedelta(days=30)
    above: Number | None = None
    at_least: Number | None = None
    below: Number | None = None
    at_most: Number | None = None
    codes: tuple[str | bool, ...] = ()

    @cached_property
    def comparison(self) -> tuple[str, Decimal | str] | None:
        for name in ("above", "at_least", "below", "at_most"):
            value: Decimal | str | None = getattr(self, name)
            if value is not None:
                return (name, value)
        return None

    @model_validator(mode="after")
    def _counts_one_thing(self) -> Self:
        given = [self.above, self.at_least, self.below, self.at_most, self.codes or None]
        if sum(one is not None for one in given) != 1:
            raise ValueError("count one comparison or a list of codes")
        if self.n > self.m:
            raise ValueError("n cannot be greater than m")
        return self


class CodedRule(RuleHead):
    """An answer, a code or a word of context is one of these."""

    kind: Literal["coded"]
    input: str
    codes: tuple[str | bool, ...] = Field(min_length=1)


class ScoreRule(RuleHead):
    """A score is in a band. `score` is news2, or the input that carries a form's score.

    NEWS2 speaks on certainty: the lower bound of an incomplete score, or a single parameter.
    """

    kind: Literal["score"]
    score: str
    at_least: Figure | None = None
    below: Figure | None = None
    single: int | None = None

    @model_validator(mode="after")
    def _has_a_band(self) -> Self:
        if self.at_least is None and self.single is None:
            raise ValueError("give at_least or single")
        return self


class AbsenceRule(RuleHead):
    """Nothing has come since the last one for longer than a limit in hours."""

    kind: Literal["absence"]
    input: str
    longer_than: Number


class OverdueRule(RuleHead):
    """What the patient's plan expects has not come when its grace is over. No kinds = all."""

    kind: Literal["overdue"]
    kinds: tuple[str, ...] = ()


Rule = (
    LimitRule
    | ChangeRule
    | TargetRule
    | CountRule
    | CodedRule
    | ScoreRule
    | AbsenceRule
    | OverdueRule
)


SampleRule = LimitRule | ChangeRule | TargetRule | CountRule | CodedRule | ScoreRule


class PlanItem(Frozen):
    """One thing expected on some days. Europe/Oslo clock; `grace` runs from `due`.

    `kind` is a measured kind, or answers:<questionnaire>. Satisfied by anything measured from
    `opens` until the grace is over.
    """

    id: str
    names: Text
    kind: str
    phase: tuple[Phase, ...] = ()
    opens: Clock
    due: Clock
    grace: Duration
    days: tuple[Day, ...] = DAYS

    @model_validator(mode="after")
    def _fits_in_a_day(self) -> Self:
        if self.opens > self.due:
            raise ValueError("opens must not be later than due")
        if not timedelta(0) <= self.grace <= timedelta(hours=24):
            raise ValueError("grace must be between nothing and 24 hours")
        return self


class Group(NamedTuple):
    """The rules of one group, sorted once so that judging one new reading is quick.

    `at_samples` are the rules that a sample of the input can make speak; `others` have triggers
    of their own. `reach` is how far back of a fact a trigger may lie whose finding the fact
    changes: the longest retake.
    """

    name: str
    rules: tuple[Rule, ...]
    at_samples: tuple[tuple[Input, tuple[SampleRule, ...]], ...]
    others: tuple[ScoreRule | AbsenceRule | OverdueRule, ...]
    reach: timedelta


class Programme(Frozen):
    slug: str
    version: str
    names: Text
    purpose: Text
    misuse: Text
    sources: tuple[str, ...]
    approved_by: str = ""
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
    def groups(self) -> tuple[Group, ...]:
        names = dict.fromkeys(rule.group for rule in self.rules)
        return tuple(self._group(name) for name in names)

    def _group(self, name: str) -> Group:
        rules = tuple(rule for rule in self.rules if rule.group == name)
        at_samples: dict[str, list[SampleRule]] = {}
        others: list[ScoreRule | AbsenceRule | OverdueRule] = []
        for rule in rules:
            match rule:
                case AbsenceRule() | OverdueRule() | ScoreRule(score="news2"):
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


def inputs_of(rule: Rule) -> tuple[str, ...]:
    """The names of the inputs a rule looks at."""
    match rule:
        case ChangeRule():
            return (rule.input, rule.against)
        case ScoreRule():
            return () if rule.score == "news2" else (rule.score,)
        case OverdueRule():
            return ()
        case _:
            return (rule.input,)


def limits_of(rule: Rule) -> tuple[str, ...]:
    """The names of the limits a rule uses."""
    fields = ("above", "at_least", "below", "at_most", "target", "percent_of", "longer_than")
    numbers = (getattr(rule, name, None) for name in fields)
    return tuple(number for number in numbers if isinstance(number, str))
