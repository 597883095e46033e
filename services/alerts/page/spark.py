"""Fourteen days of one series as a small drawing: own scale, limit band, breaches, gaps.

Only coordinates and class names come out; the colours are in the style sheet. Figures are floats
here, because they end as pixels; the order of two decimals is the same as floats.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.alerts.page import words, written

SPAN = timedelta(days=14)
WIDTH, HEIGHT = 124, 36
LEFT, RIGHT = 4.0, 118.0
TOP, BOTTOM = 6.0, 30.0
# With more points than this the dots would run together; the line alone is drawn.
DOTS_UP_TO = 10
# A pulse watch may send hundreds a day: at most two points per bucket are drawn, lowest and
# highest, and every one outside a limit.
BUCKET = timedelta(hours=6).total_seconds()
UNTHINNED = int(2 * SPAN.total_seconds() // BUCKET)

View = dict[str, Any]
Limits = tuple[float | None, float | None]


class Point(NamedTuple):
    at: float  # seconds since 1970
    value: float


class Scale(NamedTuple):
    """From moments and values to the drawing's own coordinates."""

    start: float
    low: float
    high: float

    def x(self, at: float) -> float:
        share = (at - self.start) / SPAN.total_seconds()
        return round(LEFT + share * (RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        if self.high == self.low:
            return (TOP + BOTTOM) / 2
        return round(BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP), 1)


def spark(row: Mapping[str, Any], now: datetime, lang: str) -> View | None:
    """The drawing of a worklist row, or None when there is no series to draw."""
    start, end = (now - SPAN).timestamp(), now.timestamp()
    raw = [(written.moment(at).timestamp(), value) for at, value, *_ in row.get("spark") or ()]
    given = sorted((each for each in raw if start <= each[0] <= end), key=lambda each: each[0])
    missing = [
        at
        for at in (written.moment(each).timestamp() for each in row.get("spark_missing") or ())
        if start <= at <= end
    ]
    if not given and not missing:
        return None
    limits = _limits(row.get("spark_limits"))
    points = _thinned([Point(at, float(value)) for at, value in given], limits)
    ends = [point.value for point in points] + [limit for limit in limits if limit is not None]
    scale = Scale(start, min(ends, default=0.0), max(ends, default=1.0))
    drawn = [{"x": scale.x(point.at), "y": scale.y(point.value)} for point in points]
    outside = [_is_outside(point.value, limits) for point in points]
    tone = row.get("colour", "") if outside and outside[-1] else ""
    return {
        "band": _band(limits, scale),
        "lines": [scale.y(limit) for limit in limits if limit is not None],
        "path": _path(points, drawn, missing),
        "dots": drawn if len(drawn) <= DOTS_UP_TO else [],
        "breaches": [dot for dot, out in zip(drawn[:-1], outside[:-1], strict=True) if out],
        "last": {**drawn[-1], "tone": tone} if drawn else None,
        "missing": [round(scale.x(at) - 2.5, 1) for at in missing],
        "label": _label(row, given[-1][1] if given else None, limits, len(missing), lang),
    }


def _limits(raw: Sequence[Any] | None) -> Limits:
    low, high = raw or (None, None)
    return (None if low is None else float(low), None if high is None else float(high))


def _is_outside(value: float, limits: Limits) -> bool:
    low, high = limits
    return (low is not None and value < low) or (high is not None and value > high)


def _thinned(points: list[Point], limits: Limits) -> list[Point]:
    if len(points) <= UNTHINNED:
        return points
    buckets: dict[int, list[Point]] = {}
    for point in points:
        buckets.setdefault(int(point.at // BUCKET), []).append(point)
    kept = {points[-1]}
    for bucket in buckets.values():
        kept |= {min(bucket, key=lambda p: p.value), max(bucket, key=lambda p: p.value)}
        kept.update(point for point in bucket if _is_outside(point.value, limits))
    return sorted(kept)


def _band(limits: Limits, scale: Scale) -> View | None:
    low, high = limits
    if low is None and high is None:
        return None
    top = scale.y(high) if high is not None else 0.0
    bottom = scale.y(low) if low is not None else float(HEIGHT)
    return {"y": top, "height": round(max(0.0, bottom - top), 1)}


def _path(points: list[Point], drawn: list[View], missing: list[float]) -> str:
    """The line breaks where something expected did not come: silence is never bridged."""
    steps = []
    for i, dot in enumerate(drawn):
        broken = i == 0 or any(points[i - 1].at < at < points[i].at for at in missing)
        steps.append(f"{'M' if broken else 'L'}{dot['x']} {dot['y']}")
    return "".join(steps)


def _label(row: Mapping[str, Any], latest: object, limits: Limits, missing: int, lang: str) -> str:
    t = words.words(lang)
    said = t["spark"]
    if latest is None:
        return str(said["none"])
    low, high = limits
    name = words.kind(t, str(row.get("spark_kind", "")), str(row.get("spark_field") or "value"))
    text = str(said["label"]).format(kind=name, value=written.number(latest, lang))
    figure = float(str(latest))
    if high is not None and figure > high:
        text += said["high"].format(limit=written.number(high, lang))
    elif low is not None and figure < low:
        text += said["low"].format(limit=written.number(low, lang))
    elif low is not None or high is not None:
        text += said["inside"]
    return text + (words.count(said["missing"], missing) if missing else "")
