"""The broker's files say who may do what, and nothing a credential's name smuggles in."""

import stat
from pathlib import Path

import pytest

from deploy.local import broker_files
from deploy.local.broker_files import Credential
from shared import mqtt_password

SCALE = Credential("nordnes", "c-abcdefgh23456722", mqtt_password.mosquitto_hash("secret"))
CUFF = Credential("nordnes", "c-zzzzzzzz23456722", mqtt_password.mosquitto_hash("other"))


def test_a_credential_writes_its_own_topics_and_reads_its_own_answers() -> None:
    assert broker_files.acl([SCALE]).splitlines() == [
        "user c-abcdefgh23456722",
        "topic write hjv/1/nordnes/c-abcdefgh23456722/obs",
        "topic write hjv/1/nordnes/c-abcdefgh23456722/fhir",
        "topic write hjv/1/nordnes/c-abcdefgh23456722/status",
        "topic write gw/nordnes/c-abcdefgh23456722/#",
        "topic read hjv/1/nordnes/c-abcdefgh23456722/ack",
        "topic read hjv/1/nordnes/c-abcdefgh23456722/+/ack",
        "topic read hjv/1/nordnes/c-abcdefgh23456722/+/+/ack",
        "topic read hjv/1/nordnes/c-abcdefgh23456722/cmd",
    ]


def test_the_files_are_for_the_brokers_user_alone(tmp_path: Path) -> None:
    broker_files.write(tmp_path, [SCALE, CUFF])

    for name in ("devices.passwords", "devices.acl"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert (tmp_path / "devices.passwords").read_text().count("\n") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["devices.acl", "devices.passwords"]


def test_the_same_credentials_change_nothing(tmp_path: Path) -> None:
    assert broker_files.write(tmp_path, [SCALE])
    assert not broker_files.write(tmp_path, [SCALE])
    assert broker_files.write(tmp_path, [])


@pytest.mark.parametrize(
    ("org", "cred"),
    [
        ("nordnes", "c-a\nuser c-zzzzzzzz23456722"),
        ("nordnes", "#"),
        ("+", "c-abcdefgh23456722"),
        ("nord/nes", "c-abcdefgh23456722"),
        ("nordnes", "c-a:b"),
        ("nordnes", "ingest"),
        ("", "c-abcdefgh23456722"),
    ],
)
def test_a_name_that_would_change_the_files_is_left_out(
    tmp_path: Path, org: str, cred: str
) -> None:
    broker_files.write(tmp_path, [Credential(org, cred, SCALE.mqtt_hash), CUFF])

    assert (tmp_path / "devices.passwords").read_text() == f"{CUFF.cred}:{CUFF.mqtt_hash}\n"
    assert (tmp_path / "devices.acl").read_text() == broker_files.acl([CUFF])


def test_ingest_gets_its_own_user_from_its_own_address(tmp_path: Path) -> None:
    broker_files.write_inner(tmp_path, "mqtt://ingest:se%40cret@broker:1884")

    user, written = (tmp_path / "inner.passwords").read_text().strip().split(":")
    assert user == "ingest"
    assert written.startswith("$7$")
    assert (tmp_path / "inner.acl").read_text().startswith("user ingest\ntopic read hjv/1/#\n")


def test_an_address_without_a_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="MQTT_URL needs"):
        broker_files.write_inner(tmp_path, "mqtt://broker:1884")
