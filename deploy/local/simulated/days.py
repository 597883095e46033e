"""The days before today, and a morning as it should be.

On haemodialysis the weight climbs between sessions, every other evening, and falls at each; on
peritoneal dialysis it stays where it is.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from deploy.local.simulated import devices
from deploy.local.simulated.devices import OSLO, Json
from deploy.local.simulated.homes import Home, Part


def history(home: Home, today: date, days: int) -> list[Json]:
    """The `days` days before `today`. A silent home fell silent the day before yesterday."""
    last = 3 if home.part is Part.SILENT else 1
    return [
        item
        for back in range(days, last - 1, -1)
        for item in _day(home, today - timedelta(days=back), today)
    ]


def morning(home: Home, now: datetime) -> list[Json]:
    """What a home sends on a morning when all is well."""
    today = now.astimezone(OSLO).date()
    sent = [devices.usual_pressure(home, now, home.dice(today, now.isoformat()))]
    if not home.on_dialysis:
        return [*sent, devices.usual_saturation(home, now, home.dice(today, "saturation"))]
    sent.append(devices.weight(home, now, weight(home, today, today)))
    return [*sent, *last_night(home, now)]


def last_night(home: Home, now: datetime) -> list[Json]:
    """What the dialysis machine has sent by itself when the night's treatment had ended."""
    today = now.astimezone(OSLO).date()
    has_ended = home.peritoneal and _ends(home, today) < now
    return [_night(home, today)] if has_ended and home.part is not Part.SILENT else []


def weight(home: Home, day: date, today: date) -> Decimal:
    """The weight on the morning of `day`, in kg."""
    noise = Decimal(home.dice(day, "weight").randint(-8, 8)) / 100
    if home.peritoneal or not home.on_dialysis:
        return home.dry_weight + noise
    since = next(n for n in range(1, 9) if _dialyses(home, day - timedelta(days=n), today))
    each_day = Decimal("0.85") if home.part is Part.FLUID else Decimal("0.4")
    return home.dry_weight + Decimal("0.3") + each_day * (since - 1) + noise


def _day(home: Home, day: date, today: date) -> Iterator[Json]:
    yield devices.usual_pressure(home, _at(home, day, "07:20"), home.dice(day, "pressure"))
    if not home.on_dialysis:
        dice = home.dice(day, "saturation")
        yield devices.usual_saturation(home, _at(home, day, "07:24"), dice)
        return
    yield devices.weight(home, _at(home, day, "07:05"), weight(home, day, today))
    if home.peritoneal:
        yield _night(home, day)
    elif _dialyses(home, day, today):
        yield from _session(home, day, today)
    if home.part is Part.WEIGHT_RISE:
        # The rule compares weights 16 to 32 hours apart: so one of yesterday fits at any hour.
        yield devices.weight(home, _at(home, day, "21:00"), weight(home, day, today))
    dice = home.dice(day, "temperature")
    if dice.random() < 0.3:
        yield devices.usual_temperature(home, _at(home, day, "07:30"), dice)


def _session(home: Home, day: date, today: date) -> Iterator[Json]:
    dice = home.dice(day, "session")
    before = weight(home, day, today) + Decimal("0.3")
    after = home.dry_weight + Decimal(dice.randint(-10, 20)) / 100
    yield devices.weight(home, _at(home, day, "16:30"), before, "pre")
    yield devices.weight(home, _at(home, day, "21:10"), after, "post")
    yield devices.usual_pressure(home, _at(home, day, "21:15"), dice, -12, "post")


def _night(home: Home, day: date) -> Json:
    began = _at(home, day - timedelta(days=1), "22:00")
    return devices.usual_night(home, began, _ends(home, day), home.dice(day, "night"))


def _ends(home: Home, day: date) -> datetime:
    return _at(home, day, "05:30")


def _dialyses(home: Home, day: date, today: date) -> bool:
    """Every other evening. The one who drifts has let the last sessions go."""
    if home.part is Part.FLUID and day > today - timedelta(days=3):
        return False
    return (day.toordinal() + home.number) % 2 == 0


def _at(home: Home, day: date, clock: str) -> datetime:
    minutes = home.dice(day, clock).randint(-25, 25)
    local = datetime.combine(day, time.fromisoformat(clock), OSLO)
    return (local + timedelta(minutes=minutes)).astimezone(UTC)
