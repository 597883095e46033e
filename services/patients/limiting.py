"""Verbs: set a patient's own limits and his SpO2 scale. What would make a red rule speak less is
only proposed, and comes into force when another clinician of the unit has confirmed it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID, uuid4

from services.patients import look, store, store_care, store_limits, versions
from services.patients.deciding import decide
from services.patients.enrol import NotEnrolled, UnknownProgramme
from services.patients.look import Looker, Opened
from services.patients.nouns import PersonalLimit, Proposal, Scale, as_number
from services.patients.versions import Loaded
from services.patients.widening import widening
from shared.access import Role
from shared.database import Database
from shared.programmes import Limit, Programme

About = Literal["limit", "spo2-scale"]
SCALE = "spo2_scale"
NEWS2 = "news2"  # what speaks less on scale 2


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


class PrescriberNotNamed(Exception):
    """SpO2 scale 2 needs a physician: as one of the two, or named as the prescriber"""


async def set_limit(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    loaded: Loaded,
    *,
    programme: str,
    name: str,
    value: Decimal | None,
    reason: str,
    since: datetime | None,
    now: datetime,
) -> PersonalLimit | Proposal:
    """A limit of the patient's own from `since` on; None goes back to the programme's number.

    In force at once unless a red rule would speak less: that is a proposal. `since` None is now.
    """
    if programme not in loaded:
        raise UnknownProgramme
    async with look.opened(database, looker, patient_id, "limits", changes=True) as seen:
        of = (await versions.in_force(seen.tx, seen.org, loaded))[programme]
        return await limit(
            seen, looker, of, name=name, value=value, reason=reason, since=since, now=now
        )


async def limit(
    seen: Opened,
    looker: Looker,
    of: Programme,
    *,
    name: str,
    value: Decimal | None,
    reason: str,
    since: datetime | None,
    now: datetime,
) -> PersonalLimit | Proposal:
    """As `set_limit`, of a patient that is open."""
    await _lock(seen)
    await _may_be(seen, of, name, value)
    history = await store_limits.limits(seen.tx, seen.org, seen.patient.id)
    at = since or now
    rules = widening(of, name, in_force(history, of.slug, name, at), value)
    if rules and at < now:  # nobody makes a red rule speak less in the past
        at = now
        rules = widening(of, name, in_force(history, of.slug, name, at), value)
    if rules:
        before = number(of, name, in_force(history, of.slug, name, at))
        return await _propose(
            seen, looker, "limit", of.slug, name, before, value, list(rules),
            reason=reason, prescriber=None, since=at, now=now,
        )  # fmt: skip
    author = looker.caller.name
    own = PersonalLimit(uuid4(), of.slug, name, value, reason, at, seen.by, author)
    return await _into_force(seen, own)


async def decide_scale(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    scale: Literal[1, 2],
    reason: str,
    prescriber: str | None,
    since: datetime | None,
    now: datetime,
) -> Scale | Proposal:
    """Which SpO2 scale counts; scale 2 is proposed first. What a device sends never decides."""
    async with look.opened(database, looker, patient_id, "spo2-scale", changes=True) as seen:
        await _lock(seen)
        at = max(since or now, now) if scale == 2 else since or now
        before = scale_in_force(await store_limits.scales(seen.tx, seen.org, patient_id), at)
        if scale == 2 and before != 2:
            return await _propose(
                seen, looker, "spo2-scale", None, SCALE, Decimal(before), Decimal(scale), [NEWS2],
                reason=reason, prescriber=prescriber, since=at, now=now,
            )  # fmt: skip
        name = looker.caller.name
        decided = Scale(uuid4(), scale, reason, at, seen.by, name, prescriber=prescriber)
        return await _scale_into_force(seen, decided)


async def confirm_limit(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    proposal_id: UUID,
    loaded: Loaded,
    now: datetime,
) -> PersonalLimit:
    """The second clinician's word: in force from now, or from later if that was wanted."""
    async with look.opened(database, looker, patient_id, "limits", changes=True) as seen:
        proposal = await _waiting(seen, "limit", proposal_id)
        since = max(proposal.since, now)
        programme = str(proposal.programme)
        found = await versions.in_force(seen.tx, seen.org, loaded)
        if programme not in found:
            raise UnknownProgramme
        await _may_be(seen, found[programme], proposal.name, proposal.value)
        history = await store_limits.limits(seen.tx, seen.org, patient_id)
        own = in_force(history, programme, proposal.name, since)
        if number(found[programme], proposal.name, own) != proposal.before:
            raise LimitHasChanged
        await _settle(seen, proposal, "confirmed", now, None)
        own_limit = PersonalLimit(
            uuid4(), programme, proposal.name, proposal.value, proposal.reason, since,
            proposal.by, proposal.by_name, seen.by, looker.caller.name,
        )  # fmt: skip
        return await _into_force(seen, own_limit, proposal)


async def confirm_scale(
    database: Database, looker: Looker, patient_id: UUID, proposal_id: UUID, now: datetime
) -> Scale:
    async with look.opened(database, looker, patient_id, "spo2-scale", changes=True) as seen:
        proposal = await _waiting(seen, "spo2-scale", proposal_id)
        if not proposal.prescriber and Role.PHYSICIAN not in (proposal.role, looker.caller.role):
            raise PrescriberNotNamed
        since = max(proposal.since, now)
        if scale_in_force(await store_limits.scales(seen.tx, seen.org, patient_id), since) == 2:
            raise LimitHasChanged
        await _settle(seen, proposal, "confirmed", now, None)
        decided = Scale(
            uuid4(), 2, proposal.reason, since, proposal.by, proposal.by_name, seen.by,
            looker.caller.name, proposal.prescriber,
        )  # fmt: skip
        return await _scale_into_force(seen, decided, proposal)


async def withdraw(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    about: About,
    proposal_id: UUID,
    *,
    reason: str,
    now: datetime,
) -> Proposal:
    """Take a proposal back, or turn it down: nothing changes for the patient."""
    what = "limits" if about == "limit" else "spo2-scale"
    async with look.opened(database, looker, patient_id, what, changes=True) as seen:
        await _lock(seen)
        proposal = await _proposal(seen, about, proposal_id)
        await _settle(seen, proposal, "withdrawn", now, reason)
        await decide(
            seen, f"{about}-proposal-withdrawn", now, proposal_id=proposal.id, reason=reason
        )
        return await _proposal(seen, about, proposal_id)


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


async def _lock(seen: Opened) -> None:
    """Two who change one patient's limits take turns: each compares with what is in force."""
    await store.patient(seen.tx, seen.org, seen.patient.id, lock=True)


async def _may_be(seen: Opened, programme: Programme, name: str, value: Decimal | None) -> None:
    known = programme.limit_by_name.get(name)
    if known is None:
        raise UnknownLimit
    if value is not None and not known.min <= value <= known.max:
        raise LimitIsOutOfBounds(known)
    held = await store_care.enrolments(seen.tx, seen.org, seen.patient.id)
    if not any(one.programme == programme.slug and one.ended_at is None for one in held):
        raise NotEnrolled


async def _propose(
    seen: Opened,
    looker: Looker,
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
        uuid4(), seen.patient.id, about, programme, name, before, value, rules, reason,
        prescriber, since, now, seen.by, looker.caller.name, looker.caller.role.value,
        "awaiting-second",
    )  # fmt: skip
    if not await store_limits.propose(seen.tx, seen.org, proposal):
        raise AlreadyProposed
    said: Mapping[str, object] = (
        {"programme": programme, "name": name, "before": before, "value": value}
        if about == "limit"
        else {"scale": int(value or 1), "prescriber": prescriber}
    )
    await decide(
        seen, f"{about}-proposed", now, proposal_id=proposal.id, rules=rules, reason=reason,
        wanted_from=since, **said,
    )  # fmt: skip
    return proposal


async def _into_force(
    seen: Opened, own: PersonalLimit, proposal: Proposal | None = None
) -> PersonalLimit:
    recorded_at = await store_limits.add_limit(seen.tx, seen.org, seen.patient.id, own)
    await decide(
        seen, "limit-set", own.since, programme=own.programme, name=own.name, value=own.value,
        reason=own.reason, **_second(proposal),
    )  # fmt: skip
    return replace(own, recorded_at=recorded_at)


async def _scale_into_force(seen: Opened, scale: Scale, proposal: Proposal | None = None) -> Scale:
    recorded_at = await store_limits.add_scale(seen.tx, seen.org, seen.patient.id, scale)
    await decide(
        seen, "spo2-scale-decided", scale.since, scale=scale.scale, reason=scale.reason,
        prescriber=scale.prescriber, **_second(proposal),
    )  # fmt: skip
    return replace(scale, recorded_at=recorded_at)


def _second(proposal: Proposal | None) -> Mapping[str, object]:
    """Who had proposed what is in force now; the decision itself is by whoever confirmed it."""
    return {"proposal_id": proposal.id, "proposed_by": proposal.by} if proposal else {}


async def _waiting(seen: Opened, about: About, proposal_id: UUID) -> Proposal:
    """A proposal that this person may confirm."""
    await _lock(seen)
    proposal = await _proposal(seen, about, proposal_id)
    if proposal.state != "awaiting-second":
        raise ProposalIsSettled
    if proposal.by == seen.by:
        raise NeedsAnotherPerson
    return proposal


async def _proposal(seen: Opened, about: About, proposal_id: UUID) -> Proposal:
    for one in await store_limits.proposals(seen.tx, seen.org, seen.patient.id, about):
        if one.id == proposal_id:
            return one
    raise NoSuchProposal


async def _settle(
    seen: Opened,
    proposal: Proposal,
    state: Literal["confirmed", "withdrawn"],
    now: datetime,
    why: str | None,
) -> None:
    if not await store_limits.settle(
        seen.tx, seen.org, proposal.id, state, at=now, by=seen.by, why=why
    ):
        raise ProposalIsSettled
