"""Verb: log a person in on our pages by the identity provider (OpenID Connect, code flow).

What the browser carries back is worth nothing by itself: the request was pushed beforehand (PAR),
the code needs our verifier (PKCE), our key (private_key_jwt) and our proof (DPoP), and the browser
must be the one that began. What remains is a session of ours; the issuer's tokens are not kept.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import httpx
import structlog

from shared import audit, exact
from shared.access import dpop, logout, profiles, signed, store_sessions, tokens
from shared.access.caller import CLINICAL, Caller, IssuerDoesNotAnswer, Role
from shared.access.guard import Guard
from shared.access.signed import Claims, Unusable
from shared.access.store_sessions import Their
from shared.access.trust import Client, Issuer

log = structlog.get_logger()

LOGIN_SECONDS = 600  # between the first click and the return: people look for their card
SESSION_SECONDS = 8 * 3600
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ID_TOKEN = ("jwt", "")  # ID-porten names no type
# ID-porten gives a lower level, and a token for nobody, to who asks for no other.
_ASKED_OF: Mapping[str, Callable[[Issuer], Mapping[str, str]]] = {
    "helseid": lambda _: {},
    "idporten": lambda issuer: {"acr_values": profiles.HIGHEST[0], "resource": issuer.audience},
}
# Whom each profile vouches for, on pages of their own.
ROLES = {
    "helseid": (*CLINICAL, Role.ADMINISTRATOR, Role.AUDITOR),
    "idporten": (Role.PATIENT,),
}
NONCE, ASKS_FOR_NONCE = "DPoP-Nonce", "use_dpop_nonce"
MOST_BYTES = 64 * 1024
PATIENCE = 8.0  # seconds for one answer of the issuer, however slowly it comes


class LogInFailed(Exception):
    """The log-in did not succeed; begin again"""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the secret by which it is known when it comes back."""

    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class Done:
    caller: Caller
    session: str
    next: str


@dataclass
class Logins:
    """`redirect` is our own address for the way back, as the issuer has it registered. `profile`:
    helseid for the pages of staff, idporten for the patient's own."""

    guard: Guard
    redirect: str
    profile: Literal["helseid", "idporten"] = "helseid"
    _proof_key: signed.Key = field(default_factory=signed.new_key)

    def ways(self) -> list[Issuer]:
        """The issuers that these pages can be entered by."""
        return [
            one
            for one in self.guard.issuers.values()
            if one.client is not None and one.profile == self.profile
        ]

    async def begin(self, issuer: Issuer, next: str) -> Begun:
        """IssuerDoesNotAnswer."""
        assert issuer.client is not None
        about = await self.guard.keys.about(issuer)
        browser, state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        form = {
            "response_type": "code",
            "redirect_uri": self.redirect,
            "scope": " ".join(issuer.client.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": signed.plain(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "prompt": "login",
            **_ASKED_OF[issuer.profile](issuer),
        }
        pushed = await self._post(issuer, _address(about, "pushed_authorization_request"), form)
        kept = {
            "issuer": issuer.issuer, "state": state, "nonce": nonce, "verifier": verifier,
            "next": next,
        }  # fmt: skip
        async with self.guard.database.transaction() as tx:
            await store_sessions.begin_login(tx, _hash(browser), kept, LOGIN_SECONDS)
        query = {"client_id": issuer.client.id, "request_uri": str(pushed.get("request_uri"))}
        return Begun(f"{about['authorization_endpoint']}?{urlencode(query)}", browser)

    async def finish(
        self, browser: str, given: Mapping[str, str], address: str | None = None
    ) -> Done:
        """LogInFailed, IssuerDoesNotAnswer, NotRegisteredHere, LevelIsTooLow, ScopeIsMissing."""
        async with self.guard.database.transaction() as tx:
            kept = await store_sessions.take_login(tx, _hash(browser))
        if kept is None or kept["issuer"] not in self.guard.issuers:
            raise LogInFailed
        issuer = self.guard.issuers[kept["issuer"]]
        # Without `iss` an answer of one issuer could be passed off as another's (RFC 9207).
        if given.get("iss") != issuer.issuer or not secrets.compare_digest(
            given.get("state", "").encode(), str(kept["state"]).encode()
        ):
            raise LogInFailed
        if "code" not in given:
            raise LogInFailed
        try:
            claims, there = await self._exchange(issuer, given["code"], kept)
        except Unusable as error:
            raise LogInFailed from error
        caller = await self.guard.caller(claims, issuer)
        if caller.role not in ROLES[self.profile]:
            raise LogInFailed
        session = secrets.token_urlsafe(32)
        async with self.guard.database.transaction() as tx:
            await store_sessions.begin_session(
                tx, _hash(session), caller.org,
                staff_id=None if caller.patient_id else UUID(caller.id),
                patient_id=caller.patient_id,
                issuer=issuer.issuer, hpr=caller.hpr, seconds=SESSION_SECONDS, there=there,
            )  # fmt: skip
            who = audit.Who(
                caller.org, caller.id, caller.role.value, caller.hpr,
                tuple(caller.units), address=address,
            )  # fmt: skip
            await audit.note(tx, who, (), "log-in", "changed", why="own", about=issuer.name)
        log.info("Logged in.", org=caller.org, by=caller.id, issuer=issuer.name)
        return Done(caller, session, str(kept["next"]))

    async def end(
        self, session: str, address: str | None = None, back: str | None = None
    ) -> str | None:
        """Log out: the session is over for every page and stream of it. Where the browser goes from
        here, so that it is over at the issuer too; None: nowhere. `back`: our log-in page."""
        async with self.guard.database.transaction() as tx:
            ended = await store_sessions.end_session(tx, _hash(session))
            if ended is None:
                return None
            await logout.noted(tx, ended, address)
        back = back or self.redirect.removesuffix("/callback")
        return await logout.onwards(self.guard, ended, back)

    async def _exchange(
        self, issuer: Issuer, code: str, kept: Mapping[str, Any]
    ) -> tuple[Claims, Their]:
        """The access token's claims, after the id token has said that it answers our request; and
        how the issuer names the session."""
        assert issuer.client is not None
        about = await self.guard.keys.about(issuer)
        address = _address(about, "token")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "code_verifier": str(kept["verifier"]),
        }
        given = await self._post(issuer, address, form, proven=issuer.dpop)
        token, id_token = given.get("access_token"), given.get("id_token")
        if not isinstance(token, str) or not isinstance(id_token, str):
            raise Unusable
        about_him = (await self.guard.read(id_token, issuer, ID_TOKEN, issuer.client.id)).claims
        if about_him.get("nonce") != kept["nonce"]:
            raise Unusable
        claims = await self.guard.verified(token, issuer)
        if claims.get("sub") != about_him.get("sub"):
            raise Unusable
        bound = self._proof_key.thumbprint() if issuer.dpop else None
        if tokens.thumbprint(claims) != bound:
            raise Unusable
        hint = logout.hint(self.guard, id_token, about_him)
        return claims, logout.names(issuer, about_him, hint)

    async def _post(
        self,
        issuer: Issuer,
        address: str,
        form: Mapping[str, str],
        *,
        proven: bool = False,
        nonce: str | None = None,
    ) -> Mapping[str, Any]:
        """`nonce`: what the issuer wants to see in the proof (RFC 9449 section 8; HelseID asks for
        one the first time)."""
        assert issuer.client is not None
        sent = {
            **form,
            "client_id": issuer.client.id,
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion(issuer.client, issuer.issuer),
        }
        headers = {"accept": "application/json"}
        if proven:
            now = time.time()
            headers["DPoP"] = dpop.make(
                self._proof_key, method="POST", address=address, token=None, now=now, nonce=nonce
            )
        try:
            async with asyncio.timeout(PATIENCE), self.guard.keys.client(issuer) as client:
                answer = await client.post(address, data=sent, headers=headers)
            if answer.status_code >= 500 or len(answer.content) > MOST_BYTES:
                raise IssuerDoesNotAnswer
            found = exact.loads(answer.content)
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            raise IssuerDoesNotAnswer from error
        if not answer.is_success or not isinstance(found, dict):
            said = found.get("error") if isinstance(found, dict) else None
            wanted = answer.headers.get(NONCE, "")
            if proven and nonce is None and said == ASKS_FOR_NONCE and 0 < len(wanted) <= 1000:
                return await self._post(issuer, address, form, proven=True, nonce=wanted)
            log.warning("An issuer refused a log-in.", issuer=issuer.name, error=str(said)[:40])
            raise LogInFailed
        return found


def assertion(client: Client, audience: str) -> str:
    """That it is us: signed with our key, for this issuer, for a minute, once."""
    now = int(time.time())
    claims = {
        "iss": client.id, "sub": client.id, "aud": audience, "iat": now, "nbf": now,
        "exp": now + 60, "jti": secrets.token_urlsafe(16),
    }  # fmt: skip
    key = client.private_key
    return signed.sign(claims, key, type="client-authentication+jwt", kid=key.kid)


def _address(about: Mapping[str, Any], what: str) -> str:
    found = about.get(f"{what}_endpoint")
    if not isinstance(found, str):
        raise IssuerDoesNotAnswer
    return found


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
