"""Norwegian identity numbers: whether one is well formed, and how it is kept.

A number is looked up by a keyed hash and read back only by whoever holds the key. Birth date and
gender are never read out of it: numbers given from 2032 on do not say.
"""

import hmac
import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
D_NUMBER = "urn:oid:2.16.578.1.12.4.1.4.2"
FHN = "urn:oid:2.16.578.1.12.4.1.4.3"
NATIONAL = (FNR, D_NUMBER, FHN)

Mode = Literal["test", "production"]

_FIRST = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_NONCE = 12


class SealIsBroken(Exception):
    """The sealed number was changed, or another key sealed it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`synthetic` names the test population whose shifted month the number carries, if any."""

    name: Literal["fnr", "d-number", "fhn"]
    synthetic: Literal["tenor", "nhn", "nav"] | None = None

    @property
    def system(self) -> str:
        return {"fnr": FNR, "d-number": D_NUMBER, "fhn": FHN}[self.name]


def kind_of(number: str) -> Kind | None:
    """What kind of number this is; None if it is not a well-formed one."""
    if len(number) != 11 or not (number.isascii() and number.isdigit()):
        return None
    if not _digits_agree([int(digit) for digit in number]):
        return None
    if number[0] in "89":
        return Kind("fhn")
    day, month, year = int(number[:2]), int(number[2:4]), int(number[4:6])
    name: Literal["fnr", "d-number"] = "d-number" if day > 40 else "fnr"
    month, synthetic = _month(month)
    return Kind(name, synthetic) if _is_date(day - 40 if day > 40 else day, month, year) else None


def acceptable(number: str, mode: Mode, allowed: Collection[str] = ()) -> bool:
    """In test only synthetic numbers and the allowed few; in production only real ones.

    A month shifted by 40 counts as synthetic, though some hospitals' own help numbers look alike.
    """
    if mode == "test" and number in allowed:
        return True
    kind = kind_of(number)
    return kind is not None and (kind.synthetic is not None) == (mode == "test")


def hashed(key: bytes, system: str, value: str) -> bytes:
    """The look-up key of an identifier: HMAC-SHA256 over system|value, 32 bytes."""
    text = f"{plain_system(system)}|{plain_value(system, value)}"
    return hmac.digest(_derived(key, b"hash"), text.encode("utf-8", "surrogatepass"), sha256)


def seal(key: bytes, system: str, value: str) -> bytes:
    """The value encrypted (AES-256-GCM, random nonce first), bound to its system."""
    nonce = os.urandom(_NONCE)
    text = plain_value(system, value).encode("utf-8", "surrogatepass")
    bound = plain_system(system).encode("utf-8", "surrogatepass")
    return nonce + AESGCM(_derived(key, b"seal")).encrypt(nonce, text, bound)


def unseal(key: bytes, system: str, sealed: bytes) -> str:
    """The value again. Raises SealIsBroken."""
    bound = plain_system(system).encode("utf-8", "surrogatepass")
    try:
        text = AESGCM(_derived(key, b"seal")).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise SealIsBroken from None
    return text.decode("utf-8", "surrogatepass")


def plain_phone(text: str) -> str | None:
    """A telephone number as the gateways want it, +4790000000; None if it is none."""
    digits = re.sub(r"[\s().-]", "", text)
    if re.fullmatch(r"[2-9]\d{7}", digits):
        return f"+47{digits}"
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    return digits if re.fullmatch(r"\+[1-9]\d{6,14}", digits) else None


def phone_of(patient_id: UUID) -> str:
    """The system under which a patient's telephone number is sealed: it opens as nobody else's."""
    return f"telephone of {patient_id}"


@dataclass(frozen=True, slots=True)
class Row:
    """An identifier as it is kept under one key."""

    hash: bytes
    sealed: bytes
    key: str


@dataclass(frozen=True, slots=True)
class Keys:
    """One key, or two while they are exchanged. Written is under both, so that it does not matter
    which of them another replica looks up by; read is what either has sealed."""

    first: bytes
    other: bytes | None = None

    @property
    def all(self) -> tuple[bytes, ...]:
        return (self.first,) if self.other is None else (self.first, self.other)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(key_id(key) for key in self.all)

    def rows(self, system: str, value: str) -> list[Row]:
        return [row(key, system, value) for key in self.all]

    def hashes(self, system: str, value: str) -> list[bytes]:
        return [hashed(key, system, value) for key in self.all]

    def seal(self, system: str, value: str) -> bytes:
        """What is kept once: both replicas of an exchange can open either key's."""
        return seal(self.first, system, value)

    def unseal(self, system: str, sealed: bytes) -> str:
        """Raises SealIsBroken."""
        for key in self.all[:-1]:
            with suppress(SealIsBroken):
                return unseal(key, system, sealed)
        return unseal(self.all[-1], system, sealed)


def row(key: bytes, system: str, value: str) -> Row:
    return Row(hashed(key, system, value), seal(key, system, value), key_id(key))


def key_id(key: bytes) -> str:
    """Tells one key from another, and nothing of it."""
    return _derived(key, b"id")[:6].hex()


def plain_system(system: str) -> str:
    """The system in one spelling: a bare OID gets its urn."""
    system = system.strip()
    return f"urn:oid:{system}" if system[:2] in ("1.", "2.") else system


def plain_value(system: str, value: str) -> str:
    """The value in one spelling: national numbers without the spaces people write."""
    return value.replace(" ", "") if plain_system(system) in NATIONAL else value.strip()


def _digits_agree(digits: list[int]) -> bool:
    """Both check digits; from 2032 the first may leave 1, 2 or 3 as well as 0."""
    first = sum(weight * digit for weight, digit in zip(_FIRST, digits[:10], strict=True)) % 11
    second = sum(weight * digit for weight, digit in zip(_SECOND, digits, strict=True)) % 11
    return first <= 3 and second == 0


def _month(month: int) -> tuple[int, Literal["tenor", "nhn", "nav"] | None]:
    if month > 80:
        return month - 80, "tenor"
    if month > 65:
        return month - 65, "nhn"
    if month > 40:
        return month - 40, "nav"
    return month, None


def _is_date(day: int, month: int, year: int) -> bool:
    """Whether the day exists in some century: 29 February 1900 does not, in 2000 it does."""
    try:
        date(2000 + year, month, day)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=8)
def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"hjemvakt identity " + purpose, sha256)
