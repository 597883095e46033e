"""Writing a decision about an opened patient down in the ledger, as plain JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from services.patients.look import Opened
from shared import ledger


async def decide(seen: Opened, type: str, at: datetime, **body: Any) -> None:
    await ledger.decide(seen.tx, seen.org, seen.patient.id, type, plain(body), by=seen.by, at=at)


def plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as JSON: ids and moments as text, numbers as they are."""
    return {
        name: str(value) if isinstance(value, UUID)
        else value.isoformat() if isinstance(value, datetime)
        else value
        for name, value in body.items()
    }  # fmt: skip
