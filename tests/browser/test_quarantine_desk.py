"""The quarantine desk in a browser: what waits is read, mended, released or rejected by keys."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser import barriers
from tests.browser.screen import SECOND_NURSE, Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, bearer, eventually

ADMINISTRATOR = "Arne Eksempel"
SYSTEM = "urn:example:desk"
MANY = 300


def desk(hospital: Hospital, cred: str = "") -> str:
    return f"{hospital.addresses['patients']}/setup/quarantine" + (f"?cred={cred}" if cred else "")


def nobodys(hospital: Hospital, readings: int) -> str:
    """A device that nobody holds has sent so many weights."""
    cred, secret = hospital.new_credential()
    items = [device.weight(70 + n / 10) for n in range(readings)]
    answer = hospital.ingest.post("/v1/observations", json=items, headers=bearer(secret))
    assert answer.status_code == 200, answer.text
    assert len(hospital.quarantined(cred)) == readings
    return cred


def unenrolled(hospital: Hospital) -> tuple[Patient, str]:
    """A patient without a device, and the local number by which he is found."""
    patient = hospital.new_patient(bound=False)
    told = hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.nurse).json()
    return patient, told["number"]


def find(page: Page, number: str) -> None:
    """By the keys of the page."""
    expect(page.locator("#find")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("b")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    expect(page.locator("#hits li")).to_have_count(1)


def test_a_device_is_bound_from_the_desk_and_all_that_it_measured_is_released(
    nurse: Screen, hospital: Hospital
) -> None:
    cred = nobodys(hospital, 3)
    patient, number = unenrolled(hospital)
    page = nurse.page
    page.goto(desk(hospital, cred))
    expect(page.locator("tbody tr")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Ingen pasient hadde enheten da det ble målt.")
    expect(page.locator(".said2")).to_contain_text(re.compile(r"70,[0-2]\s+kg"))

    find(page, number)
    page.locator("#hits summary").click()
    since = page.locator("#hits input[name=from]")
    since.fill(re.sub(r" .*", " 0000", since.input_value()))
    page.get_by_role("button", name="Lagre koblingen").click()
    expect(page.get_by_role("status").first).to_contain_text("Frigitt fra karantenen: 3")
    assert hospital.quarantined(cred) == []
    assert len(hospital.readings(patient)) == 3
    auditor = hospital.log_in("auditor", units=[])
    looks = hospital.patients.get(f"/v1/patients/{patient.id}/access-log", headers=auditor).json()[
        "looks"
    ]
    assert {"bindings", "quarantine"} <= {one["what"] for one in looks}


def test_a_binding_that_began_too_late_is_mended_from_the_item(
    nurse: Screen, hospital: Hospital
) -> None:
    patient = hospital.new_patient(since=device.ago(60).isoformat())
    hospital.send_one(patient, device.weight(81.0, at=device.ago(600)))
    assert len(hospital.quarantined(patient.cred)) == 1
    page = nurse.page
    page.goto(desk(hospital, patient.cred))
    page.locator("[data-row]").click()
    page.locator("summary", has_text="Rett koblingen").click()
    page.get_by_role("button", name="Lagre koblingen").click()
    expect(page.get_by_role("status").first).to_contain_text("Frigitt fra karantenen: 1")
    assert len(hospital.readings(patient)) == 1


def test_who_comes_second_is_told_and_shown_how_it_is_now(
    nurse: Screen, new_screen: Callable[[str], Screen], hospital: Hospital
) -> None:
    cred = nobodys(hospital, 1)
    first, number = unenrolled(hospital)
    second = new_screen(SECOND_NURSE)
    for screen in (nurse, second):
        screen.page.goto(desk(hospital, cred))
        screen.page.locator("[data-row]").click()
        find(screen.page, number)
    nurse.page.locator("#hits button", has_text="Frigi bare denne").click()
    expect(nurse.page.get_by_role("status").first).to_contain_text("Frigitt av Nina Eksempel")
    second.page.locator("#hits button", has_text="Frigi bare denne").click()
    expect(second.page.get_by_role("alert")).to_contain_text("Noen andre har allerede behandlet")
    expect(second.page.get_by_role("status").first).to_contain_text("Nina Eksempel")
    expect(second.page.get_by_role("button", name="Les på nytt")).to_have_count(0)
    second.meant("409")
    assert len(hospital.readings(first)) == 1


def test_what_is_rejected_wants_a_reason_and_a_second_thought(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.weight(4711.25))
    page = nurse.page
    page.goto(desk(hospital, patient.cred))
    page.locator("[data-row]").click()
    expect(page.locator(".dots")).to_contain_text("Der står: 4711.25")
    page.wait_for_load_state()
    page.keyboard.press("x")
    page.keyboard.type("Målt på en kaffekopp")
    asked: list[str] = []

    def no(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", no)
    page.get_by_role("button", name="Avvis den").click()
    assert asked
    assert len(hospital.quarantined(patient.cred)) == 1
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Avvis den").click()
    expect(page.get_by_role("status").first).to_contain_text("Avvist av Nina Eksempel")
    [rejected] = hospital.quarantined(patient.cred, "rejected")
    assert rejected["decided_because"] == "Målt på en kaffekopp"


def test_all_of_one_reason_are_read_again_and_each_is_filed_once(
    nurse: Screen, hospital: Hospital
) -> None:
    patient, _ = unenrolled(hospital)
    cred, secret = hospital.new_credential(kind="system")
    identifier = {"system": SYSTEM, "value": uuid4().hex}
    sent = [
        device.observation(
            {"identifier": identifier}, 60, effectiveDateTime=device.ago(n * 60).isoformat()
        )
        for n in range(MANY)
    ]
    for start in range(0, MANY, 100):
        body = device.bundle("batch", *sent[start : start + 100])
        answer = hospital.ingest.post("/fhir", json=body, headers=bearer(secret))
        assert answer.status_code == 200, answer.text
    page = nurse.page
    page.goto(desk(hospital))
    page.get_by_role("link", name=re.compile("ikke er registrert her")).first.click()
    page.select_option("select[name=cred]", cred)
    page.get_by_role("button", name="Vis", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.wait_for_load_state()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("cursor="))

    path = f"/v1/patients/{patient.id}/identifiers"
    added = hospital.patients.post(path, json=identifier, headers=hospital.nurse)
    assert added.status_code in (200, 201, 204), added.text
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("r")
    expect(page.locator("#replaying")).to_contain_text(f"{MANY} er lest på nytt", timeout=60_000)
    expect(page.locator("#replaying")).to_contain_text(f"{MANY} har funnet pasienten sin")
    assert hospital.quarantined(cred) == []
    assert len(hospital.observations(patient)) == MANY


def test_an_administrator_sees_where_it_hurts_and_no_patient(
    new_screen: Callable[[str], Screen], hospital: Hospital, patient: Patient
) -> None:
    told = hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.nurse).json()
    hospital.send_one(patient, device.weight(4711.25))
    eventually(lambda: hospital.quarantined(patient.cred))
    page = new_screen(ADMINISTRATOR).page
    page.goto(desk(hospital, patient.cred))
    expect(page.locator("tbody tr")).to_have_count(1)
    assert told["name"] not in page.content()
    page.locator("[data-row]").click()
    expect(page.locator(".dots")).to_contain_text("values.value")
    for secret in (told["name"], told["number"], "4711"):
        assert secret not in page.content()
    expect(page.get_by_role("button", name=re.compile("Frigi|Avvis|Les på nytt"))).to_have_count(0)


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_the_desk(
    nurse: Screen, hospital: Hospital, patient: Patient, theme: str, lang: str, width: int
) -> None:
    barriers.needed()
    cred = nobodys(hospital, 2)
    _, number = unenrolled(hospital)
    page = nurse.page
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{desk(hospital, cred)}&theme={theme}&lang={lang}")
    assert barriers.on(page) == []
    page.keyboard.press("?")
    assert barriers.on(page) == []
    page.keyboard.press("Escape")
    page.locator("[data-row]").first.click()
    find(page, number)
    page.locator("#hits summary").click()
    assert barriers.on(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{desk(hospital, cred)}&code=unbound")
    page.locator(".told summary").click()
    assert barriers.on(page) == []
    page.locator("#reason").fill("Prøvedata")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator(".told .sheet button").click()
    expect(page.locator("#replaying .done")).to_be_visible()
    assert barriers.on(page) == []
    page.goto(f"{desk(hospital)}?cred=c-nobody")
    expect(page.locator(".empty")).to_be_visible()
    assert barriers.on(page) == []
