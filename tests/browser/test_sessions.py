"""A list on a ward screen that nobody touches: warned, kept by a touch, never silently old."""

import re

from playwright.sync_api import expect

from tests.browser import database
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient


def idle(hospital: Hospital, minutes: float) -> None:
    """As if everybody had last touched a page so long ago."""
    ago = f"clock_timestamp() - interval '{minutes * 60:.0f} s'"
    database.run(hospital, f"update access.session set seen_at = {ago}")


def test_the_last_minute_is_told_and_a_touch_is_enough_to_stay(
    nurse: Screen, hospital: Hospital
) -> None:
    nurse.page.wait_for_timeout(300)
    expect(nurse.page.locator("#idle")).to_be_hidden()
    idle(hospital, 14.3)

    bar = nurse.page.locator("#idle")
    expect(bar).to_be_visible(timeout=10_000)
    expect(bar).to_contain_text("Du logges snart ut")
    expect(nurse.page.locator("#idle-left")).to_have_text(re.compile(r"^[1-4]?\d s$"))
    expect(nurse.page.locator(".row .nm").first).to_be_attached()
    bar.get_by_role("button", name="Bli her").click()

    expect(bar).to_be_hidden()
    nurse.page.wait_for_timeout(6_000)  # the next heartbeat
    expect(bar).to_be_hidden()


def test_when_the_session_ends_the_list_says_so_and_shows_no_patient(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    expect(nurse.row(patient).locator(".c-st")).to_have_text("Rød")
    name = nurse.row(patient).locator(".nm").inner_text()
    reds = nurse.page.locator(".n.red dd").inner_text()

    idle(hospital, 16)

    ended = nurse.page.locator("#ended")
    expect(ended).to_be_visible(timeout=10_000)
    expect(ended).to_contain_text(re.compile(r"Ikke direkte siden \d\d:\d\d:\d\d"))
    expect(nurse.page.locator(".n.red dd")).to_have_text(reds)  # as it was, and said so
    expect(nurse.page.locator("#sum .dead")).to_be_visible()
    assert nurse.page.locator(".row.red .c-st").count() >= 1
    content = nurse.page.content()
    assert name not in content
    assert "82/48" not in content
    assert "Systolisk 82" not in content
    hospital.send_one(hospital.patient(), device.low_pressure())
    nurse.page.wait_for_timeout(2_000)
    expect(nurse.page.locator(".n.red dd")).to_have_text(reds)
    ended.get_by_role("link", name="Logg inn igjen").click()
    expect(nurse.page.locator("h1")).to_be_visible()
    nurse.faults.clear()


def test_the_patients_page_is_emptied_when_the_session_ends(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    nurse.open(patient)
    name = nurse.page.locator("h1").inner_text()

    idle(hospital, 16)

    expect(nurse.page.locator("#ended")).to_be_visible(timeout=10_000)
    assert name not in nurse.page.content()
    nurse.faults.clear()
