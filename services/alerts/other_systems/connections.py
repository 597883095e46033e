"""The doors to other systems: who is sent what, how it goes, and what was not delivered."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from fastapi import Query, Request, Response
from pydantic import AfterValidator, Field

from services.alerts import door, telling
from services.alerts.door import Has, Id, Line, Sent
from services.alerts.other_systems import store_outgoing
from shared import access
from shared.settings import Mode

router = door.router("connections", "/v1/connections")

State = Literal["waiting", "sending", "delivered", "failed", "undeliverable"]
Kind = Literal["pmd", "dho", "webhook"]


class NoSuchConnection(Exception):
    """There is no such connection in force"""


class HostIsNotAllowed(Exception):
    """This host is not among those that may be posted to (HJEMVAKT_WEBHOOK_HOSTS)"""


def _address(sent: str) -> str:
    parts = urlsplit(sent)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("an address that begins with https:// is expected, without a log-in")
    return sent


def _number(sent: str) -> str:
    if not re.fullmatch(r"[0-9]{9}", sent):
        raise ValueError("an organisation number has nine digits")
    return sent


class NewConnection(Sent):
    """`pmd`: readings as FHIR batches. `dho`: a document when an alert is closed. `webhook`: that
    an alert has changed. What comes from now on is sent; nothing from before."""

    model_config = door.example(
        kind="webhook", name="Integrasjonsmotoren", url="https://motor.sykehus.example/varsler"
    )

    kind: Kind
    name: Line
    url: Annotated[str, Field(max_length=500), AfterValidator(_address)]
    unit: Id | None = None
    receiver: Annotated[str, AfterValidator(_number)] | None = Field(
        default=None, description="organisation number of whoever answers for what is sent"
    )


class Again(Sent):
    """Those named; without `ids` all that was not delivered."""

    model_config = door.example(ids=["0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e"])

    ids: list[Id] | None = Field(default=None, max_length=1000)


def may_be_sent(kind: Kind, url: str, hosts: Collection[str], mode: Mode) -> bool:
    """`hosts`: where whoever runs the installation lets anything be sent. Without them an
    administrator, who reaches no readings, could have all of them sent to an address of his own."""
    if not hosts:
        return kind == "webhook" or mode == "test"
    return urlsplit(url).hostname in hosts


@router.get("")
async def connections(request: Request, has: Has, caller: access.Administrator) -> Response:
    """Each connection, how many of its deliveries are in which state, and how old the oldest is."""
    async with has.database.transaction() as tx:
        found = await store_outgoing.connections(tx, caller.org)
    return door.json({"connections": [told(row) for row in found]})


@router.post("", status_code=201)
async def connect(
    request: Request, has: Has, caller: access.Administrator, new: NewConnection
) -> Response:
    door.from_page(request, caller)
    state = request.app.state
    if not may_be_sent(new.kind, new.url, state.ways.webhook_hosts, state.mode):
        raise HostIsNotAllowed
    made = {**new.model_dump(), "id": uuid4(), "unit_id": new.unit}
    async with has.database.transaction() as tx:
        await store_outgoing.connect(tx, caller.org, made, caller.id)
        found = await store_outgoing.connections(tx, caller.org)
    return door.json(next(told(row) for row in found if row["id"] == made["id"]), 201)


@router.post("/{connection_id}/end", status_code=204)
async def disconnect(
    request: Request, has: Has, caller: access.Administrator, connection_id: UUID
) -> None:
    """Nothing more is sent, of what waits neither."""
    door.from_page(request, caller)
    async with has.database.transaction() as tx:
        if not await store_outgoing.disconnect(tx, caller.org, connection_id, caller.id):
            raise NoSuchConnection


@router.get("/deliveries")
async def deliveries(
    request: Request,
    has: Has,
    caller: access.Administrator,
    state: Annotated[list[State] | None, Query(max_length=5)] = None,
    connection: UUID | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Newest first; `state=failed&state=undeliverable` is what was not delivered. No patients."""
    async with has.database.transaction() as tx:
        found = await store_outgoing.outgoing(
            tx,
            caller.org,
            states=[str(one) for one in state or ()],
            connection_id=connection,
            before=door.alert_place(cursor),
            limit=limit + 1,
        )
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    return door.json(
        {
            "deliveries": [delivery(row) for row in page],
            "next": door.cursor(last["made_at"], last["id"]) if last else None,
        }
    )


@router.post("/deliveries/retry", status_code=202)
async def retry(request: Request, has: Has, caller: access.Administrator, again: Again) -> Response:
    """Send what was not delivered once more, with the same ids."""
    door.from_page(request, caller)
    async with has.database.transaction() as tx:
        count = await store_outgoing.retry(tx, caller.org, again.ids)
    return door.json({"again": count}, 202)


def told(row: Any) -> dict[str, Any]:
    moments = ("made_at", "ended_at", "delivered_at", "waiting_since")
    return {
        **{name: row[name] for name in ("kind", "name", "url", "receiver")},
        "id": str(row["id"]),
        "unit": str(row["unit_id"]) if row["unit_id"] else None,
        **{name: row[name] for name in ("waiting", "failed", "undeliverable", "delivered")},
        **{name: telling.iso(row[name]) for name in moments},
    }


def delivery(row: Any) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "connection": str(row["connection_id"]),
        "event": row["event"],
        "state": row["state"],
        "attempts": row["attempts"],
        "why": row["why"],
        **{name: telling.iso(row[name]) for name in ("made_at", "next_at", "settled_at")},
    }
