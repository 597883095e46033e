"""The doors to messages, for the patient's own app: what was written, by when it is answered, and
what became of all that he sent.
"""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.patients import door, paging
from services.patients.door import Db, Limit, Now
from services.patients.me import correspond
from services.patients.me.correspond import Correspondence, Sent
from shared import access, messages
from shared.access import Role
from shared.contracts import Fact

router = door.router("messages", "/v1/patients")

Himself = Annotated[access.Caller, Depends(access.needs(Role.PATIENT))]
Days = Annotated[int, Query(ge=1, le=90, description="how far back")]


@router.get("/{patient_id}/messages")
async def correspondence(
    request: Request,
    database: Db,
    now: Now,
    caller: Himself,
    patient_id: UUID,
    limit: Limit = door.PAGE,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of a page")] = None,
) -> Response:
    """What the patient and his unit have written to each other, oldest first, the newest page
    first. `sent`, `received`, `seen` and `answered` are four things, each with its own time.
    `answered_by` says by when something written now is answered; null: nobody reads messages, ring.
    A message is sent as FHIR Communication to the intake, and this is no emergency line."""
    looker = door.looker(request, caller)
    before = paging.place(cursor) if cursor else None
    found = await correspond.read(database, looker, patient_id, now, before=before, limit=limit)
    first = found.facts[0] if found.more and found.facts else None
    return door.json(
        {
            "messages": [shown(fact, found) for fact in found.facts],
            "answered_by": found.promised if found.watch.followed else None,
            "watching": {
                "now": found.watch.now,
                "until": found.watch.until,
                "next": found.watch.next,
            },
            "emergency": {"acute": "113", "urgent": "116117"},
            "next": paging.cursor(first.at, first.id) if first else None,
        }
    )


@router.get("/{patient_id}/sent")
async def sent(
    request: Request,
    database: Db,
    now: Now,
    caller: Himself,
    patient_id: UUID,
    days: Days = 3,
    limit: Limit = door.PAGE,
) -> Response:
    """What the patient measured and sent, newest first: when it was measured, when it was received,
    and when and by whom of the unit it has been seen. A page that was only opened has not seen."""
    since = now - timedelta(days=days)
    looker = door.looker(request, caller)
    found = await correspond.sent(database, looker, patient_id, since, limit)
    return door.json({"sent": [_came(fact, found) for fact in found.facts]})


def shown(fact: Fact, of: Correspondence) -> dict[str, Any]:
    is_own = messages.is_from_patient(fact)
    about: dict[str, Any] = {
        "id": str(fact.id),
        "message": str(fact.body.get("message", "")) if is_own else None,
        "from": "patient" if is_own else "unit",
        "text": str(fact.body.get("text") or ""),
        "sent_at": fact.at,
        "received_at": fact.received_at,
    }
    if not is_own:
        return about | {"by": fact.body.get("by_name"), "answers": fact.body.get("answers") or []}
    fate = of.fates.get(fact.id)
    known = {photo.id for photo in of.photos}
    answered = fate is not None and fate.outcome == "answered"
    return about | {
        "photos": [str(one) for one in messages.photos(fact) if one in known],
        "promised_at": fate.promised_at if fate else None,
        "seen_at": fate.seen_at if fate else None,
        "seen_by": fate.seen_by if fate else None,
        "answered_at": fate.settled_at if fate and answered else None,
        "closed_at": fate.settled_at if fate and not answered else None,
        "outcome": fate.outcome if fate else None,
    }


def _came(fact: Fact, of: Sent) -> dict[str, Any]:
    seen = of.seen.get(fact.id)
    return {
        "id": str(fact.id),
        "message": str(fact.body.get("message", "")),
        "type": fact.type,
        "kind": fact.kind,
        "at": fact.at,
        "received_at": fact.received_at,
        "seen_at": seen.at if seen else None,
        "seen_by": seen.by if seen else None,
        "flags": sorted(fact.flags),
        "corrects": fact.body.get("corrects"),
    }
