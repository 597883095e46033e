"""Pure: the cards of the patient's page that only some programmes have, out of what was read."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.alerts import telling
from services.alerts.care import contacting
from services.alerts.clinical.samples import WHOLE
from services.alerts.judging.patient import Patient
from services.alerts.one_patient import implants, nights, sessions
from services.alerts.rows import cells
from shared import kinds, zones
from shared.contracts import Fact
from shared.limits.nouns import Proposal, Suggested
from shared.programmes import Programme

Json = dict[str, Any]

LATELY = timedelta(days=30)  # what he has measured in this time is part of his zones


def cards(
    patient: Patient,
    followed: Sequence[Programme],
    shut: frozenset[str],
    decisions: list[Fact],
    proposals: Sequence[Proposal],
    sent: list[Fact],
    now: datetime,
) -> Json:
    """`followed` are the patient's programmes; of those that are shut nothing is told."""
    open_ = [one for one in followed if one.slug not in shut]
    record = patient.record
    return {
        "sessions": _first(sessions.of_record(record, one, now) for one in open_),
        "nights": _first(nights.of_record(record, one, now) for one in open_),
        "implant": _first(implants.of_record(record, one, sent, now) for one in open_),
        "zones": _zones(patient, open_, now),
        "contacts": contacting.told(decisions, shut),
        "contact_programmes": [
            {"slug": one.slug, "name": {"nb": one.names.nb, "en": one.names.en}} for one in open_
        ],
        "proposals": [told for one in proposals if (told := _proposal(one, open_)) is not None],
    }


def _first(made: Iterable[Json | None]) -> Json | None:
    return next((one for one in made if one is not None), None)


def _zones(patient: Patient, followed: list[Programme], now: datetime) -> list[Json]:
    """The plan as the patient reads it on his own page."""
    record = patient.record
    limits: dict[tuple[str, str], Decimal | None] = {
        (one.slug, limit.name): cells.number(record, one, limit.name, now)
        for one in followed
        for limit in one.limits
    }
    measured = {
        name for name in kinds.CATALOGUE if record.series((name, WHOLE)).all.since(now - LATELY)
    }
    found = zones.zones(followed, limits, measured)
    return [
        {
            "colour": colour,
            "signs": [
                {
                    "names": {"nb": sign.names.nb, "en": sign.names.en},
                    "over": sign.over,
                    "number": sign.number,
                    "ucum": sign.ucum,
                    "tells": [{"nb": one.nb, "en": one.en} for one in tells],
                }
                for sign, tells in (*zone.measured.items(), *zone.answered.items())
            ],
        }
        for colour, zone in found.items()
    ]


def suggested(
    patient: Patient, followed: Sequence[Programme], found: Sequence[Suggested], now: datetime
) -> list[Json]:
    """What his own values suggest and waits for a word, in the order of the programme's limits."""
    waiting = {(one.programme, one.name): one for one in found if one.state == "waiting"}
    return [
        {
            "programme": programme.slug,
            "name": limit.name,
            "label": telling.said(limit.names),
            "ucum": limit.ucum,
            "min": limit.min,
            "max": limit.max,
            "value": one.value,
            "before": cells.number(patient.record, programme, limit.name, now),
            "median": one.median,
            "spread": one.spread,
            "n": one.n,
            "first": one.first.isoformat(),
            "last": one.last.isoformat(),
        }
        for programme in followed
        for limit in programme.limits
        if (one := waiting.get((programme.slug, limit.name))) is not None
    ]


def _proposal(one: Proposal, followed: Sequence[Programme]) -> Json | None:
    """What waits for a second clinician. None for a programme that is shut or ended."""
    if one.state != "awaiting-second":
        return None
    programme = next((each for each in followed if each.slug == one.programme), None)
    limit = programme.limit_by_name.get(one.name) if programme else None
    if limit is None:
        return None
    default = limit.default
    return {
        "id": str(one.id),
        "label": {"nb": limit.names.nb, "en": limit.names.en},
        "ucum": limit.ucum,
        "before": one.before,
        "value": one.value if one.value is not None else default,
        "reason": one.reason,
        "by": {"id": one.by, "name": one.by_name or ""},
        "at": telling.iso(one.proposed_at),
    }
