"""Which questions a form asks, given the answers so far: enableWhen, and what is required. Pure.

Where the answer that decides is not there yet, nothing is decided: such a question may be answered
and is not missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any

Form = Mapping[str, Any]
Answers = Mapping[str, Any]

_COMPARE = {"=": eq, "!=": ne, ">": gt, "<": lt, ">=": ge, "<=": le}


@dataclass(frozen=True, slots=True)
class Condition:
    """Asked when every (or any) of these holds: (linkId, operator, expected)."""

    tests: tuple[tuple[str, str, Any], ...]
    every: bool = False


def conditions(form: Form) -> dict[str, tuple[Condition, ...]]:
    """By linkId what must hold for a question to be asked, those of its groups with it."""
    return dict(_conditions(form.get("item", ()), ()))


def _conditions(
    items: Iterable[Form], above: tuple[Condition, ...]
) -> Iterator[tuple[str, tuple[Condition, ...]]]:
    for item in items:
        told = tuple(_test(each) for each in item.get("enableWhen", ()))
        own = (Condition(told, item.get("enableBehavior") == "all"),) if told else ()
        yield item["linkId"], above + own
        yield from _conditions(item.get("item", ()), above + own)


def _test(told: Form) -> tuple[str, str, Any]:
    expected = next((value for key, value in told.items() if key.startswith("answer")), None)
    if isinstance(expected, Mapping):  # a coding, or a quantity
        expected = expected.get("code", expected.get("value"))
    return str(told["question"]), str(told["operator"]), expected


def is_asked(needed: Iterable[Condition], answers: Answers) -> bool | None:
    """None while the answers that decide are not there."""
    decided = [_holds(one, answers) for one in needed]
    if False in decided:
        return False
    return None if None in decided else True


def _holds(one: Condition, answers: Answers) -> bool | None:
    several = [_meets(test, answers) for test in one.tests]
    settles = not one.every  # one truth settles any, one untruth settles every
    if settles in several:
        return settles
    return None if None in several else one.every


def _meets(test: tuple[str, str, Any], answers: Answers) -> bool | None:
    link, operator, expected = test
    given = answers.get(link)
    several = given if isinstance(given, list | tuple) else () if given is None else (given,)
    if operator == "exists":
        # Not answered yet may still be answered.
        return bool(expected) if several else None
    if not several:
        return None
    compare = _COMPARE[operator]
    return any(compare(*_alike(one, expected)) for one in several if _comparable(one, expected))


def _comparable(one: Any, expected: Any) -> bool:
    if isinstance(one, bool) or isinstance(expected, bool):
        return isinstance(one, bool) and isinstance(expected, bool)
    return isinstance(one, str) == isinstance(expected, str)


def _alike(one: Any, expected: Any) -> tuple[Any, Any]:
    if isinstance(one, str | bool):
        return one, expected
    return Decimal(one), Decimal(expected)


def missing(form: Form, answers: Answers) -> tuple[str, ...]:
    """The required questions that are asked and unanswered, in the form's order."""
    needed = conditions(form)
    return tuple(
        item["linkId"]
        for item in _items(form.get("item", ()))
        if item.get("required") is True
        and item.get("type") not in ("group", "display")
        and answers.get(item["linkId"]) in (None, [], ())
        and is_asked(needed[item["linkId"]], answers) is True
    )


def _items(items: Iterable[Form]) -> Iterator[Form]:
    for item in items:
        yield item
        yield from _items(item.get("item", ()))
