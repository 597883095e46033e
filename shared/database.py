"""The one way into PostgreSQL: a pool, a transaction, a wake-up call.

Verbs open the transaction; store functions receive it as `tx` and never commit. jsonb comes and
goes with exact decimals.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any, Protocol, Self, cast

import asyncpg
import structlog

from shared import exact

log = structlog.get_logger()

# READ COMMITTED and synchronous_commit=on are PostgreSQL's defaults; they are named here because
# the ledger's rules rest on them and a server may have been configured otherwise.
SAFETY: Mapping[str, str] = {
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    "jit": "off",
}


AWAY = (
    OSError, TimeoutError, asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError,
)  # fmt: skip
IDLE_SECONDS = 300.0  # a connection unused for longer may be dead without anybody having said so

# Whose request this is, once that is known. PostgreSQL's own fence around an organisation's rows
# (`fence` in shared/migrations) goes by it.
_organisation: ContextVar[str | None] = ContextVar("organisation", default=None)


@contextlib.contextmanager
def one_request() -> Iterator[None]:
    """From here on nobody's, and afterwards whose it was."""
    token = _organisation.set(None)
    try:
        yield
    finally:
        _organisation.reset(token)


def confine(org: str) -> None:
    """The rest of this request is of one organisation."""
    _organisation.set(org)


class DatabaseIsAway(Exception):
    """The database cannot be reached just now."""


class Source(Protocol):
    """Where a connection comes from: a pool, or a line of one's own."""

    def connection(self) -> AbstractAsyncContextManager[asyncpg.Connection]: ...


class Database:
    """A pool of connections in one role."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        size: int = 8,
        server_settings: Mapping[str, str] | None = None,
        fenced: bool = False,
    ) -> None:
        """`fenced`: a request's transactions see its organisation's rows only."""
        self._fenced = fenced
        self._url = url
        self._name = name
        self._size = size
        self._server_settings = {**SAFETY, "application_name": name, **(server_settings or {})}
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=self._size,
            init=_codecs,
            reset=_keep,
            server_settings=self._server_settings,
            command_timeout=30,
            timeout=5,
        )

    async def close(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()
            self._pool = None

    async def ready(self) -> str | None:
        return None if await self.is_reachable() else "The database cannot be reached."

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection in autocommit, for reads of one statement and for `listen`."""
        try:
            pool = self._opened()
            async with asyncio.timeout(10):  # the pool's own timeout costs a task each time
                connection = await pool.acquire()
            try:
                yield cast(asyncpg.Connection, connection)  # a pool's proxy of one
            finally:
                await pool.release(connection)
        except AWAY as error:
            raise DatabaseIsAway from error

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        async with self.connection() as connection, connection.transaction():
            if self._fenced and (org := _organisation.get()) is not None:
                await connection.execute("select set_config('hjemvakt.org', $1, true)", org)
            yield connection

    def line(self) -> "Line":
        return Line(self._url, self._server_settings)

    async def is_reachable(self) -> bool:
        try:
            async with self.connection() as connection:
                return bool(await connection.fetchval("select true", timeout=2))
        except (DatabaseIsAway, asyncpg.PostgresError):
            return False

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Call `heard` with each payload on the channel, for ever; reconnects by itself.

        A wake-up only: whoever listens also polls, because a notification sent while the
        connection was away is gone.
        """
        while True:
            try:
                await self._listen(channel, heard)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(1)
            log.info("The listening connection was lost and is being made again.", channel=channel)

    async def _listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Until the connection is gone."""
        connection = await asyncpg.connect(
            self._url, server_settings=dict(self._server_settings), timeout=5
        )
        try:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _connection: gone.set())
            await connection.add_listener(
                channel, lambda _connection, _pid, _channel, payload: heard(str(payload))
            )
            heard("")
            await gone.wait()
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=2)

    def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            raise DatabaseIsAway
        return self._pool


class Line:
    """One connection beside the pool, for one user at a time who asks so often that being handed
    one would cost as much as asking. Made when it is needed, and anew after any fault."""

    def __init__(self, url: str, server_settings: Mapping[str, str]) -> None:
        self._url = url
        self._server_settings = dict(server_settings)
        self._connection: asyncpg.Connection | None = None
        self._used = 0.0

    def connection(self) -> Self:
        return self

    async def __aenter__(self) -> asyncpg.Connection:
        now = time.monotonic()
        if self._connection is not None and now - self._used > IDLE_SECONDS:
            self.drop()
        self._used = now
        if self._connection is None or self._connection.is_closed():
            try:
                connection = await asyncpg.connect(
                    self._url,
                    server_settings=self._server_settings,
                    command_timeout=30,
                    timeout=5,
                )
            except AWAY as error:
                raise DatabaseIsAway from error
            await _codecs(connection)
            self._connection = connection
        return self._connection

    async def __aexit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        if isinstance(error, AWAY) or not isinstance(error, asyncpg.PostgresError):
            self.drop()  # whatever was being said, nobody waits for the end of it
        if isinstance(error, AWAY):
            raise DatabaseIsAway from error

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _keep(_connection: asyncpg.Connection) -> None:
    """Nothing to reset: every SET here is local to its transaction, locks are the transaction's,
    and who listens has a connection of his own. A reset costs a round trip each time."""


async def _codecs(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_encode,
        decoder=_decode,
        format="binary",
    )


def _encode(value: Any) -> bytes:
    return b"\x01" + exact.dumps(value)


def _decode(data: bytes) -> Any:
    return exact.decode(bytes(data)[1:])
