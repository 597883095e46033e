"""Facts of one invented patient, as the ledger would hand them over."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from services.alerts.clinical.history import Record
from shared import programmes
from shared.contracts import Fact, Flag

PATIENT = UUID("11111111-1111-4111-8111-111111111111")
ENROLMENT = UUID("22222222-2222-4222-8222-222222222222")
NOW = datetime(2026, 11, 23, 6, 45, tzinfo=UTC)
HOME_DIALYSIS = programmes.load("home_dialysis")


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def fact(
    type_: str,
    kind: str,
    at: datetime,
    body: dict[str, Any],
    *,
    name: str = "",
    after: timedelta = timedelta(seconds=2),
    flags: Iterable[str] = (),
    precision: str = "instant",
    until: datetime | None = None,
    source: str = "c-scale",
) -> Fact:
    told = (type_, kind, at.isoformat(), str(body), name, after, sorted(flags), precision, until)
    id_ = uuid5(PATIENT, repr(told))
    return Fact(
        org="nyre",
        id=id_,
        patient_id=PATIENT,
        type=type_,
        kind=kind,
        at=at,
        received_at=(until or at) + after,
        source=source,
        body=body,
        until=until,
        precision=precision,  # type: ignore[arg-type]
        flags=frozenset(flags),
        origin=id_,
    )


def reading(kind: str, at: datetime, *, context: dict[str, Any] | None = None, **more: Any) -> Fact:
    """reading("blood_pressure", at, systolic=142): numbers become decimals."""
    about = {k: more.pop(k) for k in ("after", "flags", "precision", "until", "name") if k in more}
    values = {
        name: value if isinstance(value, str) and value.isalpha() else Decimal(str(value))
        for name, value in more.items()
    }
    body: dict[str, Any] = {"v": 1, "values": values}
    if context:
        body["context"] = context
    return fact("reading", kind, at, body, **about)


def pressure(at: datetime, systolic: int, diastolic: int = 80, **more: Any) -> Fact:
    return reading("blood_pressure", at, systolic=systolic, diastolic=diastolic, **more)


def weight(at: datetime, kg: float, phase: str | None = None, **more: Any) -> Fact:
    context = {"phase": phase} if phase else None
    return reading("body_weight", at, context=context, value=kg, **more)


def answers(at: datetime, **given: Any) -> Fact:
    said = {link.replace("_", "-"): [value] for link, value in given.items()}
    body = {"v": 1, "questionnaire": "home-dialysis-daily", "version": "1.0", "answers": said}
    return fact("answers", "questionnaire", at, body)


def enrolled(
    at: datetime | None = None,
    plan: list[dict[str, Any]] | None = None,
    after: timedelta = timedelta(0),
) -> Fact:
    """Enrolled thirty days ago with nothing expected, unless told otherwise, and said so then or
    so long after."""
    body = {
        "enrolment_id": str(ENROLMENT),
        "programme": "home_dialysis",
        "unit_id": "u",
        "plan": plan,
    }
    return fact("enrolled", "", at or ago(days=30), body, after=after)


def decision(type_: str, at: datetime, **body: Any) -> Fact:
    return fact(type_, "", at, body)


def limit(name: str, value: float | None, at: datetime | None = None, **more: Any) -> Fact:
    number = None if value is None else Decimal(str(value))
    body = {"programme": "home_dialysis", "name": name, "value": number, "reason": "test"}
    return fact("limit-set", "", at or ago(days=30), body, **more)


def record(*facts: Fact, plan: list[dict[str, Any]] | None = None) -> Record:
    return Record.of(PATIENT, [enrolled(plan=plan or []), *facts])


CLOCK_SUSPECT = (Flag.CLOCK_SUSPECT,)
