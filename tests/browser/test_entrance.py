"""The first set-up page: each role sees what it has to do with, and finds a patient there."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import barriers
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient

ADMINISTRATOR = "Arne Eksempel"


def test_the_list_leads_to_what_waits_and_to_a_patient(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.weight(4711.25))
    page = nurse.page
    page.locator(".menu summary").last.click()
    page.get_by_role("link", name="Oppsett").click()
    expect(page).to_have_url(re.compile("/setup$"))
    expect(page.locator("h1")).to_have_text("Oppsett")
    expect(page.locator("#quarantine")).to_contain_text("En verdi er utenfor det som er mulig")
    page.wait_for_load_state()

    page.keyboard.press("/")
    page.keyboard.type(patient.number)
    page.keyboard.press("Enter")
    expect(page.locator("#hits li")).to_have_count(1)
    assert patient.number not in page.content()
    page.locator("#hits a").click()
    expect(page).to_have_url(re.compile(f"/patients/{patient.id}$"))


def test_an_administrator_sees_no_patients_that_wait(
    new_screen: Callable[[str], Screen], hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.weight(4711.25))
    proposed = {
        "programme": "home_dialysis", "name": "weight_rise_red", "value": 3.5, "reason": "Prøve",
    }  # fmt: skip
    path = f"/v1/patients/{patient.id}/limits"
    answer = hospital.patients.post(path, json=proposed, headers=hospital.nurse)
    assert answer.status_code == 202, answer.text
    name = hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.nurse).json()[
        "name"
    ]

    page = new_screen("Per Eksempel").page
    page.goto(f"{hospital.addresses['patients']}/setup")
    expect(page.locator("#limits")).to_contain_text(name)
    page = new_screen(ADMINISTRATOR).page
    page.goto(f"{hospital.addresses['patients']}/setup")
    expect(page.locator("#quarantine")).to_be_visible()
    expect(page.locator("#limits, #begun")).to_have_count(0)
    expect(page.get_by_role("link", name="Start oppfølging")).to_have_count(0)
    assert name not in page.content()


def test_an_auditor_is_shown_nothing_that_waits(hospital: Hospital) -> None:
    """Who looks after the looking has no work here, and no patients."""
    answer = hospital.patients.get("/setup", headers=hospital.staff("auditor"))
    assert answer.status_code == 200
    assert 'id="quarantine"' not in answer.text
    assert 'id="find"' not in answer.text


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_the_first_page(
    nurse: Screen, hospital: Hospital, theme: str, lang: str, width: int
) -> None:
    barriers.needed()
    page = nurse.page
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{hospital.addresses['patients']}/setup?theme={theme}&lang={lang}")
    assert barriers.on(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
