"""The shape of a questionnaire instrument: what its file may say, and nothing else.

Numbers are `Decimal`. How a scale is scored is one of a closed set; there is no expression
language. Words are for staff only: a severity word is never shown to the patient.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

# S read in the named source, K general knowledge, D our proposal.
Evidence = Literal["S", "K", "D"]
Sex = Literal["female", "male"]
Direction = Literal["bad", "good"]  # what a high score means

SEXES: tuple[Sex, ...] = ("female", "male")


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a number is expected here")
    return Decimal(value)


Figure = Annotated[Decimal, BeforeValidator(_number)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(Frozen):
    """The same words in the languages staff read."""

    nb: str
    nn: str
    en: str


class Licence(Frozen):
    """Whether the wording may lie in this repository. Empty `checked_on`: nobody has read it anew.
    `wording_from`: with what the wording that lies here was compared, and when.

    yes = the wording is here; site = a hospital brings its own permitted wording; no = only with
    a written licence of the hospital's own.
    """

    licence: str
    licence_url: str
    licence_checked_on: str
    may_ship: Literal["yes", "site", "no"]
    ground: str
    wording_from: str = ""


class Choice(Frozen):
    """Questions with the same options. `scores` stand in the order shown; `options` are the codes.

    Without `options` the codes are the scores themselves. `only_for` = asked of one sex only, and
    not missing for the other. `optional` = not asked of everybody, so never missing.
    """

    kind: Literal["choice"]
    links: tuple[str, ...] = Field(min_length=1)
    scores: tuple[Figure, ...] = Field(min_length=2)
    options: tuple[str, ...] = ()
    loinc: tuple[str, ...] = ()
    only_for: Sex | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.options and len(self.options) != len(self.scores):
            raise ValueError("there must be one option for each score")
        if self.loinc and len(self.loinc) != len(self.links):
            raise ValueError("there must be one LOINC code for each link")
        if len(set(self.codes)) != len(self.scores) or len(set(self.scores)) != len(self.scores):
            raise ValueError("an option or a score is there twice")
        return self

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return self.options or tuple(f"{score:f}" for score in self.scores)

    @cached_property
    def score_of(self) -> Mapping[str, Decimal]:
        return dict(zip(self.codes, self.scores, strict=True))

    @property
    def least(self) -> Decimal:
        return min(self.scores)

    @property
    def most(self) -> Decimal:
        return max(self.scores)


class Range(Frozen):
    """Questions answered with a number from `least` to `most`, in steps of `step`."""

    kind: Literal["range"]
    links: tuple[str, ...] = Field(min_length=1)
    least: Figure
    most: Figure
    step: Figure
    only_for: None = None
    optional: bool = False


class YesNo(Frozen):
    """Questions answered yes (1) or no (0)."""

    kind: Literal["yes-no"]
    links: tuple[str, ...] = Field(min_length=1)
    only_for: None = None
    optional: bool = False

    @property
    def least(self) -> Decimal:
        return Decimal(0)

    @property
    def most(self) -> Decimal:
        return Decimal(1)


class FreeText(Frozen):
    """Questions answered in the patient's own words; never scored, never missing."""

    kind: Literal["free-text"]
    links: tuple[str, ...] = Field(min_length=1)
    only_for: None = None
    optional: Literal[True] = True

    @property
    def least(self) -> Decimal:
        return Decimal(0)

    @property
    def most(self) -> Decimal:
        return Decimal(0)


Question = Choice | Range | YesNo | FreeText


class Band(Frozen):
    """A stretch of a scale, from `at_least` or `above` up to the next band (of the same sex)."""

    name: str
    at_least: Figure | None = None
    above: Figure | None = None
    sex: Sex | None = None
    words: Words
    source: str
    evidence: Evidence

    @model_validator(mode="after")
    def _has_one_edge(self) -> Self:
        if (self.at_least is None) == (self.above is None):
            raise ValueError("a band has either at_least or above")
        return self

    @property
    def edge(self) -> tuple[Decimal, bool]:
        """Where the band begins, and whether the edge itself is left out; in order."""
        if self.at_least is not None:
            return (self.at_least, False)
        return (self.above or Decimal(0), True)

    def begins_below(self, total: Decimal) -> bool:
        edge, left_out = self.edge
        return total > edge if left_out else total >= edge


class CutOff(Frozen):
    """A number that counts as reached from `at_least`, such as a case in a screening."""

    name: str
    at_least: Figure
    words: Words
    source: str
    evidence: Evidence


class _Scale(Frozen):
    """`items` are linkIds or names of scales above. Without `at_least` all must be answered.

    With it, so many answered are enough, and a missing one takes the mean of those answered.
    The first scale named total is the instrument's score. Rounded half up to `decimals`.
    """

    name: str
    items: tuple[str, ...] = Field(min_length=1)
    at_least: int | None = None
    decimals: int = 0
    high: Direction = "bad"
    source: str
    evidence: Evidence
    bands: tuple[Band, ...] = ()
    cut_offs: tuple[CutOff, ...] = ()


class Sum(_Scale):
    """The sum, divided by `over`."""

    method: Literal["sum"]
    over: Figure = Decimal(1)


class Mean(_Scale):
    """The mean."""

    method: Literal["mean"]


class WeightedSum(_Scale):
    """Each item times its weight, in the order of `items`."""

    method: Literal["weighted-sum"]
    weights: tuple[Figure, ...]

    @model_validator(mode="after")
    def _has_a_weight_each(self) -> Self:
        if len(self.weights) != len(self.items):
            raise ValueError("there must be one weight for each item")
        return self


class Rescaled(_Scale):
    """Each item stretched to 0-100, those in `turned` upside down; then the mean."""

    method: Literal["rescaled-mean"]
    turned: tuple[str, ...] = ()


class Category(Frozen):
    """The highest of these items; with an aid or help in use at least `aided`."""

    name: str
    items: tuple[str, ...] = Field(min_length=1)
    aid: str


class CategoryMaximum(_Scale):
    """The mean of the categories' highest items. `at_least` counts categories.

    An aid that was not answered is neither yes nor no: where it could change the category, there
    is no total.
    """

    method: Literal["category-maximum"]
    items: tuple[str, ...] = ()
    categories: tuple[Category, ...] = Field(min_length=1)
    aided: Figure


class Given(_Scale):
    """The score as the site's own licensed scoring worked it out."""

    method: Literal["given"]


Scale = Annotated[
    Sum | Mean | WeightedSum | Rescaled | CategoryMaximum | Given, Field(discriminator="method")
]


class RedFlag(Frozen):
    """An answer that speaks whatever the total, on an incomplete form too.

    A skipped `safety` item is unknown, which somebody must look at; it is never 0.
    """

    name: str
    items: tuple[str, ...] = Field(min_length=1)
    at_least: Figure
    colour: Literal["red", "yellow"]
    safety: bool
    words: Words
    source: str
    evidence: Evidence


class Change(Frozen):
    """The smallest change that matters, in points or in percent of the earlier score.

    It varies with where the patient began, so it may raise a yellow and nothing more.
    """

    points: Figure | None = None
    percent: Figure | None = None
    scale: str = "total"
    source: str
    evidence: Evidence

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.points is None) == (self.percent is None):
            raise ValueError("a change is in points or in percent")
        return self


class Codes(Frozen):
    """LOINC codes of the panel and of its score; empty where none was found."""

    panel: str = ""
    total: str = ""
    evidence: Evidence = "S"


class Instrument(Frozen):
    """`needs` site: part of the scoring is not ours to state; `needs_why` says which."""

    slug: str
    version: str
    name: str
    measures: Words
    also_called: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()
    needs: Literal["", "site"] = ""
    needs_why: str = ""
    notes: tuple[str, ...] = ()
    licence: Licence
    loinc: Codes = Codes()
    questions: tuple[Annotated[Question, Field(discriminator="kind")], ...] = Field(min_length=1)
    scales: tuple[Scale, ...] = ()
    red_flags: tuple[RedFlag, ...] = ()
    changes: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        faults = list(_faults(self))
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @cached_property
    def question_of(self) -> Mapping[str, Question]:
        return {link: question for question in self.questions for link in question.links}

    @cached_property
    def scale_by_name(self) -> Mapping[str, Scale]:
        return {scale.name: scale for scale in self.scales}


def items_of(scale: Scale) -> tuple[str, ...]:
    """The linkIds and scales that a scale looks at."""
    if not isinstance(scale, CategoryMaximum):
        return scale.items
    return tuple(link for category in scale.categories for link in (*category.items, category.aid))


def _faults(instrument: Instrument) -> Iterator[str]:
    links = [link for question in instrument.questions for link in question.links]
    yield from _twice("question", links)
    yield from _twice("scale", [scale.name for scale in instrument.scales])
    if bool(instrument.needs) != bool(instrument.needs_why):
        yield "needs and needs_why belong together"
    known = {
        link
        for question in instrument.questions
        if question.kind != "free-text"
        for link in question.links
    }
    for scale in instrument.scales:
        for name in items_of(scale):
            if name not in known:
                yield f"scale {scale.name} looks at {name}, which is no scored question or scale"
        yield from _scale_faults(scale, instrument.question_of)
        if not isinstance(scale, Given):
            known.add(scale.name)
    for flag in instrument.red_flags:
        for link in flag.items:
            if link not in links:
                yield f"red flag {flag.name} looks at {link}, which is no question"
    for change in instrument.changes:
        if change.scale not in instrument.scale_by_name:
            yield f"a change is of the scale {change.scale}, which is not here"


def _scale_faults(scale: Scale, questions: Mapping[str, Question]) -> Iterator[str]:
    yield from _twice(f"item of scale {scale.name}", items_of(scale))
    own = [questions[name] for name in items_of(scale) if name in questions]
    if not isinstance(scale, Given) and any(question.optional for question in own):
        yield f"scale {scale.name} needs an optional question"
    if any(question.only_for for question in own) and not isinstance(scale, Sum):
        yield f"scale {scale.name} is no sum, so it asks both sexes the same"
    if isinstance(scale, Rescaled) and len(own) < len(scale.items):
        yield f"scale {scale.name} stretches questions only, no other scale"
    alike = isinstance(scale, Rescaled | CategoryMaximum) or (
        len(own) == len(scale.items)
        and len({(question.least, question.most) for question in own}) == 1
    )
    if scale.at_least is not None and not alike:
        yield f"scale {scale.name} fills in a mean, but its items have different ends"
    if isinstance(scale, Given) and len(scale.items) != 1:
        yield f"scale {scale.name} is given, so it has one item"
    if isinstance(scale, Rescaled) and not set(scale.turned) <= set(scale.items):
        yield f"scale {scale.name} turns an item it does not have"
    parts = scale.categories if isinstance(scale, CategoryMaximum) else scale.items
    if scale.at_least is not None and not 1 <= scale.at_least <= len(parts):
        yield f"scale {scale.name} asks for more answers than it has"
    yield from _twice(f"band of scale {scale.name}", [(b.name, b.sex) for b in scale.bands])
    for sex in SEXES:
        edges = [band.edge for band in bands_for(scale, sex)]
        if edges != sorted(set(edges)):
            yield f"the bands of scale {scale.name} are out of order"


def bands_for(scale: Scale, sex: Sex) -> tuple[Band, ...]:
    return tuple(band for band in scale.bands if band.sex in (None, sex))


def _twice(what: str, names: Sequence[Any]) -> Iterator[str]:
    for name in sorted(set(names), key=str):
        if names.count(name) > 1:
            yield f"{what} {name} is there twice"
