"""Verbs: a one-time code that a device or app exchanges for its secret, without a log-in: for the
secret alone, for one bound to a key it has made itself, or for a certificate of such a key.

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

from services.patients.equipment import certify, issue, store_codes, store_devices
from services.patients.equipment.certify import Certifier
from services.patients.hospital import organise
from services.patients.nouns import Credential, CredentialKind
from shared import access, audit
from shared.access import Caller, attempts, certificates
from shared.access.certificates import Certificate
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
class Keys:
    """What the device has made itself: a request for a certificate (for the broker), the
    thumbprint of a key that its secret shall be bound to (for HTTP); neither: a plain secret."""

    request: str | None = None
    thumbprint: str | None = None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """`secret` is None where the device has asked for a certificate only."""

    org: str
    credential: Credential
    secret: str | None
    certificate: Certificate | None = None
    authority: str | None = None


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
    database: Database,
    certifier: Certifier,
    written: str,
    keys: Keys,
    where: str,
    door: str,
    now: datetime,
) -> Redeemed:
    """The secret, once. `where` the request comes from, and by which door, is written down. A
    request that cannot be used leaves the code as it is. CodeIsNotValid, TooManyRequests,
    RequestIsNotUsable, CertificatesAreNotGiven."""
    place = attempts.place("enrolment-code", where)
    await attempts.count(database, place)
    if keys.request is not None:
        certificates.requested_key(keys.request)
    async with database.transaction() as tx:
        found = await store_codes.redeem(tx, hashed(plain(written)), now)
        if found is None:
            raise CodeIsNotValid
        org, cred = found
        credential = await store_devices.credential(tx, org, cred, lock=True)
        if credential is None or credential.revoked_at is not None:
            raise CodeIsNotValid
        redeemed = await _given(tx, certifier, org, credential, keys, now)
        who = audit.Who(org, cred, credential.kind, address=where or None, door=door)
        await audit.note(tx, who, (), WHAT, "changed", why="own", about=cred)
        await attempts.succeeded(tx, place)
    return redeemed


async def _given(
    tx: asyncpg.Connection,
    certifier: Certifier,
    org: str,
    credential: Credential,
    keys: Keys,
    now: datetime,
) -> Redeemed:
    """What takes the place of all that the credential had before."""
    secret, cred = access.new_secret(), credential.cred
    at_broker = keys == Keys()  # a password there only where the device has no key of its own
    by_http = keys.request is None or keys.thumbprint is not None
    made = authority = None
    if keys.request is not None:
        signers = certifier.authorities(org)
        made = await certify.give(tx, signers, org, cred, keys.request, now)
        authority = signers.current.pem
    else:
        await certify.withdraw(tx, certifier, org, cred, now)
    await store_devices.rotate(
        tx, org, cred, access.secret_hash(secret),
        mosquitto_hash(secret) if at_broker else "", now, now + OVERLAP,
        thumbprint=keys.thumbprint, opens=by_http,
    )  # fmt: skip
    changed = replace(credential, rotated_at=now)
    return Redeemed(org, changed, secret if by_http else None, made, authority)


def for_new(
    kind: CredentialKind, label: str, unit_id: UUID, device_id: UUID | None, at: datetime
) -> Credential:
    return Credential(issue.new_cred(), kind, label, unit_id, device_id, at, None, None)
