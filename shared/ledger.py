"""The ledger: append facts, take the hand-over, read a patient's facts.

An append's answer may be given to a sender only after its commit. The rules, each with the
schedule that breaks a simpler version, stand beside the SQL in shared/migrations.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from shared.contracts import Code, Draft, Fact, Item, ItemError, Json, Result, Subject
from shared.database import Database

log = structlog.get_logger()

CHANNEL = "ledger"
REPLAY_CHANNEL = "replay"
ALERTS = "alerts"
NOBODY = UUID(int=0)

# A message becomes at most this many facts: the item and what is split from it (kinds.toml).
PARTS = 2

DEFINITE = ("22", "23", "54")  # SQLSTATE classes a resend would meet again
PASSING = ("40001", "40P01")
LONGEST_ID = 1000  # bytes; with the rest of its key it has to fit in an index


class BindingsAreBusy(Exception):
    """The bindings are being read by a batch just now; try again in a moment"""


class NotWaiting(Exception):
    """This item is no longer waiting in quarantine"""


class CannotBeReleased(Exception):
    """This item cannot be released as it is: nobody held the device, or it could not be read"""


class NotIndivisible(Exception):
    """One entry of the transaction cannot be stored, so nothing was"""

    def __init__(self, answers: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.errors = _errors(answers[0]["errors"] if answers else ())


@dataclass(frozen=True, slots=True)
class Sender:
    """Who vouches for an item: a credential, or a member of staff as `staff:<id>`."""

    cred: str
    names_its_subject: bool = False  # a system or staff: the subject decides, not a binding


@dataclass(frozen=True, slots=True)
class Entry:
    sender: Sender
    item: Item


@dataclass(frozen=True, slots=True)
class Answer:
    position: int
    result: Result
    fact_id: UUID | None
    patient_id: UUID | None
    unit_id: UUID | None
    received_at: datetime
    flags: tuple[str, ...]
    errors: tuple[ItemError, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """A hand-over row, locked for this transaction.

    `type` is the fact's type, a decision's type, or 'void' / 'gone': facts of this patient have
    been taken away, judge again from scratch.
    """

    ctid: tuple[int, int]
    seq: int
    patient_id: UUID
    fact_id: UUID
    type: str
    kind: str
    at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Refiled:
    moved: int
    released: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    id: UUID
    cred: str
    message_id: str
    code: Code
    errors: tuple[ItemError, ...]
    at: datetime | None
    received_at: datetime
    state: str
    unit_id: UUID | None
    patient_id: UUID | None
    drafts: list[dict[str, Any]] | None
    raw: bytes
    media_type: str | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


# --- ids ------------------------------------------------------------------------------------


def named_id(name: str) -> UUID:
    """UUID version 8 of a name: the same in every process, and after a restore."""
    # Half of a surrogate pair cannot be stored; PostgreSQL shall say so, for that one item.
    digest = bytearray(hashlib.sha256(name.encode(errors="surrogatepass")).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


def fact_id(org: str, cred: str, message_id: str, part: int = 0, reuse: str = "") -> UUID:
    """Part 0 is the item, 1… what was split from it; never the place in the sender's array."""
    return named_id(f"{org}|{cred}|{message_id}|{reuse}|{part}")


# --- append ---------------------------------------------------------------------------------

_APPEND = """
select * from ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""


async def append(
    connection: asyncpg.Connection,
    org: str,
    entries: Sequence[Entry],
    *,
    hashed: Callable[[str, str], bytes] | None = None,
    indivisible: bool = False,
    target: UUID | None = None,
) -> list[Answer]:
    """Store a batch of one organisation: everything, or an error and nothing.

    `hashed` makes the keyed hash by which a subject's (system, number) is looked up. `target` is
    the origin that a member of staff corrects or withdraws. Raises NotIndivisible.
    """
    arguments = _columns(org, entries, hashed, target)
    try:
        rows = await connection.fetch(_APPEND, org, *arguments, indivisible)
    except asyncpg.PostgresError as error:
        if error.sqlstate == "HJ001":
            from shared import exact

            raise NotIndivisible(exact.decode((error.detail or "[]").encode())) from None
        raise
    return [_answer(row) for row in rows]


async def append_whatever_comes(
    database: Database,
    org: str,
    entries: Sequence[Entry],
    *,
    hashed: Callable[[str, str], bytes] | None = None,
) -> list[Answer]:
    """Append a batch; one that cannot be stored is halved down to the item, which is quarantined.

    Otherwise one bad item among a hundred would keep the other 99 away and be resent for ever.
    """
    for attempt in range(5):
        try:
            async with database.connection() as connection:
                return await append(connection, org, entries, hashed=hashed)
        except asyncpg.PostgresError as error:
            state = error.sqlstate or ""
            if state in PASSING and attempt < 4:
                await asyncio.sleep(0.01 * 2**attempt)
                continue
            if not state.startswith(DEFINITE):
                raise
            if len(entries) == 1:
                break
            middle = len(entries) // 2
            first = await append_whatever_comes(database, org, entries[:middle], hashed=hashed)
            rest = await append_whatever_comes(database, org, entries[middle:], hashed=hashed)
            return first + [replace(a, position=a.position + middle) for a in rest]
    entry = entries[0]
    log.warning("An item could not be stored and is quarantined.", org=org, cred=entry.sender.cred)
    bare = replace(
        entry.item,
        message_id=_storable_id(entry.item),
        drafts=(),
        at=None,
        until=None,
        slot=None,
        serial=None,
        subject=None,
        how=None,
        replaces=None,
        errors=(ItemError("", Code.NOT_STORABLE),),
    )
    async with database.connection() as connection:
        return await append(connection, org, [Entry(entry.sender, bare)])


def _storable_id(item: Item) -> str:
    """The message id, unless it is itself what cannot be stored: a key has to fit in an index."""
    try:
        fits = "\0" not in item.message_id and len(item.message_id.encode()) <= LONGEST_ID
    except UnicodeEncodeError:
        fits = False
    return item.message_id if fits else f"sha256:{item.content.hex()}"


async def append_as_staff(
    tx: asyncpg.Connection,
    org: str,
    *,
    by: str,
    patient_id: UUID,
    items: Sequence[Item],
    target: UUID | None = None,
) -> list[Answer]:
    """A reading entered by staff, or the correction or withdrawal of the fact with that origin."""
    sender = Sender(f"staff:{by}", names_its_subject=True)
    entries = [
        Entry(sender, replace(item, subject=Subject(patient_id=patient_id))) for item in items
    ]
    answers = await append(tx, org, entries, target=target)
    await wake(tx, org)
    return answers


def _columns(
    org: str,
    entries: Sequence[Entry],
    hashed: Callable[[str, str], bytes] | None,
    target: UUID | None,
) -> tuple[list[Any], ...]:
    cred: list[str] = []
    system: list[bool] = []
    message: list[str] = []
    content: list[bytes] = []
    raw: list[bytes] = []
    at: list[datetime | None] = []
    clock_good: list[bool] = []
    extra: list[Json | None] = []
    f_item: list[int] = []
    f_id: list[UUID] = []
    f_id_reused: list[UUID] = []
    f_type: list[str] = []
    f_kind: list[str] = []
    f_body: list[Json] = []
    for position, (sender, item) in enumerate(((e.sender, e.item) for e in entries), start=1):
        cred.append(sender.cred)
        system.append(sender.names_its_subject)
        message.append(item.message_id)
        content.append(item.content)
        raw.append(item.raw)
        at.append(item.at)
        clock_good.append(item.clock == "synced")
        extra.append(extra_of(org, sender, item, hashed, target))
        reuse = item.content.hex()
        own_id = item.how is not None and item.replaces == item.message_id
        for part, draft in enumerate(_drafts(item)):
            f_item.append(position)
            reused = fact_id(org, sender.cred, item.message_id, part, reuse)
            first = fact_id(org, sender.cred, item.message_id, part)
            f_id.append(reused if own_id else first)
            f_id_reused.append(reused)
            f_type.append(draft.type)
            f_kind.append(draft.kind)
            f_body.append(draft.body)
    items = (cred, system, message, content, raw, at, clock_good, extra)
    return (*items, f_item, f_id, f_id_reused, f_type, f_kind, f_body)


def _drafts(item: Item) -> tuple[Draft, ...]:
    # A withdrawal makes no fact, but what it withdraws must name it.
    return item.drafts or ((Draft("void", "", {}),) if item.how == "void" else ())


def extra_of(
    org: str,
    sender: Sender,
    item: Item,
    hashed: Callable[[str, str], bytes] | None,
    target: UUID | None = None,
) -> Json | None:
    """What most items lack: slot, serial, subject, correction, fault. Kept with quarantine."""
    extra: dict[str, Any] = {}
    if item.slot is not None:
        extra["slot"] = item.slot
    if item.serial is not None:
        extra["serial"] = item.serial
    if item.subject is not None:
        extra["subject"] = _subject(item.subject, hashed)
    if item.until is not None:
        extra["until"] = item.until.isoformat()
    if item.precision != "instant":
        extra["precision"] = item.precision
    if item.clock == "none":
        extra["clock_none"] = True
    if item.media_type != "application/json":
        extra["media"] = item.media_type
    if item.errors:
        extra["code"] = item.errors[0].code.value
        extra["errors"] = [{"path": e.path, "code": e.code.value} for e in item.errors]
    if item.how is not None:
        extra["how"] = item.how
        extra["rank"] = rank(item)
        if item.replaces == item.message_id:
            extra["own_id"] = True
        extra["targets"] = (
            [str(target)]
            if target is not None
            else [
                str(fact_id(org, sender.cred, item.replaces or item.message_id, part))
                for part in range(PARTS)
            ]
        )
    return extra or None


def drafts_of(org: str, cred: str, item: Item) -> list[dict[str, Any]]:
    """The item's facts as quarantine keeps them, each with the id it will have."""
    own_id = item.how is not None and item.replaces == item.message_id
    reuse = item.content.hex() if own_id else ""
    return [
        {
            "id": str(fact_id(org, cred, item.message_id, part, reuse)),
            "type": draft.type,
            "kind": draft.kind,
            "body": draft.body,
        }
        for part, draft in enumerate(_drafts(item))
    ]


def _subject(subject: Subject, hashed: Callable[[str, str], bytes] | None) -> Json:
    if subject.patient_id is not None:
        return {"id": str(subject.patient_id)}
    if subject.system and subject.value and hashed is not None:
        return {"hash": hashed(subject.system, subject.value).hex()}
    return {}


def rank(item: Item) -> str:
    """Which of several corrections of one fact stands: a withdrawal, then the sender's version,
    then the greater message id; the content only tells two of the same id apart."""
    strength = 2 if item.how == "void" else 1
    # After the id a character below all others, so that a longer id is greater than its beginning.
    return f"{strength}|{item.version or 0:020d}|{item.message_id}\x01{item.content.hex()}"


def _answer(row: asyncpg.Record) -> Answer:
    return Answer(
        position=row["position"],
        result=Result(row["result"]),
        fact_id=row["fact_id"],
        patient_id=row["patient_id"],
        unit_id=row["unit_id"],
        received_at=row["received_at"],
        flags=tuple(row["flags"] or ()),
        errors=_errors(row["errors"]),
    )


def _errors(rows: Iterable[Mapping[str, str]] | None) -> tuple[ItemError, ...]:
    return tuple(ItemError(row["path"], Code(row["code"])) for row in rows or ())


async def wake(connection: asyncpg.Connection, org: str) -> None:
    """Tell the consumers that rows are waiting. In a hot path at most once per 10 ms: a notify in
    each of many commits would make them wait for each other in the whole database."""
    await connection.execute("select pg_notify($1, $2)", CHANNEL, org)


# --- decisions and bindings -----------------------------------------------------------------


async def decide(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    type: str,
    body: Json,
    *,
    by: str,
    at: datetime,
) -> UUID:
    """Write down what staff decided about a patient, in force from `at`, and hand it over."""
    decision = uuid.uuid4()
    await tx.execute(
        """
        insert into ledger.decision (org, id, patient_id, type, at, by, body)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        org, decision, patient_id, type, at, by, {**body, "by": by},
    )  # fmt: skip
    await tx.execute(
        """
        insert into ledger.handover
            (org, consumer, shard, patient_id, fact_id, type, kind, at, received_at)
        values ($1, 'alerts', ledger.shard($2), $2, $3, $4, '', $5, clock_timestamp())
        """,
        org, patient_id, decision, type, at,
    )  # fmt: skip
    await wake(tx, org)
    return decision


async def lock_bindings(tx: asyncpg.Connection, org: str) -> None:
    """Keep every append of the organisation out until this transaction ends. BindingsAreBusy."""
    await tx.execute("set local lock_timeout = '2s'")
    try:
        await tx.execute(
            "select pg_advisory_xact_lock(hashtextextended('bindings:' || $1, 0))", org
        )
    except asyncpg.LockNotAvailableError as error:
        raise BindingsAreBusy from error


async def refile(
    tx: asyncpg.Connection,
    org: str,
    cred: str,
    span: tuple[datetime, datetime | None],
    *,
    by: str,
) -> Refiled:
    """File again what changed bindings of the credential change, in the transaction that changed
    them and after `lock_bindings`."""
    row = await tx.fetchrow(
        "select * from ledger.refile($1, $2, $3, $4, $5, $6)",
        org, cred, span[0], span[1], by, uuid.uuid4(),
    )  # fmt: skip
    await wake(tx, org)
    assert row is not None
    return Refiled(row["moved"], row["released"], row["quarantined"])


# --- quarantine -----------------------------------------------------------------------------


async def release(
    tx: asyncpg.Connection, org: str, item: UUID, *, patient_id: UUID | None, by: str
) -> Answer:
    """Release to the named patient, or to who held the device. NotWaiting, CannotBeReleased."""
    row = await _decided(
        tx, "select * from ledger.release($1, $2, $3, $4)", org, item, patient_id, by
    )
    await wake(tx, org)
    return _answer(row)


async def reject(tx: asyncpg.Connection, org: str, item: UUID, *, by: str, reason: str) -> None:
    await _decided(tx, "select ledger.reject($1, $2, $3, $4)", org, item, by, reason)


async def ask_replay(tx: asyncpg.Connection, org: str, item: UUID, *, by: str) -> None:
    """Ask ingest to read the raw bytes again; it wakes up when this commits."""
    await _decided(tx, "select ledger.ask_replay($1, $2, $3)", org, item, by)


async def _decided(tx: asyncpg.Connection, query: str, *arguments: Any) -> asyncpg.Record:
    try:
        # A savepoint: the caller may answer a refusal and go on with its transaction.
        async with tx.transaction():
            row = await tx.fetchrow(query, *arguments)
            assert row is not None
            return row
    except asyncpg.PostgresError as error:
        if error.sqlstate == "HJ002":
            raise NotWaiting from None
        if error.sqlstate == "HJ003":
            raise CannotBeReleased from None
        raise


async def quarantined(
    tx: asyncpg.Connection,
    org: str,
    *,
    state: str | None = "waiting",
    code: Code | None = None,
    cred: str | None = None,
    unit_ids: Sequence[UUID] | None = None,
    item: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Quarantined]:
    """Newest first. 'waiting' includes what is being read again. `before` pages."""
    rows = await tx.fetch(
        """
        select q.*, r.raw, r.media_type
        from ledger.quarantine q
        join ledger.receipt r using (org, cred, message_id, reuse)
        where q.org = $1
          and ($2::text is null or q.state = $2 or ($2 = 'waiting' and q.state = 'replaying'))
          and ($3::text is null or q.code = $3)
          and ($4::text is null or q.cred = $4)
          and ($5::uuid[] is null or q.unit_id is null or q.unit_id = any($5))
          and ($6::uuid is null or q.id = $6)
          and ($7::timestamptz is null or (q.received_at, q.id) < ($7, $8::uuid))
        order by q.received_at desc, q.id desc
        limit $9
        """,
        org, state, code.value if code else None, cred,
        list(unit_ids) if unit_ids is not None else None, item,
        before[0] if before else None, before[1] if before else None, limit,
    )  # fmt: skip
    return [
        Quarantined(
            id=row["id"],
            cred=row["cred"],
            message_id=row["message_id"],
            code=Code(row["code"]),
            errors=_errors(row["errors"]),
            at=row["at"],
            received_at=row["received_at"],
            state=row["state"],
            unit_id=row["unit_id"],
            patient_id=row["patient_id"],
            drafts=row["drafts"],
            raw=row["raw"] or b"",
            media_type=row["media_type"],
            decided_at=row["decided_at"],
            decided_by=row["decided_by"],
            reason=row["reason"],
        )
        for row in rows
    ]


async def count_quarantined(tx: asyncpg.Connection, org: str, unit_id: UUID | None = None) -> int:
    """Waiting items of a unit; those of no known unit are everybody's and count everywhere."""
    return int(
        await tx.fetchval(
            """
            select count(*) from ledger.quarantine
            where org = $1 and state in ('waiting', 'replaying')
              and ($2::uuid is null or unit_id is null or unit_id = $2)
            """,
            org,
            unit_id,
        )
    )


# --- reading back ---------------------------------------------------------------------------

_FACT = """
org, id, patient_id, type, kind, at, received_at, cred, body, until, day_only, flags, origin
"""


async def facts(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    *,
    kinds: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    newest_first: bool = False,
    limit: int | None = None,
) -> list[Fact]:
    """The patient's facts in force, `since <= at < until`, by (at, id). `after` pages."""
    direction, beyond = ("desc", "<") if newest_first else ("asc", ">")
    rows = await tx.fetch(
        f"""
        select {_FACT} from ledger.current
        where org = $1 and patient_id = $2
          and ($3::text[] is null or kind = any($3))
          and ($4::text[] is null or type = any($4))
          and at >= coalesce($5, '-infinity'::timestamptz)
          and at < coalesce($6, 'infinity'::timestamptz)
          and ($7::timestamptz is null or (at, id) {beyond} ($7, $8::uuid))
        order by at {direction}, id {direction}
        limit $9
        """,
        org, patient_id, list(kinds) if kinds is not None else None,
        list(types) if types is not None else None, since, until,
        after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [_fact(row) for row in rows]


async def read(tx: asyncpg.Connection, org: str, ids: Sequence[UUID]) -> list[Fact]:
    """Facts by id, whether in force or not (an alert's evidence stays readable)."""
    rows = await tx.fetch(
        f"select {_FACT} from ledger.reading where org = $1 and id = any($2)",
        org,
        list(ids),
    )
    return [_fact(row) for row in rows]


async def in_force(
    tx: asyncpg.Connection, org: str, taken: Sequence[tuple[UUID, datetime]]
) -> list[Fact]:
    """Those of the (id, at) pairs that are facts in force."""
    if not taken:
        return []
    moments = [at for _, at in taken]
    # A list of ids walks the key whatever the statistics say; joined with the pairs, the planner
    # may read every reading the organisation has. The span spares the other months.
    rows = await tx.fetch(
        f"""
        select {_FACT} from ledger.current
        where org = $1 and id = any($2) and at between $3 and $4
        """,
        org,
        [fact for fact, _ in taken],
        min(moments),
        max(moments),
    )
    return [_fact(row) for row in rows]


async def decisions(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> dict[UUID, list[Fact]]:
    """All that staff decided about each patient, by (at, recorded, id)."""
    rows = await tx.fetch(
        """
        select org, id, patient_id, type, at, recorded_at, by, body from ledger.decision
        where org = $1 and patient_id = any($2)
        order by patient_id, at, recorded_at, id
        """,
        org,
        list(patient_ids),
    )
    found: dict[UUID, list[Fact]] = {patient: [] for patient in patient_ids}
    for row in rows:
        found[row["patient_id"]].append(
            Fact(
                org=row["org"],
                id=row["id"],
                patient_id=row["patient_id"],
                type=row["type"],
                kind="",
                at=row["at"],
                received_at=row["recorded_at"],
                source=f"staff:{row['by']}",
                body=row["body"],
                origin=row["id"],
            )
        )
    return found


def _fact(row: asyncpg.Record) -> Fact:
    return Fact(
        org=row["org"],
        id=row["id"],
        patient_id=row["patient_id"],
        type=row["type"],
        kind=row["kind"],
        at=row["at"],
        received_at=row["received_at"],
        source=row["cred"],
        body=row["body"],
        until=row["until"],
        precision="day" if row["day_only"] else "instant",
        flags=frozenset(row["flags"]),
        origin=row["origin"],
    )


# --- hand-over ------------------------------------------------------------------------------

# The take must walk its key: statistics of a mostly empty queue make the planner sort the whole
# backlog instead. Set for the connection, because the pool's reset erases a SET.
TAKE_SETTINGS = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off"}


async def organisations(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch("select org from ledger.organisation order by org")
    return [row["org"] for row in rows]


async def waiting_patients(
    connection: asyncpg.Connection, org: str, consumer: str, limit: int
) -> list[UUID]:
    """Whose rows wait, unlocked, in id order: a hint for making state rows before the take."""
    rows = await connection.fetch(
        """
        select distinct patient_id from (
            select patient_id from ledger.handover
            where org = $1 and consumer = $2 and seq > 0 order by seq limit $3
        ) waiting order by patient_id
        """,
        org,
        consumer,
        limit,
    )
    return [row["patient_id"] for row in rows if row["patient_id"] != NOBODY]


async def take(
    tx: asyncpg.Connection, org: str, consumer: str, *, floor: int = 0, limit: int = 1000
) -> list[Taken]:
    """Lock rows that nobody else holds, oldest first.

    Delete those whose effects are written with `done`, in the same transaction. `floor` skips
    dead rows only; go back to 0 at least once a second, since a lower seq may commit later.
    """
    rows = await tx.fetch(
        """
        select ctid, seq, patient_id, fact_id, type, kind, at, received_at
        from ledger.handover
        where org = $1 and consumer = $2 and seq > $3
        order by seq limit $4
        for update skip locked
        """,
        org, consumer, floor, limit,
    )  # fmt: skip
    taken = [Taken(*row) for row in rows]
    withdrawals = [row for row in taken if row.type == "void"]
    if not withdrawals:
        return taken
    await _route(tx, org, consumer, withdrawals)
    nobodys = [row.ctid for row in withdrawals if row.patient_id == NOBODY]
    await done(tx, nobodys)
    return [row for row in taken if row.patient_id != NOBODY]


async def _route(
    tx: asyncpg.Connection, org: str, consumer: str, withdrawals: Sequence[Taken]
) -> None:
    """Hand what a correction or withdrawal takes away to the patients who lose it."""
    await tx.execute(
        """
        insert into ledger.handover
            (org, consumer, shard, patient_id, fact_id, type, kind, at, received_at)
        select $1, $2, ledger.shard(lost.patient_id), lost.patient_id, lost.by_id, 'gone', '',
               told.at, told.received_at
        from ledger.route($1, $3) lost
        join unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
            as told(by_id, patient_id, at, received_at) using (by_id)
        where lost.patient_id <> told.patient_id
        """,
        org,
        consumer,
        [row.fact_id for row in withdrawals],
        [row.patient_id for row in withdrawals],
        [row.at for row in withdrawals],
        [row.received_at for row in withdrawals],
    )


async def done(tx: asyncpg.Connection, ctids: Sequence[tuple[int, int]]) -> None:
    """Delete taken rows whose effects this transaction has written."""
    if ctids:
        await tx.execute("delete from ledger.handover where ctid = any($1::tid[])", list(ctids))


async def patients_with_rows(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> set[UUID]:
    """Which of these patients have facts not yet judged: their silence cannot be decided."""
    rows = await tx.fetch(
        "select distinct patient_id from ledger.handover where org = $1 and patient_id = any($2)",
        org,
        list(patient_ids),
    )
    return {row["patient_id"] for row in rows}


async def oldest_waiting(tx: asyncpg.Connection, org: str, consumer: str) -> datetime | None:
    """When the oldest fact not yet judged was received; None when all are."""
    found: datetime | None = await tx.fetchval(
        """
        select received_at from ledger.handover
        where org = $1 and consumer = $2 order by seq limit 1
        """,
        org,
        consumer,
    )
    return found
