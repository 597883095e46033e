"""A patient takes the whole record out: everything in it, nobody else's, and that it was taken."""

import csv
import io
import json
import zipfile

from tests.journeys import device, photos
from tests.journeys.hospital import Hospital, Patient, bearer, eventually


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    text = archive.read(name).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def test_the_patient_takes_the_whole_record_out(hospital: Hospital, patient: Patient) -> None:
    for _ in range(3):
        hospital.send_one(patient, device.low_pressure())
    hospital.patients.post(
        f"/v1/patients/{patient.id}/attachments",
        content=photos.photo(),
        headers={
            **hospital.nurse,
            "content-type": "image/jpeg",
            "hjemvakt-about": json.dumps({"kind": "photo", "at": "2026-01-01T10:00:00Z"}),
        },
    ).raise_for_status()
    path = f"/v1/patients/{patient.id}/export"

    answer = hospital.patients.get(path, headers=bearer(patient.token))
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert bundle["type"] == "collection"
    by_type: dict[str, list[dict[str, object]]] = {}
    for entry in bundle["entry"]:
        by_type.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    (person,) = by_type["Patient"]
    assert patient.number in json.dumps(person)
    taken = {one["id"] for one in by_type["Observation"]}
    assert {one["id"] for one in hospital.observations(patient)} <= taken
    assert len(by_type["Media"]) == len(by_type["Binary"]) == 1
    assert {"patient-registered", "enrolled", "bound"} <= {
        one["code"]["coding"][0]["code"]  # type: ignore[index]  # JSON
        for one in by_type["Basic"]
    }
    assert by_type["AuditEvent"]
    others = {one["id"] for one in hospital.seeded["patients"]} - {patient.id}
    assert [other for other in others if other in answer.text] == []

    zipped = hospital.patients.get(path, params={"format": "csv"}, headers=bearer(patient.token))
    archive = zipfile.ZipFile(io.BytesIO(zipped.content))
    assert archive.testzip() is None
    assert {row["id"] for row in rows(archive, "readings.csv")} == taken
    assert len([name for name in archive.namelist() if name.startswith("files/")]) == 1
    whats = [row["what"] for row in rows(archive, "looks.csv")]
    assert whats.count("export") == 2  # this one, and the one before

    for headers, status in (
        (hospital.nurse, 200),
        (hospital.administrator, 403),
        (hospital.log_in("auditor", person="auditor"), 403),
        (hospital.log_in(units=[], person="elsewhere"), 403),
        (bearer(hospital.patient().token), 404),
        ({}, 401),
    ):
        assert hospital.patients.get(path, headers=headers).status_code == status
    nurses = hospital.patients.get(path, headers=hospital.nurse).json()
    assert "AuditEvent" not in {one["resource"]["resourceType"] for one in nurses["entry"]}


def test_who_may_not_take_it_out_is_written_down(hospital: Hospital, patient: Patient) -> None:
    def logged() -> bool:
        path = f"/v1/patients/{patient.id}/access-log"
        looks = hospital.patients.get(path, headers=bearer(patient.token)).json()["looks"]
        return any((one["what"], one["outcome"]) == ("export", "refused") for one in looks)

    stranger = hospital.log_in(units=[], person="elsewhere")
    hospital.patients.get(f"/v1/patients/{patient.id}/export", headers=stranger)
    assert eventually(logged)
