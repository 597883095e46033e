"""One alert on the patient's page: what it rests on, its rule and limit, what was done with it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts.page import beside, news2, shown, words, written

View = dict[str, Any]
Json = Mapping[str, Any]

# Offered when the service does not say which moves the lifecycle allows.
MOVES = {
    "open": ("assign", "acknowledge", "snooze", "note", "escalate", "close"),
    "acknowledged": ("assign", "snooze", "note", "escalate", "close"),
    "snoozed": ("assign", "acknowledge", "note", "escalate", "close"),
    "closed": ("note", "reopen"),
}


def view(alert: Json, me: str | None, now: datetime, lang: str) -> View:
    t = words.words(lang)
    said = t["patient"]
    who = shown.staff(alert.get("assignee"), me, now, lang)
    technical = alert.get("lane") == "technical"
    return {
        "id": str(alert["id"]),
        "version": alert["version"],
        **shown.colour(tone_of(alert), lang),
        "emergency": bool(alert.get("emergency")),
        "reason": words.say(alert.get("reason"), lang),
        "also": words.say(alert.get("also"), lang),
        "news2": news2.line(alert.get("news2"), now, lang),
        "cause": t["worklist"]["cause"].format(
            cause=t["causes"].get(alert.get("cause"), t["causes"]["unknown"])
        )
        if technical
        else None,
        "state": alert["state"],
        "state_word": t["states"].get(alert["state"], alert["state"]),
        "who": who,
        "has": _has(who, said),
        "waited": _waited(alert, now, t),
        "deadline": _deadline(alert, now, lang),
        "marks": _marks(alert, now, lang),
        "evidence": [_evidence(each, now, lang) for each in alert.get("evidence") or ()],
        "rule": _rule(alert, lang),
        "limits": [_limit(each, now, lang) for each in alert.get("limits") or ()],
        "history": [_history(each, now, lang) for each in alert.get("history") or ()],
        "moves": set(alert.get("moves", MOVES.get(str(alert["state"]), ("note",)))),
        "is_red": alert["colour"] == "red",
        "is_mine": bool(who and who["is_me"]),
    }


def earlier(alert: Json, now: datetime, lang: str) -> View:
    """A closed alert: one line, and a way to open it again."""
    t = words.words(lang)
    said = t["patient"]
    at, by = alert.get("closed_at"), alert.get("closed_by")
    closed = ""
    if at:
        sentence = said["closed_by" if by else "closed_alone"]
        closed = sentence.format(at=written.clock(at, now, t, lang), who=by)
    outcome = alert.get("outcome")
    technical = alert.get("lane") == "technical"
    return {
        "id": str(alert["id"]),
        "version": alert["version"],
        **shown.colour("silent" if technical else str(alert["colour"]), lang),
        "reason": words.say(alert.get("reason"), lang),
        "raised": written.clock(alert["raised_at"], now, t, lang) if "raised_at" in alert else "",
        "closed": closed,
        "outcome": t["moves"].get(str(outcome).replace("-", "_"), "") if outcome else "",
        "moves": set(alert.get("moves", MOVES["closed"])),
    }


def _has(who: View | None, said: Json) -> str:
    if who is None:
        return str(said["nobody_has"])
    return str(said["you_have"] if who["is_me"] else said["has_it"].format(name=who["short"]))


def _waited(alert: Json, now: datetime, t: words.Words) -> View | None:
    since = alert.get("waiting_since")
    return {"iso": written.iso(since), "text": written.wait(since, now, t)} if since else None


def _deadline(alert: Json, now: datetime, lang: str) -> str | None:
    at = alert.get("deadline")
    if not at:
        return None
    t = words.words(lang)
    passed = written.moment(at) <= now
    said = t["patient"]["deadline_passed"] if passed else t["worklist"]["deadline"]
    return str(said).format(clock=written.clock(at, now, t, lang))


def _marks(alert: Json, now: datetime, lang: str) -> list[str]:
    """Sentences a nurse must see before she judges: late, basis changed, put off."""
    t = words.words(lang)
    marks = []
    if alert.get("late"):
        at = alert.get("measured_at") or alert.get("raised_at") or now
        marks.append(t["patient"]["late"].format(at=written.clock(at, now, t, lang)))
    if alert.get("basis_changed"):
        marks.append(t["patient"]["basis_changed"])
    marks += [one[:1].upper() + one[1:] for one in beside.standing(alert, lang)]
    ends = alert.get("ends")
    if ends and ends["move"] in t["patient"]["ends"]:
        at = written.clock(ends["at"], now, t, lang)
        marks.append(t["patient"]["ends"][ends["move"]].format(at=at))
    until = alert.get("snoozed_until")
    if until and written.moment(until) > now:
        clock = written.clock(until, now, t, lang)
        marks.append(t["worklist"]["snoozed_until"].format(clock=clock))
    return [*marks, *_notified(alert, now, lang)]


def _notified(alert: Json, now: datetime, lang: str) -> list[str]:
    """While nobody has answered: how far it has gone, when it goes on, what did not arrive."""
    told = alert.get("notified")
    if told is None or alert["state"] != "open":
        return []
    t = words.words(lang)
    said = t["notified"]
    if not told["has_ladder"]:
        return [str(said["nobody"])]
    marks = []
    if told["escalated_at"]:
        at = written.clock(told["escalated_at"], now, t, lang)
        marks.append(said["escalated"].format(step=told["step"], of=told["of"], at=at))
    if told["at_the_end"]:
        marks.append(said["at_the_end"])
    elif told["next_at"]:
        marks.append(said["next"].format(at=written.clock(told["next_at"], now, t, lang)))
    lost = sum(one["state"] in ("failed", "undeliverable") for one in told["deliveries"])
    if lost:
        marks.append(said["undelivered"].format(n=lost))
    return marks


def _evidence(each: Json, now: datetime, lang: str) -> View:
    """One value behind the alert. `value` may be a pair "168/94" made by the service."""
    t = words.words(lang)
    kind, field = str(each["kind"]), str(each.get("field") or "value")
    label = words.say(each.get("label"), lang) or words.kind(t, kind, field)
    ucum = each.get("ucum") or words.ucum(kind, field)
    phase = words.code(t, "phase", str(each["phase"])) if each.get("phase") else ""
    return {
        "name": f"{label}, {phase}" if phase else label,
        "value": words.say(each["value"], lang)
        if isinstance(each["value"], Mapping)
        else written.value(kind, field, each["value"], ucum, lang),
        "limit": written.figure(each["limit"], ucum, lang) if each.get("limit") is not None else "",
        "breach": bool(each.get("breach")),
        **shown.moment(each["at"], now, lang),
        "source": source(each, lang),
        "flags": flags(each, t),
        "replaced": bool(each.get("superseded")),
    }


def source(each: Json, lang: str) -> str:
    """Where a value came from: the device's name if known, else how it was entered."""
    t = words.words(lang)
    named = words.say(each.get("source_name"), lang)
    return named or str(t["sources"].get(each.get("entered") or each.get("source"), ""))


def flags(each: Json, t: words.Words) -> list[str]:
    said = [t["flags"].get(flag, flag) for flag in each.get("flags") or ()]
    return [*said, t["flags"]["day"]] if each.get("precision") == "day" else said


def _rule(alert: Json, lang: str) -> View:
    t = words.words(lang)
    programme = words.say(alert.get("programme_name") or alert.get("programme"), lang)
    version = alert.get("programme_version")
    return {
        "id": str(alert.get("rule") or ""),
        "name": words.say(alert.get("rule_name"), lang),
        "programme": t["patient"]["programme_version"].format(programme=programme, version=version)
        if version and programme
        else programme,
    }


def _limit(each: Json, now: datetime, lang: str) -> View:
    """{"name", "label", "value", "ucum", "default", "set_at", "set_by", "before"}."""
    t = words.words(lang)
    said = t["patient"]
    ucum = each.get("ucum")
    value = each.get("value")
    if each.get("default", True):
        origin = said["limit_default"]
    else:
        origin = said["limit_own"].format(
            date=written.day_of(each["set_at"], now, lang) if each.get("set_at") else "–",
            who=each.get("set_by") or "–",
        )
    before = each.get("before")
    return {
        "label": words.say(each.get("label") or each.get("name"), lang),
        "value": "–" if value is None else written.quantity(value, ucum, lang),
        "origin": origin,
        "before": said["limit_before"].format(value=written.quantity(before, ucum, lang))
        if before is not None
        else "",
    }


def _history(each: Json, now: datetime, lang: str) -> View:
    """{"at", "what", "by", "colour", "reason", "note", "assignee", "until", "outcome"}."""
    t = words.words(lang)
    sentence = str(t["history"].get(each["what"], each["what"]))
    colour = str(t["colours"].get(each.get("colour"), "")).lower()
    text = sentence.format(
        by=each.get("by") or t["history"]["system"],
        colour=colour,
        assignee=each.get("assignee") or "–",
        unit=each.get("unit") or "–",
        until=written.clock(each["until"], now, t, lang) if each.get("until") else "–",
    )
    outcome = each.get("outcome")
    more = [
        words.say(each.get("reason"), lang),
        words.say(each.get("says"), lang),
        str(each.get("note") or ""),
        str(t["moves"].get(str(outcome).replace("-", "_"), "")) if outcome else "",
    ]
    return {
        "iso": written.iso(each["at"]),
        "clock": written.clock(each["at"], now, t, lang),
        "text": text.rstrip(": "),
        "more": [piece for piece in more if piece],
    }


def worst_first(alerts: list[Json]) -> list[Json]:
    """Red before yellow before technical; the order of the service among equals."""
    return sorted(
        alerts,
        key=lambda a: (
            not a.get("emergency"),
            shown.RANK.get(tone_of(a), 0),
            a.get("lane") == "technical",
            a["state"] != "open",
        ),
    )


def tone_of(alert: Json) -> str:
    technical = alert.get("lane") == "technical" and alert["colour"] != "red"
    return "silent" if technical else str(alert["colour"])
