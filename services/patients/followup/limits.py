"""The doors to a patient's own limits, his SpO2 scale, and what awaits a second clinician."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Request, Response
from pydantic import Field

from services.patients import door, look, record
from services.patients.door import (
    Cursor,
    Db,
    Figure,
    Limit,
    Line,
    Moment,
    Now,
    Prose,
    Sent,
    Versions,
    Word,
)
from services.patients.followup import limiting, store_care
from services.patients.hospital import versions
from shared import access
from shared import limits as own_limits
from shared.limits import store as store_limits
from shared.limits import store_suggested, widening
from shared.limits.nouns import Number, PersonalLimit, Proposal, Scale, Suggested, Waiting
from shared.programmes import Programme

router = door.router("limits", "/v1/patients/{patient_id}")
waiting_router = door.router("limits", "/v1/units/{unit_id}")

From = Annotated[Moment | None, Field(alias="from", description="absent: from now")]


class NewLimit(Sent):
    model_config = door.example(
        programme="home_dialysis",
        name="target_weight",
        value=72.5,
        reason="Ny tørrvekt etter kontroll",
    )

    programme: Word
    name: Word
    value: Figure | None = Field(description="null: back to the programme's own number")
    reason: Prose
    since: From = None


class NewScale(Sent):
    model_config = door.example(
        scale=2,
        reason="Hyperkapnisk respirasjonssvikt bekreftet med blodgass, mål 88–92 %",
        prescriber="Kari Eksempel, overlege",
    )

    scale: Literal[1, 2]
    reason: Prose
    prescriber: Line | None = Field(
        default=None, description="needed for scale 2 unless a physician proposes or confirms it"
    )
    since: From = None


class Withdrawal(Sent):
    model_config = door.example(reason="Avtalt med lege å beholde grensen")

    reason: Prose


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """A limit that may be set: the programme's number, and the patient's own if there is one.

    `reds` are the red rules that use it: on the side `wider` (larger, smaller or either) of the
    number in force they speak less, and a second clinician must confirm.
    """

    programme: str
    name: str
    nb: str
    en: str
    ucum: str
    min: Number
    max: Number
    default: Number | None
    value: Number | None
    own: PersonalLimit | None
    reds: list[str]
    wider: widening.Way | None


@dataclass(frozen=True, slots=True)
class Limits:
    """`history` are all decisions that came, or will come, into force; `proposals` those that
    were only proposed, whatever became of them, newest first; `suggested` what the patient's own
    values suggest after his trial weeks.
    """

    limits: list[LimitInForce]
    history: list[PersonalLimit]
    proposals: list[Proposal]
    suggested: list[Suggested]


@dataclass(frozen=True, slots=True)
class Scales:
    """The scale in force (1 unless decided otherwise) and every decision about it."""

    scale: Literal[1, 2]
    history: list[Scale]
    proposals: list[Proposal]


@dataclass(frozen=True, slots=True)
class WaitingPage:
    waiting: list[Waiting]
    next: UUID | None


@router.get("/limits")
async def limits(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.ClinicianOrCitizen,
    patient_id: UUID,
) -> Limits:
    """What may be set in the patient's programmes, what is in force, and every decision."""
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "limits") as seen:
        enrolled = await store_care.enrolments(seen.tx, seen.org, patient_id)
        history = await store_limits.limits(seen.tx, seen.org, patient_id)
        proposals = await store_limits.proposals(seen.tx, seen.org, patient_id, "limit")
        suggested = await store_suggested.of_patient(seen.tx, seen.org, patient_id)
        programmes = await versions.in_force(seen.tx, seen.org, loaded)
    own = {(one.programme, one.name): one for one in history if one.since <= now}
    followed = [
        programmes[one.programme]
        for one in enrolled
        if one.ended_at is None and one.programme in programmes
    ]
    rows = [row for one in followed for row in _limits_of(one, own)]
    return Limits(rows, history, proposals, suggested)


@router.post(
    "/limits",
    status_code=201,
    responses={202: {"model": Proposal, "description": "Proposed: another clinician confirms"}},
)
async def set_limit(
    request: Request,
    response: Response,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewLimit,
) -> PersonalLimit | Proposal:
    """Set one limit for this patient, within the programme's bounds.

    201: in force. 202: a red rule would speak less, so it awaits a second clinician.
    """
    made = await limiting.set_limit(
        database,
        door.looker(request, caller),
        patient_id,
        loaded,
        programme=new.programme,
        name=new.name,
        value=new.value,
        reason=new.reason,
        since=new.since,
        now=now,
    )
    _answered(response, f"/v1/patients/{patient_id}/limits", made)
    return made


@router.post("/limits/{proposal_id}/confirm")
async def confirm_limit(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    proposal_id: UUID,
) -> PersonalLimit:
    """The second clinician's word: the proposed limit is in force, at the earliest from now."""
    return await limiting.confirm_limit(
        database, door.looker(request, caller), patient_id, proposal_id, loaded, now
    )


@router.post("/limits/{proposal_id}/withdraw")
async def withdraw_limit(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    proposal_id: UUID,
    why: Withdrawal,
) -> Proposal:
    """Take a proposal back, or turn it down."""
    return await limiting.withdraw(
        database, door.looker(request, caller), patient_id, "limit", proposal_id,
        reason=why.reason, now=now,
    )  # fmt: skip


@router.get("/spo2-scale")
async def scale(
    request: Request, database: Db, now: Now, caller: access.ClinicianOrCitizen, patient_id: UUID
) -> Scales:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "spo2-scale") as seen:
        history = await store_limits.scales(seen.tx, seen.org, patient_id)
        proposals = await store_limits.proposals(seen.tx, seen.org, patient_id, "spo2-scale")
    return Scales(own_limits.scale_in_force(history, now), history, proposals)


@router.post(
    "/spo2-scale",
    status_code=201,
    responses={202: {"model": Proposal, "description": "Proposed: another clinician confirms"}},
)
async def decide_scale(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewScale,
) -> Scale | Proposal:
    """Decide which SpO2 scale NEWS2 reads for this patient. What a device says never does.

    201: in force. 202: scale 2 awaits a second clinician.
    """
    decided = await limiting.decide_scale(
        database,
        door.looker(request, caller),
        patient_id,
        scale=new.scale,
        reason=new.reason,
        prescriber=new.prescriber,
        since=new.since,
        now=now,
    )
    _answered(response, f"/v1/patients/{patient_id}/spo2-scale", decided)
    return decided


@router.post("/spo2-scale/{proposal_id}/confirm")
async def confirm_scale(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    proposal_id: UUID,
) -> Scale:
    """The second clinician's word: scale 2 is in force, at the earliest from now."""
    return await limiting.confirm_scale(
        database, door.looker(request, caller), patient_id, proposal_id, now
    )


@router.post("/spo2-scale/{proposal_id}/withdraw")
async def withdraw_scale(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    proposal_id: UUID,
    why: Withdrawal,
) -> Proposal:
    """Take a proposal back, or turn it down."""
    return await limiting.withdraw(
        database, door.looker(request, caller), patient_id, "spo2-scale", proposal_id,
        reason=why.reason, now=now,
    )  # fmt: skip


@waiting_router.get("/proposals")
async def proposals(
    request: Request,
    database: Db,
    caller: access.Clinician,
    unit_id: UUID,
    cursor: Cursor = None,
    limit: Limit = door.PAGE,
) -> WaitingPage:
    """What awaits a second clinician of the unit, the oldest first."""
    record.must_work_in(caller, unit_id)
    looker = door.looker(request, caller)
    async with database.transaction() as tx:
        found = await store_limits.waiting(tx, caller.org, unit_id, after=cursor, limit=limit + 1)
        shown = found[:limit]
        patients = list(dict.fromkeys(one.patient_id for one in shown))
        await look.logged(tx, looker, patients, "proposals")
    return WaitingPage(shown, shown[-1].proposal.id if len(found) > limit else None)


def _answered(response: Response, place: str, made: PersonalLimit | Scale | Proposal) -> None:
    if isinstance(made, Proposal):
        response.status_code = 202
        place = f"{place}/{made.id}/confirm"
    door.created(response, place)


def _limits_of(
    programme: Programme, own: Mapping[tuple[str, str], PersonalLimit]
) -> list[LimitInForce]:
    rows = []
    red = widening.ways_of(programme)
    for limit in programme.limits:
        mine = own.get((programme.slug, limit.name))
        value = own_limits.number(programme, limit.name, mine.value if mine else None)
        ways = red.get(limit.name, {})
        rows.append(
            LimitInForce(
                programme.slug, limit.name, limit.names.nb, limit.names.en, limit.ucum,
                limit.min, limit.max, limit.default, value, mine,
                list(ways), _wider(frozenset[widening.Way]().union(*ways.values())),
            )
        )  # fmt: skip
    return rows


def _wider(ways: frozenset[widening.Way]) -> widening.Way | None:
    if len(ways) > 1:
        return "either"
    return next(iter(ways), None)
