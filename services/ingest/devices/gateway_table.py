"""The table of gateways as data: read from TOML, refused with a sentence when it is not sound."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from shared import kinds

Clock = Literal["offset", "local", "mislabelled", "epoch", "day-first", "none"]

BUILT_IN = Path(__file__).with_name("gateways.toml")


class TableIsNotSound(Exception):
    """A gateway table cannot be used; the message says which file, which gateway and why."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Where a field's value stands, or what it always is, and its unit."""

    from_: str | None = None
    is_: str | None = msgspec.field(default=None, name="is")
    unit: str | None = None
    unit_from: str | None = None


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    fields: dict[str, Source]


class Until(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    topic: str
    payload: str


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of message of one family; the words are explained in gateways.toml."""

    name: str
    topic: str
    text: bool = False
    list: str | None = None
    columns: bool = False
    when: Mapping[str, Sequence[Any]] = {}
    positive: Sequence[str] = ()
    unless: Sequence[str] = ()
    clock: Sequence[Clock] = ()
    time: Sequence[str] | str = ()
    slot: str | None = None
    serial: str | None = None
    private: Sequence[str] = ()
    named: Literal["by-time", "by-content"] = "by-content"
    corrects: bool = False
    void: bool = False
    collect: str | None = None
    until: Until | None = None
    ignore: bool = False
    discovery: bool = False
    holder: str | None = None  # of a suggestion that was taken: the slot it was bound under
    reading: Reading | None = None
    status: Literal["online", "offline"] | None = None
    status_from: str | None = None
    battery: str | None = None

    @property
    def is_event(self) -> bool:
        """That it is sent says all: nothing of it needs to be read."""
        of = self.reading
        return of is not None and all(source.is_ is not None for source in of.fields.values())

    @property
    def times(self) -> Sequence[str]:
        return (self.time,) if isinstance(self.time, str) else self.time

    def matches(self, topic: str) -> dict[str, str] | None:
        """The words that the topic's levels stand for; None when it is another topic."""
        return matched(self.topic, topic)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gateway: Sequence[Gateway]


def load(own: Path | None = None) -> Sequence[Gateway]:
    """The hospital's own gateways, then the built-in ones. Raises TableIsNotSound."""
    return (*(_read(own) if own else ()), *_read(BUILT_IN))


def matched(pattern: str, topic: str) -> dict[str, str] | None:
    words: dict[str, str] = {}
    wanted, told = pattern.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#" and place == len(wanted) - 1:
            return words
        if place >= len(told):
            return None
        if level.startswith("{"):
            words[level[1:-1]] = told[place]
        elif level != told[place]:
            return None
    return words if len(wanted) == len(told) else None


def _read(path: Path) -> Sequence[Gateway]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = msgspec.convert(table, _File).gateway
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TableIsNotSound(f"{path.name}: {error}") from None
    for row in rows:
        if fault := _fault(row):
            raise TableIsNotSound(f"{path.name}: gateway “{row.name}”: {fault}")
    return rows


def _fault(row: Gateway) -> str | None:
    """What is wrong with a row, in words; None when it can be used."""
    if not all(re.fullmatch(r"#|\{\w+\}|[^{}#+]+", level) for level in row.topic.split("/")):
        return "a level of the topic is neither text, a word in braces nor a last #"
    if row.holder is not None:
        return "holder is for suggestions that were taken"
    if row.ignore or row.discovery:
        return None
    if row.reading is None and row.status is None and row.status_from is None:
        return "it has neither a reading nor a status, and is not to be ignored"
    if not row.clock:
        return "it does not say how its time is written (clock)"
    if "none" not in row.clock and not row.times:
        return "it does not say where its time stands (time)"
    if (row.void or row.corrects) and row.named != "by-time":
        return "only what is named by-time can be corrected or withdrawn"
    if (row.collect is None) != (row.until is None):
        return "collect and until belong together"
    return _reading_fault(row.reading) if row.reading else None


def _reading_fault(reading: Reading) -> str | None:
    kind = kinds.CATALOGUE.get(reading.kind)
    if kind is None:
        return f"there is no kind {reading.kind}"
    for name, source in reading.fields.items():
        field = kind.fields.get(name)
        if field is None:
            return f"{reading.kind} has no field {name}"
        if source.from_ is None and source.is_ is None:
            return f"{name} says neither where its value stands (from) nor what it is (is)"
        if source.unit is not None and source.unit not in field.accept:
            return f"{name} is never measured in {source.unit}"
    missing = [name for name in kind.required if name not in reading.fields]
    return f"{reading.kind} needs {', '.join(missing)}" if missing else None
