"""Patients as they were after the last commit, so that a reading need not be judged from all that
came before it. True only while the state row's version is the same; never needed for being right.
"""

from collections import Counter, OrderedDict
from datetime import datetime
from uuid import UUID

from services.alerts.judging.patient import Patient, State

# Facts held at most, over all patients: 1.1 kB each. What is expected and what was found weigh
# less, and may be more. What a process has once used it does not give back, so what counts is this
# and the patients of a portion of a take together.
ROOM = 6_000
LIGHT = 4


class Memory:
    """Least recently judged go first. A patient taken out comes back only with `keep`."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._held = 0
        self._patients: OrderedDict[tuple[str, UUID], Patient] = OrderedDict()
        self._not_loaded: dict[tuple[str, UUID], frozenset[tuple[str, str]]] = {}

    def has(self, org: str, state: State, wanted: datetime) -> bool:
        patient = self._patients.get((org, state.patient_id))
        return patient is not None and _is_true(patient, state, wanted)

    def holds(self, org: str, patient_id: UUID) -> bool:
        return (org, patient_id) in self._patients

    def take(self, org: str, state: State, wanted: datetime) -> Patient | None:
        """The patient, if nothing has happened since and the record reaches back to `wanted`."""
        patient = self._patients.pop((org, state.patient_id), None)
        if patient is None:
            return None
        self._held -= _weight(patient)
        return patient if _is_true(patient, state, wanted) else None

    def note(self, org: str, patient_id: UUID, missing: frozenset[tuple[str, str]]) -> None:
        """(programme, version) that should judge this patient, and are not loaded here."""
        self._not_loaded.pop((org, patient_id), None)
        if missing:
            self._not_loaded[org, patient_id] = missing

    def not_loaded(self, org: str) -> Counter[tuple[str, str]]:
        """The same of the organisation, with the number of patients."""
        return Counter(
            each for (of, _), missing in self._not_loaded.items() if of == org for each in missing
        )

    def keep(self, org: str, patient: Patient) -> None:
        """After the commit that wrote this patient."""
        key = (org, patient.state.patient_id)
        old = self._patients.pop(key, None)
        self._held += _weight(patient) - (_weight(old) if old else 0)
        self._patients[key] = patient
        while self._held > self._room and len(self._patients) > 1:
            self._drop_oldest()

    def make_room(self, judged: dict[UUID, Patient]) -> None:
        """For patients of whom a take is not done yet: what their keeping would displace goes now,
        and of themselves the first, or the take holds as much again as there is room for."""
        coming = sum(_weight(one) for one in judged.values())
        while coming > self._room and len(judged) > 1:
            coming -= _weight(judged.pop(next(iter(judged))))
        while self._patients and self._held + coming > self._room:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, gone = self._patients.popitem(last=False)
        self._held -= _weight(gone)


def _weight(patient: Patient) -> int:
    return patient.weight + (len(patient.expected) + len(patient.known)) // LIGHT


def _is_true(patient: Patient, state: State, wanted: datetime) -> bool:
    reaches = patient.complete_from is None or patient.complete_from <= wanted
    return reaches and patient.state.version == state.version
