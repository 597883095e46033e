"""Tokens that a development system gives itself: signed by one key in a file, and plain bearer.

For the command line (`seed`, `token`) and for tests, where no identity provider runs. They stand
beside the real log-in and not in its way: the issuer's name is another one, and in production mode
a service that has the key does not start.
"""

import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.access.caller import Caller, NotAllowed, NotAuthenticated, Role
from shared.settings import Mode

ISSUER = "https://hjemvakt.example/development"
SESSION_SECONDS = 8 * 3600


class DevelopmentIssuerInProduction(Exception):
    """The development issuer must not be configured in production mode"""


class DevelopmentIssuer:
    """Signs and checks staff tokens with one ES256 key kept in a file."""

    def __init__(self, key_file: Path | None, mode: Mode) -> None:
        if mode == "production" and key_file is not None:
            raise DevelopmentIssuerInProduction
        self._key = (
            ECKey.import_key(json.loads(key_file.read_text())) if key_file is not None else None
        )

    @property
    def is_open(self) -> bool:
        return self._key is not None

    @staticmethod
    def new_key() -> str:
        """A private JWK as JSON text, for a key file with mode 0600."""
        return json.dumps(ECKey.generate_key("P-256").as_dict(private=True))

    def token(self, caller: Caller, *, seconds: int = SESSION_SECONDS) -> str:
        if self._key is None:
            raise NotAllowed
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "hjemvakt",
            "sub": caller.id,
            "name": caller.name,
            "role": caller.role.value,
            "org": caller.org,
            "units": sorted(str(unit) for unit in caller.units),
            "hpr": caller.hpr,
            "groups": sorted(caller.groups),
            "patient": str(caller.patient_id) if caller.patient_id else None,
            "numbers": [one.hex() for one in caller.numbers],
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, self._key)

    def caller(self, token: str, *, by_cookie: bool = False) -> Caller:
        """The person a token speaks for, or NotAuthenticated whatever is wrong with it."""
        if self._key is None or len(token) > 4096:
            raise NotAuthenticated
        try:
            decoded = jwt.decode(token, self._key, algorithms=["ES256"])
            if decoded.header.get("typ") != "at+jwt":
                raise NotAuthenticated
            registry = jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": "hjemvakt"},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                role={"essential": True},
                org={"essential": True},
            )
            registry.validate(decoded.claims)
            return _caller(decoded.claims, by_cookie)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise NotAuthenticated from error


def _caller(claims: Mapping[str, Any], by_cookie: bool) -> Caller:
    patient = claims.get("patient")
    return Caller(
        id=str(claims["sub"]),
        name=str(claims.get("name", "")),
        role=Role(claims["role"]),
        org=str(claims["org"]),
        units=frozenset(UUID(unit) for unit in claims.get("units", ())),
        hpr=claims.get("hpr"),
        patient_id=UUID(patient) if patient else None,
        by_cookie=by_cookie,
        expires=int(claims["exp"]),
        groups=frozenset(map(str, claims.get("groups") or ())),
        numbers=tuple(bytes.fromhex(one) for one in claims.get("numbers") or ()),
    )
