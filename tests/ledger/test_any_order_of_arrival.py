"""Whatever the order of arrival, the same facts are in force."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts import Item
from tests.ledger.hospital import Hospital, judged
from tests.ledger.items import (
    ago,
    amendment,
    correction,
    message,
    reading,
    value_of,
    void,
    withdrawal,
)

Shown = set[tuple[int, str, Decimal]]


@dataclass(frozen=True)
class Step:
    """What a sender does to one of his earlier messages; all go back to one measurement."""

    kind: str  # correction, amendment, void, withdrawal
    of: int  # counts the messages that bear a reading
    version: int | None = None
    hours_ago: int = 1
    pulse: bool = False


STEPS = st.builds(
    Step,
    kind=st.sampled_from(["correction", "correction", "amendment", "void", "withdrawal"]),
    of=st.integers(0, 3),
    version=st.none() | st.integers(1, 12),
    hours_ago=st.sampled_from([1, 5]),
    pulse=st.booleans(),
)


@given(
    steps=st.lists(STEPS, min_size=1, max_size=5),
    pulse=st.booleans(),
    handed_over=st.sampled_from([None, 3, 8]),
    seed=st.integers(0, 2**32),
)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_order_of_arrival_ends_with_the_same_facts_in_force(
    hospital: Hospital, steps: list[Step], pulse: bool, handed_over: int | None, seed: int
) -> None:
    items = messages(steps, pulse)
    arrivals: list[Item | int] = [*items, *([handed_over] if handed_over else [])]
    orders = [
        arrivals,
        arrivals[::-1],
        random.Random(seed).sample(arrivals, len(arrivals)),
    ]

    shown = [await arrive(hospital, order) for order in orders]

    assert shown[0] == shown[1] == shown[2]
    # One measurement is shown at most once, whatever was done to it.
    assert len({kind for _, kind, _ in shown[0]}) == len(shown[0])


def messages(steps: list[Step], pulse: bool) -> list[Item]:
    moment = ago()
    times = {hours: moment - timedelta(hours=hours) for hours in (1, 5)}
    items = [reading(value="100", at=times[1], pulse="50" if pulse else None)]
    names = [items[0].message_id]
    for place, step in enumerate(steps, start=1):
        of = names[step.of % len(names)]
        at, value, beat = times[step.hours_ago], str(100 + place), str(50 + place)
        match step.kind:
            case "correction":
                names.append(f"{place}-{message()}")
                items.append(
                    correction(
                        of, value, names[-1],
                        at=at, version=step.version, pulse=beat if step.pulse else None,
                    )
                )  # fmt: skip
            case "amendment":
                items.append(amendment(of, value, at=at, version=step.version or place))
            case "void":
                items.append(void(of, at=at))
            case _:
                items.append(withdrawal(of, at=at))
    return items


async def arrive(hospital: Hospital, order: list[Item | int]) -> Shown:
    """Let it all arrive at new patients of a new device; what is then shown of whom.

    A number is a hand-over of the device, that many hours ago. Whoever's facts in force an
    arrival changes is judged again.
    """
    people = [await hospital.patient(), await hospital.patient()]
    cred = await hospital.held_by(people[0])
    shown: Shown = set()
    for arrival in order:
        if isinstance(arrival, int):
            await hospital.hand_over(cred, people[1], ago(hours=arrival))
        else:
            await hospital.send(cred, arrival)
        before, shown = (
            shown,
            {
                (holder, fact.kind, value_of(fact))
                for holder, person in enumerate(people)
                for fact in await hospital.facts(person)
            },
        )
        changed = {people[holder] for holder, _, _ in before ^ shown}
        assert changed <= await judged(hospital)
    return shown


async def test_every_order_of_an_original_two_versions_and_the_void_of_one(
    hospital: Hospital,
) -> None:
    """All 24 orders, spelt out."""
    anna = await hospital.patient()
    items = [
        reading("original", "80"),
        correction("original", "82", "second", version=2),
        correction("original", "83", "third", version=3),
        void("second", "fourth"),
    ]
    for order in itertools.permutations(items):
        cred = await hospital.held_by(anna)
        for item in order:
            await hospital.send(cred, item)
    assert await hospital.values(anna) == [83] * 24


@pytest.mark.parametrize("seed", range(3))
async def test_everything_at_once_on_four_connections_ends_the_same(
    hospital: Hospital, seed: int
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    at, other = ago(minutes=90), ago(minutes=10)
    since = at - timedelta(minutes=1)
    acts: list[Callable[[], Awaitable[object]]] = []
    for n in range(12):
        acts += [partial(hospital.send, cred, item) for item in chain(n, at, other)]
    for holder in (anna, berit) * 4:
        acts.append(partial(hospital.hand_over, cred, holder, since))
    random.Random(seed).shuffle(acts)
    four = asyncio.Semaphore(4)

    async def one(act: Callable[[], Awaitable[object]]) -> None:
        async with four:
            await act()

    await asyncio.gather(*map(one, acts))
    await hospital.hand_over(cred, berit, since)

    assert await hospital.values(berit) == [83] * 6
    assert await hospital.values(anna) == []
    assert await judged(hospital) == {anna, berit}


def chain(n: int, at: datetime, other: datetime) -> list[Item]:
    """A reading, corrections of it and of its correction; of every second one all is withdrawn."""
    name = f"{n:04}-{message()}"
    return [
        reading(name, "80", at, pulse="60"),
        correction(name, "81", f"{name}-fix", at=at, version=1, pulse="61"),
        correction(f"{name}-fix", "82", f"{name}-fix-of-fix", at=at, version=2),
        correction(name, "83", f"{name}-other", at=other, version=3),
    ] + ([void(name, f"{name}-void", at=other)] if n % 2 else [])
