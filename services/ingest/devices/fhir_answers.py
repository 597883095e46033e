"""A FHIR QuestionnaireResponse as answers by linkId, nested questions flattened.

A form we know is held to: one answer that it does not offer sets all of them aside for a person. A
form that is not finished is stored like any other: an answer may be red by itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from services.ingest.devices import fhir_dialects
from services.ingest.devices import fhir_shapes as shapes
from shared import fhir_forms, form_answers
from shared.contracts import Alarm, Code, Draft, ItemError
from shared.form_answers import Form, Forms

__all__ = ["Form", "Forms", "drafts"]


def drafts(
    sent: shapes.QuestionnaireResponse,
    message_id: str,
    around: Mapping[str, Any],
    forms: Forms,
    errors: list[ItemError],
) -> tuple[tuple[Draft, ...], Alarm | None]:
    """The answers, none if they are to be set aside, and which of them are red all the same."""
    told = fhir_dialects.of(sent, forms)
    name, version = told.name, told.version
    if not name:
        errors.append(ItemError("questionnaire", Code.MISSING_VALUE))
    form = forms.get(name)
    answers = _read(sent.item, form, told, errors)
    form_answers.check(name, form, answers, "item", errors)
    if not answers and not errors:
        errors.append(ItemError("item", Code.MISSING_VALUE))
    alarm = form_answers.alarm(name, form, answers)
    if errors:
        return (), alarm
    body = {"v": 1, "message": message_id, "questionnaire": name, "answers": answers, **around}
    if version:
        body["version"] = version
    return (Draft("answers", "questionnaire", body),), alarm


def _read(
    items: Any, form: Form | None, told: fhir_dialects.Told, errors: list[ItemError]
) -> dict[str, list[Any]]:
    answers: dict[str, list[Any]] = {}
    faulty: dict[str, Code] = {}
    for theirs, answer in _given(items, errors):
        if theirs in told.sums:
            continue  # added up here, from the answers
        link_id = told.links.get(theirs, theirs)
        value = fhir_forms.value(answer, form.get(link_id) if form else None)
        several = answers.setdefault(link_id, [])
        several.append(value)
        if told.asked is not None and theirs not in told.asked:
            faulty.setdefault(link_id, Code.UNKNOWN_FIELD)
        elif (code := _fault(form, link_id, answer, value, len(several))) is not None:
            faulty.setdefault(link_id, code)
    for link_id, code in faulty.items():
        errors.append(ItemError(form_answers.place(form, "item", link_id), code))
    return answers


def _fault(
    form: Form | None,
    link_id: str,
    answer: Mapping[str, Any],
    value: fhir_forms.Answer | None,
    count: int,
) -> Code | None:
    if form is not None and link_id not in form:
        return Code.UNKNOWN_FIELD
    if value is None:
        return Code.BAD_VALUE
    if form is None:
        return None
    question = form[link_id]
    if count > 1 and not question.repeats:
        return Code.BAD_VALUE
    return fhir_forms.fault(question, answer, value)


def _given(items: Any, errors: list[ItemError]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every answer with its question; questions stand in groups, and below answers."""
    for item in _dicts(items, errors):
        link_id = item.get("linkId")
        for answer in _dicts(item.get("answer"), errors):
            if isinstance(link_id, str):
                yield link_id, answer
            else:
                errors.append(ItemError("item", Code.UNREADABLE))
            yield from _given(answer.get("item"), errors)
        yield from _given(item.get("item"), errors)


def _dicts(sent: Any, errors: list[ItemError]) -> list[dict[str, Any]]:
    """A list of objects. Anything else could hold an answer, so it is not passed over."""
    if sent is None:
        return []
    objects = [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []
    if not isinstance(sent, list) or len(objects) != len(sent):
        errors.append(ItemError("item", Code.UNREADABLE))
    return objects
