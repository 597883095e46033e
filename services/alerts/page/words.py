"""The words of the page: one file per language, the same keys in each."""

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared import kinds

TEXTS = Path(__file__).parent.parent / "texts"
LANGUAGES = ("nb", "en")

# How a rule names an answer: the form as kind, the question as field.
FORM = "answers:"

Words = Mapping[str, Any]


@functools.cache
def words(lang: str) -> Words:
    """Every word in this language; Norwegian for a language we do not have."""
    chosen = lang if lang in LANGUAGES else LANGUAGES[0]
    return tomllib.loads((TEXTS / f"{chosen}.toml").read_text("utf-8"))


def say(text: object, lang: str) -> str:
    """A text that came with the data: plain, or one per language (`{"nb": …, "en": …}`)."""
    if isinstance(text, Mapping):
        return str(text.get(lang) or text.get("nb") or next(iter(text.values()), ""))
    return "" if text is None else str(text)


def count(forms: Mapping[str, str], n: int, **more: object) -> str:
    """ "1 rød", "4 røde"."""
    return forms["one" if n == 1 else "many"].format(n=n, **more)


def kind(t: Words, name: str, field: str = "value") -> str:
    """What is measured, as a nurse says it; a name nobody knows is shown as it came."""
    known = kinds.CATALOGUE.get(name)
    lang = t["page"]["lang"]
    if name.startswith(FORM):
        return f"{t['kinds']['questionnaire']}: {field.replace('-', ' ')}"
    whole = t["kinds"].get(name) or (known and getattr(known, lang)) or name.replace("_", " ")
    if field == "value":
        return str(whole)
    part = known.fields.get(field) if known else None
    return str(getattr(part, lang)) if part else f"{whole}, {field.replace('_', ' ')}"


def ucum(name: str, field: str) -> str | None:
    """The unit values of this field are stored in."""
    known = kinds.CATALOGUE.get(name)
    part = known.fields.get(field) if known else None
    return part.ucum if part else None


def code(t: Words, group: str, value: str) -> str:
    return str(t["codes"].get(group, {}).get(value, value))
