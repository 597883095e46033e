"""What the machine can do at all: the denominators of every ratio."""

import os
import statistics
import tempfile
import time
import uuid
from datetime import UTC, datetime

import asyncpg


def fsync_microseconds(times: int = 200) -> float:
    """Median time of writing 8 KiB and waiting for the disk."""
    with tempfile.NamedTemporaryFile(dir=os.getcwd()) as file:
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


async def commit_milliseconds(url: str, times: int = 300) -> float:
    """Median round trip of one durable commit of one row."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("create table if not exists bench_commit (id uuid primary key)")
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            await connection.execute("insert into bench_commit values ($1)", uuid.uuid4())
            taken.append(time.perf_counter() - began)
        return statistics.median(taken) * 1000
    finally:
        await connection.close()


async def copy_rows_per_second(url: str, batches: int = 50, size: int = 1000) -> float:
    """COPY of plain observation rows over one connection, a commit to every 1 000.

    A logged table with the least that an observation needs: a random uuid key and an index by
    patient, code and time. It starts empty. Making the rows does not count, encoding them does.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            """
            create table if not exists bench_copy (
                id uuid primary key, patient uuid not null, code text not null,
                at timestamptz not null, value numeric not null, body text not null);
            create index if not exists bench_copy_at on bench_copy (patient, code, at);
            truncate bench_copy
            """
        )
        body, patients = "x" * 150, [uuid.uuid4() for _ in range(200)]
        taken = 0.0
        for _ in range(batches):
            rows = [
                (uuid.uuid4(), patients[place % 200], "body_weight", datetime.now(UTC), 82, body)
                for place in range(size)
            ]
            began = time.perf_counter()
            await connection.copy_records_to_table("bench_copy", records=rows)
            taken += time.perf_counter() - began
        if await connection.fetchval("select count(*) from bench_copy") != batches * size:
            raise RuntimeError("COPY lost rows.")
        return batches * size / taken
    finally:
        await connection.execute("truncate bench_copy")
        await connection.close()
