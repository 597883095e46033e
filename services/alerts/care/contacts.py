"""The doors to contacts: what was tried by phone, video or visit, and what came of it."""

from typing import Annotated
from uuid import UUID

from fastapi import Request, Response
from pydantic import Field

from services.alerts import door
from services.alerts.care import contacting
from services.alerts.care.contacting import Contact, Outcome, Way
from services.alerts.door import Has, Id, Moment, Prose, Sent
from shared import access

router = door.router("contacts", "/v1/contacts")


class NewContact(Sent):
    """A contact that has been. `programme` may be left out when the patient is in one only."""

    model_config = door.example(
        patient="5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11",
        way="phone",
        outcome="reached",
        at="2026-11-23T07:52:00+01:00",
        note="Kramper i går kveld. Avtalt ny måling klokken ni.",
        minutes=6,
        programme="home_dialysis",
    )

    patient: Id
    way: Way
    outcome: Outcome
    at: Moment
    note: Prose | None = None
    minutes: Annotated[int, Field(ge=0, le=contacting.LONGEST)] | None = None
    programme: Annotated[str, Field(max_length=64)] | None = None


@router.get("")
async def contacts(request: Request, has: Has, caller: access.Clinician, patient: UUID) -> Response:
    """The patient's contacts, newest first."""
    by = door.reader(request, caller)
    return door.json({"contacts": await contacting.of_patient(has.database, by, patient)})


@router.post("", status_code=201)
async def log_contact(
    request: Request, has: Has, caller: access.Clinician, new: NewContact
) -> Response:
    """Write down a contact. It is never changed; what was wrong is said in a new one."""
    door.from_page(request, caller)
    by = door.reader(request, caller)
    contact = Contact(new.way, new.outcome, new.at, new.note, new.minutes, new.programme)
    made = await contacting.log(has.database, has.notifier, by, new.patient, contact)
    return door.json(made, 201)
