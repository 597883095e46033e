"""The doors to suggestions: what devices announced of themselves, for staff to take or dismiss."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field

from services.patients import door
from services.patients.door import Cursor, Db, Id, Limit, Moment, Now, Sent, Word
from services.patients.equipment import store_suggestions, suggest
from services.patients.nouns import Binding, Suggestion
from shared import access
from shared.access import CLINICAL
from shared.ledger import Refiled

router = door.router("devices", "/v1/suggestions")

PATIENT = "5b0c8f0e-2c1a-4f7d-8a55-3e9d2f6b7a10"


class Take(Sent):
    model_config = door.example(
        patient_id=PATIENT, kind="body_weight", **{"from": "2026-02-01T12:00:00+01:00"}
    )

    patient_id: Id
    kind: Word = Field(description="what it measures: one of the suggestion's `kinds`")
    since: Moment | None = Field(default=None, alias="from", description="absent: from now")
    hand_over: bool = Field(
        default=False, description="end the present holder's time where this one begins"
    )


@dataclass(frozen=True, slots=True)
class Suggestions:
    suggestions: list[Suggestion]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class TakenSuggestion:
    """With who holds the device now, and how many readings were filed because of it."""

    suggestion: Suggestion
    binding: Binding
    refiled: Refiled


@router.get("")
async def suggestions(
    database: Db,
    caller: access.ClinicianOrAdministrator,
    state: Literal["open", "taken", "dismissed"] = "open",
    cred: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,64}$")] = None,
    cursor: Cursor = None,
    limit: Limit = door.PAGE,
) -> Suggestions:
    """What devices behind gateways announced of themselves: each sensor that could measure a
    person. None of it is a reading."""
    units = list(caller.units) if caller.role in CLINICAL else None
    async with database.transaction() as tx:
        found = await store_suggestions.suggestions(
            tx, caller.org, state=state, cred=cred, unit_ids=units, after=cursor, limit=limit + 1
        )
    shown = found[:limit]
    return Suggestions(shown, shown[-1].id if len(found) > limit else None)


@router.post("/{suggestion_id}/take")
async def take_suggestion(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    suggestion_id: UUID,
    taken: Take,
) -> TakenSuggestion:
    """Register the device, let the patient hold it, and read its topic as `kind` from now on."""
    done = await suggest.take(
        database,
        door.looker(request, caller),
        suggestion_id,
        taken.patient_id,
        kind=taken.kind,
        since=taken.since or now,
        hand_over=taken.hand_over,
        now=now,
    )
    return TakenSuggestion(done.suggestion, done.binding, done.refiled)


@router.post("/{suggestion_id}/dismiss")
async def dismiss_suggestion(
    database: Db, now: Now, caller: access.ClinicianOrAdministrator, suggestion_id: UUID
) -> Suggestion:
    """It measures nobody here. Of one that was taken, the topic is no longer read."""
    return await suggest.dismiss(database, caller, suggestion_id, now)
