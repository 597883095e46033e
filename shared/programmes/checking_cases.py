"""What is wrong with the cases of a programme: strange names, a rule that never speaks."""

from collections.abc import Iterator
from pathlib import Path

import pydantic

from shared import kinds
from shared import programmes as loader
from shared.programmes import cases as tables
from shared.programmes import checking_names, offering
from shared.programmes.parts import ATTACHED
from shared.programmes.schema import Programme

# Columns of cases.toml that are not measured.
ABOUT_THE_ROW = frozenset({"phase", "flags", "received", "lasted"})


def cases(programme: Programme, folder: Path) -> Iterator[str]:
    try:
        found = tables.read(folder)
        rows = [(case, row) for case in found for row in tables.rows(case)]
    except pydantic.ValidationError as error:
        yield from (f"cases.toml: {sentence}" for sentence in loader.sentences(error, {}))
        return
    except (OSError, ValueError) as error:
        yield f"cases.toml: {error}."
        return
    yield from checking_names.twice("case", (case.name for case in found))
    ids = {rule.id for rule in programme.rules}
    for case in found:
        for strange in sorted(set(case.expect) - ids):
            yield f"the case “{case.name}” expects {strange}, which is no rule."
        for strange in sorted(set(case.limits) - set(programme.limit_by_name)):
            yield f"the case “{case.name}” sets {strange}, which is no limit."
    for column in sorted({cell for _, row in rows for cell in row.cells} - ABOUT_THE_ROW):
        if not _is_column(column, programme):
            yield f"cases.toml has a column {column}, which nothing measures."
    closing = {case.id for case in programme.handled}
    for case in found:
        for strange in sorted(set(case.handled) - closing):
            yield f"the case “{case.name}” expects {strange}, which is no handled case."
    for one in sorted(closing - {one for case in found for one in case.handled}):
        yield f"handled case {one} never closes anything in cases.toml."
    for rule in programme.rules:
        if not any(rule.id in case.expect for case in found):
            yield f"rule {rule.id} never speaks in cases.toml."
        if all(rule.id in case.expect for case in found):
            yield f"rule {rule.id} never keeps silent in cases.toml."


def _is_column(column: str, programme: Programme) -> bool:
    if column.startswith("form."):
        return any(column[5:] in form for form in offering.answers(programme).values())
    if column in ATTACHED:
        return True
    name, _, word = column.partition("@")
    kind, _, field = name.partition(".")
    known = kinds.CATALOGUE.get(kind)
    if known is None:
        return False
    return word in known.context if word else (field or "value") in known.fields
