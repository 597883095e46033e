"""Reads one CPAP card in a process of its own: `python -m services.ingest.card < card.zip`.

What a stranger's file does there (memory, time, a fault in a library) touches nobody's readings.
"""

import asyncio
import json
import resource
import sys
from typing import Any

from services.ingest.devices import refused

SECONDS = 30
MEMORY = 1024 * 1024 * 1024
MOST_OUT = 64 * 1024 * 1024


async def read(content: bytes) -> dict[str, Any]:
    """The card's nights (resmed.read). Raises NotACard."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ingest.card",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        out, _ = await asyncio.wait_for(process.communicate(content), SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise refused.NotACard from None
    if process.returncode != 0:
        raise refused.NotACard
    told: dict[str, Any] = json.loads(out)
    return told


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from services.ingest.devices import resmed

    try:
        told = resmed.read(sys.stdin.buffer.read())
    except resmed.NotACard:
        return 1
    json.dump(told, sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
