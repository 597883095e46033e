"""Which address each part listens on, from one number."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_BASE = 8000


class PortIsTaken(Exception):
    """A port that Hjemvakt needs is in use."""


@dataclass(frozen=True, slots=True)
class Ports:
    """MQTT keeps its well-known port at the default base, so that devices find it."""

    base: int = DEFAULT_BASE

    @property
    def ingest(self) -> int:
        return self.base + 1

    @property
    def patients(self) -> int:
        return self.base + 2

    @property
    def alerts(self) -> int:
        return self.base + 3

    @property
    def mqtt(self) -> int:
        return 1883 if self.base == DEFAULT_BASE else self.base + 4

    @property
    def database(self) -> int:
        return self.base + 5

    @property
    def mqtt_inner(self) -> int:
        return self.base + 6

    @property
    def mllp(self) -> int:
        return 2575 if self.base == DEFAULT_BASE else self.base + 7

    @property
    def issuer(self) -> int:
        return self.base + 8

    @property
    def mqtt_certificates(self) -> int:
        return 8884 if self.base == DEFAULT_BASE else self.base + 9

    def by_part(self) -> Mapping[str, int]:
        return {
            "ingest": self.ingest,
            "patients": self.patients,
            "alerts": self.alerts,
            "MQTT": self.mqtt,
            "the database": self.database,
            "MQTT for ingest": self.mqtt_inner,
            "HL7 v2 over MLLP": self.mllp,
            "the development issuer": self.issuer,
            "MQTT by certificate": self.mqtt_certificates,
        }


def require_free(ports: Ports, parts: Mapping[str, int] | None = None) -> None:
    taken = [
        f"{port} ({part})" for part, port in (parts or ports.by_part()).items() if not is_free(port)
    ]
    if taken:
        raise PortIsTaken(
            f"Already in use: port {', '.join(taken)}. "
            "Stop what uses it, or choose other ports with --port-base."
        )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers themselves do: a port that only waits after a close counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_base() -> int:
    """A base whose ports are all free just now, below those that connections are given.

    Two processes that ask at the same time do not begin at the same one.
    """
    for base in range(13_000 + os.getpid() % 500 * 10, 32_000, 10):
        if all(is_free(port) for port in Ports(base).by_part().values()):
            return base
    raise PortIsTaken("No row of free ports was found.")


def free_port() -> int:
    """A port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
