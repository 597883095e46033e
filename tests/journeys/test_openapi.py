"""Requests made from each service's own OpenAPI: whatever is sent, none makes it fail."""

import contextlib
import warnings
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.journeys.hospital import Hospital

EACH = 4  # requests per operation
# A stream has no end, and what a log-in page does is tried elsewhere.
NOT_HERE = ("/v1/worklist/stream", "/login", "/logout", "/development/token")


@pytest.mark.parametrize("service", ["ingest", "patients", "alerts"])
def test_no_request_makes_a_service_fail(hospital: Hospital, service: str) -> None:
    client: httpx.Client = getattr(hospital, service)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = client.get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
    # Somebody of an organisation of their own: nothing here may meet another test's patients.
    staff = hospital.log_in("nurse", org="openapi", person="openapi", units=[])
    headers = hospital.system if service == "ingest" else staff
    failed: list[str] = []
    tried = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()
        if operation.path.startswith(NOT_HERE):
            continue
        tried += 1
        failed += _tried(client, operation, headers)
    assert tried > 3
    assert failed == []


def _tried(client: httpx.Client, operation: Any, headers: dict[str, str]) -> list[str]:
    failed: list[str] = []

    @settings(
        max_examples=EACH,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def sent(case: Any) -> None:
        made = case.as_transport_kwargs(base_url=str(client.base_url), headers=headers)
        told = {"method", "url", "headers", "params", "json", "data"}
        request = {key: value for key, value in made.items() if key in told}
        if isinstance(request.get("data"), bytes | str):
            request["content"] = request.pop("data")
        try:
            answer = client.request(**request)
        except (httpx.InvalidURL, UnicodeError, TypeError, ValueError, httpx.LocalProtocolError):
            return  # not to be sent over HTTP at all
        if answer.status_code >= 500 and answer.status_code != 503:
            failed.append(f"{case.method} {operation.path}: {answer.status_code}")

    with contextlib.suppress(schemathesis.errors.SerializationNotPossible):
        sent()  # HL7 v2 and EDF have mutations of their own (tests/devices)
    return sorted(set(failed))
