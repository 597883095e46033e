"""How every service starts, answers health questions and turns refusals into HTTP.

The only place that knows logging, metrics, problem documents and uvicorn.
"""

import contextlib
import gc
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from importlib import metadata
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import audit, exact, fhir_bundles, refusals
from shared.database import DatabaseIsAway, one_request
from shared.patience import BodyInTime

log = structlog.get_logger()

REQUESTS = Counter("hjemvakt_requests_total", "Answered requests", ["method", "route", "status"])
SECONDS = Histogram("hjemvakt_request_seconds", "Time to answer", ["route"])

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    # A page that shows something says so itself; nothing else here is to be shown.
    (
        b"content-security-policy",
        b"default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
]
# A refusal has at most 4 KiB, however much is wrong; `more` says how many faults are not named.
MOST_FAULTS = 50
MOST_BYTES_OF_FAULTS = 3600
NOT_KNOWN = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}  # as in a body
NOT_STORABLE = "A text holds a character that cannot be stored."
# Whether the service is alone in its process, and not one of many that a test starts.
_has_the_process = ContextVar("has_the_process", default=False)
DOCS = "/docs"  # a page of the framework's own, with scripts; not passed on by the front door


class Part(Protocol):
    """Something a service is made of that opens, closes and knows whether it is ready."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ready(self) -> str | None:
        """None when ready, otherwise a sentence saying what is missing."""


def build(
    name: str,
    *,
    routers: list[APIRouter],
    parts: list[Part],
    problems: Mapping[type[Exception], int],
    docs: bool = True,
    description: str = "",
    application: type[FastAPI] = FastAPI,
    backstop: audit.Backstop | None = None,
) -> FastAPI:
    """The FastAPI application of one service.

    `problems` maps refusals (exceptions whose docstring is the title) to HTTP status codes.
    `backstop` writes in the audit trail what no verb of a request has written.
    """
    parts = [*parts, backstop] if backstop else parts
    logging_for(os.environ.get("HJEMVAKT_LOG_FORMAT", "json"))

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for part in parts:
                await part.open()
                stack.push_async_callback(part.close)
            if _has_the_process.get():
                # What was made at start lives as long as the process; a full collection that
                # walks it is the likeliest cause of 50 ms pauses.
                gc.collect()
                gc.freeze()
                gc.set_threshold(20_000, 50, 50)
            yield

    app = application(
        title=f"Hjemvakt {name}",
        version=metadata.version("hjemvakt"),
        description=description,
        lifespan=lifespan,
        docs_url=DOCS if docs else None,
        openapi_url="/openapi.json" if docs else None,
        redoc_url=None,
    )
    # The routes themselves and not `include_router`, which makes each of them anew, dependencies
    # and all, at the first request, and looks for every request's route twice.
    for router in [*routers, _health(name, parts)]:
        app.router.routes.extend(router.routes)
    problems = {DatabaseIsAway: 503, audit.LookCannotBeLogged: 503, **problems}
    _handle_problems(app, problems)
    _document(app, problems)
    app.add_middleware(BodyInTime)
    app.add_middleware(_Envelope, backstop=backstop)
    app.state.backstop = backstop
    return app


class ExactRoute(APIRoute):
    """A route that reads strictly what it is sent: JSON with exact decimals, no key twice, no NaN,
    not too deep; and under `/v1` no query parameter that it does not know.

    A filter that is spelt wrongly and passed over would answer with everybody's.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        # A list that is always given whole takes `limit` as every list does.
        known = {"limit", *(one.alias for one in get_flat_params(self.dependant))}
        is_strict = self.path.startswith("/v1")

        async def read_exactly(request: Request) -> Response:
            if is_strict and (unknown := request.query_params.keys() - known):
                raise RequestValidationError(
                    [{"loc": ("query", name), **NOT_KNOWN} for name in sorted(unknown)]
                )
            return await handle(_ExactRequest(request.scope, request.receive))

        return read_exactly


class _ExactRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            value = exact.loads(body)
        except exact.Unreadable as error:
            raise HTTPException(400, title_of(type(error))) from None
        if not exact.storable(exact.Part(value, body)):
            raise HTTPException(400, NOT_STORABLE)
        return value


def _health(name: str, parts: list[Part]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """The process runs."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 when the service has committed, subscribed and follows; else 503 and why."""
        missing = [sentence for part in parts if (sentence := await part.ready())]
        status = 503 if missing else 200
        return JSONResponse({"ready": not missing, "missing": missing}, status)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Prometheus metrics, without patient data."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/version")
    async def version() -> dict[str, str]:
        return {"service": name, "version": metadata.version("hjemvakt")}

    return router


def problem(
    status: int, code: str, title: str, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """An RFC 9457 problem document. Members never carry a value that the sender sent."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code, **members}
    # An alert in a problem has figures, and they keep their own digits.
    return Response(
        exact.dumps(body), status, dict(headers or {}), media_type="application/problem+json"
    )


def headers_of(error: Exception, status: int) -> dict[str, str]:
    """What goes with a refusal, be it told to a program or shown as a page."""
    headers = {"Retry-After": "2"} if status == 503 else {}
    if (seconds := getattr(error, "retry_after", None)) is not None:
        headers["Retry-After"] = str(seconds)
    if status == 401:
        headers["WWW-Authenticate"] = getattr(error, "challenge", "Bearer")
    return headers | getattr(error, "headers", {})


def code_of(fact: type[Exception]) -> str:
    """AlertHasMoved -> alert-has-moved."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", fact.__name__).lower()


def title_of(fact: type[Exception]) -> str:
    return (fact.__doc__ or fact.__name__).strip().splitlines()[0]


def _document(app: FastAPI, problems: Mapping[type[Exception], int]) -> None:
    """The refusals, in the document that FastAPI makes of the doors."""
    made = app.openapi
    codes: dict[int, list[str]] = {}
    for fact, status in problems.items():
        codes.setdefault(status, []).append(code_of(fact))

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            refusals.complete(made(), codes)  # which FastAPI keeps
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _handle_problems(app: FastAPI, problems: Mapping[type[Exception], int]) -> None:
    def handler(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def handle(_request: Request, error: Exception) -> Response:
            fact = type(error)
            members = getattr(error, "members", {})
            headers = headers_of(error, status)
            return problem(status, code_of(fact), title_of(fact), headers, **members)

        return handle

    for fact, status in problems.items():
        app.add_exception_handler(fact, handler(status))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        codes = {
            401: "unauthenticated",
            403: "forbidden",
            404: "not-found",
            405: "method-not-taken",
            408: "too-slow",
        }
        code = codes.get(error.status_code, f"http-{error.status_code}")
        return problem(error.status_code, code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        # FastAPI's own handler echoes the input, which may be a patient's value or NaN.
        found = error.errors()
        faults = [
            {
                "loc": [_place(part) for part in fault["loc"]],
                "type": fault["type"],
                "msg": _msg(fault),
            }
            for fault in found[:MOST_FAULTS]
        ]
        while len(exact.dumps(faults)) > MOST_BYTES_OF_FAULTS:
            faults.pop()
        left: dict[str, Any] = (
            {"more": len(found) - len(faults)} if len(faults) < len(found) else {}
        )
        title = "The request is not of the expected form"
        return problem(422, "invalid-request", title, None, errors=faults, **left)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error(
            "A request failed unexpectedly.",
            fault=type(error).__name__,
            route=_route(request.scope),
        )
        return problem(500, "unexpected", "Something unexpected went wrong")


def _place(part: object) -> str:
    """A member's name as ours are, or a number in a list. The name of a member that we do not know
    is the sender's, and may be anything, such as somebody's name."""
    text = str(part)
    return text if isinstance(part, int) or re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", text) else "?"


def _msg(fault: Mapping[str, Any]) -> str:
    # Custom validators may format the value into the message; only pydantic's own texts are safe.
    safe = fault["type"] not in {"value_error", "assertion_error"}
    return str(fault["msg"]) if safe else "Value is not acceptable"


class _Envelope:
    """Request id, audit, security headers, counts and times around every answer."""

    def __init__(self, app: ASGIApp, backstop: audit.Backstop | None) -> None:
        self._app = app
        self._backstop = backstop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        is_held_back = False

        async def enveloped(message: Message) -> None:
            nonlocal status, is_held_back
            if is_held_back:
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                if self._backstop and not await self._backstop.settled(scope, _said(message)):
                    is_held_back, status = True, 503
                    await _unwritten(scope, receive, send)
                    return
                present = {name.lower() for name, _ in message["headers"]}
                if scope["path"] == DOCS:
                    present.add(b"content-security-policy")
                message["headers"] = [
                    *message["headers"],
                    *(header for header in HEADERS if header[0] not in present),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            with one_request(), audit.one_request():
                app = _not_storable if _has_nul(scope) else self._app
                await app(scope, receive, enveloped)
        finally:
            route = _route(scope)
            REQUESTS.labels(scope["method"], route, str(status)).inc()
            SECONDS.labels(route).observe(time.perf_counter() - began)


def _has_nul(scope: Scope) -> bool:
    """In the address: no text that is kept holds one, and PostgreSQL takes none to compare with."""
    query: bytes = scope["query_string"]
    return "\0" in scope["path"] or b"%00" in query or b"\0" in query


async def _not_storable(scope: Scope, receive: Receive, send: Send) -> None:
    answer: Response = problem(400, "http-400", NOT_STORABLE)
    if scope["path"].startswith("/fhir/"):
        said = fhir_bundles.outcome("http-400", NOT_STORABLE)
        answer = JSONResponse(said, 400, media_type="application/fhir+json")
    await answer(scope, receive, send)


def _said(message: Message) -> int:
    """The status as the audit trail takes it: a page leads back to itself with its problem."""
    status: int = message["status"]
    place = next((value for name, value in message["headers"] if name == b"location"), b"")
    return 422 if status == 303 and b"problem=" in place else status


async def _unwritten(scope: Scope, receive: Receive, send: Send) -> None:
    """Instead of an answer that the audit trail knows nothing of."""
    fact = audit.LookCannotBeLogged
    answer = problem(503, code_of(fact), title_of(fact), {"Retry-After": "2"})
    answer.headers.update({name.decode(): value.decode() for name, value in HEADERS})
    await answer(scope, receive, send)


def _route(scope: Scope) -> str:
    # The template, never the path: paths carry patient ids.
    return getattr(scope.get("route"), "path", "other")


def logging_for(form: str) -> None:
    """Structured logs to standard error: a sentence with ids, never a value or a name."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def run(name: str, http: str = "auto") -> None:
    """`python -m services.<name> [--host H] [--port P]`: serve until told to stop.

    `http` names a protocol of the service's own, which meets the application with nothing between.
    """
    import argparse

    import uvicorn

    from shared import access, programmes, settings
    from shared.access import trust
    from shared.instruments.forms import FormsAreUnreadable

    ports = {"ingest": 8001, "patients": 8002, "alerts": 8003}
    parser = argparse.ArgumentParser(prog=f"hjemvakt serve {name}")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=ports[name], help="port to listen on")
    chosen = parser.parse_args()
    _has_the_process.set(True)
    try:
        uvicorn.run(
            f"services.{name}.app:create",
            factory=True,
            host=chosen.host,
            port=chosen.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=2_000,
            http=http,
            proxy_headers=http == "auto",
        )
    except (settings.SettingIsMissing, trust.IssuersAreUnusable,
            access.DevelopmentIssuerInProduction) as error:  # fmt: skip
        sys.stderr.write(f"{name} does not start: {str(error) or title_of(type(error))}\n")
        raise SystemExit(2) from None
    except (programmes.ProgrammeIsUnreadable, FormsAreUnreadable) as error:
        # Whoever edited a rule or a form reads this, and one that runs already goes on as it is.
        for sentence in error.sentences:
            sys.stderr.write(f"{name} does not start: {sentence}\n")
        raise SystemExit(2) from None
