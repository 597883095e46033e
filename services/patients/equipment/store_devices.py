"""Every statement about devices: credentials, their secrets, and who holds what when."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.nouns import Binding, Credential, Device

CHANNEL = "credentials"  # NOTIFY payload: org; the broker's files are made anew on it

# --- devices ----------------------------------------------------------------------------------

_DEVICE = "id, manufacturer, model, serial, unit_id, note, retired_at"


async def add_device(tx: asyncpg.Connection, org: str, device: Device) -> bool:
    """False if a device of that make, model and serial number is known already."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.device (org, id, manufacturer, model, serial, unit_id, note)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (org, manufacturer, model, serial) do nothing returning true
            """,
            org, device.id, device.manufacturer, device.model, device.serial, device.unit_id,
            device.note,
        )
    )  # fmt: skip


async def change_device(tx: asyncpg.Connection, org: str, device: Device) -> None:
    await tx.execute(
        """
        update patients.device set unit_id = $3, note = $4, retired_at = $5
        where org = $1 and id = $2
        """,
        org, device.id, device.unit_id, device.note, device.retired_at,
    )  # fmt: skip


async def device(tx: asyncpg.Connection, org: str, device_id: UUID) -> Device | None:
    row = await tx.fetchrow(
        f"select {_DEVICE} from patients.device where org = $1 and id = $2", org, device_id
    )
    return Device(*row) if row else None


async def devices(
    tx: asyncpg.Connection,
    org: str,
    *,
    unit_ids: list[UUID] | None = None,
    serial: str | None = None,
    patient_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Device]:
    """By id. With `patient_id` those he holds or has held."""
    rows = await tx.fetch(
        f"""
        select {_DEVICE} from patients.device d
        where d.org = $1
          and ($2::uuid[] is null or d.unit_id = any($2))
          and ($3::text is null or d.serial = $3)
          and ($4::uuid is null or exists (
              select from patients.binding b
              where b.org = d.org and b.device_id = d.id and b.patient_id = $4
                and b.withdrawn_at is null))
          and ($5::uuid is null or d.id > $5)
        order by d.id limit $6
        """,
        org, unit_ids, serial, patient_id, after, limit,
    )  # fmt: skip
    return [Device(*row) for row in rows]


# --- credentials ------------------------------------------------------------------------------

_CREDENTIAL = """
cred, kind, label, unit_id, device_id, created_at, rotated_at, revoked_at, client_id,
case when thumbprint is not null then 'proof'
     when exists (select from patients.certificate k where k.org = credential.org
                  and k.cred = credential.cred and k.withdrawn_at is null) then 'certificate'
     else 'secret' end as shows,
(select max(k.until) from patients.certificate k where k.org = credential.org
  and k.cred = credential.cred and k.withdrawn_at is null) as certificate_until
"""


async def add_credential(
    tx: asyncpg.Connection,
    org: str,
    credential: Credential,
    *,
    secret_hash: bytes,
    mqtt_hash: str | None,
    by: str,
) -> None:
    """Without `mqtt_hash` nobody can send with it yet. Raises asyncpg.UniqueViolationError when
    another system has its client id."""
    await tx.execute(
        """
        insert into patients.credential (
            org, cred, kind, secret_hash, mqtt_hash, label, unit_id, device_id, created_at,
            created_by, client_id
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        org, credential.cred, credential.kind, secret_hash, mqtt_hash or "", credential.label,
        credential.unit_id, credential.device_id, credential.created_at, by, credential.client_id,
    )  # fmt: skip
    if mqtt_hash is not None:
        await _open_secret(tx, org, credential.cred, secret_hash)


async def rotate(
    tx: asyncpg.Connection,
    org: str,
    cred: str,
    secret_hash: bytes,
    mqtt_hash: str,
    at: datetime,
    until: datetime,
    *,
    thumbprint: str | None = None,
    opens: bool = True,
) -> None:
    """The secrets before this one serve until then over HTTP; the broker takes one at a time.
    `thumbprint`: of the key that the new one is bound to. Not `opens`: nobody has this secret."""
    await tx.execute(
        """
        update patients.credential
        set secret_hash = $3, mqtt_hash = $4, rotated_at = $5, thumbprint = $6
        where org = $1 and cred = $2
        """,
        org, cred, secret_hash, mqtt_hash, at, thumbprint,
    )  # fmt: skip
    await tx.execute(
        """
        delete from patients.secret where org = $1 and cred = $2
          and ($3::timestamptz <= $4::timestamptz or until <= $4::timestamptz)
        """,
        org, cred, until, at,
    )  # fmt: skip
    await tx.execute(
        """
        update patients.secret set until = least(until, $3::timestamptz)
        where org = $1 and cred = $2
        """,
        org, cred, until,
    )  # fmt: skip
    if opens:
        await _open_secret(tx, org, cred, secret_hash)
    else:
        await _tell(tx, org)


async def revoke(tx: asyncpg.Connection, org: str, cred: str, at: datetime) -> None:
    await tx.execute(
        "update patients.credential set revoked_at = $3 where org = $1 and cred = $2",
        org, cred, at,
    )  # fmt: skip
    await tx.execute("delete from patients.secret where org = $1 and cred = $2", org, cred)
    await _tell(tx, org)


async def _open_secret(tx: asyncpg.Connection, org: str, cred: str, secret_hash: bytes) -> None:
    await tx.execute(
        "insert into patients.secret (secret_hash, org, cred) values ($1, $2, $3)",
        secret_hash, org, cred,
    )  # fmt: skip
    await _tell(tx, org)


async def _tell(tx: asyncpg.Connection, org: str) -> None:
    await tx.execute("select pg_notify($1, $2)", CHANNEL, org)


async def credential(
    tx: asyncpg.Connection, org: str, cred: str, *, lock: bool = False
) -> Credential | None:
    row = await tx.fetchrow(
        f"select {_CREDENTIAL} from patients.credential where org = $1 and cred = $2"
        + (" for update" if lock else ""),
        org,
        cred,
    )
    return Credential(*row) if row else None


async def credentials(
    tx: asyncpg.Connection,
    org: str,
    *,
    unit_ids: list[UUID] | None = None,
    after: str | None = None,
    limit: int,
) -> list[Credential]:
    rows = await tx.fetch(
        f"""
        select {_CREDENTIAL} from patients.credential
        where org = $1 and ($2::uuid[] is null or unit_id = any($2))
          and ($3::text is null or cred > $3)
        order by cred limit $4
        """,
        org, unit_ids, after, limit,
    )  # fmt: skip
    return [Credential(*row) for row in rows]


# --- bindings ---------------------------------------------------------------------------------

_BINDING = """
id, cred, slot, device_id, patient_id, lower(coalesce(was, valid)) as since,
upper(coalesce(was, valid)) as until, recorded_by, withdrawn_at
"""


async def add_binding(tx: asyncpg.Connection, org: str, binding: Binding) -> None:
    """Raises asyncpg.ExclusionViolationError if another holds it in that time."""
    await tx.execute(
        """
        insert into patients.binding
            (org, id, cred, slot, device_id, patient_id, valid, recorded_by)
        values ($1, $2, $3, $4, $5, $6, tstzrange($7, $8), $9)
        """,
        org, binding.id, binding.cred, binding.slot, binding.device_id, binding.patient_id,
        binding.since, binding.until, binding.recorded_by,
    )  # fmt: skip


async def move_binding(
    tx: asyncpg.Connection,
    org: str,
    binding_id: UUID,
    since: datetime,
    until: datetime | None,
    *,
    by: str,
) -> None:
    """Raises asyncpg.ExclusionViolationError if another holds it in that time."""
    await tx.execute(
        """
        update patients.binding
        set valid = tstzrange($3, $4), changed_at = clock_timestamp(), changed_by = $5
        where org = $1 and id = $2
        """,
        org, binding_id, since, until, by,
    )  # fmt: skip


async def withdraw_binding(
    tx: asyncpg.Connection, org: str, binding_id: UUID, at: datetime, *, by: str
) -> None:
    await tx.execute(
        """
        update patients.binding
        set was = valid, valid = 'empty', withdrawn_at = $3, changed_at = $3, changed_by = $4
        where org = $1 and id = $2
        """,
        org, binding_id, at, by,
    )  # fmt: skip


async def binding(
    tx: asyncpg.Connection, org: str, patient_id: UUID, binding_id: UUID
) -> Binding | None:
    row = await tx.fetchrow(
        f"""
        select {_BINDING} from patients.binding
        where org = $1 and patient_id = $2 and id = $3 for update
        """,
        org,
        patient_id,
        binding_id,
    )
    return Binding(*row) if row else None


async def bindings(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Binding]:
    """Newest first, withdrawn ones too."""
    rows = await tx.fetch(
        f"""
        select {_BINDING} from patients.binding
        where org = $1 and patient_id = $2 order by since desc, id
        """,
        org,
        patient_id,
    )
    return [Binding(*row) for row in rows]


async def holders(
    tx: asyncpg.Connection,
    org: str,
    cred: str,
    slot: str,
    since: datetime,
    until: datetime | None,
) -> list[Binding]:
    """Who holds it at any moment of that time, earliest first."""
    rows = await tx.fetch(
        f"""
        select {_BINDING} from patients.binding
        where org = $1 and cred = $2 and slot = $3 and valid && tstzrange($4, $5)
        order by since for update
        """,
        org, cred, slot, since, until,
    )  # fmt: skip
    return [Binding(*row) for row in rows]
