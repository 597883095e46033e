"""The doors to what the trial weeks suggest: whose limits wait for a word, and keeping the number
that is in force. A limit of his own is set by the limits' own door."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from pydantic import Field

from services.patients import door, look, paging, record
from services.patients.door import Db, Limit, Now, Prose, Sent, Versions, Word
from services.patients.followup import limiting
from services.patients.privacy.auditing import Place
from shared import access, sensitive
from shared.limits import store_suggested
from shared.limits.nouns import SuggestedOf

router = door.router("limits")


class Kept(Sent):
    model_config = door.example(
        programme="heart_failure",
        name="pulse_high_yellow",
        reason="Avtalt med lege: programmets grense passer",
    )

    programme: Word
    name: Word | None = Field(default=None, description="null: all that wait in the programme")
    reason: Prose


@dataclass(frozen=True, slots=True)
class AreKept:
    kept: list[str]


@dataclass(frozen=True, slots=True)
class SuggestedPage:
    patients: list[SuggestedOf]
    next: str | None


@router.get("/v1/units/{unit_id}/suggested-limits")
async def suggested(
    request: Request,
    database: Db,
    loaded: Versions,
    caller: access.Clinician,
    unit_id: UUID,
    cursor: Place = None,
    limit: Limit = door.PAGE,
) -> SuggestedPage:
    """The unit's patients whose trial weeks are over and whose own limits wait for a decision,
    those who have waited longest first."""
    record.must_work_in(caller, unit_id)
    looker = door.looker(request, caller)
    newest = {slug: list(one.values())[-1] for slug, one in loaded.items()}
    async with database.transaction() as tx:
        found = await store_suggested.waiting(
            tx, caller.org, [unit_id], by=caller.id,
            but=sensitive.closed(newest, caller.groups),
            after=paging.place(cursor), limit=limit + 1,
        )  # fmt: skip
        shown = found[:limit]
        patients = list(dict.fromkeys(one.patient_id for one in shown))
        await look.logged(tx, looker, patients, "proposals")
    last = shown[-1] if len(found) > limit else None
    return SuggestedPage(shown, paging.cursor(last.since, last.enrolment_id) if last else None)


@router.post("/v1/patients/{patient_id}/limits/keep")
async def keep(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    kept: Kept,
) -> AreKept:
    """The number in force is kept though the patient's own values suggest another. It is asked
    about again when the programme says so (90 days unless it says otherwise)."""
    looker = door.looker(request, caller)
    names = await limiting.keep(
        database, looker, patient_id, loaded,
        programme=kept.programme, name=kept.name, reason=kept.reason, now=now,
    )  # fmt: skip
    return AreKept(names)
