"""Every dialog of the nurse's pages by keys alone: it says whom it is about, Esc leads out, Enter
sends, focus stays inside, and what was refused keeps what was typed.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import barriers
from tests.browser.screen import SECOND_NURSE, Screen
from tests.journeys import device
from tests.journeys.hospital import ALWAYS, Hospital, Patient, eventually

KEYS = {
    "a": "Hvem tar varselet?",
    "c": "Kvitter",
    "s": "Utsett",
    "n": "Notat",
    "e": "Til lege",
    "x": "Lukk",
    "h": "Overfør",
}
SHEETS = {"s": "snooze", "n": "note", "e": "escalate", "x": "close", "h": "hand-over"}


@pytest.fixture(scope="module")
def lung(hospital: Hospital) -> str:
    """Another unit, so that there is somebody to hand over to."""
    return hospital.new_unit("Lunge", ALWAYS)


@pytest.fixture
def ill(hospital: Hospital, patient: Patient) -> Patient:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    return patient


def dialog(page: Page) -> Locator:
    return page.locator("dialog[open]")


def focused_in(page: Page, selector: str) -> bool:
    return bool(
        page.evaluate("s => document.querySelector(s).contains(document.activeElement)", selector)
    )


def red_alert(hospital: Hospital, patient: Patient, state: str = "open") -> Any:
    return hospital.alert_now(hospital.alert(patient, "blood-pressure", state=state))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_dialog_says_whom_it_is_about_holds_the_focus_and_lets_go_with_esc(
    nurse: Screen, hospital: Hospital, ill: Patient, lung: str, theme: str
) -> None:
    page = nurse.page
    page.goto(f"{nurse.address}/?theme={theme}")
    name = nurse.row(ill).locator(".nm").inner_text()
    nurse.choose(ill)
    for key, title in KEYS.items():
        page.keyboard.press(key)
        open_ = page.get_by_role("dialog", name=title, exact=True)
        expect(open_).to_be_visible()
        expect(open_.locator(".about")).to_contain_text(name)
        expect(open_.locator(".about")).to_contain_text("født")
        expect(open_.locator(".because")).to_contain_text("Systolisk 82")
        for _ in range(12):  # more than there are places in any of them
            assert focused_in(page, "dialog[open]") or page.evaluate("document.hasFocus()") is False
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                page.keyboard.press("Tab")  # the browser's own place between last and first
        if barriers.AXE.exists():
            assert barriers.on(page, "dialog[open]") == []
        page.keyboard.press("Escape")
        expect(dialog(page)).to_have_count(0)
        assert focused_in(page, f'[id^="row-{ill.id}"]'), "back to the row it came from"
    assert red_alert(hospital, ill)["state"] == "open", "nothing was done"


def test_a_red_is_put_off_by_keys_only_when_it_is_said_twice(
    nurse: Screen, hospital: Hospital, ill: Patient
) -> None:
    page = nurse.page
    nurse.choose(ill)
    page.keyboard.press("s")
    page.keyboard.press("ArrowDown")  # two hours
    page.keyboard.press("Tab")
    page.keyboard.type("Måler igjen etter frokost")
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()  # it is not yet confirmed
    page.keyboard.press("Tab") if not focused_in(page, "dialog[open] [data-if-red]") else None
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(page.locator("#toast")).to_contain_text("Utsatt")
    alert = red_alert(hospital, ill, "acknowledged")
    until = datetime.fromisoformat(alert["snoozed_until"]) - datetime.now(UTC)
    assert timedelta(minutes=117) < until <= timedelta(hours=2)


def test_an_alert_is_given_to_a_colleague_and_lifted_to_a_doctor_by_keys(
    nurse: Screen, hospital: Hospital, ill: Patient
) -> None:
    page = nurse.page
    nurse.choose(ill)
    page.keyboard.press("a")
    assert page.locator("dialog[open] input:checked").count() == 1, "oneself, to begin with"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("Gitt videre")
    assert red_alert(hospital, ill)["assignee_name"] == SECOND_NURSE

    page.keyboard.press("e")
    page.keyboard.type("Ny brystsmerte på telefon")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("Løftet til lege")
    last = red_alert(hospital, ill)["history"][-1]
    assert (last["move"], last["note"]) == ("escalate", "Ny brystsmerte på telefon")


def test_a_note_with_a_reminder_is_written_by_keys(
    nurse: Screen, hospital: Hospital, ill: Patient
) -> None:
    page = nurse.page
    nurse.choose(ill)
    page.keyboard.press("n")
    page.keyboard.type("Ring om prøvesvar")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.locator("#toast")).to_contain_text("Notat lagret")
    path = f"/v1/tasks?patient={ill.id}"
    [task] = hospital.alerts.get(path, headers=hospital.nurse).json()["tasks"]
    assert task["text"] == "Ring om prøvesvar"
    due = datetime.fromisoformat(task["due_at"])
    assert timedelta(hours=8) < due - datetime.now(UTC) < timedelta(hours=40)


def test_an_alert_is_handed_over_by_keys_and_not_to_nobody(
    nurse: Screen, hospital: Hospital, ill: Patient, lung: str
) -> None:
    page = nurse.page
    page.reload()
    nurse.choose(ill)
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()  # no unit has been chosen
    dialog(page).get_by_label("Til avdeling").select_option(lung)
    page.keyboard.press("Tab")
    page.keyboard.type("Tung pust")
    page.keyboard.press("Enter")

    expect(page.locator("#toast")).to_contain_text("Overført")
    expect(nurse.row(ill)).to_contain_text("ikke tatt imot: Tung pust")
    assert red_alert(hospital, ill)["handed"]["to"]["id"] == lung


def test_what_was_not_saved_is_said_in_the_dialog_and_still_stands_there(
    nurse: Screen, hospital: Hospital, ill: Patient
) -> None:
    page = nurse.page
    nurse.choose(ill)
    page.keyboard.press("x")
    open_ = dialog(page)
    open_.get_by_label("Ikke nyttig").check()
    open_.get_by_label("Begrunnelse").fill("Målt med feil mansjett")

    def cut(route: Route) -> None:
        route.abort()

    page.route("**/v1/alerts/*/moves", cut)
    page.keyboard.press("Enter")
    expect(open_.get_by_role("alert")).to_have_text("Ikke lagret. Ingen forbindelse med serveren.")
    expect(open_.get_by_label("Begrunnelse")).to_have_value("Målt med feil mansjett")
    nurse.meant("ERR_FAILED")
    page.unroute("**/v1/alerts/*/moves")

    page.keyboard.press("Enter")
    expect(dialog(page)).to_have_count(0)
    closed = hospital.alerts.get(
        "/v1/alerts", params={"patient": ill.id, "state": "closed"}, headers=hospital.nurse
    ).json()["alerts"]
    assert [one["history"][-1]["outcome"] for one in closed] == ["not-useful"]


def test_who_was_slower_finds_all_she_chose_and_typed(
    nurse: Screen, hospital: Hospital, ill: Patient, lung: str
) -> None:
    page = nurse.page
    page.reload()
    nurse.choose(ill)
    page.keyboard.press("h")
    dialog(page).get_by_label("Til avdeling").select_option(lung)
    dialog(page).get_by_label("Begrunnelse").fill("Tung pust")
    hospital.move(red_alert(hospital, ill), "note", note="Ringt").raise_for_status()

    page.keyboard.press("Enter")
    expect(page.locator("#moved")).to_be_visible()
    nurse.meant("409")
    page.keyboard.press("Enter")
    page.keyboard.press("h")

    expect(dialog(page).get_by_label("Til avdeling")).to_have_value(lung)
    expect(dialog(page).get_by_label("Begrunnelse")).to_have_value("Tung pust")


def test_a_task_is_given_back_in_a_dialog_that_says_whose_it_is(
    new_screen: Callable[[str], Screen], nurse: Screen, hospital: Hospital, ill: Patient, lung: str
) -> None:
    theirs = hospital.log_in(person="per", units=[lung])
    alert = red_alert(hospital, ill)
    moved = hospital.move(alert, "hand-over", unit=lung, note="Vurder")
    moved.raise_for_status()
    hospital.move(moved.json(), "accept", theirs).raise_for_status()
    task = {"patient": ill.id, "text": "Spør om hosten", "unit": hospital.unit}
    made = hospital.alerts.post("/v1/tasks", json=task, headers=theirs)
    assert made.status_code == 201, made.text

    page = nurse.page
    page.reload()
    page.wait_for_timeout(500)  # its own event is told
    item = page.locator(f'[data-task="{made.json()["id"]}"]')
    item.get_by_role("button", name="Gi tilbake").focus()
    page.keyboard.press("Enter")
    open_ = page.get_by_role("dialog", name="Gi oppgaven tilbake")
    expect(open_.locator(".about")).to_contain_text("født")
    expect(open_).to_contain_text("Spør om hosten")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    item.get_by_role("button", name="Gi tilbake").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Ikke vår pasient lenger")
    page.keyboard.press("Enter")

    expect(item).to_have_count(0)
    [line] = [
        one
        for one in hospital.alerts.get("/v1/tasks", headers=theirs).json()["tasks"]
        if one["id"] == made.json()["id"]
    ]
    assert line["history"][-1]["note"] == "Ikke vår pasient lenger"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_the_patients_page_each_sheet_holds_the_focus_and_lets_go_with_esc(
    nurse: Screen, ill: Patient, lung: str, theme: str
) -> None:
    nurse.page.goto(f"{nurse.address}/patients/{ill.id}?theme={theme}")
    page = nurse.page
    first = page.locator("article.alert").first
    for key in SHEETS:
        page.keyboard.press(key)
        sheet = first.locator(f'details[data-open="{key}"][open] .sheet')
        expect(sheet).to_be_visible()
        expect(sheet.locator(".about")).to_contain_text("født")
        for _ in range(10):
            page.keyboard.press("Tab")
            assert focused_in(page, f'article.alert details[data-open="{key}"] .sheet')
        if barriers.AXE.exists():
            assert barriers.on(page, "article.alert") == []
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        assert focused_in(page, f'article.alert details[data-open="{key}"] summary')


def test_on_the_patients_page_enter_sends_and_a_refusal_keeps_what_was_typed(
    nurse: Screen, hospital: Hospital, ill: Patient, lung: str
) -> None:
    nurse.open(ill)
    page = nurse.page
    page.keyboard.press("h")
    sheet = page.locator('article.alert details[data-open="h"][open] .sheet').first
    sheet.get_by_label("Til avdeling").select_option(lung)
    sheet.get_by_label("Begrunnelse").fill("Tung pust")
    other = hospital.alert(ill, "blood-pressure")
    hospital.move(other, "note", note="Ringt").raise_for_status()

    page.keyboard.press("Enter")

    expect(page.locator(".moved")).to_contain_text("Ingenting av det du gjorde ble lagret.")
    nurse.meant("409")
    sheet = page.locator('article.alert details[data-open="h"][open] .sheet').first
    expect(sheet.get_by_label("Til avdeling")).to_have_value(lung)
    expect(sheet.get_by_label("Begrunnelse")).to_have_value("Tung pust")
    sheet.get_by_role("button", name="Overfør").press("Enter")
    expect(page.locator(".notice", has_text="Lagret.")).to_be_visible()
    assert red_alert(hospital, ill)["handed"]["to"]["id"] == lung


def test_a_phoned_in_reading_that_is_refused_is_not_typed_twice(
    nurse: Screen, patient: Patient
) -> None:
    nurse.open(patient)
    page = nurse.page
    page.locator("#enter summary", has_text="Vekt").press("Enter")
    form = page.locator("#enter details[open]")
    form.get_by_label("Vekt").fill("8244")
    form.get_by_label("Notat").fill("Ringt inn av datteren")
    form.get_by_label("Notat").press("Enter")

    expect(page.locator(".notice", has_text="Ingenting ble lagret.")).to_be_visible()
    nurse.meant("422")
    form = page.locator("#enter details[open]")
    expect(form.get_by_label("Vekt")).to_have_value("8244")
    expect(form.get_by_label("Notat")).to_have_value("Ringt inn av datteren")
    form.get_by_label("Vekt").fill("82,4")
    form.get_by_label("Vekt").press("Enter")
    expect(page.locator("#readings tbody tr").first).to_contain_text("82,4")


def test_the_patient_is_called_from_his_page_and_his_pause_says_of_what_kind(
    nurse: Screen, hospital: Hospital, ill: Patient
) -> None:
    path = f"/v1/patients/{ill.id}"
    changed = hospital.patients.patch(path, json={"phone": "99887766"}, headers=hospital.nurse)
    assert changed.status_code == 200, changed.text
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    pause = {"kind": "admission", "until": until, "reason": "Medisinsk post"}
    hospital.made(hospital.patients, f"{path}/pauses", pause, hospital.nurse)
    eventually(lambda: (hospital.row(ill) or {}).get("paused"))

    nurse.page.reload()
    expect(nurse.row(ill)).to_contain_text("Innlagt: Medisinsk post, til")
    expect(nurse.row(ill)).not_to_contain_text("99 88")
    nurse.open(ill)
    call = nurse.page.get_by_role("link", name="Telefon 99 88 77 66")
    expect(call).to_have_attribute("href", "tel:+4799887766")
    said = nurse.page.locator(".notice", has_text="Innlagt: Medisinsk post")
    expect(said).to_contain_text("merkes «målt under innleggelse»")
    assert "99887766" not in changed.text
