"""What rules would have said: a programme, or a changed one, over facts that were stored.

The same pure code as the live judging. To compare two versions fairly nobody's clicks are
played again: what one group of rules says of a patient on one local day counts as one alert.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from uuid import uuid5

from services.alerts.clinical import rules, schedule
from services.alerts.clinical.finding import NAMESPACE, Finding
from services.alerts.clinical.history import Record
from shared.contracts import Fact
from shared.programmes import (
    Colour,
    CombinationRule,
    Group,
    Lane,
    OverdueRule,
    Programme,
    RateRule,
    inputs_of,
    limits_of,
)

Key = tuple[str, date]  # (group, local day)

ALWAYS = datetime.min.replace(tzinfo=UTC)


class Told(NamedTuple):
    """One alert of a replay: the gravest finding of its group on its day."""

    group: str
    day: date
    colour: Colour
    lane: Lane
    rule: str
    at: datetime
    reason: Mapping[str, str]


class Difference(NamedTuple):
    """Of one patient. `worse` and `milder` are there before and after, in another colour. In the
    groups of `failed` a rule could not be judged: they tell nothing, before or after."""

    before: tuple[Told, ...]
    after: tuple[Told, ...]
    vanished: tuple[Told, ...]
    new: tuple[Told, ...]
    worse: tuple[Told, ...]
    milder: tuple[Told, ...]
    failed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Trial:
    """A programme as it is and as it might be; `own` are limits tried as the patient's own."""

    before: Programme
    after: Programme
    own: Mapping[str, Decimal] = field(default_factory=dict)

    @cached_property
    def untouched(self) -> frozenset[str]:
        """Groups that say the same before and after, and need to be asked only once."""
        was = {group.name: _rests_on(self.before, group) for group in self.before.groups}
        return frozenset(
            group.name
            for group in self.after.groups
            if was.get(group.name) == (rests := _rests_on(self.after, group))
            and not self.own.keys() & rests.limits.keys()
        )


def told(programme: Programme, record: Record, since: datetime, now: datetime) -> tuple[Told, ...]:
    """The alerts from `since` to `now`, as they would have been raised by `now`."""
    return _in_order(_told(programme, programme.groups, record, since, now, set()))


def difference(trial: Trial, record: Record, since: datetime, now: datetime) -> Difference:
    changed = [group for group in trial.after.groups if group.name not in trial.untouched]
    failed: set[str] = set()
    was = _told(trial.before, trial.before.groups, record, since, now, failed)
    tried = with_own(record, trial.before.slug, trial.own)
    will = {key: one for key, one in was.items() if one.group in trial.untouched}
    will |= _told(trial.after, changed, tried, since, now, failed)
    was = {key: one for key, one in was.items() if one.group not in failed}
    will = {key: one for key, one in will.items() if one.group not in failed}
    both = was.keys() & will.keys()
    return Difference(
        _in_order(was),
        _in_order(will),
        _in_order({key: one for key, one in was.items() if key not in will}),
        _in_order({key: one for key, one in will.items() if key not in was}),
        _in_order({key: will[key] for key in both if _became(was[key], will[key], "red")}),
        _in_order({key: will[key] for key in both if _became(was[key], will[key], "yellow")}),
        frozenset(failed),
    )


def alone(programme: Programme) -> Programme:
    """This version as if it had always judged, whatever was decided since."""
    return with_defaults(programme, {})


def with_defaults(programme: Programme, limits: Mapping[str, Decimal]) -> Programme:
    """The programme with other defaults; a limit set for one patient still wins over them."""
    # Built anew: a copy would take along what the old one has worked out about itself.
    return Programme.model_construct(
        **{
            **{name: getattr(programme, name) for name in Programme.model_fields},
            "limits": tuple(
                one.model_copy(update={"default": limits[one.name]}) if one.name in limits else one
                for one in programme.limits
            ),
        }
    )


def with_own(record: Record, programme: str, limits: Mapping[str, Decimal]) -> Record:
    """The record as if these had always been the patient's own limits."""
    if not limits:
        return record
    replaced = {
        fact.id
        for fact in record.decided.facts
        if fact.type == "limit-set"
        and fact.body.get("programme") == programme
        and fact.body.get("name") in limits
    }
    kept = record.without(replaced) if replaced else record
    return kept.adding(_set(record, programme, name, value) for name, value in limits.items())


def enrolled_for(record: Record, programme: str, since: datetime, now: datetime) -> timedelta:
    """How long of the time the patient was followed by the programme."""
    spans = sorted(
        (max(one.start, since), min(one.end or now, now))
        for one in record.enrolments
        if one.programme == programme
    )
    total, reached = timedelta(0), since
    for start, end in spans:
        if end > max(start, reached):
            total += end - max(start, reached)
            reached = end
    return total


@dataclass(slots=True)
class Count:
    """Alerts of a replay: by colour of the clinical lane, and those of the technical lane."""

    red: int = 0
    yellow: int = 0
    technical: int = 0

    @property
    def alerts(self) -> int:
        return self.red + self.yellow + self.technical

    def add(self, several: Iterable[Told]) -> None:
        for one in several:
            if one.lane == "technical":
                self.technical += 1
            elif one.colour == "red":
                self.red += 1
            else:
                self.yellow += 1


class _RestsOn(NamedTuple):
    """All that a group's findings depend on beside the record."""

    rules: tuple[object, ...]
    inputs: Mapping[str, object]
    limits: Mapping[str, object]
    rest: tuple[object, ...]


def _rests_on(programme: Programme, group: Group) -> _RestsOn:
    looked = list(group.rules)
    for rule in group.rules:
        if isinstance(rule, CombinationRule):
            looked += [programme.rule_by_id[name] for name in rule.of]
    names = {name for rule in looked for name in (*inputs_of(rule), *limits_of(rule))}
    names |= {rule.per for rule in looked if isinstance(rule, RateRule) and rule.per}
    return _RestsOn(
        tuple(looked),
        {name: programme.input_by_name[name] for name in names if name in programme.input_by_name},
        {name: programme.limit_by_name[name] for name in names if name in programme.limit_by_name},
        (
            programme.late_after,
            programme.plan if any(isinstance(rule, OverdueRule) for rule in looked) else (),
        ),
    )


def _told(
    programme: Programme,
    groups: Iterable[Group],
    record: Record,
    since: datetime,
    now: datetime,
    failed: set[str],
) -> dict[Key, Told]:
    # What is remembered here was said by another version of the rules.
    record.spoken.clear()
    gravest: dict[Key, Finding] = {}
    for group in groups:
        try:
            found = rules.group_findings(programme, group, record, now, since)
        except Exception:  # whatever it is, the other groups are replayed
            failed.add(group.name)
            continue
        for one in found:
            if not since <= one.at <= now:
                continue
            key = (group.name, schedule.local_day(one.at))
            if key not in gravest or _gravity(one) > _gravity(gravest[key]):
                gravest[key] = one
    return {
        key: Told(*key, one.colour, one.lane, one.rule, one.at, one.reason)
        for key, one in gravest.items()
    }


def _in_order(several: Mapping[Key, Told]) -> tuple[Told, ...]:
    return tuple(sorted(several.values(), key=lambda one: (one.at, one.group)))


def _became(was: Told, will: Told, colour: Colour) -> bool:
    return was.colour != will.colour == colour


def _set(record: Record, programme: str, name: str, value: Decimal) -> Fact:
    return Fact(
        org="",
        id=uuid5(NAMESPACE, f"{record.patient_id}|{programme}|{name}"),
        patient_id=record.patient_id,
        type="limit-set",
        kind="",
        at=ALWAYS,
        received_at=ALWAYS,
        source="",
        body={"programme": programme, "name": name, "value": value},
    )


def _gravity(one: Finding) -> tuple[bool, bool, bool, datetime, int]:
    return (one.lane == "clinical", one.colour == "red", one.emergency, one.at, one.id.int)
