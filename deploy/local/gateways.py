"""`hjemvakt gateways`: is a hospital's own table sound, and what becomes of a message by it."""

from datetime import UTC, datetime
from pathlib import Path

from services.ingest.devices import gateway_table, gateways
from shared import kinds


def check(file: Path) -> str:
    """A sentence. Raises TableIsNotSound."""
    own = len(gateway_table.load(file)) - len(gateway_table.load())
    return f"{file.name}: {own} {'row' if own == 1 else 'rows'}, sound."


def tried(file: Path, topic: str, payload: bytes) -> tuple[list[str], bool]:
    """What becomes of one message, and whether it is read. Its values stand in the answer."""
    table = gateway_table.load(file)
    items = gateways.decode(table, topic, payload, datetime.now(UTC))
    if not items:
        return ["Known, and no measurement: nothing is kept of it."], True
    lines: list[str] = []
    for item in items:
        for error in item.errors:
            lines.append(f"It would wait in quarantine: {error.code} {error.path}".rstrip())
        if item.how == "void":
            lines.append("It withdraws an earlier measurement.")
        for draft in item.drafts:
            values = draft.body.get("values") or {"state": draft.body.get("state")}
            told = ", ".join(f"{name} {value}{_unit(draft.kind, name)}" for name, value in
                             values.items())  # fmt: skip
            lines.append(f"{draft.kind}: {told}, measured {item.at:%Y-%m-%d %H:%M} UTC")
        if item.slot or item.serial:
            lines.append(f"Whose: {'slot' if item.slot else 'serial number'} "
                         f"{item.slot or item.serial}")  # fmt: skip
        elif not item.errors:
            lines.append("Whose: the only one who holds the gateway.")
    return lines, not any(item.errors for item in items)


def _unit(kind: str, name: str) -> str:
    known = kinds.CATALOGUE.get(kind)
    field = known.fields.get(name) if known else None
    return f" {field.ucum}" if field and field.ucum else ""
