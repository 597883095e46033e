"""One OBX of an HL7 v2 message: what it is of, its value, its unit, its doubts and its time."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.ingest.devices import moments
from services.ingest.devices.hl7_message import Segment
from shared import kinds

MDC = "urn:iso:std:iso:11073:10101"
_LOINC = "http://loinc.org"
_SCT = "http://snomed.info/sct"
_SYSTEMS: Mapping[str, str] = {
    "LN": _LOINC,
    "LOINC": _LOINC,
    "SCT": _SCT,
    "SNM": _SCT,
    "SNOMED-CT": _SCT,
    "SNOMED": _SCT,
}

_table = tomllib.loads(Path(__file__).with_name("hl7_names.toml").read_text(encoding="utf-8"))
NUMBERS: Mapping[str, str] = _table["numbers"]
EVENTS: Sequence[Mapping[str, Any]] = _table["event"]

_STATUS = frozenset("CDFIOPRSUWX")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{0,12})?")
_TIME = re.compile(r"([0-9]{8})(?:([0-9]{4})([0-9]{2})?(?:\.[0-9]{1,6})?)?([+-][0-9]{4})?")
_CODE = re.compile(r"[0-9]{1,12}")
_TERM = re.compile(r"[0-9]{1,7}-[0-9]")
_COUNTED = ("/min", "{#}", "{score}")
_ABSENT = frozenset(("", '""', "NULL", "N/A", "NA"))


@dataclass(frozen=True, slots=True)
class Observed:
    """`number` is its MDC number if it has one; `status` OBX-11; `doubts` OBX-8;
    `several`: OBX-5 holds more answers than the first."""

    place: int
    codings: tuple[kinds.Coding, ...]
    number: str
    name: str
    group: str
    type: str
    value: tuple[str, ...]
    several: bool
    units: tuple[str, ...]
    doubts: frozenset[str]
    status: str
    at: str
    serial: str
    segment: Segment

    @property
    def text(self) -> str:
        return self.value[0] if self.value else ""

    @property
    def is_absent(self) -> bool:
        return all(part.upper() in _ABSENT for part in self.value)

    def amount(self) -> Decimal | None:
        """The number in it; None when there is none or several, or when it is only a bound."""
        told = self.text
        if self.type == "SN":  # a comparator before it, or a second number after it
            comparator, told, *rest = (*self.value, "", "")
            if comparator not in ("", "=") or any(rest):
                return None
        if self.several:
            return None
        text = told.replace(",", ".")
        return Decimal(text) if _NUMBER.fullmatch(text) else None

    def ucum(self, of: kinds.Field) -> str:
        """The unit as the field knows it, or as it was sent. Where none was, only what is counted
        has one: of a weight or a share it would be a guess."""
        for told in self.units:
            for spelling in (told, kinds.spelt(told)):
                if spelling in of.accept:
                    return spelling
        if self.units:
            return self.units[0]
        return of.ucum if of.ucum in _COUNTED else ""

    def says(self, codes: Sequence[str], words: Sequence[str]) -> bool:
        """Whether one of these is its answer: the number, or a word in the name it is given."""
        told = {word for part in self.value for word in re.split(r"[^A-Z0-9]+", part.upper())}
        return not told.isdisjoint(codes) or not told.isdisjoint(words)


def read(segment: Segment, place: int) -> Observed:
    first = next(segment.repetitions(3), [])
    codings, number, name = _codings(first)
    answers = list(segment.repetitions(5))
    units = tuple(part for part in _units(segment) if part)
    return Observed(
        place=place,
        codings=codings,
        number=number,
        name=name,
        group=segment.text(4),
        type=segment.text(2).upper(),
        value=tuple(answers[0]) if answers else (),
        several=len(answers) > 1,
        units=units,
        doubts=frozenset(each[0].upper() for each in segment.repetitions(8)),
        status=_status(segment),
        at=segment.text(14),
        serial=segment.text(18),
        segment=segment,
    )


def moment(text: str, now: datetime) -> moments.When | None:
    """YYYYMMDD[HHMM[SS]][+ZZZZ]. Without an offset it is in Norway; only a day is a day."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    day, minute, second, offset = found.groups()
    if minute is None:
        return moments.moment(f"{day[:4]}-{day[4:6]}-{day[6:]}")
    told = f"{day}T{minute}{second or '00'}"
    at = moments.with_offset(f"{told}{offset}") if offset else moments.local(told, now)
    return None if at is None else moments.When(at)


def _codings(parts: Sequence[str]) -> tuple[tuple[kinds.Coding, ...], str, str]:
    """The codes of OBX-3 (up to two of them), the MDC number among them, and a name to show."""
    found: list[kinds.Coding] = []
    number = ""
    for start in (0, 3):
        code, text, system = (*parts[start : start + 3], "", "", "")[:3]
        if not code:
            continue
        # The number decides, not the name of the system: MDC, MDC_IDC and even MD are written.
        is_mdc = system.upper().startswith("MD") or text.upper().startswith("MDC")
        if is_mdc and _CODE.fullmatch(code):
            number = number or code
            found.append((MDC, code))
        elif (named := _numbered(code, text)) is not None:
            number = number or named
            found.append((MDC, named))
        elif (known := _SYSTEMS.get(system.upper())) and (known != _LOINC or _TERM.fullmatch(code)):
            found.append((known, code))
    name = next((part for part in (*parts[1:2], *parts[:1]) if part), "")
    return tuple(found), number, name


def _numbered(code: str, text: str) -> str | None:
    for name in (code, text):
        plain = re.sub(r"[\s-]+", "_", name.strip().upper())
        if plain in NUMBERS:
            return NUMBERS[plain]
    return None


def _units(segment: Segment) -> Sequence[str]:
    parts = [*next(segment.repetitions(6), []), "", "", "", "", ""]
    return parts[1], parts[0], parts[4], parts[3]


def _status(segment: Segment) -> str:
    """OBX-11, or the lone letter beside it when fields were left out."""
    for field in (11, 9, 12, 10):
        letter = segment.text(field).upper()
        if letter in _STATUS:
            return letter
    return "F"
