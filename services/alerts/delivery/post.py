"""One door to all channels: a message and an address in, what came of it out. Nothing is raised."""

from collections.abc import Sequence

import httpx
import structlog

from services.alerts.delivery import push, sms, smtp, webhook
from services.alerts.delivery.message import Message
from services.alerts.delivery.outcome import Outcome, Result
from services.alerts.delivery.push import Device
from services.alerts.delivery.ways import SECONDS, Ways

log = structlog.get_logger()


class Post:
    def __init__(self, ways: Ways) -> None:
        self.ways = ways
        self._client: httpx.AsyncClient | None = None
        self._pushing: httpx.AsyncClient | None = None

    async def open(self) -> None:
        # The addresses are chosen by people: no proxy, password file or redirect of this machine's.
        self._client = httpx.AsyncClient(trust_env=False, timeout=SECONDS, follow_redirects=False)
        self._pushing = push.client(self.ways)

    async def close(self) -> None:
        for client in (self._client, self._pushing):
            if client is not None:
                await client.aclose()

    async def push(
        self, devices: Sequence[Device], message: Message
    ) -> tuple[Outcome, list[bytes]]:
        """To a patient's own devices, and those of them that are there no more."""
        assert self._pushing is not None
        try:
            return await push.send(self.ways, self._pushing, devices, message)
        except Exception as error:
            log.error("A channel failed.", medium="push", fault=type(error).__name__)
            return Outcome(Result.FAILED, "fault"), []

    async def send(self, medium: str, to: str, message: Message) -> Outcome:
        assert self._client is not None
        try:
            match medium:
                case "webhook":
                    return await webhook.send(self.ways, self._client, to, message)
                case "sms":
                    return await sms.send(self.ways, self._client, to, message)
                case "email":
                    return await smtp.send(self.ways, to, message)
                case _:
                    return Outcome(Result.REFUSED, "unknown-medium")
        except Exception as error:
            # The type only: a message may repeat an address.
            log.error("A channel failed.", medium=medium, fault=type(error).__name__)
            return Outcome(Result.FAILED, "fault")
