"""Bring a database to the present schema: `hjemvakt migrate`.

Three histories, run in this order, each with its version table in its own schema. Safe to repeat,
to run twice at once, and to run while the services work.
"""

import asyncio
import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

# Schema -> its history. The ledger first: the others' grants and foreign keys name it.
HISTORIES: Mapping[str, Path] = {
    "ledger": ROOT / "shared" / "migrations" / "versions",
    "patients": ROOT / "services" / "patients" / "migrations" / "versions",
    "alerts": ROOT / "services" / "alerts" / "migrations" / "versions",
}

ONE_AT_A_TIME = 0x686A76  # advisory lock: "hjv"
TRIES = 6


def migrate(url: str) -> None:
    """Run what is missing. `url` is the owner's, postgresql://…"""
    asyncio.run(upgrade(url))


async def upgrade(url: str) -> None:
    gate = await asyncpg.connect(url)
    try:
        await gate.execute("select pg_advisory_lock($1)", ONE_AT_A_TIME)
        # Bindings of one device must not overlap; that takes an index of this kind.
        await gate.execute("create extension if not exists btree_gist")
        for schema, versions in _present().items():
            await _upgrade_one(url, schema, versions)
        await _ensure_partitions(gate)
    finally:
        await gate.close()


def heads() -> dict[str, str | None]:
    """Schema -> the newest version the code knows."""
    return {
        schema: ScriptDirectory.from_config(_config(schema, versions)).get_current_head()
        for schema, versions in _present().items()
    }


def _present() -> dict[str, Path]:
    return {schema: versions for schema, versions in HISTORIES.items() if versions.is_dir()}


async def _upgrade_one(url: str, schema: str, versions: Path) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            await _run(url, schema, versions)
            return
        except sqlalchemy.exc.DBAPIError as error:
            # A lock was not free within lock_timeout. To wait longer would make every reader
            # queue behind us; to step back and come again does not.
            if getattr(error.orig, "sqlstate", None) != "55P03" or attempt == TRIES:
                raise
            await asyncio.sleep(attempt)


async def _run(url: str, schema: str, versions: Path) -> None:
    engine = create_async_engine(
        sqlalchemy.make_url(url).set(drivername="postgresql+asyncpg"),
        poolclass=NullPool,
        connect_args={"server_settings": {"lock_timeout": "5s", "application_name": "migrate"}},
    )
    try:
        async with engine.connect() as connection:
            config = _config(schema, versions)

            def run(bound: sqlalchemy.Connection) -> None:
                config.attributes["connection"] = bound
                command.upgrade(config, "head")

            await connection.execute(sqlalchemy.text(f"create schema if not exists {schema}"))
            await connection.commit()
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def _config(schema: str, versions: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", _plain(HERE))
    config.set_main_option("version_locations", _plain(versions))
    config.set_main_option("path_separator", "newline")  # a path may hold spaces and colons
    config.attributes["schema"] = schema
    return config


def _plain(path: Path) -> str:
    return str(path).replace("%", "%%")


async def _ensure_partitions(connection: asyncpg.Connection) -> None:
    """Months ahead for the readings, by the ledger's own rule."""
    if importlib.util.find_spec("shared.migrations.partitions") is not None:
        await importlib.import_module("shared.migrations.partitions").ensure(connection)
