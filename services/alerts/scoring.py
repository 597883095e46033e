"""Pure: NEWS2 and questionnaire scores as the API answers them, with inputs and ages."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.alerts.clinical import sitting
from services.alerts.clinical.history import Record
from services.alerts.clinical.news2 import News2
from services.alerts.one_patient import form_scores
from shared import instruments
from shared.programmes import Programme

SCORE = "#score"  # where a record keeps the score that came with a form


def answer(score: News2) -> dict[str, Any]:
    return {
        "total": score.total,
        "complete": score.complete,
        "lower_bound": score.lower_bound,
        "upper_bound": score.upper_bound,
        "subscores": dict(score.subscores),
        "any_single_3": score.any_single_3,
        "band": score.band,
        "lowest_band": score.lowest_band,
        "missing": list(score.missing),
    }


def of_record(record: Record, now: datetime) -> dict[str, Any] | None:
    """The newest NEWS2 with its own moment; whether it has expired is asked when it is read."""
    made = sitting.current(record, now)
    if made is None:
        return None
    return {
        **answer(made.score),
        "at": made.at.isoformat(),
        "expires": made.expires.isoformat(),
        "spo2_scale": made.spo2_scale,
        "inputs": {
            part.name: {"value": part.value, "at": part.at.isoformat(), "fact": str(part.fact)}
            for part in made.parts
        },
    }


def aged(score: dict[str, Any] | None, now: datetime) -> dict[str, Any] | None:
    """The same as seen at `now`: expired or not, and how old each input is."""
    if score is None:
        return None
    inputs = {
        name: {**one, "age_seconds": _age(one["at"], now)} for name, one in score["inputs"].items()
    }
    expired = datetime.fromisoformat(score["expires"]) <= now
    return {**score, "expired": expired, "age_seconds": _age(score["at"], now), "inputs": inputs}


def forms(
    record: Record,
    programmes: Iterable[Programme],
    now: datetime,
    *,
    sex: str | None = None,
    hidden: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """The newest score of each instrument, and of each other form that carries one, with the
    answers behind it. Not those of the `hidden` forms."""
    names = {form_name(form) for one in programmes for form in one.questionnaires}
    found = form_scores.of_record(record, now, sex, hidden)
    for name in sorted(names - hidden - instruments.load_all().keys()):
        samples = record.series((f"answers:{name}", SCORE)).all.samples
        if not samples:
            continue
        latest = samples[-1]
        found.append(
            {
                "questionnaire": name,
                "score": latest.value,
                "at": latest.at.isoformat(),
                "age_seconds": _age(latest.at.isoformat(), now),
                "fact": str(latest.fact.id),
                "derivedFrom": [{"reference": f"QuestionnaireResponse/{latest.fact.id}"}],
                "inputs": dict(latest.fact.body["answers"]),
            }
        )
    return found


def form_name(form: Mapping[str, Any]) -> str:
    """A form is known by the last part of its url, whatever its version."""
    return str(form["url"]).partition("|")[0].rpartition("/")[2]


def _age(at: str, now: datetime) -> int:
    return max(0, int((now - datetime.fromisoformat(at)).total_seconds()))
