"""Devices, units and staff on the set-up pages: found, made, changed and withdrawn by keys."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import barriers
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, bearer, eventually

ADMINISTRATOR = "Arne Eksempel"


@pytest.fixture
def administrator(new_screen: Callable[[str], Screen]) -> Page:
    return new_screen(ADMINISTRATOR).page


def at(hospital: Hospital, place: str) -> str:
    return f"{hospital.addresses['patients']}/setup/{place}"


def test_a_new_device_is_set_up_by_its_code_sends_and_is_withdrawn_at_once(
    nurse: Screen, hospital: Hospital
) -> None:
    page = nurse.page
    page.goto(at(hospital, "devices"))
    page.keyboard.press("n")
    page.keyboard.type("Vekt Prøverom")
    page.fill("#manufacturer", "Eksempel")
    page.fill("input[name=model]", "Vekt 2")
    page.get_by_role("button", name="Opprett").click()
    expect(page.locator(".qr svg")).to_be_visible()
    code = page.locator("#code").inner_text()
    expect(page.locator("h1")).to_have_text("Vekt Prøverom")
    expect(page.locator("#h-now ~ *, .fact").first).to_contain_text("kode venter")

    given = hospital.patients.post("/v1/enrolment-codes/redeem", json={"code": code}).json()
    secret = bearer(given["secret"])
    sent = hospital.ingest.post("/v1/observations", json=[device.weight(70)], headers=secret)
    assert sent.status_code == 200, sent.text
    page.goto(at(hospital, "devices?q=prøverom"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("Eksempel Vekt 2")
    eventually(lambda: page.reload() and "aldri" not in page.locator("tbody").inner_text(), 20)

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_have_count(0)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Bytt hemmelighet").click()
    new = page.locator("#secret").inner_text()
    refused = hospital.ingest.post("/v1/observations", json=[device.weight(70)], headers=secret)
    assert refused.status_code == 401
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Trekk tilbake nå").click()
    expect(page.get_by_text("Det kan ikke sende mer")).to_be_visible()
    eventually(
        lambda: (
            hospital.ingest.post(
                "/v1/observations", json=[device.weight(70)], headers=bearer(new)
            ).status_code
            == 401
        )
    )


def test_a_device_is_handed_back_and_its_history_stays(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    page = nurse.page
    told = hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.nurse).json()
    page.goto(at(hospital, f"devices/{patient.cred}"))
    expect(page.locator(".rows")).to_contain_text(told["name"])
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Levert tilbake").click()
    expect(page.locator(".rows")).to_contain_text("hadde det fra")
    bindings = hospital.patients.get(
        f"/v1/patients/{patient.id}/bindings", headers=hospital.nurse
    ).json()["bindings"]
    assert all(one["to"] for one in bindings)


def test_what_was_registered_before_is_said_beside_what_was_typed(
    nurse: Screen, hospital: Hospital
) -> None:
    page = nurse.page
    for _ in range(2):
        page.goto(at(hospital, "devices"))
        page.locator("details.new summary").click()
        page.fill("#label", "Samme vekt")
        page.fill("#manufacturer", "Eksempel")
        page.fill("input[name=model]", "Vekt 3")
        page.fill("input[name=serial]", "S-1")
        page.get_by_role("button", name="Opprett").click()
        page.wait_for_load_state()
    expect(page.get_by_role("alert")).to_contain_text("registrert fra før")
    expect(page.locator("#label")).to_have_value("Samme vekt")
    nurse.meant("422")


def test_an_administrator_sees_devices_without_who_has_them(
    administrator: Page, hospital: Hospital, patient: Patient
) -> None:
    told = hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.nurse).json()
    administrator.goto(at(hospital, f"devices?q={patient.cred}"))
    expect(administrator.locator("tbody tr")).to_have_count(1)
    assert told["name"] not in administrator.content()
    administrator.locator("[data-row]").click()
    expect(administrator.locator("#h-now")).to_be_visible()
    assert told["name"] not in administrator.content()


def test_a_unit_is_made_renamed_and_its_people_registered(
    new_screen: Callable[[str], Screen], hospital: Hospital
) -> None:
    screen = new_screen(ADMINISTRATOR)
    page = screen.page
    page.goto(at(hospital, "units"))
    page.keyboard.press("n")
    page.keyboard.type("Prøveenheten")
    page.fill("#short", "PRØVE")
    page.fill("input[name=from]", "25:00")
    page.get_by_role("button", name="Opprett enheten").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#name")).to_have_value("Prøveenheten")
    screen.meant("422")
    page.fill("input[name=from]", "08:00")
    page.get_by_role("button", name="Opprett enheten").click()
    row = page.locator("tbody tr", has_text="Prøveenheten")
    expect(row).to_contain_text("ma–fr 08:00–15:30")
    expect(row).to_contain_text("ingen ansatte")
    row.locator("summary").click()
    row.locator("input[name=name]").fill("Prøveposten")
    row.get_by_role("button", name="Lagre").click()
    expect(page.locator("tbody")).to_contain_text("Prøveposten")

    page.goto(at(hospital, "staff"))
    page.keyboard.press("n")
    page.fill("#name", "Prøve Ansatt")
    page.get_by_label("Prøveposten").check()
    page.get_by_role("button", name="Registrer").click()
    expect(page.locator("h1")).to_have_text("Prøve Ansatt")
    page.select_option("#role", "physician")
    page.get_by_label("Alle programmer med egen tilgang").check()
    page.get_by_role("button", name="Lagre").click()
    page.goto(at(hospital, "staff?q=prøve ans&role=physician"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("Prøveposten")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Har sluttet").click()
    expect(page.get_by_text(re.compile("^Sluttet"))).to_be_visible()
    staff = hospital.patients.get("/v1/staff", headers=hospital.administrator).json()["staff"]
    [one] = [each for each in staff if each["name"] == "Prøve Ansatt"]
    assert one["left_at"]
    assert (one["role"], one["groups"]) == ("physician", ["sensitive"])


def test_a_nurse_reads_units_and_staff_and_changes_neither(
    nurse: Screen, hospital: Hospital
) -> None:
    page = nurse.page
    for place in ("units", "staff"):
        page.goto(at(hospital, place))
        expect(page.locator("tbody tr").first).to_be_visible()
        expect(page.locator("main form[method=post]")).to_have_count(0)
    page.locator("[data-row]").first.click()
    expect(page.locator(".fact").first).to_be_visible()
    expect(page.locator("main form[method=post]")).to_have_count(0)


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_the_lists(
    nurse: Screen,
    administrator: Page,
    hospital: Hospital,
    patient: Patient,
    theme: str,
    lang: str,
    width: int,
) -> None:
    barriers.needed()
    places = ("devices", f"devices/{patient.cred}", "devices?q=nothing-of-this", "units",
              "staff", "staff?left=yes")  # fmt: skip
    for page in (nurse.page, administrator):
        page.set_viewport_size({"width": width, "height": 768})
        for place in places:
            page.goto(
                f"{at(hospital, place)}{'&' if '?' in place else '?'}theme={theme}&lang={lang}"
            )
            assert barriers.on(page) == [], place
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place
    for place in ("units", "devices"):
        administrator.goto(at(hospital, place))
        administrator.keyboard.press("n")
        assert barriers.on(administrator) == [], place
    administrator.goto(at(hospital, "staff/new"))
    assert barriers.on(administrator) == []
