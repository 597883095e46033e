"""Verb: from what a request carries to who is asking, or a refusal.

A token's signature and its person are remembered for half a minute, so a person who has left, a
revoked system and a withdrawn key are out within that; a proof is checked every time.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from shared import identity
from shared.access import development, dpop, nonces, profiles, signed, store, store_sessions, tokens
from shared.access.caller import (
    Caller,
    NobodysProxy,
    NonceIsMissing,
    NotAllowed,
    NotAuthenticated,
    NotRegisteredHere,
    ProofIsMissing,
    Role,
)
from shared.access.keys import Keys
from shared.access.profiles import Citizen, Machine, Professional
from shared.access.signed import Claims, Unusable
from shared.access.trust import Issuer
from shared.database import Database

REMEMBERED = 30.0  # seconds
MOST = 20_000
IDLE = 15 * 60


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of who is asking. `address` is where it came in, as its sender sees it:
    made from our own setting, never from a header."""

    scheme: str
    token: str
    proofs: Sequence[str]
    method: str
    address: str


@dataclass(frozen=True, slots=True)
class _Verified:
    until: float
    caller: Caller
    thumbprint: str | None


class Guard:
    """Knows the trusted issuers, their keys, and the development key of a test installation."""

    def __init__(
        self,
        database: Database,
        issuers: Mapping[str, Issuer],
        bearer: development.DevelopmentIssuer,
        *,
        identity_keys: identity.Keys,
        idle: int = IDLE,
        of_patients: bool = False,
        keys: Keys | None = None,
        people: bool = True,
    ) -> None:
        """`people` false: only systems come in by a token here."""
        self.issuers = issuers
        self.keys = keys or Keys()
        self.database = database
        self.bearer = bearer
        self.identity_keys = identity_keys
        self._idle = idle
        self._session = store_sessions.patient_session if of_patients else store_sessions.session
        self._people = people
        self._verified: dict[bytes, _Verified] = {}
        self._swept = time.monotonic()

    # --- by token ---------------------------------------------------------------------------

    async def by_token(self, shown: Shown) -> Caller:
        """NotAuthenticated, NonceIsMissing, LevelIsTooLow, ScopeIsMissing, NotRegisteredHere,
        NotAllowed."""
        refusal = ProofIsMissing if any(one.dpop for one in self.issuers.values()) else None
        try:
            return await self._by_token(shown)
        except Unusable as error:
            raise (refusal or NotAuthenticated) from error

    async def _by_token(self, shown: Shown) -> Caller:
        scheme = shown.scheme.lower()
        name = signed.peek(shown.token, 1).get("iss")
        if name == development.ISSUER:
            if scheme != "bearer" or shown.proofs:
                raise Unusable
            caller = self.bearer.caller(shown.token)
            if not self._people:
                raise NotAllowed
            return caller
        issuer = self.issuers.get(name) if isinstance(name, str) else None
        if issuer is None or scheme not in ("bearer", "dpop"):
            raise Unusable
        by_proof = scheme == "dpop"
        if (issuer.dpop and not by_proof) or len(shown.proofs) != (1 if by_proof else 0):
            raise Unusable
        place = hashlib.sha256(shown.token.encode()).digest()
        known = self._remembered(place)
        if known is None:
            return await self._fresh(place, shown, issuer, by_proof=by_proof)
        await self._possessed(shown, issuer, known.thumbprint, by_proof=by_proof)
        return known.caller

    async def _possessed(
        self, shown: Shown, issuer: Issuer, thumbprint: str | None, *, by_proof: bool
    ) -> None:
        """The law: a token that is bound to a key is nothing without its proof, whoever made it,
        and a proof helps no other. Unusable, NonceIsMissing."""
        if (thumbprint is not None) != by_proof:
            raise Unusable
        if thumbprint is not None:
            await self.proven(shown, thumbprint, nonce=issuer.nonce)

    async def _fresh(self, place: bytes, shown: Shown, issuer: Issuer, *, by_proof: bool) -> Caller:
        claims = await self.verified(shown.token, issuer)
        thumbprint = tokens.thumbprint(claims)
        # Before anything is said of who it is: a stolen token tells its thief nothing.
        await self._possessed(shown, issuer, thumbprint, by_proof=by_proof)
        caller = replace(
            await self.caller(claims, issuer),
            expires=tokens.moment(claims, "exp"),
            issuer=issuer.issuer,
        )
        if len(self._verified) >= MOST:
            self._verified.clear()
        until = time.monotonic() + REMEMBERED
        self._verified[place] = _Verified(until, caller, thumbprint)
        return caller

    def _remembered(self, place: bytes) -> _Verified | None:
        known = self._verified.get(place)
        if known is None or known.until <= time.monotonic():
            return None
        if known.caller.expires is None or known.caller.expires <= time.time():
            raise Unusable
        return known

    async def verified(self, token: str, issuer: Issuer) -> Claims:
        """The claims of an access token of this issuer, for us and now. Unusable."""
        types = tokens.TYPES if issuer.profile == "helseid" else tokens.TYPES_OF_CITIZENS
        return (await self.read(token, issuer, types, issuer.audience)).claims

    async def read(
        self,
        token: str,
        issuer: Issuer,
        types: Sequence[str],
        audience: str,
        *,
        named: tuple[str, ...] = tokens.PERSON,
    ) -> signed.Signed:
        """Any token of this issuer: its signature, name, audience and moment. Unusable."""
        kid = signed.peek(token, 0).get("kid")
        if not isinstance(kid, str) or len(kid) > 200:
            raise Unusable
        key = await self.keys.key(issuer, kid)
        found = signed.read(token, lambda _: key, types=types, algorithms=issuer.algorithms)
        expected = tokens.Expected(issuer.issuer, audience, named=named)
        tokens.check(found.claims, expected, time.time())
        return found

    async def proven(self, shown: Shown, thumbprint: str | None, *, nonce: bool = False) -> None:
        """That the sender has the key that his token is bound to. `nonce`: that he has made the
        proof lately, too. Unusable, NonceIsMissing."""
        proof = dpop.check(
            shown.proofs[0],
            method=shown.method,
            address=shown.address,
            token=shown.token,
            now=time.time(),
        )
        if proof.thumbprint != thumbprint:
            raise Unusable
        # Told only to who has the key: to anybody else the token is as good as none.
        if nonce and not nonces.is_current(self.identity_keys, proof.nonce, time.time()):
            raise NonceIsMissing(nonces.current(self.identity_keys, time.time()))
        async with self.database.transaction() as tx:
            if not await store.use_proof(tx, proof.id, 2 * dpop.WINDOW + 1):
                raise Unusable
            if time.monotonic() - self._swept > dpop.WINDOW:
                self._swept = time.monotonic()
                await store.forget_proofs(tx)

    # --- who that is ------------------------------------------------------------------------

    async def caller(self, claims: Claims, issuer: Issuer) -> Caller:
        """The person or system behind an issuer's claims. NotRegisteredHere and the profiles'
        refusals."""
        found = profiles.who(claims, issuer)
        if not self._people and not isinstance(found, Machine):
            raise NotAllowed
        async with self.database.transaction() as tx:
            match found:
                case Professional():
                    return await self._professional(tx, found)
                case Citizen():
                    return await citizen(tx, found.org, self.hashes(found.pid))
                case Machine():
                    return await _machine(tx, found)

    async def _professional(self, tx: asyncpg.Connection, found: Professional) -> Caller:
        rows: list[asyncpg.Record] = []
        if found.subject is not None:
            with suppress(ValueError):
                rows = await store.staff_by_id(tx, found.org, UUID(found.subject))
        elif found.hpr is not None:
            rows = await store.staff_by_hpr(tx, found.org, found.hpr)
        if not rows and found.subject is None and found.pid is not None:
            rows = await store.staff_by_number(tx, found.org, self.hashes(found.pid))
        if len(rows) != 1:
            raise NotRegisteredHere
        row = rows[0]
        if row["hpr"] is not None and found.hpr is not None and row["hpr"] != found.hpr:
            raise NotRegisteredHere
        return staff(row, found.org, found.hpr)

    async def citizen(self, org: str, number: str) -> Caller:
        """Whoever has this national number. NotRegisteredHere."""
        async with self.database.transaction() as tx:
            return await citizen(tx, org, self.hashes(number))

    async def on_behalf(self, caller: Caller, patient_id: UUID) -> Caller:
        """The citizen as this patient's relative, if the patient lets him just now. NotAllowed,
        NobodysProxy."""
        if not caller.numbers:
            raise NotAllowed
        if caller.patient_id == patient_id:
            return caller
        async with self.database.transaction() as tx:
            row = await store.proxy(tx, caller.org, caller.numbers, patient_id)
        if row is None:
            raise NobodysProxy
        return replace(
            caller,
            id=str(row["id"]),
            name=row["name"],
            role=Role.RELATIVE,
            patient_id=patient_id,
            may=frozenset(row["may"]),
        )

    def hashes(self, number: str) -> list[bytes]:
        kind = identity.kind_of(number)
        return self.identity_keys.hashes(kind.system if kind else identity.FNR, number)

    # --- by a page's session ----------------------------------------------------------------

    async def by_cookie(
        self, cookie: str, *, is_use: bool = True, of_staff: bool = False
    ) -> Caller:
        """NotAuthenticated. `is_use`: a person did something; a page that looks for news by itself
        does not keep its session alive. `of_staff`: on staff's pages, whoever else logs in here."""
        if "." in cookie:  # the development log-in's own token
            return self.bearer.caller(cookie, by_cookie=True)
        place = hashlib.sha256(cookie.encode()).digest()
        async with self.database.transaction() as tx:
            session = store_sessions.session if of_staff else self._session
            row = await session(tx, place, self._idle)
            if row is None:
                raise NotAuthenticated
            if is_use and row["was_seen_long_ago"]:
                await store_sessions.seen(tx, place)
        caller = of_session(row)
        return replace(
            caller,
            by_cookie=True,
            session=place,
            expires=int(row["until"].timestamp()),
            issuer=row["issuer"],
        )

    async def units_now(self, caller: Caller) -> frozenset[UUID]:
        """Where a member of staff works by now; nowhere who has left. Asked by what stays open."""
        if caller.issuer is None:  # the development key's people stand in no register
            return caller.units
        async with self.database.transaction() as tx:
            rows = await store.staff_by_id(tx, caller.org, UUID(caller.id))
        return frozenset(rows[0]["units"]) if rows else frozenset()

    async def left(self, caller: Caller, *, of_staff: bool = False) -> float | None:
        """Seconds until a page's session ends if nobody does anything; None if it never does, 0
        when it has. Asked by what stays open, such as the live stream."""
        if caller.session is None:
            return None if caller.expires is None else max(0.0, caller.expires - time.time())
        session = store_sessions.session if of_staff else self._session
        async with self.database.transaction() as tx:
            row = await session(tx, caller.session, self._idle)
        if row is None:
            return 0.0
        seen = row["seen_at"].timestamp() + self._idle
        return max(0.0, float(min(seen, row["until"].timestamp())) - time.time())


def of_session(row: asyncpg.Record) -> Caller:
    if row["role"] != Role.PATIENT.value:
        return staff(row, row["org"], row["vouched"])
    return Caller(str(row["id"]), row["name"], Role.PATIENT, row["org"], patient_id=row["id"])


def staff(row: asyncpg.Record, org: str, hpr: str | None) -> Caller:
    return Caller(
        id=str(row["id"]),
        name=row["name"],
        role=Role(row["role"]),
        org=org,
        units=frozenset(row["units"]),
        hpr=hpr,
        groups=frozenset(row["groups"]),
    )


async def citizen(tx: asyncpg.Connection, org: str, hashes: Sequence[bytes]) -> Caller:
    """A patient, or somebody whom a patient lets in. Who is both begins as the patient.
    NotRegisteredHere."""
    numbers = tuple(hashes)
    patient = await store.patient_by_number(tx, org, numbers)
    if patient is not None:
        return Caller(str(patient), "", Role.PATIENT, org, patient_id=patient, numbers=numbers)
    first = await store.first_proxy_of(tx, org, numbers)
    if first is not None:
        return Caller(str(first), "", Role.RELATIVE, org, numbers=numbers)
    raise NotRegisteredHere


async def _machine(tx: asyncpg.Connection, found: Machine) -> Caller:
    row = await store.system(tx, found.org, cred=found.cred, client=found.client)
    if row is None:
        raise NotRegisteredHere
    return Caller(row["cred"], row["label"], Role.SYSTEM, found.org, scopes=found.scopes)
