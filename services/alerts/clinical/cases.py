"""A programme's cases run through its rules: what is said, beside what was expected."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from services.alerts.clinical import handled, judge, technical
from services.alerts.clinical.finding import NAMESPACE, Finding
from services.alerts.clinical.history import Record
from shared.attachments import PREFIX, TYPE
from shared.contracts import Fact
from shared.programmes import Programme, placing, read, within
from shared.programmes import cases as tables
from shared.programmes.cases import Case, Row, offset, rows

PATIENT = uuid5(NAMESPACE, "a patient of a case")


def differing(place: Path) -> Iterator[str]:
    """A sentence for every case in these folders that does not go as written, and where it is."""
    for folder in within(place):
        for case in tables.read(folder):
            for sentence in verdicts(read(folder), (case,)):
                yield placing.placed(folder, f"the case “{case.name}” goes otherwise: {sentence}")


def verdicts(programme: Programme, cases: tuple[Case, ...]) -> list[str]:
    """A sentence for every case that does not go as written."""
    sentences = []
    for case in cases:
        spoken = {one.rule for one in run(programme, case)}
        missing, extra = set(case.expect) - spoken, spoken - set(case.expect)
        if missing:
            sentences.append(f"{', '.join(sorted(missing))} keeps silent.")
        closed = _handled(programme, case)
        if closed != set(case.handled):
            differ = ", ".join(sorted(closed ^ set(case.handled)))
            sentences.append(f"{differ} is not handled as expected.")
        if extra:
            sentences.append(f"{', '.join(sorted(extra))} speaks unexpectedly.")
    return sentences


def run(programme: Programme, case: Case) -> list[Finding]:
    """That a pause is over is said of every patient, and is no rule of the programme's."""
    record = Record.of(PATIENT, facts(programme, case))
    found = judge.judge(record, {programme.slug: programme}, case.now)
    return [one for one in found if one.rule != technical.PAUSE_OVER]


def _handled(programme: Programme, case: Case) -> set[str]:
    """The benign cases that a rule would close, were each group's findings one alert."""
    if not programme.handled:
        return set()
    record = Record.of(PATIENT, facts(programme, case))
    found = judge.judge(record, {programme.slug: programme}, case.now)
    closed = set()
    for group in {one.group for one in found}:
        several = [one for one in found if one.group == group]
        others = any(one.group != group and one.lane == "clinical" for one in found)
        verdict = handled.verdict(programme, record, PATIENT, several, case.now)
        if verdict is not None and not others:
            closed.add(verdict.case.id)
    return closed


def facts(programme: Programme, case: Case) -> list[Fact]:
    return [*_decisions(programme, case), *_measured(programme, case)]


def _decisions(programme: Programme, case: Case) -> Iterator[Fact]:
    start = case.now + offset(case.enrolled)
    yield _fact(case, "patient-registered", "", start, {"born": case.born})
    enrolment: dict[str, Any] = {
        "enrolment_id": str(uuid5(NAMESPACE, case.name)),
        "programme": programme.slug,
        "plan": None if case.plan else [],
    }
    yield _fact(case, "enrolled", "", start, enrolment)
    for name, value in case.limits.items():
        body = {"programme": programme.slug, "name": name, "value": value}
        yield _fact(case, "limit-set", "", start, body, name)
    if case.spo2_scale != 1:
        yield _fact(case, "spo2-scale-decided", "", start, {"scale": case.spo2_scale})
    for text in case.answered:
        at = case.now + offset(text)
        sent = [one for one in _measured(programme, case) if one.type == TYPE and one.at <= at]
        yield _fact(
            case,
            "answered",
            "",
            at,
            {"by": "case", "text": "", "facts": [str(one.id) for one in sent]},
        )
    if case.paused:
        first, last = (case.now + offset(text) for text in case.paused)
        yield _fact(case, "paused", "", first, {"pause_id": "p", "until": last.isoformat()})


def _measured(programme: Programme, case: Case) -> Iterator[Fact]:
    form = case.form or next(
        (str(one["url"]).rpartition("/")[2] for one in programme.questionnaires), ""
    )
    for number, row in enumerate(rows(case)):
        bodies: dict[str, dict[str, Any]] = {}
        for column, cell in row.cells.items():
            _put(bodies, column, cell, form)
        for kind, body in bodies.items():
            if "phase" in row.cells and kind != "questionnaire":
                body.setdefault("context", {})["phase"] = row.cells["phase"]
            type_ = "answers" if kind == "questionnaire" else "reading"
            if kind.startswith(PREFIX):
                type_, kind = TYPE, kind.removeprefix(PREFIX)
            yield _fact(case, type_, kind, row.at, body, f"{number}", row)


def _put(bodies: dict[str, dict[str, Any]], column: str, cell: str, form: str) -> None:
    """One cell into the body of the fact it belongs to."""
    if column in ("phase", "flags", "received", "lasted"):
        return
    if column.startswith(PREFIX):
        bodies[column] = {"v": 1}
    elif column.startswith("form."):
        body = bodies.setdefault("questionnaire", {"v": 1, "questionnaire": form, "answers": {}})
        body["answers"][column.removeprefix("form.")] = [_cell(cell)]
    elif "@" in column:
        kind, word = column.split("@")
        body = bodies.setdefault(kind, {"v": 1, "values": {}})
        body.setdefault("context", {})[word] = _cell(cell)
    else:
        kind, _, field = column.partition(".")
        bodies.setdefault(kind, {"v": 1, "values": {}})["values"][field or "value"] = _cell(cell)


def _cell(text: str) -> Decimal | bool | str:
    if text in ("true", "false"):
        return text == "true"
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def _fact(
    case: Case,
    type_: str,
    kind: str,
    at: datetime,
    body: dict[str, Any],
    about: str = "",
    row: Row | None = None,
) -> Fact:
    cells = row.cells if row else {}
    lasted = offset(cells["lasted"]) if "lasted" in cells else None
    late = offset(cells["received"]) if "received" in cells else lasted or timedelta(0)
    flags = frozenset(cells.get("flags", "").split())
    id_: UUID = uuid5(NAMESPACE, f"{case.name}|{type_}|{kind}|{about}|{at.isoformat()}")
    return Fact(
        org="cases",
        id=id_,
        patient_id=PATIENT,
        type=type_,
        kind=kind,
        at=at,
        received_at=at + late,
        source="case",
        body=body,
        until=at + lasted if lasted else None,
        precision="day" if "day" in flags else "instant",
        flags=flags - {"day"},
    )
