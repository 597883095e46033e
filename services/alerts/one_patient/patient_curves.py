"""Pure: a patient's curves, with the limits that held when and what happened beside them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.alerts import telling
from services.alerts.care import contacting
from services.alerts.clinical import wording
from services.alerts.judging.patient import Patient
from services.alerts.one_patient import handles
from services.alerts.one_patient.patient_opened import Opened
from services.alerts.reader import Reader
from services.alerts.rows import row
from services.alerts.views import Parts
from shared import kinds

Json = dict[str, Any]


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
    names = telling.said(limit.names) if limit else {"nb": body["name"], "en": body["name"]}
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
