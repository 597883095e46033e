"""The five steps of an enrolment and what the patient gets, as the pages show them. Pure."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.patients.followup import own_limits
from services.patients.followup.own_limits import Proposed
from services.patients.nouns import Credential, Draft, Patient, Unit
from services.patients.page import words, written
from services.patients.page.words import Words
from services.patients.setup import typed
from services.patients.setup.typed import Fault
from shared import kinds
from shared.contracts import Fact
from shared.programmes import Limit, PlanItem, Programme

View = dict[str, Any]

STEPS = ("person", "programme", "plan", "limits", "device")


def steps(draft: Draft | None, at: str, s: Words) -> list[View]:
    """Which there are, which this is, which can be gone to: those before, and the next one."""
    done = {"person"} | set(draft.typed if draft else ()) if draft else set()
    reached = next((n for n, step in enumerate(STEPS) if step not in done), len(STEPS) - 1)
    return [
        {
            "n": n + 1,
            "name": s["enrol"]["steps"][step],
            "on": step == at,
            "done": step in done and step != at,
            "href": f"/setup/enrol/{draft.id}/{step}" if draft and 0 < n <= reached else "",
        }
        for n, step in enumerate(STEPS)
    ]


def person(patient: Patient, now: datetime) -> View:
    born = patient.born
    today = now.astimezone(written.OSLO).date()
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return {
        "id": str(patient.id), "name": patient.name, "number": patient.number, "age": age,
        "born": f"{born:%d.%m.%Y}",
    }  # fmt: skip


def programmes(
    in_force: Mapping[str, Programme], chosen: str, approved: Container[str], lang: str
) -> list[View]:
    rows = [
        {
            "slug": slug,
            "name": words.say(one.names, lang),
            "purpose": words.say(one.purpose, lang),
            "version": one.version,
            "approved": slug in approved,
            "on": slug == chosen,
            "expects": [expected(item, words.words(lang), lang) for item in one.plan],
            "limits": [limit_line(limit, lang) for limit in one.limits],
        }
        for slug, one in in_force.items()
    ]
    return sorted(rows, key=lambda row: str(row["name"]))


def expected(item: PlanItem, t: Words, lang: str) -> str:
    """Vekt: hver dag, kl. 04.00–10.00."""
    between = t["setup"]["enrol"]["between"].format(
        opens=f"{item.opens:%H:%M}", due=f"{item.due:%H:%M}"
    )
    return f"{words.say(item.names, lang)}: {when(item, t)}, {between}"


def when(item: PlanItem, t: Words) -> str:
    e = t["setup"]["enrol"]
    if item.on_day is not None:
        return str(e["on_day"].format(day=item.on_day))
    days = [e["days"][day] for day in typed.DAYS if day in item.days]
    said = str(e["every_day"]) if len(days) == len(typed.DAYS) else ", ".join(days)
    return said if item.every_weeks == 1 else f"{said}, {e['every'].format(n=item.every_weeks)}"


def limit_line(limit: Limit, lang: str) -> str:
    return f"{words.say(limit.names, lang)}: {figure(limit, limit.default, lang)}"


def figure(limit: Limit, value: Decimal | None, lang: str) -> str:
    t = words.words(lang)
    if value is None:
        return str(t["setup"]["enrol"]["no_default"])
    said = written.number(value, 2, lang)
    return f"{said} {written.unit(limit.ucum, t)}".strip()


def plan(
    programme: Programme, said: Mapping[str, str], faults: Iterable[Fault], lang: str
) -> list[View]:
    t = words.words(lang)
    problem = {fault.at: fault for fault in faults}
    return [
        {
            "id": item.id,
            "name": words.say(item.names, lang),
            "on": f"{item.id}.on" in said,
            "opens": said.get(f"{item.id}.opens", f"{item.opens:%H:%M}"),
            "due": said.get(f"{item.id}.due", f"{item.due:%H:%M}"),
            "grace": hours(item.grace, t),
            "days": [
                {"id": day, "name": t["setup"]["enrol"]["days"][day],
                 "on": f"{item.id}.{day}" in said}
                for day in typed.DAYS
            ],
            "rest": when(item, t) if item.on_day is not None or item.every_weeks > 1 else "",
            "problem": sentence(problem[item.id], t, lang) if item.id in problem else "",
        }
        for item in programme.plan
    ]  # fmt: skip


def hours(span: timedelta, t: Words) -> str:
    e = t["setup"]["enrol"]
    minutes = int(span.total_seconds() // 60)
    if minutes % (24 * 60) == 0 and minutes:
        return str(e["grace_days"].format(n=minutes // (24 * 60)))
    if minutes % 60 == 0:
        return str(e["grace_hours"].format(n=minutes // 60))
    return str(e["grace_minutes"].format(n=minutes))


def limits(
    programme: Programme,
    said: Mapping[str, str],
    faults: Iterable[Fault],
    facts: Sequence[Fact],
    lang: str,
) -> list[View]:
    t = words.words(lang)
    problem = {fault.at: fault for fault in faults}
    return [
        {
            "name": limit.name,
            "says": words.say(limit.names, lang),
            "default": figure(limit, limit.default, lang),
            "unit": written.unit(limit.ucum, t),
            "min": written.number(limit.min, 2, lang),
            "max": written.number(limit.max, 2, lang),
            "own": said.get(limit.name, ""),
            "source": limit.source,
            "proposal": proposal(limit, own_limits.proposed(programme, limit, facts), lang),
            "problem": sentence(problem[limit.name], t, lang) if limit.name in problem else "",
        }
        # What has to be set for each patient comes first.
        for limit in sorted(programme.limits, key=lambda one: one.default is not None)
    ]


def proposal(limit: Limit, found: Proposed | None, lang: str) -> View | None:
    """What his own values would make of it, with how many they are and from when to when."""
    e = words.words(lang)["setup"]["enrol"]
    if found is None or not found.n:
        return None
    first, last = _short(found.first), _short(found.last)
    if found.value is None or found.median is None or found.spread is None:
        return {"text": e["too_few"].format(n=found.n, first=first, last=last), "value": ""}
    text = e["proposal"].format(
        value=figure(limit, found.value, lang),
        median=written.number(found.median, 1, lang),
        spread=written.number(found.spread, 1, lang),
        n=found.n, first=first, last=last,
    )  # fmt: skip
    return {"text": text, "value": written.number(found.value, 2, lang)}


def sentence(fault: Fault, t: Words, lang: str) -> str:
    members = {
        name: written.number(value, 2, lang) if isinstance(value, Decimal) else value
        for name, value in fault.members.items()
    }
    return str(t["setup"]["fault"][fault.at if fault.code == "missing" else fault.code]).format(
        **members
    )


def devices(
    credentials: Iterable[Credential], said: Mapping[str, str], label: str
) -> View:  # fmt: skip
    return {
        "how": said.get("how", "app"),
        "label": said.get("label", label),
        "cred": said.get("cred", ""),
        "known": [
            {"cred": one.cred, "name": one.label}
            for one in credentials
            if one.kind != "system" and one.revoked_at is None
        ],
    }


def summary(
    patient: Patient,
    unit: Unit | None,
    programme: Programme,
    items: Sequence[PlanItem],
    own: Mapping[str, Decimal],
    waiting: Sequence[str],
    lang: str,
    now: datetime,
) -> View:
    """What the patient gets, on the screen and on paper."""
    t = words.words(lang)
    measured = sorted({item.kind for item in items if item.kind in kinds.CATALOGUE})
    return {
        "person": person(patient, now),
        "unit": unit.name if unit else "",
        "programme": words.say(programme.names, lang),
        "purpose": words.say(programme.purpose, lang),
        "version": programme.version,
        "expects": [expected(item, t, lang) for item in items],
        "measured": [getattr(kinds.CATALOGUE[kind], lang) for kind in measured],
        "own": [
            {
                "says": words.say(programme.limit_by_name[name].names, lang),
                "value": figure(programme.limit_by_name[name], value, lang),
                "waits": name in waiting,
            }
            for name, value in own.items()
            if name in programme.limit_by_name
        ],
    }


def unfinished(drafts: Iterable[tuple[Draft, str]], lang: str, now: datetime) -> list[View]:
    t = words.words(lang)
    rows = []
    for draft, name in drafts:
        done = set(draft.typed)
        step = next((step for step in STEPS[1:] if step not in done), STEPS[-1])
        rows.append(
            {
                "href": f"/setup/enrol/{draft.id}/{step}",
                "name": name,
                "step": t["setup"]["enrol"]["steps"][step],
                "n": STEPS.index(step) + 1,
                "at": written.moment(draft.changed_at, now, t),
            }
        )
    return rows


def found(patients: Iterable[Patient], units: Mapping[UUID, str], now: datetime) -> list[View]:
    return [{**person(one, now), "unit": units.get(one.unit_id, "")} for one in patients]


def _short(day: date | None) -> str:
    return f"{day:%d.%m.%Y}" if day else ""
