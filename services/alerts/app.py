"""Wiring of alerts: settings, the loops, doors and pages, refusals to HTTP status."""

import json
from datetime import timedelta
from functools import partial

import asyncpg
from fastapi import FastAPI, Request
from pydantic import SecretStr
from starlette.responses import Response

from services.alerts import (
    consumer,
    door,
    elsewhere,
    login,
    pages,
    questions,
    reader,
    routes,
    sheet,
    worklist,
)
from services.alerts.care import (
    answering,
    care_pages,
    contacting,
    contacts,
    conversations,
    conversing,
    doing,
    emergency,
    filling,
    form_pages,
    message_pages,
    moves,
    moving,
    photos,
    showing,
    shut_pages,
    tasks,
)
from services.alerts.clinical import lifecycle
from services.alerts.delivery import deadman, deliveries, delivering, escalating, retrying
from services.alerts.delivery.post import Post
from services.alerts.delivery.ways import Ways
from services.alerts.judging import held, quarantine, silence, watchdog
from services.alerts.judging.memory import Memory
from services.alerts.looking_back import kept, past, steering_pages, trials, trying
from services.alerts.other_systems import (
    connection_pages,
    connections,
    fhir,
    intake,
    intakes,
    outgoing,
)
from services.alerts.page.frame import TEMPLATES
from services.alerts.rows import checker, downtime, filters
from services.alerts.self_test import testing
from services.alerts.stream import Hub, Notifier
from services.alerts.views import Parts
from shared import access, audit, desk, entered, ledger, programmes, push, service, settings
from shared.access import logout, source
from shared.access.login import Logins
from shared.database import Database
from shared.instruments import forms as instrument_forms

STATIC = TEMPLATES.parent / "static"
PAGES = (
    "/patients/",
    "/rows",
    "/downtime",
    "/connections",
    "/login",
    "/logout",
    "/filters",
    "/what-if",
    "/burden",
)

PROBLEMS: dict[type[Exception], int] = {
    **access.PROBLEMS,
    logout.LogOutIsNotValid: 400,
    reader.NoSuchPatient: 404,
    reader.NotYourUnit: 403,
    reader.NotYourGroup: 403,
    moves.NoSuchAlert: 404,
    moves.AlertHasMoved: 409,
    moves.UnknownAssignee: 422,
    moving.AnotherIsOpen: 409,
    moving.NothingHandedOver: 409,
    moving.NotHandedToYou: 403,
    moving.AcceptItFirst: 409,
    moving.UnitMissing: 422,
    moving.UnknownUnit: 422,
    emergency.ReasonMissing: 422,
    contacting.ContactIsInTheFuture: 422,
    contacting.ProgrammeNotFollowed: 422,
    doing.NoSuchTask: 404,
    doing.TaskHasMoved: 409,
    doing.TaskIsDone: 409,
    doing.TextMissing: 422,
    doing.TimeHasPassed: 422,
    conversing.ConversationHasMoved: 409,
    conversing.NothingWaits: 409,
    conversing.AnswerIsNotUsable: 422,
    lifecycle.MoveNotAllowed: 409,
    lifecycle.MoveNotYours: 403,
    lifecycle.NoteMissing: 422,
    lifecycle.UntilMissing: 422,
    lifecycle.UntilIsUnusable: 422,
    lifecycle.ConfirmationMissing: 422,
    filling.NoSuchForm: 404,
    entered.NoSuchReading: 404,
    entered.ReadingHasChanged: 409,
    entered.ReadingIsInTheFuture: 422,
    entered.ReadingIsNotUsable: 422,
    routes.ImpossibleValue: 422,
    routes.UnknownInstrument: 404,
    routes.AnswersDoNotFit: 422,
    questions.ReadingIsNotNamed: 422,
    past.TooManyReadings: 422,
    trying.UnknownProgramme: 422,
    trying.UnknownLimit: 422,
    trying.LimitIsOutOfBounds: 422,
    trying.ProgrammeNotValid: 422,
    trying.VersionIsNotLoaded: 422,
    trying.ReplayIsBusy: 503,
    retrying.NoSuchDelivery: 404,
    retrying.AlreadyOnItsWay: 409,
    retrying.NoLadder: 409,
    retrying.NoSuchStep: 422,
    connections.NoSuchConnection: 404,
    intake.NoSuchSender: 404,
    connections.HostIsNotAllowed: 422,
    fhir.NotAPatient: 422,
    showing.NoSuchAttachment: 404,
    door.PlaceIsUnknown: 422,
    door.FormIsUnreadable: 422,
    door.FormIsTooLarge: 413,
    audit.LookCannotBeLogged: 503,
    asyncpg.LockNotAvailableError: 503,
}


def create() -> FastAPI:
    chosen = settings.read(settings.Alerts)
    database = Database(chosen.database, name="alerts", size=10)
    # The take must walk its key whatever the statistics of a mostly empty queue say. Whoever reads
    # one patient after the other does it here too: to plan such a statement costs thirty times what
    # it costs to run one that has been planned.
    taking = Database(
        chosen.database, name="alerts-take", size=6, server_settings=ledger.TAKE_SETTINGS
    )
    known = programmes.judged_by(chosen.programmes)
    memory = Memory()
    notifier = Notifier(database)
    hub = Hub(database)
    judging = consumer.Consumer(taking, notifier, known, memory)
    tested = (
        testing.SelfTest(
            taking,
            notifier,
            known,
            testing.Subject.read(chosen.self_test),
            timedelta(minutes=chosen.self_test_minutes),
        )
        if chosen.self_test
        else None
    )
    clock = silence.Clock(
        taking, notifier, known, memory, tested.faults if tested else watchdog.untested
    )
    late = timedelta(seconds=chosen.undelivered_after)
    tellers: list[service.Part] = [
        escalating.Escalation(taking, notifier, known, memory, late),
        delivering.Delivery(database, Post(ways(chosen))),
        outgoing.Outgoing(database, ways(chosen), known, chosen.identity_keys),
    ]
    parts = Parts(
        database,
        notifier,
        known,
        memory,
        instrument_forms.in_use(chosen.instruments),
        identity_keys=chosen.identity_keys,
    )
    app = service.build(
        "alerts",
        routers=[
            routes.router,
            questions.router,
            worklist.router,
            tasks.router,
            contacts.router,
            conversations.router,
            deliveries.router,
            intakes.router,
            connections.router,
            trials.router,
            steering_pages.router,
            fhir.router,
            pages.router,
            photos.router,
            care_pages.router,
            filters.router,
            shut_pages.router,
            form_pages.router,
            connection_pages.router,
            message_pages.router,
            login.router,
            elsewhere.router,
        ],
        parts=[
            database,
            taking,
            notifier,
            hub,
            judging,
            clock,
            checker.Checker(taking, notifier, known),
            quarantine.Quarantine(database, notifier),
            held.HeldReds(database, notifier, known),
            answering.Answering(database, notifier, known),
            downtime.Sheets(parts, chosen.downtime),
            *tellers,
            *([tested] if tested else []),
            deadman.DeadMan(
                _secret(chosen.dead_man_url),
                [judging.ready, clock.ready, *(one.ready for one in tellers)]
                + ([tested.late] if tested else []),
            ),
        ],
        problems=PROBLEMS,
        backstop=audit.Backstop(database, partial(source.of, behind_proxy=chosen.behind_proxy)),
        docs=chosen.docs,
        description="Alerts, the worklist and its live stream, scores, and the nurse's pages.",
    )
    app.mount("/static", desk.Files(STATIC, sheet.HEADERS), name="static")
    app.state.parts = parts
    app.state.hub = hub
    app.state.steering = kept.Kept()
    app.state.setup_at = chosen.setup_at.removesuffix("/")
    app.state.ways = ways(chosen)
    app.state.mode = chosen.mode
    app.state.video_url = chosen.video_url or ""
    guard = access.guard_of(app, chosen, database)
    app.state.logins = Logins(guard, f"{chosen.public_url}/login/callback")
    app.state.secure_cookie = chosen.secure_cookie
    _problems_as_pages(app)
    return app


def ways(chosen: settings.Alerts) -> Ways:
    """What this installation can send with."""
    return Ways(
        public_url=chosen.public_url,
        identity_keys=chosen.identity_keys,
        webhook_secret=_secret(chosen.webhook_secret),
        webhook_hosts=frozenset(
            host.strip().lower() for host in chosen.webhook_hosts.split(",") if host.strip()
        ),
        host_headers=json.loads(_secret(chosen.host_headers) or "{}"),
        smtp_url=_secret(chosen.smtp_url),
        mail_from=chosen.mail_from,
        sms_url=_secret(chosen.sms_url),
        sms_body=_secret(chosen.sms_body),
        sms_headers=json.loads(_secret(chosen.sms_headers) or "{}"),
        push_key=push.private_key(chosen.push_key) if chosen.push_key else None,
        push_contact=_contact(chosen),
        push_hosts=push.hosts(chosen.push_hosts),
        push_ca=chosen.push_ca,
    )


def _contact(chosen: settings.Alerts) -> str | None:
    """Whom a push service turns to when something is wrong with what we send."""
    if chosen.mail_from:
        return f"mailto:{chosen.mail_from}"
    given = chosen.public_url or ""
    return given if given.startswith("https://") else None


def _secret(given: SecretStr | None) -> str | None:
    return given.get_secret_value() if given is not None else None


def _problems_as_pages(app: FastAPI) -> None:
    """Where a page was asked for, a refusal is a page too."""

    def handler(fact: type[Exception], status: int) -> None:
        answer = app.exception_handlers[fact]

        async def handle(request: Request, error: Exception) -> Response:
            path = request.url.path
            if path == "/" or path.startswith(PAGES):
                shown = sheet.problem_page(request, status, service.code_of(type(error)))
                shown.headers.update(service.headers_of(error, shown.status_code))
                return shown
            return await answer(request, error)  # type: ignore[no-any-return,misc]  # as service made it

        app.add_exception_handler(fact, handle)

    for fact, status in PROBLEMS.items():
        handler(fact, status)
