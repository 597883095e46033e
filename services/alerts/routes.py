"""The doors to alerts, their moves, and scores."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query, Request, Response
from pydantic import Field

from services.alerts import door, scoring, views
from services.alerts.care import moves
from services.alerts.care.moving import Wanted
from services.alerts.clinical import news2
from services.alerts.clinical.lifecycle import Move
from services.alerts.door import Figure, Has, Id, Language, Line, Moment, Prose, Sent
from services.alerts.one_patient import form_scores
from shared import access, instruments
from shared.contracts import Code

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

    move: Literal[
        "acknowledge",
        "assign",
        "snooze",
        "note",
        "escalate",
        "close",
        "reopen",
        "hand-over",
        "accept",
        "decline",
    ]
    version: int
    note: Prose | None = None
    until: Moment | None = None
    assignee: Line | None = None
    outcome: Literal["useful", "not-useful"] | None = None
    unit: Id | None = Field(default=None, description="hand-over: to which unit")
    confirm: bool = Field(default=False, description="snooze of a red: yes, I mean it")
    remind_at: Moment | None = Field(default=None, description="note: comes back then")

    def wanted(self) -> Wanted:
        return Wanted(
            Move(self.move),
            self.version,
            self.note,
            self.until,
            self.assignee,
            self.outcome,
            self.unit,
            self.confirm,
            self.remind_at,
        )


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
        },
        lang=lang,
    )


@router.get("/alerts/{alert_id}")
async def alert(
    request: Request, has: Has, lang: Language, caller: access.Clinician, alert_id: UUID
) -> Response:
    """One alert with its evidence, history, rule version, limits and inputs."""
    by = door.reader(request, caller)
    told = await views.alert(has, by, alert_id)
    return door.json(told.json(by, lang)[0], lang=lang)


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
        wanted.wanted(),
    )
    return door.json(told)


class Answers(Sent):
    """Answers by linkId: an option's code or its points, a number or a truth; alone or in a list.

    What is not answered is left out, and is then never scored as 0. `sex` where the bands differ.
    """

    model_config = door.example(
        answers={"item-1": "LA6569-3", "item-2": 2, "item-9": "LA6568-5"}, sex="female"
    )

    answers: dict[Line, Any] = Field(max_length=500)
    sex: Literal["female", "male", "other"] | None = None


class UnknownInstrument(Exception):
    """There is no questionnaire of that name here"""


class AnswersDoNotFit(Exception):
    """An answer does not fit the questionnaire"""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__()
        self.members = {"errors": errors}


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


@router.post("/scores/{instrument}")
async def calculate_form(
    request: Request,
    caller: access.AnyStaff,
    instrument: Annotated[str, Path(max_length=64, description="for example phq-9")],
    given: Answers,
) -> Response:
    """The score of a questionnaire: subscores, bands, red flags, what is missing.

    Nothing is stored. Incomplete: bounds, never a total; a skipped safety question is `unknown`.
    """
    door.from_page(request, caller)
    known = instruments.load_all().get(instruments.named(instrument))
    if known is None:
        raise UnknownInstrument
    faults = instruments.faults(known, given.answers)
    if faults:
        raise AnswersDoNotFit([_fault(known, one) for one in faults])
    return door.json(form_scores.told(known, given.answers, given.sex))


def _fault(instrument: instruments.Instrument, fault: instruments.CannotBeScored) -> dict[str, str]:
    """Where, and what kind. The name of a question of ours is no secret; another's might be."""
    ours = fault.link_id in instrument.question_of
    codes: dict[type[Exception], Code] = {
        instruments.UnknownQuestion: Code.UNKNOWN_FIELD,
        instruments.UnknownOption: Code.UNKNOWN_CODE,
        instruments.OutOfRange: Code.IMPLAUSIBLE,
    }
    code = codes.get(type(fault), Code.BAD_VALUE)
    return {"path": f"answers.{fault.link_id if ours else '?'}", "code": code.value}
