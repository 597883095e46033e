"""One issuer of the two: its name, its keys and their rotation, and the tokens it signs."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from joserfc.jwk import ECKey

from deploy.local.issuer.clients import Client, Once
from deploy.local.issuer.people import Person
from shared.access import profiles, signed
from shared.access.logout import EVENT

SECONDS = 600
KEYS_KEPT = 3


@dataclass
class Realm:
    """`issuer` is its exact name and its address."""

    profile: Literal["helseid", "idporten"]
    issuer: str
    audience: str
    clients: Mapping[str, Client]
    keys: list[ECKey] = field(default_factory=lambda: [signed.new_key()])
    coming: ECKey = field(default_factory=signed.new_key)
    once: Once = field(default_factory=Once)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    "What HelseID wants to see in the proof with which a person's code is exchanged."

    def rotate(self) -> None:
        """Sign with the key that was shown beforehand. The ones before are still shown: what they
        signed stays good until it runs out."""
        self.keys = [self.coming, *self.keys][:KEYS_KEPT]
        self.coming = signed.new_key()

    def jwks(self) -> dict[str, Any]:
        return {"keys": [signed.as_public(key) for key in (self.coming, *self.keys)]}

    def about(self) -> dict[str, Any]:
        """Discovery."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "pushed_authorization_request_endpoint": f"{self.issuer}/par",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/endsession",
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "require_pushed_authorization_requests": True,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(signed.ALGORITHMS),
            "dpop_signing_alg_values_supported": list(signed.ALGORITHMS),
            "id_token_signing_alg_values_supported": ["ES256"],
            "subject_types_supported": ["public"],
            "authorization_response_iss_parameter_supported": True,
        }

    def access_token(
        self,
        who: Mapping[str, Any],
        client: Client,
        scopes: frozenset[str],
        jkt: str | None,
        audience: str | None = None,
    ) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": audience or self.audience,
            "client_id": client.id,
            "scope": sorted(scopes),
            "iat": now,
            "nbf": now,
            "exp": now + SECONDS,
            "jti": secrets.token_hex(16),
            **({"cnf": {"jkt": jkt}} if jkt else {}),
            **who,
        }
        return self._signed(claims, "at+jwt" if self.profile == "helseid" else None)

    def id_token(self, person: Person, client: Client, nonce: str, sid: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": client.id,
            "sub": person.subject,
            "nonce": nonce,
            "iat": now,
            "exp": now + SECONDS,
            "sid": sid,
            "name": person.name,
            **({"pid": person.pid} if self.profile == "idporten" else {}),
        }
        # ID-porten writes no `typ` into its headers.
        return self._signed(claims, "JWT" if self.profile == "helseid" else None)

    def logout_token(self, client: Client, **about: str) -> str:
        """`about`: `sid`, `sub` or both."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": client.id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(16),
            "events": {EVENT: {}},
            **about,
        }
        return self._signed(claims, "logout+jwt")

    def claims(self, person: Person) -> dict[str, Any]:
        """What the profile says of a person."""
        if self.profile == "idporten":
            return {"sub": person.subject, "pid": person.pid, "acr": "idporten-loa-high"}
        return {
            "sub": person.subject,
            "name": person.name,
            profiles.PID: person.pid,
            profiles.LEVEL: "4",
            profiles.PARENT: person.org,
            **({profiles.HPR: person.hpr} if person.hpr else {}),
        }

    def _signed(self, claims: Mapping[str, Any], type: str | None) -> str:
        key = self.keys[0]
        return signed.sign(claims, key, type=type, kid=key.kid)
