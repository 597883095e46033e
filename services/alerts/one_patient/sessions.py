"""Pure: each haemodialysis session as one line, out of the facts that its programme judges.

A session is what the machine reports, or a weight before and a weight after. Nothing is filled in:
what was not measured is not there, and a gain is told only against a weight after the session
before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.alerts import telling
from services.alerts.clinical import samples
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import WHOLE, Key, Sample
from services.alerts.rows import cells
from shared.programmes import Programme

Json = dict[str, Any]

KIND = "hd_session"
SHOWN = 14
LONGEST = timedelta(hours=14)  # from the weight before to the weight after
AROUND = timedelta(hours=6)  # a pressure or a weight this near belongs to the session
GAIN_WITHIN = timedelta(days=7)  # as the rules on gain have it
HOUR = Decimal(60)
NO_TIME = timedelta(0)

TARGET = "target_weight"
GAIN = ("interdialytic_gain_yellow", "interdialytic_gain_red")
GAP = ("target_gap_yellow", "target_gap_red")
RATE = ("uf_rate_yellow", "uf_rate_red")
BEFORE = (
    "systolic_yellow_low", "systolic_red_low", "systolic_yellow_high", "systolic_red_high",
)  # fmt: skip
AFTER = ("systolic_post_yellow_low", "systolic_post_red_low", "systolic_post_red_high")
LOWEST = ("nadir_yellow", "nadir_red")


@dataclass(slots=True)
class Session:
    start: datetime
    end: datetime
    by_machine: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    pressures: dict[str, tuple[Decimal, Decimal | None]] = field(default_factory=dict)


def of_record(record: Record, programme: Programme, now: datetime) -> Json | None:
    """None where the programme knows no sessions, or the patient's dialysis is of another kind."""
    if not any(KIND in {source.kind for source in one.sources} for one in programme.inputs):
        return None
    found = _sessions(record)
    if not found and record.series(("pd_treatment", WHOLE)).all.samples:
        return None
    lines = list(_lines(record, programme, found))
    return {
        "target": cells.number(record, programme, TARGET, now),
        "limits": {
            name: cells.number(record, programme, name, now)
            for name in (*GAIN, *GAP, *RATE, *BEFORE, *AFTER)
        },
        "sessions": list(reversed(lines))[:SHOWN],
        "of": len(lines),
    }


def _sessions(record: Record) -> list[Session]:
    found = [
        Session(
            one.at, one.at + (samples.lasted(one) or NO_TIME), True, dict(one.fact.body["values"])
        )
        for one in record.series((KIND, WHOLE)).all.samples
    ]
    for name in ("weight_pre", "weight_post", "uf_volume", "uf_rate", "duration", "systolic_pre",
                 "systolic_nadir", "symptoms", "stopped_early"):  # fmt: skip
        for sample in record.series((KIND, name)).all.samples:
            for one in found:
                if one.start == sample.at:
                    one.values[name] = sample.value
    for weight in _of(record, ("body_weight", "value"), "pre"):
        near = next((one for one in found if abs(one.start - weight.at) <= AROUND), None)
        if near is None:
            near = Session(weight.at, weight.at)
            found.append(near)
        near.values.setdefault("weight_pre", weight.value)
    found.sort(key=lambda one: one.start)
    for weight in _of(record, ("body_weight", "value"), "post"):
        open_ = [
            one
            for one in found
            if one.start <= weight.at <= max(one.end + AROUND, one.start + LONGEST)
            and "weight_post" not in one.values
        ]
        near = open_[-1] if open_ else None
        if near is None:
            near = Session(weight.at, weight.at)
            found.append(near)
        near.values.setdefault("weight_post", weight.value)
        near.end = max(near.end, weight.at)
    found.sort(key=lambda one: one.start)
    for one in found:
        _with_pressures(record, one)
    return found


def _of(record: Record, key: Key, phase: str) -> Iterator[Sample]:
    return (one for one in record.series(key).sure.samples if one.phase == phase)


def _with_pressures(record: Record, session: Session) -> None:
    """The pressures taken before and after, the nearest of several."""
    systolic = record.series(("blood_pressure", "systolic")).sure
    for phase, about in (("pre", session.start), ("post", session.end)):
        near = [one for one in systolic.between(about - AROUND, about + AROUND)
                if one.phase == phase and isinstance(one.value, Decimal)]  # fmt: skip
        if near:
            one = min(near, key=lambda sample: abs(sample.at - about))
            low = one.fact.body["values"].get("diastolic")
            assert isinstance(one.value, Decimal)
            session.pressures[phase] = (one.value, None if low is None else Decimal(str(low)))
    start = session.values.get("systolic_pre")
    if "pre" not in session.pressures and isinstance(start, Decimal):
        session.pressures["pre"] = (start, None)


def _lines(record: Record, programme: Programme, found: list[Session]) -> Iterator[Json]:
    last: tuple[datetime, Decimal] | None = None
    for one in found:
        target = cells.number(record, programme, TARGET, one.start)
        before, after = _figure(one, "weight_pre"), _figure(one, "weight_post")
        gain = None
        if before is not None and last is not None and one.start - last[0] <= GAIN_WITHIN:
            gain = before - last[1]
        percent = gain / target * 100 if gain is not None and target else None
        gap = after - target if after is not None and target is not None else None
        rate = _rate(one, target)
        lowest = _figure(one, "systolic_nadir")
        pre, post = one.pressures.get("pre"), one.pressures.get("post")
        yield {
            "at": telling.iso(one.start),
            "target": target,
            "before": before,
            "after": after,
            "gap": gap,
            "gap_tone": cells.tone(record, programme, GAP, gap, one.end),
            "gain": gain,
            "percent": percent,
            "percent_tone": cells.tone(record, programme, GAIN, percent, one.start),
            "removed": _figure(one, "uf_volume"),
            "minutes": _minutes(one),
            "rate": rate,
            "rate_tone": cells.tone(record, programme, RATE, rate, one.start),
            "pressure_before": pre,
            "pressure_before_tone": cells.tone(
                record, programme, BEFORE, pre[0] if pre else None, one.start
            ),
            "pressure_after": post,
            "pressure_after_tone": cells.tone(
                record, programme, AFTER, post[0] if post else None, one.end
            ),
            "lowest": lowest,
            "lowest_tone": cells.tone(record, programme, LOWEST, lowest, one.end),
            "symptoms": one.values.get("symptoms"),
            "stopped": one.values.get("stopped_early"),
        }
        if after is not None:
            last = (one.end, after)


def _figure(session: Session, name: str) -> Decimal | None:
    value = session.values.get(name)
    return value if isinstance(value, Decimal) else None


def _minutes(session: Session) -> Decimal | None:
    said = _figure(session, "duration")
    if said is not None:
        return said
    if not session.by_machine or session.end == session.start:
        return None
    return Decimal((session.end - session.start) // timedelta(minutes=1))


def _rate(session: Session, target: Decimal | None) -> Decimal | None:
    """mL/kg/h by volume, hours and target weight; else what the machine was set to."""
    removed, minutes = _figure(session, "uf_volume"), _minutes(session)
    if not target:
        return None
    if removed is not None and minutes:
        return removed / (minutes / HOUR) / target
    machine = _figure(session, "uf_rate")
    return machine / target if machine is not None else None
