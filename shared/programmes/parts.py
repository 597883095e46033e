"""What rules and plans are made of: texts, limits, inputs, retakes, what is expected when.

Numbers are `Decimal`, durations ISO 8601 text in the files and `timedelta` here.
"""

from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared import attachments

Colour = Literal["red", "yellow"]
Lane = Literal["clinical", "technical"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Phase = Literal["pre", "post", "none"]

DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# What every red message to a patient says, in each language (red at home is not an ambulance).
EMERGENCY: Mapping[str, str] = {
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


# The kinds that photos and documents are read by.
ATTACHED = frozenset(f"{attachments.PREFIX}{kind}" for kind in attachments.KINDS)
# No rule may look further back: a patient is judged from the facts of this time and the limits.
LOOKS_BACK = timedelta(days=60)
# Forms come seldom, and are compared with the one of half a year ago.
ANSWERS_LOOK_BACK = timedelta(days=400)

# No plan waits longer: what is expected weekly is missed before the week after next.
LONGEST_GRACE = timedelta(days=14)
# The patient is reminded before anybody is bothered: after so long, and never later than half
# the grace, unless the plan says otherwise.
REMINDED_AFTER = timedelta(hours=2)

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

    @cached_property
    def only(self) -> tuple[str, str] | None:
        """The one series it is, when nothing is chosen from it or put beside it."""
        first = self.sources[0]
        chosen = first.phase or first.codes or first.moment == "end"
        return None if chosen or len(self.sources) > 1 else first.key


class Retake(Frozen):
    """Measure again: a second sample within `within` decides; none after `grace` speaks as is."""

    within: Duration
    grace: Duration


class PlanItem(Frozen):
    """One thing expected on some days. Europe/Oslo clock; `grace` runs from `due`.

    `kind` is a measured kind, or answers:<questionnaire>. Satisfied by anything measured from
    `opens` until the grace is over. `every_weeks` counts from the week of the enrolment; `on_day`
    expects it once, so many days after the enrolment (a module, a form at a fixed time).
    `remind_after` is when, from `due`, the patient is reminded of what has not come.
    """

    id: str
    names: Text
    kind: str
    phase: tuple[Phase, ...] = ()
    opens: Clock
    due: Clock
    grace: Duration
    days: tuple[Day, ...] = DAYS
    every_weeks: int = Field(default=1, ge=1, le=52)
    on_day: int | None = Field(default=None, ge=0, le=730)
    remind_after: Duration | None = None

    @property
    def reminded_after(self) -> timedelta:
        if self.remind_after is not None:
            return self.remind_after
        return min(REMINDED_AFTER, self.grace / 2)

    @model_validator(mode="after")
    def _fits_in_a_day(self) -> Self:
        if self.opens > self.due:
            raise ValueError("opens must not be later than due")
        if not timedelta(0) <= self.grace <= LONGEST_GRACE:
            raise ValueError("grace must be between nothing and 14 days")
        if self.remind_after is not None and not timedelta(0) <= self.remind_after <= self.grace:
            raise ValueError("remind_after must lie within the grace")
        return self


class Progress(Frozen):
    """Items of the plan that are the steps of one treatment, in their order: its modules."""

    names: Text
    items: tuple[str, ...] = Field(min_length=1)


class Question(Frozen):
    """What the files cannot settle: a clinician decides it before the programme is signed. `about`
    names the rules and limits, `asks` says what is done until then and what else could be.
    """

    about: tuple[str, ...] = Field(min_length=1)
    asks: Text
    evidence: Literal["S", "K", "D"]


class Life(Frozen):
    """How long a person's word on an alert holds. A hospital may shorten what is here, and put
    off a red or yellow no longer than half a day.

    An acknowledged red comes back after `acknowledged_red`; an acknowledged yellow is closed as
    expired after `acknowledged_yellow`; the nurse may choose another time, up to `…_at_most`.
    """

    acknowledged_red: Duration = timedelta(hours=12)
    acknowledged_yellow: Duration = timedelta(hours=72)
    acknowledged_red_at_most: Duration = timedelta(hours=24)
    acknowledged_yellow_at_most: Duration = timedelta(days=7)
    snoozed_at_most: Duration = timedelta(hours=12)

    @model_validator(mode="after")
    def _holds_no_longer_than_it_may(self) -> Self:
        for name, about in type(self).model_fields.items():
            span: timedelta = getattr(self, name)
            if not timedelta(0) < span <= about.default:
                raise ValueError(f"{name} is more than nothing and at most {about.default}")
        return self


LIFE = Life()


class Trial(Frozen):
    """When a patient's own values say enough for limits of his own to be suggested: so many values,
    and so many days from the first to the last of them, within the last four weeks. Where the
    number in force is kept instead, it is asked about again after `again`, or never (PT0S).
    """

    days: int = Field(default=14, ge=7, le=28)
    values: int = Field(default=8, ge=5, le=100)
    again: Duration = timedelta(days=90)

    @model_validator(mode="after")
    def _is_not_asked_at_once(self) -> Self:
        if self.again and not timedelta(days=7) <= self.again <= timedelta(days=366):
            raise ValueError("again is P7D to P366D, or PT0S for never")
        return self


TRIAL = Trial()
