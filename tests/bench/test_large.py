"""The bench fills only databases of its own, and its large goals say nothing of an invalid run."""

import asyncio
from typing import Any

import pytest

from tests.bench import filled, judging, large
from tests.bench.goals import LARGE, Verdict
from tests.bench.scenarios import Run
from tests.conftest import DatabaseUrls


async def test_a_database_that_is_not_the_benchs_own_is_not_filled(
    database_urls: DatabaseUrls,
) -> None:
    with pytest.raises(filled.NotOurs):
        await filled.opened(database_urls.owner)
    for name in ("hjemvakt", "hjemvakt_bench_full; drop table x", "bench"):
        with pytest.raises(filled.NotOurs):
            await filled.made(database_urls.owner, name)


async def test_a_small_full_database_answers_what_is_measured(database_urls: DatabaseUrls) -> None:
    url = await filled.made(database_urls.owner, f"hjemvakt_bench_{_letters(database_urls.owner)}")
    connection = await filled.opened(url)
    try:
        await filled.people(connection, 250)
        await filled.alerts(connection, 250, 3, {"reason": {"nb": "Vekt"}, "patient": {}})
        await filled.facts(connection, 10, 21_600)
        listed = await large.worklist(connection, 250)
        charted = await large.chart(connection, 10, 360)
        seen = await large.chart(connection, 10, 360, audited=True)
        noted = await connection.fetchval("select count(*) from audit.event where by = 'bench'")
        # The same database twice holds twice as many as it should: seen, and no rate.
        grown = await large.growing(connection, connection, 10, 1)
    finally:
        await connection.close()

    assert (listed.invalid, charted.invalid) == ("", "")
    assert (seen.invalid, noted) == ("", large.TIMES // 3)
    assert charted.notes["rows"] == pytest.approx(360, abs=8)
    assert grown.notes["facts"] == 21_600
    assert grown.invalid


async def test_judging_and_replaying_are_measured_of_something_that_speaks() -> None:
    one = await asyncio.to_thread(judging.one_reading, 200)
    replayed = await asyncio.to_thread(judging.what_if, 2, 400)

    assert (one.invalid, replayed.invalid) == ("", "")
    assert one.notes["us"] > 0
    assert (replayed.rate or 0) > 0


def test_a_list_counts_in_round_trips_and_growth_in_the_rate_of_an_empty_database() -> None:
    row: dict[str, Any] = {
        "worklist": Run(p99=1.4, notes={"select 1 p50": 0.1}),
        "grow": Run(rate=70.0, notes={"empty": 100.0}),
        "page": Run(notes={"p95": 40.0}),
        "chart": Run(notes={"p95": 11.0}, invalid="no rows"),
    }
    verdicts = {goal.name: goal.verdict([row]) for goal in LARGE}

    assert verdicts["worklist p99 / select 1 p50"] is Verdict.MET
    assert verdicts["grow: full / empty"] is Verdict.MISSED
    assert verdicts["worklist page p95"] is Verdict.MET
    assert verdicts["chart, 90 days x 4, p95"] is Verdict.INVALID


def _letters(url: str) -> str:
    digits = url.rpartition("/")[2].removeprefix("hjemvakt_test_")
    return "".join(chr(ord("a") + int(one)) if one.isdigit() else "z" for one in digits)
