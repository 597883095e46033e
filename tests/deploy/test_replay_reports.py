"""What `hjemvakt replay` and `hjemvakt gateways` say when something is not as it should be."""

import contextlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local import cli, gateways, replay
from deploy.local.payloads import Payload
from deploy.local.replay_ward import ReplayWard
from deploy.local.running import Running

NOWHERE = Running(*(f"http://127.0.0.1:1/{n}" for n in range(3)), "mqtt://127.0.0.1:1", "")

OWN = """
[[gateway]]
name = "acme"
topic = "acme/{user}/scale"
slot = "{user}"
clock = ["none"]
reading = { kind = "body_weight", fields = { value = { from = "kg", unit = "kg" } } }
"""


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    said: list[str] = []
    report = replay.run(NOWHERE, folder=tmp_path, make_patients=False, say=said.append)
    assert said == [f"There are no files in {tmp_path}."]
    assert (report["files"], report["faults"], report["broken_off"]) == ([], 0, False)


def test_a_file_that_cannot_be_read_is_a_fault_of_its_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HJEMVAKT_SYSTEM_SECRET", "a-secret")
    payload = replay._read(tmp_path / "gone.json", tmp_path)
    with contextlib.closing(ReplayWard(NOWHERE, False)) as ward:
        pusher = replay._Pusher(NOWHERE.ingest, NOWHERE.mqtt, ward)
        with contextlib.closing(pusher):
            [line] = replay._pushed(pusher, [payload], print, None)
    assert line.outcome.startswith("the file cannot be read: ")


def test_what_is_broken_off_tells_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HJEMVAKT_SYSTEM_SECRET", "a-secret")
    files = [Payload(f"{n}.txt", "other", why="no payload") for n in range(3)]
    seen: list[str] = []

    def show(line: replay.Line) -> None:
        seen.append(line.file)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with contextlib.closing(ReplayWard(NOWHERE, False)) as ward:
        pusher = replay._Pusher(NOWHERE.ingest, NOWHERE.mqtt, ward)
        with contextlib.closing(pusher):
            lines = replay._pushed(pusher, files, print, show)
    assert [line.file for line in lines] == seen == ["0.txt", "1.txt"]


@pytest.mark.parametrize(
    ("topic", "payload", "told", "is_read"),
    [
        ("acme/jo/scale", b'{"kg": 81.2}', "body_weight: value 81.2 kg", True),
        ("acme/jo/scale", b'{"kg": 8120}', "It would wait in quarantine: implausible", False),
        ("acme/jo", b'{"kg": 81.2}', "It would wait in quarantine: unknown-kind topic", False),
    ],
)
def test_a_message_is_tried_by_a_table(
    tmp_path: Path, topic: str, payload: bytes, told: str, is_read: bool
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    lines, was_read = gateways.tried(file, topic, payload)
    assert lines[0].startswith(told)
    assert was_read is is_read


def test_a_table_that_is_not_sound_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    assert CliRunner().invoke(cli.app, ["gateways", str(file)]).exit_code == 0
    file.write_text(OWN.replace('"body_weight"', '"?"'))
    refused = CliRunner().invoke(cli.app, ["gateways", str(file)])
    assert refused.exit_code == 1
    assert "there is no kind ?" in refused.output
