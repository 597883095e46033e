"""The certificates of devices: for the key that asked, in the credential's name, and no more."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.access import certificates
from shared.access.certificates import AuthorityIsUnusable, RequestIsNotUsable
from tests import device_keys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CRED = "c-scaleaaaa2345672"
NORD = certificates.new_authority("nordland", NOW)


def test_the_certificate_names_the_credential_and_grants_nothing_that_was_asked_for() -> None:
    key = device_keys.new_key()
    asked = device_keys.request(
        key,
        "c-somebodyelse2345",
        x509.BasicConstraints(ca=True, path_length=None),
        x509.SubjectAlternativeName([x509.DNSName("hjemvakt.example")]),
    )

    made = certificates.sign(NORD, "nordland", CRED, asked, NOW)

    read = x509.load_pem_x509_certificate(made.pem.encode())
    names = {one.oid: one.value for one in read.subject}
    assert names == {NameOID.COMMON_NAME: CRED, NameOID.ORGANIZATION_NAME: "nordland"}
    assert read.public_key() == key.public_key()
    assert not read.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    with pytest.raises(x509.ExtensionNotFound):
        read.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    read.verify_directly_issued_by(NORD.certificate)
    assert made.until == NOW + certificates.LASTS


def test_no_certificate_outlives_its_authority() -> None:
    asked = device_keys.request(device_keys.new_key())
    late = NOW + certificates.AUTHORITY_LASTS - timedelta(days=1)
    made = certificates.sign(NORD, "nordland", CRED, asked, late)
    assert made.until == NORD.certificate.not_valid_after_utc
    with pytest.raises(AuthorityIsUnusable):
        certificates.sign(NORD, "nordland", CRED, asked, late + timedelta(days=2))


def spoilt() -> str:
    """Signed with another key than it asks for."""
    pem = device_keys.request(device_keys.new_key())
    der = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    read = x509.load_der_x509_csr(bytes(der))
    return read.public_bytes(serialization.Encoding.PEM).decode()


def signed_with(key: rsa.RSAPrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "x",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        "æøå",
        NORD.pem,
        spoilt(),
        signed_with(rsa.generate_private_key(65537, 1024)),
        signed_with(dsa.generate_private_key(2048)),
        signed_with(ec.generate_private_key(ec.SECP256K1())),
    ],
    ids=["none", "text", "short", "no ascii", "certificate", "spoilt", "small", "dsa", "curve"],
)
def test_a_request_that_is_not_as_it_should_be_gets_nothing(asked: str) -> None:
    with pytest.raises(RequestIsNotUsable):
        certificates.sign(NORD, "nordland", CRED, asked, NOW)


def test_an_authority_is_read_as_it_was_made() -> None:
    again = certificates.kept_authority(NORD.pem.encode(), NORD.key_pem.encode())
    assert again.certificate == NORD.certificate
    other = certificates.new_authority("sorland", NOW)
    for certificate, key in ((NORD.pem, other.key_pem), (NORD.pem, ""), ("", NORD.key_pem)):
        with pytest.raises(AuthorityIsUnusable):
            certificates.kept_authority(certificate.encode(), key.encode())


def test_the_list_of_withdrawn_ones_never_ends_before_its_authority() -> None:
    made = certificates.sign(
        NORD, "nordland", CRED, device_keys.request(device_keys.new_key()), NOW
    )
    listed = x509.load_pem_x509_crl(certificates.withdrawn(NORD, [made.serial], NOW).encode())
    assert [one.serial_number for one in listed] == [int(made.serial, 16)]
    assert listed.next_update_utc == NORD.certificate.not_valid_after_utc
    assert listed.is_signature_valid(NORD.certificate.public_key())  # type: ignore[arg-type]  # EC


def test_what_a_certificate_says_holds_while_it_lasts_and_by_its_authority_only() -> None:
    asked = device_keys.request(device_keys.new_key())
    made = certificates.sign(NORD, "nordland", CRED, asked, NOW)
    other = certificates.new_authority("nordland", NOW)
    assert certificates.organisation(made.pem) == "nordland"
    found = certificates.named(made.pem, [other, NORD], NOW + timedelta(days=1))
    assert (found.org, found.cred, found.serial) == ("nordland", CRED, made.serial)
    for by, now in (([other], NOW), ([NORD], NOW + certificates.LASTS),
                    ([NORD], NOW - timedelta(hours=1)), ([], NOW)):  # fmt: skip
        with pytest.raises(certificates.CertificateIsNotValid):
            certificates.named(made.pem, by, now)


@pytest.mark.parametrize("name", ["../nordland", "a/b", "Nord", "nord.previous"])
def test_no_name_leads_out_of_the_folder_of_authorities(name: str) -> None:
    asked = device_keys.request(device_keys.new_key())
    made = certificates.sign(NORD, name, CRED, asked, NOW)
    with pytest.raises(certificates.CertificateIsNotValid):
        certificates.organisation(made.pem)
