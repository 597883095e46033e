"""Who is asking: staff by a signed token, devices and systems by their secret.

Every route names in its signature who may ask. The development issuer signs tokens for log-in
without a hospital's identity provider; it does not exist in production mode.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.settings import Mode

ISSUER = "https://hjemvakt.example/development"
COOKIE = "hjemvakt"
SESSION_SECONDS = 8 * 3600


class NotAuthenticated(Exception):
    """Log in, or send a valid bearer token"""


class NotAllowed(Exception):
    """Your role does not allow this"""


class CrossSite(Exception):
    """The request did not come from this site's own pages"""


class DevelopmentIssuerInProduction(Exception):
    """The development issuer must not be configured in production mode"""


class Role(StrEnum):
    NURSE = "nurse"
    PHYSICIAN = "physician"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    PATIENT = "patient"


CLINICAL = (Role.NURSE, Role.PHYSICIAN)


@dataclass(frozen=True, slots=True)
class Caller:
    """A person as the token says: staff, or the patient himself (`patient_id`)."""

    id: str
    name: str
    role: Role
    org: str
    units: frozenset[UUID] = frozenset()
    hpr: str | None = None
    patient_id: UUID | None = None
    by_cookie: bool = False
    expires: int | None = None  # when the token ends, in seconds since 1970
    groups: frozenset[str] = frozenset()  # access groups, see shared/sensitive.py


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
    )


def caller_of(request: Request) -> Caller:
    """The logged-in person, by bearer token or by the page's cookie.

    A cookie is sent by the browser on its own, so an unsafe request by cookie must show that one
    of our own pages made it.
    """
    issuer: DevelopmentIssuer = request.app.state.issuer
    authorization = request.headers.get("authorization", "")
    if authorization:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated
        return issuer.caller(token.strip())
    cookie = request.cookies.get(cookie_name(secure=request.app.state.secure_cookie))
    if not cookie:
        raise NotAuthenticated
    if request.method not in {"GET", "HEAD"} and not _is_same_site(request):
        raise CrossSite
    return issuer.caller(cookie, by_cookie=True)


def same_site(request: Request) -> None:
    """Log-in and log-out come from our own pages, though nobody is logged in. CrossSite."""
    if not _is_same_site(request):
        raise CrossSite


def _is_same_site(request: Request) -> bool:
    fetched_from = request.headers.get("sec-fetch-site")
    if fetched_from is not None:
        return fetched_from == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def cookie_name(*, secure: bool) -> str:
    return f"__Host-{COOKIE}" if secure else COOKIE


def needs(*roles: Role) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """A dependency that lets these roles pass and nobody else."""

    async def check(request: Request) -> Caller:
        caller = caller_of(request)
        if caller.role not in roles:
            raise NotAllowed
        request.state.caller = caller
        return caller

    return check


Clinician = Annotated[Caller, Depends(needs(*CLINICAL))]
Administrator = Annotated[Caller, Depends(needs(Role.ADMINISTRATOR))]
AnyStaff = Annotated[
    Caller, Depends(needs(Role.NURSE, Role.PHYSICIAN, Role.ADMINISTRATOR, Role.AUDITOR))
]
ClinicianOrAdministrator = Annotated[Caller, Depends(needs(*CLINICAL, Role.ADMINISTRATOR))]
ClinicianOrPatient = Annotated[Caller, Depends(needs(*CLINICAL, Role.PATIENT))]

PROBLEMS: Mapping[type[Exception], int] = {
    NotAuthenticated: 401,
    NotAllowed: 403,
    CrossSite: 403,
}


def new_secret() -> str:
    """A device, app or system secret: 160 random bits, shown once."""
    return secrets.token_urlsafe(20)


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret. A plain hash is enough: a random secret cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def same(left: bytes, right: bytes) -> bool:
    return hmac.compare_digest(left, right)
