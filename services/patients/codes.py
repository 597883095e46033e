"""Verbs: a one-time code that a device or app exchanges for its secret, without a log-in.

The code stands for one credential, which staff can bind to a patient before the code is redeemed.
A later code for the same credential takes the earlier one's place; a new phone gets its secret so,
and the old one serves until then and a little longer.
"""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.patients import issue, organise, store_codes, store_devices
from services.patients.nouns import Credential, CredentialKind
from shared import access, audit
from shared.access import Caller, attempts
from shared.database import Database
from shared.mqtt_password import mosquitto_hash

# Without I, L, O and U: what is read aloud or copied by hand is told apart.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12  # 60 bits: at five tries in ten minutes nobody finds one
_SAME = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})

OVERLAP = timedelta(minutes=5)
WHAT = "enrolment-codes"


class CodeIsNotValid(Exception):
    """This code is not valid, or not any more"""


class SystemsHaveNoCode(Exception):
    """A system gets its secret from an administrator, not by a code"""


@dataclass(frozen=True, slots=True)
class Made:
    """The only time the code is seen."""

    code: str
    until: datetime
    credential: Credential


@dataclass(frozen=True, slots=True)
class Redeemed:
    org: str
    credential: Credential
    secret: str


def new() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def shown(code: str) -> str:
    return "-".join(code[first : first + 4] for first in range(0, LENGTH, 4))


def plain(written: str) -> str:
    """As it was made, however it was written down."""
    return written.upper().translate(_SAME)


def hashed(code: str) -> bytes:
    return hashlib.sha256(f"enrolment code {code}".encode()).digest()


async def make(
    database: Database,
    caller: Caller,
    *,
    cred: str | None,
    new_one: Credential | None,
    lasts: timedelta,
    now: datetime,
) -> Made:
    """A code for a credential that is there, or for a new one."""
    async with database.transaction() as tx:
        return await made(tx, caller, cred=cred, new_one=new_one, lasts=lasts, now=now)


async def made(
    tx: asyncpg.Connection,
    caller: Caller,
    *,
    cred: str | None,
    new_one: Credential | None,
    lasts: timedelta,
    now: datetime,
) -> Made:
    """As `make`, in a transaction that does more."""
    code, until = new(), now + lasts
    if new_one is not None:
        # Of a secret that nobody knows: it serves for nothing before the code is redeemed.
        await issue.add(tx, caller, new_one, access.new_secret(), None)
        credential = new_one
    else:
        assert cred is not None
        credential = await issue.of_caller(tx, caller, cred)
    if credential.kind == "system":
        raise SystemsHaveNoCode
    if credential.revoked_at is not None:
        raise issue.CredentialIsRevoked
    await store_codes.withdraw(tx, caller.org, credential.cred, now)
    await store_codes.add(tx, caller.org, hashed(code), credential.cred, now, until, by=caller.id)
    await organise.noted(tx, caller, WHAT, credential.cred)
    return Made(shown(code), until, credential)


async def redeem(
    database: Database, written: str, where: str, door: str, now: datetime
) -> Redeemed:
    """The secret, once. `where` the request comes from, and by which door, is written down.
    CodeIsNotValid, TooManyRequests."""
    place = attempts.place("enrolment-code", where)
    await attempts.count(database, place)
    secret = access.new_secret()
    async with database.transaction() as tx:
        found = await store_codes.redeem(tx, hashed(plain(written)), now)
        if found is None:
            raise CodeIsNotValid
        org, cred = found
        credential = await store_devices.credential(tx, org, cred, lock=True)
        if credential is None or credential.revoked_at is not None:
            raise CodeIsNotValid
        await store_devices.rotate(
            tx, org, cred, access.secret_hash(secret), mosquitto_hash(secret), now, now + OVERLAP
        )
        who = audit.Who(org, cred, credential.kind, address=where or None, door=door)
        await audit.note(tx, who, (), WHAT, "changed", why="own", about=cred)
        await attempts.succeeded(tx, place)
    return Redeemed(org, replace(credential, rotated_at=now), secret)


def for_new(
    kind: CredentialKind, label: str, unit_id: UUID, device_id: UUID | None, at: datetime
) -> Credential:
    return Credential(issue.new_cred(), kind, label, unit_id, device_id, at, None, None)
