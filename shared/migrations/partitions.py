"""Months of readings and of the audit trail are partitions made ahead of time, by `hjemvakt
migrate` and nobody else."""

import asyncpg

MONTHS_AHEAD = 24


async def ensure(connection: asyncpg.Connection) -> None:
    """Attach the partitions of the next two years. Safe while services run."""
    await connection.execute("select ledger.ensure_partitions($1)", MONTHS_AHEAD)
    await connection.execute("select audit.ensure_partitions($1)", MONTHS_AHEAD)
