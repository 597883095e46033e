"""What `hjemvakt up` is made of: ports, addresses, restarts, fetched files, the command line."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deploy.local import cli, doctor, parts, ports, process, roles, running, vendor
from deploy.local.ports import Ports
from deploy.local.running import Running
from tests.deploy.mqtt_client import eventually

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


class Sleeper:
    """A part that does nothing, and can be told not to start."""

    def __init__(self, log: Path) -> None:
        self.starts = 0
        self.refuses = False
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        if self.refuses:
            raise OSError("not today")
        self.starts += 1
        self._process = process.start(SLEEPER, log=self._log, env=dict(os.environ))

    def stop(self) -> None:
        if self._process is not None:
            process.stop(self._process, parts.STOPPING)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    sleeper = Sleeper(tmp_path / "log")
    yield sleeper
    sleeper.stop()


def test_what_dies_is_started_again(sleeper: Sleeper) -> None:
    said: list[str] = []
    watched = parts.Watched("sleeper", sleeper)
    sleeper.start()
    sleeper.kill()

    assert watched.look(said.append)

    assert sleeper.pid is not None
    assert said == ["sleeper has stopped and is being started again."]
    assert not watched.look(said.append)


def test_what_keeps_dying_is_given_pauses(sleeper: Sleeper) -> None:
    watched = parts.Watched("sleeper", sleeper)
    sleeper.start()
    sleeper.kill()
    watched.look(lambda _: None)
    sleeper.kill()

    assert not watched.look(lambda _: None)
    time.sleep(0.6)
    assert watched.look(lambda _: None)


def test_what_cannot_start_is_said_and_tried_again(sleeper: Sleeper) -> None:
    said: list[str] = []
    watched = parts.Watched("sleeper", sleeper)
    sleeper.refuses = True

    watched.look(said.append)
    sleeper.refuses = False

    assert said[-1] == "sleeper does not start: not today"
    eventually(lambda: watched.look(said.append))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_killed_parent_leaves_no_children(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, time; from deploy.local import process;"
        f"child = process.start({SLEEPER!r}, log=pathlib.Path({str(tmp_path / 'log')!r}),"
        " env=dict(os.environ)); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    eventually(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    try:
        # A zombie is dead: whoever adopted it has only not looked yet.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_number_gives_every_port() -> None:
    ports = [8001, 8002, 8003, 1883, 8005, 8006, 2575, 8008, 8884]
    assert list(Ports().by_part().values()) == ports
    ports = [9101, 9102, 9103, 9104, 9105, 9106, 9107, 9108, 9109]
    assert list(Ports(9100).by_part().values()) == ports


def test_a_taken_port_is_named_with_what_wants_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        with pytest.raises(ports.PortIsTaken, match=rf"{taken} \(alerts\)"):
            ports.require_free(Ports(taken - 3))


def test_the_addresses_of_a_running_system_are_found(tmp_path: Path) -> None:
    written = Running(
        "http://a:1", "http://b:2", "http://c:3", "mqtt://d:4", "mllp://e:5", pids={"ingest": 1}
    )
    running.write(written, tmp_path)

    assert running.find(tmp_path, {}) == written
    assert running.find(tmp_path, {"HJEMVAKT_INGEST": "http://x"}).ingest == "http://x"
    assert (tmp_path / running.FILE).stat().st_mode & 0o077 == 0

    running.forget(tmp_path)
    assert running.find(tmp_path, {}).alerts == "http://127.0.0.1:8003"


def test_a_database_server_of_ones_own_needs_only_the_owners_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HJEMVAKT_DATABASE_ALERTS", raising=False)
    monkeypatch.setenv("HJEMVAKT_DATABASE_INGEST", "postgresql://i:1@h/d")
    monkeypatch.setenv("HJEMVAKT_DATABASE_PATIENTS", "postgresql://p:1@h/d")
    (tmp_path / "roles.json").write_text('{"hjv_alerts": "secret"}')

    assert roles.urls("postgresql://o:1@h:5/d", tmp_path / "roles.json") == {
        "hjemvakt": "postgresql://o:1@h:5/d",
        "hjv_ingest": "postgresql://i:1@h/d",
        "hjv_patients": "postgresql://p:1@h/d",
        "hjv_alerts": "postgresql://hjv_alerts:secret@h:5/d",
    }


def test_fetched_files_are_kept_only_if_they_are_the_same(tmp_path: Path) -> None:
    packages, target = tmp_path / "node_modules", tmp_path / "vendor"
    (packages / "some").mkdir(parents=True)
    (packages / "some" / "one.js").write_bytes(b"one")
    right = f"{sha256(b'one').hexdigest()}  some/one.js\n"

    with pytest.raises(vendor.FileIsNotTheSame):
        vendor.copy(packages, f"{'0' * 64}  some/one.js\n", target)
    assert not target.exists()

    vendor.copy(packages, right, target)
    assert (target / "one.js").read_bytes() == b"one"


def test_the_doctor_speaks_in_sentences(tmp_path: Path) -> None:
    findings = list(doctor.examine(tmp_path, Ports(ports.free_port())))

    assert len(findings) >= 5
    assert not any("Python" in finding.sentence for finding in findings if finding.is_fault)


def commands() -> list[list[str]]:
    group = typer.main.get_command(cli.app)
    names = [[name] for name in group.commands]  # type: ignore[attr-defined]
    return [*names, ["programmes", "check"], ["programmes", "describe"]]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_says_what_it_does(command: list[str]) -> None:
    answer = CliRunner().invoke(cli.app, [*command, "--help"])

    assert answer.exit_code == 0
    assert "Usage:" in answer.stdout


def test_a_refusal_is_a_sentence_and_not_a_stack(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        base = str(other.getsockname()[1] - 1)

        answer = hjemvakt("up", "--data-dir", str(tmp_path / "data"), "--port-base", base)

    assert answer.returncode == 1
    assert "Already in use" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def hjemvakt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "hjemvakt", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )
