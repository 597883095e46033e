"""The doors to relatives: a patient lets them in, and they see whom they may ask on behalf of."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field

from services.patients import door, look
from services.patients.door import Db, Keys, Line, Moment, Now, Sent, Word
from services.patients.nouns import Given, Proxy, Represented
from services.patients.privacy import proxy, store_proxies
from shared import access
from shared.access import Role

router = door.router("relatives", "/v1")

PatientOrAdministrator = Annotated[
    access.Caller, Depends(access.needs(Role.PATIENT, Role.ADMINISTRATOR))
]
Citizen = Annotated[access.Caller, Depends(access.needs(Role.PATIENT, Role.RELATIVE))]
Relation = Literal["parent", "child", "partner", "sibling", "guardian", "other"]


class NewProxy(Sent):
    """Only the keyed hash of the national number is kept."""

    model_config = door.example(
        national_number="13116900216",
        name="Test Testesen 03",
        relation="child",
        may=["readings"],
        until="2027-01-01T00:00:00+01:00",
    )

    national_number: Word
    name: Line
    relation: Relation
    may: list[Given] = Field(min_length=1, max_length=2)
    since: Moment | None = Field(default=None, alias="from", description="absent: from now on")
    until: Moment


@dataclass(frozen=True, slots=True)
class Proxies:
    proxies: list[Proxy]


@dataclass(frozen=True, slots=True)
class AllRepresented:
    represented: list[Represented]


@router.get("/patients/{patient_id}/proxies")
async def proxies(
    request: Request, database: Db, caller: PatientOrAdministrator, patient_id: UUID
) -> Proxies:
    """Whom the patient has let in, with what has ended."""
    async with look.opened(database, door.looker(request, caller), patient_id, proxy.WHAT) as seen:
        found = await store_proxies.proxies(seen.tx, seen.org, patient_id)
    return Proxies(found)


@router.post("/patients/{patient_id}/proxies", status_code=201)
async def give(
    request: Request,
    response: Response,
    database: Db,
    keys: Keys,
    now: Now,
    caller: PatientOrAdministrator,
    patient_id: UUID,
    new: NewProxy,
) -> Proxy:
    """Let a relative read what is named, until a day. He logs in by ID-porten with his own number
    and names the patient in the header `hjemvakt-on-behalf-of`."""
    made = await proxy.give(
        database,
        door.looker(request, caller),
        patient_id,
        number=keys.of_person(new.national_number),
        name=new.name,
        relation=new.relation,
        may=new.may,
        since=new.since,
        until=new.until,
        now=now,
    )
    door.created(response, f"/v1/patients/{patient_id}/proxies/{made.id}")
    return made


@router.post("/patients/{patient_id}/proxies/{proxy_id}/end", status_code=204)
async def end(
    request: Request,
    database: Db,
    now: Now,
    caller: PatientOrAdministrator,
    patient_id: UUID,
    proxy_id: UUID,
) -> None:
    await proxy.end(database, door.looker(request, caller), patient_id, proxy_id, now)


@router.get("/represented")
async def represented(request: Request, database: Db, caller: Citizen) -> AllRepresented:
    """The patients who let the caller in just now, what they let him see, and until when."""
    found = await proxy.represented(database, door.looker(request, caller))
    return AllRepresented(found)
