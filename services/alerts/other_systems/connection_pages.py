"""The integrator's pages: how each connection fares, in and out, and what was not delivered."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, page, sheet, store
from services.alerts.door import Has
from services.alerts.other_systems import connections, intake, store_outgoing
from services.alerts.reader import Reader
from shared import access

router = APIRouter(include_in_schema=False)

MOST = 200
MOST_FAILING = 50
NOT_DELIVERED = ("failed", "undeliverable")
Cred = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]


@router.get("/connections")
async def list_page(
    request: Request,
    has: Has,
    caller: access.Administrator,
    kind: Annotated[str | None, Query(pattern="^app$")] = None,
    cursor: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,64}$")] = None,
    again: Annotated[int | None, Query(ge=0, le=100_000)] = None,
    find: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    by = door.reader(request, caller)
    kinds = ("app",) if kind else intake.KINDS
    listed = await intake.senders(
        has.database, by.org, kinds=kinds, after=cursor, limit=MOST, find=find.strip() or None
    )
    failing, more_failing = (
        await intake.failing(has.database, by.org, kinds=kinds, limit=MOST_FAILING)
        if cursor is None and not find
        else ([], False)
    )
    async with has.database.transaction() as tx:
        now = await store.now(tx)
        out = await store_outgoing.connections(tx, by.org)
        late = await store_outgoing.outgoing(
            tx, by.org, states=NOT_DELIVERED, connection_id=None, before=None, limit=MOST
        )
    chosen = {name: value for name, value in (("kind", kind), ("find", find)) if value}
    more = urlencode({"cursor": listed.next or "", **chosen})
    data = {
        **_around(request, by),
        "failing": failing,
        "more_failing": more_failing,
        "senders": listed.senders,
        "apps": bool(kind),
        "find": find,
        "next": more if listed.next else None,
        "out": [connections.told(row) for row in out],
        "late": [connections.delivery(row) for row in late],
        "again": again,
    }
    view = page.connections_view(data, sheet.language(request), now)
    return sheet.html(request, "connections.html", view)


@router.get("/connections/{cred}")
async def one_page(
    request: Request, has: Has, caller: access.Administrator, cred: Cred
) -> Response:
    by = door.reader(request, caller)
    found = await intake.one(has.database, by.org, cred)
    async with has.database.transaction() as tx:
        now = await store.now(tx)
    data = {**_around(request, by), "sender": found}
    view = page.connection_view(data, sheet.language(request), now)
    return sheet.html(request, "connection.html", view)


@router.post("/connections/again")
async def send_again(request: Request, has: Has, caller: access.Administrator) -> Response:
    """One delivery, or all that were not delivered."""
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    try:
        ids = [UUID(form["delivery"])] if form.get("delivery") else None
    except ValueError as error:
        raise door.FormIsUnreadable from error
    async with has.database.transaction() as tx:
        count = await store_outgoing.retry(tx, caller.org, ids)
    return RedirectResponse(f"/connections?again={count}", 303, headers=sheet.HEADERS)


def _around(request: Request, by: Reader) -> dict[str, Any]:
    return sheet.frame(request, by)
