"""A filter that a nurse has saved for herself leaves no red out silently."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import SECOND_NURSE, Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient


def test_a_saved_filter_is_the_nurses_own_and_names_the_reds_it_leaves_out(
    nurse: Screen, new_screen: Callable[[str], Screen], hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    expect(nurse.row(patient)).to_have_class("row red")
    page = nurse.page
    page.get_by_role("link", name="Mine pasienter").click()
    page.get_by_text("Lagre filteret …").click()
    page.get_by_label("Navn på filteret").fill("Mine i dag")
    page.get_by_role("button", name="Lagre filteret").click()

    chip = page.get_by_role("link", name="Mine i dag")
    expect(chip).to_have_attribute("aria-current", "true")
    hidden = page.locator(".hid")
    expect(hidden).to_contain_text("utenfor filteret")
    expect(hidden.locator(f'a[href="/patients/{patient.id}"]')).to_be_visible()

    page.goto(f"{nurse.address}/")
    chip.click()
    expect(page).to_have_url(f"{nurse.address}/?assignee=me")
    other = new_screen(SECOND_NURSE)
    expect(other.page.get_by_role("link", name="Mine pasienter")).to_be_visible()
    expect(other.page.get_by_role("link", name="Mine i dag")).to_have_count(0)

    page.get_by_role("button", name="Fjern det lagrede filteret").click()
    expect(page.locator("#list")).to_be_visible()
    expect(chip).to_have_count(0)


def test_a_filter_of_what_no_list_of_ours_carries_is_refused(
    nurse: Screen, hospital: Hospital
) -> None:
    for query in ("colour=purple", "unit=none", "", "patient=1"):
        answer = hospital.alerts.post(
            "/filters", data={"name": "x", "query": query}, headers=hospital.nurse
        )
        assert answer.status_code == 422, query
