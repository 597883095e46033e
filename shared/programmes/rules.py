"""The kinds of rule: a closed set, matched exhaustively; there is no expression language."""

from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from shared.programmes.parts import (
    Clock,
    Colour,
    Duration,
    Figure,
    Frozen,
    Lane,
    Number,
    Retake,
    Text,
)

COMPARISONS = ("above", "at_least", "below", "at_most")
# Where a rule may name a limit instead of giving a number.
NUMBERS = (
    *COMPARISONS, "clear", "target", "percent_of", "from_below", "to_at_least", "longer_than",
    "share", "mads", "least",
)  # fmt: skip
REFERENCE = "reference"  # percent_of: of the earlier value itself


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
            (name, value) for name in COMPARISONS if (value := getattr(self, name)) is not None
        ]
        if len(given) != 1:
            raise ValueError("give one of above, at_least, below, at_most")
        return given[0]

    @model_validator(mode="after")
    def _has_one_comparison(self) -> Self:
        _ = self.comparison
        return self


class Sooner(Frozen):
    """Farther beyond, fewer are enough. `beyond` is read as the rule's own comparison."""

    beyond: Number
    n: int = Field(ge=1)


class Persistence(Frozen):
    """Speaks when n of the last m samples are beyond, this one included; those counted are
    `apart`, so that a retake counts once, and not older than `within`. Silent with fewer than
    `points` of them.
    """

    n: int = Field(ge=1)
    m: int = Field(ge=1)
    apart: Duration = timedelta(0)
    within: Duration = timedelta(days=30)
    points: int = Field(default=1, ge=1)
    sooner: tuple[Sooner, ...] = ()

    @model_validator(mode="after")
    def _shortens(self) -> Self:
        if self.n > self.m:
            raise ValueError("n cannot be greater than m")
        if any(step.n >= self.n for step in self.sooner):
            raise ValueError("sooner must ask for fewer than n")
        if self.points > self.m:
            raise ValueError("points cannot be greater than m")
        return self


class LimitRule(RuleHead, Compared):
    """The value itself is beyond a limit.

    With `clear`, a number on the safe side of the limit, a value that hovers is one matter: it is
    over only when a value is at `clear` or past it. Until then, samples beyond on the same day
    are one finding, and a retake that is not yet at `clear` clears nothing. Yellow only: what is
    red is said each time.
    """

    kind: Literal["limit"]
    input: str
    clear: Number | None = None
    persistence: Persistence | None = None


class ChangeRule(RuleHead, Compared):
    """The value has moved from an earlier one by more than a limit.

    The earlier one is the last, lowest, highest, median or mean of `against` that is at least
    `apart` and at most `within` old; the rule keeps silent with fewer than `points` of them.
    `per` scales the change to that time; `percent_of` makes it a percentage (of a limit, or of
    the earlier value with `percent_of = "reference"`). A fall counts as a positive change when
    `direction` is fall. Only from an earlier value `from_below` a number, and only to one that is
    `to_at_least` a number, where these are given: from calm to much.
    """

    kind: Literal["change"]
    input: str
    against: str
    reference: Literal["last", "lowest", "highest", "median", "mean"]
    points: int = Field(default=1, ge=1)
    direction: Literal["rise", "fall"] = "rise"
    within: Duration
    apart: Duration = timedelta(0)
    per: Duration | None = None
    percent_of: Number | None = None
    from_below: Number | None = None
    to_at_least: Number | None = None
    persistence: Persistence | None = None


class TargetRule(RuleHead, Compared):
    """The value is beyond a distance from a target of the patient (dry weight)."""

    kind: Literal["target"]
    input: str
    target: Number
    direction: Literal["over", "under", "either"] = "either"
    persistence: Persistence | None = None


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
        return _only_comparison(self)

    @model_validator(mode="after")
    def _counts_one_thing(self) -> Self:
        _one_of_comparison_or_codes(self)
        if self.n > self.m:
            raise ValueError("n cannot be greater than m")
        return self


class WindowRule(RuleHead, Compared):
    """A figure of the samples of a window, this one included, is beyond a limit.

    Of them only the `last` so many, if given; silent with fewer than `points` samples, or when the
    first and the last of them lie closer than `spanning`: exchanges of one day are no three days.
    """

    kind: Literal["window"]
    input: str
    figure: Literal["mean", "median", "lowest", "highest", "sum", "range"]
    within: Duration
    last: int | None = Field(default=None, ge=1)
    points: int = Field(default=1, ge=1)
    spanning: Duration | None = None


class ShareRule(RuleHead):
    """At least `share` per cent of the samples of a window, this one included, are beyond.

    Speaks at a sample that is beyond itself; silent with fewer than `points` samples.
    """

    kind: Literal["share"]
    input: str
    share: Number
    within: Duration
    last: int | None = Field(default=None, ge=1)
    points: int = Field(default=1, ge=1)
    above: Number | None = None
    at_least: Number | None = None
    below: Number | None = None
    at_most: Number | None = None
    codes: tuple[str | bool, ...] = ()

    @cached_property
    def comparison(self) -> tuple[str, Decimal | str] | None:
        return _only_comparison(self)

    @model_validator(mode="after")
    def _shares_one_thing(self) -> Self:
        _one_of_comparison_or_codes(self)
        return self


class BaselineRule(RuleHead):
    """The value is unusual for this patient: farther than `mads` times the median absolute
    deviation, and than `least`, from the median of the samples `apart` to `over` before it.

    Silent with fewer than `points` of those. A baseline adds yellow, and never silences a limit.
    """

    kind: Literal["baseline"]
    input: str
    over: Duration
    apart: Duration = timedelta(0)
    points: int = Field(default=7, ge=3)
    direction: Literal["rise", "fall", "either"] = "either"
    mads: Number
    least: Number


class RateRule(RuleHead, Compared):
    """An amount of a session, divided by its hours and by another figure, is beyond a limit.

    `per` is an input of the same session (the nearest sample within `joins`) or a limit;
    `per_hour` divides by the input `hours` (in minutes) where that is given and has come, or else
    by the length of the session (not past when we heard of it, and a day at most).
    """

    kind: Literal["rate"]
    input: str
    per: str | None = None
    per_hour: bool = True
    hours: str | None = None
    joins: Duration = timedelta(hours=12)


class CombinationRule(RuleHead):
    """At least `n` of these rules (all of them without `n`) speak within a time of each other."""

    kind: Literal["combination"]
    of: tuple[str, ...] = Field(min_length=2)
    n: int | None = Field(default=None, ge=2)
    within: Duration

    @cached_property
    def needed(self) -> int:
        return self.n or len(self.of)

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.needed > len(self.of):
            raise ValueError("n cannot be greater than the number of rules")
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


class UnansweredRule(RuleHead):
    """What the patient sent has not been answered when the answer was promised: so many working
    days after it was received, at the clock `by` in Norway. Staff answer it, or close the alert.
    """

    kind: Literal["unanswered"]
    input: str
    workdays: int = Field(ge=0, le=10)
    by: Clock


Rule = (
    LimitRule
    | ChangeRule
    | TargetRule
    | CountRule
    | WindowRule
    | ShareRule
    | BaselineRule
    | RateRule
    | CodedRule
    | ScoreRule
    | CombinationRule
    | AbsenceRule
    | OverdueRule
    | UnansweredRule
)


# Those that a sample of their input makes speak.
SampleRule = (
    LimitRule
    | ChangeRule
    | TargetRule
    | CountRule
    | WindowRule
    | ShareRule
    | BaselineRule
    | RateRule
    | CodedRule
    | ScoreRule
)


class Handled(Frozen):
    """A benign case that a rule closes by itself: yellow only, and only what nobody has touched.

    `by` normal: within `within` after the finding, `points` later samples of the rule's input have
    come, none beyond and the last of them past `clear`. `by` came: what was missed (only `kinds`,
    if any are given) has come within `within` after its grace. `alone`: not when the same rule has
    spoken of the same thing in this time before. Nothing else clinical may be open.
    """

    id: str
    rules: tuple[str, ...] = Field(min_length=1)
    by: Literal["normal", "came"]
    kinds: tuple[str, ...] = ()
    within: Duration
    points: int = Field(default=1, ge=1)
    alone: Duration = timedelta(0)
    says: Text
    source: str
    evidence: Literal["S", "K", "D"]


def inputs_of(rule: Rule) -> tuple[str, ...]:
    """The names of the inputs a rule looks at."""
    match rule:
        case ChangeRule():
            return (rule.input, rule.against)
        case ScoreRule():
            return () if rule.score == "news2" else (rule.score,)
        case RateRule():
            return tuple(one for one in (rule.input, rule.hours) if one is not None)
        case OverdueRule() | CombinationRule():
            return ()
        case _:
            return (rule.input,)


def limits_of(rule: Rule) -> tuple[str, ...]:
    """The names of the limits a rule uses."""
    numbers = [getattr(rule, name, None) for name in NUMBERS]
    if (persistence := getattr(rule, "persistence", None)) is not None:
        numbers += [step.beyond for step in persistence.sooner]
    return tuple(one for one in numbers if isinstance(one, str) and one != REFERENCE)


def _only_comparison(rule: CountRule | ShareRule) -> tuple[str, Decimal | str] | None:
    for name in COMPARISONS:
        value: Decimal | str | None = getattr(rule, name)
        if value is not None:
            return (name, value)
    return None


def _one_of_comparison_or_codes(rule: CountRule | ShareRule) -> None:
    given = [*(getattr(rule, name) for name in COMPARISONS), rule.codes or None]
    if sum(one is not None for one in given) != 1:
        raise ValueError("count one comparison or a list of codes")
