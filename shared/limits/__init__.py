"""Verbs: set a patient's own limits and his SpO2 scale. What would make a red rule speak less is
only proposed, and comes into force when another clinician of the unit has confirmed it.

The record's doors and the nurse's page both set limits; whoever calls has opened the patient, in
the same transaction, and has written the look down.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from shared import ledger
from shared.limits import store, store_suggested, widening
from shared.limits.nouns import PersonalLimit, Proposal, Scale, Who, as_number
from shared.programmes import TRIAL, Limit, Programme

About = Literal["limit", "spo2-scale"]
SCALE = "spo2_scale"
NEWS2 = "news2"  # what speaks less on scale 2
PHYSICIAN = "physician"


class UnknownLimit(Exception):
    """The programme has no limit of this name that may be set for one patient"""


class LimitIsOutOfBounds(Exception):
    """The limit lies outside what the programme allows"""

    def __init__(self, limit: Limit) -> None:
        super().__init__()
        self.members = {"min": as_number(limit.min), "max": as_number(limit.max)}


class AlreadyProposed(Exception):
    """A wider limit has been proposed already and awaits a second clinician"""


class NoSuchProposal(Exception):
    """The patient has no such proposal"""


class ProposalIsSettled(Exception):
    """This proposal has been confirmed or withdrawn already"""


class NeedsAnotherPerson(Exception):
    """Another clinician than the one who proposed it must confirm"""


class LimitHasChanged(Exception):
    """What is in force is no longer what the proposal was made from; propose it again"""


class NothingIsSuggested(Exception):
    """Nothing that the patient's own values suggest waits for a word here"""


class PrescriberNotNamed(Exception):
    """SpO2 scale 2 needs a physician: as one of the two, or named as the prescriber"""


@dataclass(frozen=True, slots=True)
class Patient:
    """An opened patient, and who has opened him."""

    tx: asyncpg.Connection
    org: str
    id: UUID
    who: Who


async def set_limit(
    of: Patient,
    programme: Programme,
    *,
    name: str,
    value: Decimal | None,
    reason: str,
    since: datetime | None,
    now: datetime,
) -> PersonalLimit | Proposal:
    """A limit of the patient's own from `since` on; None goes back to the programme's number.

    In force at once unless a red rule would speak less: that is a proposal. `since` None is now.
    """
    now = max(now, await store.lock(of.tx, of.org, of.id))
    may_be(programme, name, value)
    history = await store.limits(of.tx, of.org, of.id)
    at = since or now
    rules = widening.widening(programme, name, in_force(history, programme.slug, name, at), value)
    if rules and at < now:  # nobody makes a red rule speak less in the past
        at = now
        rules = widening.widening(
            programme, name, in_force(history, programme.slug, name, at), value
        )
    if rules:
        before = number(programme, name, in_force(history, programme.slug, name, at))
        return await _propose(
            of, "limit", programme.slug, name, before, value, list(rules),
            reason=reason, prescriber=None, since=at, now=now,
        )  # fmt: skip
    limit = PersonalLimit(
        uuid4(), programme.slug, name, value, reason, at, of.who.id, of.who.name
    )  # fmt: skip
    return await _into_force(of, limit)


async def decide_scale(
    of: Patient,
    *,
    scale: Literal[1, 2],
    reason: str,
    prescriber: str | None,
    since: datetime | None,
    now: datetime,
) -> Scale | Proposal:
    """Which SpO2 scale counts; scale 2 is proposed first. What a device sends never decides."""
    now = max(now, await store.lock(of.tx, of.org, of.id))
    at = max(since or now, now) if scale == 2 else since or now
    before = scale_in_force(await store.scales(of.tx, of.org, of.id), at)
    if scale == 2 and before != 2:
        return await _propose(
            of, "spo2-scale", None, SCALE, Decimal(before), Decimal(scale), [NEWS2],
            reason=reason, prescriber=prescriber, since=at, now=now,
        )  # fmt: skip
    decided = Scale(uuid4(), scale, reason, at, of.who.id, of.who.name, prescriber=prescriber)
    return await _scale_into_force(of, decided)


async def confirm_limit(
    of: Patient, proposal_id: UUID, programmes: Mapping[str, Programme], now: datetime
) -> PersonalLimit:
    """The second clinician's word: in force from now, or from later if that was wanted.

    UnknownLimit also where the programme is no more among `programmes`."""
    proposal = await _waiting(of, "limit", proposal_id)
    since = max(proposal.since, now)
    programme = programmes.get(str(proposal.programme))
    if programme is None:
        raise UnknownLimit
    may_be(programme, proposal.name, proposal.value)
    history = await store.limits(of.tx, of.org, of.id)
    own = in_force(history, programme.slug, proposal.name, since)
    if number(programme, proposal.name, own) != proposal.before:
        raise LimitHasChanged
    await _settle(of, proposal, "confirmed", now, None)
    limit = PersonalLimit(
        uuid4(), programme.slug, proposal.name, proposal.value, proposal.reason, since,
        proposal.by, proposal.by_name, of.who.id, of.who.name,
    )  # fmt: skip
    return await _into_force(of, limit, proposal)


async def confirm_scale(of: Patient, proposal_id: UUID, now: datetime) -> Scale:
    proposal = await _waiting(of, "spo2-scale", proposal_id)
    if not proposal.prescriber and PHYSICIAN not in (proposal.role, of.who.role):
        raise PrescriberNotNamed
    since = max(proposal.since, now)
    if scale_in_force(await store.scales(of.tx, of.org, of.id), since) == 2:
        raise LimitHasChanged
    await _settle(of, proposal, "confirmed", now, None)
    decided = Scale(
        uuid4(), 2, proposal.reason, since, proposal.by, proposal.by_name, of.who.id,
        of.who.name, proposal.prescriber,
    )  # fmt: skip
    return await _scale_into_force(of, decided, proposal)


async def withdraw(
    of: Patient, about: About, proposal_id: UUID, *, reason: str, now: datetime
) -> Proposal:
    """Take a proposal back, or turn it down: nothing changes for the patient."""
    await store.lock(of.tx, of.org, of.id)
    proposal = await _proposal(of, about, proposal_id)
    await _settle(of, proposal, "withdrawn", now, reason)
    if about == "limit":
        await store_suggested.reopen(
            of.tx, of.org, of.id, str(proposal.programme), proposal.name, now
        )
    await _decide(
        of, f"{about}-proposal-withdrawn", now, proposal_id=str(proposal.id), reason=reason
    )
    return await _proposal(of, about, proposal_id)


async def keep(
    of: Patient, programme: Programme, *, name: str | None, reason: str, now: datetime
) -> list[str]:
    """The number in force is kept though his own values suggest another; `name` None: all that
    wait in the programme. Which they were. They are asked about again when the programme says so.
    """
    again = (programme.trial or TRIAL).again
    await store.lock(of.tx, of.org, of.id)
    kept = await store_suggested.settle(
        of.tx, of.org, of.id, programme.slug, name, "kept",
        at=now, by=of.who.id, why=reason, again_at=now + again if again else None,
    )  # fmt: skip
    if not kept:
        raise NothingIsSuggested
    for one in kept:
        await _decide(of, "limit-kept", now, programme=programme.slug, name=one, reason=reason)
    return kept


def in_force(
    history: Iterable[PersonalLimit], programme: str, name: str, at: datetime
) -> Decimal | None:
    """The patient's own number at that moment; `history` is in the order of the store."""
    value = None
    for one in history:
        if (one.programme, one.name) == (programme, name) and one.since <= at:
            value = one.value
    return value


def scale_in_force(history: Iterable[Scale], at: datetime) -> Literal[1, 2]:
    scale: Literal[1, 2] = 1
    for one in history:
        if one.since <= at:
            scale = one.scale
    return scale


def number(programme: Programme, name: str, own: Decimal | None) -> Decimal | None:
    """What is judged by: the patient's own, or else the programme's."""
    return programme.limit_by_name[name].default if own is None else own


def may_be(programme: Programme, name: str, value: Decimal | None) -> None:
    """UnknownLimit, LimitIsOutOfBounds."""
    limit = programme.limit_by_name.get(name)
    if limit is None:
        raise UnknownLimit
    if value is not None and not limit.min <= value <= limit.max:
        raise LimitIsOutOfBounds(limit)


async def _propose(
    of: Patient,
    about: About,
    programme: str | None,
    name: str,
    before: Decimal | None,
    value: Decimal | None,
    rules: list[str],
    *,
    reason: str,
    prescriber: str | None,
    since: datetime,
    now: datetime,
) -> Proposal:
    proposal = Proposal(
        uuid4(), of.id, about, programme, name, before, value, rules, reason, prescriber, since,
        now, of.who.id, of.who.name, of.who.role, "awaiting-second",
    )  # fmt: skip
    if not await store.propose(of.tx, of.org, proposal):
        raise AlreadyProposed
    if about == "limit":
        await _answered(of, str(programme), name, reason, now)
    said: Mapping[str, object] = (
        {"programme": programme, "name": name, "before": before, "value": value}
        if about == "limit"
        else {"scale": int(value or 1), "prescriber": prescriber}
    )
    await _decide(
        of, f"{about}-proposed", now, proposal_id=str(proposal.id), rules=rules, reason=reason,
        wanted_from=since.isoformat(), **said,
    )  # fmt: skip
    return proposal


async def _into_force(
    of: Patient, own: PersonalLimit, proposal: Proposal | None = None
) -> PersonalLimit:
    recorded_at = await store.add_limit(of.tx, of.org, of.id, own)
    await _answered(of, own.programme, own.name, own.reason, recorded_at)
    await _decide(
        of, "limit-set", own.since, programme=own.programme, name=own.name, value=own.value,
        reason=own.reason, **_second(proposal),
    )  # fmt: skip
    return replace(own, recorded_at=recorded_at)


async def _answered(of: Patient, programme: str, name: str, reason: str, now: datetime) -> None:
    """What his own values suggested for this limit has had its answer."""
    await store_suggested.settle(
        of.tx, of.org, of.id, programme, name, "decided", at=now, by=of.who.id, why=reason
    )


async def _scale_into_force(of: Patient, scale: Scale, proposal: Proposal | None = None) -> Scale:
    recorded_at = await store.add_scale(of.tx, of.org, of.id, scale)
    await _decide(
        of, "spo2-scale-decided", scale.since, scale=scale.scale, reason=scale.reason,
        prescriber=scale.prescriber, **_second(proposal),
    )  # fmt: skip
    return replace(scale, recorded_at=recorded_at)


async def _decide(of: Patient, type: str, at: datetime, **body: object) -> None:
    await ledger.decide(of.tx, of.org, of.id, type, body, by=of.who.id, at=at)


def _second(proposal: Proposal | None) -> Mapping[str, object]:
    """Who had proposed what is in force now; the decision itself is by whoever confirmed it."""
    return {"proposal_id": str(proposal.id), "proposed_by": proposal.by} if proposal else {}


async def _waiting(of: Patient, about: About, proposal_id: UUID) -> Proposal:
    """A proposal that this person may confirm."""
    await store.lock(of.tx, of.org, of.id)
    proposal = await _proposal(of, about, proposal_id)
    if proposal.state != "awaiting-second":
        raise ProposalIsSettled
    if proposal.by == of.who.id:
        raise NeedsAnotherPerson
    return proposal


async def _proposal(of: Patient, about: About, proposal_id: UUID) -> Proposal:
    for one in await store.proposals(of.tx, of.org, of.id, about):
        if one.id == proposal_id:
            return one
    raise NoSuchProposal


async def _settle(
    of: Patient,
    proposal: Proposal,
    state: Literal["confirmed", "withdrawn"],
    now: datetime,
    why: str | None,
) -> None:
    if not await store.settle(of.tx, of.org, proposal.id, state, at=now, by=of.who.id, why=why):
        raise ProposalIsSettled
