"""Verbs: sign a version of a programme for the hospital. What is signed is never taken back."""

from collections.abc import Sequence
from typing import Literal
from uuid import uuid4

from services.patients.hospital import organise, store_programmes
from services.patients.hospital.versions import Loaded, loaded_version
from services.patients.nouns import Signature
from shared.access import Caller, Role
from shared.database import Database
from shared.programmes import Programme, marking

Seat = Literal["clinical-owner", "nurse", "second-physician"]

# Who may sign on which line of the page: two physicians and a nurse, three persons.
SEATS: dict[Seat, Role] = {
    "clinical-owner": Role.PHYSICIAN,
    "nurse": Role.NURSE,
    "second-physician": Role.PHYSICIAN,
}


class SeatIsNotYours(Exception):
    """This line is signed by somebody of another profession"""


class SeatIsTaken(Exception):
    """Somebody has signed this line already"""


class AlreadySigned(Exception):
    """You have signed this version already; each line is another person's"""


class ProgrammeHasChanged(Exception):
    """The version says something else than what was read"""


async def sign(
    database: Database,
    caller: Caller,
    loaded: Loaded,
    slug: str,
    *,
    version: str,
    seat: Seat,
    words: str,
    digest: str | None,
) -> Signature:
    """NoSuchProgramme, VersionIsNotLoaded, SeatIsNotYours, SeatIsTaken, AlreadySigned,
    ProgrammeHasChanged. `digest`: what was on the page that was read."""
    programme = loaded_version(loaded, slug, version)
    if caller.role is not SEATS[seat]:
        raise SeatIsNotYours
    mark = marking.digest(programme)
    if digest is not None and digest != mark:
        raise ProgrammeHasChanged
    async with database.transaction() as tx:
        at = await store_programmes.lock_versions(tx, caller.org, alone=True)
        before = of(await store_programmes.signatures(tx, caller.org, slug), programme)
        if any(one.by == caller.id for one in before):
            raise AlreadySigned
        if any(one.seat == seat for one in before):
            raise SeatIsTaken
        new = Signature(
            uuid4(), slug, version, mark, seat, words, at, caller.id, caller.name, caller.hpr
        )
        if not await store_programmes.sign(tx, caller.org, new):
            raise AlreadySigned
        await organise.noted(tx, caller, "programmes", f"{slug} {version}")
    return new


def of(signatures: Sequence[Signature], programme: Programme) -> list[Signature]:
    """Those that were given for exactly what the version says now."""
    mark = marking.digest(programme)
    return [one for one in signatures if one.version == programme.version and one.digest == mark]


def is_signed(signatures: Sequence[Signature], programme: Programme) -> bool:
    return {one.seat for one in of(signatures, programme)} == set(SEATS)


def is_approved(signatures: Sequence[Signature], programme: Programme) -> bool:
    """By its file, or by all who sign it here."""
    in_file = bool(programme.approved_by and programme.approved_on)
    return in_file or is_signed(signatures, programme)
