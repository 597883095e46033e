"""What every door of the record uses: the database, the moment, and the shapes of what is sent.

What comes in is strict: unknown members are refused, moments carry an offset, text is printable.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from services.patients.equipment.certify import Certifier
from services.patients.hospital.versions import Loaded
from services.patients.look import Looker
from services.patients.numbers import Numbers
from shared import access, exact, service
from shared.database import Database

BODY = 256 * 1024
PAGE = 50

_MOMENT = re.compile(
    r"(?:19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)"
)
_DAY = re.compile(r"(?:18|19|20|21)\d\d-\d\d-\d\d")
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def router(tag: str, prefix: str = "", *, most: int = BODY) -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], route_class=service.ExactRoute, max_body_size=most)


# --- what a route asks for --------------------------------------------------------------------


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _numbers(request: Request) -> Numbers:
    numbers: Numbers = request.app.state.numbers
    return numbers


def _versions(request: Request) -> Loaded:
    loaded: Loaded = request.app.state.versions
    return loaded


def _certifier(request: Request) -> Certifier:
    certifier: Certifier = request.app.state.certifier
    return certifier


def _now() -> datetime:
    return datetime.now(UTC)


Db = Annotated[Database, Depends(_database)]
Keys = Annotated[Numbers, Depends(_numbers)]
Versions = Annotated[Loaded, Depends(_versions)]
Certificates = Annotated[Certifier, Depends(_certifier)]
Now = Annotated[datetime, Depends(_now)]
Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
Cred = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]
Cursor = Annotated[UUID | None, Query(description="`next` of the page before")]


def looker(request: Request, caller: access.Caller) -> Looker:
    """The caller as the access log writes him down."""
    return Looker(caller, request.scope["state"]["request_id"])


def created(response: Response, place: str) -> None:
    response.headers["Location"] = place


def json(body: Any, status: int = 200) -> Response:
    """An answer with measured values: their own digits, not a float's."""
    return Response(exact.dumps(body), status, media_type="application/json")


# --- what is sent -----------------------------------------------------------------------------


def _as_moment(sent: Any) -> Any:
    if isinstance(sent, str) and _MOMENT.fullmatch(sent):
        return sent
    raise ValueError("a moment with an offset is expected")


def _as_day(sent: Any) -> Any:
    if isinstance(sent, str) and _DAY.fullmatch(sent):
        return sent
    raise ValueError("a date is expected")


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _printable(text: str) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        raise ValueError("text is expected")
    for character in text:
        # Cc control, Cs half of a surrogate pair; the turns would show other words than are stored.
        if unicodedata.category(character) in {"Cc", "Cs"} or character in _TURNS:
            raise ValueError("text holds a character that cannot be printed")
    return text


def _lines(text: str) -> str:
    lines = [_printable(line) if line.strip() else "" for line in text.strip().split("\n")]
    if not any(lines):
        raise ValueError("text is expected")
    return "\n".join(lines)


def _cleaned(sent: Any) -> Any:
    """What a person wrote is never refused for a character that he cannot see: a tab is a space,
    a line ends in one way, and what cannot be printed is left out."""
    if not isinstance(sent, str):
        return sent
    text = sent.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(
        one
        for one in text
        if one == "\n" or not (unicodedata.category(one) in {"Cc", "Cs"} or one in _TURNS)
    )


def _as_figure(sent: Any) -> Any:
    if type(sent) is int or type(sent) is Decimal:
        return Decimal(sent)
    raise ValueError("a number is expected")


Figure = Annotated[Decimal, Field(strict=False), BeforeValidator(_as_figure)]
Id = Annotated[UUID, Field(strict=False)]
Moment = Annotated[
    datetime, Field(strict=False), BeforeValidator(_as_moment), AfterValidator(_in_utc)
]
Day = Annotated[date, Field(strict=False), BeforeValidator(_as_day)]
Word = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Prose = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_lines)]
# A patient's own words: what refuses them for good loses them.
Letter = Annotated[Prose, BeforeValidator(_cleaned)]


class Sent(BaseModel):
    """A body: every member is known and of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


def example(**members: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [members]})
