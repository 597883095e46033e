"""Pure: today's tasks, what was told, and how far what was sent has come."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.patients.me.mine import Mine
from services.patients.me.store_mine import Due
from services.patients.page import entry, frame, words, written
from services.patients.page.frame import View
from shared import attachments, fhir
from shared.contracts import Fact
from shared.programmes import EMERGENCY

ICONS: Mapping[str, str] = {
    "body_weight": "scale", "blood_pressure": "cuff", "heart_rate": "cuff", "spo2": "oxy",
    "resp_rate": "oxy", "body_temp": "therm",
}  # fmt: skip
SHOWN = timedelta(hours=36)
MOST = 12
FORM = "answers:"


def today_view(mine: Mine, forms: Mapping[str, Any], lang: str, now: datetime) -> View:
    t = words.words(lang)
    tasks = [task(mine, due, forms, lang, now) for due in mine.dues]
    waiting = [one for one in tasks if not one["done"]]
    # What is to be done now stands first and large; what opens later follows.
    waiting.sort(key=lambda one: bool(one["later"]))
    if waiting and not waiting[0]["later"]:
        waiting[0]["first"] = True
    return {
        "day": written.whole_day(now, t),
        "hello": t["today"]["hello"].format(name=written.first(mine.patient.name)),
        "watch": frame.watched(mine.watches, now, t),
        "told_cards": list(told(mine, lang, now)),
        "tasks": waiting,
        "left": t["today"]["left"].format(n=len(waiting)) if waiting else "",
        "all_done": bool(tasks) and not waiting,
        "has_plan": bool(tasks),
        "more": [entry.choice(kind, lang) for kind in entry.offered(mine)],
        "forms": [
            {"name": name, "title": words.of_form(forms[name], "title", lang)}
            for name in form_names(mine, forms)
        ],
        "sent": [
            track(mine, fact, forms, lang, now)
            for fact in mine.facts
            if fact.at > now - SHOWN and "split_from" not in fact.body
        ][:MOST],
        "fallback": list(words.not_translated(t["page"]["fallback"], mine.patient.language, lang)),
    }


def unit_name(mine: Mine) -> str:
    return mine.unit.name if mine.unit else ""


def task(
    mine: Mine, due: Due, forms: Mapping[str, Any], lang: str, now: datetime
) -> dict[str, Any]:
    t = words.words(lang)
    item = mine.item(due)
    later = due.opens_at > now
    when = t["today"]["before"].format(time=written.time(due.due_at))
    if later:
        when = t["today"]["from"].format(time=written.time(due.opens_at))
    elif now > due.due_at:
        when = t["today"]["late"].format(time=written.time(due.due_at))
    place, icon = _place(due.kind, forms)
    name = words.say(item.names, lang) if item else written.name(due.kind, lang)
    return {
        "title": t["do"].get(due.kind) or t["do"]["other"].format(name=name),
        "when": when,
        "place": place,
        "icon": icon,
        "later": later,
        "first": False,
        "done": due.satisfied_by is not None or any(_counts(due, fact) for fact in mine.facts),
    }


def _counts(due: Due, fact: Fact) -> bool:
    """What has just come and is not judged yet is not asked for once more, nor what came too late
    to count: it is there, and to weigh himself once more would tell nobody more."""
    if "clock_suspect" in fact.flags or fact.at < due.opens_at:
        return False
    return kind_of(fact) == due.kind


def kind_of(fact: Fact) -> str:
    """A fact as plans name it."""
    if fact.type == "answers":
        return f"{FORM}{fhir.questionnaire_name(str(fact.body.get('questionnaire')))[0]}"
    return f"{attachments.PREFIX}{fact.kind}" if fact.type == attachments.TYPE else fact.kind


def _place(kind: str, forms: Mapping[str, Any]) -> tuple[str | None, str]:
    """Where the task is done; None where only equipment or staff can do it."""
    if kind.startswith(FORM):
        name = kind.removeprefix(FORM)
        return (f"/me/forms/{name}" if is_ready(forms, name) else None), "form"
    if kind.startswith(attachments.PREFIX):
        return "/me/photo", "photo"
    return (f"/me/enter/{kind}" if entry.can_be_typed(kind) else None), ICONS.get(kind, "chart")


def is_ready(forms: Mapping[str, Any], name: str) -> bool:
    """A form without its wording is sent to nobody."""
    return name in forms and forms[name].get("status") == "active"


def form_names(mine: Mine, forms: Mapping[str, Any]) -> list[str]:
    """Those of the programmes he is in."""
    found: dict[str, None] = {}
    for programme in mine.programmes.values():
        own = (fhir.questionnaire_name(one["url"])[0] for one in programme.questionnaires)
        found |= dict.fromkeys((*own, *programme.instruments))
    return [name for name in found if is_ready(forms, name)]


def told(mine: Mine, lang: str, now: datetime) -> Iterator[dict[str, Any]]:
    """What the rules have to say to the patient. What is red always says whom to call; what rests
    on nothing any more says that, and calls nobody."""
    t = words.words(lang)
    seen: set[str] = set()
    for one in mine.told:
        text = words.say(one.says, lang) if one.stands else t["told"]["gone_why"]
        emergency = EMERGENCY[lang]
        if not text or text in seen:
            continue
        seen.add(text)
        is_red = one.colour == "red" and one.stands
        yield {
            "colour": one.colour if one.stands else "line",
            "lead": t["told"][one.colour if one.stands else "gone"],
            "text": text.replace(emergency, "").strip() if is_red else text,
            "call": emergency if is_red else "",
            "since": written.moment(one.opened_at, now, t),
            "acknowledged": one.seen and one.stands,
        }


def track(
    mine: Mine, fact: Fact, forms: Mapping[str, Any], lang: str, now: datetime
) -> dict[str, Any]:
    """Sent, received and seen are three things, each with its own time."""
    t = words.words(lang)
    seen = mine.seen.get(fact.id)
    own = fact.source.startswith("patient:")
    return {
        "id": str(fact.body.get("message", "")) if own else "",
        "name": _name(fact, forms, lang),
        "value": written.reading(fact, t, lang) if fact.type == "reading" else "",
        "sent": t["track"]["sent" if own else "measured"],
        "sent_at": written.moment(fact.at, now, t),
        "received_at": written.moment(fact.received_at, now, t),
        "seen_by": t["track"]["by"].format(name=written.first(seen.by)) if seen else "",
        "seen_at": written.moment(seen.at, now, t) if seen else "",
        "corrected": "corrects" in fact.body,
    }


def _name(fact: Fact, forms: Mapping[str, Any], lang: str) -> str:
    t = words.words(lang)
    if fact.type == "answers":
        form = forms.get(kind_of(fact).removeprefix(FORM))
        return words.of_form(form, "title", lang) if form else str(t["form"]["form"])
    if fact.type == attachments.TYPE:
        of = attachments.KINDS[fact.kind]
        return of.en if lang == "en" else of.nb
    return written.name(fact.kind, lang)
