"""Failures that hurt people elsewhere, through every part of a running system; the others stand in
tests/alerts/test_field_failures.py. `docs/safety-cases.md` says which test is about which.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient

DAY = 86_400


@pytest.mark.parametrize("place", [0, 1, 25, 48, 49])
def test_nightscout_a_bad_item_anywhere_in_a_batch_neither_stops_nor_shifts_the_others(
    hospital: Hospital, patient: Patient, place: int
) -> None:
    """Answers came in another order than what was sent, and one that failed hid those after it."""
    items = [device.weight(80 + n / 100, at=device.ago(60 * n)) for n in range(50)]
    items[place]["values"] = {"value": "tung"}

    receipts = hospital.send(patient, *items)

    assert [one["id"] for one in receipts] == [one["id"] for one in items]
    results = [one["result"] for one in receipts]
    assert results.pop(place) == "quarantined"
    assert set(results) == {"stored"}
    measured = [str(one["values"]["value"]) for one in hospital.readings(patient)]
    assert len(measured) == 49
    assert f"{80 + place / 100:g}" not in measured


def test_nightscout_a_phone_that_is_back_online_sends_all_it_kept_at_once(
    hospital: Hospital, patient: Patient
) -> None:
    """A hundred rapid requests, each twice, were stored twice or not at all."""
    kept = [device.weight(82 + n / 1000, at=device.ago(DAY + 300 * n)) for n in range(100)]

    def send(item: Any) -> Any:
        return hospital.ingest.post("/v1/observations", json=item, headers=patient.bearer)

    with ThreadPoolExecutor(20) as several:
        answers = list(several.map(send, [one for each in kept for one in (each, each)]))

    assert {one.status_code for one in answers} == {200}
    results = [one.json()["results"][0] for one in answers]
    assert sorted(one["result"] for one in results) == ["duplicate"] * 100 + ["stored"] * 100
    for first, second in zip(results[::2], results[1::2], strict=True):
        assert first["ref"] == second["ref"], "told of the same reading, whoever was first"
    assert len(hospital.readings(patient)) == 100


def test_nightscout_nobody_fills_a_hospital_in_use_with_invented_patients(
    hospital: Hospital, tmp_path: Any
) -> None:
    """What writes test data asks first whether this is a place for it: without the key of the
    development log-in, which production refuses to start with, it writes nothing."""
    before = next(hospital.worklist(limit="500"))["rows"]
    key = hospital.directory / "development.jwk"
    hidden = key.rename(tmp_path / "development.jwk")
    try:
        with pytest.raises(AssertionError, match="test mode"):
            hospital.run("seed", "--patients", "1", "--programme", "home_dialysis", "--json")
    finally:
        hidden.rename(key)
    assert len(next(hospital.worklist(limit="500"))["rows"]) == len(before)
