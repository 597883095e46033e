"""Watching hours and ladders as rows of a form: read as meant, or a sentence beside them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.patients.hospital.ladders import ALWAYS_SOMEBODY
from services.patients.page import hours as view
from services.patients.page import house, words
from services.patients.page import ladder as ladder_view
from services.patients.setup import typed_hours, typed_ladder
from services.patients.setup.typed import Fault
from shared import ladders, watching
from shared.ladders import HourIsUncovered, Ladder, LadderIsUnusable
from tests.shared.test_ladders import SHAPE

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)  # a Friday
HOURS: dict[str, Any] = {
    "zone": "Europe/Oslo",
    "hours": [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:45", "to": "15:30"},
        {"days": ["sat", "holiday"], "from": "22:00", "to": "02:00"},
    ],
    "holidays": True,
    "special": [
        {"date": "2026-12-24", "hours": [{"from": "08:00", "to": "09:00"},
                                         {"from": "10:00", "to": "24:00"}], "name": "Julaften"},
        {"date": "2026-12-31", "hours": []},
    ],
    "answers_within": "PT4H",
}  # fmt: skip


def test_hours_come_back_from_their_form_as_they_were() -> None:
    found, faults = typed_hours.read(typed_hours.of(HOURS), HOURS)
    assert (found, faults) == (HOURS, [])
    watching.check(found)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"h.0.from": "25"}, Fault("h.0", "not-a-clock")),
        ({"h.2.from": "8", "h.2.to": "9"}, Fault("h.2", "no-day-of-hours")),
        ({"holidays": None}, Fault("h.1", "holidays-do-not-count")),
        ({"d.0.date": "30.02.2026"}, Fault("d.0", "not-a-special-day")),
        ({"d.1.to": ""}, Fault("d.1", "not-a-clock")),
        ({"answers": "41"}, Fault("answers", "not-hours", {"most": 40})),
    ],
)
def test_what_cannot_be_read_is_named_by_its_row(
    changed: dict[str, str | None], fault: Fault
) -> None:
    said = {**typed_hours.of(HOURS), **changed}
    _, faults = typed_hours.read({k: v for k, v in said.items() if v is not None}, HOURS)
    assert faults == [fault]


def test_clocks_are_read_as_people_write_them() -> None:
    said = {"h.0.mon": "on", "h.0.from": "8.30", "h.0.to": "24", "h.1.from": "", "h.1.to": ""}
    found, faults = typed_hours.read(said, {})
    assert (found["hours"], faults) == ([{"days": ["mon"], "from": "08:30", "to": "24:00"}], [])


def test_the_week_is_drawn_and_said() -> None:
    days = {one["name"]: one for one in view.week(HOURS, "nb")}
    assert days["Mandag"]["bars"] == [{"x": 465, "w": 465}]
    assert days["Mandag"]["says"] == "07:45–15:30"
    assert (days["Søndag"]["bars"], days["Søndag"]["says"]) == ([], "ingen følger med")
    assert days["Søndag"]["spilt"] == [{"x": 0, "w": 120}]
    assert days["Lørdag"]["bars"] == [{"x": 1320, "w": 120}]
    assert days["Helligdag"]["is_holiday"]


def test_the_next_year_names_each_day_that_is_not_like_the_others() -> None:
    coming = view.coming(HOURS, NOW, "nb")
    eve = coming[0]
    assert (eve["day"], eve["name"]) == ("Torsdag 24. desember 2026", "Julaften")
    assert eve["says"] == "08:00–09:00, 10:00–24:00"
    assert [one["name"] for one in coming[1:4]] == ["Første juledag", "Andre juledag", ""]
    assert coming[3]["says"] == "ingen følger med"
    easter = next(one for one in coming if one["name"] == "Første påskedag")
    assert (easter["day"], easter["says"]) == ("Søndag 28. mars 2027", "22:00–02:00")


def test_who_has_not_decided_about_holidays_is_shown_what_patients_are_told() -> None:
    week = {
        "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:45", "to": "15:30"}]
    }
    said = view.promised(week, NOW, "nb")
    assert said.startswith("Fredag 25. desember 2026 (Første juledag)")
    assert "07:45–15:30" in said
    assert view.promised({**week, "holidays": True}, NOW, "nb") == ""
    assert view.promised({"hours": []}, NOW, "nb") == "", "nobody watches, and nothing is promised"


def test_a_new_unit_that_rests_at_weekends_rests_on_holidays() -> None:
    days = [f"day.{day}" for day in ("mon", "tue", "wed", "thu", "fri")]
    typed = {**dict.fromkeys(days, "on"), "from": "07:45", "to": "15:30"}
    assert house.new_unit(typed)["watching"]["holidays"] is True
    every = {**typed, "day.sat": "on", "day.sun": "on"}
    assert "holidays" not in house.new_unit(every)["watching"]


@pytest.mark.parametrize("stored", [ALWAYS_SOMEBODY, SHAPE, {**SHAPE, "reminders": ["hook"]}])
def test_a_ladder_comes_back_from_its_form_as_it_was(stored: dict[str, Any]) -> None:
    found, faults = typed_ladder.read(typed_ladder.of(stored))
    assert faults == []
    assert Ladder.of(found) == Ladder.of(stored)


def test_a_ladder_that_cannot_be_read_is_named_by_its_field() -> None:
    said = typed_ladder.of(SHAPE) | {
        "s.0.red": "snart", "s.1.t.0.from": "x", "c.9.name": "phone", "c.9.to": "+4790000001",
    }  # fmt: skip
    _, faults = typed_ladder.read(said)
    assert {(one.at, one.code) for one in faults} == {
        ("s.0.red", "not-minutes"), ("s.1.t.0", "not-a-clock"), ("c.9", "channel-twice"),
    }  # fmt: skip


def test_a_ladder_is_refused_in_a_sentence() -> None:
    t = words.words("nb")
    gap = HourIsUncovered("sat", "03:00")
    assert ladder_view.refused(gap, t).startswith("lørdag fra kl. 03:00 får ingen beskjed")
    after = ladder_view.refused(HourIsUncovered("mon", "00:00", "holiday"), t)
    assert after.startswith("Når dagen før er helligdag")
    wrong = LadderIsUnusable("steps.1.targets.0.channels.0", "unknown-channel")
    assert ladder_view.refused(wrong, t) == "Trinn 2, person 1: velg en av kanalene øverst."


def test_who_would_hear_now_and_on_saturday_night() -> None:
    ladder = Ladder.of(SHAPE)
    ladders.check(ladder)
    told, asks = ladder_view.heard(ladder, NOW, {}, "nb")
    now, night, _ = told
    assert [(one["at"], one["who"]) for one in now["rows"]] == [
        ("09:00", "Listen"), ("09:15", "Vaktsykepleier"), ("09:30", "Vakthavende lege"),
    ]  # fmt: skip
    assert night["when"] == "Lørdag 21. november 2026, 03:00"
    assert [one["who"] for one in night["rows"]] == ["Vaktsykepleier", "Vakthavende lege"]
    assert asks["colour"] == "red"
    asked = {"colour": "yellow", "day": "sun", "clock": "23.50"}
    [sunday], _ = ladder_view.heard(ladder, NOW, asked, "nb")
    assert sunday["rows"] == []
