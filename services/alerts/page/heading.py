"""Above the list: counts of the whole unit, how complete it is, filters, and the reds they hide."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from services.alerts.page import shown, words, written

View = dict[str, Any]
Json = Mapping[str, Any]

COUNTS = (
    ("red", "red"),
    ("yellow", "yellow"),
    ("technical", "silent"),
    ("green", "green"),
    ("paused", "pause"),
    ("quarantined", "box"),
)
DESK = "/setup/quarantine"  # open to everybody who sees the list


def counts(data: Json, t: words.Words) -> list[View]:
    """For the whole unit, whatever the filter. Pause and quarantine only when known."""
    counts = clinical(data["counts"])
    return [
        {"key": key, "icon": icon, "n": counts[key], "label": t["worklist"]["counts"][key],
         "href": DESK if key == "quarantined" and counts[key] else ""}
        for key, icon in COUNTS
        if counts.get(key) is not None
    ]  # fmt: skip


def clinical(counts: Json) -> View:
    """What is only technical stands with the technical ones, as in the list below."""
    only = {
        "yellow": int(counts.get("only_technical") or 0),
        "green": int(counts.get("only_quarantined") or 0) + int(counts.get("only_behind") or 0),
    }
    fewer = {colour: int(counts[colour]) - n for colour, n in only.items() if colour in counts}
    return {**counts, **fewer}


def fresh(data: Json, now: datetime, lang: str) -> View:
    """How far the list is complete. A list of unknown age would be read as of now."""
    t = words.words(lang)
    said = t["worklist"]
    as_of = written.moment(data["as_of"])
    lag = timedelta(seconds=float(data.get("lag_seconds") or 0))
    complete = written.moment(data["complete_to"]) if data.get("complete_to") else as_of - lag
    pieces = []
    expected = data.get("expected")
    if expected:
        pieces.append(said["expected"].format(**expected))
    if lag >= timedelta(seconds=2):
        pieces.append(said["lag"].format(n=int(lag.total_seconds())))
    quarantined = data["counts"].get("quarantined") or 0
    oldest = data.get("quarantine_oldest")
    if quarantined and oldest:
        age = written.age(oldest, now, t)
        pieces.append(said["quarantine_oldest"].format(n=quarantined, age=age))
    else:
        pieces.append(said["quarantine"].format(n=quarantined))
    return {
        "complete": said["complete"].format(clock=written.clock(complete, now, t, lang)),
        "as_of": written.time_only(as_of, seconds=True),
        "as_of_iso": written.iso(as_of),
        "now": written.iso(now),
        "line": " · ".join(pieces),
    }


def filters(data: Json, query: Mapping[str, str], t: words.Words) -> list[View]:
    """Chips {"key": "all|mine|nobody|programme", "value", "name", "count", "on"} with addresses."""
    keep = {key: value for key, value in query.items() if key == "unit"}
    add = {"mine": {"assignee": "me"}, "nobody": {"assignee": "none"}}
    chips = []
    for each in data.get("filters") or ():
        key = each["key"]
        name = words.say(each.get("name"), t["page"]["lang"]) or t["worklist"].get(key, key)
        extra = {"programme": each["value"]} if key == "programme" else add.get(key, {})
        on = bool(each.get("on"))
        target = keep if on and key != "all" else {**keep, **extra}
        if key == "saved":
            target = dict(each["query"])
        chips.append(
            {
                "name": name,
                "count": each.get("count"),
                "on": on,
                "saved": key == "saved",
                "href": "/?" + urlencode(target),
            }
        )
    return chips


def may_save(query: Mapping[str, str], chips: list[View]) -> str:
    """The filter in force as text, when it is more than a unit and not saved already."""
    wanted = {key: value for key, value in query.items() if key != "cursor"}
    if not set(wanted) - {"unit"} or any(each["on"] and each["saved"] for each in chips):
        return ""
    return urlencode(wanted)


def hidden(data: Json, query: Mapping[str, str], now: datetime, lang: str) -> View | None:
    """Reds the filter leaves out: counted, and each named."""
    n = int((data.get("hidden") or {}).get("red") or 0)
    if not n:
        return None
    t = words.words(lang)
    unit = {"unit": query["unit"]} if query.get("unit") else {}
    rows = [
        {
            "href": f"/patients/{each['patient']['id']}",
            "person": shown.person(each["patient"], each.get("number"), now, lang),
            "unit": (each.get("unit") or {}).get("name", ""),
            "reason": words.say(each.get("reason"), lang),
            "waited": {
                "iso": written.iso(each["waiting_since"]),
                "text": written.wait(each["waiting_since"], now, t),
            }
            if each.get("waiting_since")
            else None,
        }
        for each in data.get("hidden_rows") or ()
    ]
    return {
        "n": n,
        "text": words.count(t["worklist"]["hidden"], n),
        "rows": rows,
        "href": "/?" + urlencode({**unit, "colour": "red"}),
    }
