"""A Questionnaire as what may be answered to it: an answer it does not offer is never counted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from shared.contracts import Code
from shared.instruments import asking
from shared.programmes.critical import Critical

_TAKES: Mapping[str, tuple[str, ...]] = {
    "boolean": ("valueBoolean",),
    "decimal": ("valueDecimal", "valueInteger"),
    "integer": ("valueInteger",),
    "quantity": ("valueQuantity",),
    "date": ("valueDate",),
    "dateTime": ("valueDateTime",),
    "time": ("valueTime",),
    "string": ("valueString",),
    "text": ("valueString",),
    "url": ("valueUri",),
    "choice": ("valueCoding",),
    "open-choice": ("valueCoding", "valueString"),
}
_UNITS = ("/questionnaire-unit", "/questionnaire-unitOption")
_WEIGHTS = ("/ordinalValue", "/itemWeight", "/questionnaire-ordinalValue")
_TEXTS = frozenset(("valueString", "valueDate", "valueDateTime", "valueTime", "valueUri"))

Answer = bool | int | Decimal | str
# The systems of each code that may be chosen; a value that is no code stands for itself.
Options = Mapping[Answer, frozenset[str | None]]


@dataclass(frozen=True, slots=True)
class Question:
    """`takes` are the value[x] of an answer, none for a group or a text that is only shown.

    Without `options` anything of the right type will do. `free`: a text of one's own beside them.
    `points` may stand for the options they score; `worth` is what each scores. `needed` must hold
    for it to be asked at all; `red` are the answers that are red by themselves.
    """

    takes: tuple[str, ...] = ()
    repeats: bool = False
    options: Options | None = None
    free: bool = False
    units: frozenset[str] = frozenset()
    points: frozenset[Decimal] = frozenset()
    worth: tuple[tuple[str, Decimal], ...] = ()
    needed: tuple[asking.Condition, ...] = ()
    red: tuple[Critical, ...] = ()


def questions(form: Mapping[str, Any], red: Iterable[Critical] = ()) -> dict[str, Question]:
    """The items of a Questionnaire by linkId, groups and shown texts among them."""
    found = dict(_questions(form.get("item", ()), repeated=False))
    for link, needed in asking.conditions(form).items():
        if needed:
            found[link] = replace(found[link], needed=needed)
    for one in red:
        if one.link in found:
            found[one.link] = replace(found[one.link], red=(*found[one.link].red, one))
    return found


def _questions(
    items: Iterable[Mapping[str, Any]], *, repeated: bool
) -> Iterator[tuple[str, Question]]:
    for item in items:
        # Below something that repeats, the same question is answered once for each time.
        repeats = repeated or item.get("repeats") is True
        yield item["linkId"], _question(item, repeats)
        yield from _questions(item.get("item", ()), repeated=repeats)


def _question(item: Mapping[str, Any], repeats: bool) -> Question:
    kind = item.get("type", "")
    offered = item.get("answerOption", ())
    named = {key for option in offered for key in option if key.startswith("value")}
    takes = _TAKES.get(kind, ())
    if kind == "choice" and named:
        takes = tuple(sorted(named))
    return Question(
        takes=tuple(takes),
        repeats=repeats,
        options=_options(offered) if offered else None,
        free=kind == "open-choice",
        units=frozenset(_units(item.get("extension", ()))),
        points=frozenset(points for _, points in _points(offered)),
        worth=tuple((code, points) for code, points in _points(offered) if code),
    )


def _points(offered: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Decimal]]:
    """The code of each option that scores something, and what."""
    for option in offered:
        coding = option.get("valueCoding", {})
        for holder in (option, coding):
            for each in holder.get("extension", ()):
                if str(each.get("url", "")).endswith(_WEIGHTS) and "valueDecimal" in each:
                    yield coding.get("code", ""), Decimal(each["valueDecimal"])


def _options(offered: Iterable[Mapping[str, Any]]) -> Options:
    found: dict[Answer, frozenset[str | None]] = {}
    for option in offered:
        coding = option.get("valueCoding")
        if coding is not None:
            code = coding.get("code")
            found[code] = found.get(code, frozenset()) | {coding.get("system")}
        else:
            told = {key: each for key, each in option.items() if key.startswith("value")}
            found |= dict.fromkeys(told.values(), frozenset())
    return found


def _units(extensions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in extensions:
        if str(each.get("url", "")).endswith(_UNITS):
            yield str(each.get("valueCoding", {}).get("code"))


def value(answer: Mapping[str, Any], question: Question | None = None) -> Answer | None:
    """A truth, a number, a text, or the code of the chosen option; None if it cannot be read. An
    option without a code is what it scores, where `question` has that."""
    given = [key for key in answer if key.startswith("value")]
    if len(given) != 1:
        return None
    told = answer[given[0]]
    match given[0]:
        case "valueBoolean":
            return told if isinstance(told, bool) else None
        case "valueDecimal":
            return told if type(told) in (int, Decimal) else None
        case "valueInteger":
            return told if type(told) is int else None
        case "valueCoding":
            is_bare = isinstance(told, dict) and not told.get("code")
            score = _score(answer) if is_bare and question is not None else None
            return score if question and score in question.points else _code(told)
        case "valueQuantity":
            return _amount(told)
        case "valueString" | "valueDate" | "valueDateTime" | "valueTime" | "valueUri":
            return told if isinstance(told, str) else None
        case _:
            return None


def _code(told: Any) -> str | None:
    code = told.get("code") or told.get("display") if isinstance(told, dict) else None
    return code if isinstance(code, str) else None


def _score(answer: Mapping[str, Any]) -> Decimal | None:
    """What the sender says that the chosen option scores."""
    coding = answer.get("valueCoding")
    for holder in (answer, coding if isinstance(coding, dict) else {}):
        listed = holder.get("extension")
        for each in listed if isinstance(listed, list) else ():
            url = each.get("url") if isinstance(each, dict) else None
            if isinstance(url, str) and url.endswith(_WEIGHTS):
                told = each.get("valueDecimal", each.get("valueInteger"))
                return Decimal(told) if type(told) in (int, Decimal) else None
    return None


def _amount(told: Any) -> int | Decimal | None:
    """A number; "> 33" is a bound and no amount."""
    if not isinstance(told, dict) or told.get("comparator") is not None:
        return None
    amount: Any = told.get("value")
    return amount if type(amount) in (int, Decimal) else None


def fault(question: Question, answer: Mapping[str, Any], read: Answer) -> Code | None:
    """What is wrong with an answer to this question, if anything; `read` is its `value`."""
    [given] = [key for key in answer if key.startswith("value")]
    if given not in question.takes:
        return Code.BAD_VALUE
    told = answer[given]
    if given == "valueQuantity" and question.units:
        unit = told.get("code") or told.get("unit")
        return None if isinstance(unit, str) and unit in question.units else Code.UNKNOWN_UCUM
    if question.options is None or (question.free and given == "valueString"):
        return None
    if given != "valueCoding":
        return None if read in question.options else Code.BAD_VALUE
    score = _score(answer)
    if score is not None and score == read:
        return None
    # The same option with another score is of another scale: it may even run the other way.
    if score is not None and any(code == read and worth != score for code, worth in question.worth):
        return Code.BAD_VALUE
    return None if _is_offered(told, question.options) else Code.UNKNOWN_CODE


def plain_fault(question: Question, given: Any) -> Code | None:
    """The same for an answer in plain JSON: a truth, a number, or an option's code or a text."""
    if isinstance(given, bool):
        fits = "valueBoolean" in question.takes
        return None if fits else Code.BAD_VALUE
    if type(given) in (int, Decimal):
        return _number_fault(question, given)
    if not isinstance(given, str):
        return Code.BAD_VALUE
    if question.options is not None and not question.free:
        if "valueCoding" in question.takes:
            return None if given in question.options else Code.UNKNOWN_CODE
        return None if given in question.options else Code.BAD_VALUE
    fits = "valueCoding" in question.takes or not _TEXTS.isdisjoint(question.takes)
    return None if fits else Code.BAD_VALUE


def _number_fault(question: Question, given: int | Decimal) -> Code | None:
    if question.points:
        return None if given in question.points else Code.BAD_VALUE
    if "valueQuantity" in question.takes:  # without a unit beside it, only where there is but one
        return None if len(question.units) <= 1 else Code.UNKNOWN_UCUM
    if question.options is not None:
        return None if given in question.options else Code.BAD_VALUE
    is_whole = isinstance(given, int) or given == given.to_integral_value()
    fits = "valueDecimal" in question.takes or ("valueInteger" in question.takes and is_whole)
    return None if fits else Code.BAD_VALUE


def _is_offered(coding: Mapping[str, Any], options: Options) -> bool:
    """The same code of another system may mean the opposite; without a system it is the form's."""
    code, system = coding.get("code"), coding.get("system")
    systems = options.get(code, frozenset()) if isinstance(code, str) else frozenset()
    if system is None:
        return bool(systems)
    return None in systems or (isinstance(system, str) and system in systems)
