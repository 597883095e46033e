"""POST /v1/observations, as raw ASGI: the one route that a framework made three times slower.

The same function answers the FastAPI route of that path, which is there for the OpenAPI document.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence

import structlog
from fastapi import FastAPI, Response
from prometheus_client import Counter
from starlette.types import Receive, Scope, Send

from services.ingest import decoders, formats, receipts, room, tokens
from services.ingest.accept import CannotCommit, Intake
from services.ingest.admission import Admission, bearer
from services.ingest.devices import json_v1, refused
from services.ingest.senders import Credential, Senders
from shared import access, exact, service
from shared.contracts import Item
from shared.database import DatabaseIsAway
from shared.form_answers import Forms

log = structlog.get_logger()

PATH = "/v1/observations"
MOST_BYTES = 256 * 1024
BODY_SECONDS = 60.0
TURNED_AWAY: tuple[type[Exception], ...] = (*access.PROBLEMS, DatabaseIsAway)

REFUSED = Counter("hjemvakt_refused_total", "Bodies refused whole", ["code"])

JSON = b"application/json"
PROBLEM = b"application/problem+json"

Answer = tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]


class NotAdmitted(Exception):
    """A request that goes no further: `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Door:
    """Lets credentials in and turns whole-body faults into problem documents."""

    def __init__(
        self, senders: Senders, intake: Intake, forms: Forms, admission: Admission
    ) -> None:
        self.senders = senders
        self.intake = intake
        self.forms = forms
        self.admission = admission
        self.room = room.Room()

    async def observations(self, scope: Scope, receive: Receive) -> Answer:
        """Status, media type, body and further headers of the answer to one POST."""
        try:
            credential, body = await self.admitted(scope, receive, (JSON,), MOST_BYTES)
            try:
                items = json_v1.decode(body, formats.JSON, json_v1.HTTP_ITEMS, self.forms)
            except refused.Refused:
                raise
            except Exception as error:
                items = [self.failed(credential, body, formats.JSON, error)]
            must_be_given_for(credential, items)
        except NotAdmitted as refusal:
            return refusal.answer
        except refused.Refused as fault_found:
            return self.refuse(fault_found, credential, body)
        if not items:
            return 200, JSON, b'{"results":[]}', []
        try:
            answered = await self.intake.accept(credential, items)
        except CannotCommit:
            return unavailable()
        return 200, JSON, receipts.results(answered), []

    def secret_hash(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        """Of the sender's secret, where nothing in the head is to be refused."""
        secret = bearer(headers)
        if secret is None or unacceptable(headers, (JSON,)) is not None:
            return None
        return access.secret_hash(secret)

    def at_once(self, secret_hash: bytes, body: bytes) -> tuple[Credential, list[Item]] | None:
        """Who sends what, where that can be told without waiting and nothing is to be refused."""
        credential = self.senders.remembered_by_hash(secret_hash)
        if credential is None:
            return None
        if not self.admission.goes(credential, len(body)):
            return None
        try:
            items = json_v1.decode(body, "application/json", json_v1.HTTP_ITEMS, self.forms)
        except Exception:  # the slower way tells what was wrong
            return None
        return (credential, items) if items else None

    async def admitted(
        self, scope: Scope, receive: Receive, types: Sequence[bytes], most: int
    ) -> tuple[Credential, bytes]:
        """Whose request it is, and its body. Raises NotAdmitted."""
        headers = dict(scope["headers"])
        credential = await self.credential(scope, headers)
        fault = unacceptable(headers, types)
        if fault is not None:
            raise NotAdmitted(fault)
        if most > room.SMALL:
            await self.room.enter_for(scope, headers.get(b"content-length"))
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await read(receive, headers, most)
        except TimeoutError:
            raise NotAdmitted(too_slow()) from None
        if body is None:
            raise NotAdmitted(too_large(most))
        self.count(credential, len(body))
        return credential, body

    async def credential(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credential:
        """Whose request it is. Raises NotAdmitted."""
        try:
            return await self.admission.credential(scope, headers)
        except TURNED_AWAY as refusal:
            raise NotAdmitted(turned_away(refusal)) from None

    def refuse(self, fault: refused.Refused, credential: Credential, body: bytes) -> Answer:
        """A body of which nothing can be used: counted, so that nothing is lost unseen."""
        self.intake.traffic.refused(credential, fault.code)
        return _refuse(fault, credential, body)

    def failed(self, credential: Credential, body: bytes, media: str, error: Exception) -> Item:
        """What waits in quarantine of a body that a decoder of ours failed on."""
        return decoders.failed(body, media, error, credential.org, credential.sender.cred)

    def count(self, credential: Credential, size: int) -> None:
        """Raises NotAdmitted when the sender has gone mad."""
        try:
            self.admission.take(credential, size)
        except access.TooManyRequests as refusal:
            raise NotAdmitted(turned_away(refusal)) from None


class Application(FastAPI):
    """Answers the hot path before the framework's own layers; leaves it all else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        door: Door = self.state.door
        if scope["path"] != PATH or scope["method"] != "POST":
            try:
                await super().__call__(scope, receive, send)
            finally:
                door.room.leave_for(scope)
            return
        status, media_type, body, more = await door.observations(scope, receive)
        if status >= 400 and self.state.backstop is not None:
            await self.state.backstop.settled(scope, status, PATH)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", media_type),
                    (b"content-length", str(len(body)).encode()),
                    *service.HEADERS,
                    *more,
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})


async def read(receive: Receive, headers: Mapping[bytes, bytes], most: int) -> bytes | None:
    """The whole body, or None as soon as it is known to be larger than `most` bytes."""
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or int(announced) > most:
        return None
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= most else None
    pieces = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def unacceptable(headers: Mapping[bytes, bytes], types: Sequence[bytes]) -> Answer | None:
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        return problem(
            415, "encoding-not-taken", "Send the body as it is: no content-encoding is taken"
        )
    if headers.get(b"content-type") in types:
        return None
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type and media_type not in types:
        return problem(415, "media-type-not-taken", f"Send {types[0].decode()}")
    return None


def _refuse(fault: refused.Refused, credential: Credential, body: bytes) -> Answer:
    REFUSED.labels(fault.code).inc()
    log.warning(
        "A body was refused.",
        cred=credential.sender.cred,
        org=credential.org,
        code=fault.code,
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
    )
    status = 400 if isinstance(fault, refused.NotReadable) else 422
    return problem(status, fault.code, fault.title)


def too_large(most: int) -> Answer:
    REFUSED.labels("too-large").inc()
    return problem(413, "too-large", f"A body may have at most {most // 1024} KiB")


def too_slow() -> Answer:
    REFUSED.labels("too-slow").inc()
    return problem(408, "too-slow", "The body came too slowly; send it again")


def unauthenticated(refusal: access.NotAuthenticated) -> Answer:
    asked = {"WWW-Authenticate": refusal.challenge, **getattr(refusal, "headers", {})}
    REFUSED.labels("unauthenticated").inc()
    return problem(
        401,
        "unauthenticated",
        "Send the credential's secret as a bearer token, or a system's access token",
        [(name.lower().encode(), value.encode()) for name, value in asked.items()],
    )


def turned_away(refusal: Exception) -> Answer:
    """Why somebody does not come in, as a problem document."""
    if isinstance(refusal, DatabaseIsAway):
        return unavailable()
    if isinstance(refusal, access.NotAuthenticated):
        return unauthenticated(refusal)
    fact, headers = type(refusal), []
    status, code = access.PROBLEMS[fact], service.code_of(fact)
    REFUSED.labels(code).inc()
    if status in (429, 503):
        seconds = getattr(refusal, "retry_after", 2)
        headers = [(b"retry-after", str(seconds).encode())]
    return problem(status, code, service.title_of(fact), headers)


def must_be_given_for(credential: Credential, items: Sequence[Item]) -> None:
    """Raises NotAdmitted when a token is not given for what it brings."""
    try:
        tokens.must_be_given_for(credential, items)
    except access.ScopeIsMissing as refusal:
        raise NotAdmitted(turned_away(refusal)) from None


def unavailable() -> Answer:
    return problem(
        503, service.code_of(CannotCommit), service.title_of(CannotCommit), [(b"retry-after", b"2")]
    )


def plain(answer: Answer) -> Response:
    """The same answer from a FastAPI route."""
    status, media_type, body, more = answer
    headers = {name.decode(): value.decode() for name, value in more}
    return Response(body, status, headers, media_type.decode())


def problem(
    status: int, code: str, title: str, headers: list[tuple[bytes, bytes]] | None = None
) -> Answer:
    document = {"type": "about:blank", "title": title, "status": status, "code": code}
    return status, PROBLEM, exact.dumps(document), headers or []
