"""What `hjemvakt replay` needs of the patients service: credentials to send with, patients to
send about. An organisation of its own, so that no worklist fills with other people's readings.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from deploy.local.running import Running
from deploy.local.subjects import SYSTEM, Foreign
from shared import access

ORG = "replay"
UNIT = {
    "name": "Replay",
    "short": "REPLAY",
    "watching": {"zone": "Europe/Oslo", "hours": []},
}
SYSTEM_LABEL = "Replay (system)"
DEVICE_LABEL = "Replay (device)"
BEGINNING = "2000-01-01T00:00:00Z"


class OnlyInTestMode(ConnectionError):
    """Replay needs the development key of a system in test mode, or HJEMVAKT_SYSTEM_SECRET."""


class NoAnswer(ConnectionError):
    """The patients service does not answer as it should."""


class ReplayWard:
    """The unit that replays belong to, and what is made in it. Made again, it is found again."""

    def __init__(self, running: Running, makes_patients: bool) -> None:
        self._secret = None if makes_patients else os.environ.get("HJEMVAKT_SYSTEM_SECRET")
        self._device: tuple[str, str] | None = None
        self._http = httpx.Client(base_url=running.patients, trust_env=False, timeout=20)
        if self._secret:
            return
        if running.development_key is None:
            raise OnlyInTestMode(OnlyInTestMode.__doc__)
        self._issuer = access.DevelopmentIssuer(Path(running.development_key), "test")
        self._administrator = self._token(access.Role.ADMINISTRATOR, frozenset())
        self._unit = self._found_unit()
        self._nurse = self._token(access.Role.NURSE, frozenset({UUID(self._unit)}))
        self._secret = self._credential("system", SYSTEM_LABEL)["secret"]

    def close(self) -> None:
        self._http.close()

    def secret_for(self, is_fhir: bool, maps: bool) -> str:
        """FHIR names its subject, as a system does; our own JSON speaks for a device's holder."""
        if is_fhir or not maps or self._device is None:
            assert self._secret is not None
            return self._secret
        return self._device[1]

    @property
    def device(self) -> tuple[str, str] | None:
        """The replaying device's user name and secret, once somebody holds it."""
        return self._device

    def make_patient(self, foreign: Foreign) -> bool:
        """A patient under this identifier. False when the record does not take the identifier."""
        identifier = {"system": foreign.system, "value": foreign.value}
        found = self._post("/v1/patients/search", {"identifier": identifier}, self._nurse)
        if found.is_success and found.json()["patients"]:
            return True
        return self._register(identifier) is not None

    def make_holder(self, slot: str) -> None:
        """A patient who has always held this slot of the replaying device."""
        if self._device is None:
            issued = self._credential("device", DEVICE_LABEL)
            self._device = issued["cred"], issued["secret"]
        identifier = {"system": SYSTEM, "value": f"slot {slot}".strip()[:64]}
        found = self._post("/v1/patients/search", {"identifier": identifier}, self._nurse)
        held = _answered(found)["patients"]
        patient_id = held[0]["id"] if held else self._register(identifier)
        body = {"cred": self._device[0], "slot": slot, "from": BEGINNING}
        bound = self._post(f"/v1/patients/{patient_id}/bindings", body, self._nurse)
        if bound.status_code != 409:  # held since an earlier replay
            _answered(bound)

    def _register(self, identifier: Mapping[str, str]) -> str | None:
        new = {
            "name": "Test Replay",
            "born": "1960-01-01",
            "unit_id": self._unit,
            "identifiers": [identifier],
        }
        made = self._post("/v1/patients", new, self._nurse)
        if made.status_code in (400, 409, 422):
            return None
        patient_id: str = _answered(made)["id"]
        return patient_id

    def _found_unit(self) -> str:
        for unit in self._get("/v1/units")["units"]:
            if unit["short"] == UNIT["short"]:
                return str(unit["id"])
        made = self._post("/v1/units", UNIT, self._administrator)
        return str(_answered(made)["id"])

    def _credential(self, kind: str, label: str) -> Any:
        """The credential of this name with a new secret, or a new credential."""
        for one in self._get("/v1/credentials?limit=200")["credentials"]:
            if one["label"] == label and one["revoked_at"] is None:
                path = f"/v1/credentials/{one['cred']}/rotate"
                return _answered(self._post(path, None, self._administrator))
        new = {"kind": kind, "label": label, "unit_id": self._unit}
        return _answered(self._post("/v1/credentials", new, self._administrator))

    def _token(self, role: access.Role, units: frozenset[UUID]) -> str:
        return self._issuer.token(
            access.Caller(id=f"replay-{role}", name="Replay", role=role, org=ORG, units=units)
        )

    def _get(self, path: str) -> Any:
        return _answered(self._ask("GET", path, None, self._administrator))

    def _post(self, path: str, body: Any, token: str) -> httpx.Response:
        return self._ask("POST", path, body, token)

    def _ask(self, method: str, path: str, body: Any, token: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        try:
            return self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError as error:
            raise NoAnswer(NoAnswer.__doc__) from error


def _answered(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise NoAnswer(f"{answer.request.url.path} answered {answer.status_code}.")
    return answer.json()
