"""The issuer's doors: discovery, keys, pushed requests, the log-in page, tokens."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from deploy.local.issuer import clients, page
from deploy.local.issuer.clients import Client, Refused
from deploy.local.issuer.people import People, Person, citizen
from deploy.local.issuer.realm import SECONDS, Realm
from deploy.local.issuer.sessions import Sessions
from shared import identity
from shared.access import dpop, profiles, signed
from shared.access.signed import Unusable
from shared.settings import Mode

BODY = 64 * 1024
REQUEST_SECONDS = 300  # a person needs a while to choose; HelseID's own ends sooner
CODE_SECONDS = 60


class IssuerInProduction(Exception):
    """The development issuer does not run in production mode"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A pushed request: what the browser may not change on its way."""

    client: Client
    redirect: str
    challenge: str
    state: str
    nonce: str
    scopes: frozenset[str]
    until: float
    resource: str | None = None
    "For whom the access token is to be (RFC 8707)."


@dataclass(frozen=True, slots=True)
class Given:
    """A code: who it stands for, and the request it answers."""

    asked: Asked
    person: Person
    until: float


class Desk:
    """One realm at work: requests pushed, codes given."""

    def __init__(self, realm: Realm, people: People) -> None:
        self.realm = realm
        self._people = people
        self._asked: dict[str, Asked] = {}
        self._given: dict[str, Given] = {}
        self.sessions = Sessions(realm)

    def push(self, form: Mapping[str, str]) -> dict[str, Any]:
        client = self._client(form, "page")
        challenge = form.get("code_challenge", "")
        scopes = frozenset(form.get("scope", "").split())
        if form.get("response_type") != "code" or form.get("redirect_uri") not in client.redirects:
            raise Refused("invalid_request")
        if form.get("code_challenge_method") != "S256" or len(challenge) != 43:
            raise Refused("invalid_request")
        if not form.get("state") or not form.get("nonce"):
            raise Refused("invalid_request")
        if "openid" not in scopes or not scopes <= client.scopes:
            raise Refused("invalid_scope")
        if self.realm.profile == "idporten" and form.get("acr_values") != "idporten-loa-high":
            raise Refused("invalid_request")  # ID-porten would let a lower level do
        name = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(24)}"
        self._asked[name] = Asked(
            client, form["redirect_uri"], challenge, form["state"], form["nonce"], scopes,
            time.time() + REQUEST_SECONDS, form.get("resource"),
        )  # fmt: skip
        return {"request_uri": name, "expires_in": REQUEST_SECONDS}

    def pushed(self, name: str, client_id: str) -> Asked:
        asked = self._asked.get(name)
        if asked is None or asked.client.id != client_id or asked.until < time.time():
            raise Refused("invalid_request_uri")
        return asked

    async def people(self) -> list[Person]:
        return [] if self.realm.profile == "idporten" else await self._people()

    async def choose(self, name: str, asked: Asked, form: Mapping[str, str]) -> str:
        """Where the browser goes with its code."""
        person = await self._chosen(form)
        del self._asked[name]  # a request is answered once
        code = secrets.token_urlsafe(32)
        self._given[code] = Given(asked, person, time.time() + CODE_SECONDS)
        more = {"code": code, "state": asked.state, "iss": self.realm.issuer}
        return f"{asked.redirect}?{urlencode(more)}"

    async def _chosen(self, form: Mapping[str, str]) -> Person:
        if self.realm.profile == "idporten":
            pid = form.get("pid", "").replace(" ", "")
            if identity.kind_of(pid) is None:
                raise Refused("access_denied")
            return citizen(pid)
        found = [one for one in await self._people() if one.subject == form.get("person")]
        if not found:
            raise Refused("access_denied")
        return found[0]

    def tokens(self, form: Mapping[str, str], proofs: list[str]) -> dict[str, Any]:
        bound = self._proven(proofs, fresh=form.get("grant_type") == "authorization_code")
        match form.get("grant_type"):
            case "authorization_code":
                return self._for_code(form, bound)
            case "client_credentials":
                return self._for_system(form, bound)
            case _:
                raise Refused("unsupported_grant_type")

    def _for_code(self, form: Mapping[str, str], bound: str | None) -> dict[str, Any]:
        client = self._client(form, "page")
        given = self._given.pop(form.get("code", ""), None)  # tried once, right or wrong
        if given is None or given.until < time.time() or given.asked.client.id != client.id:
            raise Refused("invalid_grant")
        verifier = form.get("code_verifier", "")
        if not 43 <= len(verifier) <= 128 or _challenge(verifier) != given.asked.challenge:
            raise Refused("invalid_grant")
        if form.get("redirect_uri") != given.asked.redirect:
            raise Refused("invalid_grant")
        who = self.realm.claims(given.person)
        # As ID-porten: a token that nobody was named for is nobody's.
        of_citizens = self.realm.profile == "idporten"
        audience = (given.asked.resource or "unspecified") if of_citizens else None
        sid = self.sessions.begin(given.person, client)
        return {
            **self._answer(who, client, given.asked.scopes, bound, audience),
            "id_token": self.realm.id_token(given.person, client, given.asked.nonce, sid),
        }

    def _for_system(self, form: Mapping[str, str], bound: str | None) -> dict[str, Any]:
        client = self._client(form, "system")
        scopes = frozenset(form.get("scope", "").split())
        if not scopes or not scopes <= client.scopes:
            raise Refused("invalid_scope")
        whose = {profiles.PARENT: client.organisation} if client.organisation else {}
        return self._answer(whose, client, scopes, bound)

    def _answer(
        self,
        who: Mapping[str, Any],
        client: Client,
        scopes: frozenset[str],
        bound: str | None,
        audience: str | None = None,
    ) -> dict[str, Any]:
        return {
            "access_token": self.realm.access_token(who, client, scopes, bound, audience),
            "token_type": "DPoP" if bound else "Bearer",
            "expires_in": SECONDS,
            "scope": " ".join(sorted(scopes)),
        }

    def _client(self, form: Mapping[str, str], kind: str) -> Client:
        client = clients.authenticate(form, self.realm.clients, self.realm.issuer, self.realm.once)
        if client.kind != kind:
            raise Refused("unauthorized_client")
        return client

    def _proven(self, proofs: list[str], *, fresh: bool) -> str | None:
        """The key that the token will be bound to: always with HelseID, never with ID-porten.
        `fresh`: the proof must show the nonce that is given out to who does not."""
        if self.realm.profile == "idporten":
            return None
        try:
            if len(proofs) != 1:
                raise Unusable
            address = f"{self.realm.issuer}/token"
            now = time.time()
            proof = dpop.check(proofs[0], method="POST", address=address, token=None, now=now)
        except Unusable as error:
            raise Refused("invalid_dpop_proof") from error
        if fresh and proof.nonce != self.realm.nonce:
            raise Refused("use_dpop_nonce", nonce=self.realm.nonce)
        if not self.realm.once.use(proof.id.hex(), now + 2 * dpop.WINDOW):
            raise Refused("invalid_dpop_proof")
        return proof.thumbprint


def create(realms: list[Realm], people: People, mode: Mode) -> FastAPI:
    """The application. IssuerInProduction."""
    if mode != "test":
        raise IssuerInProduction
    app = FastAPI(title="Hjemvakt development issuer", docs_url=None, redoc_url=None)
    app.state.realms = {realm.profile: realm for realm in realms}
    for realm in realms:
        _mount(app, urlsplit(realm.issuer).path, Desk(realm, people))

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        if request.url.path.endswith("/authorize"):
            return _html(page.refused(error.code), "'self'", error.status)
        more = {"DPoP-Nonce": error.nonce} if error.nonce else {}
        return JSONResponse(
            {"error": error.code}, error.status, {"Cache-Control": "no-store", **more}
        )

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    return app


def _mount(app: FastAPI, at: str, desk: Desk) -> None:
    realm = desk.realm

    @app.get(f"{at}/.well-known/openid-configuration")
    async def about() -> dict[str, Any]:
        return realm.about()

    @app.get(f"{at}/jwks")
    async def jwks() -> dict[str, Any]:
        return realm.jwks()

    @app.post(f"{at}/rotate", status_code=204)
    async def rotate() -> None:
        """For trying it out: sign with a new key from now on."""
        realm.rotate()

    @app.post(f"{at}/par", status_code=201)
    async def par(request: Request) -> dict[str, Any]:
        return desk.push(await _form(request))

    @app.get(f"{at}/authorize")
    async def authorize(client_id: str = "", request_uri: str = "") -> Response:
        asked = desk.pushed(request_uri, client_id)
        shown = page.log_in(realm.profile, await desk.people(), client_id, request_uri)
        # The answer to the form leads back to where the log-in began.
        home = urlsplit(asked.redirect)
        return _html(shown, f"'self' {home.scheme}://{home.netloc}")

    @app.post(f"{at}/authorize")
    async def chosen(request: Request) -> Response:
        form = await _form(request)
        name = form.get("request_uri", "")
        asked = desk.pushed(name, form.get("client_id", ""))
        return RedirectResponse(await desk.choose(name, asked, form), 303)

    @app.post(f"{at}/token")
    async def token(request: Request) -> Response:
        given = desk.tokens(await _form(request), request.headers.getlist("dpop"))
        return JSONResponse(given, headers={"Cache-Control": "no-store"})

    @app.get(f"{at}/endsession")
    async def end(
        id_token_hint: str = "", client_id: str = "", post_logout_redirect_uri: str = "",
        state: str = "",
    ) -> Response:  # fmt: skip
        """A client's log-out is everybody's: each is told, also the one that asked."""
        client = realm.clients.get(client_id)
        if not await desk.sessions.end_by(id_token_hint, client):
            return _html(page.logged_out(), "'none'")
        if client is None or post_logout_redirect_uri not in client.leaves:
            return _html(page.logged_out(), "'none'")
        return RedirectResponse(f"{post_logout_redirect_uri}?{urlencode({'state': state})}", 303)

    @app.post(f"{at}/log-out")
    async def log_out(request: Request) -> Response:
        """For trying it out: as if this person (`sub`) had logged out at another client."""
        told = await desk.sessions.end_of((await _form(request)).get("sub", ""))
        return JSONResponse({"told": told})


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    if len(body) > BODY:
        raise Refused("invalid_request", 413)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=40)
    except ValueError as error:
        raise Refused("invalid_request") from error
    if any(len(values) > 1 for values in fields.values()):
        raise Refused("invalid_request")
    return {name: values[0] for name, values in fields.items()}


def _challenge(verifier: str) -> str:
    return signed.plain(hashlib.sha256(verifier.encode()).digest())


def _html(text: str, form: str, status: int = 200) -> Response:
    policy = (
        f"default-src 'none'; style-src 'sha256-{page.STYLE_HASH}'; img-src data:; "
        f"form-action {form}; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)
