"""What the auditor's pages and tables show of the audit trail. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.patients.nouns import Staff
from services.patients.page import words, written
from services.patients.privacy.snooping import Suspicion
from shared.audit import Event

View = dict[str, Any]
Numbers = Mapping[UUID, str]

AT = "/setup/audit"
VIEWS = ("acts", "patients", "suspicions", "days")
OUTCOMES = ("shown", "changed", "refused", "failed")
NAMED = 3  # patients of one row; of more only how many


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of the search as they were typed; empty is any."""

    by: str = ""
    patient: str = ""
    since: str = ""
    until: str = ""
    outcome: str = ""


def place(page: str, asked: Asked, **more: str) -> str:
    said = {
        "by": asked.by, "patient": asked.patient, "from": asked.since, "to": asked.until,
        "outcome": asked.outcome, **more,
    }  # fmt: skip
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{AT}{page}?{query}" if query else f"{AT}{page}"


def around(asked: Asked, staff: Sequence[Staff], on: str, fault: str, lang: str) -> View:
    """The views, the search, and what of it could not be read."""
    a = words.words(lang)["setup"]["audit"]
    known = {str(one.id) for one in staff}
    options = [{"value": str(one.id), "name": one.name, "on": str(one.id) == asked.by}
               for one in staff]  # fmt: skip
    if asked.by and asked.by not in known:
        options.append({"value": asked.by, "name": asked.by, "on": True})
    return {
        "on": on,
        "views": [
            {"name": a["views"][each], "on": each == on,
             "href": place("" if each == "acts" else f"/{each}", asked)}
            for each in VIEWS
        ],
        "asked": asked,
        "is_filtered": asked != Asked(),
        "here": AT if on == "acts" else f"{AT}/{on}",
        "staff": options,
        "outcomes": [{"value": one, "name": a["outcomes"][one], "on": one == asked.outcome}
                     for one in OUTCOMES],
        "fault": a["faults"][fault] if fault else "",
        "next": "", "table": "", "rows": [], "waiting": [],
    }  # fmt: skip


def acts(events: Iterable[Event], numbers: Numbers, asked: Asked, lang: str) -> list[View]:
    t = words.words(lang)
    a = t["setup"]["audit"]
    return [
        {
            "at": moment(one.at),
            "who": one.name or a["roles"].get(one.role, one.role),
            "role": a["roles"].get(one.role, one.role) if one.name else one.by,
            "by": place("", Asked(one.by, "", asked.since, asked.until)) if one.by else "",
            "what": a["what"].get(one.what, one.what),
            "why": a["why"].get(one.why, one.why),
            "outcome": a["outcomes"][one.outcome],
            "is_refused": one.outcome in ("refused", "failed"),
            "patients": [
                {"number": numbers[id],
                 "href": place("", Asked("", numbers[id], asked.since, asked.until))}
                for id in one.patients[:NAMED] if id in numbers
            ] if len(one.patients) <= NAMED else [],
            "many": _many(len(one.patients), asked, a),
            "door": one.door or "",
            "address": one.address or "",
            "times": one.times if one.times > 1 else 0,
        }
        for one in events
    ]  # fmt: skip


def _many(n: int, asked: Asked, a: words.Words) -> str:
    """A list; with whom it was asked for, who is one of them."""
    if n <= NAMED:
        return ""
    said = a["many"].format(n=n)
    return f"{asked.patient.upper()}, {said}" if asked.patient else str(said)


def patients(
    rows: Iterable[Mapping[str, Any]], numbers: Numbers, asked: Asked, lang: str
) -> list[View]:
    a = words.words(lang)["setup"]["audit"]
    return [
        {
            "number": numbers.get(one["id"], str(one["id"])),
            "href": place("", replace(asked, patient=numbers.get(one["id"], ""), outcome="")),
            "times": one["times"],
            "first": moment(one["first"]),
            "last": moment(one["last"]),
            "what": ", ".join(dict.fromkeys(a["what"].get(what, what) for what in one["what"])),
        }
        for one in rows
    ]  # fmt: skip


def suspicions(found: Iterable[Suspicion], numbers: Numbers, lang: str) -> list[View]:
    a = words.words(lang)["setup"]["audit"]
    return [
        {
            "rule": a["rules"][one.rule],
            "who": one.name,
            "number": numbers.get(one.patient, "") if one.patient else "",
            "patients": one.patients,
            "looks": one.looks,
            "first": moment(one.first),
            "last": moment(one.last),
            "href": place("", Asked(one.by, numbers.get(one.patient, "") if one.patient else "")),
        }
        for one in found
    ]


def days(sealed: Iterable[Mapping[str, Any]]) -> list[View]:
    return [
        {"day": f"{one['day']:%d.%m.%Y}", "n": one["rows"], "digest": bytes(one["digest"]).hex()}
        for one in sealed
    ]


def moment(at: datetime) -> str:
    """With its seconds: two acts are told apart by them."""
    return f"{at.astimezone(written.OSLO):%d.%m.%Y %H:%M:%S}"


# --- for a spreadsheet ------------------------------------------------------------------------

ACTS = (
    "at", "by", "name", "role", "hpr", "patients", "what", "why", "outcome", "door", "address",
    "request",
)  # fmt: skip
SEEN = ("number", "id", "times", "first", "last", "what")


def acts_table(events: Iterable[Event], numbers: Numbers) -> Iterable[Sequence[object]]:
    yield ACTS
    for one in events:
        named = " ".join(numbers.get(id, str(id)) for id in one.patients)
        yield (
            _utc(one.at), one.by, one.name, one.role, one.hpr, named, one.what, one.why,
            one.outcome, one.door, one.address, one.request_id,
        )  # fmt: skip


def patients_table(
    rows: Iterable[Mapping[str, Any]], numbers: Numbers
) -> Iterable[Sequence[object]]:
    yield SEEN
    for one in rows:
        yield (
            numbers.get(one["id"], ""), one["id"], one["times"], _utc(one["first"]),
            _utc(one["last"]), " ".join(one["what"]),
        )  # fmt: skip


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
