"""The doors to alerts, their moves, and scores."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from services.alerts import door, moves, scoring, views
from services.alerts.clinical import news2
from services.alerts.clinical.lifecycle import Move
from services.alerts.door import Figure, Has, Language, Line, Moment, Prose, Sent
from shared import access

router = door.router("alerts", "/v1")

State = Literal["open", "acknowledged", "closed"]


class NewsInput(Sent):
    """What was measured; anything may be missing and is then never scored as 0."""

    model_config = door.example(
        respiratory_rate=21,
        spo2=93,
        supplemental_oxygen=False,
        systolic_bp=105,
        pulse=104,
        consciousness="A",
        temperature=38.4,
    )

    respiratory_rate: Figure | None = None
    spo2: Figure | None = None
    spo2_scale: Literal[1, 2] | None = None
    supplemental_oxygen: bool | None = None
    systolic_bp: Figure | None = None
    pulse: Figure | None = None
    consciousness: Literal["A", "C", "V", "P", "U"] | None = None
    temperature: Figure | None = None


class MoveRequest(Sent):
    """A move on an alert. `version` is the alert's as it stood on the screen."""

    model_config = door.example(move="acknowledge", version=7, note="Ringt, måler på nytt kl. 9")

    move: Literal["acknowledge", "assign", "snooze", "note", "escalate", "close", "reopen"]
    version: int
    note: Prose | None = None
    until: Moment | None = None
    assignee: Line | None = None
    outcome: Literal["useful", "not-useful"] | None = None


class ImpossibleValue(Exception):
    """A value cannot have been measured on a person"""

    def __init__(self, field: str) -> None:
        super().__init__()
        self.members = {"errors": [{"path": field, "code": "implausible"}]}


@router.get("/alerts")
async def alerts(
    request: Request,
    has: Has,
    lang: Language,
    caller: access.Clinician,
    patient: UUID | None = None,
    state: Annotated[list[State] | None, Query(max_length=3)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Alerts of the caller's units or of one patient, newest first. Without `state`: all."""
    by = door.reader(request, caller)
    told = await views.alerts(
        has,
        by,
        patient_id=patient,
        states=state or views.STATES,
        before=door.alert_place(cursor),
        limit=limit,
    )
    last = told.stories[-1].alert if told.more else None
    return door.json(
        {
            "alerts": told.json(by, lang),
            "next": door.cursor(last.opened_at, last.id) if last else None,
        }
    )


@router.get("/alerts/{alert_id}")
async def alert(
    request: Request, has: Has, lang: Language, caller: access.Clinician, alert_id: UUID
) -> Response:
    """One alert with its evidence, history, rule version, limits and inputs."""
    by = door.reader(request, caller)
    return door.json((await views.alert(has, by, alert_id)).json(by, lang)[0])


@router.post("/alerts/{alert_id}/moves")
async def move_alert(
    request: Request,
    has: Has,
    caller: access.Clinician,
    alert_id: UUID,
    wanted: MoveRequest,
) -> Response:
    """Move an alert. 409 `alert-has-moved` with the alert as it now is, if it has changed."""
    door.from_page(request, caller)
    told = await moves.move(
        has.database,
        has.notifier,
        has.programmes,
        has.memory,
        door.reader(request, caller),
        alert_id,
        moves.Wanted(
            Move(wanted.move),
            wanted.version,
            wanted.note,
            wanted.until,
            wanted.assignee,
            wanted.outcome,
        ),
    )
    return door.json(told)


@router.get("/scores")
async def scores(request: Request, has: Has, caller: access.Clinician, patient: UUID) -> Response:
    """NEWS2 and questionnaire scores of a patient, with inputs and their ages."""
    return door.json(await views.scores(has, door.reader(request, caller), patient))


@router.post("/scores/news2")
async def calculate(request: Request, caller: access.AnyStaff, given: NewsInput) -> Response:
    """NEWS2 as published. Incomplete: bounds, never a total."""
    door.from_page(request, caller)
    values: dict[str, Any] = given.model_dump()
    values["spo2_scale"] = values["spo2_scale"] or 1
    try:
        news2.check(values)
    except news2.ImpossibleValue as error:
        raise ImpossibleValue(error.field) from None
    return door.json(scoring.answer(news2.score(**values)))
