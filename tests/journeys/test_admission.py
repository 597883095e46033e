"""The hospital's own register tells who is admitted, renamed and merged; the record follows."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, eventually
from tests.journeys.test_hl7 import exchanged

NUMBER = "urn:oid:"


def got(client: httpx.Client, headers: dict[str, str], path: str) -> Any:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def adt(
    hospital: Hospital,
    event: str,
    patient: Patient,
    at: datetime,
    *segments: str,
    visit: str,
    control: str = "",
    kind: str = "I",
    secret: str = "",
) -> bytes:
    stamp = at.strftime("%Y%m%d%H%M%S%z")
    secret = secret or hospital.seeded["system"]["secret"]
    control = control or uuid4().hex
    return "\r".join(
        (
            rf"MSH|^~\&|PAS|Clinic|||{stamp}|{secret}|ADT^{event}|{control}|P|2.5",
            f"EVN||{stamp}",
            *(segments or (pid(patient),)),
            f"PV1||{kind}|4EAST^12||||||||||||||||{visit}",
            "",
        )
    ).encode()


def pid(patient: Patient, more: str = "") -> str:
    return f"PID|||{number(patient)}{more}"


def number(patient: Patient) -> str:
    return f"{patient.number}^^^&{patient.system.removeprefix(NUMBER)}&ISO"


def pauses(hospital: Hospital, patient: Patient) -> Any:
    path = f"/v1/patients/{patient.id}/pauses"
    return got(hospital.patients, hospital.nurse, path)["pauses"]


def test_an_admission_pauses_and_a_discharge_ends_the_pause(hospital: Hospital) -> None:
    patient, visit = hospital.patient(), uuid4().hex[:12]
    admitted = adt(hospital, "A01", patient, device.ago(3600), visit=visit)

    [first, again] = exchanged(hospital, admitted, admitted)
    assert (first[1], first[3:]) == ("AA", ["1 stored"])
    assert (again[1], again[3]) == ("AA", "1 duplicate")
    [pause] = eventually(lambda: pauses(hospital, patient))
    assert pause["ended_at"] is None
    assert pause["by"].startswith("register:")
    row: Any = eventually(
        lambda: (found := hospital.row(patient)) and found.get("paused") and found
    )
    assert row["paused"]["until"]

    discharged = adt(hospital, "A03", patient, device.ago(60), visit=visit)
    [answer] = exchanged(hospital, discharged)
    assert (answer[1], answer[3]) == ("AA", "1 stored")
    eventually(lambda: pauses(hospital, patient)[0]["ended_at"])
    eventually(lambda: (found := hospital.row(patient)) and not found.get("paused") and found)
    assert len(pauses(hospital, patient)) == 1


def test_the_register_renames_and_says_who_is_nobodys_here(hospital: Hospital) -> None:
    patient = hospital.patient()
    name = f"Testesen{uuid4().hex[:6]}^Nytt^Navn^^^^L"
    [renamed] = exchanged(
        hospital,
        adt(hospital, "A08", patient, device.ago(5), pid(patient, f"||{name}||19590301|F"),
            visit="", kind="O"),
    )  # fmt: skip
    assert (renamed[1], renamed[3]) == ("AA", "1 stored")
    path = f"/v1/patients/{patient.id}"
    known: Any = eventually(
        lambda: (
            (found := got(hospital.patients, hospital.nurse, path))["name"].startswith(
                "Nytt Navn Testesen"
            )
            and found
        )
    )
    assert (known["born"], known["sex"]) == ("1959-03-01", "female")
    assert pauses(hospital, patient) == []

    stranger = Patient("", "", "", patient.system, "41814065640")
    [unknown] = exchanged(
        hospital, adt(hospital, "A01", stranger, device.ago(5), visit=uuid4().hex)
    )
    assert (unknown[1], unknown[3]) == ("AE", "1 quarantined")


def test_two_numbers_of_one_person_are_linked_and_it_can_be_undone(hospital: Hospital) -> None:
    kept, other = hospital.patient(), hospital.patient()
    merged = adt(hospital, "A40", kept, device.ago(5), pid(kept), f"MRG|{number(other)}", visit="")

    [answer] = exchanged(hospital, merged)

    assert (answer[1], answer[3]) == ("AA", "1 stored")
    path = f"/v1/patients/{kept.id}/links"
    links: Any = eventually(
        lambda: (found := got(hospital.patients, hospital.nurse, path))["links"] and found
    )
    assert set(links["same_person"]) == {kept.id, other.id}
    hospital.send_one(other, device.pressure(72, 45))
    eventually(lambda: (row := hospital.row(other)) and row["colour"] == "red")
    theirs = got(hospital.alerts, hospital.nurse, f"/v1/alerts?patient={kept.id}")
    assert {one["patient"]["id"] for one in theirs["alerts"]} == {other.id}

    undo = f"{path}/{links['links'][0]['id']}/undo"
    undone = hospital.patients.post(
        undo, json={"reason": "To forskjellige personer"}, headers=hospital.nurse
    )
    assert undone.status_code == 200, undone.text
    after = got(hospital.patients, hospital.nurse, path)
    assert after["same_person"] == [kept.id]
    assert after["links"][0]["undone_why"] == "To forskjellige personer"
    apart = got(hospital.alerts, hospital.nurse, f"/v1/alerts?patient={kept.id}")
    assert apart["alerts"] == []


def test_a_device_cannot_say_who_is_in_hospital(hospital: Hospital) -> None:
    patient = hospital.patient()
    body = adt(hospital, "A01", patient, device.ago(5), visit="1", secret=patient.secret)
    [answer] = exchanged(hospital, body)
    assert answer[1] == "AR"


def test_a_discharge_that_overtakes_its_admission_leaves_nobody_paused(hospital: Hospital) -> None:
    patient, visit = hospital.patient(), uuid4().hex[:12]
    exchanged(
        hospital,
        adt(hospital, "A03", patient, device.ago(60), visit=visit),
        adt(hospital, "A01", patient, device.ago(60) - timedelta(days=2), visit=visit),
    )
    # A message of another visit that has been followed says that these have been, too.
    exchanged(hospital, adt(hospital, "A01", patient, device.ago(30), visit=uuid4().hex))
    assert len(eventually(lambda: pauses(hospital, patient))) == 1
