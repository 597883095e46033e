"""A backup is worth what its restore is: the record is read again, every right is as it was, and
the audit trail is held against the digests that were taken outside."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.local import binaries
from services.patients import app as wiring
from shared import identity
from shared.audit import sealing
from tests.conftest import DatabaseUrls
from tests.patients.conftest import Person, Ward

# Whoever may do what, whatever the order it was written in.
RIGHTS = """
select grantee || ' ' || privilege_type || ' ' || table_schema || '.' || table_name as one
from information_schema.role_table_grants
where table_schema in ('ledger', 'patients', 'alerts', 'audit')
union all
select grantee || ' ' || privilege_type || ' ' || table_name || '.' || column_name
from information_schema.column_privileges
where table_schema in ('ledger', 'patients', 'alerts', 'audit')
union all
select schemaname || '.' || tablename || ' ' || policyname || ' ' || roles::text || ' ' ||
       coalesce(qual, '') || ' ' || coalesce(with_check, '') from pg_policies
union all
select 'fenced ' || oid::regclass::text from pg_class where relrowsecurity
"""


@dataclass
class Restored:
    """The commands of docs/backup.md, run against the tests' server."""

    owner: str
    folder: Path

    async def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        return await asyncio.to_thread(
            subprocess.run,
            [str(one) for one in command],
            capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        )  # fmt: skip

    async def backup(self) -> Path:
        file = self.folder / f"{uuid4().hex}.dump"
        made = await self.run(
            binaries.find(None) / "pg_dump", "--format=custom", f"--file={file}", self.owner
        )
        assert made.returncode == 0, made.stderr
        return file

    async def restore(self, file: Path) -> str:
        """The address of a new database, as the owner."""
        name = f"restored_{uuid4().hex[:12]}"
        connection = await asyncpg.connect(self.owner)
        await connection.execute(f"create database {name}")
        await connection.close()
        address = self.beside(self.owner, name)
        done = await self.run(
            binaries.find(None) / "pg_restore", "--exit-on-error", "--single-transaction",
            f"--dbname={address}", file,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return address

    @staticmethod
    def beside(url: str, name: str) -> str:
        return f"{url.rpartition('/')[0]}/{name}"

    async def hjemvakt(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return await self.run(Path(sys.executable).parent / "hjemvakt", *arguments)


@pytest.fixture
async def restoring(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Restored]:
    before = await databases(database_urls.owner)
    yield Restored(database_urls.owner, tmp_path)
    connection = await asyncpg.connect(database_urls.owner)
    for name in await databases(database_urls.owner) - before:
        await connection.execute(f"drop database {name} with (force)")
    await connection.close()


async def databases(owner: str) -> set[str]:
    connection = await asyncpg.connect(owner)
    rows = await connection.fetch("select datname from pg_database where datname like 'restored_%'")
    await connection.close()
    return {row["datname"] for row in rows}


async def rows(address: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(address)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def sealed(ward: Ward, *ago: int) -> None:
    """Acts of days that are over, and their seals."""
    connection = await asyncpg.connect(ward.record.urls.owner)
    for days in ago:
        await connection.execute(
            """
            insert into audit.event (org, at, by, role, units, patients, what, why, outcome)
            select 'nordland', now() - $1 * interval '1 day' + n * interval '1 second', 'anne',
                   'nurse', '{}', array[gen_random_uuid()], 'list', 'treatment', 'shown'
            from generate_series(1, 5) n
            """,
            days,
        )
    await sealing.seal(connection)
    await connection.close()


async def anchored(restoring: Restored, address: str) -> Path:
    printed = await restoring.hjemvakt("audit", "anchor", "--url", address)
    assert printed.returncode == 0, printed.stderr
    file = restoring.folder / "anchors.jsonl"
    file.write_text(printed.stdout)
    return file


async def test_a_restored_record_is_read_as_before_with_its_key_and_its_rights(
    ward: Ward, restoring: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = {"kind": "body_weight", "at": "2026-01-01T10:00:00Z", "values": {"value": 70}}
    await ward.nurse.post(f"{ward.path}/readings", reading)
    before = [await ward.nurse.get(path) for path in (ward.path, f"{ward.path}/readings")]
    assert before[1]["readings"]

    address = await restoring.restore(await restoring.backup())

    again = Restored.beside(ward.record.urls.patients, address.rpartition("/")[2])
    connection = await asyncpg.connect(ward.record.urls.owner)
    name = address.rpartition("/")[2]
    for role in ("hjv_ingest", "hjv_patients", "hjv_alerts"):
        await connection.execute(f"grant connect on database {name} to {role}")
    await connection.close()
    monkeypatch.setenv("HJEMVAKT_DATABASE_PATIENTS", again)
    app = wiring.create()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://record") as client,
    ):
        nurse = Person(client, ward.nurse.token)
        after = [await nurse.get(path) for path in (ward.path, f"{ward.path}/readings")]
    assert after == before
    rights = {row["one"] for row in await rows(ward.record.urls.owner, RIGHTS)}
    assert {row["one"] for row in await rows(address, RIGHTS)} == rights
    assert any("audit.event" in one for one in rights)
    [counted] = await rows(address, "select count(*) as n from ledger.current")
    assert counted["n"] == len(before[1]["readings"])


async def test_the_restored_trail_is_held_against_the_digests_that_were_kept_outside(
    ward: Ward, restoring: Restored
) -> None:
    await sealed(ward, 4, 3)
    earlier = await restoring.backup()
    await sealed(ward, 2)
    file = await restoring.backup()
    anchors = await anchored(restoring, ward.record.urls.owner)

    async def verified(address: str) -> "subprocess.CompletedProcess[str]":
        return await restoring.hjemvakt(
            "audit", "verify", "--anchors", str(anchors), "--url", address
        )

    address = await restoring.restore(file)
    whole = await verified(address)
    assert whole.returncode == 0, whole.stdout + whole.stderr

    # Of the backup before, the last day that was anchored is missing, and is named.
    older = await verified(await restoring.restore(earlier))
    assert older.returncode != 0
    assert "is not as it was when its digest was taken outside" in older.stdout

    # Whoever changes it on the way, and makes the chain anew, is found by the digests only.
    connection = await asyncpg.connect(address)
    await connection.execute("delete from audit.event where at < now() - interval '3 days';")
    await connection.execute("delete from audit.day")
    await sealing.seal(connection)
    assert await sealing.verify(connection) == []
    await connection.close()
    assert (await verified(address)).returncode != 0


async def test_without_its_key_a_restored_number_is_nobodys(ward: Ward) -> None:
    """What a backup holds of national numbers is worth nothing to who has the backup alone."""
    identifier = {"system": "urn:hospital", "value": "pas-77"}
    await ward.nurse.post(f"{ward.path}/identifiers", identifier, 204)
    [row] = await ward.record.rows(
        "select sealed, hash, system from patients.identifier where system = 'urn:hospital'"
    )
    right, wrong = identity.Keys(bytes.fromhex("ab" * 32)), identity.Keys(bytes.fromhex("cd" * 32))
    assert row["hash"] in right.hashes("urn:hospital", "pas-77")
    assert row["hash"] not in wrong.hashes("urn:hospital", "pas-77")
    assert b"pas-77" not in row["sealed"]
