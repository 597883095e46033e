"""What a NEWS2 rule sees: a score speaks on what is certain, its lower bound or a single 3."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from services.alerts.clinical import finding, news2, sitting, wording
from services.alerts.clinical.finding import Match, Seen, Value
from services.alerts.clinical.history import Record
from shared.programmes import Programme, ScoreRule

FALLING = "VPU"  # of ACVPU, from bad to worse
UCUM = {
    "respiratory_rate": "/min",
    "spo2": "%",
    "systolic_bp": "mm[Hg]",
    "pulse": "/min",
    "temperature": "Cel",
}


def at_sittings(
    rule: ScoreRule, programme: Programme, record: Record, start: datetime | None
) -> Iterator[Seen]:
    for made in sitting.scored(record, start):
        score = made.score
        if record.follows(programme, made.at) is None:
            continue
        if rule.single is not None:
            speaks = rule.single in score.subscores.values()
        else:
            least, below = rule.at_least, rule.below
            speaks = least is not None and score.lower_bound >= least
            speaks = speaks and (below is None or score.lower_bound < below)
        if speaks:
            received = max(part.received_at for part in made.parts if part.at == made.at)
            yield (
                made.trigger,
                finding.of_rule(
                    rule,
                    programme,
                    record.patient_id,
                    _news2_match(made),
                    made.at,
                    made.trigger,
                    received,
                    retake=rule.retake is not None,
                    marks=tuple(_marks(made)),
                    score=score.lower_bound,
                ),
            )


def _marks(made: sitting.Assembled) -> Iterator[str]:
    """The parameters that alone score 3. All but A do so of consciousness, and a patient who no
    longer answers is worse than a confused one: each level below the first is a mark more."""
    for name, points in made.score.subscores.items():
        if points == 3:
            yield name
    level = next((str(one.value) for one in made.parts if one.name == "consciousness"), "A")
    for worse in FALLING[: FALLING.find(level) + 1]:
        yield f"consciousness {worse}"


def _news2_match(made: sitting.Assembled) -> Match:
    score = made.score
    known = len(news2.PARAMETERS) - len(score.missing)

    def words(language: str) -> dict[str, str]:
        english = language == "en"
        least, of, measured = ("at least", "of", "measured") if english else ("minst", "av", "mål")
        partial = f"{least} {score.lower_bound} ({known} {of} 7 {measured})"
        extreme = [part for part in made.parts if score.subscores.get(part.name) == 3]
        return {
            "score": str(score.total) if score.complete else partial,
            "parameters": ", ".join(_part(part, language) for part in extreme),
        }

    return Match(
        tuple(
            Value(part.kind, part.field, part.value, UCUM.get(part.name, ""), part.at)
            for part in made.parts
        ),
        tuple(dict.fromkeys(part.fact for part in made.parts)),
        (),
        words,
    )


def _part(part: sitting.Part, language: str) -> str:
    name = sitting.NAMES[part.name][language == "en"]
    if not isinstance(part.value, Decimal):
        return f"{name} {part.value}"
    unit = {"spo2": " %", "temperature": " °C"}.get(part.name, "")
    decimals = 1 if part.name == "temperature" else 0
    return f"{name} {wording.number(part.value, decimals, language)}{unit}"
