"""Verbs: a reading that staff enter (phoned in), and the correction or withdrawal of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.patients import look
from services.patients.look import Looker, Opened
from shared import entered, fhir, form_answers, ledger
from shared.contracts import Code, Fact, Item, ItemError
from shared.database import Database
from shared.entered import ReadingIsNotUsable
from shared.form_answers import Forms


class AnswersAreNotUsable(Exception):
    """The answers are not those that the form offers"""

    def __init__(self, errors: Sequence[ItemError]) -> None:
        super().__init__()
        self.members = {
            "errors": [{"path": one.path, "code": one.code.value} for one in errors],
        }


async def enter(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    kind: str,
    at: datetime,
    until: datetime | None,
    sent: Mapping[str, Any],
    said: Mapping[str, Any],
    now: datetime,
) -> Fact:
    """`sent` are the values, `said` what else the body keeps: context, note."""
    of = entered.kind_of(kind)
    reading = entered.read(of, sent)
    entered.must_have_been(at, now)
    message = entered.message_id(now)
    drafts = entered.drafts(of, reading, {"v": 1, "entered": "manual", **said}, message)
    item = entered.item(message, drafts, at, until)
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        fact = await append(seen, item, None)
    return fact


async def enter_answers(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    at: datetime,
    sent: Mapping[str, Any],
    said: Mapping[str, Any],
    forms: Forms,
    now: datetime,
) -> Fact:
    """A form that staff fill in: told over the telephone, or their own. `sent` names the
    questionnaire and holds the answers; they are held to the form as the intake holds them."""
    entered.must_have_been(at, now)
    message = entered.message_id(now)
    around = {"entered": "manual", **said}
    errors: list[ItemError] = []
    if form_answers.known_as(fhir.questionnaire_name(sent["questionnaire"])[0], forms) not in forms:
        errors.append(ItemError("questionnaire", Code.UNKNOWN_KIND))
    drafts, _ = form_answers.of_json(sent, message, around, forms, errors)
    if errors:
        raise AnswersAreNotUsable(errors)
    item = entered.item(message, drafts, at, None)
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        return await append(seen, item, None)


async def correct(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    fact_id: UUID,
    *,
    at: datetime | None,
    sent: Mapping[str, Any],
    said: Mapping[str, Any],
    now: datetime,
) -> Fact:
    """A new fact takes the place of a reading; what was sent stays readable."""
    if at is not None:
        entered.must_have_been(at, now)
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        old = await entered.standing(seen.tx, seen.org, patient_id, fact_id)
        if old.type != "reading":
            raise ReadingIsNotUsable([("", Code.UNKNOWN_KIND)])
        origin = old.origin or old.id
        drafts = entered.corrected(old, entered.kind_of(old.kind), sent, said)
        item = entered.item(
            entered.message_id(now), drafts, at or old.at, old.until, "correction", origin
        )
        fact = await append(seen, item, origin)
    return fact


async def void(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    fact_id: UUID,
    *,
    reason: str,
    now: datetime,
) -> None:
    """Withdraw a reading: nobody measured it, or not this patient. The original stays on file.

    The whole measurement goes, as when its device withdraws it: of a pressure also the pulse that
    the cuff took. A pulse that was withdrawn alone leaves the pressure where it is.
    """
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        old = await entered.standing(seen.tx, seen.org, patient_id, fact_id)
        origin = old.origin or old.id
        for one in (origin, *await entered.split_from(seen.tx, seen.org, old)):
            item = entered.item(entered.message_id(now), (), old.at, None, "void", one, reason)
            await entered.append(seen.tx, seen.org, seen.by, patient_id, item, one)


async def append(seen: Opened, item: Item, target: UUID | None) -> Fact:
    fact_id = await entered.append(seen.tx, seen.org, seen.by, seen.patient.id, item, target)
    return (await ledger.read(seen.tx, seen.org, [fact_id]))[0]
