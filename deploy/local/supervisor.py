"""Everything on one box: database, broker, three services; started, watched, stopped.

What dies is started again with growing pauses. What was started here ends with us: by our own
stop, and by the kernel if we are killed.
"""

import dataclasses
import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx

from deploy import migrate
from deploy.local import broker, keys, ports, postgres, roles, running, seed
from deploy.local.issuer import settings as issuer
from deploy.local.parts import Command, Say, Watched
from deploy.local.ports import Ports
from deploy.local.running import Running
from shared import push

SERVICES = ("ingest", "patients", "alerts")
READY_WITHIN = 90.0


class AlreadyRunning(Exception):
    """Hjemvakt already runs in this data directory."""


class NotReady(Exception):
    """The services did not become ready."""


class System:
    """One Hjemvakt in one data directory."""

    def __init__(self, data_dir: Path, chosen: Ports, say: Say) -> None:
        self.data_dir = data_dir.resolve()
        self.ports = chosen
        self.running: Running | None = None
        self._say = say
        self._lock: IO[str] | None = None
        self._parts: list[Watched] = []

    def start(self) -> Running:
        """Return when all services are ready. Call it on the main thread."""
        self._take_directory()
        embedded = "DATABASE_URL" not in os.environ, "MQTT_URL" not in os.environ
        ports.require_free(self.ports, self._ports_needed(*embedded))
        urls = self._start_database()
        self._say("Bringing the database to the present schema …")
        migrate.migrate(urls[postgres.OWNER])
        mqtt_url, mqtt = self._start_broker(urls)
        issuers = self._start_issuer(urls)
        self._start_services(urls, mqtt_url, issuers, shared=self._uses_shared_subscription())
        self._wait_until_ready()
        self.running = Running(
            ingest=f"http://127.0.0.1:{self.ports.ingest}",
            patients=f"http://127.0.0.1:{self.ports.patients}",
            alerts=f"http://127.0.0.1:{self.ports.alerts}",
            mqtt=mqtt,
            mllp=f"mllp://127.0.0.1:{self.ports.mllp}",
            database=urls[postgres.OWNER],
            pids=self._pids(),
            development_key=str(self.data_dir / "development.jwk") if _is_test() else None,
            issuer=f"http://127.0.0.1:{self.ports.issuer}" if _has_own_issuer() else None,
            shared_subscription=self._uses_shared_subscription(),
        )
        running.write(self.running, self.data_dir)
        return self.running

    def add(self, name: str, arguments: list[str]) -> None:
        """Run one more command of ours beside the services."""
        env = {**os.environ, "HJEMVAKT_DATA_DIR": str(self.data_dir)}
        command = Command(arguments, env, self._log(name))
        command.start()
        self._parts.append(Watched(name, command))

    def watch(self) -> None:
        """Keep everything running, until interrupted."""
        while True:
            if any([watched.look(self._say) for watched in self._parts]) and self.running:
                self.running = dataclasses.replace(self.running, pids=self._pids())
                running.write(self.running, self.data_dir)
            time.sleep(0.2)

    def stop(self) -> None:
        """In the reverse order of starting, the services at the same time."""
        if self._lock is None:
            return  # the directory is another's, or already left
        self._say("Stopping …")
        running.forget(self.data_dir)
        for watched in self._parts:
            if isinstance(watched.part, Command):
                watched.part.ask_to_stop()
        while self._parts:
            self._parts.pop().part.stop()
        self._lock.close()
        self._lock = None

    def _take_directory(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self.data_dir / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise AlreadyRunning(
                f"Hjemvakt already runs in {self.data_dir}. Stop it, or choose another --data-dir."
            ) from None
        self._lock = lock

    def _ports_needed(self, database: bool, mqtt: bool) -> dict[str, int]:
        own = {
            "the database": database, "MQTT": mqtt, "MQTT for ingest": mqtt,
            "the development issuer": _has_own_issuer(),
        }  # fmt: skip
        return {part: port for part, port in self.ports.by_part().items() if own.get(part, True)}

    def _start_database(self) -> dict[str, str]:
        if url := os.environ.get("DATABASE_URL"):
            self._say("Using the database of DATABASE_URL.")
            return roles.urls(url, self.data_dir / "roles.json")
        self._say("Starting PostgreSQL …")
        server = postgres.Server(self.data_dir / "postgres", self.ports.database)
        server.start()
        self._parts.append(Watched("postgres", server))
        return {role: server.url(role) for role in (postgres.OWNER, *postgres.SERVICE_ROLES)}

    def _start_broker(self, urls: Mapping[str, str]) -> tuple[str, str]:
        """The address for ingest, and the one for devices."""
        if url := os.environ.get("MQTT_URL"):
            self._say("Using the broker of MQTT_URL.")
            address = urlsplit(url)
            return url, f"{address.scheme}://{address.hostname}:{address.port or 1883}"
        chosen = broker.choose(self.data_dir / "broker", self.ports.mqtt, self.ports.mqtt_inner)
        self._say(f"Starting {chosen.name} …")
        if chosen.warning:
            self._say(chosen.warning)
        chosen.start()
        self._parts.append(Watched("broker", chosen))
        if isinstance(chosen, broker.Mosquitto):
            self._follow_credentials(chosen, urls["hjv_ingest"])
        return chosen.inner_url, f"mqtt://127.0.0.1:{chosen.port}"

    def _follow_credentials(self, mosquitto: broker.Mosquitto, database: str) -> None:
        env = {name: value for name, value in os.environ.items() if not _is_a_way_in(name)}
        env |= {"HJEMVAKT_DATABASE_INGEST": database}
        command = Command(
            [
                *("deploy.local.cli", "broker-files"),
                *("--directory", str(mosquitto.credentials)),
                *("--pid-file", str(mosquitto.pid_file)),
            ],
            env,
            self._log("broker-files"),
        )
        command.start()
        self._parts.append(Watched("broker-files", command))

    def _uses_shared_subscription(self) -> bool:
        return not any(isinstance(watched.part, broker.IotCore) for watched in self._parts)

    def _start_issuer(self, urls: Mapping[str, str]) -> str | None:
        """The file of trusted issuers, with our own one in it."""
        if not _has_own_issuer():
            return os.environ.get("HJEMVAKT_ISSUERS")
        trusted, clients = issuer.write(
            self.data_dir,
            self.ports.issuer,
            alerts=f"http://127.0.0.1:{self.ports.alerts}",
            patients=f"http://127.0.0.1:{self.ports.patients}",
            organisation=seed.ORG,
        )
        env = {name: value for name, value in os.environ.items() if not _is_a_way_in(name)}
        env |= {"HJEMVAKT_DATABASE_ALERTS": urls["hjv_alerts"]}
        arguments = ["--port", str(self.ports.issuer), "--clients", str(clients)]
        command = Command(["deploy.local.issuer", *arguments], env, self._log("issuer"))
        command.start()
        self._parts.append(Watched("issuer", command))
        return str(trusted)

    def _start_services(
        self, urls: Mapping[str, str], mqtt_url: str, issuers: str | None, *, shared: bool
    ) -> None:
        self._say("Starting the services …")
        common = {
            **{name: value for name, value in os.environ.items() if not _is_a_way_in(name)},
            "HJEMVAKT_MODE": os.environ.get("HJEMVAKT_MODE", "test"),
            "HJEMVAKT_IDENTITY_KEY": os.environ.get("HJEMVAKT_IDENTITY_KEY")
            or keys.identity_key(self.data_dir),
        }
        if _is_test():
            common["HJEMVAKT_DEVELOPMENT_KEY"] = str(keys.development_key(self.data_dir))
        if issuers is not None:
            common["HJEMVAKT_ISSUERS"] = issuers
        push_key = keys.push_key(self.data_dir)
        for name in SERVICES:
            env = {**common, f"HJEMVAKT_DATABASE_{name.upper()}": urls[f"hjv_{name}"]}
            port = getattr(self.ports, name)
            env.setdefault("HJEMVAKT_PUBLIC_URL", f"http://127.0.0.1:{port}")
            # Without a front door the pages of one service lead to the other's port.
            env.setdefault("HJEMVAKT_WORKLIST_AT", f"http://127.0.0.1:{self.ports.alerts}")
            env.setdefault("HJEMVAKT_SETUP_AT", f"http://127.0.0.1:{self.ports.patients}")
            if name == "ingest":
                env |= {"MQTT_URL": mqtt_url, "HJEMVAKT_MQTT_SHARED": str(shared).lower()}
                env.setdefault("HJEMVAKT_MLLP", f"127.0.0.1:{self.ports.mllp}")
            if name == "alerts":
                env.setdefault("HJEMVAKT_PUSH_KEY", str(push_key))
            if name == "patients":
                env.setdefault("HJEMVAKT_PUSH_PUBLIC_KEY", push.public_key(push_key))
            command = Command(
                [f"services.{name}", "--host", "127.0.0.1", "--port", str(port)],
                env,
                self._log(name),
            )
            command.start()
            self._parts.append(Watched(name, command))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        missing: dict[str, str] = {}
        with httpx.Client(trust_env=False, timeout=3) as client:
            while time.monotonic() < deadline:
                for watched in self._parts:
                    watched.look(self._say)
                missing = {
                    name: answer
                    for name in SERVICES
                    if (answer := _missing(client, getattr(self.ports, name))) is not None
                }
                if not missing:
                    return
                time.sleep(0.1)
        raise NotReady(
            " ".join(f"{name} is not ready: {answer}." for name, answer in missing.items())
            + f" The logs are in {self.data_dir / 'logs'}."
        )

    def _pids(self) -> dict[str, int]:
        return {
            watched.name: watched.part.pid
            for watched in self._parts
            if watched.part.pid is not None and watched.name != "broker-files"
        }

    def _log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"


def _is_test() -> bool:
    return os.environ.get("HJEMVAKT_MODE", "test") == "test"


def _has_own_issuer() -> bool:
    """Where other issuers are named, staff log in by them."""
    return _is_test() and "HJEMVAKT_ISSUERS" not in os.environ


def _is_a_way_in(name: str) -> bool:
    """Addresses with passwords: each service gets its own and no other."""
    return name in {"DATABASE_URL", "MQTT_URL"} or name.startswith("HJEMVAKT_DATABASE_")


def _missing(client: httpx.Client, port: int) -> str | None:
    """None when the service on this port is ready, otherwise what it says it lacks."""
    try:
        answer = client.get(f"http://127.0.0.1:{port}/readyz")
        if answer.status_code == 200:
            return None
        return "; ".join(answer.json()["missing"]) or f"status {answer.status_code}"
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return "it does not answer"
