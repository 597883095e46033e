"""The seed goes through the same doors as everybody else."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.request import ProxyHandler, build_opener

import httpx
import pytest

from deploy.local import numbers, seed
from deploy.local.running import Running
from services.patients.numbers import Numbers
from shared import identity
from shared.access import DevelopmentIssuer
from tests.conftest import DatabaseUrls

FNR = seed.NATIONAL


@pytest.fixture
def running(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Running]:
    key = tmp_path / "key.json"
    key.write_text(DevelopmentIssuer.new_key())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "services.patients", "--port", str(port)],
        env={
            **os.environ,
            "HJEMVAKT_MODE": "test",
            "HJEMVAKT_IDENTITY_KEY": "ab" * 32,
            "HJEMVAKT_DEVELOPMENT_KEY": str(key),
            "HJEMVAKT_DATABASE_PATIENTS": database_urls.patients,
        },
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/readyz")
        yield Running(ingest="", patients=address, alerts="", mqtt="", mllp="")
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str) -> None:
    opener = build_opener(ProxyHandler({}))
    for _ in range(200):
        try:
            with opener.open(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError


def test_the_seed_makes_a_ward_that_works(running: Running) -> None:
    said: list[str] = []
    made = seed.run(running, patients=5, programmes=["home_dialysis"], say=said.append)

    assert said == ["5 of 5 patients."]
    assert [one["role"] for one in made["staff"]] == [role for _, role in seed.STAFF]
    assert len({one["cred"] for one in made["patients"]}) == 5
    with httpx.Client(base_url=running.patients, trust_env=False) as client:
        nurse = {"authorization": f"Bearer {made['staff'][0]['token']}"}
        page = client.get("/v1/patients", headers=nurse).json()
        assert [one["name"] for one in page["patients"]] == [
            f"Test Testesen {n:02}" for n in range(1, 6)
        ]
        patient = made["patients"][2]
        limits = client.get(f"/v1/patients/{patient['id']}/limits", headers=nurse).json()
        target = next(one for one in limits["limits"] if one["name"] == "target_weight")
        assert str(target["value"]) == patient["dry_weight"].removesuffix(".0")
        own = {"authorization": f"Bearer {patient['token']}"}
        assert client.get(f"/v1/patients/{patient['id']}", headers=own).status_code == 200
        searched = {"identifier": patient["identifier"]}
        found = client.post("/v1/patients/search", headers=nurse, json=searched).json()
        assert [one["id"] for one in found["patients"]] == [patient["id"]]
    again = seed.run(running, patients=0, programmes=[], say=said.append)
    assert again["unit"]["name"] == "Hjemmeoppfølging 2"


def test_an_unknown_programme_is_said_in_a_sentence(running: Running) -> None:
    with pytest.raises(seed.CannotSeed, match="no programme magic"):
        seed.run(running, patients=1, programmes=["magic"], say=print)


def test_invented_numbers_are_synthetic_and_valid() -> None:
    checker = Numbers(identity.Keys(bytes(32)), "test")
    random = Random(1)
    for _ in range(300):
        born = seed.date(1935, 1, 1) + seed.timedelta(days=random.randrange(60 * 365))
        assert checker.check(FNR, numbers.synthetic(born, random))
