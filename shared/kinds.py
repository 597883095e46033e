"""The catalogue of what is measured, read from kinds.toml, and its codes and units.

Limits here say what is impossible; what is alarming belongs to the programmes. A new kind is a row
in the table, never a class.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

Number = int | Decimal
Coding = tuple[str, str]  # system, code

_CONTEXT = Context(prec=28)


class UnknownUcum(ValueError):
    """The unit is not one this field accepts."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """(value - minus) * times / over; exact unless the division has no end (then 28 digits)."""

    minus: Decimal = Decimal(0)
    times: Decimal = Decimal(1)
    over: Decimal = Decimal(1)
    same: bool = False

    def apply(self, value: Number) -> Number:
        if self.same:
            return value
        shifted = _CONTEXT.subtract(Decimal(value), self.minus)
        return _CONTEXT.divide(_CONTEXT.multiply(shifted, self.times), self.over)


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a kind. `ucum` is None when the value is one of `enum`."""

    name: str
    nb: str
    en: str
    ucum: str | None
    codes: tuple[Coding, ...]
    aliases: tuple[Coding, ...]
    hard_min: Decimal
    hard_max: Decimal
    required: bool
    accept: Mapping[str, Conversion]
    decimals: int
    enum: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of measurement. Fields in `split` become facts of their own, in that order.

    `below` says which field must be lower than which other.
    """

    name: str
    nb: str
    en: str
    category: str
    codes: tuple[Coding, ...]
    fields: Mapping[str, Field]
    required: tuple[str, ...]
    split: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    period: bool = False
    profile: str | None = None
    below: Mapping[str, str] = field(default_factory=dict)
    status_codes: Mapping[str, str] = field(default_factory=dict)
    field_of: Mapping[Coding, str] = field(default_factory=dict)


def convert(kind: str, name: str, value: Number, ucum: str) -> Number:
    """A value in the field's canonical ucum. Raises UnknownUcum."""
    conversion = CATALOGUE[kind].fields[name].accept.get(ucum)
    if conversion is None:
        raise UnknownUcum
    return conversion.apply(value)


def spelt(unit: str) -> str:
    """The unit as the catalogue spells it: 'breaths/minute' is '/min', 'mmHg^Unit' is 'mm[Hg]'."""
    return _SPELLINGS.get(unit.strip(), unit.strip())


def find(codings: Iterable[Coding]) -> Kind | None:
    """The one kind these codes name; None when they name none, or two different ones."""
    found = {_KIND_OF[coding] for coding in map(known, codings) if coding in _KIND_OF}
    return CATALOGUE[found.pop()] if len(found) == 1 else None


def known(coding: Coding) -> Coding:
    """The coding with its system as the catalogue writes it."""
    system, code = coding
    return _SYSTEM_ALIASES.get(system, system), code


def consciousness(codings: Iterable[Coding]) -> str | None:
    """A, C, V, P or U, from LOINC, SNOMED CT or our own codes."""
    found = {_CONSCIOUSNESS[coding] for coding in map(known, codings) if coding in _CONSCIOUSNESS}
    return found.pop() if len(found) == 1 else None


def _catalogue(table: Mapping[str, Any], systems: Mapping[str, str]) -> Iterator[Kind]:
    for name, row in table.items():
        fields = {key: _field(key, of, systems) for key, of in row["field"].items()}
        yield Kind(
            name=name,
            nb=row["nb"],
            en=row["en"],
            category=row["category"],
            codes=_codings(row["codes"], systems),
            fields=MappingProxyType(fields),
            required=tuple(key for key, of in fields.items() if of.required),
            split=tuple(row.get("split", ())),
            context=tuple(row.get("context", ())),
            period=row.get("period", False),
            profile=row.get("profile"),
            below=MappingProxyType(row.get("below", {})),
            status_codes=MappingProxyType(row.get("status_codes", {})),
            field_of=MappingProxyType(
                {code: key for key, of in fields.items() for code in of.codes + of.aliases}
            ),
        )


def _field(name: str, row: Mapping[str, Any], systems: Mapping[str, str]) -> Field:
    return Field(
        name=name,
        nb=row["nb"],
        en=row["en"],
        ucum=row.get("ucum"),
        codes=_codings(row.get("codes", ()), systems),
        aliases=_codings(row.get("aliases", ()), systems),
        hard_min=Decimal(row.get("hard_min", "0")),
        hard_max=Decimal(row.get("hard_max", "0")),
        required=row.get("required", False),
        accept=MappingProxyType(
            {unit: _conversion(how) for unit, how in row.get("accept", {}).items()}
        ),
        decimals=row.get("decimals", 0),
        enum=tuple(row.get("enum", ())),
    )


def _conversion(how: str | Mapping[str, str]) -> Conversion:
    if isinstance(how, str):
        return SAME if how == "1" else Conversion(times=Decimal(how))
    minus, times, over = (Decimal(how.get(key, plain)) for key, plain in _PLAIN.items())
    return Conversion(minus, times, over)


def _codings(texts: Iterable[str], systems: Mapping[str, str]) -> tuple[Coding, ...]:
    return tuple((systems[name], code) for name, code in (text.split(" ", 1) for text in texts))


SAME = Conversion(same=True)
_PLAIN = {"minus": "0", "times": "1", "over": "1"}
_table = tomllib.loads(Path(__file__).with_name("kinds.toml").read_text(encoding="utf-8"))
_systems: Mapping[str, str] = _table["systems"]
_SYSTEM_ALIASES = {name: _systems[short] for name, short in _table["system_aliases"].items()}
_SPELLINGS: Mapping[str, str] = _table["spellings"]
_CONSCIOUSNESS = {
    coding: letter
    for letter, texts in _table["consciousness_codes"].items()
    for coding in _codings(texts, _systems)
}

CATALOGUE: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kind in _catalogue(_table["kind"], _systems)}
)
_KIND_OF = {
    coding: kind.name
    for kind in CATALOGUE.values()
    for coding in kind.codes + _codings(_table["kind"][kind.name].get("aliases", ()), _systems)
}
OWN_SYSTEM = _systems["hjv"]
