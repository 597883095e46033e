"""Answers as other form engines send them: which form they belong to, and which of its questions.

A form is known by its canonical url, by the Questionnaire contained beside the answers, or by the
LOINC code of an instrument; a question by its linkId or its LOINC code. Nothing is known by its
words or its place: what is left over is set aside, so that it is never scored as nothing.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.ingest.devices import fhir_shapes as shapes
from shared import fhir, form_answers, instruments
from shared.form_answers import Forms
from shared.instruments import Instrument

_LOINC = "http://loinc.org"
_VERSION = re.compile(r"(.+)/_history/([A-Za-z0-9.\-]{1,64})")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Told:
    """Whose questions these are. `links`: theirs -> ours; `sums`: what the sender has added up;
    `asked`: the questions of the Questionnaire contained, where the form is none of ours."""

    name: str
    version: str | None
    links: Mapping[str, str] = field(default_factory=dict)
    sums: frozenset[str] = frozenset()
    asked: frozenset[str] | None = None


def of(sent: shapes.QuestionnaireResponse, forms: Forms) -> Told:
    told = sent.questionnaire or ""
    beside = _contained(sent, told)
    url = _url(beside) if beside is not None else told
    name, version = fhir.questionnaire_name(url)
    if found := _VERSION.fullmatch(name):
        name, version = found[1], version or found[2]
    name = form_answers.known_as(name, forms)
    links = list(_links(sent.item))
    if name not in forms and (slug := _instrument(name, beside, sent)) in forms:
        name = slug or name
    if name in forms:
        return Told(name, version, *_ours(name, forms, links, dict(_coded(beside))))
    return Told(name, version, asked=_asked(beside))


def _contained(sent: shapes.QuestionnaireResponse, told: str) -> Mapping[str, Any] | None:
    forms = [each for each in sent.contained if each.get("resourceType") == "Questionnaire"]
    if told.startswith("#"):
        return next((each for each in forms if each.get("id") == told[1:]), {})
    return next((each for each in forms if told and _url(each).startswith(told)), None)


def _url(beside: Mapping[str, Any]) -> str:
    """How a contained Questionnaire is called: by its url, else by its first identifier."""
    url, version = beside.get("url"), beside.get("version")
    if isinstance(url, str) and url:
        return f"{url}|{version}" if isinstance(version, str) and version else url
    for each in _dicts(beside.get("identifier")):
        system, value = each.get("system"), each.get("value")
        if isinstance(value, str) and value:
            return f"{system}/{value}" if isinstance(system, str) and system else value
    return ""


def _instrument(
    name: str, beside: Mapping[str, Any] | None, sent: shapes.QuestionnaireResponse
) -> str | None:
    """The instrument whose LOINC panel this is; or the one it is named after, if all that is
    chosen is of that instrument's own options: then its questions must be found, or a person
    looks."""
    panels = {one.loinc.panel: one.slug for one in instruments.load_all().values()
              if one.loinc.panel}  # fmt: skip
    codes = [each.get("code") for each in _dicts((beside or {}).get("code"))
             if each.get("system") == _LOINC]  # fmt: skip
    for code in (*codes, name.rpartition("/")[2]):
        if isinstance(code, str) and code in panels:
            return panels[code]
    chosen = {code for code in _chosen(sent.item) if code}
    ending = "".join(_WORD.findall(name.rpartition("/")[2].lower()))
    for slug, one in instruments.load_all().items():
        # A name that is a word by itself (cat, raid) says too little.
        if slug.isalpha() or not ending.endswith("".join(_WORD.findall(slug))):
            continue
        if chosen and chosen <= _options(one):
            return slug
    return None


def _ours(
    name: str, forms: Forms, links: list[str], coded: Mapping[str, str]
) -> tuple[Mapping[str, str], frozenset[str]]:
    instrument = instruments.load_all().get(name)
    if instrument is None:
        return {}, frozenset()
    by_code, total = _by_code(instrument.slug), instrument.loinc.total
    found: dict[str, str] = {}
    sums: set[str] = set()
    for link in links:
        if link in forms[name]:
            continue
        code = coded.get(link) or link.rpartition("/")[2]
        if code in by_code:
            found[link] = by_code[code]
        elif total and code == total:
            sums.add(link)
    return found, frozenset(sums)


@functools.cache
def _by_code(slug: str) -> Mapping[str, str]:
    return {
        code: link
        for block in instruments.load(slug).questions
        for code, link in zip(getattr(block, "loinc", ()), block.links, strict=False)
    }


def _options(instrument: Instrument) -> frozenset[str]:
    """Codes of answers that are this instrument's: a bare number could be anybody's."""
    return frozenset(
        code
        for block in instrument.questions
        for code in getattr(block, "options", ())
        if not code.isdigit()
    )


def _asked(beside: Mapping[str, Any] | None) -> frozenset[str] | None:
    links = frozenset(_links(beside.get("item"))) if beside else frozenset()
    return links or None


def _coded(beside: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """The questions of a contained Questionnaire that say their LOINC code."""
    waiting = _dicts((beside or {}).get("item"))
    while waiting:
        item = waiting.pop()
        link = item.get("linkId")
        for each in _dicts(item.get("code")):
            code = each.get("code")
            if each.get("system") == _LOINC and isinstance(code, str) and isinstance(link, str):
                yield link, code
        waiting += _dicts(item.get("item"))


def _links(items: Any) -> Iterator[str]:
    for item in _dicts(items):
        if isinstance(link := item.get("linkId"), str):
            yield link
        yield from _links(item.get("item"))
        for answer in _dicts(item.get("answer")):
            yield from _links(answer.get("item"))


def _chosen(items: Any) -> Iterator[str | None]:
    """The code of every answer; None where an answer is none."""
    for item in _dicts(items):
        for answer in _dicts(item.get("answer")):
            coding = answer.get("valueCoding")
            code = coding.get("code") if isinstance(coding, dict) else None
            if isinstance(coding, dict):
                yield code if isinstance(code, str) else None
            yield from _chosen(answer.get("item"))
        yield from _chosen(item.get("item"))


def _dicts(sent: Any) -> list[dict[str, Any]]:
    return [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []
