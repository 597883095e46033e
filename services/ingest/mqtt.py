"""The broker's side: topic -> credential -> decoder -> accept -> receipt, then the broker's ack.

paho is driven by the asyncio loop (its own thread costs 1.7 times the CPU). Nothing is acknowledged
that is not committed: the broker keeps it and sends it again, and what was stored is then a
duplicate.
"""

import asyncio
import contextlib
import hashlib
import socket
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import asyncpg
import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from prometheus_client import Counter

from services.ingest import decoders, mqtt_message, receipts
from services.ingest.accept import CannotCommit, Intake
from services.ingest.devices import refused
from services.ingest.devices.fhir_answers import Forms
from services.ingest.gateway_door import Gateways
from services.ingest.mqtt_client import Client, Sent
from services.ingest.mqtt_message import CHANNELS, GATEWAY, Message, Read, Reader
from services.ingest.senders import Credential, Senders
from shared import ledger
from shared.contracts import Code, ItemError, Receipt, Watch
from shared.database import DatabaseIsAway

log = structlog.get_logger()

KEEPALIVE = 30
RECEIVE_MAXIMUM = 1_000
SESSION_SECONDS = 24 * 3600
RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)

MESSAGES = Counter("hjemvakt_mqtt_messages_total", "Messages from the broker", ["fate"])


class Taken(NamedTuple):
    """A message on its way through the intake."""

    message: Message
    credential: Credential
    read: Read


class Broker:
    """A connection to the broker that heals, with a stored session where the broker has one."""

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        shared: bool,
        senders: Senders,
        intake: Intake,
        forms: Forms,
        gateways: Gateways,
    ) -> None:
        self._senders = senders
        self._intake = intake
        self._reader = Reader(forms, intake.hashes)
        self._gateways = gateways
        self._shared = shared
        self._connection = 0  # acks of an older connection are dropped
        self._subscribed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._unknown: dict[tuple[str, str], list[Message]] = {}
        self._closing = False
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 1883
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set()
        # Unlimited: with a limit, paho walks all unacknowledged receipts at every acknowledgement.
        self._client.max_inflight_messages_set(0)
        self._client.max_queued_messages_set(0)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = lambda _client, _data, sent: self._on_message(sent)
        self._client.on_plain = self._on_message

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._client.on_socket_open = self._on_socket_open
        self._client.on_socket_close = self._on_socket_close
        self._client.on_socket_register_write = self._on_register_write
        self._client.on_socket_unregister_write = self._on_unregister_write
        self._spawn(self._stay_connected())

    async def close(self) -> None:
        self._closing = True
        self._client.disconnect()
        for task in list(self._tasks):
            task.cancel()

    async def ready(self) -> str | None:
        return None if self._subscribed else "The broker's subscription is not in place."

    # --- connection -------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        pauses = iter(RETRY_SECONDS)
        while not self._closing:
            if not self._client.is_connected() and self._client.socket() is None:
                try:
                    # In a thread: the TCP connect of an unreachable host would stop the loop.
                    await asyncio.to_thread(self._connect)
                    pauses = iter(RETRY_SECONDS)
                except OSError:
                    log.info("The broker cannot be reached; trying again.")
                    await asyncio.sleep(next(pauses, RETRY_SECONDS[-1]))
                    continue
            await asyncio.sleep(0.5)
            self._client.loop_misc()

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.SessionExpiryInterval = SESSION_SECONDS if self._shared else 0
        self._client.connect(
            self._host,
            self._port,
            keepalive=KEEPALIVE,
            clean_start=not self._shared,
            properties=properties,
        )

    def _on_socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.call_soon_threadsafe(self._loop.add_reader, sock.fileno(), self._read)

    def _on_socket_close(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        number = sock.fileno()
        if number >= 0:
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)

    def _on_register_write(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._loop.add_writer, sock.fileno(), self._write)

    def _on_unregister_write(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock.fileno())

    def _read(self) -> None:
        self._client.loop_read(100)

    def _write(self) -> None:
        self._client.loop_write()

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("The broker refused the connection.", reason=str(reason))
            return
        self._connection += 1
        prefix = "$share/hjemvakt/" if self._shared else ""
        # Retained messages are somebody's last state, not new measurements.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        topics = [f"{prefix}hjv/1/+/+/{channel}" for channel in CHANNELS]
        # Not shared: the values of one device must come to one place. What every replica then
        # stores is the same item, and known after the first.
        client.subscribe([(topic, options) for topic in (*topics, f"{GATEWAY}/+/+/#")])

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _p: Any
    ) -> None:
        refused_topics = [reason for reason in reasons if reason.is_failure]
        self._subscribed = not refused_topics
        if refused_topics:
            log.error("The broker refused the subscription.", reasons=len(refused_topics))
        else:
            log.info("The broker's subscription is in place.")

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._subscribed = False
        self._connection += 1
        if not self._closing:
            log.warning("The connection to the broker was lost.", reason=str(reason))

    # --- messages ---------------------------------------------------------------------------

    def _on_message(self, sent: Sent) -> None:
        message = mqtt_message.parse(sent, self._connection)
        if message is None or (sent.retain and message.channel != "status"):
            MESSAGES.labels("ignored").inc()
            self._client.ack(sent.mid, sent.qos)
            return
        credential = self._senders.remembered(message.org, message.cred)
        sender = message.org, message.cred
        if sender in self._unknown:
            self._unknown[sender].append(message)  # behind those that came before it
        elif credential is None:
            self._unknown[sender] = [message]
            self._spawn(self._look_up_and_take(sender))
        else:
            self._take(message, credential)

    async def _look_up_and_take(self, sender: tuple[str, str]) -> None:
        pauses = iter(RETRY_SECONDS)
        while True:
            try:
                credential = await self._senders.of_broker(*sender)
                break
            except (DatabaseIsAway, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                # Whatever the fault: those who wait here must not wait for ever.
                await asyncio.sleep(next(pauses, RETRY_SECONDS[-1]))
        for message in self._unknown.pop(sender):
            self._take_if_known(message, credential)

    def _take_if_known(self, message: Message, credential: Credential | None) -> None:
        if credential is None:
            # Past the broker with a name we do not know, or with another organisation's topic.
            MESSAGES.labels("unknown-credential").inc()
            log.warning(
                "A message of an unknown credential was refused.",
                org=message.org,
                cred=message.cred,
                sha256=hashlib.sha256(message.body).hexdigest(),
            )
            self._ack(message)
            return
        self._take(message, credential)

    def _take(self, message: Message, credential: Credential) -> None:
        read = self._read_message(message, credential)
        if credential.is_revoked:
            # The device has its word that it was taken, and the credential was good then.
            MESSAGES.labels("revoked-credential").inc()
            kept = [item for each in read.items if (item := decoders.revoked(each))]
            read = Read(kept, read.is_array)
        if not read.items and (message.channel == GATEWAY or credential.is_revoked):
            self._ack(message)  # there is nobody who waits for an answer
        elif not read.items:
            self._spawn(self._answer_nothing(Taken(message, credential, read)))
        elif read.whole:
            self._spawn(self._put_whole(Taken(message, credential, read)))
        else:
            self._put(Taken(message, credential, read))

    def _read_message(self, message: Message, credential: Credential) -> Read:
        now = datetime.now(UTC)
        if message.channel != GATEWAY:
            is_system = credential.sender.names_its_subject
            return mqtt_message.read(message, self._reader, is_system, now)
        try:
            items = self._gateways.decode(credential, message.native, message.body, now)
        except refused.Refused as fault:  # nobody is there to be told; the set-up page shows it
            self._intake.traffic.refused(credential, fault.code)
            return Read([], True)
        except Exception as error:
            items = [mqtt_message.failed(message, error)]
        return Read(items, len(items) != 1)

    async def _answer_nothing(self, taken: Taken) -> None:
        """There was nothing to store: an empty array, or what only accompanies readings."""
        watch = await self._intake.watch(taken.credential)
        self._settle(taken, [], watch)

    async def _put_whole(self, taken: Taken) -> None:
        """A transaction. Over HTTP its sender is told of a refusal; here it waits in quarantine."""
        pauses = iter(RETRY_SECONDS)
        message, held = taken.message, None
        while message.connection == self._connection:
            try:
                receipts = await self._intake.accept_transaction(taken.credential, taken.read.items)
            except ledger.NotIndivisible as refusal:
                place = refusal.position - 1
                held = decoders.not_whole(message.body, taken.read.items, {place: refusal.errors})
            except CannotCommit as error:
                state = getattr(error.__cause__, "sqlstate", None) or ""
                if not state.startswith(ledger.DEFINITE):
                    await asyncio.sleep(next(pauses, RETRY_SECONDS[-1]))
                    continue
                errors = (ItemError("", Code.NOT_STORABLE),)
                held = decoders.not_whole(message.body, taken.read.items, {0: errors})
            if held is None:
                self._answered(taken, 0, receipts)
            else:
                self._put(taken._replace(read=Read([held], False)))
            return

    def _put(self, taken: Taken, failed: int = 0) -> None:
        if not failed or taken.message.connection == self._connection:
            # A bound method: functions that name each other live until a collection finds them.
            answered = partial(self._answered, taken, failed)
            self._intake.put(taken.credential, taken.read.items, answered)

    def _answered(self, taken: Taken, failed: int, outcome: list[Receipt] | CannotCommit) -> None:
        if isinstance(outcome, CannotCommit):
            # There is nobody at the other end to ask: hold it, unacknowledged, and try again.
            pause = RETRY_SECONDS[min(failed, len(RETRY_SECONDS) - 1)]
            self._loop.call_later(pause, self._put, taken, failed + 1)
            return
        self._settle(taken, outcome, outcome[0].watch)

    def _settle(self, taken: Taken, receipts: list[Receipt], watch: Watch) -> None:
        MESSAGES.labels("answered").inc()
        if taken.read.beside:
            receipts = taken.read.answers(receipts, datetime.now(UTC), watch)
        self._answer(taken.message, receipts, taken.read.is_array)
        self._ack(taken.message)

    def _answer(self, message: Message, answers: list[Receipt], is_array: bool) -> None:
        for body in receipts.pieces(answers, is_array):
            if message.correlation is None:
                self._client.send_receipt(message.reply_to, body)
                continue
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = "application/json"
            properties.CorrelationData = message.correlation
            self._client.publish(message.reply_to, body, qos=1, properties=properties)

    def _ack(self, message: Message) -> None:
        if message.qos and message.connection == self._connection:
            self._client.ack(message.mid, message.qos)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
