"""Messages on the patient's phone and the nurse's screen, with the network cut in mid-send."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Request, Route, expect

from tests.browser import barriers
from tests.browser import screen as toolkit
from tests.browser.screen import Screen
from tests.browser.test_my_page import Phone, new_phone, phone
from tests.journeys.hospital import Hospital, Patient, eventually
from tests.journeys.test_messages import as_seen, lane, waits, write

__all__ = ["new_phone", "phone"]


def test_a_message_is_written_on_the_phone_and_answered_at_the_desk(
    phone: Phone, nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    phone.go("/me/messages")
    expect(phone.page.locator("main")).to_contain_text("ikke en nødtelefon")
    expect(phone.page.locator("main")).to_contain_text("113")
    phone.page.locator("textarea[name=text]").fill("Kan jeg bade?")
    phone.tap("form.letter .send")
    own = phone.page.locator(".letters .own .words")
    expect(own).to_have_text("Kan jeg bade?", timeout=15_000)
    waits(hospital, patient)

    nurse.page.goto(nurse.address)
    row = nurse.page.locator(f"#msg-{patient.id}")
    expect(row).to_contain_text("Kan jeg bade?")
    row.locator(".nm").click()
    expect(nurse.page.locator("#answer")).to_be_visible()
    nurse.page.wait_for_load_state()
    nurse.page.locator("#answer").fill("Ja, med bandasje på.")
    nurse.page.keyboard.press("Control+Enter")
    expect(nurse.page.locator(".letters .ours .words")).to_have_text("Ja, med bandasje på.")

    phone.go("/me/messages")
    expect(phone.page.locator(".letters .unit .words")).to_have_text("Ja, med bandasje på.")
    expect(phone.page.locator(".letters .own .trk .yes")).to_have_count(4)


def test_an_old_screen_is_shown_what_has_come_and_keeps_what_was_typed(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    write(hospital, patient, "Første")
    waits(hospital, patient)
    nurse.page.goto(f"{nurse.address}/patients/{patient.id}/messages")
    nurse.page.locator("#answer").fill("Svar på det første")
    write(hospital, patient, "Og så en ting til")
    waits(hospital, patient, 2)

    nurse.page.locator("form:has(#answer) [type=submit]").click()

    expect(nurse.page.locator(".wrong[role=alert]")).to_contain_text("siden du åpnet")
    expect(nurse.page.locator(".letters")).to_contain_text("Og så en ting til")
    expect(nurse.page.locator("#answer")).to_have_value("Svar på det første")
    nurse.meant("409")
    assert lane(hospital, patient)["n"] == 2


def test_a_network_that_is_cut_in_mid_send_loses_nothing_and_sends_nothing_twice(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    """The hospital has it, and the phone does not know: its receipt never came."""
    phone.go("/me/messages")
    phone.ready()
    sent: list[str] = []

    def cut(route: Route, request: Request) -> None:
        sent.append(str(request.post_data))
        if len(sent) == 1:
            assert route.fetch().ok, "the first one arrives"
            route.abort("connectionreset")
        else:
            route.continue_()

    phone.page.route("**/me/send", cut)
    phone.page.locator("textarea[name=text]").fill("Er dette kommet fram?")
    phone.tap("form.letter .send")
    expect(phone.page.locator(".saved h1")).to_be_visible()
    [kept] = phone.waiting()
    waits(hospital, patient)

    phone.page.evaluate("dispatchEvent(new Event('online'))")
    phone.nothing_waits()

    assert len(sent) == 2
    assert all(kept["id"] in body for body in sent), "the same id both times"
    assert [one["text"] for one in as_seen(hospital, patient)] == ["Er dette kommet fram?"]
    phone.faults.clear()


def test_a_message_is_written_with_no_network_and_sent_once_when_it_is_back(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    phone.go("/me/messages")
    phone.ready()
    phone.page.context.set_offline(True)
    phone.page.goto(f"{phone.address}/me/messages")
    phone.page.locator("details.write summary").tap()
    expect(phone.page.locator("details.write")).to_contain_text("ikke en nødtelefon")
    phone.page.locator("textarea[name=text]").fill("Skrevet i tunnelen")
    phone.tap("form.letter .send")
    expect(phone.page.locator(".saved h1")).to_be_visible()
    assert len(phone.waiting()) == 1

    phone.page.context.set_offline(False)
    phone.nothing_waits()
    assert waits(hospital, patient)["text"] == "Skrevet i tunnelen"


def test_what_is_written_outlives_a_reload_and_goes_when_it_is_sent(phone: Phone) -> None:
    phone.go("/me/messages")
    phone.page.locator("textarea[name=text]").fill("Jeg begynte å skrive")
    phone.page.wait_for_timeout(600)
    phone.page.reload()
    expect(phone.page.locator("textarea[name=text]")).to_have_value("Jeg begynte å skrive")
    expect(phone.page.locator(".draft")).to_be_visible()

    phone.page.get_by_role("button", name="Send meldingen").tap()
    own = phone.page.locator(".letters .own .words")
    expect(own).to_have_text("Jeg begynte å skrive", timeout=15_000)
    phone.page.reload()
    expect(phone.page.locator("textarea[name=text]")).to_have_value("")


def test_answers_of_a_form_outlive_a_reload(phone: Phone) -> None:
    phone.go("/me/forms/home-dialysis-daily")
    first = phone.page.locator("fieldset.q:not([hidden]) .opt input").first
    first.check()
    phone.page.wait_for_timeout(600)
    phone.page.reload()
    expect(phone.page.locator(".draft")).to_be_visible()
    expect(phone.page.locator("fieldset.q:not([hidden]) .opt input").first).to_be_checked()


def test_the_record_is_locked_and_a_nurse_shut_out_from_the_phone(
    phone: Phone, nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    nurse.open(patient)
    phone.go("/me/access")
    expect(phone.page.locator(".log")).to_contain_text(toolkit.NURSE)
    phone.page.locator("summary").first.tap()
    phone.page.locator("details[open] form button").tap()
    expect(phone.page.locator("main")).to_contain_text("Du låste opplysningene")

    refused = hospital.alerts.get(f"/v1/conversations/{patient.id}", headers=hospital.nurse)
    assert (refused.status_code, refused.json()["code"]) == (403, "locked")

    phone.page.get_by_role("button", name="Åpne igjen").tap()
    expect(phone.page.locator("main")).not_to_contain_text("Du låste")
    phone.page.locator("summary", has_text="Sperr ute en ansatt").tap()
    phone.page.get_by_role("button", name=f"Sperr ute {toolkit.NURSE}").tap()
    expect(phone.page.locator("main")).to_contain_text("Ansatte du har sperret ute")
    refused = hospital.alerts.get(f"/v1/conversations/{patient.id}", headers=hospital.nurse)
    assert (refused.status_code, refused.json()["code"]) == (403, "blocked")
    phone.page.get_by_role("button", name=f"Opphev sperren for {toolkit.NURSE}").tap()
    expect(phone.page.locator("main")).not_to_contain_text("Ansatte du har sperret ute")


def test_no_barriers_on_the_new_pages_at_any_width_and_with_large_text(
    new_phone: Callable[..., Phone], nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    barriers.needed()
    write(hospital, patient, "Et spørsmål med et veldig-langt-ord-som-ikke-vil-brytes-av-seg-selv")
    waits(hospital, patient)
    for theme in ("light", "dark"):
        phone = new_phone(patient, viewport={"width": 320, "height": 700}, color_scheme=theme)
        for place in ("/me/messages", "/me/access", "/me/about", "/me/forms/home-dialysis-daily"):
            phone.go(place)
            for fold in phone.page.locator("main details").all():
                fold.evaluate("one => { one.open = true; }")
            assert barriers.on(phone.page) == [], place
            _fits(phone.page, place)
            phone.page.evaluate("document.documentElement.style.fontSize = '200%'")
            _fits(phone.page, f"{place} at 200 %")
    nurse.page.goto(f"{nurse.address}/patients/{patient.id}/messages")
    assert barriers.on(nurse.page) == []
    nurse.page.goto(nurse.address)
    eventually(lambda: nurse.page.locator(f"#msg-{patient.id}").count())
    assert barriers.on(nurse.page) == []


def _fits(page: Page, place: str) -> None:
    beyond: Any = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert beyond <= 0, f"{place} is {beyond} px too wide"
