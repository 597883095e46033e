"""The password format that Mosquitto reads: PBKDF2 with SHA-512, written as `$7$…`.

A secret here is 160 random bits, so few rounds are enough; many would only slow down the broker,
which computes them on its one thread at every connection.
"""

import base64
import hashlib
import secrets

ROUNDS = 101


def mosquitto_hash(secret: str) -> str:
    """`$7$rounds$salt$hash`, a new salt each time."""
    salt = secrets.token_bytes(12)
    key = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${_text(salt)}${_text(key)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
