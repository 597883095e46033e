"""Whom a unit's alerts are told to, in which hours, and who is next when nobody answers.

Pure. The record checks a ladder before it is kept; alerts climbs it. A ladder whose week has an
hour without anybody for a red does not exist: `check` names the first one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared import watching

Severity = Literal["emergency", "red", "yellow", "technical"]
Medium = Literal["webhook", "email", "sms"]
# `holiday`: a public holiday of Norway, in a ladder that has them.
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]

LONGEST = timedelta(hours=24)
MINUTES_A_DAY = 24 * 60


class LadderIsUnusable(ValueError):
    """The ladder is not of the form it must have"""

    def __init__(self, path: str, code: str) -> None:
        super().__init__(f"{path}: {code}")
        self.members = {"errors": [{"path": path, "code": code}]}


class HourIsUncovered(ValueError):
    """In an hour of the week nobody would be told of a red alert"""

    def __init__(self, day: str, clock: str, after: str | None = None) -> None:
        super().__init__(f"{day} {clock}")
        self.members = {"day": day, "from": clock} | ({"after": after} if after else {})


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    raise ValueError("a duration is written as ISO 8601 text, for example PT15M")


Wait = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0), le=LONGEST)]
Clock = Annotated[str, Field(pattern=r"^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Words = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
Address = Annotated[str, Field(min_length=3, max_length=500, pattern=r"^[\x21-\x7e]+$")]


# An SMS to this address goes to the number that the patient has given.
PATIENT = "patient"
# Not of a ladder: the devices on which a patient has asked to be told.
PUSH = "push"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Channel(Part):
    """A way to reach somebody. `to`: an https address, an e-mail address or a phone number; for
    reminders also `patient`, the number that the patient has given."""

    medium: Medium
    to: Address


class Hours(Part):
    """As a unit's watching hours: an end that is not after its start is past midnight."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=8)]
    since: Clock = Field(alias="from")
    to: Clock


class After(Part):
    """How long nobody may have answered before a step's turn; absent: not told of such.

    An emergency without a time of its own goes by `red`; what is technical, by its colour.
    """

    emergency: Wait | None = None
    red: Wait | None = None
    yellow: Wait | None = None
    technical: Wait | None = None


class Target(Part):
    """Who, in which hours (absent: always), by which channels: the first, the next if it fails."""

    who: Words
    hours: Annotated[tuple[Hours, ...], Field(min_length=1, max_length=50)] | None = None
    channels: Annotated[tuple[Name, ...], Field(min_length=1, max_length=5)]


class Step(Part):
    """One rung. `after` runs from the step before; of the first step, from the alert itself."""

    name: Words
    after: After
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=20)]


class Last(Part):
    """The end of the ladder: a named person on duty is told, and the unit's list says so in red.

    `again`: told once more after so long, until somebody answers.
    """

    after: After
    who: Words
    phone: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ]{2,24}$")]
    channels: Annotated[tuple[Name, ...], Field(min_length=1, max_length=5)]
    again: Wait | None = None


class Ladder(Part):
    """`reminders` are the channels by which patients are reminded: SMS, webhooks of their app.

    `holidays` true: on a public holiday only hours that name `holiday` count, and the whole of
    such a day is covered too. False: a holiday is as its day of the week.
    """

    zone: Annotated[str, Field(max_length=64)] = "Europe/Oslo"
    language: Literal["nb", "en"] = "nb"
    holidays: bool = False
    channels: Annotated[dict[Name, Channel], Field(min_length=1, max_length=50)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=10)]
    last: Last
    reminders: Annotated[tuple[Name, ...], Field(max_length=5)] = ()

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """As it was kept. LadderIsUnusable, without a word of what stood there."""
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            path = ".".join(str(part) for part in first["loc"])
            raise LadderIsUnusable(path, "bad-value") from None

    def stored(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Rung:
    """Who is told now. `number` from 1; one more than there are steps: the end of the ladder."""

    number: int
    name: str
    targets: tuple[Target, ...]
    is_last: bool = False


def severity(colour: str, lane: str, emergency: bool) -> Severity:
    if lane == "technical":
        return "technical"
    if emergency:
        return "emergency"
    return "red" if colour == "red" else "yellow"


def wait(after: After, how: Severity, colour: str) -> timedelta | None:
    """How long until this step's turn; None when it is not told of such."""
    own: timedelta | None = getattr(after, how)
    if own is not None or how in ("red", "yellow"):
        return own
    return after.red if how == "emergency" or colour == "red" else after.yellow


def due(ladder: Ladder, step: int, since: datetime, how: Severity, colour: str) -> datetime | None:
    """When the turn of the next step comes, `step` having been taken at `since` (0: none yet).

    None: nobody further is told of such.
    """
    end = len(ladder.steps) + 1
    if step >= end:
        again = ladder.last.again
        return since + again if again and wait(ladder.last.after, how, colour) is not None else None
    for number in range(step + 1, end + 1):
        after = ladder.last.after if number == end else ladder.steps[number - 1].after
        if (turn := wait(after, how, colour)) is not None:
            return since + turn
    return None


def reach(ladder: Ladder, step: int, now: datetime, how: Severity, colour: str) -> Rung | None:
    """Whom the next step tells at `now`. A step that nobody is on duty for is passed over: its
    turn is taken by the one after it, so that nobody waits for an empty desk."""
    for number in range(step + 1, len(ladder.steps) + 1):
        rung = ladder.steps[number - 1]
        if wait(rung.after, how, colour) is None:
            continue
        if targets := on_duty(ladder, rung, now):
            return Rung(number, rung.name, targets)
    if wait(ladder.last.after, how, colour) is None:
        return None
    last = ladder.last
    return Rung(len(ladder.steps) + 1, last.who, (Target(who=last.who, channels=last.channels),),
                is_last=True)  # fmt: skip


def on_duty(ladder: Ladder, step: Step, now: datetime) -> tuple[Target, ...]:
    return tuple(
        target
        for target in step.targets
        if target.hours is None or watching.watching(_hours(ladder, target), now).now
    )


def _hours(ladder: Ladder, target: Target) -> dict[str, Any]:
    return {
        "zone": ladder.zone,
        "holidays": ladder.holidays,
        "hours": [one.model_dump(by_alias=True) for one in target.hours or ()],
    }


def check(ladder: Ladder, *, plain_http: bool = False) -> None:
    """LadderIsUnusable, HourIsUncovered. `plain_http` allows webhooks without https: tests only."""
    try:
        ZoneInfo(ladder.zone)
    except (KeyError, ValueError, OSError):
        raise LadderIsUnusable("zone", "unknown-zone") from None
    for name, channel in ladder.channels.items():
        if not _can_be_reached(channel, plain_http):
            raise LadderIsUnusable(f"channels.{name}.to", f"not-an-address-of-{channel.medium}")
    for path, used in _used(ladder):
        if unknown := [name for name in used if name not in ladder.channels]:
            raise LadderIsUnusable(f"{path}.{used.index(unknown[0])}", "unknown-channel")
    for place, name in enumerate(ladder.reminders):
        if not _reaches_patients(ladder.channels[name]):
            raise LadderIsUnusable(f"reminders.{place}", "reaches-no-patient")
    for path, used in _used(ladder):
        staff = [name for name in used if ladder.channels[name].to == PATIENT]
        if staff and path != "reminders":
            raise LadderIsUnusable(f"{path}.{used.index(staff[0])}", "not-for-staff")
    if ladder.last.after.red is None:
        raise LadderIsUnusable("last.after.red", "missing-value")
    if ladder.last.again is not None and ladder.last.again < timedelta(minutes=1):
        raise LadderIsUnusable("last.again", "too-short")
    for path, period in _periods(ladder):
        if watching.HOLIDAY in period.days and not ladder.holidays:
            raise LadderIsUnusable(path, "holidays-do-not-count")
    if (gap := uncovered(ladder)) is not None:
        raise gap


def uncovered(ladder: Ladder) -> HourIsUncovered | None:
    """The first minute of the local week in which no step tells anybody of a red, on ordinary days
    first and then where a holiday begins or ends."""
    week = [(day, watching.DAYS[place - 1]) for place, day in enumerate(watching.DAYS)]
    pairs = list(week)
    if ladder.holidays:
        off = watching.HOLIDAY
        pairs += [(off, off), *((off, before) for before in watching.DAYS)]
        pairs += [(day, off) for day in watching.DAYS]
    for day, before in pairs:
        reached = 0
        for start, end in sorted([*_red_hours(ladder, before, -MINUTES_A_DAY),
                                  *_red_hours(ladder, day, 0)]):  # fmt: skip
            if start > reached:
                break
            reached = max(reached, end)
        if reached < MINUTES_A_DAY:
            clock = f"{reached // 60:02}:{reached % 60:02}"
            return HourIsUncovered(day, clock, None if (day, before) in week else before)
    return None


def _red_hours(ladder: Ladder, day: str, shift: int) -> Iterator[tuple[int, int]]:
    """What begins on this day, in minutes from its midnight and moved by `shift`; the end of what
    runs over midnight lies in the day after."""
    for step in ladder.steps:
        if step.after.red is None:
            continue
        for target in step.targets:
            if target.hours is None:
                yield shift, shift + MINUTES_A_DAY
            for period in target.hours or ():
                if day in period.days:
                    start, end = _minutes(period.since) % MINUTES_A_DAY, _minutes(period.to)
                    end = end if end > start else end + MINUTES_A_DAY
                    yield shift + start, shift + end


def _periods(ladder: Ladder) -> Iterator[tuple[str, Hours]]:
    for n, step in enumerate(ladder.steps):
        for m, target in enumerate(step.targets):
            for k, period in enumerate(target.hours or ()):
                yield f"steps.{n}.targets.{m}.hours.{k}.days", period


def told(
    ladder: Ladder, came_at: datetime, how: Severity, colour: str
) -> Iterator[tuple[datetime, Rung]]:
    """Who hears of an alert that comes at this moment, and when, as long as nobody answers. The
    end of the ladder comes once, though it may be told again."""
    step, since = 0, came_at
    while (turn := due(ladder, step, since, how, colour)) is not None:
        rung = reach(ladder, step, turn, how, colour)
        if rung is None:
            return
        yield turn, rung
        if rung.is_last:
            return
        step, since = rung.number, turn


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _used(ladder: Ladder) -> Iterator[tuple[str, tuple[str, ...]]]:
    for n, step in enumerate(ladder.steps):
        for m, target in enumerate(step.targets):
            yield f"steps.{n}.targets.{m}.channels", target.channels
    yield "last.channels", ladder.last.channels
    yield "reminders", ladder.reminders


def _reaches_patients(channel: Channel) -> bool:
    """The server of their app, or the number that each of them has given."""
    return channel.medium == "webhook" or (channel.medium == "sms" and channel.to == PATIENT)


def _can_be_reached(channel: Channel, plain_http: bool) -> bool:
    match channel.medium:
        case "webhook":
            try:
                address = urlsplit(channel.to)
                _ = address.port
            except ValueError:
                return False
            schemes = ("https", "http") if plain_http else ("https",)
            return address.scheme in schemes and bool(address.hostname) and not address.username
        case "email":
            return bool(
                re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+", channel.to)
            )
        case "sms":
            return channel.to == PATIENT or bool(re.fullmatch(r"\+?[0-9]{3,15}", channel.to))
