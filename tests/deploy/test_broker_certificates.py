"""A real Mosquitto lets in who shows a certificate of an organisation's authority, as the
credential that it names and as nobody else, until it is withdrawn."""

import asyncio
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local import broker, broker_certificates, broker_files
from deploy.local.broker_files import Credential
from deploy.local.ports import free_port
from shared.access import certificates
from shared.access.certificates import Authority, Certificate
from shared.database import Database
from tests import device_keys
from tests.conftest import DatabaseUrls
from tests.deploy.mqtt_client import Client, eventually
from tests.deploy.test_broker import installed

SCALE, CUFF = "c-scaleaaaa2345672", "c-cuffaaaaa2345672"
ORG = "nordnes"


@dataclass
class Broker:
    """Mosquitto with one authority and two devices, the cuff by certificate too."""

    mosquitto: broker.Mosquitto
    authority: Authority
    folder: Path

    def certificate(self, cred: str, by: Authority | None = None) -> tuple[Certificate, object]:
        key = device_keys.new_key()
        asked = device_keys.request(key)
        return certificates.sign(by or self.authority, ORG, cred, asked, datetime.now(UTC)), key

    def tls(self, cred: str, by: Authority | None = None) -> ssl.SSLContext:
        made, key = self.certificate(cred, by)
        return self.with_key(made, key)

    def with_key(self, made: Certificate, key: object) -> ssl.SSLContext:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        server = self.mosquitto.own_certificate
        return device_keys.tls(folder, server, key, made.pem)  # type: ignore[arg-type]  # a key

    def client(self, tls: ssl.SSLContext, user: str = "", secret: str = "") -> Client:
        assert self.mosquitto.certificates_port is not None
        return Client(self.mosquitto.certificates_port, user, secret, tls=tls)

    def trust(self, serials: tuple[str, ...] = (), *known: Credential) -> None:
        """What the broker's files say from now on."""
        self.trust_all({self.authority: serials})
        broker_files.write(self.mosquitto.credentials, known)

    def trust_all(self, withdrawn: dict[Authority, tuple[str, ...]]) -> None:
        now = datetime.now(UTC)
        listed = [
            broker_certificates.Known(one.pem, certificates.withdrawn(one, serials, now))
            for one, serials in withdrawn.items()
        ]
        nobody = broker_certificates.of_nobody(now)
        broker_files.write_authorities(self.mosquitto.credentials, listed, nobody)


@pytest.fixture
def by_certificate() -> Iterator[Broker]:
    with tempfile.TemporaryDirectory(prefix="hjv broker ") as directory:
        folder = Path(directory)
        server = broker.Mosquitto(
            installed(), folder / "broker", free_port(), free_port(), free_port()
        )
        found = Broker(server, certificates.new_authority(ORG, datetime.now(UTC)), folder)
        found.trust((), Credential(ORG, SCALE, "", ("1",)), Credential(ORG, CUFF, "", ("2",)))
        server.start()
        try:
            yield found
        finally:
            server.stop()


@pytest.fixture
def ingest(by_certificate: Broker) -> Iterator[Client]:
    address = urlsplit(by_certificate.mosquitto.inner_url)
    port = by_certificate.mosquitto.inner_port
    with Client(port, str(address.username), str(address.password)) as client:
        client.subscribe("$share/ingest/hjv/1/+/+/obs")
        yield client


def test_a_device_sends_as_the_credential_that_its_certificate_names(
    by_certificate: Broker, ingest: Client
) -> None:
    with by_certificate.client(by_certificate.tls(SCALE)) as scale:
        assert scale.publish(f"hjv/1/{ORG}/{SCALE}/obs") == "Success"
        assert scale.publish(f"hjv/1/{ORG}/{CUFF}/obs") == "Not authorized"
        scale.subscribe("#")
        scale.subscribe(f"hjv/1/{ORG}/{SCALE}/ack")
        ingest.publish(f"hjv/1/{ORG}/{CUFF}/ack")
        ingest.publish(f"hjv/1/{ORG}/{SCALE}/ack")
        eventually(lambda: len(scale.received) > 0)
        assert set(scale.topics()) == {f"hjv/1/{ORG}/{SCALE}/ack"}
        eventually(lambda: ingest.topics() == [f"hjv/1/{ORG}/{SCALE}/obs"])


def test_the_name_is_the_certificates_whatever_user_it_says(
    by_certificate: Broker, ingest: Client
) -> None:
    with by_certificate.client(by_certificate.tls(SCALE), user=CUFF, secret="x") as scale:
        assert scale.publish(f"hjv/1/{ORG}/{CUFF}/obs") == "Not authorized"
        assert scale.publish(f"hjv/1/{ORG}/{SCALE}/obs") == "Success"


def test_who_shows_none_or_anothers_does_not_get_in(by_certificate: Broker) -> None:
    plain = ssl.create_default_context(cafile=str(by_certificate.mosquitto.own_certificate))
    stranger = certificates.new_authority(ORG, datetime.now(UTC))
    for tls in (plain, by_certificate.tls(SCALE, stranger)):
        with by_certificate.client(tls) as refused:
            assert refused.code == "Cut"
    with by_certificate.client(plain, user="ingest", secret="x") as refused:
        assert refused.code == "Cut"


def test_a_certificate_of_a_credential_that_is_not_there_may_nothing(
    by_certificate: Broker, ingest: Client
) -> None:
    for name in ("c-nobodyaaaa234567", "ingest", "+", "#"):
        with by_certificate.client(by_certificate.tls(name)) as nobody:
            for topic in (f"hjv/1/{ORG}/{name}/obs", f"hjv/1/{ORG}/{SCALE}/obs", "elsewhere"):
                if not {"+", "#"} & set(topic):
                    assert nobody.publish(topic) == "Not authorized"
    assert ingest.received == []


def test_a_device_by_certificate_has_no_password(by_certificate: Broker) -> None:
    for secret in ("", "x"):
        with Client(by_certificate.mosquitto.port, SCALE, secret) as scale:
            assert scale.code == "Not authorized"


def test_two_authorities_of_one_organisation_are_trusted_side_by_side(
    by_certificate: Broker, ingest: Client
) -> None:
    """Each with its own list: what one has withdrawn says nothing of what the other has signed."""
    later = certificates.new_authority(ORG, datetime.now(UTC))
    kept, kept_key = by_certificate.certificate(SCALE)
    gone, gone_key = by_certificate.certificate(SCALE)
    new, new_key = by_certificate.certificate(SCALE, later)
    gone_too, gone_too_key = by_certificate.certificate(SCALE, later)

    def comes_in(made: Certificate, key: object) -> bool:
        with by_certificate.client(by_certificate.with_key(made, key)) as scale:
            return scale.code == "Success" and (
                scale.publish(f"hjv/1/{ORG}/{SCALE}/obs") == "Success"
            )

    by_certificate.trust_all({later: (gone_too.serial,), by_certificate.authority: (gone.serial,)})
    by_certificate.mosquitto.reload()
    eventually(lambda: comes_in(new, new_key))
    assert comes_in(kept, kept_key)
    assert not comes_in(gone, gone_key)
    assert not comes_in(gone_too, gone_too_key)

    by_certificate.trust_all({later: ()})
    by_certificate.mosquitto.reload()
    eventually(lambda: not comes_in(kept, kept_key))
    assert comes_in(new, new_key)


async def test_a_live_session_ends_with_its_certificate_and_does_not_come_back(
    by_certificate: Broker, database_urls: DatabaseUrls
) -> None:
    owner = await asyncpg.connect(database_urls.owner)
    made = {cred: by_certificate.certificate(cred) for cred in (SCALE, CUFF)}
    now = datetime.now(UTC)

    async def listed(*serials: str) -> None:
        text = certificates.withdrawn(by_certificate.authority, serials, now)
        await owner.execute(
            """
            insert into patients.authority values ($1, $2, $3, now())
            on conflict (org) do update set withdrawn = excluded.withdrawn
            """,
            ORG, by_certificate.authority.pem, text,
        )  # fmt: skip

    for cred, (one, _) in made.items():
        await owner.execute(
            """
            insert into patients.credential
                (org, cred, kind, secret_hash, mqtt_hash, label, created_by)
            values ($1, $2, 'system', '', '', 'a device', 'test')
            """,
            ORG, cred,
        )  # fmt: skip
        await owner.execute(
            "insert into patients.certificate values ($1, $2, $3, now(), $4)",
            ORG, one.serial, cred, one.until,
        )  # fmt: skip
    await listed()
    mosquitto = by_certificate.mosquitto
    database = Database(database_urls.ingest, name="broker-files", size=2)
    await database.open()
    following = asyncio.create_task(
        broker_files.follow(database, mosquitto.credentials, mosquitto.reload, mosquitto.inner_url)
    )
    tls = {cred: by_certificate.with_key(*made[cred]) for cred in made}
    try:
        with (
            await asyncio.to_thread(by_certificate.client, tls[SCALE]) as scale,
            await asyncio.to_thread(by_certificate.client, tls[CUFF]) as cuff,
        ):
            assert scale.is_connected
            await owner.execute("update patients.certificate set withdrawn_at = now()"
                                " where cred = $1", SCALE)  # fmt: skip
            await listed(made[SCALE][0].serial)
            await asyncio.to_thread(eventually, lambda: not scale.is_connected, 20)
            with await asyncio.to_thread(by_certificate.client, tls[SCALE]) as again:
                assert again.code == "Cut"
            assert cuff.is_connected
            assert cuff.publish(f"hjv/1/{ORG}/{CUFF}/status") in (
                "Success", "No matching subscribers",
            )  # fmt: skip
    finally:
        following.cancel()
        await database.close()
        await owner.close()
