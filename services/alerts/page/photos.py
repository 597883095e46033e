"""Photos side by side, the latest and the one before it, and the documents. No rule judges one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts.page import alert, shown, words, written

View = dict[str, Any]
Json = Mapping[str, Any]


def photos(data: Json, me: str | None, now: datetime, lang: str) -> View | None:
    """`data["attachments"]`: newest first, {"fact", "kind", "name", "at", "site"?, "note"?,
    "is_photo", "flags"?, "answer_by"?, "answer"? {"at", "by", "text"}}; None when there are none.
    """
    sent = list(data.get("attachments") or ())
    if not sent:
        return None
    where = f"/patients/{data['patient']['id']}/attachments"
    taken = [each for each in sent if each["is_photo"]]
    beside = _beside(taken, data.get("compare"))
    t = words.words(lang)
    views = [_view(each, where, me, now, lang) for each in beside]
    for view, name in zip(views, ("latest", "previous"), strict=False):
        view["which"] = t["photos"][name]
    return {
        "beside": views,
        "apart": _apart(beside, t),
        "earlier": [_view(each, where, me, now, lang) for each in taken if each not in beside],
        "documents": [_view(each, where, me, now, lang) for each in sent if not each["is_photo"]],
    }


def _beside(taken: list[Json], compare: str | None) -> list[Json]:
    """The latest, and the one before it of the same kind and place: others compare nothing.

    One that was asked for stands beside the latest of its own place.
    """
    if not taken:
        return []
    asked = next((each for each in taken if str(each["fact"]) == compare), None)
    same = [each for each in taken if _place(each) == _place(asked or taken[0])]
    if asked is not None and asked is not same[0]:
        return [same[0], asked]
    return same[:2]


def _place(each: Json) -> tuple[str, str]:
    return each["kind"], str(each.get("site") or "").casefold()


def _apart(beside: list[Json], t: words.Words) -> str:
    if len(beside) < 2:
        return ""
    latest, before = (written.moment(each["at"]).astimezone(written.OSLO) for each in beside)
    days = (latest.date() - before.date()).days
    return words.count(t["photos"]["apart"], days)


def _view(each: Json, where: str, me: str | None, now: datetime, lang: str) -> View:
    t = words.words(lang)
    at = written.moment(each["at"])
    name = words.say(each["name"], lang)
    site = str(each.get("site") or "")
    clock = written.clock(each["at"], now, t, lang)
    answer, by = each.get("answer"), each.get("answer_by")
    return {
        "fact": str(each["fact"]),
        "href": f"{where}/{each['fact']}",
        "compare": f"?compare={each['fact']}#photos",
        "src": f"{where}/{each['fact']}/thumbnail",
        "name": f"{name}, {site}" if site else name,
        "clock": clock,
        "iso": at.isoformat(),
        "age": written.age(each["at"], now, t),
        "note": str(each.get("note") or ""),
        "flags": alert.flags(each, t),
        "promised": t["photos"]["promised"].format(at=written.clock(by, now, t, lang))
        if by and not answer
        else "",
        "late": bool(by and not answer and written.moment(by) < now),
        "answer": _answer(answer, me, now, lang) if answer else None,
    }


def _answer(answer: Json, me: str | None, now: datetime, lang: str) -> View:
    t = words.words(lang)
    who = shown.staff(answer.get("by"), me, now, lang)
    name = who["short"] if who else ""
    return {
        "text": str(answer["text"]),
        "by": t["photos"]["answered"].format(
            name=name, at=written.clock(answer["at"], now, t, lang)
        ),
    }
