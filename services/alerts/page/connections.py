"""The integrator's pages: what came in of each connection, what went out, and what did not."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from services.alerts.page import heading, words, written
from services.alerts.page.frame import frame

View = dict[str, Any]
Json = Mapping[str, Any]

SILENT = timedelta(hours=24)
_BAR = 36  # height of the busiest hour's


def connections_view(data: Json, lang: str, now: datetime) -> View:
    """`failing`, `senders`, `out`, `late` as the API tells them; apps, find?, next?, again? (how
    many)."""
    t = words.words(lang)
    said = t["connections"]
    again = data.get("again")
    names = {one["id"]: one["name"] for one in data["out"]}
    return {
        **frame(data, lang),
        "title": said["title"],
        "apps": data["apps"],
        "find": data.get("find", ""),
        "failing": [_sender(one, now, lang) for one in data["failing"]],
        "more_failing": data["more_failing"],
        "senders": [_sender(one, now, lang) for one in data["senders"]],
        "next": data.get("next"),
        "out": [_out(one, now, lang) for one in data["out"]],
        "late": [_late(one, names, now, lang) for one in data["late"]],
        "again": words.count(said["again"], again) if again is not None else None,
    }


def connection_view(data: Json, lang: str, now: datetime) -> View:
    """`sender` as the API tells it of one."""
    t = words.words(lang)
    said = t["connections"]
    sender = data["sender"]
    most = max((hour["number"] for hour in sender["hours"]), default=0)
    return {
        **frame(data, lang),
        "title": f"{sender['label']} · {said['title']}",
        "sender": _sender(sender, now, lang),
        "most": words.count(said["most"], most),
        "bars": [
            {
                "x": place * 14,
                "y": _BAR - _height(hour["number"], most),
                "height": _height(hour["number"], most),
            }
            for place, hour in enumerate(sender["hours"])
        ],
        "results": [
            {
                "kind": words.kind(t, one["kind"]) if one["kind"] else said["unread"],
                "result": said["results"][one["result"]],
                "why": _why(t, one["code"]),
                "number": one["number"],
                "last": written.clock(one["last_at"], now, t, lang),
            }
            for one in sender["results"]
        ],
        "faults": [
            {
                "code": one["code"],
                "why": _why(t, one["code"]),
                # There stands what an unknown topic says, without its values, and the row it needs.
                "href": _desk(one["code"], sender["cred"]),
                "paths": one["paths"],
                "number": one["number"],
                "last": written.clock(one["last_at"], now, t, lang),
            }
            for one in sender["faults"]
        ],
        "announced": [_announced(one, now, lang) for one in sender["suggestions"]],
    }


def _desk(code: str, cred: str) -> str:
    return f"{heading.DESK}?{urlencode({'code': code, 'cred': cred})}"


def _announced(one: Json, now: datetime, lang: str) -> View:
    t = words.words(lang)
    return {
        "id": one["id"],
        "name": one["name"],
        "device": " ".join(part for part in (one["manufacturer"], one["model"]) if part),
        "topic": one["topic"],
        "unit": one["unit"],
        "kinds": ", ".join(words.kind(t, name) for name in one["kinds"]),
        "last": written.clock(one["last_at"], now, t, lang),
    }


def _height(number: int, most: int) -> int:
    return max(1, round(_BAR * number / most)) if number else 0


def _sender(one: Json, now: datetime, lang: str) -> View:
    t = words.words(lang)
    said = t["connections"]
    last = one["last_at"]
    silent = last is None or now - written.moment(last) > SILENT
    state = "never" if last is None else "silent" if silent else "heard"
    if one["revoked_at"]:
        state = "ended"
    return {
        "cred": one["cred"],
        "label": one["label"],
        "kind": said["kinds"][one["kind"]],
        "last": written.clock(last, now, t, lang) if last else "",
        "age": written.age(last, now, t) if last else "",
        "state": said["states"][state],
        "tone": {"heard": "green", "ended": "paused"}.get(state, "silent"),
        **{name: one[name] for name in ("hour", "day", "set_aside", "refused", "waiting")},
    }


def _out(one: Json, now: datetime, lang: str) -> View:
    t = words.words(lang)
    said = t["connections"]
    delivered = one["delivered_at"]
    return {
        "name": one["name"],
        "kind": said["out_kinds"][one["kind"]],
        "ended": bool(one["ended_at"]),
        "last": written.clock(delivered, now, t, lang) if delivered else said["never"],
        "since": written.clock(one["waiting_since"], now, t, lang) if one["waiting_since"] else "",
        **{name: one[name] for name in ("delivered", "waiting", "failed", "undeliverable")},
    }


def _late(one: Json, names: Mapping[str, str], now: datetime, lang: str) -> View:
    t = words.words(lang)
    said = t["connections"]
    return {
        "id": one["id"],
        "name": names.get(one["connection"], one["connection"]),
        "event": said["events"].get(one["event"], one["event"]),
        "state": said["late_states"][one["state"]],
        "why": one["why"] or "",
        "attempts": one["attempts"],
        "made": written.clock(one["made_at"], now, t, lang),
        "next": written.clock(one["next_at"], now, t, lang) if one["next_at"] else "",
    }


def _why(t: words.Words, code: str) -> str:
    return str(t["quarantine"].get(code, code))
