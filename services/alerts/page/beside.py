"""The alerts of a row that nobody has acknowledged, beside the one that its reason speaks of.

Each is a line of its own with colour, shape and word, and the keys act on it as on the row: an
acknowledged red keeps its place and hides no yellow, nor does a yellow hide a red.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.alerts.page import shown, words, written

View = dict[str, Any]
Json = Mapping[str, Any]

# Groups of alerts about equipment from which readings still come: technical, and not silence.
HEARD = {"device-battery", "device-identity", "judging"}


def waiting(row: Json, front: Json | None, now: datetime) -> list[Json]:
    """Open alerts other than the one the row speaks of, in the order given: worst first."""
    return [
        alert
        for alert in row.get("alerts") or ()
        if alert["state"] == "open"
        and not _is_put_off(alert, now)
        and (front is None or alert["id"] != front["id"])
    ]


def _is_put_off(alert: Json, now: datetime) -> bool:
    until = alert.get("snoozed_until")
    return until is not None and written.moment(until) > now


def lines(row: Json, front: Json | None, now: datetime, lang: str) -> list[View]:
    """{"id", "version", "state", "colour", "moves", "tone", "icon", "word", "reason", "text"}:
    `text` is the reason with what else must be known of it."""
    return [_line(row, alert, lang) for alert in waiting(row, front, now)]


def _line(row: Json, alert: Json, lang: str) -> View:
    t = words.words(lang)
    # Once is enough on a row that is shut: the other alerts have no words of their own.
    said = words.say(alert.get("reason") or row.get("reason"), lang)
    marks = [t["worklist"][mark] for mark in ("late", "basis_changed") if alert.get(mark)]
    return {
        **acted_on(alert),
        **_colour(alert, lang),
        "reason": said,
        "text": " · ".join(piece for piece in (said, *marks, *standing(alert, lang)) if piece),
    }


def _colour(alert: Json, lang: str) -> View:
    colour = str(alert.get("colour", "yellow"))
    if alert.get("lane") != "technical" or colour == "red":
        return shown.colour(colour, lang)
    heard = alert.get("group") in HEARD
    word = {"word": words.words(lang)["colours"]["technical"]} if heard else {}
    return {**shown.colour("silent", lang), **word}


def acted_on(alert: Json) -> View:
    """What the keys need of the alert they act on."""
    return {
        "id": str(alert["id"]),
        "version": alert["version"],
        "state": alert["state"],
        "colour": alert.get("colour", ""),
        "moves": " ".join(alert["moves"]) if "moves" in alert else None,
    }


def standing(alert: Json, lang: str) -> list[str]:
    """What a nurse must know of how an alert stands: handed over, a sample, in doubt."""
    t = words.words(lang)
    said = t["worklist"]
    pieces = [said["doubts"][doubt] for doubt in alert.get("doubts") or ()]
    if alert.get("sample"):
        pieces.append(said["sample"])
    handed = alert.get("handed")
    if handed:
        sentence = said["handed"][handed["answer"] or "asked"]
        pieces.append(
            sentence.format(
                to=handed["to"]["name"],
                source=(handed["from"] or {}).get("name", ""),
                note=(handed["answer_note"] if handed["answer"] else handed["note"]) or "",
            )
        )
    return pieces


def unacknowledged(rows: Iterable[View], faults: Iterable[Json] = ()) -> int:
    """Alerts of these rows that nobody has acknowledged; `faults` are alarms with no patient."""
    return sum(
        (row["alert"] is not None and row["alert"]["state"] == "open") + len(row["lines"])
        for row in rows
    ) + sum(1 for one in faults if (one.get("alert") or {}).get("state") == "open")
