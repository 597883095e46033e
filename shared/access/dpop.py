"""Pure: proof that the sender holds the key his token is bound to. RFC 9449.

A proof is for one method, one address, one token and one minute; that it is used once is kept in
PostgreSQL (shared/access/store.py), so that it holds across replicas and restarts.
"""

import functools
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.access import signed, tokens
from shared.access.signed import Claims, Key, Unusable

WINDOW = 60  # seconds, each way
TYPES = ("dpop+jwt",)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proof:
    """`id` names the proof for the check that it is used once. `nonce`: what whoever checks it has
    given out for it, if so."""

    thumbprint: str
    id: bytes
    nonce: str | None = None


def check(proof: str, *, method: str, address: str, token: str | None, now: float) -> Proof:
    """A proof for this request. `token`: the access token it goes with, if any. Unusable."""
    read = signed.read(proof, lambda header: _key(header)[0], types=TYPES, own_key=True)
    claims = read.claims
    if claims.get("htm") != method or not _is_address(claims.get("htu"), address):
        raise Unusable
    made = tokens.moment(claims, "iat")
    if made is None or abs(now - made) > WINDOW:
        raise Unusable
    if token is not None and claims.get("ath") != hash_of(token):
        raise Unusable
    name = tokens.text(claims, "jti")
    if name is None:
        raise Unusable
    thumbprint = _key(read.header)[1]
    id = hashlib.sha256(f"{thumbprint} {name}".encode()).digest()
    return Proof(thumbprint, id, tokens.text(claims, "nonce"))


def _key(header: Claims) -> tuple[Key, str]:
    """The key that a proof brings, and its thumbprint: a client has one for all its requests, so
    it is read once. Unusable."""
    data = header.get("jwk")
    if not isinstance(data, dict) or not all(isinstance(one, str) for one in data.values()):
        key = signed.public_key(data)
        return key, key.thumbprint()
    return _known_key(tuple(sorted(data.items())))


@functools.lru_cache(maxsize=4096)
def _known_key(data: tuple[tuple[str, str], ...]) -> tuple[Key, str]:
    key = signed.public_key(dict(data))
    return key, key.thumbprint()


def make(
    key: Key,
    *,
    method: str,
    address: str,
    token: str | None,
    now: float,
    nonce: str | None = None,
) -> str:
    """A proof as a client makes it. `nonce`: as the server has asked for it."""
    claims = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": _without_query(address),
        "iat": int(now),
        **({"ath": hash_of(token)} if token is not None else {}),
        **({"nonce": nonce} if nonce is not None else {}),
    }
    public = {name: key.as_dict(private=False)[name] for name in _NAMES[key.key_type]}
    return signed.sign(claims, key, type="dpop+jwt", jwk=public)


_NAMES = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e")}


def hash_of(token: str) -> str:
    return signed.plain(hashlib.sha256(token.encode()).digest())


def _is_address(said: object, address: str) -> bool:
    """The same address; case and default port do not matter, query and fragment are left out."""
    if not isinstance(said, str) or len(said) > 2000:
        return False
    try:
        return _parts(said) == _parts(address)
    except ValueError:
        return False


def _parts(address: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user")
    return scheme, parts.hostname or "", parts.port or _PORTS.get(scheme), parts.path or "/"


def _without_query(address: str) -> str:
    return address.partition("?")[0].partition("#")[0]
