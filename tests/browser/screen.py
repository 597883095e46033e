"""One person before the nurse's pages, in a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.journeys.hospital import Patient

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = (1366, 768)
PATIENCE = 15_000  # ms: the system and the browser share two cores with all that CI runs
expect.set_options(timeout=PATIENCE)
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
        expect(self.page.locator("#list, main.links")).to_be_visible()
        self.page.wait_for_load_state()

    def row(self, patient: Patient) -> Locator:
        return self.page.locator(f'[id^="row-{patient.id}"]')

    def choose(self, patient: Patient) -> None:
        self.row(patient).locator(".c-why > .why").click()

    def open(self, patient: Patient) -> None:
        self.page.goto(f"{self.address}/patients/{patient.id}")

    def meant(self, words: str) -> None:
        """A fault in the console that the test has brought about itself."""
        assert any(words in fault for fault in self.faults), self.faults
        self.faults[:] = [fault for fault in self.faults if words not in fault]


@contextmanager
def chromium() -> Iterator[Browser | None]:
    """None where none is installed."""
    path = shutil.which("chromium")
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


def opened(browser: Browser, address: str, name: str) -> Screen:
    """Logged in, on the list. The browser asks for English, as hospital machines often do."""
    width, height = SIZE
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    screen = Screen(context.new_page(), address)
    screen.log_in(name)
    return screen
