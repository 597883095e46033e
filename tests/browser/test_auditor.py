"""The auditor comes from the log-in to the log, finds whom somebody saw, and meets no barrier."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import barriers
from tests.browser.screen import PATIENCE
from tests.journeys.hospital import Hospital, Patient

AUDITOR = "Vera Eksempel"


@pytest.fixture
def auditor(browser: Browser, hospital: Hospital) -> Iterator[Page]:
    """Logged in. The list is refused her, and what refuses it leads to set-up."""
    context = browser.new_context(locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    try:
        page.goto(f"{hospital.addresses['alerts']}/login")
        page.get_by_text(AUDITOR).click()
        page.locator("button[type=submit]").click()
        page.get_by_role("link", name="Til oppsett").click()
        expect(page).to_have_url(re.compile("/setup$"))
        yield page
    finally:
        context.close()


def test_an_auditor_finds_whose_records_a_nurse_has_seen(
    auditor: Page, hospital: Hospital, patient: Patient
) -> None:
    answer = hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.nurse)
    number = answer.json()["number"]
    page = auditor
    page.locator(".tabs").get_by_role("link", name="Tilgangslogg").click()
    expect(page.locator("h1")).to_have_text("Tilgangslogg")
    page.get_by_label("Pasient (lokalt nummer)").fill(number)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"patient={number}"))
    expect(page.locator("tbody tr").first).to_contain_text(number)
    page.get_by_role("link", name="Hvem en ansatt har sett").click()
    page.get_by_label("Ansatt").select_option(label="Nina Eksempel")
    page.get_by_role("button", name="Vis").click()
    expect(page.locator("table")).to_contain_text(number)
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Last ned som tabell").click()
    assert fetched.value.suggested_filename == "hjemvakt-patients.csv"


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_the_log(
    auditor: Page, hospital: Hospital, theme: str, lang: str, width: int
) -> None:
    barriers.needed()
    page = auditor
    page.set_viewport_size({"width": width, "height": 768})
    for view in ("", "/patients", "/suspicions", "/days"):
        page.goto(f"{hospital.addresses['patients']}/setup/audit{view}?theme={theme}&lang={lang}")
        expect(page.locator("h1")).to_have_text(re.compile("Tilgangslogg|Access log"))
        assert barriers.on(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
