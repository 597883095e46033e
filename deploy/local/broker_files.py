"""Who may connect to Mosquitto and use which topic, as the files it reads.

Made from the credentials in the record, kept current while they change. On a reload Mosquitto
itself cuts the live sessions of credentials that were revoked or given a new secret; those by
certificate are ended by deploy/local/broker_certificates.py.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import structlog

from deploy.local import broker_certificates, keys
from deploy.local.broker_certificates import Known, Sessions
from shared import mqtt_password
from shared.database import Database, DatabaseIsAway

log = structlog.get_logger()

POLL_SECONDS = 1.0
# Many credentials made at once are one reload.
GATHER_SECONDS = 0.2

# Both become lines in a file whose syntax is spaces, `:`, `+` and `#`: nothing else may pass.
ORG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
CRED = re.compile(r"c-[a-z0-9-]{1,62}")
HASH = re.compile(r"\$7\$\d+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+")

WRITES = ("hjv/1/{org}/{cred}/obs", "hjv/1/{org}/{cred}/fhir", "hjv/1/{org}/{cred}/status")
WRITES_BELOW = "gw/{org}/{cred}/#"
READS = (
    "hjv/1/{org}/{cred}/ack",
    "hjv/1/{org}/{cred}/+/ack",  # a response topic of its own
    "hjv/1/{org}/{cred}/+/+/ack",
    "hjv/1/{org}/{cred}/cmd",
)
INNER = ("topic read hjv/1/#", "topic read gw/#", "topic write hjv/1/#")


@dataclass(frozen=True, slots=True)
class Credential:
    org: str
    cred: str
    mqtt_hash: str  # empty: no password, only a certificate
    serials: tuple[str, ...] = ()  # of its certificates in force: two while one is renewed

    def is_writable(self) -> bool:
        """Whether it can stand in the files without changing what they say about others."""
        return bool(
            ORG.fullmatch(self.org)
            and CRED.fullmatch(self.cred)
            and (HASH.fullmatch(self.mqtt_hash) or (self.serials and not self.mqtt_hash))
        )


def passwords(credentials: Iterable[Credential]) -> str:
    return "".join(f"{one.cred}:{one.mqtt_hash}\n" for one in credentials if one.mqtt_hash)


def acl(credentials: Iterable[Credential]) -> str:
    """What each credential may do; Mosquitto denies everything that is not named."""
    return "\n".join(_rights(one) for one in credentials)


def _rights(one: Credential) -> str:
    lines = [f"user {one.cred}"]
    lines += [f"topic write {topic}" for topic in (*WRITES, WRITES_BELOW)]
    lines += [f"topic read {topic}" for topic in READS]
    return "".join(f"{line}\n" for line in lines).format(org=one.org, cred=one.cred)


def write(directory: Path, credentials: Iterable[Credential]) -> bool:
    """Write the devices' files; False when they already said the same."""
    listed = [one for one in credentials if one.is_writable()]
    changed = [
        _replace(directory / "devices.passwords", passwords(listed)),
        _replace(directory / "devices.acl", acl(listed)),
    ]
    return any(changed)


def write_authorities(directory: Path, authorities: Iterable[Known], nobody: Known) -> bool:
    """Write who may sign for devices and what is withdrawn; False when the files said the same."""
    written = broker_certificates.texts(authorities, nobody)
    return any([_replace(directory / name, text) for name, text in written.items()])


def write_inner(directory: Path, mqtt_url: str) -> None:
    """The files of the inner listener, for the user named in ingest's own broker address."""
    address = urlsplit(mqtt_url)
    user, secret = unquote(address.username or ""), unquote(address.password or "")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", user) or not secret:
        raise ValueError("MQTT_URL needs a user and a password: mqtt://user:password@host:port")
    _replace(directory / "inner.passwords", f"{user}:{mqtt_password.mosquitto_hash(secret)}\n")
    _replace(directory / "inner.acl", "\n".join((f"user {user}", *INNER)) + "\n")


def _replace(path: Path, text: str) -> bool:
    """Atomically: Mosquitto never reads half a file. Only the broker's own user may read it."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_text() == text:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    keys.write_private(path, text)
    return True


async def follow(
    database: Database, directory: Path, reload: Callable[[], bool], inner: str | None = None
) -> None:
    """Keep the files current for ever: within a second of a change, at once when notified.

    `reload` tells the broker to read them again and answers whether it could be told. `inner`:
    ingest's own address of it, by which sessions by certificate are ended.
    """
    nobody, sessions = broker_certificates.of_nobody(datetime.now(UTC)), Sessions(inner)
    changed = asyncio.Event()
    listening = asyncio.create_task(database.listen("credentials", lambda _payload: changed.set()))
    written: int | None = None
    told = True
    try:
        while True:
            with contextlib.suppress(DatabaseIsAway, asyncpg.PostgresError):
                async with database.connection() as connection:
                    if written is None:
                        sessions.begin(await broker_certificates.lately_withdrawn(connection))
                    if (state := await _fingerprint(connection)) != written:
                        credentials = await _credentials(connection)
                        authorities = await broker_certificates.known(connection)
                        is_new = [
                            write(directory, credentials),
                            write_authorities(directory, authorities, nobody),
                        ]
                        told = told and not any(is_new)
                        sessions.follow({one.cred: one.serials for one in credentials})
                        written = state
            if not told and (told := reload()):
                log.info("The broker was told of changed credentials.")
            if told:
                await sessions.end()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), POLL_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)
            changed.clear()
    finally:
        listening.cancel()


async def _fingerprint(connection: asyncpg.Connection) -> int:
    """A number that changes when the files should; cheaper than reading every row each second."""
    return int(
        await connection.fetchval(
            """
            select (
                select coalesce(sum(hashtextextended(org || ' ' || cred || ' ' || mqtt_hash, 0)), 0)
                  from patients.credential
                 where revoked_at is null and mqtt_hash <> ''
            ) + (
                select coalesce(sum(hashtextextended(org || ' ' || cred || ' ' || serial, 1)), 0)
                  from patients.certificate
                 where withdrawn_at is null
            ) + (
                select coalesce(sum(hashtextextended(certificate || withdrawn, 2)), 0)
                  from patients.authority
            )
            """
        )
    )


async def _credentials(connection: asyncpg.Connection) -> list[Credential]:
    rows = await connection.fetch(
        """
        select c.org, c.cred, c.mqtt_hash, k.serials
          from patients.credential c
          cross join lateral (
            select coalesce(array_agg(k.serial order by k.serial), '{}') as serials
            from patients.certificate k
            where k.org = c.org and k.cred = c.cred and k.withdrawn_at is null) k
         where c.revoked_at is null and (c.mqtt_hash <> '' or k.serials <> '{}')
         order by c.org, c.cred
        """
    )
    found = [Credential(row[0], row[1], row[2], tuple(row[3])) for row in rows]
    for one in found:
        if not one.is_writable():
            log.error("A credential cannot be written to the broker's files.", org=one.org)
    return found


def hang_up(pid_file: Path) -> bool:
    """SIGHUP to the broker; False when it does not run (it reads the files when it starts)."""
    try:
        os.kill(int(pid_file.read_text()), signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


async def run(database_url: str, directory: Path, pid_file: Path, mqtt_url: str | None) -> None:
    """What `hjemvakt broker-files` does."""
    if mqtt_url is not None:
        write_inner(directory, mqtt_url)
    database = Database(database_url, name="broker-files", size=2)
    while True:
        try:
            await database.open()
            break
        except (OSError, TimeoutError, asyncpg.PostgresError):
            await asyncio.sleep(1)
    try:
        await follow(database, directory, lambda: hang_up(pid_file), mqtt_url)
    finally:
        await database.close()
