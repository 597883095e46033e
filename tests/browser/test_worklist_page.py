"""The nurse's page in a real browser, before the running system."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import barriers
from tests.browser.screen import NURSE, SECOND_NURSE, Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient

HOSTILE = "<img src=x onerror=alert(1)>\"'&lt;{{7*7}}"
LATE = "kom for sent"


def test_a_low_blood_pressure_comes_onto_the_open_list_by_itself(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    nurse.page.wait_for_load_state("load")
    nurse.page.wait_for_timeout(500)  # its own event is told
    loads: list[str] = []
    nurse.page.on("load", lambda page: loads.append(page.url))
    began = time.monotonic()

    hospital.send_one(patient, device.low_pressure())

    row = nurse.row(patient)
    expect(row).to_have_class("row red", timeout=3000)
    assert time.monotonic() - began < 3
    expect(row.locator(".c-st")).to_have_text("Rød")
    expect(row.locator(".why")).to_contain_text("Systolisk 82")
    expect(row.locator(".c-val")).to_contain_text("82/48")
    expect(nurse.page).to_have_title(f"({_reds(nurse.page)}) Arbeidsliste · Hjemvakt")
    assert loads == []


def test_a_list_that_could_not_be_read_once_is_read_again(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    """The heartbeat goes on and says that the list is of now; without another try the red would
    not be on it until something else happened."""
    nurse.page.wait_for_load_state("load")
    nurse.page.wait_for_timeout(1500)  # its own events are told
    refused: list[str] = []

    def away(route: Route) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            route.fulfill(status=503, body="")
        else:
            route.continue_()

    nurse.page.route("**/rows?*", away)
    hospital.send_one(patient, device.low_pressure())

    expect(nurse.row(patient)).to_have_class("row red", timeout=12_000)
    assert len(refused) == 2
    nurse.meant("503")


def _reds(page: Page) -> str:
    n = page.locator(".n.red dd").inner_text()
    return f"{n} rød" if n == "1" else f"{n} røde"


def test_the_page_is_norwegian_until_somebody_chooses_english(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    expect(nurse.row(patient).locator(".c-st")).to_have_text("Rød")
    expect(nurse.page.locator("html")).to_have_attribute("lang", "nb")

    nurse.page.locator("details.menu summary").last.click()
    nurse.page.get_by_role("link", name="English").click()

    expect(nurse.page.locator("html")).to_have_attribute("lang", "en")
    expect(nurse.row(patient).locator(".c-st")).to_have_text("Red")
    expect(nurse.row(patient).locator(".why")).to_contain_text("Systolic 82")
    nurse.page.goto(nurse.address)
    expect(nurse.page.locator("html")).to_have_attribute("lang", "en")


def test_the_list_is_walked_by_keys(nurse: Screen, hospital: Hospital, patient: Patient) -> None:
    hospital.send_one(patient, device.low_pressure())
    expect(nurse.row(patient)).to_be_visible()

    nurse.page.keyboard.press("j")
    chosen = nurse.page.locator(".row.sel .nm")
    name = chosen.inner_text()
    nurse.page.keyboard.press("Enter")

    expect(nurse.page.locator("h1")).to_have_text(name)
    nurse.page.wait_for_load_state()
    nurse.page.keyboard.press("Escape")
    expect(nurse.page).to_have_url(f"{nurse.address}/")
    expect(nurse.page.locator("#list")).to_be_visible()


def test_an_alert_is_acknowledged_noted_and_closed_by_keys(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    nurse.choose(patient)

    nurse.page.keyboard.press("c")
    dialog = nurse.page.locator("dialog[open]")
    expect(dialog.locator(".about")).to_contain_text("født")
    nurse.page.keyboard.press("Enter")
    expect(nurse.row(patient).locator(".c-who")).to_contain_text("kvittert")

    nurse.page.keyboard.press("n")
    nurse.page.keyboard.type("Ringt. Måler igjen klokken ni.")
    nurse.page.keyboard.press("Enter")
    expect(nurse.page.locator("#toast")).to_contain_text("Notat lagret")

    nurse.page.keyboard.press("x")
    dialog.get_by_label("Nyttig", exact=True).check()
    dialog.get_by_label("Begrunnelse").fill("Trykket er som før.")
    nurse.page.keyboard.press("Enter")
    expect(nurse.row(patient).locator(".c-st")).to_have_text("Gul")  # what is left is its NEWS2

    nurse.open(patient)
    expect(nurse.page.locator(".note").first).to_contain_text("Trykket er som før.")
    expect(nurse.page.locator(".note").last).to_contain_text("Ringt. Måler igjen klokken ni.")
    expect(nurse.page.locator(".side")).to_contain_text("Nyttig")


def test_a_name_half_out_of_sight_is_opened_by_one_click(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    """Being pressed chooses the row; it does not move from under the finger."""
    hospital.send_one(patient, device.low_pressure())
    name, page = nurse.row(patient).locator(".nm"), nurse.page
    expect(name).to_be_visible()
    page.set_viewport_size({"width": 1366, "height": 300})
    name.evaluate(
        """name => {
            const keys = document.querySelector("footer.foot").getBoundingClientRect();
            scrollBy(0, name.getBoundingClientRect().bottom - Math.min(innerHeight, keys.top) + 1);
        }"""
    )
    box = name.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(300)
    page.mouse.up()
    expect(page).to_have_url(f"{nurse.address}/patients/{patient.id}")


def test_a_yellow_beside_an_acknowledged_red_is_found_by_the_key_and_acknowledged(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    """Low pressure is red by its own rule, and a single three in NEWS2 is yellow."""
    hospital.send_one(patient, device.low_pressure())
    row, page = nurse.row(patient), nurse.page
    line = row.locator(".line")
    expect(line).to_contain_text("Gul")
    hospital.alert(patient, "blood-pressure")
    nurse.choose(patient)
    page.keyboard.press("c")
    expect(page.locator("dialog[open] .because")).to_contain_text("Systolisk 82")
    page.keyboard.press("Enter")
    expect(row.locator(".c-who")).to_contain_text("kvittert")
    expect(row.locator(".c-st")).to_have_text("Rød")
    expect(line).to_have_attribute("data-state", "open")

    for one in [one for answer in hospital.worklist() for one in answer["rows"]]:
        if one["patient"]["id"] != str(patient.id):  # others of the unit may wait, and come first
            for alert in one["unacknowledged"]:
                hospital.move(hospital.alert_now({"id": alert}), "acknowledge")
    for _ in range(20):
        page.keyboard.press("f")
        page.wait_for_timeout(300)  # the list is still told of what was taken
        if line.evaluate("line => line.classList.contains('on')"):
            break
    expect(line).to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("dialog[open] .because")).to_contain_text("NEWS2")
    page.keyboard.press("Enter")

    expect(line).to_have_count(0)
    expect(row.locator(".c-st")).to_have_text("Rød")
    expect(row.locator(".why")).to_contain_text("Systolisk 82")
    [told] = [
        one
        for answer in hospital.worklist(hospital.nurse)
        for one in answer["rows"]
        if one["patient"]["id"] == str(patient.id)
    ]
    assert told["unacknowledged"] == []
    assert {one["state"] for one in told["alerts"]} == {"acknowledged"}


def test_the_keys_stay_with_the_alert_they_were_on_when_a_red_comes_before_it(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    session = device.item("hd_session", {"symptoms": "cramps"})
    hospital.send_one(patient, {**session, "until": session["at"]})
    row, page = nurse.row(patient), nurse.page
    expect(row.locator(".c-st")).to_have_text("Gul")
    nurse.choose(patient)
    before = row.get_attribute("data-reason")

    hospital.send_one(patient, device.low_pressure())

    expect(row.locator(".c-st")).to_have_text("Rød")
    page.keyboard.press("c")
    expect(page.locator("dialog[open] .because")).to_have_text(str(before))
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.press("c")
    expect(page.locator("dialog[open] .because")).not_to_have_text(str(before))


def test_a_red_is_not_closed_without_a_reason(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    nurse.choose(patient)

    nurse.page.keyboard.press("x")
    dialog = nurse.page.locator("dialog[open]")
    dialog.get_by_label("Nyttig", exact=True).check()
    dialog.locator("[type=submit]").click()

    expect(dialog).to_be_visible()
    expect(nurse.row(patient)).to_have_class("row red sel")


def test_a_nurse_with_an_old_screen_is_told_who_was_quicker(
    nurse: Screen, new_screen: Callable[[str], Screen], hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    slower = new_screen(SECOND_NURSE)
    slower.choose(patient)
    slower.page.keyboard.press("n")
    slower.page.keyboard.type("Jeg ringer.")
    nurse.choose(patient)
    nurse.page.keyboard.press("c")
    nurse.page.keyboard.press("Enter")
    expect(nurse.row(patient).locator(".c-who")).to_contain_text("kvittert")

    slower.page.keyboard.press("Enter")

    told = slower.page.locator("#moved")
    expect(told).to_be_visible()
    expect(told).to_contain_text(f"Endret av {NURSE}")
    expect(told).to_contain_text("kvittert")
    slower.meant("409")
    slower.page.keyboard.press("Enter")
    slower.page.keyboard.press("n")
    expect(slower.page.locator("dialog[open] textarea")).to_have_value("Jeg ringer.")


def test_the_patients_page_too_tells_an_old_screen(
    nurse: Screen, new_screen: Callable[[str], Screen], hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")
    slower = new_screen(SECOND_NURSE)
    slower.open(patient)
    assert hospital.move(alert, "acknowledge").status_code == 200

    slower.page.keyboard.press("n")
    slower.page.keyboard.type("Jeg ringer.")
    slower.page.locator(".mv[open] [type=submit]").click()

    expect(slower.page.locator(".moved")).to_contain_text(f"Endret av {NURSE}")
    expect(slower.page.locator("textarea").filter(has_text="Jeg ringer.")).to_have_count(1)
    slower.meant("409")


def test_a_phoned_in_reading_is_entered_corrected_and_withdrawn(
    nurse: Screen, hospital: Hospital
) -> None:
    patient = _long_enrolled(hospital)
    expect(nurse.row(patient)).to_be_attached()  # a green row may be folded away
    nurse.open(patient)
    page = nurse.page

    page.locator("#enter summary", has_text="Blodtrykk").click()
    form = page.locator("#enter details[open]")
    form.get_by_label("Systolisk").fill("82")
    form.get_by_label("Diastolisk").fill("48")
    form.get_by_label("Notat").fill("Ringt inn av datteren")
    form.get_by_role("button", name="Lagre måling").click()

    expect(page.locator(".notice", has_text="Lagret.")).to_be_visible()
    rows = page.locator("#readings tbody tr")
    expect(rows.first).to_contain_text("82/48")
    expect(rows.first).to_contain_text("Ringt inn av datteren")
    hospital.alert(patient, "blood-pressure")

    rows.first.get_by_role("link", name="Rett").click()
    form = page.locator("#correct form").first
    form.get_by_label("Systolisk").fill("128")
    form.get_by_label("Diastolisk").fill("78")
    form.get_by_label("Begrunnelse").fill("Hørte feil")
    form.get_by_role("button", name="Lagre rettelsen").click()

    expect(page.locator(".notice", has_text="Lagret.")).to_be_visible()
    [standing] = hospital.readings(patient)
    assert standing["values"]["systolic"] == 128
    valid = page.locator("#readings tbody tr:not(.replaced)")
    expect(valid).to_have_count(1)
    expect(valid).to_contain_text("128/78")
    expect(page.locator("#readings tr.replaced")).to_contain_text("rettet")

    valid.get_by_role("link", name="Rett").click()
    form = page.locator("#correct form").last
    form.get_by_label("Begrunnelse").fill("Feil pasient")
    form.get_by_role("button", name="Annuller målingen").click()

    expect(page.locator(".notice", has_text="Lagret.")).to_be_visible()
    expect(page.locator("#readings tbody tr:not(.replaced)")).to_have_count(0)
    expect(page.locator("#readings")).to_contain_text("annullert")
    assert hospital.readings(patient) == []


def _long_enrolled(hospital: Hospital) -> Patient:
    """What was measured before the enrolment is not judged."""
    yesterday = device.ago(24 * 3600).isoformat(timespec="seconds")
    return hospital.new_patient(since=yesterday, enrolled=yesterday)


def test_values_that_nobody_has_are_refused_in_words(nurse: Screen, patient: Patient) -> None:
    nurse.open(patient)
    page = nurse.page

    page.locator("#enter summary", has_text="Vekt").click()
    form = page.locator("#enter details[open]")
    form.get_by_label("Vekt").fill("8244")
    form.get_by_role("button", name="Lagre måling").click()

    expect(page.locator(".notice", has_text="Ingenting ble lagret.")).to_be_visible()
    expect(page.locator("#readings tbody tr")).to_have_count(0)
    nurse.meant("422")


def test_a_red_that_comes_after_the_close_is_open_again_and_marked_late(
    nurse: Screen, hospital: Hospital
) -> None:
    patient = _long_enrolled(hospital)
    kept_back = device.low_pressure(at=device.ago(3 * 3600))
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")
    closed = hospital.move(alert, "close", note="Ringt. Har det bra.", outcome="useful")
    assert closed.status_code == 200
    expect(nurse.row(patient)).to_have_class("row yellow")  # what is left is its NEWS2

    hospital.send_one(patient, kept_back)

    expect(nurse.row(patient)).to_have_class("row red")
    expect(nurse.row(patient)).to_contain_text(LATE)
    nurse.open(patient)
    late = nurse.page.locator("article.alert.red .mark").filter(has_text="Kom for sent")
    expect(late).to_be_visible()


def test_what_is_raised_while_the_page_is_loading_is_told(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.pressure())
    expect(nurse.row(patient)).to_contain_text("128/78")

    def late(route: Route) -> None:
        """The page has been made, and the stream is not yet open."""
        hospital.send_one(patient, device.low_pressure())
        hospital.alert(patient, "blood-pressure")
        route.continue_()

    nurse.page.route("**/v1/worklist/stream?patient=*", late)
    nurse.open(patient)

    expect(nurse.page.locator("#changed")).to_be_visible()


def test_a_list_that_stands_still_says_so(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    stale = nurse.page.locator("#stale")
    expect(stale).to_be_hidden()

    with _stopped(hospital.pid("alerts")):
        expect(stale).to_be_visible(timeout=30_000)
        expect(stale).to_contain_text("Listen har stått stille siden")
        expect(stale).to_contain_text("Nye røde vises ikke.")

    expect(stale).to_be_hidden(timeout=30_000)
    hospital.send_one(patient, device.low_pressure())
    expect(nurse.row(patient)).to_have_class("row red", timeout=10_000)
    nurse.faults[:] = [one for one in nurse.faults if "Failed to load resource" not in one]


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_the_pages_may_load_nothing_from_elsewhere_and_no_script_of_their_own(
    nurse: Screen, patient: Patient
) -> None:
    for place in ("/", f"/patients/{patient.id}", "/login"):
        answer = nurse.page.goto(nurse.address + place)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert nurse.page.locator("script:not([src]), [style], [onclick]").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_the_pages(
    nurse: Screen, hospital: Hospital, patient: Patient, theme: str
) -> None:
    barriers.needed()
    hospital.send_one(patient, device.low_pressure())
    nurse.page.goto(f"{nurse.address}/?theme={theme}")
    expect(nurse.row(patient)).to_be_visible()
    assert barriers.on(nurse.page) == []
    nurse.choose(patient)
    nurse.page.keyboard.press("x")
    assert barriers.on(nurse.page) == []

    nurse.open(patient)
    expect(nurse.page.locator("#charts canvas").first).to_be_visible()
    assert barriers.on(nurse.page) == []
    nurse.page.goto(f"{nurse.address}/login")
    assert barriers.on(nurse.page) == []


def test_a_hostile_name_is_a_name(nurse: Screen, hospital: Hospital, patient: Patient) -> None:
    answer = hospital.patients.patch(
        f"/v1/patients/{patient.id}", json={"name": HOSTILE}, headers=hospital.nurse
    )
    assert answer.status_code == 200, answer.text
    hospital.send_one(patient, device.low_pressure())
    expect(nurse.row(patient).locator(".nm")).to_have_text(HOSTILE)

    nurse.choose(patient)
    nurse.page.keyboard.press("n")
    expect(nurse.page.locator("dialog[open] .about")).to_contain_text(HOSTILE)
    nurse.page.keyboard.type(HOSTILE)
    nurse.page.keyboard.press("Enter")
    expect(nurse.page.locator("#toast")).to_contain_text(HOSTILE)
    assert nurse.page.locator("img").count() == 0

    nurse.open(patient)
    expect(nurse.page.locator("h1")).to_have_text(HOSTILE)
    expect(nurse.page.locator(".note p")).to_have_text(HOSTILE)
    assert nurse.page.locator("img").count() == 0
