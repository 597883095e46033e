"""A real browser before the running system, and what went wrong in it."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import screen as toolkit
from tests.browser.screen import Screen
from tests.journeys.hospital import Hospital


# Ended with the module: while it lives, its loop keeps asynchronous tests from starting theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with toolkit.chromium() as browser:
        if browser is None:
            reason = "Chromium is not installed: nothing was seen in a browser"
            if os.environ.get("HJEMVAKT_CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        yield browser


@pytest.fixture
def new_screen(browser: Browser, hospital: Hospital) -> Iterator[Callable[[str], Screen]]:
    """Opens a browser for a person; the test fails when any console has said a fault."""
    screens: list[Screen] = []

    def opened(name: str) -> Screen:
        screens.append(toolkit.opened(browser, hospital.addresses["alerts"], name))
        return screens[-1]

    yield opened
    for screen in screens:
        screen.page.context.close()
    faults = [fault for screen in screens for fault in screen.faults]
    assert not faults, faults


@pytest.fixture
def nurse(new_screen: Callable[[str], Screen]) -> Screen:
    """The list as the nurse sees it after log-in."""
    return new_screen(toolkit.NURSE)
