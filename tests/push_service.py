"""A push service as a browser's maker runs one, and phones that really decrypt what comes.

It speaks https with a certificate of its own, which only who is told of it trusts.
"""

import base64
import hashlib
import ipaddress
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.alerts.delivery.push import Device
from services.alerts.delivery.ways import Ways
from shared import push


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Phone:
    """A browser's subscription: its private key never leaves it."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: hashlib.sha256(uuid4().bytes).digest()[:16])

    @property
    def point(self) -> bytes:
        return push.point(self.key.public_key())

    @property
    def subscription(self) -> dict[str, object]:
        keys = {"p256dh": push.spelt(self.point), "auth": push.spelt(self.auth)}
        return {"endpoint": self.endpoint, "keys": keys}

    @property
    def device(self) -> Device:
        hash_ = hashlib.sha256(self.endpoint.encode()).digest()
        return Device(hash_, self.endpoint, self.point, self.auth)

    def read(self, body: bytes) -> bytes:
        """Decrypt, by the standard's words and not by our code."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, text = body[21 : 21 + length], body[21 + length :]
        assert len(text) <= size
        shared = self.key.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        )
        secret = _hkdf(self.auth, shared, b"WebPush: info\0" + self.point + theirs, 32)
        key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, text, None).rstrip(b"\0")
        assert padded.endswith(b"\x02"), "the last record ends with 2"
        return padded[:-1]


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


@dataclass
class PushService:
    port: int
    certificate: Path
    sink: list[Post] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def phone(self, status: int = 201) -> Phone:
        path = f"/push/{uuid4().hex}"
        self.statuses[path] = status
        return Phone(f"https://{self.host}{path}")

    def posts(self, phone: Phone) -> list[Post]:
        return [one for one in list(self.sink) if phone.endpoint.endswith(one.path)]

    def check_signature(self, post: Post, ways: Ways) -> None:
        """RFC 8292: signed by the key that stands beside, for this service, for a while."""
        scheme, _, rest = post.headers["authorization"].partition(" ")
        parts = dict(one.strip().split("=", 1) for one in rest.split(","))
        assert scheme == "vapid"
        head, about, signed = parts["t"].split(".")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), push.unspelt(parts["k"]))
        raw = push.unspelt(signed)
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, f"{head}.{about}".encode(), ec.ECDSA(hashes.SHA256()))
        claims = json.loads(base64.urlsafe_b64decode(about + "=="))
        assert claims["aud"] == f"https://{self.host}"
        assert claims["sub"] == ways.push_contact
        left = claims["exp"] - datetime.now(UTC).timestamp()
        assert 0 < left <= 24 * 3600


@contextmanager
def started() -> Iterator[PushService]:
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = _certificate(Path(directory))
        posts: list[Post] = []
        statuses: dict[str, int] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                posts.append(Post(self.path, named, body))
                self.send_response(statuses.get(self.path, 404))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield PushService(server.server_address[1], certificate, posts, statuses)
        finally:
            server.shutdown()
            server.server_close()


def _certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = directory / "push.crt", directory / "push.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
