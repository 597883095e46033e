"""Which identity providers an installation trusts, and for whom: read from one file.

The issuers are told apart by their exact name in the token. Each says who may come in by it
(staff, patients, systems), for which audience, and which of our organisations its numbers mean.
"""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.access import signed
from shared.access.tokens import Expected
from shared.settings import Mode

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]

# Known by name, so that a wrong `environment` beside them is found too.
_TEST_HOSTS = (
    "helseid-sts.test.nhn.no", "helseid-sts.utvikling.nhn.no", "test.idporten.no",
    "test.maskinporten.no",
)  # fmt: skip
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class IssuersAreUnusable(Exception):
    """The file of trusted issuers cannot be used"""


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Client(_Read):
    """We as the issuer's client, for log-in on our pages."""

    id: Name
    key: Path = Field(description="file with our private JWK (private_key_jwt)")
    scopes: list[Name] = ["openid", "profile"]

    @cached_property
    def private_key(self) -> signed.Key:
        return signed.kept_key(self.key.read_bytes())


class System(_Read):
    """A machine that comes with client credentials, and the system credential it speaks as."""

    client_id: Name
    organisation: Slug
    credential: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


class Issuer(_Read):
    """One identity provider."""

    name: Name = Field(description="as people know it; stands on the log-in page")
    profile: Literal["helseid", "idporten"]
    issuer: str = Field(pattern=r"^https?://[^\s?#]+$")
    environment: Mode = Field(description="must be this installation's mode")
    audience: Name
    scope: Name | None = Field(default=None, description="without it a token is not for us")
    algorithms: list[Literal["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256"]] = [
        "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256",
    ]  # fmt: skip
    dpop: bool = Field(
        description="true: DPoP and no bearer; false: a token that is bound to a key with its "
        "proof, any other as bearer"
    )
    nonce: bool = Field(
        default=False, description="a proof must show the nonce that we give out (DPoP-Nonce)"
    )
    staff_by: Literal["number", "subject"] = Field(
        default="number",
        description="number: HPR number, else national number. subject: `sub` is our staff id, "
        "and the organisation number our organisation's own name (development issuer)",
    )
    organisations: Mapping[str, Slug] = Field(
        default={}, description="organisation number -> our organisation (staff)"
    )
    organisation: Slug | None = Field(default=None, description="our organisation (patients)")
    client: Client | None = None
    log_out: Literal["everywhere", "here"] = Field(
        default="everywhere",
        description="everywhere: who logs out of our pages is logged out at the issuer too",
    )
    systems: list[System] = []

    @property
    def expected(self) -> Expected:
        return Expected(self.issuer, self.audience)

    @property
    def is_loopback(self) -> bool:
        return urlsplit(self.issuer).hostname in _LOOPBACK

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        by_number = self.profile == "helseid" and self.staff_by == "number"
        if by_number and not self.organisations:
            raise ValueError("organisations are missing")
        if self.profile == "idporten" and self.organisation is None:
            raise ValueError("organisation is missing")
        if self.profile == "helseid" and not self.dpop:
            raise ValueError("HelseID's profile is with DPoP")
        host = urlsplit(self.issuer).hostname or ""
        if self.environment == "production":
            if not self.issuer.startswith("https://"):
                raise ValueError("production is https only")
            if host in _TEST_HOSTS or self.is_loopback:
                raise ValueError("a test issuer cannot be production")
            if self.staff_by == "subject":
                raise ValueError("staff_by subject is for the development issuer")
        elif not self.issuer.startswith("https://") and not self.is_loopback:
            raise ValueError("http is for loopback only")
        return self


class _Issuers(_Read):
    issuer: list[Issuer]


def read(file: Path | None, mode: Mode) -> Mapping[str, Issuer]:
    """Issuers by their exact name. IssuersAreUnusable, with a sentence and no value."""
    if file is None:
        return {}
    try:
        found = _Issuers.model_validate(tomllib.loads(file.read_text())).issuer
        for one in found:
            if one.client is not None:
                assert one.client.private_key
    except (OSError, tomllib.TOMLDecodeError, signed.Unusable, ValueError) as error:
        raise IssuersAreUnusable(f"{file.name}: {_fault(error)}") from None
    if wrong := [one.name for one in found if one.environment != mode]:
        raise IssuersAreUnusable(f"{file.name}: {', '.join(wrong)} is not for {mode} mode.")
    if len({one.issuer for one in found}) != len(found):
        raise IssuersAreUnusable(f"{file.name}: an issuer stands there twice.")
    return {one.issuer: one for one in found}


def _fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
    if isinstance(error, signed.Unusable):
        return "a client's key is no private JWK."
    return f"it cannot be read ({type(error).__name__})."
