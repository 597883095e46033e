"""What the simulator needs of the hospital: plain calls to the patients service, as a nurse."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from deploy.local.running import Running
from shared import access
from shared.wall_clock import OSLO

SCALE = "Simulated scale that nobody holds"
SOON = timedelta(seconds=5)


class NoAnswer(ConnectionError):
    """The patients service does not answer as it should."""


class Ward:
    """The seeded unit. The nurse's token is made anew: the seeded one may have run out."""

    def __init__(self, running: Running, seeded: Mapping[str, Any]) -> None:
        self._unit = seeded["unit"]["id"]
        nurse = next(one for one in seeded["staff"] if one["role"] == "nurse")
        token = nurse["token"]
        if running.development_key is not None:
            caller = access.Caller(
                id=nurse["id"],
                name=nurse["name"],
                role=access.Role.NURSE,
                org=seeded["org"],
                units=frozenset({UUID(self._unit)}),
            )
            issuer = access.DevelopmentIssuer(Path(running.development_key), "test")
            token = issuer.token(caller)
        self._http = httpx.Client(
            base_url=running.patients,
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=20,
        )

    def close(self) -> None:
        self._http.close()

    def has_readings(self, patient_id: str) -> bool:
        return bool(self._get(f"/v1/patients/{patient_id}/readings?limit=1")["readings"])

    def hold_since(self, patient_id: str, cred: str, days: int) -> None:
        """Let the patient have held his device for so many days, if it is not so already."""
        since = datetime.now(UTC) - timedelta(days=days)
        of_patient = f"/v1/patients/{patient_id}/bindings"
        for binding in self._get(of_patient)["bindings"]:
            later = datetime.fromisoformat(binding["from"]) > since
            if binding["cred"] == cred and binding["withdrawn_at"] is None and later:
                body = {"from": since.isoformat(timespec="seconds")}
                self._ask("PATCH", f"{of_patient}/{binding['id']}", body)

    def expect_weight_now(self, patient_id: str) -> None:
        """Give the patient a plan of his own whose weight is due in a few seconds, without grace.

        A plan is not changed but begun anew, as staff would. Just before midnight it is due at
        the day's last second.
        """
        of_patient = f"/v1/patients/{patient_id}/enrolments"
        held = [one for one in self._get(of_patient)["enrolments"] if one["ended_at"] is None]
        if not held or held[0]["plan"] is not None:
            return
        enrolment = held[0]
        self._post(f"{of_patient}/{enrolment['id']}/end", {"reason": "Egen plan"})
        due = datetime.now(OSLO) + SOON
        clock = due.strftime("%H:%M:%S") if due.date() == (due - SOON).date() else "23:59:59"
        item = {
            "id": "weight-morning",
            "names": {"nb": "Vekt", "en": "Weight"},
            "kind": "body_weight",
            "opens": "00:00",
            "due": clock,
            "grace": "PT0S",
        }
        self._post(of_patient, {"programme": enrolment["programme"], "plan": [item]})

    def unbound_scale(self) -> tuple[str, str]:
        """Credential and secret of a scale that nobody holds; always the same scale."""
        known = self._get("/v1/credentials?limit=200")["credentials"]
        for one in known:
            if one["label"] == SCALE and one["revoked_at"] is None:
                issued = self._post(f"/v1/credentials/{one['cred']}/rotate", None)
                return issued["cred"], issued["secret"]
        new = {"kind": "device", "label": SCALE, "unit_id": self._unit}
        issued = self._post("/v1/credentials", new)
        return issued["cred"], issued["secret"]

    def _get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def _post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
            return answer.raise_for_status().json()
        except httpx.HTTPStatusError as error:
            raise NoAnswer(f"{path} answered {error.response.status_code}.") from error
        except httpx.TransportError as error:
            raise NoAnswer(NoAnswer.__doc__) from error
