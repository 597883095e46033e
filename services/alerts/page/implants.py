"""Transmissions from an implant: what it reported, what its maker found, and the documents."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.alerts.page import shown, words, written

View = dict[str, Any]
Json = Mapping[str, Any]


def implant(data: Json, now: datetime, lang: str) -> View | None:
    """`data["implant"]` (`one_patient/implants.py`): None where the programme has none."""
    given = data.get("implant")
    if given is None:
        return None
    t = words.words(lang)
    where = f"/patients/{data['patient']['id']}/attachments"
    rows = [_row(one, where, now, t, lang) for one in given["transmissions"]]
    connection = given["connection"]
    return {
        "rows": rows,
        "more": t["implant"]["shown"].format(n=len(rows), of=given["of"])
        if given["of"] > len(rows)
        else "",
        "connection": t["implant"]["connection"].format(
            state=words.code(t, "cied_connection", str(connection["code"])),
            clock=written.clock(connection["at"], now, t, lang),
        )
        if connection
        else "",
    }


def _row(one: Json, where: str, now: datetime, t: words.Words, lang: str) -> View:
    event = one["event"]
    return {
        "clock": written.clock(one["at"], now, t, lang),
        "iso": written.iso(one["at"]),
        "age": written.age(one["at"], now, t),
        "event": {
            "text": words.say(event["says"], lang),
            **(shown.colour(event["colour"], lang) if event["colour"] else {"icon": ""}),
        }
        if event
        else None,
        "figures": [
            {
                "name": words.say(each["label"], lang),
                "value": written.quantity(each["value"], each["ucum"], lang)
                if isinstance(each["value"], Decimal)
                else words.code(t, "implant", each["value"]),
            }
            for each in one["figures"]
        ],
        "documents": [f"{where}/{each['fact']}" for each in one["documents"]],
        "note": str(one.get("note") or ""),
        "fact": one["fact"],
    }
