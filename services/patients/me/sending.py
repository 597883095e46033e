"""The doors by which the patient's own page sends: readings and forms, and photos."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError, model_validator

from services.patients import door
from services.patients.door import Db, Id, Letter, Line, Moment, Now, Sent, Word
from services.patients.me import send
from services.patients.me.send import Receipt, Wanted
from services.patients.measured import attachments
from shared import access, exact, messages, pictures
from shared.access import Role, browser
from shared.filing import FileNotTaken

router = door.router("own page", "/me")
photo_router = door.router("own page", "/me", most=pictures.MOST_BYTES)

Myself = Annotated[access.Caller, Depends(access.needs(Role.PATIENT))]
Value = Annotated[str, Field(max_length=40)]
Status = Annotated[str, Field(pattern="^(completed|in-progress)$")]


class NewItem(Sent):
    """A reading, a form, or a message (`text`, with photos that were sent before it). `id` is made
    on the phone and is the same at every try."""

    id: Id
    at: Moment
    kind: Word | None = None
    values: dict[Word, Value] | None = Field(default=None, min_length=1, max_length=40)
    questionnaire: Line | None = None
    version: Word | None = None
    answers: dict[Word, Any] | None = Field(default=None, min_length=1, max_length=500)
    status: Status | None = None
    text: Letter | None = None
    photos: list[Id] | None = Field(default=None, min_length=1, max_length=messages.PHOTOS)
    replaces: Id | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        reading = self.kind is not None and self.values is not None
        form = self.questionnaire is not None and self.answers is not None
        parts = (self.kind, self.values, self.questionnaire, self.answers)
        told = sum(part is not None for part in parts)
        if self.text is not None:
            if told or self.replaces is not None:
                raise ValueError("a message is a text alone, and is not corrected")
        elif reading == form or told != 2 or self.photos is not None:
            raise ValueError("give kind and values, questionnaire and answers, or text")
        if form and self.replaces is not None:
            raise ValueError("a form is not corrected")
        return self

    def wanted(self) -> Wanted:
        names = ("kind", "values", "questionnaire", "version", "answers", "status", "text")
        given = {name: getattr(self, name) for name in names}
        told = {name: value for name, value in given.items() if value is not None}
        if self.photos:
            told["photos"] = [str(one) for one in self.photos]
        return Wanted(self.id, self.at, told, self.replaces)


class NewItems(Sent):
    items: list[NewItem] = Field(min_length=1, max_length=50)


class NewPhoto(Sent):
    id: Id
    at: Moment
    kind: attachments.Kind
    site: Line | None = None
    note: Letter | None = None


@router.post("/send", include_in_schema=False)
async def sent(request: Request, database: Db, now: Now, caller: Myself, new: NewItems) -> Response:
    """A receipt for each, in their order, once they are committed."""
    browser.from_page(request, caller)
    wanted = [one.wanted() for one in new.items]
    looker = door.looker(request, caller)
    receipts = await send.send(database, looker, wanted, request.app.state.questions, now)
    return door.json({"results": [_shown(one) for one in receipts]})


@photo_router.post("/photos", include_in_schema=False)
async def photo(request: Request, database: Db, now: Now, caller: Myself) -> Response:
    browser.from_page(request, caller)
    if request.headers.get("content-type", "") not in attachments.TAKEN:
        raise FileNotTaken
    about = _about(request)
    said = {
        name: text
        for name in ("kind", "site", "note")
        if (text := getattr(about, name)) is not None
    }
    receipt = await send.send_photo(
        database, request.app.state.desk, door.looker(request, caller),
        Wanted(about.id, about.at, said), await request.body(), now,
    )  # fmt: skip
    return door.json({"results": [_shown(receipt)]})


@router.get("/session", include_in_schema=False)
async def session(request: Request, caller: Myself) -> Response:
    """What the phone's queue needs to send: the page's token, and whose things may go."""
    return door.json({"csrf": browser.token_of(request), "owner": owner(caller.org, caller.id)})


def owner(org: str, patient_id: str) -> str:
    """A name for the patient that says nothing of him: two people may share one phone, and what one
    of them has typed is never sent as the other's."""
    return str(send.fact_id(org, UUID(patient_id), UUID(int=0)))


def _about(request: Request) -> NewPhoto:
    told = request.headers.get(attachments.ABOUT, "")
    if not told or len(told) > 4096:
        raise attachments.AboutMissing
    try:
        return NewPhoto.model_validate(exact.loads(told.encode("latin-1")))
    except exact.Unreadable:
        raise attachments.AboutMissing from None
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _shown(receipt: Receipt) -> dict[str, Any]:
    told = receipt.crisis
    return {
        "id": receipt.id,
        "result": receipt.result.value,
        "received": receipt.received,
        "errors": [{"path": one.path, "code": one.code.value} for one in receipt.errors],
        "watch": {
            "now": receipt.watch.now,
            "until": receipt.watch.until,
            "next": receipt.watch.next,
        },
        "crisis": {"nb": told.nb, "nn": told.nn, "en": told.en, "numbers": list(told.numbers)}
        if told
        else None,
    }
