"""An issuer's public keys: fetched, remembered, and fetched again when it signs with a new one.

A key we do not know leads to one fetch and then to none for a minute, whatever is sent; an issuer
that does not answer costs nothing as long as its known keys will do.
"""

import asyncio
import time
from collections.abc import Mapping
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

FRESH = 600.0  # seconds; then fetched again, so that a withdrawn key is forgotten
KEPT = 24 * 3600.0  # how long known keys serve while the issuer does not answer
APART = 60.0  # at most one fetch in so long for a key that is not known
MOST_BYTES = 256 * 1024
MOST_KEYS = 50


@dataclass
class _Kept:
    keys: dict[str, Key] = field(default_factory=dict)
    fetched: float = float("-inf")
    asked: float = float("-inf")
    about: Mapping[str, Any] | None = None
    about_at: float = float("-inf")
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)


class Keys:
    """Of all the trusted issuers."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._kept: dict[str, _Kept] = {}

    async def key(self, issuer: Issuer, kid: str) -> Key:
        """The key with this id. Unusable when it has none; IssuerDoesNotAnswer."""
        kept = self._kept.setdefault(issuer.issuer, _Kept())
        now = time.monotonic()
        if kid not in kept.keys or now - kept.fetched > FRESH:
            async with kept.gate:
                now = time.monotonic()
                wanted = kid not in kept.keys or now - kept.fetched > FRESH
                if wanted and now - kept.asked > APART:
                    kept.asked = now
                    await self._fetch(issuer, kept)
        if now - kept.fetched > KEPT:
            raise IssuerDoesNotAnswer
        if kid not in kept.keys:
            raise Unusable
        return kept.keys[kid]

    async def about(self, issuer: Issuer) -> Mapping[str, Any]:
        """The issuer's own description of itself (discovery). IssuerDoesNotAnswer."""
        kept = self._kept.setdefault(issuer.issuer, _Kept())
        if kept.about is None or time.monotonic() - kept.about_at > FRESH:
            try:
                found = await self._get(
                    issuer, f"{issuer.issuer.rstrip('/')}/.well-known/openid-configuration"
                )
                if found.get("issuer") != issuer.issuer:
                    raise Unusable
                kept.about, kept.about_at = found, time.monotonic()
            except (httpx.HTTPError, ValueError, Unusable) as error:
                if kept.about is None:
                    raise IssuerDoesNotAnswer from error
        return kept.about

    async def _fetch(self, issuer: Issuer, kept: _Kept) -> None:
        try:
            address = str((await self.about(issuer))["jwks_uri"])
            found = (await self._get(issuer, address))["keys"]
            if not isinstance(found, list):
                raise Unusable
        except (httpx.HTTPError, ValueError, KeyError, TypeError, Unusable) as error:
            log.warning("An issuer's keys cannot be read.", issuer=issuer.name,
                        fault=type(error).__name__)  # fmt: skip
            return
        except IssuerDoesNotAnswer:
            log.warning("An issuer does not answer.", issuer=issuer.name)
            return
        keys = {}
        for data in found[:MOST_KEYS]:
            try:
                key = signed.public_key(data)
            except Unusable:
                continue  # a key of a kind that we do not take; others of the set may do
            if isinstance(data.get("kid"), str):
                keys[data["kid"]] = key
        if keys:
            kept.keys, kept.fetched = keys, time.monotonic()

    async def _get(self, issuer: Issuer, address: str) -> Mapping[str, Any]:
        # One client for each fetch: it happens once in ten minutes.
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
