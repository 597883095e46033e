"""A nurse enrols a patient in five steps, in a real browser, and never loses a step."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser import barriers
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital

STEPS = ("Program", "Plan", "Grenser", "Utstyr")
NAME = "Testulf Oppstart"


def register(nurse: Screen, name: str) -> Page:
    page = nurse.page
    page.goto(f"{nurse.address}/setup/enrol")
    page.fill("#name", name)
    page.fill("#born", "13.11.1969")
    page.get_by_role("button", name="Registrer").click()
    expect(page.locator("h1")).to_have_text(name)
    return page


def onwards(page: Page) -> None:
    page.get_by_role("button", name="Videre").click()


def test_five_steps_begin_a_follow_up_that_the_list_and_the_api_know(
    nurse: Screen, hospital: Hospital
) -> None:
    page = register(nurse, NAME)
    page.get_by_label("Hjemmedialyse").first.press("Space")
    page.keyboard.press("Enter")
    page.fill("input[name='weight-morning.due']", "3")
    onwards(page)
    expect(page.locator(".bad")).to_contain_text("«Fra» må være før «innen»")
    expect(page.locator("input[name='weight-morning.due']")).to_have_value("3")
    page.fill("input[name='weight-morning.due']", "9")
    onwards(page)
    page.fill("input[name=target_weight]", "72,5")
    onwards(page)
    expect(page.get_by_role("alert")).to_contain_text("Skriv hvorfor")
    page.fill("#why", "Ny tørrvekt etter kontroll")
    onwards(page)
    page.get_by_role("button", name="Tilbake").click()
    expect(page.locator("input[name=target_weight]")).to_have_value("72,5")
    onwards(page)
    page.get_by_role("button", name="Start oppfølging").click()

    expect(page.get_by_role("status")).to_contain_text("I gang")
    expect(page.locator(".qr svg")).to_be_visible()
    code = page.locator("#code").inner_text()
    nurse.meant("422")

    given = hospital.patients.post("/v1/enrolment-codes/redeem", json={"code": code})
    assert given.status_code == 201, given.text
    patient = page.get_by_role("link", name="Til pasienten").get_attribute("href") or ""
    patient_id = patient.rpartition("/")[2]
    path = f"/v1/patients/{patient_id}"
    [enrolment] = hospital.patients.get(f"{path}/enrolments", headers=hospital.nurse).json()[
        "enrolments"
    ]
    assert enrolment["plan"][0]["due"] == "09:00:00"
    limits = hospital.patients.get(f"{path}/limits", headers=hospital.nurse).json()["limits"]
    assert {one["name"]: one["value"] for one in limits}["target_weight"] == 72.5
    sent = hospital.ingest.post(
        "/v1/observations",
        json=device.weight(72.0),
        headers={"authorization": f"Bearer {given.json()['secret']}"},
    )
    [receipt] = sent.json()["results"]
    assert receipt["result"] == "stored", receipt

    page.reload()
    expect(page.locator("#code")).to_have_count(0)
    page.get_by_role("button", name="Lag ny kode").click()
    expect(page.locator("#code")).not_to_have_text(code)
    auditor = hospital.log_in("auditor", units=[])
    looks = hospital.patients.get(f"{path}/access-log", headers=auditor).json()["looks"]
    assert {"registration", "enrolment", "limits", "bindings"} <= {one["what"] for one in looks}


def test_what_was_begun_is_found_again_and_begins_only_once(
    nurse: Screen, hospital: Hospital
) -> None:
    page = register(nurse, "Testine Påbegynt")
    page.get_by_label("Hjemmedialyse").first.check()
    onwards(page)
    expect(page.locator(".steps .on")).to_contain_text("Plan")
    place = page.url

    page.goto(f"{nurse.address}/setup/enrol")
    page.get_by_role("link", name="Testine Påbegynt").click()
    expect(page).to_have_url(re.compile(re.escape(place.rpartition("/")[0])))
    onwards(page)
    onwards(page)
    page.get_by_label("Senere").check()
    page.get_by_role("button", name="Start oppfølging").click()
    expect(page.get_by_role("status")).to_contain_text("I gang")
    page.goto(place)
    expect(page).to_have_url(re.compile("/summary$"))


def test_a_known_number_is_found_and_never_shown_again(nurse: Screen, hospital: Hospital) -> None:
    patient = hospital.patient()
    page = nurse.page
    page.goto(f"{nurse.address}/setup/enrol")
    page.keyboard.type(patient.number)
    page.keyboard.press("Enter")
    expect(page.locator("#hits li")).to_have_count(1)
    assert patient.number not in page.content()
    page.locator("#hits button").click()
    expect(page.get_by_label("Hjemmedialyse").first).to_be_disabled()

    page.goto(f"{nurse.address}/setup/enrol")
    page.fill("#name", "En Annen")
    page.fill("#born", "13.11.1969")
    page.fill("#national", patient.number)
    page.get_by_role("button", name="Registrer").click()
    expect(page.locator("#national-says")).to_contain_text("registrert fra før")
    expect(page.locator("#name")).to_have_value("En Annen")
    assert patient.number not in page.content()
    nurse.meant("422")


def test_after_the_trial_weeks_a_limit_is_proposed_and_not_saved(
    nurse: Screen, hospital: Hospital
) -> None:
    known = hospital.new_patient(enrolled=None, since=ago(30))
    for day in range(15):
        body = {"kind": "heart_rate", "at": ago(day), "values": {"value": 76 + day % 3}}
        path = f"/v1/patients/{known.id}/readings"
        hospital.made(hospital.patients, path, body, hospital.nurse)
    page = nurse.page
    page.goto(f"{nurse.address}/setup/enrol")
    number = hospital.patients.get(f"/v1/patients/{known.id}", headers=hospital.nurse).json()[
        "number"
    ]
    page.fill("#find", number)
    page.keyboard.press("Enter")
    page.locator("#hits button").first.click()
    page.get_by_label(re.compile("Hjertesvikt")).first.check()
    onwards(page)
    onwards(page)
    proposals = page.locator("td.src", has_text="Forslag")
    expect(proposals.first).to_contain_text("n = 15")
    fields = page.locator("input.figure")
    assert {fields.nth(n).input_value() for n in range(fields.count())} == {""}


def ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days, minutes=5)).isoformat(timespec="seconds")


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_the_five_steps(
    nurse: Screen, hospital: Hospital, theme: str, lang: str, width: int
) -> None:
    barriers.needed()
    page = register(nurse, f"Test Steg {theme}")
    first = page.url.rpartition("/")[0]
    page.get_by_label("Hjemmedialyse").first.check()
    onwards(page)
    page.set_viewport_size({"width": width, "height": 768})
    for step in ("programme", "plan", "limits", "device"):
        page.goto(f"{first}/{step}?theme={theme}&lang={lang}")
        assert barriers.on(page) == [], step
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, step
    page.goto(f"{first.rpartition('/')[0]}?theme={theme}")
    assert barriers.on(page) == []
