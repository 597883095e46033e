"""Pure: what an implant has transmitted: reports with their figures, events in the programme's own
words, and the documents that came the same day."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.alerts import telling
from services.alerts.clinical import samples
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import WHOLE, Sample
from shared import attachments, kinds
from shared.contracts import Fact
from shared.programmes import CodedRule, Programme

Json = dict[str, Any]

REPORT, EVENT, CONNECTION = "cied_report", "cied_event", "cied_connection"
SHOWN = 8
OSLO = ZoneInfo("Europe/Oslo")
NEAR = timedelta(days=1)  # a document this near belongs to the transmission
RANK = {"red": 0, "yellow": 1, "green": 2}


def of_record(record: Record, programme: Programme, sent: list[Fact], now: datetime) -> Json | None:
    """None where the programme reads of no implant."""
    reads = {source.kind for one in programme.inputs for source in one.sources}
    if REPORT not in reads and EVENT not in reads:
        return None
    said = _said(programme)
    every = [
        *record.series((REPORT, WHOLE)).all.samples,
        *record.series((EVENT, WHOLE)).all.samples,
    ]
    every.sort(key=lambda one: one.at, reverse=True)
    documents = [one for one in sent if one.body["file"]["media_type"] == attachments.PDF]
    held: set[str] = set()
    rows = []
    for sample in every[:SHOWN]:
        near = [
            one for one in documents if abs(one.at - sample.at) <= NEAR and str(one.id) not in held
        ]
        held |= {str(one.id) for one in near}
        rows.append(_transmission(sample, said, near))
    connection = record.series((CONNECTION, "value")).all.samples
    return {
        "transmissions": rows,
        "of": len(every),
        "connection": {"code": connection[-1].value, "at": telling.iso(connection[-1].at)}
        if connection
        else None,
    }


def _said(programme: Programme) -> Mapping[str, tuple[str, Json]]:
    """For each event code the colour and the words of the programme's gravest rule on it."""
    found: dict[str, tuple[str, Json]] = {}
    for rule in programme.rules:
        if not isinstance(rule, CodedRule) or "{" in rule.says.nb:
            continue
        if EVENT not in {one.kind for one in programme.input_by_name[rule.input].sources}:
            continue
        for code in rule.codes:
            known = found.get(str(code))
            if known is None or RANK[rule.colour] < RANK[known[0]]:
                found[str(code)] = (rule.colour, {"nb": rule.says.nb, "en": rule.says.en})
    return found


def _transmission(
    sample: Sample, said: Mapping[str, tuple[str, Json]], documents: list[Fact]
) -> Json:
    fact = sample.fact
    values: Mapping[str, Any] = fact.body["values"]
    code = str(values.get("value", "")) if sample.kind == EVENT else ""
    colour, words = said.get(code, ("", {"nb": code, "en": code}))
    of = kinds.CATALOGUE[sample.kind]
    return {
        "fact": str(fact.id),
        "at": telling.iso(samples.over(sample)),
        "event": {"colour": colour or None, "says": words} if code else None,
        "figures": [
            {
                "label": {"nb": part.nb, "en": part.en},
                "value": _plain(values[name]),
                "ucum": part.ucum,
            }
            for name, part in of.fields.items()
            if name in values and not code
        ],
        "documents": [{"fact": str(one.id), "at": telling.iso(one.at)} for one in documents],
        "note": fact.body.get("note"),
    }


def _plain(value: Any) -> Decimal | str:
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return str(value)
