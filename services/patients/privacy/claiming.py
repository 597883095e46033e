"""Verbs: a patient asks to have data corrected or erased; two people decide what the law allows.

Records of care are kept, so erasure is a case with a decision and no button. What is granted is
withdrawn, so that it is judged by no more, and blanked; that there was something, and who decided,
stays, and so does the audit trail.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from services.patients import look
from services.patients.look import Looker, Opened
from services.patients.nouns import Claim
from services.patients.privacy import store_claims
from shared import entered, ledger
from shared.database import Database

WHAT = "claims"
Kind = Literal["correct", "erase"]

# Helsepersonelloven § 43: what may be erased.
ALLOWS = ("wrong-and-burdensome", "not-needed", "wrong-patient")
# What the law puts above the wish: the duty to document (§ 39, § 40), the archives' act, a claim
# at law (GDPR article 17 (3) b, c, d, e).
FORBIDS = ("needed-for-care", "duty-to-document", "archive", "legal-claim")
CORRECTS = ("corrected", "withdrawn")


class NoSuchClaim(Exception):
    """There is no such claim here"""


class ClaimIsDecided(Exception):
    """This claim has been decided already"""


class ClaimIsNotGranted(Exception):
    """Only a granted claim about erasure is confirmed"""


class NeedsASecondPerson(Exception):
    """What one person has granted, another confirms"""


class GroundDoesNotFit(Exception):
    """This ground is not one for this decision"""


class UnknownFact(Exception):
    """The body names something that is not in this patient's record"""


async def make(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    kind: Kind,
    facts: list[UUID],
    text: str,
    now: datetime,
) -> Claim:
    claim = Claim(
        uuid4(), patient_id, kind, sorted(set(facts), key=lambda one: one.int), text, now,
        looker.by, "open", None, None, None, None, None, None,
    )  # fmt: skip
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        known = await ledger.read(seen.tx, seen.org, claim.facts)
        if {fact.id for fact in known if fact.patient_id == patient_id} != set(claim.facts):
            raise UnknownFact
        await store_claims.add(seen.tx, seen.org, claim)
    return claim


async def of_patient(database: Database, looker: Looker, patient_id: UUID) -> list[Claim]:
    async with look.opened(database, looker, patient_id, WHAT) as seen:
        return await store_claims.claims(seen.tx, seen.org, patient_id)


async def decide(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    claim_id: UUID,
    *,
    granted: bool,
    ground: str,
    reason: str,
    now: datetime,
) -> Claim:
    """Grant or refuse. Of a correction the readings have been put right before, by their own
    doors; of an erasure nothing happens before a second person confirms."""
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        claim = await _claim(seen, claim_id)
        if claim.state != "open":
            raise ClaimIsDecided
        allows = ALLOWS if claim.kind == "erase" else CORRECTS
        if ground not in (allows if granted else FORBIDS):
            raise GroundDoesNotFit
        state = "refused" if not granted else "granted" if claim.kind == "erase" else "done"
        await store_claims.decide(
            seen.tx, seen.org, claim_id, state, ground=ground, reason=reason, by=seen.by, now=now
        )
        return await _claim(seen, claim_id)


async def confirm(
    database: Database, looker: Looker, patient_id: UUID, claim_id: UUID, now: datetime
) -> Claim:
    """The second person: withdrawn, and blanked for good."""
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        claim = await _claim(seen, claim_id)
        if claim.kind != "erase" or claim.state != "granted":
            raise ClaimIsNotGranted
        if claim.decided_by == seen.by:
            raise NeedsASecondPerson
        known = await ledger.read(seen.tx, seen.org, claim.facts)
        standing = await ledger.in_force(seen.tx, seen.org, [(one.id, one.at) for one in known])
        for fact in standing:
            origin = fact.origin or fact.id
            item = entered.item(
                entered.message_id(now), (), fact.at, None, "void", origin, "erased by decision"
            )
            await ledger.append_as_staff(
                seen.tx, seen.org, by=seen.by, patient_id=patient_id, items=[item], target=origin
            )
        await store_claims.confirm(seen.tx, seen.org, claim_id, seen.by, now)
        await store_claims.erase(seen.tx, seen.org, claim_id)
        await store_claims.done(seen.tx, seen.org, claim_id)
        return await _claim(seen, claim_id)


async def _claim(seen: Opened, claim_id: UUID) -> Claim:
    claim = await store_claims.claim(seen.tx, seen.org, seen.patient.id, claim_id)
    if claim is None:
        raise NoSuchClaim
    return claim
