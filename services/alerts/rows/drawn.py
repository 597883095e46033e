"""Rows of the list as they were last drawn, so that a list of five hundred is neither read nor
drawn anew for every look at it.

A row is read and drawn again when what is stored has changed, and when time alone would show it
otherwise (`until`). Ages and waits are filled in at each look. What is shut for a reader is never
kept: only a row that stands as it is stored comes here.
"""

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from markupsafe import Markup

from services.alerts.page import row as page_row
from services.alerts.page import shown, words, written
from services.alerts.reader import Reader
from services.alerts.store_views import Held

View = dict[str, Any]
Json = Mapping[str, Any]
Key = Hashable

MOST = 20_000  # rows, some 5 kB each
# Nothing is kept longer, and not all are drawn again at once. What else tells the time (the place
# of a point in the drawing, names of units) may be so old.
LONGEST, APART = timedelta(minutes=5), timedelta(minutes=5)
# No text out of PostgreSQL has this character in it.
AGE, WAIT = "\0age\0", "\0wait\0"
_FILLED = re.compile("(\0age\0|\0wait\0)")
KNOWN = ("patient", "number", "programme", "assignee", "technical", "paused")
# Of what is drawn, all that the page around the rows asks for.
ASKED = ("lane", "tone", "emergency", "alert", "lines", "seen", "shut", "value")


@dataclass(slots=True)
class Row:
    """A row as it is drawn until a moment, with its ages left out."""

    view: View
    pieces: list[str]
    since: Mapping[str, datetime]  # of what stands in for an age or a wait
    lang: str
    until: datetime
    minute: int = -1
    html: Markup = field(default_factory=Markup)

    def at(self, now: datetime) -> View:
        minute = int(now.timestamp()) // 60
        if minute != self.minute:
            self.html = Markup("".join(self._filled(now)))
            self.minute = minute
        return {**self.view, "html": self.html}

    def _filled(self, now: datetime) -> Iterator[str]:
        t = words.words(self.lang)
        for piece in self.pieces:
            if piece == AGE:
                yield written.age(self.since[AGE], now, t)
            elif piece == WAIT:
                yield written.wait(self.since[WAIT], now, t)
            else:
                yield piece


def draw(row: Json, me: str | None, now: datetime, lang: str) -> Row:
    view = page_row.view(row, me, now, lang)
    since: dict[str, datetime] = {}
    marked = {**view}
    if view["value"]:
        since[AGE] = written.moment(view["value"]["iso"])
        marked["value"] = {**view["value"], "age": AGE}
    if view["waited"] and view["waited"]["iso"]:
        since[WAIT] = written.moment(view["waited"]["iso"])
        marked["waited"] = {**view["waited"], "text": WAIT}
    pieces = _FILLED.split(str(page_row.markup(marked, lang)))
    kept = {name: view[name] for name in ASKED}
    return Row(kept, pieces, since, lang, until(row, now))


def until(row: Json, now: datetime) -> datetime:
    """When time alone shows the row otherwise: somebody's time is up, a value is old, it is
    tomorrow."""
    scattered = UUID(str(row["patient"]["id"])).int % 997 / 997
    moments = [now + LONGEST + scattered * APART, _midnight(now)]
    moments += [at for at in _turns(row) if at > now]
    return min(moments)


def _turns(row: Json) -> Iterator[datetime]:
    """Every moment at which a word or a mark of the row turns into another."""
    for alert in row.get("alerts") or ():
        yield from _moments(alert.get("snoozed_until"))
    for value in row.get("values") or ():
        yield from _moments(value["at"], shown.OLD)
    yield from _moments(row.get("waiting_since"), page_row.LONG_WAIT)
    yield from _moments(row.get("deadline"))
    yield from _moments(row.get("answer_by"))
    yield from _moments((row.get("news2") or {}).get("expires"))
    yield from _moments((row.get("paused") or {}).get("until"))


def _moments(at: str | None, later: timedelta = timedelta()) -> Iterator[datetime]:
    if at:
        yield written.moment(at) + later


def _midnight(now: datetime) -> datetime:
    tomorrow = now.astimezone(written.OSLO).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), written.OSLO).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Stored:
    """Of a stored row, what must be known of it to choose how it is shown."""

    written: str
    body: Json


class Drawn:
    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._drawn: OrderedDict[Key, Row] = OrderedDict()
        self._stored: OrderedDict[Hashable, Stored] = OrderedDict()

    def stored(self, org: str, row: asyncpg.Record) -> Json | None:
        """What is known of a row whose body was not read; None if it has been written since."""
        known = self._stored.get((org, row["unit_id"], row["patient_id"]))
        return known.body if known is not None and known.written == row["written"] else None

    def learn(self, org: str, row: Json) -> None:
        of = Stored(row["written"], brief(row["body"]))
        _put(self._stored, (org, row["unit_id"], row["patient_id"]), of, self._most)

    def find(self, key: Key, now: datetime) -> Row | None:
        row = self._drawn.get(key)
        return row if row is not None and row.until > now else None

    def keep(self, key: Key, row: Row) -> None:
        _put(self._drawn, key, row, self._most)


def _put(into: OrderedDict[Hashable, Any], key: Hashable, value: object, most: int) -> None:
    into[key] = value
    into.move_to_end(key)
    if len(into) > most:
        into.popitem(last=False)


def brief(body: Json) -> Json:
    """Whose programmes, alerts and moves it is about, without anything that is only shown."""
    return {
        "alerts": [_about(one) for one in body.get("alerts") or ()],
        "elsewhere": [_about(one) for one in body.get("elsewhere") or ()],
        **{name: body.get(name) for name in KNOWN},
    }


def _about(alert: Json) -> Json:
    handed = alert.get("handed") is not None
    return {"id": alert["id"], "programme": alert["programme"], "handed": handed}


def key_of(
    by: Reader,
    stored: Any,
    held: Held | None,
    progress: Iterable[Json],
    behind: Json | None,
    lang: str,
) -> Key:
    """All that a drawn row depends on but the time."""
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
        tuple((one["programme"], one["done"], one["of"]) for one in progress),
        tuple(behind.values()) if behind else (),
        by.role,
        by.id if body.get("assignee") else "",
        by.units if asked else (),
        lang,
    )
