"""What rows, alerts and readings show alike: a colour, a person, a value with its age."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.alerts.page import words, written

View = dict[str, Any]
Json = Mapping[str, Any]

# A colour is never alone: each has a shape (the icon of the same name) and a word.
ICONS = {
    "red": "red",
    "yellow": "yellow",
    "green": "green",
    "silent": "silent",
    "paused": "pause",
}
RANK = {"red": 0, "yellow": 1, "silent": 2, "paused": 3, "green": 4}
# After a day a value is greyed as well as dated.
OLD = timedelta(hours=24)


def colour(tone: str, lang: str) -> View:
    known = tone if tone in ICONS else "silent"
    return {"tone": known, "icon": ICONS[known], "word": words.words(lang)["colours"][known]}


def person(patient: Json, number: object, now: datetime, lang: str) -> View:
    """Name, birth date, age and local number: two identifiers wherever a patient is named."""
    t = words.words(lang)
    born = patient.get("born")
    return {
        "id": str(patient["id"]),
        "name": str(patient["name"]).strip() or t["page"]["unnamed"],
        "born": written.date_of(born, lang) if born else t["page"]["unknown_born"],
        "age": words.count(t["time"]["years"], written.years(born, now)) if born else "–",
        "number": str(number or "–"),
    }


def staff(raw: Json | str | None, me: str | None, now: datetime, lang: str) -> View | None:
    """Who has an alert: {"id", "name", "at"} or a bare name."""
    if not raw:
        return None
    given: Json = {"name": raw} if isinstance(raw, str) else raw
    t = words.words(lang)
    name = str(given.get("name", ""))
    is_me = me is not None and str(given.get("id")) == me
    return {
        "id": str(given.get("id", "")),
        "name": name,
        "short": t["page"]["you"] if is_me else written.short(name),
        "initials": written.initials(name),
        "is_me": is_me,
        "since": written.clock(given["at"], now, t, lang) if given.get("at") else None,
    }


def moment(at: datetime | str, now: datetime, lang: str) -> View:
    """A moment with its clock time and its age; the script keeps the age true."""
    t = words.words(lang)
    return {
        "iso": written.iso(at),
        "clock": written.clock(at, now, t, lang),
        "age": written.age(at, now, t),
        "old": now - written.moment(at) > OLD,
    }


def joined(values: Iterable[Json], lang: str) -> list[View]:
    """Values grouped per reading, in the order given; systolic and diastolic as 168/94."""
    groups: dict[tuple[str, str], list[Json]] = {}
    for each in values:
        at = written.iso(each["at"])
        groups.setdefault((str(each["kind"]), at), []).append(each)
    return [figure for group in groups.values() for figure in _figures(group, lang)]


def _figures(group: list[Json], lang: str) -> list[View]:
    t = words.words(lang)
    fields = {str(each.get("field", "value")): each for each in group}
    figures = []
    if {"systolic", "diastolic"} <= fields.keys():
        high, low = fields.pop("systolic"), fields.pop("diastolic")
        text = f"{written.number(high['value'], lang)}/{written.number(low['value'], lang)}"
        figures.append({**_about(high), "name": words.kind(t, str(high["kind"])), "text": text})
    for field, each in fields.items():
        kind = str(each["kind"])
        ucum = each.get("ucum") or words.ucum(kind, field)
        text = written.value(kind, field, each["value"], ucum, lang)
        figures.append({**_about(each), "name": words.kind(t, kind, field), "text": text})
    return figures


def _about(each: Json) -> View:
    return {"given": each, "kind": str(each["kind"]), "at": written.moment(each["at"])}


def reds(t: words.Words, n: int) -> str:
    """ "(4 røde) " in front of the title: seen in the tab whatever is on the screen."""
    return f"({words.count(t['reds'], n)}) " if n else ""


def watch(raw: Json | None, now: datetime, lang: str) -> View:
    """Who watches now and next: {"now", "until", "next", "who": […], "next_who"}."""
    t = words.words(lang)
    said, given = t["watch"], raw or {}
    who = " · ".join(str(name) for name in given.get("who") or ())
    is_now = bool(given.get("now"))
    coming = given.get("next")
    until = given.get("until") if coming else None  # else it is only how far the calendar looked
    if coming:
        clock = written.clock(coming, now, t, lang)
        next_who = given.get("next_who")
        after = (
            said["next_who"].format(who=next_who, clock=clock)
            if next_who
            else said["next"].format(clock=clock)
        )
    else:
        after = said["always" if is_now else "no_next"]
    return {
        "now": is_now,
        "lead": (said["now_who"] if who else said["now"]) if is_now else said["nobody"],
        "who": who if is_now else "",
        "until": said["until"].format(clock=written.clock(until, now, t, lang))
        if is_now and until
        else "",
        "next": after,
    }


def paused(still: Json, now: datetime, lang: str) -> str:
    """Why nothing is expected of the patient, and until when: of what kind the pause is."""
    t = words.words(lang)
    why = words.say(still.get("says") or still.get("reason"), lang) or str(t["colours"]["paused"])
    if not still.get("until"):
        return why
    return str(t["worklist"]["away"]).format(
        why=why, clock=written.clock(still["until"], now, t, lang)
    )


def behind(silence: Json, now: datetime, lang: str) -> str:
    """What was expected of the patient has not come, and it is not he who is silent."""
    t = words.words(lang)
    whose = "portal" if silence.get("portal") else "platform" if silence.get("alert") else "us"
    said = t["worklist"]["behind"][f"{whose}_long"]
    return str(said).format(clock=written.clock(silence["since"], now, t, lang))


def quarantined(held: Json, t: words.Words) -> str:
    """How many readings wait in quarantine, and why: each kind of reason once."""
    why = [t["quarantine"].get(code, code) for code in held["codes"]]
    return " ".join([words.count(t["patient"]["quarantined"], int(held["n"])), *why])
