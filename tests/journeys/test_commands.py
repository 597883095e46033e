"""The commands that stand in for the world outside: a simulated morning, a folder of payloads."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.local.simulated import homes
from deploy.local.simulated.homes import Part
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, eventually

SHOWN = {
    Part.FLUID: ("weight", "red", "clinical"),
    Part.HYPOTENSIVE: ("blood-pressure", "red", "clinical"),
    Part.CLOUDY: ("effluent", "red", "clinical"),
    Part.WEIGHT_RISE: ("weight", "yellow", "clinical"),
    Part.WORRIED: ("concern", "yellow", "clinical"),
    Part.SILENT: ("missing", "yellow", "technical"),
    Part.RESTARTED: ("device-identity", "yellow", "technical"),
    Part.BATTERY: ("device-battery", "yellow", "technical"),
}


@pytest.fixture(scope="module")
def simulated(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """Another seeded unit, and one morning in it."""
    count = len(homes.SPECIAL) + 3
    ward = Hospital(hospital.directory, hospital.addresses)
    ward.seed(count)
    seed_file = tmp_path_factory.mktemp("simulated") / "seed.json"
    seed_file.write_text(json.dumps(ward.seeded))
    ward.command("simulate", "--seed-file", str(seed_file), "--minutes", "0", "--speed", "40")
    yield ward
    ward.close()


@pytest.mark.parametrize("part", SHOWN)
def test_the_simulated_morning_shows(simulated: Hospital, part: Part) -> None:
    group, colour, lane = SHOWN[part]
    home = next(one for one in homes.of(simulated.seeded, 1) if one.part is part)

    alert = simulated.alert(Patient(home.patient_id, home.cred, home.secret), group, within=15)

    assert (alert["colour"], alert["lane"]) == (colour, lane)


def test_in_the_simulated_morning_those_who_are_well_are_green(simulated: Hospital) -> None:
    well = [
        one.patient_id
        for one in homes.of(simulated.seeded, 1)
        if one.part in (Part.ORDINARY, Part.TWICE, Part.LATE)
    ]

    rows = [row for page in simulated.worklist() for row in page["rows"]]

    colours = {row["patient"]["id"]: row["colour"] for row in rows}
    assert {colours[one] for one in well} == {"green"}


def test_what_the_simulated_devices_get_wrong_waits_in_quarantine(simulated: Hospital) -> None:
    wrong = {Part.WRONG_UNIT: "unknown-ucum", Part.IMPLAUSIBLE: "implausible"}
    for home in homes.of(simulated.seeded, 1):
        if home.part in wrong:
            [waiting] = simulated.quarantined(home.cred)
            assert waiting["code"] == wrong[home.part]
    listed = simulated.patients.get("/v1/quarantine", headers=simulated.nurse).json()["items"]
    assert "unbound" in {one["code"] for one in listed}


def test_a_simulated_patient_has_two_weeks_behind_him(simulated: Hospital) -> None:
    home = homes.of(simulated.seeded, 1)[0]

    weights = simulated.observations(
        Patient(home.patient_id, home.cred, home.secret), code="http://loinc.org|29463-7"
    )

    days = {one["effectiveDateTime"][:10] for one in weights}
    assert len(days) >= 14


def test_a_folder_is_replayed_and_nothing_is_new_the_second_time(
    hospital: Hospital, tmp_path: Path
) -> None:
    write(tmp_path / "payloads", payload_files())

    report = hospital.run(
        "replay", str(tmp_path / "payloads"), "--make-patients", "--twice", "--json"
    )

    told = {line["file"]: line for line in report["files"]}
    assert told["one.json"]["stored"] == 1
    assert told["search/found.json"]["stored"] == 3
    assert told["search/found.json"]["quarantined"] == 1
    assert told["search/found.json"]["codes"] == ["bad-time"]
    assert told["whole.json"]["refused"] == 1
    assert told["whole.json"]["stored"] == 1
    assert told["ours.json"]["stored"] == 2
    assert told["broken.json"]["refused"] == 1
    assert told["broken.json"]["codes"]
    assert told["session.hl7"]["refused"] == 1
    assert told["caught.jsonl"]["ignored"] == 1
    assert report["faults"] == 0
    assert report["second"]["new"] == 0
    assert report["second"]["totals"]["duplicate"] == report["totals"]["stored"]

    later = hospital.run("replay", str(tmp_path / "payloads"), "--make-patients", "--json")
    assert later["totals"]["stored"] == 0


def payload_files() -> dict[str, Any]:
    foreign = {"reference": "Patient/abroad-1"}
    by_chance_ours = {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"}
    timeless = device.observation(foreign, effectiveDateTime="2026-02-03T07:12:00")
    patient = {"resourceType": "Patient", "id": "abroad-1"}
    found = device.bundle(
        "searchset",
        patient,
        device.observation(foreign),
        device.observation({"reference": "https://there.example/Patient/2"}),
        device.observation(by_chance_ours),
        timeless,
    )
    encounter = {"resourceType": "Encounter", "status": "finished"}
    weights = [device.weight(), device.weight(patient="left")]
    return {
        "one.json": device.observation(foreign),
        "search/found.json": found,
        "whole.json": device.bundle("transaction", encounter, device.observation(foreign)),
        "ours.json": weights,
        "broken.json": '{"resourceType": "Observation", ',
        "session.hl7": "MSH|^~\\&|X\r",
        "caught.jsonl": json.dumps({"topic": "scale/weight", "payload": "61.75"}),
    }


def write(folder: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_the_token_command_logs_somebody_in(hospital: Hospital) -> None:
    said = hospital.command(
        "token", "--org", hospital.org, "--role", "nurse", "--unit", hospital.unit
    )

    page = next(hospital.worklist({"authorization": f"Bearer {said.strip()}"}))

    assert datetime.fromisoformat(page["as_of"]) <= datetime.now(UTC)


def test_every_seeded_log_in_works(hospital: Hospital) -> None:
    for person in hospital.seeded["staff"]:
        answer = hospital.patients.get(
            "/v1/units", headers={"authorization": f"Bearer {person['token']}"}
        )
        assert answer.status_code == 200, person["role"]
    patient = hospital.patient()
    own = {"authorization": f"Bearer {patient.token}"}
    assert hospital.patients.get(f"/v1/patients/{patient.id}", headers=own).status_code == 200
    eventually(lambda: hospital.row(patient) is not None)
