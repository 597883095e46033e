"""Verb: the patients that a search finds, by name, local number or national number.

A national number never stands in an address and is not shown again; that the hospital knows it
elsewhere is told, but not whose it is.
"""

from dataclasses import dataclass, field
from typing import Any

from services.patients import look, store
from services.patients.look import Looker
from services.patients.nouns import Patient
from services.patients.numbers import Numbers, looks_national
from shared import identity
from shared.access import CLINICAL
from shared.database import Database

FOUND = 20
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Found:
    """`text` is what may be shown again; `elsewhere`: the number is another unit's patient's."""

    patients: list[Patient] = field(default_factory=list)
    text: str = ""
    asked: bool = False
    elsewhere: bool = False


NOTHING = Found()


async def find(database: Database, looker: Looker, keys: Numbers, sent: str) -> Found:
    text = sent.strip()[:LONGEST]
    if not text:
        return NOTHING
    caller = looker.caller
    async with database.transaction() as tx:
        if looks_national(text):
            hashes = _hashes(keys, text)
            whose = await store.whose_number(tx, caller.org, hashes) if hashes else None
            one = await store.patient(tx, caller.org, whose) if whose else None
            seen = [one] if one is not None and await look.is_hers(tx, caller, one.id) else []
            await look.logged(tx, looker, [p.id for p in seen], "search")
            return Found(seen, "", True, one is not None and not seen)
        units = list(caller.units) if caller.role in CLINICAL else None
        seen = await store.patients(tx, caller.org, unit_ids=units, text=text, limit=FOUND)
        await look.logged(tx, looker, [p.id for p in seen], "list")
    return Found(seen, text, True)


def _hashes(keys: Any, text: str) -> list[bytes]:
    digits = "".join(character for character in text if character.isdigit())
    kind = identity.kind_of(digits)
    found: list[bytes] = keys.hashes(kind.system if kind else identity.FNR, digits)
    return found
