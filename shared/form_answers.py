"""Answers to a form, in JSON v1 or FHIR: what of them fits the form, and what is red by itself."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from shared import fhir, fhir_forms, instruments, values
from shared.contracts import Alarm, Code, Draft, ItemError
from shared.instruments import asking
from shared.programmes import Programme, critical

Form = Mapping[str, fhir_forms.Question]  # by linkId
Forms = Mapping[str, Form]  # by questionnaire, as `fhir.questionnaire_name` calls it

KIND = "questionnaire"
MOST = 500
_LONGEST = 2000
STATUS = ("completed", "in-progress", "stopped", "amended")


def offered(
    followed: Iterable[Programme], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Form]:
    """What may be answered: the forms of the programmes, and the instruments by name."""
    programmes = list(followed)
    red = critical.of(programmes)
    forms = dict(known)
    for programme in programmes:
        for form in programme.questionnaires:
            forms[fhir.questionnaire_name(form["url"])[0]] = form
    return {name: fhir_forms.questions(form, red.get(name, ())) for name, form in forms.items()}


def of_json(
    sent: Mapping[str, Any],
    message_id: str,
    around: Mapping[str, Any],
    forms: Forms,
    errors: list[ItemError],
) -> tuple[tuple[Draft, ...], Alarm | None]:
    """An item whose kind is questionnaire: the form's name, and answers by linkId."""
    told = sent.get("questionnaire")
    name, version = fhir.questionnaire_name(told) if isinstance(told, str) else ("", None)
    if not name or len(name) > _LONGEST:
        errors.append(ItemError("questionnaire", Code.MISSING_VALUE))
    own = sent.get("version")
    if own is not None and (not isinstance(own, str) or len(own) > 64):
        errors.append(ItemError("version", Code.BAD_VALUE))
    status = sent.get("status")
    if status is not None and status not in STATUS:
        errors.append(ItemError("status", Code.BAD_VALUE))
    name = known_as(name, forms)
    form = forms.get(name)
    answers = _read(sent.get("answers"), form, errors)
    check(name, form, answers, "answers", errors)
    red = alarm(name, form, answers)
    if errors:
        return (), red
    body = {"v": 1, "message": message_id, "questionnaire": name, "answers": answers, **around}
    if version or own:
        body["version"] = version or own
    if status not in (None, "completed", "amended"):
        body["status"] = status
    return (Draft("answers", KIND, body),), red


def _read(given: Any, form: Form | None, errors: list[ItemError]) -> dict[str, list[Any]]:
    if given is None or given == {}:
        errors.append(ItemError("answers", Code.MISSING_VALUE))
        return {}
    if type(given) is not dict or len(given) > MOST:
        errors.append(ItemError("answers", Code.BAD_VALUE))
        return {}
    answers = {}
    for link, one in given.items():
        several = one if isinstance(one, list) else [] if one is None else [one]
        if several or isinstance(one, list):
            answers[link] = several
        for code in sorted(set(_faults(form, link, several))):
            errors.append(ItemError(place(form, "answers", link), code))
    return {link: several for link, several in answers.items() if several}


def _faults(form: Form | None, link: str, several: list[Any]) -> Iterator[Code]:
    if form is not None and link not in form:
        yield Code.UNKNOWN_FIELD
        return
    if form is not None and len(several) > 1 and not form[link].repeats:
        yield Code.BAD_VALUE
    for each in several:
        if type(each) not in (bool, int, str, Decimal) or (
            isinstance(each, str) and not 0 < len(each) <= _LONGEST
        ):
            yield Code.BAD_VALUE
        elif form is not None and (code := fhir_forms.plain_fault(form[link], each)) is not None:
            yield code


def check(
    name: str,
    form: Form | None,
    answers: Mapping[str, Any],
    within: str,
    errors: list[ItemError],
) -> None:
    """What each answer by itself does not show: questions that are not asked after the other
    answers, and numbers that the instrument does not know."""
    told = {one.path for one in errors}
    found: list[tuple[str, Code]] = []
    for link in answers:
        needed = form[link].needed if form is not None and link in form else ()
        if needed and asking.is_asked(needed, answers) is False:
            found.append((link, Code.UNKNOWN_FIELD))
    if (instrument := instruments.load_all().get(name)) is not None:
        for fault in instruments.faults(instrument, answers):
            is_range = isinstance(fault, instruments.OutOfRange)
            found.append((fault.link_id, Code.IMPLAUSIBLE if is_range else Code.UNKNOWN_CODE))
    for link, code in found:
        if (path := place(form, within, link)) not in told:
            told.add(path)
            errors.append(ItemError(path, code))


def known_as(name: str, forms: Forms) -> str:
    """PHQ-9 is phq-9: a form written otherwise must not go unscored."""
    return name if name in forms else instruments.named(name)


def alarm(name: str, form: Form | None, answers: Mapping[str, Any]) -> Alarm | None:
    """What of a form is red, whatever else of it is missing, wrong or unreadable."""
    if form is None:
        return None
    red = [
        one
        for link, given in answers.items()
        if link in form
        for one in form[link].red
        if one.speaks(given)
    ]
    if not red:
        return None
    links = tuple(dict.fromkeys(one.link for one in red))
    return Alarm(name, links, any(one.harm for one in red))


def place(form: Form | None, within: str, link: str) -> str:
    """The name of a question of ours is no secret; somebody else's could hold anything."""
    ours = form is not None and link in form
    return f"{within}.{link}" if ours else values.path(within, link)
