"""The patient's page in a real browser: sessions, nights, implants, contacts, and a limit moved."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser import barriers
from tests.browser.screen import SECOND_NURSE, Screen
from tests.journeys import device, photos
from tests.journeys.hospital import OSLO, Hospital, Patient, eventually

DAY = 86_400
LONG_AGO = device.ago(20 * DAY).isoformat(timespec="seconds")
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"  # noqa: E501  # one document


@pytest.fixture
def dialysis(hospital: Hospital) -> Patient:
    """Three sessions; the last one with a gain and a pressure that are beyond the limits."""
    patient = hospital.new_patient(since=LONG_AGO, enrolled=LONG_AGO)
    body = {
        "programme": "home_dialysis", "name": "target_weight", "value": 80,
        "reason": "Etter kontroll", "from": LONG_AGO,
    }  # fmt: skip
    path = f"/v1/patients/{patient.id}/limits"
    hospital.made(hospital.patients, path, body, hospital.nurse)
    for days, before, after, systolic in (
        (7, 81.5, 80.1, 128),
        (4, 81.6, 80.2, 126),
        (1, 85, 80.4, 84),
    ):
        start = device.ago(days * DAY)
        values = {"weight_pre": before, "weight_post": after, "uf_volume": 1500, "duration": 240}
        session = device.item("hd_session", values, at=start)
        end = start + timedelta(hours=4)
        hospital.send(
            patient,
            {**session, "until": end.isoformat()},
            device.pressure(systolic, 70, at=end, context={"phase": "post"}),
        )
    hospital.alert(patient, "interdialytic-gain")
    return patient


def test_the_sessions_stand_in_a_table_with_what_is_beyond_a_limit_in_words(
    nurse: Screen, dialysis: Patient
) -> None:
    nurse.open(dialysis)
    rows = nurse.page.locator("#sessions tbody tr")

    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("85,0")
    expect(rows.first.locator("td.red")).to_have_count(2)  # 4,8 kg is 6,0 %; 84 after
    expect(rows.first.locator("td.red").first).to_contain_text("Rød 6,0")
    expect(rows.first).to_contain_text("4,7")  # 1500 mL in 4 h on 80 kg
    expect(rows.last.locator("td").nth(3)).to_have_text("–")  # nothing before to compare with
    expect(nurse.page.locator("#sessions header")).to_contain_text("tørrvekt 80,0")
    expect(nurse.page.locator("#nights, #implant")).to_have_count(0)


def test_a_night_is_a_square_with_usage_ahi_and_leak(nurse: Screen, hospital: Hospital) -> None:
    patient = hospital.new_patient(programme="cpap", since=LONG_AGO, enrolled=LONG_AGO)
    nights = ((1, 401, 2.1, 12), (2, 95, 2.0, 12), (4, 380, 12.5, 31))
    for days, usage, ahi, leak in nights:
        evening = device.ago((days + 1) * DAY).astimezone(OSLO)
        start = evening.replace(hour=22, minute=30)  # over by now, whatever the hour is
        values = {"usage": usage, "ahi": ahi, "leak_p95": leak}
        night = device.item("cpap_night", values, at=start)
        until = (start + timedelta(hours=8)).isoformat()
        hospital.send_one(patient, {**night, "until": until})
    eventually(lambda: hospital.row(patient) and len(hospital.readings(patient)) == len(nights))
    nurse.open(patient)
    calendar = nurse.page.locator("#nights")

    expect(calendar.locator("td.told")).to_have_count(3)
    expect(calendar.locator("td.yellow")).to_have_count(2)
    expect(calendar.get_by_role("button", name="Brukstid 6 t 41, AHI 2,1")).to_be_visible()
    expect(calendar.get_by_role("button", name="Brukstid 1 t 35 (gul)")).to_be_visible()
    expect(calendar).to_contain_text("Brukt minst 4 t i 2 av 3 netter")
    expect(calendar.locator("td.missing").first).to_contain_text("ingen data")
    nurse.page.locator("#nights button").first.press("Enter")
    expect(nurse.page.locator("#why")).to_be_visible()


def test_a_transmission_says_its_findings_and_gives_its_report_as_a_file(
    nurse: Screen, hospital: Hospital
) -> None:
    patient = hospital.new_patient(programme="pacemaker_icd", since=LONG_AGO, enrolled=LONG_AGO)
    taken = device.ago(3600)
    report = device.item("cied_report", {"battery_longevity": 62, "rv_impedance": 480}, at=taken)
    event = device.item("cied_event", {"value": "vt_storm"}, at=taken)
    hospital.send(patient, {**report, "until": taken.isoformat()}, event)
    said = {"v": 1, "id": str(uuid.uuid4()), "kind": "document", "at": taken.isoformat()}
    assert photos.upload(hospital, patient, PDF, said, "application/pdf").status_code == 200
    hospital.alert(patient, "ventricular")
    nurse.open(patient)
    card = nurse.page.locator("#implant")

    expect(card).to_contain_text("Rød: Elektrisk storm")
    card.get_by_text("Målinger i sendingen").click()
    expect(card).to_contain_text("480 Ohm")
    link = card.get_by_role("link", name="Hent rapporten (PDF)").get_attribute("href")
    assert link
    answer = nurse.page.request.get(f"{nurse.address}{link}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.body() == PDF


def test_a_contact_is_written_down_by_the_keyboard_and_stands_in_the_course(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.pressure())
    nurse.open(patient)
    page = nurse.page
    page.keyboard.press("t")
    card = page.locator("#contacts")
    card.get_by_label("Snakket med pasienten").check()
    card.get_by_label("Kort om hva").fill("Kramper i går. Ny måling kl 9.")
    card.get_by_label("Minutter").fill("6")
    card.get_by_role("button", name="Lagre kontakten").click()

    expect(page.locator(".notice", has_text="Lagret.")).to_be_visible()
    expect(card.locator(".note")).to_contain_text("Telefon, 6 min: snakket med pasienten")
    expect(card.locator(".note")).to_contain_text("Ny måling kl 9.")
    expect(page.locator(".events")).to_contain_text("Telefon")
    answer = hospital.alerts.get(
        "/v1/contacts", params={"patient": patient.id}, headers=hospital.nurse
    )
    [contact] = answer.json()["contacts"]
    assert (contact["way"], contact["outcome"], contact["minutes"]) == ("phone", "reached", 6)


def test_a_limit_is_moved_in_the_curve_tried_and_saved_by_two(
    nurse: Screen, new_screen: Callable[[str], Screen], hospital: Hospital, dialysis: Patient
) -> None:
    nurse.open(dialysis)
    page = nurse.page
    grip = page.get_by_role("slider", name="Flytt grensen: Systolisk lavt, rød")
    grip.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("PageUp")
    expect(page.locator("#try output")).to_contain_text("varsler siste 30 dager")
    assert page.locator("#try [name=figure]").input_value() == "101"
    expect(page.locator("#try .days li")).to_have_count(30)

    keep = page.locator("#keep")
    expect(keep).to_contain_text("90 → 101")
    keep.get_by_label("Begrunnelse").fill("Svimmel ved 95")
    keep.get_by_role("button", name="Lagre egen grense").click()
    expect(page.locator(".notice", has_text="Lagret.")).to_be_visible()
    assert limit(hospital, dialysis) == 101  # a red rule speaks more: in force at once

    eventually(lambda: handle_at(nurse, dialysis) == "101")
    grip.scroll_into_view_if_needed()
    top = grip.bounding_box()
    assert top
    page.mouse.move(top["x"] + 20, top["y"] + 12)
    page.mouse.down()
    page.mouse.move(top["x"] + 20, top["y"] + 40, steps=4)
    page.mouse.up()
    expect(keep).to_contain_text("Systolisk lavt, rød: 101 →")
    figure = int(page.locator("#try [name=figure]").input_value())
    assert figure < 101
    keep.get_by_label("Begrunnelse").fill("Ble for mange varsler")
    keep.get_by_role("button", name="Lagre egen grense").click()
    expect(page.locator(".notice", has_text="Forslaget er lagret.")).to_be_visible()
    expect(page.locator("#limits")).to_contain_text("En annen enn deg må bekrefte.")
    assert limit(hospital, dialysis) == 101  # a red rule would speak less: only proposed

    second = new_screen(SECOND_NURSE)
    second.open(dialysis)
    second.page.get_by_role("button", name="Bekreft", exact=True).click()
    expect(second.page.locator(".notice", has_text="Lagret.")).to_be_visible()
    assert limit(hospital, dialysis) == figure


def limit(hospital: Hospital, patient: Patient) -> int:
    answer = hospital.patients.get(f"/v1/patients/{patient.id}/limits", headers=hospital.nurse)
    [one] = [one for one in answer.json()["limits"] if one["name"] == "systolic_red_low"]
    return int(one["value"])


def handle_at(nurse: Screen, patient: Patient) -> str | None:
    nurse.open(patient)
    grip = nurse.page.get_by_role("slider", name="Flytt grensen: Systolisk lavt, rød")
    grip.wait_for()
    return grip.get_attribute("aria-valuenow")


def test_any_earlier_photo_of_a_place_is_laid_beside_the_latest_one(
    nurse: Screen, hospital: Hospital
) -> None:
    patient = hospital.new_patient(programme="chronic_wounds", since=LONG_AGO, enrolled=LONG_AGO)
    for days, site in ((9, "hæl"), (6, "legg"), (3, "hæl"), (0, "hæl")):
        said = photos.about(taken=device.ago(days * DAY), site=site)
        photos.sent(hospital, patient, photos.photo(), said)
    nurse.open(patient)
    card = nurse.page.locator("#photos")
    expect(card.locator("figure")).to_have_count(2)
    card.get_by_role("link", name="Sammenlign Bilde av sår, hæl").click()
    expect(card.locator("header")).to_contain_text("9 dager mellom dem")
    expect(card.locator("figcaption").last).to_contain_text("hæl")


@pytest.mark.parametrize("look", ["light", "dark", "forced"])
def test_nobody_is_kept_from_the_new_cards(nurse: Screen, dialysis: Patient, look: str) -> None:
    barriers.needed()
    page = nurse.page
    if look == "forced":
        page.emulate_media(forced_colors="active")
    page.goto(f"{nurse.address}/?theme={'dark' if look == 'dark' else 'light'}")
    expect(page.locator("#list")).to_be_visible()
    assert barriers.on(page) == []
    nurse.open(dialysis)
    expect(page.locator("#charts canvas").first).to_be_visible()
    page.keyboard.press("t")
    assert barriers.on(page) == []
