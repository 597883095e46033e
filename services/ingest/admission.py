"""Who may send, and how much: by a credential's secret or a system's access token.

Who is known is never held up by others' failures; a sender who has gone mad is told to wait, and
keeps what he has.
"""

import time
from collections.abc import Mapping
from hashlib import sha256

from starlette.types import Scope

from services.ingest import tokens
from services.ingest.senders import Credential, Senders
from services.ingest.tokens import Tokens
from shared.access import NonceIsMissing, NotAuthenticated, TooManyRequests, secret_hash, source
from shared.pace import Pace

UNIT = 16 * 1024  # bytes; a larger body counts for as many requests as it has of these


class Admission:
    """Knows the senders, what their tokens are given for, and how fast each sends."""

    def __init__(
        self,
        senders: Senders,
        known: Tokens,
        failures: source.Failures,
        *,
        per_minute: int,
        behind_proxy: bool,
    ) -> None:
        self._senders = senders
        self._tokens = known
        self._failures = failures
        self._pace = Pace(per_minute)
        self._behind_proxy = behind_proxy

    async def credential(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credential:
        """Whose request it is. NotAuthenticated, TooManyRequests, DatabaseIsAway, and what
        `Tokens.credential` raises."""
        try:
            if tokens.is_one(headers):
                return await self._tokens.credential(scope, headers)
            if tokens.is_bound(headers):
                return await self._of_bound_secret(scope, headers)
            return await self._of_secret(scope, headers)
        except NonceIsMissing:
            raise  # asked to say it once more, which is no guess
        except NotAuthenticated:
            self._failures.note(self._where(scope))
            raise

    async def _of_secret(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credential:
        secret = bearer(headers)
        if secret is None:
            raise NotAuthenticated
        found = self._senders.remembered_by_hash(secret_hash(secret))
        if found is None:
            self._failures.must_wait(self._where(scope))
            found = await self._senders.by_secret(secret)
        if found is None:
            raise NotAuthenticated
        return found

    async def _of_bound_secret(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credential:
        shown = headers[b"authorization"].partition(b" ")[2].strip()
        if self._senders.remembered_by_bound_hash(sha256(shown).digest()) is None:
            self._failures.must_wait(self._where(scope))
        return await self._tokens.bound(scope, headers)

    def take(self, credential: Credential, size: int) -> None:
        """Count a body of so many bytes. TooManyRequests."""
        if wait := self._wait(credential, size):
            raise TooManyRequests(wait)

    def goes(self, credential: Credential, size: int) -> bool:
        """The same, for whoever has no time for an exception."""
        return not self._wait(credential, size)

    def _wait(self, credential: Credential, size: int) -> float:
        # The name of a credential is the same nowhere else.
        return self._pace.wait(credential.sender.cred, time.monotonic(), 1 + size // UNIT)

    def _where(self, scope: Scope) -> str:
        return source.of(scope, behind_proxy=self._behind_proxy)


def bearer(headers: Mapping[bytes, bytes]) -> str | None:
    scheme, _, secret = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not 16 <= len(secret) <= 128 or not secret.isascii():
        return None
    return secret.strip().decode("ascii")
