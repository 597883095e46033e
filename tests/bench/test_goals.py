"""A goal says met only if every round met it, and nothing at all where a run was invalid."""

from typing import Any

import pytest

from tests.bench import goals, report
from tests.bench.goals import GOALS, Goal, Verdict
from tests.bench.rounds import Measured
from tests.bench.scenarios import Run

BATCH = next(goal for goal in GOALS if goal.name == "http-batch-500 / copy")
BROKER = next(goal for goal in GOALS if goal.name == "mqtt-max / broker")
TAIL = next(goal for goal in GOALS if goal.name == "mqtt-20ps p99")


def rows(goal: Goal, *values: tuple[float, float], invalid: str = "") -> list[dict[str, Any]]:
    above, below = goal.name.split(" / ")
    return [{above: Run(rate=over, invalid=invalid), below: under} for over, under in values]


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([(70, 100), (60, 100)], Verdict.MET),
        ([(50, 100), (59, 100)], Verdict.MISSED),
        ([(50, 100), (70, 100)], Verdict.UNDECIDED),
    ],
)
def test_a_goal_is_decided_only_where_every_round_agrees(
    values: list[tuple[float, float]], verdict: Verdict
) -> None:
    assert BATCH.verdict(rows(BATCH, *values)) == verdict


def test_nothing_is_decided_on_a_machine_that_others_use() -> None:
    measured = rows(BATCH, (70, 100))
    assert BATCH.verdict(measured, foreign=0.2) == Verdict.MET
    assert BATCH.verdict(measured, foreign=0.3) == Verdict.UNDECIDED


def test_an_invalid_run_has_neither_rate_nor_verdict() -> None:
    measured = rows(BATCH, (70, 100), invalid="1 stored twice")
    assert BATCH.verdict([*measured, *rows(BATCH, (70, 100))]) == Verdict.INVALID
    assert goals.number(measured[0], "http-batch-500") is None


def test_what_the_machine_lacks_is_not_measured_and_not_missed() -> None:
    assert BROKER.verdict([{"broker": None, "mqtt-max": None}]) == Verdict.NOT_MEASURED


def test_a_latency_counts_in_commits_of_its_own_round() -> None:
    row = {"mqtt-20ps": Run(p99=9.0), "commit_ms": 0.3}
    assert TAIL.ratios([row]) == [pytest.approx(30.0)]
    assert TAIL.verdict([row | {"commit_ms": 0.31}]) == Verdict.MET
    assert TAIL.verdict([row | {"commit_ms": 0.29}]) == Verdict.MISSED


def test_percentiles_are_samples_that_occurred() -> None:
    run = Run()
    run.take([float(value) for value in range(100, 0, -1)])
    assert (run.p50, run.p90, run.p99, run.samples) == (50, 90, 99, 100)


def test_the_page_says_which_run_its_generator_limited_and_which_was_invalid() -> None:
    notes = {"findings": 0, "drain_seconds": 0.0}
    row = {
        "fsync_us": 100.0, "commit_ms": 0.3, "copy": 90_000.0,
        "no-op": Run(rate=40_000.0, core=0.97), "naive": Run(rate=400.0),
        "http-single-64": Run(rate=9_000.0, core=0.2, notes=notes),
        "http-batch-500": Run(rate=50_000.0, invalid="500 sent, 499 stored"),
        "foreign": {"copy": 0.5},
    }  # fmt: skip
    page = "\n".join(report.lines(Measured(rows=[row], foreign=0.3)))
    assert "no-op            0.97  GENERATOR-BOUND" in page
    assert "NOISY: nothing is decided" in page
    assert "INVALID round 1 http-batch-500: 500 sent, 499 stored" in page
    assert "50,000" not in page
