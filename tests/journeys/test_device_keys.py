"""A device that makes its own key, through the running system: by code, to the broker and over
HTTP, until it is revoked."""

import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.access import dpop, signed
from tests import device_keys
from tests.deploy.mqtt_client import Client
from tests.journeys import device
from tests.journeys import hospital as toolkit
from tests.journeys.device import Device, Json
from tests.journeys.hospital import Hospital, Patient, eventually

WITHIN = 60.0


@pytest.fixture(scope="module")
def authority(hospital: Hospital) -> None:
    """Made while everything runs: the broker learns of it by itself."""
    made = subprocess.run(
        [*toolkit.COMMAND, "device-authority", hospital.org,
         "--data-dir", str(hospital.directory)],
        capture_output=True, text=True, timeout=60, env=toolkit.environment(), check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr


def redeemed(hospital: Hospital, patient: Patient, **keys: object) -> Json:
    body = {"kind": "device", "label": "Vekt", "unit_id": hospital.unit}
    code = hospital.made(hospital.patients, "/v1/enrolment-codes", body, hospital.nurse)
    hospital.bind(patient.id, code["cred"])
    given = hospital.patients.post(
        "/v1/enrolment-codes/redeem", json={"code": code["code"], **keys}
    )
    assert given.status_code == 201, given.text
    return dict(given.json())


def test_a_scale_with_a_certificate_sends_and_is_cut_off_when_it_is_revoked(
    hospital: Hospital, authority: None, tmp_path: Path
) -> None:
    patient = hospital.new_patient(bound=False)
    key = device_keys.new_key()
    given = redeemed(hospital, patient, csr=device_keys.request(key))
    assert given["secret"] is None
    server = hospital.directory / "broker" / "server.crt"
    tls = device_keys.tls(tmp_path, server, key, given["certificate"])
    address = urlsplit(hospital.addresses["mqtts"])
    assert address.port

    def scale() -> Client:
        return Client(address.port or 0, "", "", tls=tls)

    def comes_in() -> bool:
        with scale() as tried:
            return tried.is_connected

    eventually(comes_in, within=15)
    time.sleep(1)  # its rights are read in the same second
    with Device(("localhost", address.port), hospital.org, given["cred"], "", tls=tls) as one:
        assert one.ask(device.weight())["result"] == "stored"
        assert len(hospital.observations(patient)) == 1

        began = time.monotonic()
        revoked = hospital.patients.post(
            f"/v1/credentials/{given['cred']}/revoke", headers=hospital.administrator
        )
        assert revoked.status_code == 200
        eventually(lambda: not one.is_connected, within=WITHIN)
        cut = time.monotonic() - began
    sys.stderr.write(f"A session by certificate was cut after {cut:.2f} s\n")
    assert cut < WITHIN
    assert not comes_in()


def test_a_scale_renews_its_certificate_and_goes_on_while_the_authority_is_exchanged(
    hospital: Hospital, authority: None, tmp_path: Path
) -> None:
    """Both certificates are let in, also of two authorities; and with the earlier authority its
    certificate goes, within a minute, out of a live session too."""
    patient = hospital.new_patient(bound=False)
    first = device_keys.new_key()
    given = redeemed(hospital, patient, csr=device_keys.request(first))
    server = hospital.directory / "broker" / "server.crt"
    port = urlsplit(hospital.addresses["mqtts"]).port
    assert port

    def tls(name: str, key: device_keys.EcKey, certificate: str) -> ssl.SSLContext:
        (tmp_path / name).mkdir()
        return device_keys.tls(tmp_path / name, server, key, certificate)

    def comes_in(context: ssl.SSLContext) -> bool:
        with Client(port, "", "", tls=context) as tried:
            return tried.is_connected

    def exchange(*steps: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*toolkit.COMMAND, "device-authority", hospital.org, *steps,
             "--data-dir", str(hospital.directory)],
            capture_output=True, text=True, timeout=60, env=toolkit.environment(), check=False,
        )  # fmt: skip

    before = tls("before", first, given["certificate"])
    eventually(lambda: comes_in(before), within=15)
    replaced = exchange("--replace")
    assert replaced.returncode == 0, replaced.stderr

    second = device_keys.new_key()
    asked = device_keys.request(second)
    address = f"{hospital.addresses['patients']}/v1/certificates/renew"
    proof = dpop.make(
        device_keys.as_jwk(first), method="POST", address=address, token=asked,
        now=datetime.now(UTC).timestamp(),
    )  # fmt: skip
    body = {"certificate": given["certificate"], "csr": asked}
    renewed = hospital.patients.post("/v1/certificates/renew", json=body, headers={"dpop": proof})
    assert renewed.status_code == 201, renewed.text
    after = tls("after", second, renewed.json()["certificate"])
    eventually(lambda: comes_in(after), within=WITHIN)
    eventually(lambda: comes_in(before), within=15)
    with Device(("localhost", port), hospital.org, given["cred"], "", tls=before) as scale:
        assert scale.ask(device.weight())["result"] == "stored"
        began = time.monotonic()
        finished = exchange("--finish", "--even-so")
        assert finished.returncode == 0, finished.stderr
        eventually(lambda: not scale.is_connected, within=WITHIN)
        cut = time.monotonic() - began
    sys.stderr.write(f"With its authority a session was cut after {cut:.1f} s\n")
    eventually(lambda: not comes_in(before), within=15)
    with Device(("localhost", port), hospital.org, given["cred"], "", tls=after) as scale:
        assert scale.ask(device.weight(72.5))["result"] == "stored"
    assert len(hospital.observations(patient)) == 2


def test_an_app_with_a_key_sends_with_a_proof_and_with_nothing_less(hospital: Hospital) -> None:
    patient = hospital.new_patient(bound=False)
    key = signed.new_key()
    given = redeemed(hospital, patient, jwk=signed.as_public(key))
    secret = given["secret"]
    address = f"{hospital.addresses['ingest']}/v1/observations"

    def send(**headers: str) -> int:
        answer = hospital.ingest.post("/v1/observations", json=device.weight(), headers=headers)
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"]
        return answer.status_code

    def proof() -> str:
        now = datetime.now(UTC).timestamp()
        return dpop.make(key, method="POST", address=address, token=secret, now=now)

    kept = proof()
    assert send(authorization=f"DPoP {secret}", dpop=kept) == 200
    assert send(authorization=f"DPoP {secret}", dpop=kept) == 401
    assert send(authorization=f"Bearer {secret}") == 401
    assert send(authorization=f"DPoP {secret}") == 401
    assert len(hospital.observations(patient)) == 1
    phone = Patient(patient.id, given["cred"], secret)
    with pytest.raises(PermissionError):
        hospital.device(phone, attempts=4)
