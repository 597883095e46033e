"""What the set-up pages make of what they are given: periods that are mended, places, hours."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.patients.page import desk, held, house, sent, words
from services.patients.setup.store_held import Holder

NOON = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE, OTHER = uuid4(), uuid4()


def holder(since: float, until: float | None, patient: UUID = ONE) -> Holder:
    """From and to in hours around noon."""
    end = None if until is None else NOON + until * HOUR
    return Holder(uuid4(), patient, "", NOON + since * HOUR, end)


def test_a_binding_that_ended_too_early_is_proposed_until_the_next_one_begins() -> None:
    one, following = holder(-9, -1), holder(2, None, OTHER)
    assert held._mended(one, [following, one], NOON) == (one.since, following.since)


def test_a_binding_that_began_too_late_is_proposed_from_the_minute_of_the_reading() -> None:
    one = holder(2, None)
    assert held._mended(one, [one], NOON) == (NOON.replace(second=0), None)


@pytest.mark.parametrize("others", [
    [holder(-1, 1, OTHER)],
    [holder(1, 2, OTHER)],
])  # fmt: skip
def test_nothing_is_proposed_that_would_touch_anothers_time(others: list[Holder]) -> None:
    late = holder(3, None)
    assert held._mended(late, [late, *others], NOON) is None


def test_a_binding_that_covers_the_reading_needs_no_mending() -> None:
    one = holder(-1, None)
    assert held._mended(one, [one], NOON) is None


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("22.11.2026 07:10", datetime(2026, 11, 22, 6, 10, tzinfo=UTC)),
        ("22.07.2026 0710", datetime(2026, 7, 22, 5, 10, tzinfo=UTC)),
        ("2026-07-22 7", datetime(2026, 7, 22, 5, 0, tzinfo=UTC)),
        ("22.11.2026", None),
        ("31.02.2026 07:10", None),
        ("22.11.2026 25:00", None),
        ("", None),
    ],
)
def test_a_moment_is_read_as_it_is_typed_in_norway(said: str, utc: datetime | None) -> None:
    assert held.moment(said) == utc


def test_a_moment_that_is_shown_is_read_back_as_the_same() -> None:
    assert held.moment(held.local(NOON)) == NOON.replace(second=0)


@pytest.mark.parametrize(
    ("path", "stood"),
    [
        ("values.value", "4711"), ("component[1].code", "b"), ("component.0.code", "a"),
        ("values", ""), ("values.none", ""), ("component[7].code", ""), ("", ""), ("device", ""),
    ],
)  # fmt: skip
def test_what_stands_at_a_place_is_told_where_it_is_one_value(path: str, stood: str) -> None:
    document = {"values": {"value": 4711}, "component": [{"code": "a"}, {"code": "b"}]}
    assert sent.stood_there(document, path) == stood


def test_what_was_sent_is_shown_with_the_digits_it_was_sent_with() -> None:
    assert '"value": 0.10' in sent.pretty('{"value":0.10}')
    assert sent.pretty("MSH|^~\\&|A\rPID|1") == "MSH|^~\\&|A\nPID|1"


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["mon", "tue", "wed", "thu", "fri"], "ma–fr 07:45–15:30"),
        (["sat", "mon", "sun"], "ma, lø–sø 07:45–15:30"),
        (["wed"], "on 07:45–15:30"),
    ],
)
def test_hours_are_said_as_people_say_them(days: list[str], said: str) -> None:
    of = {"hours": [{"days": days, "from": "07:45", "to": "15:30"}]}
    assert house.hours(of, words.words("nb")) == [said]


def test_who_has_nothing_to_do_with_a_page_does_not_see_its_tab() -> None:
    seen = {role: [tab.name for tab in desk.tabs(role)] for role in ("nurse", "administrator",
            "auditor", "researcher")}  # fmt: skip
    assert "enrol" in seen["nurse"]
    assert "enrol" not in seen["administrator"]
    assert "quarantine" in seen["administrator"]
    assert {"units", "staff"} <= set(seen["auditor"])
    assert "quarantine" not in seen["auditor"]
    assert seen["researcher"] == []


def test_every_tab_has_its_words_in_both_languages() -> None:
    for lang in ("nb", "en"):
        s = words.words(lang)["setup"]
        for tab in desk.TABS:
            assert s["tabs"][tab.name]
            assert tab.name == "start" or s["entrance"]["about"][tab.name]
