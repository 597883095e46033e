"""A morning of sixty patients, by the keyboard alone: three reds, three silences, six yellows and
forty-eight greens, with every keystroke counted.

Which of the nurses' workflows is walked through where, as far as there is data for it:

  the kidney nurse's morning round            here
  after a haemodialysis session               test_patient_page.py (the sessions' table)
  data of a peritoneal dialysis night         test_patient_page.py (the calendar of nights)
  cloudy bag, fever, pain: the fast lane      tests/journeys/test_critical_answers.py
  missed treatment, silent device             here (silences), tests/journeys/test_alert_life.py
  change of a limit, tried and confirmed      test_patient_page.py, tests/journeys/test_what_if.py
  CPAP, the first weeks                       test_patient_page.py (usage, AHI and leak by night)
  CPAP, thousands for years                   tests/bench (the list's own speed); no sweep yet
  implants: triage of transmissions           test_patient_page.py (findings, report as PDF)
  disconnected monitors                       tests/alerts/test_silence.py
  epilepsy and kidney forms                   tests/journeys/test_questionnaires.py
  end of tertial                              tests/patients/test_statistics.py
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.screen import NURSE, Screen
from tests.journeys import device
from tests.journeys.hospital import ALWAYS, Hospital, Patient, eventually, weight_now

REDS, SILENT, YELLOWS, GREENS = 3, 3, 6, 48
AT_MOST = 150  # keystrokes


@pytest.fixture
def ward(hospital: Hospital) -> Iterator[str]:
    """A unit of its own that the nurse works at for as long as the test lasts."""
    unit = hospital.new_unit("Morgen", ALWAYS)
    nurse = next(one for one in hospital.seeded["staff"] if one["name"] == NURSE)
    path = f"/v1/staff/{nurse['id']}"
    for units in ([hospital.unit, unit], [hospital.unit]):
        answer = hospital.patients.patch(
            path, json={"units": units}, headers=hospital.administrator
        )
        assert answer.status_code == 200, answer.text
        if unit in units:
            yield unit


class Keys:
    """The nurse's keyboard. There is no mouse."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.pressed = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.screen.page.keyboard.press(key)
            self.pressed += 1

    def type(self, text: str) -> None:
        self.screen.page.keyboard.type(text)
        self.pressed += len(text)

    def move(self, key: str, text: str = "") -> None:
        """A move on the chosen row, and its dialog sent."""
        dialog = self.screen.page.locator("dialog[open]")
        self.press(key)
        expect(dialog).to_be_visible()
        self.type(text)
        self.press("Enter")
        expect(dialog).to_be_hidden()


def sixty(hospital: Hospital, unit: str) -> list[Patient]:
    """Those of whom something is to be said, first; nothing is heard of the forty-eight."""
    people = [hospital.new_patient(unit) for _ in range(REDS + YELLOWS + GREENS)]
    for patient in people[:REDS]:
        hospital.send_one(patient, device.low_pressure())
    for patient in people[REDS : REDS + YELLOWS]:
        session = device.item("hd_session", {"symptoms": "cramps"})
        hospital.send_one(patient, {**session, "until": session["at"]})
    for patient in people[REDS + YELLOWS :]:
        hospital.send_one(patient, device.pressure())
    for _ in range(SILENT):
        hospital.new_patient(unit, plan=[weight_now()])
    return people


def test_a_morning_of_sixty_patients_is_done_without_the_mouse(
    hospital: Hospital, ward: str, new_screen: Callable[[str], Screen]
) -> None:
    sixty(hospital, ward)
    nurse_of_ward = hospital.log_in(units=[ward])
    wanted = {
        "red": REDS,
        "yellow": YELLOWS + SILENT,
        "green": GREENS,
        "technical": SILENT,
    }

    def arrived() -> bool:
        counts = next(hospital.worklist(nurse_of_ward, unit=ward))["counts"]
        return all(counts[name] == n for name, n in wanted.items())

    eventually(arrived, 60)
    screen = new_screen(NURSE)
    page = screen.page
    page.goto(f"{screen.address}/?unit={ward}")
    expect(page.locator("#lane-clinical .row.red")).to_have_count(REDS)
    expect(page.locator("#lane-clinical .row.yellow")).to_have_count(YELLOWS)
    expect(page.locator("#lane-technical .row")).to_have_count(SILENT)
    keys = Keys(screen)

    chosen = page.locator(".row.sel")
    open_ones = page.locator("[data-alert][data-state=open]")
    # Low pressure is red by its own rule, and a single three in NEWS2 is yellow: a line of the row.
    colours = ["red"] * REDS + ["yellow"] * (REDS + YELLOWS) + ["silent"] * SILENT
    expect(open_ones).to_have_count(len(colours))
    for n, colour in enumerate(colours):
        keys.press("f")
        on_line = REDS <= n < 2 * REDS
        expect(chosen).to_have_class(f"row {'red' if on_line else colour} sel")
        expect(chosen.locator(".line.on")).to_have_count(int(on_line))
        if colour == "red":
            keys.move("a")
            expect(chosen.locator(".c-who")).to_contain_text("Deg")
            keys.move("n", "Ringt, måler kl 9")
        keys.move("c")
        expect(open_ones).to_have_count(len(colours) - n - 1)
    keys.press("f")
    expect(page.locator("#toast")).to_contain_text("Ingen venter på kvittering.")
    keys.press("g")
    expect(page.locator("#greens-sure")).to_be_visible()
    keys.press("Enter")
    expect(page.locator("#toast")).to_contain_text(str(GREENS))

    assert keys.pressed <= AT_MOST, f"{keys.pressed} keystrokes"
    row = next(hospital.worklist(nurse_of_ward, unit=ward))
    states = {one["state"] for each in row["rows"] for one in each["alerts"]}
    assert states == {"acknowledged"}
    assert not any(each["unacknowledged"] for each in row["rows"])
    expect(page.locator("#greens button")).to_have_count(0)  # nobody is left to look at
