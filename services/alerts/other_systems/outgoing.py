"""Loop: sends what waits for other systems. A row is one sender's while its lease lasts; whatever
fails is tried again, later and later, and what was given up stays on the list until a person acts.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
import structlog
from prometheus_client import Counter

from services.alerts import scoring, store, store_views, views
from services.alerts.clinical.history import Record
from services.alerts.delivery import documents, webhook
from services.alerts.delivery.outcome import Outcome, Result, of_status
from services.alerts.delivery.ways import SECONDS, Ways
from services.alerts.judging.patient import Alert
from services.alerts.other_systems import store_outgoing
from services.alerts.rounds import Rounds
from services.alerts.rows.row import Programmes
from shared import audit, exact, identity, ledger
from shared.contracts import Fact
from shared.database import Database, DatabaseIsAway
from shared.fhir import Resource
from shared.programmes import AbsenceRule, LimitRule, OverdueRule, Programme

log = structlog.get_logger()

SENT = Counter("hjemvakt_outgoing_total", "Attempts to send to other systems", ["kind", "result"])

TICK = 0.5
AT_ONCE = 200  # rows; readings of one connection go in one batch
LEASE = timedelta(seconds=60)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
GIVE_UP = timedelta(days=7)
MOST_ANSWER = 5 * 1024 * 1024
FHIR = "application/fhir+json"
FRESH = 60.0

Row = asyncpg.Record


class Outgoing(Rounds):
    """Part of the service."""

    def __init__(
        self, database: Database, ways: Ways, programmes: Programmes, keys: identity.Keys
    ) -> None:
        super().__init__("outgoing", database, every=TICK, fresh=FRESH)
        self._ways = ways
        self._programmes = programmes
        self._keys = keys
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        self._client = httpx.AsyncClient(trust_env=False, timeout=SECONDS, follow_redirects=False)
        await super().open()

    async def close(self) -> None:
        await super().close()
        if self._client is not None:
            await self._client.aclose()

    async def turn(self) -> bool:
        taken = [await self.round(org) for org in await self._organisations.all()]
        return any(rows >= AT_ONCE for rows in taken)

    async def round(self, org: str) -> int:
        """Send what is due. How many rows."""
        async with self._database.connection() as connection:
            if not await store_outgoing.is_due(connection, org):
                return 0
        async with self._database.transaction() as tx:
            taken = await store_outgoing.take(tx, org, AT_ONCE, LEASE)
        of: dict[UUID, list[Row]] = defaultdict(list)
        for row in taken:
            of[row["connection_id"]].append(row)
        for rows in of.values():
            try:
                await self._send(org, rows)
            except (DatabaseIsAway, asyncpg.PostgresError, OSError):
                raise
            except Exception as error:
                # Its making failed: said, tried again, given up in time, and holds up nobody.
                why = f"fault-{type(error).__name__}"
                await self._settle(org, rows, {}, Outcome(Result.FAILED, why))
        return len(taken)

    async def _send(self, org: str, rows: list[Row]) -> None:
        kind = rows[0]["kind"]
        if rows[0]["ended_at"] is not None:
            await self._settle(org, rows, {}, Outcome(Result.REFUSED, "connection-ended"))
        elif kind == "pmd":
            await self._readings(org, rows)
        else:
            for row in rows:
                await self._one(org, row)

    # --- readings -------------------------------------------------------------------------------

    async def _readings(self, org: str, rows: list[Row]) -> None:
        made, own, skipped = await self._made(org, rows)
        if skipped:
            await self._settle(org, skipped, {}, Outcome(Result.REFUSED, "nothing-to-send"))
        rest = [row for row in rows if row not in skipped]
        if not rest:
            return
        body, sent = documents.batch(made)
        delivery = rest[0]["id"]
        came_to, answer = await self._post(rows[0]["url"], delivery, body)
        each: dict[UUID, Outcome] = {}
        if came_to.result is Result.DELIVERED:
            told = documents.statuses(answer, sent)
            now = datetime.now(UTC)
            for row in rest:
                status = told.get(own[row["id"]])
                each[row["id"]] = (
                    of_status(status, None, now) if status else Outcome(Result.FAILED, "no-answer")
                )
        await self._settle(org, rest, each, came_to)

    async def _made(
        self, org: str, rows: Sequence[Row]
    ) -> tuple[list[Resource], dict[UUID, str], list[Row]]:
        """The resources, which row is which entry, and the rows of which there is nothing to send:
        no national number, or withdrawn before it was ever sent."""
        patients = list({row["patient_id"] for row in rows})
        receiver = rows[0]["receiver"]
        async with self._database.transaction() as tx:
            facts = {fact.id: fact for fact in await ledger.read(tx, org, _about(rows))}
            standing = await store_outgoing.standing(tx, org, _about(rows))
            sealed = await store_outgoing.numbers(tx, org, patients)
            await _noted(tx, org, rows[0], patients)
            now = await store.now(tx)
            records = {one: (await views.record_of(tx, org, one, now)).record for one in patients}
        numbers = {one: self._number(sealed.get(one, ())) for one in patients}
        made: list[Resource] = []
        own: dict[UUID, str] = {}
        skipped: list[Row] = []
        scored: set[UUID] = set()
        for row in rows:
            fact, number = facts.get(row["about"]), numbers[row["patient_id"]]
            withdrawn = row["event"] == "withdrawn"
            if fact is None or number is None or (fact.id not in standing and not withdrawn):
                skipped.append(row)
                continue
            resource = documents.reading(fact, number, receiver, withdrawn)
            record = records[row["patient_id"]]
            if not withdrawn:
                documents.add_ranges(resource, fact, _ranges(record, self._programmes, fact))
            made.append(resource)
            own[row["id"]] = f"urn:uuid:{resource['identifier'][0]['value']}"
            scored.add(row["patient_id"])
        for patient_id in sorted(scored, key=lambda one: one.int):
            number = numbers[patient_id]
            score = scoring.of_record(records[patient_id], now)
            if score is None or number is None or not _is_new(score, rows):
                continue
            if (news2 := documents.news2(score, number, receiver)) is not None:
                made.append(news2)
        return made, own, skipped

    def _number(self, sealed: Iterable[tuple[str, bytes]]) -> documents.Identified | None:
        return documents.chosen(
            (system, self._keys.unseal(system, value)) for system, value in sealed
        )

    # --- documents and webhooks -----------------------------------------------------------------

    async def _one(self, org: str, row: Row) -> None:
        body = await self._body(org, row)
        if body is None:
            await self._settle(org, [row], {}, Outcome(Result.REFUSED, "nothing-to-send"))
            return
        came_to, _ = await self._post(row["url"], row["id"], body, kind=row["kind"])
        await self._settle(org, [row], {}, came_to)

    async def _body(self, org: str, row: Row) -> Resource | None:
        async with self._database.transaction() as tx:
            alert = await store.alert(tx, org, row["about"])
            if alert is None:
                return None
            [story] = await store_views.stories(tx, org, [alert])
            facts = {fact for one in story.findings for fact in one["facts"]}
            evidence = await ledger.read(tx, org, sorted(facts, key=lambda one: one.int))
            sealed = await store_outgoing.numbers(tx, org, [row["patient_id"]])
            if row["kind"] == "dho":
                await _noted(tx, org, row, [row["patient_id"]])
            now = await store.now(tx)
        told = _told(alert)
        if row["kind"] == "webhook":
            return documents.changed(row["id"], row["event"], told, row["made_at"])
        number = self._number(sealed.get(row["patient_id"], ()))
        if number is None:
            return None
        kind = _kind(self._programmes, alert, evidence)
        shown = [fact for fact in evidence if fact.type in ("reading", "answers")]
        moves = [dict(one) for one in story.moves]
        return documents.document(
            row["id"], told, kind, moves, shown, number, row["receiver"], alert.closed_at or now
        )

    async def _post(
        self, url: str, delivery: UUID, body: Resource, kind: str = "pmd"
    ) -> tuple[Outcome, Any]:
        """What came of it, and the answer's JSON where it is one."""
        assert self._client is not None
        if self._ways.webhook_secret is None:
            return Outcome(Result.FAILED, "not-configured"), None
        sent = exact.dumps(body)
        headers = {
            "Content-Type": "application/json" if kind == "webhook" else FHIR,
            "Accept": "application/json" if kind == "webhook" else FHIR,
            "User-Agent": "Hjemvakt",
            "Hjemvakt-Delivery": str(delivery),
            "Hjemvakt-Signature": webhook.signature(
                self._ways.webhook_secret, int(time.time()), sent
            ),
            **({"ServiceCodes": "dho"} if kind == "dho" else {}),
            **self._ways.host_headers.get(urlsplit(url).hostname or "", {}),
        }
        try:
            answer = await self._client.post(url, headers=headers, content=sent)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            return Outcome(Result.REFUSED, "not-an-address"), None
        except httpx.TimeoutException:
            return Outcome(Result.FAILED, "timeout"), None
        except httpx.HTTPError:
            return Outcome(Result.FAILED, "no-connection"), None
        came_to = of_status(
            answer.status_code, answer.headers.get("retry-after"), datetime.now(UTC)
        )
        if kind != "pmd" or len(answer.content) > MOST_ANSWER:
            return came_to, None
        try:
            return came_to, exact.loads(answer.content, 200_000)
        except exact.Unreadable:
            return came_to, None

    async def _settle(
        self, org: str, rows: Sequence[Row], each: Mapping[UUID, Outcome], whole: Outcome
    ) -> None:
        now = datetime.now(UTC)
        async with self._database.transaction() as tx:
            for row in rows:
                came_to = each.get(row["id"], whole)
                SENT.labels(row["kind"], str(came_to.result)).inc()
                state, next_at = turn(came_to, row["attempts"], row["made_at"], now)
                await store_outgoing.settle(
                    tx, org, [row["id"]], state=state, why=came_to.why, next_at=next_at
                )
                if state == "undeliverable" and came_to.why != "nothing-to-send":
                    log.error(
                        "A delivery reaches nobody.", delivery=str(row["id"]), why=came_to.why
                    )


def turn(
    came_to: Outcome, attempts: int, made_at: datetime, now: datetime
) -> tuple[str, datetime | None]:
    """The next state, and when it is tried again. Pauses double up to an hour, for a week."""
    if came_to.result is Result.DELIVERED:
        return "delivered", None
    if came_to.result is Result.REFUSED or now - made_at > GIVE_UP:
        return "undeliverable", None
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(max(attempts, 1) - 1, 12))
    return "failed", now + max(pause, min(came_to.wait or pause, LONGEST_PAUSE))


async def _noted(tx: asyncpg.Connection, org: str, row: Row, patients: Sequence[UUID]) -> None:
    """In the audit trail, before it leaves: whose data another system is sent."""
    who = audit.Who(org, f"connection:{row['connection_id']}", "system", request_id=str(row["id"]))
    await audit.note(tx, who, patients, f"sent-{row['kind']}", why="integration")


def _about(rows: Iterable[Row]) -> list[UUID]:
    return [row["about"] for row in rows]


def _is_new(score: Mapping[str, Any], rows: Iterable[Row]) -> bool:
    """Whether one of its inputs is among what is sent now."""
    sent = {str(row["about"]) for row in rows}
    return any(str(one["fact"]) in sent for one in score["inputs"].values())


def _told(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "version": alert.version,
        "state": str(alert.state),
        "colour": alert.colour,
        "lane": alert.lane,
        "emergency": alert.emergency,
        "unit_id": alert.unit_id,
        "opened_at": alert.opened_at,
        "says": (alert.body.get("reason") or {}).get("nb", ""),
    }


def _kind(programmes: Programmes, alert: Alert, evidence: Iterable[Fact]) -> str:
    """Which of the journal's five it is."""
    programme = programmes.get(alert.programme)
    rules = {rule.id: rule for rule in programme.rules} if programme else {}
    rule = rules.get(alert.rule)
    types = {fact.type for fact in evidence}
    if isinstance(rule, OverdueRule):
        forms = rule.kinds and all(one.startswith("questionnaire") for one in rule.kinds)
        return "form-missing" if forms else "missing-measurement"
    if isinstance(rule, AbsenceRule):
        return "missing-measurement"
    if "answers" in types:
        return "form-received"
    return "measurement" if types & {"reading", "attachment"} else "inactive"


def _ranges(record: Record, programmes: Programmes, fact: Fact) -> Mapping[str, tuple[Any, Any]]:
    """Of each value (low, high): the red limits of the programmes that follow him as they held when
    it was measured. Of several the strictest."""
    low: dict[str, list[Any]] = defaultdict(list)
    high: dict[str, list[Any]] = defaultdict(list)
    for slug, programme in programmes.items():
        if record.enrolled(slug, fact.at) is None:
            continue
        for rule in programme.rules:
            if not isinstance(rule, LimitRule) or rule.colour != "red":
                continue
            kind, name = programme.input_by_name[rule.input].sources[0].key
            if kind != fact.kind or name not in fact.body["values"]:
                continue
            comparison, told = rule.comparison
            value = _number(record, programme, told, fact.at)
            if value is not None:
                (high if comparison in ("above", "at_least") else low)[name].append(value)
    return {
        name: (max(low[name], default=None), min(high[name], default=None))
        for name in {*low, *high}
    }


def _number(record: Record, programme: Programme, told: Any, at: datetime) -> Any:
    if not isinstance(told, str):
        return told
    own = record.limit(programme.slug, told, at)
    if own is not None:
        return own
    return programme.limit_by_name[told].default
