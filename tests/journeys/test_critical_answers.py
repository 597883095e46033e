"""T-PRO (H24): every critical answer of every form, alone in a form that is not finished: all of
them sent at once, each is red on the nurse's list within five seconds of its receipt.
"""

import time
from typing import Any

from shared import sensitive
from tests.clinical.test_critical_answers import CASES
from tests.journeys import device
from tests.journeys.hospital import ALWAYS, Hospital
from tests.journeys.test_questionnaires import form

AT_ONCE = 5.0


def test_t_pro_h24_every_critical_answer_in_a_partial_form_is_red_within_five_seconds(
    hospital: Hospital,
) -> None:
    unit = hospital.new_unit("Kritisk", ALWAYS)
    nurse = hospital.log_in(units=[unit], groups=(sensitive.ALL,))
    since = device.ago(86_400).isoformat(timespec="seconds")
    patients = [
        (hospital.new_patient(unit, programme=slug, since=since, enrolled=since), case)
        for case in CASES
        for slug in case[:1]
    ]
    sent: dict[str, float] = {}
    for patient, (slug, name, link, red) in patients:
        receipt = hospital.send_one(patient, form(name, {link: [red]}, status="in-progress"))
        assert receipt["result"] == "stored", (slug, name, link, receipt)
        sent[patient.id] = time.monotonic()

    seen = red_within(hospital, unit, nurse, sent)

    late = {
        (slug, name, link): seen.get(patient.id, float("inf"))
        for patient, (slug, name, link, _) in patients
        if seen.get(patient.id, float("inf")) > AT_ONCE
    }
    assert late == {}


def red_within(
    hospital: Hospital, unit: str, nurse: dict[str, str], sent: dict[str, float]
) -> dict[str, float]:
    """Seconds from each receipt until the patient's row was seen to be red and clinical."""
    seen: dict[str, float] = {}
    deadline = time.monotonic() + 4 * AT_ONCE
    while len(seen) < len(sent) and time.monotonic() < deadline:
        for page in hospital.worklist(nurse, unit=unit, colour="red"):
            now = time.monotonic()
            for row in page["rows"]:
                if is_clinical(row):
                    seen.setdefault(row["patient"]["id"], now - sent[row["patient"]["id"]])
    return seen


def is_clinical(row: Any) -> bool:
    return any(one["lane"] == "clinical" and one["colour"] == "red" for one in row["alerts"])
