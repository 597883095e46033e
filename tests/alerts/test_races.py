"""T-RACE (H31): two nurses, one screen that is old. Of each pair of moves made on what both saw,
one is kept and the other is told who was quicker; nothing is lost, nothing is written twice.

`make race` makes the 10 000 pairs of the hazard log; the tests make fewer.
"""

import asyncio
import os
import random
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from services.alerts.care import moves
from services.alerts.care.moves import AlertHasMoved, Wanted
from services.alerts.clinical.lifecycle import Move
from services.alerts.judging.memory import Memory
from services.alerts.reader import Reader
from services.alerts.stream import Notifier
from tests.alerts import given
from tests.alerts.given import ORG, World, ago

PAIRS = int(os.environ.get("HJEMVAKT_RACES", "150"))
LANES = 3
NEWS_EVERY = 10  # pairs; then a reading is judged while both move


class Screens:
    """Two nurses at two replicas, with the same alerts on their screens."""

    def __init__(self, world: World, nurses: list[Reader], seed: int) -> None:
        self.world = world
        self.nurses = nurses
        self.memories = [world.memory, Memory()]
        self.dice = random.Random(seed)
        self.kept: dict[UUID, list[tuple[int, str, str, str | None]]] = {}

    async def move(self, n: int, alert: UUID, version: int, state: str) -> Any:
        note = f"{n}-{version}"
        possible = [
            Wanted(Move.NOTE, version, note),
            Wanted(Move.ASSIGN, version, note, assignee=self.nurses[n].id),
        ]
        if state == "open":
            possible.append(Wanted(Move.ACKNOWLEDGE, version, note))
        wanted = self.dice.choice(possible)
        world = self.world
        told = await moves.move(
            world.alerts, Notifier(world.alerts), world.programmes, self.memories[n],
            self.nurses[n], alert, wanted,
        )  # fmt: skip
        self.kept.setdefault(alert, []).append(
            (told["version"], self.nurses[n].id, str(wanted.move), note)
        )
        return told

    async def pair(self, patient: UUID, alert: UUID, with_news: bool) -> int:
        """How many of the two were kept."""
        screen = "select version, state from alerts.alert where id = $1"
        seen, state = (await self.world.fetch(screen, alert))[0]
        acts: list[Any] = [self.move(n, alert, seen, state) for n in (0, 1)]
        self.dice.shuffle(acts)
        if with_news:
            await given.send(self.world, patient, given.systolic(70, ago(seconds=1)))
            acts.append(self.world.judge())
        answers = (await asyncio.gather(*acts, return_exceptions=True))[:2]
        won = [one for one in answers if isinstance(one, dict)]
        lost = [one for one in answers if isinstance(one, AlertHasMoved)]
        assert len(won) + len(lost) == 2, answers
        assert len(won) <= 1
        assert won or with_news, "of two who saw the same somebody must be first"
        for one in lost:
            now = one.members["alert"]
            assert now["version"] > seen
            if won and now["version"] == won[0]["version"]:
                assert now["moved_by"]["id"] == won[0]["moved_by"]["id"]
        return len(won)


async def test_t_race_h31_of_two_moves_on_the_same_screen_one_is_kept(world: World) -> None:
    per = uuid4()
    await world.execute(
        "insert into patients.staff (org, id, name, role, units)"
        " values ($1, $2, 'Per Testsykepleier', 'nurse', $3)",
        ORG,
        per,
        [world.unit],
    )
    nurses = [world.nurse, replace(world.nurse, id=str(per), name="Per Testsykepleier")]
    screens = Screens(world, nurses, PAIRS)
    patients = [await given.patient(world) for _ in range(LANES)]
    for patient in patients:
        await given.send(world, patient, given.systolic(82, ago(minutes=5)))
    await world.judge()
    alerts = {one: (await world.alert(one, "blood-pressure"))["id"] for one in patients}

    async def lane(number: int, patient: UUID) -> int:
        kept = 0
        for n in range(number, PAIRS, LANES):
            # Only one lane judges: the follower is one loop.
            news = number == 0 and n % NEWS_EVERY == 0
            kept += await screens.pair(patient, alerts[patient], news)
        return kept

    kept = await asyncio.gather(*(lane(n, one) for n, one in enumerate(patients)))

    for patient, alert in alerts.items():
        history = await world.fetch(
            "select version, by, move, note from alerts.move where alert_id = $1 order by version",
            alert,
        )
        versions = [row["version"] for row in history]
        assert versions == list(range(1, len(versions) + 1)), "each version is one line of history"
        assert [tuple(row) for row in history if row["by"] != "system"] == screens.kept[alert]
        now = await world.alert(patient, "blood-pressure")
        assert now["version"] == versions[-1]
    assert sum(kept) == sum(len(one) for one in screens.kept.values())
    assert sum(kept) >= PAIRS - PAIRS // NEWS_EVERY
