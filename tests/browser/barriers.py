"""What keeps somebody from using a page, as axe-core finds it."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "services/alerts/node_modules/axe-core/axe.min.js"


def needed() -> None:
    if not AXE.exists():
        reason = "axe-core was not fetched: nobody looked for barriers"
        pytest.fail(reason) if os.environ.get("HJEMVAKT_CI") else pytest.skip(reason)


def on(page: Page, part: str = "html") -> list[Any]:
    """What is wrong with the page, or with the part of it that the selector names: where the rest
    has been looked at, a long list takes axe seconds."""
    page.evaluate(AXE.read_text())
    # What has passed is not told, and there are no frames in our pages.
    options = {"resultTypes": ["violations"], "iframes": False}
    found = page.evaluate(
        "([part, options]) => axe.run(part, options).then(r => r.violations)", [part, options]
    )
    return [
        (
            one["id"],
            [node["target"] for node in one["nodes"]][:5],
            one["nodes"][0]["failureSummary"],
        )
        for one in found
    ]
