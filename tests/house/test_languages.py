"""A text is in the language it is labelled with: no bokmål under the name of nynorsk or Sámi."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.alerts import telling
from services.alerts.delivery import message
from shared import crisis, programmes
from shared.contracts import Alarm, Watch
from shared.programmes import EMERGENCY, SHIPPED, signing

# Forms that are bokmål and not nynorsk; and letters that every longer Northern Sámi text has.
BOKMAL = re.compile(
    r"\b(ikke|hvis|noen|mye|bare|hva|hvem|hvordan|hvor|fra|være|jeg|gjør|kommer|sendes|"
    r"uke|uker|dager|målinger|pasienten|svarene|ennå|sykehus)\b", re.IGNORECASE
)  # fmt: skip
SAMI = re.compile(r"[áčđŋšŧž]")
A_NAME = 45  # so short a text may be the same in both


def labelled(said: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every text in several languages, wherever it stands."""
    if isinstance(said, Mapping):
        if isinstance(said.get("nb"), str):
            yield place, {k: v for k, v in said.items() if isinstance(v, str)}
        else:
            for key, one in said.items():
                yield from labelled(one, f"{place}.{key}")
    elif isinstance(said, list | tuple):
        for n, one in enumerate(said):
            yield from labelled(one, f"{place}.{n}")


def everything() -> list[tuple[str, Mapping[str, str]]]:
    found = [("EMERGENCY", dict(EMERGENCY))]
    for slug, programme in programmes.load_all().items():
        found += labelled(programme.model_dump(), slug)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for watched in (Watch(now=True, until=now), Watch(now=False, next=now + timedelta(hours=1))):
        for alarm in (Alarm("phq-9", ("item-9",), True), Alarm("daily", ("effluent",), False)):
            if (told := crisis.told(alarm, watched)) is not None:
                said = {"nb": told.nb, "nn": told.nn, "en": told.en}
                found.append((f"crisis {alarm}", said))
    words = message.TEXTS
    found.append(("reminder", {k: words[k]["reminder"] for k in words if "reminder" in words[k]}))
    return found


TEXTS = everything()


def test_there_are_texts_in_nynorsk_to_look_at() -> None:
    assert sum("nn" in text for _, text in TEXTS) > 60


@pytest.mark.parametrize(("place", "text"), TEXTS, ids=[place for place, _ in TEXTS])
def test_a_text_is_in_the_language_it_is_labelled_with(place: str, text: Mapping[str, str]) -> None:
    assert set(text) <= set(signing.LANGUAGES)
    if (nynorsk := text.get("nn")) and place != "EMERGENCY":
        assert nynorsk != text["nb"] or len(nynorsk) <= A_NAME
        assert BOKMAL.search(nynorsk) is None
    if sami := text.get("se"):
        assert sami != text["nb"]
        assert SAMI.search(sami)


def test_no_translation_of_a_form_is_labelled_as_what_it_is_not() -> None:
    for path in SHIPPED.rglob("*.questionnaire.json"):
        for code in re.findall(r'"valueCode": "(\w+)"', path.read_text()):
            assert code not in ("nn", "se", "smj", "sma"), path
        assert json.loads(path.read_text()).get("language", "nb") == "nb"


@pytest.mark.parametrize("asked", ["nn", "nn-NO", "se", "smj", "no", "de", ""])
def test_a_language_we_do_not_have_is_answered_as_bokmal_by_name(asked: str) -> None:
    assert telling.language(asked) == "nb"
