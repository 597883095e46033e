"""The doors by which a clinician asks: what would other limits have said, why did this reading not
alert, and what do our alerts cost us."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AfterValidator, Field, model_validator

from services.alerts import door
from services.alerts.door import Figure, Has, Id, Language, Line, Moment, Sent
from services.alerts.looking_back import asking, burden, trying
from shared import access

# The rules of a large programme, and room for as many again.
RULES = 200_000
DAYS = 90
LIMITS = 100

router = door.router("questions", "/v1", body=RULES * 2)


class ReadingIsNotNamed(Exception):
    """Name the reading by its id in `fact`, or by `kind` and `at`"""


def _readable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("text holds a character that cannot be read")
    return text


class WhatIf(Sent):
    """Other limits, other rules, or another version. Of one patient, one unit, or all units of the
    caller."""

    model_config = door.example(
        programme="home_dialysis", days=30, limits={"systolic_red_high": 170}
    )

    programme: Line
    patient: Id | None = None
    unit: Id | None = None
    days: Annotated[int, Field(ge=1, le=DAYS)] = 30
    limits: Annotated[dict[Line, Figure], Field(min_length=1, max_length=LIMITS)] | None = None
    rules: Annotated[str, Field(max_length=RULES), AfterValidator(_readable)] | None = None

    version: Line | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(one is not None for one in (self.limits, self.rules, self.version)) != 1:
            raise ValueError("give limits, rules or a version")
        if self.patient is not None and self.unit is not None:
            raise ValueError("give a patient or a unit")
        return self


@router.post("/what-if")
async def what_if(
    request: Request, has: Has, lang: Language, caller: access.Clinician, asked: WhatIf
) -> Response:
    """Replay other limits, other rules or another loaded version over what was measured: which
    alerts there would have been. Nothing is activated; who tried what is kept, and a version counts
    only after it was tried so on more than one patient. A patient's own limit wins over a
    tried default; when a patient is named, the limits are tried as his own. What one group of rules
    says of a patient on one day is one alert. `truncated` when not every patient could be replayed
    in time; `failed` counts patients of whom a rule group could not be judged.
    """
    door.from_page(request, caller)
    by = door.reader(request, caller)
    wanted = trying.Asked(
        asked.programme, asked.days, asked.patient, asked.unit, asked.limits, asked.rules,
        asked.version,
    )  # fmt: skip
    return door.json(await trying.what_if(has, by, wanted, lang), lang=lang)


@router.get("/why-not")
async def why_not(
    request: Request,
    has: Has,
    lang: Language,
    caller: access.Clinician,
    patient: UUID,
    fact: UUID | None = None,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    at: Annotated[Moment | None, Query()] = None,
) -> Response:
    """Why a reading did or did not alert: one answer for each rule that looks at it.

    By its id, or by its kind and about when it was measured.
    """
    if fact is None and (kind is None or at is None):
        raise ReadingIsNotNamed
    by = door.reader(request, caller)
    told = await asking.why_not(has, by, patient, fact=fact, kind=kind, at=at, lang=lang)
    return door.json(told, lang=lang)


@router.get("/burden")
async def what_alerts_cost(
    request: Request,
    has: Has,
    caller: access.Clinician,
    unit: UUID | None = None,
    programme: Annotated[str | None, Query(max_length=200)] = None,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
) -> Response:
    """Alerts per patient-day, how soon they are acknowledged, and how many were useful, by rule."""
    by = door.reader(request, caller)
    told = await burden.burden(has, by, unit=unit, programme=programme, days=days)
    return door.json(told)
