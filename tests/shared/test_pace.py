"""How often somebody may: evenly filled, a minute deep, each for himself."""

from hypothesis import given
from hypothesis import strategies as st

from shared.pace import Pace


def test_a_minutes_worth_goes_at_once_and_then_evenly() -> None:
    pace = Pace(60)
    assert [pace.wait("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert pace.wait("a", 0.0) == 1.0
    assert pace.wait("b", 0.0) == 0.0
    assert pace.wait("a", 1.0) == 0.0
    assert pace.wait("a", 1.0) == 1.0
    assert pace.missing("a", 100.0) == 0.0


def test_what_is_larger_than_a_minute_goes_when_the_minute_is_full() -> None:
    pace = Pace(60)
    assert pace.wait("a", 0.0, 600) == 0.0
    assert pace.wait("a", 0.0) > 500


def test_not_more_than_so_many_are_remembered() -> None:
    pace = Pace(1, most=2)
    for who in "abc":
        assert pace.wait(who, 0.0) == 0.0
    assert pace.wait("c", 0.0) > 0
    assert pace.wait("a", 0.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 3)), max_size=200))
def test_never_more_than_a_minutes_worth_and_what_time_brings(
    asked: list[tuple[float, float]],
) -> None:
    pace, now, taken = Pace(30), 0.0, 0.0
    for later, units in asked:
        now += later
        wait = pace.wait("a", now, units)
        if wait:
            now += wait + 1e-6
            assert pace.wait("a", now, units) == 0.0, "the wait is long enough"
            taken += units
        else:
            taken += units
        assert taken <= 30 + now * 0.5 + 1e-6
