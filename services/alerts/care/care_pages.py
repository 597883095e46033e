"""The page's own doors to what is done for a patient: his limits, contacts with him. Forms answer
with a redirect to the page."""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast, get_args
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, sheet
from services.alerts.care import contacting, limiting
from services.alerts.care.contacting import Contact, Outcome, Way
from services.alerts.door import Has
from services.alerts.looking_back import trying
from shared import access, limits, service
from shared.limits.nouns import Proposal

router = APIRouter(include_in_schema=False)

LONGEST = 2000


@router.post("/patients/{patient_id}/limits")
async def set_limit(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    try:
        made = await limiting.set_limit(
            has,
            by,
            patient_id,
            programme=form.get("programme", ""),
            name=form.get("name", ""),
            value=_figure(form.get("value", "")),
            reason=_reason(form),
        )
    except REFUSALS as refused:
        return _back(patient_id, "limits", problem=service.code_of(type(refused)))
    return _back(patient_id, "limits", saved="proposed" if isinstance(made, Proposal) else "true")


@router.post("/patients/{patient_id}/limits/keep")
async def keep_limit(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    """What is in force stays, though his own values suggest another number."""
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    name = form.get("name") or None
    try:
        await limiting.keep(
            has, by, patient_id,
            programme=form.get("programme", ""), name=name, reason=_reason(form),
        )  # fmt: skip
    except REFUSALS as refused:
        return _back(patient_id, "suggested", problem=service.code_of(type(refused)))
    return _back(patient_id, "suggested", saved="true")


@router.post("/patients/{patient_id}/limits/{proposal_id}/confirm")
async def confirm_limit(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, proposal_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    try:
        await limiting.confirm(has, door.reader(request, caller), patient_id, proposal_id)
    except REFUSALS as refused:
        return _back(patient_id, "limits", problem=service.code_of(type(refused)))
    return _back(patient_id, "limits", saved="true")


@router.post("/patients/{patient_id}/limits/{proposal_id}/withdraw")
async def withdraw_limit(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, proposal_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    try:
        await limiting.withdraw(has, by, patient_id, proposal_id, _reason(form))
    except REFUSALS as refused:
        return _back(patient_id, "limits", problem=service.code_of(type(refused)))
    return _back(patient_id, "limits", saved="true")


@router.post("/patients/{patient_id}/contacts")
async def log_contact(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    try:
        await contacting.log(has.database, has.notifier, by, patient_id, _contact(form))
    except REFUSALS as refused:
        return _back(patient_id, "contacts", problem=service.code_of(type(refused)))
    return _back(patient_id, "contacts", saved="true")


REFUSALS: tuple[type[Exception], ...] = (
    contacting.ContactIsInTheFuture,
    contacting.ProgrammeNotFollowed,
    trying.UnknownProgramme,
    limits.UnknownLimit,
    limits.LimitIsOutOfBounds,
    limits.AlreadyProposed,
    limits.NoSuchProposal,
    limits.NothingIsSuggested,
    limits.ProposalIsSettled,
    limits.NeedsAnotherPerson,
    limits.LimitHasChanged,
)


def _contact(form: Mapping[str, str]) -> Contact:
    """FormIsUnreadable for what no form of ours sends. `at` is a clock time in Norway."""
    way, outcome, minutes = form.get("way"), form.get("outcome"), form.get("minutes", "").strip()
    if way not in get_args(Way) or outcome not in get_args(Outcome):
        raise door.FormIsUnreadable
    try:
        at = door.clock_time(form.get("at", ""))
        long = int(minutes) if minutes else None
    except ValueError as error:
        raise door.FormIsUnreadable from error
    if long is not None and not 0 <= long <= contacting.LONGEST:
        raise door.FormIsUnreadable
    note = form.get("note", "").strip()
    if len(note) > LONGEST:
        raise door.FormIsUnreadable
    programme = form.get("programme") or None
    return Contact(cast(Way, way), cast(Outcome, outcome), at, note or None, long, programme)


def _figure(typed: str) -> Decimal | None:
    """Nothing is back to the programme's own number; a decimal comma is a decimal point."""
    if not typed.strip():
        return None
    try:
        figure = Decimal(typed.strip().replace(",", "."))
    except ArithmeticError as error:
        raise door.FormIsUnreadable from error
    if not figure.is_finite():
        raise door.FormIsUnreadable
    return figure


def _reason(form: Mapping[str, str]) -> str:
    reason = form.get("note", "").strip()
    if not 0 < len(reason) <= LONGEST:
        raise door.FormIsUnreadable
    return reason


def _back(patient_id: UUID, place: str, **said: str) -> Response:
    return RedirectResponse(
        f"/patients/{patient_id}?{urlencode(said)}#{place}", 303, headers=sheet.HEADERS
    )
