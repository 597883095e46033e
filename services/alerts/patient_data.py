"""Verb: everything the patient's page and its curves show, in the page's own words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import (
    contacting,
    filling,
    forms,
    handles,
    neutral,
    patient_cards,
    patient_forms,
    reader,
    row,
    scoring,
    store,
    store_forms,
    store_messages,
    store_shields,
    store_tasks,
    store_views,
    telephone,
    telling,
    views,
)
from services.alerts.clinical import standing, wording
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.patient import Alert, Patient
from services.alerts.reader import Reader
from services.alerts.store_views import Held, Story
from services.alerts.views import Parts
from shared import attachments, kinds, ledger, programmes
from shared.contracts import Fact
from shared.limits import store as store_limits
from shared.limits.nouns import Proposal
from shared.programmes import LimitRule, Programme

Json = dict[str, Any]

READINGS = 60
SENT = 24  # photos and documents
EVIDENCE = 12
EARLIER = 10
NOTES = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """What was read of one patient in one transaction."""

    version: int
    patient: Patient
    stories: list[Story]
    names: asyncpg.Record | None
    linked: list[asyncpg.Record]
    sex: str | None
    units: dict[UUID, asyncpg.Record]
    staff: list[asyncpg.Record]
    counts: dict[str, int]
    readings: list[asyncpg.Record]
    sent: list[Fact]
    evidence: dict[UUID, Fact]
    decisions: list[Fact]
    proposals: list[Proposal]
    order: list[UUID]
    held: Held | None
    tasks: list[asyncpg.Record]
    oldest: datetime | None
    as_of: datetime
    now: datetime
    open_until: datetime | None = None  # by emergency access
    conversation: asyncpg.Record | None = None
    behind: Json | None = None  # a silence that is not his
    phone: str | None = None


async def opened(parts: Parts, by: Reader, patient_id: UUID) -> Opened:
    """NoSuchPatient, NotYourUnit."""
    units = sorted(by.units, key=lambda one: one.int)
    async with reader.opened(parts.database, by, patient_id, "patient") as tx:
        # First: what is committed while the rest is read has another version.
        version = await store_views.version(tx, by.org, patient_id)
        now = await store.now(tx)
        same = await reader.same_person(tx, by, patient_id)
        if others := same[1:]:
            await reader.note(tx, by, others, "patient")
        alerts = await store_views.alerts(
            tx, by.org, units, patient_ids=same, states=views.STATES, before=None, limit=50
        )
        stories = neutral.stories(await store_views.stories(tx, by.org, alerts), by.shut)
        ids = {fact for story in stories for one in story.findings for fact in one["facts"]}
        names = await store_views.names(tx, by.org, same)
        return Opened(
            version=version,
            patient=await views.record_of(tx, by.org, patient_id, now),
            stories=stories,
            names=names.get(patient_id),
            linked=[names[other] for other in others if other in names],
            sex=await store_forms.sex(tx, by.org, patient_id),
            units=await store_views.units(tx, by.org),
            staff=await store_views.staff(tx, by.org),
            counts=await store_views.counts(tx, by.org, units),
            readings=await store_views.readings(tx, by.org, patient_id, READINGS),
            sent=await ledger.facts(
                tx, by.org, patient_id, types=[attachments.TYPE], newest_first=True, limit=SENT
            ),
            evidence={fact.id: fact for fact in await ledger.read(tx, by.org, list(ids))},
            decisions=(await ledger.decisions(tx, by.org, [patient_id]))[patient_id],
            proposals=await store_limits.proposals(tx, by.org, patient_id, "limit"),
            order=await store_views.order(tx, by.org, units),
            tasks=await store_tasks.tasks(tx, by.org, units, patient_id=patient_id),
            held=(await store_views.held(tx, by.org, [patient_id])).get(patient_id),
            oldest=await ledger.oldest_waiting(tx, by.org, ledger.ALERTS),
            as_of=await views.as_of(tx, by.org, now),
            now=now,
            conversation=await store_messages.conversation(tx, by.org, patient_id),
            open_until=await store_shields.open_until(tx, by.org, [patient_id], by.id),
            behind=(await views.behind(tx, by, units, [patient_id])).get(patient_id),
            phone=await telephone.number(tx, by.org, patient_id, parts.identity_keys),
        )


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
            else {"slug": one.slug, "name": _said(one.names), "version": one.version}
            for one in followed
        ],
        "assignee": _holder(holder),
        "dry_weight": _dry_weight(patient, followed, now),
        "spo2_scale": record.decided.spo2_scale(now),
        "paused": row.paused(standing.still(record, now)),
        "behind": seen.behind,
        "phone": seen.phone,
        "quarantined": telling.quarantined(seen.held),
        "linked": [{"name": one["name"], "number": one["number"]} for one in seen.linked],
        "news2": scoring.aged(scoring.of_record(record, now), now),
        "position": _position(seen.order, patient.state.patient_id),
        "alerts": [_alert(parts, seen, story, by) for story in open_],
        "earlier": [_closed(story) for story in closed[:EARLIER]],
        "notes": _notes(seen.stories),
        "latest": latest(patient),
        "readings": [one for each in seen.readings if (one := _reading(each)) is not None],
        "attachments": _attachments(seen, followed),
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
        "devices": _devices(patient),
        "chart_days": days,
        **patient_cards.cards(
            patient, followed, by.shut, seen.decisions, seen.proposals, seen.sent, now
        ),
    }


def chart(parts: Parts, by: Reader, seen: Opened, days: int) -> Json:
    """Series, limits and events for the curves."""
    record, now = seen.patient.record, seen.now
    start = now - timedelta(days=days)
    series = []
    for kind in kinds.CATALOGUE.values():
        for name, of in kind.fields.items():
            samples = record.series((kind.name, name)).sure.between(start, now)
            points = [
                [telling.iso(one.at), one.value, one.phase if one.phase != "none" else None]
                for one in samples
                if isinstance(one.value, Decimal)
            ]
            if points and of.ucum:
                series.append(
                    {
                        "kind": kind.name,
                        "field": name,
                        "ucum": of.ucum,
                        "points": points,
                        "handles": _handles(parts, by, seen, (kind.name, name)),
                        "limits": _limit_steps(parts, seen, (kind.name, name), start),
                        "missed": _missed(seen.patient, kind.name, start),
                    }
                )
    return {"days": days, "series": series, "events": _events(parts, by, seen, start)}


# --- pieces ---------------------------------------------------------------------------------


def _said(text: Any) -> Json:
    return {"nb": text.nb, "en": text.en}


def _watched(by: Reader, seen: Opened) -> list[asyncpg.Record]:
    return [seen.units[id_] for id_ in by.units if id_ in seen.units]


def _task(seen: Opened, one: asyncpg.Record, shut: frozenset[str]) -> Json:
    names = {one["patient_id"]: seen.names} if seen.names else {}
    return telling.task(one, seen.units, names, shut)


def _holder(alert: Alert | None) -> Json | None:
    if alert is None:
        return None
    return {"id": alert.assignee, "name": alert.assignee_name, "at": telling.iso(alert.assigned_at)}


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


def _alert(parts: Parts, seen: Opened, story: Story, by: Reader) -> Json:
    alert = story.alert
    programme = parts.programmes.get(alert.programme)
    if programme:  # as it was when it spoke
        made = str(alert.body.get("programme_version"))
        programme = programme.versions.get(made, programme)
    rule = (
        next((one for one in programme.rules if one.id == alert.rule), None) if programme else None
    )
    measured = [one["at"] for one in story.findings]
    return {
        **telling.alert(story, seen.names, seen.units, by),
        "reason": alert.body.get("reason"),
        "rule_name": _said(rule.says) if rule and "{" not in rule.says.nb else None,
        "programme_name": _said(programme.names) if programme else None,
        "measured_at": telling.iso(min(measured)) if measured else None,
        "assignee": _holder(alert) if alert.assignee else None,
        "evidence": _evidence(seen, story, programme),
        "limits": _limits(seen, programme, story),
        "history": [_history(one, seen.units) for one in story.moves],
    }


def _evidence(seen: Opened, story: Story, programme: Programme | None) -> list[Json]:
    """The values behind the alert, newest first, each once."""
    rules = programme.rules if programme else ()
    # Only there is the limit one of the value itself; elsewhere it is one of a change.
    compared = {rule.id for rule in rules if isinstance(rule, LimitRule)}
    found: dict[tuple[Any, ...], Json] = {}
    for one in sorted(story.findings, key=lambda row: row["at"], reverse=True):
        limits = one["body"]["limits"] if one["rule"] in compared else []
        limit = limits[0][1] if len(limits) == 1 else None
        facts = [seen.evidence[id_] for id_ in one["facts"] if id_ in seen.evidence]
        for value in one["body"]["values"]:
            key = (value["kind"], value["field"], value["at"])
            if key in found or value["kind"] == "platform":
                continue
            at = datetime.fromisoformat(value["at"])
            fact = next((f for f in facts if f.at == at or f.until == at), None)
            found[key] = {
                **value,
                **_coded(value, programme),
                "limit": limit,
                "breach": True,
                "superseded": one["gone_at"] is not None,
                **(_source(fact.body, fact.source, fact.flags) if fact else {}),
                **({"entered": "questionnaire"} if fact and fact.type == "answers" else {}),
            }
    return list(found.values())[:EVIDENCE]


def _coded(value: Json, programme: Programme | None) -> Json:
    """An answer or a context code in words: what it is about, and what was said."""
    kind, field = value["kind"], value["field"]
    if programme is None or kind in kinds.CATALOGUE:
        return {}
    about = next((one for one in programme.inputs if (kind, field) in one.reads), None)
    form = forms.by_name([programme]).get(kind.removeprefix("answers:"), {})
    item = forms.questions(form).get(field)
    label = _said(about.names) if about else forms.question(item) if item else None
    if not isinstance(value["value"], str | bool):
        return {"label": label}
    return {"label": label, "value": forms.answer(item, value["value"])}


def _source(body: Any, source: str, flags: Iterable[str]) -> Json:
    device = body.get("device") or {}
    name = " ".join(str(device[key]) for key in ("manufacturer", "model") if device.get(key))
    entered = body.get("entered") or ("staff" if source.startswith("staff:") else "device")
    return {
        "source_name": name or None,
        "entered": entered,
        "flags": sorted(flags),
        "phase": (body.get("context") or {}).get("phase"),
    }


def _limits(seen: Opened, programme: Programme | None, story: Story) -> list[Json]:
    """Each limit used: whose it is, since when, and what it was before."""
    if programme is None:
        return []
    patient = seen.patient
    shown = []
    for name, value in story.alert.body.get("limits", ()):
        of = programme.limit_by_name.get(name)
        if of is None:
            continue
        steps = patient.record.decided.limits.get((programme.slug, name), [])
        decided = next(
            (
                one
                for one in reversed(patient.record.decided.facts)
                if one.type == "limit-set" and one.body.get("name") == name
            ),
            None,
        )
        before = (steps[-2][1] if len(steps) > 1 else of.default) if steps else None
        shown.append(
            {
                "name": name,
                "label": _said(of.names),
                "value": value,
                "ucum": of.ucum,
                "default": not steps or steps[-1][1] is None,
                "set_at": telling.iso(steps[-1][0]) if steps else None,
                "set_by": _colleague(seen, decided.body.get("by")) if decided else None,
                "before": before,
            }
        )
    return shown


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
                        "label": _said(limit.names),
                        "value": value,
                        "own": own is not None,
                        "min": limit.min,
                        "max": limit.max,
                        "ucum": limit.ucum,
                    }
                )
    return found


def _colleague(seen: Opened, by: str | None) -> str | None:
    """A name for an id, if the person still works here."""
    return next((one["name"] for one in seen.staff if str(one["id"]) == by), None)


def _history(move: asyncpg.Record, units: telling.Units) -> Json:
    body = move["body"]
    unit = telling.unit(UUID(body["to"]), units) if body.get("to") else None
    return {
        "at": telling.iso(move["at"]),
        # The ladder's own step, and a nurse's wish, are told apart.
        "what": "climbed" if "whom" in body else move["move"],
        "by": body.get("whom") or move["by_name"] or None,
        "colour": move["colour"],
        "reason": body.get("reason") if move["move"] in ("raise", "worsen", "repeat") else None,
        "note": move["note"],
        "assignee": body.get("assignee_name"),
        "unit": unit["name"] if unit else None,
        "says": body.get("says"),
        "until": telling.iso(move["until"]),
        "outcome": move["outcome"],
    }


def _closed(story: Story) -> Json:
    alert = story.alert
    close = next((one for one in reversed(story.moves) if one["state"] == "closed"), None)
    return {
        "id": str(alert.id),
        "version": alert.version,
        "lane": alert.lane,
        "state": str(alert.state),
        "colour": alert.colour,
        "reason": alert.body.get("reason"),
        "raised_at": telling.iso(alert.opened_at),
        "closed_at": telling.iso(alert.closed_at),
        "closed_by": (close["by_name"] or None) if close else None,
        "outcome": close["outcome"] if close else None,
    }


def _notes(stories: list[Story]) -> list[Json]:
    noted = [one for story in stories for one in story.moves if one["note"]]
    noted.sort(key=lambda one: one["at"], reverse=True)
    return [
        {"at": telling.iso(one["at"]), "by": one["by_name"], "note": one["note"]}
        for one in noted[:NOTES]
    ]


def latest(patient: Patient) -> list[Json]:
    found = []
    for kind in kinds.CATALOGUE.values():
        for name, of in kind.fields.items():
            samples = patient.record.series((kind.name, name)).sure.samples
            if samples and not isinstance(samples[-1].value, tuple):
                one = samples[-1]
                found.append(
                    {
                        "kind": kind.name,
                        "field": name,
                        "value": one.value,
                        "ucum": of.ucum,
                        "at": telling.iso(one.at),
                        **_source(one.fact.body, one.fact.source, one.fact.flags),
                    }
                )
    return found


STATUS = {None: "valid", "correction": "corrected", "void": "voided"}


def _reading(stored: asyncpg.Record) -> Json | None:
    """A row of the table. What was filed on somebody else is not shown here at all."""
    if stored["type"] != "reading" or stored["how"] == "refiled":
        return None
    kind = kinds.CATALOGUE.get(stored["kind"])
    body = stored["body"]
    return {
        "fact": str(stored["id"]),
        "kind": stored["kind"],
        "values": body.get("values", {}),
        "ucum": {name: of.ucum for name, of in kind.fields.items() if of.ucum} if kind else {},
        "at": telling.iso(stored["at"]),
        "precision": "day" if stored["day_only"] else "instant",
        "note": body.get("note"),
        "status": STATUS[stored["how"]],
        **_source(body, stored["cred"], stored["flags"]),
    }


def _attachments(seen: Opened, followed: list[Programme]) -> list[Json]:
    """Newest first, with what was promised and answered."""
    names = {str(one["id"]): one["name"] for one in seen.staff}
    told = []
    for fact in seen.sent:
        of = attachments.KINDS[fact.kind]
        kind = f"{attachments.PREFIX}{fact.kind}"
        given = attachments.answer_to(fact, seen.patient.record.decided.answered)
        by = programmes.answer_by(followed, kind, fact.received_at)
        told.append(
            {
                "fact": str(fact.id),
                "kind": fact.kind,
                "name": {"nb": of.nb, "en": of.en},
                "at": telling.iso(fact.at),
                "site": fact.body.get("site"),
                "note": fact.body.get("note"),
                "is_photo": fact.body["file"]["media_type"] != attachments.PDF,
                "flags": sorted(fact.flags),
                "answer_by": telling.iso(by),
                "answer": _answer(given, names) if given else None,
            }
        )
    return told


def _answer(given: attachments.Answer, names: Mapping[str, str]) -> Json:
    who = {"id": given.by, "name": names.get(given.by, "")}
    return {"at": telling.iso(given.at), "by": who, "text": given.text}


def _devices(patient: Patient) -> list[Json]:
    """What is bound to the patient now, when it was last heard of, and its battery."""
    bound: dict[tuple[str, str], Fact] = {}
    for fact in patient.record.decided.facts:
        key = (str(fact.body.get("cred")), str(fact.body.get("slot", "")))
        if fact.type == "bound":
            bound[key] = fact
        elif fact.type == "unbound":
            bound.pop(key, None)
    found = []
    for (cred, slot), fact in bound.items():
        mine = [one for one in patient.record.statuses if one.source == cred]
        heard = [one.at for one in mine]
        newest = patient.record.newest()
        if newest is not None and newest.source == cred:
            heard.append(newest.at)
        batteries = [one.body["battery"] for one in mine if "battery" in one.body]
        found.append(
            {
                "name": _sold_as(patient, cred) or f"{cred} {slot}".strip(),
                "bound_at": telling.iso(fact.at),
                "last_seen": telling.iso(max(heard)) if heard else None,
                "battery": batteries[-1] if batteries else None,
            }
        )
    return found


def _sold_as(patient: Patient, cred: str) -> str:
    """What the devices behind a credential call themselves in their latest readings."""
    names: dict[str, None] = {}
    for kind in kinds.CATALOGUE.values():
        for field in kind.fields:
            samples = patient.record.series((kind.name, field)).all.samples[-1:]
            for fact in (one.fact for one in samples if one.fact.source == cred):
                if name := _source(fact.body, cred, ())["source_name"]:
                    names[name] = None
    return ", ".join(names)


def _handles(parts: Parts, by: Reader, seen: Opened, key: tuple[str, str]) -> list[Json]:
    """The lines of a series that a clinician may move, each side once."""
    record, now = seen.patient.record, seen.now
    found: dict[str, Json] = {}
    for one in record.enrolments:
        programme = parts.programmes.get(one.programme)
        if programme is None or programme.slug in by.shut or not one.covers(now):
            continue
        judged_by = record.decided.version(programme, now)
        for handle in handles.of_series(record, judged_by, key, now):
            found.setdefault(handle["side"], handle)
    return list(found.values())


def _limit_steps(parts: Parts, seen: Opened, key: tuple[str, str], start: datetime) -> list[Json]:
    """Red limits on a series; a change of limit is a step, and old readings keep the old one."""
    record, now = seen.patient.record, seen.now
    decided = record.decided
    steps: list[Json] = []
    for slug in {one.programme for one in record.enrolments} & parts.programmes.keys():
        programme = parts.programmes[slug]
        changes = {start} | {
            at
            for (of, _), set_ in decided.limits.items()
            if of == slug
            for at, _ in set_
            if start < at <= now
        }
        changes |= {at for at, _ in decided.versions.get(slug, ()) if start < at <= now}
        moments = sorted(changes)
        for first, last in zip(moments, [*moments[1:], None], strict=True):
            low, high = row.limits_of(record, decided.version(programme, first), key, first)
            if low is None and high is None:
                continue
            if steps and (steps[-1]["low"], steps[-1]["high"]) == (low, high):
                steps[-1]["to"] = telling.iso(last)
                continue
            steps.append(
                {
                    "from": telling.iso(first),
                    "to": telling.iso(last),
                    "low": low,
                    "high": high,
                    "colour": "red",
                }
            )
    return steps


def _missed(patient: Patient, kind: str, start: datetime) -> list[str | None]:
    return [
        telling.iso(one.due_at)
        for one in patient.expected.values()
        if one.kind == kind and one.missed_at and one.satisfied_by is None and one.due_at >= start
    ]


def _events(parts: Parts, by: Reader, seen: Opened, start: datetime) -> list[Json]:
    events = []
    for story in seen.stories:
        for one in story.moves:
            if one["at"] >= start and one["move"] in ("raise", "worsen", "close"):
                what = "move" if one["move"] == "close" else "alert"
                text = story.alert.body.get("reason")
                events.append(
                    {
                        "at": telling.iso(one["at"]),
                        "what": what,
                        "colour": one["colour"],
                        "text": text,
                    }
                )
    for fact in seen.patient.record.decided.facts:
        if fact.type == "limit-set" and start <= fact.at <= seen.now:
            text = _limit_words(parts, fact.body)
            events.append({"at": telling.iso(fact.at), "what": "limit", "text": text})
    events += [
        {"at": contact["at"], "what": "contact", "way": contact["way"]}
        for contact in contacting.told(seen.decisions, by.shut)
        if datetime.fromisoformat(contact["at"]) >= start
    ]
    return sorted(events, key=lambda one: str(one["at"]))


def _limit_words(parts: Parts, body: Any) -> Json:
    """A limit that was set, with a decimal comma in Norwegian; without a number, the default."""
    programme = parts.programmes.get(body.get("programme", ""))
    limit = programme.limit_by_name.get(body["name"]) if programme else None
    names = _said(limit.names) if limit else {"nb": body["name"], "en": body["name"]}
    value = body.get("value")
    if value is None:
        told = {"nb": "programmets grense", "en": "the programme's limit"}
    else:
        unit = limit.ucum if limit and limit.ucum.isalpha() else ""
        told = {
            lang: f"{wording.number(Decimal(str(value)), 2, lang)} {unit}".strip()
            for lang in ("nb", "en")
        }
    return {lang: f"{names[lang]}: {told[lang]}" for lang in ("nb", "en")}
