"""Forms on the patient's page: the newest of each, its score with band and course, its answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.alerts.page import spark, words, written

View = dict[str, Any]
EARLIER = 12
Json = Mapping[str, Any]


def answers(each: Json, now: datetime, lang: str) -> View:
    """{"name", "at"?, "score"?, "items"?, "least"?, "most"?, "band"?, "trend"?, "change"?,
    "unknown"?, "unanswered"?, "unfit"?, "closed"?}"""
    t = words.words(lang)
    said = t["patient"]
    at = each.get("at")
    return {
        "name": words.say(each.get("name"), lang) or words.kind(t, "questionnaire"),
        "clock": written.clock(at, now, t, lang) if at else "",
        "iso": at or "",
        "age": written.age(at, now, t) if at else "",
        "score": _score(each, said, lang),
        "band": words.say(each.get("band"), lang),
        "change": said["score_change"].format(n=_signed(each["change"], lang))
        if each.get("change") is not None
        else "",
        "spark": _spark(each.get("trend") or (), said, lang),
        "earlier": [
            {
                "clock": written.clock(one["at"], now, t, lang),
                "score": written.number(one["total"], lang),
            }
            for one in reversed(list(each.get("trend") or ())[:-1])
        ][:EARLIER],
        "unknown": [words.say(one, lang) for one in each.get("unknown") or ()],
        "unanswered": [words.say(one, lang) for one in each.get("unanswered") or ()],
        "unfit": bool(each.get("unfit")),
        "closed": bool(each.get("closed")),
        "items": [
            {"label": words.say(item["label"], lang), "value": words.say(item["value"], lang)}
            for item in each.get("items") or ()
        ],
    }


def _score(each: Json, said: words.Words, lang: str) -> str:
    score = each.get("score")
    if score is not None:
        return str(said["score"].format(n=written.number(score, lang)))
    least, most = each.get("least"), each.get("most")
    if least is None or most is None:
        return ""
    return str(
        said["score_bounds"].format(
            low=written.number(least, lang), high=written.number(most, lang)
        )
    )


def _signed(change: Any, lang: str) -> str:
    text = written.number(abs(change), lang)
    return f"+{text}" if change > 0 else f"−{text}" if change < 0 else text


def _spark(trend: Sequence[Json], said: words.Words, lang: str) -> View | None:
    """The course of the complete scores, on its own scale; one alone is no course."""
    if len(trend) < 2:
        return None
    moments = [written.moment(one["at"]).timestamp() for one in trend]
    totals = [float(one["total"]) for one in trend]
    first, long = moments[0], (moments[-1] - moments[0]) or 1.0
    low, high = min(totals), max(totals)
    drawn = [
        {
            "x": round(spark.LEFT + (at - first) / long * (spark.RIGHT - spark.LEFT), 1),
            "y": round(
                spark.BOTTOM - (total - low) / ((high - low) or 1) * (spark.BOTTOM - spark.TOP), 1
            ),
        }
        for at, total in zip(moments, totals, strict=True)
    ]
    steps = [f"{'L' if place else 'M'}{dot['x']} {dot['y']}" for place, dot in enumerate(drawn)]
    listed = ", ".join(written.number(one["total"], lang) for one in trend)
    return {
        "band": None,
        "lines": [],
        "path": "".join(steps),
        "dots": drawn if len(drawn) <= spark.DOTS_UP_TO else [],
        "breaches": [],
        "last": {**drawn[-1], "tone": ""},
        "missing": [],
        "label": said["score_course"].format(scores=listed),
    }
