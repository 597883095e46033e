"""What is wrong with the texts of a programme's rules: empty, braces, no number to call."""

import string
from collections.abc import Iterator, Mapping

from shared.programmes.parts import EMERGENCY
from shared.programmes.schema import Programme

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


def texts(programme: Programme) -> Iterator[str]:
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


def _braces(text: str) -> set[str] | None:
    """The names in braces, or None where a brace is not closed or holds more than a name."""
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError:
        return None
    if any(spec or conversion for _, name, spec, conversion in parsed if name is not None):
        return None
    return {name for _, name, _, _ in parsed if name is not None}
