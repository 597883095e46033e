"""What announced itself behind a gateway, in a browser: seen, taken for a patient, or put aside."""

import re
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser import barriers
from tests.browser.screen import Screen
from tests.journeys.hospital import Hospital, Patient, eventually

ADMINISTRATOR = "Arne Eksempel"


def devices(hospital: Hospital) -> str:
    return f"{hospital.addresses['patients']}/setup/devices"


def announced(hospital: Hospital, patient: Patient, **more: Any) -> str:
    """A scale behind his gateway announces itself; the topic on which it speaks."""
    node = f"bath-{uuid4().hex[:8]}"
    state = f"{node}/sensor/weight/state"
    told = {
        "unit_of_meas": "kg", "dev_cla": "weight", "name": f"Weight {node}", "stat_t": state,
        "dev": {"ids": node, "mf": "Acme", "mdl": "Scale 2", "sn": node}, **more,
    }  # fmt: skip
    with hospital.device(patient) as gateway:
        below = f"gw/{hospital.org}/{patient.cred}"
        gateway.put(told, topic=f"{below}/homeassistant/sensor/{node}/weight/config")
        eventually(lambda: [one for one in _open(hospital, patient) if one["topic"] == state])
    return state


def about(hospital: Hospital, patient: Patient) -> Any:
    return hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.nurse).json()


def _open(hospital: Hospital, patient: Patient) -> list[Any]:
    answer = hospital.patients.get(
        "/v1/suggestions", params={"cred": patient.cred}, headers=hospital.nurse
    )
    found: list[Any] = answer.json()["suggestions"]
    return found


def test_a_scale_that_announced_itself_is_taken_by_keys_and_then_read(
    nurse: Screen, hospital: Hospital
) -> None:
    patient = hospital.new_patient()
    name = about(hospital, patient)["name"]
    state = announced(hospital, patient)
    page = nurse.page
    page.goto(f"{devices(hospital)}/{patient.cred}")
    expect(page.locator(".told")).to_contain_text("Én måler har meldt seg")
    page.keyboard.press("a")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Weight bath-")
    expect(page.locator("#h-whose")).to_be_visible()
    candidate = page.locator("ul.rows li").filter(has_text=name)
    expect(candidate).to_contain_text(re.compile("har gatewayen, siden"))
    candidate.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(candidate.locator("select")).to_have_value("body_weight")
    candidate.get_by_role("button", name=f"Ta i bruk for {name}").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").first).to_contain_text("Tatt i bruk")
    expect(page.locator(".fact").first).to_contain_text("Leses som vekt", ignore_case=True)
    expect(page.locator(".fact").nth(1)).to_contain_text(name)
    assert _open(hospital, patient) == []
    with hospital.device(patient) as scale:
        below = f"gw/{hospital.org}/{patient.cred}"

        def weighed() -> Any:
            scale.put(b"81.5", topic=f"{below}/{state}")
            return hospital.readings(patient)

        [reading, *_] = eventually(weighed)
    assert reading["values"] == {"value": 81.5}
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("x")
    expect(page.locator("section", has_text="Lagt bort.")).to_be_visible()


def test_a_sensor_is_taken_for_a_patient_who_has_nothing_there_only_with_what_it_measures(
    nurse: Screen, hospital: Hospital
) -> None:
    gateway = hospital.new_patient(bound=False)
    patient = hospital.new_patient(bound=False)
    number = about(hospital, patient)["number"]
    announced(hospital, gateway, name="Body temperature", unit_of_meas="°C", dev_cla="temperature")
    [one] = _open(hospital, gateway)
    page = nurse.page
    page.goto(f"{devices(hospital)}/announced/{one['id']}")
    expect(page.locator("#find")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("b")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    expect(page.locator("#hits li")).to_have_count(1)
    page.locator("#hits summary").click()
    page.locator("#hits input[name=from]").fill("i går")
    page.get_by_role("button", name="Ta i bruk for").click()
    expect(page.get_by_role("alert").first).to_contain_text("Skriv dag og klokkeslett")
    nurse.meant("422")
    assert [each["id"] for each in _open(hospital, gateway)] == [one["id"]]


def test_an_administrator_sees_what_announced_itself_and_no_patients(
    new_screen: Any, hospital: Hospital
) -> None:
    patient = hospital.new_patient()
    announced(hospital, patient)
    page = new_screen(ADMINISTRATOR).page
    page.goto(f"{devices(hospital)}/announced?cred={patient.cred}")
    page.locator("[data-row]").click()
    expect(page.locator("main")).to_contain_text("En sykepleier eller lege ved enheten sier")
    assert about(hospital, patient)["name"] not in page.content()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Legg bort").first.click()
    expect(page.locator("section", has_text="Lagt bort.")).to_be_visible()
    assert _open(hospital, patient) == []


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_what_announced_itself(
    nurse: Screen, hospital: Hospital, theme: str, lang: str, width: int
) -> None:
    barriers.needed()
    patient = hospital.new_patient()
    announced(hospital, patient)
    page = nurse.page
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{devices(hospital)}/announced?cred={patient.cred}&theme={theme}&lang={lang}")
    assert barriers.on(page) == []
    page.locator("[data-row]").first.click()
    page.locator("ul.rows summary").first.click()
    assert barriers.on(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{devices(hospital)}/announced?cred=c-nobody")
    expect(page.locator(".empty")).to_be_visible()
    assert barriers.on(page) == []
