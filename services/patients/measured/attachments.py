"""The doors to photos and documents: list, look, send as staff, put right, withdraw, answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from services.patients import door, look, paging
from services.patients.door import Db, Limit, Line, Moment, Now, Prose, Sent
from services.patients.measured import attach
from services.patients.measured.attach import Attached
from shared import access, attachments, exact, ledger, pictures
from shared.contracts import Fact
from shared.filing import Desk, FileNotTaken

router = door.router("attachments", "/v1/patients/{patient_id}/attachments")
# One file by its own id, wherever it was told of.
file_router = door.router("attachments", "/v1/attachments")
held_router = door.router("quarantine", "/v1/quarantine/{item_id}/attachment")
# The other doors take 256 KiB.
upload_router = door.router(
    "attachments", "/v1/patients/{patient_id}/attachments", most=pictures.MOST_BYTES
)

Kind = Literal["wound_photo", "photo", "document"]
TAKEN = (*pictures.PHOTOS, attachments.PDF, "application/octet-stream")
# Whatever the file is, it is only looked at: it runs nothing, asks for nothing and is kept nowhere.
SAFE = {
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "cache-control": "no-store",
}
ABOUT = "hjemvakt-about"


class AboutMissing(Exception):
    """The header hjemvakt-about must say, as a JSON object of at most 4 KiB, what the file is"""


class NewAttachment(Sent):
    model_config = door.example(
        kind="wound_photo", at="2026-02-03T07:12:00+01:00", site="venstre hæl"
    )

    kind: Kind
    at: Moment
    site: Line | None = None
    note: Prose | None = None


class Correction(Sent):
    """What is given changes."""

    model_config = door.example(site="høyre hæl", reason="Feil side valgt")

    kind: Kind | None = None
    at: Moment | None = None
    site: Line | None = None
    note: Prose | None = None
    reason: Prose


class Withdrawal(Sent):
    model_config = door.example(reason="Bildet viser en annen pasient")

    reason: Prose


class Words(Sent):
    model_config = door.example(text="Såret ser rent ut. Fortsett som før, nytt bilde mandag.")

    text: Prose


class File(BaseModel):
    """`width` and `height` in pixels, of a photo held upright."""

    media_type: str
    size: int
    width: int | None = None
    height: int | None = None


class Said(BaseModel):
    at: datetime
    by: str
    text: str


class Attachment(BaseModel):
    """`answer_by` is when an answer was promised, `answer` what staff have said."""

    id: UUID
    kind: Kind
    name: dict[str, str]
    at: datetime
    received_at: datetime
    source: str
    flags: list[str]
    site: str | None = None
    form: str | None = None
    note: str | None = None
    file: File
    url: str
    thumbnail: str | None
    answer_by: datetime | None
    answer: Said | None


class Attachments(BaseModel):
    attachments: list[Attachment]
    next: str | None


@router.get("", responses={200: {"model": Attachments}})
async def listed(
    request: Request,
    database: Db,
    caller: access.ClinicianOrCitizen,
    patient_id: UUID,
    kind: Annotated[list[Kind] | None, Query(max_length=3)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = door.PAGE,
) -> Response:
    """What is in force, newest first."""
    after = paging.place(cursor)
    async with look.opened(database, door.looker(request, caller), patient_id, attach.WHAT) as seen:
        found = await ledger.facts(
            seen.tx, seen.org, patient_id, kinds=kind, types=[attachments.TYPE],
            after=after, newest_first=True, limit=limit + 1,
        )  # fmt: skip
        known = request.app.state.programmes
        told = await attach.listed(seen.tx, seen.org, patient_id, known, found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    rest = paging.cursor(last.at, last.id) if last else None
    return door.json({"attachments": [_shown(one) for one in told], "next": rest})


@upload_router.post(
    "",
    status_code=201,
    responses={201: {"model": Attachment}},
    openapi_extra={
        "parameters": [
            {
                "name": ABOUT,
                "in": "header",
                "required": True,
                "schema": {"type": "string", "maxLength": 4096},
                "example": exact.dumps(
                    {"kind": "wound_photo", "at": "2026-02-03T07:12:00+01:00"}
                ).decode(),
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                media_type: {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "the bytes of the file",
                }
                for media_type in TAKEN
            },
        },
    },
)
async def send(
    request: Request, database: Db, now: Now, caller: access.Clinician, patient_id: UUID
) -> Response:
    """A photo or document that staff send, as a patient's app does to the intake."""
    desk: Desk = request.app.state.desk
    about = _about(request)
    said = {name: text for name in ("site", "note") if (text := getattr(about, name))}
    fact = await attach.send(
        database,
        desk,
        door.looker(request, caller),
        patient_id,
        kind=about.kind,
        at=about.at,
        file=await request.body(),
        said=said,
        now=now,
    )
    return _made(patient_id, fact)


@router.post("/{fact_id}/correct", status_code=201, responses={201: {"model": Attachment}})
async def correct(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    fact_id: UUID,
    correction: Correction,
) -> Response:
    """Put right what was said of the file. The file stays as it was sent."""
    fact = await attach.correct(
        database,
        door.looker(request, caller),
        patient_id,
        fact_id,
        changes=correction.model_dump(exclude={"reason"}, exclude_none=True),
        reason=correction.reason,
        now=now,
    )
    return _made(patient_id, fact)


@router.post("/{fact_id}/void", status_code=204)
async def void(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    fact_id: UUID,
    withdrawal: Withdrawal,
) -> None:
    """Withdraw it: nobody is shown it any more, and that it was there stays on file."""
    await attach.withdraw(
        database,
        door.looker(request, caller),
        patient_id,
        fact_id,
        reason=withdrawal.reason,
        now=now,
    )


@router.post("/{fact_id}/answer", status_code=201, responses={201: {"model": Said}})
async def answer(
    request: Request,
    database: Db,
    caller: access.Clinician,
    patient_id: UUID,
    fact_id: UUID,
    words: Words,
) -> Response:
    """Answer the patient. What was promised for this and for those before it is then kept."""
    given = await attach.answer(
        database, door.looker(request, caller), patient_id, fact_id, text=words.text
    )
    return door.json({"at": given.at, "by": given.by, "text": given.text}, 201)


@held_router.get("", responses={200: {"content": {"image/jpeg": {}}}})
async def held(request: Request, database: Db, caller: access.Clinician, item_id: UUID) -> Response:
    """A photo or document in quarantine, for who is to say whose it is."""
    media_type, body = await attach.held(database, door.looker(request, caller), item_id)
    return file_answer(f"{item_id}", media_type, body)


@file_router.get("/{fact_id}", responses={200: {"content": {"image/jpeg": {}}}})
async def file(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, fact_id: UUID
) -> Response:
    """The photo without where and with what it was taken, or the document."""
    looker = door.looker(request, caller)
    fact, media_type, body = await attach.shown(database, looker, fact_id, thumbnail=False)
    return file_answer(f"{fact.kind}-{fact.at:%Y%m%d}", media_type, body)


@file_router.get("/{fact_id}/thumbnail", responses={200: {"content": {"image/jpeg": {}}}})
async def thumbnail(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, fact_id: UUID
) -> Response:
    """A small picture of a photo. A document has none."""
    looker = door.looker(request, caller)
    fact, media_type, body = await attach.shown(database, looker, fact_id, thumbnail=True)
    return file_answer(f"{fact.kind}-{fact.at:%Y%m%d}", media_type, body)


def file_answer(name: str, media_type: str, body: bytes) -> Response:
    is_document = media_type == attachments.PDF
    how, end = ("attachment", "pdf") if is_document else ("inline", "jpg")
    headers = {**SAFE, "content-disposition": f'{how}; filename="{name}.{end}"'}
    return Response(body, media_type=media_type, headers=headers)


def _about(request: Request) -> NewAttachment:
    header = request.headers.get(ABOUT, "").encode("latin-1")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in TAKEN:
        raise FileNotTaken
    if not 0 < len(header) <= 4096:
        raise AboutMissing
    try:
        return NewAttachment.model_validate(exact.loads(header))
    except exact.Unreadable:
        raise AboutMissing from None
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from None


def _made(patient_id: UUID, fact: Fact) -> Response:
    response = door.json(_shown(Attached(fact, None, None)), 201)
    door.created(response, f"/v1/attachments/{fact.id}")
    return response


def _shown(one: Attached) -> dict[str, Any]:
    fact, body = one.fact, one.fact.body
    of = attachments.KINDS[fact.kind]
    is_photo = body["file"]["media_type"] != attachments.PDF
    kept = {key: value for key, value in body["file"].items() if key != "sha256"}
    return {
        "id": fact.id,
        "kind": fact.kind,
        "name": {"nb": of.nb, "en": of.en},
        "at": fact.at,
        "received_at": fact.received_at,
        "source": fact.source,
        "flags": sorted(fact.flags),
        **{key: body[key] for key in ("site", "form", "note", "context") if key in body},
        "file": kept,
        "url": f"/v1/attachments/{fact.id}",
        "thumbnail": f"/v1/attachments/{fact.id}/thumbnail" if is_photo else None,
        "answer_by": one.answer_by,
        "answer": (
            {"at": one.answer.at, "by": one.answer.by, "text": one.answer.text}
            if one.answer
            else None
        ),
    }
