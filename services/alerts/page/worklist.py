"""The list as a whole: lanes, counts, who watches, how complete, what a filter hides."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from services.alerts.page import beside, heading, messages, row, shown, words, written
from services.alerts.page.frame import frame

View = dict[str, Any]
Json = Mapping[str, Any]

LANES = ("clinical", "technical", "paused", "done")
# The messages stand third, as a lane of their own kind.
DIGITS = {"clinical": 1, "technical": 2, "paused": 4, "done": 5}
SNOOZES = (1, 2, 4, 8, 12)
REMINDERS = (1, 3, 7, 14)  # days
MORNING = time(8, 0)
# What the address of a filtered list may carry.
FILTERS = ("unit", "programme", "colour", "assignee", "state", "cursor")


def worklist_view(data: Json, lang: str, now: datetime) -> View:
    """Everything `worklist.html` and `rows.html` show (shapes: package docstring)."""
    t = words.words(lang)
    me = str(data["me"]["id"]) if data.get("me") else None
    counts = data["counts"]
    rows = data.get("drawn")
    if rows is None:
        rows = [row.drawn(each, me, now, lang) for each in data["rows"]]
    by_lane = {lane: [each for each in rows if each["lane"] == lane] for lane in LANES}
    query = {key: value for key, value in (data.get("query") or {}).items() if key in FILTERS}
    chips = heading.filters(data, query, t)
    return {
        **frame(data, lang),
        "title": t["worklist"]["title"].format(reds=shown.reds(t, counts["red"])),
        "unit": data.get("unit"),
        "units": [
            {
                "name": str(each["name"]),
                "on": bool(each.get("on")),
                "href": "/?" + urlencode({"unit": each["id"]}),
            }
            for each in data.get("units") or ()
        ],
        "watch": shown.watch(data.get("watching"), now, lang),
        "counts": heading.counts(data, t),
        "fresh": heading.fresh(data, now, lang),
        "filters": chips,
        "may_save": heading.may_save(query, chips),
        "hidden": heading.hidden(data, query, now, lang),
        "lanes": _lanes(by_lane, data.get("platform") or (), t),
        "platform": [_platform(each, me, now, lang) for each in data.get("platform") or ()],
        "messages": messages.lane(data.get("conversations") or (), me, now, lang),
        "greens": _greens(by_lane["done"], t),
        "empty": _empty(rows, query, t),
        "more": _more(data, rows, query, t),
        "part": t["worklist"]["part"] if query.get("cursor") else None,
        "first": "/?" + urlencode({k: v for k, v in query.items() if k != "cursor"}),
        "query": urlencode(query),
        "staff": [
            found for each in data.get("staff") or () if (found := shown.staff(each, me, now, lang))
        ],
        "snoozes": snoozes(now, lang),
        "reminders": reminders(now, lang),
        "targets": [
            {"id": str(each["id"]), "name": each["name"]} for each in data.get("targets") or ()
        ],
        "tasks": [task(each, data, now, lang) for each in data.get("tasks") or ()],
        "printed": printed(now, lang),
        "reread_at": str(data.get("reread_at") or ""),
    }


def printed(now: datetime, lang: str) -> str:
    """On paper the moment is part of the content; the script writes it anew when it prints."""
    local = now.astimezone(written.OSLO)
    said = words.words(lang)["worklist"]["printed"]
    return str(said).format(day=local.date().isoformat(), clock=local.strftime("%H:%M"))


def snoozes(now: datetime, lang: str) -> list[View]:
    """Fixed choices, so that nobody types a date at 07:45; the script keeps them counted from now.

    The longest is what the lifecycle allows.
    """
    t = words.words(lang)
    choices = []
    for hours in SNOOZES:
        at = now + timedelta(hours=hours)
        clock = written.clock(at, now, t, lang)
        text = words.count(t["moves"]["in_hours"], hours, clock=clock)
        choices.append({"until": written.iso(at), "hours": hours, "text": text})
    return choices


def reminders(now: datetime, lang: str) -> list[View]:
    """When a note may come back: at the start of a working morning."""
    t = words.words(lang)
    today = now.astimezone(written.OSLO).date()
    choices = []
    for days in REMINDERS:
        day = today + timedelta(days=days)
        at = datetime.combine(day, MORNING, written.OSLO)
        text = words.count(t["moves"]["in_days"], days, clock=written.clock(at, now, t, lang))
        choices.append({"at": written.iso(at), "text": text})
    return choices


def task(one: Json, data: Json, now: datetime, lang: str) -> View:
    """What is to be done about a patient; who is asked may take it or give it back."""
    t = words.words(lang)
    mine = {str(unit) for unit in data.get("mine") or ()}
    offered = one.get("offered_to")
    said = ""
    if offered is not None:
        said = t["worklist"]["task_offered"].format(
            to=offered["name"], source=(one.get("unit") or {}).get("name", "")
        )
    person = shown.person(one["patient"], one.get("number"), now, lang)
    return {
        "id": one["id"],
        "version": one["version"],
        "href": f"/patients/{one['patient']['id']}",
        "name": person["name"],
        "number": person["number"],
        "born": person["born"],
        "age": person["age"],
        "text": one["text"],
        "by": t["worklist"]["task_by"].format(
            who=one["made_by"]["name"], clock=written.clock(one["due_at"], now, t, lang)
        ),
        "offered": said,
        "is_asked": offered is not None and offered["id"] in mine,
    }


def _lanes(
    by_lane: Mapping[str, Sequence[View]], faults: Sequence[Json], t: words.Words
) -> list[View]:
    said = t["worklist"]["lanes"]
    lanes = []
    for lane in LANES:
        rows = row.worst_first(by_lane[lane])
        if lane == "clinical":
            sub = _clinical(rows, t)
        elif lane == "technical" and not rows and not faults:
            sub = said["technical_none"]
        else:
            here = faults if lane == "technical" else ()
            sub = words.count(said[f"{lane}_sub"], len(rows) + len(here))
            sub += _unacknowledged(rows, here, t)
        lanes.append(
            {"key": lane, "digit": DIGITS[lane], "name": said[lane], "sub": sub, "rows": rows}
        )
    return lanes


def _clinical(rows: Sequence[View], t: words.Words) -> str:
    said = t["worklist"]["lanes"]
    if not rows:
        return str(said["clinical_none"])
    red = sum(1 for each in rows if each["tone"] == "red")
    yellow = len(rows) - red
    sub = str(said["clinical_sub"]).format(
        red=words.count(t["reds"], red), yellow=words.count(said["yellow"], yellow)
    )
    return sub + _unacknowledged(rows, (), t)


def _unacknowledged(rows: Sequence[View], faults: Sequence[Json], t: words.Words) -> str:
    """How many alerts nobody has acknowledged, which is not how many rows."""
    n = beside.unacknowledged(rows, faults)
    return f" · {words.count(t['worklist']['lanes']['unacknowledged'], n)}" if n else ""


def _platform(fault: Json, me: str | None, now: datetime, lang: str) -> View:
    """One fault of a portal or of ours is one row, whatever the number of patients behind it."""
    t = words.words(lang)
    since = fault.get("since")
    return {
        **shown.colour(str(fault.get("colour") or "silent"), lang),
        "name": words.say(fault["name"], lang),
        "patients": words.count(t["worklist"]["patients"], int(fault.get("patients") or 0)),
        "cause": t["worklist"]["cause"].format(
            cause=t["causes"].get(fault.get("cause"), t["causes"]["unknown"])
        ),
        "reason": words.say(fault.get("reason"), lang),
        "also": words.say(fault.get("also"), lang),
        "waited": {"iso": written.iso(since), "text": written.wait(since, now, t)}
        if since
        else None,
        "who": shown.staff(fault.get("assignee"), me, now, lang),
        **_faults_alert(fault.get("alert"), now, t, lang),
        "behind": [
            {
                "href": f"/patients/{one['patient']['id']}",
                "name": shown.person(one["patient"], one.get("number"), now, lang)["name"],
                "number": str(one.get("number") or "–"),
                "clock": written.clock(one["behind"]["since"], now, t, lang),
            }
            for one in fault.get("behind") or ()
        ],
    }


def _faults_alert(given: Json | None, now: datetime, t: words.Words, lang: str) -> View:
    """What the keys act on, and under the name when it was acknowledged."""
    if given is None:
        return {"key": "", "alert": None, "who_sub": ""}
    clock = ""
    if given["state"] == "acknowledged" and given.get("acknowledged_at"):
        clock = written.clock(given["acknowledged_at"], now, t, lang)
    return {
        "key": f"row-platform-{given['id']}",
        "alert": {**given, "moves": " ".join(given["moves"])},
        "who_sub": str(t["worklist"]["acknowledged"]).format(clock=clock) if clock else "",
    }


def _greens(rows: Sequence[View], t: words.Words) -> View:
    """The only rows that may be acknowledged together; nothing here says that all is well."""
    said = t["worklist"]["greens"]
    green = [each for each in rows if each["tone"] == "green" and not each["alert"]]
    unseen = [each for each in green if not each["seen"] and not each["shut"]]
    without = sum(1 for each in green if each["value"] is None)
    lines = [said["outside"]]
    if without:
        lines.append(words.count(said["without"], without))
    if seen := sum(1 for each in green if each["seen"]):
        lines.append(words.count(said["seen"], seen))
    return {
        "n": len(green),
        "text": words.count(said["n"], len(green)),
        "lines": lines,
        "unseen": len(unseen),
        "button": words.count(said["acknowledge"], len(unseen)),
    }


def _empty(rows: Sequence[View], query: Mapping[str, str], t: words.Words) -> View | None:
    if rows:
        return None
    said = t["worklist"]
    if set(query) - {"unit"}:
        unit = {"unit": query["unit"]} if query.get("unit") else {}
        return {
            "title": said["empty_filter"],
            "why": said["empty_filter_why"],
            "href": "/?" + urlencode(unit),
            "link": said["show_all"],
        }
    return {"title": said["empty"], "why": said["empty_why"], "href": None, "link": None}


def _more(
    data: Json, rows: Sequence[View], query: Mapping[str, str], t: words.Words
) -> View | None:
    """A list is never cut silently: what is on the next part is said, with a way there."""
    cursor = data.get("next")
    if not cursor:
        return None
    return {
        "text": t["worklist"]["more"].format(n=len(rows)),
        "href": "/?" + urlencode({**query, "cursor": cursor}),
        "link": t["worklist"]["more_link"],
    }
