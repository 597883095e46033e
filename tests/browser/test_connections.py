"""The integrator's pages in a browser: by keyboard, in both languages and themes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import barriers, database
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, eventually

ADMINISTRATOR = "Arne Eksempel"


def failed(hospital: Hospital, patient: Patient) -> None:
    """A webhook that nobody answers, and one delivery to it that was given up."""
    body = {"kind": "webhook", "name": "Integrasjonsmotoren", "url": "http://127.0.0.1:9/varsler"}
    hospital.made(hospital.alerts, "/v1/connections", body, hospital.administrator)
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    asked = {"state": ["failed", "waiting", "sending"]}

    def noted() -> bool:
        answer = hospital.alerts.get(
            "/v1/connections/deliveries", params=asked, headers=hospital.administrator
        )
        return bool(answer.json()["deliveries"])

    eventually(noted)
    database.run(
        hospital,
        "update alerts.outgoing set state = 'undeliverable', why = 'http-410', next_at = null",
    )


@pytest.mark.parametrize(("theme", "lang"), [("light", "nb"), ("dark", "en")])
def test_a_connection_is_followed_by_keyboard_and_its_failures_sent_again(
    new_screen: Callable[[str], Screen],
    hospital: Hospital,
    patient: Patient,
    theme: str,
    lang: str,
) -> None:
    failed(hospital, patient)
    hospital.send(patient, device.weight(4711.25))
    path = f"/v1/connections/intake/{patient.cred}"
    eventually(
        lambda: hospital.alerts.get(path, headers=hospital.administrator).json()["set_aside"]
    )
    screen = new_screen(ADMINISTRATOR)
    page = screen.page
    just_before = patient.cred[:-1]  # there are more senders than one page shows
    page.goto(f"{screen.address}/connections?theme={theme}&lang={lang}&cursor={just_before}")
    expect(page.locator("h1")).to_have_text("Koblinger" if lang == "nb" else "Connections")
    expect(page.locator("#h-late ~ .wide tbody tr").first).to_contain_text("http-410")
    assert barriers.on(page) == []

    row = page.locator(f'a[href="/connections/{patient.cred}"]')
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#h-faults ~ .wide")).to_contain_text("values.value")
    expect(page.locator("main")).not_to_contain_text("4711")
    expect(page.locator("main")).not_to_contain_text(patient.number)
    assert barriers.on(page) == []

    page.goto(f"{screen.address}/connections")
    page.locator("form .btn.pri").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"\d+ \w+"))
    expect(page.locator("main")).not_to_contain_text("http-410")
