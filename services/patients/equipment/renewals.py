"""The door by which a device exchanges its certificate before it ends."""

from typing import Annotated

from fastapi import Header, Request
from pydantic import Field

from services.patients import door
from services.patients.door import Db, Now, Sent
from services.patients.equipment import renew
from services.patients.equipment.enrolment_codes import Given
from shared import access
from shared.access import certificates, source
from shared.access.door import address
from shared.access.guard import Shown

router = door.router("certificates", "/v1/certificates")

DOOR = "POST /v1/certificates/renew"
PEM = "-----BEGIN {0}-----\n\u2026\n-----END {0}-----\n"


class Renewal(Sent):
    """The certificate in force, and a request for the next one."""

    model_config = door.example(
        certificate=PEM.format("CERTIFICATE"), csr=PEM.format("CERTIFICATE REQUEST")
    )

    certificate: Annotated[
        str, Field(max_length=certificates.LONGEST_REQUEST, description="as it was given (PEM)")
    ]
    csr: Annotated[
        str,
        Field(
            max_length=certificates.LONGEST_REQUEST,
            description="request for the next one (PKCS #10, PEM), signed with its key",
        ),
    ]


@router.post("/renew", status_code=201)
async def renew_certificate(
    request: Request,
    database: Db,
    certifier: door.Certificates,
    now: Now,
    sent: Renewal,
    dpop: Annotated[
        str, Header(description="a proof (RFC 9449) by the certificate's key, `ath` of the `csr`")
    ] = "",
) -> Given:
    """The next certificate of a device that has one. The earlier one serves on beside it for two
    weeks, and may ask again if the answer was lost."""
    where = source.of(request.scope, behind_proxy=request.app.state.behind_proxy)
    shown = Shown("DPoP", sent.csr, request.headers.getlist("dpop"), "POST", address(request))
    guard = request.app.state.guard
    try:
        made = await renew.renew(
            database, certifier, guard, sent.certificate, shown, where, DOOR, now
        )
    except (certificates.CertificateIsNotValid, access.TooManyRequests):
        request.app.state.backstop.attempt(request.scope)
        raise
    assert made.certificate is not None
    return Given(
        made.org, made.credential.cred, made.credential.kind, None, None,
        made.certificate.pem, made.authority, made.certificate.until,
    )  # fmt: skip
