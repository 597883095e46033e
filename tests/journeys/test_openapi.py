"""Requests made from each service's own OpenAPI, right and wrong ones, as four callers: whatever is
sent, none makes it fail, and no refusal is long. `make fuzz` sends 20 000 to each service."""

import contextlib
import itertools
import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.journeys.hospital import NEVER, Hospital, bearer

CASES = int(os.environ.get("HJEMVAKT_TEST_CASES", "0"))  # for each service; 0: a few of each door
SEED = int(os.environ.get("HJEMVAKT_TEST_SEED", "1"))
FEW = 4
LONGEST = 4096  # bytes of a refusal
ORG = "openapi"
# A stream has no end, and what a log-in page does is tried elsewhere.
NOT_HERE = ("/v1/worklist/stream", "/login", "/logout", "/development/token")


class Tried:
    """What was sent to one service, and what of it went wrong."""

    def __init__(self, client: httpx.Client, callers: list[dict[str, str]], known: Any) -> None:
        self.client = client
        self.callers = itertools.cycle(callers)
        self.known: Mapping[str, str] = known
        self.answers: Counter[int] = Counter()
        self.faults: set[str] = set()

    def send(self, case: Any) -> None:
        """Every second time with the id of something that is there, so that it goes deeper."""
        if self.answers.total() % 2:
            mine = {name: self.known[name] for name in case.path_parameters if name in self.known}
            case.path_parameters = {**case.path_parameters, **mine}
        place = str(self.client.base_url)
        made = case.as_transport_kwargs(base_url=place, headers=next(self.callers))
        told = {"method", "url", "headers", "params", "json", "data"}
        request = {key: value for key, value in made.items() if key in told}
        if isinstance(request.get("data"), bytes | str):
            request["content"] = request.pop("data")
        try:
            answer = self.client.request(**request)
        except (httpx.InvalidURL, UnicodeError, TypeError, ValueError, httpx.LocalProtocolError):
            return  # not to be sent over HTTP at all
        self.answers[answer.status_code] += 1
        door = f"{case.method} {case.operation.path}"
        if answer.status_code >= 500:
            self.faults.add(f"{door}: {answer.status_code}")
        if not _is_documented(case.operation.definition.raw["responses"], answer.status_code):
            self.faults.add(f"{door}: {answer.status_code} is not documented")
        if answer.status_code >= 400 and len(answer.content) > LONGEST:
            self.faults.add(f"{door}: {len(answer.content)} bytes of refusal")


def _is_documented(responses: Mapping[str, Any], status: int) -> bool:
    """By itself, by its hundred (4XX), or by `default`."""
    return bool({str(status), f"{status // 100}XX", "default"} & set(responses))


@pytest.fixture(scope="module")
def known(hospital: Hospital) -> dict[str, str]:
    """One of each kind in an organisation of its own: it meets no other test's patients."""
    admin = hospital.log_in("administrator", org=ORG, person="openapi-admin", units=[])
    hours = {"name": f"Openapi {uuid4()}", "short": "O", "watching": NEVER}
    unit = hospital.made(hospital.patients, "/v1/units", hours, admin)["id"]
    nurse = hospital.log_in("nurse", org=ORG, person="openapi", units=[unit])
    body = {"name": "Test Testesen", "born": "1961-04-17", "unit_id": unit}
    patient = hospital.made(hospital.patients, "/v1/patients", body, nurse)["id"]
    enrolment = {"programme": "home_dialysis"}
    path = f"/v1/patients/{patient}/enrolments"
    enrolled = hospital.made(hospital.patients, path, enrolment, nurse)["id"]
    new = {"kind": "device", "label": "openapi", "unit_id": unit}
    cred = hospital.made(hospital.patients, "/v1/credentials", new, nurse)
    hospital.made(
        hospital.patients, f"/v1/patients/{patient}/bindings", {"cred": cred["cred"]}, nurse
    )
    return {
        "unit_id": unit, "patient_id": patient, "enrolment_id": enrolled, "cred": cred["cred"],
        "slug": "home_dialysis", "secret": cred["secret"],
    }  # fmt: skip


@pytest.mark.parametrize("service", ["ingest", "patients", "alerts"])
def test_no_request_makes_a_service_fail(
    hospital: Hospital, known: Mapping[str, str], service: str
) -> None:
    client: httpx.Client = getattr(hospital, service)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = client.get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
    units = [known["unit_id"]]
    people = [
        hospital.log_in("nurse", org=ORG, person="openapi", units=units),
        hospital.log_in("administrator", org=ORG, person="openapi-admin", units=[]),
        hospital.log_in("patient", org=ORG, person="openapi", patient=known["patient_id"]),
        {},
    ]
    system = hospital.made(
        hospital.patients, "/v1/credentials", {"kind": "system", "label": "openapi"}, people[1]
    )
    senders = [bearer(system["secret"]), bearer(known["secret"]), bearer("x" * 27), {}]
    tried = Tried(client, senders if service == "ingest" else people, known)

    operations: list[Any] = [
        result.ok()
        for result in schema.get_all_operations()
        if not result.ok().path.startswith(NOT_HERE)
    ]
    assert len(operations) > 3
    for operation in operations:
        _try(tried, operation, FEW)
    for turn in itertools.count():
        if (missing := CASES - tried.answers.total()) <= 0:
            break
        for operation in operations:
            _try(tried, operation, max(FEW, missing // len(operations)), turn + 1)

    sys.stderr.write(f"{service}: {tried.answers.total()} cases, {dict(tried.answers)}\n")
    sys.stderr.write("\n".join(sorted(tried.faults)) + "\n")
    assert tried.faults == set()


def _try(tried: Tried, operation: Any, number: int, turn: int = 0) -> None:
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @seed(SEED * 1000 + turn)
        @settings(
            max_examples=max(1, number // 2),
            deadline=None,
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def sent(case: Any) -> None:
            tried.send(case)

        # HL7 v2 and EDF have mutations of their own (tests/devices); some doors take anything, so
        # that nothing is wrong there.
        with contextlib.suppress(schemathesis.errors.SerializationNotPossible, Unsatisfiable):
            sent()
