"""Who sends with an access token: a system with client credentials, for what its scopes name.

A token speaks as a system credential of the record, so what comes by it is filed, refused and
counted as what comes by that credential's secret; it too must name its subjects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.types import Scope

from services.ingest.senders import Credential, Senders
from shared.access import Guard, NotAuthenticated, NotRegisteredHere, ScopeIsMissing, table
from shared.access.guard import Shown
from shared.contracts import Item

LONGEST_SECRET = 128  # characters; no access token is as short


class Tokens:
    """Turns a shown token into the credential that it speaks as."""

    def __init__(self, guard: Guard, senders: Senders, public_url: str | None) -> None:
        self._guard = guard
        self._senders = senders
        self._public_url = public_url

    async def credential(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credential:
        """NotAuthenticated, NotAllowed, ScopeIsMissing, NotRegisteredHere, IssuerDoesNotAnswer,
        DatabaseIsAway."""
        caller = await self._guard.by_token(self._shown(scope, headers))
        wanted = table.by_route()[f"{scope['method']} {_template(scope)}"].scope
        if wanted not in caller.scopes:
            raise ScopeIsMissing
        found = await self._senders.by_name(caller.org, caller.id)
        if found is None:
            raise NotRegisteredHere
        return replace(found, scopes=caller.scopes)

    def _shown(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Shown:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            raise NotAuthenticated  # two answers to the question who asks
        scheme, _, token = given[0].decode("latin-1").partition(" ")
        proofs = [value.decode("latin-1") for name, value in scope["headers"] if name == b"dpop"]
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        place = self._public_url or f"{scope['scheme']}://{host}"
        return Shown(scheme, token.strip(), proofs, scope["method"], f"{place}{path}")


def is_one(headers: Mapping[bytes, bytes]) -> bool:
    """Whether what is shown is an access token, and not a credential's secret."""
    scheme, _, shown = headers.get(b"authorization", b"").partition(b" ")
    return scheme.lower() == b"dpop" or (
        scheme.lower() == b"bearer" and len(shown) > LONGEST_SECRET and shown.count(b".") == 2
    )


def must_be_given_for(credential: Credential, items: Sequence[Item]) -> None:
    """Answers come through the doors of readings too, and take a scope of their own.
    ScopeIsMissing."""
    if any(draft.type == "answers" for item in items for draft in item.drafts or ()):
        must_have(credential, "answers.write")


def must_have(credential: Credential, scope: str) -> None:
    """A secret is good for everything its credential may send. ScopeIsMissing."""
    if credential.scopes is not None and scope not in credential.scopes:
        raise ScopeIsMissing


def _template(scope: Scope) -> str:
    route = scope.get("route")
    return str(route.path if route is not None else scope["path"])
