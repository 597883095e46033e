"""Every statement about people: units, staff, patients, and who looked.

Functions receive the transaction and never commit. Rows come out as the plain values of nouns.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.patients.nouns import Patient, Staff, Unit
from shared.identity import Row

# --- units and staff --------------------------------------------------------------------------


async def add_organisation(tx: asyncpg.Connection, org: str) -> None:
    await tx.execute(
        "insert into ledger.organisation (org) values ($1) on conflict do nothing", org
    )


async def add_unit(tx: asyncpg.Connection, org: str, unit: Unit) -> bool:
    """False if another unit has that name."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.unit (org, id, name, short, watching) values ($1, $2, $3, $4, $5)
            on conflict (org, name) do nothing returning true
            """,
            org, unit.id, unit.name, unit.short, unit.watching,
        )
    )  # fmt: skip


async def units(tx: asyncpg.Connection, org: str) -> list[Unit]:
    rows = await tx.fetch(
        "select id, name, short, watching from patients.unit where org = $1 order by name", org
    )
    return [Unit(*row) for row in rows]


async def unit(tx: asyncpg.Connection, org: str, unit_id: UUID) -> Unit | None:
    row = await tx.fetchrow(
        "select id, name, short, watching from patients.unit where org = $1 and id = $2",
        org,
        unit_id,
    )
    return Unit(*row) if row else None


async def is_followed(tx: asyncpg.Connection, org: str, patient_id: UUID) -> bool:
    """Enrolled in something, and alive: otherwise nobody watches what comes of him."""
    return bool(
        await tx.fetchval(
            "select followed and deceased_at is null from patients.patient"
            " where org = $1 and id = $2",
            org,
            patient_id,
        )
    )


async def change_unit(tx: asyncpg.Connection, org: str, unit: Unit) -> None:
    await tx.execute(
        "update patients.unit set name = $3, short = $4, watching = $5 where org = $1 and id = $2",
        org, unit.id, unit.name, unit.short, unit.watching,
    )  # fmt: skip


async def unknown_units(tx: asyncpg.Connection, org: str, unit_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that are no unit of the organisation."""
    rows = await tx.fetch(
        "select id from patients.unit where org = $1 and id = any($2)", org, list(unit_ids)
    )
    return set(unit_ids) - {row["id"] for row in rows}


_STAFF = "id, name, role, units, hpr, left_at, groups"


async def add_staff(tx: asyncpg.Connection, org: str, staff: Staff) -> None:
    await tx.execute(
        """
        insert into patients.staff (org, id, name, role, units, hpr, groups)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        org, staff.id, staff.name, staff.role, staff.units, staff.hpr, staff.groups,
    )  # fmt: skip


async def add_number(tx: asyncpg.Connection, org: str, row: Row, staff_id: UUID) -> bool:
    """False if it is somebody else's."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.staff_number (org, hash, staff_id, key) values ($1, $2, $3, $4)
            on conflict do nothing returning true
            """,
            org,
            row.hash,
            staff_id,
            row.key,
        )
    )


async def forget_number(tx: asyncpg.Connection, org: str, staff_id: UUID) -> None:
    await tx.execute(
        "delete from patients.staff_number where org = $1 and staff_id = $2", org, staff_id
    )


async def change_staff(tx: asyncpg.Connection, org: str, staff: Staff) -> None:
    await tx.execute(
        """
        update patients.staff
        set name = $3, role = $4, units = $5, hpr = $6, left_at = $7, groups = $8
        where org = $1 and id = $2
        """,
        org, staff.id, staff.name, staff.role, staff.units, staff.hpr, staff.left_at, staff.groups,
    )  # fmt: skip


async def staff(tx: asyncpg.Connection, org: str, unit_id: UUID | None = None) -> list[Staff]:
    rows = await tx.fetch(
        f"""
        select {_STAFF} from patients.staff
        where org = $1 and ($2::uuid is null or $2 = any(units))
        order by name, id
        """,
        org,
        unit_id,
    )
    return [Staff(*row) for row in rows]


async def one_staff(tx: asyncpg.Connection, org: str, staff_id: UUID) -> Staff | None:
    row = await tx.fetchrow(
        f"select {_STAFF} from patients.staff where org = $1 and id = $2",
        org,
        staff_id,
    )
    return Staff(*row) if row else None


# --- patients ---------------------------------------------------------------------------------

_PATIENT = """
id, number, name, born, sex, language, unit_id, deceased_at, phone is not null as has_phone,
sms_reminders
"""


async def next_number(tx: asyncpg.Connection) -> str:
    """A local number that no other patient has got from us."""
    number = await tx.fetchval("select nextval('patients.number')")
    return f"S-{number}"


async def add_patient(
    tx: asyncpg.Connection, org: str, patient: Patient, phone: bytes | None, by: str
) -> bool:
    """False if another patient has that local number. `phone` is sealed."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.patient
                (org, id, number, name, born, sex, language, unit_id, created_by, phone,
                 sms_reminders)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            on conflict (org, number) do nothing returning true
            """,
            org, patient.id, patient.number, patient.name, patient.born, patient.sex,
            patient.language, patient.unit_id, by, phone, patient.sms_reminders,
        )
    )  # fmt: skip


async def patient(
    tx: asyncpg.Connection, org: str, patient_id: UUID, *, lock: bool = False
) -> Patient | None:
    row = await tx.fetchrow(
        f"select {_PATIENT} from patients.patient where org = $1 and id = $2"
        + (" for update" if lock else ""),
        org,
        patient_id,
    )
    return Patient(*row) if row else None


async def change_patient(tx: asyncpg.Connection, org: str, patient: Patient) -> None:
    await tx.execute(
        """
        update patients.patient
        set name = $3, born = $4, sex = $5, language = $6, unit_id = $7, deceased_at = $8,
            sms_reminders = $9
        where org = $1 and id = $2
        """,
        org, patient.id, patient.name, patient.born, patient.sex, patient.language,
        patient.unit_id, patient.deceased_at, patient.sms_reminders,
    )  # fmt: skip


async def keep_phone(
    tx: asyncpg.Connection, org: str, patient_id: UUID, sealed: bytes | None
) -> None:
    await tx.execute(
        "update patients.patient set phone = $3 where org = $1 and id = $2",
        org,
        patient_id,
        sealed,
    )


async def patients(
    tx: asyncpg.Connection,
    org: str,
    *,
    unit_ids: Sequence[UUID] | None = None,
    text: str | None = None,
    ids: Sequence[UUID] | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Patient]:
    """By name. `text` is part of a name, or the beginning of a local number; `after` pages."""
    rows = await tx.fetch(
        f"""
        select {_PATIENT} from patients.patient p
        where p.org = $1
          and ($2::uuid[] is null or p.unit_id = any($2) or exists (
              select from patients.enrolment e
              where e.org = p.org and e.patient_id = p.id and e.ended_at is null
                and e.unit_id = any($2)))
          and ($3::text is null
               or strpos(lower(p.name), lower($3)) > 0 or starts_with(p.number, upper($3)))
          and ($4::uuid[] is null or p.id = any($4))
          and ($5::uuid is null or (lower(p.name), p.id) > (
              select lower(last.name), last.id from patients.patient last
              where last.org = $1 and last.id = $5))
        order by lower(p.name), p.id
        limit $6
        """,
        org,
        list(unit_ids) if unit_ids is not None else None,
        text,
        list(ids) if ids is not None else None,
        after,
        limit,
    )
    return [Patient(*row) for row in rows]


async def add_identifier(
    tx: asyncpg.Connection, org: str, row: Row, system: str, patient_id: UUID
) -> bool:
    """False if the number is already somebody's."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.identifier (org, hash, system, sealed, patient_id, key)
            values ($1, $2, $3, $4, $5, $6) on conflict (org, hash) do nothing returning true
            """,
            org, row.hash, system, row.sealed, patient_id, row.key,
        )
    )  # fmt: skip


async def identifiers(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> Mapping[UUID, list[tuple[str, bytes, str | None]]]:
    """(system, sealed number, under which key) of each patient, oldest first."""
    rows = await tx.fetch(
        """
        select patient_id, system, sealed, key from patients.identifier
        where org = $1 and patient_id = any($2) order by created_at
        """,
        org,
        list(patient_ids),
    )
    found: dict[UUID, list[tuple[str, bytes, str | None]]] = {
        patient: [] for patient in patient_ids
    }
    for row in rows:
        found[row["patient_id"]].append((row["system"], row["sealed"], row["key"]))
    return found


async def whose_number(tx: asyncpg.Connection, org: str, hashes: Sequence[bytes]) -> UUID | None:
    found: UUID | None = await tx.fetchval(
        "select patient_id from patients.identifier where org = $1 and hash = any($2) limit 1",
        org,
        hashes,
    )
    return found


# --- the development log-in -------------------------------------------------------------------


async def anybody(
    tx: asyncpg.Connection, *, staff_id: UUID | None = None, patient_id: UUID | None = None
) -> Any:
    """Organisation, name, role, units, hpr and groups of a person by id alone; None if nobody's."""
    if staff_id is not None:
        return await tx.fetchrow(
            """
            select org, name, role, units, hpr, groups from patients.staff
            where id = $1 and left_at is null
            """,
            staff_id,
        )
    return await tx.fetchrow(
        """
        select org, name, 'patient' as role, '{}'::uuid[] as units, null as hpr,
               '{}'::text[] as groups
        from patients.patient where id = $1
        """,
        patient_id,
    )
