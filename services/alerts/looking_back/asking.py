"""Verb: why a reading did or did not alert, rule by rule, as the rules and the alerts know it.

Read without a lock. The rules answer what they find; the alerts answer what was told of it.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_views, telling, views
from services.alerts.clinical import answered, because, whynot
from services.alerts.clinical.history import MEASURED, Record
from services.alerts.clinical.whynot import Answer, Why
from services.alerts.looking_back import past, store_past
from services.alerts.reader import Reader
from services.alerts.rows.row import Programmes
from services.alerts.views import Parts
from shared import ledger
from shared.contracts import Fact
from shared.entered import NoSuchReading
from shared.programmes import Programme

Json = dict[str, Any]

WHAT = "why-not"
NEAR = timedelta(hours=12)  # how far from the named moment a reading of that kind may lie
# What comes later may confirm or clear it, or end the gap after it.
AFTERWARDS = timedelta(days=31)
FACTS_AT_MOST = 60_000
TOLD = frozenset({"first", "graver", "new-parameter", "snooze-over"})


async def why_not(
    parts: Parts,
    by: Reader,
    patient_id: UUID,
    *,
    fact: UUID | None,
    kind: str | None,
    at: datetime | None,
    lang: str,
) -> Json:
    """By the reading's id, or by its kind and the moment it was measured. NoSuchReading,
    NoSuchPatient, NotYourUnit, TooManyReadings."""
    async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
        now = await store.now(tx)
        asked = await _reading(tx, by.org, patient_id, fact, kind, at)
        if asked.type == "answers" and by.shut:
            patient = await views.record_of(tx, by.org, patient_id, now)
            if answered.form_of(asked.body) in views.hidden_forms(parts, by, patient):
                raise reader.NotYourGroup
        how = await store_past.superseded(tx, by.org, asked.id, asked.origin or asked.id)
        names = await store_views.names(tx, by.org, [patient_id])
        told: list[Json] = []
        if how is None:
            told = await _explained(tx, parts, by.org, asked, now, lang)
    return {
        "patient": telling.person(patient_id, names.get(patient_id)),
        "reading": {
            "id": str(asked.id),
            "type": asked.type,
            "kind": asked.kind,
            "at": telling.iso(asked.at),
            "received_at": telling.iso(asked.received_at),
            "flags": sorted(asked.flags),
            "values": asked.body.get("values") or asked.body.get("answers"),
            "in_force": how is None,
            "superseded": how,
        },
        "says": None if how is None else _both(because.not_in_force, how, asked),
        "reason": None if how is None else because.not_in_force(how, asked, lang),
        "rules": told,
        "as_of": telling.iso(now),
    }


async def _reading(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    id_: UUID | None,
    kind: str | None,
    at: datetime | None,
) -> Fact:
    if id_ is not None:
        found = await ledger.read(tx, org, [id_])
    elif kind is not None and at is not None:
        found = await ledger.facts(
            tx,
            org,
            patient_id,
            kinds=[kind],
            types=MEASURED,
            since=at - NEAR,
            until=at + NEAR,
            limit=past.PAGE,
        )
        found.sort(key=lambda one: abs(one.at - at))
    else:
        found = []
    mine = [one for one in found if one.patient_id == patient_id and one.type in MEASURED]
    if not mine:
        raise NoSuchReading
    return mine[0]


async def _explained(
    tx: asyncpg.Connection, parts: Parts, org: str, fact: Fact, now: datetime, lang: str
) -> list[Json]:
    until = min(now, fact.at + AFTERWARDS) + timedelta(minutes=5)
    facts = await past.facts(tx, org, fact.patient_id, fact.at, until, at_most=FACTS_AT_MOST)
    # In a thread, so that a long history keeps nobody else waiting.
    answers = await asyncio.to_thread(_answers, parts.programmes, facts, fact, now)
    found = [answer.found.id for _, answer in answers if answer.found]
    standings = await store_past.standings(tx, org, fact.patient_id, found)
    told = []
    for programme, answer in answers:
        standing = standings.get(answer.found.id) if answer.found else None
        told.append(_told(programme, answer, standing, fact, lang))
    return told


def _answers(
    programmes: Programmes, facts: list[Fact], fact: Fact, now: datetime
) -> list[tuple[Programme, Answer]]:
    record = Record.of(fact.patient_id, facts)
    slugs = dict.fromkeys(one.programme for one in record.enrolments)
    valid = [
        record.decided.version(programmes[slug], fact.at) for slug in slugs if slug in programmes
    ]
    return [(one, answer) for one in valid for answer in whynot.explain(one, record, fact, now)]


def _told(
    programme: Programme, answer: Answer, standing: asyncpg.Record | None, fact: Fact, lang: str
) -> Json:
    if answer.found is not None and standing is not None:
        answer = replace(answer, why=_why(standing))
    rule = answer.rule
    says = _both(because.sentence, answer, programme, fact)
    return {
        "programme": programme.slug,
        "programme_version": programme.version,
        "rule": rule.id,
        "group": rule.group,
        "colour": rule.colour,
        "lane": rule.lane,
        "why": str(answer.why),
        "until": telling.iso(answer.until),
        "limits": [
            {
                "name": one.name,
                "value": one.value,
                "ucum": programme.limit_by_name[one.name].ucum,
                "of": "patient" if one.own else "programme",
            }
            for one in answer.limits
        ],
        "reason": says[lang],
        "says": says,
        "alert": _alert(standing),
    }


def _why(standing: asyncpg.Record) -> Why:
    """What was told of a finding when it came, and where it went."""
    if standing["why"] is None or standing["why"] in TOLD:
        return Why.SPOKE
    if standing["state"] == "closed" and standing["was_seen"]:
        return Why.COVERED_BY_CLOSE
    return Why.SNOOZED if standing["why"] == "snoozed" else Why.GROUP_ALREADY_OPEN


def _alert(standing: asyncpg.Record | None) -> Json | None:
    if standing is None:
        return None
    return {
        "id": str(standing["alert_id"]),
        "state": standing["state"],
        "colour": standing["colour"],
        "programme_version": standing["programme_version"],
        "raised_at": telling.iso(standing["raised_at"]),
        "snoozed_until": telling.iso(standing["snoozed_until"]),
        "closed_at": telling.iso(standing["closed_at"]),
    }


def _both(say: Any, *about: Any) -> dict[str, str]:
    return {language: say(*about, language) for language in ("nb", "en")}
