"""Pure: what a patient has sent, as his page tells it: the latest of each, the table, photos and
documents, and the devices it came from.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg

from services.alerts import telling
from services.alerts.judging.patient import Patient
from services.alerts.one_patient.patient_opened import Opened
from shared import attachments, kinds, programmes
from shared.contracts import Fact
from shared.programmes import Programme

Json = dict[str, Any]

STATUS = {None: "valid", "correction": "corrected", "void": "voided"}


def latest(patient: Patient) -> list[Json]:
    found = []
    for kind in kinds.CATALOGUE.values():
        for name, of in kind.fields.items():
            samples = patient.record.series((kind.name, name)).sure.samples
            if samples and not isinstance(samples[-1].value, tuple):
                one = samples[-1]
                found.append(
                    {
                        "kind": kind.name,
                        "field": name,
                        "value": one.value,
                        "ucum": of.ucum,
                        "at": telling.iso(one.at),
                        **source(one.fact.body, one.fact.source, one.fact.flags),
                    }
                )
    return found


def readings(seen: Opened) -> list[Json]:
    return [one for each in seen.readings if (one := _reading(each)) is not None]


def _reading(stored: asyncpg.Record) -> Json | None:
    """A row of the table. What was filed on somebody else is not shown here at all."""
    if stored["type"] != "reading" or stored["how"] == "refiled":
        return None
    kind = kinds.CATALOGUE.get(stored["kind"])
    body = stored["body"]
    return {
        "fact": str(stored["id"]),
        "kind": stored["kind"],
        "values": body.get("values", {}),
        "ucum": {name: of.ucum for name, of in kind.fields.items() if of.ucum} if kind else {},
        "at": telling.iso(stored["at"]),
        "precision": "day" if stored["day_only"] else "instant",
        "note": body.get("note"),
        "status": STATUS[stored["how"]],
        **source(body, stored["cred"], stored["flags"]),
    }


def attached(seen: Opened, followed: list[Programme]) -> list[Json]:
    """Newest first, with what was promised and answered."""
    names = {str(one["id"]): one["name"] for one in seen.staff}
    told = []
    for fact in seen.sent:
        of = attachments.KINDS[fact.kind]
        kind = f"{attachments.PREFIX}{fact.kind}"
        given = attachments.answer_to(fact, seen.patient.record.decided.answered)
        by = programmes.answer_by(followed, kind, fact.received_at)
        told.append(
            {
                "fact": str(fact.id),
                "kind": fact.kind,
                "name": {"nb": of.nb, "en": of.en},
                "at": telling.iso(fact.at),
                "site": fact.body.get("site"),
                "note": fact.body.get("note"),
                "is_photo": fact.body["file"]["media_type"] != attachments.PDF,
                "flags": sorted(fact.flags),
                "answer_by": telling.iso(by),
                "answer": _answer(given, names) if given else None,
            }
        )
    return told


def _answer(given: attachments.Answer, names: Mapping[str, str]) -> Json:
    who = {"id": given.by, "name": names.get(given.by, "")}
    return {"at": telling.iso(given.at), "by": who, "text": given.text}


def devices(patient: Patient) -> list[Json]:
    """What is bound to the patient now, when it was last heard of, and its battery."""
    bound: dict[tuple[str, str], Fact] = {}
    for fact in patient.record.decided.facts:
        key = (str(fact.body.get("cred")), str(fact.body.get("slot", "")))
        if fact.type == "bound":
            bound[key] = fact
        elif fact.type == "unbound":
            bound.pop(key, None)
    found = []
    for (cred, slot), fact in bound.items():
        mine = [one for one in patient.record.statuses if one.source == cred]
        heard = [one.at for one in mine]
        newest = patient.record.newest()
        if newest is not None and newest.source == cred:
            heard.append(newest.at)
        batteries = [one.body["battery"] for one in mine if "battery" in one.body]
        found.append(
            {
                "name": _sold_as(patient, cred) or f"{cred} {slot}".strip(),
                "bound_at": telling.iso(fact.at),
                "last_seen": telling.iso(max(heard)) if heard else None,
                "battery": batteries[-1] if batteries else None,
            }
        )
    return found


def _sold_as(patient: Patient, cred: str) -> str:
    """What the devices behind a credential call themselves in their latest readings."""
    names: dict[str, None] = {}
    for kind in kinds.CATALOGUE.values():
        for field in kind.fields:
            samples = patient.record.series((kind.name, field)).all.samples[-1:]
            for fact in (one.fact for one in samples if one.fact.source == cred):
                if name := source(fact.body, cred, ())["source_name"]:
                    names[name] = None
    return ", ".join(names)


def source(body: Any, source: str, flags: Iterable[str]) -> Json:
    device = body.get("device") or {}
    name = " ".join(str(device[key]) for key in ("manufacturer", "model") if device.get(key))
    entered = body.get("entered") or ("staff" if source.startswith("staff:") else "device")
    return {
        "source_name": name or None,
        "entered": entered,
        "flags": sorted(flags),
        "phase": (body.get("context") or {}).get("phase"),
    }
