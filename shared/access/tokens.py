"""Pure: an access token's claims against what its issuer promised. RFC 9068 and 7519."""

from collections.abc import Collection
from dataclasses import dataclass

from shared.access.signed import Claims, Unusable

# Clocks differ: a token may come from five seconds ahead, but is never taken after its end.
AHEAD = 5
LONGEST = 3600  # an access token is short-lived; HelseID and ID-porten give ten minutes or less
TYPES = ("at+jwt",)
# ID-porten writes down no `typ` of its tokens: `kid` and `alg` are all that their headers have.
# What tells its access token from its id token is the audience.
TYPES_OF_CITIZENS = ("at+jwt", "")
PERSON = ("sub", "client_id")


@dataclass(frozen=True, slots=True)
class Expected:
    """What this service demands of a token from one issuer."""

    issuer: str
    audience: str
    longest: int = LONGEST
    named: tuple[str, ...] = PERSON
    "Claims of which one must say whom it is about."


def check(claims: Claims, expected: Expected, now: float) -> None:
    """Issuer and audience exactly, and the moment. Unusable."""
    if claims.get("iss") != expected.issuer:
        raise Unusable
    if expected.audience not in audiences(claims):
        raise Unusable
    within(claims, now, expected.longest)
    if not any(text(claims, name) for name in expected.named):
        raise Unusable


def within(claims: Claims, now: float, longest: int) -> None:
    """exp, iat and nbf as whole seconds: begun, not ended, not longer than such tokens last."""
    ends, began = moment(claims, "exp"), moment(claims, "iat")
    if ends is None or began is None:
        raise Unusable
    if ends <= now or began > now + AHEAD or ends - began > longest:
        raise Unusable
    if "nbf" in claims:
        first = moment(claims, "nbf")
        if first is None or first > now + AHEAD:
            raise Unusable


def audiences(claims: Claims) -> Collection[str]:
    """`aud` is one name or a list of names."""
    found = claims.get("aud")
    if isinstance(found, str):
        return (found,)
    if isinstance(found, list) and found and all(isinstance(one, str) for one in found):
        return found
    raise Unusable


def scopes(claims: Claims) -> frozenset[str]:
    """`scope` is words in one text, or (HelseID) a list."""
    found = claims.get("scope", "")
    if isinstance(found, str):
        return frozenset(found.split())
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return frozenset(found)
    raise Unusable


def moment(claims: Claims, name: str) -> int | None:
    found = claims.get(name)
    # bool is an int in Python, and a moment with decimals or as text is not what was agreed.
    return found if type(found) is int and 0 < found < 2**40 else None


def text(claims: Claims, name: str, most: int = 200) -> str | None:
    found = claims.get(name)
    return found if isinstance(found, str) and 0 < len(found) <= most else None


def thumbprint(claims: Claims) -> str | None:
    """Of the key that the token is bound to, or None. A `cnf` that says something else is a
    binding that we cannot check, so the token cannot be used."""
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    if not isinstance(bound, dict) or set(bound) != {"jkt"} or not isinstance(bound["jkt"], str):
        raise Unusable
    return str(bound["jkt"])
