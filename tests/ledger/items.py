"""What senders send: readings, corrections and withdrawals, and the moments they name."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared import exact, ledger
from shared.contracts import Draft, Fact, Item, Result

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def now() -> datetime:
    return datetime.now(UTC)


def ago(**parts: float) -> datetime:
    return now() - timedelta(**parts)


def message(prefix: str = "m") -> str:
    return f"{prefix}-{uuid.uuid4()}"


def reading(
    message_id: str | None = None,
    value: str = "82.4",
    at: datetime | None = None,
    *,
    kind: str = "body_weight",
    pulse: str | None = None,
    **more: Any,
) -> Item:
    """A weight, or with `pulse` a cuff's message, which becomes two facts."""
    message_id = message_id or message()
    at = at or ago(hours=1)
    values = {"value": Decimal(value)}
    drafts = [Draft("reading", kind, {"v": 1, "values": values})]
    if pulse is not None:
        drafts.append(Draft("reading", "pulse", {"v": 1, "values": {"value": Decimal(pulse)}}))
    item = Item(
        message_id=message_id,
        content=b"",
        raw=exact.dumps({"id": message_id, "value": value}),
        media_type="application/json",
        drafts=tuple(drafts),
        at=at,
        **{"clock": "synced", **more},
    )
    return sealed(item)


def sealed(item: Item) -> Item:
    """With the content hash of what the item says."""
    said = [
        item.message_id, str(item.at), item.how, item.replaces, item.version,
        [[draft.type, draft.kind, draft.body] for draft in item.drafts], item.slot, item.serial,
    ]  # fmt: skip
    return replace(item, content=hashlib.sha256(exact.canonical(said)).digest())


def correction(of: str, value: str, message_id: str | None = None, **more: Any) -> Item:
    return reading(message_id, value, how="correction", replaces=of, **more)


def amendment(of: str, value: str, **more: Any) -> Item:
    """A correction under the message's own id: a FHIR PUT, or status amended."""
    return reading(of, value, how="correction", replaces=of, **more)


def void(of: str, message_id: str | None = None, **more: Any) -> Item:
    item = reading(message_id, how="void", replaces=of, **more)
    return sealed(replace(item, drafts=()))


def withdrawal(of: str, **more: Any) -> Item:
    """A void under the message's own id: JSON without `replaces`, FHIR entered-in-error."""
    return void(of, of, **more)


def value_of(fact: Fact) -> Decimal:
    return Decimal(fact.body["values"]["value"])


def results(answers: Sequence[ledger.Answer]) -> list[Result]:
    assert [answer.position for answer in answers] == list(range(1, len(answers) + 1))
    return [answer.result for answer in answers]
