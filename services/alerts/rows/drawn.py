"""Rows of the list as they were last drawn, so that a list of five hundred is not drawn anew for
every look at it.

A row is drawn again when what is stored has changed, and each minute, because it tells ages. What
is shut for a reader is never kept: only a row that stands as it is stored comes here.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any

import asyncpg

from services.alerts.reader import Reader
from services.alerts.store_views import Held

View = dict[str, Any]

MOST = 20_000  # some 4 kB each


class Drawn:
    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, View] = OrderedDict()

    def row(self, key: Hashable | None, draw: Callable[[], View]) -> View:
        if key is None:
            return draw()
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = draw()
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return kept


def key_of(
    by: Reader,
    stored: Any,
    held: Held | None,
    beside: Any,
    lang: str,
    now: datetime,
) -> Hashable | None:
    """All that a drawn row depends on; None for one that is not as it is stored. `beside` is what
    is read with the list and stands in no row: progress, and whom it waits for."""
    if not isinstance(stored, asyncpg.Record):
        return None
    body = stored["body"]
    asked = any(one.get("handed") for one in body.get("alerts") or ())
    return (
        by.org,
        stored["unit_id"],
        stored["patient_id"],
        stored["written"],
        stored["seen_at"],
        stored["seen_by_name"],
        held,
        repr(beside),
        by.role,
        by.id if body.get("assignee") else "",
        by.units if asked else (),
        lang,
        int(now.timestamp()) // 60,
    )
