"""Questionnaire instruments as data: one file each, read by a strict loader.

Scoring and cut-offs are here for all of them; wording only where its owner lets anybody pass it
on. A hospital completes the others with its own permitted wording, in a folder of its own.
"""

import functools
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pydantic

from shared.instruments.answers import (
    Answers,
    CannotBeScored,
    OutOfRange,
    Raised,
    SeveralAnswers,
    UnknownOption,
    UnknownQuestion,
    faults,
    flags,
)
from shared.instruments.schema import Instrument
from shared.instruments.scoring import Part, Score, score

__all__ = [
    "SHIPPED",
    "Answers",
    "CannotBeScored",
    "Instrument",
    "InstrumentIsUnreadable",
    "OutOfRange",
    "Part",
    "Raised",
    "Score",
    "SeveralAnswers",
    "UnknownInstrument",
    "UnknownOption",
    "UnknownQuestion",
    "describe",
    "faults",
    "flags",
    "load",
    "load_all",
    "named",
    "read",
    "score",
]

SHIPPED = Path(__file__).parent


class UnknownInstrument(LookupError):
    """There is no instrument of that name."""


class InstrumentIsUnreadable(ValueError):
    """An instrument's file does not say what an instrument must say."""


def load(slug: str) -> Instrument:
    try:
        return load_all()[slug]
    except KeyError:
        raise UnknownInstrument(slug) from None


def named(name: str) -> str:
    """The slug of an instrument written otherwise (PHQ-9, phq9); else the name itself."""
    return _names().get(_bare(name), name)


@functools.cache
def _names() -> Mapping[str, str]:
    return {_bare(each): one.slug for one in load_all().values() for each in (one.slug, one.name)}


def _bare(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


@functools.cache
def load_all() -> Mapping[str, Instrument]:
    """Instruments by slug, in order of name. Read once: the files do not change under us."""
    found = map(read, sorted(SHIPPED.glob("*.toml")))
    return MappingProxyType({instrument.slug: instrument for instrument in found})


def read(path: Path) -> Instrument:
    """One file as an instrument, or `InstrumentIsUnreadable`."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        instrument = Instrument.model_validate(said)
    except pydantic.ValidationError as error:
        faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InstrumentIsUnreadable(f"{path.name}: {'; '.join(faults)}.") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InstrumentIsUnreadable(f"{path.name}: {error}.") from error
    if instrument.slug != path.stem:
        raise InstrumentIsUnreadable(f"{path.name} holds the instrument {instrument.slug}.")
    return instrument


def describe() -> str:
    """All instruments with their numbers, sources and licences, as a page of Markdown."""
    from shared.instruments import describing

    return describing.describe(load_all().values())
