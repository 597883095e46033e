"""The patient's own page on a phone, before the running system: few touches, and no network."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.browser import barriers
from tests.browser import screen as toolkit
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient

PHONE = (390, 844)
PAGES = ("/me", "/me/enter/body_weight", "/me/enter/blood_pressure", "/me/trends", "/me/plan",
         "/me/about", "/me/worried", "/me/photo", "/me/forms/home-dialysis-daily", "/me/offline",
         "/me/login?left=true")  # fmt: skip


@dataclass
class Phone:
    """A patient's phone. `taps` counts what a finger does; typing digits is not counted."""

    page: Page
    address: str
    taps: int = 0
    faults: list[str] = field(default_factory=list)

    def go(self, place: str = "/me") -> None:
        self.page.goto(f"{self.address}{place}")
        self.page.wait_for_load_state()

    def tap(self, selector: str) -> None:
        self.taps += 1
        self.page.locator(selector).first.tap()

    def type(self, keys: str) -> None:
        """On the page's own keys, as a finger does."""
        for key in keys:
            self.page.locator(f'.pad [data-key="{key}"]').tap()

    def ready(self) -> None:
        """The phone's own page is kept, and whose phone it is is known."""
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.page.wait_for_function("navigator.serviceWorker.controller !== null")

    def waiting(self) -> list[Any]:
        found: list[Any] = self.page.evaluate(
            """() => new Promise((resolve) => {
                const open = indexedDB.open("hjemvakt-me", 1);
                open.onsuccess = () => {
                    const all = open.result.transaction("queue").objectStore("queue").getAll();
                    all.onsuccess = () => { open.result.close(); resolve(all.result); };
                };
            })"""
        )
        return found

    def nothing_waits(self) -> None:
        for _ in range(80):
            with suppress(Error):  # the page may be on its way to another
                if not self.waiting():
                    return
            self.page.wait_for_timeout(500)
        raise AssertionError("something is still in the phone")


@pytest.fixture
def new_phone(browser: Browser, hospital: Hospital) -> Iterator[Callable[..., Phone]]:
    """A phone on which the patient has logged in; the test fails when its console said a fault."""
    phones: list[Phone] = []

    def opened(patient: Patient, **how: Any) -> Phone:
        width, height = PHONE
        context = browser.new_context(
            **{
                "viewport": {"width": width, "height": height}, "has_touch": True,
                "is_mobile": True, "locale": "nb-NO", "reduced_motion": "reduce", **how,
            }
        )  # fmt: skip
        context.set_default_timeout(15_000)
        phone = Phone(context.new_page(), hospital.addresses["patients"])
        phones.append(phone)
        page = phone.page
        page.on(
            "console",
            lambda said: phone.faults.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: phone.faults.append(str(error)))
        phone.go()
        page.locator("main a.send").click()
        page.locator("input[name=pid]").fill(patient.number)
        page.locator("button[type=submit]").click()
        page.wait_for_url(f"{phone.address}/me")
        page.wait_for_load_state()
        return phone

    yield opened
    for phone in phones:
        phone.page.context.close()
    faults = [fault for phone in phones for fault in phone.faults if "ERR_INTERNET" not in fault]
    assert not faults, faults


@pytest.fixture
def phone(new_phone: Callable[..., Phone], patient: Patient) -> Phone:
    return new_phone(patient)


def readings(hospital: Hospital, patient: Patient, kind: str = "body_weight") -> list[Any]:
    answer = hospital.patients.get(
        f"/v1/patients/{patient.id}/readings", params={"kind": kind}, headers=hospital.nurse
    )
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["readings"] if one["source"].startswith("patient:")]


def test_a_daily_weight_takes_no_more_than_three_taps(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    page = phone.page
    phone.tap('a[href="/me/enter/body_weight"]')
    page.wait_for_url("**/me/enter/body_weight")
    expect(page.locator("form.entry input")).to_be_focused()
    expect(page.locator("form.entry input")).to_have_value("")
    phone.type("84,7")
    expect(page.locator("button[type=submit]")).to_have_text("Send 84,7 kg")

    phone.tap("button[type=submit]")
    if page.locator(".doubt").is_visible():  # far from the last one: asked about, once
        phone.tap(".doubt [data-do=yes]")

    expect(page.locator("#live h1")).to_have_text("Mottatt")
    expect(page.locator(".trk").first).to_contain_text("Ikke sett")
    assert phone.taps <= 3
    assert [one["values"] for one in readings(hospital, patient)] == [{"value": 84.7}]


@pytest.mark.parametrize("typed", ["84,7", "84.7"])
def test_comma_and_point_are_the_same(
    phone: Phone, hospital: Hospital, patient: Patient, typed: str
) -> None:
    phone.go("/me/enter/body_weight")
    phone.page.locator("form.entry input").fill(typed)
    phone.page.locator("button[type=submit]").tap()
    if phone.page.locator(".doubt").is_visible():
        phone.page.locator(".doubt [data-do=yes]").tap()
    expect(phone.page.locator("#live h1")).to_have_text("Mottatt")
    assert readings(hospital, patient)[0]["values"] == {"value": 84.7}


def test_what_cannot_be_is_said_and_what_is_unlikely_is_asked_about(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    page = phone.page
    phone.go("/me/enter/body_weight")
    entry, send = page.locator("form.entry input"), page.locator("button[type=submit]")
    entry.fill("847")
    send.tap()
    expect(page.locator(".wrong")).to_contain_text("Vekt kan ikke være 847 kg")
    expect(entry).to_be_focused()
    entry.fill("20")
    send.tap()
    expect(page.locator(".doubt")).to_be_visible()
    page.locator(".doubt [data-do=no]").tap()
    assert not readings(hospital, patient)

    phone.go("/me/enter/blood_pressure")
    page.locator("[name=systolic]").fill("80")
    page.locator("[name=diastolic]").fill("120")
    page.locator("button[type=submit]").tap()
    expect(page.locator(".wrong")).to_contain_text("lavere enn det øverste")


def test_with_no_network_it_lies_in_the_phone_and_is_sent_once_when_it_is_back(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    page, context = phone.page, phone.page.context
    phone.ready()
    phone.go("/me/enter/body_weight")
    context.set_offline(True)
    phone.type("83,9")
    page.locator("button[type=submit]").tap()
    if page.locator(".doubt").is_visible():
        page.locator(".doubt [data-do=yes]").tap()

    expect(page.locator(".saved h1")).to_have_text("83,9 kg ligger i telefonen")
    expect(page.locator("#queue")).to_contain_text("Venter på nett")
    assert len(phone.waiting()) == 1
    assert not readings(hospital, patient)
    # Not a page with the patient in it, but one to type on.
    page.goto(f"{phone.address}/me", wait_until="commit")
    expect(page.locator("h1").first).to_have_text("Ingen nettforbindelse")
    expect(page.locator("#queue")).to_contain_text("83,9 kg")
    page.locator("summary", has_text="Temperatur").tap()
    page.locator("details[open] input").fill("37,2")
    page.locator("details[open] button[type=submit]").tap()
    expect(page.locator(".saved h1")).to_have_text("37,2 °C ligger i telefonen")
    assert len(phone.waiting()) == 2

    context.set_offline(False)

    expect(page.locator("#live h1")).to_have_text("Mottatt", timeout=20_000)
    phone.nothing_waits()
    expect(page.locator("#queue")).to_be_hidden()
    assert [one["values"] for one in readings(hospital, patient)] == [{"value": 83.9}]
    assert len(readings(hospital, patient, "body_temp")) == 1


def test_a_sending_cut_off_before_its_receipt_counts_once(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    """It arrives, and the answer does not: the phone cannot know, and sends again."""
    page = phone.page
    phone.go("/me/enter/body_weight")

    def cut(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route("**/me/send", cut)
    phone.type("84,1")
    page.locator("button[type=submit]").tap()
    if page.locator(".doubt").is_visible():
        page.locator(".doubt [data-do=yes]").tap()
    expect(page.locator(".saved h1")).to_contain_text("ligger i telefonen")
    assert len(readings(hospital, patient)) == 1
    page.unroute("**/me/send")
    phone.faults.clear()

    phone.go()

    phone.nothing_waits()
    expect(page.locator("#queue")).to_be_hidden()
    assert len(readings(hospital, patient)) == 1


def test_a_reading_that_another_round_has_sent_is_not_said_to_lie_in_the_phone(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    page = phone.page
    phone.go("/me/enter/body_weight")
    page.evaluate(
        """() => new Promise((held) => navigator.locks.request("hjemvakt-me", () => {
            held();
            return new Promise((end) => { window.end = end; });
        }))"""
    )
    page.evaluate("dispatchEvent(new Event('online'))")
    phone.type("84,3")
    page.locator("button[type=submit]").tap()
    if page.locator(".doubt").is_visible():
        page.locator(".doubt [data-do=yes]").tap()
    page.wait_for_function("document.querySelector('form.entry button[type=submit]').disabled")

    page.evaluate("window.end()")

    expect(page.locator("#live h1")).to_have_text("Mottatt", timeout=15_000)
    assert len(readings(hospital, patient)) == 1


def test_what_one_has_typed_is_never_sent_as_anothers(
    new_phone: Callable[..., Phone], hospital: Hospital
) -> None:
    first, second = hospital.patient(), hospital.patient()
    phone = new_phone(first)
    page = phone.page
    phone.go("/me/enter/body_weight")
    page.context.set_offline(True)
    phone.type("84,2")
    page.locator("button[type=submit]").tap()
    if page.locator(".doubt").is_visible():
        page.locator(".doubt [data-do=yes]").tap()
    expect(page.locator(".saved h1")).to_be_visible()
    page.context.clear_cookies()
    page.context.set_offline(False)
    phone.faults.clear()
    phone.go("/me/login")

    page.locator("main a.send").click()
    page.locator("input[name=pid]").fill(second.number)
    page.locator("button[type=submit]").click()
    page.wait_for_url(f"{phone.address}/me")
    page.wait_for_timeout(1000)

    expect(page.locator("#queue")).to_be_hidden()
    assert len(phone.waiting()) == 1
    assert not readings(hospital, first)
    assert not readings(hospital, second)
    phone.faults.clear()


def test_a_red_answer_is_met_before_it_is_sent_and_with_no_network(phone: Phone) -> None:
    page = phone.page
    phone.go("/me/forms/home-dialysis-daily")
    page.context.set_offline(True)

    page.locator("[data-link=chest-pain] label", has_text="Ja").tap()

    crisis = page.locator("#crisis")
    expect(crisis).to_be_visible()
    expect(crisis).to_contain_text("Ring 113 ved akutt fare")
    expect(crisis.locator("a[href='tel:113']")).to_be_visible()
    page.locator("[data-link=chest-pain] label", has_text="Nei").tap()
    expect(crisis).to_be_hidden()


def test_a_form_asks_what_follows_and_keeps_what_was_answered(
    phone: Phone, hospital: Hospital, patient: Patient
) -> None:
    page = phone.page
    phone.go("/me/forms/home-dialysis-daily")
    page.locator("[data-link=dizziness] label", has_text="Nei").tap()

    page.locator("button[type=submit]").tap()

    expect(page.locator("#live h1")).to_have_text("Mottatt")
    found = hospital.patients.get(
        f"/v1/patients/{patient.id}/readings", params={"type": "answers"}, headers=hospital.nurse
    ).json()["readings"]
    assert found[0]["answers"]["dizziness"] == ["none"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["nb", "nn", "en"])
def test_no_page_has_a_fault_that_axe_finds(
    phone: Phone, hospital: Hospital, patient: Patient, theme: str, lang: str
) -> None:
    barriers.needed()
    hospital.send_one(patient, device.low_pressure())
    phone.go(f"/me?lang={lang}&theme={theme}")
    for place in PAGES:
        phone.go(place)
        phone.page.wait_for_timeout(150)
        assert (place, barriers.on(phone.page)) == (place, [])


@pytest.mark.parametrize("scale", [1, 2])
def test_nothing_is_cut_off_at_the_side_with_small_or_large_text(phone: Phone, scale: int) -> None:
    for place in PAGES:
        phone.go(place)
        phone.page.evaluate(f"document.documentElement.style.fontSize = '{16 * scale}px'")
        wide = phone.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE[0], (place, wide)
        small = phone.page.evaluate(
            """() => [...document.querySelectorAll("main a, main button, nav a, summary, .opt")]
                .filter((one) => one.offsetParent && !one.closest(".vh"))
                .filter((one) => one.getBoundingClientRect().height < 44)
                .map((one) => one.outerHTML.slice(0, 120))"""
        )
        assert not small, (place, small)


def test_a_low_pressure_is_red_on_the_nurses_list_and_seen_once_she_has_taken_it(
    phone: Phone, new_screen: Callable[[str], Screen], hospital: Hospital, patient: Patient
) -> None:
    page = phone.page
    nurse = new_screen(toolkit.NURSE)
    phone.go("/me/enter/blood_pressure")
    page.locator("[name=systolic]").fill("82")
    page.locator("[name=diastolic]").fill("48")
    page.locator("button[type=submit]").tap()
    if page.locator(".doubt").is_visible():
        page.locator(".doubt [data-do=yes]").tap()

    expect(page.locator("#live h1")).to_have_text("Mottatt")
    expect(page.locator(".redc.red").first).to_contain_text("Ring 113 ved akutt fare")
    expect(page.locator(".trk")).to_contain_text("Ikke sett")
    row = nurse.row(patient)
    expect(row.locator(".c-st")).to_have_text("Rød")
    expect(row.locator(".why")).to_contain_text("Systolisk 82")
    nurse.choose(patient)
    nurse.page.keyboard.press("c")
    expect(nurse.page.locator("dialog[open] .about")).to_contain_text("født")
    nurse.page.keyboard.press("Enter")
    expect(row.locator(".c-who")).to_contain_text("kvittert")

    expect(page.locator(".trk").first).to_contain_text("Sett", timeout=40_000)
    expect(page.locator(".trk").first).to_contain_text(re.compile(r"av Nina \d\d:\d\d"))
    expect(page.locator(".lead")).to_contain_text("Enheten har sett det.")


def test_logging_out_ends_it(phone: Phone) -> None:
    page = phone.page
    phone.go("/me/about")
    page.locator("form.out button").tap()
    expect(page).to_have_url(re.compile(r"/idporten/endsession\?"))  # there too
    expect(page.locator("main")).to_contain_text("Du er logget ut.")
    phone.go("/me/plan")
    expect(page.locator("h1")).to_have_text("Logg inn")
