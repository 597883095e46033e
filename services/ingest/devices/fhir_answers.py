"""A FHIR QuestionnaireResponse as answers by linkId, nested questions flattened."""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from services.ingest.devices import bodies
from services.ingest.devices import fhir_shapes as shapes
from shared import fhir
from shared.contracts import Code, Draft, ItemError

# By questionnaire: the linkIds it has. An answer to a question it does not have is not scored as 0.
Forms = Mapping[str, Collection[str]]

_TEXTS = ("valueString", "valueDate", "valueDateTime", "valueTime", "valueUri")


def drafts(
    sent: shapes.QuestionnaireResponse,
    message_id: str,
    around: Mapping[str, Any],
    forms: Forms,
    errors: list[ItemError],
) -> tuple[Draft, ...]:
    name, version = fhir.questionnaire_name(sent.questionnaire or "")
    if not name:
        errors.append(ItemError("questionnaire", Code.MISSING_VALUE))
    answers: dict[str, list[Any]] = {}
    for link_id, answer in _answers(sent.item):
        value = _value(answer)
        if value is None:
            errors.append(ItemError(bodies.path("item", link_id), Code.BAD_VALUE))
        answers.setdefault(link_id, []).append(value)
    if not answers:
        errors.append(ItemError("item", Code.MISSING_VALUE))
    for link_id in answers:
        if name in forms and link_id not in forms[name]:
            errors.append(ItemError(bodies.path("item", link_id), Code.UNKNOWN_FIELD))
    if errors:
        return ()
    body = {"v": 1, "message": message_id, "questionnaire": name, "answers": answers, **around}
    if version:
        body["version"] = version
    return (Draft("answers", "questionnaire", body),)


def _answers(items: Any) -> Iterator[tuple[str, Any]]:
    """Every answer with its question; questions stand in groups, and below answers."""
    for item in _dicts(items):
        link_id = item.get("linkId")
        for answer in _dicts(item.get("answer")):
            if isinstance(link_id, str):
                yield link_id, answer
            yield from _answers(answer.get("item"))
        yield from _answers(item.get("item"))


def _value(answer: Mapping[str, Any]) -> bool | int | Decimal | str | None:
    """A truth, a number, a text, or the code of the chosen option; None if it cannot be read."""
    if isinstance(answer.get("valueBoolean"), bool):
        return bool(answer["valueBoolean"])
    for key in ("valueDecimal", "valueInteger"):
        if type(answer.get(key)) in (int, Decimal):
            number: int | Decimal = answer[key]
            return number
    for key in _TEXTS:
        if isinstance(answer.get(key), str):
            return str(answer[key])
    coding, quantity = answer.get("valueCoding"), answer.get("valueQuantity")
    if isinstance(coding, dict):
        told = coding.get("code") or coding.get("display")
        return told if isinstance(told, str) else None
    if isinstance(quantity, dict) and type(quantity.get("value")) in (int, Decimal):
        amount: int | Decimal = quantity["value"]
        return amount
    return None


def _dicts(sent: Any) -> list[dict[str, Any]]:
    return [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []
