"""The list on paper: every patient of one unit, with last values and room to write."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts.page import heading, row, shown, words, written
from services.alerts.page.frame import frame

View = dict[str, Any]
Json = Mapping[str, Any]


def downtime_view(data: Json, lang: str, now: datetime) -> View:
    """Of the list's data: `rows`, `unit`, `counts`, `as_of`, `next_at`, and `is_file?`
    where its style lies beside it. Values are told in words
    and with the clock: paper does not count ages."""
    t = words.words(lang)
    said = t["downtime"]
    by_lane: dict[str, list[View]] = {"clinical": [], "technical": [], "paused": [], "done": []}
    for each in data["rows"]:
        one = row.view(each, None, now, lang)
        figures = shown.joined(each.get("values") or (), lang)
        one["figures"] = [
            {
                "name": f["name"],
                "text": f["text"],
                "clock": shown.moment(f["at"], now, lang)["clock"],
            }
            for f in figures
        ]
        since = each.get("waiting_since")
        one["since"] = written.clock(since, now, t, lang) if since else ""
        by_lane[one["lane"]].append(one)
    unit = data.get("unit") or {}
    return {
        **frame({**data, "csrf": ""}, lang),
        "title": said["title"].format(unit=unit.get("name", "")),
        "unit": unit.get("name", ""),
        "counts": heading.counts(data, t),
        "made": said["made"].format(clock=written.clock(now, now, t, lang), day=_day(now, lang)),
        "complete": heading.fresh(data, now, lang)["complete"],
        "next": said["next"].format(clock=written.clock(data["next_at"], now, t, lang)),
        "lanes": [
            {"name": t["worklist"]["lanes"][lane], "rows": row.worst_first(rows)}
            for lane, rows in by_lane.items()
            if rows
        ],
        "is_file": bool(data.get("is_file")),
    }


def _day(now: datetime, lang: str) -> str:
    return written.date_of(now.astimezone(written.OSLO).date(), lang)
