"""Certificates at the broker: whose authorities it trusts, what is withdrawn, and that a session
ends whose certificate or credential does.

On a reload Mosquitto reads both files again, but asks a live session for its password only, and one
by certificate has none: it is ended by taking its client id over.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import structlog

from deploy.local import broker_door
from shared.access import certificates

log = structlog.get_logger()

AUTHORITIES = "authorities.crt"
WITHDRAWN = "withdrawn.crl"
NOBODY = "nobody"
# So long Mosquitto may take to read its files: who is cut before that could come back.
READING = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """An organisation's authority and its list of withdrawn certificates, as PEM."""

    certificate: str
    withdrawn: str


def of_nobody(now: datetime) -> Known:
    """Mosquitto does not start without any; whose key nobody has signs for nobody."""
    made = certificates.new_authority(NOBODY, now)
    return Known(made.pem, certificates.withdrawn(made, (), now))


def texts(authorities: Iterable[Known], nobody: Known) -> dict[str, str]:
    """The broker's two files."""
    every = [nobody, *authorities]
    return {
        AUTHORITIES: "".join(one.certificate for one in every),
        WITHDRAWN: "".join(one.withdrawn for one in every),
    }


async def known(connection: asyncpg.Connection) -> list[Known]:
    rows = await connection.fetch(
        "select certificate, withdrawn from patients.authority order by org"
    )
    return [Known(*row) for row in rows]


async def lately_withdrawn(connection: asyncpg.Connection) -> dict[str, tuple[str, ...]]:
    """Credentials with certificates that ended in the last day: perhaps while nobody was here to
    end their sessions."""
    rows = await connection.fetch(
        """
        select cred, array_agg(serial) as serials from patients.certificate
        where withdrawn_at > now() - interval '1 day' group by cred
        """
    )
    return {row["cred"]: tuple(row["serials"]) for row in rows}


class Sessions:
    """Ends those whose certificate is not in force any more. `inner`: ingest's own address."""

    def __init__(self, inner: str | None) -> None:
        self._inner = inner
        self._before: dict[str, tuple[str, ...]] = {}
        self._to_end: set[str] = set()

    def begin(self, lately: Mapping[str, tuple[str, ...]]) -> None:
        self._before = dict(lately)

    def follow(self, now: Mapping[str, tuple[str, ...]]) -> None:
        """`now`: the serial numbers of each credential's certificates in force. By which of them a
        session goes the broker does not say: who has another comes back at once."""
        for cred, serials in self._before.items():
            if not set(serials) <= set(now.get(cred, ())):
                self._to_end.add(cred)
        self._before = dict(now)

    async def end(self) -> None:
        """After the broker was told. What does not succeed is tried again the next time."""
        if not self._to_end or self._inner is None:
            return
        await asyncio.sleep(READING)
        for cred in sorted(self._to_end):
            if await asyncio.to_thread(_take_over, self._inner, cred):
                self._to_end.discard(cred)
                log.info("A session by certificate was ended.", cred=cred)


def _take_over(inner: str, client_id: str) -> bool:
    """A broker ends the session of a client id that somebody else comes with, and what was kept
    for it is forgotten."""
    address = urlsplit(inner)
    user, secret = unquote(address.username or ""), unquote(address.password or "")
    return broker_door.lets_in(inner, client_id, user, secret)


def server_certificate(directory: Path) -> None:
    """For one box: a certificate of the broker's own for localhost, made once."""
    if (directory / "server.crt").exists():
        return
    from deploy.local import keys

    made = certificates.new_server("localhost", datetime.now(UTC))
    keys.write_private(directory / "server.key", made.key_pem)
    keys.write_private(directory / "server.crt", made.pem)
