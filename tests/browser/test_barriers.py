"""Everybody can use the pages beside the list and the patient: in both languages and themes."""

import pytest
from playwright.sync_api import expect

from tests.browser import barriers, database
from tests.browser.screen import Screen
from tests.browser.test_shut_records import shut
from tests.journeys.hospital import Hospital, Patient


@pytest.mark.parametrize(("theme", "lang"), [("light", "nb"), ("dark", "en")])
def test_nobody_is_kept_from_a_form_a_shut_record_or_the_paper(
    nurse: Screen, hospital: Hospital, patient: Patient, theme: str, lang: str
) -> None:
    barriers.needed()
    page = nurse.page
    page.goto(f"{nurse.address}/?theme={theme}&lang={lang}")

    page.goto(f"{nurse.address}/patients/{patient.id}/forms/home-dialysis-daily")
    assert barriers.on(page) == []
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert barriers.on(page) == []
    nurse.meant("422")

    page.goto(f"{nurse.address}/downtime?unit={hospital.unit}")
    assert barriers.on(page) == []

    with shut(hospital, patient):
        nurse.open(patient)
        expect(page.locator("form[action$=emergency-access]")).to_be_visible()
        assert barriers.on(page) == []
        nurse.meant("403")

    nurse.open(patient)
    expect(page.locator("#limits")).to_be_visible()
    database.run(hospital, "update access.session set seen_at = now() - interval '16 minutes'")
    expect(page.locator("#ended")).to_be_visible(timeout=10_000)
    assert barriers.on(page) == []
    nurse.faults.clear()
