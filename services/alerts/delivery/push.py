"""A message to a patient's own devices (Web Push, RFC 8030): encrypted for each device (RFC 8291,
RFC 8188), signed as ours (RFC 8292). The push service between sees neither text nor whose it is.

The address was given by a browser: it is resolved here, checked, and the very address that was
checked is connected to. Redirects are not followed.
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.alerts.delivery import message as words
from services.alerts.delivery import webhook
from services.alerts.delivery.message import Message
from services.alerts.delivery.outcome import Outcome, Result
from services.alerts.delivery.ways import SECONDS, Ways
from shared import exact, push

RECORD = 4096
KEEP = 4 * 3600  # seconds that a push service keeps it for a telephone that is off
SIGNED_FOR = 12 * 3600
GONE = ("http-404", "http-410")
PLACES = {"answer": "/me/messages"}


@dataclass(frozen=True, slots=True)
class Device:
    hash: bytes
    endpoint: str
    p256dh: bytes
    auth: bytes


def client(ways: Ways) -> httpx.AsyncClient:
    trusted = ssl.create_default_context()
    if ways.push_ca is not None:
        trusted.load_verify_locations(ways.push_ca)
    return httpx.AsyncClient(
        trust_env=False, timeout=SECONDS, follow_redirects=False, verify=trusted
    )


async def send(
    ways: Ways, client: httpx.AsyncClient, devices: Sequence[Device], message: Message
) -> tuple[Outcome, list[bytes]]:
    """To all of them: delivered when one has taken it. And those that are there no more."""
    if ways.push_key is None:
        return Outcome(Result.REFUSED, "not-configured"), []
    if not devices:
        return Outcome(Result.REFUSED, "no-device"), []
    outcomes = await asyncio.gather(*(_one(ways, client, one, message) for one in devices))
    gone = [one.hash for one, of in zip(devices, outcomes, strict=True) if of.why in GONE]
    order = (Result.DELIVERED, Result.FAILED, Result.REFUSED)
    return min(outcomes, key=lambda one: order.index(one.result)), gone


async def _one(ways: Ways, client: httpx.AsyncClient, device: Device, message: Message) -> Outcome:
    try:
        address = push.address(device.endpoint, ways.push_hosts)
        ip = await _resolved(address)
    except push.NotAPushAddress:
        return Outcome(Result.REFUSED, "host-not-allowed")
    except OSError:
        return Outcome(Result.FAILED, "no-connection")
    assert ways.push_key is not None
    told = {"title": "Hjemvakt", "body": words.text(message), "tag": message.kind,
            "place": PLACES.get(message.kind, "/me"), "lang": message.language}  # fmt: skip
    parts = urlsplit(device.endpoint)
    host = f"[{ip}]" if ":" in ip else ip
    place = parts._replace(netloc=f"{host}:{address.port}").geturl()
    headers = {
        "Host": parts.netloc,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEEP),
        "Urgency": "normal",
        # What waits undelivered is replaced by what comes after it: one notice, not ten.
        "Topic": message.kind,
        "Authorization": signature(ways.push_key, address.origin, ways.push_contact),
    }
    body = encrypted(exact.dumps(told), device.p256dh, device.auth)
    return await webhook.post(
        client, place, headers, body, extensions={"sni_hostname": address.host}
    )


async def _resolved(address: push.Address) -> str:
    """One address of the host, all of which are on the open internet. NotAPushAddress, OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM
    )
    ips = [str(one[4][0]).partition("%")[0] for one in found]
    if not ips:
        raise OSError("the host has no address")
    if not address.named and not all(push.is_public(one) for one in ips):
        raise push.NotAPushAddress
    return ips[0]


def encrypted(
    text: bytes,
    p256dh: bytes,
    auth: bytes,
    *,
    own: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """RFC 8291, in one record. `own` and `salt` are new for every message."""
    own = own or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    mine = push.point(own.public_key())
    shared = own.exchange(ec.ECDH(), theirs)
    secret = _derived(shared, auth, b"WebPush: info\0" + p256dh + mine, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD.to_bytes(4, "big") + bytes([len(mine)]) + mine
    return head + AESGCM(key).encrypt(nonce, text + b"\x02", None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def signature(
    key: ec.EllipticCurvePrivateKey, origin: str, contact: str | None, now: float | None = None
) -> str:
    """RFC 8292: a token for this push service alone, and our public key."""
    about = {"aud": origin, "exp": int(now or time.time()) + SIGNED_FOR}
    if contact:
        about["sub"] = contact
    head = {"typ": "JWT", "alg": "ES256"}
    signed = ".".join(push.spelt(exact.dumps(one)) for one in (head, about))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{signed}.{push.spelt(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    return f"vapid t={token}, k={push.spelt(push.point(key.public_key()))}"
