"""Verb: a session ends here because it ended at the identity provider, and there because it ended
here (OpenID Connect Back-Channel Logout 1.0 and RP-Initiated Logout 1.0).

What the issuer says is a token of its own, for us, for now, once, and can be taken for no other
kind of token; nor can another kind be taken for it.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import asyncpg
import structlog

from shared import audit, exact, identity
from shared.access import signed, store, store_sessions, tokens
from shared.access.caller import IssuerDoesNotAnswer
from shared.access.guard import Guard
from shared.access.signed import Claims, Unusable
from shared.access.store_sessions import Their
from shared.access.trust import Issuer

log = structlog.get_logger()

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = ("logout+jwt", "jwt", "")  # the first is recommended, the others are what there is
LONGEST = 6000  # characters of an id token; whole addresses of 8 kB are taken everywhere
_HINT = "urn:hjemvakt:id-token"


class LogOutIsNotValid(Exception):
    """The log-out token is not valid"""


async def told(guard: Guard, token: str, address: str | None = None) -> int:
    """The identity provider says that somebody is logged out: so he is here, on every page and
    stream. How many sessions that ended. LogOutIsNotValid, IssuerDoesNotAnswer."""
    try:
        issuer, claims = await _read(guard, token)
    except Unusable as error:
        raise LogOutIsNotValid from error
    async with guard.database.transaction() as tx:
        if not await store.use_proof(tx, *_once(issuer, claims)):
            raise LogOutIsNotValid
        ended = await store_sessions.end_sessions(tx, issuer.issuer, names(issuer, claims))
        for session in ended:
            await noted(tx, session, address, about=issuer.name)
    log.info("An issuer has logged somebody out.", issuer=issuer.name, sessions=len(ended))
    return len(ended)


async def _read(guard: Guard, token: str) -> tuple[Issuer, Claims]:
    issuer = guard.issuers.get(str(signed.peek(token, 1).get("iss")))
    if issuer is None or issuer.client is None:
        raise Unusable
    read = await guard.read(token, issuer, TYPES, issuer.client.id, named=("sid", "sub"))
    events = read.claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise Unusable
    if "nonce" in read.claims:  # an id token, or made to be taken for one
        raise Unusable
    return issuer, read.claims


def _once(issuer: Issuer, claims: Claims) -> tuple[bytes, int]:
    """Under which name a token is remembered, and for how many seconds. Unusable has no name."""
    name, ends = tokens.text(claims, "jti"), tokens.moment(claims, "exp")
    if name is None or ends is None:
        raise LogOutIsNotValid
    left = max(1, ends - int(time.time()) + 1)
    return hashlib.sha256(f"log-out {issuer.issuer} {name}".encode()).digest(), left


async def noted(
    tx: asyncpg.Connection,
    session: asyncpg.Record,
    address: str | None,
    about: str | None = None,
) -> None:
    """A log-out, in the audit trail."""
    who = audit.Who(session["org"], str(session["by"]), session["role"], address=address)
    await audit.note(tx, who, (), "log-out", "changed", why="own", about=about)


# --- what is kept of the log-in for it ---------------------------------------------------------


def names(issuer: Issuer, claims: Claims, hint: bytes | None = None) -> Their:
    """How the issuer names this session and this person. Hashes: who reads the database learns no
    name that anybody else knows him by."""
    return Their(_named(issuer, claims, "sid"), _named(issuer, claims, "sub"), hint)


def _named(issuer: Issuer, claims: Claims, what: str) -> bytes | None:
    found = tokens.text(claims, what)
    if found is None:
        return None
    return hashlib.sha256(f"{what} {issuer.issuer} {found}".encode()).digest()


def hint(guard: Guard, id_token: str, claims: Claims) -> bytes | None:
    """The id token, sealed, for the hour when the session ends; None where a national number is in
    it, since it will stand in an address (docs/decisions/0020), or where it is long for one."""
    if len(id_token) > LONGEST:
        return None
    may_hold_a_number = re.search(rb"(?<!\d)\d{11}(?!\d)", exact.dumps(dict(claims)))
    return None if may_hold_a_number else guard.identity_keys.seal(_HINT, id_token)


async def onwards(guard: Guard, session: asyncpg.Record, back: str) -> str | None:
    """Where the browser goes so that the session ends at the issuer too; None where it does not."""
    issuer = guard.issuers.get(session["issuer"])
    if issuer is None or issuer.client is None or issuer.log_out == "here":
        return None
    try:
        there = (await guard.keys.about(issuer)).get("end_session_endpoint")
    except IssuerDoesNotAnswer:
        return None  # ours has ended all the same
    if not isinstance(there, str) or not there.startswith(("https://", "http://127.0.0.1:")):
        return None
    query = {
        **_hinted(guard, session["hint"]),
        "client_id": issuer.client.id, "post_logout_redirect_uri": back, "state": "left",
    }  # fmt: skip
    return f"{there}?{urlencode(query)}"


def _hinted(guard: Guard, sealed: bytes | None) -> Mapping[str, str]:
    try:
        return {"id_token_hint": guard.identity_keys.unseal(_HINT, sealed)} if sealed else {}
    except identity.SealIsBroken:
        return {}  # the key was exchanged since; the issuer asks the person instead
