"""The script of one morning: what each home sends, and what its receipts must say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from deploy.local.simulated import days, devices
from deploy.local.simulated.devices import OSLO, Json
from deploy.local.simulated.homes import Home, Part


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a home. `expects` has one result for each item in `body`, in order."""

    says: str
    body: Any
    expects: tuple[str, ...]
    by: Literal["mqtt", "http"] = "mqtt"
    channel: Literal["obs", "fhir", "status"] = "obs"


def script(home: Home, now: datetime) -> list[Step]:
    """What the home sends this morning, in order."""
    match home.part:
        case Part.FLUID:
            return [_sends(home, "weighs in, heavy with fluid", [_weighed(home, now)])]
        case Part.HYPOTENSIVE:
            low, again = devices.cuff(home, now, 84, 48, 96), _later(home, now, 86, 50, 94)
            return [
                _sends(home, "measures a low blood pressure", [low]),
                _sends(home, "measures again, still low", [again]),
            ]
        case Part.CLOUDY:
            said: Said = {"effluent": "cloudy", "abdominal-pain": "mild", "worried": True}
            return [_as_usual(home, now), _answers(home, now, "sees a cloudy bag", said)]
        case Part.WEIGHT_RISE:
            return _rises(home, now)
        case Part.WORRIED:
            said = {"effluent": "clear", "dizziness": "mild", "worried": True}
            return [_as_usual(home, now), _answers(home, now, "is worried and says so", said)]
        case Part.SILENT:
            return []
        case Part.BATTERY:
            return [_as_usual(home, now), _nearly_flat(home)]
        case Part.ORDINARY:
            return ordinary(home, now)
        case _:
            return _misbehaves(home, now)


def ordinary(home: Home, now: datetime) -> list[Step]:
    """A morning when all is well; every third home also answers the form."""
    steps = [_as_usual(home, now)]
    if home.on_dialysis and home.number % 3 == 0:
        said: dict[str, bool | str] = {"worried": False, "chest-pain": False}
        if home.peritoneal:
            said["effluent"] = "clear"
        steps.append(_answers(home, now, "answers the daily form", said))
    return steps


def _misbehaves(home: Home, now: datetime) -> list[Step]:
    """Devices and apps with faults. Nothing of it is lost, nothing is filed wrongly."""
    item = _weighed(home, now)
    match home.part:
        case Part.TWICE:
            once = Step(f"{home.name}: the app sends a reading.", [item], ("stored",), "http")
            again = Step(f"{home.name}: … and once more.", [item], ("duplicate",), "http")
            return [once, again, again]
        case Part.LATE:
            kept = _later(home, now - timedelta(days=1), home.systolic, 80, home.pulse)
            return [_sends(home, "sends what the phone has kept since yesterday", [kept])]
        case Part.WRONG_UNIT:
            wrong: Json = {"value": {"value": home.dry_weight, "unit": "mmol/L"}}
            return [_faulty(home, "sends a weight in mmol/L", {**item, "values": wrong})]
        case Part.IMPLAUSIBLE:
            wrong = {"value": home.dry_weight * 10}
            return [_faulty(home, "sends a weight that nobody has", {**item, "values": wrong})]
        case _:
            yesterday = days.history(home, now.astimezone(OSLO).date(), 1)
            used = next(one["id"] for one in yesterday if one["kind"] == item["kind"])
            says = f"{home.name}: the scale counts from one again and uses an id twice."
            return [Step(says, [{**item, "id": used}], ("stored",))]


def _rises(home: Home, now: datetime) -> list[Step]:
    """More than agreed since yesterday; the programme asks for a second weight before it speaks."""
    today = now.astimezone(OSLO).date()
    heavy = days.weight(home, today - timedelta(days=1), today) + Decimal("1.15")
    again = devices.weight(home, now + timedelta(seconds=2), heavy)
    return [
        _sends(home, "weighs more than agreed", [devices.weight(home, now, heavy)]),
        _sends(home, "weighs again, as asked", [again]),
    ]


def _nearly_flat(home: Home) -> Step:
    status = {"state": "online", "battery": 9, "fw": "1.2"}
    says = f"{home.name}: the gateway's battery is nearly flat."
    return Step(says, status, ("stored",), channel="status")


def _weighed(home: Home, now: datetime) -> Json:
    today = now.astimezone(OSLO).date()
    return devices.weight(home, now, days.weight(home, today, today))


def _later(home: Home, now: datetime, systolic: int, diastolic: int, pulse: int) -> Json:
    return devices.cuff(home, now + timedelta(seconds=2), systolic, diastolic, pulse)


def _as_usual(home: Home, now: datetime) -> Step:
    return _sends(home, "sends the morning's readings", days.morning(home, now))


Said = Mapping[str, bool | str]


def _answers(home: Home, now: datetime, what: str, said: Said) -> Step:
    form = devices.answers(home, now, said)
    return Step(f"{home.name} {what}.", form, ("stored",), "http", "fhir")


def _faulty(home: Home, what: str, item: Json) -> Step:
    return Step(f"{home.name} {what}.", [devices.named(home, item)], ("quarantined",))


def _sends(home: Home, what: str, items: Sequence[Json]) -> Step:
    return Step(f"{home.name} {what}.", list(items), ("stored",) * len(items))
