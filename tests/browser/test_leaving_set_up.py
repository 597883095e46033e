"""A set-up page that nobody touches: warned, kept by a touch, and then with nothing on it."""

import re

from playwright.sync_api import expect

from tests.browser import barriers
from tests.browser.screen import Screen
from tests.browser.test_sessions import idle
from tests.journeys.hospital import Hospital


def test_a_set_up_page_is_warned_kept_by_a_touch_and_hidden_when_the_session_ends(
    nurse: Screen, hospital: Hospital
) -> None:
    page = nurse.page
    page.goto(f"{hospital.addresses['patients']}/setup/devices")
    bar = page.locator("#idle")
    expect(bar).to_be_hidden()
    idle(hospital, 14.3)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(bar).to_be_visible(timeout=20_000)
    expect(page.locator("#idle-left")).to_have_text(re.compile(r"^[1-5]?\d s$"))
    assert barriers.on(page) == []
    with page.expect_response("**/setup/session"):
        bar.get_by_role("button", name="Bli her").click()
    expect(bar).to_be_hidden()

    idle(hospital, 16)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    ended = page.locator("#ended")
    expect(ended).to_be_visible(timeout=20_000)
    expect(ended).to_contain_text("Du er logget ut")
    assert page.locator("#main").inner_text().strip() == "Du er logget ut."
    expect(page.locator(".tabs, .menu")).to_have_count(0)
    assert barriers.on(page) == []
    expect(page.locator("#again")).to_have_attribute(
        "href", re.compile(r"/login\?next=%2Fsetup%2Fdevices$")
    )


def test_one_logs_out_from_a_set_up_page(nurse: Screen, hospital: Hospital) -> None:
    page = nurse.page
    page.goto(f"{hospital.addresses['patients']}/setup")
    page.locator("details.menu summary").last.click()
    page.get_by_role("button", name="Logg ut").click()
    expect(page).to_have_url(re.compile(r"/login\?state=left$"))

    page.goto(f"{hospital.addresses['patients']}/setup")
    expect(page.locator("h1")).to_have_text("Logg inn")
