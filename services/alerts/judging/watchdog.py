"""Verb: is the platform itself well? Nobody sends, we lag behind, a loop stands still, months of
readings run out: one alarm each, on nobody's row, instead of one per patient.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from services.alerts import store
from services.alerts.clinical import finding
from services.alerts.clinical.finding import Finding, Said
from services.alerts.clinical.history import Record
from services.alerts.judging import writing
from services.alerts.judging.patient import HELD_RED, PLATFORM, Patient, State
from services.alerts.judging.raising import SHOWN_ONLY, settle
from services.alerts.rows import store_rows
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared.database import Database

QUIET = timedelta(minutes=30)
MANY = 20
# So long the patients behind a quiet platform are not called silent one by one.
HELD_BACK = timedelta(hours=2)
BACKLOG = timedelta(seconds=60)
STANDS_STILL = timedelta(seconds=60)
MONTHS_AHEAD = 3
VERSION = "platform-version"
SELF_TEST = "platform-self-test"
PORTAL = "portal-quiet"
# So many patients of one portal make it the portal's silence and not theirs.
PORTAL_MANY = 3
ASK_AGAIN = 5.0
MONTHS_ASKED = 600.0  # the catalogue is searched for them


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the platform. `trigger` tells this time from the next."""

    rule: str
    trigger: str
    at: datetime
    patients: int
    said: Said
    cause: str = "us"
    about: str = ""  # the portal

    @property
    def group(self) -> str:
        return f"{self.rule} {self.about}".strip()

    @property
    def key(self) -> str:
        """What is said once while it lasts."""
        return f"{self.rule}|{self.trigger}" if self.rule == VERSION else self.group


@dataclass(frozen=True, slots=True)
class Seen:
    """What the organisation's loops and queues look like just now."""

    now: datetime
    received_at: datetime | None
    overdue: int
    waits_since: datetime | None  # the first of those
    oldest: datetime | None
    follower_at: datetime | None
    months_ahead: int


# What the self-test has to say to an organisation.
Tested = Callable[[str], list[Fault]]


def untested(_org: str) -> list[Fault]:
    """Where no self-test has been set up."""
    return []


class Watchdog:
    """Remembers what it said last, so that a healthy platform costs no lock."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        programmes: Programmes,
        tested: Tested = untested,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._programmes = programmes
        self._tested = tested
        self._said: dict[str, frozenset[str]] = {}
        self._months = 0
        self._months_at = -MONTHS_ASKED
        self._portals: dict[str, tuple[float, list[Fault]]] = {}

    async def look(self, org: str, missing: Mapping[tuple[str, str], int]) -> bool:
        """Say what is wrong. False while the platform hears nobody: silence is then not the
        patients'."""
        async with self._database.connection() as connection:
            months = await self._months_ahead(connection)
            seen = Seen(**dict(await store_rows.platform(connection, org)), months_ahead=months)
            portals = await self._quiet_portals(connection, org)
        faults = [
            *find(seen), *portals, *_not_loaded(missing, seen.now), *self._tested(org)
        ]  # fmt: skip
        rules = frozenset(one.key for one in faults)
        if rules != self._said.get(org, frozenset()):
            await self._say(org, faults)
            self._said[org] = rules
        return not holds_back(faults, seen.now)

    async def _months_ahead(self, connection: asyncpg.Connection) -> int:
        if time.monotonic() - self._months_at >= MONTHS_ASKED:
            self._months = await store_rows.months_ahead(connection)
            self._months_at = time.monotonic()
        return self._months

    async def _quiet_portals(self, connection: asyncpg.Connection, org: str) -> list[Fault]:
        asked_at, known = self._portals.get(org, (-ASK_AGAIN, []))
        if time.monotonic() - asked_at < ASK_AGAIN:
            return known
        rows = await store_rows.quiet_portals(connection, org)
        found = [_quiet(row) for row in rows if row["patients"] >= PORTAL_MANY]
        self._portals[org] = (time.monotonic(), found)
        return found

    def quiet(self, org: str, now: datetime) -> frozenset[str]:
        """Portals whose patients are not called silent one by one just now."""
        _, known = self._portals.get(org, (0.0, []))
        return frozenset(one.about for one in known if now - one.at < HELD_BACK)

    async def _say(self, org: str, faults: list[Fault]) -> None:
        async with self._database.transaction() as tx:
            written = await raise_(tx, org, faults, self._programmes)
        if written is not None:
            self._notifier.tell(org, written.units, written.told)


def find(seen: Seen) -> list[Fault]:
    """Pure: the faults of what was seen."""
    faults = []
    heard = seen.received_at
    if seen.overdue >= MANY and (heard is None or seen.now - heard > QUIET):
        # Never heard anybody: since the first of them waits, or it would last for ever.
        at = heard or seen.waits_since or seen.now
        faults.append(
            Fault(
                "platform-quiet",
                at.isoformat(),
                at,
                seen.overdue,
                {
                    "nb": f"Ingen data fra noen. {seen.overdue} pasienter venter på måling.",
                    "en": f"No data from anybody. {seen.overdue} patients are overdue.",
                },
            )
        )
    if seen.oldest is not None and seen.now - seen.oldest > BACKLOG:
        faults.append(
            Fault(
                "platform-behind",
                f"{seen.now:%Y-%m-%dT%H}",
                seen.oldest,
                0,
                {
                    "nb": "Vurderingen av målinger ligger etter.",
                    "en": "The judging of readings lags behind.",
                },
            )
        )
    if seen.follower_at is not None and seen.now - seen.follower_at > STANDS_STILL:
        faults.append(
            Fault(
                "platform-stands-still",
                seen.follower_at.isoformat(),
                seen.follower_at,
                0,
                {
                    "nb": "Vurderingen av målinger står stille.",
                    "en": "The judging of readings stands still.",
                },
            )
        )
    if seen.months_ahead < MONTHS_AHEAD:
        faults.append(
            Fault(
                "platform-partitions",
                str(seen.months_ahead),
                seen.now,
                0,
                {
                    "nb": "Lagringen er klargjort for under tre måneder. Kjør hjemvakt migrate.",
                    "en": "Storage is prepared for less than three months. Run hjemvakt migrate.",
                },
            )
        )
    return faults


def holds_back(faults: Sequence[Fault], now: datetime) -> bool:
    """Pure: whether a silence is the platform's just now, and not yet the patients'."""
    quiet = next((one for one in faults if one.rule == "platform-quiet"), None)
    return quiet is not None and now - quiet.at <= QUIET + HELD_BACK


def _not_loaded(missing: Mapping[tuple[str, str], int], now: datetime) -> Iterator[Fault]:
    for (slug, version), patients in sorted(missing.items()):
        yield Fault(
            VERSION,
            f"{slug}|{version}",
            now,
            patients,
            {
                "nb": f"Versjon {version} av {slug} er ikke lastet inn. Den nyeste vurderer.",
                "en": f"Version {version} of {slug} is not loaded. The newest judges.",
            },
        )


def _quiet(row: asyncpg.Record) -> Fault:
    patients, portal = row["patients"], row["portal"]
    return Fault(
        PORTAL,
        f"{portal}|{row['since'].isoformat()}",
        row["since"],
        patients,
        {
            "nb": f"Portalen {portal} leverer ikke. {patients} pasienter eller flere venter.",
            "en": f"The portal {portal} delivers nothing. {patients} patients or more are overdue.",
        },
        cause="portal",
        about=portal,
    )


async def raise_(
    tx: asyncpg.Connection, org: str, faults: list[Fault], programmes: Programmes
) -> writing.Writing | None:
    """On the platform's own alert; what is over shows as a changed basis and waits for a
    person."""
    await store.make_states(tx, org, [PLATFORM])
    state = await store.lock_state(tx, org, PLATFORM)
    if state is None:
        return None
    now = await store.now(tx)
    patient = await platform(tx, org, state)
    found = [_finding(one) for one in faults]
    # Another replica may not have met the patients of a version that is missing.
    # And whether messages reach anybody is not this one's to say.
    rules = {kept.rule for kept in patient.known.values()} - {VERSION, HELD_RED} - SHOWN_ONLY
    covers = {("", rule): datetime.min.replace(tzinfo=UTC) for rule in rules}
    changes = settle(patient, found, covers, now, cause="us")
    for fault in faults:
        for alert in patient.alerts.values():
            if alert.group == fault.group:
                alert.cause = fault.cause
    written = writing.Writing(org, now)
    if not changes:
        return None
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


async def platform(tx: asyncpg.Connection, org: str, state: State) -> Patient:
    patient = Patient(state=state, record=Record(PLATFORM))
    alerts = await store.open_alerts(tx, org, [PLATFORM])
    patient.alerts = {alert.id: alert for alert in alerts.get(PLATFORM, ())}
    for _, kept in await store.findings(tx, org, [PLATFORM], None):
        patient.known[kept.id] = kept
    return patient


def _finding(fault: Fault) -> Finding:
    id_: UUID = finding.identity(PLATFORM, "", fault.rule, "red", fault.trigger)
    return Finding(
        id=id_,
        programme="",
        programme_version="",
        rule=fault.rule,
        group=fault.group,
        colour="red",
        lane="technical",
        emergency=False,
        at=fault.at,
        facts=(),
        values=(finding.Value("platform", "patients", str(fault.patients), "", fault.at),),
        limits=(),
        reason=fault.said,
        patient_text={"nb": "", "en": ""},
    )
