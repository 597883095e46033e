"""Pure: what a proof must show besides, so that nobody makes proofs in advance. RFC 9449 section 9.

Nothing is kept: a nonce is a keyed hash of some minutes, and all replicas have the key.
"""

import hmac

from shared.access import signed
from shared.identity import Keys

MINUTES = 5  # one is good for these and the next ones
_SYSTEM = "urn:hjemvakt:dpop-nonce"  # keeps these hashes apart from those of identifiers


def current(keys: Keys, now: float) -> str:
    return _of(keys, _place(now))[0]


def is_current(keys: Keys, given: str | None, now: float) -> bool:
    """Whether it was given out here, just now or a little before."""
    if given is None or not given.isascii():
        return False
    known = [one for place in (_place(now), _place(now) - 1) for one in _of(keys, place)]
    return any(hmac.compare_digest(given, one) for one in known)


def _place(now: float) -> int:
    return int(now) // (MINUTES * 60)


def _of(keys: Keys, place: int) -> list[str]:
    return [signed.plain(one) for one in keys.hashes(_SYSTEM, str(place))]
