"""Pure: read a signed token (JWS, compact) the strict way. One fault for whatever is wrong.

Only asymmetric signatures are known here at all, so a public key can never be taken for a shared
secret; and a token never brings its own key, address of a key or extension, except a proof of
possession, whose key is the point (shared/access/dpop.py).
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwk, jws
from joserfc.errors import JoseError

from shared import exact

# The signatures of HelseID's security profile; RS256 because ID-porten signs with it.
ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256")
MOST = 16 * 1024  # characters; a HelseID token with care relations has about 6 000
_FORBIDDEN = frozenset({"jku", "x5u", "x5c", "jwk", "crit", "b64", "zip"})
_SMALLEST_RSA = 2048

Claims = Mapping[str, Any]
Key = jwk.ECKey | jwk.RSAKey


class Unusable(Exception):
    """The token cannot be used. Deliberately without a word on what is wrong with it."""


class _Registry(jws.JWSRegistry):
    max_header_length = 4096  # an RSA key in a proof's header has about 500 characters


@dataclass(frozen=True, slots=True)
class Signed:
    header: Claims
    claims: Claims


def read(
    token: str,
    key_of: Callable[[Claims], Key],
    *,
    types: Collection[str],
    algorithms: Collection[str] = ALGORITHMS,
    own_key: bool = False,
) -> Signed:
    """Header and claims after the signature has been checked. Unusable.

    `key_of` gets the header, whose `alg`, `typ` and `kid` are by then of their own types.
    """
    header = peek(token, 0)
    _check(header, types, algorithms, own_key)
    key = key_of(header)
    fits(key, header["alg"])
    try:
        jws.deserialize_compact(
            token, key, registry=_Registry(algorithms=[header["alg"]], strict_check_header=False)
        )
    except (JoseError, ValueError, TypeError) as error:
        raise Unusable from error
    return Signed(header, peek(token, 1))


def peek(token: str, part: int) -> Claims:
    """One part of the token as it stands, *not* checked: 0 header, 1 claims. Unusable."""
    if len(token) > MOST or not token.isascii() or token.count(".") != 2:
        raise Unusable
    text = token.split(".")[part]
    if not text or not text.replace("-", "").replace("_", "").isalnum():
        raise Unusable
    try:
        found = exact.loads(_bytes(text))
    except (binascii.Error, ValueError) as error:
        raise Unusable from error
    if not isinstance(found, dict):
        raise Unusable
    return found


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _check(
    header: Claims, types: Collection[str], algorithms: Collection[str], own_key: bool
) -> None:
    if header.get("alg") not in algorithms or header["alg"] not in ALGORITHMS:
        raise Unusable
    if str(header.get("typ", "")).lower().removeprefix("application/") not in types:
        raise Unusable
    if (_FORBIDDEN - {"jwk"} if own_key else _FORBIDDEN) & header.keys():
        raise Unusable
    if not own_key and not (isinstance(header.get("kid"), str) and len(header["kid"]) <= 200):
        raise Unusable


def public_key(data: Any) -> Key:
    """A public key from outside: an elliptic curve or RSA of at least 2048 bits. Unusable."""
    if not isinstance(data, dict) or {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & data.keys():
        raise Unusable
    try:
        if data.get("kty") == "EC" and data.get("crv") in ("P-256", "P-384", "P-521"):
            return jwk.ECKey.import_key(data)
        if data.get("kty") == "RSA" and len(_bytes(data["n"]).lstrip(b"\0")) * 8 >= _SMALLEST_RSA:
            return jwk.RSAKey.import_key(data)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Unusable from error
    raise Unusable


_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def fits(key: Key, algorithm: str) -> None:
    """Whether the key is of the kind that the algorithm names. Unusable."""
    if algorithm in _CURVES:
        if not isinstance(key, jwk.ECKey) or key.curve_name != _CURVES[algorithm]:
            raise Unusable
    elif not isinstance(key, jwk.RSAKey):
        raise Unusable
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        raise Unusable


def sign(claims: Claims, key: Key, *, type: str | None, **header: Any) -> str:
    """Our own signature: a client's assertion, a proof, and what the development issuer gives."""
    algorithm = "ES256" if isinstance(key, jwk.ECKey) else "PS256"
    typ = {} if type is None else {"typ": type}
    return jws.serialize_compact(
        {"alg": algorithm, **typ, **header},
        exact.dumps(claims),
        key,
        registry=_Registry(algorithms=[algorithm], strict_check_header=False),
    )


def plain(data: bytes) -> str:
    """base64url without padding, as these standards write bytes."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def new_key() -> jwk.ECKey:
    return jwk.ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


def kept_key(text: bytes | str) -> jwk.ECKey | jwk.RSAKey:
    """A private key of ours, as JWK text. Unusable."""
    data = exact.loads(text.encode() if isinstance(text, str) else text)
    try:
        key: Key = (
            jwk.RSAKey.import_key(data) if data["kty"] == "RSA" else jwk.ECKey.import_key(data)
        )
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Unusable from error
    if not key.is_private:
        raise Unusable
    key.ensure_kid()
    return key


def as_public(key: Key) -> dict[str, Any]:
    return dict(key.as_dict(private=False))
