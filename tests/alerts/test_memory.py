"""What memory holds is bounded while a take is under way, not only after it."""

from uuid import UUID

from services.alerts.clinical.history import Record
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import Patient, State

ORG = "nyre"


def patient(number: int, weight: int) -> Patient:
    id_ = UUID(int=number)
    return Patient(State(id_), Record(id_), weight=weight)


def held(memory: Memory) -> list[int]:
    return [number for number in range(10) if memory.holds(ORG, UUID(int=number))]


def test_room_is_made_for_a_take_before_it_is_done_by_those_judged_longest_ago() -> None:
    memory = Memory(room=100)
    for number in range(4):
        memory.keep(ORG, patient(number, 25))
    coming = {UUID(int=8): patient(8, 30), UUID(int=9): patient(9, 30)}

    memory.make_room(coming)

    assert held(memory) == [3]
    assert len(coming) == 2
    for one in coming.values():
        memory.keep(ORG, one)
    assert held(memory) == [3, 8, 9]


def test_of_a_take_too_large_for_memory_the_last_are_kept() -> None:
    memory = Memory(room=100)
    memory.keep(ORG, patient(0, 25))
    coming = {UUID(int=number): patient(number, 40) for number in range(5, 9)}

    memory.make_room(coming)

    assert held(memory) == []
    assert [one.int for one in coming] == [7, 8]
