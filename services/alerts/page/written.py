"""Numbers, times and ages as people read them: Norwegian or English, always Europe/Oslo."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.alerts.page import words
from services.alerts.page.words import Words
from shared.wall_clock import OSLO as OSLO

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Shown with a decimal even when whole: 82 kg and 82,0 kg do not say the same precision.
AT_LEAST_ONE_DECIMAL = frozenset({"kg", "Cel", "mmol/L"})
# Narrow signs that belong to the figure: 112/min, not 112 /min.
WITHOUT_SPACE = ("/",)
NBSP = "\u00a0"

HOUR = 60
DAY = 24 * HOUR


class TimeHasNoZone(ValueError):
    """A moment on the page must say its time zone."""


def moment(value: datetime | str) -> datetime:
    """A moment out of the data, as a datetime or as ISO text."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise TimeHasNoZone
    return at


def iso(value: datetime | str) -> str:
    """For data attributes: the script reads ages from them."""
    return moment(value).astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: object, lang: str, *, at_least: int = 0, at_most: int = 2) -> str:
    """82,4 or 82.4; decimals as stored up to `at_most`, a real minus sign, grouped thousands."""
    exact = Decimal(str(value))
    stored = -int(exact.normalize().as_tuple().exponent)
    places = min(max(stored, at_least, 0), at_most)
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = f"{rounded:,f}".replace("-", "−")
    if lang == "nb":
        text = text.replace(",", NBSP).replace(".", ",")
    return text


def figure(value: object, ucum: str | None, lang: str) -> str:
    """The figure alone, with the decimals its unit is spoken with."""
    return number(value, lang, at_least=1 if ucum in AT_LEAST_ONE_DECIMAL else 0)


def quantity(value: object, ucum: str | None, lang: str) -> str:
    """A figure with its unit: 84,7 kg, 91 %, 112/min."""
    t = words.words(lang)
    unit = str(t["ucum"].get(ucum, ucum)) if ucum else ""
    if not unit:
        return figure(value, ucum, lang)
    closed_up = unit.startswith(WITHOUT_SPACE) or (lang == "en" and unit == "%")
    return f"{figure(value, ucum, lang)}{'' if closed_up else NBSP}{unit}"


def value(kind: str, field: str, stored: Any, ucum: str | None, lang: str) -> str:
    """One stored value: a number with its unit, or a code in words."""
    if isinstance(stored, bool):
        t = words.words(lang)
        return words.code(t, field if field in t["codes"] else "answer", str(stored).lower())
    if isinstance(stored, str):
        try:
            Decimal(stored)
        except ArithmeticError:
            t = words.words(lang)
            return words.code(t, field if field in t["codes"] else kind, stored)
    return quantity(stored, ucum, lang)


def date_of(value: date | str, lang: str) -> str:
    """14.03.1952 or 14 Mar 1952; in English the month is a word, so it cannot be mistaken."""
    day = value if isinstance(value, date) else date.fromisoformat(value)
    if lang == "nb":
        return day.strftime("%d.%m.%Y")
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def day_of(value: datetime | str, now: datetime, lang: str) -> str:
    """The day of a moment without its clock: 18.11, or 18.11.2025 in another year."""
    local, today = moment(value).astimezone(OSLO).date(), now.astimezone(OSLO).date()
    if lang == "nb":
        return local.strftime("%d.%m" if local.year == today.year else "%d.%m.%Y")
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {MONTHS[local.month - 1]}{year}"


def years(born: date | str, now: datetime) -> int:
    """Age at `now`, in whole years."""
    day = born if isinstance(born, date) else date.fromisoformat(born)
    today = now.astimezone(OSLO).date()
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day))


def clock(value: datetime | str, now: datetime, t: Words, lang: str) -> str:
    """07:18 · i går 07:18 · lør 07:18 · 16.11 07:18."""
    local = moment(value).astimezone(OSLO)
    time = local.strftime("%H:%M")
    days = (local.date() - now.astimezone(OSLO).date()).days
    if days == 0:
        return time
    if days in (-1, 1):
        return str(t["time"]["yesterday" if days < 0 else "tomorrow"]).format(clock=time)
    if abs(days) < 7:
        return f"{t['time']['weekdays'][local.weekday()]} {time}"
    return f"{day_of(local, now, lang)} {time}"


def time_only(value: datetime | str, *, seconds: bool = False) -> str:
    return moment(value).astimezone(OSLO).strftime("%H:%M:%S" if seconds else "%H:%M")


def local_input(value: datetime) -> str:
    """The start value of an input of type datetime-local, in Norwegian time."""
    return value.astimezone(OSLO).strftime("%Y-%m-%dT%H:%M")


def age(since: datetime | str, now: datetime, t: Words) -> str:
    """How old a value is. static/live.js counts the same way."""
    minutes = _minutes(since, now)
    if minutes < 2 * HOUR:
        return str(t["time"]["minutes"]).format(n=minutes)
    if minutes < 2 * DAY:
        return str(t["time"]["hours"]).format(n=minutes // HOUR)
    return str(t["time"]["days"]).format(n=minutes // DAY)


def wait(since: datetime | str, now: datetime, t: Words) -> str:
    """How long somebody has waited: minutes count for half a day. live.js counts the same way."""
    minutes = _minutes(since, now)
    if minutes < HOUR:
        return str(t["time"]["minutes"]).format(n=minutes)
    if minutes < 12 * HOUR and minutes % HOUR:
        return str(t["time"]["hours_minutes"]).format(h=minutes // HOUR, m=minutes % HOUR)
    if minutes < 2 * DAY:
        return str(t["time"]["hours"]).format(n=minutes // HOUR)
    return str(t["time"]["days"]).format(n=minutes // DAY)


def _minutes(since: datetime | str, now: datetime) -> int:
    return max(0, (now - moment(since)) // timedelta(minutes=1))


def initials(name: str) -> str:
    parts = name.split()
    ends = [parts[0], parts[-1]] if len(parts) > 1 else parts
    return "".join(part[0] for part in ends).upper()


def short(name: str) -> str:
    """Ida Testsykepleier → Ida T."""
    first, *rest = name.split() or [""]
    return f"{first} {rest[-1][0]}." if rest else first
