"""What a patient answered as points, and the red flags among the answers. Pure.

An answer that the questionnaire does not offer is a fault, never 0. Red flags are read on their
own, so that a fault or a gap elsewhere cannot hide one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, assert_never

from shared.instruments.schema import (
    Choice,
    FreeText,
    Instrument,
    Question,
    Range,
    RedFlag,
    YesNo,
)

# By linkId: an option's code, a number or a truth, alone or in a list as facts keep them.
Answers = Mapping[str, Any]


class CannotBeScored(ValueError):
    """An answer does not fit the questionnaire."""

    def __init__(self, link_id: str) -> None:
        super().__init__(link_id)
        self.link_id = link_id


class UnknownQuestion(CannotBeScored):
    """The questionnaire does not ask this."""


class UnknownOption(CannotBeScored):
    """The question does not offer this answer."""


class OutOfRange(CannotBeScored):
    """The number is outside what the question allows."""


class SeveralAnswers(CannotBeScored):
    """The question takes one answer."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A red flag that speaks, or a safety question that nobody can say was answered."""

    flag: RedFlag
    item: str
    state: Literal["raised", "unknown"]
    points: Decimal | None


def read(instrument: Instrument, answers: Answers) -> dict[str, Decimal]:
    """Points by linkId of what was answered. Raises CannotBeScored."""
    points = {}
    for link, given in answers.items():
        question = instrument.question_of.get(link)
        if question is None:
            raise UnknownQuestion(link)
        several = _several(given)
        if not several or isinstance(question, FreeText):
            continue
        if len(several) > 1:
            raise SeveralAnswers(link)
        points[link] = _points(link, question, several[0])
    return points


def faults(instrument: Instrument, answers: Answers) -> tuple[CannotBeScored, ...]:
    """Every answer that does not fit, in the order given; none means that it can be scored."""
    found = []
    for link, given in answers.items():
        try:
            read(instrument, {link: given})
        except CannotBeScored as fault:
            found.append(fault)
    return tuple(found)


def flags(instrument: Instrument, answers: Answers) -> tuple[Raised, ...]:
    """The red flags of any form, incomplete or unreadable elsewhere. Never raises.

    Where several answers came to one question, the worst of them counts.
    """
    found = (
        _raised(flag, link, instrument.question_of[link], answers)
        for flag in instrument.red_flags
        for link in flag.items
    )
    return tuple(raised for raised in found if raised is not None)


def _raised(flag: RedFlag, link: str, question: Question, answers: Answers) -> Raised | None:
    known, unread = [], False
    for given in _several(answers.get(link)):
        try:
            known.append(_points(link, question, given))
        except CannotBeScored:
            unread = True
    if known and max(known) >= flag.at_least:
        return Raised(flag, link, "raised", max(known))
    if unread or (flag.safety and not known):
        return Raised(flag, link, "unknown", None)
    return None


def _several(given: Any) -> tuple[Any, ...]:
    if isinstance(given, list | tuple):
        return tuple(one for one in given if one is not None)
    return () if given is None else (given,)


def _points(link: str, question: Question, given: Any) -> Decimal:
    match question:
        case Choice():
            if isinstance(given, str):
                if given not in question.score_of:
                    raise UnknownOption(link)
                return question.score_of[given]
            number = _number(link, given)
            if number not in question.scores:
                raise OutOfRange(link)
            return number
        case Range():
            number = _number(link, given)
            inside = question.least <= number <= question.most
            if not inside or (number - question.least) % question.step:
                raise OutOfRange(link)
            return number
        case YesNo():
            if not isinstance(given, bool):
                raise UnknownOption(link)
            return Decimal(given)
        case FreeText():
            raise UnknownOption(link)
        case _:
            assert_never(question)


def _number(link: str, given: Any) -> Decimal:
    """Whole numbers and decimals only: a truth or a float is not what anybody answered."""
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise UnknownOption(link)
    number = Decimal(given)
    if not number.is_finite():
        raise OutOfRange(link)
    return number
