"""Who is logged in at the issuer by which client, and how that is told that he no longer is."""

import secrets
import time
from dataclasses import dataclass, field

import httpx

from deploy.local.issuer.clients import Client
from deploy.local.issuer.people import Person
from deploy.local.issuer.realm import Realm
from shared.access import signed
from shared.access.signed import Unusable

KEPT = 8 * 3600
PATIENCE = httpx.Timeout(5, connect=2)  # and one try, as ID-porten has it


@dataclass(frozen=True, slots=True)
class Session:
    subject: str
    client: Client
    until: float


@dataclass
class Sessions:
    realm: Realm
    _of: dict[str, Session] = field(default_factory=dict)

    def begin(self, person: Person, client: Client) -> str:
        """Its name, the `sid` of the id token."""
        now = time.time()
        self._of = {sid: one for sid, one in self._of.items() if one.until > now}
        sid = secrets.token_hex(8)
        self._of[sid] = Session(person.subject, client, now + KEPT)
        return sid

    async def end_by(self, hint: str, client: Client | None) -> bool:
        """The session of this id token; False when the token is not ours and this client's."""
        try:
            key = {one.kid: one for one in self.realm.keys}[signed.peek(hint, 0).get("kid")]
            claims = signed.read(hint, lambda _: key, types=("jwt", "")).claims
        except (Unusable, KeyError):
            return False
        if client is None or claims.get("aud") != client.id:
            return False
        await self._end(str(claims.get("sid")))
        return True

    async def end_of(self, subject: str) -> int:
        """All sessions of one person."""
        mine = [sid for sid, one in self._of.items() if one.subject == subject]
        return sum([await self._end(sid) for sid in mine])

    async def _end(self, sid: str) -> bool:
        """Whether the client has been told."""
        ended = self._of.pop(sid, None)
        if ended is None or ended.client.back_channel is None:
            return False
        token = self.realm.logout_token(ended.client, sid=sid, sub=ended.subject)
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
                told = await client.post(ended.client.back_channel, data={"logout_token": token})
        except httpx.HTTPError:
            return False
        return told.is_success
