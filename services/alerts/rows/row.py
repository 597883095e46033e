"""Pure: a patient's row on the worklist, one per unit that follows him.

A function of the patient and the moment of writing, so that the checker can make it again and
compare. Ages, names of units and what has expired are added when it is read.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.alerts import scoring
from services.alerts.care import moving
from services.alerts.clinical import sitting, standing
from services.alerts.clinical.decided import Enrolment
from services.alerts.clinical.history import Record
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.clinical.samples import WHOLE, Key, Sample, Series
from services.alerts.clinical.standing import Still
from services.alerts.judging import promises
from services.alerts.judging.patient import PLATFORM, RANK, Alert, Patient, gravest, unit_of
from shared import kinds
from shared.programmes import (
    PlanItem,
    Programme,
    TargetRule,
)

Programmes = Mapping[str, Programme]
Json = dict[str, Any]

# An older measurement is not shown as the latest: a record may reach further back than another
# reading of the same patient does, and the row must not depend on it.
SHOWN = timedelta(days=90)
SPARK = timedelta(days=14)
SPARK_POINTS = 112
BUCKET = timedelta(hours=6)
DRY_WEIGHT = "target_weight"
VALUES = 8
OTHERS = 3
CALM = -30_000  # a smallint


@dataclass(frozen=True, slots=True)
class Row:
    unit_id: UUID
    rank: int
    waiting_since: datetime | None
    calm: int
    technical: bool
    programmes: tuple[str, ...]
    assignees: tuple[str, ...]
    states: tuple[str, ...]
    body: Json


def rows(patient: Patient, programmes: Programmes, now: datetime) -> list[Row]:
    """None for a patient whom no unit follows and of whom nothing is open."""
    if patient.state.patient_id == PLATFORM:
        return []
    enrolled = [one for one in patient.record.enrolments if one.covers(now)]
    units = {unit for one in enrolled if (unit := unit_of(one.unit_id)) is not None}
    # An end of follow-up stays to be seen for a while.
    ended = standing.just_ended(patient.record, now)
    units |= {unit for one in ended if (unit := unit_of(one.unit_id)) is not None}
    units |= {alert.unit_id for alert in patient.alerts.values() if alert.unit_id is not None}
    if (enrolled or ended or patient.alerts) and not units and patient.state.unit_id is not None:
        units = {patient.state.unit_id}
    if not units:
        return []
    # A unit that took an alert over stands for it; the others see it, and it calls them no more.
    units |= {unit for alert in patient.alerts.values() if (unit := moving.offered_to(alert))}
    every = gravest(patient.alerts.values())
    made: dict[tuple[UUID, ...], Json] = {}
    found: list[Row] = []
    for unit in sorted(units, key=lambda one: one.int):
        alerts = [one for one in every if not moving.is_elsewhere(one, unit)]
        key = tuple(one.id for one in alerts)
        if key not in made:
            elsewhere = [one for one in every if moving.is_elsewhere(one, unit)]
            made[key] = _body(patient, alerts, enrolled or ended, programmes, now)
            made[key]["elsewhere"] = [short(one) for one in elsewhere]
        found.append(_row(unit, alerts, enrolled or ended, made[key]))
    return found


def _row(unit: UUID, alerts: list[Alert], enrolled: list[Enrolment], body: Json) -> Row:
    colour = alerts[0].colour if alerts else "green"
    return Row(
        unit_id=unit,
        rank=RANK[colour],
        waiting_since=waiting_since(alerts),
        calm=max(CALM, -sum(alert.body.get("count", 0) for alert in alerts)),
        technical=body["technical"],
        programmes=tuple(dict.fromkeys([*(one.programme for one in enrolled), *_of(alerts)])),
        assignees=tuple(dict.fromkeys(a.assignee for a in alerts if a.assignee)),
        states=tuple(dict.fromkeys(state_of(a) for a in alerts)),
        body={**body, "unit_id": str(unit)},
    )


def waiting_since(alerts: Iterable[Alert]) -> datetime | None:
    """Since when the gravest that nobody has acknowledged waits."""
    waiting = [one for one in alerts if one.oldest_unacknowledged is not None]
    if not waiting:
        return None
    worst = min(RANK[one.colour] for one in waiting)
    return min(
        one.oldest_unacknowledged
        for one in waiting
        if RANK[one.colour] == worst and one.oldest_unacknowledged is not None
    )


def state_of(alert: Alert) -> str:
    return "snoozed" if alert.snoozed_until is not None else str(alert.state)


def short(alert: Alert) -> Json:
    """An alert as a row carries it."""
    return {
        "id": str(alert.id),
        "version": alert.version,
        "group": alert.group,
        "rule": alert.rule,
        "programme": alert.programme,
        "lane": alert.lane,
        "state": str(alert.state),
        "colour": alert.colour,
        "emergency": alert.emergency,
        "late": alert.late,
        "basis_changed": alert.basis_changed,
        "reason": alert.body.get("reason"),
        "snoozed_until": _iso(alert.snoozed_until),
        "acknowledged_at": _iso(alert.acknowledged_at),
        "handed": alert.body.get("handed"),
        "sample": alert.body.get("sample"),
        "doubts": alert.body.get("doubts", []),
        "escalated": _escalated(alert),
    }


def _escalated(alert: Alert) -> Json | None:
    """The step of the ladder that was told last because nobody answered, and when the next is."""
    if alert.state is not Life.OPEN or "next_step_at" not in alert.body:
        return None
    return {
        "step": alert.body["step"],
        "at": alert.body["escalated_at"],
        "next_at": alert.body["next_step_at"],
    }


def _of(alerts: Iterable[Alert]) -> list[str]:
    return [alert.programme for alert in alerts if alert.programme]


def _body(
    patient: Patient,
    alerts: list[Alert],
    shown: list[Enrolment],
    programmes: Programmes,
    now: datetime,
) -> Json:
    """`shown` are those in force, or that have just ended."""
    state, record = patient.state, patient.record
    enrolled = [one for one in shown if one.covers(now)]
    worst = alerts[0] if alerts else None
    slug = (worst.programme if worst else "") or (shown[0].programme if shown else "")
    programme = version_at(programmes, record, slug, now)
    followed = [
        version
        for one in enrolled
        if (version := version_at(programmes, record, one.programme, now)) is not None
    ]
    plan = [item for one in enrolled for item in _plan(one, programmes, record, now)]
    drawn = _drawn(worst, plan, record, now)
    holder = next((one for one in alerts if one.assignee), None)
    technical = [one for one in alerts if one.lane == "technical"]
    return {
        "as_of": now.isoformat(),
        "patient": {
            "id": str(state.patient_id),
            "name": state.name or "",
            "born": state.born.isoformat() if state.born else None,
        },
        "number": state.number,
        "programme": slug,
        "programme_name": _names(programme),
        "colour": worst.colour if worst else "green",
        "emergency": any(one.emergency for one in alerts),
        "technical": bool(technical),
        "reason": worst.body.get("reason") if worst else None,
        "reason_alert": str(worst.id) if worst else None,
        "also": _also(alerts[1:]),
        "cause": technical[0].cause if technical else None,
        "values": _values(record, worst, plan, now),
        **_spark(patient, drawn, programme, now),
        "news2": _news2(patient, now) if any(one.uses_news2 for one in followed) else None,
        "dry_weight": _dry_weight(record, followed, now),
        "waiting_since": _iso(waiting_since(alerts)),
        "assignee": holder.assignee if holder else None,
        "assignee_name": holder.assignee_name if holder else None,
        "assigned_at": _iso(holder.assigned_at) if holder else None,
        "promises": promises.outstanding(record, followed, now - SHOWN),
        "paused": paused(standing.still(record, now)),
        "alerts": [short(one) for one in alerts],
    }


def _news2(patient: Patient, now: datetime) -> Json | None:
    """Made once for a record; a new vital sign empties `patient.news2`. Not kept while a device
    whose clock is ahead has measured what the next score will count."""
    record = patient.record
    made: Json | None = patient.news2[0] if patient.news2 else scoring.of_record(record, now)
    ahead = any(
        [ats[-1] > now for key in sitting.PARAMETER if (ats := record.series(key).sure.ats)]
    )
    patient.news2 = [] if ahead else [made]
    if made is None or datetime.fromisoformat(made["at"]) < now - SHOWN:
        return None
    return made


def version_at(programmes: Programmes, record: Record, slug: str, at: datetime) -> Programme | None:
    """The version of the programme that judges this patient at `at`."""
    programme = programmes.get(slug)
    return record.decided.version(programme, at) if programme else None


def _plan(
    enrolment: Enrolment, programmes: Programmes, record: Record, now: datetime
) -> tuple[PlanItem, ...]:
    if enrolment.plan is not None:
        return enrolment.plan
    programme = version_at(programmes, record, enrolment.programme, now)
    return programme.plan if programme else ()


def paused(still: Still | None) -> Json | None:
    """Why nothing is expected of the patient now: a pause of some kind, the end, or death."""
    if still is None:
        return None
    about: Json = {
        "kind": still.kind,
        "since": _iso(still.since),
        "until": _iso(still.until),
        "says": still.says,
    }
    return about | ({"reason": still.reason} if still.reason else {})


def _names(programme: Programme | None) -> Json | None:
    return {"nb": programme.names.nb, "en": programme.names.en} if programme else None


def _also(others: list[Alert]) -> Json | None:
    said = [one.body.get("reason") or {} for one in others[:OTHERS]]
    if not said:
        return None
    return {lang: " · ".join(one[lang] for one in said if lang in one) for lang in ("nb", "en")}


def _drawn(
    worst: Alert | None, plan: list[PlanItem], record: Record, now: datetime
) -> tuple[str, str] | None:
    """The series that belongs to the reason, else the first that the plan asks for."""
    wanted = [
        (one["kind"], one["field"])
        for one in (worst.body.get("values", ()) if worst else ())
        if not isinstance(one["value"], str | bool)
    ]
    for item in plan:
        kind = kinds.CATALOGUE.get(item.kind)
        wanted += [(item.kind, name) for name, of in kind.fields.items() if of.ucum] if kind else []
    return next((key for key in wanted if _is_figure(_latest(record, key, now))), None)


def _is_figure(one: Sample | None) -> bool:
    """Whether it can be drawn: an answer, which may be several, is no point of a curve."""
    return one is not None and isinstance(one.value, Decimal)


def _latest(record: Record, key: Key, now: datetime) -> Sample | None:
    """The latest of a series, while it is of the time that is drawn; later only what was measured
    when its kind was measured last. So the row does not depend on how much else has been read."""
    ats = record.series(key).sure.ats
    if not ats or ats[-1] < now - SHOWN:
        return None
    if ats[-1] < now - SPARK and ats[-1] != record.series((key[0], WHOLE)).sure.ats[-1]:
        return None
    return record.series(key).sure.samples[-1]


def _values(record: Record, worst: Alert | None, plan: list[PlanItem], now: datetime) -> list[Json]:
    """The latest of what the reason speaks of, then of what the plan asks for."""
    named = [one["kind"] for one in (worst.body.get("values", ()) if worst else ())]
    wanted = dict.fromkeys([*named, *(item.kind for item in plan)])
    found = _of_kinds(record, wanted, now)
    if not found and (newest := record.newest()) is not None:
        found = _of_kinds(record, [newest.kind], now)  # what nobody asked for was sent all the same
    return found[:VALUES]


def _of_kinds(record: Record, names: Iterable[str], now: datetime) -> list[Json]:
    found: list[Json] = []
    for name in names:
        kind = kinds.CATALOGUE.get(name)
        for field, of in kind.fields.items() if kind else ():
            latest = _latest(record, (name, field), now)
            if latest is not None:
                found.append(
                    {
                        "kind": name,
                        "field": field,
                        "value": latest.value,
                        "ucum": of.ucum,
                        "at": latest.at.isoformat(),
                    }
                )
    return found


def _spark(
    patient: Patient, drawn: tuple[str, str] | None, programme: Programme | None, now: datetime
) -> Json:
    if drawn is None:
        return {"spark": [], "spark_missing": []}
    kind, field = drawn
    points = _thinned(patient.record.series(drawn).sure, now - SPARK, now)
    before = patient.spark
    # Most are the same as in the row before, and writing a time takes long.
    shown = [
        known
        if (known := before.get(one.at)) is not None and known[1] is one.value
        else [one.at.isoformat(), one.value]
        for one in points
    ]
    patient.spark = {one.at: point for one, point in zip(points, shown, strict=True)}
    return {
        "spark_kind": kind,
        "spark_field": field,
        "spark": shown,
        "spark_limits": limits_of(patient.record, programme, drawn, now) if programme else None,
        # In order: what is expected comes out of the table in any.
        "spark_missing": sorted(
            one.due_at.isoformat()
            for one in patient.expected.values()
            if one.kind == kind and one.missed_at and one.satisfied_by is None
            and now - SPARK <= one.due_at <= now
        ),
    }  # fmt: skip


def _thinned(series: Series, first: datetime, last: datetime) -> list[Sample]:
    """Lowest and highest of each quarter of a day: a watch may send hundreds a day."""
    ats = series.ats
    start, end = bisect_left(ats, first), bisect_right(ats, last)
    if end - start <= SPARK_POINTS:
        return list(series.samples[start:end])
    kept = []
    while start < end:
        stop = min(end, bisect_left(ats, _bucket_after(ats[start]), start))
        bucket, figures = series.numbers(slice(start, stop))
        if bucket:
            low, high = figures.index(min(figures)), figures.index(max(figures))
            kept += [bucket[min(low, high)], bucket[max(low, high)]]
        start = stop
    return [*kept, series.samples[end - 1]]


def _bucket_after(at: datetime) -> datetime:
    seconds = BUCKET.total_seconds()
    return datetime.fromtimestamp((at.timestamp() // seconds + 1) * seconds, UTC)


def limits_of(
    record: Record, programme: Programme, drawn: tuple[str, str], now: datetime
) -> list[Any]:
    """[low, high] of the red limits on this series for this patient now; None where none is."""
    lows: list[Decimal] = []
    highs: list[Decimal] = []
    for rule in programme.red_limits:
        if drawn not in programme.input_by_name[rule.input].reads:
            continue
        how, number = rule.comparison
        limit = number_of(record, programme, number, now)
        if limit is None:
            continue
        if isinstance(rule, TargetRule):
            target = number_of(record, programme, rule.target, now)
            if target is None:
                continue
            if rule.direction != "under":
                highs.append(target + limit)
            if rule.direction != "over":
                lows.append(target - limit)
        elif how in ("above", "at_least"):
            highs.append(limit)
        else:
            lows.append(limit)
    return [max(lows, default=None), min(highs, default=None)]


def number_of(
    record: Record, programme: Programme, number: Decimal | str, now: datetime
) -> Decimal | None:
    if isinstance(number, Decimal):
        return number
    own = record.limit(programme.slug, number, now)
    return programme.limit_by_name[number].default if own is None else own


def _dry_weight(record: Record, followed: list[Programme], now: datetime) -> Json | None:
    for programme in followed:
        if DRY_WEIGHT in programme.limit_by_name:
            weight = number_of(record, programme, DRY_WEIGHT, now)
            return {"value": weight} if weight is not None else None
    return None


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
