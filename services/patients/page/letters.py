"""Pure: what the patient and his unit have written, and how far each message has come.

Sent, received, seen and answered are four things. Where nobody is ever there to read, or nobody
follows the patient, there is no field to write in: a telephone number is better than silence.
"""

from datetime import datetime
from typing import Any

from services.patients.me.correspond import Correspondence
from services.patients.me.mine import Mine
from services.patients.page import frame, words, written
from services.patients.page.frame import View
from services.patients.page.today import unit_name
from shared import attachments, messages
from shared.contracts import Fact

PHOTOS = 6


def letters_view(mine: Mine, found: Correspondence, lang: str, now: datetime) -> View:
    t = words.words(lang)
    w = t["letters"]
    unit = unit_name(mine)
    may = bool(mine.enrolments) and mine.patient.deceased_at is None and found.promised is not None
    promise = ""
    if found.promised is not None:
        promise = w["promise"].format(
            day=written.day(found.promised, now, t), time=written.time(found.promised)
        )
    waits = any(messages.is_from_patient(fact) and _waits(fact, found) for fact in found.facts)
    return {
        "watch": frame.watching(found.watch, unit, now, t),
        "unit": unit,
        "may_write": may,
        "promise": promise,
        "waits": waits,
        "letters": [_letter(fact, found, may, t, now) for fact in found.facts],
        "earlier": found.more,
        "photos": _photos(mine, t, lang, now),
        "most_photos": messages.PHOTOS,
    }


def _waits(fact: Fact, found: Correspondence) -> bool:
    fate = found.fates.get(fact.id)
    return fate is None or fate.settled_at is None


def _letter(
    fact: Fact, found: Correspondence, may: bool, t: words.Words, now: datetime
) -> dict[str, Any]:
    """`may`: somebody reads. Where nobody does, what was written before has no promise left."""
    is_own = messages.is_from_patient(fact)
    w = t["letters"]
    about: dict[str, Any] = {
        "id": str(fact.id),
        "own": is_own,
        "text": str(fact.body.get("text") or ""),
        "who": w["you"] if is_own else str(fact.body.get("by_name") or w["unit"]),
        "at": written.moment(fact.at, now, t),
        "photos": [],
    }
    if not is_own:
        return about
    known = {one.id: one for one in found.photos}
    about["photos"] = [
        f"/v1/attachments/{one}/thumbnail" for one in messages.photos(fact) if one in known
    ]
    fate = found.fates.get(fact.id)
    answered = fate is not None and fate.outcome == "answered"
    closed = fate is not None and fate.outcome == "closed"
    by = ""
    if may and fate and fate.promised_at and fate.settled_at is None:
        late = fate.promised_at < now
        by = w["late" if late else "by"].format(
            day=written.day(fate.promised_at, now, t), time=written.time(fate.promised_at)
        )
    return about | {
        "received_at": written.moment(fact.received_at, now, t),
        "seen_at": written.moment(fate.seen_at, now, t) if fate and fate.seen_at else "",
        "seen_by": t["track"]["by"].format(name=written.first(fate.seen_by))
        if fate and fate.seen_by
        else "",
        "answered_at": written.moment(fate.settled_at, now, t)
        if fate and fate.settled_at and answered
        else "",
        "closed": closed,
        "by": by,
    }


def _photos(mine: Mine, t: words.Words, lang: str, now: datetime) -> list[dict[str, str]]:
    """Photos he sent lately, which a message may point at."""
    sent = [
        fact
        for fact in mine.facts
        if fact.type == attachments.TYPE and fact.source == f"patient:{mine.patient.id}"
    ]
    return [
        {
            "id": str(fact.id),
            "src": f"/v1/attachments/{fact.id}/thumbnail",
            "name": attachments.KINDS[fact.kind].en if lang == "en"
            else attachments.KINDS[fact.kind].nb,
            "at": written.moment(fact.at, now, t),
        }
        for fact in sent[:PHOTOS]
    ]  # fmt: skip
