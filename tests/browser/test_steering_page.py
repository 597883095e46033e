"""The page from which follow-up is steered, in a browser: curves with their tables, no barriers."""

import pytest
from playwright.sync_api import expect

from tests.browser import barriers
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient


@pytest.mark.parametrize(("theme", "lang"), [("light", "nb"), ("dark", "en")])
def test_the_curves_are_drawn_and_each_has_its_table(
    nurse: Screen, hospital: Hospital, patient: Patient, theme: str, lang: str
) -> None:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    page = nurse.page
    page.goto(f"{nurse.address}/burden?theme={theme}&lang={lang}&weeks=4")

    expect(page.locator("h1")).to_have_text(
        "Varsler og styring" if lang == "nb" else "Alerts and steering"
    )
    curve = page.locator("section", has=page.locator("#h-per_week"))
    expect(curve.locator("canvas")).to_be_visible()
    curve.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(curve.locator("tbody tr")).to_have_count(4)
    assert barriers.on(page) == []
    expect(page.locator("main")).not_to_contain_text(patient.number)
