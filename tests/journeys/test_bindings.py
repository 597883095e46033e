"""Whose reading is it? The binding at the time of measurement decides, also afterwards."""

from tests.journeys import device
from tests.journeys.device import ago
from tests.journeys.hospital import Hospital, Patient, eventually

HOUR = 3600


def test_a_device_handed_over_takes_its_readings_with_it(hospital: Hospital) -> None:
    first = hospital.new_patient(since=ago(48 * HOUR).isoformat())
    second = hospital.new_patient(bound=False)
    long_ago, lately = device.weight(71, at=ago(6 * HOUR)), device.weight(88, at=ago(HOUR))
    hospital.send(first, long_ago, lately)

    # The nurse remembers four hours later that the scale has been with somebody else since.
    bound = hospital.bind(second.id, first.cred, since=ago(4 * HOUR).isoformat(), hand_over=True)

    assert bound["refiled"]["moved"] == 1
    assert _weights(hospital, first) == [71]
    assert _weights(hospital, second) == [88]

    # What is sent from now on goes where it was measured.
    hospital.send(first, device.weight(89), device.weight(72, at=ago(5 * HOUR)))
    assert _weights(hospital, first) == [72, 71]
    assert _weights(hospital, second) == [89, 88]

    # Sent again it is what it was, and stays where it is.
    again = hospital.send(first, long_ago, lately)
    assert [receipt["result"] for receipt in again] == ["duplicate", "duplicate"]


def test_a_clock_that_nobody_vouches_for_does_not_choose_the_patient(hospital: Hospital) -> None:
    first = hospital.new_patient(since=ago(48 * HOUR).isoformat())
    second = hospital.new_patient(bound=False)
    hospital.bind(second.id, first.cred, since=ago(4 * HOUR).isoformat(), hand_over=True)

    doubtful = device.weight(71, at=ago(6 * HOUR), device={"clock": "unknown"})
    receipt = hospital.send_one(first, doubtful)

    assert receipt["result"] == "quarantined"
    assert [error["code"] for error in receipt["errors"]] == ["whose"]
    assert _weights(hospital, first) == _weights(hospital, second) == []


def test_a_reading_of_an_unbound_device_waits_and_is_judged_when_it_is_bound(
    hospital: Hospital,
) -> None:
    patient = hospital.new_patient(bound=False)
    sent = device.low_pressure()

    receipt = hospital.send_one(patient, sent)
    assert (receipt["result"], receipt["errors"][0]["code"]) == ("quarantined", "unbound")
    [waiting] = hospital.quarantined(patient.cred)
    assert (waiting["message_id"], waiting["code"]) == (sent["id"], "unbound")
    counts = next(hospital.worklist())["counts"]
    assert counts["quarantined"] > 0

    bound = hospital.bind(patient.id, patient.cred, since=ago(HOUR).isoformat())

    assert bound["refiled"]["released"] == 1
    assert hospital.quarantined(patient.cred) == []
    assert hospital.send_one(patient, sent)["result"] == "duplicate"
    assert hospital.alert(patient, "blood-pressure")["colour"] == "red"


def test_a_nurse_who_knows_whose_it_is_files_it_by_hand(hospital: Hospital) -> None:
    patient = hospital.new_patient(bound=False)
    hospital.send_one(patient, device.low_pressure())
    [waiting] = hospital.quarantined(patient.cred)

    filed = hospital.patients.post(
        f"/v1/quarantine/{waiting['id']}/bind",
        json={"patient_id": patient.id},
        headers=hospital.nurse,
    )

    assert filed.status_code == 200, filed.text
    assert hospital.alert(patient, "blood-pressure")["colour"] == "red"
    again = hospital.patients.post(
        f"/v1/quarantine/{waiting['id']}/bind",
        json={"patient_id": patient.id},
        headers=hospital.nurse,
    )
    assert again.status_code == 409


def test_what_a_person_rejects_stays_on_file(hospital: Hospital) -> None:
    patient = hospital.new_patient(bound=False)
    hospital.send_one(patient, device.weight())
    [waiting] = hospital.quarantined(patient.cred)

    rejected = hospital.patients.post(
        f"/v1/quarantine/{waiting['id']}/reject",
        json={"reason": "Målt i butikken"},
        headers=hospital.nurse,
    )

    assert rejected.status_code == 200
    assert hospital.quarantined(patient.cred) == []
    assert len(hospital.quarantined(patient.cred, "rejected")) == 1


def test_a_device_that_is_taken_back_files_nothing_more(hospital: Hospital) -> None:
    patient = hospital.new_patient(since=ago(HOUR).isoformat())
    path = f"/v1/patients/{patient.id}/bindings"
    [binding] = hospital.patients.get(path, headers=hospital.nurse).json()["bindings"]

    ended = hospital.patients.post(f"{path}/{binding['id']}/end", json={}, headers=hospital.nurse)

    assert ended.status_code == 200
    assert hospital.send_one(patient, device.weight())["result"] == "quarantined"
    hospital.patients.post(
        f"/v1/credentials/{patient.cred}/revoke", headers=hospital.administrator
    ).raise_for_status()
    eventually(lambda: _status(hospital, patient) == 401)


def _status(hospital: Hospital, patient: Patient) -> int:
    answer = hospital.ingest.post("/v1/observations", json=device.weight(), headers=patient.bearer)
    return answer.status_code


def _weights(hospital: Hospital, patient: Patient) -> list[float]:
    found = hospital.observations(patient, code="http://loinc.org|29463-7")
    return [one["valueQuantity"]["value"] for one in found]
