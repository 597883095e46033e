"""Clinical programmes as data: one folder each, read by a strict loader.

A programme is `programme.toml`, `rules.toml`, `*.questionnaire.json`, `cases.toml` and a
README.md. Adding one needs no Python.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pydantic

from shared import workdays
from shared.programmes import placing
from shared.programmes.parts import (
    DAYS,
    EMERGENCY,
    LIFE,
    LONGEST_GRACE,
    TRIAL,
    Colour,
    Input,
    Lane,
    Life,
    Limit,
    PlanItem,
    Source,
    Text,
    Trial,
)
from shared.programmes.rules import (
    REFERENCE,
    AbsenceRule,
    BaselineRule,
    ChangeRule,
    CodedRule,
    CombinationRule,
    CountRule,
    Handled,
    LimitRule,
    OverdueRule,
    Persistence,
    RateRule,
    Rule,
    SampleRule,
    ScoreRule,
    ShareRule,
    TargetRule,
    UnansweredRule,
    WindowRule,
    inputs_of,
    limits_of,
)
from shared.programmes.schema import Group, OtherRule, Programme, joined

__all__ = [
    "DAYS",
    "EMERGENCY",
    "LIFE",
    "LONGEST_GRACE",
    "REFERENCE",
    "SHIPPED",
    "TRIAL",
    "AbsenceRule",
    "BaselineRule",
    "ChangeRule",
    "CodedRule",
    "Colour",
    "CombinationRule",
    "CountRule",
    "Group",
    "Handled",
    "Input",
    "Lane",
    "Life",
    "Limit",
    "LimitRule",
    "OtherRule",
    "OverdueRule",
    "Persistence",
    "PlanItem",
    "Programme",
    "ProgrammeIsUnreadable",
    "RateRule",
    "Rule",
    "SampleRule",
    "ScoreRule",
    "ShareRule",
    "Source",
    "TargetRule",
    "Text",
    "Trial",
    "UnansweredRule",
    "UnknownProgramme",
    "WindowRule",
    "answer_by",
    "check",
    "describe",
    "folders",
    "in_use",
    "inputs_of",
    "joined",
    "judged_by",
    "limits_of",
    "load",
    "load_all",
    "read",
    "rewritten",
    "versions",
]

SHIPPED = Path(__file__).parent
REWRITTEN = {"input", "rule", "limit", "handled"}
MODEST = 12  # digits before or after the decimal sign
LARGEST = 999_999_999_999


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
    """Those we ship and those of a hospital's own folder, if it has one.

    A folder that is not there, or has a fault, is never passed over: `ProgrammeIsUnreadable`.
    """
    if own is not None and (faults := check(own)):
        raise ProgrammeIsUnreadable(faults)
    return load_all(SHIPPED, *([own] if own else []))


def versions(own: Path | None) -> dict[str, dict[str, Programme]]:
    """All versions that can be judged by, slug -> version -> programme; the last is the newest.

    The newest is <place>/<slug>/, those before it are <place>/<slug>/earlier/<version>/.
    """
    found: dict[str, dict[str, Programme]] = {}
    newest = in_use(own)
    for place in (SHIPPED, *([own] if own else [])):
        for path in sorted(place.glob("*/earlier/*/programme.toml")):
            programme = read(path.parent)
            found.setdefault(programme.slug, {})[programme.version] = programme
    for shipped in (*load_all().values(), *newest.values()):
        by_version = found.setdefault(shipped.slug, {})
        by_version.pop(shipped.version, None)
        by_version[shipped.version] = shipped
    return found


def judged_by(own: Path | None) -> dict[str, Programme]:
    """The newest of each programme, which knows the versions before it. `ProgrammeIsUnreadable`."""
    return {slug: joined(by_version) for slug, by_version in versions(own).items()}


def read(folder: Path) -> Programme:
    """One folder as a programme, or `ProgrammeIsUnreadable` with a sentence per fault."""
    return _shipped(folder) if folder.is_relative_to(SHIPPED) else _read(folder)


@cache
def _shipped(folder: Path) -> Programme:
    """One that comes with this release: it cannot change while we run."""
    return _read(folder)


def _read(folder: Path) -> Programme:
    said: dict[str, Any] = _toml(folder / "programme.toml") | _toml(folder / "rules.toml")
    said["questionnaires"] = [_json(path) for path in sorted(folder.glob("*.questionnaire.json"))]
    try:
        return Programme.model_validate(said)
    except pydantic.ValidationError as error:
        raise ProgrammeIsUnreadable(
            [placing.placed(folder, sentence) for sentence in sentences(error, said)]
        ) from error


def rewritten(programme: Programme, rules: str) -> Programme:
    """The programme with the inputs, rules and limits that the text of a rules.toml gives, or
    `ProgrammeIsUnreadable`. Not yet checked for more than its shape."""
    said: dict[str, Any] = {
        about.alias or name: getattr(programme, name)
        for name, about in Programme.model_fields.items()
    }
    try:
        given = tomllib.loads(rules, parse_float=Decimal)
        if strange := sorted(given.keys() - REWRITTEN):
            raise ProgrammeIsUnreadable(
                [f"{name}: a rules.toml gives inputs, rules and limits only." for name in strange]
            )
        if not all(map(_is_modest, _numbers(given))):
            raise ProgrammeIsUnreadable(["rules.toml: a number is larger than any measurement."])
        del said["rule"], said["input"]  # what the text leaves out is not there
        said |= given
        return Programme.model_validate(said)
    except pydantic.ValidationError as error:
        raise ProgrammeIsUnreadable(sentences(error, said)) from error
    except ProgrammeIsUnreadable:
        raise
    except (ValueError, RecursionError) as error:
        raise ProgrammeIsUnreadable([f"rules.toml: {error}."]) from error


def answer_by(followed: Iterable[Programme], kind: str, received_at: datetime) -> datetime | None:
    """By when these programmes promise to answer what was received; None when none of them does."""
    promises = [
        workdays.promised(received_at, rule.workdays, rule.by)
        for programme in followed
        for rule in programme.rules
        if isinstance(rule, UnansweredRule)
        and (kind, "*") in programme.input_by_name[rule.input].reads
    ]
    return min(promises, default=None)


def within(directory: Path) -> list[Path]:
    """The programmes' folders in this one, or this one itself when it is a programme's."""
    is_one = (directory / "programme.toml").exists()
    return [directory] if is_one else list(folders(directory))


def check(directory: Path) -> list[str]:
    """What is wrong with a folder of programmes (or with one programme), in sentences."""
    from shared.programmes import checking

    if not directory.is_dir():
        return [f"{directory} is not a folder."]
    found = within(directory)
    if not found:
        return [f"{directory.name} holds no folder with a programme.toml."]
    return [sentence for folder in found for sentence in checking.check(folder)]


def describe(programme: Programme) -> str:
    """The page a clinician reads and signs: all that the programme says, as Markdown."""
    from shared.programmes import signing

    return signing.page(programme)


def _numbers(said: Any) -> Iterator[int | Decimal]:
    if isinstance(said, Mapping):
        said = list(said.values())
    if isinstance(said, list):
        for one in said:
            yield from _numbers(one)
    elif isinstance(said, int | Decimal):
        yield said


def _is_modest(number: int | Decimal) -> bool:
    """Whether it can be worked with; 1e999999999 would be worked with for ever."""
    if isinstance(number, int):
        return abs(number) <= LARGEST
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and abs(exponent) <= MODEST and abs(number.adjusted()) < MODEST


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ProgrammeIsUnreadable([placing.unreadable(path, error)]) from error


def _json(path: Path) -> Mapping[str, Any]:
    try:
        form: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ProgrammeIsUnreadable([placing.unreadable(path, error)]) from error
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
