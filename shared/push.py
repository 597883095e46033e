"""Pure: which address of a push service may be posted to. A patient's browser chose it, so it
may be anything: https only, and on the open internet unless the hospital has named it.
"""

import base64
import binascii
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

LONGEST = 1000
POINT, SECRET = 65, 16  # bytes of a device's public key and of its secret


class KeyIsUnusable(Exception):
    """The file does not hold a private key of the curve that push services take."""


class NotAPushAddress(ValueError):
    """The address is not one of a push service that may be posted to"""


class NotADevicesKeys(ValueError):
    """The keys are not those of a device"""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    named: bool  # by the hospital: then it may lie on its own network

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}" if self.port == 443 else f"https://{host}:{self.port}"


def address(endpoint: str, hosts: Collection[str]) -> Address:
    """`hosts`, as host or host:port, are the only ones when any are named. NotAPushAddress."""
    if len(endpoint) > LONGEST or not endpoint.isascii() or not endpoint.isprintable():
        raise NotAPushAddress
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").rstrip("."), parts.port or 443
    except ValueError:
        raise NotAPushAddress from None
    if parts.scheme != "https" or not host or "@" in parts.netloc or parts.fragment:
        raise NotAPushAddress
    named = bool({host, f"{host}:{port}"} & set(hosts))
    if not named and (hosts or port != 443 or not _is_outside(host)):
        raise NotAPushAddress
    return Address(host, port, named)


def _is_outside(host: str) -> bool:
    """What can be told of a name without asking anybody; its addresses are asked for when it is
    posted to."""
    try:
        return is_public(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return "." in host and not last.isdigit() and last not in ("localhost", "local", "internal")


def is_public(ip: str) -> bool:
    """ValueError when it is no IP address."""
    found = ipaddress.ip_address(ip)
    mapped = getattr(found, "ipv4_mapped", None) or found
    return bool(mapped.is_global and not mapped.is_multicast)


def hosts(told: str) -> frozenset[str]:
    """A comma list, as a setting holds it."""
    return frozenset(one.strip().lower() for one in told.split(",") if one.strip())


def keys(p256dh: str, auth: str) -> tuple[bytes, bytes]:
    """A device's keys as its browser tells them. NotADevicesKeys."""
    try:
        point, secret = unspelt(p256dh), unspelt(auth)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (ValueError, binascii.Error):
        raise NotADevicesKeys from None
    if len(point) != POINT or len(secret) != SECRET:
        raise NotADevicesKeys
    return point, secret


def spelt(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unspelt(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def private_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """KeyIsUnusable, OSError."""
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError):
        raise KeyIsUnusable from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyIsUnusable
    return key


def new_key() -> bytes:
    """The installation's own, by which push services know that it is us: made once."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def public_key(file: Path) -> str:
    """As a page gives it to the browser: `HJEMVAKT_PUSH_PUBLIC_KEY`."""
    return spelt(point(private_key(file).public_key()))
