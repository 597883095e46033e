"""Secrets of devices, apps and systems: made here, kept only as a hash."""

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """A device, app or system secret: 160 random bits, shown once."""
    return secrets.token_urlsafe(20)


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret. A plain hash is enough: a random secret cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def same(left: bytes, right: bytes) -> bool:
    return hmac.compare_digest(left, right)
