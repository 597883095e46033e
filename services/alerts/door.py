"""What every door of alerts uses: the parts, who asks, the moment, and the shapes of what is sent.

What comes in is strict: unknown members are refused, moments carry an offset, text is printable.
"""

import base64
import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from services.alerts import views
from services.alerts.reader import Reader
from services.alerts.stream import Hub
from services.alerts.views import Parts
from shared import exact, sensitive, service
from shared.access import Caller
from shared.access.browser import FormIsTooLarge as FormIsTooLarge
from shared.access.browser import FormIsUnreadable as FormIsUnreadable
from shared.access.browser import form as form
from shared.access.browser import from_page as from_page
from shared.access.browser import token_of as token_of
from shared.wall_clock import OSLO as OSLO

BODY = 64 * 1024

_MOMENT = re.compile(
    r"(?:19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)"
)
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class PlaceIsUnknown(Exception):
    """The cursor is not one that this service gave"""


def router(tag: str, prefix: str = "", *, body: int = BODY) -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], route_class=service.ExactRoute, max_body_size=body)


# --- what a route asks for ------------------------------------------------------------------


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


def _language(request: Request) -> str:
    return views.language(request.headers.get("accept-language"))


Has = Annotated[Parts, Depends(_parts)]
Live = Annotated[Hub, Depends(_hub)]
Language = Annotated[str, Depends(_language)]


def reader(request: Request, caller: Caller) -> Reader:
    """The caller as the access log writes him down."""
    shut = sensitive.closed(request.app.state.parts.programmes, caller.groups)
    return Reader.of(caller, request.scope["state"]["request_id"], shut)


def json(body: Any, status: int = 200, *, lang: str | None = None) -> Response:
    """An answer with measured values: their own digits, not a float's. `lang` is the language that
    its sentences are in, which need not be the one that was asked for."""
    said = {"Content-Language": lang} if lang else None
    return Response(exact.dumps(body), status, headers=said, media_type="application/json")


# --- places in a list -----------------------------------------------------------------------


def cursor(*parts: Any) -> str:
    plain = [_moment(part) if isinstance(part, datetime) else str(part) for part in parts]
    return base64.urlsafe_b64encode("|".join(plain).encode()).decode().rstrip("=")


def _moment(at: datetime) -> str:
    # The driver reads infinity, where a patient without alerts stands, back without a time zone.
    return at.replace(tzinfo=at.tzinfo or UTC).isoformat()


def row_place(text: str | None) -> tuple[int, datetime, int, UUID, UUID] | None:
    if text is None:
        return None
    try:
        rank, since, calm, patient, unit = _place(text)
        place = (int(rank), _aware(since), int(calm), UUID(patient), UUID(unit))
    except (ValueError, UnicodeError) as error:
        raise PlaceIsUnknown from error
    if not (0 <= place[0] <= 2 and -32_768 <= place[2] <= 32_767):
        raise PlaceIsUnknown
    return place


def alert_place(text: str | None) -> tuple[datetime, UUID] | None:
    if text is None:
        return None
    try:
        at, alert = _place(text)
        return _aware(at), UUID(alert)
    except (ValueError, UnicodeError) as error:
        raise PlaceIsUnknown from error


def _place(text: str) -> list[str]:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split("|")


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no offset")
    return at


def clock_time(text: str) -> datetime:
    """The moment of a clock time in Norway, as a page's field gives it. ValueError."""
    local = datetime.fromisoformat(text)
    try:
        return _in_utc(local if local.tzinfo else local.replace(tzinfo=OSLO))
    except OverflowError as error:  # the first and the last day that a calendar has
        raise ValueError("beyond the calendar") from error


# --- what is sent ---------------------------------------------------------------------------


def _as_moment(sent: Any) -> Any:
    if isinstance(sent, str) and _MOMENT.fullmatch(sent):
        return sent
    raise ValueError("a moment with an offset is expected")


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _printable(text: str) -> str:
    lines = []
    for line in unicodedata.normalize("NFC", text).strip().replace("\r\n", "\n").split("\n"):
        for character in line:
            if unicodedata.category(character) in {"Cc", "Cs"} or character in _TURNS:
                raise ValueError("text holds a character that cannot be printed")
        lines.append(line)
    return "\n".join(lines)


def _as_figure(sent: Any) -> Any:
    if type(sent) is int or type(sent) is Decimal:
        return Decimal(sent)
    raise ValueError("a number is expected")


Figure = Annotated[Decimal, Field(strict=False), BeforeValidator(_as_figure)]
Moment = Annotated[
    datetime, Field(strict=False), BeforeValidator(_as_moment), AfterValidator(_in_utc)
]
Id = Annotated[UUID, Field(strict=False)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Prose = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]


class Sent(BaseModel):
    """A body: every member is known and of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


def example(**members: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [members]})
