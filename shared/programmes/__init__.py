"""Clinical programmes as data: one folder each, read by a strict loader.

A programme is `programme.toml`, `rules.toml`, `*.questionnaire.json`, `cases.toml` and a
README.md. Adding one needs no Python.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic

from shared.programmes.schema import (
    DAYS,
    EMERGENCY,
    AbsenceRule,
    ChangeRule,
    CodedRule,
    Colour,
    CountRule,
    Group,
    Input,
    Lane,
    Limit,
    LimitRule,
    OverdueRule,
    PlanItem,
    Programme,
    Rule,
    SampleRule,
    ScoreRule,
    Source,
    TargetRule,
    Text,
    inputs_of,
    limits_of,
)

__all__ = [
    "DAYS",
    "EMERGENCY",
    "SHIPPED",
    "AbsenceRule",
    "ChangeRule",
    "CodedRule",
    "Colour",
    "CountRule",
    "Group",
    "Input",
    "Lane",
    "Limit",
    "LimitRule",
    "OverdueRule",
    "PlanItem",
    "Programme",
    "ProgrammeIsUnreadable",
    "Rule",
    "SampleRule",
    "ScoreRule",
    "Source",
    "TargetRule",
    "Text",
    "UnknownProgramme",
    "check",
    "describe",
    "folders",
    "in_use",
    "inputs_of",
    "limits_of",
    "load",
    "load_all",
    "read",
]

SHIPPED = Path(__file__).parent


class UnknownProgramme(LookupError):
    """There is no programme of that name."""


class ProgrammeIsUnreadable(ValueError):
    """A programme's files do not say what a programme must say."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def folders(*places: Path) -> Iterator[Path]:
    """The folders of programmes in these places, by name; without a place, those we ship."""
    for place in places or (SHIPPED,):
        yield from sorted(path.parent for path in place.glob("*/programme.toml"))


def load(slug: str, *places: Path) -> Programme:
    for folder in folders(*places):
        programme = read(folder)
        if programme.slug == slug:
            return programme
    raise UnknownProgramme(slug)


def load_all(*places: Path) -> dict[str, Programme]:
    """Programmes by slug. A hospital's own folder, given later, wins over the one we ship."""
    return {programme.slug: programme for programme in map(read, folders(*places))}


def in_use(own: Path | None) -> dict[str, Programme]:
    """Those we ship and those of a hospital's own folder, if it has one."""
    if own is not None and not own.is_dir():
        raise ProgrammeIsUnreadable([f"{own} is not a folder."])
    return load_all(SHIPPED, *([own] if own else []))


def read(folder: Path) -> Programme:
    """One folder as a programme, or `ProgrammeIsUnreadable` with a sentence per fault."""
    said: dict[str, Any] = {}
    try:
        said |= _toml(folder / "programme.toml") | _toml(folder / "rules.toml")
        said["questionnaires"] = [
            _json(path) for path in sorted(folder.glob("*.questionnaire.json"))
        ]
        return Programme.model_validate(said)
    except pydantic.ValidationError as error:
        raise ProgrammeIsUnreadable(sentences(error, said)) from error
    except (OSError, tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise ProgrammeIsUnreadable([f"{folder.name}: {error}."]) from error


def check(directory: Path) -> list[str]:
    """What is wrong with a folder of programmes (or with one programme), in sentences."""
    from shared.programmes import checking

    if not directory.is_dir():
        return [f"{directory} is not a folder."]
    found = [directory] if (directory / "programme.toml").exists() else list(folders(directory))
    if not found:
        return [f"{directory.name} holds no folder with a programme.toml."]
    return [sentence for folder in found for sentence in checking.check(folder)]


def describe(programme: Programme) -> str:
    """The programme's rules, limits and plan in words, as a page of Markdown."""
    from shared.programmes import describing

    return describing.describe(programme)


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def _json(path: Path) -> Mapping[str, Any]:
    form: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return form


def sentences(error: pydantic.ValidationError, said: Mapping[str, Any]) -> list[str]:
    """pydantic's list of faults as sentences that name the rule and the key, never the value."""
    told = []
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(_path(fault["loc"], said))
        what = fault["msg"].removeprefix("Value error, ")
        told.append(f"{where or 'the programme'}: {what}.")
    return told


def _path(loc: tuple[int | str, ...], said: Any) -> Iterator[str]:
    """Where the fault is, with the id or name of a row in place of its number."""
    for part in loc:
        if isinstance(said, list | tuple) and isinstance(part, int) and part < len(said):
            said = said[part]
            named = said.get("id") or said.get("name") if isinstance(said, Mapping) else None
            yield str(named or part + 1)
        else:
            said = said.get(part) if isinstance(said, Mapping) and part in said else said
            yield str(part)
