"""Who sends with an access token: a system with client credentials, for what its scopes name; and
who proves that he has the key that his secret is bound to.

A token speaks as a system credential of the record, so what comes by it is filed, refused and
counted as what comes by that credential's secret; it too must name its subjects. What such a
caller is refused is written down as his.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from starlette.types import Scope

from services.ingest.devices import fhir_r4
from services.ingest.senders import Credential, Senders
from shared import audit, exact
from shared.access import (
    Caller,
    Guard,
    NotAuthenticated,
    NotRegisteredHere,
    ProofIsMissing,
    ScopeIsMissing,
    table,
)
from shared.access.guard import Shown
from shared.access.signed import Unusable
from shared.access.table import Act
from shared.contracts import Item

LONGEST_SECRET = 128  # characters; no access token is as short
ANSWERS = ("QuestionnaireResponse", "Communication")


class Tokens:
    """Turns a shown token into the credential that it speaks as."""

    def __init__(
        self, guard: Guard, senders: Senders, public_url: str | None, where: Callable[[Scope], str]
    ) -> None:
        """`where`: from where a request comes."""
        self._guard = guard
        self._senders = senders
        self._public_url = public_url
        self._where = where

    async def credential(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credential:
        """NotAuthenticated, NotAllowed, ScopeIsMissing, NotRegisteredHere, IssuerDoesNotAnswer,
        DatabaseIsAway."""
        act = table.by_route()[f"{scope['method']} {_template(scope)}"]
        caller = await self._guard.by_token(self._shown(scope, headers))
        self._say_who(scope, caller, act)
        if act.scope not in caller.scopes:
            raise ScopeIsMissing
        found = await self._senders.by_name(caller.org, caller.id)
        if found is None:
            raise NotRegisteredHere
        return replace(found, scopes=caller.scopes)

    async def bound(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credential:
        """The credential of a secret that is shown with a proof (`Authorization: DPoP`, RFC 9449
        with the secret as the token). ProofIsMissing, DatabaseIsAway."""
        shown = self._shown(scope, headers)
        if not shown.token.isascii() or not 16 <= len(shown.token) <= LONGEST_SECRET:
            raise ProofIsMissing
        found = await self._senders.by_bound_secret(shown.token)
        if found is None or len(shown.proofs) != 1:
            raise ProofIsMissing
        try:
            await self._guard.proven(shown, found.thumbprint)
        except Unusable as error:
            raise ProofIsMissing from error
        return found

    def _say_who(self, scope: Scope, caller: Caller, act: Act) -> None:
        """To the audit trail, for what he is refused."""
        state = scope.setdefault("state", {})
        who = audit.Who(
            caller.org,
            caller.id,
            caller.role.value,
            address=self._where(scope) or None,
            door=f"{scope['method']} {_template(scope)}",
            request_id=state.get("request_id"),
        )
        state["trail"] = audit.Trail(who, act.on, "none", sends=True)

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
    if is_bound(headers):
        return False
    return scheme.lower() == b"dpop" or (
        scheme.lower() == b"bearer" and len(shown) > LONGEST_SECRET and shown.count(b".") == 2
    )


def is_bound(headers: Mapping[bytes, bytes]) -> bool:
    """Whether it is a secret with a proof: a secret has no dots, an access token has two."""
    scheme, _, shown = headers.get(b"authorization", b"").partition(b" ")
    return scheme.lower() == b"dpop" and b"." not in shown


def must_be_given_for(credential: Credential, items: Sequence[Item]) -> None:
    """Answers and messages come through the doors of readings too, and take a scope of their own,
    also where they cannot be used. ScopeIsMissing."""
    if credential.scopes is not None and any(_is_answers(item) for item in items):
        must_have(credential, "answers.write")


def _is_answers(item: Item) -> bool:
    if any(draft.type in ("answers", "message") for draft in item.drafts or ()):
        return True
    try:
        sent = exact.loads(item.raw, fhir_r4.KEYS)
    except exact.Unreadable:
        return False  # HL7 v2, whose parts are asked for at its own door
    if not isinstance(sent, dict):
        return False
    resource = sent["resource"] if isinstance(sent.get("resource"), dict) else sent
    return resource.get("resourceType") in ANSWERS or sent.get("kind") == "questionnaire"


def must_have(credential: Credential, scope: str) -> None:
    """A secret is good for everything its credential may send. ScopeIsMissing."""
    if credential.scopes is not None and scope not in credential.scopes:
        raise ScopeIsMissing


def _template(scope: Scope) -> str:
    route = scope.get("route")
    return str(route.path if route is not None else scope["path"])
