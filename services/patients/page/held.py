"""What the quarantine desk shows: the list, and one item as it can be read by a person. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.patients.measured.reasons import WHOSE, may_be_filed
from services.patients.measured.store_quarantine import Count
from services.patients.nouns import Patient
from services.patients.page import enrolling, sent, words, written
from services.patients.page.words import Words
from services.patients.setup import typed
from services.patients.setup.store_held import Connection, Holder
from shared.contracts import Code
from shared.ledger import Quarantined

View = dict[str, Any]

AT = "/setup/quarantine"
_EXCERPT = 80
STATES = ("waiting", "released", "rejected")
SENDERS = (Code.BAD_ID, Code.UNKNOWN_VERSION, Code.UNKNOWN_KIND, Code.UNKNOWN_FIELD,
           Code.UNKNOWN_UCUM, Code.UNKNOWN_CODE, Code.UNREADABLE, Code.NOT_STORABLE)  # fmt: skip
OF_ITS_OWN = (Code.UNKNOWN_SUBJECT, Code.SUBJECT_MISMATCH, Code.WHOSE, Code.REVOKED,
              Code.TRANSACTION)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the quarantine is looked at."""

    state: str = "waiting"
    code: Code | None = None
    cred: str | None = None
    unit: UUID | None = None
    topic: str | None = None

    def query(self, **more: object) -> str:
        """As it stands in an address; what is as it always is stays out."""
        said = {
            "state": self.state if self.state != "waiting" else None,
            "code": self.code.value if self.code else None,
            "cred": self.cred,
            "unit": self.unit,
            "topic": self.topic,
            **more,
        }
        return urlencode({name: str(value) for name, value in said.items() if value is not None})

    def address(self, place: str = "", **more: object) -> str:
        query = self.query(**more)
        return f"{AT}{place}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Seen:
    """An item with what this person may see of it. Not `opened`: neither contents nor patients."""

    item: Quarantined
    opened: bool = False
    readable: bool = False
    patient: Patient | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around one item: its connection and unit, and for those who may see it who
    had the device when, as far as they are this person's patients."""

    label: str
    unit: str
    bindable: bool = False
    slot: str = ""
    holders: Sequence[Holder] = ()
    people: Mapping[UUID, Patient] = field(default_factory=dict)
    decided_by: str = ""
    following: UUID | None = None
    past: Sequence[tuple[Mapping[str, Any], str, str]] = ()  # with the names of who did it


# --- the list ---------------------------------------------------------------------------------


def desk(
    seen: Sequence[Seen],
    counts: Iterable[Count],
    connections: Sequence[Connection],
    labels: Mapping[str, str],
    units: Mapping[UUID, str],
    chosen: Filter,
    next_place: str | None,
    *,
    settles: bool,
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    s = t["setup"]["held"]
    reasons = sorted(counts, key=lambda one: (-one.waiting, one.code))
    of_reason = next((one for one in reasons if chosen.code and one.code == chosen.code), None)
    all_of = settles and chosen.state == "waiting" and of_reason is not None and chosen.unit is None
    return {
        "rows": [_row(one, labels, units, chosen, lang, now) for one in seen],
        "total": sum(one.waiting for one in reasons),
        "reasons": [
            {
                "name": sent.reason(Code(one.code), lang),
                "n": one.waiting,
                "oldest": s["oldest"].format(at=written.moment(one.oldest, now, t)),
                "href": Filter(code=Code(one.code)).address(),
                "on": chosen.code is not None and one.code == chosen.code.value,
            }
            for one in reasons
        ],
        "all": Filter().address(),
        "is_filtered": chosen != Filter(),
        "states": [
            {"name": s["states"][name], "value": name, "on": name == chosen.state}
            for name in STATES
        ],
        "connections": [
            {"value": one.cred, "name": f"{one.label} ({one.waiting})",
             "on": one.cred == chosen.cred}
            for one in connections
        ],
        "units": [
            {"value": str(id), "name": name, "on": id == chosen.unit}
            for id, name in units.items()
        ],
        "codes": [
            {"value": one.code, "name": sent.reason(Code(one.code), lang),
             "on": chosen.code is not None and one.code == chosen.code.value}
            for one in reasons
        ],
        "next": chosen.address(cursor=next_place) if next_place else "",
        "chosen": {
            "code": chosen.code.value if chosen.code else "", "cred": chosen.cred or "",
            # What comes later has not been seen, and is not rejected with the others.
            "topic": chosen.topic or "", "until": now.isoformat(),
            "reason": sent.reason(chosen.code, lang) if chosen.code else "",
            "connection": labels.get(chosen.cred or "", chosen.cred or ""),
            "todo": todo(chosen.code, t, is_topic=chosen.topic is not None)
            if chosen.code else "",
        },
        "replays": all_of and chosen.code is not Code.WHOSE,
        "rejects": all_of,
    }  # fmt: skip


def _row(
    seen: Seen,
    labels: Mapping[str, str],
    units: Mapping[UUID, str],
    chosen: Filter,
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    item = seen.item
    why = sent.reason(item.code, lang)
    of = [*sent.readings(item, t, lang), *sent.answered(item, {}, t, lang)] if seen.opened else []
    what = "; ".join([each["line" if seen.readable else "name"] for each in of][:2])
    if item.topic is not None and seen.readable:
        what = sent.payload(item)[:_EXCERPT]
    # Where one reason is looked at, the rows differ by what they hold.
    lead, sub = (what, "") if chosen.code and what else (why, what)
    return {
        "href": chosen.address(f"/{item.id}"),
        "lead": lead,
        "sub": sub,
        "received": written.moment(item.received_at, now, t),
        "at": written.moment(item.at, now, t) if item.at else "",
        "connection": labels.get(item.cred, item.cred),
        "unit": units.get(item.unit_id, "") if item.unit_id else "",
        "patient": seen.patient.name if seen.patient else "",
        "replaying": item.state == "replaying",
    }


# --- one item ---------------------------------------------------------------------------------


def one(
    seen: Seen,
    around: Around,
    chosen: Filter,
    hits: Sequence[Patient],
    forms: Mapping[str, Any],
    units: Mapping[UUID, str],
    *,
    settles: bool,
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    s = t["setup"]["held"]
    item = seen.item
    waits = item.state == "waiting"
    raw = sent.text(item) if seen.readable else None
    return {
        "id": str(item.id),
        "query": chosen.query(),
        "back": chosen.address(),
        "next": chosen.address(f"/{around.following}") if around.following else "",
        "reason": sent.reason(item.code, lang),
        "todo": todo(item.code, t, is_topic=item.topic is not None),
        "of_topic": Filter(code=item.code, cred=item.cred, topic=item.topic).address()
        if item.topic is not None else "",
        "state": item.state,
        "waits": waits,
        "decided": _decided(item, around, lang, now),
        "because": item.reason or "",
        "reopens": settles and seen.opened and item.state == "rejected",
        "past": [
            s["past"].format(
                by=rejected_by, at=written.moment(_then(each["rejected_at"]), now, t),
                reason=each["reason"] or "", reopened_by=reopened_by,
                reopened_at=written.moment(_then(each["reopened_at"]), now, t))
            for each, rejected_by, reopened_by in around.past
        ],
        "facts": [
            {"name": s["connection"], "value": around.label, "more": item.cred},
            {"name": s["unit"], "value": around.unit or s["no_unit"], "more": ""},
            {"name": s["measured"], "more": "",
             "value": written.moment(item.at, now, t) if item.at else s["no_time"]},
            {"name": s["received"], "value": written.moment(item.received_at, now, t),
             "more": ""},
            {"name": s["message"], "value": item.message_id, "more": ""},
            *([{"name": s["topic"], "value": item.topic, "more": ""}] if item.topic else ()),
        ],
        "faults": list(sent.faults(item, raw, lang)),
        "readable": seen.readable,
        "opened": seen.opened,
        "readings": [
            *sent.readings(item, t, lang), *sent.answered(item, forms, t, lang)
        ] if seen.readable else [],
        "has_file": seen.readable and any(d["type"] == "attachment" for d in item.drafts or ()),
        "sent": sent.pretty(raw) if raw else "",
        "shortened": raw is not None and len(raw) > sent.MOST,
        "patient": _person(seen.patient, units, now) if seen.patient else None,
        "settles": settles and seen.opened and waits,
        "files": settles and seen.opened and waits and may_be_filed(item.code, item.drafts),
        "binds": around.bindable and item.at is not None and item.code in WHOSE,
        "slot": around.slot,
        "holders": _holders(seen, around, units, lang, now),
        "hits": [
            {**_person(one, units, now),
             "since": local(item.at) if item.at else ""}
            for one in hits
        ],
    }  # fmt: skip


def _then(said: str) -> datetime:
    return datetime.fromisoformat(said)


def _person(patient: Patient, units: Mapping[UUID, str], now: datetime) -> View:
    return {**enrolling.person(patient, now), "unit": units.get(patient.unit_id, "")}


def todo(code: Code, t: Words, *, is_topic: bool = False) -> str:
    """What somebody who stands before such an item does about it."""
    said = t["setup"]["held"]["todo"]
    if code in OF_ITS_OWN:
        return str(said[code.value])
    if code in WHOSE:
        return str(said["unbound"])
    if is_topic:
        return str(said["topic"])
    return str(said["sender"] if code in SENDERS else said["value"])


def _decided(item: Quarantined, around: Around, lang: str, now: datetime) -> str:
    if item.state not in ("released", "rejected") or item.decided_at is None:
        return ""
    t = words.words(lang)
    said = t["setup"]["held"]["decided"][item.state]
    by = around.decided_by or t["setup"]["held"]["a_binding"]
    return str(said.format(by=by, at=written.moment(item.decided_at, now, t)))


def _holders(
    seen: Seen, around: Around, units: Mapping[UUID, str], lang: str, now: datetime
) -> list[View]:
    """Who had the device around the moment it was measured, and how the binding could be mended."""
    t = words.words(lang)
    at = seen.item.at
    found = []
    for one in around.holders:
        if around.slot and one.slot != around.slot:
            continue
        person = around.people.get(one.patient_id)
        mended = _mended(one, around.holders, at) if at else None
        found.append(
            {
                "binding": str(one.binding_id),
                "person": _person(person, units, now) if person else None,
                "since": written.moment(one.since, now, t),
                "until": written.moment(one.until, now, t) if one.until else "",
                "slot": one.slot,
                "then": at is not None and one.since <= at
                and (one.until is None or at < one.until),
                "from": local(mended[0]) if mended else "",
                "to": local(mended[1]) if mended and mended[1] else "",
            }
        )  # fmt: skip
    return found


def _mended(
    one: Holder, holders: Sequence[Holder], at: datetime
) -> tuple[datetime, datetime | None] | None:
    """The period that would cover the moment without touching another's; None if it does already,
    or cannot."""
    others = [each for each in holders if each.slot == one.slot and each is not one]
    if any(each.since <= at and (each.until is None or at < each.until) for each in others):
        return None
    if at < one.since:
        between = any(at < each.since < one.since for each in others)
        return None if between else (at.replace(second=0, microsecond=0), one.until)
    if one.until is not None and at >= one.until:
        later = [each.since for each in others if each.since > at]
        if any(one.until < each.since <= at for each in others):
            return None
        return one.since, min(later, default=None)
    return None


def local(at: datetime) -> str:
    """As it is typed, in Norwegian time: 22.11.2026 07:10."""
    return f"{at.astimezone(written.OSLO):%d.%m.%Y %H:%M}"


def moment(said: str) -> datetime | None:
    """Day and time as they are typed. The earlier of the two where the clock is turned back."""
    parts = said.split()
    day = typed.day(parts[0]) if len(parts) == 2 else None
    clock = typed.clock(parts[1]) if day is not None else None
    if day is None or clock is None:
        return None
    return datetime.combine(day, clock, written.OSLO)
