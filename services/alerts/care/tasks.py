"""The doors to tasks: reminders of one's own unit, and what is handed over between teams."""

from typing import Literal
from uuid import UUID

from fastapi import Request, Response

from services.alerts import door, views
from services.alerts.care import doing
from services.alerts.door import Has, Id, Moment, Prose, Sent
from shared import access

router = door.router("tasks", "/v1/tasks")


class NewTask(Sent):
    """What is to be done about a patient. Without `due_at`: now. Another `unit` than one's own is
    asked, and has it when it accepts."""

    model_config = door.example(
        patient="5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11",
        text="Ring fastlegen om ny blodtrykksmedisin",
        due_at="2026-11-25T09:00:00+01:00",
    )

    patient: Id
    text: Prose
    unit: Id | None = None
    due_at: Moment | None = None


class TaskMove(Sent):
    """A move on a task. `version` is the task's as it stood on the screen."""

    model_config = door.example(move="done", version=1)

    move: Literal["done", "postpone", "hand-over", "accept", "decline"]
    version: int
    note: Prose | None = None
    unit: Id | None = None
    until: Moment | None = None


@router.get("")
async def tasks(
    request: Request,
    has: Has,
    caller: access.Clinician,
    unit: UUID | None = None,
    patient: UUID | None = None,
    state: Literal["open", "due", "done"] = "open",
) -> Response:
    """Tasks of the caller's units or of one patient, and those offered to them; the oldest due
    first. `due`: those to be done now."""
    by = door.reader(request, caller)
    told = await views.tasks(has, by, unit=unit, patient_id=patient, state=state)
    return door.json({"tasks": told})


@router.post("", status_code=201)
async def make_task(
    request: Request, has: Has, caller: access.Clinician, wanted: NewTask
) -> Response:
    """A task about a patient of the caller's units: seen on the worklist from `due_at` until it is
    done."""
    door.from_page(request, caller)
    made = await doing.add(
        has.database,
        has.notifier,
        door.reader(request, caller),
        wanted.patient,
        wanted.text,
        unit=wanted.unit,
        due_at=wanted.due_at,
    )
    return door.json(made, 201)


@router.post("/{task_id}/moves")
async def move_task(
    request: Request, has: Has, caller: access.Clinician, task_id: UUID, wanted: TaskMove
) -> Response:
    """Move a task. 409 `task-has-moved` with the task as it now is, if it has changed."""
    door.from_page(request, caller)
    told = await doing.move(
        has.database,
        has.notifier,
        door.reader(request, caller),
        task_id,
        doing.Wanted(
            doing.What(wanted.move), wanted.version, wanted.note, wanted.unit, wanted.until
        ),
    )
    return door.json(told)
