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


def fence(schema: str, *, but: tuple[str, ...] = ()) -> None:
    """A second fence around each organisation's rows, for the role that people's requests run in.

    A transaction of a request says whose it is (`shared/database.py`), and then sees and writes no
    other organisation's rows, whatever its statements say. Who is not asked for by a person (the
    intake, the judging of many) is not fenced, and pays nothing.
    """
    script(FENCE.format(schema=schema, but=", ".join(f"'{name}'" for name in ("", *but))))


FENCE = """
do $$
declare
    v_table text;
begin
    for v_table in
        select c.relname from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'org' and not a.attisdropped
        where c.relnamespace = '{schema}'::regnamespace and c.relkind in ('r', 'p')
          and not c.relispartition and c.relname not in ({but}) and not c.relrowsecurity
    loop
        execute format('alter table {schema}.%I enable row level security', v_table);
        execute format($policy$
            create policy own_organisation on {schema}.%I to hjv_patients
            using (org = coalesce(nullif(current_setting('hjemvakt.org', true), ''), org))
        $policy$, v_table);
        execute format($policy$
            create policy not_fenced on {schema}.%I to hjv_ingest, hjv_alerts
            using (true) with check (true)
        $policy$, v_table);
    end loop;
end
$$;
"""
