"""What the pages of announced devices show: the list, and one sensor with whose it may be. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.patients.nouns import Patient, Suggestion
from services.patients.page import enrolling, held, words, written
from services.patients.setup.store_held import Holder

View = dict[str, Any]

AT = "/setup/devices/announced"
STATES = ("open", "taken", "dismissed")


def address(state: str = "open", cred: str = "", cursor: UUID | None = None) -> str:
    said = {"state": state if state != "open" else "", "cred": cred, "cursor": cursor or ""}
    query = urlencode({name: str(value) for name, value in said.items() if value})
    return f"{AT}?{query}" if query else AT


def listed(
    found: Sequence[Suggestion],
    labels: Mapping[str, str],
    state: str,
    cred: str,
    following: UUID | None,
    *,
    lang: str,
    now: datetime,
) -> View:
    s = words.words(lang)["setup"]["announced"]
    return {
        "rows": [
            {**_row(one, labels, lang, now), "href": f"{AT}/{one.id}"} for one in found
        ],
        "states": [
            {"value": name, "name": s["states"][name], "on": name == state} for name in STATES
        ],
        "cred": cred,
        "gateway": labels.get(cred, cred),
        "is_filtered": bool(cred) or state != "open",
        "next": address(state, cred, following) if following else "",
    }  # fmt: skip


def _row(one: Suggestion, labels: Mapping[str, str], lang: str, now: datetime) -> View:
    t = words.words(lang)
    return {
        "name": one.name,
        "device": " ".join(part for part in (one.manufacturer, one.model) if part),
        "serial": one.serial,
        "kinds": ", ".join(written.name(kind, lang) for kind in one.kinds),
        "unit": one.unit,
        "gateway": labels.get(one.cred, one.cred),
        "first": written.moment(one.first_at, now, t),
        "last": written.moment(one.last_at, now, t),
    }


def one(
    of: Suggestion,
    label: str,
    holders: Sequence[Holder],
    people: Mapping[UUID, Patient],
    hits: Sequence[Patient],
    *,
    takes: bool,
    lang: str,
    now: datetime,
) -> View:
    s = words.words(lang)["setup"]["announced"]
    said = _row(of, {of.cred: label}, lang, now)
    others = len({each.patient_id for each in holders if each.patient_id not in people})
    return {
        "one": said,
        "id": str(of.id),
        "cred": of.cred,
        "state": of.state,
        "takes": takes and of.state != "taken",
        "kinds": [
            {"value": kind, "name": written.name(kind, lang), "on": kind == of.likely}
            for kind in of.kinds
        ],
        "is_told": of.likely is not None,
        "read_as": written.name(of.kind, lang) if of.kind else "",
        "unit": of.unit,
        "topic": of.topic,
        "path": "" if of.path == "payload" else of.path,
        "read_by": s["read_by"].format(row=of.read_by) if of.read_by else "",
        "since": held.local(now),
        "candidates": _candidates(of, holders, people, lang, now),
        "holder": next(
            (
                enrolling.person(people[each.patient_id], now)
                for each in holders
                if each.slot == of.serial and each.patient_id in people and _has(each, now)
            ),
            None,
        ),
        "others": words.count(s["others"], others) if others else "",
        "hits": [enrolling.person(each, now) for each in hits],
    }


def _has(each: Holder, now: datetime) -> bool:
    return each.since <= now and (each.until is None or now < each.until)


def _candidates(
    of: Suggestion,
    holders: Sequence[Holder],
    people: Mapping[UUID, Patient],
    lang: str,
    now: datetime,
) -> list[View]:
    """Each patient once: who has this device, then who has the gateway or another device behind
    it, then who had."""
    t = words.words(lang)
    s = t["setup"]["announced"]
    found: dict[UUID, tuple[int, View]] = {}
    for each in holders:
        if each.patient_id not in people:
            continue
        place = 2 if not _has(each, now) else 0 if each.slot == of.serial else 1
        what = s["this_device"] if each.slot == of.serial else each.slot or s["the_gateway"]
        had = "has_since" if each.until is None else "had_from_to"
        says = s[had].format(
            what=what,
            since=written.moment(each.since, now, t),
            until=written.moment(each.until, now, t) if each.until else "",
        )
        if each.patient_id not in found or place < found[each.patient_id][0]:
            person = enrolling.person(people[each.patient_id], now)
            found[each.patient_id] = (place, {"person": person, "says": says})
    return [view for _, view in sorted(found.values(), key=lambda pair: pair[0])]
