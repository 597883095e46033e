"""One patient's row on the list, and which lane it stands in.

The law: nothing red or yellow that is open can end up in a lane where it is folded away.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from markupsafe import Markup

from services.alerts.page import beside, frame, news2, shown, words, written
from services.alerts.page.spark import spark

Lane = Literal["clinical", "technical", "paused", "done"]
View = dict[str, Any]
Json = Mapping[str, Any]

# A wait this long also says since when.
LONG_WAIT = timedelta(hours=2)


def view(row: Json, me: str | None, now: datetime, lang: str) -> View:
    t = words.words(lang)
    lane = lane_of(row, now)
    alert = alert_of(row, now)
    said, more = reason(row, alert, now, lang), also(row, alert, lane, now, lang)
    lines = beside.lines(row, alert, now, lang)
    who = shown.staff(row.get("assignee"), me, now, lang)
    person = shown.person(row["patient"], row.get("number"), now, lang)
    return {
        "key": f"row-{row['patient']['id']}-{row['unit']['id']}",
        "href": f"/patients/{row['patient']['id']}",
        "lane": lane,
        **shown.colour(tone_of(row, lane), lang),
        **({"word": t["colours"]["technical"]} if _is_heard(row, lane) else {}),
        "emergency": bool(row.get("emergency")),
        "person": person,
        "find": f"{person['name']} {person['number']} {person['born']}".casefold(),
        "unit": {"id": str(row["unit"]["id"]), "name": row["unit"].get("name", "")},
        "programme": words.say(row.get("programme_name") or row.get("programme"), lang),
        "dry_weight": _dry_weight(row, t, lang),
        "cause": _cause(row, lane, t),
        "reason": said,
        "news2": _news2(row, [said, *(one["reason"] for one in lines), *more], now, lang),
        "lines": lines,
        "also": more,
        "steps": _steps(row, now, t, lang),
        "value": _value(row, now, lang),
        "spark": spark(row, now, lang),
        "waited": _waited(row, alert, now, lang) if lane != "done" else None,
        "who": who,
        "who_sub": _who_sub(alert, who, now, lang),
        "alert": beside.acted_on(alert) if alert else None,
        "shut": row.get("shut"),
        "seen": _is_seen(row, now),
        "seen_by": _seen_by(row, now, lang),
    }


def drawn(row: Json, me: str | None, now: datetime, lang: str) -> View:
    """The row with its own piece of the page."""
    made = view(row, me, now, lang)
    return {**made, "html": markup(made, lang)}


def markup(made: View, lang: str) -> Markup:
    return Markup(frame.render("row.html", {"r": made, "t": words.words(lang)}))


def _steps(row: Json, now: datetime, t: words.Words, lang: str) -> list[str]:
    """How far in the modules, and by when an answer is promised."""
    steps = [
        t["worklist"]["step"].format(
            name=words.say(one["name"], lang), done=one["done"], of=one["of"]
        )
        for one in row.get("progress") or ()
    ]
    if row.get("answer_by"):
        at = written.clock(row["answer_by"], now, t, lang)
        steps.append(t["photos"]["promised"].format(at=at))
    return steps


def open_alerts(row: Json, now: datetime) -> list[Json]:
    """Alerts that wait for somebody now: neither closed nor put off."""
    return [alert for alert in _live(row) if not _is_snoozed(alert, now)]


def lane_of(row: Json, now: datetime) -> Lane:
    waiting = open_alerts(row, now)
    if any(alert.get("lane") != "technical" for alert in waiting):
        return "clinical"
    if waiting:
        return "technical"
    if row.get("paused") or _live(row):
        return "paused"
    if row.get("technical") or row.get("behind"):
        return "technical"
    return "done" if row["colour"] == "green" else "clinical"


def tone_of(row: Json, lane: Lane) -> str:
    """The row's colour; silence has its own, unless it is red ("could not be judged")."""
    colour = str(row["colour"])
    if lane == "technical" and colour != "red":
        return "silent"
    if colour == "green" and lane == "clinical":
        worst = [str(a.get("colour", "yellow")) for a in _live(row)]
        return min(worst, key=lambda c: shown.RANK.get(c, 0), default="yellow")
    if colour == "green" and lane == "paused":
        return "paused"
    if colour == "green" and (row.get("technical") or row.get("behind")):
        return "silent"
    return colour


def _is_heard(row: Json, lane: Lane) -> bool:
    """Something is wrong with the equipment or what it sent, and yet the patient is not silent."""
    groups = {alert.get("group") for alert in _live(row)}
    heard = bool(groups or row.get("quarantined")) and groups <= beside.HEARD
    return tone_of(row, lane) == "silent" and heard


def alert_of(row: Json, now: datetime) -> Json | None:
    """The alert a key acts on: the one the reason speaks of, else the worst that waits longest.

    The API lists alerts worst and oldest first; among equals that order is kept.
    """
    waiting = open_alerts(row, now) or _live(row)
    if not waiting:
        return None
    for alert in waiting:
        if alert["id"] == row.get("reason_alert"):
            return alert
    return min(
        waiting,
        key=lambda a: (shown.RANK.get(str(a.get("colour")), 1), a["state"] != "open"),
    )


def reason(row: Json, alert: Json | None, now: datetime, lang: str) -> str:
    """Of the alert a key acts on, always: a nurse acts on what she reads."""
    t = words.words(lang)
    if alert and alert.get("reason") and alert["id"] != row.get("reason_alert"):
        return words.say(alert["reason"], lang)
    said = words.say(row.get("reason"), lang)
    paused = row.get("paused")
    if not said and paused:
        said = words.say(paused.get("says") or paused.get("reason"), lang) or t["colours"]["paused"]
    if not said and row.get("quarantined"):
        said = shown.quarantined(row["quarantined"], t)
    if not said and row.get("behind"):
        said = shown.behind(row["behind"], now, lang)
    if said:
        return said
    return str(t["worklist"]["nothing_outside" if row.get("values") else "nothing_yet"])


def also(row: Json, alert: Json | None, lane: Lane, now: datetime, lang: str) -> list[str]:
    """The second line in pieces: marks, silence beside an alert, the next alert that somebody has
    acknowledged or put off, how many more. Those nobody has, have lines of their own."""
    t = words.words(lang)
    said = t["worklist"]
    pieces = [said[mark] for mark in ("late", "basis_changed") if (alert or {}).get(mark)]
    pieces += beside.standing(alert or {}, lang)
    pieces += [
        said["elsewhere"].format(
            unit=one["handed"]["to"]["name"], why=words.say(one["reason"], lang)
        )
        for one in row.get("elsewhere") or ()
    ]
    besides = [other for other in _live(row) if alert and other["id"] != alert["id"]]
    waiting = {other["id"] for other in beside.waiting(row, alert, now)}
    others = [other for other in besides if other["id"] not in waiting]
    more = len(others)
    if others and others[0].get("reason"):
        pieces.append(_put_off(others[0], now, lang))
        more -= 1
    elif not besides:
        pieces.append(words.say(row.get("also"), lang))
    paused, behind = row.get("paused"), row.get("behind")
    if paused and alert:
        pieces.append(shown.paused(paused, now, lang))
    if behind and (alert or paused or row.get("quarantined")):
        pieces.append(said["behind"]["portal" if behind.get("portal") else "platform"])
    held = row.get("quarantined")
    if held and (alert or row.get("paused")):
        pieces.append(said["quarantine"].format(n=held["n"]))
    if lane == "clinical" and any(
        one.get("lane") == "technical" and one["id"] not in waiting for one in _live(row)
    ):
        pieces.append(said["also_silent"])
    if more > 0:
        pieces.append(words.count(said["more_alerts"], more))
    return [piece for piece in pieces if piece]


def _put_off(alert: Json, now: datetime, lang: str) -> str:
    said = words.say(alert["reason"], lang)
    if not _is_snoozed(alert, now) or not alert.get("snoozed_until"):
        return said
    t = words.words(lang)
    clock = written.clock(alert["snoozed_until"], now, t, lang)
    return f"{said} ({t['worklist']['snoozed_until'].format(clock=clock)})"


def _news2(row: Json, said: list[str], now: datetime, lang: str) -> View | None:
    """Not when it says nothing (at least 0), nor when an alert has said it already."""
    score = row.get("news2") or {}
    line = news2.line(score, now, lang)
    if line is None or not (score.get("total") or score.get("lower_bound")):
        return None
    return None if line["text"] in " ".join(said) else line


def _live(row: Json) -> list[Json]:
    return [alert for alert in row.get("alerts") or () if alert["state"] != "closed"]


def _is_snoozed(alert: Json, now: datetime) -> bool:
    until = alert.get("snoozed_until")
    if until:
        return written.moment(until) > now
    return bool(alert["state"] == "snoozed")


def _is_seen(row: Json, now: datetime) -> bool:
    """A green taken as seen today. A reading inside the limits does not ask for another look; an
    alert does, and takes the mark away."""
    if not row.get("seen_at"):
        return False
    seen = written.moment(row["seen_at"])
    today = now.astimezone(written.OSLO).date()
    return seen.astimezone(written.OSLO).date() == today


def _seen_by(row: Json, now: datetime, lang: str) -> str:
    if not _is_seen(row, now) or not row.get("reviewed"):
        return ""
    t = words.words(lang)
    seen = row["reviewed"]
    clock = written.clock(seen["at"], now, t, lang)
    return str(t["worklist"]["greens"]["seen_by"]).format(who=seen["by"]["name"], clock=clock)


def _dry_weight(row: Json, t: words.Words, lang: str) -> str | None:
    weight = row.get("dry_weight")
    if weight is None:
        return None
    value = weight["value"] if isinstance(weight, Mapping) else weight
    said = written.quantity(value, "kg", lang)
    return str(t["patient"]["dry_weight_row"]).format(value=said)


def _cause(row: Json, lane: Lane, t: words.Words) -> str | None:
    """Silence always names its cause, if only as unknown. Of what waits in quarantine the reason
    says it."""
    cause, behind = row.get("cause"), row.get("behind")
    if not cause and behind and not _live(row):
        cause = "portal" if behind.get("portal") else "us"
    if not cause and (lane != "technical" or not _live(row)):
        return None
    word = t["causes"].get(cause or "unknown", cause)
    return str(t["worklist"]["cause"]).format(cause=word)


def _value(row: Json, now: datetime, lang: str) -> View | None:
    """The value the drawing shows, else the newest; always with its clock time and age."""
    figures = shown.joined(row.get("values") or (), lang)
    drawn = [figure for figure in figures if figure["kind"] == row.get("spark_kind")]
    newest = max(drawn or figures, key=lambda figure: figure["at"], default=None)
    if newest is None:
        return None
    at = shown.moment(newest["at"], now, lang)
    at["old"] = at["old"] or bool(newest["given"].get("stale"))
    return {"name": newest["name"], "text": newest["text"], **at}


def _waited(row: Json, alert: Json | None, now: datetime, lang: str) -> View | None:
    since = row.get("waiting_since")
    if not since and not alert and not row.get("paused") and row.get("quarantined"):
        since = row["quarantined"]["oldest"]
    if not since and not alert and not row.get("paused") and row.get("behind"):
        since = row["behind"]["since"]
    if not since:
        return _until(row, alert, now, lang)
    t = words.words(lang)
    said = t["worklist"]
    deadline = row.get("deadline")
    sub, passed = "", False
    if deadline:
        passed = written.moment(deadline) <= now
        word = said["deadline_passed" if passed else "deadline"]
        sub = word.format(clock=written.clock(deadline, now, t, lang))
    elif now - written.moment(since) >= LONG_WAIT:
        sub = said["since"].format(clock=written.time_only(since))
    text = written.wait(since, now, t)
    return {"iso": written.iso(since), "text": text, "sub": sub, "passed": passed}


def _until(row: Json, alert: Json | None, now: datetime, lang: str) -> View | None:
    """Put off or paused: until when, in place of a wait."""
    t = words.words(lang)
    said = t["worklist"]
    paused, until = row.get("paused"), (alert or {}).get("snoozed_until")
    if not paused and not until:
        return None
    until = until or (paused or {}).get("until")
    return {
        "iso": None,
        "text": said["until"].format(clock=written.clock(until, now, t, lang)) if until else "",
        # Whom nobody follows any more is not on pause: the reason says so.
        "sub": said["snoozed" if alert else "paused"] if until else "",
        "passed": False,
    }


def _who_sub(alert: Json | None, who: View | None, now: datetime, lang: str) -> str:
    """Under the name: acknowledged and when, else since when that person has it."""
    t = words.words(lang)
    if alert and alert["state"] == "acknowledged":
        at = alert.get("acknowledged_at")
        clock = written.clock(at, now, t, lang) if at else ""
        return str(t["worklist"]["acknowledged"]).format(clock=clock).strip()
    if who and who["since"]:
        return str(t["worklist"]["since"]).format(clock=who["since"])
    return ""


def worst_first(rows: Iterable[View]) -> list[View]:
    """Colour first, emergencies before the other reds, then those that nobody has acknowledged:
    a yellow that waits long lifts no acknowledged red above an open one. Otherwise the order the
    service gave."""
    return sorted(
        rows,
        key=lambda row: (
            not row["emergency"],
            shown.RANK[row["tone"]],
            row["alert"] is not None and row["alert"]["state"] != "open",
        ),
    )
