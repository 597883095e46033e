"""What no user can bring about: time that has passed, said to the database."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from tests.journeys.hospital import Hospital


def run(hospital: Hospital, sql: str) -> None:
    """In a thread: the browser's loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _run(hospital.addresses["database"], sql)).result()


async def _run(address: str, sql: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
