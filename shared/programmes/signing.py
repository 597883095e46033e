"""The page of a programme that a clinician reads and signs: all that its files say, in words."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from shared import instruments
from shared.programmes.describing import handled, life, retake, span, trial, words
from shared.programmes.parts import DAYS, Limit, PlanItem, Text
from shared.programmes.rules import Rule, limits_of
from shared.programmes.schema import Programme

EVIDENCE = {
    "S": "read in the named source",
    "K": "general clinical knowledge, verify before use",
    "D": "our proposal",
}
LANGUAGES = {"nb": "bokmål", "nn": "nynorsk", "se": "davvisámegiella", "en": "English"}
TEXTS = {"says": "the nurse reads", "tells": "the patient reads", "nurse": "the nurse does"}
KINDS = {
    "boolean": {"nb": "ja; nei", "en": "yes; no"},
    "text": {"nb": "fritekst", "en": "free text"},
    "string": {"nb": "fritekst", "en": "free text"},
    "integer": {"nb": "et helt tall", "en": "a whole number"},
    "decimal": {"nb": "et tall", "en": "a number"},
    "display": {"nb": "(vises bare)", "en": "(shown only)"},
}
SIGNED = ("clinical owner", "nurse", "second physician")
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"

Form = Mapping[str, Any]


def page(programme: Programme) -> str:
    return "\n".join(_lines(programme)) + "\n"


def is_approved(programme: Programme) -> str:
    if not programme.approved_by:
        return "nobody yet: every number is a default to be reviewed"
    when = f", {programme.approved_on}" if programme.approved_on else ""
    return f"{programme.approved_by}{when}"


def _lines(programme: Programme) -> Iterator[str]:
    yield f"# {programme.names.en} ({programme.names.nb}), version {programme.version}"
    yield ""
    yield f"Approved by: {is_approved(programme)}."
    yield f"A reading counts as late after {span(programme.late_after)}."
    if programme.stg:
        yield f"Reported under {', '.join(programme.stg)}."
    if programme.sensitive:
        yield "Sensitive: stricter access, and its name is not shown on a phone."
    yield ""
    tags = "; ".join(f"**{tag}** {meaning}" for tag, meaning in EVIDENCE.items())
    yield f"Evidence: {tags}."
    yield ""
    yield from _texts({"purpose": programme.purpose, "not for": programme.misuse})
    yield "## Rules"
    yield ""
    for group in programme.groups:
        yield f"### {group.name}"
        yield ""
        for rule in group.rules:
            yield from _rule(rule, programme)
    yield from _handled(programme)
    yield from _limits(programme.limits)
    yield from _plan(programme.plan)
    yield from _forms(programme)
    yield from _undecided(programme)
    yield "## Sources"
    yield ""
    yield from (f"- {source}" for source in programme.sources)
    yield ""
    yield from _signatures(programme)


def _rule(rule: Rule, programme: Programme) -> Iterator[str]:
    yield f"#### `{rule.id}`: {_colour(rule)}"
    yield ""
    yield f"Speaks when {words(rule, programme)}{retake(rule)}."
    yield ""
    yield from (f"- {line}" for line in _numbers(rule, programme))
    yield f"- Source: {rule.source} (**{rule.evidence}** {EVIDENCE[rule.evidence]})"
    yield ""
    yield from _texts({title: getattr(rule, name) for name, title in TEXTS.items()})


def _handled(programme: Programme) -> Iterator[str]:
    yield "## How long a person's word holds, and what a rule closes"
    yield ""
    yield from (f"- {line}" for line in life(programme.life))
    if programme.trial is not None:
        yield f"- {trial(programme.trial)}"
    yield ""
    for case in programme.handled:
        yield f"#### `{case.id}`: closed by rule"
        yield ""
        yield (
            f"A yellow from {', '.join(f'`{one}`' for one in case.rules)}, which nobody has "
            f"touched, is closed when {handled(case)}. Nothing else clinical may be open. "
            f"{programme.handled_sample} % are left open for a person to look at."
        )
        yield ""
        yield f"- Source: {case.source} (**{case.evidence}** {EVIDENCE[case.evidence]})"
        yield ""
        yield from _texts({"the history says": case.says})


def _colour(rule: Rule) -> str:
    colour: str = rule.colour
    if rule.emergency:
        colour += ", emergency"
    return f"{colour}, technical" if rule.lane == "technical" else colour


def _numbers(rule: Rule, programme: Programme) -> Iterator[str]:
    """The limits of the rule, each with where it may be set."""
    named = dict.fromkeys((*limits_of(rule), str(getattr(rule, "per", ""))))
    for name in named:
        limit = programme.limit_by_name.get(name)
        if limit is not None:
            yield (
                f"`{name}`: {_default(limit)}, may be set from {_plain(limit.min)} to "
                f"{_plain(limit.max)} {limit.ucum}; {limit.source} (**{limit.evidence}**)"
            )


def _limits(limits: Iterable[Limit]) -> Iterator[str]:
    yield "## Limits a clinician may set for one patient"
    yield ""
    yield from _table(
        ("limit", "bokmål", "English", "default", "from", "to", "ucum", "source", "evidence"),
        (
            (
                f"`{one.name}`", one.names.nb, one.names.en, _default(one), _plain(one.min),
                _plain(one.max), one.ucum, one.source, one.evidence,
            )
            for one in limits
        ),
    )  # fmt: skip


def _plan(plan: Iterable[PlanItem]) -> Iterator[str]:
    yield "## Expected, unless the enrolment has its own plan"
    yield ""
    yield from _table(
        ("bokmål", "English", "what", "when", "from", "due", "grace"),
        (
            (
                one.names.nb, one.names.en, f"`{one.kind}`", _when(one), f"{one.opens:%H:%M}",
                f"{one.due:%H:%M}", span(one.grace),
            )
            for one in plan
        ),
    )  # fmt: skip


def _when(item: PlanItem) -> str:
    if item.on_day is not None:
        return f"once, on day {item.on_day}"
    days = "every day" if item.days == DAYS else ", ".join(item.days)
    return days if item.every_weeks == 1 else f"{days}, every {item.every_weeks} weeks"


def _forms(programme: Programme) -> Iterator[str]:
    yield "## Forms"
    yield ""
    for form in programme.questionnaires:
        titles = _said(form, "title")
        yield f"### {titles['nb']} / {titles['en']} (`{form.get('id')}`, {form.get('version')})"
        yield ""
        yield from _table(
            ("question", "bokmål", "English", "answers, bokmål", "answers, English"),
            map(_question, _items(form)),
        )
    known = instruments.load_all()
    for name in programme.instruments:
        if (one := known.get(name)) is not None:
            yield f"- {one.name}: {one.measures.nb} / {one.measures.en}"
    if programme.instruments:
        yield ""
    elif not programme.questionnaires:
        yield "None."
        yield ""


def _undecided(programme: Programme) -> Iterator[str]:
    if not programme.undecided:
        return
    yield "## For the clinician to decide"
    yield ""
    yield from _table(
        ("about", "bokmål", "English", "evidence", "decided"),
        (
            (
                ", ".join(f"`{name}`" for name in one.about), one.asks.nb, one.asks.en,
                one.evidence, "",
            )
            for one in programme.undecided
        ),
    )  # fmt: skip


def _question(item: Form) -> tuple[str, ...]:
    asked = _said(item, "text")
    offered = [
        (_said(coding, "display"), coding.get("code"))
        for option in item.get("answerOption", ())
        for coding in [option.get("valueCoding", {})]
    ]
    open_ = KINDS.get(str(item.get("type")), {"nb": "", "en": ""})
    answers = [
        "; ".join(f"{said[language]} (`{code}`)" for said, code in offered) or open_[language]
        for language in ("nb", "en")
    ]
    return (f"`{item.get('linkId')}`", asked["nb"], asked["en"], *answers)


def _items(form: Form) -> Iterator[Form]:
    for item in form.get("item", ()):
        yield item
        yield from _items(item)


def _said(thing: Form, name: str) -> dict[str, str]:
    """A text of a form in bokmål and English; what is not translated is the same in both."""
    said = {"nb": str(thing.get(name, "")), "en": str(thing.get(name, ""))}
    for extension in thing.get(f"_{name}", {}).get("extension", ()):
        if extension.get("url") == TRANSLATION:
            parts = {part.get("url"): part for part in extension.get("extension", ())}
            language = parts.get("lang", {}).get("valueCode")
            said[str(language)] = str(parts.get("content", {}).get("valueString", ""))
    return said


def _signatures(programme: Programme) -> Iterator[str]:
    yield "## Signatures"
    yield ""
    yield (
        f"I have read every rule, limit, form and text of version {programme.version} and approve "
        "them for use in our hospital, with the changes noted here."
    )
    yield ""
    yield from _table(
        ("role", "name", "date", "signature"), ((role, "", "", "") for role in SIGNED)
    )
    yield (
        "Whoever is responsible writes the name and the date into `approved_by` and `approved_on` "
        "of `programme.toml`; in production only an approved version is activated."
    )


def _texts(texts: Mapping[str, Text]) -> Iterator[str]:
    """Texts in all the languages they are in, side by side."""
    said = {title: text.model_dump() for title, text in texts.items()}
    languages = [one for one in LANGUAGES if any(text.get(one) for text in said.values())]
    yield from _table(
        ("", *(LANGUAGES[one] for one in languages)),
        ((title, *(text.get(one) or "" for one in languages)) for title, text in said.items()),
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = tuple(head)
    yield _cells(names)
    yield _cells("---" for _ in names)
    yield from map(_cells, rows)
    yield ""


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(one.replace("|", "\\|").split()) for one in cells) + " |"


def _default(limit: Limit) -> str:
    return "to be set for each patient" if limit.default is None else _plain(limit.default)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
