"""What a device makes itself: a key, a request for a certificate of it, TLS with both."""

import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from joserfc import jwk

EcKey = ec.EllipticCurvePrivateKey
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def as_jwk(key: EcKey) -> jwk.ECKey:
    """The key as a device makes its proofs with it."""
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return jwk.ECKey.import_key(pem)


def request(key: PrivateKey, name: str = "whatever the maker wrote", *more: Any) -> str:
    """The name and what else is wished for is never looked at."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in more:
        made = made.add_extension(extension, critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def tls(folder: Path, server: Path, key: PrivateKey, certificate: str) -> ssl.SSLContext:
    """A device's side, whose files are kept in `folder`."""
    form = serialization.PrivateFormat.PKCS8
    kept = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "device.key").write_bytes(kept)
    (folder / "device.crt").write_text(certificate)
    context = ssl.create_default_context(cafile=str(server))
    context.load_cert_chain(folder / "device.crt", folder / "device.key")
    return context
