"""Pure: who may see the patient's record, whom he has shut it for, and who has seen it, in words.

Why exactly somebody looked is the hospital's to tell; that it was an emergency is said.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from services.patients.me.mine import Access
from services.patients.nouns import Look
from services.patients.page import words, written
from services.patients.page.frame import View

STAFF = ("nurse", "physician", "administrator", "auditor")


def access_view(access: Access, lang: str, now: datetime) -> View:
    t = words.words(lang)
    a = t["access"]
    lock = next((one for one in access.shields if one.staff is None), None)
    return {
        "units": [one.name for one in access.units],
        "lock": {"id": str(lock.id), "since": written.moment(lock.at, now, t)} if lock else None,
        "blocks": [
            {
                "id": str(one.id),
                "name": access.blocked[one.staff] or a["somebody"],
                "since": written.moment(one.at, now, t),
            }
            for one in access.shields
            if one.staff is not None
        ],
        "may_block": list(_may_block(access, t)),
        "relatives": [
            {
                "id": str(one.id),
                "name": one.name,
                "relation": a["relations"].get(one.relation, one.relation),
                "may": ", ".join(a["may"].get(each, each) for each in one.may),
                "until": written.date(one.until, t),
            }
            for one in access.relatives
        ],
        "days": list(_days(access.looks, t, now)),
    }


def _may_block(access: Access, t: words.Words) -> Iterator[dict[str, str]]:
    """Staff whose name stands in the log, each once, who are not shut out already."""
    seen = set(access.blocked)
    for one in access.looks:
        if one.role in STAFF and one.by not in seen and one.name:
            seen.add(one.by)
            role = t["access"]["roles"].get(one.role, one.role)
            yield {"id": one.by, "name": one.name, "role": role}


def _days(looks: list[Look], t: words.Words, now: datetime) -> Iterator[dict[str, Any]]:
    """A day at a time, newest first, and each person's looks of a day as one entry."""
    days: dict[str, dict[tuple[str, bool, bool], list[Look]]] = {}
    for one in looks:
        key = (one.by, one.is_emergency, one.outcome == "refused")
        days.setdefault(written.day(one.at, now, t), {}).setdefault(key, []).append(one)
    for day, people in days.items():
        yield {"day": day, "people": [_person(several, t) for several in people.values()]}


def _person(several: list[Look], t: words.Words) -> dict[str, Any]:
    a, newest, oldest = t["access"], several[0], several[-1]
    role = a["roles"].get(newest.role, newest.role)
    whats = dict.fromkeys(a["what"].get(one.what, a["what"]["other"]) for one in several)
    first, last = written.time(oldest.at), written.time(newest.at)
    return {
        "who": newest.name or role,
        "role": role if newest.name else "",
        "units": ", ".join(newest.units),
        "when": first if first == last else f"{first}–{last}",
        "what": ", ".join(whats),
        "emergency": newest.is_emergency,
        "refused": newest.outcome == "refused",
    }
