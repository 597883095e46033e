"""The patient's page in nynorsk: complete, nynorsk all through, and plain about what is bokmål."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.patients.page import words
from shared.programmes import Text
from tests.house.test_languages import BOKMAL

STAFF = "setup"
# What one language says of another that it stands in for.
ABOUT_OTHERS = re.compile(r"^(page\.fallback|about\.instead)\.")
# Forms of bokmål beyond those that the house looks for.
MORE = re.compile(
    r"\b(nå|noe|svarene|bilde|skjemaet finnes|enheten|ennå|fortsatt|dårligere|gjelder|leses|sier|"
    r"velg|skriver du|trenger|følges|hos deg selv|sykepleier|også)\b",
    re.IGNORECASE,
)


def leaves(said: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(said, Mapping):
        for key, one in said.items():
            yield from leaves(one, f"{place}.{key}".removeprefix("."))
    else:
        yield place, said


def of(lang: str) -> dict[str, Any]:
    return {
        place: said
        for place, said in leaves(words.words(lang))
        if not place.startswith(f"{STAFF}.") and not ABOUT_OTHERS.match(place)
    }


def test_it_says_all_that_the_bokmal_says_with_the_same_gaps_to_fill() -> None:
    nb, nn = of("nb"), of("nn")
    assert nn.keys() == nb.keys()
    for place, said in nb.items():
        assert re.findall(r"\{\w*\}", str(nn[place])) == re.findall(r"\{\w*\}", str(said)), place
    assert STAFF not in words.words("nn")


def test_it_is_nynorsk_and_not_bokmal() -> None:
    for place, said in of("nn").items():
        found = BOKMAL.search(str(said)) or MORE.search(str(said))
        assert found is None, (place, found)


def test_what_a_programme_has_no_nynorsk_for_is_bokmal_and_the_page_says_so() -> None:
    both = Text(nb="Vekt hver dag", en="Weight every day", nn="Vekt kvar dag")
    assert words.say(both, "nn") == "Vekt kvar dag"
    assert words.say(both.model_copy(update={"nn": None}), "nn") == "Vekt hver dag"
    assert words.say({"nb": "Ring oss", "en": "Call us"}, "nn") == "Ring oss"
    t = words.words("nn")
    for said in (t["page"]["fallback"], t["about"]["instead"]):
        [note] = words.not_translated(said, "nn", "nn")
        assert "bokmål" in note
    assert "morsmål" in t["about"]["instead"]["nn"] or "hovudmål" in t["about"]["instead"]["nn"]


def test_a_patient_whose_language_is_sami_is_told_in_each_language_what_the_page_is_in() -> None:
    assert len(list(words.not_translated(words.words("nb")["about"]["instead"], "se", "nb"))) == 1
    assert len(list(words.not_translated(words.words("nn")["about"]["instead"], "se", "nn"))) == 2
    assert list(words.not_translated(words.words("nb")["about"]["instead"], "nn", "nb")) == []
