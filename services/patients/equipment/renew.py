"""Verb: a device that has a certificate asks for the next one, for a key it makes anew or has.

It proves that it holds the key of the one it shows, by a proof (RFC 9449) that names its request as
a token. The earlier certificate serves on beside the new one for a while, so that an answer that is
lost costs nothing: the device asks again with it.
"""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwk

from services.patients.equipment import certify, store_certificates, store_devices
from services.patients.equipment.certify import Certifier
from services.patients.equipment.codes import Redeemed
from shared import access, audit
from shared.access import attempts, certificates, signed
from shared.access.certificates import CertificateIsNotValid, Named
from shared.access.guard import Guard, Shown
from shared.database import Database

WHAT = "certificates"
DAY = timedelta(days=1)
MOST_A_DAY = 5  # of one credential; each stands on the broker's list until it would have ended


def thumbprint(of: Named) -> str:
    """Of its key as a proof names it (RFC 7638). CertificateIsNotValid for a key that makes no
    proofs (Ed25519)."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = of.key.public_bytes(serialization.Encoding.PEM, form)
    key: signed.Key
    match of.key:
        case ec.EllipticCurvePublicKey():
            key = jwk.ECKey.import_key(pem)
        case rsa.RSAPublicKey():
            key = jwk.RSAKey.import_key(pem)
        case _:
            raise CertificateIsNotValid
    return key.thumbprint()


async def renew(
    database: Database,
    certifier: Certifier,
    guard: Guard,
    certificate: str,
    shown: Shown,
    where: str,
    door: str,
    now: datetime,
) -> Redeemed:
    """`shown`: the request for the next certificate as its token, and the proof. A request that
    cannot be used changes nothing. CertificateIsNotValid, RequestIsNotUsable, TooManyRequests,
    CertificatesAreNotGiven."""
    place = attempts.place("certificate", where)
    await attempts.count(database, place, attempts.LOG_INS)
    try:
        by = certifier.authorities(certificates.organisation(certificate))
    except certify.CertificatesAreNotGiven:
        # Said to a stranger it would tell which organisations there are.
        raise CertificateIsNotValid from None
    of = certificates.named(certificate, by.every(), now)
    if len(shown.proofs) != 1:
        raise CertificateIsNotValid
    try:
        await guard.proven(shown, thumbprint(of))
    except signed.Unusable:
        raise CertificateIsNotValid from None
    async with database.transaction() as tx:
        credential = await store_devices.credential(tx, of.org, of.cred, lock=True)
        if credential is None or credential.revoked_at is not None:
            raise CertificateIsNotValid
        if not await store_certificates.is_in_force(tx, of.org, of.cred, of.serial, now):
            raise CertificateIsNotValid
        if await store_certificates.made_since(tx, of.org, of.cred, now - DAY) >= MOST_A_DAY:
            raise access.TooManyRequests(DAY.total_seconds())
        made = await certify.give(tx, by, of.org, of.cred, shown.token, now, beside=of.serial)
        who = audit.Who(of.org, of.cred, credential.kind, address=where or None, door=door)
        await audit.note(tx, who, (), WHAT, "changed", why="own", about=of.cred)
        await attempts.succeeded(tx, place)
    return Redeemed(of.org, credential, None, made, by.current.pem)
