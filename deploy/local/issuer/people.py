"""Whom the log-in page lists: the staff in the record. A patient writes his number himself."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

import asyncpg

from deploy.local import numbers

CLINICAL = ("nurse", "physician")


@dataclass(frozen=True, slots=True)
class Person:
    """`subject` is the staff id, or for a patient a name made from his number."""

    subject: str
    name: str
    org: str
    pid: str
    role: str = "patient"
    hpr: str | None = None


People = Callable[[], Awaitable[list[Person]]]


def in_record(database: str) -> People:
    """The staff of every organisation, nurses first."""

    async def read() -> list[Person]:
        connection = await asyncpg.connect(database, timeout=5)
        try:
            rows = await connection.fetch(
                """
                select org, id, name, role, hpr from patients.staff where left_at is null
                order by array_position(
                    array['nurse', 'physician', 'administrator', 'auditor'], role), org, name, id
                """
            )
        finally:
            await connection.close()
        return [
            Person(
                str(row["id"]), row["name"], row["org"], _number(str(row["id"])), row["role"],
                row["hpr"] or _hpr(row["role"], str(row["id"])),
            )
            for row in rows
        ]  # fmt: skip

    return read


def citizen(pid: str) -> Person:
    return Person(f"citizen-{pid}", "", "", pid)


def _number(subject: str) -> str:
    """Always the same synthetic national number for the same person."""
    dice = random.Random(subject)
    return numbers.synthetic(date(1970 + dice.randrange(30), 1 + dice.randrange(12), 15), dice)


def _hpr(role: str, subject: str) -> str | None:
    """HelseID vouches for the number of everybody in the register; here all clinicians are."""
    dice = random.Random(subject)
    return str(dice.randrange(1_000_000, 9_999_999)) if role in CLINICAL else None
