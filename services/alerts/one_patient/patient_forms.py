"""Pure: the newest answers to each form as the patient's page shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts import telling
from services.alerts.clinical.samples import WHOLE
from services.alerts.judging.patient import Patient
from services.alerts.one_patient import form_scores, forms
from services.alerts.rows.neutral import ANOTHER
from shared.instruments import asking

Json = dict[str, Any]


def answers(
    patient: Patient,
    known: Mapping[str, Mapping[str, Any]],
    now: datetime,
    sex: str | None,
    hidden: frozenset[str],
) -> list[Json]:
    """In the forms' own order and words. A form that is closed to the reader is one line."""
    record = patient.record
    scores = {one["questionnaire"]: one for one in form_scores.of_record(record, now, sex, hidden)}
    found, closed = [], 0
    for name, form in known.items():
        samples = record.series((f"answers:{name}", WHOLE)).all.samples
        if not samples:
            continue
        if name in hidden:
            closed += 1
            continue
        fact = samples[-1].fact
        given = fact.body["answers"]
        asked = forms.questions(form)
        score = scores.get(name)
        safety = (
            {one["item"] for one in score["flags"] if one["state"] == "unknown"} if score else ()
        )
        missing = dict.fromkeys(
            [*(score["missing"] if score else ()), *asking.missing(form, given)]
        )
        found.append(
            {
                "name": forms.title(form, name),
                "at": telling.iso(fact.at),
                **(_scored(score) if score else {"score": fact.body.get("score")}),
                "unknown": [_label(asked, link) for link in safety],
                "unanswered": [_label(asked, link) for link in missing if link not in safety],
                "items": [
                    {"label": forms.question(item), "value": forms.answer(item, given[link])}
                    for link, item in asked.items()
                    if given.get(link)
                ],
            }
        )
    if closed:
        found.append({"name": ANOTHER, "closed": True, "items": []})
    return found


def _label(asked: Mapping[str, Any], link: str) -> dict[str, str]:
    item = asked.get(link)
    return forms.question(item) if item else {"nb": link, "en": link}


def _scored(score: Json) -> Json:
    band = score["band"] or score["lowest_band"]
    words = band["words"] if band else None
    if words and not score["band"]:
        words = {"nb": f"minst {words['nb']}", "en": f"at least {words['en']}"}
    return {
        "score": score["total"],
        "least": score["lower_bound"],
        "most": score["upper_bound"],
        "band": words,
        "trend": score["trend"],
        "change": score["change"]["by"] if score["change"] else None,
        "unfit": bool(score.get("unfit")),
    }
