"""A record that a patient has shut, on the nurse's page: no red is hidden, and nothing is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import expect

from tests.browser import database
from tests.browser.screen import NURSE, SECOND_NURSE, Screen
from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient

REASON = "Systolisk 82"


@contextmanager
def shut(hospital: Hospital, patient: Patient, name: str | None = None) -> Iterator[None]:
    """Locked for all, or shut for one by name."""
    path = f"/v1/patients/{patient.id}/shields"
    staff = {one["name"]: one["id"] for one in hospital.seeded["staff"]}
    body = {"staff": staff[name]} if name else {}
    made = hospital.made(hospital.patients, path, body, hospital.administrator)
    try:
        yield
    finally:
        hospital.patients.post(f"{path}/{made['id']}/end", headers=hospital.administrator)


def test_a_locked_patients_red_is_opened_in_an_emergency_and_acknowledged(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    with shut(hospital, patient):
        nurse.page.reload()
        row = nurse.row(patient)
        expect(row.locator(".c-st")).to_have_text("Rød")
        expect(row.locator(".why")).to_contain_text("Åpnes med nødtilgang")
        expect(row).not_to_contain_text(REASON)
        expect(row).not_to_contain_text("82/48")
        nurse.choose(patient)
        nurse.page.keyboard.press("c")
        expect(nurse.page.locator("#toast")).to_contain_text("nødtilgang")

        nurse.page.keyboard.press("Enter")
        expect(nurse.page.locator("h1")).to_contain_text("Pasienten har sperret journalen")
        expect(nurse.page.locator(".about")).to_contain_text("født")
        nurse.meant("403")
        do = nurse.page.get_by_role("button", name="Åpne i én time")
        nurse.page.get_by_label("Akutt sykdom").check()
        nurse.page.locator("textarea").fill("Rød")
        nurse.page.locator("textarea").evaluate("each => each.removeAttribute('minlength')")
        do.click()
        expect(nurse.page.get_by_role("alert")).to_contain_text("Ingenting er åpnet")
        nurse.meant("422")
        expect(nurse.page.locator("textarea")).to_have_value("Rød")
        nurse.page.locator("textarea").fill("Rødt blodtrykk, tar ikke telefonen")
        do.click()

        expect(nurse.page.locator(".notice.opened")).to_contain_text("60 minutter igjen")
        expect(nurse.page.locator(".alert h2").first).to_contain_text(REASON)
        nurse.page.wait_for_load_state()
        nurse.page.keyboard.press("c")
        expect(nurse.page.locator(".alert").first).to_contain_text("Kvittert")
        nurse.page.goto(nurse.address)
        expect(row).to_contain_text(REASON)

        database.run(hospital, "update patients.emergency set until = now() - interval '1 second'")
        nurse.page.reload()
        expect(row).not_to_contain_text(REASON)


def test_who_is_shut_out_by_name_sees_that_a_colleague_must_take_it(
    nurse: Screen, new_screen: Callable[[str], Screen], hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    with shut(hospital, patient, NURSE):
        nurse.page.reload()
        row = nurse.row(patient)
        expect(row.locator(".c-st")).to_have_text("Rød")
        expect(row.locator(".why")).to_contain_text("En kollega må ta dette")
        row.locator(".nm").click()
        expect(nurse.page.locator("h1")).to_contain_text("sperret for deg")
        expect(nurse.page.locator("form")).to_have_count(0)
        nurse.meant("403")

        other = new_screen(SECOND_NURSE)
        expect(other.row(patient).locator(".why")).to_contain_text(REASON)


def test_the_doors_keep_what_is_shut_to_themselves(hospital: Hospital, patient: Patient) -> None:
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")
    with shut(hospital, patient, NURSE):
        told = hospital.alerts.get("/v1/alerts", headers=hospital.nurse).json()["alerts"]
        mine = [one for one in told if one["patient"]["id"] == patient.id]
        assert [one["colour"] for one in mine if one["id"] == alert["id"]] == ["red"]
        for one in mine:
            assert (one["shut"], one["moves"], one["inputs"], one["evidence"]) == (
                "blocked", [], [], [],
            )  # fmt: skip
            assert "82" not in one["reason"]
            assert (one["rule"], one["group"]) == ("", "")
        row = hospital.row(patient)
        assert (row["colour"], row["shut"], row["values"]) == ("red", "blocked", [])
        assert "82" not in str(row["says"])
        assert hospital.move(alert, "acknowledge").status_code == 403
