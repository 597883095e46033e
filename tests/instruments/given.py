"""Answers to give: full forms, totals of a wanted size, and any answers at all."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from shared import instruments
from shared.instruments.schema import Choice, FreeText, Instrument, Question, Range, YesNo

INSTRUMENTS = instruments.load_all()


def answered(slug: str, value: int, *, but: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every question that counts answered alike; `but` what differs."""
    questions = INSTRUMENTS[slug].question_of.items()
    answers: dict[str, Any] = {link: value for link, one in questions if not one.optional}
    return answers | dict(but or {})


def totalling(slug: str, links: list[str], total: int) -> dict[str, Decimal]:
    """The highest answers first, until the sum is the wanted one; the choosiest items first."""
    instrument, left = INSTRUMENTS[slug], Decimal(total)
    answers: dict[str, Decimal] = {}
    least_of_rest = sum((instrument.question_of[link].least for link in links), Decimal(0))
    choices = {link: one for link, one in instrument.question_of.items() if link in links}
    for link, question in sorted(choices.items(), key=lambda one: len(_scores(one[1]))):
        least_of_rest -= question.least
        answers[link] = max(score for score in _scores(question) if score <= left - least_of_rest)
        left -= answers[link]
    assert left == 0
    return answers


def _scores(question: Question) -> tuple[Decimal, ...]:
    return question.scores if isinstance(question, Choice) else ()


def values(question: Question) -> st.SearchStrategy[Any]:
    match question:
        case Choice():
            return st.sampled_from([*question.scores, *question.codes])
        case Range():
            steps = int((question.most - question.least) / question.step)
            least, step = question.least, question.step
            return st.integers(0, steps).map(lambda n: least + n * step)
        case YesNo():
            return st.booleans()
        case FreeText():
            return st.text(max_size=5)


@st.composite
def forms(draw: st.DrawFn, instrument: Instrument) -> dict[str, Any]:
    """Any answers, some of them missing in one way or another."""
    answers: dict[str, Any] = {}
    for link, question in instrument.question_of.items():
        match draw(st.sampled_from(["answered", "listed", "left out", "null", "empty"])):
            case "answered":
                answers[link] = draw(values(question))
            case "listed":
                answers[link] = [draw(values(question))]
            case "null":
                answers[link] = None
            case "empty":
                answers[link] = []
    return answers
