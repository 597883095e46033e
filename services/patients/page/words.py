"""The words of the patient's page: one file per language, the same keys in each."""

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.programmes import Text

TEXTS = Path(__file__).parent.parent / "texts"
LANGUAGES = ("nb", "en")
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"

Words = Mapping[str, Any]


@functools.cache
def words(lang: str) -> Words:
    chosen = lang if lang in LANGUAGES else LANGUAGES[0]
    return tomllib.loads((TEXTS / f"{chosen}.toml").read_text("utf-8"))


def count(forms: Mapping[str, str], n: int, **more: object) -> str:
    """ "1 måling", "4 målinger"."""
    return forms["one" if n == 1 else "many"].format(n=n, **more)


def say(text: Text | Mapping[str, Any], lang: str) -> str:
    """A text that came with a programme or an alert."""
    if isinstance(text, Text):
        return text.en if lang == "en" else text.nb
    return str(text.get(lang) or text.get("nb") or "")


def of_form(element: Mapping[str, Any], key: str, lang: str) -> str:
    """A text of a FHIR Questionnaire: its own language, or the translation beside it."""
    for extension in element.get(f"_{key}", {}).get("extension", ()):
        if extension.get("url") == TRANSLATION:
            said = {each.get("url"): each for each in extension.get("extension", ())}
            if said.get("lang", {}).get("valueCode") == lang:
                return str(said.get("content", {}).get("valueString", ""))
    return str(element.get(key) or "")
