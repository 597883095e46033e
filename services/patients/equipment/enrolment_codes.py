"""The doors to enrolment codes: staff make one, a device or app redeems it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import Field, model_validator

from services.patients import door
from services.patients.door import Db, Id, Line, Now, Sent, Word
from services.patients.equipment import codes, qr
from services.patients.fhir_doors import fhir_door
from services.patients.nouns import Credential, CredentialKind
from shared import access
from shared.access import certificates, signed, source

router = door.router("enrolment codes", "/v1/enrolment-codes")

UNIT = "0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e"
DAY = 24 * 60
DOOR = "POST /v1/enrolment-codes/redeem"


class KeyIsNotUsable(Exception):
    """The key cannot be used: expected is a public one, P-256 to P-521 or RSA of 2048 bits"""


class NewCode(Sent):
    """For a credential that is there (`cred`: a new phone, a device set up anew), or for a new
    one."""

    model_config = door.example(kind="app", label="Telefon", unit_id=UNIT, minutes=15)

    cred: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] | None = None
    kind: Literal["device", "app"] | None = None
    label: Line | None = None
    unit_id: Id | None = None
    device_id: Id | None = None
    minutes: int = Field(default=15, ge=1, le=DAY, description="how long the code is valid")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        new = (self.kind, self.label, self.unit_id)
        if self.cred is None and None in new:
            raise ValueError("give cred, or kind, label and unit_id")
        if self.cred is not None and (*new, self.device_id) != (None, None, None, None):
            raise ValueError("give cred alone")
        return self


class Redemption(Sent):
    """The code; with `jwk` the secret is bound to that key; with `csr` the key in it gets a
    certificate for the broker, and a secret only if `jwk` is there too."""

    model_config = door.example(code="7KQ2-M4XR-9DTV")

    code: Word
    jwk: Annotated[
        dict[str, Any] | None, Field(description="public key of the device (EC or RSA), as JWK")
    ] = None
    csr: Annotated[
        str | None,
        Field(
            max_length=certificates.LONGEST_REQUEST,
            description="request for a certificate (PKCS #10, PEM), signed with the device's key",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Code:
    """Shown this once. `qr` is a picture (SVG) that says `uri`."""

    code: str
    uri: str
    qr: str | None
    cred: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """What a sender needs. Over HTTP the secret, as a bearer token or (`thumbprint` says of which
    key) with a proof; over MQTT `cred` and the secret as user and password, or the certificate and
    no password; topics below `hjv/1/{org}/{cred}/`."""

    org: str
    cred: str
    kind: CredentialKind
    secret: str | None
    thumbprint: str | None = None
    certificate: str | None = None
    authority: str | None = None
    until: datetime | None = None


@router.post("", status_code=201)
async def make_code(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    new: NewCode,
) -> Code:
    """A code that a device or app redeems once, without a log-in, for its secret. The credential is
    there at once and can be bound to a patient; it can send when the code has been redeemed."""
    made = await codes.make(
        database,
        caller,
        cred=new.cred,
        new_one=_credential(new, now),
        lasts=timedelta(minutes=new.minutes),
        now=now,
    )
    door.created(response, f"/v1/credentials/{made.credential.cred}")
    uri = f"hjemvakt://enrol?{urlencode({'at': fhir_door.place(request), 'code': made.code})}"
    return Code(made.code, uri, qr.svg(uri), made.credential.cred, made.until)


def _credential(new: NewCode, now: datetime) -> Credential | None:
    if new.kind is None or new.label is None or new.unit_id is None:
        return None
    return codes.for_new(new.kind, new.label, new.unit_id, new.device_id, now)


@router.post("/redeem", status_code=201)
async def redeem_code(
    request: Request, database: Db, certifier: door.Certificates, now: Now, sent: Redemption
) -> Given:
    """Exchange a code for a secret. Five wrong ones in ten minutes shut the address out."""
    where = source.of(request.scope, behind_proxy=request.app.state.behind_proxy)
    keys = codes.Keys(sent.csr, _thumbprint(sent.jwk))
    try:
        redeemed = await codes.redeem(database, certifier, sent.code, keys, where, DOOR, now)
    except (codes.CodeIsNotValid, access.TooManyRequests):
        request.app.state.backstop.attempt(request.scope)
        raise
    of, made = redeemed.credential, redeemed.certificate
    return Given(
        redeemed.org, of.cred, of.kind, redeemed.secret, keys.thumbprint,
        made.pem if made else None, redeemed.authority, made.until if made else None,
    )  # fmt: skip


def _thumbprint(key: dict[str, Any] | None) -> str | None:
    """KeyIsNotUsable."""
    if key is None:
        return None
    try:
        return signed.public_key(key).thumbprint()
    except signed.Unusable:
        raise KeyIsNotUsable from None
