"""The FHIR doors to alerts: DetectedIssue, Flag and Task, by patient or by id. Read only."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from services.alerts import door, views
from services.alerts.door import Has, Language
from services.alerts.other_systems import fhir_alerts
from shared import access, exact, fhir_bundles
from shared.fhir import Resource

router = door.router("FHIR", "/fhir")

MEDIA = "application/fhir+json"

Patient = Annotated[
    str | None, Query(max_length=80, description="our id, or Patient/id", alias="patient")
]
Status = Literal["preliminary", "final"]
FlagStatus = Literal["active", "inactive"]
TaskStatus = Literal["requested", "completed"]
Count = Annotated[int, Query(ge=1, le=200, alias="_count")]
_OPEN = ("open", "acknowledged")


class NotAPatient(Exception):
    """patient is our id of a patient, with or without Patient/ before it"""


@router.get("/DetectedIssue")
async def detected_issues(
    request: Request,
    has: Has,
    lang: Language,
    caller: access.Clinician,
    patient: Patient = None,
    status: Status | None = None,
    count: Count = 50,
) -> Response:
    """Alerts, newest first: `preliminary` until they are closed, then `final`."""
    states = {None: views.STATES, "preliminary": _OPEN, "final": ("closed",)}[status]
    told = await _alerts(request, has, lang, caller, patient, states, count)
    return _bundle(request, [fhir_alerts.detected_issue(one) for one in told])


@router.get("/DetectedIssue/{alert_id}")
async def detected_issue(
    request: Request, has: Has, lang: Language, caller: access.Clinician, alert_id: UUID
) -> Response:
    told = await views.alert(has, door.reader(request, caller), alert_id)
    [one] = told.json(door.reader(request, caller), lang)
    return _answer(fhir_alerts.detected_issue(one))


@router.get("/Flag")
async def flags(
    request: Request,
    has: Has,
    lang: Language,
    caller: access.Clinician,
    patient: Patient = None,
    status: FlagStatus = "active",
    count: Count = 50,
) -> Response:
    """Alerts as flags on patients: active until they are closed. One more on each of whom something
    expected has not come and nobody has been told yet: having no flag is never for want of
    readings."""
    states = _OPEN if status == "active" else ("closed",)
    told = await _alerts(request, has, lang, caller, patient, states, count)
    made = [fhir_alerts.flag(one) for one in told]
    if status == "active":
        by = door.reader(request, caller)
        unheard = await views.unheard(has, by, patient_id=_id(patient), limit=count)
        made += [fhir_alerts.not_received(id_, one, lang) for id_, one in unheard.items()]
    return _bundle(request, made)


@router.get("/Task")
async def tasks(
    request: Request,
    has: Has,
    caller: access.Clinician,
    patient: Patient = None,
    status: TaskStatus = "requested",
    count: Count = 50,
) -> Response:
    """What is to be done about patients, the oldest due first."""
    by = door.reader(request, caller)
    state = "done" if status == "completed" else "open"
    told = await views.tasks(has, by, unit=None, patient_id=_id(patient), state=state)
    return _bundle(request, [fhir_alerts.task(one) for one in told[:count]])


async def _alerts(
    request: Request,
    has: Any,
    lang: str,
    caller: access.Caller,
    patient: str | None,
    states: tuple[str, ...],
    count: int,
) -> list[dict[str, Any]]:
    by = door.reader(request, caller)
    told = await views.alerts(
        has, by, patient_id=_id(patient), states=states, before=None, limit=count
    )
    # What is the platform's own matter is no patient's.
    return [one for one in told.json(by, lang) if UUID(one["patient"]["id"]).int]


def _id(told: str | None) -> UUID | None:
    if told is None:
        return None
    try:
        return UUID(told.removeprefix("Patient/"))
    except ValueError:
        raise NotAPatient from None


def _bundle(request: Request, resources: list[Resource]) -> Response:
    # By our own setting: the Host header may say anything, and behind the front door no https.
    public: str | None = request.app.state.public_url
    here = public or str(request.base_url).rstrip("/")
    asked = f"?{request.url.query}" if request.url.query else ""
    links = {"self": f"{here}{request.scope['path']}{asked}"}
    return _answer(fhir_bundles.searchset(resources, f"{here}/fhir", links=links))


def _answer(resource: Resource) -> Response:
    return Response(exact.dumps(resource), 200, media_type=MEDIA)
