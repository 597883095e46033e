"""Certificates at the broker: whose authorities it trusts, what is withdrawn, and that a session
ends whose certificate or credential does.

On a reload Mosquitto reads both files again, but asks a live session for its password only, and one
by certificate has none: it is ended by taking its client id over.
"""

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from shared.access import certificates

log = structlog.get_logger()

AUTHORITIES = "authorities.crt"
WITHDRAWN = "withdrawn.crl"
NOBODY = "nobody"
PATIENCE = 3.0
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


async def lately_withdrawn(connection: asyncpg.Connection) -> dict[str, str]:
    """Credentials whose certificate ended in the last day: perhaps while nobody was here to end
    their sessions."""
    rows = await connection.fetch(
        """
        select cred, max(serial) as serial from patients.certificate
        where withdrawn_at > now() - interval '1 day' group by cred
        """
    )
    return {row["cred"]: row["serial"] for row in rows}


class Sessions:
    """Ends those whose certificate is not in force any more. `inner`: ingest's own address."""

    def __init__(self, inner: str | None) -> None:
        self._inner = inner
        self._before: dict[str, str] = {}
        self._to_end: set[str] = set()

    def begin(self, lately: dict[str, str]) -> None:
        self._before = dict(lately)

    def follow(self, now: dict[str, str]) -> None:
        """`now`: the serial number of each credential's certificate in force."""
        self._to_end |= {cred for cred, serial in self._before.items() if now.get(cred) != serial}
        self._before = now

    async def end(self) -> None:
        """After the broker was told. What does not succeed is tried again the next time."""
        if not self._to_end or self._inner is None:
            return
        await asyncio.sleep(READING)
        for cred in sorted(self._to_end):
            if await asyncio.to_thread(take_over, self._inner, cred):
                self._to_end.discard(cred)
                log.info("A session by certificate was ended.", cred=cred)


def take_over(inner: str, client_id: str) -> bool:
    """A broker ends the session of a client id that somebody else comes with."""
    address = urlsplit(inner)
    answered = threading.Event()
    accepted: list[bool] = []

    def connected(_client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        accepted.append(not reason.is_failure)
        answered.set()

    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5,
        reconnect_on_failure=False,
    )
    client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
    client.on_connect = connected
    client.connect_timeout = PATIENCE
    try:
        client.connect(
            address.hostname or "127.0.0.1",
            address.port or 1883,
            clean_start=True,  # and what was kept for it is forgotten
        )
        client.loop_start()
        answered.wait(PATIENCE)
        client.disconnect()
        client.loop_stop()
    except OSError:
        return False
    return accepted == [True]


def server_certificate(directory: Path) -> None:
    """For one box: a certificate of the broker's own for localhost, made once."""
    if (directory / "server.crt").exists():
        return
    from deploy.local import keys

    made = certificates.new_server("localhost", datetime.now(UTC))
    keys.write_private(directory / "server.key", made.key_pem)
    keys.write_private(directory / "server.crt", made.pem)
