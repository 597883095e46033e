"""A real Mosquitto, as we configure it, keeps devices apart and follows the credentials."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from deploy.local import broker, broker_files
from deploy.local.broker_files import Credential
from deploy.local.ports import free_port
from shared import mqtt_password
from shared.database import Database
from tests.conftest import DatabaseUrls
from tests.deploy.mqtt_client import Client, eventually

SCALE, CUFF = "c-scaleaaaa2345672", "c-cuffaaaaa2345672"
SECRETS = {SCALE: "the scale's secret", CUFF: "the cuff's secret"}


def credential(cred: str, secret: str | None = None) -> Credential:
    return Credential("nordnes", cred, mqtt_password.mosquitto_hash(secret or SECRETS[cred]))


def installed() -> Path:
    program = broker.find_mosquitto()
    if program is None:
        assert not os.environ.get("HJEMVAKT_CI"), "mosquitto must be installed where CI runs"
        pytest.skip("mosquitto is not installed: the broker's rights are NOT TESTED here")
    return program


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hjv broker ") as directory:
        yield Path(directory)


@pytest.fixture
def mosquitto(directory: Path) -> Iterator[broker.Mosquitto]:
    server = broker.Mosquitto(installed(), directory, free_port(), free_port())
    broker_files.write(server.credentials, [credential(SCALE), credential(CUFF)])
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def ingest(mosquitto: broker.Mosquitto) -> Iterator[Client]:
    address = urlsplit(mosquitto.inner_url)
    client = Client(mosquitto.inner_port, str(address.username), str(address.password))
    with client:
        client.subscribe("$share/ingest/hjv/1/+/+/obs")
        client.subscribe("$share/ingest/gw/#")
        yield client


def device(mosquitto: broker.Mosquitto, cred: str, secret: str | None = None) -> Client:
    return Client(mosquitto.port, cred, secret or SECRETS[cred])


def test_a_device_reaches_ingest_and_gets_its_answer(
    mosquitto: broker.Mosquitto, ingest: Client
) -> None:
    with device(mosquitto, SCALE) as scale:
        scale.subscribe(f"hjv/1/nordnes/{SCALE}/ack")
        scale.subscribe(f"hjv/1/nordnes/{SCALE}/morning/ack")

        assert scale.publish(f"hjv/1/nordnes/{SCALE}/obs") == "Success"
        assert scale.publish(f"gw/nordnes/{SCALE}/ble/scale/weight") == "Success"
        ingest.publish(f"hjv/1/nordnes/{SCALE}/ack")
        ingest.publish(f"hjv/1/nordnes/{SCALE}/morning/ack")

        eventually(lambda: len(ingest.received) == len(scale.received) == 2)


def test_an_older_device_speaks_3_1_1(mosquitto: broker.Mosquitto, ingest: Client) -> None:
    version = MQTTProtocolVersion.MQTTv311
    with Client(mosquitto.port, SCALE, SECRETS[SCALE], version=version) as scale:
        assert scale.publish(f"hjv/1/nordnes/{SCALE}/obs") == "Success"
        eventually(lambda: len(ingest.received) == 1)


@pytest.mark.parametrize(
    "topic",
    [
        f"hjv/1/nordnes/{CUFF}/obs",
        f"hjv/1/another/{SCALE}/obs",
        f"hjv/1/nordnes/{SCALE}/ack",
        f"hjv/1/nordnes/{SCALE}/cmd",
        f"hjv/1/nordnes/{SCALE}/obs/more",
        f"hjv/1/nordnes/{SCALE}/../{CUFF}/obs",
        f"hjv/1/nordnes/{SCALE}%2fobs",
        f"hjv/1/nordnes//{SCALE}/obs",
        f"gw/nordnes/{CUFF}/ble",
        "gw",
        "elsewhere",
    ],
)
def test_a_device_publishes_nowhere_else(
    mosquitto: broker.Mosquitto, ingest: Client, topic: str
) -> None:
    with device(mosquitto, SCALE) as scale:
        assert scale.publish(topic) == "Not authorized"
    assert ingest.received == []


def test_a_device_hears_nothing_of_others(mosquitto: broker.Mosquitto, ingest: Client) -> None:
    with device(mosquitto, SCALE) as scale, device(mosquitto, CUFF) as cuff:
        for topic in ("#", "$SYS/#", "$share/ingest/hjv/1/+/+/obs", f"hjv/1/nordnes/{CUFF}/ack"):
            scale.subscribe(topic)

        cuff.publish(f"hjv/1/nordnes/{CUFF}/obs")
        ingest.publish(f"hjv/1/nordnes/{CUFF}/ack")
        ingest.publish(f"hjv/1/nordnes/{SCALE}/ack")

        eventually(lambda: len(scale.received) > 0 and len(ingest.received) > 0)
        assert set(scale.topics()) == {f"hjv/1/nordnes/{SCALE}/ack"}


def test_a_device_with_anothers_client_id_throws_nobody_out(
    mosquitto: broker.Mosquitto, ingest: Client
) -> None:
    with (
        Client(mosquitto.port, CUFF, SECRETS[CUFF], client_id=CUFF) as cuff,
        Client(mosquitto.port, SCALE, SECRETS[SCALE], client_id=CUFF),
    ):
        assert cuff.publish(f"hjv/1/nordnes/{CUFF}/obs") == "Success"
        assert cuff.is_connected


@pytest.mark.parametrize(
    ("user", "secret"), [(SCALE, "wrong"), (SCALE, ""), ("", ""), ("c-nobody", "x")]
)
def test_who_is_not_known_is_not_let_in(
    mosquitto: broker.Mosquitto, user: str, secret: str
) -> None:
    with Client(mosquitto.port, user, secret) as stranger:
        assert stranger.code == "Not authorized"


def test_a_device_does_not_get_in_by_the_inner_door(mosquitto: broker.Mosquitto) -> None:
    with Client(mosquitto.inner_port, SCALE, SECRETS[SCALE]) as scale:
        assert scale.code == "Not authorized"


def test_a_message_over_the_limit_ends_the_session(
    mosquitto: broker.Mosquitto, ingest: Client
) -> None:
    with device(mosquitto, SCALE) as scale:
        assert scale.publish(f"hjv/1/nordnes/{SCALE}/obs", b"x" * 256 * 1024) == "Success"
    with device(mosquitto, CUFF) as cuff, contextlib.suppress(AssertionError):
        cuff.publish(f"hjv/1/nordnes/{CUFF}/obs", b"x" * 310_000)
        assert not cuff.is_connected
    eventually(lambda: ingest.topics() == [f"hjv/1/nordnes/{SCALE}/obs"])


async def test_live_sessions_follow_the_record(
    mosquitto: broker.Mosquitto, database_urls: DatabaseUrls
) -> None:
    owner = await asyncpg.connect(database_urls.owner)
    await insert(owner, credential(SCALE), credential(CUFF))
    database = Database(database_urls.ingest, name="broker-files", size=2)
    await database.open()
    following = asyncio.create_task(
        broker_files.follow(database, mosquitto.credentials, mosquitto.reload)
    )
    try:
        with (
            await asyncio.to_thread(device, mosquitto, SCALE) as scale,
            await asyncio.to_thread(device, mosquitto, CUFF) as cuff,
        ):
            assert scale.is_connected
            assert cuff.is_connected

            await owner.execute(
                "update patients.credential set revoked_at = now() where cred = $1", SCALE
            )
            await asyncio.to_thread(eventually, lambda: not scale.is_connected)
            assert cuff.is_connected

            rotated = credential(CUFF, "a new secret").mqtt_hash
            await owner.execute(
                "update patients.credential set mqtt_hash = $1 where cred = $2", rotated, CUFF
            )
            await asyncio.to_thread(eventually, lambda: not cuff.is_connected)
        with await asyncio.to_thread(device, mosquitto, CUFF, "a new secret") as cuff:
            assert cuff.is_connected
        with await asyncio.to_thread(device, mosquitto, SCALE) as scale:
            assert scale.code == "Not authorized"
    finally:
        following.cancel()
        await database.close()
        await owner.close()


async def insert(connection: asyncpg.Connection, *credentials: Credential) -> None:
    for one in credentials:
        await connection.execute(
            """
            insert into patients.credential
                (org, cred, kind, secret_hash, mqtt_hash, label, created_by)
            values ($1, $2, 'system', sha256(convert_to($2, 'UTF8')), $3, 'a gateway', 'test')
            """,
            one.org,
            one.cred,
            one.mqtt_hash,
        )


def test_the_demonstration_broker_carries_large_messages_between_mqtt_5_clients(
    directory: Path,
) -> None:
    server = broker.IotCore(directory, free_port())
    server.start()
    try:
        address = urlsplit(server.inner_url)
        with Client(server.port, str(address.username), "any", client_id="ingest") as ingest:
            ingest.subscribe("hjv/1/+/+/obs")
            with Client(server.port, SCALE, "any", client_id=SCALE) as scale:
                answer = scale.publish(f"hjv/1/nordnes/{SCALE}/obs", b"x" * 256 * 1024)
                assert answer == "Success"
                eventually(lambda: len(ingest.received) == 1)
    finally:
        server.stop()
