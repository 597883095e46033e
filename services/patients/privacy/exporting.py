"""Verb: a patient's whole record, piece by piece: one FHIR Bundle, or a zip of tables and files.

That it was taken is written down before the first byte. What follows is read page by page, each in
a transaction of its own, as it stood at that moment.
"""

import base64
import io
import zipfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.patients import look, record, store
from services.patients.fhir_doors import audit_event, communication
from services.patients.look import Looker
from services.patients.nouns import Identifier, Patient
from services.patients.numbers import Numbers
from services.patients.privacy import closed, tables_out
from shared import (
    attachments,
    exact,
    fhir,
    fhir_attachments,
    fhir_record,
    ledger,
    messages,
    spreadsheet,
)
from shared.audit import store as audit_store
from shared.audit.store import Wanted
from shared.contracts import Fact
from shared.database import Database
from shared.ledger import files
from shared.programmes import Programme

PAGE = 500
WHAT = "export"
DECISIONS = f"{fhir.BASE}/CodeSystem/decision"


@dataclass(frozen=True, slots=True)
class Taken:
    """Whose record, for whom, as of when."""

    database: Database
    looker: Looker
    patient: Patient
    identifiers: Sequence[Identifier]
    unit: str | None
    decisions: Sequence[Fact]
    hidden: frozenset[str]  # forms that are closed to who takes it
    at: datetime

    @property
    def org(self) -> str:
        return self.looker.org


async def take(
    database: Database,
    looker: Looker,
    numbers: Numbers,
    programmes: Mapping[str, Programme],
    patient_id: UUID,
    now: datetime,
) -> Taken:
    """Written down, and what is small. NoSuchPatient, AnotherUnit, Locked, Blocked."""
    async with look.opened(database, looker, patient_id, WHAT) as seen:
        identifiers = await record.identifiers_of(seen.tx, seen.org, numbers, [patient_id])
        units = {unit.id: unit.name for unit in await store.units(seen.tx, seen.org)}
        decisions = (await ledger.decisions(seen.tx, seen.org, [patient_id]))[patient_id]
        return Taken(
            database, looker, seen.patient, identifiers[patient_id],
            units.get(seen.patient.unit_id), decisions,
            await closed.forms(seen.tx, looker.caller, patient_id, programmes), now,
        )  # fmt: skip


async def facts(taken: Taken) -> AsyncIterator[Fact]:
    """All that is in force, oldest first."""
    after = None
    while True:
        async with taken.database.transaction() as tx:
            page = await ledger.facts(tx, taken.org, taken.patient.id, after=after, limit=PAGE)
        for fact in page:
            if fact.received_at <= taken.at and not _is_closed(fact, taken.hidden):
                yield fact
        if len(page) < PAGE:
            return
        after = page[-1].at, page[-1].id


def _is_closed(fact: Fact, hidden: frozenset[str]) -> bool:
    if fact.type != "answers":
        return False
    return fhir.questionnaire_name(fact.body["questionnaire"])[0] in hidden


async def looks(taken: Taken) -> AsyncIterator[Any]:
    """Who has seen the record, newest first. For the patient himself only."""
    after = None
    while taken.looker.caller.patient_id is not None:
        async with taken.database.transaction() as tx:
            page = await audit_store.events(
                tx, taken.org, Wanted(patient=taken.patient.id), after=after, limit=PAGE
            )
        for event in page:
            yield event
        if len(page) < PAGE:
            return
        after = page[-1].at, page[-1].id


async def _file(taken: Taken, fact: Fact) -> tuple[str, bytes] | None:
    if fact.type != attachments.TYPE:
        return None
    async with taken.database.transaction() as tx:
        return await files.shown(tx, taken.org, fact, thumbnail=False)


# --- as FHIR ----------------------------------------------------------------------------------


async def bundle(
    taken: Taken, forms: Mapping[str, fhir.Resource], address: str
) -> AsyncIterator[bytes]:
    """A Bundle of type collection. Files are Binary entries in it."""
    head = {"resourceType": "Bundle", "type": "collection", "timestamp": fhir.instant(taken.at)}
    yield exact.dumps(head)[:-1] + b',"entry":['
    first = True
    async for resource in _resources(taken, forms, address):
        entry = {"fullUrl": f"{address}/fhir/{resource['resourceType']}/{resource['id']}"}
        yield (b"" if first else b",") + exact.dumps({**entry, "resource": resource})
        first = False
    yield b"]}"


async def _resources(
    taken: Taken, forms: Mapping[str, fhir.Resource], address: str
) -> AsyncIterator[fhir.Resource]:
    one = taken.patient
    yield fhir_record.patient(
        one.id, one.name, one.born.isoformat(), one.sex, one.language,
        [(number.system, number.value) for number in taken.identifiers], one.deceased_at,
        taken.unit,
    )  # fmt: skip
    for decision in taken.decisions:
        yield _decision(decision)
    async for fact in facts(taken):
        if fact.type == attachments.TYPE:
            yield fhir_attachments.resource(fact, f"{address}/fhir/Binary/{fact.id}")
            if (file := await _file(taken, fact)) is not None:
                data = base64.b64encode(file[1]).decode()
                binary = {"resourceType": "Binary", "id": str(fact.id)}
                yield {**binary, "contentType": file[0], "data": data}
            continue
        if fact.type == messages.TYPE:
            yield communication.resource(fact)
            continue
        name = fhir.questionnaire_name(str(fact.body.get("questionnaire", "")))[0]
        status: fhir.Status = "corrected" if "corrects" in fact.body else "final"
        yield fhir.resource(fact, status, forms.get(name))
    async for event in looks(taken):
        yield audit_event.resource(event, taken.patient.id)


def _decision(decision: Fact) -> fhir.Resource:
    """FHIR has no one form for what staff decide here, so it is told as it is kept."""
    return {
        "resourceType": "Basic",
        "id": str(decision.id),
        "code": {"coding": [{"system": DECISIONS, "code": decision.type}]},
        "subject": {"reference": f"Patient/{decision.patient_id}"},
        "created": decision.at.date().isoformat(),
        "extension": [
            {
                "url": f"{fhir.BASE}/StructureDefinition/decision",
                "valueString": exact.dumps(decision.body).decode(),
            }
        ],
    }


# --- as tables --------------------------------------------------------------------------------


class _Out(io.RawIOBase):
    """What has been written since it was last asked for: a zip is made without being held whole."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        waiting, self._waiting = b"".join(self._waiting), []
        return waiting


async def archive(taken: Taken) -> AsyncIterator[bytes]:
    """A zip: readings, answers, decisions and looks as CSV, photos and documents as they are."""
    out = _Out()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        _write(made, "patient.csv", tables_out.patient(taken.patient, taken.identifiers))
        yield out.taken()
        for name, header, rows in (
            ("readings.csv", tables_out.READINGS, tables_out.reading),
            ("answers.csv", tables_out.ANSWERS, tables_out.answer),
            ("messages.csv", tables_out.MESSAGES, tables_out.message),
        ):
            with made.open(name, "w") as file:
                file.write(spreadsheet.table([header], mark=True))
                async for fact in facts(taken):
                    file.write(spreadsheet.table(rows(fact)))
                    yield out.taken()
        _write(made, "decisions.csv", tables_out.decisions(taken.decisions))
        if taken.looker.caller.patient_id is not None:
            with made.open("looks.csv", "w") as file:
                file.write(spreadsheet.table([tables_out.LOOKS], mark=True))
                async for event in looks(taken):
                    file.write(spreadsheet.table([tables_out.look(event)]))
                    yield out.taken()
        async for fact in facts(taken):
            if (found := await _file(taken, fact)) is not None:
                ending = "pdf" if found[0] == attachments.PDF else "jpg"
                made.writestr(f"files/{fact.kind}-{fact.id}.{ending}", found[1])
                yield out.taken()
    yield out.taken()


def _write(made: zipfile.ZipFile, name: str, rows: Iterable[Sequence[Any]]) -> None:
    made.writestr(name, spreadsheet.table(rows, mark=True))
