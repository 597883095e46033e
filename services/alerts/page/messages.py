"""What patients have written: the lane on the list, and one conversation with its answer.

Data: what `telling_messages` tells (moments as ISO text).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.alerts.page import shown, words, written
from services.alerts.page.frame import frame

View = dict[str, Any]
Json = Mapping[str, Any]


def row(one: Json, me: str | None, now: datetime, lang: str) -> View:
    """A row of the lane: who waits, since when, and by when an answer was promised."""
    t = words.words(lang)
    person = shown.person(one["patient"], one.get("number"), now, lang)
    promise, passed = _promise(one.get("promised_at"), now, t, lang)
    said = one["text"] if not one.get("shut") else t["messages"]["shut"]
    return {
        "key": f"msg-{one['patient']['id']}",
        "person": person,
        "href": f"/patients/{one['patient']['id']}/messages",
        "find": f"{person['name']} {person['number']}".lower(),
        "text": said,
        "n": words.count(t["messages"]["n"], int(one["n"])),
        "waited": {
            "iso": written.iso(one["waiting_since"]),
            "text": written.wait(one["waiting_since"], now, t),
        },
        "promise": promise,
        "passed": passed,
        "who": shown.staff(one.get("assignee"), me, now, lang),
        "offered": t["messages"]["offered"].format(to=one["offered_to"]["name"])
        if one.get("offered_to")
        else "",
        "shut": bool(one.get("shut")),
    }


def _promise(at: str | None, now: datetime, t: words.Words, lang: str) -> tuple[str, bool]:
    if at is None:
        return str(t["messages"]["no_promise"]), False
    passed = datetime.fromisoformat(at) < now
    key = "passed" if passed else "promised"
    return t["messages"][key].format(clock=written.clock(at, now, t, lang)), passed


def lane(rows: Sequence[Json], me: str | None, now: datetime, lang: str) -> View | None:
    if not rows:
        return None
    t = words.words(lang)
    made = [row(one, me, now, lang) for one in rows]
    return {"rows": made, "sub": words.count(t["messages"]["lane_sub"], len(made))}


def said(waits_since: str | None, now: datetime, lang: str) -> str:
    """On the patient's page: whether a message waits, and the way there."""
    t = words.words(lang)
    if waits_since is None:
        return str(t["messages"]["open"])
    return str(t["messages"]["one_waits"]).format(wait=written.wait(waits_since, now, t))


def messages_view(data: Json, lang: str, now: datetime) -> View:
    """One conversation: `conversation`, `targets`, `staff`, and after a 409 `moved` and `draft`."""
    t = words.words(lang)
    of = data["conversation"]
    me = str(data["me"]["id"]) if data.get("me") else None
    person = shown.person(of["patient"], of.get("number"), now, lang)
    promise, passed = _promise(of.get("promised_at"), now, t, lang)
    waits = of.get("waiting_since") is not None
    unit = of.get("unit") or {}
    return {
        **frame(data, lang),
        "title": t["messages"]["title"],
        "person": {**person, "id": of["patient"]["id"]},
        "version": of["version"],
        "moves": of["moves"],
        "waits": waits,
        "promise": promise if waits else "",
        "passed": passed,
        "waited": {
            "iso": written.iso(of["waiting_since"]),
            "text": written.wait(of["waiting_since"], now, t),
        }
        if waits
        else None,
        "who_has": shown.staff(of.get("assignee"), me, now, lang),
        "offered": t["messages"]["offered"].format(to=of["offered_to"]["name"])
        if of.get("offered_to")
        else "",
        "letters": [_letter(one, of, t, now, lang) for one in of["messages"]],
        "history": [_line(one, data, t, now, lang) for one in of["history"]],
        "templates": [dict(one) for one in t["messages"]["templates"]],
        "targets": [
            {"id": str(one["id"]), "name": one["name"]}
            for one in data.get("targets") or ()
            if str(one["id"]) != unit.get("id")
        ],
        "staff": [found for one in data.get("staff") or ()
                  if (found := shown.staff(one, me, now, lang))],
        "moved": bool(data.get("moved")),
        "saved": bool(data.get("saved")),
        "problem": data.get("problem") or "",
        "draft": data.get("draft") or "",
        "answer_id": data["answer_id"],
    }  # fmt: skip


def _letter(one: Json, of: Json, t: words.Words, now: datetime, lang: str) -> View:
    m = t["messages"]
    is_patient = one["from"] == "patient"
    marks = []
    if is_patient:
        if one.get("seen_at"):
            marks.append(
                m["seen"].format(
                    who=one["seen_by_name"], clock=written.clock(one["seen_at"], now, t, lang)
                )
            )
        if one.get("settled_at"):
            marks.append(m["outcomes"].get(one["outcome"], ""))
        else:
            marks.append(m["waits"])
    return {
        "patient": is_patient,
        "who": of["patient"]["name"] if is_patient else one.get("by_name") or m["unit"],
        "clock": written.clock(one["sent_at"], now, t, lang),
        "iso": written.iso(one["sent_at"]),
        "text": one["text"],
        "marks": [mark for mark in marks if mark],
        "waits": is_patient and not one.get("settled_at"),
        "photos": [
            f"/patients/{of['patient']['id']}/attachments/{photo['id']}"
            for photo in one.get("photos") or ()
        ],
    }


def _line(one: Json, data: Json, t: words.Words, now: datetime, lang: str) -> View:
    names = {str(each["id"]): each["name"] for each in data.get("targets") or ()}
    people = {str(each["id"]): each["name"] for each in data.get("staff") or ()}
    said = t["messages"]["course"].get(one["move"], one["move"])
    to = names.get(one.get("unit") or "") or people.get(one.get("assignee") or "") or ""
    return {
        "clock": written.clock(one["at"], now, t, lang),
        "iso": written.iso(one["at"]),
        "text": said.format(who=one["by_name"], to=to).strip(),
        "note": one.get("note") or "",
    }
