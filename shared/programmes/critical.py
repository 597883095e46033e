"""Answers that are red by themselves: an instrument's red flags, and what a programme's red rules
say of one answer. Pure; asked at the door, where a patient's own limits are not known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from shared import instruments
from shared.programmes import CodedRule, LimitRule, Programme
from shared.programmes.parts import Source

FLAG = "#flag."
HELPLINE = "116 123"
_COMPARE = {"above": gt, "at_least": ge, "below": lt, "at_most": le}


@dataclass(frozen=True, slots=True)
class Critical:
    """One way in which an answer to one question is red. `harm`: it tells of harming oneself."""

    form: str
    link: str
    harm: bool
    codes: tuple[str | bool, ...] = ()
    comparison: tuple[str, Decimal] | None = None
    flag: str = ""

    def speaks(self, given: Any) -> bool:
        several = given if isinstance(given, list | tuple) else (given,)
        return any(self._speaks(one) for one in several if one is not None)

    def _speaks(self, one: Any) -> bool:
        if self.flag:
            known = instruments.load(self.form)
            raised = instruments.flags(known, {self.link: one})
            return any(
                each.flag.name == self.flag and each.item == self.link and each.state == "raised"
                for each in raised
            )
        if self.comparison is not None:
            how, number = self.comparison
            is_number = isinstance(one, int | Decimal) and not isinstance(one, bool)
            return is_number and _COMPARE[how](Decimal(one), number)
        return isinstance(one, str | bool) and one in self.codes


def of(programmes: Iterable[Programme]) -> Mapping[str, tuple[Critical, ...]]:
    """By the form's name; those of every instrument, whatever programme uses it."""
    found: dict[str, dict[Critical, None]] = {}
    for instrument in instruments.load_all().values():
        for flag in instrument.red_flags:
            if flag.colour == "red":
                for link in flag.items:
                    one = Critical(instrument.slug, link, flag.safety, flag=flag.name)
                    found.setdefault(one.form, {})[one] = None
    for programme in programmes:
        for one in _of_programme(programme):
            found.setdefault(one.form, {})[one] = None
    return {form: tuple(several) for form, several in found.items()}


def _of_programme(programme: Programme) -> Iterator[Critical]:
    for rule in programme.rules:
        if rule.colour != "red" or not isinstance(rule, CodedRule | LimitRule):
            continue
        for source in programme.input_by_name[rule.input].sources:
            if source.questionnaire is not None:
                yield from _of_rule(programme, rule, source)


def _of_rule(
    programme: Programme, rule: CodedRule | LimitRule, source: Source
) -> Iterator[Critical]:
    form, link = source.questionnaire or "", source.answer or ""
    # A rule whose words to the patient name the helpline speaks of harming oneself.
    harm = programme.sensitive or HELPLINE in rule.tells.nb
    if link.startswith(FLAG):
        instrument = instruments.load_all().get(form)
        if instrument is None or not isinstance(rule, CodedRule) or "raised" not in rule.codes:
            return
        for flag in instrument.red_flags:
            if flag.name == link.removeprefix(FLAG):
                yield from (
                    Critical(form, each, flag.safety, flag=flag.name) for each in flag.items
                )
    elif link.startswith("#"):
        return  # a score is no answer by itself
    elif isinstance(rule, CodedRule):
        yield Critical(form, link, harm, codes=rule.codes)
    elif rule.persistence is None:
        how, number = rule.comparison
        limit = number if isinstance(number, Decimal) else programme.limit_by_name[number].default
        if limit is not None:
            yield Critical(form, link, harm, comparison=(how, limit))


def found(known: Iterable[Critical], answers: Mapping[str, Any]) -> tuple[Critical, ...]:
    """Those that speak, whatever else of the form is missing or unreadable."""
    return tuple(one for one in known if one.link in answers and one.speaks(answers[one.link]))
