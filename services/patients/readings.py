"""The doors to a patient's readings and answers: read them, enter, correct and withdraw one."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from services.patients import door, enter, look, paging
from services.patients.door import Db, Limit, Moment, Now, Prose, Sent, Word
from shared import access, ledger
from shared.contracts import Fact

router = door.router("readings", "/v1/patients/{patient_id}/readings")

Type = Literal["reading", "answers", "device-event"]
TYPES: tuple[Type, ...] = ("reading", "answers", "device-event")
# What of a fact's body is shown; the rest is bookkeeping between services.
SHOWN = (
    "values", "original", "absent", "context", "device", "claimed_at", "entered", "note",
    "quality", "interpretation", "foreign", "split_from", "corrects", "reason",
    "questionnaire", "version", "answers", "score",
)  # fmt: skip


class Context(Sent):
    """The circumstances of a reading. `spo2_scale` is kept and never selects the scale."""

    phase: Literal["pre", "post"] | None = None
    on_oxygen: bool | None = None
    effluent: Literal["clear", "cloudy", "bloody", "fibrin"] | None = None
    spo2_scale: Literal[1, 2] | None = None


class NewReading(Sent):
    """Values as devices send them: numbers in the canonical unit, or {"value", "unit"}."""

    model_config = door.example(
        kind="blood_pressure",
        at="2026-02-03T07:12:00+01:00",
        values={"systolic": 142, "diastolic": 88},
        note="Ringt inn av pasienten",
    )

    kind: Word
    at: Moment
    until: Moment | None = None
    values: dict[Word, Any] = Field(min_length=1, max_length=40)
    context: Context | None = None
    note: Prose | None = None


class Correction(Sent):
    model_config = door.example(values={"systolic": 124, "diastolic": 88}, reason="Lest feil")

    values: dict[Word, Any] = Field(min_length=1, max_length=40)
    at: Moment | None = Field(default=None, description="absent: as before")
    reason: Prose


class Withdrawal(Sent):
    model_config = door.example(reason="Målt på ektefellen")

    reason: Prose


class Reading(BaseModel):
    """A fact from outside. Values are exact numbers in the canonical unit, or codes."""

    id: UUID
    type: Type
    kind: str
    at: datetime
    until: datetime | None = None
    precision: Literal["instant", "day"]
    received_at: datetime
    source: str
    flags: list[str]
    values: dict[str, int | float | str] | None = None
    answers: dict[str, list[bool | int | float | str]] | None = None


class Readings(BaseModel):
    readings: list[Reading]
    next: str | None


@router.get("", responses={200: {"model": Readings}})
async def readings(
    request: Request,
    database: Db,
    caller: access.ClinicianOrPatient,
    patient_id: UUID,
    kind: Annotated[list[Word] | None, Query(max_length=40, description="any of these")] = None,
    type: Annotated[list[Type] | None, Query(max_length=3)] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = door.PAGE,
) -> Response:
    """What is in force, newest first, `since` <= at < `until`."""
    looker = door.looker(request, caller)
    after = paging.place(cursor)
    async with look.opened(database, looker, patient_id, "readings") as seen:
        found = await ledger.facts(
            seen.tx,
            seen.org,
            patient_id,
            kinds=kind,
            types=type or TYPES,
            since=since,
            until=until,
            after=after,
            newest_first=True,
            limit=limit + 1,
        )
    shown = found[:limit]
    rest = paging.cursor(shown[-1].at, shown[-1].id) if len(found) > limit else None
    return door.json({"readings": [_shown(fact) for fact in shown], "next": rest})


@router.post("", status_code=201, responses={201: {"model": Reading}})
async def enter_reading(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewReading,
) -> Response:
    """Enter a reading for the patient, for example one that was phoned in."""
    said: dict[str, Any] = {}
    if new.context is not None:
        said["context"] = new.context.model_dump(exclude_none=True)
    if new.note is not None:
        said["note"] = new.note
    fact = await enter.enter(
        database,
        door.looker(request, caller),
        patient_id,
        kind=new.kind,
        at=new.at,
        until=new.until,
        sent=new.values,
        said=said,
        now=now,
    )
    return _made(patient_id, fact)


@router.get("/{fact_id}", responses={200: {"model": Reading}})
async def reading(
    request: Request,
    database: Db,
    caller: access.ClinicianOrPatient,
    patient_id: UUID,
    fact_id: UUID,
) -> Response:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "readings") as seen:
        fact = await enter.standing(seen.tx, seen.org, patient_id, fact_id)
    return door.json(_shown(fact))


@router.post("/{fact_id}/correct", status_code=201, responses={201: {"model": Reading}})
async def correct(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    fact_id: UUID,
    correction: Correction,
) -> Response:
    """Put right what was misread. A cuff's pulse is a reading of its own."""
    fact = await enter.correct(
        database,
        door.looker(request, caller),
        patient_id,
        fact_id,
        at=correction.at,
        sent=correction.values,
        said={"reason": correction.reason},
        now=now,
    )
    return _made(patient_id, fact)


@router.post("/{fact_id}/void", status_code=204)
async def void(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    fact_id: UUID,
    withdrawal: Withdrawal,
) -> None:
    """Withdraw a reading: it counts no more, and stays on file."""
    await enter.void(
        database,
        door.looker(request, caller),
        patient_id,
        fact_id,
        reason=withdrawal.reason,
        now=now,
    )


def _made(patient_id: UUID, fact: Fact) -> Response:
    response = door.json(_shown(fact), 201)
    door.created(response, f"/v1/patients/{patient_id}/readings/{fact.id}")
    return response


def _shown(fact: Fact) -> dict[str, Any]:
    return {
        "id": fact.id,
        "type": fact.type,
        "kind": fact.kind,
        "at": fact.at,
        "until": fact.until,
        "precision": fact.precision,
        "received_at": fact.received_at,
        "source": fact.source,
        "flags": sorted(fact.flags),
        **{key: fact.body[key] for key in SHOWN if key in fact.body},
    }
