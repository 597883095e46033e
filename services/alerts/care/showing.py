"""Verb: photos and documents on the nurse's page, looked at and answered."""

from uuid import UUID

from services.alerts import reader
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.views import Parts
from shared.contracts import Fact
from shared.ledger import files

WHAT = "attachments"


class NoSuchAttachment(Exception):
    """There is no such photo or document here"""


async def shown(
    parts: Parts, by: Reader, patient_id: UUID, fact_id: UUID, *, thumbnail: bool
) -> tuple[Fact, str, bytes]:
    """Media type and bytes, the look written down first. NoSuchAttachment, also for a colleague
    of another unit; NoSuchPatient."""
    try:
        async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
            fact = await files.attachment(tx, by.org, fact_id)
            if fact is None or fact.patient_id != patient_id:
                raise NoSuchAttachment
            file = await files.shown(tx, by.org, fact, thumbnail=thumbnail)
    except NotYourUnit:
        raise NoSuchAttachment from None
    if file is None:
        raise NoSuchAttachment
    return fact, *file


async def answer(parts: Parts, by: Reader, patient_id: UUID, fact_id: UUID, text: str) -> None:
    """Answer the patient. NoSuchAttachment, NoSuchPatient, NotYourUnit."""
    async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
        if await files.answer(tx, by.org, patient_id, fact_id, text, by=by.id) is None:
            raise NoSuchAttachment
