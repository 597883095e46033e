"""`make pictures`: the pictures in docs/, taken of a running system with simulated homes."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser import screen as toolkit
from tests.browser.screen import Screen
from tests.journeys import system
from tests.journeys.hospital import Hospital, eventually

DOCS = Path(__file__).parents[2] / "docs"
HOMES = 48
SPEED = 12


def main() -> None:
    with toolkit.chromium() as browser, system.started() as hospital:
        if browser is None:
            raise SystemExit("Chromium is needed for pictures (Debian: apt-get install chromium).")
        hospital.seed(HOMES)
        _a_morning(hospital)
        _somebody_at_work(hospital)
        screen = toolkit.opened(browser, hospital.addresses["alerts"], toolkit.NURSE)
        _list(screen)
        _patient(screen)
        if screen.faults:
            raise SystemExit(f"The browser was not content: {screen.faults}")


def _a_morning(hospital: Hospital) -> None:
    """Two weeks of history and one morning; the homes' parts are in deploy/local/simulated."""
    path = f"/v1/units/{hospital.unit}"
    hospital.patients.patch(
        path, json={"watching": _shifts()}, headers=hospital.administrator
    ).raise_for_status()
    seeded = hospital.directory / "seed.json"
    seeded.write_text(json.dumps(hospital.seeded))
    hospital.command(
        "simulate", "--seed-file", str(seeded), "--minutes", "0", "--speed", str(SPEED)
    )
    eventually(lambda: _counts(hospital), 60)


def _shifts() -> dict[str, Any]:
    """Somebody watches, whenever the pictures are taken, and somebody comes after."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    shifts = (("07:45", "15:30"), ("15:31", "22:00"), ("22:01", "07:44"))
    hours = [{"days": days, "from": begins, "to": ends} for begins, ends in shifts]
    return {"zone": "Europe/Oslo", "hours": hours}


def _counts(hospital: Hospital) -> bool:
    counts = next(hospital.worklist())["counts"]
    wanted = {"red": 3, "yellow": 3, "technical": 2, "green": 20, "quarantined": 2}
    return all(counts[name] >= least for name, least in wanted.items())


def _somebody_at_work(hospital: Hospital) -> None:
    """One alert taken, one acknowledged, one patient away on a journey."""
    rows = [row for page in hospital.worklist() for row in page["rows"]]
    first, second = (
        next(row for row in rows if row["colour"] == colour and not row["technical"])
        for colour in ("red", "yellow")
    )
    nurse = next(one for one in hospital.seeded["staff"] if one["name"] == toolkit.NURSE)
    other = next(one for one in hospital.seeded["staff"] if one["name"] == toolkit.SECOND_NURSE)
    _move(hospital, first, nurse, "assign", assignee=nurse["id"])
    _move(hospital, second, other, "assign", assignee=other["id"])
    _move(hospital, second, other, "acknowledge")
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    hospital.made(
        hospital.patients,
        f"/v1/patients/{rows[-1]['patient']['id']}/pauses",
        {"until": until, "reason": "På reise"},
        hospital.nurse,
    )
    eventually(lambda: any(row["paused"] for page in hospital.worklist() for row in page["rows"]))


def _move(hospital: Hospital, row: Any, by: Any, move: str, **more: Any) -> None:
    alert = hospital.alert_now(row["alerts"][0])
    headers = {"authorization": f"Bearer {by['token']}"}
    answer = hospital.move(alert, move, headers, **more)
    assert answer.status_code == 200, answer.text


def _list(screen: Screen) -> None:
    expect(screen.page.locator(".row.red").first).to_be_visible()
    _rest(screen)
    screen.page.screenshot(path=DOCS / "worklist.png")


def _patient(screen: Screen) -> None:
    screen.page.locator(".row.red .nm").first.click()
    expect(screen.page.locator("#charts canvas").first).to_be_visible()
    _rest(screen)
    screen.page.screenshot(path=DOCS / "patient.png")


def _rest(screen: Screen) -> None:
    """Nothing that moves, nothing that hovers."""
    screen.page.mouse.move(0, 0)
    screen.page.wait_for_timeout(500)


if __name__ == "__main__":
    sys.exit(main())
