"""The doors to the outbox: what was delivered and what was not, once more, and a test."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from services.alerts import door, telling
from services.alerts.delivery import retrying
from services.alerts.door import Has, Id, Sent
from shared import access

router = door.router("deliveries", "/v1/deliveries")

State = Literal["waiting", "sending", "delivered", "failed", "undeliverable", "superseded"]


class TestRequest(Sent):
    """`step` absent: those whom a red alert would reach just now."""

    model_config = door.example(unit="0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e", step=1)
    __test__ = False

    unit: Id
    step: int | None = None


@router.get("")
async def deliveries(
    request: Request,
    has: Has,
    caller: access.ClinicianOrAdministrator,
    unit: UUID | None = None,
    state: Annotated[list[State] | None, Query(max_length=6)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Messages of the caller's units, newest first. `state=failed&state=undeliverable` is the list
    of what reached nobody. Names channels, never addresses or patients."""
    page = await retrying.deliveries(
        has.database,
        door.reader(request, caller),
        unit=unit,
        states=[str(one) for one in state or ()],
        before=door.alert_place(cursor),
        limit=limit,
    )
    last = page.rows[-1] if page.more else None
    return door.json(
        {
            "deliveries": [telling.delivery(row) for row in page.rows],
            "next": door.cursor(last["made_at"], last["id"]) if last else None,
        }
    )


@router.post("/test", status_code=202)
async def test_ladder(
    request: Request, has: Has, caller: access.Administrator, wanted: TestRequest
) -> Response:
    """Send a test by every channel of a step: an alarm that nobody can try is not there when it is
    needed. 202; what came of it stands in the list."""
    door.from_page(request, caller)
    made = await retrying.try_ladder(
        has.database, door.reader(request, caller), wanted.unit, wanted.step
    )
    answer: dict[str, Any] = {"deliveries": [telling.delivery(row) for row in made]}
    return door.json(answer, 202)


@router.post("/{delivery_id}/retry", status_code=202)
async def retry(
    request: Request, has: Has, caller: access.ClinicianOrAdministrator, delivery_id: UUID
) -> Response:
    """Send what was not delivered once more, by the first channel first. 409 if it was."""
    door.from_page(request, caller)
    found = await retrying.retry(has.database, door.reader(request, caller), delivery_id)
    return door.json(telling.delivery(found), 202)
