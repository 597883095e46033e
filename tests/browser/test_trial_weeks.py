"""From the list of those whose trial weeks are over to a word on what is suggested."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import barriers, database
from tests.browser.screen import Screen
from tests.journeys.hospital import Hospital, Patient, eventually

PULSES = (70, 72, 74, 76, 78, 80, 82, 84, 86, 70, 72, 74, 76, 78, 80, 82, 84, 86)


@pytest.fixture
def measured(hospital: Hospital, patient: Patient) -> Patient:
    """Three weeks of pulses, and the service's next look at them now and not in some minutes."""
    now = datetime.now(UTC)
    for n, value in enumerate(PULSES):
        at = now - timedelta(days=20) + n * timedelta(days=1)
        body = {"kind": "heart_rate", "at": at.isoformat(), "values": {"value": value}}
        path = f"/v1/patients/{patient.id}/readings"
        answer = hospital.patients.post(path, json=body, headers=hospital.nurse)
        assert answer.status_code == 201, answer.text
    due = f"update patients.enrolment set look_at = now() where patient_id = '{patient.id}'"
    database.run(hospital, due)
    eventually(lambda: _waits(hospital, patient), within=60)
    return patient


def _waits(hospital: Hospital, patient: Patient) -> Any:
    answer = hospital.patients.get(f"/v1/patients/{patient.id}/limits", headers=hospital.nurse)
    return [one for one in answer.json()["suggested"] if one["state"] == "waiting"]


def test_the_list_leads_to_a_word_on_each_limit(
    nurse: Screen, hospital: Hospital, measured: Patient
) -> None:
    barriers.needed()
    page = nurse.page
    page.goto(f"{hospital.addresses['patients']}/setup/trial-weeks")
    assert barriers.on(page) == []
    page.locator(f'a[href*="{measured.id}"]').click()
    expect(page).to_have_url(re.compile("#suggested$"))
    card = page.locator("#suggested")
    expect(card).to_contain_text("Puls høy, gul: 90/min")
    assert barriers.on(page) == []

    card.get_by_role("button", name=re.compile("^Prøv.*Puls høy")).click()
    expect(page.locator("#try output")).to_contain_text("varsler siste 30 dager")

    row = card.locator(".fact").filter(has_text="Puls høy, gul")
    row.locator("summary", has_text="Sett egen grense").click()
    row.get_by_label(re.compile("^Puls høy, gul")).fill("95")
    row.locator("form[action$=limits] textarea").fill("Justert etter prøveukene")
    row.get_by_role("button", name="Lagre egen grense").click()
    expect(page.locator("#suggested")).not_to_contain_text("Puls høy, gul")

    row = page.locator("#suggested .fact").filter(has_text="Puls lav, gul")
    row.locator("summary", has_text="Behold grensen").click()
    row.locator("form[action$=keep] textarea").fill("Programmets passer")
    row.locator("form[action$=keep] button").click()
    expect(page).to_have_url(re.compile("saved=true"))
    expect(page.locator("#suggested")).to_have_count(0)
    assert _waits(hospital, measured) == []
