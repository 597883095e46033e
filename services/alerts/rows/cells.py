"""Pure: on which side of the patient's own limits a figure lies, by the programme's own rules."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal

from services.alerts.clinical.history import Record
from shared.programmes import Programme

Tone = Literal["red", "yellow"]


def tone(
    record: Record, programme: Programme, names: Iterable[str], figure: Decimal | None, at: datetime
) -> Tone | None:
    """The graver colour of the named limits that the figure is beyond, as they stood at `at`."""
    if figure is None:
        return None
    judged = record.decided.version(programme, at)
    found = {_beyond(record, judged, name, figure, at) for name in names}
    return "red" if "red" in found else "yellow" if "yellow" in found else None


def number(record: Record, programme: Programme, name: str, at: datetime) -> Decimal | None:
    """The patient's own number at that moment, else the programme's."""
    own = record.limit(programme.slug, name, at)
    limit = programme.limit_by_name.get(name)
    return own if own is not None else (limit.default if limit else None)


def _beyond(
    record: Record, programme: Programme, name: str, figure: Decimal, at: datetime
) -> Tone | None:
    limit = number(record, programme, name, at)
    if limit is None:
        return None
    for rule in programme.rules:
        how = next(
            (
                side
                for side in ("above", "at_least", "below", "at_most")
                if getattr(rule, side, None) == name
            ),
            None,
        )
        if how is None:
            continue
        either = getattr(rule, "direction", "") == "either"
        measured = abs(figure) if either else figure
        beyond = {
            "above": measured > limit,
            "at_least": measured >= limit,
            "below": measured < limit,
            "at_most": measured <= limit,
        }[how]
        return rule.colour if beyond and rule.colour in ("red", "yellow") else None
    return None
