"""What the forms and measures of a programme can answer: what a rule may wait for."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared import instruments, kinds
from shared.programmes.rules import Rule, inputs_of
from shared.programmes.schema import Programme


def offered(
    rule: Rule, programme: Programme, forms: Mapping[str, Mapping[str, set[Any]]]
) -> set[Any] | None:
    """All answers a coded input can carry, or None when they cannot be listed."""
    found: set[Any] = set()
    for name in inputs_of(rule):
        one = programme.input_by_name.get(name)
        for source in one.sources if one else ():
            if source.questionnaire:
                found |= forms.get(source.questionnaire, {}).get(source.answer or "", set())
            elif source.context:
                continue
            elif source.kind in kinds.CATALOGUE and source.field in (
                fields := kinds.CATALOGUE[source.kind].fields
            ):
                found |= set(fields[source.field].enum)
    return found or None


def answers(programme: Programme) -> dict[str, dict[str, set[Any]]]:
    """Per form and question: the codes it offers (true and false for a boolean)."""
    found: dict[str, dict[str, set[Any]]] = {}
    for form in programme.questionnaires:
        questions = found.setdefault(str(form.get("id", "")), {})
        for item in items(form):
            codes: set[Any] = {True, False} if item.get("type") == "boolean" else set()
            for option in item.get("answerOption", ()):
                codes.add(option.get("valueCoding", {}).get("code"))
            questions[str(item.get("linkId", ""))] = codes
    for name in programme.instruments:
        if (instrument := instruments.load_all().get(name)) is not None:
            found[name] = _said_by(instrument)
    return found


def _said_by(instrument: instruments.Instrument) -> dict[str, set[Any]]:
    """What the form of an instrument says: its answers, scores, band and red flags."""
    said: dict[str, set[Any]] = {link: set() for link in instrument.question_of}
    said |= {"#score": set(), "#least": set(), "#band": set()}
    said |= {f"#score.{scale.name}": set() for scale in instrument.scales}
    said |= {f"#flag.{flag.name}": {"raised", "unknown"} for flag in instrument.red_flags}
    said["#band"] = {band.name for scale in instrument.scales for band in scale.bands}
    return said


def items(form: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in form.get("item", ()):
        yield item
        yield from items(item)
