"""A receipt as a sender reads it: what became of the item, and whether anybody is watching."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shared import exact
from shared.contracts import Receipt, Watch


def as_json(receipt: Receipt) -> dict[str, Any]:
    return {
        "v": 1,
        "id": receipt.id,
        "result": receipt.result.value,
        "ref": receipt.ref,
        "received": moment(receipt.received),
        "flags": list(receipt.flags),
        "errors": [{"path": error.path, "code": error.code.value} for error in receipt.errors],
        "watch": watch(receipt.watch),
    }


def watch(seen: Watch) -> dict[str, Any]:
    """`next` is when watching next begins, also while somebody watches; `until` when it ends."""
    return {
        "now": seen.now,
        "until": moment(seen.until) if seen.until else None,
        "next": moment(seen.next) if seen.next else None,
    }


def results(receipts: Sequence[Receipt]) -> bytes:
    return exact.dumps({"results": [as_json(receipt) for receipt in receipts]})


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
