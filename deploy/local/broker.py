"""The broker of one box: Mosquitto where it is installed, otherwise iotcore for a demonstration.

Mosquitto has two listeners on 127.0.0.1, one for devices and one for ingest.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from deploy.local import broker_certificates, broker_files, process

CONFIGURATION = Path(__file__).resolve().parents[1] / "mosquitto" / "mosquitto.conf"
BY_CERTIFICATE = CONFIGURATION.with_name("certificates.conf")
STOPPING = ((signal.SIGTERM, 10.0),)
INNER_USER = "ingest"
# Without this Mosquitto, started by root, becomes a user who cannot reach its folder.
OWN_USER = "user root\n"

IOTCORE_WARNING = (
    "The broker is iotcore, for demonstration only: MQTT 5 only, any password is accepted, "
    "no rights per topic, nothing kept on disk. Install mosquitto for anything else."
)


class BrokerDoesNotStart(Exception):
    """The broker does not start."""


class Broker(Protocol):
    name: str
    warning: str | None
    shared_subscription: bool
    "Whether ingest may use a shared subscription with a stored session."
    port: int

    @property
    def pid(self) -> int | None: ...

    @property
    def inner_url(self) -> str:
        """The address for ingest, with its password."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


def choose(
    directory: Path, port: int, inner_port: int, certificates_port: int | None = None
) -> Broker:
    """Mosquitto if there is one; HJEMVAKT_BROKER=iotcore tries the other all the same."""
    found = find_mosquitto()
    if found and os.environ.get("HJEMVAKT_BROKER") != "iotcore":
        return Mosquitto(found, directory, port, inner_port, certificates_port)
    return IotCore(directory, port)


def find_mosquitto() -> Path | None:
    # Debian puts it into /usr/sbin, which an ordinary user's PATH may lack.
    found = shutil.which("mosquitto") or shutil.which(
        "mosquitto", path="/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"
    )
    return Path(found) if found else None


class Mosquitto:
    """One Mosquitto, its files below `directory`; start it again after it died."""

    name = "mosquitto"
    warning: str | None = None
    shared_subscription = True

    def __init__(
        self,
        program: Path,
        directory: Path,
        port: int,
        inner_port: int,
        certificates_port: int | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.credentials = self.directory / "credentials"
        self.pid_file = self.directory / "mosquitto.pid"
        self.log = self.directory / "mosquitto.log"
        self.port = port
        self.inner_port = inner_port
        self.certificates_port = certificates_port
        self._program = program
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def inner_url(self) -> str:
        return f"mqtt://{INNER_USER}:{self._password}@127.0.0.1:{self.inner_port}"

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        broker_files.write_inner(self.credentials, self.inner_url)
        for name in ("devices.passwords", "devices.acl"):
            (self.credentials / name).touch(mode=0o600)
        self._take_certificates()
        configuration = self.directory / "mosquitto.conf"
        configuration.write_text(f"{self._here(CONFIGURATION)}\n{OWN_USER}")
        self._process = process.start(
            [self._program, "-c", configuration],
            log=self.log,
            env={"PATH": "/usr/bin:/bin"},
            cwd=self.directory,
        )
        for port in (self.port, self.inner_port, self.certificates_port):
            if port is not None:
                _wait_for(port, self._process, self.log)

    def stop(self) -> None:
        if self._process is not None:
            process.stop(self._process, STOPPING)

    def reload(self) -> bool:
        return broker_files.hang_up(self.pid_file)

    @property
    def own_certificate(self) -> Path:
        """What a device must know to be sure that this is the broker."""
        return self.directory / "server.crt"

    def _take_certificates(self) -> None:
        """Open the door for devices with a certificate."""
        listeners = self.directory / "listeners"
        listeners.mkdir(exist_ok=True, mode=0o700)
        if self.certificates_port is None:
            return
        broker_certificates.server_certificate(self.directory)
        if not (self.credentials / broker_certificates.WITHDRAWN).exists():
            nobody = broker_certificates.of_nobody(datetime.now(UTC))
            broker_files.write_authorities(self.credentials, (), nobody)
        (listeners / BY_CERTIFICATE.name).write_text(self._here(BY_CERTIFICATE))

    def _here(self, configuration: Path) -> str:
        text = configuration.read_text()
        for there, here in {
            "listener 1883": f"listener {self.port} 127.0.0.1",
            "listener 1884": f"listener {self.inner_port} 127.0.0.1",
            "listener 8884": f"listener {self.certificates_port} 127.0.0.1",
            "/mosquitto/listeners": f"{self.directory}/listeners",
            "/mosquitto/certificates/": f"{self.directory}/",
            "/mosquitto/run/": f"{self.directory}/",
            "/mosquitto/data/": f"{self.directory}/",
            "/mosquitto/credentials/": f"{self.credentials}/",
        }.items():
            text = text.replace(there, here)
        return text


class IotCore:
    """A broker from a Python package: one listener on 127.0.0.1, MQTT 5, memory only."""

    name = "iotcore"
    warning: str | None = IOTCORE_WARNING
    # A stored shared subscription that drops its connection crashes it.
    shared_subscription = False

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / "iotcore.log"
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def inner_url(self) -> str:
        return f"mqtt://{INNER_USER}:any@127.0.0.1:{self.port}"

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = self.directory / "iotcore.toml"
        configuration.write_text(self._configuration())
        run = "import sys; from iotcore.iotcore import IotCoreBroker as Broker; "
        run += "Broker(config_path=sys.argv[1]).run_forever()"
        self._process = process.start(
            [sys.executable, "-P", "-c", run, configuration],
            log=self.log,
            env={"PATH": "/usr/bin:/bin"},
            cwd=self.directory,
        )
        _wait_for(self.port, self._process, self.log)

    def stop(self) -> None:
        if self._process is not None:
            process.stop(self._process, STOPPING)

    def _configuration(self) -> str:
        # One version only: an MQTT 5 message with correlation data crashes its 3.1.1 listener.
        return f"""
id = 0
[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
[v5.1]
name = "v5"
listen = {json.dumps(f"127.0.0.1:{self.port}")}
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 300000
max_inflight_count = 100
dynamic_filters = true
"""


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path, patience: float = 15) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0 and server.poll() is None:
                return
        time.sleep(0.05)
    process.stop(server, STOPPING)
    raise BrokerDoesNotStart(f"The broker does not answer on port {port}; {log} says why.")
