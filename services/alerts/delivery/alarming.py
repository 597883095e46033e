"""Verb: is telling itself well? What reaches nobody, and what nobody answers to the end of the
ladder, is a technical red on the unit's list, told by no channel: the list is what is left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import store
from services.alerts.clinical import finding
from services.alerts.clinical.finding import Finding, Said
from services.alerts.delivery import store_climbs, store_outbox
from services.alerts.judging import watchdog, writing
from services.alerts.judging.patient import PLATFORM
from services.alerts.judging.raising import SHOWN_ONLY, settle
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared.contracts import Json
from shared.database import Database


@dataclass(frozen=True, slots=True)
class Fault:
    """One unit's. `since` tells this time from the next."""

    unit_id: UUID
    rule: str
    since: datetime
    number: int
    said: Said

    @property
    def key(self) -> tuple[UUID, str, datetime]:
        return (self.unit_id, self.rule, self.since)


class Alarms:
    """Remembers what it said last, so that a healthy outbox costs no lock."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        programmes: Programmes,
        undelivered_after: timedelta,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._programmes = programmes
        self._undelivered_after = undelivered_after
        self._said: dict[str, frozenset[tuple[UUID, str, datetime]]] = {}

    async def look(self, org: str) -> None:
        async with self._database.connection() as connection:
            late = await store_outbox.undelivered(connection, org, self._undelivered_after)
            alone = await store_climbs.unanswered(connection, org)
            units = [row["unit_id"] for row in alone]
            ladders = await store_climbs.ladders(connection, org, units) if units else {}
        faults = [
            *undelivered(dict(row) for row in late),
            *unanswered((dict(row) for row in alone), ladders),
        ]
        keys = frozenset(one.key for one in faults)
        # The first look of a process also takes back what has come right meanwhile.
        if keys != self._said.get(org):
            async with self._database.transaction() as tx:
                written = await raise_(tx, org, faults, self._programmes)
            self._said[org] = keys
            if written is not None:
                # Nobody's row changes; the units' pages read the list's head again.
                self._notifier.tell(org, {one.unit_id: () for one in faults})


def undelivered(rows: Iterable[Mapping[str, Any]]) -> list[Fault]:
    return [
        Fault(
            row["unit_id"],
            "undelivered",
            row["since"],
            row["n"],
            {
                "nb": f"Varsling når ikke fram: {row['n']} meldinger er ikke levert. Ring selv.",
                "en": f"Notification does not get through: {row['n']} messages are not delivered."
                " Call yourself.",
            },
        )
        for row in rows
    ]


def unanswered(rows: Iterable[Mapping[str, Any]], ladders: Mapping[UUID, Json]) -> list[Fault]:
    faults = []
    for row in rows:
        last = (ladders.get(row["unit_id"]) or {}).get("last") or {}
        whom = f"{last['who']}, {last['phone']}" if last else "–"
        faults.append(
            Fault(
                row["unit_id"],
                "unanswered",
                row["since"],
                row["n"],
                {
                    "nb": f"Ingen har svart på {row['n']} varsler, og alle er varslet."
                    f" Ring {whom}.",
                    "en": f"Nobody has answered {row['n']} alerts, and everybody has been told."
                    f" Call {whom}.",
                },
            )
        )
    return faults


async def raise_(
    tx: asyncpg.Connection, org: str, faults: list[Fault], programmes: Programmes
) -> writing.Writing | None:
    """Each on its unit's own alert; what is over waits as a changed basis for a person."""
    await store.make_states(tx, org, [PLATFORM])
    state = await store.lock_state(tx, org, PLATFORM)
    if state is None:
        return None
    now = await store.now(tx)
    patient = await watchdog.platform(tx, org, state)
    ever = datetime.min.replace(tzinfo=UTC)
    covers = {("", kept.rule): ever for kept in patient.known.values() if kept.rule in SHOWN_ONLY}
    changes = settle(patient, [_finding(one) for one in faults], covers, now, cause="us")
    if not changes:
        return None
    units = {_group(one): one.unit_id for one in faults}
    for alert in changes.alerts.values():
        alert.unit_id = units.get(alert.group, alert.unit_id)
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


def _group(fault: Fault) -> str:
    return f"{fault.rule}-{fault.unit_id}"


def _finding(fault: Fault) -> Finding:
    trigger = f"{fault.unit_id}|{fault.since.isoformat()}"
    return Finding(
        id=finding.identity(PLATFORM, "", fault.rule, "red", trigger),
        programme="",
        programme_version="",
        rule=fault.rule,
        group=_group(fault),
        colour="red",
        lane="technical",
        emergency=False,
        at=fault.since,
        facts=(),
        values=(finding.Value("platform", "patients", str(fault.number), "", fault.since),),
        limits=(),
        reason=fault.said,
        patient_text={"nb": "", "en": ""},
    )
