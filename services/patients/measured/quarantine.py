"""The doors to quarantine: what could not be filed, why, and what staff do about it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.patients import door, look, paging
from services.patients.door import Db, Id, Limit, Prose, Sent, Word
from services.patients.look import Looker
from services.patients.measured import release, store_quarantine
from services.patients.measured.reasons import REASONS
from services.patients.privacy import closed
from shared import access, ledger
from shared.access import CLINICAL
from shared.contracts import Code
from shared.ledger import Quarantined
from shared.programmes import Programme

router = door.router("quarantine", "/v1/quarantine")

SENT = 2_000  # characters

State = Literal["waiting", "released", "rejected"]


class Whose(Sent):
    model_config = door.example(patient_id="5b0f5a3e-7d1c-4c43-9f53-0f7f3c3a9b11")

    patient_id: Id


class Why(Sent):
    model_config = door.example(reason="Målt på en kaffekopp")

    reason: Prose


class Which(Sent):
    model_config = door.example(code="unknown-subject", cred="c-4k2m7q3x9w5t8r6p")

    code: Annotated[Code, Field(strict=False)]
    cred: Word | None = None


class Asked(BaseModel):
    replaying: int


class Text(BaseModel):
    nb: str
    en: str


class Fault(BaseModel):
    path: str
    code: Code


class Item(BaseModel):
    """`readings`, `sent` and `patient_id` are shown to the clinicians of the unit only; what a
    form of a sensitive programme says, to its access group."""

    id: UUID
    cred: str
    message_id: str
    code: Code
    reason: Text
    errors: list[Fault]
    at: AwareDatetime | None
    received_at: AwareDatetime
    state: Literal["waiting", "replaying", "released", "rejected"]
    unit_id: UUID | None
    patient_id: UUID | None
    readings: list[dict[str, Any]] | None
    sent: str | None
    decided_at: AwareDatetime | None
    decided_by: str | None
    decided_because: str | None


class CodeCount(BaseModel):
    code: Code
    waiting: int
    oldest: AwareDatetime
    reason: Text


class Counts(BaseModel):
    waiting: int
    codes: list[CodeCount]


class Items(BaseModel):
    items: list[Item]
    counts: Counts
    next: str | None


@router.get("", responses={200: {"model": Items}})
async def quarantine(
    request: Request,
    database: Db,
    caller: access.ClinicianOrAdministrator,
    state: State = "waiting",
    code: Code | None = None,
    cred: Word | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = door.PAGE,
) -> Response:
    """Newest first. Counts are of all that waits, whatever the filter."""
    units = list(caller.units) if caller.role in CLINICAL else None
    before = paging.place(cursor)
    looker = door.looker(request, caller)
    async with database.transaction() as tx:
        found = await ledger.quarantined(
            tx, caller.org, state=state, code=code, cred=cred, unit_ids=units,
            before=before, limit=limit + 1,
        )  # fmt: skip
        programmes = request.app.state.programmes
        items = [await _shown(tx, looker, item, programmes) for item in found[:limit]]
        counted = await store_quarantine.counts(tx, caller.org, units)
    rest = len(found) > limit
    last = found[limit - 1] if rest else None
    return door.json(
        {
            "items": items,
            "counts": {
                "waiting": sum(count.waiting for count in counted),
                "codes": [
                    {
                        "code": count.code,
                        "waiting": count.waiting,
                        "oldest": count.oldest,
                        "reason": _reason(Code(count.code)),
                    }
                    for count in counted
                ],
            },
            "next": paging.cursor(last.received_at, last.id) if last else None,
        }
    )


@router.post("/{item_id}/bind")
async def file_by_hand(
    request: Request, database: Db, caller: access.Clinician, item_id: UUID, whose: Whose
) -> release.Outcome:
    """File the item on a patient, because a person knows whose it is."""
    return await release.file_by_hand(
        database, door.looker(request, caller), item_id, whose.patient_id
    )


@router.post("/replay", status_code=202)
async def replay_all(
    request: Request, database: Db, caller: access.Clinician, which: Which
) -> Asked:
    """Have all that wait for one reason read again, after what was wrong has been mended: the
    table of a gateway, a patient who was not registered. Each ends released, or waits with its
    reason; none is filed twice."""
    looker = door.looker(request, caller)
    count = await release.replay_all(database, looker, which.code, which.cred)
    return Asked(replaying=count)


@router.post("/{item_id}/replay")
async def replay(
    request: Request, database: Db, caller: access.Clinician, item_id: UUID
) -> release.Outcome:
    """Let the item go the ordinary way once more."""
    return await release.replay(database, door.looker(request, caller), item_id)


@router.post("/{item_id}/reject")
async def reject(
    request: Request, database: Db, caller: access.Clinician, item_id: UUID, why: Why
) -> release.Outcome:
    """Decide that it is no reading of anybody. It stays on file."""
    return await release.reject(database, door.looker(request, caller), item_id, why.reason)


async def _shown(
    tx: Any, looker: Looker, item: Quarantined, programmes: Mapping[str, Programme]
) -> dict[str, Any]:
    opened = await release.may_open(tx, looker.caller, item)
    if opened and item.patient_id is not None:
        await look.logged(tx, looker, [item.patient_id], "quarantine")
    readable = opened and not await closed.is_held(tx, looker.caller, item, programmes)
    return {
        "id": item.id,
        "cred": item.cred,
        "message_id": item.message_id,
        "code": item.code.value,
        "reason": _reason(item.code),
        "errors": [{"path": fault.path, "code": fault.code.value} for fault in item.errors],
        "at": item.at,
        "received_at": item.received_at,
        "state": item.state,
        "unit_id": item.unit_id,
        "patient_id": item.patient_id if opened else None,
        "readings": _readings(item) if readable else None,
        "sent": _sent(item) if readable else None,
        "decided_at": item.decided_at,
        "decided_by": item.decided_by,
        "decided_because": item.reason,
    }


def _readings(item: Quarantined) -> list[dict[str, Any]]:
    shown = ("values", "original", "context", "device", "answers", "questionnaire", "entered")
    return [
        {
            "type": draft["type"],
            "kind": draft["kind"],
            **{key: draft["body"][key] for key in shown if key in draft["body"]},
        }
        for draft in item.drafts or ()
    ]


def _sent(item: Quarantined) -> str | None:
    """The beginning of what was sent, when it is text: what could not be read has no readings."""
    try:
        return item.raw.decode()[:SENT]
    except UnicodeDecodeError:
        return None


def _reason(code: Code) -> dict[str, str]:
    nb, en = REASONS[code]
    return {"nb": nb, "en": en}
