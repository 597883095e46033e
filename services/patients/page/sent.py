"""What was sent, as a person reads it: values, answers, faults and where they stand. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.patients.measured.reasons import REASONS
from services.patients.page import words, written
from services.patients.page.words import Words
from shared import exact, kinds
from shared.contracts import Code
from shared.ledger import Quarantined

View = dict[str, Any]

MOST = 4_000  # characters of what was sent
_NUMBER = re.compile(r'"\\u0000([^"]*?)\\u0000"')  # with the digits that were sent, not a float's
_PLACE = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def reason(code: Code, lang: str) -> str:
    nb, en = REASONS[code]
    return en if lang == "en" else nb


def readings(item: Quarantined, t: Words, lang: str) -> list[View]:
    """What was read of it: name, and each value with its unit and what was sent originally."""
    return [_reading(d, t, lang) for d in item.drafts or () if d["type"] != "answers"]


def _reading(draft: Mapping[str, Any], t: Words, lang: str) -> View:
    kind, body = kinds.CATALOGUE.get(draft["kind"]), draft["body"]
    rows: list[tuple[str, str]] = []
    for name, value in (body.get("values") or {}).items():
        of = kind.fields.get(name) if kind else None
        said = written.quantity(of, value, t, lang) if of else str(value)
        was = (body.get("original") or {}).get(name)
        if was:
            said += f" ({t['setup']['held']['sent_as'].format(n=was['value'], unit=was['unit'])})"
        rows.append((written.field_name(of, lang) if of else name, said))
    for name in ("state", "battery", "note", "site"):
        if body.get(name) is not None:
            rows.append((t["setup"]["held"]["fields"].get(name, name), str(body[name])))
    device = body.get("device") or {}
    sold_as = " ".join(str(device[key]) for key in ("manufacturer", "model") if device.get(key))
    if sold_as:
        rows.append((t["setup"]["held"]["fields"]["device"], sold_as))
    called = written.name(draft["kind"], lang) if kind else t["setup"]["held"]["types"].get(
        draft["type"], draft["kind"])  # fmt: skip
    line = f"{called} {', '.join(value for _, value in rows[:2])}".strip()
    return {"name": called, "rows": rows, "line": line}


def answered(item: Quarantined, forms: Mapping[str, Any], t: Words, lang: str) -> list[View]:
    """Answers beside their questions, as far as the form is known here."""
    found = []
    for draft in item.drafts or ():
        if draft["type"] == "answers":
            body = draft["body"]
            form = forms.get(str(body.get("questionnaire")), {})
            asked = dict(_questions(form.get("item", ()), lang))
            rows = [
                (asked.get(link, link), ", ".join(_answer(one, t) for one in given))
                for link, given in (body.get("answers") or {}).items()
            ]
            name = words.of_form(form, "title", lang) or str(body.get("questionnaire"))
            found.append({"name": name, "rows": rows, "line": name})
    return found


def _questions(items: Iterable[Mapping[str, Any]], lang: str) -> Iterator[tuple[str, str]]:
    for item in items:
        yield str(item["linkId"]), words.of_form(item, "text", lang)
        yield from _questions(item.get("item", ()), lang)


def _answer(value: object, t: Words) -> str:
    if isinstance(value, bool):
        return str(t["setup"]["held"]["yes" if value else "no"])
    return str(value)


def faults(item: Quarantined, sent: str | None, lang: str) -> Iterator[View]:
    document = _document(sent) if sent else None
    for fault in item.errors:
        stood = stood_there(document, fault.path)
        yield {"path": fault.path, "says": reason(fault.code, lang), "stood": stood}


def stood_there(document: Any, path: str) -> str:
    """What stands at such a place of what was sent, where it is one value."""
    found = document
    for name, place in _PLACE.findall(path):
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and (place or name).isdigit():
            index = int(place or name)
            found = found[index] if index < len(found) else None
        else:
            return ""
    return "" if found is None or isinstance(found, Mapping | list) else str(found)[:100]


def text(item: Quarantined) -> str | None:
    try:
        return item.raw.decode() or None
    except UnicodeDecodeError:
        return None


def payload(item: Quarantined) -> str:
    """What a gateway said, without the topic that is kept around it."""
    kept = _document(text(item) or "")
    return str(kept.get("payload", "")) if isinstance(kept, Mapping) else ""


def _document(sent: str) -> Any:
    try:
        return exact.loads(sent.encode())
    except exact.Unreadable:
        return None


def pretty(sent: str) -> str:
    document = _document(sent)
    if document is None:
        return sent.replace("\r", "\n")[:MOST]
    text = json.dumps(document, ensure_ascii=False, indent=2, default=lambda n: f"\0{n}\0")
    return _NUMBER.sub(r"\1", text)[:MOST]
