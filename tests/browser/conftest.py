"""A real browser before the running system, and what went wrong in it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.journeys.hospital import Hospital, Patient

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NURSE, SECOND_NURSE = "Nina Eksempel", "Per Eksempel"


@dataclass
class Screen:
    """One person's browser. `faults` is what its console said; a test takes out what it meant."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on(
            "console",
            lambda said: self.faults.append(said.text) if said.type == "error" else None,
        )
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def log_in(self, name: str) -> None:
        self.page.goto(f"{self.address}/login")
        self.page.get_by_text(name).click()
        self.page.locator("button[type=submit]").click()
        expect(self.page.locator("#list")).to_be_visible()

    def row(self, patient: Patient) -> Locator:
        return self.page.locator(f'[id^="row-{patient.id}"]')

    def choose(self, patient: Patient) -> None:
        self.row(patient).locator(".c-why").click()

    def open(self, patient: Patient) -> None:
        self.page.goto(f"{self.address}/patients/{patient.id}")

    def meant(self, words: str) -> None:
        """A fault in the console that the test has brought about itself."""
        assert any(words in fault for fault in self.faults), self.faults
        self.faults[:] = [fault for fault in self.faults if words not in fault]


# Ended with the module: while it lives, its loop keeps asynchronous tests from starting theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "Chromium is not installed: nothing was seen in a browser"
        if os.environ.get("HJEMVAKT_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def new_screen(browser: Browser, hospital: Hospital) -> Iterator[Callable[[str], Screen]]:
    """Opens a browser for a person; the test fails when any console has said a fault."""
    screens: list[Screen] = []

    def opened(name: str) -> Screen:
        context = browser.new_context(
            viewport={"width": 1366, "height": 768}, locale="en-GB", reduced_motion="reduce"
        )
        context.set_default_timeout(15_000)
        screen = Screen(context.new_page(), hospital.addresses["alerts"])
        screens.append(screen)
        screen.log_in(name)
        return screen

    yield opened
    for screen in screens:
        screen.page.context.close()
    faults = [fault for screen in screens for fault in screen.faults]
    assert not faults, faults


@pytest.fixture
def nurse(new_screen: Callable[[str], Screen]) -> Screen:
    """The list as the nurse sees it after log-in."""
    return new_screen(NURSE)
