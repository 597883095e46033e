"""NEWS2 exactly as published (Royal College of Physicians, London 2017, chart 1).

A missing parameter never scores 0: an incomplete score is a lower and an upper bound. Values
are rounded half up to the chart's precision before scoring, in decimals. Scale 2 only where a
recorded decision says so.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

Points = tuple[tuple[Decimal, ...], tuple[int, ...]]
Band = Literal["low", "low-medium", "medium", "high"]

PARAMETERS = (
    "respiratory_rate",
    "spo2",
    "supplemental_oxygen",
    "systolic_bp",
    "pulse",
    "consciousness",
    "temperature",
)


def _bands(*bands: tuple[str | None, int]) -> Points:
    """(highest value of the band, points); the last band has no upper end."""
    tops = tuple(Decimal(top) for top, _ in bands if top is not None)
    return tops, tuple(points for _, points in bands)


BANDS = {
    "respiratory_rate": _bands(("8", 3), ("11", 1), ("20", 0), ("24", 2), (None, 3)),
    "spo2": _bands(("91", 3), ("93", 2), ("95", 1), (None, 0)),
    "systolic_bp": _bands(("90", 3), ("100", 2), ("110", 1), ("219", 0), (None, 3)),
    "pulse": _bands(("40", 3), ("50", 1), ("90", 0), ("110", 1), ("130", 2), (None, 3)),
    "temperature": _bands(("35.0", 3), ("36.0", 1), ("38.0", 0), ("39.0", 1), (None, 2)),
}
SCALE_2_AIR = _bands(("83", 3), ("85", 2), ("87", 1), (None, 0))
SCALE_2_OXYGEN = _bands(("83", 3), ("85", 2), ("87", 1), ("92", 0), ("94", 1), ("96", 2), (None, 3))
CONSCIOUSNESS = {"A": 0, "C": 3, "V": 3, "P": 3, "U": 3}
OXYGEN = 2

STEP = dict.fromkeys(BANDS, Decimal(1)) | {"temperature": Decimal("0.1")}
# Outside these nobody measures a living person (the intake quarantines the same).
POSSIBLE = {
    "respiratory_rate": (1, 80),
    "spo2": (1, 100),
    "systolic_bp": (30, 300),
    "pulse": (10, 300),
    "temperature": (20, 45),
}


class ImpossibleValue(ValueError):
    """A value cannot have been measured on a person."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class News2:
    """`subscores` are the certain ones. `band` needs a complete score; `lowest_band` does not."""

    total: int | None
    complete: bool
    lower_bound: int
    upper_bound: int
    subscores: Mapping[str, int]
    any_single_3: bool
    band: Band | None
    lowest_band: Band
    missing: tuple[str, ...]


def score(
    *,
    respiratory_rate: Decimal | None = None,
    spo2: Decimal | None = None,
    spo2_scale: int = 1,
    supplemental_oxygen: bool | None = None,
    systolic_bp: Decimal | None = None,
    pulse: Decimal | None = None,
    consciousness: str | None = None,
    temperature: Decimal | None = None,
) -> News2:
    numbers = {
        "respiratory_rate": respiratory_rate,
        "systolic_bp": systolic_bp,
        "pulse": pulse,
        "temperature": temperature,
    }
    bounds: dict[str, tuple[int, int]] = {
        name: (0, 3) if value is None else _certain(points(name, value))
        for name, value in numbers.items()
    }
    bounds["spo2"] = _spo2(spo2, spo2_scale, supplemental_oxygen)
    bounds["consciousness"] = (
        (0, 3) if consciousness is None else _certain(CONSCIOUSNESS[consciousness])
    )
    bounds["supplemental_oxygen"] = (
        (0, OXYGEN) if supplemental_oxygen is None else _certain(OXYGEN * supplemental_oxygen)
    )
    given = numbers | {
        "spo2": spo2,
        "consciousness": consciousness,
        "supplemental_oxygen": supplemental_oxygen,
    }
    missing = tuple(name for name in PARAMETERS if given[name] is None)
    lower = sum(low for low, _ in bounds.values())
    subscores = {
        name: bounds[name][0]
        for name in PARAMETERS
        if given[name] is not None and bounds[name][0] == bounds[name][1]
    }
    single = 3 in subscores.values()
    lowest = band(lower, single)
    return News2(
        total=None if missing else lower,
        complete=not missing,
        lower_bound=lower,
        upper_bound=sum(high for _, high in bounds.values()),
        subscores=subscores,
        any_single_3=single,
        band=None if missing else lowest,
        lowest_band=lowest,
        missing=missing,
    )


def points(name: str, value: Decimal, bands: Points | None = None) -> int:
    tops, scores = bands or BANDS[name]
    return scores[bisect_left(tops, value.quantize(STEP[name], rounding=ROUND_HALF_UP))]


def band(total: int, any_single_3: bool) -> Band:
    if total >= 7:
        return "high"
    if total >= 5:
        return "medium"
    return "low-medium" if any_single_3 else "low"


def _certain(points: int) -> tuple[int, int]:
    return (points, points)


def _spo2(value: Decimal | None, scale: int, oxygen: bool | None) -> tuple[int, int]:
    if value is None:
        return (0, 3)
    if scale == 1:
        return _certain(points("spo2", value))
    air, on_oxygen = points("spo2", value, SCALE_2_AIR), points("spo2", value, SCALE_2_OXYGEN)
    if oxygen is None:
        # From 93 % the points depend on what we were not told.
        return (air, on_oxygen)
    return _certain(on_oxygen if oxygen else air)


def check(given: Mapping[str, Decimal | str | bool | int | None]) -> None:
    """Refuse what cannot be measured, before it is scored."""
    for name, (least, most) in POSSIBLE.items():
        value = given.get(name)
        if value is None:
            continue
        if not isinstance(value, Decimal) or not value.is_finite() or not least <= value <= most:
            raise ImpossibleValue(name)
    if given.get("consciousness") not in (None, *CONSCIOUSNESS):
        raise ImpossibleValue("consciousness")
    if given.get("spo2_scale", 1) not in (1, 2):
        raise ImpossibleValue("spo2_scale")
