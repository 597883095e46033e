"""The doors by which a patient's device asks for notices, and asks for no more."""

from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from services.patients import door
from services.patients.door import Db, Now, Sent
from services.patients.me import notify
from services.patients.me.sending import Myself
from shared import push
from shared.access import browser

router = door.router("own page", "/me")

Text = Annotated[str, Field(min_length=1, max_length=200)]
Endpoint = Annotated[str, Field(min_length=10, max_length=push.LONGEST)]


class DevicesKeys(Sent):
    p256dh: Text
    auth: Text


class NewDevice(Sent):
    """What the browser's PushManager gives."""

    endpoint: Endpoint
    keys: DevicesKeys


class OldDevice(Sent):
    endpoint: Endpoint


@router.post("/notices", include_in_schema=False)
async def begin(
    request: Request, database: Db, now: Now, caller: Myself, new: NewDevice
) -> Response:
    browser.from_page(request, caller)
    if request.app.state.push_key is None:
        raise notify.NoticesAreNotOffered
    await notify.begin(
        database, door.looker(request, caller), new.endpoint, (new.keys.p256dh, new.keys.auth),
        request.app.state.push_hosts, now,
    )  # fmt: skip
    return door.json({"told": True})


@router.post("/notices/end", include_in_schema=False)
async def end(request: Request, database: Db, caller: Myself, old: OldDevice) -> Response:
    browser.from_page(request, caller)
    ended = await notify.end(database, door.looker(request, caller), old.endpoint)
    return door.json({"told": False, "ended": ended})
