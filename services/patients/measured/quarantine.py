"""The doors to quarantine: what could not be filed, why, and what staff do about it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.patients import door, look, paging
from services.patients.door import Db, Id, Limit, Now, Prose, Sent, Word
from services.patients.look import Looker
from services.patients.measured import in_bulk as bulk
from services.patients.measured import release, store_quarantine
from services.patients.measured.reasons import REASONS
from services.patients.privacy import closed
from shared import access, ledger
from shared.access import CLINICAL
from shared.contracts import Code
from shared.ledger import Quarantined, in_bulk
from shared.programmes import Programme

router = door.router("quarantine", "/v1/quarantine")

SENT = 2_000  # characters

State = Literal["waiting", "released", "rejected"]
Topic = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class Whose(Sent):
    model_config = door.example(patient_id="5b0f5a3e-7d1c-4c43-9f53-0f7f3c3a9b11")

    patient_id: Id


class Why(Sent):
    model_config = door.example(reason="Målt på en kaffekopp")

    reason: Prose


class Which(Sent):
    """`topic`: of a gateway, of what came where its table knows nothing."""

    model_config = door.example(code="unknown-subject", cred="c-4k2m7q3x9w5t8r6p")

    code: Annotated[Code, Field(strict=False)]
    cred: Word | None = None
    topic: Topic | None = None

    def which(self) -> in_bulk.Which:
        return in_bulk.Which(self.code.value, self.cred, self.topic)


class WhichAndWhy(Which):
    """`until`: what was received later is nobody's decision yet."""

    model_config = door.example(
        code="unknown-kind", cred="c-4k2m7q3x9w5t8r6p", topic="neighbour/kitchen",
        reason="Naboens kjøkkenvekt", until="2026-11-23T08:00:00Z",
    )  # fmt: skip

    reason: Prose
    until: Annotated[AwareDatetime | None, Field(strict=False)] = None


class Asked(BaseModel):
    """`run` tells how far it has come; null where nothing waited."""

    replaying: int
    run: UUID | None


class Rejected(BaseModel):
    rejected: int
    run: UUID | None


class Reopened(BaseModel):
    reopened: int


class Ran(BaseModel):
    """One act on many. `codes`: why those wait that do."""

    id: UUID
    act: Literal["replay", "release", "reject"]
    code: Code
    cred: str | None
    topic: str | None
    by: str
    at: AwareDatetime
    reason: str | None
    number: int
    replaying: int
    released: int
    rejected: int
    waiting: int
    codes: dict[str, int]
    undone_at: AwareDatetime | None
    undone_by: str | None


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
    topic: str | None


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
    topic: Topic | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = door.PAGE,
) -> Response:
    """Newest first. Counts are of all that waits, whatever the filter."""
    units = list(caller.units) if caller.role in CLINICAL else None
    before = paging.place(cursor)
    looker = door.looker(request, caller)
    async with database.transaction() as tx:
        found = await ledger.quarantined(
            tx, caller.org, state=state, code=code, cred=cred, unit_ids=units, topic=topic,
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
    done = await bulk.replay_all(database, door.looker(request, caller), which.which())
    return Asked(replaying=done.number, run=done.run)


@router.post("/reject")
async def reject_all(
    request: Request, database: Db, now: Now, caller: access.Clinician, which: WhichAndWhy
) -> Rejected:
    """Decide that all of it that waits is no reading of anybody. Red answers and what patients
    wrote are passed over; the rest stays on file, and can be taken back."""
    done = await bulk.reject_all(
        database, door.looker(request, caller), which.which(), which.reason, which.until or now
    )
    return Rejected(rejected=done.number, run=done.run)


@router.get("/runs/{run_id}")
async def run(request: Request, database: Db, caller: access.Clinician, run_id: UUID) -> Ran:
    """How far one act on many has come, and why those wait that still do."""
    async with database.transaction() as tx:
        of, left = await bulk.progress(tx, door.looker(request, caller), run_id)
    return Ran(
        id=of.id, act=of.act, code=Code(of.code), cred=of.cred, topic=of.topic, by=of.by, at=of.at,
        reason=of.reason, number=of.number, replaying=left.replaying, released=left.released,
        rejected=left.rejected, waiting=left.waiting, codes=dict(left.codes),
        undone_at=of.undone_at, undone_by=of.undone_by,
    )  # fmt: skip


@router.post("/runs/{run_id}/undo")
async def undo(request: Request, database: Db, caller: access.Clinician, run_id: UUID) -> Reopened:
    """Let what was rejected together wait again."""
    done = await bulk.undo(database, door.looker(request, caller), run_id)
    return Reopened(reopened=done.number)


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


@router.post("/{item_id}/reopen")
async def reopen(
    request: Request, database: Db, caller: access.Clinician, item_id: UUID
) -> release.Outcome:
    """It was rejected by mistake, and waits again."""
    return await release.reopen(database, door.looker(request, caller), item_id)


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
        "topic": item.topic,
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
