"""Verb: a patient's facts of a stretch of the past, read without a lock and page by page, so that
nobody else waits for a long history to be decoded.
"""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts.judging.triage import KNOWN_VERSIONS, LOOKBACK
from shared import ledger
from shared.contracts import Fact
from shared.programmes.parts import ANSWERS_LOOK_BACK

PAGE = 2_000


class TooManyReadings(Exception):
    """The patient has more readings in that time than are replayed at once"""


async def facts(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    since: datetime,
    until: datetime,
    *,
    at_most: int,
) -> list[Fact]:
    """All decisions; the readings that rules may look at from `since` to `until`, and the forms.

    TooManyReadings.
    """
    found = (await ledger.decisions(tx, org, [patient_id]))[patient_id]
    reached = (("reading", LOOKBACK), ("attachment", LOOKBACK), ("answers", ANSWERS_LOOK_BACK))
    for type_, back in reached:
        after: tuple[datetime, UUID] | None = None
        while True:
            page = await ledger.facts(
                tx,
                org,
                patient_id,
                types=[type_],
                since=since - back,
                until=until,
                after=after,
                limit=PAGE,
            )
            found += [fact for fact in page if fact.body.get("v") in KNOWN_VERSIONS]
            if len(page) < PAGE:
                break
            if len(found) > at_most:
                raise TooManyReadings
            after = (page[-1].at, page[-1].id)
    return found
