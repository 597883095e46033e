"""What the devices and the app of a home say, as JSON version 1 and as FHIR."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from deploy.local.simulated.homes import Home
from shared import exact
from shared.wall_clock import OSLO as OSLO

IDS = UUID("3b4f0d1e-2a6c-5c57-8f0e-6d1f0b7a9c42")
FORM = "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily"

Json = dict[str, Any]


def weight(home: Home, at: datetime, kilos: Decimal, phase: str | None = None) -> Json:
    return item(home, "body_weight", at, {"value": kilos}, "Scale 2", context=_phase(phase))


def cuff(
    home: Home, at: datetime, systolic: int, diastolic: int, pulse: int, phase: str | None = None
) -> Json:
    values = {"systolic": systolic, "diastolic": diastolic, "pulse": pulse}
    return item(home, "blood_pressure", at, values, "Cuff 1", context=_phase(phase))


def usual_pressure(
    home: Home, at: datetime, dice: Random, shift: int = 0, phase: str | None = None
) -> Json:
    systolic = home.systolic + shift + dice.randint(-8, 8)
    return cuff(home, at, systolic, systolic * 6 // 10, home.pulse + dice.randint(-4, 6), phase)


def usual_temperature(home: Home, at: datetime, dice: Random) -> Json:
    celsius = Decimal(dice.randint(362, 371)) / 10
    return item(home, "body_temp", at, {"value": celsius}, "Thermometer 4")


def usual_saturation(home: Home, at: datetime, dice: Random) -> Json:
    return item(home, "spo2", at, {"value": dice.randint(95, 98)}, "Oximeter 3")


def usual_night(home: Home, began: datetime, ended: datetime, dice: Random) -> Json:
    """A night on the peritoneal dialysis machine."""
    values = {"ultrafiltration": dice.randint(650, 1100), "fill_total": 10000, "cycles": 5}
    clear = {"effluent": "clear"}
    return item(home, "pd_treatment", began, values, "Cycler 7", context=clear, until=ended)


def item(
    home: Home,
    kind: str,
    at: datetime,
    values: Mapping[str, Any],
    model: str,
    *,
    context: Mapping[str, Any] | None = None,
    until: datetime | None = None,
) -> Json:
    made: Json = {"v": 1, "kind": kind, "at": _written(at), "values": dict(values)}
    if until:
        made["until"] = _written(until)
    if context:
        made["context"] = dict(context)
    made["device"] = {"manufacturer": "Example", "model": model, "clock": "synced"}
    return named(home, made)


def named(home: Home, made: Json) -> Json:
    """With an id that follows from the content: the same reading never gets another one."""
    return {**made, "id": _id(home, {key: made[key] for key in made if key != "id"})}


def answers(home: Home, at: datetime, given: Mapping[str, bool | str]) -> Json:
    """The daily form, answered in the app: a FHIR QuestionnaireResponse."""
    made = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": FORM,
        "subject": {"reference": f"Patient/{home.patient_id}"},
        "authored": _written(at),
        "item": [{"linkId": link, "answer": [_answer(one)]} for link, one in given.items()],
    }
    return {**made, "identifier": {"value": _id(home, made)}}


def _answer(one: bool | str) -> Json:
    return {"valueBoolean": one} if isinstance(one, bool) else {"valueCoding": {"code": one}}


def _phase(phase: str | None) -> Json | None:
    return {"phase": phase} if phase else None


def _id(home: Home, content: Mapping[str, Any]) -> str:
    return str(uuid5(IDS, home.cred + exact.canonical(content).decode()))


def _written(at: datetime) -> str:
    return at.astimezone(OSLO).isoformat(timespec="seconds")
