"""Wiring of ingest: settings, doors, the broker, refusals to HTTP status."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.ingest import (
    asyncapi,
    fhir,
    foreign,
    gateway_door,
    hl7,
    hot,
    mllp,
    mqtt,
    openapi,
    replay,
    routes,
)
from services.ingest.accept import CannotCommit, Intake
from services.ingest.devices import fhir_answers, fhir_forms, gateway_table
from services.ingest.senders import Senders
from shared import access, identity, programmes, service, settings
from shared import fhir as fhir_names
from shared.database import Database


def create() -> FastAPI:
    chosen = settings.read(settings.Ingest)
    key = bytes.fromhex(chosen.identity_key.get_secret_value())
    database = Database(chosen.database, name="ingest", size=6)
    senders = Senders(database)
    hashed = partial(identity.hashed, key)
    intake = Intake(database, hashed)
    door = hot.Door(senders, intake)
    forms = questionnaires(chosen.programmes)
    again = replay.Replay(database, hashed, forms, gateway_table.load(chosen.gateways))

    parts: list[service.Part] = [database, senders, intake, again]
    table = gateway_table.load(chosen.gateways)
    if chosen.mqtt_url:
        parts.append(
            mqtt.Broker(
                chosen.mqtt_url,
                client_id=chosen.mqtt_client_id,
                shared=chosen.mqtt_shared,
                senders=senders,
                intake=intake,
                forms=forms,
                gateways=gateway_door.Gateways(table),
            )
        )
    if chosen.mllp:
        parts.append(mllp.Listener(chosen.mllp, chosen.mllp_credential, door))
    app = service.build(
        "ingest",
        routers=[routes.router, fhir.router, hl7.router, foreign.router],
        parts=parts,
        problems={CannotCommit: 503},
        docs=chosen.docs,
        application=hot.Application,
        description="Readings, answers and device events in; a receipt for each, after its commit.",
    )
    app.state.database = database
    app.state.door = door
    app.state.forms = forms
    app.state.issuer = access.DevelopmentIssuer(chosen.development_key, chosen.mode)
    app.state.secure_cookie = False
    openapi.complete(app)
    if chosen.docs:
        asyncapi.serve(app)
    return app


def questionnaires(own: Path | None) -> fhir_answers.Forms:
    """The programmes' forms: an answer that they do not offer is quarantined, never scored."""
    return {
        fhir_names.questionnaire_name(form["url"])[0]: fhir_forms.questions(form)
        for programme in programmes.in_use(own).values()
        for form in programme.questionnaires
    }
