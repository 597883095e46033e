"""An administrator sets a unit's hours, special days and ladder; receipts and alarms go by them."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from services.patients.hospital.ladders import ALWAYS_SOMEBODY
from tests.browser import barriers
from tests.browser.screen import Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital

ADMINISTRATOR = "Arne Eksempel"
ALWAYS = {
    "zone": "Europe/Oslo",
    "hours": [
        {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}
    ],
}
Opens = Callable[[str], Screen]


def today() -> str:
    return f"{datetime.now(UTC).astimezone(ZoneInfo('Europe/Oslo')):%d.%m.%Y}"


def save(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    page.wait_for_load_state()


def test_a_special_day_changes_who_watches_now(new_screen: Opens, hospital: Hospital) -> None:
    unit = hospital.new_unit("Vakttider", ALWAYS)
    patient = hospital.new_patient(unit)
    assert hospital.send_one(patient, device.weight())["watch"]["now"] is True
    administrator = new_screen(ADMINISTRATOR)
    page = administrator.page
    page.goto(f"{administrator.address}/setup/hours/{unit}")
    expect(page.locator(".watch-now")).to_contain_text("følger med nå")

    page.fill("input[name='d.0.date']", "30.02.2027")
    save(page, "Lagre vakttider")
    expect(page.locator(".bad")).to_contain_text("Skriv datoen som")
    expect(page.locator("input[name='d.0.date']")).to_have_value("30.02.2027")
    administrator.meant("422")
    page.fill("input[name='d.0.date']", today())
    page.fill("input[name='d.0.name']", "Planleggingsdag")
    page.keyboard.press("Enter")
    expect(page.locator(".watch-now")).to_contain_text("Ingen følger med nå")
    expect(page.get_by_text("ikke lagret ennå")).to_be_visible()
    path = f"/v1/units/{unit}"
    kept = hospital.patients.get(path, headers=hospital.nurse).json()["watching"]
    assert "special" not in kept

    save(page, "Lagre vakttider")
    expect(page.get_by_role("status")).to_contain_text("lagret")
    expect(page.locator(".rows")).to_contain_text("Planleggingsdag")
    kept = hospital.patients.get(path, headers=hospital.nurse).json()["watching"]
    assert [one["hours"] for one in kept["special"]] == [[]]
    other = hospital.new_patient(unit)

    def nobody() -> bool:
        return hospital.send_one(other, device.weight())["watch"]["now"] is False

    for _ in range(30):
        if nobody():
            break
        page.wait_for_timeout(500)
    assert nobody()


def test_two_who_change_the_hours_at_once_do_not_undo_each_other(
    new_screen: Opens, hospital: Hospital
) -> None:
    unit = hospital.new_unit("To som endrer", ALWAYS)
    administrator = new_screen(ADMINISTRATOR)
    page = administrator.page
    page.goto(f"{administrator.address}/setup/hours/{unit}")
    other = {**ALWAYS, "answers_within": "PT2H"}
    hospital.patients.patch(
        f"/v1/units/{unit}", json={"watching": other}, headers=hospital.administrator
    )
    page.fill("#answers", "6")
    save(page, "Lagre vakttider")
    expect(page.get_by_role("alert")).to_contain_text("Noen andre har endret")
    administrator.meant("409")
    kept = hospital.patients.get(f"/v1/units/{unit}", headers=hospital.nurse).json()["watching"]
    assert kept == other


def test_a_ladder_with_an_empty_hour_is_refused_and_a_whole_one_is_kept(
    new_screen: Opens, hospital: Hospital
) -> None:
    unit = hospital.new_unit("Stige", ALWAYS)
    administrator = new_screen(ADMINISTRATOR)
    page = administrator.page
    page.goto(f"{administrator.address}/setup/hours/{unit}/ladder")
    for name, value in {
        "c.0.name": "vakt", "c.0.to": "+4790000000", "s.0.name": "Vakt", "s.0.red": "5",
        "s.0.t.0.who": "Vaktsykepleier", "s.0.t.0.from": "8", "s.0.t.0.to": "24",
        "l.who": "Vakthavende lege", "l.phone": "+47 90 00 00 00", "l.red": "15",
        "reason": "Vedtatt av avdelingsleder",
    }.items():  # fmt: skip
        page.fill(f"[name='{name}']", value)
    page.select_option("[name='c.0.medium']", "sms")
    save(page, "Prøv stigen")
    for row in ("s.0.t.0.first", "l.first"):
        page.select_option(f"[name='{row}']", "vakt")
    for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"):
        page.check(f"[name='s.0.t.0.{day}']")
    save(page, "Lagre varslingsstigen")
    expect(page.get_by_role("alert").first).to_contain_text("mandag fra kl. 00:00 får ingen")
    administrator.meant("422")
    path = f"/v1/units/{unit}/ladder"
    assert hospital.patients.get(path, headers=hospital.nurse).json()["in_force"] is None

    page.fill("[name='s.0.t.0.from']", "0")
    save(page, "Prøv stigen")
    expect(page.locator("#heard")).to_contain_text("Lørdag")
    expect(page.locator("#heard .climb").first).to_contain_text("etter 5 min")
    save(page, "Lagre varslingsstigen")
    expect(page.get_by_role("status")).to_contain_text("lagret")
    kept = hospital.patients.get(path, headers=hospital.administrator).json()["in_force"]
    assert kept["ladder"]["steps"][0]["targets"][0]["who"] == "Vaktsykepleier"
    assert kept["reason"] == "Vedtatt av avdelingsleder"
    page.select_option("#colour", "yellow")
    page.select_option("#day", "sun")
    page.get_by_role("button", name="Vis", exact=True).click()
    expect(page.locator("#heard")).to_contain_text("Ingen får beskjed")


def test_a_nurse_reads_hours_and_ladder_and_sees_no_address(
    nurse: Screen, hospital: Hospital
) -> None:
    unit = hospital.new_unit("Lesing", ALWAYS)
    hospital.patients.put(
        f"/v1/units/{unit}/ladder", json={"ladder": ALWAYS_SOMEBODY, "reason": "x"},
        headers=hospital.administrator,
    )  # fmt: skip
    page = nurse.page
    for place in ("", "/ladder"):
        page.goto(f"{nurse.address}/setup/hours/{unit}{place}")
        expect(page.locator("h1")).to_contain_text("Lesing")
        expect(page.get_by_role("button", name="Lagre")).to_have_count(0)
    assert "+4790000000" not in page.content()
    refused = page.request.post(page.url, form={"answers": "1"})
    assert refused.status == 403


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "nb", 1366), ("dark", "en", 1024)])
def test_nobody_is_kept_from_hours_and_ladder(
    new_screen: Opens, hospital: Hospital, theme: str, lang: str, width: int
) -> None:
    barriers.needed()
    unit = hospital.new_unit(f"Alle {theme}", ALWAYS)
    hospital.patients.put(
        f"/v1/units/{unit}/ladder", json={"ladder": ALWAYS_SOMEBODY, "reason": "x"},
        headers=hospital.administrator,
    )  # fmt: skip
    administrator = new_screen(ADMINISTRATOR)
    page = administrator.page
    page.set_viewport_size({"width": width, "height": 768})
    for place in ("", "/ladder"):
        page.goto(f"{administrator.address}/setup/hours/{unit}{place}?theme={theme}&lang={lang}")
        assert barriers.on(page) == [], place
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, place
