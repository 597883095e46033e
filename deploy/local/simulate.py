"""`hjemvakt simulate`: a morning at home, over real MQTT and HTTP, with every receipt checked.

First two weeks of history, then the morning of `simulated/mornings.py`, then a reading now and
then. A home that has readings already gets no second history.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from random import Random
from typing import Any

from deploy.local.gateway import Gateway, NoReceipt
from deploy.local.running import Running
from deploy.local.simulated import days, devices, homes, mornings
from deploy.local.simulated.devices import OSLO
from deploy.local.simulated.homes import Home, Part
from deploy.local.ward import Ward

DAYS = 14
BATCH = 100
SENDERS = 4
BETWEEN_HOMES = (0.5, 2.5)
BETWEEN_STEPS = 1.5
BETWEEN_LATER = 20.0

Say = Callable[[str], None]


def run(
    running: Running,
    *,
    seeded: Mapping[str, Any],
    minutes: float | None,
    speed: float,
    say: Say,
    seed: int = 1,
) -> Mapping[str, int]:
    """Simulate until Ctrl-C, or for so many minutes. Returns how many receipts said what.

    `minutes` 0 ends with the morning. `unexpected` counts receipts that said something else than
    they should have.
    """
    ends = None if minutes is None else time.monotonic() + minutes * 60
    simulation = _Simulation(running, seeded, speed, say, seed)
    with closing(simulation):
        simulation.bring_history()
        simulation.prepare()
        simulation.live_morning()
        while ends is None or time.monotonic() < ends:
            simulation.later(ends)
    return simulation.counts


class _Simulation:
    def __init__(
        self, running: Running, seeded: Mapping[str, Any], speed: float, say: Say, seed: int
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._say = say
        self._speed = speed
        self._dice = Random(seed)
        self._stop = threading.Event()
        self._ward = Ward(running, seeded)
        self._gateway = Gateway(seeded["org"], running.mqtt, running.ingest, self._stop)
        self._homes = homes.of(seeded, seed)
        self._seen_on = dict.fromkeys((home.number for home in self._homes), _today())

    def close(self) -> None:
        self._stop.set()
        self._gateway.close()
        self._ward.close()

    def bring_history(self) -> None:
        new = [home for home in self._homes if not self._ward.has_readings(home.patient_id)]
        if not new:
            self._say("The homes have their history already.")
            return
        self._say(f"{DAYS} days of history for {len(new)} homes …")
        pool = ThreadPoolExecutor(SENDERS, "gateway")
        try:
            brought = sum(pool.map(self._bring, new))
        finally:
            self._stop_unless_done(pool)
        self._say(f"History: {brought} readings, each with its receipt.")

    def _stop_unless_done(self, pool: ThreadPoolExecutor) -> None:
        pool.shutdown(wait=False, cancel_futures=True)

    def _bring(self, home: Home) -> int:
        self._ward.hold_since(home.patient_id, home.cred, DAYS + 2)
        # Whoever starts this in the evening finds nobody whose machine has not been heard since
        # the night before last.
        items = [*days.history(home, _today(), DAYS), *days.last_night(home, _now())]
        for first in range(0, len(items), BATCH):
            part = items[first : first + BATCH]
            step = mornings.Step("", part, ("stored",) * len(part))
            self._send(home.name, home.cred, home.secret, step)
        return len(items)

    def prepare(self) -> None:
        for home in self._homes:
            if home.part is Part.SILENT:
                self._ward.expect_weight_now(home.patient_id)
                self._say(f"{home.name}: a weight is expected within seconds; the scale is silent.")

    def live_morning(self) -> None:
        """Every home once, in an order that chance has chosen; the special ones rather early."""
        drawn = {home.number: self._dice.random() for home in self._homes}
        order = sorted(
            self._homes,
            key=lambda home: drawn[home.number] / (1 if home.part is Part.ORDINARY else 3),
        )
        self._nobodys_scale()
        for home in order:
            self._visit(home, mornings.script(home, _now()))
            self._pause(self._dice.uniform(*BETWEEN_HOMES))
        told = ", ".join(f"{count} {result}" for result, count in sorted(self.counts.items()))
        self._say(f"The morning is over. Receipts so far: {told}.")

    def later(self, ends: float | None) -> None:
        """One more home: its morning if a new day has begun, else another blood pressure."""
        home = self._dice.choice(self._homes)
        if home.part is not Part.SILENT:
            now, today = _now(), _today()
            if self._seen_on[home.number] < today:
                self._seen_on[home.number] = today
                self._visit(home, mornings.ordinary(home, now))
            else:
                dice = home.dice(today, now.isoformat())
                reading = devices.usual_pressure(home, now, dice)
                says = f"{home.name} measures the blood pressure."
                self._visit(home, [mornings.Step(says, [reading], ("stored",))])
        seconds = BETWEEN_LATER
        if ends is not None:
            seconds = min(seconds, max(0.0, ends - time.monotonic()) * self._speed)
        self._pause(seconds)

    def _nobodys_scale(self) -> None:
        """A scale that nobody is bound to: its readings wait for somebody who knows whose."""
        cred, secret = self._ward.unbound_scale()
        kilos = self._homes[0].dry_weight if self._homes else 70
        nobody = {
            "v": 1,
            "id": f"nobody-{time.time_ns()}",
            "kind": "body_weight",
            "at": _now().astimezone(OSLO).isoformat(timespec="seconds"),
            "values": {"value": kilos},
        }
        step = mornings.Step("A scale that nobody holds sends.", [nobody], ("quarantined",))
        self._say(step.says)
        self._send("The scale", cred, secret, step)

    def _visit(self, home: Home, steps: list[mornings.Step]) -> None:
        for step in steps:
            self._say(step.says)
            self._send(home.name, home.cred, home.secret, step)
            self._pause(BETWEEN_STEPS)

    def _send(self, name: str, cred: str, secret: str, step: mornings.Step) -> None:
        try:
            results = self._gateway.send(cred, secret, step.by, step.channel, step.body)
        except NoReceipt:
            self.counts["without receipt"] += len(step.expects)
            if not self._stop.is_set():
                self._say(f"{name}: no receipt; the readings stay in the gateway.")
            return
        self.counts.update(results)
        # A message whose receipt was lost on the way is sent again: then it is a duplicate.
        fine = all(
            got in (wanted, "duplicate") for got, wanted in zip(results, step.expects, strict=False)
        )
        if not fine or len(results) != len(step.expects):
            self.counts["unexpected"] += 1
            self._say(
                f"{name}: the receipts say {', '.join(sorted(set(results)))}, "
                f"not {', '.join(sorted(set(step.expects)))}."
            )

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds / self._speed)


def _now() -> datetime:
    return datetime.now(UTC)


def _today() -> Any:
    return _now().astimezone(OSLO).date()
