"""The list on paper, for when nothing answers: shown to print, and written to a folder every
quarter of an hour, a file for each unit.

What a patient has shut for anybody, and what is of a sensitive programme, is not on it: a file and
a sheet of paper ask nobody who is reading.
"""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from services.alerts import page, store_views, views, worklist
from services.alerts.care import store_shields
from services.alerts.door import row_place
from services.alerts.page.frame import TEMPLATES
from services.alerts.reader import Reader
from services.alerts.rows import list_data
from services.alerts.views import Listed, Parts, Question
from shared import ledger, sensitive
from shared.loop import Loop

log = structlog.get_logger()

Json = dict[str, Any]

EVERY = 15 * 60.0
LIST = 500
STYLE = TEMPLATES.parent / "static" / "downtime.css"
NOT_WRITTEN = "A unit's downtime list was not written."
LANGUAGE = "nb"  # on the wall of a Norwegian ward


async def whole(parts: Parts, by: Reader, unit: UUID) -> tuple[Json, Listed]:
    """Every row of the unit, however many. NotYourUnit."""
    listed = await views.worklist(parts, by, Question(unit=unit, limit=LIST))
    data = list_data.page(by, parts.programmes, Question(unit=unit), listed)
    data["rows"] = list_data.rows(by, listed)
    more = listed
    while more.more:
        after = row_place(worklist.next_place(more))
        more = await views.worklist(parts, by, Question(unit=unit, after=after, limit=LIST))
        data["rows"] += list_data.rows(by, more)
    return {**data, "next_at": listed.now + timedelta(seconds=EVERY)}, listed


class Sheets(Loop):
    """Part of the service. Nothing is written unless a folder is named."""

    def __init__(self, parts: Parts, folder: Path | None, every: float = EVERY) -> None:
        super().__init__("downtime list", parts.database, every=every)
        self._parts = parts
        self._folder = folder

    async def open(self) -> None:
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            await super().open()

    async def turn(self) -> None:
        assert self._folder is not None
        await self.write_all(self._folder)

    async def write_all(self, folder: Path) -> None:
        """A unit whose file cannot be written does not keep the others from theirs."""
        async with self._parts.database.connection() as connection:
            orgs = await ledger.organisations(connection)
            units = {org: await store_views.units(connection, org) for org in orgs}
        await asyncio.to_thread(write, folder / STYLE.name, STYLE.read_text("utf-8"))
        for org, of_org in units.items():
            for unit in of_org:
                try:
                    await self._one(folder, org, unit)
                except Exception as error:  # its fault is not the other units'
                    log.error(NOT_WRITTEN, unit=str(unit), fault=type(error).__name__)

    async def _one(self, folder: Path, org: str, unit: UUID) -> None:
        shut = sensitive.closed(self._parts.programmes, ())
        anybody = store_shields.ANYBODY
        by = Reader(anybody, "", "system", org, frozenset({unit}), shut=shut)
        data, listed = await whole(self._parts, by, unit)
        view = page.downtime_view({**data, "is_file": True}, LANGUAGE, listed.now)
        text = page.render("downtime.html", view)
        await asyncio.to_thread(write, folder / f"{org}-{unit}.html", text)


def write(path: Path, text: str) -> None:
    """Whole or not at all: who opens it meanwhile has the one before. For the owner alone."""
    fresh = path.with_suffix(".new")
    place = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(place, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
