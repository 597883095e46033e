"""Databases of the bench's own, filled by SQL with what years would bring: patients, alerts and
facts. Never one that anybody else uses: the name is looked at before anything is written.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from deploy import migrate
from shared import exact

ORG = "bench"
NAME = re.compile(r"^hjemvakt_bench_[a-z]+$")
UNITS = 125
KINDS = ("body_weight", "blood_pressure", "heart_rate", "spo2")
MONTHS = 18
ZONE = '{"zone": "Europe/Oslo", "hours": []}'


class NotOurs(Exception):
    """Only a database whose name says that it is the bench's own is filled"""


async def made(owner: str, name: str) -> str:
    """A fresh database with the present schema beside the platform's own; its address."""
    if not NAME.match(name):
        raise NotOurs(name)
    connection = await asyncpg.connect(owner)
    try:
        await connection.execute(f"create database {name}")
    finally:
        await connection.close()
    url = f"{owner.rpartition('/')[0]}/{name}"
    await migrate.upgrade(url)
    return url


async def opened(url: str) -> asyncpg.Connection:
    """A connection that decodes jsonb as the services do; NotOurs."""
    connection = await asyncpg.connect(url)
    name = await connection.fetchval("select current_database()")
    if not NAME.match(name):
        await connection.close()
        raise NotOurs(name)
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + exact.dumps(value),
        decoder=lambda raw: exact.decode(bytes(raw)[1:]),
        format="binary",
    )
    return connection


def unit(number: int) -> UUID:
    return UUID(int=(2 << 96) + number)


def patient(number: int) -> UUID:
    return UUID(int=(1 << 96) + number)


# The same ids in SQL.
_ID = "('0000000' || {0} || '-0000-0000-0000-' || lpad(to_hex({1}), 12, '0'))::uuid"


def _id(prefix: int, number: str) -> str:
    return _ID.format(f"'{prefix}'", number)


async def people(connection: asyncpg.Connection, patients: int) -> None:
    await connection.execute("insert into ledger.organisation (org) values ($1)", ORG)
    await connection.execute(
        f"""
        insert into patients.unit (org, id, name, short, watching)
        select $1, {_id(2, "n")}, 'Unit ' || n, 'U' || n, '{ZONE}'::jsonb
        from generate_series(0, $2 - 1) n
        """,
        ORG,
        UNITS,
    )
    await connection.execute(
        f"""
        insert into patients.patient
            (org, id, number, name, born, language, unit_id, created_by)
        select $1, {_id(1, "n")}, 'B-' || lpad(n::text, 7, '0'), 'Test Testesen ' || n,
               date '1950-01-01' + n % 9000, 'nb', {_id(2, "n % $3")}, 'bench'
        from generate_series(0, $2 - 1) n
        """,
        ORG,
        patients,
        UNITS,
    )


async def alerts(
    connection: asyncpg.Connection, patients: int, each: int, body: dict[str, Any]
) -> None:
    """`each` alerts of every patient, one of them open, and his row on the list, which looks like
    `body`. 80 patients to a unit of ten thousand in all."""
    await connection.execute(
        """
        insert into alerts.state (org, patient_id, name, born, number, unit_id)
        select org, id, name, born, number, unit_id from patients.patient where org = $1
        """,
        ORG,
    )
    await connection.execute(
        f"""
        insert into alerts.alert (org, id, patient_id, unit_id, programme, "group", lane, rule,
            colour, state, version, opened_at, changed_at, notified_at, oldest_unacknowledged,
            closed_at, body)
        select $1, gen_random_uuid(), {_id(1, "n")}, {_id(2, "n % $4")}, 'home_dialysis', 'weight',
               'clinical', 'hd-1-red', case when n % 3 = 0 then 'red' else 'yellow' end,
               case when m = 0 then 'open' else 'closed' end, 1,
               now() - make_interval(hours => n % 700 + 24 * m),
               now() - make_interval(hours => n % 700 + 24 * m),
               now() - make_interval(hours => n % 700 + 24 * m),
               case when m = 0 then now() - make_interval(hours => n % 700) end,
               case when m > 0 then now() - make_interval(hours => n % 24) end, $5::jsonb
        from generate_series(0, $2 - 1) n, generate_series(0, $3 - 1) m
        """,
        ORG,
        patients,
        each,
        UNITS,
        {"reason": body.get("reason"), "at": datetime.now(UTC).isoformat()},
    )
    await connection.execute(
        f"""
        insert into alerts.worklist_row (org, unit_id, patient_id, rank, waiting_since, calm,
            technical, programmes, assignees, states, body)
        select $1, {_id(2, "n % $3")}, {_id(1, "n")}, (n % 3)::smallint,
               now() - make_interval(hours => n % 700), 0::smallint, false,
               array['home_dialysis'], '{{}}', array['open'],
               jsonb_set($4::jsonb, '{{patient}}', jsonb_build_object(
                   'id', {_id(1, "n")}, 'name', 'Test Testesen ' || n, 'born', '1950-01-01'))
        from generate_series(0, $2 - 1) n
        """,
        ORG,
        patients,
        UNITS,
        body,
    )
    await connection.execute("analyze")


async def facts(connection: asyncpg.Connection, patients: int, count: int) -> None:
    """So many readings of the four kinds, evenly over patients and the last months. The newest are
    now; each patient has as many of each kind."""
    newest = datetime.now(UTC) - timedelta(hours=1)
    span = timedelta(days=30 * MONTHS)
    size = 250_000
    for first in range(0, count, size):
        await connection.execute(
            f"""
            insert into ledger.reading (org, id, at, patient_id, type, kind, day_only, received_at,
                cred, slot, message_id, flags, body, origin)
            select $1, id, at, {_id(1, "n % $3")}, 'reading',
                   ($6::text[])[(1 + n / $3 % 4)::int], false, at,
                   'c-bench', '', 'f-' || n, '{{}}', case n / $3 % 4
                       when 1 then '{{"v": 1, "values": {{"systolic": 128, "diastolic": 78}}}}'
                       else '{{"v": 1, "values": {{"value": 82.4}}}}' end::jsonb, id
            from (select n, gen_random_uuid() as id,
                         $4::timestamptz - $5::interval * (n::float8 / $7) as at
                  from generate_series($2::bigint, $2::bigint + {size} - 1) n
                  where n < $7) made
            """,
            ORG,
            first,
            patients,
            newest,
            span,
            list(KINDS),
            count,
        )  # fmt: skip
    await connection.execute("analyze ledger.reading")
