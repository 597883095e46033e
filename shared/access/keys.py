"""An issuer's public keys: fetched, remembered, and fetched again when it signs with a new one.

A key we do not know leads to one fetch and then to none for a minute, whatever is sent. An issuer
that hangs holds nobody up: one fetch runs at a time, has a deadline, and is waited for only where
known keys will not do.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog

from shared import exact
from shared.access import signed
from shared.access.caller import IssuerDoesNotAnswer
from shared.access.signed import Key, Unusable
from shared.access.trust import Issuer

log = structlog.get_logger()

AGEING = 300.0  # seconds; then fetched again while the known ones serve
FRESH = 600.0  # then the fetch is waited for, so that a withdrawn key is forgotten
KEPT = 24 * 3600.0  # how long known keys serve while the issuer does not answer
APART = 60.0  # at most one fetch in so long for a key that is not known
AGAIN = 5.0  # and after one that failed
PATIENCE = 3.0  # how long a fetch may take in all, and so how long anybody waits for one
MOST_BYTES = 256 * 1024
MOST_KEYS = 50

NEVER = float("-inf")
FAULTS = (
    httpx.HTTPError, TimeoutError, OSError, ValueError, KeyError, TypeError, Unusable
)  # fmt: skip

Fetch = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class _Fetched:
    """When something of an issuer's was read, and the one reading that may be under way."""

    at: float = NEVER
    tried: float = NEVER
    failed: bool = False
    under_way: asyncio.Task[None] | None = None

    def age(self) -> float:
        return time.monotonic() - self.at

    def may_begin(self) -> bool:
        return time.monotonic() - self.tried > (AGAIN if self.failed else APART)

    def begin(self, fetch: Fetch) -> asyncio.Task[None]:
        """The reading under way, or a new one. It never raises: whoever waits for it looks at what
        there is afterwards."""
        if self.under_way is None:
            self.tried = time.monotonic()
            self.under_way = asyncio.create_task(self._run(fetch))
        return self.under_way

    async def _run(self, fetch: Fetch) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await fetch()
            self.at, self.failed = time.monotonic(), False
        except FAULTS as error:
            self.failed = True
            log.warning("An issuer could not be read.", fault=type(error).__name__)
        finally:
            self.under_way = None


@dataclass
class _Kept:
    keys: dict[str, Key] = field(default_factory=dict)
    fetched: _Fetched = field(default_factory=_Fetched)
    about: Mapping[str, Any] | None = None
    about_fetched: _Fetched = field(default_factory=_Fetched)


class Keys:
    """Of all the trusted issuers."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._kept: dict[str, _Kept] = {}

    async def key(self, issuer: Issuer, kid: str) -> Key:
        """The key with this id. Unusable when the issuer has none; IssuerDoesNotAnswer."""
        kept = self._kept.setdefault(issuer.issuer, _Kept())
        fetched = kept.fetched
        known = kid in kept.keys
        will_do = known and fetched.age() <= (KEPT if fetched.failed else FRESH)
        due = fetched.age() > AGEING if known else True
        if due and (fetched.under_way or fetched.may_begin()):
            under_way = fetched.begin(lambda: self._read_keys(issuer, kept))
            if not will_do:
                await asyncio.shield(under_way)
        if kid in kept.keys and fetched.age() <= KEPT:
            return kept.keys[kid]
        if fetched.failed:
            raise IssuerDoesNotAnswer  # who can say which keys it has by now
        raise Unusable

    async def about(self, issuer: Issuer) -> Mapping[str, Any]:
        """The issuer's own description of itself (discovery). IssuerDoesNotAnswer."""
        kept = self._kept.setdefault(issuer.issuer, _Kept())
        fetched = kept.about_fetched
        if fetched.age() > AGEING and (fetched.under_way or fetched.may_begin()):
            under_way = fetched.begin(lambda: self._read_about(issuer, kept))
            if kept.about is None:
                await asyncio.shield(under_way)
        if kept.about is None:
            raise IssuerDoesNotAnswer
        return kept.about

    async def _read_about(self, issuer: Issuer, kept: _Kept) -> None:
        place = f"{issuer.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = await self._get(issuer, place)
        if found.get("issuer") != issuer.issuer:
            raise Unusable
        kept.about = found

    async def _read_keys(self, issuer: Issuer, kept: _Kept) -> None:
        await self._read_about(issuer, kept)  # each time: where its keys are may have changed
        assert kept.about is not None
        found = (await self._get(issuer, str(kept.about["jwks_uri"])))["keys"]
        if not isinstance(found, list):
            raise Unusable
        keys = {}
        for data in found[:MOST_KEYS]:
            try:
                key = signed.public_key(data)
            except Unusable:
                continue  # a key of a kind that we do not take; others of the set may do
            if isinstance(data.get("kid"), str):
                keys[data["kid"]] = key
        if not keys:
            raise Unusable
        kept.keys = keys

    async def _get(self, issuer: Issuer, address: str) -> Mapping[str, Any]:
        # One client for each fetch: it happens once in five minutes.
        async with self.client(issuer) as client:
            answer = await client.get(address, headers={"accept": "application/json"})
        answer.raise_for_status()
        if len(answer.content) > MOST_BYTES:
            raise Unusable
        found = exact.loads(answer.content)
        if not isinstance(found, dict):
            raise Unusable
        return found

    def client(self, issuer: Issuer) -> httpx.AsyncClient:
        """No redirects: an address that leads elsewhere is not the issuer's."""
        return httpx.AsyncClient(
            transport=self._transport,
            timeout=5,
            follow_redirects=False,
            trust_env=not issuer.is_loopback,  # a hospital's way out may be through a proxy
        )
