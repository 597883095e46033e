"""Pure: what the claims of HelseID and ID-porten say of who is asking.

HelseID: staff with security level 4, known by HPR number or national number, and machines with
client credentials. ID-porten: patients with the highest level.
"""

from dataclasses import dataclass

from shared.access import tokens
from shared.access.caller import LevelIsTooLow, NotRegisteredHere, ScopeIsMissing
from shared.access.signed import Claims, Unusable
from shared.access.trust import Issuer

PID = "helseid://claims/identity/pid"
LEVEL = "helseid://claims/identity/security_level"
HPR = "helseid://claims/hpr/hpr_number"
PARENT = "helseid://claims/client/claims/orgnr_parent"
HIGHEST = ("idporten-loa-high", "Level4")  # the second is what older tokens say


@dataclass(frozen=True, slots=True)
class Professional:
    """Staff as HelseID vouches for them. `subject` only where the issuer's `sub` is our id."""

    org: str
    pid: str | None
    hpr: str | None
    subject: str | None


@dataclass(frozen=True, slots=True)
class Citizen:
    """A patient as ID-porten vouches for him."""

    org: str
    pid: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A system that speaks as one of our system credentials: the one that the file of issuers
    names, else the one registered with its client id. Scopes without the audience that they begin
    with: `readings.read`."""

    org: str
    client: str
    cred: str | None
    scopes: frozenset[str]


def who(claims: Claims, issuer: Issuer) -> Professional | Citizen | Machine:
    """Unusable, LevelIsTooLow, ScopeIsMissing, NotRegisteredHere."""
    if issuer.profile == "idporten":
        return _citizen(claims, issuer)
    return _machine(claims, issuer) or _professional(claims, issuer)


def _professional(claims: Claims, issuer: Issuer) -> Professional:
    _has_scope(claims, issuer)
    if claims.get(LEVEL) != "4":
        raise LevelIsTooLow
    by_subject = issuer.staff_by == "subject"
    org = _organisation(claims, issuer)
    if org is None:
        raise NotRegisteredHere
    found = Professional(
        org,
        tokens.text(claims, PID, 11),
        tokens.text(claims, HPR, 9),
        tokens.text(claims, "sub") if by_subject else None,
    )
    if found.pid is None and found.hpr is None and found.subject is None:
        raise Unusable
    return found


def _machine(claims: Claims, issuer: Issuer) -> Machine | None:
    """A token without a person is a machine's. One with a person is never taken for it."""
    if PID in claims or LEVEL in claims or HPR in claims:
        return None
    name = tokens.text(claims, "client_id")
    if name is None or tokens.text(claims, "sub") not in (None, name):
        return None
    org, cred = _whose(name, claims, issuer)
    mine = f"{issuer.audience}/"
    scopes = (one.removeprefix(mine) for one in tokens.scopes(claims) if one.startswith(mine))
    return Machine(org, name, cred, frozenset(scopes))


def _whose(client: str, claims: Claims, issuer: Issuer) -> tuple[str, str | None]:
    """Organisation and credential. One vendor's client may serve many of our organisations: which
    one a token is for stands in it."""
    for one in issuer.systems:
        if one.client_id == client:
            return one.organisation, one.credential
    org = _organisation(claims, issuer)
    if org is None:
        raise NotRegisteredHere
    return org, None


def _organisation(claims: Claims, issuer: Issuer) -> str | None:
    number = tokens.text(claims, PARENT, 63)
    if issuer.staff_by == "subject":
        return number
    return issuer.organisations.get(number or "")


def _citizen(claims: Claims, issuer: Issuer) -> Citizen:
    _has_scope(claims, issuer)
    if claims.get("acr") not in HIGHEST:
        raise LevelIsTooLow
    pid = tokens.text(claims, "pid", 11)
    if pid is None or issuer.organisation is None:
        raise Unusable
    return Citizen(issuer.organisation, pid)


def _has_scope(claims: Claims, issuer: Issuer) -> None:
    if issuer.scope is not None and issuer.scope not in tokens.scopes(claims):
        raise ScopeIsMissing
