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


async def copy_rows_per_second(url: str, batches: int = 30, size: int = 1000) -> float:
    """COPY of plain observation rows (uuid key, patient and time index), 1 000 to a commit."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            """
            create table if not exists bench_copy (
                id uuid primary key, patient uuid, code text, at timestamptz, value numeric,
                body text);
            create index if not exists bench_copy_at on bench_copy (patient, code, at);
            truncate bench_copy
            """
        )
        now, body = datetime.now(UTC), "x" * 150
        patients = [uuid.uuid4() for _ in range(200)]
        taken = []
        for _ in range(batches):
            rows = [
                (uuid.uuid4(), patients[place % 200], "body_weight", now, 82, body)
                for place in range(size)
            ]
            began = time.perf_counter()
            await connection.copy_records_to_table("bench_copy", records=rows)
            taken.append(time.perf_counter() - began)
        return size / statistics.median(taken)
    finally:
        await connection.execute("truncate bench_copy")
        await connection.close()
