"""A device that makes its own key: a certificate for the broker, or a secret bound to the key."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from services.patients.equipment.certify import Certifier
from shared.access import certificates, signed
from tests import device_keys
from tests.patients.conftest import Person, Ward

REDEEM = "/v1/enrolment-codes/redeem"


@pytest.fixture
def authorities(ward: Ward, tmp_path: Path) -> Path:
    """The organisation has one; the application finds it."""
    made = certificates.new_authority("nordland", datetime.now(UTC))
    (tmp_path / "nordland.key").write_text(made.key_pem)
    (tmp_path / "nordland.crt").write_text(made.pem)
    app = ward.record.client._transport.app  # type: ignore[attr-defined]  # the application
    app.state.certifier = Certifier(tmp_path)
    return tmp_path


async def code(ward: Ward, **more: Any) -> str:
    body = more or {"kind": "device", "label": "Vekt", "unit_id": ward.unit}
    return str((await ward.nurse.post("/v1/enrolment-codes", body))["code"])


async def redeem(ward: Ward, status: int = 201, **body: Any) -> Any:
    return await Person(ward.record.client, None).post(REDEEM, body, status)


async def broker_lets_in_by_password(ward: Ward, cred: str) -> bool:
    rows = await ward.record.rows("select mqtt_hash from patients.credential where cred = $1", cred)
    return bool(rows[0]["mqtt_hash"])


async def listed(ward: Ward) -> set[str]:
    rows = await ward.record.rows("select withdrawn from patients.authority")
    found = x509.load_pem_x509_crl(rows[0]["withdrawn"].encode())
    return {f"{one.serial_number:x}" for one in found}


def serial(given: Any) -> str:
    return f"{x509.load_pem_x509_certificate(given['certificate'].encode()).serial_number:x}"


async def test_a_device_gets_a_certificate_for_its_key_and_no_secret(
    ward: Ward, authorities: Path
) -> None:
    key = device_keys.new_key()
    given = await redeem(ward, code=await code(ward), csr=device_keys.request(key))

    read = x509.load_pem_x509_certificate(given["certificate"].encode())
    assert read.public_key() == key.public_key()
    assert given["cred"] in read.subject.rfc4514_string()
    assert given["authority"] == (authorities / "nordland.crt").read_text()
    assert given["secret"] is None
    assert not await broker_lets_in_by_password(ward, given["cred"])
    assert await ward.record.rows("select from patients.secret") == []
    shown = await ward.nurse.get(f"/v1/credentials/{given['cred']}")
    assert shown["shows"] == "certificate"


async def test_a_revoked_credentials_certificate_is_on_the_brokers_list(
    ward: Ward, authorities: Path
) -> None:
    given = await redeem(
        ward, code=await code(ward), csr=device_keys.request(device_keys.new_key())
    )
    assert await listed(ward) == set()
    await ward.nurse.post(f"/v1/credentials/{given['cred']}/revoke", None, 200)
    assert await listed(ward) == {serial(given)}


async def test_the_next_key_takes_the_earlier_ones_place(ward: Ward, authorities: Path) -> None:
    first = await redeem(
        ward, code=await code(ward), csr=device_keys.request(device_keys.new_key())
    )
    cred = first["cred"]
    second = await redeem(
        ward, code=await code(ward, cred=cred), csr=device_keys.request(device_keys.new_key())
    )
    assert await listed(ward) == {serial(first)}
    await redeem(ward, code=await code(ward, cred=cred))
    assert await listed(ward) == {serial(first), serial(second)}
    assert await broker_lets_in_by_password(ward, cred), "a password again, as it asked for"


async def test_by_hand_a_devices_own_key_is_not_exchanged(ward: Ward, authorities: Path) -> None:
    """The new secret would be a way in without the key."""
    jwk = signed.as_public(signed.new_key())
    csr = device_keys.request(device_keys.new_key())
    for keys in ({"jwk": jwk}, {"csr": csr}):
        given = await redeem(ward, code=await code(ward), **keys)
        refused = await ward.nurse.post(f"/v1/credentials/{given['cred']}/rotate", None, 409)
        assert refused["code"] == "key-is-the-devices"


async def test_what_cannot_be_used_leaves_the_code_as_it_is(ward: Ward, authorities: Path) -> None:
    kept = await code(ward)
    private = dict(signed.new_key().as_dict(private=True))
    for keys, said in (
        ({"csr": "x"}, "request-is-not-usable"),
        ({"csr": "x" * 9000}, "invalid-request"),
        ({"jwk": {}}, "key-is-not-usable"),
        ({"jwk": private}, "key-is-not-usable"),
        ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, "key-is-not-usable"),
    ):
        refused = await redeem(ward, 422, code=kept, **keys)
        assert refused["code"] == said
    assert (await redeem(ward, code=kept))["secret"]


async def test_where_no_authority_is_nobody_gets_a_certificate(ward: Ward) -> None:
    kept = await code(ward)
    csr = device_keys.request(device_keys.new_key())
    refused = await redeem(ward, 409, code=kept, csr=csr)
    assert refused["code"] == "certificates-are-not-given"
    assert (await redeem(ward, code=kept))["secret"]


async def test_a_lost_authority_does_not_stop_a_revocation(ward: Ward, authorities: Path) -> None:
    given = await redeem(
        ward, code=await code(ward), csr=device_keys.request(device_keys.new_key())
    )
    (authorities / "nordland.key").unlink()
    await ward.nurse.post(f"/v1/credentials/{given['cred']}/revoke", None, 200)
    rows = await ward.record.rows("select from patients.certificate where withdrawn_at is null")
    assert rows == []


async def test_a_secret_is_bound_to_the_devices_key(ward: Ward, authorities: Path) -> None:
    key = signed.new_key()
    body = {"jwk": signed.as_public(key), "csr": device_keys.request(device_keys.new_key())}
    given = await redeem(ward, code=await code(ward), **body)
    assert given["thumbprint"] == key.thumbprint()
    assert given["secret"]
    assert given["certificate"]
    [row] = await ward.record.rows("select thumbprint, mqtt_hash from patients.credential")
    assert (row["thumbprint"], row["mqtt_hash"]) == (key.thumbprint(), "")
