"""The doors to programmes: which there are, which version counts, making another one count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Depends, Path, Request
from pydantic import Field

from services.patients import door
from services.patients.door import Db, Prose, Sent, Versions, Word
from services.patients.hospital import signing, store_programmes, versions
from services.patients.hospital.versions import Loaded
from services.patients.nouns import Activation, Signature
from shared import access
from shared.access import Role
from shared.programmes import Programme, marking

router = door.router("programmes", "/v1/programmes")

Slug = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,64}$")]
# Whoever owns a programme's rules in a hospital is a physician, or is acted for.
Owner = Annotated[access.Caller, Depends(access.needs(Role.PHYSICIAN))]


class NewActivation(Sent):
    model_config = door.example(version="1.0", reason="Vedtatt i fagrådet 3. november")

    version: Word
    what_if_shown: Literal[True] | None = Field(
        default=None,
        description="not trusted: `POST /v1/what-if` of this version on a unit's patients must "
        "have been answered in the last twelve hours",
    )
    reason: Prose


class NewSignature(Sent):
    """`digest` is of the version that was read, as the list of programmes gives it."""

    model_config = door.example(
        version="1.0", seat="clinical-owner",
        words="Lest og godkjent for bruk ved nyremedisinsk poliklinikk",
    )  # fmt: skip

    version: Word
    seat: signing.Seat
    words: Prose
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


@dataclass(frozen=True, slots=True)
class Names:
    nb: str
    en: str
    nn: str | None
    se: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """`signatures` are those of exactly what the version says now, which `digest` is of; `signed`:
    by all three of the page's lines.
    """

    version: str
    approved_by: str
    approved_on: date | None
    stg: list[str]
    digest: str
    signatures: list[Signature]
    signed: bool


@dataclass(frozen=True, slots=True)
class Active:
    """The version an organisation judges by. Never activated: the newest one, `since` null.

    `loaded` false: what was activated is not here any more, and cannot be judged by.
    """

    version: str
    since: datetime | None
    by: str | None
    by_name: str | None
    reason: str | None
    loaded: bool


@dataclass(frozen=True, slots=True)
class KnownProgramme:
    """The newest version that is loaded, the active one, and all that may be activated."""

    slug: str
    names: Names
    version: str
    approved_by: str
    approved_on: date | None
    stg: list[str]
    active: Active
    versions: list[Version]


@dataclass(frozen=True, slots=True)
class Programmes:
    programmes: list[KnownProgramme]


@router.get("")
async def programmes(database: Db, loaded: Versions, caller: access.AnyStaff) -> Programmes:
    async with database.transaction() as tx:
        active = await store_programmes.active(tx, caller.org)
        signed = await store_programmes.signatures(tx, caller.org)
    return Programmes([_known(loaded, slug, active.get(slug), signed) for slug in sorted(loaded)])


@router.post("/{slug}/activate", status_code=201)
async def activate(
    request: Request, database: Db, loaded: Versions, caller: Owner, slug: Slug, new: NewActivation
) -> Activation:
    """Judge by this version from now on, once somebody has seen what it would have changed: 409
    `what-if-is-not-shown` without a what-if of this version on a unit's patients in the last
    twelve hours."""
    return await versions.activate(
        database, caller, loaded, request.app.state.mode, slug,
        version=new.version, reason=new.reason,
    )  # fmt: skip


@router.post("/{slug}/sign", status_code=201)
async def sign(
    database: Db, loaded: Versions, caller: access.Clinician, slug: Slug, new: NewSignature
) -> Signature:
    """Sign a version for the hospital, on one of three lines. Append-only: files that are changed
    afterwards are not what was signed."""
    return await signing.sign(
        database, caller, loaded, slug,
        version=new.version, seat=new.seat, words=new.words, digest=new.digest,
    )  # fmt: skip


def _known(
    loaded: Loaded, slug: str, active: Activation | None, signed: Sequence[Signature]
) -> KnownProgramme:
    by_version = loaded[slug]
    newest = list(by_version.values())[-1]
    names = newest.names
    mine = [one for one in signed if one.programme == slug]
    return KnownProgramme(
        slug, Names(names.nb, names.en, names.nn, names.se), newest.version, newest.approved_by,
        newest.approved_on, list(newest.stg), _active(by_version, newest.version, active),
        [
            Version(
                one.version, one.approved_by, one.approved_on, list(one.stg), marking.digest(one),
                signing.of(mine, one), signing.is_signed(mine, one),
            )
            for one in by_version.values()
        ],
    )  # fmt: skip


def _active(by_version: Mapping[str, Programme], newest: str, active: Activation | None) -> Active:
    if active is None:
        return Active(newest, None, None, None, None, loaded=True)
    return Active(
        active.version, active.since, active.by, active.by_name, active.reason,
        loaded=active.version in by_version,
    )  # fmt: skip
