"""A device exchanges its certificate before it ends, by the key that it has; and the authority that
has signed it is exchanged while its devices go on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy.local import keys
from services.patients.equipment import certify
from services.patients.equipment.authorities import Authorities
from services.patients.equipment.certify import Certifier
from shared.access import certificates, dpop
from shared.database import Database
from tests import device_keys
from tests.patients.conftest import Person, Ward
from tests.patients.test_keys_of_devices import authorities as authorities
from tests.patients.test_keys_of_devices import code, redeem, serial

RENEW = "/v1/certificates/renew"


class Device:
    """With a key and the certificate of it."""

    def __init__(self, ward: Ward, cred: str, key: device_keys.EcKey, certificate: str):
        self.ward, self.cred, self.key, self.certificate = ward, cred, key, certificate

    @property
    def serial(self) -> str:
        return serial({"certificate": self.certificate})

    async def renewed(
        self, status: int = 201, *, by: device_keys.EcKey | None = None, **more: Any
    ) -> Any:
        """The next device, with a new key; or the refusal."""
        key = device_keys.new_key()
        asked = device_keys.request(key)
        sent = {"certificate": self.certificate, "csr": asked} | more
        headers = {"dpop": proof(by or self.key, asked)}
        stranger = Person(self.ward.record.client, None, headers)
        answer = await stranger.post(RENEW, sent, status)
        if status != 201:
            return answer
        assert (answer["org"], answer["cred"]) == ("nordland", self.cred)
        assert answer["secret"] is None
        return Device(self.ward, self.cred, key, answer["certificate"])


def proof(key: device_keys.EcKey, token: str, address: str = f"http://record{RENEW}") -> str:
    now = datetime.now(UTC).timestamp()
    return dpop.make(device_keys.as_jwk(key), method="POST", address=address, token=token, now=now)


@pytest.fixture
async def device(ward: Ward, authorities: Path) -> Device:
    key = device_keys.new_key()
    given = await redeem(ward, code=await code(ward), csr=device_keys.request(key))
    return Device(ward, given["cred"], key, given["certificate"])


async def listed(ward: Ward) -> set[str]:
    """The serial numbers on all lists that the broker has."""
    [row] = await ward.record.rows("select withdrawn from patients.authority")
    end = "-----END X509 CRL-----\n"
    lists = [one + end for one in row["withdrawn"].split(end) if one]
    return {
        f"{one.serial_number:x}" for text in lists for one in x509.load_pem_x509_crl(text.encode())
    }


async def trusted(ward: Ward) -> int:
    [row] = await ward.record.rows("select certificate from patients.authority")
    return int(row["certificate"].count("BEGIN"))


async def in_force(ward: Ward) -> set[str]:
    rows = await ward.record.rows(
        "select serial from patients.certificate where withdrawn_at is null"
    )
    return {row["serial"] for row in rows}


async def keep_up(ward: Ward, folder: Path, now: datetime | None = None) -> None:
    """As the service's own loop does, every twenty seconds, or as it will."""
    database = Database(ward.record.urls.patients, name="test", size=1)
    await database.open()
    try:
        if now is None:
            await Authorities(database, Certifier(folder)).turn()
            return
        async with database.transaction() as tx:
            await certify.keep_up(tx, Certifier(folder), "nordland", now)
    finally:
        await database.close()


async def test_the_earlier_certificate_serves_on_beside_the_new_one_and_then_ends(
    ward: Ward, authorities: Path, device: Device
) -> None:
    after = await device.renewed()
    assert await in_force(ward) == {device.serial, after.serial}
    assert await listed(ward) == set()
    shown = await ward.nurse.get(f"/v1/credentials/{device.cred}")
    assert shown["shows"] == "certificate"
    ends = x509.load_pem_x509_certificate(after.certificate.encode()).not_valid_after_utc
    assert datetime.fromisoformat(shown["certificate_until"]) == ends

    later = datetime.now(UTC) + certify.OVERLAP
    await keep_up(ward, authorities, later - timedelta(hours=1))
    assert await in_force(ward) == {device.serial, after.serial}
    await keep_up(ward, authorities, later + timedelta(minutes=1))
    assert await in_force(ward) == {after.serial}
    assert await listed(ward) == {device.serial}


async def test_the_desk_shows_which_device_has_not_renewed(
    ward: Ward, authorities: Path, device: Device
) -> None:
    page = (await ward.nurse.ask("GET", f"/setup/devices/{device.cred}")).text
    assert "gjelder til" in page
    assert "Enheten har ikke fornyet det selv" not in page
    await ward.record.rows("update patients.certificate set until = now() + interval '80 days'")
    page = (await ward.nurse.ask("GET", f"/setup/devices/{device.cred}")).text
    assert "Enheten har ikke fornyet det selv" in page
    listed = (await ward.nurse.ask("GET", "/setup/devices")).text
    assert "gjelder til" in listed
    after = await device.renewed()
    page = (await ward.nurse.ask("GET", f"/setup/devices/{after.cred}")).text
    assert "Enheten har ikke fornyet det selv" not in page


@pytest.mark.parametrize(
    ("happened", "says", "does"),
    [
        ("until = '2026-05-03 10:00+00'", "gikk ut 3. mai 2026", "Enheten har ikke fornyet"),
        ("withdrawn_at = '2026-05-03 10:00+00'", "trukket tilbake 3. mai 2026", "Lag en ny"),
    ],
)
async def test_the_desk_says_that_a_certificate_has_ended_and_when(
    ward: Ward, device: Device, happened: str, says: str, does: str
) -> None:
    await ward.record.rows(f"update patients.certificate set {happened}")
    page = (await ward.nurse.ask("GET", f"/setup/devices/{device.cred}")).text
    assert says in page
    assert does in page
    assert "gjelder til" not in page
    listed = (await ward.nurse.ask("GET", "/setup/devices")).text
    assert says in listed
    assert "hemmelighet fra" not in listed


async def test_a_revoked_devices_certificate_does_not_read_as_one_in_force(
    ward: Ward, device: Device
) -> None:
    await ward.nurse.post(f"/v1/credentials/{device.cred}/revoke", {}, 200)
    page = (await ward.nurse.ask("GET", f"/setup/devices/{device.cred}")).text
    assert "gjelder til" not in page
    assert "og slipper ikke inn lenger" in page


async def test_a_lost_answer_costs_nothing(ward: Ward, authorities: Path, device: Device) -> None:
    lost = await device.renewed()
    again = await device.renewed()
    assert await in_force(ward) == {device.serial, again.serial}
    assert await listed(ward) == {lost.serial}
    rows = await ward.record.rows(
        "select ends_at - made_at as lasts from patients.certificate where ends_at is not null"
    )
    assert [row["lasts"] < certify.OVERLAP + timedelta(minutes=1) for row in rows] == [True]


async def test_who_looked_after_it_can_see_when_it_was_renewed(
    ward: Ward, authorities: Path, device: Device
) -> None:
    await device.renewed()
    rows = await ward.record.rows(
        "select by, about, door, outcome from audit.event where what = 'certificates'"
    )
    assert [tuple(row) for row in rows] == [(device.cred, device.cred, f"POST {RENEW}", "changed")]


async def test_a_revoked_device_renews_nothing_and_loses_both(
    ward: Ward, authorities: Path, device: Device
) -> None:
    after = await device.renewed()
    await ward.nurse.post(f"/v1/credentials/{device.cred}/revoke", None, 200)
    assert await in_force(ward) == set()
    assert await listed(ward) == {device.serial, after.serial}
    for one in (device, after):
        assert (await one.renewed(401))["code"] == "certificate-is-not-valid"


async def test_without_the_key_a_certificate_is_worth_nothing(
    ward: Ward, authorities: Path, device: Device
) -> None:
    """It goes in clear over the wire where TLS 1.2 is spoken."""
    now = datetime.now(UTC)
    stranger = device_keys.new_key()
    other = certificates.new_authority("nordland", now)
    forged = certificates.sign(
        other, "nordland", device.cred, device_keys.request(stranger), now
    ).pem
    signer = certificates.kept_authority(
        (authorities / "nordland.crt").read_bytes(), (authorities / "nordland.key").read_bytes()
    )
    never_given = certificates.sign(
        signer, "nordland", device.cred, device_keys.request(stranger), now
    ).pem
    elsewhere = certificates.sign(
        signer, "../nordland", device.cred, device_keys.request(stranger), now
    ).pem
    for certificate in (
        device.certificate, forged, never_given, elsewhere, "x", "æ", signer.pem
    ):  # fmt: skip
        refused = await device.renewed(401, by=stranger, certificate=certificate)
        assert refused["code"] == "certificate-is-not-valid"
    assert await in_force(ward) == {device.serial}


async def test_a_proof_is_for_this_request_and_once(
    ward: Ward, authorities: Path, device: Device
) -> None:
    asked = device_keys.request(device_keys.new_key())
    other = device_keys.request(device_keys.new_key())
    good = proof(device.key, asked)
    elsewhere = proof(device.key, asked, "http://record/v1/observations")
    body = {"certificate": device.certificate, "csr": asked}
    for given in ({}, {"dpop": proof(device.key, other)}, {"dpop": elsewhere}, {"dpop": "x"}):
        refused = await Person(ward.record.client, None, given).post(RENEW, body, 401)
        assert refused["code"] == "certificate-is-not-valid"
    sender = Person(ward.record.client, None, {"dpop": good})
    await sender.post(RENEW, body)
    await sender.post(RENEW, body, 401)
    assert len(await in_force(ward)) == 2


async def test_a_device_that_renews_for_ever_waits(
    ward: Ward, authorities: Path, device: Device
) -> None:
    one = device
    for _ in range(4):
        one = await one.renewed()
    refused = await one.renewed(429)
    assert refused["code"] == "too-many-requests"


# --- the authority itself ---------------------------------------------------------------------


def put_in_place(folder: Path, *, keeps: bool) -> None:
    made = certificates.new_authority("nordland", datetime.now(UTC))
    for end, text in (("key", made.key_pem), ("crt", made.pem)):
        if keeps:
            (folder / f"nordland.{end}").rename(folder / f"nordland.previous.{end}")
        keys.write_private(folder / f"nordland.{end}", text)


async def test_one_authority_takes_anothers_place_while_devices_go_on(
    ward: Ward, authorities: Path, device: Device
) -> None:
    put_in_place(authorities, keeps=True)
    await keep_up(ward, authorities)
    assert await trusted(ward) == 2
    assert await in_force(ward) == {device.serial}

    after = await device.renewed()
    new = x509.load_pem_x509_certificate((authorities / "nordland.crt").read_bytes())
    x509.load_pem_x509_certificate(after.certificate.encode()).verify_directly_issued_by(new)
    assert await in_force(ward) == {device.serial, after.serial}

    for end in ("crt", "key"):
        (authorities / f"nordland.previous.{end}").unlink()
    await keep_up(ward, authorities)
    assert await trusted(ward) == 1
    assert await in_force(ward) == {after.serial}


async def test_what_a_stolen_authority_has_signed_is_out_with_it(
    ward: Ward, authorities: Path, device: Device
) -> None:
    put_in_place(authorities, keeps=False)
    await keep_up(ward, authorities)
    assert await in_force(ward) == set()
    assert (await device.renewed(401))["code"] == "certificate-is-not-valid"


@pytest.mark.parametrize(
    "lost", ["nordland.crt", "nordland.key", "nordland.previous.crt", "nordland.previous.key"]
)
async def test_half_of_an_authority_changes_nothing(
    ward: Ward, authorities: Path, device: Device, lost: str
) -> None:
    """While its files are being exchanged, or a disk is away, no device is shut out."""
    put_in_place(authorities, keeps=True)
    (authorities / lost).unlink()
    await keep_up(ward, authorities)
    assert await in_force(ward) == {device.serial}
    assert await trusted(ward) == 1
    for end in ("crt", "key", "previous.crt", "previous.key"):
        (authorities / f"nordland.{end}").unlink(missing_ok=True)
    await keep_up(ward, authorities)
    assert await in_force(ward) == {device.serial}


async def test_certificates_of_before_are_the_oldest_authoritys(
    ward: Ward, authorities: Path, device: Device
) -> None:
    """Those that were given before it was written down who signs."""
    await ward.record.rows("update patients.certificate set authority = null")
    put_in_place(authorities, keeps=True)
    await keep_up(ward, authorities)
    assert await in_force(ward) == {device.serial}
    assert (await device.renewed()).serial in await in_force(ward)
