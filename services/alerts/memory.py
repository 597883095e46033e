"""Patients as they were after the last commit, so that a reading need not be judged from all that
came before it. True only while the state row's version is the same; never needed for being right.
"""

from collections import OrderedDict
from datetime import datetime
from uuid import UUID

from services.alerts.patient import Patient, State

# Facts held at most, over all patients: 1.5 kB each.
ROOM = 12_000


class Memory:
    """Least recently judged go first. A patient taken out comes back only with `keep`."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._held = 0
        self._patients: OrderedDict[tuple[str, UUID], Patient] = OrderedDict()

    def has(self, org: str, state: State, wanted: datetime) -> bool:
        patient = self._patients.get((org, state.patient_id))
        return patient is not None and _is_true(patient, state, wanted)

    def take(self, org: str, state: State, wanted: datetime) -> Patient | None:
        """The patient, if nothing has happened since and the record reaches back to `wanted`."""
        patient = self._patients.pop((org, state.patient_id), None)
        if patient is None:
            return None
        self._held -= patient.weight
        return patient if _is_true(patient, state, wanted) else None

    def keep(self, org: str, patient: Patient) -> None:
        """After the commit that wrote this patient."""
        key = (org, patient.state.patient_id)
        old = self._patients.pop(key, None)
        self._held += patient.weight - (old.weight if old else 0)
        self._patients[key] = patient
        while self._held > self._room and len(self._patients) > 1:
            _, gone = self._patients.popitem(last=False)
            self._held -= gone.weight


def _is_true(patient: Patient, state: State, wanted: datetime) -> bool:
    reaches = patient.complete_from is None or patient.complete_from <= wanted
    return reaches and patient.state.version == state.version
