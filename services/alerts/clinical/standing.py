"""Pure: why nothing is expected of a patient just now, until when, and when that changes.

It is said on his row: nobody goes quiet there without a word.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from services.alerts.clinical.decided import Enrolment
from services.alerts.clinical.history import Record

Kind = Literal["admission", "holiday", "other", "ended", "deceased"]

SAYS: Mapping[Kind, Mapping[str, str]] = {
    "admission": {"nb": "Innlagt", "en": "Admitted"},
    "holiday": {"nb": "Ferie", "en": "Holiday"},
    "other": {"nb": "Pause", "en": "Paused"},
    "ended": {"nb": "Oppfølgingen er avsluttet", "en": "Follow-up has ended"},
    "deceased": {"nb": "Registrert død", "en": "Registered as dead"},
}

# So long a row stays after the last enrolment has ended: over a weekend.
SHOWN = timedelta(hours=72)


class Still(NamedTuple):
    """`until` None: for good, or until somebody decides otherwise."""

    kind: Kind
    since: datetime
    until: datetime | None
    reason: str | None

    @property
    def says(self) -> dict[str, str]:
        """What the row says, with the reason that somebody gave."""
        why = f": {self.reason}" if self.reason else ""
        return {language: f"{words}{why}" for language, words in SAYS[self.kind].items()}


def still(record: Record, now: datetime) -> Still | None:
    """Paused, no longer followed, or dead; None of somebody who is to send what is expected."""
    if any(one.covers(now) for one in record.enrolments):
        pause = record.paused(now)
        if pause is None:
            return None
        return Still(pause.kind, pause.start, pause.end, pause.reason)
    ended = just_ended(record, now)
    if not ended:
        return None
    last = max(ended, key=lambda one: (one.end or one.start, one.id.int))
    assert last.end is not None
    if record.decided.deceased is not None:
        return Still("deceased", record.decided.deceased, None, None)
    return Still("ended", last.end, None, record.decided.ended_because.get(last.id))


def just_ended(record: Record, now: datetime) -> list[Enrolment]:
    """Those that ended a little while ago, of somebody whom nobody follows any more."""
    if any(one.covers(now) for one in record.enrolments):
        return []
    return [
        one for one in record.enrolments if one.end is not None and one.end <= now < one.end + SHOWN
    ]


def turns(record: Record, now: datetime) -> Iterator[datetime]:
    """The moments to come at which `still` answers something else."""
    for pause in record.pauses:
        yield from (at for at in (pause.start, pause.end) if at is not None and at > now)
    for one in record.enrolments:
        if one.end is not None:
            yield from (at for at in (one.end, one.end + SHOWN) if at > now)
