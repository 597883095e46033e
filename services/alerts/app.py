"""Wiring of alerts: settings, the loops, doors and pages, refusals to HTTP status."""

import asyncpg
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.alerts import (
    checker,
    consumer,
    door,
    entering,
    login,
    moves,
    pages,
    past,
    quarantine,
    questions,
    reader,
    routes,
    sheet,
    silence,
    trying,
    worklist,
)
from services.alerts.clinical import lifecycle
from services.alerts.memory import Memory
from services.alerts.page.frame import TEMPLATES
from services.alerts.stream import Hub, Notifier
from services.alerts.views import Parts
from shared import access, ledger, programmes, service, settings
from shared.access.login import Logins
from shared.database import Database

STATIC = TEMPLATES.parent / "static"
PAGES = ("/patients/", "/rows", "/login", "/logout")

PROBLEMS: dict[type[Exception], int] = {
    **access.PROBLEMS,
    reader.NoSuchPatient: 404,
    reader.NotYourUnit: 403,
    moves.NoSuchAlert: 404,
    moves.AlertHasMoved: 409,
    moves.AnotherIsOpen: 409,
    moves.UnknownAssignee: 422,
    lifecycle.MoveNotAllowed: 409,
    lifecycle.MoveNotYours: 403,
    lifecycle.NoteMissing: 422,
    lifecycle.UntilMissing: 422,
    lifecycle.UntilIsUnusable: 422,
    entering.NoSuchReading: 404,
    entering.ReadingHasChanged: 409,
    entering.ReadingIsInTheFuture: 422,
    entering.ReadingIsNotUsable: 422,
    routes.ImpossibleValue: 422,
    questions.ReadingIsNotNamed: 422,
    past.TooManyReadings: 422,
    trying.UnknownProgramme: 422,
    trying.UnknownLimit: 422,
    trying.LimitIsOutOfBounds: 422,
    trying.ProgrammeNotValid: 422,
    trying.ReplayIsBusy: 503,
    door.PlaceIsUnknown: 422,
    door.FormIsUnreadable: 422,
    door.FormIsTooLarge: 413,
    asyncpg.LockNotAvailableError: 503,
}


class Files(StaticFiles):
    """The pages' own files: nothing from elsewhere, asked for anew when the version changes."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        for name, value in sheet.HEADERS.items():
            response.headers[name] = value
        return response


def create() -> FastAPI:
    chosen = settings.read(settings.Alerts)
    database = Database(chosen.database, name="alerts", size=10)
    # The take must walk its key whatever the statistics of a mostly empty queue say.
    taking = Database(
        chosen.database, name="alerts-take", size=4, server_settings=ledger.TAKE_SETTINGS
    )
    known = programmes.in_use(chosen.programmes)
    memory = Memory()
    notifier = Notifier(database)
    hub = Hub(database)
    app = service.build(
        "alerts",
        routers=[routes.router, questions.router, worklist.router, pages.router, login.router],
        parts=[
            database,
            taking,
            notifier,
            hub,
            consumer.Consumer(taking, notifier, known, memory),
            silence.Clock(database, notifier, known, memory),
            checker.Checker(database, notifier, known),
            quarantine.Quarantine(database, notifier),
        ],
        problems=PROBLEMS,
        docs=chosen.docs,
        description="Alerts, the worklist and its live stream, scores, and the nurse's pages.",
    )
    app.mount("/static", Files(directory=STATIC), name="static")
    app.state.parts = Parts(database, notifier, known, memory)
    app.state.hub = hub
    guard = access.guard_of(app, chosen, database)
    app.state.logins = Logins(guard, f"{chosen.public_url}/login/callback")
    app.state.secure_cookie = chosen.secure_cookie
    _problems_as_pages(app)
    return app


def _problems_as_pages(app: FastAPI) -> None:
    """Where a page was asked for, a refusal is a page too."""

    def handler(fact: type[Exception], status: int) -> None:
        answer = app.exception_handlers[fact]

        async def handle(request: Request, error: Exception) -> Response:
            path = request.url.path
            if path == "/" or path.startswith(PAGES):
                return sheet.problem_page(request, status, service.code_of(type(error)))
            return await answer(request, error)  # type: ignore[no-any-return,misc]  # as service made it

        app.add_exception_handler(fact, handle)

    for fact, status in PROBLEMS.items():
        handler(fact, status)
