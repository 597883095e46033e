"""What researchers see: counts from which no count of fewer than five can be worked out."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.patients.privacy import aggregates
from services.patients.privacy.aggregates import Cell
from tests.patients.conftest import Record

UNITS = [UUID(int=one) for one in range(1, 4)]
PLACES = [
    (programme, unit, date(2026, month, 1))
    for programme in ("dialysis", "copd", "heart")
    for unit in UNITS
    for month in (1, 2, 3)
]
Place = tuple[str, UUID, date]
Table = Mapping[Place, int]

tables = st.fixed_dictionaries({place: st.integers(0, 12) for place in PLACES})
narrowed = st.frozensets(st.sampled_from(PLACES))
AXES = st.sampled_from(["programme", "unit_id", "month"])


def answer(table: Table, asked: frozenset[Place]) -> Any:
    """One query's whole answer, for whichever cells it asks about."""
    cells = [Cell(*place, number) for place, number in table.items() if place in asked]
    published = aggregates.shown(cells)
    return published, aggregates.all_sums(published)


@given(tables, st.data())
def test_whatever_is_asked_hidden_counts_could_be_any(table: Table, data: st.DataObject) -> None:
    """The proof: give every hidden cell any other count of one to four, and no answer to any set
    of questions changes. So nothing in the answers, nor in their differences, tells them apart."""
    other = {
        place: data.draw(st.integers(1, 4)) if 1 <= number <= 4 else number
        for place, number in table.items()
    }
    asked = [frozenset(PLACES), *data.draw(st.lists(narrowed, max_size=6))]
    assert [answer(table, one) for one in asked] == [answer(other, one) for one in asked]


@given(tables, st.lists(st.tuples(narrowed, narrowed), min_size=1, max_size=5), AXES)
def test_no_difference_of_two_sums_is_a_small_count(
    table: Table, pairs: list[tuple[frozenset[Place], frozenset[Place]]], by: str
) -> None:
    """The attack itself: a sum with and without some cells."""
    for wide, narrow in pairs:
        both = [dict(_sums(table, asked, by)) for asked in (wide | narrow, narrow)]
        for name, number in both[0].items():
            difference = number - both[1].get(name, 0)
            assert difference == 0 or difference >= aggregates.SMALLEST


def _sums(table: Table, asked: frozenset[Place], by: str) -> list[tuple[str, int]]:
    return [(one.of, one.patients) for one in answer(table, asked)[1][_names()[by]]]


def _names() -> dict[str, str]:
    return {"programme": "programmes", "unit_id": "units", "month": "months"}


def test_sums_say_that_something_is_left_out() -> None:
    cells = [Cell("a", UNITS[0], date(2026, 1, 1), number) for number in ()] + [
        Cell("a", UNITS[0], date(2026, 1, 1), 7),
        Cell("a", UNITS[1], date(2026, 1, 1), 3),
        Cell("b", UNITS[1], date(2026, 1, 1), 0),
    ]
    published = aggregates.shown(cells)
    assert [one.patients for one in published] == [7, None]
    [of_a] = aggregates.sums(published, "programme")
    assert (of_a.patients, of_a.more) == (7, True)
    assert [one.more for one in aggregates.sums(published, "unit_id")] == [False, True]


async def test_a_researcher_reads_counts_and_nothing_else(record: Record) -> None:
    kidney, heart = await record.unit(), await record.unit("Hjerte")
    for unit, number in ((kidney, 6), (heart, 3)):
        nurse = await record.staff("nurse", unit)
        for _ in range(number):
            patient = await record.patient(nurse, unit)
            enrolment = {"programme": "home_dialysis", "from": "2026-02-10T10:00:00+01:00"}
            await nurse.post(f"/v1/patients/{patient}/enrolments", enrolment)
    researcher = await record.person(role="researcher", org="nordland")

    found = await researcher.get("/v1/statistics", **{"from": "2026-01", "to": "2026-03"})

    assert [(one["month"], one["unit_id"], one["patients"]) for one in found["cells"]] == sorted(
        (month, unit, number)
        for month in ("2026-02-01", "2026-03-01")
        for unit, number in ((kidney, 6), (heart, None))
    )
    assert found["units"] == {kidney: "Nyre", heart: "Hjerte"}
    [total] = found["sums"]["programmes"]
    assert (total["patients"], total["more"]) == (12, True)
    only = await researcher.get(
        "/v1/statistics", **{"from": "2026-02", "to": "2026-02", "unit": heart}
    )
    assert [one["patients"] for one in only["cells"]] == [None]
    assert await record.rows("select 1 from patients.staff where role = 'researcher'") == []
    elsewhere = await record.person(role="researcher", org="elsewhere")
    assert (await elsewhere.get("/v1/statistics", **{"from": "2026-01", "to": "2026-03"}))[
        "cells"
    ] == []


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-03", "2026-02"), ("2020-01", "2026-01"), ("2026-01", "2099-01"), ("2026-1", "x")],
)
async def test_only_months_that_are_over(record: Record, first: str, last: str) -> None:
    researcher = await record.person(role="researcher", org="nordland")
    await researcher.get("/v1/statistics", 422, **{"from": first, "to": last})


async def test_staff_can_be_researchers(record: Record) -> None:
    unit = await record.unit()
    researcher = await record.staff("researcher", unit)
    await researcher.get("/v1/statistics", **{"from": "2026-01", "to": "2026-03"})
    for path in ("/v1/patients", "/v1/staff", "/v1/units", "/v1/credentials", "/v1/quarantine"):
        await researcher.get(path, 403)
