"""The page that `make bench` prints: every round's value, then what follows from them."""

import statistics
from collections.abc import Iterator, Sequence

from tests.bench import goals
from tests.bench.goals import GOALS, LARGE, Goal, Row, Verdict
from tests.bench.rounds import Measured
from tests.bench.scenarios import Run

FLOORS = (("fsync_us", "µs"), ("commit_ms", "ms"), ("copy", "rows/s"), ("no-op", "req/s"),
          ("naive", "req/s"), ("broker", "msg/s"), ("broker-paho", "msg/s"))  # fmt: skip
RATES = (("http-single-64", "req/s"), ("http-batch-500", "readings/s"), ("mqtt-max", "readings/s"))
# At the greatest MQTT rate a latency would only be the length of the queue.
LATENCIES = ("mqtt-20ps", "mqtt-half-max", "http-single-64", "http-batch-500", "naive", "no-op")
LOADS = ("http-single-64", "http-batch-500", "mqtt-max", "mqtt-half-max", "mqtt-20ps")
PROCESSES = ("generator", "broker", "ingest", "postgres", "alerts", "patients")


def lines(measured: Measured) -> Iterator[str]:
    rows = measured.rows
    yield "Floors, every round"
    for name, unit in FLOORS:
        yield f"  {name:16} {_values([goals.number(row, name) for row in rows], unit)}"
    yield "Scenarios, every round"
    for name, unit in RATES:
        yield f"  {name:16} {_values([goals.number(row, name) for row in rows], unit)}"
    yield from _latencies(rows)
    yield from _cpu(rows)
    yield from _conditions(measured)
    yield from _goals(GOALS, rows, measured.foreign)
    if measured.large:
        yield f"A full database, once: {_full(measured.large)}"
        yield from _goals(LARGE, [measured.large], measured.foreign)
    yield from _memory(measured)
    yield f"kill -9 of ingest and alerts in mid-stream: {_noted(measured.kill)}"
    for sentence in measured.invalid:
        yield f"INVALID {sentence}"


def _latencies(rows: Sequence[Row]) -> Iterator[str]:
    yield "Latency in ms, medians of the rounds: until the alert's commit, or the answer over HTTP"
    for name in LATENCIES:
        runs = _runs(rows, name)
        if runs and all(run.samples for run in runs):
            cut = [statistics.median(getattr(run, part) for run in runs)
                   for part in ("p50", "p90", "p99")]  # fmt: skip
            shown = "  ".join(
                f"p{part} {value:.3g}" for part, value in zip((50, 90, 99), cut, strict=True)
            )
            yield f"  {name:16} {shown}  ({sum(run.samples for run in runs):,} samples)"


def _cpu(rows: Sequence[Row]) -> Iterator[str]:
    yield "CPU s per 1 000 readings, medians"
    heads = "".join(f"{name:>11}" for name in PROCESSES)
    yield f"  {'':16}{heads}   platform   findings   drained after s"
    for name in LOADS:
        if not (runs := _runs(rows, name)):
            continue
        each = "".join(f"{_median(runs, process):11.4f}" for process in PROCESSES)
        platform = statistics.median(goals.platform_cpu(run) for run in runs)
        found = sum(run.notes["findings"] for run in runs)
        drained = statistics.median(run.notes["drain_seconds"] for run in runs)
        yield f"  {name:16}{each}{platform:11.4f}{found:11,}{drained:18.2f}"
    yield "  platform: without generator and broker"


def _conditions(measured: Measured) -> Iterator[str]:
    """What may have spoiled the numbers."""
    shares = [
        (share, f"{name} of round {number}")
        for number, row in enumerate(measured.rows, 1)
        for name, share in row["foreign"].items()
    ]
    worst, where = max(shares)
    noisy = ""
    if measured.foreign > goals.NOISY:
        decided = "nothing is decided" if measured.foreign > goals.TOO_NOISY else "read with care"
        noisy = f"  NOISY: {decided}"
    yield f"Used by others: {measured.foreign:.0%}, at most {worst:.0%} ({where}){noisy}"
    yield "Share of a core that the generator used"
    for name in ("no-op", "naive", "broker", "broker-paho", *LOADS):
        shares_used = [run.core for run in _runs(measured.rows, name)]
        if shares_used:
            bound = max(shares_used) > goals.BOUND
            yield (
                f"  {name:16} {' '.join(f'{share:.2f}' for share in shares_used)}"
                + ("  GENERATOR-BOUND: the other side could do more" if bound else "")
            )


def _full(row: Row) -> str:
    grow = row.get("grow")
    facts = grow.notes.get("facts", 0) if isinstance(grow, Run) else 0
    return f"{facts:,} facts; filled in {row['seconds'].get('filling', 0):.0f} s"


def _goals(goals_: Sequence[Goal], rows: Sequence[Row], foreign: float) -> Iterator[str]:
    yield "Goals, each divided by a floor of the same round" + (
        " (one round decides little)" if len(rows) == 1 else ""
    )
    for goal in goals_:
        sign, verdict = "≥" if goal.least else "≤", goal.verdict(rows, foreign)
        bar = f"{sign} {goal.bar:g}"
        ratios = goal.ratios(rows)
        yield f"  {goal.name:32} {bar:7} {verdict:12} {_values(ratios, goal.unit)}"


def _memory(measured: Measured) -> Iterator[str]:
    yield "Resident MB"
    for when, sizes in (("idle", measured.idle), ("loaded", measured.loaded)):
        bar = goals.MEMORY[when]
        shown = "  ".join(f"{name} {size:.0f}" for name, size in sizes.items())
        verdict = Verdict.MET if max(sizes.values(), default=0.0) <= bar else Verdict.MISSED
        yield f"  {when:8} ≤ {bar:g} each: {verdict if sizes else Verdict.NOT_MEASURED}  {shown}"


def _noted(run: Run) -> str:
    return ", ".join(f"{value:,} {name}" for name, value in run.notes.items()) or "not measured"


def _runs(rows: Sequence[Row], name: str) -> list[Run]:
    return [row[name] for row in rows if isinstance(row.get(name), Run) and not row[name].invalid]


def _median(runs: Sequence[Run], process: str) -> float:
    return statistics.median(run.cpu_per_1000.get(process, 0.0) for run in runs)


def _values(values: Sequence[float | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "INVALID or not measured"
    if not known:
        return ""
    each = " ".join(map(_short, known))
    if len(known) == 1:
        return f"{each} {unit}"
    spread = f"{_short(min(known))}–{_short(max(known))}"
    return f"{each}  median {_short(statistics.median(known))} ({spread}) {unit}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
