"""The patient's page: identity, alerts with their evidence, readings, forms."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.alerts.page import (
    alert,
    answers,
    contacts,
    heading,
    implants,
    messages,
    news2,
    nights,
    photos,
    reading,
    sessions,
    shown,
    words,
    worklist,
    written,
)
from services.alerts.page.frame import frame

View = dict[str, Any]
Json = Mapping[str, Any]


def patient_view(data: Json, lang: str, now: datetime) -> View:
    """Everything `patient.html` shows (shapes: package docstring)."""
    t = words.words(lang)
    me = str(data["me"]["id"]) if data.get("me") else None
    person = shown.person(data["patient"], data.get("number"), now, lang)
    person_id = data["patient"]["id"]
    readings = [reading.reading(each, now, lang) for each in data.get("readings") or ()]
    return {
        **frame(data, lang),
        "title": t["patient"]["title"].format(
            reds=shown.reds(t, int((data.get("counts") or {}).get("red") or 0)),
            name=person["name"],
        ),
        "person": person,
        "phone": _phone(data.get("phone")),
        "version": int(data.get("version") or 0),
        "deceased": _deceased(data, lang),
        "unit": data["unit"],
        "watch": shown.watch(data.get("watching"), now, lang),
        "counts": _counts(data, t),
        "fresh": heading.fresh(data, now, lang) if data.get("as_of") else None,
        "position": _position(data, t),
        "facts": _facts(data, me, now, lang),
        "opened": _opened(data, now, lang),
        "notices": _notices(data, now, lang),
        "moved": _moved(data, t),
        "draft": _draft(data),
        "entered": dict(data.get("entered") or {}),
        "alerts": [
            alert.view(each, me, now, lang)
            for each in alert.worst_first(list(data.get("alerts") or ()))
        ],
        "earlier": [alert.earlier(each, now, lang) for each in data.get("earlier") or ()],
        "news2": news2.news2(data.get("news2"), now, lang),
        "latest": [
            reading.latest(each, now, lang) for each in shown.joined(data.get("latest") or (), lang)
        ],
        "readings": readings,
        "correct": reading.correct(data, readings, t, lang),
        "enter": [
            reading.entry(kind, t)
            for kind in data.get("enterable", reading.ENTERED)
            if kind in reading.ENTERED
        ],
        "limits": [_limit(each, t, lang) for each in data.get("limits") or ()],
        "forms": [
            {
                "href": f"/patients/{person_id}/forms/{each['name']}",
                "title": words.say(each["title"], lang),
            }
            for each in data.get("forms") or ()
        ],
        "enter_at": written.local_input(now),
        "notes": [_note(each, now, lang) for each in data.get("notes") or ()],
        "answers": [answers.answers(each, now, lang) for each in data.get("answers") or ()],
        "photos": photos.photos(data, me, now, lang),
        "devices": [_device(each, now, lang) for each in data.get("devices") or ()],
        "sessions": sessions.sessions(data, now, lang),
        "nights": nights.nights(data, now, lang),
        "implant": implants.implant(data, now, lang),
        "plan": contacts.plan(data, lang),
        "contacts": contacts.contacts(data, me, now, lang),
        "proposals": contacts.proposals(data, me, now, lang),
        "suggested": contacts.suggested(data, lang),
        "staff": [
            found for each in data.get("staff") or () if (found := shown.staff(each, me, now, lang))
        ],
        "snoozes": worklist.snoozes(now, lang),
        "reminders": worklist.reminders(now, lang),
        "targets": [
            {"id": str(each["id"]), "name": each["name"]} for each in data.get("targets") or ()
        ],
        "messages_said": messages.said(data.get("message_waits_since"), now, lang),
        "chart_days": int(data.get("chart_days") or 30),
        "printed": worklist.printed(now, lang),
    }


def _phone(number: str | None) -> View | None:
    """To be called from the page; Norwegian numbers in pairs, as they are read aloud."""
    if not number:
        return None
    digits = number.removeprefix("+47")
    if len(digits) == 8 and number.startswith("+47"):
        shown_as = " ".join(digits[place : place + 2] for place in range(0, 8, 2))
    else:
        shown_as = number
    return {"text": shown_as, "href": f"tel:{number}"}


def _opened(data: Json, now: datetime, lang: str) -> View | None:
    """By emergency access: until when; the script counts the minutes down."""
    until = data.get("open_until")
    if not until:
        return None
    t = words.words(lang)
    clock = written.clock(until, now, t, lang)
    return {"iso": written.iso(until), "text": t["shut"]["opened"].format(clock=clock)}


def _limit(each: Json, t: words.Words, lang: str) -> View:
    """A limit as it is in force for him, and between what it may be set."""
    figures = [Decimal(str(each[name])) for name in ("value", "min", "max")]
    finest = min(int(one.normalize().as_tuple().exponent) for one in figures)
    return {
        "programme": each["programme"],
        "name": each["name"],
        "label": words.say(each["label"], lang),
        "own": bool(each.get("own")),
        "value": f"{figures[0]:f}",
        "least": f"{figures[1]:f}",
        "most": f"{figures[2]:f}",
        "step": f"{Decimal(1).scaleb(min(0, max(-2, finest))):f}",
        "unit": t["ucum"].get(each["ucum"], each["ucum"]),
    }


def _deceased(data: Json, lang: str) -> str | None:
    at = data["patient"].get("deceased_at")
    if not at:
        return None
    day = written.moment(at).astimezone(written.OSLO).date()
    return str(words.words(lang)["patient"]["deceased"]).format(date=written.date_of(day, lang))


def _counts(data: Json, t: words.Words) -> list[View]:
    counts = heading.clinical(data.get("counts") or {})
    yellow = t["worklist"]["lanes"]["yellow"]
    said = (("red", "red", t["reds"]), ("yellow", "yellow", yellow))
    return [
        {"key": key, "icon": icon, "text": words.count(forms, int(counts.get(key) or 0))}
        for key, icon, forms in said
    ]


def _position(data: Json, t: words.Words) -> View | None:
    place = data.get("position")
    if not place:
        return None
    return {
        "text": t["patient"]["position"].format(n=place["n"], of=place["of"]),
        "previous": f"/patients/{place['previous']}" if place.get("previous") else None,
        "next": f"/patients/{place['next']}" if place.get("next") else None,
    }


def _facts(data: Json, me: str | None, now: datetime, lang: str) -> list[View]:
    """The line beside the name: what the figures below are judged against."""
    t = words.words(lang)
    said = t["patient"]
    facts = [
        {
            "name": said["programme"],
            "value": words.say(each.get("name") or each.get("slug"), lang),
            "more": str(each.get("version") or ""),
        }
        for each in data.get("programmes") or ()
    ]
    weight = data.get("dry_weight")
    if weight:
        at = weight.get("at")
        set_at = said["set"].format(date=written.day_of(at, now, lang)) if at else ""
        value = written.quantity(weight["value"], "kg", lang)
        facts.append({"name": said["dry_weight"], "value": value, "more": set_at})
    scale = int(data.get("spo2_scale") or 1)
    facts.append({"name": said["scale"], "value": str(scale), "more": said[f"scale_{scale}"]})
    score = news2.news2(data.get("news2"), now, lang)
    if score:
        clock = score["at"]["clock"] if score["at"] else ""
        known = "" if score["complete"] else score["known"]
        more = ", ".join(piece for piece in (known, clock) if piece)
        facts.append({"name": said["news2"], "value": score["short"], "more": more})
    who = shown.staff(data.get("assignee"), me, now, lang)
    has = who["short"] if who else t["page"]["none"]
    return [*facts, {"name": said["who"], "value": has, "more": ""}]


def _notices(data: Json, now: datetime, lang: str) -> list[str]:
    t = words.words(lang)
    notices = []
    if data.get("saved"):
        notices.append(
            t["try"]["proposed"] if data["saved"] == "proposed" else t["patient"]["saved"]
        )
    if data.get("problem"):
        notices.append(words.say(data["problem"], lang))
    if paused := data.get("paused"):
        kind = t["patient"]["paused"].get(paused.get("kind"), t["patient"]["paused"]["other"])
        notices.append(f"{shown.paused(paused, now, lang)}. {kind}")
    if data.get("behind"):
        notices.append(shown.behind(data["behind"], now, lang))
    notices += [t["patient"]["linked"].format(**one) for one in data.get("linked") or ()]
    if data.get("quarantined"):
        notices.append(shown.quarantined(data["quarantined"], t))
    for one in data.get("tasks") or ():
        said = worklist.task(one, data, now, lang)
        notices.append(f"{t['worklist']['task']}: {said['text']} ({said['by']})")
    return notices


def _draft(data: Json) -> View:
    """What was typed into a move that was refused. When the alert no longer takes that move, what
    was written stands in its note."""
    typed = {name: str(one) for name, one in (data.get("draft") or {}).items()}
    alert = next((one for one in data.get("alerts") or () if one["id"] == typed.get("alert")), None)
    if (
        alert is not None
        and typed.get("note")
        and typed.get("move") not in alert.get("moves", typed.values())
    ):
        typed["move"] = "note"
    return {"alert": "", "move": "", "note": "", **typed}


def _moved(data: Json, t: words.Words) -> View | None:
    """After a 409: who was quicker, and that nothing was saved. The page shows the new state."""
    moved = data.get("moved")
    if not moved:
        return None
    by = moved.get("by")
    title = t["moves"]["moved_by"].format(name=by) if by else t["moves"]["moved"]
    return {"alert": str(moved["alert"]), "title": title, "text": t["moves"]["moved_nothing"]}


def _note(each: Json, now: datetime, lang: str) -> View:
    clock = written.clock(each["at"], now, words.words(lang), lang)
    return {"text": str(each["note"]), "by": str(each.get("by") or ""), "clock": clock}


def _device(each: Json, now: datetime, lang: str) -> View:
    """{"name", "bound_at", "last_seen", "battery"}; a device never heard from says so."""
    t = words.words(lang)
    said = t["patient"]
    seen, bound, battery = each.get("last_seen"), each.get("bound_at"), each.get("battery")
    return {
        "name": words.say(each["name"], lang),
        "seen": written.clock(seen, now, t, lang) if seen else said["never_seen"],
        "bound": said["bound_since"].format(date=written.day_of(bound, now, lang)) if bound else "",
        "battery": said["battery"].format(n=written.quantity(battery, "%", lang))
        if battery is not None
        else "",
        "low": battery is not None and float(battery) < 20,
    }
