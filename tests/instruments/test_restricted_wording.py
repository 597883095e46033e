"""No wording that its owner keeps lies in this repository.

Two nets. A questionnaire of a restricted instrument has no words, whatever file it is in. And no
file holds five words in a row that stand in a restricted one: what is kept here to compare with is
keyed hashes of such rows, from which nobody can read the wording back.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.instruments.given import INSTRUMENTS

ROOT = Path(__file__).parents[2]
FETCHED = {"node_modules", "vendor", "build", "__pycache__"}  # and what begins with a dot
SUFFIXES = {".py", ".json", ".toml", ".md", ".html", ".js", ".css", ".sql", ".txt", ".yml", ".svg"}
HASHES = Path(__file__).with_name("restricted.blake2b")
KEY = b"hjemvakt restricted wording"
ROW = 5

RESTRICTED = {
    re.sub(r"[^a-z0-9]", "", name)
    for one in INSTRUMENTS.values()
    if one.licence.may_ship != "yes"
    for name in (one.slug, *one.also_called)
}


def test_no_questionnaire_of_a_restricted_instrument_has_words() -> None:
    faults = [
        path.relative_to(ROOT).as_posix()
        for path in _files(ROOT)
        if path.suffix == ".json"
        for form in _questionnaires(_read(path))
        if _is_restricted(form) and _has_words(form)
    ]
    assert not faults


def test_no_file_holds_a_row_of_words_from_a_restricted_one() -> None:
    known = _known()
    faults = [
        path.relative_to(ROOT).as_posix()
        for path in _files(ROOT)
        if known & set(_rows(path.read_text(encoding="utf-8")))
    ]
    assert not faults


def test_the_first_net_catches() -> None:
    item = {"linkId": "1", "text": "Anything at all"}
    group = {"resourceType": "Questionnaire", "item": [{"linkId": "g", "item": [item]}]}
    for name in ({"id": "ess"}, {"url": "https://x.example/Questionnaire/EQ-5D-5L|1"},
                 {"name": "HADS"}, {"title": "Epworth Sleepiness Scale"}):  # fmt: skip
        assert _is_restricted(group | name)
    assert _has_words(group)
    shown = {"answerOption": [{"valueCoding": {"code": "0", "display": "Anything"}}]}
    assert _has_words({"item": [{"linkId": "1"} | shown]})
    assert not _is_restricted(group | {"id": "phq-9"})
    bundle = {"resourceType": "Bundle", "entry": [{"resource": group}]}
    assert list(_questionnaires(bundle)) == [group]


def test_the_second_net_catches() -> None:
    made_up = "Hvor ofte synger du for sauene dine?"
    row = set(_rows(made_up))
    assert len(row) == 3
    assert row & set(_rows(f"x = “{made_up.upper()}”\n"))
    assert not row & set(_rows("Hvor ofte mater du sauene dine?"))
    assert len(_known()) > 500
    assert all(re.fullmatch(r"[0-9a-f]{24}", one) for one in _known())


def _known() -> set[str]:
    return set(HASHES.read_text().split())


def _rows(text: str) -> Iterator[str]:
    words = re.findall(r"[^\W_]+", text.casefold())
    for start in range(len(words) - ROW + 1):
        row = " ".join(words[start : start + ROW]).encode()
        yield hashlib.blake2b(row, key=KEY, digest_size=12).hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in FETCHED or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.suffix in SUFFIXES:
            yield path


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _questionnaires(said: Any) -> Iterator[dict[str, Any]]:
    """Every Questionnaire in a file, in bundles and contained ones too."""
    if isinstance(said, dict):
        if said.get("resourceType") == "Questionnaire":
            yield said
        for value in said.values():
            yield from _questionnaires(value)
    elif isinstance(said, list):
        for value in said:
            yield from _questionnaires(value)


def _is_restricted(form: dict[str, Any]) -> bool:
    url = str(form.get("url", "")).partition("|")[0].rpartition("/")[2]
    names = (form.get("id"), url, form.get("name"), form.get("title"))
    return any(re.sub(r"[^a-z0-9]", "", str(name or "").lower()) in RESTRICTED for name in names)


def _has_words(form: Any) -> bool:
    items = form.get("item", ())
    return any(
        item.get("text")
        or any(option.get("valueCoding", {}).get("display") for option in _options(item))
        or _has_words(item)
        for item in items
    )


def _options(item: Any) -> Any:
    return item.get("answerOption", ())
