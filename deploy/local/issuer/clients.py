"""Who may ask the issuer for tokens: clients that prove themselves with a key (private_key_jwt)."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.access import signed, tokens
from shared.access.signed import Unusable

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES = ("client-authentication+jwt",)
LONGEST = 60


class Refused(Exception):
    """An OAuth error: its code, and nothing of what was sent."""

    def __init__(self, code: str, status: int = 400, nonce: str | None = None) -> None:
        super().__init__(code)
        self.nonce = nonce
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Client:
    id: str
    kind: Literal["page", "system"]
    key: Mapping[str, Any]
    "Its public key."
    scopes: frozenset[str]
    redirects: frozenset[str] = frozenset()
    organisation: str | None = None
    "On whose behalf a system's tokens are."
    leaves: frozenset[str] = frozenset()
    "Where a browser may go after log-out."
    back_channel: str | None = None
    "Where the client is told that somebody has logged out here."


@dataclass
class Once:
    """What may be used once, for as long as it would be taken."""

    _used: dict[bytes, float] = field(default_factory=dict)

    def use(self, name: str, until: float) -> bool:
        now = time.time()
        self._used = {place: end for place, end in self._used.items() if end > now}
        place = hashlib.sha256(name.encode()).digest()
        if place in self._used:
            return False
        self._used[place] = until
        return True


def authenticate(
    form: Mapping[str, str], clients: Mapping[str, Client], issuer: str, once: Once
) -> Client:
    """The client whose assertion this is. Refused `invalid_client`."""
    try:
        assertion = form.get("client_assertion", "")
        client = clients[str(signed.peek(assertion, 1).get("sub"))]
        if form.get("client_assertion_type") != ASSERTION:
            raise Unusable
        if form.get("client_id", client.id) != client.id:
            raise Unusable
        key = signed.public_key(dict(client.key))
        claims = signed.read(assertion, lambda _: key, types=TYPES).claims
        tokens.within(claims, time.time(), LONGEST)
        # The issuer itself and nothing else: an assertion for another one must not do here.
        if claims.get("iss") != client.id or claims.get("aud") != issuer:
            raise Unusable
        name = tokens.text(claims, "jti")
        if name is None or not once.use(f"{client.id} {name}", time.time() + LONGEST):
            raise Unusable
    except (Unusable, KeyError) as error:
        raise Refused("invalid_client", 401) from error
    return client
