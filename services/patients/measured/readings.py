"""The doors to a patient's readings and answers: read them, enter, correct and withdraw one."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field, model_validator

from services.patients import door, look, paging
from services.patients.door import Db, Limit, Line, Moment, Now, Prose, Sent, Word
from services.patients.measured import enter
from services.patients.privacy import closed
from shared import access, entered, fhir, ledger
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
    """A reading: `kind` and `values` as devices send them, numbers in the canonical unit or
    {"value", "unit"}. Or a form: `questionnaire` and `answers` by linkId, as apps send them."""

    model_config = door.example(
        kind="blood_pressure",
        at="2026-02-03T07:12:00+01:00",
        values={"systolic": 142, "diastolic": 88},
        note="Ringt inn av pasienten",
    )

    kind: Word | None = None
    at: Moment
    until: Moment | None = None
    values: dict[Word, Any] | None = Field(default=None, min_length=1, max_length=40)
    questionnaire: Line | None = Field(default=None, description="name or canonical url")
    answers: dict[Word, Any] | None = Field(default=None, min_length=1, max_length=500)
    context: Context | None = None
    note: Prose | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        reading = self.kind is not None and self.values is not None
        form = self.questionnaire is not None and self.answers is not None
        parts = (self.kind, self.values, self.questionnaire, self.answers)
        if reading == form or sum(part is not None for part in parts) != 2:
            raise ValueError("give kind and values, or questionnaire and answers")
        return self


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
    caller: access.ClinicianOrCitizen,
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
        hidden = await closed.forms(seen.tx, caller, patient_id, request.app.state.programmes)
    shown = found[:limit]
    rest = paging.cursor(shown[-1].at, shown[-1].id) if len(found) > limit else None
    return door.json({"readings": [_shown(fact, hidden) for fact in shown], "next": rest})


@router.post("", status_code=201, responses={201: {"model": Reading}})
async def enter_reading(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewReading,
) -> Response:
    """Enter a reading or a form for the patient, for example one that was phoned in."""
    said: dict[str, Any] = {}
    if new.context is not None:
        said["context"] = new.context.model_dump(exclude_none=True)
    if new.note is not None:
        said["note"] = new.note
    if new.kind is None or new.values is None:
        sent = {"questionnaire": new.questionnaire, "answers": new.answers}
        fact = await enter.enter_answers(
            database,
            door.looker(request, caller),
            patient_id,
            at=new.at,
            sent=sent,
            said=said,
            forms=request.app.state.questions,
            now=now,
        )
        return _made(patient_id, fact)
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
    caller: access.ClinicianOrCitizen,
    patient_id: UUID,
    fact_id: UUID,
) -> Response:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "readings") as seen:
        fact = await entered.standing(seen.tx, seen.org, patient_id, fact_id)
        hidden = await closed.forms(seen.tx, caller, patient_id, request.app.state.programmes)
    return door.json(_shown(fact, hidden))


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


def _shown(fact: Fact, hidden: frozenset[str] = frozenset()) -> dict[str, Any]:
    """That a form came is shown to everybody of the unit; what it says only to its group."""
    is_closed = fhir.questionnaire_name(str(fact.body.get("questionnaire")))[0] in hidden
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
        **({} if is_closed else {key: fact.body[key] for key in SHOWN if key in fact.body}),
    }
