"""Items that wait for a person: what they are, and what the person may do with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts import Code, ItemError
from shared.ledger.items import Answer, answer_of, errors_of
from shared.ledger.waking import wake


class NotWaiting(Exception):
    """This item is no longer waiting in quarantine"""


class CannotBeReleased(Exception):
    """This item cannot be released as it is: nobody held the device, or it could not be read"""


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
    topic: str | None = None
    past: tuple[Mapping[str, Any], ...] = ()


async def release(
    tx: asyncpg.Connection, org: str, item: UUID, *, patient_id: UUID | None, by: str
) -> Answer:
    """Release to the named patient, or to who held the device. NotWaiting, CannotBeReleased."""
    row = await _decided(
        tx, "select * from ledger.release($1, $2, $3, $4)", org, item, patient_id, by
    )
    await wake(tx, org)
    return answer_of(row)


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
    except asyncpg.CheckViolationError:  # of a moment that nothing can be counted from
        raise CannotBeReleased from None
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
    topic: str | None = None,
    but_topics: bool = False,
    item: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Quarantined]:
    """Newest first. 'waiting' includes what is being read again. `before` pages. `but_topics`: not
    what gateways said where no table knows."""
    # Said so that the index of what waits serves, however much has been settled. Receipts are
    # looked up for one page only: ten thousand of them, by tables newly filled, took half a minute.
    waits = "q.state in ('waiting', 'replaying') and $2::text is not null"
    rows = await tx.fetch(
        f"""
        select q.*, r.raw, r.media_type
        from (
            select q.* from ledger.quarantine q
            where q.org = $1
              and {waits if state == "waiting" else "($2::text is null or q.state = $2)"}
              and ($3::text is null or q.code = $3)
              and ($4::text is null or q.cred = $4)
              and ($5::uuid[] is null or q.unit_id is null or q.unit_id = any($5))
              and ($6::uuid is null or q.id = $6)
              and ($7::timestamptz is null or (q.received_at, q.id) < ($7, $8::uuid))
              and ($10::text is null or q.topic = $10) and (not $11 or q.topic is null)
            order by q.received_at desc, q.id desc
            limit $9
        ) q
        join ledger.receipt r using (org, cred, message_id, reuse)
        order by q.received_at desc, q.id desc
        """,
        org, state, code.value if code else None, cred,
        list(unit_ids) if unit_ids is not None else None, item,
        before[0] if before else None, before[1] if before else None, limit, topic, but_topics,
    )  # fmt: skip
    return [
        Quarantined(
            id=row["id"],
            cred=row["cred"],
            message_id=row["message_id"],
            code=Code(row["code"]),
            errors=errors_of(row["errors"]),
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
            topic=row["topic"],
            past=tuple(row["past"] or ()),
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
