"""What a nurse asks on the patient's page, and the list on paper."""

import re

from playwright.sync_api import expect

from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient


def test_a_point_explains_why_it_did_not_alert_and_a_limit_is_tried(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.pressure(150, at=device.ago(3600)))
    nurse.open(patient)

    nurse.page.get_by_role("button", name=re.compile("Hvorfor ikke varsel: Blodtrykk")).click()
    said = nurse.page.locator("#why[open] .said")
    expect(said).to_contain_text("hd-5-red-high")
    expect(said).to_contain_text("ikke var utenfor grensen")
    nurse.page.keyboard.press("Escape")

    nurse.page.keyboard.press("l")
    form = nurse.page.locator("#try")
    form.get_by_label("Grense").select_option(label="Systolisk høyt, rød")
    expect(form.locator("[data-current]")).to_have_text(re.compile("nå 180 mmHg"))
    form.locator("input[name=figure]").fill("140")
    expect(form.locator("output")).to_have_text("0 → 1 varsler siste 30 dager", timeout=20_000)
    expect(form.locator(".said")).to_contain_text("ville varslet: Systolisk 150 (grense 140)")
    form.locator("input[name=figure]").fill("9999")
    expect(form.locator("output")).to_contain_text("utenfor det programmet tillater")


def test_the_list_on_paper_has_every_patient_with_values_and_clock(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    nurse.page.reload()
    name = nurse.row(patient).locator(".nm").inner_text()

    nurse.page.keyboard.press("p")

    expect(nurse.page.locator("h1")).to_contain_text("Nødliste")
    row = nurse.page.locator("tr", has_text=name).first
    expect(row).to_contain_text("Rød")
    expect(row).to_contain_text("82/48")
    expect(nurse.page.locator("body")).to_contain_text("Neste liste lages")
    patients = next(hospital.worklist(limit="500"))["rows"]
    expect(nurse.page.locator("tbody tr")).to_have_count(len(patients))
