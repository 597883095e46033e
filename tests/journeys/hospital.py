"""A running Hjemvakt as its users see it: addresses, log-ins, and what they do with them.

Written against the published interfaces: nothing here knows how a service is made.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx

from shared import access
from tests.journeys.device import Device, Json

T = TypeVar("T")

COMMAND = [sys.executable, "-P", "-m", "deploy.local.cli"]
DIALYSIS = "home_dialysis"
MORE = 20
OSLO = ZoneInfo("Europe/Oslo")
ALWAYS = {
    "zone": "Europe/Oslo",
    "hours": [
        {
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "from": "00:00",
            "to": "24:00",
        }
    ],
}
NEVER: dict[str, Any] = {"zone": "Europe/Oslo", "hours": []}


@dataclass(frozen=True)
class Patient:
    """A patient with a device that is bound to him."""

    id: str
    cred: str
    secret: str
    system: str = ""
    number: str = ""
    token: str = ""

    @property
    def subject(self) -> Json:
        """The patient as another system names him."""
        return {"identifier": {"system": self.system, "value": self.number}}

    @property
    def bearer(self) -> dict[str, str]:
        return bearer(self.secret)


def weight_now() -> dict[str, Any]:
    """A plan's item that is overdue within seconds, so that who sends nothing is silent."""
    now = datetime.now(OSLO)
    if (now + timedelta(seconds=3)).date() != now.date():
        time.sleep(3)  # three seconds before midnight nothing more is due today
    due = datetime.now(OSLO) + timedelta(seconds=3)
    return {
        "id": "weight",
        "names": {"nb": "Vekt", "en": "Weight"},
        "kind": "body_weight",
        "opens": "00:00",
        "due": due.strftime("%H:%M:%S"),
        "grace": "PT0S",
    }


@dataclass
class Hospital:
    """One running system, its seeded unit, and the clients of its three services."""

    directory: Path
    addresses: Mapping[str, Any]
    seeded: dict[str, Any] = field(default_factory=dict)
    ingest: httpx.Client = field(init=False)
    patients: httpx.Client = field(init=False)
    alerts: httpx.Client = field(init=False)
    _pool: list[Any] = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        for name in ("ingest", "patients", "alerts"):
            client = httpx.Client(base_url=self.addresses[name], trust_env=False, timeout=30)
            setattr(self, name, client)

    def close(self) -> None:
        for client in (self.ingest, self.patients, self.alerts):
            client.close()

    # --- who --------------------------------------------------------------------------------

    @property
    def org(self) -> str:
        return str(self.seeded["org"])

    @property
    def unit(self) -> str:
        return str(self.seeded["unit"]["id"])

    def seed(self, patients: int) -> None:
        self.seeded = self._seed(patients)
        self._pool = list(self.seeded["patients"])

    def _seed(self, patients: int, *where: str) -> Any:
        return self.run(
            "seed", "--patients", str(patients), "--programme", DIALYSIS, "--json", *where
        )

    def patient(self) -> Patient:
        """A seeded patient whom no other test uses."""
        if not self._pool:  # made as they are needed: a long list costs each page that shows it
            self._pool = self._seed(MORE, "--unit", self.unit)["patients"]
            self.seeded["patients"].extend(self._pool)
        one = self._pool.pop(0)
        of = one["identifier"]
        return Patient(
            one["id"], one["cred"], one["secret"], of["system"], of["value"], one.get("token", "")
        )

    def staff(self, role: str) -> dict[str, str]:
        """Headers of the seeded member of staff with this role."""
        found = next(one for one in self.seeded["staff"] if one["role"] == role)
        return bearer(found["token"])

    @property
    def nurse(self) -> dict[str, str]:
        return self.staff("nurse")

    @property
    def administrator(self) -> dict[str, str]:
        return self.staff("administrator")

    @property
    def system(self) -> dict[str, str]:
        return bearer(self.seeded["system"]["secret"])

    def log_in(
        self,
        role: str = "nurse",
        *,
        person: str = "another",
        org: str | None = None,
        units: list[str] | None = None,
        patient: str | None = None,
        groups: tuple[str, ...] = (),
    ) -> dict[str, str]:
        """Headers of somebody whom the development issuer vouches for."""
        key = self.directory / "development.jwk"
        caller = access.Caller(
            id=person,
            name=f"Test {person}",
            role=access.Role(role),
            org=org or self.org,
            units=frozenset(UUID(one) for one in ([self.unit] if units is None else units)),
            patient_id=UUID(patient) if patient else None,
            groups=frozenset(groups),
        )
        return bearer(access.DevelopmentIssuer(key, "test").token(caller))

    def device(self, patient: Patient, **how: Any) -> Device:
        address = urlsplit(self.addresses["mqtt"])
        assert address.hostname
        return Device(
            (address.hostname, address.port or 1883), self.org, patient.cred, patient.secret, **how
        )

    # --- new people and things --------------------------------------------------------------

    def new_unit(self, name: str, hours: Mapping[str, Any]) -> str:
        body = {"name": f"{name} {next(self._numbers)}", "short": name[:12], "watching": hours}
        return str(self.made(self.patients, "/v1/units", body, self.administrator)["id"])

    def new_patient(
        self,
        unit: str | None = None,
        *,
        since: str | None = None,
        enrolled: str | None = None,
        bound: bool = True,
        programme: str = DIALYSIS,
        plan: Sequence[Mapping[str, Any]] = (),
    ) -> Patient:
        """Registered, given a device (held `since`), enrolled."""
        unit = unit or self.unit
        nurse = self.log_in(units=[unit])
        number = next(self._numbers)
        new = {"name": f"Test Testesen {number:03}", "born": "1961-04-17", "unit_id": unit}
        patient_id = self.made(self.patients, "/v1/patients", new, nurse)["id"]
        enrolment: dict[str, Any] = {"programme": programme}
        if enrolled:
            enrolment["from"] = enrolled
        if plan:
            enrolment["plan"] = list(plan)
        self.made(self.patients, f"/v1/patients/{patient_id}/enrolments", enrolment, nurse)
        cred, secret = self.new_credential(unit)
        if bound:
            self.bind(patient_id, cred, nurse, since=since)
        return Patient(patient_id, cred, secret)

    def new_credential(self, unit: str | None = None, kind: str = "device") -> tuple[str, str]:
        body = {"kind": kind, "label": "journey", "unit_id": unit or self.unit}
        issued = self.made(self.patients, "/v1/credentials", body, self.administrator)
        return issued["cred"], issued["secret"]

    def bind(
        self,
        patient_id: str,
        cred: str,
        nurse: Mapping[str, str] | None = None,
        *,
        since: str | None = None,
        hand_over: bool = False,
    ) -> Any:
        body: dict[str, Any] = {"cred": cred, "hand_over": hand_over}
        if since:
            body["from"] = since
        path = f"/v1/patients/{patient_id}/bindings"
        return self.made(self.patients, path, body, nurse or self.nurse)

    # --- what devices do --------------------------------------------------------------------

    def send(self, patient: Patient, *items: Json) -> list[Any]:
        """Over HTTP; the receipts."""
        answer = self.ingest.post("/v1/observations", json=list(items), headers=patient.bearer)
        assert answer.status_code == 200, answer.text
        receipts: list[Any] = answer.json()["results"]
        return receipts

    def send_one(self, patient: Patient, item: Json) -> Any:
        return self.send(patient, item)[0]

    # --- what nurses do ---------------------------------------------------------------------

    def worklist(self, nurse: Mapping[str, str] | None = None, **wanted: str) -> Iterator[Any]:
        """The pages of the list."""
        asked: dict[str, Any] = {"unit": self.unit, **wanted}
        while True:
            answer = self.alerts.get("/v1/worklist", params=asked, headers=nurse or self.nurse)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield page
            if not page["next"]:
                return
            asked["cursor"] = page["next"]

    def row(self, patient: Patient, nurse: Mapping[str, str] | None = None, **wanted: str) -> Any:
        """The patient's row, or None."""
        for page in self.worklist(nurse, **wanted):
            for row in page["rows"]:
                if row["patient"]["id"] == patient.id:
                    return row
        return None

    def alert(
        self, patient: Patient, group: str, *, within: float = 10, state: str = "open"
    ) -> Any:
        """The alert of a rule group on the patient's row, waited for."""

        def found() -> Any:
            row = self.row(patient)
            for one in row["alerts"] if row else ():
                if one["group"] == group and one["state"] == state:
                    return one
            return None

        return eventually(found, within)

    def move(
        self,
        alert: Mapping[str, Any],
        move: str,
        nurse: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        body = {"move": move, "version": alert["version"], **more}
        path = f"/v1/alerts/{alert['id']}/moves"
        return self.alerts.post(path, json=body, headers=nurse or self.nurse)

    def alert_now(self, alert: Mapping[str, Any]) -> Any:
        answer = self.alerts.get(f"/v1/alerts/{alert['id']}", headers=self.nurse)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def observations(self, patient: Patient, **search: str) -> list[Any]:
        """All of the patient's Observations, page after page."""
        found: list[Any] = []
        path = "/fhir/Observation"
        asked: dict[str, str] | None = {"patient": patient.id, "_count": "200", **search}
        while True:
            answer = self.patients.get(path, params=asked, headers=self.nurse)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += [entry["resource"] for entry in page.get("entry", ())]
            links = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not links:
                return found
            path, asked = links[0], None

    def readings(self, patient: Patient) -> list[Any]:
        path = f"/v1/patients/{patient.id}/readings"
        answer = self.patients.get(path, params={"limit": "200"}, headers=self.nurse)
        assert answer.status_code == 200, answer.text
        readings: list[Any] = answer.json()["readings"]
        return readings

    def quarantined(self, cred: str, state: str = "waiting") -> list[Any]:
        found: list[Any] = []
        asked: dict[str, Any] = {"cred": cred, "state": state, "limit": 200}
        while True:
            answer = self.patients.get("/v1/quarantine", params=asked, headers=self.nurse)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["items"]
            if not page["next"]:
                return found
            asked["cursor"] = page["next"]

    # --- what operators do ------------------------------------------------------------------

    def command(self, *arguments: str) -> str:
        """A command of ours against this system; its standard output."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--data-dir", str(self.directory)],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment(),
            check=False,
        )
        assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stderr[-3000:]}"
        return done.stdout

    def run(self, *arguments: str) -> Any:
        """The same with --json: exactly one line."""
        lines = self.command(*arguments).splitlines()
        assert len(lines) == 1, f"one line was expected on standard output, not {len(lines)}"
        return json.loads(lines[0])

    def pid(self, part: str) -> int:
        """The process that runs now: a part that died is started again with another one."""
        running = json.loads((self.directory / "run.json").read_text())
        return int(running["pids"][part])

    def made(
        self, client: httpx.Client, path: str, body: Any, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
        document: dict[str, Any] = answer.json()
        return document


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def environment() -> dict[str, str]:
    """Ours without what would point the commands at another system."""
    ours = ("HJEMVAKT_", "DATABASE_URL", "MQTT_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def eventually(found: Callable[[], T | None], within: float = 10.0) -> T:
    """What `found` finds once it finds something; a failure after so many seconds."""
    deadline = time.monotonic() + within
    while True:
        result = found()
        if result:
            return result
        assert time.monotonic() < deadline, f"it did not come about within {within} s"
        time.sleep(0.02)
