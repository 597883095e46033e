"""Who looks after a connection sees how it fares, and nothing of any patient."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, eventually


def fares(hospital: Hospital, cred: str) -> Any:
    answer = hospital.alerts.get(f"/v1/connections/intake/{cred}", headers=hospital.administrator)
    assert answer.status_code == 200, answer.text
    return answer.json()


def senders(hospital: Hospital) -> Iterator[Any]:
    more: dict[str, str] = {}
    while True:
        answer = hospital.alerts.get(
            "/v1/connections/intake", params=more, headers=hospital.administrator
        ).json()
        yield from answer["senders"]
        if answer["next"] is None:
            return
        more = {"cursor": answer["next"]}


def numbers(told: Any) -> dict[tuple[str, str, str], int]:
    return {(one["kind"], one["result"], one["code"]): one["number"] for one in told["results"]}


def test_each_result_is_counted_by_kind_and_a_fault_is_shown_without_its_value(
    hospital: Hospital, patient: Patient
) -> None:
    weight = device.weight(82.4)
    hospital.send(patient, weight, device.pressure())
    hospital.send(patient, weight)
    hospital.send(patient, device.weight(4711.25), device.weight(4712.25))
    refused = hospital.ingest.post(
        "/v1/observations", content=b'{"a":1,"a":2}',
        headers={**patient.bearer, "content-type": "application/json"},
    )  # fmt: skip
    assert refused.status_code == 400

    wanted = {
        ("body_weight", "stored", ""): 1,
        ("blood_pressure", "stored", ""): 1,
        ("body_weight", "duplicate", ""): 1,
        ("", "quarantined", "implausible"): 2,
        ("", "refused", "duplicate-key"): 1,
    }

    def counted() -> Any:
        one = fares(hospital, patient.cred)
        return one if numbers(one) == wanted and one["day"] == 6 else None

    told = eventually(counted)
    assert (told["day"], told["set_aside"], told["refused"], told["waiting"]) == (6, 2, 1, 2)
    assert told["last_at"] is not None
    assert sum(one["number"] for one in told["hours"]) == 6
    [fault] = told["faults"]
    assert (fault["code"], fault["paths"], fault["number"]) == ("implausible", ["values.value"], 2)
    for secret in (patient.id, patient.number, "4711.25", "82.4", "Testesen"):
        assert secret not in json.dumps(told)
    found = hospital.alerts.get(
        "/connections", params={"find": patient.cred}, headers=hospital.administrator
    ).text
    assert found.count('<th scope="row"><a') == 1
    assert 'id="h-failing"' not in found
    page = hospital.alerts.get("/connections", headers=hospital.administrator).text
    failing, *_ = page.partition('id="h-in"')
    assert f'href="/connections/{patient.cred}"' in failing
    assert "4711" not in re.sub(r"[0-9a-f]+(-[0-9a-f]+){4}", "", page)


def test_a_system_of_many_patients_is_one_row_and_an_entry_that_is_refused_is_counted(
    hospital: Hospital, patient: Patient
) -> None:
    cred = hospital.seeded["system"]["cred"]
    before = numbers(fares(hospital, cred))
    entry = {"fullUrl": "urn:uuid:1", "request": {"method": "DELETE", "url": "Observation/1"}}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [
        {"fullUrl": "urn:uuid:0", "resource": device.observation(patient.subject),
         "request": {"method": "POST", "url": "Observation"}}, entry]}  # fmt: skip
    headers = hospital.system | {"content-type": "application/fhir+json"}
    answer = hospital.ingest.post("/fhir", json=batch, headers=headers)
    assert answer.status_code == 200

    def counted() -> bool:
        now = numbers(fares(hospital, cred))
        stored, refused = ("body_weight", "stored", ""), ("", "refused", "method-not-taken")
        return all(now.get(key, 0) == before.get(key, 0) + 1 for key in (stored, refused))

    eventually(counted)
    [row] = [one for one in senders(hospital) if one["cred"] == cred]
    assert (row["kind"], row["hour"] > 0) == ("system", True)


def test_only_an_administrator_sees_it_and_only_of_the_own_organisation(
    hospital: Hospital, patient: Patient
) -> None:
    path = f"/v1/connections/intake/{patient.cred}"
    assert hospital.alerts.get(path, headers=hospital.nurse).status_code == 403
    other = hospital.log_in("administrator", org="another", units=[])
    assert hospital.alerts.get(path, headers=other).status_code == 404
    assert hospital.alerts.get("/connections", headers=hospital.nurse).status_code == 403
    missing = hospital.alerts.get("/v1/connections/intake/c-none", headers=hospital.administrator)
    assert missing.status_code == 404
