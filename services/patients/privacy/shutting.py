"""The forms by which the patient shuts his record, opens it, and ends what a relative may see.

What is already as he asked for is no fault: the page then shows it.
"""

import contextlib
from typing import Annotated
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.patients import door
from services.patients.door import Db, Now
from services.patients.look import Looker
from services.patients.me import mine, sheet
from services.patients.me.sending import Myself
from services.patients.privacy import proxy, shield
from shared import access
from shared.access import browser

router = APIRouter(prefix="/me/access", include_in_schema=False)

MOST = 2000  # bytes


async def _from_page(request: Request, caller: Myself) -> Looker:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            raise access.CrossSite
    given = parse_qs(body.decode("ascii", "replace")).get("csrf", [""])[0]
    browser.from_page(request, caller, given)
    return door.looker(request, caller)


FromPage = Annotated[Looker, Depends(_from_page)]


@router.post("/lock")
async def lock(_caller: Myself, database: Db, now: Now, looker: FromPage) -> Response:
    """For everybody, until he opens it."""
    with contextlib.suppress(shield.AlreadyShut):
        await shield.shut(database, looker, mine.whose(looker), None, now)
    return _back()


@router.post("/block/{staff_id}")
async def block(
    _caller: Myself, database: Db, now: Now, looker: FromPage, staff_id: UUID
) -> Response:
    with contextlib.suppress(shield.AlreadyShut):
        await shield.shut(database, looker, mine.whose(looker), staff_id, now)
    return _back()


@router.post("/open/{shield_id}")
async def open_again(
    _caller: Myself, database: Db, now: Now, looker: FromPage, shield_id: UUID
) -> Response:
    with contextlib.suppress(shield.NoSuchShield):
        await shield.end(database, looker, mine.whose(looker), shield_id, now)
    return _back()


@router.post("/relatives/{proxy_id}/end")
async def end_relative(
    _caller: Myself, database: Db, now: Now, looker: FromPage, proxy_id: UUID
) -> Response:
    with contextlib.suppress(proxy.NoSuchProxy):
        await proxy.end(database, looker, mine.whose(looker), proxy_id, now)
    return _back()


def _back() -> Response:
    return RedirectResponse("/me/access", 303, headers=sheet.HEADERS)
