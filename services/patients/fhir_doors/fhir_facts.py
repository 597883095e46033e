"""FHIR Observation and QuestionnaireResponse. A search is about one patient of the caller's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Path, Request, Response

from services.patients import door, look, paging, store
from services.patients.door import Db, Keys
from services.patients.fhir_doors import fhir_door, fhir_scores, search
from services.patients.fhir_doors.search import Asked, NotSearchable
from services.patients.look import Looker, Opened
from services.patients.privacy import closed
from shared import access, fhir, ledger
from shared.access import CITIZENS
from shared.contracts import Fact

SCANNED = 5_000  # facts looked at for one page; a page may be shorter and still have a next

router = door.router("FHIR", "/fhir")


ObservationSearch = Annotated[Asked, Depends(fhir_door.asking("Observation"))]
ResponseSearch = Annotated[Asked, Depends(fhir_door.asking("QuestionnaireResponse"))]


@router.get("/Observation")
@router.post("/Observation/_search", openapi_extra=fhir_door.FORM_BODY)
async def observations(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrCitizen,
    asked: ObservationSearch,
) -> Response:
    """One patient's readings and scores, newest first. By a national number only with POST.

    A score is derived from the answers to a known instrument; `derivedFrom` names them.
    """
    return await _facts(request, database, keys, caller, asked)


@router.get("/Observation/{fact_id}")
async def observation(
    request: Request,
    database: Db,
    caller: access.ClinicianOrCitizen,
    fact_id: Annotated[str, Path(max_length=64)],
) -> Response:
    """A reading, or the score of answers; one that has been withdrawn or filed elsewhere is
    entered-in-error."""
    of = fhir_scores.answers_of(fact_id)
    if of is None:
        raise fhir_door.NoSuchResource
    is_score = fact_id.startswith(fhir_scores.PREFIX)
    return await _fact(request, database, caller, of, "score" if is_score else "reading")


@router.get("/QuestionnaireResponse")
@router.post("/QuestionnaireResponse/_search", openapi_extra=fhir_door.FORM_BODY)
async def responses(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrCitizen,
    asked: ResponseSearch,
) -> Response:
    """One patient's answers, newest first. By a national number only with POST."""
    return await _facts(request, database, keys, caller, asked)


@router.get("/QuestionnaireResponse/{fact_id}")
async def response(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, fact_id: UUID
) -> Response:
    return await _fact(request, database, caller, fact_id, "answers")


async def _facts(
    request: Request, database: Db, keys: Keys, caller: access.Caller, asked: Asked
) -> Response:
    looker = door.looker(request, caller)
    patient_id = await patient_asked_for(database, keys, looker, asked)
    if patient_id is None:
        return fhir_door.bundle(request, asked, [], None)
    async with look.opened(database, looker, patient_id, asked.resource) as seen:
        shown = await _shown(request, caller, seen)
        found, rest = await _page(seen.tx, seen.org, patient_id, asked, shown)
        touched = await ledger.touched(seen.tx, seen.org, [fact for fact, _ in found])
    for fact, resource in found:
        fhir.touch(resource, touched.get(fact.id))
    about = Asked(
        asked.resource,
        (
            ("patient", str(patient_id)),
            *(pair for pair in asked.pairs if pair[0] not in ("patient", "subject")),
        ),
    )
    return fhir_door.bundle(request, about, [resource for _, resource in found], rest)


async def patient_asked_for(database: Db, keys: Keys, looker: Looker, asked: Asked) -> UUID | None:
    """Whom the search is about; None when nobody has that identifier."""
    try:
        named = asked.patient_id()
    except LookupError:
        raise look.NoSuchPatient from None
    identifier = asked.identifier("patient.identifier")
    own = looker.caller.patient_id
    if identifier is None:
        if named is None and own is None:
            raise NotSearchable("A search is about one patient: give patient.")
        return named or own
    async with database.transaction() as tx:
        found = await store.whose_number(tx, looker.org, keys.hashes(*identifier))
    if found is None or named not in (None, found) or own not in (None, found):
        return None
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """How a patient's answers are shown to this caller: the forms known, those that are closed to
    him, and the sex, on which some scores' bands depend."""

    forms: Mapping[str, fhir.Resource]
    hidden: frozenset[str]
    sex: str | None

    def resource(self, fact: Fact, resource: str, status: fhir.Status) -> fhir.Resource | None:
        if fact.type != "answers":
            return fhir.resource(fact, status)
        name = fhir.questionnaire_name(fact.body["questionnaire"])[0]
        if name in self.hidden:
            return None
        if resource == "Observation":
            return fhir_scores.observation(fact, self.sex, status)
        return fhir.resource(fact, status, self.forms.get(name))


async def _shown(request: Request, caller: access.Caller, seen: Opened) -> Shown:
    state = request.app.state
    hidden = await closed.forms(seen.tx, caller, seen.patient.id, state.programmes)
    return Shown(state.forms, hidden, seen.patient.sex)


async def _page(
    tx: asyncpg.Connection, org: str, patient_id: UUID, asked: Asked, shown: Shown
) -> tuple[list[tuple[Fact, fhir.Resource]], str | None]:
    """The facts of this page as resources, and where the next one begins."""
    answers = asked.resource == "QuestionnaireResponse"
    since, until = search.span(asked.all("authored" if answers else "date"))
    codes, categories = (search.tokens(asked.all(name)) for name in ("code", "category"))
    count, newest_first, after = asked.count(), asked.newest_first(), asked.place()
    kinds = None if answers else search.kinds_with(codes, categories)
    types = ["answers"] if answers else ["reading"]
    if not answers and fhir_scores.may_match(codes, categories):
        types.append("answers")
        kinds = None if kinds is None else [*kinds, "questionnaire"]
    found: list[tuple[Fact, fhir.Resource]] = []
    scanned = 0
    while True:
        batch = await ledger.facts(
            tx, org, patient_id,
            kinds=kinds, types=types,
            since=since, until=until, after=after, newest_first=newest_first, limit=count + 1,
        )  # fmt: skip
        for fact in batch:
            resource = shown.resource(fact, asked.resource, _status(fact))
            if resource is None or not _is_wanted(fact, resource, asked):
                continue
            if len(found) == count:
                return found, paging.cursor(*after) if after else None
            found.append((fact, resource))
            after = fact.at, fact.id
        if len(batch) <= count:
            return found, None
        after, scanned = (batch[-1].at, batch[-1].id), scanned + len(batch)
        if scanned >= SCANNED:
            return found, paging.cursor(*after)


def _is_wanted(fact: Fact, resource: fhir.Resource, asked: Asked) -> bool:
    if asked.resource == "Observation":
        return search.bears(fact, resource, asked)
    wanted = asked.one("questionnaire")
    name = fhir.questionnaire_name(wanted)[0] if wanted else None
    return name is None or name == fhir.questionnaire_name(fact.body["questionnaire"])[0]


async def _fact(
    request: Request, database: Db, caller: access.Caller, fact_id: UUID, type: str
) -> Response:
    async with database.transaction() as tx:
        stored = "answers" if type == "score" else type
        read = await ledger.read(tx, caller.org, [fact_id])
        found = [fact for fact in read if fact.type == stored]
        standing = await ledger.in_force(tx, caller.org, [(fact.id, fact.at) for fact in found])
        touched = await ledger.touched(tx, caller.org, found)
    # What was filed on the wrong patient is not for that patient to read.
    if not found or (caller.role in CITIZENS and not standing):
        raise fhir_door.NoSuchResource
    fact = found[0]
    looker = door.looker(request, caller)
    try:
        async with look.opened(
            database, looker, fact.patient_id, "Observation" if type == "reading" else "answers"
        ) as seen:
            shown = await _shown(request, caller, seen)
    except look.NoSuchPatient:
        raise fhir_door.NoSuchResource from None
    status = _status(fact) if standing else "entered-in-error"
    wanted = "Observation" if type in ("reading", "score") else "QuestionnaireResponse"
    resource = shown.resource(fact, wanted, status)
    if resource is None:
        raise fhir_door.NoSuchResource
    fhir.touch(resource, touched.get(fact.id))
    return fhir_door.answer(resource)


def _status(fact: Fact) -> fhir.Status:
    return "corrected" if "corrects" in fact.body else "final"
