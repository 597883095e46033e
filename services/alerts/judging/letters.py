"""Verb: what patients write reaches their unit's list, in the take that brought it and unjudged.

The law: under the patient's state row, like everything of his; a fact is noted once however often
it is handed over; what is withdrawn, corrected or filed on somebody else waits for nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts.care import store_messages
from services.alerts.care.store_messages import Come
from services.alerts.judging.patient import State
from shared import ledger, messages, watching
from shared.ledger import Taken

TAKEN_AWAY = ("void", "gone")


@dataclass(slots=True)
class Noted:
    """Hand-over rows that are done with, and whose lists have changed. `left`: patients of whom no
    unit is known yet; their rows lie on."""

    ctids: list[tuple[int, int]] = field(default_factory=list)
    units: dict[UUID, set[UUID]] = field(default_factory=dict)
    left: set[UUID] = field(default_factory=set)


def is_letter(row: Taken) -> bool:
    return row.type == messages.TYPE


async def take(
    tx: asyncpg.Connection,
    org: str,
    rows: Mapping[UUID, Sequence[Taken]],
    states: Mapping[UUID, State],
    now: datetime,
) -> Noted:
    """Of the rows taken, those of patients who are locked. After they have been judged, which may
    be what names their unit."""
    noted = Noted()
    letters = {id_: [one for one in of if is_letter(one)] for id_, of in rows.items()}
    lose = [id_ for id_, of in rows.items() if any(one.type in TAKEN_AWAY for one in of)]
    units: dict[UUID, UUID] = {}
    for id_, several in letters.items():
        if not several:
            continue
        unit_id = states[id_].unit_id
        if unit_id is None:
            noted.left.add(id_)
            continue
        units[id_] = unit_id
        noted.ctids += [one.ctid for one in several]
    wanted = [(one.fact_id, one.at) for id_ in units for one in letters[id_]]
    if not wanted and not lose:
        return noted
    changed: set[UUID] = set()
    if wanted:
        hours = await store_messages.watching_of(tx, org, list(set(units.values())))
        come = [
            Come(
                fact.id,
                fact.patient_id,
                fact.at,
                fact.received_at,
                watching.promised(hours.get(units[fact.patient_id]), fact.received_at),
            )
            for fact in await ledger.in_force(tx, org, wanted)
            if messages.is_from_patient(fact) and fact.patient_id in units
        ]
        if come:
            changed |= await store_messages.note(tx, org, come)
    # A correction takes the place of what it corrects, and comes as a message itself.
    changed |= await store_messages.withdraw(tx, org, [*units, *lose], now)
    for id_ in changed - units.keys():
        if (unit_id := states[id_].unit_id) is not None:
            units[id_] = unit_id
    told = {id_: unit_id for id_, unit_id in units.items() if id_ in changed}
    if told:
        await store_messages.gather(tx, org, told, now)
    for id_, unit_id in told.items():
        noted.units.setdefault(unit_id, set()).add(id_)
    return noted
