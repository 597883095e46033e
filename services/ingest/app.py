"""Wiring of ingest: settings, doors, the broker, refusals to HTTP status."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.ingest import (
    asyncapi,
    attachments,
    fhir,
    fhir_more,
    foreign,
    gateway_door,
    hl7,
    hot,
    mllp,
    mqtt,
    openapi,
    replay,
    routes,
    suggestions,
    traffic,
)
from services.ingest.accept import CannotCommit, Intake
from services.ingest.admission import Admission
from services.ingest.devices import gateway_table
from services.ingest.senders import Senders
from services.ingest.tokens import Tokens
from services.ingest.uploads import Uploads
from shared import access, audit, form_answers, programmes, service, settings
from shared.access import source
from shared.database import Database
from shared.filing import Desk, Quota
from shared.form_answers import Forms
from shared.instruments import forms as instrument_forms


def create() -> FastAPI:
    chosen = settings.read(settings.Ingest)
    database = Database(chosen.database, name="ingest", size=6)
    senders = Senders(database)
    counted = traffic.Traffic(database)
    suggested = suggestions.Suggestions(database)
    intake = Intake(database, chosen.identity_keys, counted)
    forms = questionnaires(chosen.programmes, chosen.instruments)
    quota = Quota(chosen.attachments_per_day, chosen.attachment_mib_per_day)
    desk = Desk(database, quota)
    uploads = Uploads(database, intake, desk, programmes.in_use(chosen.programmes))
    table = gateway_table.load(chosen.gateways)
    again = replay.Replay(database, chosen.identity_keys, forms, desk, table)

    where = partial(source.of, behind_proxy=chosen.behind_proxy)
    parts: list[service.Part] = [database, senders, counted, suggested, intake, again]
    admission = Admission(
        senders,
        Tokens(access.guard(chosen, database, people=False), senders, chosen.public_url, where),
        source.Failures(chosen.failures_per_minute),
        per_minute=chosen.intake_per_minute,
        behind_proxy=chosen.behind_proxy,
    )
    door = hot.Door(senders, intake, forms, admission)
    if chosen.mqtt_url:
        parts.append(
            mqtt.Broker(
                chosen.mqtt_url,
                client_id=chosen.mqtt_client_id,
                shared=chosen.mqtt_shared,
                senders=senders,
                intake=intake,
                forms=forms,
                gateways=gateway_door.Gateways(table, suggested.heard),
            )
        )
    if chosen.mllp:
        parts.append(mllp.Listener(chosen.mllp, chosen.mllp_credential, door, uploads))
    app = service.build(
        "ingest",
        routers=[
            routes.router,
            attachments.router,
            fhir_more.router,  # before the routes that say no to what is below an id
            fhir.router,
            hl7.router,
            foreign.router,
        ],
        parts=parts,
        problems={CannotCommit: 503},
        backstop=audit.Backstop(database, where),
        docs=chosen.docs,
        application=hot.Application,
        description="Readings, answers and device events in; a receipt for each, after its commit.",
    )
    app.state.database = database
    app.state.door = door
    app.state.uploads = uploads
    app.state.forms = forms
    openapi.complete(app)
    if chosen.docs:
        asyncapi.serve(app)
    return app


def questionnaires(own: Path | None, instruments: Path | None = None) -> Forms:
    """The programmes' forms and the instruments: an answer that they do not offer is quarantined,
    never scored. `own` and `instruments` are folders of the hospital's."""
    return form_answers.offered(
        programmes.in_use(own).values(), instrument_forms.in_use(instruments)
    )
