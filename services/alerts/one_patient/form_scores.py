"""Pure: scores of questionnaire instruments as the API and the page tell them.

Worked out from the answers when they are read, so that a score is never another than its answers'.
A skipped question is never 0: without enough answers there are bounds and no total.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import WHOLE, Sample
from shared import instruments
from shared.instruments import Instrument, Part, Score
from shared.instruments.schema import Band, Change

Json = dict[str, Any]
TREND = 24  # earlier scores told with the newest


def told(instrument: Instrument, answers: Mapping[str, Any], sex: str | None) -> Json:
    """A score with bands, flags and what is missing. Raises CannotBeScored."""
    score = instruments.score(instrument, answers, sex)
    return {
        "instrument": instrument.slug,
        "version": instrument.version,
        "name": instrument.name,
        "loinc": instrument.loinc.total or None,
        **_part(score),
        "subscores": {name: _part(part) for name, part in score.subscores.items()},
        "flags": [
            {
                "name": one.flag.name,
                "item": one.item,
                "state": one.state,
                "colour": one.flag.colour if one.state == "raised" else "yellow",
                "safety": one.flag.safety,
                "points": one.points,
                "words": one.flag.words.model_dump(),
            }
            for one in score.flags
        ],
        "missing": list(score.missing),
        "sex_needed": score.sex_needed,
    }


def _part(part: Score | Part) -> Json:
    return {
        "total": part.total,
        "complete": part.complete,
        "lower_bound": part.lower_bound,
        "upper_bound": part.upper_bound,
        "band": _band(part.band),
        "lowest_band": _band(part.least_band),
        "reached": list(part.reached),
    }


def _band(band: Band | None) -> Json | None:
    return {"name": band.name, "words": band.words.model_dump()} if band else None


def of_record(
    record: Record, now: datetime, sex: str | None, hidden: frozenset[str] = frozenset()
) -> list[Json]:
    """The newest score of every instrument the patient has answered, by slug."""
    found = []
    for slug, instrument in sorted(instruments.load_all().items()):
        samples = record.series((f"answers:{slug}", WHOLE)).all.samples
        if samples and slug not in hidden:
            found.append(_of_samples(instrument, samples, now, sex))
    return found


def _of_samples(
    instrument: Instrument, samples: Iterable[Sample], now: datetime, sex: str | None
) -> Json:
    *before, latest = samples
    fact = latest.fact
    given = fact.body["answers"]
    try:
        score: Json = told(instrument, given, sex)
    except instruments.CannotBeScored:
        # Stored before this was known of the form: the flags stand, and nothing is half scored.
        score = _unscored(instrument, given)
    trend: list[Json] = [
        {"at": one.at.isoformat(), "fact": str(one.fact.id), "total": total}
        for one in before[-TREND:]
        if (total := _total(instrument, one, sex)) is not None
    ]
    last = trend[-1] if trend else None
    return {
        "questionnaire": instrument.slug,
        **score,
        "score": score["total"],
        "at": latest.at.isoformat(),
        "age_seconds": _age(latest.at, now),
        "sure": latest.sure,
        "fact": str(fact.id),
        "derivedFrom": [{"reference": f"QuestionnaireResponse/{fact.id}"}],
        "inputs": {
            link: {
                "value": value,
                "at": latest.at.isoformat(),
                "age_seconds": _age(latest.at, now),
                "fact": str(fact.id),
            }
            for link, value in given.items()
        },
        "previous": last,
        "change": _change(instrument, score["total"], last["total"] if last else None),
        "trend": [*trend, _here(latest, score["total"])] if score["total"] is not None else trend,
    }


def _here(latest: Sample, total: Decimal) -> Json:
    return {"at": latest.at.isoformat(), "fact": str(latest.fact.id), "total": total}


def _unscored(instrument: Instrument, given: Mapping[str, Any]) -> Json:
    unfit = {one.link_id for one in instruments.faults(instrument, given)}
    readable = {link: value for link, value in given.items() if link not in unfit}
    empty = told(instrument, readable, None)
    none: Json = dict.fromkeys(("total", "lower_bound", "upper_bound", "band", "lowest_band"))
    return {**empty, **none, "complete": False, "subscores": {}, "unfit": sorted(unfit)}


def _total(instrument: Instrument, sample: Sample, sex: str | None) -> Decimal | None:
    try:
        return instruments.score(instrument, sample.fact.body["answers"], sex).total
    except instruments.CannotBeScored:
        return None


def _change(instrument: Instrument, total: Decimal | None, last: Decimal | None) -> Json | None:
    """Since the last complete one. `matters` by each of the instrument's known thresholds."""
    if total is None or last is None:
        return None
    by = total - last
    return {
        "by": by,
        "matters": [
            {"at_least": one.points, "percent": one.percent, "source": one.source}
            for one in instrument.changes
            if one.scale == "total" and _reached(one, by, last)
        ],
    }


def _reached(change: Change, by: Decimal, last: Decimal) -> bool:
    if change.points is not None:
        return abs(by) >= change.points
    assert change.percent is not None
    return last != 0 and abs(by) * 100 >= change.percent * abs(last)


def _age(at: datetime, now: datetime) -> int:
    return max(0, int((now - at).total_seconds()))
