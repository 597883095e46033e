"""What a programme's folder must be beyond its schema. Every fault is a sentence a clinician who
edits the files can act on; a fault never stops the others from being told.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shared import instruments, kinds
from shared import programmes as loader
from shared.programmes import (
    checking_cases,
    checking_names,
    checking_rules,
    checking_texts,
    offering,
    placing,
)
from shared.programmes.parts import ATTACHED, Source
from shared.programmes.schema import Programme

CANONICAL = "https://hjemvakt.example/fhir/Questionnaire/"


def check(folder: Path) -> list[str]:
    """Every fault of one programme's folder."""
    try:
        programme = loader.read(folder)
    except loader.ProgrammeIsUnreadable as error:
        return error.sentences
    told = (
        *_folder(programme, folder),
        *faults(programme),
        *checking_cases.cases(programme, folder),
    )
    return [placing.placed(folder, sentence) for sentence in told] + list(_earlier(folder))


def faults(programme: Programme) -> list[str]:
    """What is wrong with a programme as it was read, whatever folder it came from."""
    parts: tuple[Callable[[Programme], Iterator[str]], ...] = (
        checking_names.names,
        _limits,
        _sources,
        _plan,
        checking_rules.rules,
        checking_rules.handled,
        checking_texts.texts,
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


def _limits(programme: Programme) -> Iterator[str]:
    for limit in programme.limits:
        if limit.min > limit.max:
            yield f"limit {limit.name} has a min above its max."
        elif limit.default is not None and not limit.min <= limit.default <= limit.max:
            yield f"limit {limit.name} has a default outside its min and max."


def _sources(programme: Programme) -> Iterator[str]:
    known = instruments.load_all()
    yield from (f"{n} is no instrument." for n in programme.instruments if n not in known)
    forms = offering.answers(programme)
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
    forms = {f"answers:{form}" for form in offering.answers(programme)}
    for item in programme.plan:
        if item.kind not in {*kinds.CATALOGUE, *forms, *ATTACHED}:
            yield f"plan item {item.id} expects {item.kind}, which is no kind and no form here."
    known = {item.id for item in programme.plan}
    for name in programme.progress.items if programme.progress else ():
        if name not in known:
            yield f"progress counts {name}, which is no plan item."


def _forms(programme: Programme) -> Iterator[str]:
    for form in programme.questionnaires:
        name = str(form.get("id", "a form"))
        if form.get("resourceType") != "Questionnaire":
            yield f"{name} is not a FHIR Questionnaire."
        if form.get("url") != f"{CANONICAL}{name}":
            yield f"{name} must have the url {CANONICAL}{name}."
        if not form.get("version"):
            yield f"{name} has no version."
        links = [str(item.get("linkId", "")) for item in offering.items(form)]
        yield from checking_names.twice(f"question of {name}", links)
        yield from (
            f"{name} has a question without text."
            for i in offering.items(form)
            if not i.get("text")
        )
