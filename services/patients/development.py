"""Log-in without an identity provider. Test mode only: without its key the doors do not exist."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field, model_validator

from services.patients import door, store
from services.patients.door import Db, Id, Now, Sent, Word
from services.patients.nouns import Staff
from shared import access
from shared.access import Caller, DevelopmentIssuer, Role, attempts, entrance

router = door.router("development", "/development")

Org = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class NotHere(Exception):
    """There is nothing here"""


class NoSuchPerson(Exception):
    """There is no such person"""


class Who(Sent):
    """One of: a member of staff, a patient, the administrator of an organisation, or a citizen by
    his national number, as ID-porten would vouch for him there."""

    model_config = door.example(role="administrator", org="nordland")

    staff: Id | None = None
    patient: Id | None = None
    role: Literal["administrator", "auditor", "researcher"] | None = None
    citizen: Word | None = None
    org: Org | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if [self.staff, self.patient, self.role, self.citizen].count(None) != 3:
            raise ValueError("name one person")
        if (self.role is None and self.citizen is None) != (self.org is None):
            raise ValueError("a role, and a citizen, is one in an organisation")
        return self


@dataclass(frozen=True, slots=True)
class Token:
    token: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class People:
    staff: list[Staff]


@router.get("/people")
async def people(
    request: Request,
    database: Db,
    org: Annotated[str, Query(max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*$")],
) -> People:
    """Who can log in here."""
    _issuer(request)
    async with database.transaction() as tx:
        found = await store.staff(tx, org)
    return People([one for one in found if one.left_at is None])


@router.post("/token")
async def token(request: Request, database: Db, now: Now, who: Who) -> Token:
    """A token as the identity provider would give it. Who names many that are not there waits, as
    at the log-in pages."""
    issuer = _issuer(request)
    try:
        caller = await _whoever(request, database, who)
    except (NoSuchPerson, access.NotRegisteredHere):
        request.app.state.backstop.attempt(request.scope)
        at = attempts.place("log-in", entrance.address(request) or "")
        await attempts.count(database, at, attempts.LOG_INS)
        raise
    return Token(issuer.token(caller), now + timedelta(seconds=access.SESSION_SECONDS))


async def _whoever(request: Request, database: Db, who: Who) -> Caller:
    if who.citizen is None or who.org is None:
        return await _caller(database, who)
    guard: access.Guard = request.app.state.guard
    return await guard.citizen(who.org, who.citizen)


def _issuer(request: Request) -> DevelopmentIssuer:
    issuer: DevelopmentIssuer = request.app.state.issuer
    if not issuer.is_open:
        raise NotHere
    return issuer


async def _caller(database: Db, who: Who) -> Caller:
    if who.role is not None and who.org is not None:
        name = f"{who.role.capitalize()} ({who.org})"
        return Caller(f"development-{who.role}", name, Role(who.role), who.org)
    async with database.transaction() as tx:
        row = await store.anybody(tx, staff_id=who.staff, patient_id=who.patient)
    if row is None:
        raise NoSuchPerson
    return Caller(
        id=str(who.staff or who.patient),
        name=row["name"],
        role=Role(row["role"]),
        org=row["org"],
        units=frozenset[UUID](row["units"]),
        hpr=row["hpr"],
        patient_id=who.patient,
        groups=frozenset(row["groups"]),
    )
