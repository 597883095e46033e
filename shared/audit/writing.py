"""Verb: write down who saw or did what, in the transaction that reads or changes.

The law: no audit, no data. The row commits with, and before, what is shown.
"""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

import asyncpg

from shared.audit import store, trail
from shared.audit.event import Outcome, Who


class LookCannotBeLogged(Exception):
    """The access log cannot be written just now, so nothing is shown"""


async def note(
    tx: asyncpg.Connection,
    who: Who,
    patients: Iterable[UUID],
    what: str,
    outcome: Outcome = "shown",
    *,
    why: str,
    about: str | None = None,
) -> None:
    """One row for the act, with every patient it concerns. LookCannotBeLogged.

    `who` may know only organisation, person and role: where the request came from, and with which
    rights, its own door has said. `about`: what was changed, where it is no patient.
    """
    here = trail.here(who.org, who.by)
    if here is not None:
        who = replace(here.who, request_id=who.request_id or here.who.request_id)
    seen = sorted(set(patients), key=lambda one: one.int)
    try:
        await store.add(tx, who, seen, what, why, outcome, about=about)
    except asyncpg.PostgresError as error:
        raise LookCannotBeLogged from error
    if here is not None:
        here.written.add(outcome)


async def change(
    tx: asyncpg.Connection, org: str, by: str, role: str, about: object, *, what: str
) -> None:
    """A change of how the house is arranged: units, staff, devices, ladders, versions."""
    who = Who(org, by, role)
    await note(tx, who, (), what, "changed", why="administration", about=str(about))
