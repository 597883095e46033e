"""Where a running Hjemvakt is to be found, for the commands that talk to one."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.local import keys
from deploy.local.ports import Ports

FILE = "run.json"


@dataclass(frozen=True, slots=True)
class Running:
    """Addresses of the services, as a client uses them."""

    ingest: str
    patients: str
    alerts: str
    mqtt: str
    mllp: str
    database: str | None = None
    "The owner's address of the database; None when only the services are known."
    pids: Mapping[str, int] = field(default_factory=dict)
    mqtts: str | None = None
    "Where devices with a certificate connect; None: the broker lets none in."
    development_key: str | None = None
    "The file that signs tokens; None: `seed` and `token` cannot work."
    issuer: str | None = None
    "The development issuer; None: staff log in elsewhere."
    shared_subscription: bool = True
    "False with the demonstration broker, which speaks MQTT 5 only."

    def for_people(self) -> dict[str, object]:
        """What `up --json` prints."""
        return {
            "ingest": self.ingest,
            "patients": self.patients,
            "alerts": self.alerts,
            "mqtt": self.mqtt,
            "mqtts": self.mqtts,
            "mllp": self.mllp,
            "database": self.database,
            "issuer": self.issuer,
            "pids": dict(self.pids),
        }


def write(running: Running, data_dir: Path) -> None:
    keys.write_private(data_dir / FILE, json.dumps(asdict(running), indent=2) + "\n")


def forget(data_dir: Path) -> None:
    (data_dir / FILE).unlink(missing_ok=True)


def find(data_dir: Path, environ: Mapping[str, str] = os.environ) -> Running:
    """The system that runs in `data_dir`, else on the default ports; HJEMVAKT_* goes before both.

    HJEMVAKT_INGEST, _PATIENTS, _ALERTS and _MQTT are addresses.
    """
    try:
        found = json.loads((data_dir / FILE).read_text())
    except FileNotFoundError:
        ports = Ports()
        key = data_dir / "development.jwk"
        found = {
            "ingest": f"http://127.0.0.1:{ports.ingest}",
            "patients": f"http://127.0.0.1:{ports.patients}",
            "alerts": f"http://127.0.0.1:{ports.alerts}",
            "mqtt": f"mqtt://127.0.0.1:{ports.mqtt}",
            "mllp": f"mllp://127.0.0.1:{ports.mllp}",
            "development_key": str(key) if key.exists() else None,
        }
    for part in ("ingest", "patients", "alerts", "mqtt", "development_key"):
        if value := environ.get(f"HJEMVAKT_{part.upper()}"):
            found[part] = value
    return Running(**found)
