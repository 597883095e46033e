"""Who is asking, as the rest of the code sees it, and the refusals that say who may not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class NotAuthenticated(Exception):
    """Log in, or send a valid bearer token"""

    challenge = "Bearer"


_ALGORITHMS = 'algs="ES256 ES384 ES512 PS256 PS384 PS512 RS256"'


class ProofIsMissing(NotAuthenticated):
    """Log in, or send a valid token with its proof of possession"""

    # Which signatures a proof may have (RFC 9449 section 7.1), and nothing of what was wrong.
    challenge = f"DPoP {_ALGORITHMS}"


class NonceIsMissing(NotAuthenticated):
    """Make the proof anew, with the nonce that stands in DPoP-Nonce"""

    challenge = f'DPoP error="use_dpop_nonce", {_ALGORITHMS}'

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.headers = {"DPoP-Nonce": nonce}


class IssuerDoesNotAnswer(Exception):
    """The log-in service does not answer just now"""


class NotAllowed(Exception):
    """Your role does not allow this"""


class LevelIsTooLow(Exception):
    """Log in with the highest security level"""


class ScopeIsMissing(Exception):
    """The token is not given for this"""


class NotRegisteredHere(Exception):
    """You are logged in, but not registered here"""


class HprIsMissing(Exception):
    """This takes a number in the health personnel register"""


class NotRelated(Exception):
    """The patient belongs to another unit; emergency access must be opened first"""


class Locked(Exception):
    """The patient has locked the record; emergency access must be opened first"""


class Blocked(Exception):
    """The patient has asked that you do not see the record"""


class TooManyRequests(Exception):
    """Too many requests; wait, and send it again then"""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.retry_after = max(1, math.ceil(seconds))


class NobodysProxy(Exception):
    """There is no such patient who lets you in"""


class NotGiven(Exception):
    """The patient lets you in, but not to this"""


class CrossSite(Exception):
    """The request did not come from this site's own pages"""


class Role(StrEnum):
    NURSE = "nurse"
    PHYSICIAN = "physician"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    RESEARCHER = "researcher"
    PATIENT = "patient"
    RELATIVE = "relative"
    SYSTEM = "system"


CLINICAL = (Role.NURSE, Role.PHYSICIAN)
CITIZENS = (Role.PATIENT, Role.RELATIVE)


@dataclass(frozen=True, slots=True)
class Caller:
    """A person as the token says: staff, the patient himself or a relative of his (`patient_id`);
    or a system."""

    id: str
    name: str
    role: Role
    org: str
    units: frozenset[UUID] = frozenset()
    hpr: str | None = None
    patient_id: UUID | None = None
    by_cookie: bool = False
    expires: int | None = None  # when the token ends, in seconds since 1970
    scopes: frozenset[str] = frozenset()  # a system's; a person's role says what he may
    groups: frozenset[str] = frozenset()  # access groups, see shared/sensitive.py
    issuer: str | None = None  # who vouches for the caller; None: the development key
    reach: str | None = None  # own, unit or org: what the table says of this act
    in_emergency: bool = False  # whether emergency access counts for this act
    session: bytes | None = None  # a page's session, by the hash of its cookie
    numbers: tuple[bytes, ...] = ()  # a citizen's, by its keyed hashes: whose proxies he holds
    may: frozenset[str] = frozenset()  # a relative's: what the patient lets him see


PROBLEMS: Mapping[type[Exception], int] = {
    NotAuthenticated: 401,
    ProofIsMissing: 401,
    NonceIsMissing: 401,
    NotAllowed: 403,
    LevelIsTooLow: 403,
    ScopeIsMissing: 403,
    NotRegisteredHere: 403,
    HprIsMissing: 403,
    CrossSite: 403,
    NotRelated: 403,
    Locked: 403,
    Blocked: 403,
    NobodysProxy: 404,
    NotGiven: 403,
    TooManyRequests: 429,
    IssuerDoesNotAnswer: 503,
}
