"""The doors to what came in: how each connection fares."""

from typing import Annotated, Literal

from fastapi import Path, Query, Response

from services.alerts import door
from services.alerts.door import Has
from services.alerts.other_systems import intake
from shared import access

router = door.router("connections", "/v1/connections/intake")

Kind = Literal["system", "device", "app"]
Cred = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]


@router.get("")
async def senders(
    has: Has,
    caller: access.Administrator,
    kind: Annotated[list[Kind] | None, Query(max_length=3)] = None,
    cursor: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,64}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Response:
    """Each credential that sends: when it was last heard, how much came this hour and in 24 hours,
    how much of it was set aside or refused, how much waits. Systems and devices unless `kind`."""
    chosen = tuple(str(one) for one in kind) if kind else intake.KINDS
    page = await intake.senders(has.database, caller.org, kinds=chosen, after=cursor, limit=limit)
    return door.json({"senders": page.senders, "next": page.next})


@router.get("/{cred}")
async def sender(has: Has, caller: access.Administrator, cred: Cred) -> Response:
    """The same of one, with its results of a week by kind, its last 24 hours, and what waits in
    quarantine as samples: where and why, never a value or a patient. `suggestions`: what devices
    behind a gateway announced of themselves, for a clinician to take."""
    return door.json(await intake.one(has.database, caller.org, cred))
