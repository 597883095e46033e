"""What the list of devices and the page of one show. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.patients.nouns import Patient
from services.patients.page import enrolling, words, written
from services.patients.page.words import Words
from services.patients.setup.store_held import Holder
from services.patients.setup.store_things import Thing

View = dict[str, Any]

AT = "/setup/devices"
STATES = ("held", "free", "silent", "new", "revoked")
KINDS = ("device", "app", "system")
SILENT = timedelta(hours=24)
LOW = 20  # per cent of the battery
SOON = timedelta(days=90)  # a certificate should have been renewed twice over by then


def devices(
    found: Sequence[Thing],
    people: Mapping[UUID, Patient],
    batteries: Mapping[str, Any],
    units: Mapping[UUID, str],
    chosen: Mapping[str, str],
    following: str | None,
    *,
    shows_holders: bool,
    arranges_systems: bool,
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    s = t["setup"]["devices"]
    asked = {name: value for name, value in chosen.items() if value}
    return {
        "rows": [
            {**_row(one, people, batteries.get(one.cred), units, lang, now),
             "href": f"{AT}/{one.cred}"}
            for one in found
        ],
        "shows_holders": shows_holders,
        "q": chosen["q"],
        "is_filtered": bool(asked),
        "states": _options(STATES, s["states"], chosen["state"]),
        "kinds": _options(KINDS, s["kinds"], chosen["kind"]),
        "new_kinds": _options(KINDS if arranges_systems else KINDS[:2], s["kinds"], "device"),
        "units": [{"id": str(id), "name": name} for id, name in units.items()],
        "next": f"{AT}?{urlencode({**asked, 'cursor': following})}" if following else "",
    }  # fmt: skip


def _options(names: Sequence[str], said: Mapping[str, str], chosen: str) -> list[View]:
    return [{"value": name, "name": said[name], "on": name == chosen} for name in names]


def _row(
    one: Thing,
    people: Mapping[UUID, Patient],
    battery: Any,
    units: Mapping[UUID, str],
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    s = t["setup"]["devices"]
    sold_as = " ".join(part for part in (one.manufacturer, one.model) if part)
    known = [people[id].name for id in one.held_by if id in people]
    others = len(one.held_by) - len(known)
    quiet = bool(one.held_since) and (
        max(at for at in (one.heard_at, one.held_since) if at) < now - SILENT
    )
    return {
        "cred": one.cred,
        "name": one.label,
        "kind": s["kinds"][one.kind],
        "sold_as": sold_as,
        "serial": one.serial or "",
        "unit": units.get(one.unit_id, "") if one.unit_id else "",
        "holders": ", ".join([*known, *([s["others"].format(n=others)] if others else [])]),
        "is_held": bool(one.held_by),
        "heard": written.moment(one.heard_at, now, t) if one.heard_at else s["never"],
        "quiet": quiet and one.revoked_at is None,
        "battery": f"{written.number(battery, 0, lang)}{written.NBSP}%" if battery is not None
        else "",
        "low": battery is not None and float(battery) < LOW,
        "state": state(one, now, t),
        "certificate": _certificate(one, now, t),
        "looked_after": _wants_looking_after(one, now, t),
        "revoked": one.revoked_at is not None,
    }  # fmt: skip


def state(one: Thing, now: datetime, t: Words) -> str:
    """How its credential stands, in words."""
    s = t["setup"]["devices"]
    if one.revoked_at is not None:
        return str(s["revoked"].format(at=written.moment(one.revoked_at, now, t)))
    if one.code_until is not None:
        return str(s["code_waits"].format(at=written.moment(one.code_until, now, t)))
    if not one.is_set_up:
        return str(s["not_set_up"])
    if one.client_id:
        return str(s["by_client"])
    if _wants_looking_after(one, now, t):
        return _certificate(one, now, t)
    if one.has_key:
        return str(s["by_key"])
    since = one.rotated_at or one.created_at
    return str(s["by_secret"].format(at=written.moment(since, now, t)))


def _wants_looking_after(one: Thing, now: datetime, t: Words) -> str:
    """What is to be done about its certificate, if anything: a device renews by itself long before
    the end, so somebody must look after one that has not."""
    s, until = t["setup"]["devices"], one.certificate_until
    if one.revoked_at is not None:
        return ""
    if one.certificate_withdrawn is not None and not one.has_key:
        return str(s["certificate_anew"])
    return str(s["certificate_soon"]) if until is not None and until < now + SOON else ""


def _certificate(one: Thing, now: datetime, t: Words) -> str:
    """Until when, or since when no longer."""
    until, withdrawn = one.certificate_until, one.certificate_withdrawn
    if until is not None and one.revoked_at is not None:
        until, withdrawn = None, one.revoked_at
    if withdrawn is not None:
        how, at = "certificate_withdrawn", withdrawn
    elif until is not None:
        how, at = "certificate_until" if until > now else "certificate_ended", until
    else:
        return ""
    day = at.astimezone(written.OSLO)
    return str(t["setup"]["devices"][how].format(at=f"{written.date(day, t)} {day.year}"))


def device(
    one: Thing,
    holders: Sequence[Holder],
    people: Mapping[UUID, Patient],
    battery: Any,
    units: Mapping[UUID, str],
    *,
    shows_holders: bool,
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    row = _row(one, people, battery, units, lang, now)
    held = [
        {
            "binding": str(each.binding_id),
            "patient": str(each.patient_id),
            "person": enrolling.person(people[each.patient_id], now)
            if each.patient_id in people
            else None,
            "since": written.moment(each.since, now, t),
            "until": written.moment(each.until, now, t) if each.until else "",
            "slot": each.slot,
            "now": each.since <= now and (each.until is None or now < each.until),
        }
        for each in holders
    ]
    return {
        "one": row,
        "holders": held,
        "shows_holders": shows_holders,
        "takes_code": one.kind != "system" and one.revoked_at is None,
        "takes_secret": one.revoked_at is None and one.is_set_up and not one.has_key,
        "is_revoked": one.revoked_at is not None,
        "created": written.moment(one.created_at, now, t),
        "client": one.client_id or "",
    }
