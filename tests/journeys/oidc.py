"""What comes to a door by an identity provider: tokens and proofs, made as a client makes them."""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from deploy.local.issuer.clients import ASSERTION
from deploy.local.issuer.settings import AUDIENCE, CITIZENS, PAGE, SYSTEM
from shared.access import dpop, login, signed
from shared.access.trust import Client
from tests.journeys.hospital import Hospital


@dataclass
class Provider:
    """The running development issuer, as the holder of one of its clients' keys sees it."""

    hospital: Hospital
    key: signed.Key = field(default_factory=signed.new_key)

    def _post(self, profile: str, path: str, client: str, form: dict[str, str]) -> Any:
        place = f"{self.hospital.addresses['issuer']}/{profile}"
        file = self.hospital.directory / ("page.jwk" if client == PAGE else "system.jwk")
        about = login.assertion(Client(id=client, key=file), place)
        sent = {
            **form, "client_id": client, "client_assertion_type": ASSERTION,
            "client_assertion": about,
        }  # fmt: skip
        address = f"{place}/{path}"
        proof = dpop.make(self.key, method="POST", address=address, token=None, now=time.time())
        answer = httpx.post(address, data=sent, headers={"dpop": proof}, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def system_token(self, *scopes: str) -> str:
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(f"{AUDIENCE}/{one}" for one in scopes),
        }
        return str(self._post("helseid", "token", SYSTEM, form)["access_token"])

    def citizens_token(self, number: str) -> str:
        """By ID-porten's profile, with everything that a log-in there takes."""
        verifier = secrets.token_urlsafe(32)
        back = f"{self.hospital.addresses['alerts']}/login/callback"
        form = {
            "response_type": "code", "redirect_uri": back, "scope": "openid profile",
            "state": "s", "nonce": "n", "code_challenge_method": "S256",
            "acr_values": "idporten-loa-high", "resource": CITIZENS,
            "code_challenge": signed.plain(hashlib.sha256(verifier.encode()).digest()),
        }  # fmt: skip
        pushed = self._post("idporten", "par", PAGE, form)["request_uri"]
        place = f"{self.hospital.addresses['issuer']}/idporten/authorize"
        chosen = {"client_id": PAGE, "request_uri": pushed, "pid": number}
        went = httpx.post(place, data=chosen, trust_env=False).headers["location"]
        code = parse_qs(urlsplit(went).query)["code"][0]
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back,
            "code_verifier": verifier,
        }  # fmt: skip
        return str(self._post("idporten", "token", PAGE, form)["access_token"])

    def proven(self, token: str, method: str, address: str) -> dict[str, str]:
        """Headers of one request."""
        proof = dpop.make(self.key, method=method, address=address, token=token, now=time.time())
        return {"authorization": f"DPoP {token}", "dpop": proof}


def choose(browser: httpx.Client, page: httpx.Response, person: str) -> httpx.Response:
    """What the form on the issuer's page sends."""
    hidden = dict(re.findall(r'name="(client_id|request_uri)" value="([^"]+)"', page.text))
    assert person in page.text
    return browser.post(page.url, data={**hidden, "person": person})
