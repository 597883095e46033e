"""Every statement of the list of devices: with who holds each, when it was heard, and its secret's
state. Never commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.patients.nouns import CredentialKind


@dataclass(frozen=True, slots=True)
class Thing:
    """A credential with its device. `held_by`: the patients who hold it now. Not `is_set_up`: it
    has got no secret yet; `code_until`: a code for it may be redeemed until then."""

    cred: str
    kind: CredentialKind
    label: str
    unit_id: UUID | None
    device_id: UUID | None
    manufacturer: str | None
    model: str | None
    serial: str | None
    created_at: datetime
    rotated_at: datetime | None
    revoked_at: datetime | None
    client_id: str | None
    has_key: bool
    certificate_until: datetime | None
    certificate_withdrawn: datetime | None
    "When the last of them was; None while one is in force."
    is_set_up: bool
    code_until: datetime | None
    heard_at: datetime | None
    held_by: list[UUID]
    held_since: datetime | None


_THING = """
select c.cred, c.kind, c.label, c.unit_id, c.device_id, d.manufacturer, d.model, d.serial,
       c.created_at, c.rotated_at, c.revoked_at, c.client_id,
       c.thumbprint is not null or k.until is not null as has_key, k.until as certificate_until,
       case when k.until is null then k.withdrawn_at end as certificate_withdrawn,
       c.mqtt_hash <> '' or c.rotated_at is not null as is_set_up,
       (select max(e.until) from patients.enrolment_code e
        where e.org = c.org and e.cred = c.cred and e.redeemed_at is null
          and e.withdrawn_at is null and e.until > $2::timestamptz) as code_until,
       t.heard_at, coalesce(b.held_by, '{}') as held_by, b.since
from patients.credential c
left join patients.device d on d.org = c.org and d.id = c.device_id
left join lateral (
    select max(k.until) filter (where k.withdrawn_at is null) as until,
           max(k.withdrawn_at) as withdrawn_at
    from patients.certificate k where k.org = c.org and k.cred = c.cred) k on true
left join lateral (
    select max(t.last_at) as heard_at from ledger.traffic t
    where t.org = c.org and t.cred = c.cred) t on true
left join lateral (
    select array_agg(b.patient_id order by lower(b.valid)) as held_by, min(lower(b.valid)) as since
    from patients.binding b
    where b.org = c.org and b.cred = c.cred and b.valid @> $2::timestamptz) b on true
"""


async def things(
    tx: asyncpg.Connection,
    org: str,
    now: datetime,
    *,
    unit_ids: list[UUID] | None,
    kind: str | None = None,
    state: str | None = None,
    text: str | None = None,
    silent_before: datetime,
    after: str | None = None,
    limit: int,
) -> list[Thing]:
    """By label. `text` is part of the label, the make, the model, the serial number or the
    credential; `state` one of held, free, silent, new, revoked; without it all but the revoked."""
    rows = await tx.fetch(
        _THING
        + """
        where c.org = $1 and ($3::uuid[] is null or c.unit_id = any($3))
          and ($4::text is null or c.kind = $4)
          and ($5::text is null or strpos(lower(concat_ws(' ', c.label, d.manufacturer, d.model,
               d.serial, c.cred)), lower($5)) > 0)
          and (c.revoked_at is not null) = ($6::text is not distinct from 'revoked')
          and case $6::text
              when 'held' then b.held_by is not null
              when 'free' then b.held_by is null and c.kind <> 'system'
              when 'silent' then b.since is not null and greatest(t.heard_at, b.since) < $7
              when 'new' then c.mqtt_hash = '' and c.rotated_at is null
              else true end
          and ($8::text is null or (lower(c.label), c.cred) > (
              select lower(last.label), last.cred from patients.credential last
              where last.org = $1 and last.cred = $8))
        order by lower(c.label), c.cred limit $9
        """,
        org, now, unit_ids, kind, text, state, silent_before, after, limit,
    )  # fmt: skip
    return [Thing(*row) for row in rows]


async def thing(tx: asyncpg.Connection, org: str, now: datetime, cred: str) -> Thing | None:
    row = await tx.fetchrow(_THING + " where c.org = $1 and c.cred = $3", org, now, cred)
    return Thing(*row) if row else None


async def batteries(
    tx: asyncpg.Connection, org: str, held: Sequence[tuple[str, UUID]], since: datetime
) -> dict[str, Any]:
    """What each device last said of its battery in that time, in per cent."""
    rows = await tx.fetch(
        """
        select h.cred, s.battery
        from unnest($2::text[], $3::uuid[]) as h(cred, patient_id)
        cross join lateral (
            select r.body -> 'battery' as battery from ledger.reading r
            where r.org = $1 and r.patient_id = h.patient_id and r.at >= $4
              and r.type = 'device-event' and r.cred = h.cred and r.body ? 'battery'
            order by r.at desc limit 1) s
        """,
        org, [cred for cred, _ in held], [patient for _, patient in held], since,
    )  # fmt: skip
    return {row["cred"]: row["battery"] for row in rows}
