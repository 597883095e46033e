"""The ledger's schema, step by step. Expand before the release that needs it, contract after."""

import asyncpg
import sqlalchemy
from alembic import op


def script(sql: str) -> None:
    """Run many statements in one go, inside the migration's transaction.

    `op.execute` prepares its statement, and a prepared statement is only one.
    """
    bind = op.get_bind()
    bind.execute(sqlalchemy.text("select 1"))  # opens the transaction if nothing has yet
    connection = bind.connection.dbapi_connection
    assert connection is not None

    async def run(driver: asyncpg.Connection) -> None:
        await driver.execute(sql)

    connection.run_async(run)
