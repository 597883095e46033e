"""What a programme's folder must be beyond its schema. Every fault is a sentence a clinician who
edits the files can act on; a fault never stops the others from being told.
"""

import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic

from shared import attachments, instruments, kinds
from shared import programmes as loader
from shared.programmes import cases as tables
from shared.programmes import placing
from shared.programmes.parts import ANSWERS_LOOK_BACK, EMERGENCY, LOOKS_BACK, Source
from shared.programmes.rules import (
    BaselineRule,
    ChangeRule,
    CombinationRule,
    LimitRule,
    OverdueRule,
    RateRule,
    Rule,
    SampleRule,
    TargetRule,
    inputs_of,
    limits_of,
)
from shared.programmes.schema import Programme

CANONICAL = "https://hjemvakt.example/fhir/Questionnaire/"
# What the text of each kind of rule may name in braces.
WORDS: Mapping[str, frozenset[str]] = {
    "limit": frozenset({"value", "limit"}),
    "change": frozenset({"value", "reference", "change", "rate", "percent", "limit", "hours"}),
    "target": frozenset({"value", "target", "change", "limit"}),
    "n-of-m": frozenset({"value", "values", "limit", "count", "of"}),
    "coded": frozenset(),
    "score": frozenset({"value", "limit"}),
    "news2": frozenset({"score", "parameters"}),
    "window": frozenset({"value", "latest", "limit", "count"}),
    "share": frozenset({"percent", "share", "limit", "count", "of"}),
    "baseline": frozenset({"value", "reference", "change", "limit", "count"}),
    "rate": frozenset({"value", "amount", "limit"}),
    "combination": frozenset({"reasons"}),
    "absence": frozenset({"limit", "day", "clock"}),
    "overdue": frozenset({"item", "day", "due"}),
    "unanswered": frozenset({"day", "clock", "promised"}),
}
ATTACHED = frozenset(f"{attachments.PREFIX}{kind}" for kind in attachments.KINDS)
# Columns of cases.toml that are not measured.
ABOUT_THE_ROW = frozenset({"phase", "flags", "received", "lasted"})


def check(folder: Path) -> list[str]:
    """Every fault of one programme's folder."""
    try:
        programme = loader.read(folder)
    except loader.ProgrammeIsUnreadable as error:
        return error.sentences
    told = (
        *_folder(programme, folder),
        *faults(programme),
        *_cases(programme, folder),
    )
    return [placing.placed(folder, sentence) for sentence in told] + list(_earlier(folder))


def faults(programme: Programme) -> list[str]:
    """What is wrong with a programme as it was read, whatever folder it came from."""
    parts: tuple[Callable[[Programme], Iterator[str]], ...] = (
        _names,
        _limits,
        _sources,
        _plan,
        _rules,
        _handled,
        _texts,
        _forms,
    )
    return [sentence for part in parts for sentence in part(programme)]


def _folder(programme: Programme, folder: Path) -> Iterator[str]:
    if programme.slug != folder.name:
        yield f"the slug is {programme.slug}, but the folder is called {folder.name}."
    for name in ("README.md", "cases.toml"):
        if not (folder / name).exists():
            yield f"there is no {name}."
    if not programme.sources:
        yield "no source is named."
    if folder.parent.resolve() != loader.SHIPPED:
        ours = loader.load_all().get(programme.slug)
        if ours is not None and ours.version == programme.version and ours != programme:
            yield (
                f"version: {programme.version} is the version of the one we ship, which says "
                "something else; a changed programme has a version of its own."
            )


def _earlier(folder: Path) -> Iterator[str]:
    """The versions before this one, which readings of their time are still judged by."""
    for path in sorted(folder.glob("earlier/*/programme.toml")):
        try:
            programme = loader.read(path.parent)
        except loader.ProgrammeIsUnreadable as error:
            yield from (f"{folder.name}/earlier/{sentence}" for sentence in error.sentences)
            continue
        place = f"{folder.name}/earlier/{path.parent.name}"
        if programme.slug != folder.name:
            yield f"{place}: the slug is {programme.slug}, not {folder.name}."
        if programme.version != path.parent.name:
            yield f"{place}: the version is {programme.version}, not that of the folder."


def _names(programme: Programme) -> Iterator[str]:
    yield from _twice("limit", (one.name for one in programme.limits))
    yield from _twice("input", (one.name for one in programme.inputs))
    yield from _twice("rule", (one.id for one in programme.rules))
    yield from _twice("plan item", (one.id for one in programme.plan))
    used = {name for rule in programme.rules for name in inputs_of(rule)}
    used |= {str(rule.per) for rule in programme.rules if isinstance(rule, RateRule)}
    set_ = {name for rule in programme.rules for name in limits_of(rule)}
    set_ |= {str(rule.per) for rule in programme.rules if isinstance(rule, RateRule)}
    for rule in programme.rules:
        for name in inputs_of(rule):
            if name not in programme.input_by_name:
                yield f"rule {rule.id} looks at {name}, which is no input."
        for name in limits_of(rule):
            if name not in programme.limit_by_name:
                yield f"rule {rule.id} uses {name}, which is no limit."
    yield from (f"no rule looks at input {n}." for n in programme.input_by_name if n not in used)
    yield from (f"no rule uses limit {n}." for n in programme.limit_by_name if n not in set_)


def _limits(programme: Programme) -> Iterator[str]:
    for limit in programme.limits:
        if limit.min > limit.max:
            yield f"limit {limit.name} has a min above its max."
        elif limit.default is not None and not limit.min <= limit.default <= limit.max:
            yield f"limit {limit.name} has a default outside its min and max."


def _sources(programme: Programme) -> Iterator[str]:
    known = instruments.load_all()
    yield from (f"{n} is no instrument." for n in programme.instruments if n not in known)
    forms = _answers(programme)
    for one in programme.inputs:
        for source in one.sources:
            for fault in _source(source, forms):
                yield f"input {one.name} {fault}"


def _source(source: Source, forms: Mapping[str, Mapping[str, set[Any]]]) -> Iterator[str]:
    if source.questionnaire:
        form = forms.get(source.questionnaire)
        if form is None:
            yield f"reads the form {source.questionnaire}, which is not here."
        elif source.answer not in form and source.answer != "#score":
            yield f"reads the answer {source.answer}, which the form does not ask for."
        elif source.codes and not form.get(source.answer or "", set()).issuperset(source.codes):
            yield f"keeps an answer that {source.answer} does not offer."
    elif source.context:
        known = {word for kind in kinds.CATALOGUE.values() for word in kind.context}
        if source.context not in known:
            yield f"reads the context {source.context}, which no kind has."
    elif source.kind in ATTACHED:
        if source.field != "*":
            yield f"reads {source.kind}.{source.field}; of an attachment only * can be read."
    elif source.kind not in kinds.CATALOGUE:
        yield f"reads {source.kind}, which is no kind."
    elif source.field != "*" and source.field not in kinds.CATALOGUE[source.kind].fields:
        yield f"reads {source.kind}.{source.field}, which that kind does not have."


def _plan(programme: Programme) -> Iterator[str]:
    forms = {f"answers:{form}" for form in _answers(programme)}
    for item in programme.plan:
        if item.kind not in {*kinds.CATALOGUE, *forms, *ATTACHED}:
            yield f"plan item {item.id} expects {item.kind}, which is no kind and no form here."
    known = {item.id for item in programme.plan}
    for name in programme.progress.items if programme.progress else ():
        if name not in known:
            yield f"progress counts {name}, which is no plan item."


def _rules(programme: Programme) -> Iterator[str]:
    options = _answers(programme)
    for rule in programme.rules:
        if not rule.source.strip():
            yield f"rule {rule.id} names no source."
        if rule.emergency and rule.colour != "red":
            yield f"rule {rule.id} is an emergency and must be red."
        yield from _reach(rule, programme)
        if isinstance(rule, LimitRule) and rule.clear is not None:
            if rule.colour == "red":
                yield f"rule {rule.id} is red and is said each time; it may not have clear."
            if not _clears(rule, programme):
                yield f"rule {rule.id} has a clear that is not on the safe side of its limit."
        match rule:
            case LimitRule() if rule.retake is None and _is_vital(rule, programme):
                yield f"rule {rule.id} is an absolute limit and must ask for a retake."
            case LimitRule() | ChangeRule() | TargetRule() if rule.colour == "red":
                if rule.persistence is not None:
                    yield f"rule {rule.id} is red and may not wait for persistence."
            case BaselineRule() if rule.colour == "red":
                yield f"rule {rule.id} is a personal baseline and may only be yellow."
            case CombinationRule():
                yield from _combined(rule, programme)
            case RateRule(per=str(per)):
                if per not in programme.input_by_name and per not in programme.limit_by_name:
                    yield f"rule {rule.id} divides by {per}, which is no input and no limit."
        for code in getattr(rule, "codes", ()):
            offered = _offered(rule, programme, options)
            if offered is not None and code not in offered:
                yield f"rule {rule.id} waits for the answer {code}, which is never offered."


def _clears(rule: LimitRule, programme: Programme) -> bool:
    """Whether `clear` is no farther out than the limit, as far as their defaults say."""
    how, beyond = rule.comparison
    limit, clear = (_default(one, programme) for one in (beyond, rule.clear))
    if limit is None or clear is None:
        return True
    return clear <= limit if how in ("above", "at_least") else clear >= limit


def _default(number: Decimal | str | None, programme: Programme) -> Decimal | None:
    if not isinstance(number, str):
        return number
    limit = programme.limit_by_name.get(number)
    return limit.default if limit else None


def _handled(programme: Programme) -> Iterator[str]:
    yield from _twice("handled case", (one.id for one in programme.handled))
    for case in programme.handled:
        if not case.source.strip():
            yield f"handled case {case.id} names no source."
        if case.alone > LOOKS_BACK or case.within > LOOKS_BACK:
            yield f"handled case {case.id} looks further than {LOOKS_BACK.days} days."
        for name in case.rules:
            rule = programme.rule_by_id.get(name)
            if rule is None:
                yield f"handled case {case.id} is about {name}, which is no rule."
            elif rule.colour == "red":
                yield f"handled case {case.id} is about {name}, which is red: a person closes it."
            elif case.by == "normal" and not isinstance(rule, LimitRule):
                yield f"handled case {case.id}: {name} has no value that can be normal again."
            elif case.by == "came" and not isinstance(rule, OverdueRule):
                yield f"handled case {case.id}: {name} waits for nothing that could come."


def _reach(rule: Rule, programme: Programme) -> Iterator[str]:
    """A patient is judged from the facts of a time; answers are few, and kept in sight longer."""
    sources = [
        source
        for name in inputs_of(rule)
        if name in programme.input_by_name
        for source in programme.input_by_name[name].sources
    ]
    only_answers = bool(sources) and all(source.questionnaire for source in sources)
    most = ANSWERS_LOOK_BACK if only_answers else LOOKS_BACK
    for name in ("within", "over"):
        if getattr(rule, name, timedelta(0)) > most:
            yield f"rule {rule.id} looks further back than {most.days} days."
        if getattr(rule, "apart", timedelta(0)) > getattr(rule, name, most):
            yield f"rule {rule.id} looks for something both older and newer than allowed."


def _is_vital(rule: LimitRule, programme: Programme) -> bool:
    """Whether it can be measured again now; a night, a transmission or a form cannot."""
    one = programme.input_by_name.get(rule.input)
    return one is not None and any(
        source.kind in kinds.CATALOGUE and kinds.CATALOGUE[source.kind].category == "vital-signs"
        for source in one.sources
    )


def _combined(rule: CombinationRule, programme: Programme) -> Iterator[str]:
    for name in rule.of:
        part = programme.rule_by_id.get(name)
        if part is None:
            yield f"rule {rule.id} combines {name}, which is no rule."
        elif not isinstance(part, SampleRule) or getattr(part, "score", "") == "news2":
            yield f"rule {rule.id} combines {name}, which does not speak of a sample."


def _texts(programme: Programme) -> Iterator[str]:
    for rule in programme.rules:
        is_news2 = getattr(rule, "score", "") == "news2"
        allowed = WORDS["news2" if is_news2 else rule.kind]
        for name in ("says", "tells", "nurse"):
            said: Mapping[str, str | None] = getattr(rule, name).model_dump()
            for language, text in said.items():
                if text is None:
                    continue
                if not text.strip():
                    yield f"rule {rule.id} has an empty text {name}.{language}."
                words = _braces(text)
                if words is None or (name == "nurse" and words):
                    yield f"the text {name}.{language} of rule {rule.id} has braces out of place."
                elif not allowed.issuperset(words):
                    strange = ", ".join(sorted(words - allowed))
                    yield f"the text {name}.{language} of rule {rule.id} names unknown {strange}."
                help_ = EMERGENCY.get(language, EMERGENCY["nb"])
                tells_red = name == "tells" and rule.colour == "red" and rule.lane == "clinical"
                if tells_red and help_ not in text:
                    yield f"the red text tells.{language} of rule {rule.id} must carry “{help_}”"


def _forms(programme: Programme) -> Iterator[str]:
    for form in programme.questionnaires:
        name = str(form.get("id", "a form"))
        if form.get("resourceType") != "Questionnaire":
            yield f"{name} is not a FHIR Questionnaire."
        if form.get("url") != f"{CANONICAL}{name}":
            yield f"{name} must have the url {CANONICAL}{name}."
        if not form.get("version"):
            yield f"{name} has no version."
        links = [str(item.get("linkId", "")) for item in _items(form)]
        yield from _twice(f"question of {name}", links)
        yield from (
            f"{name} has a question without text." for i in _items(form) if not i.get("text")
        )


def _cases(programme: Programme, folder: Path) -> Iterator[str]:
    try:
        found = tables.read(folder)
        rows = [(case, row) for case in found for row in tables.rows(case)]
    except pydantic.ValidationError as error:
        yield from (f"cases.toml: {sentence}" for sentence in loader.sentences(error, {}))
        return
    except (OSError, ValueError) as error:
        yield f"cases.toml: {error}."
        return
    yield from _twice("case", (case.name for case in found))
    ids = {rule.id for rule in programme.rules}
    for case in found:
        for strange in sorted(set(case.expect) - ids):
            yield f"the case “{case.name}” expects {strange}, which is no rule."
        for strange in sorted(set(case.limits) - set(programme.limit_by_name)):
            yield f"the case “{case.name}” sets {strange}, which is no limit."
    for column in sorted({cell for _, row in rows for cell in row.cells} - ABOUT_THE_ROW):
        if not _is_column(column, programme):
            yield f"cases.toml has a column {column}, which nothing measures."
    closing = {case.id for case in programme.handled}
    for case in found:
        for strange in sorted(set(case.handled) - closing):
            yield f"the case “{case.name}” expects {strange}, which is no handled case."
    for one in sorted(closing - {one for case in found for one in case.handled}):
        yield f"handled case {one} never closes anything in cases.toml."
    for rule in programme.rules:
        if not any(rule.id in case.expect for case in found):
            yield f"rule {rule.id} never speaks in cases.toml."
        if all(rule.id in case.expect for case in found):
            yield f"rule {rule.id} never keeps silent in cases.toml."


def _is_column(column: str, programme: Programme) -> bool:
    if column.startswith("form."):
        return any(column[5:] in form for form in _answers(programme).values())
    if column in ATTACHED:
        return True
    name, _, word = column.partition("@")
    kind, _, field = name.partition(".")
    known = kinds.CATALOGUE.get(kind)
    if known is None:
        return False
    return word in known.context if word else (field or "value") in known.fields


def _offered(
    rule: Rule, programme: Programme, forms: Mapping[str, Mapping[str, set[Any]]]
) -> set[Any] | None:
    """All answers a coded input can carry, or None when they cannot be listed."""
    offered: set[Any] = set()
    for name in inputs_of(rule):
        one = programme.input_by_name.get(name)
        for source in one.sources if one else ():
            if source.questionnaire:
                offered |= forms.get(source.questionnaire, {}).get(source.answer or "", set())
            elif source.context:
                continue
            elif source.kind in kinds.CATALOGUE and source.field in (
                fields := kinds.CATALOGUE[source.kind].fields
            ):
                offered |= set(fields[source.field].enum)
    return offered or None


def _answers(programme: Programme) -> dict[str, dict[str, set[Any]]]:
    """Per form and question: the codes it offers (true and false for a boolean)."""
    found: dict[str, dict[str, set[Any]]] = {}
    for form in programme.questionnaires:
        questions = found.setdefault(str(form.get("id", "")), {})
        for item in _items(form):
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


def _items(form: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in form.get("item", ()):
        yield item
        yield from _items(item)


def _braces(text: str) -> set[str] | None:
    """The names in braces, or None where a brace is not closed or holds more than a name."""
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError:
        return None
    if any(spec or conversion for _, name, spec, conversion in parsed if name is not None):
        return None
    return {name for _, name, _, _ in parsed if name is not None}


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name} is there twice."
        seen.add(name)
