"""Stretches of a series are what they are by their definition, however it was gathered."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.clinical import samples
from services.alerts.clinical.samples import Plain, Sample, Series, place
from shared.contracts import Fact
from tests.clinical.given import ago

HOURS = st.integers(0, 12)
VALUES = st.one_of(
    st.integers(1, 9).map(Decimal), st.just("often"), st.just((Decimal(3), "said so"))
)
WITHIN, APART = timedelta(hours=6), timedelta(hours=2)


def sample(number: int, hours: int, value: Plain) -> Sample:
    at = ago(hours=hours)
    fact = Fact("o", UUID(int=number), UUID(int=0), "reading", "k", at, at, "c", {"v": 1})
    return Sample(at, fact, "k", "value", value, "none", True)


@st.composite
def series(draw: st.DrawFn) -> list[Sample]:
    drawn = draw(st.lists(st.tuples(HOURS, VALUES), min_size=1, max_size=20))
    made = [sample(number, hours, value) for number, (hours, value) in enumerate(drawn)]
    return sorted(made, key=place)


def figure(one: Sample) -> Decimal | None:
    return samples.figure_in(one.value)


@given(series(), st.integers(0, 20))
def test_a_series_that_grew_is_the_series_made_at_once(several: list[Sample], parted: int) -> None:
    whole, grown = Series(several), Series(several[:parted])
    assert len(grown.figures.each) == len(several[:parted])

    grown = grown.followed_by(several[parted:])

    assert (grown.samples, grown.ats) == (whole.samples, whole.ats)
    assert grown.figures == whole.figures
    assert list(grown.figures.each) == [figure(one) for one in several]


@given(series(), st.integers(0, 19))
def test_the_window_before_a_sample(several: list[Sample], which: int) -> None:
    one = several[which % len(several)]

    window = several[Series(several).window(one.at - WITHIN, one)]

    assert window == [
        other for other in several if one.at - WITHIN <= other.at and place(other) < place(one)
    ]


@given(series(), HOURS, st.sampled_from([timedelta(0), APART]))
def test_those_with_a_figure_that_are_older(
    several: list[Sample], hours: int, apart: timedelta
) -> None:
    at, all_of_them = ago(hours=hours), Series(several)

    older, figures = all_of_them.numbers(all_of_them.earlier(at, WITHIN, apart))

    expected = [
        one
        for one in several
        if at - WITHIN <= one.at <= at - apart and one.at < at and figure(one) is not None
    ]
    assert list(older) == expected
    assert list(figures) == [figure(one) for one in expected]
