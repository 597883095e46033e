"""What is wished for, as a ratio to a floor of the same round, and whether it was reached."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.bench.scenarios import Run

BOUND = 0.85
"A generator that used more of its core was what limited the run."
NOISY = 0.10
"Share of the machine that others used: above it the page warns, …"
TOO_NOISY = 0.25
"… and above this nothing is decided: a floor and its scenario may have met different machines."

Row = dict[str, Any]


class Verdict(StrEnum):
    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"
    INVALID = "INVALID"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Goal:
    name: str
    bar: float
    least: bool
    "Whether the bar is the least there may be, or the most."
    unit: str
    of: Callable[[Row], float | None]
    "None: there is no such number, because a run was invalid."
    needs: str = ""
    "Not measured in a round where this is None."

    def ratios(self, rows: Sequence[Row]) -> list[float | None]:
        return [self.of(row) for row in rows if not (self.needs and row.get(self.needs) is None)]

    def verdict(self, rows: Sequence[Row], foreign: float = 0.0) -> Verdict:
        ratios = self.ratios(rows)
        if not ratios:
            return Verdict.NOT_MEASURED
        if any(ratio is None for ratio in ratios):
            return Verdict.INVALID
        if foreign > TOO_NOISY:
            return Verdict.UNDECIDED
        reached = {self._reaches(ratio) for ratio in ratios if ratio is not None}
        if reached == {True}:
            return Verdict.MET
        return Verdict.MISSED if reached == {False} else Verdict.UNDECIDED

    def _reaches(self, ratio: float) -> bool:
        return ratio >= self.bar if self.least else ratio <= self.bar


def number(row: Row, name: str, part: str = "rate") -> float | None:
    """A floor's number, or `part` of a run that is valid."""
    found = row.get(name)
    if isinstance(found, Run):
        value: float | None = None if found.invalid else getattr(found, part)
        return value
    return float(found) if found is not None else None


def ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above and below else None


def _rate(name: str, floor: str, bar: float, needs: str = "") -> Goal:
    def of(row: Row) -> float | None:
        return ratio(number(row, name), number(row, floor))

    return Goal(f"{name} / {floor}", bar, True, "", of, needs)


def _commits(name: str, part: str, bar: float) -> Goal:
    """In round trips of one durable commit."""

    def of(row: Row) -> float | None:
        return ratio(number(row, name, part), number(row, "commit_ms"))

    return Goal(f"{name} {part}", bar, False, "commits", of, name)


def _naive_tail(row: Row) -> float | None:
    return ratio(number(row, "naive", "p99"), number(row, "http-single-64", "p99"))


def slow_cpu(row: Row) -> float | None:
    """CPU ms of one reading where nothing can be batched: the services and their database."""
    run = row.get("mqtt-20ps")
    if not isinstance(run, Run) or run.invalid:
        return None
    return platform_cpu(run)


def platform_cpu(run: Run) -> float:
    """CPU s per 1 000 readings of all but the broker and the generator."""
    return sum(
        seconds for name, seconds in run.cpu_per_1000.items() if name not in ("generator", "broker")
    )


def _noted(name: str, run: str, note: str, bar: float, unit: str, *, least: bool = False) -> Goal:
    """A number that a run notes, as it stands."""

    def of(row: Row) -> float | None:
        found = row.get(run)
        if not isinstance(found, Run) or found.invalid or note not in found.notes:
            return None
        return float(found.notes[note])

    return Goal(name, bar, least, unit, of, run)


def _in_round_trips(row: Row) -> float | None:
    run = row.get("worklist")
    if not isinstance(run, Run) or run.invalid:
        return None
    return ratio(run.p99, run.notes["select 1 p50"])


def _of_empty(row: Row) -> float | None:
    run = row.get("grow")
    if not isinstance(run, Run) or run.invalid:
        return None
    return ratio(run.rate, run.notes["empty"])


GOALS = (
    _rate("mqtt-max", "broker", 0.60, "broker"),
    _rate("mqtt-max", "broker-paho", 0.60, "broker-paho"),
    _rate("http-single-64", "no-op", 0.35),
    _rate("http-batch-500", "copy", 0.60),
    _rate("http-single-64", "naive", 30.0),
    Goal("naive p99 / http-single-64 p99", 40.0, True, "", _naive_tail),
    _commits("mqtt-20ps", "p50", 12.0),
    _commits("mqtt-20ps", "p99", 30.0),
    _commits("mqtt-half-max", "p99", 100.0),
    Goal("mqtt-20ps CPU of a reading", 3.0, False, "ms", slow_cpu, "mqtt-20ps"),
    _noted("judging, reading x programme", "judging", "us", 50.0, "µs"),
    Goal("what-if, readings replayed", 20_000.0, True, "/s", lambda row: number(row, "what-if"),
         "what-if"),
    _noted("catchup of 10 min at 50/s", "catchup", "scaled_seconds", 10.0, "s"),
)  # fmt: skip
# Of the full database, which is measured once.
LARGE = (
    Goal("worklist p99 / select 1 p50", 15.0, False, "", _in_round_trips, "worklist"),
    _noted("worklist page p95", "page", "p95", 50.0, "ms"),
    _noted("chart, 90 days x 4, p95", "chart", "p95", 10.0, "ms"),
    _noted("the same with its audit row, p95", "audited-chart", "p95", 15.0, "ms"),
    Goal("grow: full / empty", 0.75, True, "", _of_empty, "grow"),
)
MEMORY = {"idle": 70.0, "loaded": 110.0}
"Resident MB of a service at most."
