"""What is done at the quarantine desk: bind or mend, release to a patient, read again, reject.

By the same verbs as the doors of programs. What somebody else has settled meanwhile is refused,
and the item is shown anew as it is now.
"""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.patients import door, look
from services.patients.door import Db, Keys, Now
from services.patients.equipment import bind, issue
from services.patients.equipment.bind import Bound
from services.patients.followup.enrol import NotAPeriod
from services.patients.measured import release
from services.patients.page import held as view
from services.patients.page.held import Filter
from services.patients.setup import finding, frame, held, store_held
from shared import access, ledger, service
from shared.database import Database

router = APIRouter(prefix=view.AT, include_in_schema=False)

# What is answered on the item's own page, beside what was typed.
CONFLICTS = (
    ledger.NotWaiting, ledger.CannotBeReleased, release.NotRejected, bind.AlreadyHeld,
    bind.BindingIsWithdrawn, bind.SystemsAreNotBound, issue.CredentialIsRevoked,
)  # fmt: skip
FAULTS = (NotAPeriod, bind.UnknownCredential)


class MomentIsUnreadable(Exception):
    """The day and time cannot be read"""


class ReasonIsMissing(Exception):
    """A reason is expected"""


@router.post("/{item_id}/find")
async def find(
    request: Request,
    database: Db,
    keys: Keys,
    now: Now,
    caller: access.Clinician,
    item_id: UUID,
    chosen: held.Chosen,
) -> Response:
    said = await frame.form(request, caller)
    found = await finding.find(database, door.looker(request, caller), keys, said.get("find", ""))
    more = {"asked": found.asked, "elsewhere": found.elsewhere, "find": found.text}
    return await held.item_page(
        request, database, caller, now, item_id, chosen, hits=found.patients, more=more
    )


@router.post("/{item_id}/release")
async def file_by_hand(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    item_id: UUID,
    chosen: held.Chosen,
) -> Response:
    said = await frame.form(request, caller)
    try:
        patient_id = _id(said.get("patient", ""))
        await release.file_by_hand(database, door.looker(request, caller), item_id, patient_id)
    except CONFLICTS as error:
        return await _refused(request, database, caller, now, item_id, chosen, error, 409)
    return frame.onwards(chosen.address(f"/{item_id}"))


@router.post("/{item_id}/replay")
async def replay(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    item_id: UUID,
    chosen: held.Chosen,
) -> Response:
    await frame.form(request, caller)
    try:
        await release.replay(database, door.looker(request, caller), item_id)
    except CONFLICTS as error:
        return await _refused(request, database, caller, now, item_id, chosen, error, 409)
    return frame.onwards(chosen.address(f"/{item_id}"))


@router.post("/{item_id}/reject")
async def reject(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    item_id: UUID,
    chosen: held.Chosen,
) -> Response:
    said = await frame.form(request, caller)
    reason = said.get("reason", "").strip()[:2000]
    if not reason:
        return await _refused(
            request, database, caller, now, item_id, chosen, ReasonIsMissing(), 422
        )
    try:
        await release.reject(database, door.looker(request, caller), item_id, reason)
    except CONFLICTS as error:
        return await _refused(request, database, caller, now, item_id, chosen, error, 409)
    return frame.onwards(chosen.address(f"/{item_id}"))


@router.post("/{item_id}/reopen")
async def reopen(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    item_id: UUID,
    chosen: held.Chosen,
) -> Response:
    await frame.form(request, caller)
    try:
        await release.reopen(database, door.looker(request, caller), item_id)
    except CONFLICTS as error:
        return await _refused(request, database, caller, now, item_id, chosen, error, 409)
    return frame.onwards(chosen.address(f"/{item_id}"))


@router.post("/{item_id}/bind")
async def bind_device(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    item_id: UUID,
    chosen: held.Chosen,
) -> Response:
    """Say who had the device from when to when: a new binding, or (`binding`) one moved."""
    said = await frame.form(request, caller)
    looker = door.looker(request, caller)
    try:
        patient_id, since = _id(said.get("patient", "")), _moment(said.get("from", ""))
        until = _moment(said["to"]) if said.get("to", "").strip() else None
        cred, slot = await _of_item(database, caller, item_id)
        if said.get("binding"):
            bound = await bind.change(
                database, looker, patient_id, _id(said["binding"]), since=since, until=until,
                keeps_until=False,
            )  # fmt: skip
        else:
            bound = await bind.bind(
                database, looker, patient_id, cred=cred, slot=slot, device_id=None, since=since,
                until=until, hand_over="hand-over" in said,
            )  # fmt: skip
    except CONFLICTS as error:
        return await _refused(request, database, caller, now, item_id, chosen, error, 409)
    except (*FAULTS, MomentIsUnreadable) as error:
        return await _refused(request, database, caller, now, item_id, chosen, error, 422)
    return frame.onwards(_told(chosen, item_id, bound))


def _told(chosen: Filter, item_id: UUID, bound: Bound) -> str:
    moved = bound.refiled
    if moved.run is not None:  # so many that they follow in batches
        return f"{view.AT}/runs/{moved.run}"
    return chosen.address(
        f"/{item_id}", released=moved.released, moved=moved.moved, back=moved.quarantined
    )


async def _of_item(database: Database, caller: access.Caller, item_id: UUID) -> tuple[str, str]:
    """The device it came from, while it waits still. NoSuchItem, NotWaiting."""
    async with database.transaction() as tx:
        item = await release.item_of(tx, caller, item_id)
        if item.state not in ("waiting", "replaying"):
            raise ledger.NotWaiting
        return item.cred, await store_held.slot(tx, caller.org, item_id)


async def _refused(
    request: Request,
    database: Database,
    caller: access.Caller,
    now: datetime,
    item_id: UUID,
    chosen: Filter,
    error: Exception,
    status: int,
) -> Response:
    problem = frame.said(request)["held"]["refused"][service.code_of(type(error))]
    return await held.item_page(
        request, database, caller, now, item_id, chosen, more={"problem": problem}, status=status
    )


def _id(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError:
        raise look.NoSuchPatient from None


def _moment(said: str) -> datetime:
    found = view.moment(said)
    if found is None:
        raise MomentIsUnreadable
    return found
