"""What decoders of foreign JSON share: one measurement, told in its own words, as one item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.ingest.devices import bodies
from shared import exact, kinds, values
from shared.contracts import Code, Draft, Item, ItemError, Precision

_LONGEST_ID = 200


@dataclass(slots=True)
class Measured:
    """One measurement as a foreign format told it. `kept` is what can be read again; `id` the
    sender's own name of it, if it has one. `error` quarantines it."""

    kept: Any
    media_type: str
    kind: str | None = None
    reading: values.Reading = field(default_factory=values.Reading)
    at: datetime | None = None
    until: datetime | None = None
    precision: Precision = "instant"
    id: str | None = None
    serial: str | None = None
    around: dict[str, Any] = field(default_factory=dict)
    error: ItemError | None = None
    position: str = ""

    def take(self, name: str, told: Any, unit: str | None) -> None:
        """One value of the kind, in the unit it came in."""
        if self.kind is None or told is None:
            return
        of = kinds.CATALOGUE[self.kind].fields[name]
        number = values.number(told)
        if number is None:
            self.reading.faults.append((name, Code.BAD_VALUE))
        else:
            spelt = of.ucum if unit is None else kinds.spelt(unit)
            values.take(of, number, spelt, self.reading)

    def item(self) -> Item:
        raw = exact.dumps(self.kept)
        content = sha256(exact.canonical(exact.loads(raw))).digest()
        message_id = self.id or f"sha256:{content.hex()}"
        if len(message_id) > _LONGEST_ID:
            message_id = f"sha256:{sha256(message_id.encode()).hexdigest()}"
        errors: list[ItemError] = [self.error] if self.error else []
        drafts: tuple[Draft, ...] = ()
        if self.kind is not None and not errors:
            kind = kinds.CATALOGUE[self.kind]
            values.judge(kind, self.reading)
            errors += [ItemError(f"values.{name}", code) for name, code in self.reading.faults]
            if self.at is None:
                errors.append(ItemError("at", Code.BAD_TIME))
            if not errors:
                drafts = tuple(bodies.of_reading(kind, self.reading, message_id, self.around))
        if self.id and drafts and self.at:
            content = bodies.content(drafts, self.at, self.until, None, None, self.precision)
        elif self.id:
            content = bodies.content_of_sent(exact.loads(raw))
        return Item(
            message_id=message_id,
            content=content,
            raw=raw,
            media_type=self.media_type,
            drafts=drafts,
            at=self.at,
            until=self.until,
            precision=self.precision,
            serial=self.serial,
            errors=tuple(errors),
            position=self.position,
        )


def keep_as_text(measured: Measured, text: str, about: Mapping[str, Any]) -> Item:
    """A statement that no rule may read as a measurement: kept and shown as it was told."""
    item = measured.item()
    body = {
        "v": 1,
        "message": item.message_id,
        "values": {},
        "foreign": {"text": text, **about},
        **measured.around,
    }
    draft = Draft("reading", "foreign", body)
    return Item(
        message_id=item.message_id,
        content=item.content,
        raw=item.raw,
        media_type=item.media_type,
        drafts=() if measured.at is None else (draft,),
        at=measured.at,
        until=measured.until,
        serial=measured.serial,
        errors=() if measured.at is not None else (ItemError("at", Code.BAD_TIME),),
        position=measured.position,
    )
