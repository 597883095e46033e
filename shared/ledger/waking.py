"""Waking the consumers, who also poll; and which organisations there are to poll."""

import asyncpg

CHANNEL = "ledger"
REPLAY_CHANNEL = "replay"


async def wake(connection: asyncpg.Connection, org: str) -> None:
    """Tell the consumers that rows are waiting. In a hot path at most once per 10 ms: a notify in
    each of many commits would make them wait for each other in the whole database."""
    await connection.execute("select pg_notify($1, $2)", CHANNEL, org)


async def wake_alone(connection: asyncpg.Connection, org: str) -> None:
    """The same after the facts have been committed. Losing it in a crash costs a poll, so it does
    not wait for the disk as the facts did."""
    await connection.execute(
        "select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)", CHANNEL, org
    )


async def organisations(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch("select org from ledger.organisation order by org")
    return [row["org"] for row in rows]
