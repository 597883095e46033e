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


def on(page: Page) -> list[Any]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(r => r.violations)")
    return [
        (
            one["id"],
            [node["target"] for node in one["nodes"]][:5],
            one["nodes"][0]["failureSummary"],
        )
        for one in found
    ]
