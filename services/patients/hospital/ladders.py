"""The doors to a unit's ladder: whom alerts are told to, hour by hour, and who is next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import Field

from services.patients import door
from services.patients.door import Db, Moment, Now, Prose, Sent
from services.patients.hospital import appoint
from services.patients.nouns import KeptLadder
from shared import access
from shared.access import Role
from shared.ladders import Ladder

router = door.router("ladders", "/v1/units/{unit_id}/ladder")

ALWAYS_SOMEBODY: dict[str, Any] = {
    "channels": {
        "desk": {"medium": "webhook", "to": "https://varsling.sykehus.example/hjemvakt"},
        "duty-phone": {"medium": "sms", "to": "+4790000000"},
        "duty-mail": {"medium": "email", "to": "vakt@sykehus.example"},
    },
    "steps": [
        {
            "name": "Poliklinikken",
            "after": {"red": "PT0S", "yellow": "PT30M"},
            "targets": [
                {
                    "who": "Sykepleier ved listen",
                    "hours": [
                        {
                            "days": ["mon", "tue", "wed", "thu", "fri"],
                            "from": "07:45",
                            "to": "15:30",
                        }
                    ],
                    "channels": ["desk", "duty-mail"],
                }
            ],
        },
        {
            "name": "Vakthavende sykepleier",
            "after": {"emergency": "PT5M", "red": "PT15M"},
            "targets": [{"who": "Vaktsykepleier", "channels": ["duty-phone", "duty-mail"]}],
        },
    ],
    "last": {
        "after": {"emergency": "PT5M", "red": "PT15M"},
        "who": "Vakthavende lege",
        "phone": "+47 90 00 00 00",
        "channels": ["duty-phone"],
        "again": "PT30M",
    },
}


class NewLadder(Sent):
    """`ladder` null: from then on nobody is told. Without `from`: from now on."""

    model_config = door.example(ladder=ALWAYS_SOMEBODY, reason="Vedtatt av avdelingsleder")

    ladder: Ladder | None
    reason: Prose
    since: Moment | None = Field(default=None, alias="from")


@dataclass(frozen=True, slots=True)
class Kept:
    """One version. Who is not an administrator sees no address, which may hold a key."""

    version: int
    valid_from: datetime
    recorded_at: datetime
    by: str
    reason: str
    ladder: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Ladders:
    """`in_force` null: nobody is told of this unit's alerts."""

    in_force: Kept | None
    versions: list[Kept]


@router.get("")
async def ladder(database: Db, now: Now, caller: access.AnyStaff, unit_id: UUID) -> Ladders:
    """The ladder in force, and every version there has been, newest first."""
    return _told(await appoint.kept(database, caller.org, unit_id), caller, now)


@router.put("")
async def put_ladder(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Administrator,
    unit_id: UUID,
    new: NewLadder,
) -> Ladders:
    """Save a ladder. 422 `hour-is-uncovered` names the first hour of the week in which nobody
    would be told of a red alert; nothing is saved then."""
    found = await appoint.appoint(
        database,
        caller,
        request.app.state.mode,
        unit_id,
        ladder=new.ladder,
        reason=new.reason,
        valid_from=new.since,
        now=now,
    )
    return _told(found, caller, now)


def _told(found: list[KeptLadder], caller: access.Caller, now: datetime) -> Ladders:
    in_force = appoint.in_force(found, now)
    is_whole = caller.role is Role.ADMINISTRATOR
    return Ladders(
        _kept(in_force, is_whole) if in_force and in_force.body is not None else None,
        [_kept(one, is_whole) for one in found],
    )


def _kept(one: KeptLadder, is_whole: bool) -> Kept:
    body = one.body
    if body is not None and not is_whole:
        hidden = {
            name: {"medium": channel["medium"], "to": "•••"}
            for name, channel in body["channels"].items()
        }
        body = {**body, "channels": hidden}
    return Kept(one.version, one.valid_from, one.recorded_at, one.by, one.reason, body)
