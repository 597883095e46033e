"""Pure: an organisation's own authority for its devices, and the certificates it signs.

A device makes its key itself and sends a request (PKCS #10); what the request says of a name is not
looked at: the certificate names the credential, and nothing else in it means anything. The broker
takes the name for the user and asks for no password (deploy/mosquitto/certificates.conf).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LASTS = timedelta(days=20 * 365)
LASTS = timedelta(days=3 * 365)  # a device's; it ends at once when it is withdrawn
BEFORE = timedelta(minutes=5)  # clocks differ
LONGEST_REQUEST = 8192
SMALLEST_RSA = 2048
LARGEST_RSA = 8192


class RequestIsNotUsable(Exception):
    """The request for a certificate cannot be used"""


class CertificateIsNotValid(Exception):
    """This certificate is not valid, or not any more"""

    challenge = "DPoP"


class AuthorityIsUnusable(Exception):
    """The key or certificate of the authority for devices cannot be used"""


@dataclass(frozen=True, slots=True)
class Authority:
    """Of one organisation: who signs for its devices, and says which are withdrawn."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    @property
    def id(self) -> str:
        """Of its key, hexadecimal."""
        return x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()).digest.hex()

    @property
    def key_pem(self) -> str:
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(
            serialization.Encoding.PEM, form, serialization.NoEncryption()
        ).decode()


@dataclass(frozen=True, slots=True)
class Certificate:
    pem: str
    serial: str  # hexadecimal
    until: datetime


@dataclass(frozen=True, slots=True)
class Named:
    """What a device's certificate says, once an authority's signature on it has been checked."""

    org: str
    cred: str
    serial: str
    key: "DeviceKey"


def new_authority(org: str, now: datetime) -> Authority:
    """Its name is its own, since whoever checks a list of withdrawn ones finds it by that name: two
    of one organisation are trusted side by side while one takes the other's place."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    name = _name(org, f"Hjemvakt devices of {org} {named}")
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(made, key)


def new_server(host: str, now: datetime) -> Authority:
    """A certificate that stands for itself, for a server on one box: its clients are given it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(made, key)


def kept_authority(certificate: bytes, key: bytes) -> Authority:
    """AuthorityIsUnusable."""
    try:
        read = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AuthorityIsUnusable from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise AuthorityIsUnusable
    if private.public_key() != read.public_key():
        raise AuthorityIsUnusable
    return Authority(read, private)


def sign(by: Authority, org: str, cred: str, asked: str, now: datetime) -> Certificate:
    """A certificate for the key in the request, whose name is the credential. RequestIsNotUsable,
    AuthorityIsUnusable."""
    until = min(now + LASTS, by.certificate.not_valid_after_utc)
    if until <= now:
        raise AuthorityIsUnusable
    key = requested_key(asked)
    identified = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    serial = x509.random_serial_number()
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(org, cred))
        .issuer_name(by.certificate.subject)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(max(now - BEFORE, by.certificate.not_valid_before_utc))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
        .add_extension(identified, critical=False)
        .sign(by.key, hashes.SHA256())
    )
    return Certificate(_pem(made), f"{serial:x}", made.not_valid_after_utc)


DeviceKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


def requested_key(asked: str) -> DeviceKey:
    """The key of a request, which must be signed with it. RequestIsNotUsable."""
    try:
        request = x509.load_pem_x509_csr(asked.encode("ascii"))
        key = request.public_key()
        is_signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestIsNotUsable from error
    match key:
        case ec.EllipticCurvePublicKey():
            will_do = isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)
        case rsa.RSAPublicKey():
            will_do = SMALLEST_RSA <= key.key_size <= LARGEST_RSA
        case ed25519.Ed25519PublicKey():
            will_do = True
        case _:
            raise RequestIsNotUsable
    if not will_do or not is_signed:
        raise RequestIsNotUsable
    return key


def organisation(shown: str) -> str:
    """Whose device a certificate says it is of, *not* checked. CertificateIsNotValid."""
    return _read(shown).org


def named(shown: str, by: Iterable[Authority], now: datetime) -> Named:
    """What a certificate of one of these authorities says. CertificateIsNotValid."""
    found = _read(shown)
    certificate = x509.load_pem_x509_certificate(shown.encode("ascii"))
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise CertificateIsNotValid
    if not any(_is_signed(certificate, one) for one in by):
        raise CertificateIsNotValid
    return found


def _is_signed(certificate: x509.Certificate, by: Authority) -> bool:
    try:
        certificate.verify_directly_issued_by(by.certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _read(shown: str) -> Named:
    try:
        certificate = x509.load_pem_x509_certificate(shown.encode("ascii"))
        [org] = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        [cred] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateIsNotValid from error
    if not isinstance(key, DeviceKey):
        raise CertificateIsNotValid
    said = (str(org.value), str(cred.value))
    # The organisation becomes the name of a file before any signature has been checked.
    if not all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", one) for one in said):
        raise CertificateIsNotValid
    return Named(*said, f"{certificate.serial_number:x}", key)


def withdrawn(by: Authority, serials: Iterable[str], now: datetime) -> str:
    """The list of withdrawn certificates (CRL). It names its own end as late as it can: the broker
    gets a new one at every withdrawal, and an old list must never shut every device out."""
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.certificate.subject)
        .last_update(now - BEFORE)
        .next_update(by.certificate.not_valid_after_utc)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False
        )
    )
    for serial in serials:
        one = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(now)
        made = made.add_revoked_certificate(one.build())
    return made.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _name(org: str, name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, org),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
