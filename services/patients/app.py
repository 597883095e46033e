"""Wiring of the record: settings, doors, refusals to HTTP status."""

from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import Response

from services.patients import consumer, development, login, look, pages, paging, record, routes
from services.patients.equipment import (
    authorities,
    bind,
    bindings,
    certify,
    codes,
    devices,
    enrolment_codes,
    issue,
    renewals,
    suggest,
    suggestions,
)
from services.patients.fhir_doors import (
    fhir,
    fhir_attachments,
    fhir_audit,
    fhir_door,
    fhir_facts,
    fhir_messages,
    fhir_people,
    search,
)
from services.patients.followup import (
    care,
    enrol,
    limits,
    linking,
    links,
    suggested,
    suggesting,
)
from services.patients.hospital import (
    appoint,
    catalogue,
    ladders,
    organise,
    signing,
    units,
    versions,
)
from services.patients.me import messages, notices, notify, sending, sheet
from services.patients.measured import attach, attachments, enter, quarantine, readings, release
from services.patients.measured import in_bulk as bulk
from services.patients.numbers import (
    NumberIsNotAcceptable,
    NumberNeedsItsSystem,
    Numbers,
    PhoneIsNotUsable,
)
from services.patients.privacy import (
    audit_pages,
    auditing,
    claiming,
    claims,
    exports,
    proxies,
    proxy,
    shield,
    shields,
    shutting,
    snooping,
    statistics,
    tracing,
)
from services.patients.setup import (
    announced,
    enrolling,
    entrance,
    held,
    hours,
    ladder,
    leaving,
    preparing,
    settling,
    settling_many,
    steps,
    trial_weeks,
)
from services.patients.setup import devices as setup_devices
from services.patients.setup import frame as setup_frame
from services.patients.setup import programmes as programme_pages
from services.patients.setup import staff as setup_staff
from services.patients.setup import units as setup_units
from shared import (
    access,
    audit,
    desk,
    entered,
    filing,
    form_answers,
    ledger,
    programmes,
    push,
    service,
    settings,
    watching,
)
from shared import ladders as ladder_rules
from shared import limits as own_limits
from shared.access import browser, certificates, logout, source
from shared.access.login import Logins
from shared.audit import sealing
from shared.database import Database
from shared.instruments import forms

PROBLEMS: dict[type[Exception], int] = {
    **access.PROBLEMS,
    logout.LogOutIsNotValid: 400,
    look.NoSuchPatient: 404,
    look.AnotherUnit: 403,
    shield.AlreadyShut: 409,
    shield.NoSuchShield: 404,
    shield.UnknownStaff: 422,
    organise.NoSuchUnit: 404,
    organise.NoSuchStaff: 404,
    organise.NameIsTaken: 409,
    organise.NumberIsTaken: 409,
    organise.UnknownUnit: 422,
    organise.OwnRights: 403,
    watching.HoursAreUnusable: 422,
    ladder_rules.LadderIsUnusable: 422,
    ladder_rules.HourIsUncovered: 422,
    appoint.FromIsInThePast: 422,
    routes.NumberInAddress: 422,
    record.LocalNumberIsTaken: 409,
    record.IdentifierIsTaken: 409,
    record.UnitIsNotYours: 403,
    NumberIsNotAcceptable: 422,
    NumberNeedsItsSystem: 422,
    PhoneIsNotUsable: 422,
    enrol.UnknownProgramme: 422,
    enrol.AlreadyEnrolled: 409,
    enrol.NoSuchEnrolment: 404,
    enrol.EnrolmentHasEnded: 409,
    enrol.NotEnrolled: 409,
    own_limits.UnknownLimit: 422,
    own_limits.LimitIsOutOfBounds: 422,
    own_limits.AlreadyProposed: 409,
    own_limits.NoSuchProposal: 404,
    own_limits.NothingIsSuggested: 409,
    own_limits.ProposalIsSettled: 409,
    own_limits.NeedsAnotherPerson: 409,
    own_limits.LimitHasChanged: 409,
    own_limits.PrescriberNotNamed: 409,
    versions.NoSuchProgramme: 404,
    versions.VersionIsNotLoaded: 409,
    versions.ProgrammeIsNotApproved: 409,
    versions.AlreadyActive: 409,
    versions.WhatIfIsNotShown: 409,
    signing.SeatIsNotYours: 403,
    signing.SeatIsTaken: 409,
    signing.AlreadySigned: 409,
    signing.ProgrammeHasChanged: 409,
    enrol.NotAPeriod: 422,
    enrol.AlreadyPaused: 409,
    enrol.NoSuchPause: 404,
    linking.SamePatient: 422,
    linking.UnknownOther: 422,
    linking.AlreadyLinked: 409,
    linking.NoSuchLink: 404,
    issue.DeviceIsKnown: 409,
    issue.NoSuchDevice: 404,
    issue.UnknownDevice: 422,
    issue.NoSuchCredential: 404,
    issue.CredentialIsRevoked: 409,
    issue.ClientIsTaken: 409,
    issue.OnlySystemsAreClients: 422,
    suggest.NoSuchSuggestion: 404,
    suggest.AlreadyTaken: 409,
    suggest.AlreadyDismissed: 409,
    suggest.KindDoesNotFit: 422,
    codes.CodeIsNotValid: 404,
    codes.SystemsHaveNoCode: 409,
    issue.KeyIsTheDevices: 409,
    certify.CertificatesAreNotGiven: 409,
    certificates.RequestIsNotUsable: 422,
    certificates.CertificateIsNotValid: 401,
    enrolment_codes.KeyIsNotUsable: 422,
    proxy.NotAProxyPeriod: 422,
    proxy.NoSuchProxy: 404,
    proxy.ProxyOfHimself: 409,
    proxy.TooManyProxies: 409,
    statistics.NotMonths: 422,
    bind.UnknownCredential: 422,
    bind.SystemsAreNotBound: 409,
    bind.AlreadyHeld: 409,
    bind.NoSuchBinding: 404,
    bind.BindingIsWithdrawn: 409,
    ledger.BindingsAreBusy: 503,
    ledger.NotWaiting: 409,
    ledger.CannotBeReleased: 409,
    release.NoSuchItem: 404,
    release.NotRejected: 409,
    bulk.NoSuchRun: 404,
    bulk.IsNotRejection: 409,
    attach.NoSuchAttachment: 404,
    attach.NothingToShow: 404,
    attach.AttachmentIsNotUsable: 422,
    attachments.AboutMissing: 422,
    filing.FileNotTaken: 415,
    filing.TooManyAttachments: 429,
    entered.NoSuchReading: 404,
    entered.ReadingHasChanged: 409,
    entered.ReadingIsInTheFuture: 422,
    entered.ReadingIsNotUsable: 422,
    enter.AnswersAreNotUsable: 422,
    claiming.NoSuchClaim: 404,
    claiming.ClaimIsDecided: 409,
    claiming.ClaimIsNotGranted: 409,
    claiming.NeedsASecondPerson: 409,
    claiming.GroundDoesNotFit: 422,
    claiming.UnknownFact: 422,
    paging.PlaceIsUnknown: 422,
    auditing.MomentNeedsAnOffset: 422,
    tracing.TooLongASpan: 422,
    fhir_door.NoSuchResource: 404,
    preparing.NoSuchDraft: 404,
    preparing.DraftHasBegun: 409,
    browser.FormIsUnreadable: 422,
    browser.FormIsTooLarge: 413,
    push.NotAPushAddress: 422,
    push.NotADevicesKeys: 422,
    notify.NoticesAreNotOffered: 409,
    notify.TooManyDevices: 409,
    development.NotHere: 404,
    development.NoSuchPerson: 404,
}


def create() -> FastAPI:
    chosen = settings.read(settings.Patients)
    database = Database(chosen.database, name="patients", fenced=True)
    certifier = certify.Certifier(chosen.device_authorities)
    loaded = programmes.versions(chosen.programmes)
    app = service.build(
        "patients",
        routers=[
            units.router,
            ladders.router,
            routes.router,
            shields.router,
            proxies.router,
            statistics.router,
            care.router,
            links.router,
            limits.router,
            limits.waiting_router,
            suggested.router,
            catalogue.router,
            readings.router,
            attachments.router,
            attachments.upload_router,
            attachments.file_router,
            attachments.held_router,
            messages.router,
            devices.router,
            enrolment_codes.router,
            renewals.router,
            bindings.router,
            suggestions.router,
            quarantine.router,
            fhir.router,
            fhir_people.router,
            fhir_facts.router,
            fhir_attachments.router,
            fhir_messages.router,
            fhir_audit.router,
            auditing.router,
            audit_pages.router,
            exports.router,
            claims.router,
            development.router,
            login.router,
            pages.router,
            sending.router,
            sending.photo_router,
            entrance.router,
            leaving.router,
            held.router,
            settling_many.router,  # before the routes of one item
            settling.router,
            announced.router,
            setup_devices.router,
            setup_units.router,
            setup_staff.router,
            enrolling.router,
            ladder.router,
            hours.router,
            programme_pages.router,
            steps.router,
            trial_weeks.router,
            notices.router,
            shutting.router,
        ],
        parts=[
            database,
            consumer.Consumer(database),
            suggesting.Suggesting(database, loaded),
            sealing.Sealing(database),
            authorities.Authorities(database, certifier),
        ],
        problems=PROBLEMS,
        backstop=audit.Backstop(database, partial(source.of, behind_proxy=chosen.behind_proxy)),
        docs=chosen.docs,
        description="The record: people, teams, devices, limits, quarantine, and FHIR R4 to read.",
    )
    app.add_exception_handler(search.NotSearchable, fhir_door.outcome)
    app.state.database = database
    quota = filing.Quota(chosen.attachments_per_day, chosen.attachment_mib_per_day)
    app.state.desk = filing.Desk(database, quota)
    guard = access.guard_of(app, chosen, database, cookie=access.COOKIE_OF_PATIENTS)
    app.state.secure_cookie = chosen.secure_cookie
    app.state.logins = Logins(guard, f"{chosen.public_url}/me/login/callback", "idporten")
    app.mount("/me/static", desk.Files(pages.STATIC, sheet.HEADERS), name="static")
    app.mount("/setup/static", desk.Files(pages.STATIC, sheet.HEADERS), name="setup-static")
    app.state.worklist_at = chosen.worklist_at.removesuffix("/")
    _problems_as_pages(app)
    app.state.certifier = certifier
    app.state.mode = chosen.mode
    app.state.snooping = snooping.rules(chosen.snooping)
    app.state.programmes = programmes.in_use(chosen.programmes)
    app.state.programme_places = [
        place for place in (chosen.programmes, programmes.SHIPPED) if place is not None
    ]
    app.state.versions = loaded
    app.state.push_key = chosen.push_public_key
    app.state.push_hosts = push.hosts(chosen.push_hosts)
    known = forms.in_use(chosen.instruments)
    app.state.forms = fhir.forms_of(app.state.programmes, known)
    app.state.questions = form_answers.offered(app.state.programmes.values(), known)
    app.state.numbers = Numbers(
        chosen.identity_keys,
        chosen.mode,
        frozenset(number.strip() for number in chosen.test_numbers.split(",") if number.strip()),
    )
    return app


def _problems_as_pages(app: FastAPI) -> None:
    """Where a page was asked for, a refusal is a page too."""

    def handler(fact: type[Exception], status: int) -> None:
        answer = app.exception_handlers[fact]

        async def handle(request: Request, error: Exception) -> Response:
            path = request.url.path
            code = service.code_of(type(error))
            if path == "/setup" or path.startswith("/setup/"):
                shown = setup_frame.problem_page(request, status, code)
            elif (
                request.method == "GET"
                and path != "/me/session"
                and (path == "/me" or path.startswith("/me/"))
            ):
                shown = sheet.problem_page(request, status, code)
            else:
                return await answer(request, error)  # type: ignore[no-any-return,misc]  # as service made it
            shown.headers.update(service.headers_of(error, shown.status_code))
            return shown

        app.add_exception_handler(fact, handle)

    for fact, status in PROBLEMS.items():
        handler(fact, status)
