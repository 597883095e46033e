"""A Questionnaire as what may be answered to it: an answer it does not offer is never counted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.contracts import Code

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

Answer = bool | int | Decimal | str
# The systems of each code that may be chosen; a value that is no code stands for itself.
Options = Mapping[Answer, frozenset[str | None]]


@dataclass(frozen=True, slots=True)
class Question:
    """`takes` are the value[x] of an answer, none for a group or a text that is only shown.

    Without `options` anything of the right type will do. `free`: a text of one's own beside them.
    """

    takes: tuple[str, ...] = ()
    repeats: bool = False
    options: Options | None = None
    free: bool = False
    units: frozenset[str] = frozenset()


def questions(form: Mapping[str, Any]) -> dict[str, Question]:
    """The items of a Questionnaire by linkId, groups and shown texts among them."""
    return dict(_questions(form.get("item", ()), repeated=False))


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
    )


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


def value(answer: Mapping[str, Any]) -> Answer | None:
    """A truth, a number, a text, or the code of the chosen option; None if it cannot be read."""
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
            return _code(told)
        case "valueQuantity":
            return _amount(told)
        case "valueString" | "valueDate" | "valueDateTime" | "valueTime" | "valueUri":
            return told if isinstance(told, str) else None
        case _:
            return None


def _code(told: Any) -> str | None:
    code = told.get("code") or told.get("display") if isinstance(told, dict) else None
    return code if isinstance(code, str) else None


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
    return None if _is_offered(told, question.options) else Code.UNKNOWN_CODE


def _is_offered(coding: Mapping[str, Any], options: Options) -> bool:
    """The same code of another system may mean the opposite; without a system it is the form's."""
    code, system = coding.get("code"), coding.get("system")
    systems = options.get(code, frozenset()) if isinstance(code, str) else frozenset()
    if system is None:
        return bool(systems)
    return None in systems or (isinstance(system, str) and system in systems)
