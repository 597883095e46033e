"""What changes on the list waits for the hand: a press is never lost, and no red waits for long."""

import pytest
from playwright.sync_api import ElementHandle, Locator, Page, Route, expect

from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient


class Withheld:
    """The list as it is read anew, kept back until the test lets it come."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[Route] = []
        self.may_come = False
        page.route("**/rows?*", self.keep)

    def keep(self, route: Route) -> None:
        if self.may_come:
            route.continue_()
        else:
            self.asked.append(route)

    def let_come(self) -> None:
        while not self.asked:
            self.page.wait_for_timeout(50)
        with self.page.expect_response("**/rows?*") as answered:
            self.may_come = True
            for one in self.asked:
                one.continue_()
        answered.value.finished()
        self.page.wait_for_timeout(300)  # it is read, and would have been shown


@pytest.fixture
def row(nurse: Screen, hospital: Hospital, patient: Patient) -> Locator:
    """A red row on a list that has heard of all there was."""
    hospital.send_one(patient, device.low_pressure(at=device.ago(600)))
    found = nurse.row(patient)
    expect(found).to_have_class("row red", timeout=15_000)
    nurse.page.wait_for_timeout(2000)
    return found


def test_a_list_that_comes_while_the_pointer_is_down_loses_no_click(
    nurse: Screen, hospital: Hospital, patient: Patient, row: Locator
) -> None:
    withheld = Withheld(nurse.page)
    hospital.send_one(patient, device.pressure(81, 47))
    pressed = _press(nurse.page, row.locator(".nm"))

    withheld.let_come()
    assert pressed.evaluate("one => one.isConnected")
    nurse.page.mouse.up()

    expect(nurse.page).to_have_url(f"{nurse.address}/patients/{patient.id}")


def test_what_was_held_back_comes_when_the_hand_is_away_and_the_focus_stays(
    nurse: Screen, hospital: Hospital, patient: Patient, row: Locator
) -> None:
    page = nurse.page
    withheld = Withheld(page)
    hospital.send_one(patient, device.pressure(81, 47))
    pressed = _press(page, page.locator("#list h2.lh").first)
    chip = page.locator("#filters a.chip").last
    where = chip.get_attribute("href")
    chip.focus()

    withheld.let_come()
    page.mouse.up()

    expect(row.locator(".c-val")).to_contain_text("81/47")
    assert not pressed.evaluate("one => one.isConnected")
    assert page.evaluate("document.activeElement.getAttribute('href')") == where


def test_a_press_that_never_ends_keeps_no_red_away(
    nurse: Screen, hospital: Hospital, patient: Patient, row: Locator
) -> None:
    _press(nurse.page, row.locator(".nm"))
    try:
        hospital.send_one(patient, device.pressure(81, 47))
        expect(row.locator(".c-val")).to_contain_text("81/47", timeout=20_000)
    finally:
        nurse.page.mouse.up()


def _press(page: Page, what: Locator) -> ElementHandle:
    """Down, and not up again. The very element, whatever takes its place."""
    what.hover()
    page.mouse.down()
    return what.element_handle()
