"""What was set aside for one reason is mended and read again in one go, each exactly once."""

from uuid import uuid4

from tests.journeys import device
from tests.journeys.hospital import Hospital, eventually

MANY = 600
SYSTEM = "urn:example:hospital"


def test_readings_of_somebody_who_was_not_registered_are_filed_once_he_is(
    hospital: Hospital,
) -> None:
    patient = hospital.new_patient()
    cred, secret = hospital.new_credential(kind="system")
    number = uuid4().hex
    subject = {"identifier": {"system": SYSTEM, "value": number}}
    observations = [
        device.observation(subject, 60 + n / 100, effectiveDateTime=device.ago(n * 60).isoformat())
        for n in range(MANY)
    ]
    for start in range(0, MANY, 200):
        bundle = device.bundle("batch", *observations[start : start + 200])
        answer = hospital.ingest.post(
            "/fhir", json=bundle, headers={"authorization": f"Bearer {secret}"}
        )
        assert answer.status_code == 200, answer.text
    assert len(hospital.quarantined(cred)) == MANY
    before = len(hospital.observations(patient))

    identifier = {"system": SYSTEM, "value": number}
    added = hospital.patients.post(
        f"/v1/patients/{patient.id}/identifiers", json=identifier, headers=hospital.nurse
    )
    assert added.status_code in (200, 201, 204), added.text
    which = {"code": "unknown-subject", "cred": cred}
    asked = hospital.patients.post("/v1/quarantine/replay", json=which, headers=hospital.nurse)

    assert (asked.status_code, asked.json()) == (202, {"replaying": MANY})
    eventually(lambda: not hospital.quarantined(cred), within=60)
    assert len(hospital.quarantined(cred, "released")) == MANY
    assert len(hospital.observations(patient)) == before + MANY
    again = hospital.patients.post("/v1/quarantine/replay", json=which, headers=hospital.nurse)
    assert again.json() == {"replaying": 0}
