"""A programme is read, tried on what was measured, signed, and made to count, on pages."""

import pytest
from playwright.sync_api import expect

from tests.browser import barriers
from tests.browser.screen import Screen
from tests.journeys.hospital import DIALYSIS, Hospital


def test_a_nurse_reads_a_programme_and_signs_its_line_once(
    nurse: Screen, hospital: Hospital
) -> None:
    page = nurse.page
    page.goto(f"{nurse.address}/setup/programmes")
    page.get_by_role("link", name="Hjemmedialyse").click()
    expect(page.locator("h1")).to_have_text("Hjemmedialyse")
    rule = page.locator("article.rule.red").first
    expect(rule).to_contain_text("Pasienten leser")
    expect(rule).to_contain_text("113")
    expect(page.locator("#signatures")).to_contain_text("ingen ennå")
    expect(page.get_by_role("radio")).to_have_count(1)  # the nurse's line

    page.get_by_role("button", name="Skriv under").click()
    expect(page.get_by_role("alert")).to_contain_text("Kryss av for at du har lest alt")
    nurse.meant("422")
    page.fill("#words", "Lest, og prøvd på tre pasienter")
    page.get_by_label("Jeg har lest hver regel").check()
    page.get_by_role("button", name="Skriv under").click()
    expect(page.get_by_role("status")).to_contain_text("Underskriften er lagret")
    expect(page.locator("#signatures")).to_contain_text("Lest, og prøvd på tre pasienter")
    expect(page.get_by_role("button", name="Skriv under")).to_have_count(0)
    known = hospital.patients.get("/v1/programmes", headers=hospital.nurse).json()["programmes"]
    [dialysis] = [one for one in known if one["slug"] == DIALYSIS]
    [version] = dialysis["versions"]
    assert [one["seat"] for one in version["signatures"]] == ["nurse"]
    assert version["signed"] is False


def test_a_version_is_tried_on_a_page_before_it_can_count(
    nurse: Screen, hospital: Hospital
) -> None:
    known = hospital.patients.get("/v1/programmes", headers=hospital.nurse).json()["programmes"]
    [dialysis] = [one for one in known if one["slug"] == DIALYSIS]
    path = f"/v1/programmes/{DIALYSIS}/activate"
    chosen = {"version": dialysis["version"], "what_if_shown": True, "reason": "Fagrådet"}
    early = hospital.patients.post(path, json=chosen, headers=hospital.log_in("physician"))
    assert early.json()["code"] == "what-if-is-not-shown"

    page = nurse.page
    page.goto(f"{nurse.address}/what-if?programme={DIALYSIS}&version={dialysis['version']}")
    page.get_by_role("button", name="Prøv").click()
    expect(page.get_by_role("heading", name="Slik ville det vært")).to_be_visible(timeout=40_000)
    expect(page.locator("tbody tr").first).to_contain_text("Det som gjelder nå")
    assert barriers.on(page) == []

    made = hospital.patients.post(path, json=chosen, headers=hospital.log_in("physician"))
    assert made.status_code == 201, made.text
    page.goto(f"{nurse.address}/setup/programmes/{DIALYSIS}")
    expect(page.locator("body")).to_contain_text("Denne versjonen gjelder her")
    expect(page.locator("body")).to_contain_text("Fagrådet")


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_programmes(nurse: Screen, theme: str, lang: str, width: int) -> None:
    barriers.needed()
    page = nurse.page
    page.set_viewport_size({"width": width, "height": 768})
    for place in ("", "/home_dialysis", "/web_programme"):
        page.goto(f"{nurse.address}/setup/programmes{place}?theme={theme}&lang={lang}")
        assert barriers.on(page) == [], place
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, place
