"""Who lives where: one home for each seeded patient, and what is special about it this morning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

DIALYSIS = "home_dialysis"


class Part(StrEnum):
    """The first homes on dialysis get one part each, in this order, so that all are seen."""

    FLUID = "fluid"
    HYPOTENSIVE = "hypotensive"
    CLOUDY = "cloudy"
    WEIGHT_RISE = "weight-rise"
    WORRIED = "worried"
    SILENT = "silent"
    TWICE = "twice"
    LATE = "late"
    WRONG_UNIT = "wrong-unit"
    IMPLAUSIBLE = "implausible"
    RESTARTED = "restarted"
    BATTERY = "battery"
    ORDINARY = "ordinary"


SPECIAL = tuple(part for part in Part if part is not Part.ORDINARY)
# Their part would be blurred by the ups and downs of haemodialysis.
PERITONEAL = (Part.CLOUDY, Part.WEIGHT_RISE, Part.WORRIED)


@dataclass(frozen=True, slots=True)
class Home:
    """One patient at home with his devices. `dry_weight` is the weight without extra fluid."""

    number: int
    patient_id: str
    programme: str
    cred: str
    secret: str
    part: Part
    peritoneal: bool
    dry_weight: Decimal
    systolic: int
    pulse: int
    seed: int

    @property
    def name(self) -> str:
        return f"Home {self.number:02}"

    @property
    def on_dialysis(self) -> bool:
        return self.programme == DIALYSIS

    def dice(self, day: date, about: str) -> Random:
        return Random(f"{self.seed}|{self.number}|{day.toordinal()}|{about}")


def of(seeded: Mapping[str, Any], seed: int) -> list[Home]:
    """The homes of what `hjemvakt seed` printed, those on dialysis first."""
    patients = sorted(seeded["patients"], key=lambda one: one["programme"] != DIALYSIS)
    return [_home(place, one, seed) for place, one in enumerate(patients)]


def _home(place: int, patient: Mapping[str, Any], seed: int) -> Home:
    dice = Random(f"{seed}|{place}")
    special = patient["programme"] == DIALYSIS and place < len(SPECIAL)
    part = SPECIAL[place] if special else Part.ORDINARY
    by_lot = dice.random() < 0.4
    return Home(
        number=place + 1,
        patient_id=patient["id"],
        programme=patient["programme"] or "",
        cred=patient["cred"],
        secret=patient["secret"],
        part=part,
        peritoneal=part in PERITONEAL or (part is Part.ORDINARY and by_lot),
        dry_weight=Decimal(patient.get("dry_weight") or dice.randint(55, 96)),
        systolic=dice.randint(120, 142),
        pulse=dice.randint(58, 78),
        seed=seed,
    )
