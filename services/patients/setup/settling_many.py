"""What is done with many items at once: read again, rejected, taken back; and how far it is."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.patients import door
from services.patients.door import Db, Now
from services.patients.measured import in_bulk as bulk
from services.patients.page import held as view
from services.patients.page import held_many as many
from services.patients.setup import frame, store_held
from shared import access
from shared.access import browser
from shared.contracts import Code
from shared.ledger.in_bulk import Which

router = APIRouter(prefix=view.AT, include_in_schema=False)


@router.post("/replay")
async def replay_all(request: Request, database: Db, caller: access.Clinician) -> Response:
    which = _which(await frame.form(request, caller))
    done = await bulk.replay_all(database, door.looker(request, caller), which)
    return frame.onwards(_at(done, which))


@router.post("/reject")
async def reject_all(
    request: Request, database: Db, now: Now, caller: access.Clinician
) -> Response:
    """`until`: when the page was made. What came later nobody has seen."""
    said = await frame.form(request, caller)
    which, reason = _which(said), said.get("reason", "").strip()[:2000]
    if not reason:
        raise browser.FormIsUnreadable  # the page does not send it without
    try:
        until = min(now, datetime.fromisoformat(said.get("until", "")))
    except (ValueError, TypeError):
        raise browser.FormIsUnreadable from None
    done = await bulk.reject_all(database, door.looker(request, caller), which, reason, until)
    return frame.onwards(_at(done, which))


@router.get("/runs/{run_id}")
async def run(
    request: Request, database: Db, now: Now, caller: access.Clinician, run_id: UUID
) -> Response:
    """How far it has come. The page asks again by itself until nothing is being read any more."""
    async with database.transaction() as tx:
        of, left = await bulk.progress(tx, door.looker(request, caller), run_id)
        labels = await store_held.labels(tx, caller.org, [of.cred] if of.cred else [])
        names = await store_held.names(tx, caller.org, [of.by, of.undone_by or ""])
    filled = many.run(
        of, left, labels.get(of.cred or "", of.cred or ""), names,
        lang=frame.language(request), now=now,
    )  # fmt: skip
    title = filled["heading"]
    return frame.html(request, caller, "run.html", filled, title=title, tab="quarantine")


@router.post("/runs/{run_id}/undo")
async def undo(request: Request, database: Db, caller: access.Clinician, run_id: UUID) -> Response:
    await frame.form(request, caller)
    await bulk.undo(database, door.looker(request, caller), run_id)
    return frame.onwards(f"{view.AT}/runs/{run_id}")


def _which(said: dict[str, str]) -> Which:
    if said.get("code") not in set(Code):
        raise browser.FormIsUnreadable
    return Which(
        said["code"], said.get("cred", "")[:64] or None, said.get("topic", "")[:500] or None
    )


def _at(done: bulk.Done, which: Which) -> str:
    """Of nothing there is no run: somebody else was quicker, and the list says so."""
    if done.run is None:
        return view.Filter(code=Code(which.code), cred=which.cred, topic=which.topic).address()
    return f"{view.AT}/runs/{done.run}"
