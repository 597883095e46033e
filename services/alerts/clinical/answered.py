"""What a form says: its answers, and the score and red flags of the instrument it is.

A form that is no known instrument carries the score its sender worked out. A known one is scored
here, whatever came with it: incomplete, it has a lower bound and no total.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from services.alerts.clinical.numbers import decimal
from shared import instruments

SCORE = "#score"  # the total
LEAST = "#least"  # what the total is at least, whatever the missing answers are
BAND = "#band"  # the band that is certain
FLAG = "#flag."  # + the red flag's name: raised, or unknown where a safety question is unanswered


def form_of(body: Mapping[str, Any]) -> str:
    """A form is known by its slug; a canonical url with a version means the same form."""
    return str(body["questionnaire"]).partition("|")[0].rpartition("/")[2]


def fields(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each answered question, and what follows from the answers. A skipped one is not a no."""
    for link, given in body["answers"].items():
        several = tuple(given) if isinstance(given, list | tuple) else (given,)
        # A whole number is stored as such, and must not slip past what compares figures.
        several = tuple(Decimal(one) if type(one) is int else one for one in several)
        if several and given is not None:
            yield link, several
    instrument = instruments.load_all().get(form_of(body))
    if instrument is None:
        if body.get("score") is not None:
            yield SCORE, decimal(body["score"])
    else:
        yield from _flags(instrument, body["answers"])
        yield from _scores(instrument, body["answers"])


def _flags(
    instrument: instruments.Instrument, answers: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    states: dict[str, tuple[str, ...]] = {}
    for one in instruments.flags(instrument, answers):
        states[one.flag.name] = (*states.get(one.flag.name, ()), one.state)
    for name, said in states.items():
        yield FLAG + name, said


def _scores(
    instrument: instruments.Instrument, answers: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    try:
        score = instruments.score(instrument, answers)
    except instruments.CannotBeScored:
        return  # the answers and flags stand; nothing is half scored
    if score.total is not None:
        yield SCORE, score.total
    if score.lower_bound is not None:
        yield LEAST, score.lower_bound
    if score.least_band is not None:
        yield BAND, (score.least_band.name,)
    for name, part in score.subscores.items():
        if part.total is not None:
            yield f"{SCORE}.{name}", part.total
