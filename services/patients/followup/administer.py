"""Verbs: act on what the hospital's own register says: a stay pauses, a person is renamed, two
numbers are one person.

Acting is a function of all that the register has said of a visit, so that the order of arrival
does not matter. What a member of staff has ended is not begun again by the same stay.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.patients import record, store
from services.patients.followup import linking, stays, store_administration, store_care
from services.patients.followup.store_administration import KeptStay, Noted
from services.patients.nouns import Link, Patient, Pause
from shared import audit, ledger
from shared.contracts import Fact

TYPES = ("administration",)
PAUSED = "Innlagt i sykehus"  # shown to people; the kind says it to programs
MERGED = "Slått sammen i pasientregisteret"


class FactIsGone(Exception):
    """The message that was noted is no longer in force"""


async def act(tx: asyncpg.Connection, noted: Noted, now: datetime) -> str:
    """What was done, in a word."""
    patient = await store.patient(tx, noted.org, noted.patient_id, lock=True)
    found = await ledger.read(tx, noted.org, [noted.fact_id])
    if patient is None or not found:
        raise FactIsGone
    fact = found[0]
    by = f"register:{noted.cred}"
    if fact.body.get("test"):
        outcome = "test"
    elif noted.event == "merged":
        outcome = await _merge(tx, noted, fact, by, now)
    elif noted.event == "changed":
        changed = await _change(tx, noted, patient, fact, by, now)
        stay = await _follow(tx, noted, fact, by, now)
        outcome = changed if stay == "nothing" else f"{changed}, {stay}"
    else:
        outcome = await _follow(tx, noted, fact, by, now)
    await _noted(tx, noted, patient.id, by)
    return outcome


async def _change(
    tx: asyncpg.Connection, noted: Noted, patient: Patient, fact: Fact, by: str, now: datetime
) -> str:
    """What the register says of who he is. That somebody is not dead after all, a person says."""
    later = [
        one for one in await ledger.facts(tx, noted.org, patient.id, types=TYPES, since=fact.at)
        if (one.at, one.id.int) > (fact.at, fact.id.int) and one.kind == "changed"
    ]  # fmt: skip
    if later:
        return "older than what is known"
    changed = replace(patient, **_told(fact.body.get("person") or {}, patient))
    if changed == patient:
        return "nothing new"
    await store.change_patient(tx, noted.org, changed)
    await ledger.decide(
        tx, noted.org, patient.id, "patient-changed", record.said_of(changed), by=by,
        at=min(fact.at, now),
    )  # fmt: skip
    return "changed"


def _told(person: dict[str, Any], patient: Patient) -> dict[str, Any]:
    told: dict[str, Any] = {key: person[key] for key in ("name", "sex") if person.get(key)}
    if person.get("born"):
        told["born"] = date.fromisoformat(person["born"])
    if person.get("died") and patient.deceased_at is None:
        told["deceased_at"] = datetime.fromisoformat(person["died"]).astimezone(UTC)
    return told


async def _merge(tx: asyncpg.Connection, noted: Noted, fact: Fact, by: str, now: datetime) -> str:
    outcome = "the other is nobody's here"
    seen = {noted.patient_id}  # one number is told under each key
    for told in fact.body.get("prior", ()):
        other = await store.whose_number(tx, noted.org, [bytes.fromhex(told)])
        if other is None or other in seen:
            continue
        seen.add(other)
        made = Link(uuid4(), noted.patient_id, other, MERGED, min(fact.at, now), by)
        outcome = "linked" if await linking.linked(tx, noted.org, made) else "linked already"
        await _noted(tx, noted, other, by)
    return outcome


async def _follow(tx: asyncpg.Connection, noted: Noted, fact: Fact, by: str, now: datetime) -> str:
    """Make the pause of this visit what all its messages say."""
    visit = str(fact.body.get("visit", ""))
    told = [
        one
        for one in await ledger.facts(tx, noted.org, noted.patient_id, types=TYPES)
        if one.kind != "merged" and str(one.body.get("visit", "")) == visit
    ]
    stay = stays.stay(told)
    kept = await store_administration.kept_stay(tx, noted.org, noted.patient_id, visit)
    if stay is None or stay.left is not None:
        left = min(stay.left, now) if stay and stay.left else now
        return await _left(tx, noted, visit, kept, left, by) if kept else "nothing"
    if kept and kept.since == stay.since and kept.left_at is None:
        return await _longer(tx, noted, kept, stay.until, by)
    return await _stays(tx, noted, visit, stay, by, now)


async def _stays(
    tx: asyncpg.Connection, noted: Noted, visit: str, stay: stays.Stay, by: str, now: datetime
) -> str:
    free = await store_administration.free_span(
        tx, noted.org, noted.patient_id, stay.since, stay.until
    )
    if free is None or free[1] <= now:
        return "paused already" if free is None else "long over"
    since, until = free
    pause = Pause(uuid4(), since, until, PAUSED, by, None, "admission")
    await store_care.add_pause(tx, noted.org, noted.patient_id, pause)
    await store_administration.keep_stay(
        tx, noted.org, noted.patient_id, visit, KeptStay(stay.since, None, pause.id)
    )
    await _paused(tx, noted, pause.id, since, until, by)
    return "paused"


async def _longer(
    tx: asyncpg.Connection, noted: Noted, kept: KeptStay, until: datetime, by: str
) -> str:
    """Still there: heard of again, or expected to leave later."""
    free = await store_administration.free_span(
        tx, noted.org, noted.patient_id, kept.since, until, but=kept.pause_id
    )
    end = free[1] if free and free[0] <= kept.since else None
    if end is None or not await store_administration.extend_pause(
        tx, noted.org, kept.pause_id, end
    ):
        return "nothing"
    await _paused(tx, noted, kept.pause_id, kept.since, end, by)
    return "paused for longer"


async def _left(
    tx: asyncpg.Connection, noted: Noted, visit: str, kept: KeptStay, left: datetime, by: str
) -> str:
    if kept.left_at is not None:
        return "nothing"
    await store_administration.keep_stay(
        tx, noted.org, noted.patient_id, visit, replace(kept, left_at=left)
    )
    if not await store_care.end_pause(tx, noted.org, noted.patient_id, kept.pause_id, left, by):
        return "over already"
    await ledger.decide(
        tx, noted.org, noted.patient_id, "pause-ended", {"pause_id": str(kept.pause_id)}, by=by,
        at=left,
    )  # fmt: skip
    return "ended"


async def _paused(
    tx: asyncpg.Connection, noted: Noted, pause_id: UUID, since: datetime, until: datetime, by: str
) -> None:
    body = {
        "pause_id": str(pause_id), "until": until.isoformat(), "reason": PAUSED,
        "kind": "admission",
    }  # fmt: skip
    await ledger.decide(tx, noted.org, noted.patient_id, "paused", body, by=by, at=since)


async def _noted(tx: asyncpg.Connection, noted: Noted, patient_id: UUID, by: str) -> None:
    """In the audit trail: the register changed something about him."""
    who = audit.Who(noted.org, by, "system", request_id=str(noted.fact_id))
    await audit.note(tx, who, [patient_id], "administration", "changed", why="integration")
