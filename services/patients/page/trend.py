"""Pure: the patient's own curves with his own limits, drawn as SVG, and the same as a table."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.patients.me.mine import Mine
from services.patients.page import entry, words, written
from services.patients.page.frame import View
from services.patients.page.plan import Line, lines
from shared import kinds
from shared.contracts import Fact

WIDTH, HEIGHT, TOP, FOOT = 316, 132, 14, 110
RIGHT = 262  # the latest figure stands beside its point
DAYS = (14, 90)


def trend_view(mine: Mine, days: int, lang: str, now: datetime) -> View:
    t = words.words(lang)
    limits = list(lines(mine))
    charts = []
    for kind in kinds.CATALOGUE.values():
        facts = [
            one
            for one in reversed(mine.facts)
            if one.type == "reading" and one.kind == kind.name and "clock_suspect" not in one.flags
        ]
        for field in kind.fields.values():
            if (kind.name, field.name) in entry.LEFT_OUT or field.enum or kind.period:
                continue
            points = [
                (one, Decimal(str(one.body["values"][field.name])))
                for one in facts
                if field.name in (one.body.get("values") or {})
            ]
            if points:
                own = [one for one in limits if (one.kind, one.field) == (kind.name, field.name)]
                charts.append(_chart(kind, field, points, own, days, lang, now))
    return {
        "charts": charts,
        "days": [
            {"n": one, "text": t["trend"]["days"].format(n=one), "on": one == days} for one in DAYS
        ],
    }


def _chart(
    kind: kinds.Kind,
    field: kinds.Field,
    points: list[tuple[Fact, Decimal]],
    limits: list[Line],
    days: int,
    lang: str,
    now: datetime,
) -> dict[str, Any]:
    t = words.words(lang)
    kept = _nearest(limits)
    figures = [number for _, number in points]
    low, high = min(figures), max(figures)
    spread = max(high - low, Decimal("0.04") * high, Decimal(1))
    # A limit far away would press the curve flat: it is told in words below instead.
    drawn = [one for one in kept if low - 2 * spread <= one.number <= high + 2 * spread]
    reach = [*figures, *(one.number for one in drawn)]
    floor, ceiling = min(reach) - spread / 8, max(reach) + spread / 8
    since = now - timedelta(days=days)

    def x(at: datetime) -> float:
        return round(6 + (RIGHT - 12) * max(0.0, (at - since) / (now - since)), 1)

    def y(number: Decimal) -> float:
        return round(TOP + (FOOT - TOP) * float((ceiling - number) / (ceiling - floor)), 1)

    name = kind.en if lang == "en" else kind.nb
    label = written.field_name(field, lang)
    last_at, last = points[-1][0].at, points[-1][1]
    return {
        "title": name if name == label else f"{name}: {label.lower()}",
        "unit": written.unit(field.ucum, t),
        "points": [{"x": x(one.at), "y": y(number)} for one, number in points],
        "path": "M" + "L".join(f"{x(one.at)} {y(number)}" for one, number in points),
        "last": {"x": x(last_at), "y": y(last), "text": written.figure(field, last, lang)},
        "limits": [
            {
                "y": y(one.number),
                "colour": one.colour,
                "text": f"{t['colours'][one.colour]} {written.number(one.number, 2, lang)}",
            }
            for one in drawn
        ],
        "since": written.date(since, t),
        "label": t["trend"]["label"].format(
            name=label, n=len(points), low=written.figure(field, low, lang),
            high=written.figure(field, high, lang), last=written.figure(field, last, lang),
        ),
        "words": [
            t["trend"]["limit"].format(
                colour=t["colours"][one.colour],
                side=t["plan"]["over" if one.over else "under"],
                number=written.number(one.number, 2, lang),
            )
            for one in kept
        ],
        "rows": [
            {
                "when": written.moment(one.at, now, t),
                "value": written.quantity(field, number, t, lang),
            }
            for one, number in reversed(points[-60:])
        ],
    }  # fmt: skip


def _nearest(limits: list[Line]) -> list[Line]:
    """Of several limits of one colour and side the one that is met first."""
    found: dict[tuple[str, bool], Line] = {}
    for one in limits:
        key = (one.colour, one.over)
        known = found.get(key)
        if known is None or (one.number < known.number) == one.over:
            found[key] = one
    return sorted(found.values(), key=lambda one: one.number)
