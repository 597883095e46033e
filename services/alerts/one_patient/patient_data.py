"""Pure: everything the patient's page shows beside his curves, in the page's own words."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import scoring, telling, views
from services.alerts.care import filling
from services.alerts.clinical import standing
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.judging.patient import Patient
from services.alerts.one_patient import (
    forms,
    patient_alerts,
    patient_cards,
    patient_forms,
    patient_sent,
)
from services.alerts.one_patient.patient_opened import Opened
from services.alerts.reader import Reader
from services.alerts.rows import neutral, row
from services.alerts.views import Parts
from shared.programmes import Programme

Json = dict[str, Any]

EARLIER = 10


def page(parts: Parts, by: Reader, seen: Opened, days: int) -> Json:
    patient, now = seen.patient, seen.now
    record = patient.record
    enrolled = [one for one in record.enrolments if one.covers(now)]
    followed = [
        version
        for one in enrolled
        if (version := row.version_at(parts.programmes, record, one.programme, now)) is not None
    ]
    open_ = [one for one in seen.stories if one.alert.state is not Life.CLOSED]
    closed = [one for one in seen.stories if one.alert.state is Life.CLOSED]
    holder = next((one.alert for one in open_ if one.alert.assignee), None)
    unit = seen.names["unit_id"] if seen.names else None
    return {
        "patient": {
            **telling.person(patient.state.patient_id, seen.names),
            "deceased_at": telling.iso(record.decided.deceased),
        },
        "version": seen.version,
        "open_until": telling.iso(seen.open_until),
        "number": seen.names["number"] if seen.names else None,
        "unit": telling.unit(unit, seen.units) or {"id": "", "name": ""},
        "counts": seen.counts,
        "watching": telling.watch_json(telling.watch(_watched(by, seen), now)),
        "as_of": telling.iso(seen.as_of),
        "lag_seconds": telling.lag_seconds(seen.oldest, now),
        "staff": telling.colleagues(seen.staff, by.units),
        "targets": [{"id": id_, "name": unit["name"]} for id_, unit in seen.units.items()],
        "message_waits_since": telling.iso(seen.conversation["waiting_since"])
        if seen.conversation
        else None,
        "tasks": [_task(seen, one, by.shut) for one in seen.tasks],
        "mine": list(by.units),
        "programmes": [
            {"slug": "", "name": neutral.ANOTHER, "version": ""}
            if one.slug in by.shut
            else {"slug": one.slug, "name": telling.said(one.names), "version": one.version}
            for one in followed
        ],
        "assignee": patient_alerts.holder(holder),
        "dry_weight": _dry_weight(patient, followed, now),
        "spo2_scale": record.decided.spo2_scale(now),
        "paused": row.paused(standing.still(record, now)),
        "behind": seen.behind,
        "phone": seen.phone,
        "quarantined": telling.quarantined(seen.held),
        "linked": [{"name": one["name"], "number": one["number"]} for one in seen.linked],
        "news2": scoring.aged(scoring.of_record(record, now), now),
        "position": _position(seen.order, patient.state.patient_id),
        "alerts": [patient_alerts.alert(parts, seen, story, by) for story in open_],
        "earlier": [patient_alerts.closed(story) for story in closed[:EARLIER]],
        "notes": patient_alerts.notes(seen.stories),
        "latest": patient_sent.latest(patient),
        "readings": patient_sent.readings(seen),
        "attachments": patient_sent.attached(seen, followed),
        "answers": patient_forms.answers(
            patient,
            {**parts.forms, **forms.by_name(parts.programmes.values())},
            now,
            seen.sex,
            views.hidden_forms(parts, by, patient),
        ),
        "limits": _triable(patient, [one for one in followed if one.slug not in by.shut], now),
        "forms": [
            {"name": name, "title": forms.title(form, name)}
            for name, form in filling.offered(
                [one for one in followed if one.slug not in by.shut], parts.forms
            ).items()
        ],
        "devices": patient_sent.devices(patient),
        "chart_days": days,
        **patient_cards.cards(
            patient, followed, by.shut, seen.decisions, seen.proposals, seen.sent, now
        ),
        "suggested": patient_cards.suggested(
            patient, [one for one in followed if one.slug not in by.shut], seen.suggested, now
        ),
    }


def _watched(by: Reader, seen: Opened) -> list[asyncpg.Record]:
    return [seen.units[id_] for id_ in by.units if id_ in seen.units]


def _task(seen: Opened, one: asyncpg.Record, shut: frozenset[str]) -> Json:
    names = {one["patient_id"]: seen.names} if seen.names else {}
    return telling.task(one, seen.units, names, shut)


def _dry_weight(patient: Patient, followed: list[Programme], now: datetime) -> Json | None:
    for programme in followed:
        steps = patient.record.decided.limits.get((programme.slug, row.DRY_WEIGHT), [])
        in_force = [step for step in steps if step[0] <= now]
        if in_force and in_force[-1][1] is not None:
            return {"value": in_force[-1][1], "at": telling.iso(in_force[-1][0])}
    return None


def _position(order: list[UUID], patient_id: UUID) -> Json | None:
    if patient_id not in order:
        return None
    n = order.index(patient_id)
    return {
        "n": n + 1,
        "of": len(order),
        "previous": str(order[n - 1]) if n else None,
        "next": str(order[n + 1]) if n + 1 < len(order) else None,
    }


def _triable(patient: Patient, followed: list[Programme], now: datetime) -> list[Json]:
    """The limits that judge him now, to be tried with another figure."""
    found = []
    for programme in followed:
        for limit in programme.limits:
            steps = patient.record.decided.limits.get((programme.slug, limit.name), [])
            own = next((value for at, value in reversed(steps) if at <= now), None)
            value = own if own is not None else limit.default
            if value is not None:
                found.append(
                    {
                        "programme": programme.slug,
                        "name": limit.name,
                        "label": telling.said(limit.names),
                        "value": value,
                        "own": own is not None,
                        "min": limit.min,
                        "max": limit.max,
                        "ucum": limit.ucum,
                    }
                )
    return found
