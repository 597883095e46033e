"""The doors to conversations: what patients have written, and what the unit does about it."""

from typing import Literal
from uuid import UUID

from fastapi import Request, Response

from services.alerts import door
from services.alerts.care import conversing
from services.alerts.care.conversing import What
from services.alerts.door import Has, Id, Prose, Sent
from shared import access

router = door.router("messages", "/v1/conversations")


class ConversationMove(Sent):
    """A move in a conversation. `version` is the conversation's as it stood on the screen; 0 where
    nothing has been written yet. `id` is the answer's own: the same when it is sent again."""

    model_config = door.example(
        move="answer",
        version=1,
        id="0f7c3c9e-3f0a-4a5e-9a5c-5d0b6f1b2c3d",
        text="Det høres ut som vanlig kløe. Vask som du pleier, så ser vi på det i morgen.",
    )

    move: Literal["read", "assign", "answer", "close", "hand-over", "accept", "decline"]
    version: int
    text: Prose | None = None
    note: Prose | None = None
    assignee: str | None = None
    unit: Id | None = None
    id: Id | None = None

    def wanted(self) -> conversing.Wanted:
        return conversing.Wanted(
            What(self.move), self.version, self.text, self.note, self.assignee, self.unit, self.id
        )


@router.get("")
async def conversations(
    request: Request, has: Has, caller: access.Clinician, unit: UUID | None = None
) -> Response:
    """Conversations of the caller's units in which a message waits for an answer, and those that
    are offered to them; whose promise is first stands first."""
    told = await conversing.waiting(has, door.reader(request, caller), unit=unit)
    return door.json({"conversations": told})


@router.get("/{patient_id}")
async def conversation(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    """All that the patient and his unit have written to each other, oldest first. To read is not to
    have seen: the patient is told so when somebody says `read`, takes it, answers or closes it."""
    by = door.reader(request, caller)
    return door.json((await conversing.read(has, by, patient_id)).json(by))


@router.post("/{patient_id}/moves")
async def move_conversation(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, wanted: ConversationMove
) -> Response:
    """409 `conversation-has-moved` with the conversation as it now is, if anything was written or
    done since."""
    door.from_page(request, caller)
    by = door.reader(request, caller)
    return door.json((await conversing.move(has, by, patient_id, wanted.wanted())).json(by))
